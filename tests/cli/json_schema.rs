//! The JSON Schema that `devup schema` prints, judged by an independent validator.

use std::path::PathBuf;
use std::sync::Arc;

use devup::spec::interpolate::interpolate;
use devup::spec::node::{MergeTag, Node, Source, Value};
use devup::spec::parse::parse;
use devup::spec::schema::json_schema;

/// The public cases; tests that need them say so and pass where they are not at hand.
fn cases(file: &str) -> Option<Vec<serde_json::Value>> {
    let Some(folder) = std::env::var_os("DEVUP_CASES") else {
        println!("skipped: DEVUP_CASES is not set");
        return None;
    };
    let text = std::fs::read_to_string(PathBuf::from(folder).join("compose").join(file)).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn documents(text: &str) -> Option<Vec<Node>> {
    let source = Arc::new(Source { path: "compose.yaml".into(), text: text.into() });
    let mut documents = parse(&source).ok()?;
    for document in &mut documents {
        interpolate(document, &|_| None).ok()?;
        drop_resets(document);
    }
    Some(documents)
}

/// What is tagged `!reset` is taken out by the merge; a schema can't see tags.
fn drop_resets(node: &mut Node) {
    match &mut node.value {
        Value::Map(map) => {
            map.retain(|_, entry| entry.node.tag != Some(MergeTag::Reset));
            map.values_mut().for_each(|entry| drop_resets(&mut entry.node));
        }
        Value::Seq(items) => items.iter_mut().for_each(drop_resets),
        _ => {}
    }
}

#[test]
fn it_is_a_schema_of_its_draft() {
    assert!(jsonschema::meta::is_valid(&json_schema()));
}

#[test]
fn it_accepts_every_valid_case() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    let (mut refused, mut accepted) = (Vec::new(), 0);
    for file in ["snippets.jsonl", "files.jsonl"] {
        let Some(rows) = cases(file) else { return };
        for row in rows.iter().filter(|row| row.get("error").is_none()) {
            for document in documents(row["input"].as_str().unwrap()).unwrap() {
                match validator.validate(&document.to_json()) {
                    Ok(()) => accepted += 1,
                    Err(error) => refused.push(format!("{} {}: {error}", row["id"], error.instance_path())),
                }
            }
        }
    }
    println!("{accepted} documents accepted");
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    assert!(accepted > 200);
}

/// Whatever the schema refuses, the checks refuse as well: an editor never marks what devup takes.
#[test]
fn it_is_never_stricter_than_the_checks() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schema/verdicts.tsv");
    let samples =
        ["null", "\"s\"", "1", "-1", "1.5", "true", "[]", "[\"a\"]", "[1]", "{}", "{\"a\":\"b\"}", "{\"a\":null}"];
    let mut wrong = Vec::new();
    for row in std::fs::read_to_string(fixture).unwrap().lines().filter(|row| !row.starts_with('#')) {
        let template = row.split('\t').nth(2).unwrap();
        for sample in samples {
            let text = template.replace('@', sample);
            let Some(document) = documents(&text).and_then(|all| all.into_iter().next()) else { continue };
            let checked = devup::spec::schema::validate(&document).is_ok();
            if checked && !validator.is_valid(&document.to_json()) {
                wrong.push(text);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The wrong specs whose fault lies in keys, kinds, words or numbers: an editor marks them before devup is run. The
/// others are wrong in ways that a JSON Schema can't say (references, forms, files, variables).
#[test]
fn it_refuses_the_wrong_specs_that_a_schema_can_know() {
    const KNOWN: [&str; 18] = [
        "06-list-at-the-top",
        "07-services-as-list",
        "08-misspelt-key",
        "09-misspelt-top-level-key",
        "10-service-at-the-top",
        "11-service-key-at-the-top",
        "12-top-level-key-in-service",
        "13-key-too-deep",
        "14-key-not-deep-enough",
        "15-ports-not-a-list",
        "16-number-for-text",
        "24-condition-misspelt",
        "25-condition-missing",
        "39-error-in-included-file",
        "42-later-schema",
        "53-empty-service",
        "54-service-name",
        "55-many-at-once",
    ];
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wrong");
    let mut refused = Vec::new();
    for fixture in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let files = ["devup.yaml", "compose.yaml", "compose.override.yaml", "db/compose.yaml"];
        let texts = files.iter().filter_map(|file| std::fs::read_to_string(fixture.path().join(file)).ok());
        let documents = texts.filter_map(|text| documents(&text)).flatten();
        if documents.map(|document| document.to_json()).any(|document| !validator.is_valid(&document)) {
            refused.push(fixture.file_name().to_string_lossy().into_owned());
        }
    }
    refused.sort();
    assert_eq!(refused, KNOWN);
}
