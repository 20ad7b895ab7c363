//! Which applications a folder holds, and what is proposed for them.

use super::app::{App, Command, Process, Task, service_name};
use super::blocks::{Blocks, Ground};
use super::finding::{Because, Finding};
use super::read::{Dependency, dockerfile, procfile};
use super::render::{self, Draft};
use super::snapshot::{Folder, Snapshot};
use super::stack::READERS;
use super::{ImportError, Proposal, compose, devcontainer, stores, vagrant, variables};

/// Names of Dockerfiles, best first.
const DOCKERFILES: [&str; 2] = ["Dockerfile", "Containerfile"];
/// Folders directly below that are looked into; more are told.
const MOST_FOLDERS: usize = 24;
/// Folders that show or test something, and are none of what runs.
const ASIDE: [&str; 10] = ["docs", "doc", "examples", "example", "test", "tests", "e2e", "scripts", "tools", "benches"];
/// What a process listens on whose Procfile says `$PORT`.
const PORT: u16 = 8000;

/// Whatever the folder has.
pub fn auto(snapshot: &Snapshot, blocks: &Blocks) -> Result<Proposal, ImportError> {
    if snapshot.is_empty() {
        return Err(ImportError::Empty);
    }
    if let Some(file) = compose::first(snapshot) {
        return Err(ImportError::SpecAlready(file.to_owned()));
    }
    if let Some(file) = devcontainer::first(snapshot) {
        return Err(ImportError::DevContainer(file.to_owned()));
    }
    let (apps, mut open) = apps(snapshot, blocks);
    if snapshot.has(vagrant::NAME) {
        // its machines are the environment where nothing else says what runs
        if apps.iter().all(|app| !app.runs()) {
            return vagrant::propose(snapshot, blocks);
        }
        let what = "not read here; `devup init --from vagrant` makes a spec of it";
        open.push(Finding::at(&snapshot.root().place(vagrant::NAME, 0), what));
    }
    if apps.is_empty() {
        return Err(ImportError::Unknown);
    }
    Ok(draft(snapshot, blocks, apps, open))
}

/// The Dockerfile of the project's folder.
pub fn from_dockerfile(snapshot: &Snapshot, blocks: &Blocks) -> Result<Proposal, ImportError> {
    let root = snapshot.root();
    root.first_of(&DOCKERFILES).ok_or(ImportError::Missing("Dockerfile"))?;
    let mut open = Vec::new();
    let apps = one(&root, blocks, &mut open).into_iter().collect();
    Ok(draft(snapshot, blocks, apps, open))
}

/// The Procfile of the project's folder.
pub fn from_procfile(snapshot: &Snapshot, blocks: &Blocks) -> Result<Proposal, ImportError> {
    let root = snapshot.root();
    root.text("Procfile").ok_or(ImportError::Missing("Procfile"))?;
    let mut open = Vec::new();
    let app = one(&root, blocks, &mut open).ok_or(ImportError::Unknown)?;
    Ok(draft(snapshot, blocks, vec![app], open))
}

fn draft(snapshot: &Snapshot, blocks: &Blocks, mut apps: Vec<App>, mut open: Vec<Finding>) -> Proposal {
    let all: Vec<Dependency> = apps.iter().flat_map(|app| app.dependencies.clone()).collect();
    let found = stores::of(&all, blocks, &mut open);
    for app in &mut apps {
        let folder = snapshot.folder(&app.folder);
        let own = stores::of(&app.dependencies, blocks, &mut Vec::new());
        app.needs = own.iter().map(|store| store.service).collect();
        variables::tell(app, &folder, &own);
    }
    let mut from: Vec<String> = apps.iter().map(|app| app.seen.file.clone()).collect();
    from.dedup();
    render::proposal(Draft { apps, stores: found, open, from }, snapshot)
}

/// Of the folder itself and those directly below it.
fn apps(snapshot: &Snapshot, blocks: &Blocks) -> (Vec<App>, Vec<Finding>) {
    let mut open = Vec::new();
    let mut apps = Vec::new();
    let below: Vec<Folder> =
        snapshot.folders().into_iter().filter(|folder| !ASIDE.contains(&folder.path.as_str())).collect();
    if below.len() > MOST_FOLDERS {
        open.push(Finding::general(format!("only the first {MOST_FOLDERS} folders were looked into")));
    }
    for folder in below.iter().take(MOST_FOLDERS) {
        let mut remarks = Vec::new();
        if let Some(app) = one(folder, blocks, &mut remarks).filter(App::runs) {
            apps.push(app);
            open.extend(remarks);
        }
    }
    let mut remarks = Vec::new();
    let own = one(&snapshot.root(), blocks, &mut remarks);
    match own {
        Some(app) if app.runs() || apps.is_empty() => {
            // what runs from here has its parts below
            if app.runs() {
                for part in apps.drain(..) {
                    let what = format!(
                        "{} is here too, and was made no service, as {} runs it all: `devup init {}` reads it alone",
                        part.kind, app.seen, part.folder
                    );
                    open.push(Finding::at(&part.seen, what));
                }
            }
            open.extend(remarks);
            apps.insert(0, app);
        }
        Some(app) => {
            open.push(Finding::at(&app.seen, "says nothing that runs by itself; the folders below were taken"));
        }
        None => {}
    }
    (apps, open)
}

