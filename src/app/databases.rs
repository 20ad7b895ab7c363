//! A project's databases as parts of its backups, and loaded from them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::backup::rules::Rules;
use super::error::{AppError, Result};
use super::live::Live;
use super::volumes::Holdings;
use crate::backup::kept::Kept;
use crate::backup::manifest::{Entry as Part, Gap};
use crate::backup::part::{self, Kind};
use crate::backup::session::Session;
use crate::dump::error::DumpError;
use crate::dump::program::Inside;
use crate::dump::rows::{self, Rows};
use crate::dump::server::{Said, Server};
use crate::dump::stream::{ABOUT, About, STREAMS};
use crate::model::environment::Environment;
use crate::model::labels;
use crate::model::observed::{Container, State};

/// A server that was started for this has so long to answer.
const PATIENCE: Duration = Duration::from_mins(2);
/// What a dump says about itself is shorter.
const LONGEST_ABOUT: u64 = 16 * 1024 * 1024;

impl From<DumpError> for AppError {
    fn from(error: DumpError) -> Self {
        match error {
            DumpError::Driver(error) => Self::Driver(error),
            failed @ DumpError::Failed { .. } => Self::failed(failed.to_string()),
        }
    }
}

/// A container with a server in it.
pub struct Found<'c> {
    /// Its service.
    pub service: String,
    /// The server.
    pub server: Server,
    container: &'c Container,
}

/// The one server that is meant.
pub fn one<'c>(
    live: &Live,
    holdings: &'c Holdings,
    environment: Option<&Environment>,
    service: Option<&str>,
) -> Result<Found<'c>> {
    let mut all = servers(live, &holdings.containers, environment)?;
    let names = all.iter().map(|found| found.service.as_str()).collect::<Vec<_>>().join(", ");
    let known = if names.is_empty() { "there is none yet: `devup up`".to_owned() } else { format!("there is {names}") };
    if let Some(wanted) = service {
        all.retain(|found| found.service == wanted);
        let message = format!("service {wanted} has no container with a database that devup knows");
        let help = format!("{known}; `backup:` of the service says what it is");
        return all.pop().ok_or_else(|| AppError::failed(message).help(help));
    }
    // one that can't be meant makes no choice
    if all.iter().any(|found| found.server.has_file()) {
        all.retain(|found| found.server.has_file());
    }
    if all.len() > 1 {
        let names = all.iter().map(|found| found.service.as_str()).collect::<Vec<_>>().join(", ");
        let message = format!("several services have databases: {names}");
        let help = format!("name one before the file: `{} FILE`", all[0].service);
        return Err(AppError::usage(message).help(help));
    }
    all.pop().ok_or_else(|| {
        AppError::failed("no container of the project has a database that devup knows")
            .help("`devup up` makes containers; `backup:` of a service says what it is")
    })
}

/// The servers of a project, one for each service. Of several containers of a service the first has the data.
fn servers<'c>(live: &Live, containers: &'c [Container], environment: Option<&Environment>) -> Result<Vec<Found<'c>>> {
    let mut firsts: BTreeMap<&str, &Container> = BTreeMap::new();
    for container in containers.iter().filter(|one| !one.oneoff() && !one.service().is_empty()) {
        let first = firsts.entry(container.service()).or_insert(container);
        if container.number() < first.number() {
            *first = container;
        }
    }
    let mut found = Vec::new();
    for (service, container) in firsts {
        match Said::by(Rules { environment }.service(service)) {
            Said::Off => continue,
            Said::Server(server) => {
                found.push(Found { service: service.to_owned(), server, container });
                continue;
            }
            Said::Nothing => {}
        }
        let image = live.wait(live.engine.images.image(&container.image_id))?;
        let label = image.as_ref().and_then(|image| image.labels.get(labels::BACKUP)).map(String::as_str);
        let own = environment.and_then(|environment| environment.services.get(service));
        let of_service = own.iter().flat_map(|service| service.environment.keys()).map(String::as_str);
        let of_image = image.iter().flat_map(|image| &image.environment).filter_map(|line| line.split('=').next());
        let variables: Vec<&str> = of_service.chain(of_image).collect();
        if let Some(server) = Server::recognise(label, &container.image, &variables) {
            found.push(Found { service: service.to_owned(), server, container });
        }
    }
    Ok(found)
}

