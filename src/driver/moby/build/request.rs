//! A build as parameters of `POST /build`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::json;

use super::context::Context;
use super::dockerfile::{self, Origin};
use super::private_name;
use crate::base::ignore::Ignore;
use crate::driver::error::{DriverError, Result};
use crate::driver::features::{EngineKind, Features};
use crate::driver::image::{BuildRequest, Surroundings};
use crate::model::build::Build;
use crate::model::service::Ulimit;

/// Where the context comes from, and which file in it is the Dockerfile.
pub(super) struct Place {
    /// What has to be packed; `None`: the engine fetches the context itself.
    pub(super) context: Option<Context>,
    /// A URL for the engine.
    pub(super) remote: Option<String>,
    /// The Dockerfile's path in the context.
    pub(super) dockerfile: String,
    /// Its first line asks for another version of the language, which is an image.
    pub(super) syntax_line: bool,
    /// Why the steps do without what the host would add.
    pub(super) remark: Option<&'static str>,
}

/// Whether a context is fetched by the engine.
pub(super) fn is_remote(context: &str) -> bool {
    ["http://", "https://", "git://", "ssh://", "git@", "github.com/"].iter().any(|start| context.starts_with(start))
}

/// Finds context, Dockerfile and what is ignored.
pub(super) fn place(attempted: &str, request: &BuildRequest, features: &Features) -> Result<Place> {
    let build = &request.build;
    let named = build.dockerfile.clone().unwrap_or_else(|| "Dockerfile".to_owned());
    if is_remote(&build.context) && !request.without_folder {
        return Ok(Place {
            context: None,
            remote: Some(build.context.clone()),
            dockerfile: named,
            syntax_line: false,
            remark: request.surroundings.as_ref().map(|_| FETCHED_BY_THE_ENGINE),
        });
    }
    let failed = |reason: String| DriverError::Failed { attempted: attempted.to_owned(), reason };
    let folder = (!request.without_folder).then(|| PathBuf::from(&build.context));
    if let Some(folder) = folder.as_ref().filter(|folder| !folder.is_dir()) {
        return Err(failed(format!("the context {} is no folder", folder.display())));
    }
    let mut extra = request.extra_files.clone();
    let found = dockerfile(build, &named, folder.as_deref(), &extra).map_err(failed)?;
    let ignore = match &folder {
        Some(folder) => Ignore::of_context(folder, &named).map_err(failed)?,
        None => Ignore::default(),
    };
    let mut remark = None;
    let added = request.surroundings.as_ref().and_then(|given| {
        let origin = origin(request, features);
        if origin == Origin::Context && leaves_out_again(&ignore, given, features) {
            remark = Some(LEFT_OUT_AGAIN);
            return None;
        }
        let arguments: BTreeSet<&str> = build.args.keys().map(String::as_str).collect();
        let text = dockerfile::surrounded(std::str::from_utf8(&found.text).ok()?, given, origin, &arguments)?;
        if origin == Origin::Context {
            let files = given.files.iter();
            extra.extend(files.map(|(path, bytes)| (PathBuf::from(carried(path)), bytes.clone(), 0o644)));
        }
        Some(text.into_bytes())
    });
    let dockerfile = found.put(added, &mut extra);
    Ok(Place {
        syntax_line: has_syntax_line(&found.text),
        context: Some(Context { folder, ignore, kept: vec![dockerfile.clone(), ".dockerignore".to_owned()], extra }),
        remote: None,
        dockerfile,
        remark,
    })
}

const FETCHED_BY_THE_ENGINE: &str =
    "the engine fetches the context itself: its steps do not trust this machine's own certificate authorities";
const LEFT_OUT_AGAIN: &str = "the context's .dockerignore leaves everything out on this engine: with `pull`, or for another \
                              platform, its steps do not trust this machine's own certificate authorities";

