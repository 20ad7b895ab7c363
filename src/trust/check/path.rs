//! Values that are paths of the host, or may be.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Site, entries, texts};
use crate::trust::boundary::Reach;
use crate::trust::capability::Kind;
use crate::trust::{survey, table};

/// Reports a path that leads out of the project. `action` is a verb: `mounts`, `reads`.
fn outside(site: &mut Site<'_, '_>, path: &str, file: &Path, action: &str, note: &str) {
    let real = match site.world.boundary.reach(file) {
        Reach::Inside => return,
        Reach::Outside(real) => real,
        Reach::Nowhere => {
            let action = format!("{action} {}, links in a circle", file.display());
            return site.report_at(path, Kind::FilesOutside, action);
        }
    };
    let link = if real == file { String::new() } else { format!(" (by way of {})", shown(site, file)) };
    if is_engine_socket(&real) {
        let action =
            format!("{action} {}, the engine's socket{link}: with it, everything on this machine", real.display());
        return site.report_at(path, Kind::EngineSocket, action);
    }
    site.report_at(path, Kind::FilesOutside, format!("{action} {}{link}{note}", real.display()));
}

/// A path of the project as the spec's reader knows it.
fn shown(site: &Site<'_, '_>, file: &Path) -> String {
    file.strip_prefix(site.world.boundary.root()).unwrap_or(file).display().to_string()
}

fn is_engine_socket(path: &Path) -> bool {
    const NAMES: [&str; 5] = ["docker.sock", "podman.sock", "containerd.sock", "crio.sock", "buildkitd.sock"];
    path.file_name().is_some_and(|name| NAMES.iter().any(|known| name == *known))
}

/// `volumes` of a service.
pub fn mounts(site: &mut Site<'_, '_>, value: &Value) {
    for (number, mount) in value.as_array().into_iter().flatten().enumerate() {
        if let Some(mount) = mount.as_object() {
            let path = format!("{}[{number}]", site.path);
            survey::walk(site.world, &path, &site.subject, mount, table::MOUNT, site.found);
        }
    }
}

/// A mount's `type`.
pub fn mount_kind(site: &mut Site<'_, '_>, value: &Value) {
    let kind = value.as_str().unwrap_or_default();
    if !["bind", "volume", "tmpfs", "image"].contains(&kind) {
        site.report(Kind::Unknown, format!("mounts something of the kind {kind}"));
    }
}

/// A mount's `source`.
pub fn mount_source(site: &mut Site<'_, '_>, value: &Value) {
    let source = value.as_str().unwrap_or_default();
    match site.sibling("type") {
        "bind" => {
            let read_only = site.siblings.get("read_only").and_then(Value::as_bool).unwrap_or(false);
            let note = if read_only { ", read only" } else { ", writable" };
            outside(site, &site.path.clone(), Path::new(source), "mounts", note);
        }
        "volume" if !site.world.environment.volumes.contains_key(source) => {
            site.report(Kind::SharedVolume, format!("mounts the volume {source}, which the spec does not declare"));
        }
        _ => {}
    }
}

/// `env_file`.
pub fn env_file(site: &mut Site<'_, '_>, value: &Value) {
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        let file = item.as_str().or_else(|| item.get("path").and_then(Value::as_str));
        if let Some(file) = file {
            let path = format!("{}[{number}]", site.path);
            outside(site, &path, Path::new(file), "reads variables from", "");
        }
    }
}

/// `secrets.*.file` and `configs.*.file`.
pub fn source_file(site: &mut Site<'_, '_>, value: &Value) {
    let file = value.as_str().unwrap_or_default();
    outside(site, &site.path.clone(), Path::new(file), "reads", "");
}

/// `provision[].inputs`: globs are as wide as the folder before their first wildcard.
pub fn inputs(site: &mut Site<'_, '_>, value: &Value) {
    for (path, glob) in texts(&site.path, value) {
        let plain: PathBuf = Path::new(glob)
            .components()
            .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']))
            .collect();
        let climbs = Path::new(glob).components().any(|part| part.as_os_str() == "..");
        let file = if climbs { Path::new(glob) } else { &plain };
        outside(site, &path, file, "reads", "");
    }
}

/// `develop.watch[].path`, and whatever else may stand in `develop`.
pub fn develop(site: &mut Site<'_, '_>, value: &Value) {
    for (key, value) in value.as_object().into_iter().flatten() {
        if key != "watch" {
            site.report(Kind::Unknown, format!("sets develop.{key}, which devup does not know"));
            continue;
        }
        for (number, rule) in value.as_array().into_iter().flatten().enumerate() {
            let path = format!("{}.watch[{number}].path", site.path);
            if let Some(file) = rule.get("path").and_then(Value::as_str) {
                outside(site, &path, Path::new(file), "copies files from", "");
            }
        }
    }
}

