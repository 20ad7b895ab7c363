//! `backup drill`: the latest backup is restored into a throw-away copy of its project, brought up, tried and compared with
//! what the backup says of itself. The copy is removed whatever happens; what a drill that was killed left, the next removes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde::Serialize;

use super::error::{AppError, Result};
use super::live::Live;
use super::project::Project;
use super::refill::refill;
use super::request::Request;
use super::restore::rehearsal::{self, Rehearsed};
use super::vaults::Opened;
use super::volumes::holdings;
use super::{databases, exec, secret, task};
use crate::backup::kept::Kept;
use crate::backup::manifest::Manifest;
use crate::backup::snapshot::Wanted;
use crate::driver::stream::Chunk;
use crate::model::environment::Environment;
use crate::model::task::Task;
use crate::state::drills::Proof;
use crate::state::store::State;

/// The copies' name, as for `--instance`.
const INSTANCE: &str = "devup-drill";
/// Tasks of this stage are run.
const STAGE: &str = "smoke";
/// So much of a failed task's last words is told.
const WORDS: usize = 2000;

/// How a drill went.
#[derive(Debug, Clone, Serialize)]
pub struct Drill {
    /// The project.
    pub project: String,
    /// The snapshot.
    pub snapshot: String,
    /// When that was taken.
    pub taken: Timestamp,
    /// Nothing failed.
    pub proven: bool,
    /// What was made sure of.
    pub verified: Vec<String>,
    /// What is not as the backup says, or could not be tried.
    pub failed: Vec<String>,
    /// What was not tried, and why.
    pub notes: Vec<String>,
}

/// What a drill needs of its caller, who has the user.
pub struct Means<'a> {
    /// What is known of this machine.
    pub state: &'a State,
    /// The repository.
    pub opened: &'a Opened,
    /// What the user asked for.
    pub request: &'a Request,
    /// Makes the project's containers, and starts none; or brings it up.
    pub raise: &'a dyn Fn(&Request, &Project, Raise) -> Result<()>,
    /// Removes everything of it from the engine.
    pub remove: &'a dyn Fn(&Project) -> Result<()>,
    /// The user wants an end.
    pub interrupted: &'a dyn Fn() -> bool,
}

/// How far a project is raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raise {
    /// Its containers are there.
    Created,
    /// It is up.
    Up,
}

/// Removes what drills that were killed have left. The caller holds the lock of all drills.
pub fn clear(means: &Means) -> Result<Vec<String>> {
    let left = means.state.drills()?.under_way;
    for (copy, folder) in &left {
        remove(means, &bare(copy), folder)?;
    }
    Ok(left.into_keys().collect())
}

/// A project of which only the name is known.
fn bare(name: &str) -> Project {
    Project {
        name: name.to_owned(),
        environment: None,
        spec: None,
        decision: None,
        named_by_folder: false,
        remarks: Vec::new(),
    }
}

/// One drill. Its outcome is remembered; that it could not be done is one, too.
pub fn drill(means: &Means, project: &str) -> Result<Drill> {
    let top = means.state.layout().cache.join("drill");
    let began = Timestamp::now();
    let ended = one(means, project, &top);
    let said = match &ended {
        Ok(drill) if drill.proven => {
            Ok(Proof { snapshot: drill.snapshot.clone(), taken: drill.taken, at: Timestamp::now() })
        }
        Ok(drill) => Err(drill.failed.join("; ")),
        Err(error) => Err(error.to_string()),
    };
    // whoever ended it by hand has learnt nothing about the backup
    if !matches!(ended, Err(AppError::Interrupted { .. })) {
        means.state.note_drill(project, began, said)?;
    }
    ended
}

fn one(means: &Means, project: &str, top: &Path) -> Result<Drill> {
    sweep(means.state, top)?;
    // a folder between: linked working trees stand beside the work
    let rehearsed = rehearsal::stand(means.state, means.opened, project, &top.join("copy"));
    let copy = rehearsed.and_then(|rehearsed| Ok((load(means.request, &rehearsed.folder)?, rehearsed)));
    let ((request, copy), rehearsed) = match copy {
        Ok(copy) => copy,
        Err(error) => {
            sweep(means.state, top)?;
            return Err(error);
        }
    };
    means.state.begin_drill(&copy.name, top)?;
    let ended = tried(means, (&request, &copy), project, &rehearsed);
    let removed = remove(means, &copy, top);
    match (ended, removed) {
        (Ok(mut drill), Err(error)) => {
            drill.proven = false;
            drill.failed.push(format!("removing the copy: {error}; the next drill tries it again"));
            Ok(drill)
        }
        (ended, _) => ended,
    }
}

/// The project in its new folder, under a name of its own, that shares nothing with others.
fn load(request: &Request, folder: &Path) -> Result<(Request, Project)> {
    let mut request = request.clone();
    folder.clone_into(&mut request.spec.current_dir);
    request.spec.files.clear();
    request.spec.project_name = None;
    request.spec.project_directory = None;
    for variable in ["COMPOSE_PROJECT_NAME", "COMPOSE_FILE"] {
        request.spec.environment.shift_remove(variable);
    }
    request.instance = Some(INSTANCE.to_owned());
    let mut project = Project::load(&request)?;
    if let Some(decision) = &mut project.decision {
        // it is the very project, wherever it stands: it reads that one's secrets
        decision.same_project = true;
    }
    if let Some(environment) = &mut project.environment {
        alone(environment);
    }
    Ok((request, project))
}

