//! What is handed over to be kept: one kind of thing of one project, as a folder or as a source of files.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use rustic_core::ReadSource;
use serde::{Deserialize, Serialize};

use super::source::Erased;

/// Kinds of parts; each has a folder of its own in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What git has and no remote has.
    Work,
    /// A database, dumped by its own tool.
    Database,
    /// A volume, file by file.
    Volume,
    /// What devup knows of the project: its lock, chosen ports, consent.
    Settings,
    /// The project's secrets.
    Secrets,
    /// Folders that the user named.
    Folder,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Work, Self::Database, Self::Volume, Self::Settings, Self::Secrets, Self::Folder];

    /// Its folder in a snapshot.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Database => "databases",
            Self::Volume => "volumes",
            Self::Settings => "settings",
            Self::Secrets => "secrets",
            Self::Folder => "folders",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.folder())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.folder() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|kind| kind.folder()).collect();
            format!("{text:?} is no part of a backup; the parts are {}", known.join(", "))
        })
    }
}

/// One thing to keep.
#[derive(Debug)]
pub struct Part {
    /// What kind of thing.
    pub kind: Kind,
    /// Which one of its kind: a service, a volume; `None` where there is only one.
    pub name: Option<String>,
    /// What it was taken from, in words.
    pub origin: String,
    /// Its files.
    pub(super) content: Content,
    /// How it was made sure that it is whole.
    pub(super) verified: Verdict,
}

/// Where the files are.
#[derive(Debug)]
pub(super) enum Content {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// Handed over one after the other.
    Files(Erased),
}

/// Asked when everything was read: how it was made sure that it is whole, in words; or why it is not.
pub(super) struct Verdict(pub(super) Box<dyn FnOnce() -> Result<String, String> + Send>);

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verdict")
    }
}

impl Part {
    /// What lies in a folder, which is read once and has to stay as it is until then. `verified` says how it was made sure,
    /// before it was handed over, that it is whole.
    pub fn folder(kind: Kind, name: Option<String>, folder: PathBuf, origin: &str, verified: &str) -> Self {
        let verified = verified.to_owned();
        let verified = Verdict(Box::new(move || Ok(verified)));
        Self { kind, name, origin: origin.to_owned(), content: Content::Folder(folder), verified }
    }

    /// What lies in no folder: a dump as it comes, a volume behind a helper.
    ///
    /// The entries' paths are relative to the part's own place. They come in the order of `Path::cmp` (folders before what is
    /// in them; those that are left out are made up), and no file is without a time: one that has the size and times that
    /// it had in the last backup is taken over without being read, so a stream has the time at which it began. Where an
    /// entry or a read fails, the whole backup does. `verified` is asked when everything was read: for an exit code, a
    /// trailer.
    pub fn files<S>(
        kind: Kind,
        name: Option<String>,
        origin: &str,
        source: S,
        verified: impl FnOnce() -> Result<String, String> + Send + 'static,
    ) -> Self
    where
        S: ReadSource + 'static,
        S::Open: Send + 'static,
        S::Iter: Send + 'static,
    {
        let content = Content::Files(Erased::new(source));
        Self { kind, name, origin: origin.to_owned(), content, verified: Verdict(Box::new(verified)) }
    }

    /// Where it lies below the project's folder in a snapshot.
    pub fn place(&self) -> PathBuf {
        let mut place = PathBuf::from(self.kind.folder());
        place.extend(self.name.as_deref().map(safe));
        place
    }
}

/// A name as one component of a path: what could lead elsewhere is written as its code.
pub fn safe(name: &str) -> String {
    if name.is_empty() || name.chars().all(|c| c == '.') {
        return format!("%{}", name.len());
    }
    let mut out = String::new();
    for c in name.chars() {
        match c {
            '/' | '\0' | '%' => out.push_str(&format!("%{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_one_component() {
        assert_eq!(safe("db"), "db");
        assert_eq!(safe("../../etc"), "..%2f..%2fetc");
        assert_eq!(safe(".."), "%2");
        assert_ne!(safe("a/b"), safe("a%2fb"));
    }

    #[test]
    fn kinds_are_known_by_their_folders() {
        for kind in Kind::ALL {
            assert_eq!(kind.folder().parse::<Kind>(), Ok(kind));
        }
        assert!("volume".parse::<Kind>().unwrap_err().contains("volumes"));
    }
}
