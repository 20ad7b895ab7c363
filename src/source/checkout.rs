//! What a checkout tells about itself, read from its files: no git is run, so that a hostile repository's configuration
//! runs nothing either, and so that it costs no process.

use std::fs;
use std::path::{Path, PathBuf};

/// A git working tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Its top folder.
    pub top: PathBuf,
    /// The branch; `None` where none is checked out.
    pub branch: Option<String>,
    /// The address of `origin`, as it is configured.
    pub origin: Option<String>,
    /// It is a linked worktree of another checkout.
    pub linked: bool,
    /// Git's folder, which all worktrees of one clone share; canonical.
    pub common: PathBuf,
}

/// Bytes of a file of git's that are looked at.
const MOST: u64 = 1024 * 1024;

impl Checkout {
    /// The working tree that `folder` is in; `None` where it is in none.
    pub fn of(folder: &Path) -> Option<Self> {
        let top = folder.ancestors().find(|folder| folder.join(".git").exists())?;
        let dot_git = top.join(".git");
        let (git_dir, linked) = if dot_git.is_dir() {
            (dot_git, false)
        } else {
            let text = read(&dot_git)?;
            let git_dir = top.join(text.strip_prefix("gitdir:")?.trim());
            let linked = git_dir.join("commondir").exists();
            (git_dir, linked)
        };
        let common = read(&git_dir.join("commondir")).map_or_else(|| git_dir.clone(), |text| git_dir.join(text.trim()));
        let common = fs::canonicalize(&common).unwrap_or(common);
        let head = read(&git_dir.join("HEAD")).unwrap_or_default();
        Some(Self {
            top: top.to_owned(),
            branch: head.trim().strip_prefix("ref: refs/heads/").map(str::to_owned),
            origin: read(&common.join("config")).and_then(|config| origin(&config)),
            linked,
            common,
        })
    }

    /// The working tree that this one is linked to; `None` for the first one itself, and where the clone has none (`bare`).
    pub fn main(&self) -> Option<&Path> {
        let main = self.common.parent().filter(|_| self.linked && self.common.ends_with(".git"))?;
        (main != self.top).then_some(main)
    }

    /// What the clone is called, whichever of its worktrees this is: the folder of its first working tree, else that of
    /// git itself (`shop.git`, `shop/.bare`).
    pub fn clone_name(&self) -> Option<String> {
        if !self.linked {
            return name(&self.top);
        }
        let own = name(&self.common)?;
        match own.strip_suffix(".git").unwrap_or(&own) {
            "" => name(self.common.parent()?),
            hidden if hidden.starts_with('.') => name(self.common.parent()?),
            shown => Some(shown.to_owned()),
        }
    }
}

fn name(folder: &Path) -> Option<String> {
    Some(folder.file_name()?.to_string_lossy().into_owned())
}

fn read(path: &Path) -> Option<String> {
    (fs::metadata(path).ok()?.len() <= MOST).then(|| fs::read_to_string(path).ok())?
}

/// `url` of `[remote "origin"]`, the last one as git has it (git-config(1)).
fn origin(config: &str) -> Option<String> {
    let mut inside = false;
    let mut found = None;
    for line in config.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or_default().trim();
            inside = header
                .split_once(' ')
                .is_some_and(|(section, name)| section.eq_ignore_ascii_case("remote") && name.trim() == "\"origin\"");
        } else if inside
            && let Some((key, value)) = line.split_once('=')
            && key.trim().eq_ignore_ascii_case("url")
        {
            found = Some(unquoted(value.trim()));
        }
    }
    found
}

fn unquoted(value: &str) -> String {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => value.split([';', '#']).next().unwrap_or_default().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_found_among_other_sections() {
        let config = "[core]\n\turl = no\n[remote \"fork\"]\n url = fork\n[remote \"origin\"]\n\turl = \"https://h/s.git\"\n\
                      [branch \"main\"]\n\tremote = origin\n";
        assert_eq!(origin(config).as_deref(), Some("https://h/s.git"));
        assert_eq!(origin("[Remote \"origin\"]\n URL=x # comment").as_deref(), Some("x"));
        assert_eq!(origin("[remote \"originals\"]\nurl = x"), None);
    }

    #[test]
    fn folders_within_a_checkout_belong_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("shop");
        fs::create_dir_all(top.join(".git")).unwrap();
        fs::create_dir_all(top.join("deploy")).unwrap();
        fs::write(top.join(".git/HEAD"), "ref: refs/heads/feature/login\n").unwrap();
        let checkout = Checkout::of(&top.join("deploy")).unwrap();
        assert_eq!((checkout.top.clone(), checkout.branch.as_deref()), (top.clone(), Some("feature/login")));
        assert_eq!((checkout.clone_name().as_deref(), checkout.linked), (Some("shop"), false));
        fs::write(top.join(".git/HEAD"), "0123456789abcdef\n").unwrap();
        assert_eq!(Checkout::of(&top).unwrap().branch, None);
    }

    #[test]
    fn worktrees_know_the_clone_that_they_belong_to() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        for (git, first, called) in
            [("shop/.git", Some("shop"), "shop"), ("store.git", None, "store"), ("depot/.bare", None, "depot")]
        {
            let own = root.join(git).join("worktrees/feature");
            let tree = root.join(format!("feature-{called}"));
            fs::create_dir_all(&own).unwrap();
            fs::create_dir_all(&tree).unwrap();
            fs::write(own.join("commondir"), "../..\n").unwrap();
            fs::write(own.join("HEAD"), "ref: refs/heads/feature\n").unwrap();
            fs::write(tree.join(".git"), format!("gitdir: {}\n", own.display())).unwrap();
            let checkout = Checkout::of(&tree).unwrap();
            assert!(checkout.linked);
            assert_eq!(checkout.common, root.join(git));
            assert_eq!(checkout.main().map(Path::to_owned), first.map(|first| root.join(first)), "{git}");
            assert_eq!(checkout.clone_name().as_deref(), Some(called));
        }
    }
}
