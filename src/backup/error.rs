//! What can go wrong with a repository, by what the user can do about it.

use std::error::Error;
use std::io;

use rustic_core::RusticError;

/// Kinds of failure that want different remedies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The passphrase opens nothing.
    Passphrase,
    /// There is no repository, or no such snapshot.
    Missing,
    /// There is a repository already.
    Exists,
    /// Something in the repository is not as it was written.
    Damaged,
    /// The place takes no writes.
    ReadOnly,
    /// The place is full.
    Full,
    /// Another program is at work on the repository.
    Busy,
    /// Something of what was to be kept could not be read.
    Incomplete,
    /// The place does not answer.
    Unreachable,
    /// Anything else.
    Other,
}

/// Why something with a backup did not work. Never holds a passphrase.
#[derive(Debug, thiserror::Error)]
#[error("{attempt}: {reason}")]
pub struct BackupError {
    /// What kind of failure.
    pub kind: Kind,
    /// What was attempted.
    pub attempt: String,
    /// Why it failed.
    pub reason: String,
}

/// Result of this room.
pub type Result<T, E = BackupError> = std::result::Result<T, E>;

impl BackupError {
    /// Of a known kind.
    pub fn new(kind: Kind, attempt: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { kind, attempt: attempt.into(), reason: reason.into() }
    }

    /// A file or stream of this machine.
    pub fn io(attempt: impl Into<String>, error: &io::Error) -> Self {
        Self::new(kind_of_io(error).unwrap_or(Kind::Other), attempt, error.to_string())
    }

    /// What the library said, by what can be done about it.
    pub fn of(attempt: impl Into<String>, error: &RusticError) -> Self {
        if error.is_incorrect_password() {
            return Self::new(Kind::Passphrase, attempt, "the passphrase is wrong");
        }
        let reason = one_line(&error.display_log());
        let damaged = ["error processing", "deserializ", "decrypt", "MAC", "Length of uncompressed", "exact length"];
        let kind = match system_reason(error) {
            Some((kind, _)) => kind,
            None if error.is_code("C001") || damaged.iter().any(|word| reason.contains(word)) => Kind::Damaged,
            None if reason.contains("No repository config file") => Kind::Missing,
            None if reason.contains("already exists") => Kind::Exists,
            None => Kind::Other,
        };
        let reason = match (kind, system_reason(error)) {
            (Kind::Full | Kind::ReadOnly, Some((_, said))) => said,
            _ => reason,
        };
        Self::new(kind, attempt, reason)
    }

    /// What to type next, where the kind says it.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self.kind {
            Kind::Passphrase => {
                "give the passphrase of the recovery sheet with `--passphrase-file FILE`, `--passphrase-fd N` or \
                 `--passphrase-command COMMAND`"
            }
            Kind::Missing => "`devup backup repos` shows the repositories, `devup backup list` their snapshots",
            Kind::Damaged => {
                "`devup backup check --read-data` says what is damaged; what it does not name can be restored; restore from \
                 another repository where there is one"
            }
            Kind::ReadOnly => "make the place writable, or back up to another repository with `--repo NAME`",
            Kind::Full => {
                "free space there (`devup backup forget --keep-last 3`, then `devup backup prune`), or use another repository \
                 with `--repo NAME`; nothing that was complete has changed"
            }
            Kind::Busy => "try again when the other program is done",
            Kind::Unreachable => {
                "try again when the place answers; a backup to another repository goes with `--repo NAME`"
            }
            Kind::Exists | Kind::Incomplete | Kind::Other => return None,
        })
    }
}

/// The operating system's reason at the end of the chain of causes, where there is one.
fn system_reason(error: &RusticError) -> Option<(Kind, String)> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(now) = cause {
        if let Some(io) = now.downcast_ref::<io::Error>()
            && let Some(kind) = kind_of_io(io)
        {
            return Some((kind, io.to_string()));
        }
        cause = now.source();
    }
    None
}

fn kind_of_io(error: &io::Error) -> Option<Kind> {
    Some(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Kind::Full,
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Kind::ReadOnly,
        io::ErrorKind::UnexpectedEof => Kind::Damaged,
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::TimedOut
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable => Kind::Unreachable,
        _ => return None,
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
