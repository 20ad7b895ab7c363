//! Volumes got back from a snapshot: loaded beside what is there, and put in place of it when all of them are whole.

use std::path::Path;

use indexmap::IndexMap;
use serde::Serialize;

use super::databases::{self, Loaded};
use super::error::{AppError, Result};
use super::live::Live;
use super::volumes::{Holdings, holdings, users};
use crate::backup::kept::Kept;
use crate::backup::manifest::Entry as Part;
use crate::backup::part::Kind;
use crate::model::environment::Environment;
use crate::model::labels;
use crate::model::observed::Container;
use crate::model::resource::Volume;
use crate::volume::beside::{Access, Helper};
use crate::volume::error::VolumeError;
use crate::volume::fill::{self, Fill, Filled};
use crate::volume::node;
use crate::volume::source::{ABOUT, About, FILES};

/// What a snapshot says of a volume's holes is shorter.
const LONGEST_ABOUT: u64 = 64 * 1024 * 1024;

/// One volume that was got back.
#[derive(Debug, Clone, Serialize)]
pub struct Refilled {
    /// What it is called in the backup.
    pub part: String,
    /// What the engine calls it.
    pub volume: String,
    /// What is in it now.
    #[serde(flatten)]
    pub filled: Filled,
}

/// What became of all of them.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Refill {
    /// Those that are as they were.
    pub volumes: Vec<Refilled>,
    /// Databases that were loaded.
    pub databases: Vec<Loaded>,
    /// What was left alone, and why.
    pub skipped: Vec<String>,
    /// Containers that were stopped meanwhile, and run again.
    pub restarted: Vec<String>,
}

/// A volume to be filled.
struct Target<'k> {
    part: &'k Part,
    name: String,
    volume: String,
    /// It was made for this, and goes when this fails.
    made: bool,
}

/// Fills a project's volumes from a snapshot. Until all of them are loaded and compared nothing that is there changes, and
/// services go on; then their users are stopped, everything is put in place, and they start again.
pub fn refill(live: &Live, kept: &Kept, project: &str, environment: Option<&Environment>) -> Result<Refill> {
    let parts: Vec<&Part> = kept.manifest.parts.iter().filter(|part| part.kind == Kind::Volume).collect();
    let dumps = kept.manifest.parts.iter().filter(|part| part.kind == Kind::Database);
    for part in parts.iter().copied().chain(dumps) {
        kept.verify(part)?;
    }
    let holdings = holdings(live, project, environment)?;
    let mut refill = Refill::default();
    let mut targets = Vec::new();
    for part in parts {
        match target(live, part, project, environment, &holdings)? {
            Some(target) => targets.push(target),
            None => refill.skipped.push(format!(
                "{}: no container has it yet; `devup create` makes one, then restore again",
                part.name.as_deref().unwrap_or_default()
            )),
        }
    }
    let done = fill_all(live, kept, &targets, &holdings.containers, &mut refill);
    if done.is_err() {
        for target in targets.iter().filter(|target| target.made) {
            // the error of the restore is the one to tell
            let _ = live.wait(live.engine.containers.remove_volume(&target.volume));
        }
    }
    done?;
    let (loaded, skipped) = databases::load(live, kept, &holdings, environment)?;
    refill.databases = loaded;
    refill.skipped.extend(skipped);
    Ok(refill)
}

/// The volume that a part belongs to; one with a name is made where it is missing.
fn target<'k>(
    live: &Live,
    part: &'k Part,
    project: &str,
    environment: Option<&Environment>,
    holdings: &Holdings,
) -> Result<Option<Target<'k>>> {
    let name = part.name.clone().unwrap_or_default();
    if let Some(owned) = holdings.volumes.iter().find(|owned| owned.part == name) {
        return Ok(Some(Target { part, name, volume: owned.volume.clone(), made: false }));
    }
    // those without a name of their own are called by service and path
    if name.contains(':') {
        return Ok(None);
    }
    let wanted = environment.and_then(|environment| environment.volumes.get(&name)).cloned();
    if wanted.as_ref().is_some_and(|wanted| wanted.external) {
        return Ok(None);
    }
    let wanted = wanted.unwrap_or_else(|| Volume { name: format!("{project}_{name}"), ..Volume::default() });
    let marks = [(labels::PROJECT, project), (labels::VOLUME, &*name), (labels::OWNER, env!("CARGO_PKG_VERSION"))];
    let marks: IndexMap<String, String> =
        marks.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    live.wait(live.engine.containers.create_volume(&wanted, &marks))?;
    Ok(Some(Target { part, name, volume: wanted.name, made: true }))
}

fn fill_all(live: &Live, kept: &Kept, targets: &[Target], containers: &[Container], refill: &mut Refill) -> Result<()> {
    let reach = live.reach()?;
    let mut helpers = Vec::new();
    for target in targets {
        helpers.push(Helper::start(&reach, &target.volume, Access::Fill)?);
    }
    let mut loaded = Vec::new();
    for (target, helper) in targets.iter().zip(&helpers) {
        loaded.push(load(kept, target.part, helper)?);
    }
    let volumes: Vec<&str> = targets.iter().map(|target| target.volume.as_str()).collect();
    let users = users(containers, &volumes);
    let swapped = stop(live, &users).and_then(|()| {
        for (target, loaded) in targets.iter().zip(loaded) {
            let filled = loaded.swap()?;
            refill.volumes.push(Refilled { part: target.name.clone(), volume: target.volume.clone(), filled });
        }
        Ok(())
    });
    let started = start(live, &users);
    refill.restarted = users.iter().map(|container| container.name.clone()).collect();
    swapped.and(started)
}

fn stop(live: &Live, users: &[&Container]) -> Result<()> {
    for container in users {
        live.wait(live.engine.containers.stop(&container.id, None))?;
    }
    Ok(())
}

/// All of them, whatever becomes of one.
fn start(live: &Live, users: &[&Container]) -> Result<()> {
    let mut ended = Ok(());
    for container in users.iter().rev() {
        let started = live.wait(live.engine.containers.start(&container.id));
        ended = ended.and(started.map_err(AppError::from));
    }
    ended
}

/// Loads one part beside what a volume holds.
fn load<'h>(kept: &Kept, part: &Part, helper: &'h Helper) -> Result<fill::Loaded<'h>> {
    let about = kept.small(&part.place.join(ABOUT), LONGEST_ABOUT)?;
    let mut holes = about.map(|text| About::parse(&text)).unwrap_or_default().holes;
    let mut fill = Fill::begin(helper)?;
    let mut failed: Option<VolumeError> = None;
    let walked = kept.walk(&part.place.join(Path::new(FILES)), &mut |path, found, content| {
        let mut entry = node::entry(found, path.to_vec());
        entry.holes = holes.remove(&entry.path).unwrap_or_default();
        let identity = found.content.iter().flatten().map(|id| id.to_hex().as_str().to_owned()).collect();
        fill.add(entry, identity, content).map_err(|error| {
            let said = error.to_string();
            failed = Some(error);
            said
        })
    });
    match (failed, walked) {
        (Some(error), _) => Err(error.into()),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) => Ok(fill.check()?),
    }
}
