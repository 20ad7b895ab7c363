//! Specs of other repositories, as `include` and `extends` name them: `https://git.example/infra.git#ref:path`. They are
//! fetched with the user's own git and kept by commit, so that what was read once is read again whatever its branch does.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::base::digest::Digest;
use crate::base::files::{self, Access};
use crate::base::process::Call;

use crate::git::address::{Address, AddressError};
use crate::git::login::Login;

/// Git may speak these for an include; helpers and the like are refused by the address already.
const PROTOCOLS: &str = "file:https:http:ssh:git";

/// Why a remote file can't be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// The address is refused.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Its form is not that of a file in a repository.
    #[error("{0}")]
    Form(String),
    /// The path leaves the repository.
    #[error("the path {0:?} leads out of the repository")]
    Outside(String),
    /// The repository has no such file.
    #[error("{address} has no {path} at commit {commit}")]
    NoFile {
        /// The repository.
        address: String,
        /// Where it was looked for.
        path: String,
        /// At which commit.
        commit: String,
    },
    /// There is no git.
    #[error("git is not installed; install it with your package manager, or run `devup doctor --fix`")]
    NoGit,
    /// Git failed.
    #[error("git could not fetch {address}: {reason}")]
    Git {
        /// From where.
        address: String,
        /// Git's words.
        reason: String,
    },
}

/// A file, or a folder with a spec, in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    address: Address,
    /// A branch, tag or commit; `HEAD` where none is given.
    reference: String,
    /// Within the repository; empty for its top folder.
    path: String,
}

impl Remote {
    /// Reads `ADDRESS[#REF[:PATH]]`.
    pub fn parse(text: &str) -> Result<Self, RemoteError> {
        let (address, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (reference, path) = fragment.split_once(':').unwrap_or((fragment, ""));
        let address = match address.strip_prefix("github.com/") {
            Some(_) => format!("https://{address}"),
            None => address.to_owned(),
        };
        let is_web = address.starts_with("http://") || address.starts_with("https://");
        let is_repository =
            address.rsplit('/').next().is_some_and(|last| last.rsplit_once('.').is_some_and(|(_, end)| end == "git"));
        if is_web && !is_repository && !address.starts_with("https://github.com/") {
            return Err(RemoteError::Form(
                "a single file can't be fetched, only a git repository: its address ends in `.git`, and `#ref:path` names the \
                 file"
                    .to_owned(),
            ));
        }
        let reference = if reference.is_empty() { "HEAD" } else { reference };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '+' | '@');
        if reference.starts_with('-') || !reference.chars().all(plain) || reference.contains("..") {
            return Err(RemoteError::Form(format!("{reference:?} is no branch, tag or commit")));
        }
        let steps_out = |part: Component<'_>| !matches!(part, Component::Normal(_) | Component::CurDir);
        if Path::new(path).components().any(steps_out) || path.chars().any(char::is_control) {
            return Err(RemoteError::Outside(path.to_owned()));
        }
        // nothing is seen from a folder: relative paths are no remotes
        let address = Address::parse(&address, Path::new("/"))?;
        Ok(Self { address, reference: reference.to_owned(), path: path.to_owned() })
    }

    /// As it may be shown: without a password.
    pub fn shown(&self) -> String {
        let path = if self.path.is_empty() { String::new() } else { format!(":{}", self.path) };
        format!("{}#{}{path}", self.repository(), self.reference)
    }

    /// The repository's address as it may be shown.
    fn repository(&self) -> String {
        if self.address.is_local() { format!("file://{}", self.address) } else { self.address.to_string() }
    }
}

/// Where fetched repositories are kept: `<host/path of the repository>/<commit>/`.
#[derive(Debug, Clone)]
pub struct Kept {
    folder: PathBuf,
}

