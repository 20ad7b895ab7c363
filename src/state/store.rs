//! Reading and replacing the state's files: whole, locked, and never lost silently.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::digest::Digest;
use crate::base::files::{self, Access, FileError};
use crate::base::lock::{Attempt, Lock};
use crate::model::layout::{Layout, STATE_VERSION};

use super::version;

/// How long another devup may keep the state's lock: it holds it for single writes only.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at the lock.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Why the state can't be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A newer devup wrote it.
    #[error(
        "the state in {} has version {found}, written by a newer devup; this one knows version {known}: upgrade devup \
         (`devup --version` shows which one runs)", folder.display()
    )]
    Newer {
        /// Its version.
        found: u32,
        /// The newest this devup knows.
        known: u32,
        /// Where it lies.
        folder: PathBuf,
    },
    /// The version's file holds something else.
    #[error("{} holds {text:?} instead of a version; if nothing else keeps its files there, remove it and run devup again", path.display())]
    NoVersion {
        /// The file.
        path: PathBuf,
        /// Its beginning.
        text: String,
    },
    /// Older state that can't be brought up.
    #[error("cannot bring devup's state from version {from} to {to}: {reason}")]
    Migration {
        /// From.
        from: u32,
        /// To.
        to: u32,
        /// Why not.
        reason: String,
    },
    /// Another devup kept the lock.
    #[error("another devup{} has kept {} for {} s; try again when it is done", owner(*pid), path.display(), PATIENCE.as_secs())]
    Busy {
        /// The lock.
        path: PathBuf,
        /// Its owner.
        pid: Option<u32>,
    },
    /// A preference that is none.
    #[error("{}: {reason}", path.display())]
    Preferences {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to type instead.
        reason: String,
    },
    /// Reading or writing failed.
    #[error(transparent)]
    File(#[from] FileError),
}

