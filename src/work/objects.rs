//! Questions about objects, asked of a view.

use std::collections::{BTreeMap, BTreeSet};

use super::error::WorkError;
use super::view::View;
use crate::git::call::lines;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A commit.
    Commit,
    /// An annotated tag.
    Tag,
    /// A tree.
    Tree,
    /// A file's content.
    Blob,
}

impl Kind {
    /// It leads to commits.
    pub(super) fn walks(self) -> bool {
        matches!(self, Self::Commit | Self::Tag)
    }
}

/// The kinds of these objects, those that are there. Short names are answered by the whole one.
pub(super) fn kinds(view: &View, names: &BTreeSet<String>) -> Result<BTreeMap<String, (String, Kind)>, WorkError> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let input: String = names.iter().map(|name| format!("{name}\n")).collect();
    let answer = view.objects().feed(&["cat-file", "--batch-check=%(objectname) %(objecttype)"], input)?;
    let mut found = BTreeMap::new();
    for (name, line) in names.iter().zip(lines(&answer)) {
        let line = String::from_utf8_lossy(line);
        let Some((oid, kind)) = line.split_once(' ') else { continue };
        let kind = match kind {
            "commit" => Kind::Commit,
            "tag" => Kind::Tag,
            "tree" => Kind::Tree,
            "blob" => Kind::Blob,
            _ => continue,
        };
        found.insert(name.clone(), (oid.to_owned(), kind));
    }
    Ok(found)
}

/// How many commits the first reach and the others do not. All of them have to be there.
pub(super) fn count<'a>(
    view: &View,
    from: impl IntoIterator<Item = &'a String>,
    not: impl IntoIterator<Item = &'a String>,
) -> Result<usize, WorkError> {
    let mut input: String = from.into_iter().map(|oid| format!("{oid}\n")).collect();
    if input.is_empty() {
        return Ok(0);
    }
    input.extend(not.into_iter().map(|oid| format!("^{oid}\n")));
    let answer = view.objects().feed(&["rev-list", "--count", "--stdin"], input)?;
    let text = String::from_utf8_lossy(&answer);
    text.trim().parse().map_err(|_| WorkError::Answer {
        repository: view.objects().git_dir().to_owned(),
        what: format!("rev-list --count says {:?}", text.trim()),
    })
}

/// Whether the first reach a commit that the others do not. All of them have to be there.
pub(super) fn any<'a>(
    view: &View,
    from: impl IntoIterator<Item = &'a String>,
    not: impl IntoIterator<Item = &'a String>,
) -> Result<bool, WorkError> {
    let mut input: String = from.into_iter().map(|oid| format!("{oid}\n")).collect();
    let not: String = not.into_iter().map(|oid| format!("^{oid}\n")).collect();
    if input.is_empty() || not.is_empty() {
        // nothing is to be asked: a tip is a commit of its own
        return Ok(!input.is_empty());
    }
    input.push_str(&not);
    Ok(!view.objects().feed(&["rev-list", "--max-count=1", "--stdin"], input)?.is_empty())
}

/// The commits that the first reach and the others do not.
pub(super) fn list<'a>(
    view: &View,
    from: impl IntoIterator<Item = &'a String>,
    not: impl IntoIterator<Item = &'a String>,
    partial: bool,
) -> Result<BTreeSet<String>, WorkError> {
    let mut input: String = from.into_iter().map(|oid| format!("{oid}\n")).collect();
    if input.is_empty() {
        return Ok(BTreeSet::new());
    }
    input.extend(not.into_iter().map(|oid| format!("^{oid}\n")));
    let promised = if partial { &["--exclude-promisor-objects"][..] } else { &[][..] };
    let answer = view.objects().feed(&[&["rev-list", "--stdin"][..], promised].concat(), input)?;
    Ok(lines(&answer).map(|line| String::from_utf8_lossy(line).into_owned()).collect())
}

/// Makes a tree of these contents in the view, each under its own name, and returns it.
pub(super) fn tree(view: &View, blobs: &BTreeSet<String>) -> Result<String, WorkError> {
    let input: Vec<u8> = blobs.iter().flat_map(|oid| format!("100644 blob {oid}\t{oid}\0").into_bytes()).collect();
    let answer = view.objects().feed(&["mktree", "-z", "--missing"], input)?;
    Ok(String::from_utf8_lossy(&answer).trim().to_owned())
}

/// The contents that a commit's tree names.
pub(super) fn contents(view: &View, commit: &str) -> Result<BTreeSet<String>, WorkError> {
    let answer = view.objects().read(&["ls-tree", "-r", "-z", "--full-tree", commit])?;
    let blobs =
        crate::git::call::parts(&answer).filter_map(|line| line.split(|byte| *byte == b' ' || *byte == b'\t').nth(2));
    Ok(blobs.map(|oid| String::from_utf8_lossy(oid).into_owned()).collect())
}