impl Kept {
    /// Beneath this folder.
    pub fn beneath(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The file of an earlier fetch; `None`: it was not fetched yet. `names` are looked for in a folder.
    pub fn find(&self, remote: &Remote, names: &[&str]) -> Result<Option<PathBuf>, RemoteError> {
        let repository = self.repository(remote);
        let commit = if is_commit(&remote.reference) {
            remote.reference.clone()
        } else {
            match fs::read_to_string(self.pin(remote)) {
                Ok(commit) if is_commit(commit.trim()) => commit.trim().to_owned(),
                _ => return Ok(None),
            }
        };
        let top = repository.join(&commit);
        if !top.is_dir() {
            return Ok(None);
        }
        let named = top.join(&remote.path);
        let found = if named.is_dir() {
            names.iter().map(|name| named.join(name)).find(|path| path.is_file())
        } else {
            Some(named)
        };
        let missing = || RemoteError::NoFile {
            address: remote.repository(),
            path: if remote.path.is_empty() { names.join(", ") } else { remote.path.clone() },
            commit,
        };
        let Some(found) = found.filter(|path| path.is_file()) else { return Err(missing()) };
        // a link in the repository must not lead to files of this machine
        match (fs::canonicalize(&found), fs::canonicalize(&top)) {
            (Ok(real), Ok(top)) if real.starts_with(&top) => Ok(Some(found)),
            _ => Err(RemoteError::Outside(remote.path.clone())),
        }
    }

    /// Fetches with git, and notes which commit a branch or tag is. What is there of this commit already stays.
    pub fn fetch(&self, remote: &Remote) -> Result<(), RemoteError> {
        let git = which::which("git").map_err(|_| RemoteError::NoGit)?;
        let failed = |reason: String| RemoteError::Git { address: remote.repository(), reason };
        let repository = self.repository(remote);
        files::create_folder(&repository, Access::Private).map_err(|error| failed(error.to_string()))?;
        let work = tempfile::Builder::new().prefix(".fetching-").tempdir_in(&repository);
        let work = work.map_err(|error| failed(error.to_string()))?;
        let login = Login::of(&remote.address);
        let run = |arguments: &[&str]| {
            let call =
                Call::new(&git).dir(work.path()).env("GIT_ALLOW_PROTOCOL", PROTOCOLS).env("GIT_TERMINAL_PROMPT", "0");
            // a devup that a hook of git's started is not meant to work on that repository
            let call = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"].iter().fold(call, Call::without_env);
            // no program of the repository's runs: no hooks, no submodules
            let call = call.args(["-c", "core.hooksPath=/dev/null", "-c", "submodule.recurse=false"]);
            let ended = login.on(call.args(arguments)).run_blocking().map_err(|error| failed(error.to_string()))?;
            if ended.success() {
                return Ok(ended.text().trim().to_owned());
            }
            // git repeats addresses in its errors, and those may hold a password
            Err(failed(ended.error_text().replace(remote.address.for_git(), &remote.address.to_string())))
        };
        let commit = check_out(&run, &login.address, remote)?;
        let target = repository.join(&commit);
        fs::remove_dir_all(work.path().join(".git")).map_err(|error| failed(error.to_string()))?;
        let moved = fs::rename(work.path(), &target);
        if let Err(error) = moved
            && !target.is_dir()
        {
            return Err(failed(error.to_string()));
        }
        if !is_commit(&remote.reference) {
            let noted = files::write_atomic(&self.pin(remote), commit.as_bytes(), Access::Private);
            noted.map_err(|error| failed(error.to_string()))?;
        }
        Ok(())
    }

    /// Forgets which commit a branch or tag is: it is asked again.
    pub fn forget(&self, remote: &Remote) {
        let _ = fs::remove_file(self.pin(remote));
    }

    /// Readable, since these paths stand in consents and places.
    fn repository(&self, remote: &Remote) -> PathBuf {
        // a folder's own form asks the disk, and would be another once the folder is gone
        let address = &remote.address;
        let normal = if address.is_local() { address.for_git().to_owned() } else { address.normalised() };
        let parts = normal.split(['/', '\\']).filter(|part| !part.is_empty() && !part.starts_with('.'));
        let plain = |part: &str| -> String {
            part.chars()
                .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
                .collect()
        };
        let mut folder = self.folder.clone();
        parts.for_each(|part| folder.push(plain(part)));
        // what is written alike need not be the same
        folder.push(Digest::of(remote.address.for_git()).short(8));
        folder
    }

    fn pin(&self, remote: &Remote) -> PathBuf {
        self.repository(remote).join(format!("{}.commit", Digest::of(&remote.reference).short(16)))
    }
}

/// Brings the commit into the folder that `run` runs git in; says which it is.
fn check_out(
    run: &dyn Fn(&[&str]) -> Result<String, RemoteError>,
    address: &str,
    remote: &Remote,
) -> Result<String, RemoteError> {
    run(&["init", "--quiet"])?;
    let one = run(&["fetch", "--quiet", "--depth=1", "--no-tags", "--", address, &remote.reference]);
    if is_commit(&remote.reference) && one.is_err() {
        // not every server hands out single commits
        run(&["fetch", "--quiet", "--", address, "+refs/*:refs/fetched/*"])?;
        run(&["checkout", "--quiet", "--detach", &remote.reference])?;
    } else {
        one?;
        run(&["checkout", "--quiet", "--detach", "FETCH_HEAD"])?;
    }
    run(&["rev-parse", "HEAD"])
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(folder: &Path, arguments: &[&str]) -> String {
        let call = Call::new("git").dir(folder).args(["-c", "user.name=t", "-c", "user.email=t@t.example"]);
        call.args(arguments).run_blocking().unwrap().checked().unwrap().text().trim().to_owned()
    }

    /// A repository with a spec at its top and one in `db/`.
    fn repository() -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q", "-b", "main"]);
        fs::create_dir(folder.path().join("db")).unwrap();
        fs::write(folder.path().join("compose.yaml"), "services: {}\n").unwrap();
        fs::write(folder.path().join("db/other.yaml"), "services: {db: {image: a}}\n").unwrap();
        git(folder.path(), &["add", "."]);
        git(folder.path(), &["commit", "-q", "-m", "one"]);
        let address = format!("file://{}", folder.path().display());
        (folder, address)
    }

