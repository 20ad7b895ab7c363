//! Hears of changes on the disk, and tells them in batches: once it has been quiet for a moment, or when a burst lasts.
//!
//! A debouncer of the `notify` family would drop the word that the kernel's queue overflowed; here it becomes "look at
//! everything again".

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, timeout_at};

/// A batch ends when nothing happened for so long.
const QUIET: Duration = Duration::from_millis(200);
/// A batch ends after so long at the latest.
const LONGEST: Duration = Duration::from_secs(3);

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// These paths changed, came or went.
    Paths(BTreeSet<PathBuf>),
    /// More than could be told: anything may have changed.
    Anything,
}

/// Watching failed.
#[derive(Debug, thiserror::Error)]
#[error("watching {}: {reason}", path.display())]
pub struct WatchError {
    /// Where.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// Watches until it is dropped.
pub struct Notice {
    events: UnboundedReceiver<notify::Result<Event>>,
    // it stops when it goes
    _watcher: notify::RecommendedWatcher,
}

impl Notice {
    /// Watches these paths: folders with all below them, files through their folders, because editors replace files.
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<Self, WatchError> {
        let (tell, events) = unbounded_channel();
        let config = notify::Config::default().with_follow_symlinks(false);
        let hear = move |event| drop(tell.send(event));
        let failed = |path: &Path, error: &notify::Error| WatchError { path: path.to_owned(), reason: reason(error) };
        let mut watcher =
            notify::RecommendedWatcher::new(hear, config).map_err(|error| failed(Path::new("/"), &error))?;
        let places: BTreeSet<(PathBuf, bool)> = paths.into_iter().map(place).collect();
        for (path, recursive) in &places {
            let above = |(other, all): &(PathBuf, bool)| *all && path != other && path.starts_with(other);
            if places.iter().any(above) || (!recursive && places.contains(&(path.clone(), true))) {
                continue;
            }
            let mode = if *recursive { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            watcher.watch(path, mode).map_err(|error| failed(path, &error))?;
        }
        Ok(Self { events, _watcher: watcher })
    }

    /// The next batch; waits for it. `None`: nothing will come any more.
    pub async fn next(&mut self) -> Option<Change> {
        let mut gathered = Gathered::default();
        while gathered.is_empty() {
            gathered.take(self.events.recv().await?);
        }
        let latest = Instant::now() + LONGEST;
        let mut quiet = Instant::now() + QUIET;
        while let Ok(Some(event)) = timeout_at(quiet.min(latest), self.events.recv()).await {
            if gathered.take(event) {
                quiet = Instant::now() + QUIET;
            }
        }
        Some(gathered.change())
    }
}

/// What belongs to one batch.
#[derive(Default)]
struct Gathered {
    paths: BTreeSet<PathBuf>,
    anything: bool,
}

impl Gathered {
    /// Whether the event counts.
    fn take(&mut self, event: notify::Result<Event>) -> bool {
        match event {
            Ok(event) if event.need_rescan() => self.anything = true,
            Ok(event) if counts(event.kind) => self.paths.extend(event.paths),
            Ok(_) => return false,
            // what can't be read of an event is no reason to miss what it was about
            Err(_) => self.anything = true,
        }
        true
    }

    fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.anything
    }

    fn change(self) -> Change {
        if self.anything { Change::Anything } else { Change::Paths(self.paths) }
    }
}

/// Looking is no change: copying what changed would be heard as one otherwise.
fn counts(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

/// What is watched for a path, and whether all below it is.
fn place(path: &Path) -> (PathBuf, bool) {
    match path.parent() {
        Some(folder) if !path.is_dir() => (folder.to_owned(), false),
        _ => (path.to_owned(), true),
    }
}

fn reason(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => "the kernel watches as many folders as it may; allow more with \
            `sudo sysctl fs.inotify.max_user_watches=1048576`, or name a smaller folder in develop.watch"
            .to_owned(),
        notify::ErrorKind::PathNotFound => "there is no such file or folder".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Batches until they hold this path together.
    async fn until(notice: &mut Notice, wanted: &Path) -> BTreeSet<PathBuf> {
        let mut all = BTreeSet::new();
        while !all.contains(wanted) {
            let next = tokio::time::timeout(Duration::from_mins(1), notice.next()).await;
            match next.expect("it is told in time") {
                Some(Change::Paths(paths)) => all.extend(paths),
                other => panic!("{other:?}"),
            }
        }
        all
    }

    #[tokio::test]
    async fn what_comes_changes_and_goes_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (old, new) = (root.join("deep/er/old"), root.join("deep/er/new"));
        fs::create_dir_all(root.join("deep/er")).unwrap();
        let mut notice = Notice::of([root.as_path(), &root.join("deep")]).unwrap();
        fs::write(&old, "1").unwrap();
        until(&mut notice, &old).await;
        fs::rename(&old, &new).unwrap();
        let told = until(&mut notice, &new).await;
        assert!(told.contains(&old), "{told:?}");
        fs::remove_file(&new).unwrap();
        until(&mut notice, &new).await;
        // a folder that came later is watched too
        fs::create_dir_all(root.join("later")).unwrap();
        until(&mut notice, &root.join("later")).await;
        fs::write(root.join("later/file"), "1").unwrap();
        until(&mut notice, &root.join("later/file")).await;
    }

    #[tokio::test]
    async fn a_file_that_is_replaced_is_watched_on_and_looking_is_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let file = root.join("app.conf");
        fs::write(&file, "1").unwrap();
        let mut notice = Notice::of([file.as_path()]).unwrap();
        for content in ["2", "3"] {
            fs::read(&file).unwrap();
            fs::write(root.join("new"), content).unwrap();
            fs::rename(root.join("new"), &file).unwrap();
            until(&mut notice, &file).await;
        }
        fs::read(&file).unwrap();
        fs::write(root.join("mark"), "").unwrap();
        assert!(!until(&mut notice, &root.join("mark")).await.contains(&file));
    }

    #[tokio::test]
    async fn an_overflow_means_anything() {
        let mut gathered = Gathered::default();
        let lost = Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        assert!(gathered.take(Ok(lost)));
        assert_eq!(gathered.change(), Change::Anything);
    }

    #[test]
    fn a_path_that_is_not_there_is_named() {
        let error = Notice::of([Path::new("/no/such/folder")]).err().unwrap();
        assert_eq!(error.to_string(), "watching /no/such: there is no such file or folder");
    }
}
