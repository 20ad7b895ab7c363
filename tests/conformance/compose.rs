//! The public Compose cases, through the same code as `devup config`, compared with what Docker Compose 2.40 printed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use devup::model::name::ProjectName;
use devup::spec::config;
use devup::spec::discover::{Files, Found, Input};
use devup::spec::dotenv::Variables;
use devup::spec::error::{Fault, SpecError};
use devup::spec::load::{LoadOptions, Loaded, load};
use devup::spec::node::{At, Node, Source};
use devup::spec::resolve;
use serde_json::Value;

/// Where the cases were run: nothing but these files is there.
const FOLDER: &str = "/case";

/// Files that are nowhere else.
pub struct Memory(pub BTreeMap<PathBuf, String>);

impl Files for Memory {
    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    fn read(&self, path: &Path, shown: &Path) -> Result<Arc<Source>, SpecError> {
        let Some(text) = self.0.get(path) else {
            let fault = Fault::Unreadable { path: shown.to_owned(), reason: "there is no such file".into() };
            return Err(SpecError::new(fault, &At::nowhere()));
        };
        devup::spec::decode::decode(text.as_bytes(), shown)
    }
}

/// These files, each overriding those before it, loaded as by `-p proj --profile '*' --no-path-resolution`.
fn load_all(texts: &[&str], consistency: bool) -> Result<Loaded, SpecError> {
    let paths: Vec<PathBuf> = (0..texts.len()).map(|n| PathBuf::from(format!("{FOLDER}/compose{n}.yaml"))).collect();
    let files = Memory(paths.iter().cloned().zip(texts.iter().map(|text| (*text).to_owned())).collect());
    let found = Found {
        inputs: paths.into_iter().map(Input::File).collect(),
        project_directory: FOLDER.into(),
        given_name: Some(ProjectName::parse("proj").unwrap()),
        profiles: vec!["*".into()],
        environment: Variables::new(),
        env_files: Vec::new(),
        warnings: Vec::new(),
    };
    let options = LoadOptions { resolve_paths: false, consistency, ..LoadOptions::new(FOLDER.into(), None) };
    load(&found, &files, &options)
}

/// `devup config --format json` of these files.
fn config_of(texts: &[&str], consistency: bool) -> Result<Value, SpecError> {
    load_all(texts, consistency).map(|loaded| config::json(&loaded))
}

