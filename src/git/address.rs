//! Git's addresses: `https://…`, `ssh://…`, `git://…`, `file://…`, `user@host:path`, and local paths (gitrevisions aside,
//! as in "GIT URLS" of git-clone(1)).

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

/// Why a SOURCE is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It could be read as an option.
    #[error("{0:?} begins with a dash: git would take it for an option; write ./{0} if it is a folder")]
    Option(String),
    /// It hides something.
    #[error("the source {0:?} contains control characters")]
    Control(String),
    /// A helper could run any program.
    #[error("{0:?} asks for a transport helper, which may run any program; use an https, ssh, git or file address")]
    Helper(String),
    /// A scheme that devup does not hand to git.
    #[error("{scheme}:// is not one of https, http, ssh, git and file")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// A host that ssh would take for an option, or none at all.
    #[error("{0:?} has no usable host name")]
    Host(String),
    /// No repository is named.
    #[error("{0:?} names no repository")]
    Path(String),
    /// No folder's name can be made of it.
    #[error("no folder's name can be made of {0:?}; give one: devup SOURCE DIR")]
    NoName(String),
}

/// A SOURCE that may be handed to git.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// As git gets it; may hold a password.
    text: String,
    form: Form,
}

#[derive(Clone, PartialEq, Eq)]
enum Form {
    Url { host: String, path: String },
    Scp { host: String, path: String },
    Local(PathBuf),
}

const SCHEMES: [&str; 7] = ["https", "http", "ssh", "git+ssh", "ssh+git", "git", "file"];

/// A word of the command line is a SOURCE and no command.
pub fn looks_like_source(word: &str) -> bool {
    word.contains(['/', ':']) || word.starts_with('.')
}

impl Address {
    /// Reads an address; local paths are seen from `current_dir`.
    pub fn parse(text: &str, current_dir: &Path) -> Result<Self, AddressError> {
        let shown = || text.chars().take(120).collect::<String>();
        if text.chars().any(char::is_control) {
            return Err(AddressError::Control(shown()));
        }
        if text.starts_with('-') {
            return Err(AddressError::Option(shown()));
        }
        if text.trim().is_empty() {
            return Err(AddressError::Path(shown()));
        }
        if is_helper(text) {
            return Err(AddressError::Helper(shown()));
        }
        let form = match text.split_once("://") {
            Some((scheme, _)) => url_form(text, scheme)?,
            None => match scp_form(text)? {
                Some(form) => form,
                None => Form::Local(current_dir.join(text)),
            },
        };
        let text = match &form {
            Form::Local(path) => path.to_string_lossy().into_owned(),
            _ => text.to_owned(),
        };
        Ok(Self { text, form })
    }

    /// As git has to get it. Not for the screen: it may hold a password.
    pub fn for_git(&self) -> &str {
        &self.text
    }

    /// The folder of a repository of this machine.
    pub fn folder(&self) -> Option<&Path> {
        match &self.form {
            Form::Local(path) => Some(path),
            Form::Url { .. } | Form::Scp { .. } => None,
        }
    }

    /// A repository of this machine.
    pub fn is_local(&self) -> bool {
        matches!(self.form, Form::Local(_))
    }

    /// A form in which addresses of one repository are equal, whichever protocol, user, port or suffix they are written
    /// with: `host/path`, or an absolute path.
    pub fn normalised(&self) -> String {
        match &self.form {
            Form::Url { host, path } | Form::Scp { host, path } => {
                let path = path.trim_matches('/');
                let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
                format!("{}/{}", host.to_ascii_lowercase(), path.strip_prefix("./").unwrap_or(path))
            }
            Form::Local(path) => {
                let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
                let text = real.to_string_lossy().into_owned();
                let text = text.strip_suffix("/.git").unwrap_or(&text);
                text.strip_suffix(".git").unwrap_or(text).to_owned()
            }
        }
    }

