use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::super::node::Source;
use super::super::{config, decode, resolve};
use super::*;
use crate::model::name::ProjectName;

/// Files that are there only for the test; the first one is the spec.
struct Memory(BTreeMap<PathBuf, String>);

impl Files for Memory {
    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    fn read(&self, path: &Path, shown: &Path) -> Result<Arc<Source>, SpecError> {
        let Some(text) = self.0.get(path) else {
            let fault = Fault::Unreadable { path: shown.to_owned(), reason: "there is no such file".into() };
            return Err(SpecError::new(fault, &At::nowhere()));
        };
        decode::decode(text.as_bytes(), shown)
    }
}

fn options() -> LoadOptions {
    LoadOptions::new("/shop".into(), Some("/home/me".into()))
}

fn load_with(files: &[(&str, &str)], change: impl FnOnce(&mut Found, &mut LoadOptions)) -> Result<Loaded, SpecError> {
    let mut found = Found {
        inputs: vec![Input::File(format!("/shop/{}", files[0].0).into())],
        project_directory: "/shop".into(),
        given_name: None,
        profiles: Vec::new(),
        environment: Variables::new(),
        env_files: Vec::new(),
        warnings: Vec::new(),
    };
    let mut options = options();
    change(&mut found, &mut options);
    let files = files.iter().map(|(path, text)| (PathBuf::from(format!("/shop/{path}")), (*text).to_owned()));
    config::load_to_print(&found, &Memory(files.collect()), &options)
}

fn loaded(files: &[(&str, &str)]) -> Loaded {
    load_with(files, |_, _| {}).unwrap_or_else(|error| panic!("{}", error.screen(false)))
}

fn refused(spec: &str) -> String {
    load_with(&[("compose.yaml", spec)], |_, _| {}).unwrap_err().screen(false)
}

#[test]
fn included_files_keep_their_own_folder_and_environment() {
    let loaded = loaded(&[
        ("compose.yaml", "include: [{path: db/compose.yaml}]\nservices: {web: {image: w, depends_on: [db]}}\n"),
        (
            "db/compose.yaml",
            "include: [../cache/compose.yaml]\nservices: {db: {image: \"pg:${V}\", volumes: [./data:/d]}}\n",
        ),
        ("db/.env", "V=15\n"),
        ("cache/compose.yaml", "services: {cache: {image: \"redis:${V}\", build: .}}\n"),
    ]);
    let services = &loaded.canonical()["services"];
    assert_eq!(services["db"]["image"], "pg:15");
    assert_eq!(services["db"]["volumes"][0]["source"], "/shop/db/data");
    assert_eq!(services["cache"]["image"], "redis:15", "the including environment reaches inwards");
    assert_eq!(services["cache"]["build"]["context"], "/shop/cache");
    assert_eq!(loaded.origins()["services.cache.image"].source.as_ref().unwrap().path, Path::new("cache/compose.yaml"));
}

#[test]
fn extended_services_bring_their_paths_and_chains() {
    let loaded = loaded(&[
        (
            "compose.yaml",
            "services:\n  web: {extends: {file: base/b.yaml, service: app}, environment: {A: 2}, ports: ['80:80']}\n  worker: {extends: web, ports: !reset [], command: work}\n",
        ),
        (
            "base/b.yaml",
            "services:\n  app: {extends: root, environment: [A=1, B=1], volumes: ['./src:/src']}\n  root: {image: r, labels: {l: 1}}\n",
        ),
    ]);
    let services = &loaded.canonical()["services"];
    assert_eq!(services["web"]["environment"], json!({"A": "2", "B": "1"}));
    assert_eq!(services["web"]["volumes"][0]["source"], "/shop/base/src");
    assert_eq!(services["worker"]["labels"], json!({"l": "1"}));
    assert_eq!(services["worker"].get("ports"), None);
    assert_eq!(services["worker"]["command"], json!(["work"]));
}

#[test]
fn later_files_reset_and_override() {
    let base = "services: {a: {image: x, ports: ['80:80'], environment: [A=1, B=2], volumes: ['v:/v'], command: q}}\nvolumes: {v: }\n";
    let over = "services: {a: {ports: !override ['81:81'], environment: {A: !reset null}, volumes: !reset [], command: null}}\n";
    let loaded = load_with(&[("compose.yaml", base), ("over.yaml", over)], |found, _| {
        found.inputs.push(Input::File("/shop/over.yaml".into()));
    })
    .unwrap();
    let service = &loaded.canonical()["services"]["a"];
    assert_eq!(service["ports"].as_array().unwrap().len(), 1);
    assert_eq!(service["ports"][0]["published"], "81");
    assert_eq!(service["environment"], json!({"B": "2"}));
    assert_eq!((service.get("volumes"), service.get("command")), (None, None));
    assert_eq!(loaded.canonical().get("volumes"), None, "unused volumes are left out");
}

#[test]
fn profiles_disable_services_and_may_leave_dependencies() {
    let spec = "services:\n  a: {image: x, depends_on: {b: {condition: service_started, required: false}}}\n  b: {image: y, profiles: [p]}\n";
    let off = loaded(&[("compose.yaml", spec)]);
    assert!(off.disabled.contains_key("b"));
    assert_eq!(resolve::environment(&off).unwrap().disabled["b"].image.as_deref(), Some("y"));
    let on = load_with(&[("compose.yaml", spec)], |found, _| found.profiles = vec!["p".into()]).unwrap();
    assert!(on.disabled.is_empty());
    let hard = spec.replace("required: false", "required: true");
    assert!(refused(&hard).contains("enable one of its profiles"));
}

