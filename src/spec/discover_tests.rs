use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::spec::node::Source;

/// Files in memory.
#[derive(Default)]
struct Memory(BTreeMap<PathBuf, String>);

impl Memory {
    fn of(paths: &[(&str, &str)]) -> Self {
        Self(paths.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect())
    }
}

impl Files for Memory {
    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    fn read(&self, path: &Path, shown: &Path) -> Result<Arc<Source>, SpecError> {
        Ok(Arc::new(Source { path: shown.to_owned(), text: self.0[path].clone() }))
    }
}

fn request(variables: &[(&str, &str)]) -> Request {
    let environment = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Request { current_dir: "/work/shop/src".into(), environment, ..Request::default() }
}

fn inputs(found: &Found) -> Vec<&str> {
    let text = |input: &'_ Input| match input {
        Input::File(path) => path.to_str().map(str::to_owned),
        Input::Stdin => Some("-".to_owned()),
    };
    found.inputs.iter().filter_map(text).map(|text| &*text.leak()).collect()
}

#[test]
fn the_nearest_folder_wins_and_devups_name_in_it() {
    let files = Memory::of(&[("/work/shop/compose.yaml", ""), ("/work/devup.yaml", "")]);
    let found = discover(&request(&[]), &files).unwrap();
    assert_eq!(inputs(&found), ["/work/shop/compose.yaml"]);
    assert_eq!(found.project_name(None).unwrap().as_str(), "shop");
    assert!(found.warnings.is_empty());

    let files = Memory::of(&[
        ("/work/shop/compose.yaml", ""),
        ("/work/shop/compose.override.yaml", ""),
        ("/work/shop/devup.yml", ""),
    ]);
    let found = discover(&request(&[]), &files).unwrap();
    assert_eq!(inputs(&found), ["/work/shop/devup.yml"]);
    assert_eq!(found.warnings[0].message, "several specs found: `devup.yml` is used, `compose.yaml` not");
}

#[test]
fn composes_names_come_in_composes_order_with_one_override_and_the_overlay() {
    let files = Memory::of(&[
        ("/work/shop/docker-compose.yaml", ""),
        ("/work/shop/docker-compose.yml", ""),
        ("/work/shop/docker-compose.override.yml", ""),
        ("/work/shop/compose.override.yaml", ""),
        ("/work/shop/devup.local.yaml", ""),
    ]);
    let found = discover(&request(&[]), &files).unwrap();
    let expected = ["docker-compose.yml", "compose.override.yaml", "devup.local.yaml"];
    assert_eq!(inputs(&found), expected.map(|name| format!("/work/shop/{name}")));
    assert_eq!(found.warnings.len(), 2);
}

#[test]
fn named_files_are_read_as_named() {
    let files = Memory::of(&[
        ("/work/a.yaml", ""),
        ("/work/shop/src/b.yaml", ""),
        ("/work/devup.local.yaml", ""),
        ("/work/compose.override.yml", ""),
    ]);
    let named = Request { files: vec!["-".into(), "../../a.yaml".into(), "b.yaml".into()], ..request(&[]) };
    let found = discover(&named, &files).unwrap();
    assert_eq!(inputs(&found), ["-", "/work/a.yaml", "/work/shop/src/b.yaml"]);
    assert_eq!(found.project_directory, Path::new("/work"));

    let by_variable = request(&[("COMPOSE_FILE", "../../a.yaml;b.yaml"), ("COMPOSE_PATH_SEPARATOR", ";")]);
    let found = discover(&by_variable, &files).unwrap();
    assert_eq!(inputs(&found), ["/work/a.yaml", "/work/shop/src/b.yaml", "/work/devup.local.yaml"]);

    let missing = Request { files: vec!["c.yaml".into()], ..request(&[]) };
    let screen = discover(&missing, &files).unwrap_err().screen(false);
    assert!(screen.contains("can't read `c.yaml`: there is no such file (-f asks for it)"), "{screen}");
}

