//! What a backup of everything keeps besides projects: files of the user's own, the list of packages, and which projects
//! there are with their remotes. It comes back first of all: git and ssh want their configuration.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Serialize;

use super::backup::Report;
use super::error::{AppError, Result};
use super::restore::Returned;
use super::vaults::Opened;
use crate::backup::manifest::Gap;
use crate::backup::part::{Kind, Part};
use crate::backup::restore::{Request, restore};
use crate::backup::session::{Session, Subject};
use crate::backup::snapshot::Wanted;
use crate::base::process::Call;
use crate::state::store::State;
use crate::state::workstation::Workstation;
use crate::work::files::copy_any;

/// The label of its snapshots; no project has capitals in its name.
pub const LABEL: &str = "Workstation";
/// The part with the files.
const HOME: &str = "home";
/// Largest file that is taken for one of settings.
const MOST: u64 = 16 * 1024 * 1024;

/// What each package manager says was installed by hand.
const PACKAGES: &[(&str, &[&str])] = &[
    ("apt-mark", &["showmanual"]),
    ("dnf", &["repoquery", "--userinstalled", "--qf", "%{name}\n"]),
    ("pacman", &["-Qqe"]),
    ("zypper", &["search", "--installed-only", "--userinstalled"]),
    ("apk", &["info"]),
    ("brew", &["leaves"]),
];

/// A project, for the list.
#[derive(Debug, Serialize)]
struct Line {
    project: String,
    path: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
}

/// What would be kept: the settings, and the files that they mean, seen from the home folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The settings; the usual ones were written now where there were none.
    pub settings: Workstation,
    /// The settings were written now: the user is to see what they mean.
    pub is_new: bool,
    /// The files.
    pub files: BTreeSet<PathBuf>,
    /// Private keys that are left out.
    pub keys: Vec<PathBuf>,
}

/// Finds the files; writes the usual settings where there are none.
pub fn choose(state: &State, home: &Path) -> Result<Chosen> {
    let known = state.workstation()?;
    let is_new = known.is_none();
    let settings = known.unwrap_or_default();
    if is_new {
        state.write_workstation(&settings)?;
    }
    let mut chosen = Chosen { settings: settings.clone(), is_new, files: BTreeSet::new(), keys: Vec::new() };
    let (include, exclude) = (globs(&settings.include)?, globs(&settings.exclude)?);
    for root in settings.include.iter().map(|pattern| beginning(pattern)).collect::<BTreeSet<_>>() {
        walk(home, &root, &include, &mut chosen.files);
    }
    walk(home, Path::new(".ssh"), &globs(&[".ssh/*".to_owned()])?, &mut chosen.files);
    chosen.files.retain(|file| !exclude.is_match(file));
    let is_key = |file: &PathBuf| is_private_key(&home.join(file));
    chosen.keys = chosen.files.iter().filter(|file| is_key(file)).cloned().collect();
    let keys = settings.ssh_keys;
    chosen.files.retain(|file| include.is_match(file) && !is_key(file) || keys && is_key(file));
    if keys {
        chosen.keys.clear();
    }
    Ok(chosen)
}

fn globs(patterns: &[String]) -> Result<GlobSet> {
    let wrong = |error: globset::Error| {
        AppError::failed(format!("cannot understand a pattern of workstation.yaml: {error}"))
            .help("patterns are seen from the home folder: `.config/git/**`")
    };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(GlobBuilder::new(pattern).literal_separator(true).build().map_err(wrong)?);
    }
    set.build().map_err(wrong)
}

/// The folder or file that a pattern begins with, up to its first special character.
fn beginning(pattern: &str) -> PathBuf {
    let plain = pattern.split(['*', '?', '[', '{']).next().unwrap_or_default();
    if plain.len() == pattern.len() {
        return PathBuf::from(plain);
    }
    PathBuf::from(plain.rsplit_once('/').map_or("", |(folder, _)| folder))
}