/// The application of one folder: the first language that knows what runs, under a Dockerfile and a Procfile.
fn one(folder: &Folder, blocks: &Blocks, open: &mut Vec<Finding>) -> Option<App> {
    let mut read: Vec<App> = READERS.iter().filter_map(|reader| reader(folder, blocks)).collect();
    let chosen = read.iter().position(App::runs).unwrap_or(0);
    let mut app = if read.is_empty() { None } else { Some(read.remove(chosen)) };
    for other in read {
        let by = app.as_ref().map(|app| app.kind.clone()).unwrap_or_default();
        open.push(Finding::at(&other.seen, format!("was made no service of its own, as {by} runs here")));
        if let Some(app) = &mut app {
            app.dependencies.extend(other.dependencies);
        }
    }
    let app = under_dockerfile(app, folder);
    under_procfile(app, folder)
}

/// A Dockerfile says on what the program stands and what it runs.
fn under_dockerfile(app: Option<App>, folder: &Folder) -> Option<App> {
    let Some((name, text)) = folder.first_of(&DOCKERFILES).and_then(|name| Some((name, folder.text(name)?))) else {
        return app;
    };
    let read = dockerfile::parse(text);
    let seen = folder.place(name, read.command.unwrap_or(1));
    let context = if folder.path.is_empty() { ".".to_owned() } else { format!("./{}", folder.path) };
    let dockerfile = (name != "Dockerfile").then(|| name.to_owned());
    let ground = Because::of(Ground::Build { context, dockerfile, inline: None }, &seen, "what it stands on, and runs");
    let mut made = App::new("Dockerfile", folder, seen.clone(), ground);
    made.bound = false;
    let mut process = Process::unknown(&made.main_name());
    match read.ports.split_first() {
        Some(((port, line), others)) => {
            process = process.on(*port, &folder.place(name, *line), "the port it exposes");
            for (port, line) in others {
                made.open.push(Finding::at(
                    &folder.place(name, *line),
                    format!("port {port} is exposed too, and not published"),
                ));
            }
        }
        None => made.open.push(Finding::at(&seen, "on which port does it listen? It exposes none, none is published")),
    }
    if read.command.is_none() {
        made.open.push(Finding::at(&seen, "has no CMD: its base image's command runs"));
    }
    made.open.extend(
        read.unread.iter().map(|line| Finding::at(&folder.place(name, *line), "no port, or one of UDP: not published")),
    );
    made.processes.push(process);
    if let Some(app) = app {
        made.open
            .push(Finding::at(&seen, "the image holds the code: bind the folder under `volumes` to edit it in place"));
        made.dependencies = app.dependencies;
        made.tasks = app.tasks;
        // what else runs of it, such as a worker, stands on the same image
        made.processes.extend(app.processes.into_iter().skip(1));
        made.environment = app.environment.into_iter().filter(|(name, _)| name.starts_with("SPRING_")).collect();
    }
    Some(made)
}

/// A Procfile says what runs.
fn under_procfile(app: Option<App>, folder: &Folder) -> Option<App> {
    let (Some(mut app), Some(text)) = (app.clone(), folder.text("Procfile")) else { return app };
    let (lines, unread) = procfile::parse(text);
    app.open.extend(unread.iter().map(|line| Finding::at(&folder.place("Procfile", *line), "is no `name: command`")));
    if lines.is_empty() {
        return Some(app);
    }
    let usual = app.processes.iter().find_map(|process| process.port.clone());
    app.processes.clear();
    for line in lines {
        let place = folder.place("Procfile", line.line);
        if line.name == "release" {
            app.tasks.retain(|task| !task.up);
            let run = Because::of(line.command.clone(), &place, "what is done at each release");
            app.tasks.push(Task { name: "release".to_owned(), run, up: true });
            continue;
        }
        let listens = line.command.contains("$PORT") || line.command.contains("${PORT");
        let name = service_name(&line.name).unwrap_or_else(|| "web".to_owned());
        let name = if app.folder.is_empty() { name } else { format!("{}-{name}", app.main_name()) };
        let command = Because::of(Command::Shell(line.command), &place, "the process");
        let port = match &usual {
            _ if listens => Some(Because::of(PORT, &place, "$PORT")),
            Some(port) if line.name == "web" => Some(port.clone()),
            None if line.name == "web" => {
                app.open.push(Finding::at(&place, "on which port does it listen? None is published"));
                None
            }
            _ => None,
        };
        if listens && app.environment.iter().all(|(name, _)| name != "PORT") {
            app.variable("PORT", &PORT.to_string(), &place, "reads $PORT");
        }
        app.processes.push(Process { name, command: Some(command), port });
    }
    // the main process comes first: tasks run in it
    app.processes.sort_by_key(|process| !process.name.ends_with("web"));
    Some(app)
}
