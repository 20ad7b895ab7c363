//! Values that are names: free as long as nobody else can mean the same thing by them.

use serde_json::Value;

use super::{Site, entries, texts};
use crate::trust::capability::Kind;
use crate::trust::{survey, table};

/// Prefixes of labels by which Compose and devup tell whose a resource is.
const RESERVED_LABELS: [&str; 2] = ["com.docker.compose.", "io.devup."];

/// `labels` of any resource.
pub fn labels(site: &mut Site<'_, '_>, value: &Value) {
    for (path, key, _) in entries(&site.path, value) {
        if RESERVED_LABELS.iter().any(|prefix| key.starts_with(prefix)) {
            site.report_at(
                &path,
                Kind::Impersonation,
                format!("sets the label {key}, by which projects are told apart"),
            );
        }
    }
}

/// `env`: the name of a building block.
pub fn building_block(site: &mut Site<'_, '_>, value: &Value) {
    let name = value.as_str().unwrap_or_default();
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')) || name.starts_with('.') {
        site.report(Kind::Unknown, format!("uses {name:?} as a building block"));
    }
}

/// `image`: only a name that is built can overwrite somebody else's.
pub fn image(site: &mut Site<'_, '_>, value: &Value) {
    if site.siblings.contains_key("build") {
        built_as(site, &site.path.clone(), value.as_str().unwrap_or_default());
    }
}

/// `build.tags`.
pub fn tags(site: &mut Site<'_, '_>, value: &Value) {
    for (path, tag) in texts(&site.path, value) {
        built_as(site, &path, tag);
    }
}

fn built_as(site: &mut Site<'_, '_>, path: &str, name: &str) {
    if site.world.is_foreign(name, |neighbours| &neighbours.images) {
        site.report_at(path, Kind::SharedImage, format!("builds over the image {name}, which others use"));
    }
}

/// `volumes.*.name`.
pub fn volume_name(site: &mut Site<'_, '_>, value: &Value) {
    let name = value.as_str().unwrap_or_default();
    if !external(site) && site.world.is_foreign(name, |neighbours| &neighbours.volumes) {
        site.report(Kind::SharedVolume, format!("uses {name}, a volume that others can use by this name"));
    }
}

/// `networks.*.name`.
pub fn network_name(site: &mut Site<'_, '_>, value: &Value) {
    let name = value.as_str().unwrap_or_default();
    if !external(site) && site.world.is_foreign(name, |neighbours| &neighbours.networks) {
        site.report(Kind::SharedNetwork, format!("uses {name}, a network that others can use by this name"));
    }
}

/// External resources have a row of their own, which names them.
fn external(site: &Site<'_, '_>) -> bool {
    site.siblings.get("external").and_then(Value::as_bool).unwrap_or(false)
}

/// `networks` of a service.
pub fn service_networks(site: &mut Site<'_, '_>, value: &Value) {
    for (key, join) in value.as_object().into_iter().flatten() {
        let path = format!("{}.{key}", site.path);
        if !site.world.environment.networks.contains_key(key) {
            site.report_at(
                &path,
                Kind::SharedNetwork,
                format!("joins the network {key}, which the spec does not declare"),
            );
        }
        if let Some(join) = join.as_object() {
            survey::walk(site.world, &path, &site.subject, join, table::JOIN, site.found);
        }
    }
}

/// `volumes_from`.
pub fn volumes_from(site: &mut Site<'_, '_>, value: &Value) {
    for (path, source) in texts(&site.path, value) {
        if let Some(container) = source.strip_prefix("container:") {
            site.report_at(&path, Kind::ForeignContainer, format!("takes the volumes of the container {container}"));
        } else if !site.world.has_service(source.split(':').next().unwrap_or_default()) {
            site.report_at(&path, Kind::ForeignContainer, format!("takes the volumes of {source}"));
        }
    }
}

/// `secrets.*.keyring`: `db` is the project's own, `bank/db` another project's.
pub fn keyring(site: &mut Site<'_, '_>, value: &Value) {
    let entry = value.as_str().unwrap_or_default();
    if entry.contains(['/', ':', '\\']) || entry.is_empty() {
        site.report(Kind::ForeignSecret, format!("reads the keyring entry {entry}, which is not the project's own"));
    }
}
