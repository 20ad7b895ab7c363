//! The version of the state, and the way from an older one to the present.

use std::path::PathBuf;

use crate::base::files::{self, Access};
use crate::model::layout::{Layout, STATE_VERSION};

use super::store::StateError;

/// Takes the state from `from` to the version after it. Has to be repeatable: a crash in its middle runs it again.
#[derive(Clone, Copy)]
pub(super) struct Migration {
    /// The version it starts from.
    pub from: u32,
    /// What it does. Errors are sentence fragments.
    pub apply: fn(&Layout) -> Result<(), String>,
}

/// All migrations, oldest first. Version 1 is the first, so there is none yet; `STATE_VERSION` is raised together with an
/// entry here.
pub(super) const MIGRATIONS: &[Migration] = &[];

/// The version that lies in the state's folder; `None` where there is no state yet.
pub(super) fn found(layout: &Layout) -> Result<Option<u32>, StateError> {
    let path = layout.version();
    let Some(bytes) = files::read_optional(&path)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    match text.trim().parse() {
        Ok(version) => Ok(Some(version)),
        // torn writes can't happen (it is replaced whole), so somebody else wrote here
        Err(_) => Err(StateError::NoVersion { path, text: text.chars().take(40).collect() }),
    }
}

/// Refuses a state newer than `known`.
pub(super) fn refuse_newer(layout: &Layout, found: u32, known: u32) -> Result<(), StateError> {
    if found <= known {
        return Ok(());
    }
    Err(StateError::Newer { found, known, folder: layout.state.clone() })
}

/// Brings the state to `known` and writes that number after each step. The caller holds the state's lock.
pub(super) fn bring_up_to(layout: &Layout, known: u32, steps: &[Migration]) -> Result<(), StateError> {
    let Some(mut at) = found(layout)? else {
        write(layout, known)?;
        return Ok(());
    };
    refuse_newer(layout, at, known)?;
    while at < known {
        let step = steps.iter().find(|step| step.from == at).ok_or_else(|| StateError::Migration {
            from: at,
            to: at + 1,
            reason: "this devup has no way from there".to_owned(),
        })?;
        (step.apply)(layout).map_err(|reason| StateError::Migration { from: at, to: at + 1, reason })?;
        at += 1;
        write(layout, at)?;
    }
    Ok(())
}

/// As [`bring_up_to`], to the version of this devup.
pub(super) fn bring_up(layout: &Layout) -> Result<(), StateError> {
    bring_up_to(layout, STATE_VERSION, MIGRATIONS)
}

fn write(layout: &Layout, version: u32) -> Result<PathBuf, StateError> {
    let path = layout.version();
    files::write_atomic(&path, format!("{version}\n").as_bytes(), Access::Private)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn layout() -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout {
            config: folder.path().join("config"),
            state: folder.path().join("state"),
            cache: folder.path().join("cache"),
        };
        fs::create_dir_all(&layout.state).unwrap();
        (folder, layout)
    }

    fn rename_projects(layout: &Layout) -> Result<(), String> {
        match fs::rename(layout.state.join("old.json"), layout.projects()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.to_string()),
            _ => Ok(()),
        }
    }

    fn fail(_: &Layout) -> Result<(), String> {
        Err("the disk is on fire".to_owned())
    }

    #[test]
    fn each_step_runs_once_and_in_order() {
        let (_folder, layout) = layout();
        fs::write(layout.version(), "1").unwrap();
        fs::write(layout.state.join("old.json"), "{}").unwrap();
        let steps = [Migration { from: 2, apply: |_| Ok(()) }, Migration { from: 1, apply: rename_projects }];
        bring_up_to(&layout, 3, &steps).unwrap();
        assert_eq!(found(&layout).unwrap(), Some(3));
        assert!(layout.projects().exists());
        bring_up_to(&layout, 3, &[Migration { from: 3, apply: fail }]).unwrap();
    }

    #[test]
    fn a_failed_step_leaves_the_version_it_started_from() {
        let (_folder, layout) = layout();
        fs::write(layout.version(), "1").unwrap();
        let steps = [Migration { from: 1, apply: |_| Ok(()) }, Migration { from: 2, apply: fail }];
        let error = bring_up_to(&layout, 3, &steps).unwrap_err().to_string();
        assert!(error.contains("on fire"), "{error}");
        assert_eq!(found(&layout).unwrap(), Some(2));
        let error = bring_up_to(&layout, 4, &[]).unwrap_err().to_string();
        assert!(error.contains("no way"), "{error}");
    }

    #[test]
    fn newer_state_is_refused_with_the_remedy() {
        let (_folder, layout) = layout();
        fs::write(layout.version(), "7").unwrap();
        let error = bring_up_to(&layout, 1, &[]).unwrap_err();
        assert!(matches!(error, StateError::Newer { found: 7, known: 1, .. }));
        assert!(error.to_string().contains("newer devup"), "{error}");
        fs::write(layout.version(), "soon").unwrap();
        assert!(matches!(found(&layout).unwrap_err(), StateError::NoVersion { .. }));
    }

    #[test]
    #[allow(clippy::reversed_empty_ranges, reason = "the first version has none before it")]
    fn every_version_before_ours_has_a_migration() {
        for version in 1..STATE_VERSION {
            assert!(MIGRATIONS.iter().any(|step| step.from == version), "no way from state version {version}");
        }
    }
}
