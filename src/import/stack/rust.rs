//! Rust: Cargo.toml.

use super::{port_in, told, version_file};
use crate::import::app::{App, Process, Task};
use crate::import::blocks::{Blocks, Language};
use crate::import::finding::{Because, Finding};
use crate::import::read::tree::{Data, Tree};
use crate::import::read::{Dependency, named, toml};
use crate::import::snapshot::Folder;

const RUST: Language = Language { name: "Rust", family: "rust", image: "rust", suffix: "", usual: "1" };

/// Reads a folder.
pub fn read(folder: &Folder, blocks: &Blocks) -> Option<App> {
    let text = folder.text("Cargo.toml")?;
    let seen = folder.place("Cargo.toml", 1);
    let mut open = Vec::new();
    let manifest = told(toml::parse(text), folder, "Cargo.toml", &mut open).unwrap_or_else(|| Tree::other(1));
    let channel = folder.text("rust-toolchain.toml").and_then(|text| {
        let tree = told(toml::parse(text), folder, "rust-toolchain.toml", &mut open)?;
        let channel = tree.at(&["toolchain", "channel"])?;
        Some((channel.text()?.to_owned(), folder.place("rust-toolchain.toml", channel.line)))
    });
    let wanted = channel.or_else(|| version_file(folder, "rust-toolchain"));
    let ground = blocks.ground(RUST, wanted.as_ref(), &seen, &mut open);
    let mut app = App::new("Rust", folder, seen.clone(), ground);
    let sections =
        [&["dependencies"][..], &["workspace", "dependencies"]].into_iter().filter_map(|keys| manifest.at(keys));
    app.dependencies = sections
        .flat_map(Tree::entries)
        .map(|(name, line, value)| Dependency::new(name, &features(value), folder.place("Cargo.toml", *line)))
        .collect();
    let name = app.main_name();
    let binaries = manifest.at(&["bin"]).map_or(0, |bins| bins.items().len());
    let mut process = Process::unknown(&name);
    if manifest.at(&["package"]).is_none() {
        open.push(Finding::at(&seen, "a workspace: which of its programs runs? `command: cargo run --bin NAME`"));
    } else if binaries > 1 && manifest.at(&["package", "default-run"]).is_none() {
        open.push(Finding::at(&seen, "several programs: which one runs? `command: cargo run --bin NAME`"));
    } else if folder.has("src/main.rs") || binaries == 1 || manifest.at(&["package", "default-run"]).is_some() {
        process = Process::new(&name, "cargo run", &seen, "the package's program");
    }
    if let Some(place) = named(&app.dependencies, &["rocket"]).map(|one| one.place.clone()) {
        app.variable("ROCKET_ADDRESS", "0.0.0.0", &place, "Rocket listens on loopback otherwise");
        process = process.on(8000, &place, "Rocket's usual port");
    } else if let Some((port, place)) = port_in(folder, &["main.rs"], &mut open) {
        process = process.on(port, &place, "the port in the program");
    } else {
        open.push(Finding::at(&seen, "on which port does it listen? None is published"));
    }
    app.processes.push(process);
    app.open = open;
    app.tasks.push(Task::new("test", "cargo test", &seen, "Cargo's tests"));
    app.volumes.push(("cargo", Because::of("/usr/local/cargo/registry".to_owned(), &seen, "downloaded crates")));
    app.volumes.push((
        "rusttarget",
        Because::of("/workspace/target".to_owned(), &seen, "what was compiled, apart from the host's"),
    ));
    Some(app)
}

/// `features` of a dependency as text: they tell which database a driver of several is for.
fn features(value: &Tree) -> String {
    match &value.data {
        Data::Text(text) => text.clone(),
        _ => {
            let list = value.at(&["features"]).map(Tree::items).unwrap_or_default();
            list.iter().filter_map(Tree::text).collect::<Vec<_>>().join(",")
        }
    }
}