/// A container that runs as long as this lives: one that did not run is started alone, and stopped again. Whoever is patient
/// waits for one that runs, too: it may have been started a moment ago.
pub struct Awake<'a> {
    live: &'a Live,
    /// Runs programs in it.
    pub inside: Inside,
    was_asleep: bool,
}

impl<'a> Awake<'a> {
    /// Starts it, if need be, and waits for its answer.
    pub fn wake(live: &'a Live, found: &Found<'_>, patient: bool) -> Result<Self> {
        let container = found.container;
        let inside = Inside {
            sessions: live.engine.sessions.clone(),
            handle: live.handle(),
            container: container.id.clone(),
            service: found.service.clone(),
        };
        let was_asleep = !container.is_up();
        if container.state == State::Paused {
            return Err(AppError::failed(format!("service {} is frozen", found.service)).help("`devup unpause`"));
        }
        if was_asleep {
            live.wait(live.engine.containers.start(&container.id))?;
        }
        let awake = Self { live, inside, was_asleep };
        let begun = Instant::now();
        while (was_asleep || patient) && !found.server.answers(&awake.inside) {
            if begun.elapsed() > PATIENCE {
                let seconds = PATIENCE.as_secs();
                let message = format!("service {} does not answer after {seconds} s", found.service);
                return Err(AppError::failed(message).help(format!("`devup logs {}` says more", found.service)));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(awake)
    }
}

impl Drop for Awake<'_> {
    fn drop(&mut self) {
        if self.was_asleep {
            // whoever removed it meanwhile has stopped it, too
            let _ = self.live.wait(self.live.engine.containers.stop(&self.inside.container, None));
        }
    }
}

/// What became of a project's databases.
#[derive(Debug, Default)]
pub struct Dumped {
    /// What could not be dumped, and why.
    pub gaps: Vec<Gap>,
    /// Volumes that need not be kept file by file.
    pub covered: BTreeSet<String>,
    /// Volumes whose writers are to be frozen, since their files are all that is kept of a database.
    pub restless: BTreeSet<String>,
}

/// Dumps what can be dumped.
pub fn keep(
    live: &Live,
    session: &mut Session<'_>,
    holdings: &Holdings,
    environment: Option<&Environment>,
) -> Result<Dumped> {
    let mut dumped = Dumped::default();
    for found in servers(live, &holdings.containers, environment)? {
        let mounts = found.container.mounts.iter().filter(|mount| mount.kind == "volume");
        let targets: Vec<&str> = mounts.clone().map(|mount| mount.target.as_str()).collect();
        if !found.container.is_up() && found.server.rests_in(&targets) {
            continue;
        }
        let made = Awake::wake(live, &found, false)
            .and_then(|awake| found.server.dump(&awake.inside).map(|dump| (awake, dump)).map_err(AppError::from));
        match made {
            Err(error) => {
                dumped.gaps.push(undumped(&found, &error));
                if found.server.rests_in(&targets) {
                    dumped.restless.extend(mounts.map(|mount| mount.source.clone()));
                }
            }
            Ok((_, None)) => {}
            Ok((awake, Some(dump))) => {
                let (origin, verdict) =
                    (format!("{} in service {}", dump.about().server, found.service), dump.verdict());
                let before = rows(&found, &awake);
                session.add(part::Part::files(Kind::Database, Some(found.service.clone()), &origin, dump, verdict))?;
                if let Some(counted) = before.and_then(|before| Some(spans(before, &rows(&found, &awake)?))) {
                    session.note_rows(&found.service, counted);
                }
                let kept = mounts.filter(|mount| found.server.keeps(&mount.target));
                dumped.covered.extend(kept.map(|mount| mount.source.clone()));
            }
        }
    }
    Ok(dumped)
}

/// How many rows each table has. A server that can't tell is no reason to have no backup: a drill has nothing to compare then,
/// and says so.
fn rows(found: &Found<'_>, awake: &Awake<'_>) -> Option<Rows> {
    rows::count(&found.server, &awake.inside).ok().flatten()
}

/// The least and the most; what was made or dropped meanwhile is left out.
fn spans(before: Rows, after: &Rows) -> BTreeMap<String, (u64, u64)> {
    let both = before.into_iter().filter_map(|(table, one)| after.get(&table).map(|other| (table, one, *other)));
    both.map(|(table, one, other)| (table, (one.min(other), one.max(other)))).collect()
}

/// Counts the rows of every server of a project, each of which is started for it where it does not run.
pub fn count(live: &Live, holdings: &Holdings, environment: Option<&Environment>) -> Result<BTreeMap<String, Rows>> {
    let mut counted = BTreeMap::new();
    for found in servers(live, &holdings.containers, environment)? {
        if !rows::has_tables(&found.server) {
            continue;
        }
        let awake = Awake::wake(live, &found, true)?;
        if let Some(rows) = rows::count(&found.server, &awake.inside)? {
            counted.insert(found.service.clone(), rows);
        }
    }
    Ok(counted)
}

fn undumped(found: &Found<'_>, error: &dyn std::fmt::Display) -> Gap {
    let what = format!("a dump of {} in service {}", found.server.word(), found.service);
    Gap { what, why: format!("{error}; its volume is kept as it lies on the disk") }
}

/// A database that was loaded.
#[derive(Debug, Clone, Serialize)]
pub struct Loaded {
    /// The service.
    pub service: String,
    /// Its databases.
    pub databases: Vec<String>,
}

/// Loads the dumps of a snapshot. Returns them, and what was left alone.
pub fn load(
    live: &Live,
    kept: &Kept,
    holdings: &Holdings,
    environment: Option<&Environment>,
) -> Result<(Vec<Loaded>, Vec<String>)> {
    let (mut loaded, mut skipped) = (Vec::new(), Vec::new());
    let servers = servers(live, &holdings.containers, environment)?;
    for part in kept.manifest.parts.iter().filter(|part| part.kind == Kind::Database) {
        let service = part.name.clone().unwrap_or_default();
        let about = about(kept, part)?;
        let fits = |found: &&Found<'_>| found.service == service && found.server.word() == about.server;
        let Some(found) = servers.iter().find(fits) else {
            skipped.push(format!(
                "{} in service {service}: it has no container; `devup up`, then restore again",
                about.server
            ));
            continue;
        };
        let awake = Awake::wake(live, found, true)?;
        found.server.load(&awake.inside, &about, &|stream, take| {
            let failed = |error: &dyn std::fmt::Display| DumpError::failed(format!("reading {stream}"), error);
            let mut pieces = kept.stream(&part.place.join(STREAMS).join(stream)).map_err(|error| failed(&error))?;
            take(&mut pieces)
        })?;
        loaded.push(Loaded { service, databases: about.databases.into_iter().map(|one| one.name).collect() });
    }
    Ok((loaded, skipped))
}

fn about(kept: &Kept, part: &Part) -> Result<About> {
    let damaged = |reason: &str| AppError::failed(format!("reading {}: {reason}", part.place.display()));
    let text =
        kept.small(&part.place.join(ABOUT), LONGEST_ABOUT)?.ok_or_else(|| damaged("it says nothing of itself"))?;
    let about: About = serde_json::from_slice(&text).map_err(|error| damaged(&error.to_string()))?;
    // a stream's name is one component, whatever the snapshot says
    let plain = |name: &str| !name.is_empty() && name != "." && name != ".." && !name.contains('/');
    if !about.databases.iter().all(|database| plain(&database.stream)) {
        return Err(damaged("the name of a dump leads elsewhere"));
    }
    Ok(about)
}
