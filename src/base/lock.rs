//! An advisory lock between processes of one machine. The kernel holds it (`flock` on Unix), so it goes with its owner
//! however that one ends: there is never a lock file to remove by hand. The file tells the owner's pid to those who wait.

use super::files::{Access, FileError, create_folder};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a waiting process looks again. Waiting happens by looking, so that Ctrl-C ends it at once.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// What one attempt to take a lock brought.
#[derive(Debug)]
pub enum Attempt {
    /// It is ours.
    Taken(Lock),
    /// Another holds it.
    Held(Owner),
}

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The owner's process id; absent in the moment between its taking the lock and its writing the number.
    pub pid: Option<u32>,
}

impl Lock {
    /// Tries once. The folder is created when missing; the file stays after the lock was given back (removing it would
    /// let two processes lock two files of the same name).
    pub fn try_take(path: &Path) -> Result<Attempt, FileError> {
        if let Some(folder) = path.parent() {
            create_folder(folder, Access::Private)?;
        }
        let failed = |source| FileError { attempt: "lock", path: path.to_owned(), source };
        let mut file = open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                let lock = Self { file, path: path.to_owned() };
                lock.sign().map_err(failed)?;
                Ok(Attempt::Taken(lock))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // unreadable content means only that the owner has no number to show
                let _ = file.read_to_string(&mut text);
                Ok(Attempt::Held(Owner { pid: text.trim().parse().ok() }))
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Waits until the lock is ours. `waiting` is called once per owner that stands in the way.
    /// Drop the future to give up.
    pub async fn take(path: &Path, mut waiting: impl FnMut(Owner)) -> Result<Self, FileError> {
        let mut told = None;
        loop {
            match Self::try_take(path)? {
                Attempt::Taken(lock) => return Ok(lock),
                Attempt::Held(owner) => {
                    // an owner who has not signed yet will have by the next look
                    if owner.pid.is_some() && told != Some(owner) {
                        told = Some(owner);
                        waiting(owner);
                    }
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The lock's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn sign(&self) -> io::Result<()> {
        let mut file = &self.file;
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        write!(file, "{}", std::process::id())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // the pid goes first, so that nobody reads the number of one who holds nothing; the kernel unlocks on close anyway
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_the_other_learns_who() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks/project.lock");
        let Attempt::Taken(first) = Lock::try_take(&path).unwrap() else { panic!("free locks are taken") };
        match Lock::try_take(&path).unwrap() {
            Attempt::Held(owner) => assert_eq!(owner.pid, Some(std::process::id())),
            Attempt::Taken(_) => panic!("two hold one lock"),
        }
        drop(first);
        assert!(matches!(Lock::try_take(&path).unwrap(), Attempt::Taken(_)));
    }

    #[test]
    fn what_a_dead_owner_left_in_the_file_is_no_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l");
        std::fs::write(&path, "999999999").unwrap();
        assert!(matches!(Lock::try_take(&path).unwrap(), Attempt::Taken(_)));
    }

    #[tokio::test]
    async fn a_waiting_process_is_told_once_and_gets_it_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l");
        let Attempt::Taken(first) = Lock::try_take(&path).unwrap() else { panic!("free locks are taken") };
        let mut held = Some(first);
        let mut told = Vec::new();
        let second = Lock::take(&path, |owner| {
            told.push(owner);
            held.take();
        });
        second.await.unwrap();
        assert_eq!(told, [Owner { pid: Some(std::process::id()) }]);
    }
}
