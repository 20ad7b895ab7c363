//! What becomes of each key of the specification, found out by loading and planning a spec without and with it
//! (`tests/fixtures/keys.txt`). No key may be without effect in silence; the table in `docs/compose.md` is written by
//! this test (`UPDATE_DOCS=1`), and compared otherwise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use devup::driver::features::{EngineKind, Features};
use devup::driver::moby;
use devup::model::environment::Environment;
use devup::model::name::ProjectName;
use devup::model::observed::Observed;
use devup::plan::{ImageChain, ImageMaker, Inputs, Operation, Options, Plan, reconcile};
use devup::spec::config;
use devup::spec::discover::{Found, Input};
use devup::spec::dotenv::Variables;
use devup::spec::load::{LoadOptions, load};
use devup::spec::resolve;
use devup::spec::schema::{KeyPath, key_paths};
use serde_json::{Value, json};

use crate::compose::Memory;

/// A line of the fixture.
struct Row {
    path: String,
    without: Value,
    with: Value,
    note: String,
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string("tests/fixtures/keys.txt").unwrap();
    let (mut rows, mut section) = (Vec::new(), String::new());
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let mut columns = line.split('|').map(str::trim);
        let mut column = || columns.next().unwrap_or_default().to_owned();
        let (key, without, with, note) = (column(), column(), column(), column());
        let path = if section.is_empty() { key } else { format!("{section}.{key}") };
        let whole = |text: &str| spec(&path, if text.is_empty() { json!({}) } else { yaml(text) });
        rows.push(Row { without: whole(&without), with: whole(&with), note, path });
    }
    rows
}

/// The spec around a fragment: the body of service `a`, or top-level keys.
fn spec(path: &str, fragment: Value) -> Value {
    let mut spec = json!({
        "services": {
            "a": {"image": "a", "networks": ["n"], "volumes": ["vol:/v"], "secrets": ["s"], "configs": ["c"]},
            "b": {"image": "b", "labels": {"of": "b"}},
        },
        "networks": {"n": {}, "o": {}}, "volumes": {"vol": {}}, "models": {"m": {"model": "z"}},
        "secrets": {"s": {"environment": "S"}, "f": {"file": "./f"}}, "configs": {"c": {"content": "x"}},
    });
    let Value::Object(mut fragment) = fragment else { panic!("{path}: not a mapping") };
    if path.starts_with("services.") {
        if !["image", "build", "provider", "env"].iter().any(|origin| fragment.contains_key(*origin)) {
            fragment.insert("image".into(), "a".into());
        }
        spec["services"]["a"] = Value::Object(fragment);
    } else {
        for (key, value) in fragment {
            spec[&key] = value;
        }
    }
    spec
}

/// What was seen of a spec on one engine.
struct Seen {
    printed: String,
    warnings: Vec<String>,
    calls: Value,
}

fn memory(spec: &Value) -> Memory {
    let other = "inc: {image: '${FROM_ENV:-i}', volumes: ['./r:/r']}";
    let included = match spec.get("include") {
        Some(_) => format!("services: {{{other}}}"),
        None => format!("services: {{b: {{image: b, labels: {{of: other}}}}, {other}}}"),
    };
    let files = [
        ("compose.yaml", serde_yaml::to_string(spec).unwrap()),
        ("inc.env", "FROM_ENV=j\n".to_owned()),
        ("quoted.env", "Q='x'\n".to_owned()),
        ("inc.yaml", included),
    ];
    let files = files.into_iter().map(|(name, text)| (Path::new("/case").join(name), text));
    Memory(files.collect::<BTreeMap<PathBuf, String>>())
}

/// What is there before the first `up`: what is external, and one image.
fn observed(environment: &Environment) -> Observed {
    let mut observed = Observed::default();
    for network in environment.networks.values().filter(|network| network.external) {
        let there = json!({"id": network.name, "name": network.name, "driver": "bridge", "labels": {}});
        observed.networks.push(serde_json::from_value(there).unwrap());
    }
    for volume in environment.volumes.values().filter(|volume| volume.external) {
        let there = json!({"name": volume.name, "driver": "local", "labels": {}});
        observed.volumes.push(serde_json::from_value(there).unwrap());
    }
    let image = json!({
        "id": "sha256:1", "tags": ["present"], "digests": [], "created": 0, "size": 0, "platform": "linux/amd64",
        "labels": {}, "volumes": [], "user": "", "working_dir": "", "environment": [], "has_healthcheck": false,
    });
    observed.images.insert("present".to_owned(), serde_json::from_value(image).unwrap());
    observed
}

fn inputs(environment: &Environment, features: &Features) -> Inputs {
    let mut inputs = Inputs { features: Some(features.clone()), local: features.local, ..Inputs::default() };
    for (name, service) in &environment.services {
        if let Some(env) = &service.env {
            let maker = ImageMaker::Env { env: env.clone(), reference: format!("{env}:1") };
            inputs.images.insert(name.clone(), ImageChain { makers: vec![maker] });
        }
    }
    inputs
}

