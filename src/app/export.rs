//! `export`: a container's files as one archive, to a stream or a file that is whole or not there.

use std::io::Write;
use std::path::Path;

use futures_util::StreamExt;

use crate::app::error::{AppError, Result};
use crate::app::wiring::Engine;
use crate::model::observed::Container;

/// Writes the archive.
pub async fn to_stream(engine: &Engine, container: &Container, write: &mut (dyn Write + Send)) -> Result<()> {
    let mut pieces = engine.sessions.export(&container.id).await?;
    while let Some(piece) = pieces.next().await {
        write.write_all(&piece?).map_err(|source| AppError::io("writing the archive", source))?;
    }
    write.flush().map_err(|source| AppError::io("writing the archive", source))
}

/// Writes it to a file, readable for its owner only. One that is there stays as it is until the new one is complete.
pub async fn to_file(engine: &Engine, container: &Container, path: &Path) -> Result<()> {
    let broken = |source| AppError::io(format!("writing {}", path.display()), source);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(broken)?;
    to_stream(engine, container, &mut file).await?;
    file.as_file().sync_all().map_err(broken)?;
    file.persist(path).map_err(|error| broken(error.error))?;
    Ok(())
}
