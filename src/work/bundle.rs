//! The bundle: objects that the remote has not, with names for what leads to them, in git's own format. Put together
//! here, and not by `git bundle create`, because names are wanted (stashes, indexes, detached heads) that the repository
//! has no refs for, and nothing may be written to it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::description::Bundle;
use super::error::WorkError;
use super::objects::{self, Kind, kinds};
use super::repository::Settings;
use super::view::View;
use crate::base::digest::Digest;
use crate::git::call::LONG;

/// Something to keep, by the name that the bundle has for it.
pub(super) type Tip = (String, String);

/// Up to so many commits a pack is computed anew, so that it is the same however the repository was packed.
const FEW: usize = 5000;

/// Writes a bundle of everything that the tips reach and the bases do not. `None`: there is nothing.
pub(super) fn write(
    view: &View,
    settings: &Settings,
    tips: &[Tip],
    bases: &BTreeSet<String>,
    file: &Path,
) -> Result<Option<Bundle>, WorkError> {
    let names: BTreeSet<String> = tips.iter().map(|(_, oid)| oid.clone()).collect();
    let kinds = kinds(view, &names)?;
    if let Some((name, oid)) = tips.iter().find(|(_, oid)| !kinds.contains_key(oid)) {
        return Err(WorkError::Lost { name: name.clone(), oid: oid.clone() });
    }
    let commits: Vec<&String> = names.iter().filter(|oid| kinds[*oid].1.walks()).collect();
    let new = objects::list(view, commits, bases, settings.partial)?;
    // a commit that the base has is none of the bundle's; what is no commit is never in doubt
    let kept: BTreeSet<&Tip> =
        tips.iter().filter(|(_, oid)| kinds[oid].1 != Kind::Commit || new.contains(oid)).collect();
    if kept.is_empty() {
        return Ok(None);
    }
    let pack = pack(view, settings, &kept, bases, new.len() <= FEW)?;
    assemble(settings, &kept, bases, &pack, file).map_err(WorkError::file("write", file))?;
    let digest = File::open(file).and_then(Digest::of_reader).map_err(WorkError::file("read", file))?;
    let _ = std::fs::remove_file(&pack);
    Ok(Some(Bundle { sha256: digest.to_string(), bases: bases.iter().cloned().collect() }))
}

fn pack(
    view: &View,
    settings: &Settings,
    kept: &BTreeSet<&Tip>,
    bases: &BTreeSet<String>,
    anew: bool,
) -> Result<std::path::PathBuf, WorkError> {
    let mut input: String = kept.iter().map(|(_, oid)| format!("{oid}\n")).collect();
    input.extend(bases.iter().map(|oid| format!("^{oid}\n")));
    let name = view.objects().git_dir().join("bundle");
    let shown = name.to_string_lossy().into_owned();
    let mut arguments = vec!["pack-objects", "--revs", "-q", "--delta-base-offset", "--threads=1"];
    if anew {
        arguments.extend(["--no-reuse-delta", "--no-reuse-object"]);
    }
    if settings.partial {
        // what a remote promised is left to it
        arguments.push("--exclude-promisor-objects");
    }
    arguments.push(&shown);
    let answer = view.objects().within(LONG).feed(&arguments, input)?;
    let hash = String::from_utf8_lossy(&answer).trim().to_owned();
    Ok(view.objects().git_dir().join(format!("bundle-{hash}.pack")))
}

fn assemble(
    settings: &Settings,
    kept: &BTreeSet<&Tip>,
    bases: &BTreeSet<String>,
    pack: &Path,
    file: &Path,
) -> io::Result<()> {
    let mut out = File::create(file)?;
    match settings.object_format.as_deref() {
        Some("sha256") => out.write_all(b"# v3 git bundle\n@object-format=sha256\n")?,
        _ => out.write_all(b"# v2 git bundle\n")?,
    }
    for oid in bases {
        writeln!(out, "-{oid} ")?;
    }
    for (name, oid) in kept {
        writeln!(out, "{oid} {name}")?;
    }
    out.write_all(b"\n")?;
    io::copy(&mut File::open(pack)?, &mut out)?;
    out.sync_all()
}