#[test]
fn names_come_from_the_spec_and_take_the_projects() {
    let spec = "name: \"${N:-My Shop}\"\nservices: {a: {image: \"i:${COMPOSE_PROJECT_NAME}\", container_name: fixed, volumes: ['vv:/v', 'ww:/w', 'xx:/x']}}\nvolumes: {vv: , ww: {name: own}, xx: {external: true}}\n";
    let plain = loaded(&[("compose.yaml", spec)]);
    assert_eq!(plain.project.as_str(), "myshop");
    assert_eq!(plain.canonical()["services"]["a"]["image"], "i:myshop");
    let environment = resolve::environment(&plain).unwrap();
    assert_eq!((environment.project_name(), environment.base_name.as_str()), ("myshop", "myshop"));
    let names: Vec<&str> = environment.volumes.values().map(|volume| volume.name.as_str()).collect();
    assert_eq!(names, ["myshop_vv", "own", "xx"]);
    assert_eq!(environment.networks["default"].name, "myshop_default");
    assert!(!plain.named_by_folder);
    let nameless = loaded(&[("compose.yaml", "services: {a: {image: x}}\n")]);
    assert_eq!((nameless.project.as_str(), nameless.named_by_folder), ("shop", true));
    let given = load_with(&[("compose.yaml", "services: {a: {image: x}}\n")], |found, _| {
        found.given_name = ProjectName::parse("mine").ok();
    });
    assert!(!given.unwrap().named_by_folder);
}

#[test]
fn files_of_services_fill_in() {
    let spec = "services: {a: {image: x, env_file: [a.env, {path: no.env, required: false}], environment: {A: own, BARE: }, label_file: l.env, labels: {L: own}}}\n";
    let loaded = loaded(&[("compose.yaml", spec), ("a.env", "A=1\nB=2\nC=${B}3\n"), ("l.env", "L=1\nM=2\n")]);
    let service = &loaded.canonical()["services"]["a"];
    assert_eq!(service["environment"], json!({"A": "own", "B": "2", "C": "23", "BARE": null}));
    assert_eq!(service["labels"], json!({"L": "own", "M": "2"}));
    assert_eq!(loaded.origins()["services.a.environment.B"].column, 37, "a variable stands where its file is named");
    assert!(refused(spec).contains("there is no such file"));
}

#[test]
fn a_compose_file_is_printed_as_compose_prints_it() {
    let spec = "services: {db: {image: pg, x-devup: {env: postgres-15}}}\nx-devup: {tasks: {t: {service: db, run: 'echo $$X'}}, up: [t]}\n";
    let printed = loaded(&[("compose.yaml", spec)]);
    let yaml = config::yaml(&printed);
    assert!(yaml.contains("    image: pg\n") && yaml.contains("    x-devup:\n      env: postgres-15\n"), "{yaml}");
    assert_eq!(config::json(&printed)["x-devup"]["tasks"]["t"]["run"], "echo $$X");
    let found = Found {
        inputs: vec![Input::File("/shop/compose.yaml".into())],
        project_directory: "/shop".into(),
        given_name: None,
        profiles: Vec::new(),
        environment: Variables::new(),
        env_files: Vec::new(),
        warnings: Vec::new(),
    };
    let files = Memory([("/shop/compose.yaml".into(), spec.to_owned())].into());
    let environment = resolve::environment(&load(&found, &files, &options()).unwrap()).unwrap();
    assert_eq!(environment.services["db"].env.as_deref(), Some("postgres-15"));
    assert_eq!(environment.services["db"].image, None);
    assert_eq!((environment.tasks["t"].run.as_str(), environment.up.as_slice()), ("echo $X", &["t".to_owned()][..]));
}

#[test]
fn lost_words_and_old_versions_are_warned_of() {
    let loaded = loaded(&[("compose.yaml", "version: '3'\nservices: {a: {image: x, command: a && b}}\n")]);
    let warnings: Vec<String> = loaded.warnings.iter().map(|warning| warning.screen(false)).collect();
    assert!(warnings.iter().any(|w| w.contains("`version`") && w.contains("compose.yaml:1:1")), "{warnings:?}");
    assert!(warnings.iter().any(|w| w.contains("all from `&` on is ignored")), "{warnings:?}");
    assert_eq!(loaded.canonical()["services"]["a"]["command"], json!(["a"]));
}

#[test]
fn circles_are_told_with_their_way() {
    assert!(refused("services: {a: {image: x, extends: b}, b: {extends: a}}\n").contains("a → b → a"));
    assert!(refused("services: {a: {image: x, depends_on: [b]}, b: {image: x, links: [a]}}\n").contains("a → b → a"));
    assert!(refused("include: [compose.yaml]\n").contains("compose.yaml → compose.yaml"));
    assert!(refused("include: ['oci://x/y']\n").contains("not available yet"));
}

#[test]
fn an_empty_spec_is_refused() {
    assert!(refused("# nothing\n").contains("the spec is empty"));
    assert!(refused("- a\n").contains("must be a mapping, but it is a list"));
}
