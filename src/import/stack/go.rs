//! Go: go.mod and where `main` is.

use super::port_in;
use crate::import::app::{App, Process, Task};
use crate::import::blocks::{Blocks, Language};
use crate::import::finding::{Because, Finding};
use crate::import::read::lines;
use crate::import::snapshot::Folder;

const GO: Language = Language { name: "Go", family: "go", image: "golang", suffix: "", usual: "1.25" };

/// Reads a folder.
pub fn read(folder: &Folder, blocks: &Blocks) -> Option<App> {
    let text = folder.text("go.mod")?;
    let seen = folder.place("go.mod", 1);
    let mut open = Vec::new();
    let wanted = lines::word(text, "go").map(|(version, line)| (version.to_owned(), folder.place("go.mod", line)));
    let ground = blocks.ground(GO, wanted.as_ref(), &seen, &mut open);
    let mut app = App::new("Go", folder, seen.clone(), ground);
    app.dependencies = lines::modules(text, &folder.path_of("go.mod"));
    let name = app.main_name();
    let mut mains: Vec<&str> = folder
        .texts()
        .filter(|(path, text)| path.ends_with("main.go") && text.lines().any(|line| line.trim() == "package main"))
        .filter_map(|(path, _)| path.strip_suffix("main.go"))
        .collect();
    mains.sort_by_key(|path| path.len());
    let plain = |path: &str| path.chars().all(|c| c.is_ascii_alphanumeric() || "/_-.".contains(c));
    let process = match mains.as_slice() {
        [main, others @ ..] if plain(main) && (main.is_empty() || others.is_empty()) => {
            let package = if main.is_empty() { ".".to_owned() } else { format!("./{}", main.trim_end_matches('/')) };
            let at = folder.place(&format!("{main}main.go"), 1);
            Process::new(&name, format!("go run {package}"), &at, "the program")
        }
        [] => Process::unknown(&name),
        _ => {
            let all: Vec<String> =
                mains.iter().take(8).map(|main| format!("./{}", main.trim_end_matches('/'))).collect();
            open.push(Finding::at(&seen, format!("which program is it? There are {}", all.join(", "))));
            Process::unknown(&name)
        }
    };
    let port = port_in(folder, &["main.go", "server.go"], &mut open);
    let process = match port {
        Some((port, place)) => process.on(port, &place, "the port in the program"),
        None => {
            open.push(Finding::at(&seen, "on which port does it listen? None is published"));
            process
        }
    };
    app.processes.push(process);
    app.open = open;
    app.tasks.push(Task::new("test", "go test ./...", &seen, "Go's tests"));
    app.volumes.push(("gomodules", Because::of("/go/pkg/mod".to_owned(), &seen, "downloaded modules")));
    app.volumes.push(("gobuild", Because::of("/root/.cache/go-build".to_owned(), &seen, "what was compiled")));
    Some(app)
}
