//! Where a repository's parts lie: git's folder, the working trees, what is checked out, the stashes. Read from its
//! files, so that looking at hundreds of repositories costs no processes.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::error::WorkError;
use crate::git::call::Git;

/// A repository, by the folder that all its working trees share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Git's folder; canonical.
    pub common: PathBuf,
    /// Its working trees, the first one first; none: it is bare, or its working tree is gone.
    pub trees: Vec<Tree>,
    /// What its configuration says that shapes how it is read.
    pub settings: Settings,
}

/// A working tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Its folder.
    pub folder: PathBuf,
    /// Git's folder for this tree: the common one, or one of `worktrees/`.
    pub git_dir: PathBuf,
    /// The name under `worktrees/`; `None` for the first.
    pub id: Option<Vec<u8>>,
    /// What is checked out.
    pub head: Head,
    /// The folder is there.
    pub exists: bool,
}

/// A ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ref {
    /// What it points at.
    pub oid: String,
    /// What that is: `commit`, `tag`, `tree`, `blob`.
    pub kind: String,
    /// Its whole name.
    pub name: String,
}

impl Ref {
    /// It leads to commits.
    pub fn walks(&self) -> bool {
        matches!(self.kind.as_str(), "commit" | "tag")
    }
}

/// What is checked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// A branch, by its whole name; it may have no commit yet.
    Branch(String),
    /// A commit.
    Detached(String),
    /// Neither can be read.
    Unknown,
}

/// Configuration that shapes how objects, index and files are read. Nothing here can name a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `core.bare`.
    pub bare: bool,
    /// `extensions.objectFormat`: `sha1` or `sha256`.
    pub object_format: Option<String>,
    /// `extensions.refStorage` is `reftable`.
    pub reftable: bool,
    /// It is a partial clone: objects are missing, and a remote promised them.
    pub partial: bool,
    /// It was cloned without all of its history.
    pub shallow: bool,
    /// `key=value` of `core.autocrlf` and its like.
    pub shaping: Vec<String>,
    /// `core.worktree`: where a submodule's files lie.
    pub work_tree: Option<PathBuf>,
    /// Remotes: name and addresses.
    pub remotes: Vec<(String, String)>,
}

/// Bytes of a file of git's that are looked at; the stashes' log is the longest.
const MOST: u64 = 64 * 1024 * 1024;

/// Keys that say how files are compared with the index.
const SHAPING: &[&str] = &[
    "core.autocrlf",
    "core.eol",
    "core.filemode",
    "core.symlinks",
    "core.ignorecase",
    "core.precomposeunicode",
    "core.sparsecheckout",
    "core.sparsecheckoutcone",
];

impl Repository {
    /// The repository that has its `.git`, or itself (bare), in this folder. `None`: there is none.
    pub fn at(folder: &Path) -> Result<Option<Self>, WorkError> {
        let dot_git = folder.join(".git");
        let git_dir = match fs::symlink_metadata(&dot_git) {
            Ok(found) if found.is_dir() => dot_git,
            Ok(found) if found.is_file() => match pointer(&dot_git) {
                Some(git_dir) => git_dir,
                None => return Ok(None),
            },
            Ok(_) => fs::canonicalize(&dot_git).map_err(WorkError::file("follow", &dot_git))?,
            Err(_) if is_git_dir(folder) => folder.to_owned(),
            Err(_) => return Ok(None),
        };
        if !git_dir.exists() {
            return Ok(None);
        }
        let common = common_of(&git_dir);
        if !is_git_dir(&common) {
            return Ok(None);
        }
        let common = fs::canonicalize(&common).map_err(WorkError::file("follow", &common))?;
        let settings = settings(&common)?;
        let is_own = common == fs::canonicalize(&git_dir).unwrap_or_default();
        let first = first_tree(&common, is_own.then_some(folder), &settings);
        let mut trees: Vec<Tree> = Vec::new();
        if let Some(top) = first.filter(|_| !settings.bare) {
            trees.push(Tree::of(top, common.clone(), None));
        }
        trees.extend(linked(&common));
        Ok(Some(Self { common, trees, settings }))
    }

    /// What people call it: the folder of its first working tree, or git's own.
    pub fn folder(&self) -> &Path {
        match self.trees.first() {
            Some(tree) if tree.id.is_none() => &tree.folder,
            _ => &self.common,
        }
    }

    /// Git on it, for its refs. Its configuration is read, and nothing that it names is run.
    pub fn git(&self) -> Git {
        Git::on(&self.common)
    }

