//! Python: requirements.txt, pyproject.toml, Pipfile, manage.py; Django, Flask, `FastAPI`, Celery.

use super::{told, version_file};
use crate::import::app::{App, Process, Step, Task};
use crate::import::blocks::{Blocks, Ground, Language};
use crate::import::finding::{Finding, Place};
use crate::import::read::tree::Tree;
use crate::import::read::{Dependency, lines, named, toml};
use crate::import::snapshot::Folder;

const PYTHON: Language = Language { name: "Python", family: "python", image: "python", suffix: "", usual: "3.13" };
const REQUIREMENTS: [&str; 5] = [
    "requirements.txt",
    "requirements/dev.txt",
    "requirements/development.txt",
    "requirements/local.txt",
    "requirements/base.txt",
];
const MANIFESTS: [&str; 3] = ["pyproject.toml", "Pipfile", "manage.py"];
/// Installs what pyproject.toml names, and not the project itself, whose files change all the time.
const INSTALL_PROJECT: &str = "python -c 'import tomllib; print(*tomllib.load(open(\"pyproject.toml\", \"rb\"))[\"project\"]\
    [\"dependencies\"], sep=\"\\0\", end=\"\\0\")' | xargs -0 pip install";

/// What Python's manifests say.
#[derive(Default)]
struct Manifests {
    dependencies: Vec<Dependency>,
    version: Option<(String, Place)>,
    /// How to install, with the place that told it.
    install: Option<(Step, Place)>,
    open: Vec<Finding>,
}

/// Reads a folder.
pub fn read(folder: &Folder, blocks: &Blocks) -> Option<App> {
    let first = folder.first_of(&REQUIREMENTS).or_else(|| folder.first_of(&MANIFESTS))?;
    let seen = folder.place(first, 1);
    let manifests = manifests(folder);
    let mut open = manifests.open;
    let wanted = version_file(folder, ".python-version").or_else(|| version_file(folder, "runtime.txt"));
    let ground = blocks.ground(PYTHON, wanted.or(manifests.version).as_ref(), &seen, &mut open);
    let on_block = matches!(ground.value, Ground::Env(_));
    let mut app = App::new("Python", folder, seen, ground);
    app.dependencies = manifests.dependencies;
    app.open = open;
    build_tools(&mut app, on_block);
    match manifests.install {
        Some((step, place)) => app.step(step, &place, "what the program imports"),
        None => app.open.push(Finding::at(&app.seen.clone(), "no file names what the program imports")),
    }
    if !on_block {
        // the building block has both
        app.variable("PYTHONUNBUFFERED", "1", &app.seen.clone(), "what it prints is seen at once");
    }
    framework(&mut app, folder);
    celery(&mut app, folder);
    Some(app)
}

fn manifests(folder: &Folder) -> Manifests {
    let mut found = Manifests::default();
    for name in REQUIREMENTS.iter().chain(&["requirements-dev.txt"]) {
        if let Some(text) = folder.text(name) {
            found.dependencies.extend(lines::requirements(text, &folder.path_of(name)));
        }
    }
    if let Some(tree) = folder
        .text("pyproject.toml")
        .and_then(|text| told(toml::parse(text), folder, "pyproject.toml", &mut found.open))
    {
        pyproject(&tree, folder, &mut found);
    }
    if let Some(tree) =
        folder.text("Pipfile").and_then(|text| told(toml::parse(text), folder, "Pipfile", &mut found.open))
    {
        let packages = tree.at(&["packages"]).map(Tree::entries).unwrap_or_default();
        let each = packages.iter().map(|(name, line, rest)| {
            Dependency::new(name, rest.text().unwrap_or_default(), folder.place("Pipfile", *line))
        });
        found.dependencies.extend(each);
        let verb = if folder.has("Pipfile.lock") { "sync" } else { "install --skip-lock" };
        let step = Step::new(
            format!("pip install pipenv && pipenv {verb} --system"),
            &present(folder, &["Pipfile", "Pipfile.lock"]),
        );
        found.install.get_or_insert((step, folder.place("Pipfile", 1)));
    }
    if let Some(name) = folder.first_of(&REQUIREMENTS) {
        let mut inputs: Vec<&str> =
            folder.paths().filter(|path| path.starts_with("requirements") && has_end(path, "txt")).collect();
        inputs.truncate(20);
        found.install = Some((Step::new(format!("pip install -r {name}"), &inputs), folder.place(name, 1)));
    }
    found
}

fn present<'a>(folder: &Folder, names: &[&'a str]) -> Vec<&'a str> {
    names.iter().filter(|name| folder.has(name)).copied().collect()
}

