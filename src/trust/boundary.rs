//! Where the project ends: which paths are inside its folder once every link is followed.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// Links followed at most, as in Linux.
const MOST_LINKS: usize = 40;

/// The project's folder as the limit of what is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary {
    root: PathBuf,
    /// The folder holds the user's whole home, so that being inside it means nothing.
    too_wide: bool,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Into the project's folder.
    Inside,
    /// Out of it: the path with all links followed.
    Outside(PathBuf),
    /// Nowhere: links in a circle.
    Nowhere,
}

impl Boundary {
    /// The boundary of a project's folder.
    pub fn new(working_dir: &Path, home: Option<&Path>) -> Self {
        let root = real(working_dir).unwrap_or_else(|| working_dir.to_owned());
        let home = home.and_then(real);
        let too_wide = root.parent().is_none() || home.is_some_and(|home| home.starts_with(&root));
        Self { root, too_wide }
    }

    /// The project's folder, links followed.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a path leads, relative ones seen from the project's folder. What does not exist yet is where it would be
    /// made.
    pub fn reach(&self, path: &Path) -> Reach {
        match real(&self.root.join(path)) {
            None => Reach::Nowhere,
            Some(real) if real.starts_with(&self.root) && !self.too_wide => Reach::Inside,
            Some(real) => Reach::Outside(real),
        }
    }
}

/// The path with every link followed, also those whose target does not exist; `None` for links in a circle.
/// `path` is absolute.
fn real(path: &Path) -> Option<PathBuf> {
    let mut left: VecDeque<OsString> = parts(path);
    let mut real = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        if part == ".." {
            real.pop();
            continue;
        }
        real.push(&part);
        let Ok(target) = std::fs::read_link(&real) else { continue };
        links += 1;
        if links > MOST_LINKS {
            return None;
        }
        real.pop();
        if target.is_absolute() {
            real = PathBuf::from("/");
        }
        for part in parts(&target).into_iter().rev() {
            left.push_front(part);
        }
    }
    Some(real)
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(part) => Some(part.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_wherever_they_stand() {
        let folder = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(folder.path()).unwrap();
        let project = base.join("shop");
        fs::create_dir_all(project.join("src")).unwrap();
        fs::create_dir_all(base.join("outside")).unwrap();
        symlink("../outside", project.join("out")).unwrap();
        symlink("/not/there", project.join("dangling")).unwrap();
        symlink("src", project.join("in")).unwrap();
        symlink("b", project.join("a")).unwrap();
        symlink("a", project.join("b")).unwrap();
        symlink(&project, base.join("alias")).unwrap();
        let boundary = Boundary::new(&base.join("alias"), Some(&base.join("home")));
        assert_eq!(boundary.root(), project);
        for inside in [".", "src", "in/file", "not/yet", "src/../src", "./../shop/src"] {
            assert_eq!(boundary.reach(Path::new(inside)), Reach::Inside, "{inside}");
        }
        assert_eq!(boundary.reach(&base.join("alias/src")), Reach::Inside);
        for (path, real) in [
            ("..", base.clone()),
            ("out/file", base.join("outside/file")),
            ("in/../../x", base.join("x")),
            ("dangling", "/not/there".into()),
            ("/etc", "/etc".into()),
            ("../shop2", base.join("shop2")),
        ] {
            assert_eq!(boundary.reach(Path::new(path)), Reach::Outside(real), "{path}");
        }
        assert_eq!(boundary.reach(Path::new("a/x")), Reach::Nowhere);
    }

    #[test]
    fn a_home_folder_is_no_project_to_be_free_in() {
        let folder = tempfile::tempdir().unwrap();
        let home = fs::canonicalize(folder.path()).unwrap();
        for root in [home.as_path(), Path::new("/")] {
            assert!(matches!(Boundary::new(root, Some(&home)).reach(Path::new("x")), Reach::Outside(_)));
        }
        assert_eq!(Boundary::new(&home.join("shop"), Some(&home)).reach(Path::new("x")), Reach::Inside);
    }
}
