//! `build --print`: what is built, as the file that Compose hands to `docker buildx bake`.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use crate::app::error::{AppError, Result};
use crate::app::images::BuildWish;
use crate::model::build::Build;
use crate::model::environment::Environment;
use crate::model::labels;
use crate::model::service::{Service, Ulimit};
use crate::plan;

/// The file, and what it has no words for.
#[derive(Debug)]
pub struct Printed {
    /// As JSON.
    pub file: File,
    /// For people to know.
    pub remarks: Vec<String>,
}

/// A file of `docker buildx bake`.
#[derive(Debug, Serialize)]
pub struct File {
    group: BTreeMap<&'static str, Group>,
    target: BTreeMap<String, Target>,
}

#[derive(Debug, Serialize)]
struct Group {
    targets: Vec<String>,
}

/// One build. The keys' order is Compose's.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Target {
    context: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    contexts: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dockerfile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dockerfile_inline: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    args: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cache_from: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cache_to: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secret: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ssh: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    platforms: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pull: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    no_cache: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shm_size: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ulimits: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entitlements: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extra_hosts: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    output: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attest: Vec<String>,
}

/// The services that are built, in an environment that has the wish in it.
pub fn file(environment: &Environment, services: &[String], wish: &BuildWish) -> Result<Printed> {
    let names = names(environment);
    let mut printed = Printed { file: File { group: BTreeMap::new(), target: BTreeMap::new() }, remarks: Vec::new() };
    let mut targets = Vec::new();
    for name in services {
        let found = environment.services.get(name).or_else(|| environment.disabled.get(name));
        let Some(service) = found else { continue };
        let Some(build) = &service.build else { continue };
        let target = target(environment, (name, service, build), &names, wish, &mut printed.remarks)?;
        targets.push(names[name].clone());
        printed.file.target.insert(names[name].clone(), target);
    }
    printed.file.group.insert("default", Group { targets });
    Ok(printed)
}

/// The targets' names: a service's, without the dots that bake takes for a path.
fn names(environment: &Environment) -> BTreeMap<String, String> {
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for service in environment.services.keys().chain(environment.disabled.keys()) {
        let mut name = service.replace('.', "_");
        while names.values().any(|taken| *taken == name) {
            name.push('_');
        }
        names.insert(service.clone(), name);
    }
    names
}

fn target(
    environment: &Environment,
    (name, service, build): (&str, &Service, &Build),
    names: &BTreeMap<String, String>,
    wish: &BuildWish,
    remarks: &mut Vec<String>,
) -> Result<Target> {
    let image = plan::own_image(environment, name, service).map_err(|error| AppError::failed(error.to_string()))?;
    let (output, call) = outcome(service, build, wish);
    let given = build.args.iter().filter_map(|(key, value)| Some((key.clone(), literal(value.as_deref()?))));
    let mut entitlements = build.entitlements.clone();
    entitlements.extend(build.privileged.then(|| "security.insecure".to_owned()));
    Ok(Target {
        context: build.context.clone(),
        contexts: contexts(build, names),
        dockerfile: dockerfile(build),
        dockerfile_inline: build.dockerfile_inline.as_deref().map(literal),
        args: given.collect(),
        labels: image_labels(environment, name, build),
        tags: build.tags.iter().cloned().chain([image]).collect(),
        cache_from: build.cache_from.clone(),
        cache_to: build.cache_to.clone(),
        target: build.target.clone(),
        secret: secrets(environment, name, build, remarks),
        ssh: build.ssh.iter().map(|key| if key.contains('=') { key.clone() } else { format!("{key}=") }).collect(),
        platforms: build.platforms.clone(),
        pull: build.pull,
        no_cache: build.no_cache,
        network: build.network.clone(),
        shm_size: build.shm_size.map(|size| size.0.to_string()),
        ulimits: build.ulimits.iter().map(|(name, limit)| ulimit(name, *limit)).collect(),
        call,
        entitlements,
        extra_hosts: extra_hosts(build),
        output,
        attest: attestations(build),
    })
}

/// Bake replaces variables of its own in these texts.
fn literal(text: &str) -> String {
    text.replace("${", "$${")
}

