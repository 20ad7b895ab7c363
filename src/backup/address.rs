//! Where a repository lies, as the user writes it: the forms are restic's own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use url::Url;

/// The place of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A rest-server: `rest:https://host/path`.
    Rest(Url),
    /// A remote of rclone: `rclone:remote:path`.
    Rclone(String),
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no place for a repository: {reason}")]
pub struct BadAddress {
    text: String,
    reason: String,
}

/// The forms, for help texts.
pub const FORMS: &str = "a folder, rest:https://HOST/PATH or rclone:REMOTE:PATH";

impl Address {
    /// Reads it; a relative folder is one of `here`.
    pub fn parse(text: &str, here: &Path) -> Result<Self, BadAddress> {
        match text.parse()? {
            Self::Folder(folder) => Ok(Self::Folder(here.join(folder))),
            other => Ok(other),
        }
    }

    /// Whether it is a folder of this machine.
    pub fn folder(&self) -> Option<&Path> {
        if let Self::Folder(folder) = self { Some(folder) } else { None }
    }

    /// As it is written to devup's configuration, with credentials if the user put any in.
    pub fn written(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Rest(url) => format!("rest:{url}"),
            Self::Rclone(remote) => format!("rclone:{remote}"),
        }
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = |reason: &str| BadAddress { text: hidden(text), reason: reason.to_owned() };
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if !scheme.contains('/') && !scheme.is_empty() => (scheme, rest),
            _ if text.is_empty() => return Err(bad(&format!("it is empty; write {FORMS}"))),
            _ => return Ok(Self::Folder(PathBuf::from(text))),
        };
        match scheme {
            "local" => Ok(Self::Folder(PathBuf::from(rest))),
            "rest" => match Url::parse(rest) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Self::Rest(with_slash(url))),
                _ => Err(bad("behind `rest:` stands an address that begins with http:// or https://")),
            },
            "rclone" if rest.starts_with(':') || rest.split(':').next().is_some_and(|remote| remote.contains(',')) => {
                let reason = "options of a remote would stand in the list of processes: make it with `rclone config`";
                Err(BadAddress { text: "rclone:…".to_owned(), reason: reason.to_owned() })
            }
            "rclone" if rest.contains(':') && !rest.starts_with('-') => Ok(Self::Rclone(rest.to_owned())),
            "rclone" => Err(bad("behind `rclone:` stand a remote of rclone and a path: rclone:REMOTE:PATH")),
            "s3" | "sftp" | "b2" | "azure" | "gs" | "swift" => Err(bad(&format!(
                "devup reaches {scheme} through rclone: make a remote with `rclone config`, and write rclone:REMOTE:PATH"
            ))),
            _ => Err(bad(&format!("{scheme:?} is not known; write {FORMS}"))),
        }
    }
}

/// What every url of a repository ends with, so that names are joined below it.
fn with_slash(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url
}

/// Without a password that stands in it.
fn hidden(text: &str) -> String {
    let Some(at) = text.find("://") else { return text.to_owned() };
    // whoever forgot to encode one in the password shall not see the rest of it
    let Some(end) = text[at + 3..].rfind('@').map(|end| at + 3 + end) else { return text.to_owned() };
    match text[at + 3..end].split_once(':') {
        Some((user, _)) => format!("{}{user}:***{}", &text[..at + 3], &text[end..]),
        None => text.to_owned(),
    }
}

impl fmt::Display for Address {
    /// As shown: without passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rest(url) if url.password().is_some() => {
                let mut shown = url.clone();
                // only an address without a host refuses one
                let _ = shown.set_password(Some("***"));
                write!(f, "rest:{shown}")
            }
            Self::Folder(_) | Self::Rest(_) | Self::Rclone(_) => f.write_str(&self.written()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_are_restics() {
        let parse = |text: &str| Address::parse(text, Path::new("/here")).unwrap();
        assert_eq!(parse("backups"), Address::Folder("/here/backups".into()));
        assert_eq!(parse("/a:b/c"), Address::Folder("/a:b/c".into()));
        assert_eq!(parse("local:x"), Address::Folder("/here/x".into()));
        assert_eq!(parse("rest:https://host:8000/ada").to_string(), "rest:https://host:8000/ada/");
        assert_eq!(parse("rclone:drive:backups").to_string(), "rclone:drive:backups");
    }

    #[test]
    fn what_is_no_place_is_explained_and_passwords_are_not_repeated() {
        let wrong = |text: &str| Address::parse(text, Path::new("/")).unwrap_err().to_string();
        assert!(wrong("").contains("it is empty"));
        assert!(wrong("ftp:host").contains("\"ftp\" is not known"));
        assert!(wrong("sftp:ada@host:/a").contains("rclone:REMOTE:PATH"));
        assert!(wrong("rclone:--config=x:y").contains("rclone:REMOTE:PATH"));
        for text in ["rclone::s3,secret_access_key=hunter2:b", "rclone:r,pass=hunter2:b"] {
            let said = wrong(text);
            assert!(said.contains("rclone config") && !said.contains("hunter2"), "{said}");
        }
        let said = wrong("ftps://ada:hunter2@host/x");
        assert!(!said.contains("hunter2") && said.contains("ada:***@host"), "{said}");
        for text in ["rest:https://ada:hunt@er2@ho st/x", "rest:https://ada:hunt/er2@host/x", "ftp://a:hunt?er2@b@host"]
        {
            let said = wrong(text);
            assert!(!said.contains("hunt") && !said.contains("er2"), "{said}");
        }
        let shown = Address::parse("rest:https://ada:hunter2@host:8000/a@b/x", Path::new("/")).unwrap();
        assert_eq!(shown.to_string(), "rest:https://ada:***@host:8000/a@b/x/");
        let shown = Address::parse("rest:https://ada:hunter2@host/x", Path::new("/")).unwrap();
        assert_eq!(shown.to_string(), "rest:https://ada:***@host/x/");
        assert!(shown.written().contains("hunter2"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["/b", "rest:https://a:b@host/x/", "rclone:r:p"] {
            let address = Address::parse(text, Path::new("/")).unwrap();
            assert_eq!(Address::parse(&address.written(), Path::new("/")).unwrap(), address, "{text}");
        }
    }
}
