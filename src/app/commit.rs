//! `commit`: an image of a container as it is now.

use crate::app::error::{AppError, Result};
use crate::app::wiring::Engine;
use crate::driver::image::CommitRequest;
use crate::model::observed::Container;

/// Makes the image; returns its id.
pub async fn commit(engine: &Engine, container: &Container, request: &CommitRequest) -> Result<String> {
    Ok(engine.images.commit(&container.id, request).await?)
}

/// A reference without a tag means `latest`; one by digest names what is there, and nothing can be called so.
pub fn reference(text: &str) -> Result<String> {
    if text.contains('@') {
        return Err(AppError::usage(format!("{text}: an image can't be given a digest"))
            .help("name a repository and a tag, such as shop/web:before"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_no_name_for_a_new_image() {
        assert_eq!(reference("r.example:5000/shop/web").unwrap(), "r.example:5000/shop/web");
        assert!(matches!(reference("shop@sha256:00"), Err(AppError::Usage { .. })));
    }
}