fn outcome(service: &Service, build: &Build, wish: &BuildWish) -> (Vec<String>, Option<&'static str>) {
    let push = wish.push && service.image.is_some();
    let output = match (wish.check, build.platforms.len()) {
        (true, _) => return (Vec::new(), Some("lint")),
        (false, 2..) => format!("type=image,push={push}"),
        (false, _) if push => "type=registry".to_owned(),
        (false, _) => "type=docker".to_owned(),
    };
    (vec![output], None)
}

fn contexts(build: &Build, names: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut contexts: BTreeMap<String, String> =
        build.additional_contexts.iter().map(|(name, source)| (name.clone(), source.clone())).collect();
    for (context, service) in build.services() {
        if let Some(target) = names.get(service) {
            contexts.insert(context.to_owned(), format!("target:{target}"));
        }
    }
    contexts
}

/// Its path; in a context that is fetched, the path there.
fn dockerfile(build: &Build) -> Option<String> {
    if build.dockerfile_inline.is_some() {
        return None;
    }
    let named = build.dockerfile.as_deref().unwrap_or("Dockerfile");
    let context = Path::new(&build.context);
    if !context.is_absolute() {
        return Some(named.to_owned());
    }
    let path = plain(&context.join(named));
    // links of the folder are followed, as Compose does
    let real = path.parent().and_then(|folder| std::fs::canonicalize(folder).ok());
    let path = match (real, path.file_name()) {
        (Some(folder), Some(file)) => folder.join(file),
        _ => path,
    };
    Some(path.display().to_string())
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
        path
    })
}

fn image_labels(environment: &Environment, name: &str, build: &Build) -> BTreeMap<String, String> {
    let own = [
        (labels::PROJECT, environment.project_name()),
        (labels::SERVICE, name),
        (labels::VERSION, env!("CARGO_PKG_VERSION")),
    ];
    let own = own.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    build.labels.iter().map(|(key, value)| (key.clone(), value.clone())).chain(own).collect()
}

/// Bake reads secrets from files and variables; it knows no other source.
fn secrets(environment: &Environment, service: &str, build: &Build, remarks: &mut Vec<String>) -> Vec<String> {
    let mut out = Vec::new();
    for wanted in &build.secrets {
        let id = wanted.target.as_ref().unwrap_or(&wanted.source);
        let Some(source) = environment.secrets.get(&wanted.source) else { continue };
        match (&source.environment, &source.file) {
            (Some(variable), _) => out.push(format!("id={id},type=env,env={variable}")),
            (None, Some(file)) => out.push(format!("id={id},type=file,src={file}")),
            (None, None) => remarks.push(format!(
                "service {service}: the secret {} is left out: bake reads files and variables only",
                wanted.source
            )),
        }
    }
    out
}

fn ulimit(name: &str, limit: Ulimit) -> String {
    match limit {
        Ulimit::Single(both) => format!("{name}={both}"),
        Ulimit::Pair { soft, hard } => format!("{name}={soft}:{hard}"),
    }
}

fn extra_hosts(build: &Build) -> BTreeMap<String, String> {
    let mut hosts: BTreeMap<String, String> = BTreeMap::new();
    for line in &build.extra_hosts {
        let Some((name, address)) = line.split_once('=').or_else(|| line.split_once(':')) else { continue };
        let addresses = hosts.entry(name.to_owned()).or_default();
        if !addresses.is_empty() {
            addresses.push(',');
        }
        addresses.push_str(address);
    }
    hosts
}