fn owner(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

/// devup's memory. Cheap to open: one small file is read.
#[derive(Debug)]
pub struct State {
    layout: Layout,
    warnings: Mutex<Vec<String>>,
}

impl State {
    /// Opens the state of these folders; nothing is created before something has to be kept. State of an older version is
    /// brought up, that of a newer one refused.
    pub fn open(layout: Layout) -> Result<Self, StateError> {
        let state = Self { layout, warnings: Mutex::default() };
        match version::found(&state.layout)? {
            Some(found) if found < STATE_VERSION => {
                let _lock = state.lock()?;
                version::bring_up(&state.layout)?;
            }
            Some(found) => version::refuse_newer(&state.layout, found, STATE_VERSION)?,
            None => {}
        }
        Ok(state)
    }

    /// Where everything lies.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What the user should know since the last call: files that were set aside.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A file's content as it is now; the default where there is no file.
    pub(super) fn read<T: DeserializeOwned + Default>(&self, path: &Path) -> Result<T, StateError> {
        let Some(bytes) = files::read_optional(path)? else { return Ok(T::default()) };
        if let Ok(content) = serde_json::from_slice(&bytes) {
            return Ok(content);
        }
        let _lock = self.lock()?;
        self.read_locked(path)
    }

    /// Reads, lets `change` work on the content, and replaces the file if the content is another. One devup at a time.
    pub(super) fn update<T, R>(&self, path: &Path, change: impl FnOnce(&mut T) -> R) -> Result<R, StateError>
    where
        T: Serialize + DeserializeOwned + Default + PartialEq + Clone,
    {
        let _lock = self.lock()?;
        version::bring_up(&self.layout)?;
        let before: T = self.read_locked(path)?;
        let mut content = before.clone();
        let result = change(&mut content);
        if content != before {
            let mut bytes = serde_json::to_vec_pretty(&content).map_err(|error| FileError {
                attempt: "encode",
                path: path.to_owned(),
                source: error.into(),
            })?;
            bytes.push(b'\n');
            if let Some(folder) = path.parent() {
                files::create_folder(folder, Access::Private)?;
            }
            files::write_atomic(path, &bytes, Access::Private)?;
        }
        Ok(result)
    }

    /// As [`State::read`], with the lock held: what can't be read is set aside under a name made of its content.
    fn read_locked<T: DeserializeOwned + Default>(&self, path: &Path) -> Result<T, StateError> {
        let Some(bytes) = files::read_optional(path)? else { return Ok(T::default()) };
        let reason = match serde_json::from_slice(&bytes) {
            Ok(content) => return Ok(content),
            Err(error) => error,
        };
        let aside = PathBuf::from(format!("{}.damaged-{}", path.display(), Digest::of(&bytes).short(8)));
        std::fs::rename(path, &aside).map_err(|source| FileError {
            attempt: "set aside",
            path: path.to_owned(),
            source,
        })?;
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(format!(
            "{} could not be read ({reason}); it was kept as {} and begun anew",
            path.display(),
            aside.display()
        ));
        Ok(T::default())
    }

    /// Held for moments only, so that waiting may block the thread.
    fn lock(&self) -> Result<Lock, StateError> {
        let path = self.layout.state_lock();
        files::create_folder(&self.layout.state, Access::Private)?;
        let begun = Instant::now();
        loop {
            match Lock::try_take(&path)? {
                Attempt::Taken(lock) => return Ok(lock),
                Attempt::Held(owner) if begun.elapsed() > PATIENCE => {
                    return Err(StateError::Busy { path, pid: owner.pid });
                }
                Attempt::Held(_) => std::thread::sleep(LOOK_EVERY),
            }
        }
    }
}

/// State in a temporary folder, for the tests of this floor's rooms and those above.
#[cfg(test)]
pub(crate) fn temporary() -> (tempfile::TempDir, State) {
    // a test can't go on without its folder
    #[allow(clippy::unwrap_used)]
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout {
        config: folder.path().join("config"),
        state: folder.path().join("state"),
        cache: folder.path().join("cache"),
    };
    #[allow(clippy::unwrap_used)]
    let state = State::open(layout).unwrap();
    (folder, state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::fs;

    type Numbers = BTreeMap<String, u32>;

    #[test]
    fn reading_creates_nothing() {
        let (folder, state) = temporary();
        let numbers: Numbers = state.read(&state.layout().projects()).unwrap();
        assert!(numbers.is_empty());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_file_is_kept_and_said() {
        let (_folder, state) = temporary();
        let path = state.layout().ports();
        state.update(&path, |numbers: &mut Numbers| numbers.insert("a".to_owned(), 1)).unwrap();
        fs::write(&path, "{\"a\": 1, half").unwrap();
        let numbers: Numbers = state.read(&path).unwrap();
        assert!(numbers.is_empty());
        let warnings = state.take_warnings();
        assert!(warnings[0].contains("ports.json.damaged-"), "{warnings:?}");
        let kept: Vec<_> = fs::read_dir(&state.layout().state)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter(|name| name.contains("damaged"))
            .collect();
        assert_eq!(kept.len(), 1);
        assert_eq!(fs::read_to_string(state.layout().state.join(&kept[0])).unwrap(), "{\"a\": 1, half");
        state.update(&path, |numbers: &mut Numbers| numbers.insert("b".to_owned(), 2)).unwrap();
        assert_eq!(state.read::<Numbers>(&path).unwrap()["b"], 2);
    }

    #[test]
    fn devups_side_by_side_keep_each_others_entries() {
        let (_folder, state) = temporary();
        let path = state.layout().projects();
        std::thread::scope(|scope| {
            for worker in 0..8 {
                let (state, path) = (&state, &path);
                scope.spawn(move || {
                    for turn in 0..10 {
                        state
                            .update(path, |numbers: &mut Numbers| numbers.insert(format!("{worker}-{turn}"), turn))
                            .unwrap();
                    }
                });
            }
        });
        assert_eq!(state.read::<Numbers>(&path).unwrap().len(), 80);
    }

    #[cfg(unix)]
    #[test]
    fn state_is_for_its_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, state) = temporary();
        let path = state.layout().trust();
        state.update(&path, |numbers: &mut Numbers| numbers.insert("a".to_owned(), 1)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&state.layout().state), 0o700);
    }

    #[test]
    fn newer_state_is_refused_on_opening() {
        let (_folder, state) = temporary();
        let layout = state.layout().clone();
        fs::create_dir_all(&layout.state).unwrap();
        fs::write(layout.version(), (STATE_VERSION + 1).to_string()).unwrap();
        assert!(matches!(State::open(layout).unwrap_err(), StateError::Newer { .. }));
    }
}