/// Takes away what reaches others: ports of the host, and networks and volumes that are not the copy's own.
fn alone(environment: &mut Environment) {
    let project = environment.project_name().to_owned();
    for service in environment.services.values_mut().chain(environment.disabled.values_mut()) {
        service.ports.clear();
    }
    for (key, volume) in environment.volumes.iter_mut().filter(|(_, volume)| volume.external) {
        (volume.external, volume.name) = (false, format!("{project}_{key}"));
    }
    for (key, network) in environment.networks.iter_mut().filter(|(_, network)| network.external) {
        (network.external, network.name) = (false, format!("{project}_{key}"));
    }
}

fn tried(means: &Means, on: (&Request, &Project), of: &str, rehearsed: &Rehearsed) -> Result<Drill> {
    let (request, copy) = on;
    let go_on = || {
        if (means.interrupted)() {
            return Err(AppError::Interrupted { message: "interrupted; the copy is removed".to_owned() });
        }
        Ok(())
    };
    let kept = means.opened.vault.kept(&Wanted::Id(rehearsed.snapshot.clone()))?;
    let mut drill = begun(of, rehearsed, &kept.manifest);
    go_on()?;
    (means.raise)(request, copy, Raise::Created)?;
    go_on()?;
    fill(copy, &kept, &mut drill)?;
    go_on()?;
    match (means.raise)(request, copy, Raise::Up) {
        Ok(()) => drill.verified.push("its services came up, and are healthy where they have a check".to_owned()),
        Err(interrupted @ AppError::Interrupted { .. }) => return Err(interrupted),
        Err(error) => drill.failed.push(format!("it did not come up: {error}")),
    }
    if drill.failed.is_empty() {
        smoke(copy, &go_on, &mut drill)?;
    }
    drill.proven = drill.failed.is_empty();
    Ok(drill)
}

fn begun(of: &str, rehearsed: &Rehearsed, manifest: &Manifest) -> Drill {
    let Rehearsed { snapshot, returned, .. } = rehearsed;
    let gaps = manifest.not_covered.iter().map(|gap| format!("{}: not in the backup: {}", gap.what, gap.why));
    Drill {
        project: of.to_owned(),
        snapshot: snapshot.clone(),
        taken: manifest.taken,
        proven: false,
        verified: returned.verified.clone(),
        failed: returned.missing.clone(),
        notes: returned.notes.iter().cloned().chain(gaps).collect(),
    }
}

/// Loads the data, and compares it with what the manifest says.
fn fill(copy: &Project, kept: &Kept, drill: &mut Drill) -> Result<()> {
    let live = Live::connect()?;
    let environment = copy.environment.as_ref();
    let refill = refill(&live, kept, &copy.name, environment)?;
    if !refill.volumes.is_empty() {
        let files: u64 = refill.volumes.iter().map(|volume| volume.filled.entries).sum();
        let names: Vec<&str> = refill.volumes.iter().map(|volume| volume.part.as_str()).collect();
        drill.verified.push(format!("the digests of {files} entries of volumes {}", names.join(", ")));
    }
    drill.failed.extend(refill.skipped);
    let counted = databases::count(&live, &holdings(&live, &copy.name, environment)?, environment)?;
    for (service, wanted) in &kept.manifest.rows {
        let found = counted.get(service).cloned().unwrap_or_default();
        compare(service, wanted, &found, drill);
    }
    let uncounted = refill.databases.iter().filter(|loaded| !kept.manifest.rows.contains_key(&loaded.service));
    drill.notes.extend(uncounted.map(|loaded| format!("rows of {}: the backup has no counts of them", loaded.service)));
    Ok(())
}

/// Rows as they were counted before and after the dump: what was loaded lies between.
fn compare(service: &str, wanted: &BTreeMap<String, (u64, u64)>, found: &BTreeMap<String, u64>, drill: &mut Drill) {
    let before = drill.failed.len();
    for (table, (least, most)) in wanted {
        let words = if least == most { least.to_string() } else { format!("{least} to {most}") };
        match found.get(table) {
            Some(count) if (least..=most).contains(&count) => {}
            Some(count) => drill.failed.push(format!("{service}: {table} has {count} rows, and had {words}")),
            None => drill.failed.push(format!("{service}: {table}, which had {words} rows, did not come back")),
        }
    }
    if drill.failed.len() == before {
        let rows: u64 = wanted.keys().filter_map(|table| found.get(table)).sum();
        drill.verified.push(format!("{rows} rows in {} tables of {service}", wanted.len()));
    }
}