    /// The folder that git would clone into.
    pub fn folder_name(&self) -> Result<String, AddressError> {
        let path = match &self.form {
            Form::Url { path, .. } | Form::Scp { path, .. } => path.clone(),
            Form::Local(path) => {
                let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
                real.to_string_lossy().into_owned()
            }
        };
        let path = path.trim_end_matches(['/', ' ']);
        let path = path.strip_suffix("/.git").unwrap_or(path).trim_end_matches('/');
        let last = path.rsplit(['/', '\\', ':']).next().unwrap_or_default();
        let last = last.strip_suffix(".git").or_else(|| last.strip_suffix(".bundle")).unwrap_or(last);
        let name = last.split_whitespace().collect::<Vec<_>>().join(" ");
        if name.is_empty() || name == "." || name == ".." || name.starts_with('-') || name.eq_ignore_ascii_case(".git")
        {
            return Err(AddressError::NoName(self.to_string()));
        }
        Ok(name)
    }
}

/// `ext::…`, `fd::…`, `anything::…`.
fn is_helper(text: &str) -> bool {
    text.split_once("::").is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-' | '_'))
    })
}

fn url_form(text: &str, scheme: &str) -> Result<Form, AddressError> {
    let scheme = scheme.to_ascii_lowercase();
    if !SCHEMES.contains(&scheme.as_str()) {
        return Err(AddressError::Scheme { scheme });
    }
    if scheme == "file" {
        let url = Url::parse(text).map_err(|_| AddressError::Path(text.to_owned()))?;
        return url.to_file_path().map(Form::Local).map_err(|()| AddressError::Host(text.to_owned()));
    }
    let safe = without_password(text);
    let url = Url::parse(text).map_err(|_| AddressError::Host(safe.clone()))?;
    let host = url.host_str().unwrap_or_default();
    let decoded_dash = host.starts_with('-') || host.to_ascii_lowercase().starts_with("%2d");
    if host.is_empty() || decoded_dash || url.username().starts_with('-') || url.username().starts_with("%2D") {
        return Err(AddressError::Host(safe));
    }
    let path = url.path().to_owned();
    if path.trim_matches('/').is_empty() {
        return Err(AddressError::Path(safe));
    }
    // ports tell two services of one host apart, unless they are the scheme's own
    let is_own = |port| (scheme.contains("ssh") && port == 22) || (scheme == "git" && port == 9418);
    let host = match url.port() {
        Some(port) if !is_own(port) => format!("{host}:{port}"),
        _ => host.to_owned(),
    };
    Ok(Form::Url { host, path })
}

/// `[user@]host:path`, where the colon stands before the first slash; `[::1]:path` for addresses of IPv6.
fn scp_form(text: &str) -> Result<Option<Form>, AddressError> {
    let colon = match text.find(']') {
        Some(end) if text.trim_start_matches(|c| c != '[').starts_with('[') && text[end..].starts_with("]:") => end + 1,
        _ => match text.find(':') {
            Some(at) => at,
            None => return Ok(None),
        },
    };
    if text[..colon].contains('/') {
        return Ok(None);
    }
    let (before, path) = (&text[..colon], &text[colon + 1..]);
    let (user, host) = before.rsplit_once('@').unwrap_or(("", before));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || host.starts_with('-') || user.starts_with('-') {
        return Err(AddressError::Host(text.to_owned()));
    }
    if path.trim_matches('/').is_empty() || path.starts_with('-') {
        return Err(AddressError::Path(text.to_owned()));
    }
    Ok(Some(Form::Scp { host: host.to_owned(), path: path.to_owned() }))
}

/// A URL as it may be shown.
pub fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or_default();
            // services take tokens in the user's place, too
            let user = if scheme.eq_ignore_ascii_case("ssh") { user } else { "…" };
            format!("{scheme}://{user}@{host}{}", &rest[authority.len()..])
        }
        None => text.to_owned(),
    }
}

