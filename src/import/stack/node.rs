//! Node: package.json, its scripts and lock files; Next, Vite, Express and their like.

use super::{port_in, told, version_file};
use crate::import::app::{App, Command, Process, Step, Task};
use crate::import::blocks::{Blocks, Ground, Language};
use crate::import::finding::{Because, Finding, Place};
use crate::import::read::tree::Tree;
use crate::import::read::{Dependency, json, named};
use crate::import::snapshot::Folder;

const NODE: Language = Language { name: "Node", family: "node", image: "node", suffix: "", usual: "22" };
/// Scripts that start a development server, best first.
const SCRIPTS: [&str; 5] = ["dev", "start:dev", "develop", "start", "serve"];

/// A framework: the package that tells it, its port, and what makes its server listen to more than loopback.
const FRAMEWORKS: [(&str, &str, u16, &str); 17] = [
    ("next", "Next", 3000, ""),
    ("nuxt", "Nuxt", 3000, "--host 0.0.0.0"),
    ("astro", "Astro", 4321, "--host 0.0.0.0"),
    ("gatsby", "Gatsby", 8000, "--host 0.0.0.0"),
    ("@angular/core", "Angular", 4200, "--host 0.0.0.0"),
    ("react-scripts", "Create React App", 3000, ""),
    ("@vue/cli-service", "Vue CLI", 8080, ""),
    ("@sveltejs/kit", "SvelteKit", 5173, "--host 0.0.0.0"),
    ("vite", "Vite", 5173, "--host 0.0.0.0"),
    ("@nestjs/core", "Nest", 3000, ""),
    ("express", "Express", 3000, ""),
    ("fastify", "Fastify", 3000, ""),
    ("koa", "Koa", 3000, ""),
    ("@hapi/hapi", "hapi", 3000, ""),
    ("hono", "Hono", 3000, ""),
    ("@remix-run/dev", "Remix", 3000, ""),
    ("parcel", "Parcel", 1234, "--host 0.0.0.0"),
];
/// Files with a server's `listen`.
const SERVERS: [&str; 8] = ["server.js", "index.js", "app.js", "main.js", "server.ts", "index.ts", "app.ts", "main.ts"];

/// How packages are installed and scripts run.
struct Manager {
    name: &'static str,
    /// What the image lacks.
    prepare: Option<&'static str>,
    install: &'static str,
    lock: Option<&'static str>,
    place: Place,
}

/// Reads a folder.
pub fn read(folder: &Folder, blocks: &Blocks) -> Option<App> {
    let text = folder.text("package.json")?;
    let seen = folder.place("package.json", 1);
    let mut open = Vec::new();
    let manifest = told(json::parse(text), folder, "package.json", &mut open).unwrap_or_else(|| Tree::other(1));
    let wanted = version_file(folder, ".nvmrc").or_else(|| version_file(folder, ".node-version")).or_else(|| {
        let node = manifest.at(&["engines", "node"])?;
        Some((node.text()?.to_owned(), folder.place("package.json", node.line)))
    });
    let manager = manager(folder, &manifest);
    let ground = if manager.name == "bun" {
        Because::of(Ground::Image("oven/bun:1".to_owned()), &manager.place, "bun's lock file")
    } else {
        blocks.ground(NODE, wanted.as_ref(), &seen, &mut open)
    };
    let mut app = App::new("Node", folder, seen, ground);
    app.open = open;
    app.dependencies = dependencies(&manifest, &folder.path_of("package.json"));
    install(&mut app, &manager);
    main_process(&mut app, folder, &manifest, manager.name);
    if let Some(test) =
        manifest.at(&["scripts", "test"]).filter(|test| !test.text().unwrap_or_default().contains("no test specified"))
    {
        let place = folder.place("package.json", test.line);
        app.tasks.push(Task::new("test", &format!("{} test", manager.name), &place, "the project's own tests"));
    }
    Some(app)
}

fn manager(folder: &Folder, manifest: &Tree) -> Manager {
    let corepack = Some("corepack enable");
    let made =
        |name, prepare, install, lock: Option<&'static str>, place| Manager { name, prepare, install, lock, place };
    if let Some(lock) = folder.first_of(&["pnpm-lock.yaml"]) {
        return made("pnpm", corepack, "pnpm install --frozen-lockfile", Some(lock), folder.place(lock, 1));
    }
    if let Some(lock) = folder.first_of(&["bun.lock", "bun.lockb"]) {
        return made("bun", None, "bun install --frozen-lockfile", Some(lock), folder.place(lock, 1));
    }
    let asked = manifest.at(&["packageManager"]);
    let text = asked.and_then(Tree::text).unwrap_or_default();
    let place = || folder.place("package.json", asked.map_or(1, |asked| asked.line));
    if let Some(lock) = folder.first_of(&["yarn.lock"]) {
        // yarn 1 comes with the image; later ones through corepack
        let (prepare, install) = match text.strip_prefix("yarn@") {
            Some(version) if !version.starts_with("1.") => (corepack, "yarn install --immutable"),
            _ => (None, "yarn install --frozen-lockfile"),
        };
        return made("yarn", prepare, install, Some(lock), folder.place(lock, 1));
    }
    if let Some(lock) = folder.first_of(&["package-lock.json", "npm-shrinkwrap.json"]) {
        return made("npm", None, "npm ci", Some(lock), folder.place(lock, 1));
    }
    match text.split('@').next() {
        Some("pnpm") => made("pnpm", corepack, "pnpm install", None, place()),
        Some("yarn") => made("yarn", corepack, "yarn install", None, place()),
        _ => made("npm", None, "npm install", None, folder.place("package.json", 1)),
    }
}