    /// Its refs. Symbolic ones are left out.
    pub fn refs(&self) -> Result<Vec<Ref>, WorkError> {
        refs(&self.git(), &self.common)
    }

    /// Its symbolic refs, with what they stand for: `refs/remotes/origin/HEAD`.
    pub fn symbolic_refs(&self) -> Result<Vec<(String, String)>, WorkError> {
        let answer = self.git().read(&["for-each-ref", "--format=%(symref) %(refname)"])?;
        let lines = crate::git::call::lines(&answer).filter_map(|line| std::str::from_utf8(line).ok());
        let pairs = lines.filter_map(|line| line.split_once(' ')).filter(|(target, _)| !target.is_empty());
        Ok(pairs.map(|(target, name)| (name.to_owned(), target.to_owned())).collect())
    }

    /// The commits of its stashes, the newest first.
    pub fn stashes(&self) -> Result<Vec<String>, WorkError> {
        if self.settings.reftable {
            return self.stashes_asked();
        }
        let log = read(&self.common.join("logs/refs/stash")).unwrap_or_default();
        let mut found: Vec<String> = crate::git::call::lines(&log)
            .filter_map(|line| line.split(|byte| *byte == b' ').nth(1))
            .filter_map(|oid| String::from_utf8(oid.to_vec()).ok())
            .filter(|oid| is_oid(oid))
            .collect();
        found.reverse();
        Ok(found)
    }

    /// Without a file for the log, git has to say what is in it.
    fn stashes_asked(&self) -> Result<Vec<String>, WorkError> {
        if self.git().ask(&["rev-parse", "--verify", "--quiet", "refs/stash"])?.is_none() {
            return Ok(Vec::new());
        }
        let answer = self.git().read(&["rev-list", "--walk-reflogs", "refs/stash", "--"])?;
        let oids = crate::git::call::lines(&answer).map(|line| String::from_utf8_lossy(line).into_owned());
        Ok(oids.collect())
    }
}

/// The refs that git shows for this folder of it.
pub(super) fn refs(git: &Git, of: &Path) -> Result<Vec<Ref>, WorkError> {
    let answer = git.read(&["for-each-ref", "--format=%(objectname) %(objecttype) %(refname) %(symref)"])?;
    let mut found = Vec::new();
    for line in crate::git::call::lines(&answer) {
        let line = std::str::from_utf8(line).map_err(|_| WorkError::Answer {
            repository: of.to_owned(),
            what: format!("a ref's name is no UTF-8: {}", line.escape_ascii()),
        })?;
        let mut words = line.splitn(4, ' ');
        if let (Some(oid), Some(kind), Some(name), Some("")) = (words.next(), words.next(), words.next(), words.next())
        {
            found.push(Ref { oid: oid.to_owned(), kind: kind.to_owned(), name: name.to_owned() });
        }
    }
    Ok(found)
}

impl Tree {
    fn of(folder: PathBuf, git_dir: PathBuf, id: Option<Vec<u8>>) -> Self {
        let head = head(&git_dir);
        let exists = folder.is_dir();
        Self { folder, git_dir, id, head, exists }
    }

    /// The commit that is checked out, where it can be read.
    pub fn commit(&self, refs: &[Ref]) -> Option<String> {
        match &self.head {
            Head::Detached(oid) => Some(oid.clone()),
            Head::Branch(branch) => refs.iter().find(|one| one.name == *branch).map(|one| one.oid.clone()),
            Head::Unknown => None,
        }
    }
}

/// A folder looks like git's own.
pub(super) fn is_git_dir(folder: &Path) -> bool {
    folder.join("objects").is_dir() && folder.join("refs").exists() && folder.join("HEAD").exists()
}

