//! A repository of devup's own that sees another's objects, index and files, and has none of its configuration: what git
//! is asked about somebody's files is asked here, so that nothing which that repository names is ever run.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::error::WorkError;
use super::repository::{Repository, Settings, Tree};
use crate::base::files::{Access, create_folder};
use crate::git::call::{Git, parts};

/// A view of one repository. Its folder is the caller's, and goes with the caller's temporary folder.
#[derive(Debug)]
pub(super) struct View {
    dir: PathBuf,
    settings: Settings,
}

impl View {
    /// Makes a view of `repository` in the folder `dir`, which has to be new.
    pub(super) fn of(repository: &Repository, dir: &Path) -> Result<Self, WorkError> {
        for folder in ["objects/info", "objects/pack", "refs/heads", "info"] {
            create_folder(&dir.join(folder), Access::Private)?;
        }
        let view = Self { dir: dir.to_owned(), settings: repository.settings.clone() };
        view.write("config", view.config(&[]).as_bytes())?;
        view.write("HEAD", b"ref: refs/heads/none\n")?;
        let objects = repository.common.join("objects");
        view.write("objects/info/alternates", &quoted(objects.as_os_str().as_bytes()))?;
        if repository.settings.shallow {
            view.take(&repository.common.join("shallow"), "shallow")?;
        }
        for file in ["info/exclude", "info/attributes"] {
            view.take(&repository.common.join(file), file)?;
        }
        Ok(view)
    }

    /// The view's own configuration, with these remotes.
    fn config(&self, remotes: &[(&str, &str)]) -> String {
        let format = self.settings.object_format.as_deref().filter(|format| *format == "sha256");
        let version = u8::from(format.is_some() || self.settings.partial);
        let mut text = format!("[core]\n\trepositoryformatversion = {version}\n\tbare = false\n");
        if let Some(format) = format {
            text.push_str(&format!("[extensions]\n\tobjectformat = {format}\n"));
        }
        if self.settings.partial {
            // objects that a remote promised are no damage
            text.push_str("[extensions]\n\tpartialclone = promised\n[remote \"promised\"]\n\tpromisor = true\n");
        }
        for (name, url) in remotes {
            let url = url.replace('\\', "\\\\").replace('"', "\\\"");
            text.push_str(&format!("[remote \"{name}\"]\n\turl = \"{url}\"\n"));
        }
        text
    }

    /// Makes addresses known under names, so that no address (which may hold a password) is an argument.
    pub(super) fn know_remotes(&self, remotes: &[(&str, &str)]) -> Result<(), WorkError> {
        self.write("config", self.config(remotes).as_bytes())
    }

    /// Gives the view refs, so that a fetch knows what is here already.
    pub(super) fn own_refs(&self, commits: &BTreeSet<String>) -> Result<(), WorkError> {
        let names = commits.iter().enumerate().map(|(n, oid)| format!("{oid} refs/own/{n:08}\n"));
        let text: String = std::iter::once("# pack-refs with: sorted\n".to_owned()).chain(names).collect();
        self.write("packed-refs", text.as_bytes())
    }

    /// Git, for questions about objects.
    pub(super) fn objects(&self) -> Git {
        Git::on(&self.dir)
    }

    /// Git, for questions about one working tree: its index, its files, its commit.
    pub(super) fn tree(&self, tree: &Tree, commit: Option<&str>) -> Result<Git, WorkError> {
        let head = commit.map_or_else(|| "ref: refs/heads/none\n".to_owned(), |oid| format!("{oid}\n"));
        self.write("HEAD", head.as_bytes())?;
        let sparse = "info/sparse-checkout";
        let _ = fs::remove_file(self.dir.join(sparse));
        self.take(&tree.git_dir.join(sparse), sparse)?;
        self.share_index(&tree.git_dir)?;
        let mut git = Git::on(&self.dir).work_tree(&tree.folder).variable("GIT_INDEX_FILE", tree.git_dir.join("index"));
        for setting in &self.settings.shaping {
            git = git.config(setting);
        }
        for setting in self.no_filters()? {
            git = git.config(setting);
        }
        Ok(git)
    }

    /// A split index has its greater part in another file, which git looks for beside the configuration.
    fn share_index(&self, git_dir: &Path) -> Result<(), WorkError> {
        let Ok(entries) = fs::read_dir(git_dir) else { return Ok(()) };
        for entry in entries.flatten().filter(|entry| entry.file_name().as_bytes().starts_with(b"sharedindex.")) {
            let link = self.dir.join(entry.file_name());
            match std::os::unix::fs::symlink(entry.path(), &link) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(WorkError::file("link", &link)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Filters of the user's own configuration, turned off: which files they are applied to is the repository's say. They
    /// are the same for all repositories of a run.
    fn no_filters(&self) -> Result<&'static [String], WorkError> {
        static OFF: OnceLock<Vec<String>> = OnceLock::new();
        if let Some(off) = OFF.get() {
            return Ok(off);
        }
        let known = self.objects().ask(&["config", "-z", "--name-only", "--get-regexp", "^filter\\."])?;
        let off = parts(&known.unwrap_or_default())
            .map(|key| {
                let key = String::from_utf8_lossy(key);
                let value = if key.ends_with(".required") { "false" } else { "" };
                format!("{key}={value}")
            })
            .collect();
        Ok(OFF.get_or_init(|| off))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), WorkError> {
        let path = self.dir.join(name);
        fs::write(&path, bytes).map_err(WorkError::file("write", &path))
    }

    /// Copies a small file of the other repository, where it has one.
    fn take(&self, from: &Path, name: &str) -> Result<(), WorkError> {
        match super::repository::read(from) {
            Some(bytes) => self.write(name, &bytes),
            None => Ok(()),
        }
    }
}

/// A path as `objects/info/alternates` has it: in C's quotes, so that it may hold anything.
fn quoted(path: &[u8]) -> Vec<u8> {
    let mut out = b"\"".to_vec();
    for byte in path {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            b' '..=b'~' => out.push(*byte),
            _ => out.extend(format!("\\{byte:03o}").bytes()),
        }
    }
    out.extend(b"\"\n");
    out
}
