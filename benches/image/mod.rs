//! Puts an archive of files on the engine as an image.

use bollard::{Docker, query_parameters as query};
use futures_util::StreamExt;

/// Imports `archive` as `image`, which is NAME:TAG.
pub async fn import(docker: &Docker, image: &str, archive: Vec<u8>) {
    let (repo, tag) = image.split_once(':').expect("a tag");
    let options = query::CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some(repo.to_owned()),
        tag: Some(tag.to_owned()),
        ..Default::default()
    };
    let mut steps = docker.create_image(Some(options), Some(bollard::body_full(archive.into())), None);
    while let Some(step) = steps.next().await {
        step.expect("the import succeeds");
    }
}