/// Runs the tasks that say whether the project works.
fn smoke(copy: &Project, go_on: &dyn Fn() -> Result<()>, drill: &mut Drill) -> Result<()> {
    let tasks: Vec<(&String, &Task)> =
        copy.environment()?.tasks.iter().filter(|(_, task)| task.stage.as_deref() == Some(STAGE)).collect();
    if tasks.is_empty() {
        drill.notes.push(format!("no task has `stage: {STAGE}`: nothing of the project's own was tried"));
    }
    let live = Live::connect()?;
    for (name, task) in tasks {
        go_on()?;
        let (code, words) = live.wait(ran(&live, copy, task))?;
        if code == 0 {
            drill.verified.push(format!("task {name}"));
        } else {
            drill.failed.push(format!("task {name} ended with {code}: {}", words.trim()));
        }
    }
    Ok(())
}

/// Its exit code, and its last words.
async fn ran(live: &Live, copy: &Project, task: &Task) -> Result<(i64, String)> {
    let request = crate::driver::session::ExecRequest { stdin: false, ..task::request(task, &[], false)? };
    let target = exec::Target { service: task.service.clone(), index: None };
    let container = exec::find(&live.engine, copy, &target).await?;
    let mut session = exec::exec(&live.engine, &container, &request).await?;
    let mut words: Vec<u8> = Vec::new();
    while let Some(chunk) = session.output.next().await {
        let (Chunk::Out(piece) | Chunk::Err(piece)) = chunk?;
        words.extend_from_slice(&piece);
        words.drain(..words.len().saturating_sub(WORDS));
    }
    let code = exec::exit_code(&live.engine, &session.id).await?;
    Ok((code, String::from_utf8_lossy(&words).into_owned()))
}

/// Removes all of a copy: from the engine, from devup's state, from the disk.
fn remove(means: &Means, copy: &Project, top: &Path) -> Result<()> {
    (means.remove)(copy)?;
    means.state.forget_project(&copy.name)?;
    secret::forget_all(means.state, &copy.name)?;
    let journal = means.state.layout().journal(&copy.name);
    crate::base::files::remove_if_there(&journal).map_err(|error| AppError::failed(error.to_string()))?;
    sweep(means.state, top)?;
    Ok(means.state.end_drill(&copy.name)?)
}

/// The folder, and the consent that was lent to it.
fn sweep(state: &State, top: &Path) -> Result<()> {
    let consents: Vec<PathBuf> = state.consents()?.into_keys().filter(|folder| folder.starts_with(top)).collect();
    for folder in consents {
        state.revoke_consent(&folder)?;
    }
    clear_folder(top)
}

fn clear_folder(top: &Path) -> Result<()> {
    match fs::remove_dir_all(top) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(AppError::io(format!("removing {}", top.display()), source))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::{Network, Volume};
    use crate::model::service::{Port, Service};

    fn drill() -> Drill {
        Drill {
            project: "shop".into(),
            snapshot: "1a".into(),
            taken: Timestamp::UNIX_EPOCH,
            proven: false,
            verified: Vec::new(),
            failed: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn rows_that_are_less_or_gone_are_told() {
        let wanted = [("a", (5, 5)), ("b", (3, 7)), ("c", (1, 1)), ("d", (2, 2))];
        let wanted: BTreeMap<String, (u64, u64)> =
            wanted.into_iter().map(|(name, span)| (name.to_owned(), span)).collect();
        let found = |rows: &[(&str, u64)]| rows.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let mut good = drill();
        compare("db", &wanted, &found(&[("a", 5), ("b", 4), ("c", 1), ("d", 2), ("more", 9)]), &mut good);
        assert!(good.failed.is_empty());
        assert_eq!(good.verified, ["12 rows in 4 tables of db"]);
        let mut bad = drill();
        compare("db", &wanted, &found(&[("a", 4), ("b", 8), ("c", 1)]), &mut bad);
        assert_eq!(
            bad.failed,
            [
                "db: a has 4 rows, and had 5",
                "db: b has 8 rows, and had 3 to 7",
                "db: d, which had 2 rows, did not come back"
            ]
        );
        assert!(bad.verified.is_empty());
    }

    #[test]
    fn a_copy_reaches_nothing_of_others() {
        let mut environment = Environment {
            project: crate::model::name::ProjectName::parse("shop-devup-drill").ok(),
            ..Environment::default()
        };
        let service = Service { ports: vec![Port::default()], ..Service::default() };
        environment.services.insert("web".into(), service);
        let own = Volume { name: "shop-devup-drill_own".into(), ..Volume::default() };
        environment.volumes.insert("own".into(), own.clone());
        environment
            .volumes
            .insert("theirs".into(), Volume { name: "prod".into(), external: true, ..Volume::default() });
        let proxy = Network { name: "proxy".into(), external: true, ..Network::default() };
        environment.networks.insert("proxy".into(), proxy);
        alone(&mut environment);
        assert!(environment.services["web"].ports.is_empty());
        assert_eq!(environment.volumes["own"], own);
        assert_eq!(
            (environment.volumes["theirs"].external, &*environment.volumes["theirs"].name),
            (false, "shop-devup-drill_theirs")
        );
        assert_eq!(
            (environment.networks["proxy"].external, &*environment.networks["proxy"].name),
            (false, "shop-devup-drill_proxy")
        );
    }
}