fn see(spec: &Value, features: &Features) -> Result<Seen, String> {
    let found = Found {
        inputs: vec![Input::File("/case/compose.yaml".into())],
        project_directory: "/case".into(),
        given_name: spec.get("name").is_none().then(|| ProjectName::parse("proj").unwrap()),
        profiles: Vec::new(),
        environment: Variables::new(),
        env_files: Vec::new(),
        warnings: Vec::new(),
    };
    let loaded = load(&found, &memory(spec), &LoadOptions::new("/case".into(), None))
        .map_err(|error| error.problems()[0].fault.to_string())?;
    let environment = resolve::environment(&loaded).map_err(|error| error.to_string())?;
    let (observed, inputs) = (observed(&environment), inputs(&environment, features));
    let plan = reconcile(&environment, &observed, &Options::default(), &inputs).map_err(|error| error.to_string())?;
    for service in environment.services.values() {
        if let Some(build) = &service.build {
            moby::check_build(build, features).map_err(|error| error.to_string())?;
        }
    }
    let mut warnings: Vec<String> = loaded.warnings.iter().map(|warning| warning.screen(false)).collect();
    warnings.extend(plan.warnings.iter().cloned());
    Ok(Seen { printed: config::yaml(&loaded), warnings, calls: calls(&plan, features) })
}

/// The plan as what engines are told, without hashes over what they are not told.
fn calls(plan: &Plan, features: &Features) -> Value {
    let steps = plan.steps.iter().map(|step| {
        let mut shown = serde_json::to_value(step).unwrap();
        let told = match &step.operation {
            Operation::CreateContainer { spec, image, joins } => {
                json!([spec.name, spec.service.platform, moby::container_calls(spec, features), image, joins])
            }
            Operation::CreateNetwork { network, labels } => moby::network_call(network, labels),
            Operation::CreateVolume { volume, labels } => moby::volume_call(volume, labels),
            _ => shown["operation"].take(),
        };
        shown["operation"] = told;
        without_hashes(&mut shown);
        shown
    });
    steps.collect()
}

fn without_hashes(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !key.ends_with("hash"));
            map.values_mut().for_each(without_hashes);
        }
        Value::Array(items) => items.iter_mut().for_each(without_hashes),
        _ => {}
    }
}

/// What becomes of a key on one engine.
#[derive(Debug, Clone, PartialEq)]
enum Fate {
    /// The engine is told, or the plan is another.
    Applied,
    /// devup does something with it later.
    Later,
    /// A warning names it; what it would need.
    Warned(String),
    /// The spec, or the plan, is refused; why.
    Refused(String),
    /// Nothing: not allowed.
    Silent,
}

fn fate(row: &Row, features: &Features) -> Fate {
    let without = see(&row.without, features);
    let with = match see(&row.with, features) {
        Ok(seen) => seen,
        Err(reason) => return Fate::Refused(reason),
    };
    if let Some(warning) = with.warnings.iter().find(|warning| names(warning, &row.path)) {
        return Fate::Warned(why(warning).to_owned());
    }
    if row.note.starts_with('=') {
        return Fate::Later;
    }
    match without {
        // without the key the spec was refused, with it it is not
        Err(_) => Fate::Applied,
        Ok(without) if without.calls != with.calls => Fate::Applied,
        Ok(_) => Fate::Silent,
    }
}

/// The reason that a warning gives.
fn why(warning: &str) -> &str {
    let behind = warning.split_once("has no effect").and_then(|(_, behind)| behind.split_once(": "));
    behind.map_or("", |(_, reason)| reason.split(['\n', '(']).next().unwrap_or_default().trim())
}

/// Whether a warning names this key, or one that holds it.
fn names(warning: &str, path: &str) -> bool {
    let quoted = warning.split('`').skip(1).step_by(2).map(|quoted| quoted.split(':').next().unwrap_or_default());
    let is_said = |said: &str, path: &str| {
        let (said, path) = (segments(said), segments(path));
        said.len() <= path.len() && said.iter().zip(&path).all(|(said, wanted)| wanted == "*" || said == wanted)
    };
    let inner = path.split_once(".*.").map_or(path, |(_, inner)| inner);
    quoted.filter(|said| !said.is_empty()).any(|said| is_said(said, path) || is_said(said, inner))
}

/// `volumes[/x].type` → `volumes`, `[]`, `type`.
fn segments(path: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if rest.starts_with('[') {
            rest = rest.split_once(']').map_or("", |(_, rest)| rest);
            out.push("[]".to_owned());
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end > 0 {
                out.push(rest[..end].to_owned());
            }
            rest = rest[end..].trim_start_matches('.');
        }
    }
    out
}

