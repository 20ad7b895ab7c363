//! A project's volumes as parts of its backups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::backup::Keeper;
use super::backup::rules::{Fate, Rules};
use super::databases::{self, Dumped};
use super::error::Result;
use super::frozen::Frozen;
use super::live::Live;
use crate::backup::manifest::Gap;
use crate::backup::part::{Kind, Part};
use crate::backup::session::Session;
use crate::driver::container::Scope;
use crate::model::environment::Environment;
use crate::model::labels;
use crate::model::observed::Container;
use crate::plan::is_anonymous;
use crate::volume::beside::{Access, Helper};
use crate::volume::error::VolumeError;
use crate::volume::source::{Noticed, Source};

/// A volume of a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owned {
    /// What it is called in a backup: its key in the spec, or service, number and path of the container that uses it.
    pub part: String,
    /// What the engine calls it.
    pub volume: String,
}

/// What a project has on the engine.
pub struct Holdings {
    /// Its volumes.
    pub volumes: Vec<Owned>,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Volumes that it uses, and that are not its own.
    pub foreign: Vec<String>,
}

/// Looks.
pub fn holdings(live: &Live, project: &str, environment: Option<&Environment>) -> Result<Holdings> {
    let scope = Scope::Project(project.to_owned());
    let engine = &live.engine.containers;
    let (labelled, containers) = live.wait(async { tokio::join!(engine.volumes(&scope), engine.containers(&scope)) });
    let (labelled, containers) = (labelled?, containers?);
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    for volume in labelled {
        let key = volume.labels.get(labels::VOLUME).cloned().unwrap_or_else(|| volume.name.clone());
        named.insert(volume.name, key);
    }
    let mut foreign = BTreeSet::new();
    for (key, volume) in environment.iter().flat_map(|environment| &environment.volumes) {
        if volume.external {
            foreign.insert(volume.name.clone());
        } else if !named.contains_key(&volume.name) && live.wait(engine.volume(&volume.name))?.is_some() {
            named.insert(volume.name.clone(), key.clone());
        }
    }
    let mut volumes: Vec<Owned> =
        named.iter().map(|(volume, part)| Owned { part: part.clone(), volume: volume.clone() }).collect();
    for container in containers.iter().filter(|container| !container.oneoff()) {
        for mount in container.mounts.iter().filter(|mount| mount.kind == "volume") {
            if is_anonymous(&mount.source) && !named.contains_key(&mount.source) && !foreign.contains(&mount.source) {
                let part = format!("{}-{}:{}", container.service(), container.number(), mount.target);
                volumes.push(Owned { part, volume: mount.source.clone() });
            }
        }
    }
    volumes.sort();
    volumes.dedup_by(|one, other| one.volume == other.volume);
    Ok(Holdings { volumes, containers, foreign: foreign.into_iter().collect() })
}

/// The containers that run and write to one of these volumes, those that were made last first: what others need was made
/// before them.
pub fn users<'c>(containers: &'c [Container], volumes: &[&str]) -> Vec<&'c Container> {
    let writes = |container: &Container| {
        container.mounts.iter().any(|mount| mount.kind == "volume" && volumes.contains(&mount.source.as_str()))
    };
    let mut found: Vec<_> = containers.iter().filter(|one| one.is_up() && writes(one)).collect();
    found.sort_by_key(|container| std::cmp::Reverse(container.created));
    found
}

/// Keeps every volume of a project, file by file.
pub struct Volumes<'a> {
    /// The engine.
    pub live: &'a Live,
    /// Whose volumes.
    pub project: &'a str,
    /// Its spec, where there is one.
    pub environment: Option<&'a Environment>,
    /// Whoever writes to a volume is frozen while it is read, unless the spec says otherwise.
    pub pause: bool,
    /// Databases are dumped by their own tools; volumes that hold nothing else are not kept then.
    pub dumps: bool,
}

impl Keeper for Volumes<'_> {
    fn keep(&self, session: &mut Session<'_>) -> Result<Vec<Gap>> {
        let holdings = holdings(self.live, self.project, self.environment)?;
        let mut gaps: Vec<Gap> = holdings.foreign.iter().map(|name| outside(name)).collect();
        let rules = Rules { environment: self.environment };
        gaps.extend(rules.off().map(|name| Gap {
            what: format!("data of service {name}"),
            why: "the spec says `backup: false`".to_owned(),
        }));
        let mut dumped = Dumped::default();
        if self.dumps {
            dumped = databases::keep(self.live, session, &holdings, self.environment)?;
            gaps.append(&mut dumped.gaps);
        }
        for owned in holdings.volumes.iter().filter(|owned| !dumped.covered.contains(&owned.volume)) {
            let still = match rules.fate(owned, &holdings.containers) {
                Fate::Left(why) => {
                    gaps.push(Gap { what: format!("volume {}", owned.part), why });
                    continue;
                }
                Fate::Kept { still } => still || self.pause || dumped.restless.contains(&owned.volume),
            };
            let mut writers = Vec::new();
            if still {
                writers = users(&holdings.containers, &[&owned.volume]);
                writers.retain(|container| rules.may_freeze(container.service()));
            }
            match self.one(session, owned, &writers) {
                Err(Unkept::Error(error)) => return Err(error),
                Err(Unkept::Gap(why)) => gaps.push(Gap { what: format!("volume {}", owned.part), why }),
                Ok(()) => {}
            }
        }
        Ok(gaps)
    }
}

/// Says what is missing where no engine answers.
pub struct Unreached<'a> {
    /// The project's spec, where there is one.
    pub environment: Option<&'a Environment>,
    /// Why.
    pub why: String,
}

impl Keeper for Unreached<'_> {
    fn keep(&self, _: &mut Session<'_>) -> Result<Vec<Gap>> {
        let gap = |what: String| Gap { what, why: format!("{}; start the engine and back up again", self.why) };
        Ok(match self.environment {
            Some(environment) => environment.volumes.keys().map(|name| gap(format!("volume {name}"))).collect(),
            None => vec![gap("volumes".to_owned())],
        })
    }
}

fn outside(name: &str) -> Gap {
    let why = "it is external: another project's, or nobody's".to_owned();
    Gap { what: format!("volume {name}"), why }
}

enum Unkept {
    Error(super::error::AppError),
    Gap(String),
}

impl<E: Into<super::error::AppError>> From<E> for Unkept {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl Volumes<'_> {
    fn one(&self, session: &mut Session<'_>, owned: &Owned, frozen: &[&Container]) -> std::result::Result<(), Unkept> {
        let reach = self.live.reach()?;
        let helper = match Helper::start(&reach, &owned.volume, Access::Read) {
            Err(VolumeError::NoHelper(why)) => return Err(Unkept::Gap(format!("{why}; copy it by hand"))),
            started => started?,
        };
        let source = Source::of(&helper)?;
        let noticed = source.noticed();
        let frozen = Frozen::freeze(self.live, frozen)?;
        let (origin, name) = (format!("volume {}", owned.volume), Some(owned.part.clone()));
        let still = frozen.any();
        session.add(Part::files(Kind::Volume, name, &origin, source, move || Ok(words(&noticed, still))))?;
        Ok(())
    }
}

/// How sure it is that the volume was whole.
fn words(noticed: &Arc<Noticed>, still: bool) -> String {
    let meanwhile = if still { "; its containers were frozen meanwhile" } else { "" };
    match noticed.changed() {
        0 => format!("every file was read as it was listed{meanwhile}"),
        count => format!("{count} files changed while they were read ({}){meanwhile}", noticed.named().join(", ")),
    }
}