    const NAMES: &[&str] = &["compose.yaml"];

    #[test]
    fn what_was_fetched_stays_until_it_is_forgotten() {
        let (origin, address) = repository();
        let cache = tempfile::tempdir().unwrap();
        let kept = Kept::beneath(cache.path().to_owned());
        let top = Remote::parse(&address).unwrap();
        assert_eq!(kept.find(&top, NAMES).unwrap(), None);
        kept.fetch(&top).unwrap();
        let found = kept.find(&top, NAMES).unwrap().unwrap();
        let commit = git(origin.path(), &["rev-parse", "HEAD"]);
        assert!(found.ends_with(format!("{commit}/compose.yaml")), "{}", found.display());
        assert!(!found.parent().unwrap().join(".git").exists());

        fs::write(origin.path().join("compose.yaml"), "services: {new: {image: a}}\n").unwrap();
        git(origin.path(), &["commit", "-q", "-a", "-m", "two"]);
        assert_eq!(kept.find(&top, NAMES).unwrap().unwrap(), found, "a branch that moves changes nothing");
        kept.forget(&top);
        assert_eq!(kept.find(&top, NAMES).unwrap(), None);
        kept.fetch(&top).unwrap();
        assert_ne!(kept.find(&top, NAMES).unwrap().unwrap(), found);

        let old = Remote::parse(&format!("{address}#{commit}:db/other.yaml")).unwrap();
        assert!(kept.find(&old, NAMES).unwrap().unwrap().ends_with("db/other.yaml"), "a commit is there already");
        let none = Remote::parse(&format!("{address}#{commit}:nope.yaml")).unwrap();
        assert!(kept.find(&none, NAMES).unwrap_err().to_string().contains("has no nope.yaml at commit"));
    }

    #[test]
    fn a_commit_that_no_branch_has_any_more_is_told() {
        let (_origin, address) = repository();
        let cache = tempfile::tempdir().unwrap();
        let kept = Kept::beneath(cache.path().to_owned());
        let gone = Remote::parse(&format!("{address}#{}", "0".repeat(40))).unwrap();
        let error = kept.fetch(&gone).unwrap_err().to_string();
        assert!(error.starts_with("git could not fetch file://"), "{error}");
        let branch = Remote::parse(&format!("{address}#nope")).unwrap();
        assert!(kept.fetch(&branch).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_lead_to_this_machine() {
        let (origin, address) = repository();
        std::os::unix::fs::symlink("/etc/hostname", origin.path().join("evil.yaml")).unwrap();
        git(origin.path(), &["add", "."]);
        git(origin.path(), &["commit", "-q", "-m", "evil"]);
        let cache = tempfile::tempdir().unwrap();
        let kept = Kept::beneath(cache.path().to_owned());
        let evil = Remote::parse(&format!("{address}#main:evil.yaml")).unwrap();
        kept.fetch(&evil).unwrap();
        assert_eq!(kept.find(&evil, NAMES), Err(RemoteError::Outside("evil.yaml".into())));
    }

    #[test]
    fn hostile_addresses_are_refused_and_passwords_are_not_shown() {
        for hostile in [
            "ext::sh -c touch% /tmp/x",
            "https://git.example/a.git#--upload-pack=x",
            "https://git.example/a.git#main:../../etc/passwd",
            "https://git.example/a.git#main:/etc/passwd",
            "https://git.example/a.git#a..b",
            "https://git.example/compose.yaml",
            "ssh://-oProxyCommand=x/y.git",
            "oci://registry.example/x",
            "javascript://x/y.git",
        ] {
            assert!(Remote::parse(hostile).is_err(), "{hostile}");
        }
        let remote = Remote::parse("https://ada:hunter2@git.example/a.git#v1:compose.yaml").unwrap();
        assert!(!remote.shown().contains("hunter2"), "{}", remote.shown());
        assert_eq!(Remote::parse("github.com/team/shop#v1").unwrap().shown(), "https://github.com/team/shop#v1");
        assert_eq!(Remote::parse("git@git.example:a.git").unwrap().shown(), "git@git.example:a.git#HEAD");
    }
}
