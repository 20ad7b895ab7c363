//! Wrong specs and the whole screen that each gets. Every message has its place and its remedy.

use std::path::{Path, PathBuf};

use devup::spec::discover::{Disk, Request, discover};
use devup::spec::error::SpecError;
use devup::spec::load::{LoadOptions, load};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wrong");
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

fn wrong(folder: &Path) -> SpecError {
    let request = Request { current_dir: folder.to_owned(), ..Request::default() };
    let options = LoadOptions::new(folder.to_owned(), None);
    let loaded = discover(&request, &Disk).and_then(|found| load(&found, &Disk, &options));
    match loaded {
        Ok(_) => panic!("{} is accepted", folder.display()),
        Err(error) => error,
    }
}

#[test]
fn every_message_has_place_and_remedy() {
    let all = fixtures();
    assert!(all.len() >= 40, "{}", all.len());
    let mut lacking = Vec::new();
    for folder in all {
        for problem in wrong(&folder).problems() {
            let (name, message) = (folder.file_name().unwrap().to_string_lossy().into_owned(), problem.to_string());
            let shown = SpecError::from(problem.clone()).screen(false);
            if !problem.place().is_some_and(|place| shown.contains(&format!("--> {place}"))) || !shown.contains(" | ") {
                lacking.push(format!("{name}: no place: {message}"));
            }
            if problem.help.trim().is_empty() {
                lacking.push(format!("{name}: no remedy: {message}"));
            }
        }
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

#[test]
fn whole_screens() {
    for folder in fixtures() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let screen = wrong(&folder).screen(false).replace(&*folder.to_string_lossy(), "[FOLDER]");
        let screen = screen.replace(&format!("devup {}", env!("CARGO_PKG_VERSION")), "devup [VERSION]");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../snapshots/wrong");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, screen));
    }
}
