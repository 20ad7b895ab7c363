//! Named contexts (`additional_contexts`): what `FROM NAME`, `COPY --from=NAME` and `--mount=from=NAME` mean in a
//! Dockerfile instead of a stage or an image. Folders travel as archives; images and addresses the engine gets by itself.

use std::collections::HashMap;
use std::path::PathBuf;

use bollard_buildkit_proto::pb::{Definition, Platform};
use serde_json::{Value, json};

use super::super::http::segment;
use super::super::{Moby, reference};
use super::context::Context;
use super::request::is_remote;
use super::upload::Archives;
use super::{definition, private_name};
use crate::base::ignore::Ignore;
use crate::driver::error::{DriverError, Result};
use crate::driver::image::BuildRequest;

/// The scheme of an image, as Compose and the builder write it.
pub(super) const IMAGE: &str = "docker-image://";

/// What the builder is told of the named contexts.
#[derive(Default)]
pub(super) struct Named {
    pub(super) attributes: HashMap<String, String>,
    pub(super) inputs: HashMap<String, Definition>,
}

/// Finds them. Folders are added to the archives.
pub(super) async fn named(
    moby: &Moby,
    attempted: &str,
    request: &BuildRequest,
    archives: &mut Archives,
) -> Result<Named> {
    let mut named = Named::default();
    for (name, source) in &request.build.additional_contexts {
        let key = familiar(name);
        if let Some(reference) = request.images.get(name) {
            let (image, metadata) = own_image(moby, attempted, reference).await?;
            named.attributes.insert(format!("input-metadata:{key}"), metadata);
            named.put(key, image);
        } else if source.starts_with(IMAGE) || is_remote(source) {
            named.attributes.insert(format!("context:{key}"), fetched(source));
        } else {
            let context = folder(source).map_err(|reason| DriverError::Failed {
                attempted: attempted.to_owned(),
                reason: format!("additional_contexts: {name}: {reason}"),
            })?;
            let address = archives.add(context);
            named.put(key, definition::unpacked(&address, &format!("[context {name}] load {source}")));
        }
    }
    Ok(named)
}

impl Named {
    fn put(&mut self, key: String, definition: Definition) {
        self.attributes.insert(format!("context:{key}"), format!("input:{key}"));
        self.inputs.insert(key, definition);
    }
}

/// The name as the builder looks for it: `docker.io/library/debian:latest` is `debian`.
fn familiar(name: &str) -> String {
    let name = name.strip_prefix("docker.io/").map_or(name, |rest| rest.strip_prefix("library/").unwrap_or(rest));
    name.strip_suffix(":latest").unwrap_or(name).to_owned()
}

/// The builder wants a scheme where the classic forms have none.
fn fetched(source: &str) -> String {
    if source.starts_with("github.com/") { format!("https://{source}") } else { source.to_owned() }
}

fn folder(source: &str) -> Result<Context, String> {
    let folder = PathBuf::from(source);
    if !folder.is_dir() {
        return Err(format!("{source} is no folder, image (`{IMAGE}NAME`), service (`service:NAME`) or address"));
    }
    // no Dockerfile of it is built, so that only `.dockerignore` counts
    let ignore = Ignore::of_context(&folder, &private_name(source.as_bytes()))?;
    Ok(Context { folder: Some(folder), ignore, kept: Vec::new(), extra: Vec::new() })
}

/// An image that the engine has: never asked of a registry, whatever is pulled besides.
async fn own_image(moby: &Moby, attempted: &str, reference: &str) -> Result<(Definition, String)> {
    let path = format!("/images/{}/json", segment(reference));
    let seen: Value = moby.http.get(attempted, path).value().await?;
    let text = |key: &str| seen[key].as_str().unwrap_or_default().to_owned();
    let platform = Platform {
        architecture: text("Architecture"),
        os: text("Os"),
        variant: text("Variant"),
        ..Platform::default()
    };
    let image = definition::image(&reference::full(reference), platform);
    Ok((image, metadata(&seen)))
}

/// What a stage on top of the image inherits: variables, user, folder, command.
fn metadata(seen: &Value) -> String {
    use base64::Engine as _;
    let configuration = json!({
        "architecture": seen["Architecture"],
        "os": seen["Os"],
        "config": seen["Config"],
        "rootfs": { "type": "layers", "diff_ids": [] },
    });
    let bytes = base64::engine::general_purpose::STANDARD.encode(configuration.to_string());
    json!({ "containerimage.config": bytes }).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_the_builder_looks_for() {
        for (written, name) in [
            ("lib", "lib"),
            ("debian:latest", "debian"),
            ("docker.io/library/debian:12", "debian:12"),
            ("docker.io/team/app", "team/app"),
            ("registry.example/library/app", "registry.example/library/app"),
        ] {
            assert_eq!(familiar(written), name);
        }
        assert_eq!(fetched("github.com/a/b#main"), "https://github.com/a/b#main");
    }

    #[test]
    fn only_the_folders_own_dockerignore_counts() {
        let folder_ = tempfile::tempdir().unwrap();
        std::fs::write(folder_.path().join(".dockerignore"), "left\n").unwrap();
        let context = folder(folder_.path().to_str().unwrap()).unwrap();
        assert!(context.ignore.excludes("left") && !context.ignore.excludes("kept"));
        let error = folder("/nowhere/at/all").err().unwrap();
        assert!(error.contains("/nowhere/at/all") && error.contains("service:NAME"), "{error}");
    }

    #[test]
    fn a_stage_inherits_what_the_image_says() {
        use base64::Engine as _;
        let seen = json!({"Architecture": "amd64", "Os": "linux", "Config": {"Env": ["A=1"], "User": "me"}});
        let told: Value = serde_json::from_str(&metadata(&seen)).unwrap();
        let bytes = told["containerimage.config"].as_str().unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(bytes).unwrap();
        let image: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!((&image["config"]["User"], &image["os"]), (&json!("me"), &json!("linux")));
    }
}
