//! What the spec's `backup:` says of each volume of a project: kept or not, and whether who writes to it is frozen.

use std::collections::BTreeSet;

use super::Keeper;
use crate::app::error::Result;
use crate::app::volumes::Owned;
use crate::backup::manifest::Gap;
use crate::backup::session::Session;
use crate::model::backup::ServiceBackup;
use crate::model::environment::Environment;
use crate::model::mount::MountKind;
use crate::model::observed::Container;

/// The rules of a spec; without one there are none.
#[derive(Clone, Copy)]
pub struct Rules<'e> {
    /// What the spec says.
    pub environment: Option<&'e Environment>,
}

/// What becomes of a volume.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is kept; who writes to it is frozen meanwhile, or not.
    Kept {
        /// Frozen.
        still: bool,
    },
    /// It is left out, for this reason.
    Left(String),
}

impl<'e> Rules<'e> {
    /// What the spec says of a service.
    pub fn service(self, name: &str) -> Option<&'e ServiceBackup> {
        let environment = self.environment?;
        environment.services.get(name).or_else(|| environment.disabled.get(name))?.backup.as_ref()
    }

    /// Services whose data is not kept.
    pub fn off(self) -> impl Iterator<Item = &'e str> {
        let all = self.environment.into_iter().flat_map(|one| one.services.iter().chain(&one.disabled));
        all.filter(|(_, service)| service.backup.as_ref().is_some_and(ServiceBackup::is_off))
            .map(|(name, _)| name.as_str())
    }

    /// Whether a service may be frozen while all of its volumes' writers are.
    pub fn may_freeze(self, service: &str) -> bool {
        self.service(service).and_then(|backup| backup.pause) != Some(false)
    }

    /// What becomes of a volume.
    pub fn fate(self, owned: &Owned, containers: &[Container]) -> Fate {
        let users = self.users(owned, containers);
        let excludes = |name: &str, target: &str| {
            let excluded = self.service(name).map(|backup| &*backup.exclude).unwrap_or_default();
            excluded.iter().any(|one| *one == owned.part || *one == target)
        };
        if let Some((name, _)) = users.iter().find(|(name, target)| excludes(name, target)) {
            return Fate::Left(format!("the spec says so: `backup.exclude` of service {name}"));
        }
        let mut off = users.iter().filter(|(name, _)| self.service(name).is_some_and(ServiceBackup::is_off));
        if let Some((name, _)) = off.next().filter(|_| users.iter().all(|(name, _)| self.is_off(name))) {
            return Fate::Left(format!("the spec says so: `backup: false` of service {name}"));
        }
        let usual = self.environment.and_then(|environment| environment.backup.pause).unwrap_or(false);
        let pauses = |name: &str| self.service(name).and_then(|backup| backup.pause).unwrap_or(usual);
        Fate::Kept { still: users.iter().any(|(name, _)| pauses(name)) }
    }

    fn is_off(self, name: &str) -> bool {
        self.service(name).is_some_and(ServiceBackup::is_off)
    }

    /// Services that use a volume, each with the path inside: by their containers, and by the spec.
    fn users(self, owned: &Owned, containers: &[Container]) -> BTreeSet<(String, String)> {
        let mut users = BTreeSet::new();
        for container in containers.iter().filter(|container| !container.oneoff()) {
            let mounts = container.mounts.iter().filter(|mount| mount.kind == "volume" && mount.source == owned.volume);
            users.extend(mounts.map(|mount| (container.service().to_owned(), mount.target.clone())));
        }
        let all = self.environment.into_iter().flat_map(|one| one.services.iter().chain(&one.disabled));
        for (name, service) in all {
            let is_it = |source: &Option<String>| source.as_deref() == Some(&*owned.part);
            let mounts = service.volumes.iter().filter(|one| one.kind == MountKind::Volume && is_it(&one.source));
            users.extend(mounts.map(|mount| (name.clone(), mount.target.clone())));
        }
        users
    }
}

/// Says that a spec could not be read, so that nobody wonders why its rules were not heeded.
pub struct Unread {
    /// Why.
    pub why: String,
}

impl Keeper for Unread {
    fn keep(&self, _: &mut Session<'_>) -> Result<Vec<Gap>> {
        let why = format!("the spec can't be read, and what was found without it is kept: {}", self.why);
        Ok(vec![Gap { what: "what `backup:` in the spec asks for".to_owned(), why }])
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::*;
    use crate::model::mount::Mount;
    use crate::model::service::Service;

    fn environment(services: &[(&str, &str, &str)]) -> Environment {
        let service = |volume: &str, backup: &str| Service {
            volumes: vec![Mount { source: Some(volume.to_owned()), target: format!("/{volume}"), ..Mount::default() }],
            backup: (!backup.is_empty()).then(|| serde_json::from_str(backup).unwrap()),
            ..Service::default()
        };
        let named = services.iter().map(|(name, volume, backup)| ((*name).to_owned(), service(volume, backup)));
        Environment { services: named.collect::<IndexMap<_, _>>(), ..Environment::default() }
    }

    fn fate(environment: &Environment, volume: &str) -> Fate {
        let owned = Owned { part: volume.to_owned(), volume: format!("shop_{volume}") };
        Rules { environment: Some(environment) }.fate(&owned, &[])
    }

    #[test]
    fn a_volume_is_left_out_when_one_names_it_or_nobody_wants_it() {
        let shared = environment(&[("a", "data", r#"{"kind": "none"}"#), ("b", "data", "")]);
        assert_eq!(fate(&shared, "data"), Fate::Kept { still: false }, "b wants it");
        let alone = environment(&[("a", "data", r#"{"kind": "none"}"#)]);
        assert!(matches!(fate(&alone, "data"), Fate::Left(why) if why.contains("`backup: false` of service a")));
        for named in ["data", "/data"] {
            let exclude = format!(r#"{{"exclude": ["{named}"]}}"#);
            let excluded = environment(&[("a", "data", &exclude), ("b", "data", "")]);
            assert!(
                matches!(fate(&excluded, "data"), Fate::Left(why) if why.contains("`backup.exclude` of service a"))
            );
        }
        let unread = Rules { environment: None };
        let owned = Owned { part: "data".to_owned(), volume: "x".to_owned() };
        assert_eq!(unread.fate(&owned, &[]), Fate::Kept { still: false });
    }

    #[test]
    fn a_service_says_pause_for_itself_and_the_spec_for_the_others() {
        let mut both = environment(&[("a", "one", r#"{"pause": false}"#), ("b", "two", "")]);
        both.backup.pause = Some(true);
        assert_eq!(fate(&both, "one"), Fate::Kept { still: false });
        assert_eq!(fate(&both, "two"), Fate::Kept { still: true });
        let rules = Rules { environment: Some(&both) };
        assert!(!rules.may_freeze("a") && rules.may_freeze("b") && rules.may_freeze("gone"));
    }
}