fn install(app: &mut App, manager: &Manager) {
    if let Some(prepare) = manager.prepare {
        app.step(Step::new(prepare, &[]), &manager.place, format!("{} comes with Node's corepack", manager.name));
    }
    let inputs: Vec<&str> = ["package.json"].into_iter().chain(manager.lock).collect();
    let why = if manager.lock.is_some() { "the lock file's package manager" } else { "no lock file is here" };
    app.step(Step::new(manager.install, &inputs).writes("node_modules"), &manager.place, why);
}

fn dependencies(manifest: &Tree, file: &str) -> Vec<Dependency> {
    let sections = ["dependencies", "devDependencies"].iter().filter_map(|key| manifest.at(&[key]));
    let entries = sections.flat_map(Tree::entries);
    entries
        .map(|(name, line, version)| Dependency::new(name, version.text().unwrap_or_default(), Place::new(file, *line)))
        .collect()
}

fn main_process(app: &mut App, folder: &Folder, manifest: &Tree, manager: &str) {
    let name = app.main_name();
    let script = SCRIPTS.iter().find_map(|script| Some((*script, manifest.at(&["scripts", script])?)));
    let Some((script, line)) = script.and_then(|(script, tree)| Some((script, (tree.text()?, tree.line)))) else {
        app.processes.push(Process::unknown(&name));
        return;
    };
    let (text, at) = (line.0, folder.place("package.json", line.1));
    let framework = FRAMEWORKS.iter().find(|(package, ..)| named(&app.dependencies, &[package]).is_some());
    let mut run = format!("{manager} run {script}");
    let mut process = Process::unknown(&name);
    if let Some((_, title, _, host)) = framework {
        (*title).clone_into(&mut app.kind);
        // a script that runs several programs hands arguments to the last one only
        let plain = !text.contains(['&', '|', ';']) && !text.contains("--host") && !text.contains("concurrently");
        if !host.is_empty() && plain {
            run = if manager == "npm" { format!("{run} -- {host}") } else { format!("{run} {host}") };
        } else if !host.is_empty() && !text.contains("--host") {
            app.open.push(Finding::at(&at, format!("{title} listens on loopback only: add {host} to this script")));
        }
    }
    if let Some(port) = port_of(app, folder, text, &at, framework) {
        process.port = Some(port);
    } else {
        app.open.push(Finding::at(&at, "on which port does it listen? None is published"));
    }
    process.command = Some(Because::of(Command::Words(run), &at, format!("the script `{script}`")));
    app.processes.push(process);
}

type Framework = (&'static str, &'static str, u16, &'static str);

/// The port: the script's, the program's own, the framework's usual one.
fn port_of(
    app: &mut App,
    folder: &Folder,
    script: &str,
    at: &Place,
    framework: Option<&Framework>,
) -> Option<Because<u16>> {
    let words: Vec<&str> = script.split_whitespace().collect();
    let stated = words.iter().enumerate().find_map(|(index, word)| match *word {
        "-p" | "--port" => words.get(index + 1)?.parse().ok(),
        word => word.strip_prefix("--port=").or_else(|| word.strip_prefix("PORT="))?.parse::<u16>().ok(),
    });
    if let Some(port) = stated {
        return Some(Because::of(port, at, "the script's port"));
    }
    let configured = folder.texts().find_map(|(path, text)| {
        let line = path
            .starts_with("vite.config.")
            .then(|| text.lines().position(|line| line.trim().starts_with("port:")))??;
        let port =
            text.lines().nth(line)?.trim().trim_start_matches("port:").trim().trim_end_matches(',').parse().ok()?;
        Some(Because::of(port, &folder.place(path, line + 1), "Vite's configuration"))
    });
    let serves_itself = framework.is_none_or(|(package, ..)| {
        ["express", "fastify", "koa", "hono", "@nestjs/core", "@hapi/hapi"].contains(package)
    });
    let own = || {
        let (port, place) = port_in(folder, &SERVERS, &mut app.open).filter(|_| serves_itself)?;
        Some(Because::of(port, &place, "the port in the program"))
    };
    configured.or_else(own).or_else(|| {
        let (package, title, port, _) = framework?;
        let place = named(&app.dependencies, &[package])?.place.clone();
        Some(Because::of(*port, &place, format!("{title}'s usual port")))
    })
}