fn attestations(build: &Build) -> Vec<String> {
    let one = |kind: &str, value: &Option<String>| match value.as_deref() {
        None | Some("" | "false") => None,
        Some("true") => Some(format!("type={kind}")),
        Some(options) => Some(format!("type={kind},{options}")),
    };
    one("provenance", &build.provenance).into_iter().chain(one("sbom", &build.sbom)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::model::name::ProjectName;
    use serde_json::{Value, json};

    /// What Docker Compose 2.40.3 prints for the same spec, apart from the version.
    #[test]
    fn the_file_is_composes() {
        let mut environment = Environment { project: ProjectName::parse("bld").ok(), ..Environment::default() };
        let web: Service = serde_json::from_value(json!({"build": {
            "context": "/nowhere/web", "dockerfile": "./sub/../Containerfile", "target": "fin",
            "additional_contexts": {"lib": "/nowhere/lib", "base": "service:base.img"},
            "args": {"A": "1", "C": "lit${x}", "UNSET": null}, "ssh": ["default", "k=/key"],
            "entitlements": ["network.host"], "privileged": true, "network": "host",
            "ulimits": {"nofile": 100, "nproc": {"soft": 1, "hard": 2}}, "extra_hosts": ["a=1.2.3.4"],
            "labels": {"x": "y"}, "tags": ["r/x:1"], "platforms": ["linux/amd64"], "pull": true,
            "provenance": "mode=max", "sbom": "true",
        }}))
        .unwrap();
        let base: Service = serde_json::from_value(json!({
            "image": "r/base:1", "build": {"context": "/nowhere", "dockerfile_inline": "FROM ${X}"},
        }))
        .unwrap();
        environment.services.insert("web".into(), web);
        environment.services.insert("base.img".into(), base);
        let services = ["web".to_owned(), "base.img".to_owned()];
        let wish = BuildWish { push: true, ..BuildWish::default() };
        let printed = serde_json::to_value(file(&environment, &services, &wish).unwrap().file).unwrap();
        let own = |service: &str| json!({labels::PROJECT: "bld", labels::SERVICE: service, labels::VERSION: env!("CARGO_PKG_VERSION")});
        let mut labels = own("web");
        labels["x"] = json!("y");
        assert_eq!(
            printed,
            json!({
                "group": {"default": {"targets": ["web", "base_img"]}},
                "target": {
                    "base_img": {
                        "context": "/nowhere", "dockerfile-inline": "FROM $${X}", "labels": own("base.img"),
                        "tags": ["r/base:1"], "output": ["type=registry"],
                    },
                    "web": {
                        "context": "/nowhere/web", "contexts": {"base": "target:base_img", "lib": "/nowhere/lib"},
                        "dockerfile": "/nowhere/web/Containerfile", "args": {"A": "1", "C": "lit$${x}"},
                        "labels": labels, "tags": ["r/x:1", "bld-web"], "target": "fin",
                        "ssh": ["default=", "k=/key"], "platforms": ["linux/amd64"], "pull": true, "network": "host",
                        "ulimits": ["nofile=100", "nproc=1:2"], "entitlements": ["network.host", "security.insecure"],
                        "extra-hosts": {"a": "1.2.3.4"}, "output": ["type=docker"],
                        "attest": ["type=provenance,mode=max", "type=sbom"],
                    },
                },
            })
        );
    }

    #[test]
    fn a_check_has_no_output_and_secrets_of_other_sources_are_told() {
        let mut environment = Environment { project: ProjectName::parse("bld").ok(), ..Environment::default() };
        let web: Service = serde_json::from_value(json!({"build": {
            "context": "https://git.example/a.git", "secrets": [{"source": "s"}, {"source": "f", "target": "t"}],
        }}))
        .unwrap();
        environment.services.insert("web".into(), web);
        let source = |value: Value| serde_json::from_value(value).unwrap();
        environment.secrets.insert("s".into(), source(json!({"name": "s", "keyring": "k"})));
        environment.secrets.insert("f".into(), source(json!({"name": "f", "file": "/f"})));
        let wish = BuildWish { check: true, ..BuildWish::default() };
        let printed = file(&environment, &["web".to_owned()], &wish).unwrap();
        let target = &serde_json::to_value(&printed.file).unwrap()["target"]["web"];
        assert_eq!((&target["call"], &target["output"]), (&json!("lint"), &Value::Null));
        assert_eq!(
            (&target["secret"], &target["dockerfile"]),
            (&json!(["id=t,type=file,src=/f"]), &json!("Dockerfile"))
        );
        assert!(printed.remarks[0].contains("secret s"), "{:?}", printed.remarks);
    }
}