fn pyproject(tree: &Tree, folder: &Folder, found: &mut Manifests) {
    let file = folder.path_of("pyproject.toml");
    let lists = [["project", "dependencies"]].iter().filter_map(|keys| tree.at(keys));
    let groups = ["optional-dependencies"].iter().filter_map(|key| tree.at(&["project", key]));
    let lists = lists.chain(groups.flat_map(|group| group.entries().iter().map(|(.., list)| list)));
    for item in lists.flat_map(Tree::items) {
        let place = Place::new(&file, item.line);
        found.dependencies.extend(item.text().and_then(|text| lines::requirement(text, place)));
    }
    let poetry = tree.at(&["tool", "poetry", "dependencies"]);
    for (name, line, rest) in poetry.map(Tree::entries).unwrap_or_default() {
        let text = rest.text().unwrap_or_default();
        if name == "python" {
            found.version = Some((text.to_owned(), Place::new(&file, *line)));
        } else {
            found.dependencies.push(Dependency::new(name, text, Place::new(&file, *line)));
        }
    }
    if let Some(wanted) = tree.at(&["project", "requires-python"]) {
        found.version = wanted.text().map(|text| (text.to_owned(), Place::new(&file, wanted.line)));
    }
    let place = |keys: &[&str]| Place::new(&file, tree.at(keys).map_or(1, |part| part.line));
    let install = if poetry.is_some() || folder.has("poetry.lock") {
        let step = Step::new(
            "pip install poetry && poetry install --no-root",
            &present(folder, &["pyproject.toml", "poetry.lock"]),
        );
        Some((step, place(&["tool", "poetry"])))
    } else if folder.has("uv.lock") {
        let step = Step::new(
            "pip install uv && uv export --frozen --no-emit-project --quiet -o /tmp/requirements.txt && pip install -r /tmp/requirements.txt",
            &["pyproject.toml", "uv.lock"],
        );
        Some((step, folder.place("uv.lock", 1)))
    } else {
        tree.at(&["project", "dependencies"])
            .map(|list| (Step::new(INSTALL_PROJECT, &["pyproject.toml"]), Place::new(&file, list.line)))
    };
    found.install = install;
}

/// Whether a name ends so; as on Linux, its case counts.
fn has_end(path: &str, end: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, last)| last == end)
}

/// Drivers that are compiled while they are installed.
fn build_tools(app: &mut App, on_block: bool) {
    for (driver, library) in [("psycopg2", "libpq-dev"), ("mysqlclient", "default-libmysqlclient-dev pkg-config")] {
        let Some(place) = named(&app.dependencies, &[driver]).map(|one| one.place.clone()) else { continue };
        // the official image has a compiler and Python's headers
        let tools = if on_block { "gcc python3-dev " } else { "" };
        let run = format!("apt-get update && apt-get install -y --no-install-recommends {tools}{library}");
        app.step(Step::new(run, &[]), &place, format!("{driver} is compiled when it is installed"));
    }
}

fn framework(app: &mut App, folder: &Folder) {
    let name = app.main_name();
    let place_of = |app: &App, names: &[&str]| named(&app.dependencies, names).map(|one| one.place.clone());
    if let Some(place) =
        place_of(app, &["django"]).or_else(|| folder.has("manage.py").then(|| folder.place("manage.py", 1)))
    {
        if folder.has("manage.py") {
            "Django".clone_into(&mut app.kind);
            let run = "python manage.py runserver 0.0.0.0:8000";
            app.processes.push(Process::new(&name, run, &folder.place("manage.py", 1), "Django's own server").on(
                8000,
                &place,
                "Django's usual port",
            ));
            app.tasks.push(
                Task::new("migrate", "python manage.py migrate --noinput", &place, "brings Django's tables up to date")
                    .at_up(),
            );
            app.tasks.push(Task::new("test", "python manage.py test", &place, "Django's tests"));
            return;
        }
        app.open.push(Finding::at(&place, "Django, but no manage.py here"));
    }
    if let Some(place) = place_of(app, &["fastapi"]) {
        "FastAPI".clone_into(&mut app.kind);
        if let Some((module, variable, at)) = application(folder, "FastAPI(") {
            let run = format!("uvicorn {module}:{variable} --host 0.0.0.0 --port 8000 --reload");
            if named(&app.dependencies, &["uvicorn"]).is_none()
                && !app.dependencies.iter().any(|one| one.rest.contains("[standard]") || one.rest.contains("[all]"))
            {
                app.open.push(Finding::at(&place, "uvicorn starts it, and is not among what is installed"));
            }
            app.processes.push(Process::new(&name, run, &at, "the FastAPI application").on(
                8000,
                &place,
                "uvicorn's usual port",
            ));
            return;
        }
    }
    if let Some(place) = place_of(app, &["flask"]) {
        "Flask".clone_into(&mut app.kind);
        if let Some((module, _, at)) = application(folder, "Flask(") {
            let run = format!("flask --app {module} run --host 0.0.0.0 --port 5000 --debug");
            app.processes.push(Process::new(&name, run, &at, "the Flask application").on(
                5000,
                &place,
                "Flask's usual port",
            ));
            return;
        }
    }
    app.processes.push(Process::unknown(&name));
}

/// The module and variable that hold the application: the first line at most one folder deep that makes one.
fn application(folder: &Folder, call: &str) -> Option<(String, String, Place)> {
    folder.texts().filter(|(path, _)| has_end(path, "py") && path.matches('/').count() <= 1).find_map(|(path, text)| {
        let (number, line) = text.lines().enumerate().find(|(_, line)| line.contains(call) && line.contains('='))?;
        let variable = line.split('=').next()?.split(':').next()?.trim();
        let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let module = path.trim_end_matches(".py").replace('/', ".");
        // inside a function it is a factory, which Flask finds by itself; uvicorn needs a variable
        let variable = if is_word(variable) { variable } else { "app" };
        module.split('.').all(is_word).then(|| (module, variable.to_owned(), folder.place(path, number + 1)))
    })
}

fn celery(app: &mut App, folder: &Folder) {
    let Some(place) = named(&app.dependencies, &["celery"]).map(|one| one.place.clone()) else { return };
    match application(folder, "Celery(") {
        Some((module, _, at)) => {
            let package = module.strip_suffix(".celery").unwrap_or(&module);
            let name = if app.folder.is_empty() { "worker".to_owned() } else { format!("{}-worker", app.main_name()) };
            let run = format!("celery --app {package} worker --loglevel info");
            app.processes.push(Process::new(&name, run, &at, "the Celery application: its worker"));
        }
        None => app.open.push(Finding::at(
            &place,
            "celery, but none of the files that were looked at makes a Celery application: no worker was made",
        )),
    }
}