/// `build.context`.
pub fn context(site: &mut Site<'_, '_>, value: &Value) {
    build_source(site, &site.path.clone(), value.as_str().unwrap_or_default());
}

/// `build.additional_contexts`.
pub fn additional_contexts(site: &mut Site<'_, '_>, value: &Value) {
    for (path, _, source) in entries(&site.path, value) {
        build_source(site, &path, &source);
    }
}

/// A folder, or something that the builder fetches.
fn build_source(site: &mut Site<'_, '_>, path: &str, source: &str) {
    const FETCHED: [&str; 5] = ["https://", "http://", "git://", "github.com/", "docker-image://"];
    if FETCHED.iter().any(|start| source.starts_with(start)) {
        return;
    }
    if let Some(service) = source.strip_prefix("service:").or_else(|| source.strip_prefix("target:")) {
        if !site.world.has_service(service) {
            site.report_at(path, Kind::Unknown, format!("builds from {source}, which is not in the spec"));
        }
        return;
    }
    if let Some(folder) = source.strip_prefix("oci-layout://") {
        return outside(site, path, Path::new(folder), "builds from", "");
    }
    if source.starts_with("git@") || source.starts_with("ssh://") {
        return site.report_at(path, Kind::Keys, format!("fetches {source} with your SSH keys to build from it"));
    }
    if source.contains("://") {
        return site.report_at(path, Kind::Unknown, format!("builds from {source}"));
    }
    outside(site, path, Path::new(source), "builds from the folder", "");
}

/// `build.dockerfile`. One in a context outside is part of that context.
pub fn dockerfile(site: &mut Site<'_, '_>, value: &Value) {
    let context = PathBuf::from(site.sibling("context"));
    if site.sibling("context").contains("://") {
        return;
    }
    let file = context.join(value.as_str().unwrap_or_default());
    let in_context = matches!(
        (site.world.boundary.reach(&file), site.world.boundary.reach(&context)),
        (Reach::Outside(file), Reach::Outside(context)) if file.starts_with(&context)
    );
    if !in_context {
        outside(site, &site.path.clone(), &file, "reads", "");
    }
}

/// `build.cache_from`.
pub fn cache_from(site: &mut Site<'_, '_>, value: &Value) {
    for (path, cache) in texts(&site.path, value) {
        match cache_parts(cache) {
            Cache::Registry => {}
            Cache::Local(folder) => outside(site, &path, &folder, "reads the build cache in", ""),
            Cache::Inline | Cache::Other => {
                site.report_at(&path, Kind::Keys, format!("takes the build cache from {cache}"));
            }
        }
    }
}

/// `build.cache_to`.
pub fn cache_to(site: &mut Site<'_, '_>, value: &Value) {
    for (path, cache) in texts(&site.path, value) {
        match cache_parts(cache) {
            Cache::Inline => {}
            Cache::Local(folder) => outside(site, &path, &folder, "writes the build cache to", ""),
            Cache::Registry | Cache::Other => {
                site.report_at(&path, Kind::Keys, format!("sends the build cache to {cache} with your credentials"));
            }
        }
    }
}

enum Cache {
    Registry,
    Local(PathBuf),
    Inline,
    Other,
}

/// `type=local,src=PATH`, `type=registry,ref=NAME`, or a bare image's name.
fn cache_parts(text: &str) -> Cache {
    if !text.contains('=') {
        return Cache::Registry;
    }
    let mut kind = "";
    let mut folder = None;
    for (key, value) in text.split(',').filter_map(|part| part.split_once('=')) {
        match key.trim() {
            "type" => kind = value.trim(),
            "src" | "dest" => folder = Some(PathBuf::from(value.trim())),
            _ => {}
        }
    }
    match (kind, folder) {
        ("local", Some(folder)) => Cache::Local(folder),
        ("registry", None) => Cache::Registry,
        ("inline", None) => Cache::Inline,
        _ => Cache::Other,
    }
}

/// `volumes.*.driver_opts` of the local driver, which are those of mount(8).
pub fn volume_options(site: &mut Site<'_, '_>, value: &Value) {
    let option = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let (kind, device, flags) = (option("type"), option("device"), option("o"));
    for (path, key, value) in entries(&site.path, value) {
        if !["type", "device", "o", "size"].contains(&key) {
            site.report_at(&path, Kind::HostService, format!("sets the volume option {key}={value}"));
        }
    }
    let binds = flags.split(',').any(|flag| flag == "bind" || flag == "rbind");
    if kind == "tmpfs" || (kind.is_empty() && device.is_empty()) {
        return;
    }
    let path = format!("{}.device", site.path);
    if binds && (kind.is_empty() || kind == "none") {
        return outside(site, &path, Path::new(device), "keeps its data in", "");
    }
    site.report_at(&path, Kind::Device, format!("mounts {device} (type {kind}, options {flags})"));
}