/// Where a file of the surroundings lies in the context.
fn carried(path: &str) -> String {
    format!("{}{path}", dockerfile::FOLDER)
}

/// An image for the additions is asked of a registry where base images are refreshed, and has one platform only.
fn origin(request: &BuildRequest, features: &Features) -> Origin {
    let foreign = platform(request, features).is_some_and(|platform| !platform.starts_with(&features.platform));
    if request.build.pull || foreign { Origin::Context } else { Origin::Image }
}

/// Docker takes the archive as it is; Podman applies `.dockerignore` to it once more.
fn leaves_out_again(ignore: &Ignore, given: &Surroundings, features: &Features) -> bool {
    features.kind == EngineKind::Podman && given.files.keys().any(|path| ignore.excludes(&carried(path)))
}

/// The Dockerfile as the project has it.
struct Found {
    text: Vec<u8>,
    /// Its path in the context; `None` where it lies elsewhere.
    inside: Option<String>,
    mode: u32,
}

impl Found {
    /// Sees to it that the context holds it, changed where it was. Returns its path there. A changed one takes its own
    /// place, so that a copied context holds no file more than the folder does.
    fn put(&self, changed: Option<Vec<u8>>, extra: &mut Vec<(PathBuf, Vec<u8>, u32)>) -> String {
        let name = |text: &[u8]| self.inside.clone().unwrap_or_else(|| private_name(text));
        match (changed, &self.inside) {
            (None, Some(inside)) => inside.clone(),
            (changed, _) => {
                let text = changed.unwrap_or_else(|| self.text.clone());
                let name = name(&text);
                extra.retain(|(path, ..)| path != Path::new(&name));
                extra.push((PathBuf::from(&name), text, self.mode));
                name
            }
        }
    }
}

/// Finds the Dockerfile: given inline, among the further files, or on disk.
fn dockerfile(
    build: &Build,
    named: &str,
    folder: Option<&Path>,
    extra: &[(PathBuf, Vec<u8>, u32)],
) -> Result<Found, String> {
    if let Some(text) = &build.dockerfile_inline {
        return Ok(Found { text: text.clone().into_bytes(), inside: None, mode: 0o644 });
    }
    if let Some((_, text, mode)) = extra.iter().find(|(path, ..)| path == Path::new(named)) {
        return Ok(Found { text: text.clone(), inside: Some(named.to_owned()), mode: *mode });
    }
    let folder = folder.unwrap_or(Path::new(""));
    let path = folder.join(named);
    let text = fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let inside = within(folder, &path);
    let mode = if inside.is_some() { mode(&path) } else { 0o644 };
    Ok(Found { text, inside, mode })
}

/// The builders' caches see a file's mode.
fn mode(path: &Path) -> u32 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path).map_or(0o644, |metadata| metadata.permissions().mode() & 0o7777)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        0o644
    }
}

