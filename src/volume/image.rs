//! The helper's image: made once for each devup, named by what is in it.

use std::io::Seek as _;
use std::path::Path;

use super::error::{Result, VolumeError};
use super::program::{self, INSIDE};
use crate::driver::image::ImageDriver;
use crate::model::labels;
use crate::model::repository;

/// Helpers' images that are older are removed when a new one is made: they are another devup's.
const OLD: i64 = 24 * 60 * 60;

/// Makes sure that the image is there; returns its reference.
pub(super) async fn ensure(images: &dyn ImageDriver, program: &Path, now: i64) -> Result<String> {
    let attempt = "making the image of devup's helper";
    let files = program::files(program).await?;
    let digest = files.digest().map_err(|error| VolumeError::failed(attempt, error))?;
    let reference = format!("{}:{}", repository::HELPERS, digest.short(16));
    if images.image(&reference).await?.is_some() {
        return Ok(reference);
    }
    let mut archive = tempfile::tempfile().map_err(|error| VolumeError::failed(attempt, error))?;
    files.archive(&mut archive).and_then(|()| archive.rewind()).map_err(|error| VolumeError::failed(attempt, error))?;
    let changes = [
        format!("LABEL {}={}", labels::OWNER, env!("CARGO_PKG_VERSION")),
        format!("LABEL {}=helper", labels::HELPER),
        format!("ENTRYPOINT [\"/{INSIDE}\"]"),
    ];
    images.import(&reference, Box::new(tokio::fs::File::from_std(archive)), &changes).await?;
    remove_old(images, &reference, now).await;
    Ok(reference)
}

/// What is in use or gone stays as it is: nothing depends on this.
async fn remove_old(images: &dyn ImageDriver, kept: &str, now: i64) {
    let known = images.images(Some(labels::HELPER)).await.unwrap_or_default();
    for image in known.iter().filter(|image| image.created + OLD < now) {
        for tag in image.tags.iter().filter(|tag| *tag != kept && repository::holds(repository::HELPERS, tag)) {
            let _ = images.remove_image(tag, false).await;
        }
    }
}