impl fmt::Display for Address {
    /// Without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.text))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Address, AddressError> {
        Address::parse(text, Path::new("/work"))
    }

    #[test]
    fn folders_are_named_as_git_names_them() {
        for (source, folder) in [
            ("https://git.example/team/shop.git", "shop"),
            ("https://git.example/team/shop/", "shop"),
            ("https://git.example/team/shop.git/", "shop"),
            ("https://git.example/team/shop/.git", "shop"),
            ("ssh://git@git.example:2222/team/shop.git", "shop"),
            ("git@git.example:shop.git", "shop"),
            ("git@git.example:team/shop", "shop"),
            ("[::1]:shop.git", "shop"),
            ("../templates/shop", "shop"),
            ("./shop.bundle", "shop"),
            ("file:///srv/git/shop.git", "shop"),
            ("host:a b  c.git", "a b c"),
        ] {
            assert_eq!(parse(source).unwrap().folder_name().unwrap(), folder, "{source}");
        }
        for nameless in ["/", "https://git.example/..git/.git", "host:..", "host:x/-rf", "https://git.example/.git"] {
            let named = parse(nameless).and_then(|address| address.folder_name());
            assert!(named.is_err(), "{nameless}: {named:?}");
        }
    }

    #[test]
    fn one_repository_has_one_normal_form() {
        let same = [
            "https://git.example/team/shop.git",
            "https://ada:pw@GIT.example/team/shop/",
            "ssh://git@git.example/team/shop.git",
            "ssh://git@git.example:22/team/shop",
            "git@git.example:team/shop.git",
            "git.example:/team/shop",
        ];
        for source in same {
            assert_eq!(parse(source).unwrap().normalised(), "git.example/team/shop", "{source}");
        }
        for other in
            ["https://git.example/team/shop2", "https://git.example:8443/team/shop", "https://evil.example/team/shop"]
        {
            assert_ne!(parse(other).unwrap().normalised(), "git.example/team/shop", "{other}");
        }
        assert_eq!(parse("file:///nowhere/shop.git").unwrap().normalised(), "/nowhere/shop");
        assert_eq!(parse("./shop").unwrap().normalised(), "/work/./shop");
    }

    #[test]
    fn hostile_sources_are_refused() {
        for hostile in [
            "--upload-pack=touch /tmp/x",
            "-u./x",
            "ext::sh -c touch% /tmp/x",
            "fd::17/foo",
            "EXT::sh",
            "foo-bar::https://git.example/x",
            "ssh://-oProxyCommand=touch/x",
            "ssh://%2DoProxyCommand=x/y",
            "-oProxyCommand=x:y/z",
            "ssh://-l@host/x",
            "-l@host:x/y",
            "host:-x",
            "https:///shop",
            "https://git.example/",
            "ftp://git.example/shop",
            "javascript://x/y",
            "https://git.example/a\nb",
            "./a\u{1b}[31m",
            "",
            "  ",
        ] {
            assert!(parse(hostile).is_err(), "{hostile}: {:?}", parse(hostile));
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let address = parse("https://ada:hunter2@git.example/shop.git").unwrap();
        assert_eq!(format!("{address} {address:?}").matches("hunter2").count(), 0);
        let token = parse("https://ghp_token@git.example/shop.git").unwrap();
        assert!(!token.to_string().contains("ghp_token"));
        assert!(!token.normalised().contains("ghp_token"));
        assert_eq!(parse("ssh://git@h/x").unwrap().to_string(), "ssh://git@h/x");
        assert!(!parse("https://ada:hunter2@/x").unwrap_err().to_string().contains("hunter2"));
    }

    #[test]
    fn bare_words_are_commands() {
        for source in ["./x", "../x", ".", "a/b", "host:path", "https://x/y"] {
            assert!(looks_like_source(source), "{source}");
        }
        for word in ["up", "shop", "-x", "st-op"] {
            assert!(!looks_like_source(word), "{word}");
        }
    }
}