/// Words that name an object.
pub(super) fn is_oid(word: &str) -> bool {
    matches!(word.len(), 40 | 64) && word.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Where a `.git` file points.
fn pointer(file: &Path) -> Option<PathBuf> {
    let text = read(file)?;
    let target = text.strip_prefix(b"gitdir:")?.trim_ascii();
    Some(file.parent()?.join(OsStr::from_bytes(target)))
}

fn common_of(git_dir: &Path) -> PathBuf {
    match read(&git_dir.join("commondir")) {
        Some(text) => git_dir.join(OsStr::from_bytes(text.trim_ascii())),
        None => git_dir.to_owned(),
    }
}

/// The first working tree: where the caller found it, else beside `.git`, else as `core.worktree` has it (submodules).
fn first_tree(common: &Path, seen: Option<&Path>, settings: &Settings) -> Option<PathBuf> {
    if let Some(folder) = seen.filter(|folder| *folder != common) {
        return Some(folder.to_owned());
    }
    if common.file_name() == Some(OsStr::new(".git")) {
        return common.parent().map(Path::to_owned);
    }
    fs::canonicalize(common.join(settings.work_tree.as_ref()?)).ok()
}

fn linked(common: &Path) -> Vec<Tree> {
    let Ok(entries) = fs::read_dir(common.join("worktrees")) else { return Vec::new() };
    let mut trees: Vec<Tree> = entries
        .flatten()
        .filter_map(|entry| {
            let git_dir = entry.path();
            let text = read(&git_dir.join("gitdir"))?;
            let dot_git = git_dir.join(OsStr::from_bytes(text.trim_ascii_end()));
            let folder = dot_git.parent()?.to_owned();
            Some(Tree::of(folder, git_dir, Some(entry.file_name().into_vec())))
        })
        .collect();
    trees.sort_by(|a, b| a.id.cmp(&b.id));
    trees
}

fn head(git_dir: &Path) -> Head {
    let text = read(&git_dir.join("HEAD")).unwrap_or_default();
    let Ok(text) = std::str::from_utf8(text.trim_ascii()) else { return Head::Unknown };
    match text.strip_prefix("ref:").map(str::trim) {
        // with reftable the file says nothing
        Some("refs/heads/.invalid") => head_asked(git_dir),
        Some(name) if name.starts_with("refs/") => Head::Branch(name.to_owned()),
        None if is_oid(text) => Head::Detached(text.to_owned()),
        _ => Head::Unknown,
    }
}

/// A small file's content; nothing is waited for where it is a pipe.
pub(super) fn read(file: &Path) -> Option<Vec<u8>> {
    let found = fs::metadata(file).ok()?;
    (found.is_file() && found.len() <= MOST).then(|| fs::read(file).ok())?
}

fn head_asked(git_dir: &Path) -> Head {
    let git = Git::on(git_dir);
    let word = |arguments: &[&str]| {
        let answer = git.ask(arguments).ok().flatten()?;
        Some(String::from_utf8(answer).ok()?.trim().to_owned())
    };
    if let Some(name) = word(&["symbolic-ref", "--quiet", "HEAD"]) {
        return Head::Branch(name);
    }
    word(&["rev-parse", "--verify", "--quiet", "HEAD"]).filter(|oid| is_oid(oid)).map_or(Head::Unknown, Head::Detached)
}

/// The repository's own file of settings; those of the user are git's business.
fn settings(common: &Path) -> Result<Settings, WorkError> {
    let file = common.join("config");
    let mut settings = Settings { shallow: common.join("shallow").exists(), ..Settings::default() };
    if fs::metadata(&file).is_ok_and(|found| !found.is_file()) {
        let what = "its config is no file".to_owned();
        return Err(WorkError::Answer { repository: common.to_owned(), what });
    }
    if !file.exists() {
        return Ok(settings);
    }
    // read from the standard input, so that the file's name may be anything
    let content = fs::read(&file).map_err(WorkError::file("read", &file))?;
    let answer = Git::on(common).feed(&["config", "--file", "-", "--list", "-z"], content)?;
    for part in crate::git::call::parts(&answer) {
        let (key, value) = part.split_at(part.iter().position(|byte| *byte == b'\n').unwrap_or(part.len()));
        let (key, bytes) = (String::from_utf8_lossy(key), value.get(1..).unwrap_or(b"true"));
        let value = String::from_utf8_lossy(bytes);
        let key = &*key;
        let is_true = matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1");
        match key {
            "core.bare" => settings.bare = is_true,
            "extensions.objectformat" => settings.object_format = Some(value.into_owned()),
            "extensions.refstorage" => settings.reftable = value == "reftable",
            "core.worktree" => settings.work_tree = Some(PathBuf::from(OsStr::from_bytes(bytes))),
            "extensions.partialclone" => settings.partial = true,
            _ if SHAPING.contains(&key) => settings.shaping.push(format!("{key}={value}")),
            _ => {
                let Some(of) = key.strip_prefix("remote.") else { continue };
                match of.rsplit_once('.') {
                    Some((name, "url")) => settings.remotes.push((name.to_owned(), value.into_owned())),
                    Some((_, "promisor")) if is_true => settings.partial = true,
                    _ => {}
                }
            }
        }
    }
    Ok(settings)
}
