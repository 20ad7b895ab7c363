//! Objects and refs: what the remote has is fetched where it is not here, the rest comes out of the bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;

use super::Target;
use crate::base::digest::Digest;
use crate::git::address::Address;
use crate::git::call::{Git, LONG, lines};
use crate::work::description::Bundle;
use crate::work::error::WorkError;

/// Brings every object of the capture into the repository: out of the bundle, and from the remote where the bundle stands
/// on what it has, or where refs lead to what the remote is to bring by itself.
pub(super) fn bring(target: &Target<'_>, notes: &mut Vec<String>) -> Result<(), WorkError> {
    let git = Git::on(&target.place.common).within(LONG);
    if let Some(bundle) = &target.captured.bundle {
        if !has_all(&git, &bundle.bases)? {
            fetch(target, &git)?;
        }
        if !has_all(&git, &bundle.bases)? {
            let reason = format!("the remote does not have {} any more, on which they stand", bundle.bases.join(", "));
            return Err(WorkError::Base { path: target.place.folder.clone(), reason });
        }
        unbundle(target, &git, bundle)?;
    }
    if !has_all(&git, target.captured.refs.iter().map(|(_, oid)| oid))?
        && let Err(error) = fetch(target, &git)
    {
        // whatever exists only here is in the bundle; which refs are missing then is said one by one
        if target.captured.bundle.as_ref().is_none_or(|bundle| !bundle.bases.is_empty()) {
            return Err(error);
        }
        notes.push(error.to_string());
    }
    Ok(())
}

fn unbundle(target: &Target<'_>, git: &Git, bundle: &Bundle) -> Result<(), WorkError> {
    let file = target.part.join("objects.bundle");
    let digest = File::open(&file).and_then(Digest::of_reader).map_err(WorkError::file("read", &file))?;
    if digest.to_string() != bundle.sha256 {
        return Err(WorkError::Capture { path: file, reason: "it is not what was written".to_owned() });
    }
    if bundle.bases.is_empty() && target.part.join("git/shallow").exists() {
        // the history ends where it ended before
        let shallow = target.place.common.join("shallow");
        fs::copy(target.part.join("git/shallow"), &shallow).map_err(WorkError::file("write", &shallow))?;
    }
    let file = std::path::absolute(&file).map_err(WorkError::file("find", &file))?;
    git.read(&["bundle", "unbundle", utf8(&file)?])?;
    Ok(())
}

/// Git's own arguments are text here; a capture lies where devup put it.
fn utf8(path: &Path) -> Result<&str, WorkError> {
    path.to_str().ok_or_else(|| WorkError::Capture { path: path.to_owned(), reason: "its name is no text".to_owned() })
}

fn has_all<'a>(git: &Git, oids: impl IntoIterator<Item = &'a String>) -> Result<bool, WorkError> {
    Ok(missing(git, oids)?.is_empty())
}

/// Those of the objects that are not here.
fn missing<'a>(git: &Git, oids: impl IntoIterator<Item = &'a String>) -> Result<BTreeSet<String>, WorkError> {
    let oids: BTreeSet<&String> = oids.into_iter().collect();
    if oids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let input: String = oids.iter().map(|oid| format!("{oid}\n")).collect();
    let answer = git.feed(&["cat-file", "--batch-check=%(objectname)"], input)?;
    let missing = lines(&answer).filter_map(|line| line.strip_suffix(b" missing"));
    Ok(missing.map(|oid| String::from_utf8_lossy(oid).into_owned()).collect())
}

/// Fetches everything from the remote that the capture names.
fn fetch(target: &Target<'_>, git: &Git) -> Result<(), WorkError> {
    let place = &target.place.folder;
    let Some((name, url)) = &target.captured.remote else { return Ok(()) };
    let base = target.captured.path.path();
    let address = Address::parse(url, &base)
        .map_err(|error| WorkError::Base { path: place.clone(), reason: error.to_string() })?;
    // known by a name, so that no address (it may hold a password) is an argument
    let config = target.place.common.join("config");
    let mut text = fs::read(&config).map_err(WorkError::file("read", &config))?;
    let quoted = address.for_git().replace('\\', "\\\\").replace('"', "\\\"");
    text.extend(format!("\n[remote \"devup-replay\"]\n\turl = \"{quoted}\"\n").bytes());
    fs::write(&config, &text).map_err(WorkError::file("write", &config))?;
    let heads = format!("+refs/heads/*:refs/remotes/{name}/*");
    let fixed = ["fetch", "-q", "--no-write-fetch-head", "--no-auto-maintenance", "--update-head-ok"];
    let rest = ["--", "devup-replay", heads.as_str(), "+refs/tags/*:refs/tags/*"];
    git.read(&[&fixed[..], &rest[..]].concat()).map_err(|error| WorkError::Base {
        path: place.clone(),
        reason: format!("{address} could not be fetched from: {error}"),
    })?;
    Ok(())
}

/// Sets every ref as it was; branches that only the fresh clone or the fetch brought go.
pub(super) fn refs(target: &Target<'_>, notes: &mut Vec<String>) -> Result<(), WorkError> {
    let git = Git::on(&target.place.common);
    let wanted: BTreeMap<&str, &String> = target.captured.refs.iter().map(|(name, oid)| (name.as_str(), oid)).collect();
    let lost = missing(&git, wanted.values().copied())?;
    // nothing is checked out while branches come and go
    git.read(&["symbolic-ref", "HEAD", "refs/heads/devup-replay-none"])?;
    clear(&git, &wanted)?;
    let mut commands = String::new();
    for (name, oid) in &wanted {
        if lost.contains(*oid) {
            notes.push(format!("{name} is not put back: the remote does not have {oid} any more"));
        } else {
            commands.push_str(&format!("update {name} {oid}\n"));
        }
    }
    git.feed(&["update-ref", "--stdin"], commands)?;
    for (name, stands_for) in &target.captured.symbolic {
        git.read(&["symbolic-ref", name, stands_for])?;
    }
    Ok(())
}

/// Refs that a clone makes by itself; others that are there are somebody's own.
const OF_CLONES: &[&str] = &["refs/heads/", "refs/remotes/"];

/// Removes the branches that were not there; apart from setting others, since `a` has to be gone before `a/b` can be.
fn clear(git: &Git, wanted: &BTreeMap<&str, &String>) -> Result<(), WorkError> {
    let there = git.read(&["for-each-ref", "--format=%(symref) %(refname)"])?;
    let mut gone = String::new();
    for line in lines(&there) {
        let line = String::from_utf8_lossy(line);
        let Some((stands_for, name)) = line.split_once(' ') else { continue };
        if !OF_CLONES.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        if !stands_for.is_empty() {
            git.read(&["symbolic-ref", "--delete", name])?;
        } else if !wanted.contains_key(name) {
            gone.push_str(&format!("delete {name}\n"));
        }
    }
    git.feed(&["update-ref", "--stdin"], gone)?;
    Ok(())
}
