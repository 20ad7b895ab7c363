//! The user's repositories: `backup.yaml` beside devup's preferences, for the user alone.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::address::Address;
use super::error::{BackupError, Kind, Result};
use crate::base::files::{self, Access, FileError};

/// Where a repository's passphrase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keeping {
    /// In the operating system's keyring.
    Keyring,
    /// In a file that another passphrase opens.
    Sealed,
    /// Nowhere: it is given each time.
    Asked,
}

/// How often automatic backups are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    /// Once an hour.
    Hourly,
    /// Once a day.
    Daily,
    /// Once a week.
    Weekly,
}

impl Every {
    /// The time from one to the next.
    pub fn span(self) -> SignedDuration {
        SignedDuration::from_hours(match self {
            Self::Hourly => 1,
            Self::Daily => 24,
            Self::Weekly => 7 * 24,
        })
    }
}

impl FromStr for Every {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        Ok(match text {
            "hourly" => Self::Hourly,
            "daily" => Self::Daily,
            "weekly" => Self::Weekly,
            _ => return Err("one of hourly, daily, weekly".to_owned()),
        })
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
        })
    }
}

/// One repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What the user calls it.
    pub name: String,
    /// Where it lies.
    pub repository: String,
    /// Where its passphrase is.
    pub passphrase: Keeping,
}

/// All repositories; the first is the one that backups go to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// In order.
    pub repositories: Vec<Entry>,
    /// How often automatic backups are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automatic: Option<Every>,
    /// How often they are proven by drills.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drill: Option<Every>,
}

impl Entry {
    /// Where it lies.
    pub fn address(&self) -> Result<Address> {
        Address::parse(&self.repository, Path::new("/")).map_err(|error| {
            BackupError::new(Kind::Other, format!("reading repository {}", self.name), error.to_string())
        })
    }
}

impl Settings {
    /// Reads them; none where there is no file.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |reason: String| BackupError::new(Kind::Other, format!("reading {}", path.display()), reason);
        let Some(bytes) = files::read_optional(path).map_err(|error| io(&error))? else {
            return Ok(Self::default());
        };
        let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))?;
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_yaml::from_str(&text).map_err(|error| failed(error.to_string()))
    }

    /// Replaces the file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_yaml::to_string(self)
            .map_err(|error| BackupError::new(Kind::Other, format!("writing {}", path.display()), error.to_string()))?;
        if let Some(folder) = path.parent() {
            files::create_folder(folder, Access::Shared).map_err(|error| io(&error))?;
        }
        files::write_atomic(path, text.as_bytes(), Access::Private).map_err(|error| io(&error))
    }

    /// The repository of this name, or at this place.
    pub fn find(&self, text: &str) -> Option<&Entry> {
        self.repositories.iter().find(|entry| entry.name == text || entry.repository == text)
    }

    /// Adds a repository, or replaces the one of its name.
    pub fn enter(&mut self, entry: Entry) {
        match self.repositories.iter_mut().find(|known| known.name == entry.name) {
            Some(known) => *known = entry,
            None => self.repositories.push(entry),
        }
    }
}

fn io(error: &FileError) -> BackupError {
    BackupError::io(format!("cannot {} {}", error.attempt, error.path.display()), &error.source)
}

/// Where a sealed passphrase lies, below devup's state.
pub fn sealed_path(state: &Path, name: &str) -> PathBuf {
    state.join("backup").join(format!("{}.sealed", super::part::safe(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_and_are_for_the_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("devup/backup.yaml");
        assert_eq!(Settings::read(&path).unwrap(), Settings::default());
        let mut settings = Settings::default();
        let entry = |place: &str| Entry { name: "local".into(), repository: place.into(), passphrase: Keeping::Sealed };
        settings.enter(entry("/a"));
        settings.enter(entry("/b"));
        settings.write(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let read = Settings::read(&path).unwrap();
        assert_eq!(read.find("local"), Some(&entry("/b")));
        assert_eq!(read.find("/b"), Some(&entry("/b")));
        std::fs::write(&path, "repositorys: []").unwrap();
        assert!(Settings::read(&path).unwrap_err().to_string().contains("repositorys"));
    }
}