#[test]
fn nothing_found_says_what_was_looked_for() {
    let error = discover(&request(&[]), &Memory::default()).unwrap_err();
    insta::assert_snapshot!(error.screen(false), @r"
    error: no spec found in `/work/shop/src` or any folder above it
      help: looked for devup.yaml, devup.yml, compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml, .devcontainer/devcontainer.json, .devcontainer.json; go to the project's folder, name a file with `-f FILE`, or start one with `devup init`
    ");
}

#[test]
fn environment_files_stand_behind_the_environment() {
    let files = Memory::of(&[
        ("/work/shop/compose.yaml", ""),
        ("/work/shop/.env", "A=shop\nB=shop\nC=shop\nCOMPOSE_PROFILES=x, y\n"),
        ("/work/shop/src/.env", "B=src\n"),
        ("/work/shop/src/one.env", "A=1\nB=${A}1\n"),
        ("/work/shop/src/two.env", "B=${B}2\n"),
    ]);
    let found = discover(&request(&[("A", "process")]), &files).unwrap();
    let value = |found: &Found, name: &str| found.environment.get(name).cloned().unwrap_or_default();
    assert_eq!(["A", "B", "C"].map(|n| value(&found, n)), ["process", "src", "shop"]);
    assert_eq!(found.profiles, ["x", "y"]);

    let named = Request { env_files: vec!["one.env".into(), "two.env".into()], ..request(&[]) };
    let found = discover(&named, &files).unwrap();
    assert_eq!(["A", "B", "C"].map(|n| value(&found, n)), ["1", "112", ""]);

    let found = discover(&request(&[("COMPOSE_ENV_FILES", "two.env,one.env")]), &files).unwrap();
    assert_eq!(value(&found, "B"), "11");
    let found = discover(&request(&[("COMPOSE_DISABLE_ENV_FILE", "1")]), &files).unwrap();
    assert_eq!(value(&found, "C"), "");
    assert!(discover(&request(&[("COMPOSE_DISABLE_ENV_FILE", "maybe")]), &files).is_err());
    assert!(discover(&Request { env_files: vec!["no.env".into()], ..request(&[]) }, &files).is_err());
}

#[test]
fn profiles_of_the_command_line_replace_the_variables() {
    let files = Memory::of(&[("/work/shop/compose.yaml", "")]);
    let asked = Request { profiles: vec!["a".into()], ..request(&[("COMPOSE_PROFILES", "b")]) };
    assert_eq!(discover(&asked, &files).unwrap().profiles, ["a"]);
}

#[test]
fn names_have_their_order() {
    let files = Memory::of(&[("/work/shop/compose.yaml", ""), ("/work/My Shop!/compose.yaml", "")]);
    let name = |request: &Request, top: Option<&str>| {
        let at = At::nowhere();
        discover(request, &files).and_then(|f| f.project_name(top.map(|t| (t, &at)))).map(|n| n.as_str().to_owned())
    };
    let all = Request { project_name: Some("p".into()), ..request(&[("COMPOSE_PROJECT_NAME", "v")]) };
    assert_eq!(name(&all, Some("t")).unwrap(), "p");
    assert_eq!(name(&request(&[("COMPOSE_PROJECT_NAME", "v")]), Some("t")).unwrap(), "v");
    assert_eq!(name(&request(&[]), Some("t")).unwrap(), "t");
    let moved = Request { project_directory: Some("../../My Shop!".into()), ..request(&[]) };
    assert_eq!(name(&moved, None).unwrap(), "myshop");
    let screen = name(&request(&[]), Some("My Shop")).unwrap_err().screen(false);
    assert!(screen.contains("for example `-p myshop`"), "{screen}");
}

#[test]
fn overlays_lie_beside_the_spec_and_are_not_read_beside_named_files() {
    let files = Memory::of(&[
        ("/work/shop/compose.yaml", ""),
        ("/work/shop/compose.override.yaml", ""),
        ("/work/shop/devup.local.yaml", ""),
        ("/work/shop/src/devup.local.yaml", ""),
        ("/work/other.yaml", ""),
    ]);
    let all = ["/work/shop/compose.yaml", "/work/shop/compose.override.yaml", "/work/shop/devup.local.yaml"];
    let elsewhere = Request { project_directory: Some("/work/shop/src".into()), ..request(&[]) };
    let found = discover(&elsewhere, &files).unwrap();
    assert_eq!(
        (inputs(&found).as_slice(), found.project_directory.as_path()),
        (all.as_slice(), Path::new("/work/shop/src"))
    );
    let by_name = Request { project_name: Some("mine".into()), ..request(&[]) };
    let found = discover(&by_name, &files).unwrap();
    assert_eq!(inputs(&found), all, "a name changes nothing about the files");
    assert_eq!(found.given_name.unwrap().as_str(), "mine");
    for project_directory in [None, Some("/work/shop".into()), Some("/work/shop/src".into())] {
        let named = Request {
            files: vec!["/work/shop/compose.yaml".into(), "/work/other.yaml".into()],
            project_directory: project_directory.clone(),
            ..request(&[("COMPOSE_FILE", "none.yaml")])
        };
        let found = discover(&named, &files).unwrap();
        assert_eq!(inputs(&found), ["/work/shop/compose.yaml", "/work/other.yaml"], "{project_directory:?}");
        let folder = project_directory.unwrap_or_else(|| "/work/shop".into());
        assert_eq!(found.project_directory, folder);
    }
}
