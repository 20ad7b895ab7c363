//! What becomes of each property of a `devcontainer.json`, found out by loading one without and with it
//! (`tests/fixtures/properties.txt`). None may be without effect in silence; the table in `docs/devcontainer.md` is written
//! by this test (`UPDATE_DOCS=1`), and compared otherwise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use devup::model::development::Development;
use devup::model::environment::Environment;
use devup::spec::discover::{Request, discover};
use devup::spec::load::{LoadOptions, load};
use devup::spec::{resolve, schema};
use serde_json::{Map, Value, json};

use crate::compose::Memory;

/// A line of the fixture.
struct Row {
    property: String,
    forms: String,
    without: Map<String, Value>,
    with: Map<String, Value>,
    reason: String,
}

fn mapping(text: &str) -> Map<String, Value> {
    let text = if text.is_empty() { "{}" } else { text };
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string("tests/fixtures/properties.txt").unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let row = |line: &str| {
        let mut columns = line.split('|').map(str::trim);
        let mut column = || columns.next().unwrap_or_default().to_owned();
        let (property, forms) = (column(), column());
        Row { property, forms, without: mapping(&column()), with: mapping(&column()), reason: column() }
    };
    lines.map(row).collect()
}

/// What each form begins with.
const FORMS: [(char, &str); 3] = [
    ('i', "image: a"),
    ('d', "build: {dockerfile: Dockerfile}"),
    ('c', "{dockerComposeFile: compose.yaml, service: app}"),
];

const COMPOSE: &str = "services: {app: {image: a}, db: {image: b}}";
const MORE: &str = "services: {app: {labels: {more: yes it is}}}";

/// What was seen of a dev container.
#[derive(PartialEq)]
struct Seen {
    container: String,
    person: String,
}

fn see(form: &str, is_composed: bool, own: &Map<String, Value>) -> Result<Seen, String> {
    let mut file = mapping(form);
    for (key, value) in own {
        // what is usual depends on the form
        let value = if value == "OTHER" { json!(is_composed) } else { value.clone() };
        match value {
            Value::Null => drop(file.remove(key)),
            value => drop(file.insert(key.clone(), value)),
        }
    }
    let files = [
        ("devcontainer.json", Value::Object(file).to_string()),
        ("compose.yaml", COMPOSE.to_owned()),
        ("more.yaml", MORE.to_owned()),
    ];
    let path = |name: &str| Path::new("/case/.devcontainer").join(name);
    let files = Memory(files.into_iter().map(|(name, text)| (path(name), text)).collect::<BTreeMap<PathBuf, String>>());
    let request = Request { current_dir: "/case".into(), ..Request::default() };
    let found = discover(&request, &files).map_err(|error| error.to_string())?;
    let loaded = load(&found, &files, &LoadOptions::new("/case".into(), None)).map_err(|error| error.to_string())?;
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let environment = resolve::environment(&loaded).map_err(|error| error.to_string())?;
    let Environment { services, volumes, networks, development, .. } = environment;
    Ok(Seen { container: format!("{services:?} {volumes:?} {networks:?}"), person: person(development) })
}

/// What is the person's own: all but where the file lies.
fn person(development: Option<Development>) -> String {
    format!("{:?}", development.map(|development| Development { initialize_at: None, ..development }))
}

/// What becomes of a property in one form; `None`: it means nothing there.
fn cell(row: &Row, (letter, form): (char, &str)) -> Option<&'static str> {
    row.forms.contains(letter).then(|| {
        let [without, with] = [&row.without, &row.with].map(|own| {
            see(form, letter == 'c', own).unwrap_or_else(|error| panic!("{} ({letter}): {error}", row.property))
        });
        match (without.container == with.container, without.person == with.person) {
            (false, false) => "container, workplace",
            (false, true) => "container",
            (true, false) => "workplace",
            (true, true) => "none",
        }
    })
}

#[test]
fn the_fixture_has_every_property_of_the_schema() {
    let rows = rows();
    let lacking: Vec<&str> = schema::devcontainer_properties()
        .map(|(name, _)| name)
        .filter(|name| !rows.iter().any(|row| row.property == *name))
        .collect();
    assert!(lacking.is_empty(), "no line for {lacking:?}");
}

#[test]
fn no_property_is_without_effect_in_silence() {
    for row in rows() {
        for form in FORMS {
            let without_effect = cell(&row, form) == Some("none");
            assert_eq!(
                without_effect,
                cell(&row, form).is_some() && !row.reason.is_empty(),
                "{} ({})",
                row.property,
                form.0
            );
        }
    }
}

/// Where the table stands in `docs/devcontainer.md`.
const BEGIN: &str = "<!-- properties: written by tests/conformance/properties.rs, `UPDATE_DOCS=1 cargo test --test conformance properties` -->";
const END: &str = "<!-- properties: end -->";

#[test]
fn the_table_in_the_docs_is_what_the_code_does() {
    let document = std::fs::read_to_string("docs/devcontainer.md").unwrap();
    let (head, rest) = document.split_once(BEGIN).expect("the table's beginning in docs/devcontainer.md");
    let (table, tail) = rest.split_once(END).expect("the table's end");
    let wanted = table_of(&rows());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write("docs/devcontainer.md", format!("{head}{BEGIN}\n\n{wanted}\n{END}{tail}")).unwrap();
    } else {
        assert_eq!(table.trim(), wanted.trim(), "run UPDATE_DOCS=1 cargo test --test conformance properties");
    }
}

fn table_of(rows: &[Row]) -> String {
    let about: BTreeMap<&str, &str> = schema::devcontainer_properties().collect();
    let mut out =
        "| property | image | Dockerfile | Compose files | support |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for row in rows {
        let [image, dockerfile, compose] = FORMS.map(|form| cell(row, form).unwrap_or("–"));
        let about = about.get(row.property.as_str()).copied().unwrap_or("applied");
        out.push_str(&format!("| `{}` | {image} | {dockerfile} | {compose} | {about} |\n", row.property));
    }
    out
}