/// The path below the folder, with `/`; `None` where it lies elsewhere.
fn within(folder: &Path, path: &Path) -> Option<String> {
    let (folder, path) = (fs::canonicalize(folder).ok()?, fs::canonicalize(path).ok()?);
    let inside = path.strip_prefix(folder).ok()?;
    Some(inside.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"))
}

/// `# syntax=docker/dockerfile:1` among the comments at the top.
fn has_syntax_line(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    text.lines()
        .map(str::trim)
        .take_while(|line| line.starts_with('#'))
        .any(|line| line.trim_start_matches('#').trim().replace(' ', "").to_lowercase().starts_with("syntax="))
}

/// The call's parameters.
pub(super) fn parameters(request: &BuildRequest, place: &Place, features: &Features) -> Vec<(&'static str, String)> {
    let build = &request.build;
    let mut out: Vec<(&'static str, String)> = vec![("dockerfile", place.dockerfile.clone()), ("rm", "1".to_owned())];
    out.push(("forcerm", "1".to_owned()));
    out.extend(request.tags.iter().chain(&build.tags).map(|tag| ("t", tag.clone())));
    out.extend(place.remote.clone().map(|remote| ("remote", remote)));
    let arguments = arguments(build, features);
    if !arguments.is_empty() {
        out.push(("buildargs", json!(arguments).to_string()));
    }
    let labels = labels(request);
    if !labels.is_empty() {
        out.push(("labels", json!(labels).to_string()));
    }
    if !build.cache_from.is_empty() {
        let images: Vec<&str> = build.cache_from.iter().map(|cache| cache_image(cache)).collect();
        out.push(("cachefrom", json!(images).to_string()));
    }
    if !build.ulimits.is_empty() {
        let limits: Vec<_> = build.ulimits.iter().map(|(name, limit)| ulimit(name, *limit)).collect();
        out.push(("ulimits", json!(limits).to_string()));
    }
    out.extend(build.no_cache.then(|| ("nocache", "1".to_owned())));
    out.extend(build.pull.then(|| ("pull", "1".to_owned())));
    out.extend(build.target.clone().map(|target| ("target", target)));
    out.extend(build.network.clone().map(|network| ("networkmode", network)));
    out.extend(build.memory.filter(|_| !features.buildkit).map(|limit| ("memory", limit.0.to_string())));
    out.extend(build.shm_size.map(|size| ("shmsize", size.0.to_string())));
    out.extend(build.isolation.clone().map(|isolation| ("isolation", isolation)));
    out.extend(build.extra_hosts.iter().map(|host| ("extrahosts", host.replacen('=', ":", 1))));
    out.extend(platform(request, features).map(|platform| ("platform", platform)));
    out
}

/// Build arguments that have a value.
pub(super) fn arguments(build: &Build, features: &Features) -> IndexMap<String, String> {
    let given = build.args.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
    let mut arguments: IndexMap<String, String> = given.collect();
    if !build.cache_to.is_empty() && features.buildkit {
        arguments.insert("BUILDKIT_INLINE_CACHE".to_owned(), "1".to_owned());
    }
    arguments
}

/// The project's labels and our own.
pub(super) fn labels(request: &BuildRequest) -> IndexMap<String, String> {
    let mut labels = request.build.labels.clone();
    labels.extend(request.labels.clone());
    labels
}

/// `type=registry,ref=IMAGE`, or the image itself.
pub(super) fn cache_image(cache: &str) -> &str {
    cache.split(',').find_map(|word| word.trim().strip_prefix("ref=")).unwrap_or(cache)
}

fn ulimit(name: &str, limit: Ulimit) -> serde_json::Value {
    let (soft, hard) = match limit {
        Ulimit::Single(both) => (both, both),
        Ulimit::Pair { soft, hard } => (soft, hard),
    };
    json!({ "Name": name, "Soft": soft, "Hard": hard })
}

/// The engine's store holds one platform per build: the service's, else the engine's own where the list has it, else the
/// list's first.
pub(super) fn platform(request: &BuildRequest, features: &Features) -> Option<String> {
    let listed = &request.build.platforms;
    let own = listed.iter().find(|platform| **platform == features.platform);
    request.platform.clone().or_else(|| own.or_else(|| listed.first()).cloned())
}

/// A failure that comes of a `# syntax` line, said so.
pub(super) fn explained(error: DriverError, syntax_line: bool, engine: &str) -> DriverError {
    match error {
        DriverError::Failed { attempted, reason } | DriverError::NotFound { attempted, reason }
            if syntax_line && (reason.contains("docker/dockerfile") || reason.contains("frontend")) =>
        {
            DriverError::NotSupported {
                attempted,
                engine: engine.to_owned(),
                reason: format!(
                    "the Dockerfile's `# syntax` line names an image that no registry gives: remove the line (the engine's \
                     own builder knows most of the language), or give the engine a registry. {reason}"
                ),
            }
        }
        other => other,
    }
}