/// Files and links below; folders that cannot be read have none. Nothing leads out of the home folder.
fn walk(home: &Path, below: &Path, include: &GlobSet, files: &mut BTreeSet<PathBuf>) {
    if below.is_absolute() || below.components().any(|part| part.as_os_str() == "..") {
        return;
    }
    let whole = home.join(below);
    let Ok(found) = fs::symlink_metadata(&whole) else { return };
    if found.is_dir() {
        let entries = fs::read_dir(&whole).map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default();
        for entry in entries {
            walk(home, &below.join(entry.file_name()), include, files);
        }
    } else if (found.is_symlink() || found.is_file() && found.len() <= MOST) && include.is_match(below) {
        files.insert(below.to_owned());
    }
}

/// Its first line says so.
fn is_private_key(file: &Path) -> bool {
    let content = fs::symlink_metadata(file).ok().filter(fs::Metadata::is_file).and_then(|_| fs::read(file).ok());
    let content = content.unwrap_or_default();
    let first = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    first.starts_with(b"-----BEGIN ") && first.ends_with(b"PRIVATE KEY-----")
}

/// Keeps them. The caller holds the repository's lock.
pub fn keep(state: &State, opened: &Opened, home: &Path, chosen: &Chosen) -> Result<Report> {
    let desk = tempfile::Builder::new()
        .prefix("devup-workstation-")
        .tempdir()
        .map_err(|source| AppError::io("making a folder for what is backed up", source))?;
    let subject =
        Subject { project: LABEL.to_owned(), instance: None, path: None, remote: None, reason: "manual".to_owned() };
    let mut session = Session::begin(&opened.vault, subject, jiff::Timestamp::now())?;
    let (files, settings) = (desk.path().join(HOME), desk.path().join("settings"));
    let mut gaps = Vec::new();
    for folder in [&files, &settings] {
        fs::create_dir(folder).map_err(|source| AppError::io("making a folder for what is backed up", source))?;
    }
    for file in &chosen.files {
        if let Err(error) = copy_any(&home.join(file), &files.join(file)) {
            gaps.push(Gap { what: file.display().to_string(), why: error.to_string() });
        }
    }
    gaps.extend(chosen.keys.iter().map(|key| Gap {
        what: key.display().to_string(),
        why: "private keys are kept only with `ssh_keys: true` in workstation.yaml".to_owned(),
    }));
    lists(state, &chosen.settings, &settings)?;
    let origin = format!("files in {}", home.display());
    session.add(Part::folder(Kind::Folder, Some(HOME.to_owned()), files, &origin, "copied without an error"))?;
    let origin = "packages, and projects with their remotes";
    session.add(Part::folder(Kind::Settings, None, settings, origin, "written by this devup"))?;
    let (summary, manifest) = session.finish(jiff::Timestamp::now(), gaps)?;
    Ok(Report { project: LABEL.to_owned(), repository: opened.name.clone(), summary, manifest })
}

/// Lists that nobody restores by machine: for people, and for their scripts.
fn lists(state: &State, settings: &Workstation, into: &Path) -> Result<()> {
    let write = |name: String, bytes: &[u8]| {
        fs::write(into.join(&name), bytes).map_err(|source| AppError::io(format!("writing {name}"), source))
    };
    let registry = state.registry()?;
    let lines: Vec<Line> = registry
        .entries()
        .map(|entry| Line { project: entry.name.to_string(), path: entry.path.clone(), remote: entry.remote.clone() })
        .collect();
    let text = serde_json::to_vec_pretty(&lines).map_err(|error| AppError::failed(error.to_string()))?;
    write("projects.json".to_owned(), &text)?;
    for (program, arguments) in PACKAGES.iter().filter(|_| settings.packages) {
        if which::which(program).is_err() {
            continue;
        }
        if let Ok(ended) = Call::new(program).args(arguments.iter()).run_blocking()
            && ended.success()
        {
            write(format!("packages-{program}.txt"), &ended.stdout)?;
        }
    }
    Ok(())
}

