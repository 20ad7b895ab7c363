//! Whole proposals; those that load and plan are judged in `app::import`, which has the loader's and planner's rooms.
use super::*;

fn snapshot(files: &[(&str, &str)]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (path, text) in files {
        snapshot.add(*path, Some((*text).to_owned()));
    }
    snapshot
}

fn blocks() -> Blocks {
    Blocks::new(["debian-12", "nginx-1.22", "postgres-15", "python-3.11", "redis-7"].map(str::to_owned))
}

fn proposed(files: &[(&str, &str)]) -> Proposal {
    propose(&snapshot(files), From::Auto, &blocks()).unwrap()
}

#[test]
fn a_django_project_is_read_with_the_line_of_each_conclusion() {
    let proposal = proposed(&[
        ("manage.py", "import os\n"),
        ("requirements.txt", "Django>=4.2\npsycopg[binary]\ncelery\n"),
        ("shop/settings.py", "import os\nHOST = os.environ['POSTGRES_HOST']\nURL = os.environ[\"REDIS_URL\"]\n"),
        ("shop/celery.py", "app = Celery(\"shop\")\n"),
        (".env.example", "SECRET_KEY=\nDEBUG=1\n"),
    ]);
    insta::assert_snapshot!(proposal.text);
    assert_eq!(proposal.services, ["db", "redis", "web", "worker"]);
    assert!(proposal.open.iter().any(|finding| finding.to_string()
        == ".env.example:1: SECRET_KEY has no value: put one into .env, or under `environment`"));
}

#[test]
fn two_folders_are_two_services() {
    let proposal = proposed(&[
        ("backend/requirements.txt", "fastapi[standard]\nasyncpg\n"),
        ("backend/app/main.py", "from fastapi import FastAPI\napp = FastAPI()\n"),
        ("frontend/package.json", "{\n \"scripts\": {\"dev\": \"vite\"},\n \"devDependencies\": {\"vite\": \"^5\"}\n}"),
        ("frontend/pnpm-lock.yaml", ""),
        ("README.md", ""),
    ]);
    insta::assert_snapshot!(proposal.text);
}

#[test]
fn what_is_not_known_is_asked_and_not_guessed() {
    let proposal =
        proposed(&[("go.mod", "module x\n"), ("cmd/a/main.go", "package main\n"), ("cmd/b/main.go", "package main\n")]);
    let open: Vec<String> = proposal.open.iter().map(ToString::to_string).collect();
    assert_eq!(
        open,
        [
            "go.mod:1: which Go? No file names a version: golang:1.25 was taken",
            "go.mod:1: which program is it? There are ./cmd/a, ./cmd/b",
            "go.mod:1: on which port does it listen? None is published",
            "go.mod:1: what does `web` run? It waits for `devup shell web` until `command` says so",
        ]
    );
    for finding in &open {
        assert!(proposal.text.contains(&format!("# - {finding}\n")), "{finding}");
    }
}

#[test]
fn what_is_a_spec_already_is_left_alone() {
    let none = |files: &[(&str, &str)]| propose(&snapshot(files), From::Auto, &blocks()).unwrap_err();
    assert_eq!(none(&[]), ImportError::Empty);
    assert_eq!(none(&[("README.md", "")]), ImportError::Unknown);
    assert_eq!(none(&[("compose.yml", ""), ("package.json", "{}")]), ImportError::SpecAlready("compose.yml".into()));
    let file = ".devcontainer/devcontainer.json";
    assert_eq!(none(&[(file, "{}")]), ImportError::DevContainer(file.into()));
    let missing = propose(&snapshot(&[("a", "")]), From::Dockerfile, &blocks()).unwrap_err();
    assert_eq!(missing, ImportError::Missing("Dockerfile"));
}

#[test]
fn a_procfile_says_what_runs() {
    let proposal = proposed(&[
        ("Procfile", "release: python manage.py migrate\nworker: python w.py\nweb: gunicorn a:b --bind :$PORT\n"),
        ("requirements.txt", "gunicorn\n"),
    ]);
    insta::assert_snapshot!(proposal.text);
}