/// What the table says of one key.
fn cells(row: &Row) -> ([String; 3], Vec<Fate>) {
    let docker = moby::abilities(EngineKind::Docker, "28.1", (1, 49));
    let old = moby::abilities(EngineKind::Docker, "20.10", (1, 41));
    let podman = moby::abilities(EngineKind::Podman, "4.3.1", (1, 41));
    let fates = [&docker, &old, &podman].map(|features| fate(row, features));
    let printed = |spec: &Value| see(spec, &docker).map(|seen| seen.printed).unwrap_or_default();
    let shown = if matches!(fates[0], Fate::Refused(_)) {
        "–"
    } else if printed(&row.without) == printed(&row.with) {
        "no"
    } else {
        "yes"
    };
    let word = |fate: &Fate| match fate {
        Fate::Applied => "yes".to_owned(),
        Fate::Later => "by devup".to_owned(),
        Fate::Warned(_) => "warning".to_owned(),
        Fate::Refused(_) => "refused".to_owned(),
        Fate::Silent => "SILENT".to_owned(),
    };
    let on_docker = match (&fates[0], &fates[1]) {
        (Fate::Applied, Fate::Warned(why)) => why.replacen("it needs", "from", 1),
        (Fate::Applied, Fate::Refused(_)) => "yes; older refuse".to_owned(),
        (fate, _) => word(fate),
    };
    ([shown.to_owned(), on_docker, word(&fates[2])], fates.to_vec())
}

fn missing_and_unknown(rows: &[Row], keys: &[KeyPath]) -> Vec<String> {
    let leaves = keys.iter().filter(|key| !key.has_keys);
    let missing = leaves.filter(|key| !rows.iter().any(|row| row.path == key.path));
    let unknown = rows.iter().filter(|row| !keys.iter().any(|key| key.path == row.path));
    let mut found: Vec<String> = missing.map(|key| format!("no line for {}", key.path)).collect();
    found.extend(unknown.map(|row| format!("{} is no key of the schema", row.path)));
    found
}

#[test]
fn the_fixture_has_every_key_of_the_schema() {
    let found = missing_and_unknown(&rows(), &key_paths());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_key_is_without_effect_in_silence() {
    let mut silent = Vec::new();
    for row in rows() {
        let (_, fates) = cells(&row);
        for (fate, engine) in fates.iter().zip(["Docker 28.1", "Docker 20.10", "Podman 4.3"]) {
            if *fate == Fate::Silent {
                silent.push(format!("{} on {engine}", row.path));
            }
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
}

/// Where the table stands in `docs/compose.md`.
const BEGIN: &str =
    "<!-- keys: written by tests/conformance/keys.rs, `UPDATE_DOCS=1 cargo test --test conformance keys` -->";
const END: &str = "<!-- keys: end -->";

#[test]
fn the_table_in_the_docs_is_what_the_code_does() {
    let document = std::fs::read_to_string("docs/compose.md").unwrap();
    let (head, rest) = document.split_once(BEGIN).expect("the table's beginning in docs/compose.md");
    let (table, tail) = rest.split_once(END).expect("the table's end");
    let wanted = table_of(&rows());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write("docs/compose.md", format!("{head}{BEGIN}\n{wanted}{END}{tail}")).unwrap();
    } else {
        assert_eq!(table.trim(), wanted.trim(), "run UPDATE_DOCS=1 cargo test --test conformance keys");
    }
}

fn table_of(rows: &[Row]) -> String {
    let keys = key_paths();
    let mut out = String::new();
    let mut section = String::from("?");
    for row in rows {
        let (place, key) = match row.path.split_once(".*.") {
            Some((top, key)) => (format!("{top}.*"), key),
            None => (String::new(), row.path.as_str()),
        };
        if place != section {
            let title = if place.is_empty() { "Top level".to_owned() } else { format!("`{place}`") };
            out.push_str(&format!(
                "\n### {title}\n\n| key | `config` | Docker | Podman | |\n| --- | --- | --- | --- | --- |\n"
            ));
            section = place;
        }
        let ([shown, docker, podman], fates) = cells(row);
        let about = keys.iter().find(|known| known.path == row.path).map_or("", |known| known.about);
        let mut note = row.note.trim_start_matches('=').trim().to_owned();
        if let Fate::Warned(why) = &fates[0] {
            note.clone_from(why);
        }
        if let Fate::Refused(reason) = &fates[0] {
            note.clone_from(reason);
        }
        let about = about.replace('|', "\\|");
        let note =
            if note.is_empty() { about } else { format!("{about}; {}", note.replace('|', "\\|").replace('\n', " ")) };
        out.push_str(&format!("| `{key}` | {shown} | {docker} | {podman} | {note} |\n"));
    }
    out
}