/// Puts back the files that are not here; `None`: the repository has none. What is here already stays.
pub fn put_back(state: &State, opened: &Opened, home: &Path) -> Result<Option<Returned>> {
    if !opened.vault.snapshots()?.iter().any(|snapshot| snapshot.complete && snapshot.project == LABEL) {
        return Ok(None);
    }
    let folder = state.layout().cache.join("restore");
    fs::create_dir_all(&folder).map_err(|source| AppError::io("making a folder for what is restored", source))?;
    let desk =
        tempfile::tempdir_in(folder).map_err(|source| AppError::io("making a folder for what is restored", source))?;
    let into = desk.path().join("parts");
    let wanted = Wanted::Latest { project: LABEL.to_owned() };
    restore(&opened.vault, &Request { wanted, only: vec![Kind::Folder, Kind::Settings], into: into.clone() })?;
    let mut returned = Returned { project: LABEL.to_owned(), folder: Some(home.to_owned()), ..Returned::default() };
    let from = into.join(Kind::Folder.folder()).join(HOME);
    let (mut put, mut other) = (0, Vec::new());
    let mut files = BTreeSet::new();
    walk(&from, Path::new(""), &globs(&["**".to_owned()])?, &mut files);
    for file in &files {
        let target = home.join(file);
        if fs::symlink_metadata(&target).is_err() {
            copy_any(&from.join(file), &target)
                .map_err(|source| AppError::io(format!("putting {} back", target.display()), source))?;
            put += 1;
        } else if fs::read(&target).ok() != fs::read(from.join(file)).ok() {
            other.push(file.display().to_string());
        }
    }
    returned.restored.push(format!("{put} files of your own"));
    if !other.is_empty() {
        returned.notes.push(format!("these are others here, and stay: {}", other.join(", ")));
    }
    returned.notes.extend(keep_lists(state, &into)?);
    Ok(Some(returned))
}

/// The lists of packages go where they can be read; installing them is the user's.
fn keep_lists(state: &State, parts: &Path) -> Result<Vec<String>> {
    let from = parts.join(Kind::Settings.folder());
    let into = state.layout().state.join("restored");
    let mut notes = Vec::new();
    for entry in fs::read_dir(&from).into_iter().flatten().flatten() {
        let target = into.join(entry.file_name());
        copy_any(&entry.path(), &target)
            .map_err(|source| AppError::io(format!("writing {}", target.display()), source))?;
        if entry.file_name().to_string_lossy().starts_with("packages-") {
            notes.push(format!("packages that were installed there are listed in {}", target.display()));
        }
    }
    notes.sort();
    Ok(notes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::store::temporary;

    #[test]
    fn private_keys_are_left_out_until_the_user_says_so() {
        let (folder, state) = temporary();
        let home = folder.path().join("home");
        fs::create_dir_all(home.join(".ssh")).unwrap();
        fs::create_dir_all(home.join(".config/git")).unwrap();
        for (file, content) in [
            (".gitconfig", "[user]\n"),
            (".config/git/ignore", "*~\n"),
            (".ssh/config", "Host x\n"),
            (".ssh/work", "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n"),
            (".ssh/work.pub", "ssh-ed25519 x\n"),
            (".netrc", "machine x\n"),
        ] {
            fs::write(home.join(file), content).unwrap();
        }
        let names = |chosen: &Chosen| chosen.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>();
        let first = choose(&state, &home).unwrap();
        assert!(first.is_new && state.layout().workstation().exists());
        assert_eq!(names(&first), [".config/git/ignore", ".gitconfig", ".ssh/config", ".ssh/work.pub"]);
        assert_eq!(first.keys, [PathBuf::from(".ssh/work")]);
        let text = "include: ['.gitconfig', '../**', '/etc/*']\nexclude: ['.git*']\nssh_keys: true\n";
        fs::write(state.layout().workstation(), text).unwrap();
        let second = choose(&state, &home).unwrap();
        assert!(!second.is_new && second.keys.is_empty());
        assert_eq!(names(&second), [".ssh/work"]);
    }

    #[test]
    fn patterns_begin_somewhere() {
        assert_eq!(beginning(".config/git/**"), Path::new(".config/git"));
        assert_eq!(beginning(".ssh/*.pub"), Path::new(".ssh"));
        assert_eq!(beginning(".gitconfig"), Path::new(".gitconfig"));
        assert_eq!(beginning("*"), Path::new(""));
    }
}
