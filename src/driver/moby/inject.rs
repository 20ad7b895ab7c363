//! Files for a container that does not run yet, as the archive that the engine unpacks at its root.

use std::io;

use crate::model::container::InjectedFile;

/// The archive. Parent folders are left to the engine, which makes them where they are missing.
pub(super) fn archive(files: &[InjectedFile]) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.content.len() as u64);
        header.set_mode(file.mode);
        header.set_uid(file.uid);
        header.set_gid(file.gid);
        header.set_mtime(0);
        builder.append_data(&mut header, file.target.trim_start_matches('/'), file.content.as_slice())?;
    }
    builder.into_inner()
}
