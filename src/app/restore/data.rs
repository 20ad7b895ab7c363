//! Data alone out of a backup: that of some services, or for the volumes of a copy of the project.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::{Moment, newest};
use crate::app::error::{AppError, Result};
use crate::app::vaults::Opened;
use crate::app::volumes::Holdings;
use crate::backup::manifest::{Entry as Part, Manifest};
use crate::backup::part::Kind;
use crate::backup::snapshot::Wanted;
use crate::model::environment::Environment;
use crate::model::mount::MountKind;

/// What would be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataPlan {
    /// Whose backup.
    pub project: String,
    /// The snapshot.
    pub snapshot: String,
    /// When it was taken.
    pub taken: Timestamp,
    /// Whose volumes.
    pub into: String,
    /// The parts.
    pub data: Vec<DataWay>,
}

/// What would be done with one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataWay {
    /// Where it lies in the snapshot: `volumes/data`.
    pub part: String,
    /// Data is there already, which it replaces.
    pub there: bool,
}

/// The snapshot that is meant.
pub fn snapshot(opened: &Opened, project: &str, moment: &Moment) -> Result<Wanted> {
    match moment {
        Moment::Latest => newest(opened, project, Timestamp::MAX),
        Moment::At(time) => newest(opened, project, *time),
        Moment::Snapshot(id) => Ok(Wanted::Id(id.clone())),
    }
}

/// Leaves nothing in the manifest but the data of these services (none named: all data).
pub fn narrow(manifest: &mut Manifest, snapshot: &str, environment: &Environment, services: &[String]) -> Result<()> {
    let of = manifest.project.clone();
    manifest.parts.retain(|part| matches!(part.kind, Kind::Database | Kind::Volume));
    if manifest.parts.is_empty() {
        return Err(AppError::failed(format!("snapshot {snapshot} of {of} has no data"))
            .help("`devup backup show` says what it has, and what is not in it"));
    }
    let there: BTreeSet<String> = manifest.parts.iter().flat_map(|part| users(part, environment)).collect();
    for service in services {
        if !there.contains(service) {
            let there: Vec<&str> = there.iter().map(String::as_str).collect();
            return Err(AppError::failed(format!("snapshot {snapshot} of {of} has no data of a service {service}"))
                .help(format!("it has data of {}", there.join(", "))));
        }
    }
    if !services.is_empty() {
        manifest.parts.retain(|part| users(part, environment).iter().any(|user| services.contains(user)));
    }
    Ok(())
}

/// The services that a part belongs to.
fn users(part: &Part, environment: &Environment) -> Vec<String> {
    let name = part.name.as_deref().unwrap_or_default();
    if part.kind == Kind::Database {
        return vec![name.to_owned()];
    }
    // `web-1:/scratch`: a volume without a name, by its container
    if let Some((container, _)) = name.split_once(':') {
        return container.rsplit_once('-').map(|(service, _)| service.to_owned()).into_iter().collect();
    }
    let services = environment.services.iter().chain(&environment.disabled);
    let mounts = services.filter(|(_, service)| {
        service.volumes.iter().any(|mount| mount.kind == MountKind::Volume && mount.source.as_deref() == Some(name))
    });
    mounts.map(|(service, _)| service.clone()).collect()
}

/// What would be done with each part of a narrowed manifest.
pub fn plan(manifest: &Manifest, snapshot: &str, into: &str, holdings: &Holdings) -> DataPlan {
    let there = |part: &Part| match part.kind {
        Kind::Database => {
            holdings.containers.iter().any(|one| !one.oneoff() && Some(one.service()) == part.name.as_deref())
        }
        _ => holdings.volumes.iter().any(|owned| Some(&owned.part) == part.name.as_ref()),
    };
    let data = manifest.parts.iter().map(|part| DataWay { part: part.place.display().to_string(), there: there(part) });
    DataPlan {
        project: manifest.project.clone(),
        snapshot: snapshot.to_owned(),
        taken: manifest.taken,
        into: into.to_owned(),
        data: data.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::mount::Mount;
    use crate::model::service::Service;

    fn part(kind: Kind, name: &str) -> Part {
        Part {
            kind,
            name: Some(name.to_owned()),
            place: kind.folder().into(),
            origin: String::new(),
            entries: 0,
            bytes: 0,
            digest: String::new(),
            verified: String::new(),
        }
    }

    fn manifest() -> Manifest {
        let parts = [
            (Kind::Work, "work"),
            (Kind::Database, "db"),
            (Kind::Volume, "cache"),
            (Kind::Volume, "my-web-1:/scratch"),
            (Kind::Volume, "shared"),
        ];
        Manifest {
            version: 1,
            project: "shop".into(),
            instance: None,
            path: None,
            home: None,
            remote: None,
            devup: String::new(),
            taken: Timestamp::UNIX_EPOCH,
            parts: parts.into_iter().map(|(kind, name)| part(kind, name)).collect(),
            not_covered: Vec::new(),
            rows: std::collections::BTreeMap::new(),
        }
    }

    fn environment() -> Environment {
        let uses = |keys: &[&str]| Service {
            volumes: keys
                .iter()
                .map(|key| Mount { kind: MountKind::Volume, source: Some((*key).to_owned()), ..Mount::default() })
                .collect(),
            ..Service::default()
        };
        let mut environment = Environment::default();
        for (name, keys) in [("db", &["shared"][..]), ("redis", &["cache"]), ("my-web", &["shared"])] {
            environment.services.insert(name.to_owned(), uses(keys));
        }
        environment
    }

    fn names(services: &[&str]) -> Vec<String> {
        let services: Vec<String> = services.iter().map(|name| (*name).to_owned()).collect();
        let mut manifest = manifest();
        narrow(&mut manifest, "1a2b", &environment(), &services).unwrap();
        manifest.parts.into_iter().filter_map(|part| part.name).collect()
    }

    #[test]
    fn a_service_brings_its_dump_and_the_volumes_that_it_mounts() {
        assert_eq!(names(&[]), ["db", "cache", "my-web-1:/scratch", "shared"]);
        assert_eq!(names(&["db"]), ["db", "shared"]);
        assert_eq!(names(&["redis"]), ["cache"]);
        assert_eq!(names(&["my-web"]), ["my-web-1:/scratch", "shared"]);
    }

    #[test]
    fn a_service_without_data_is_told_with_those_that_have_some() {
        let error = narrow(&mut manifest(), "1a2b", &environment(), &["proxy".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("snapshot 1a2b of shop has no data of a service proxy"), "{error}");
        assert_eq!(error.remedy().unwrap(), "it has data of db, my-web, redis");
    }
}