fn rows(name: &str) -> Option<Vec<Value>> {
    let Some(cases) = std::env::var_os("DEVUP_CASES") else {
        eprintln!("skipped: DEVUP_CASES is not set");
        return None;
    };
    let text = std::fs::read_to_string(Path::new(&cases).join("compose").join(name)).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Drops nulls and what is empty; sorts nothing, since JSON objects compare without order.
fn lean(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().map(|(key, value)| (key.clone(), lean(value)));
            Value::Object(kept.filter(|(_, value)| !is_empty(value)).collect())
        }
        Value::Array(items) => items.iter().map(lean).collect(),
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Runs all rows of a file; `known` names those that differ, each with its reason.
fn conform(file: &str, floor: f64, known: &[(&str, &str)]) {
    let Some(rows) = rows(file) else { return };
    let mut failed = Vec::new();
    for row in &rows {
        let id = row["id"].as_str().unwrap();
        let got = config_of(&[row["input"].as_str().unwrap()], row["consistency"].as_bool().unwrap_or(true));
        let verdict = match (row.get("error"), got) {
            (Some(_), Err(_)) => Ok(()),
            (Some(error), Ok(_)) => Err(format!("should be refused: {error}")),
            (None, Err(error)) => Err(format!("refused: {}", error.screen(false))),
            (None, Ok(got)) => match (lean(&row["expected"]), lean(&got)) {
                (expected, got) if expected == got => Ok(()),
                (expected, got) => Err(difference(&expected, &got)),
            },
        };
        if let Err(why) = verdict {
            failed.push((id.to_owned(), why));
        }
    }
    report(file, rows.len(), floor, known, &failed);
}

fn difference(expected: &Value, got: &Value) -> String {
    let (expected, got) = (serde_json::to_string_pretty(expected).unwrap(), serde_json::to_string_pretty(got).unwrap());
    similar::TextDiff::from_lines(&expected, &got).unified_diff().context_radius(3).to_string()
}

fn report(file: &str, all: usize, floor: f64, known: &[(&str, &str)], failed: &[(String, String)]) {
    #[expect(clippy::cast_precision_loss, reason = "hundreds of rows")]
    let share = 100.0 * (all - failed.len()) as f64 / all as f64;
    println!("{file}: {} of {all} rows agree ({share:.1} %)", all - failed.len());
    for (id, why) in failed {
        match known.iter().find(|(known, _)| known == id) {
            Some((_, reason)) => println!("  differs, as known: {id}: {reason}"),
            None => println!("  DIFFERS: {id}\n{why}"),
        }
    }
    let unknown: Vec<_> = failed.iter().map(|(id, _)| id).filter(|id| !known.iter().any(|(k, _)| k == id)).collect();
    assert!(unknown.is_empty(), "{file}: rows differ without a reason: {unknown:#?}");
    assert!(share >= floor, "{file}: {share:.1} % agree, {floor} % are needed");
}

/// Snippets that differ, and why.
const KNOWN_SNIPPETS: &[(&str, &str)] = &[
    (
        "loader__loader__TestXService__0",
        "a service's networks whose name begins with `x-` are lost by the reference, which takes them for extensions",
    ),
    (
        "loader__reset__TestResetCycle__3",
        "the reference takes an alias in a service called `test.other` for a cycle through the service `test`",
    ),
];

#[test]
fn snippets_load_as_in_compose() {
    conform("snippets.jsonl", 98.0, KNOWN_SNIPPETS);
}

#[test]
fn whole_files_load_as_in_compose() {
    conform("files.jsonl", 98.0, &[]);
}

/// A row that Compose refuses is refused for the same reason, at the place where the mistake stands.
#[test]
fn what_compose_refuses_is_refused_for_the_same_reason_at_its_place() {
    let table = std::fs::read_to_string("tests/fixtures/refusals.txt").unwrap();
    let table: BTreeMap<&str, (&str, &str)> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<&str> = line.split(" | ").collect();
            (columns[0], (columns[1], columns[2]))
        })
        .collect();
    let mut wrong = Vec::new();
    for row in ["snippets.jsonl", "files.jsonl"].into_iter().filter_map(rows).flatten() {
        let (Some(theirs), id) = (row.get("error"), row["id"].as_str().unwrap()) else { continue };
        if KNOWN_SNIPPETS.iter().any(|(known, _)| *known == id) {
            continue;
        }
        let Some((reason, place)) = table.get(id) else {
            wrong.push(format!("{id}: no line in tests/fixtures/refusals.txt: {theirs}"));
            continue;
        };
        let consistency = row["consistency"].as_bool().unwrap_or(true);
        let Err(error) = config_of(&[row["input"].as_str().unwrap()], consistency) else {
            wrong.push(format!("{id}: loads, though Compose says {theirs}"));
            continue;
        };
        let problem = &error.problems()[0];
        let source = problem.at.source.as_ref().unwrap_or_else(|| panic!("{id}: no place: {error}"));
        let (said, there) = (problem.fault.to_string(), &source.text[problem.at.offset..]);
        if !said.contains(reason) || !there.starts_with(place) {
            wrong.push(format!("{id}: {said:?} at {:?}; Compose: {theirs}", there.lines().next().unwrap_or_default()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_loads_becomes_an_environment() {
    for row in ["snippets.jsonl", "files.jsonl"].into_iter().filter_map(rows).flatten() {
        if let Ok(loaded) = load_all(&[row["input"].as_str().unwrap()], false) {
            let environment = resolve::environment(&loaded).unwrap_or_else(|error| panic!("{}: {error}", row["id"]));
            let wanted = loaded.spec.get("services").and_then(|s| s.as_map()).map_or(0, indexmap::IndexMap::len);
            assert_eq!(environment.services.len(), wanted, "{}", row["id"]);
        }
    }
}

/// Prints less than it read: an empty `dockerfile` is left out, as in Compose, and is the default when read again.
const NOT_STABLE: &str = "docker__compose/pkg/e2e/fixtures/simple-build-test/compose-interpolate.yaml";

/// What `config` prints is a spec that means the same.
#[test]
fn output_loads_to_the_same() {
    for row in ["snippets.jsonl", "files.jsonl"].into_iter().filter_map(rows).flatten() {
        if row["id"] == NOT_STABLE {
            continue;
        }
        let Ok(loaded) = load_all(&[row["input"].as_str().unwrap()], false) else { continue };
        let yaml = config::yaml(&loaded);
        let again = load_all(&[&yaml], false).unwrap_or_else(|e| panic!("{}: {}\n{yaml}", row["id"], e.screen(false)));
        assert_eq!(config::yaml(&again), yaml, "{}", row["id"]);
    }
}

/// Merge rows that differ, and why.
const KNOWN_MERGES: &[(&str, &str)] = &[
    (
        "override__merge_models__Test_mergeYamlModelsRuntimeFlagsMerge__0",
        "the row comes from a test that is commented out; the reference appends lists, and so does devup",
    ),
    ("override__merge_env_file__TestMergeEnvFilesMixed__0", "the row has base and override the wrong way round"),
    ("override__merge_tmpfs__TestMergeTmpfsMixed__0", "the row has base and override the wrong way round"),
];

/// The raw merge of two fragments that do not load by themselves.
fn merged_raw(texts: &[&str]) -> Value {
    let mut spec = Node::empty_map(At::nowhere());
    for text in texts {
        let source = devup::spec::decode::decode(text.as_bytes(), Path::new("compose.yaml")).unwrap();
        for document in devup::spec::parse::parse(&source).unwrap() {
            devup::spec::merge::merge_file(&mut spec, document).unwrap();
            devup::spec::unique::enforce(&mut spec, &[]).unwrap();
        }
    }
    spec.to_json()
}

#[test]
fn files_merge_as_in_compose() {
    let Some(rows) = rows("merge.jsonl") else { return };
    let mut failed = Vec::new();
    for row in &rows {
        let [base, over, expected] = ["base", "override", "expected"].map(|key| row[key].as_str().unwrap());
        let (got, expected) = match (config_of(&[base, over], false), config_of(&[expected], false)) {
            (Ok(got), Ok(expected)) => (lean(&got), lean(&expected)),
            _ => (lean(&merged_raw(&[base, over])), lean(&merged_raw(&[expected]))),
        };
        if got != expected {
            failed.push((row["id"].as_str().unwrap().to_owned(), difference(&expected, &got)));
        }
    }
    report("merge.jsonl", rows.len(), 90.0, KNOWN_MERGES, &failed);
}
