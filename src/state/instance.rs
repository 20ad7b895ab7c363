//! Which copy of a project a folder holds. Pure: the registry, the folder and the wish are arguments.
//!
//! The first folder of a project gets the project's own name. A second worktree or clone of it gets an instance, named
//! after its folder or branch, and keeps it for as long as the registry knows the folder. So does another project that
//! merely has the same name: two strangers must not share a database.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::model::environment::Instance;
use crate::model::name::{BadName, ProjectName};

use super::registry::{Entry, Registry};

/// Characters of an instance's name at most: names of containers, networks and tags are made of it.
const LONGEST: usize = 40;

/// What is known of a folder when its project's name has to be found.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    /// The name as the spec, or the folder, gives it.
    pub base: &'a ProjectName,
    /// Nothing but the folder gives it: another checkout of the project gives another one.
    pub named_by_folder: bool,
    /// What the clone is called that the folder is a worktree of; the folder's own name where it is no worktree.
    pub clone_name: Option<&'a ProjectName>,
    /// Git's folder, which all worktrees of one clone share; canonical.
    pub repository: Option<&'a Path>,
    /// Where the folder lies within its working tree; empty: at its top.
    pub within: &'a Path,
    /// The same folder in the working tree that this one is linked to.
    pub main: Option<&'a Path>,
    /// The project's folder, canonical.
    pub path: &'a Path,
    /// Where it was cloned from, normalised; `None` where it is no clone.
    pub remote: Option<&'a str>,
    /// The branch that is checked out.
    pub branch: Option<&'a str>,
    /// `--instance` or `DEVUP_INSTANCE`.
    pub asked: Option<&'a str>,
    /// `-p` or `COMPOSE_PROJECT_NAME`: wins.
    pub explicit: Option<&'a ProjectName>,
    /// Whether a project's folder is still there.
    pub alive: &'a dyn Fn(&Path) -> bool,
}

/// The name a folder works under, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The name before an instance's suffix.
    pub base: ProjectName,
    /// The project's name, an instance's suffix included.
    pub name: ProjectName,
    /// Which copy; `None` for the first.
    pub instance: Option<Instance>,
    /// Why this one.
    pub because: Because,
    /// It is a copy of the project that has the base name: it may use that one's secrets where it has none of its own.
    pub same_project: bool,
}

/// Why a folder got its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// Nobody else has the name.
    First,
    /// Given by `-p`.
    Explicit,
    /// Given by `--instance`.
    Asked,
    /// It had it before.
    Kept,
    /// The folder that had it is gone: this one takes its place, its data included.
    Adopted {
        /// The folder that is gone.
        from: PathBuf,
    },
    /// Another checkout of the same project has the name.
    Copy {
        /// That one's folder.
        of: PathBuf,
    },
    /// Another project has the name.
    Stranger {
        /// That one's folder.
        path: PathBuf,
    },
}

/// Why no name could be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// Nothing is left of the name.
    #[error("{0:?} cannot name an instance: it needs at least one letter a-z or digit")]
    Empty(String),
    /// Another folder's instance has it.
    #[error(
        "instance {instance} of {base} lives in {}; give another --instance here, or run `devup destroy` there first",
        path.display()
    )]
    Taken {
        /// The instance.
        instance: String,
        /// The project.
        base: String,
        /// Where it lives.
        path: PathBuf,
    },
    /// The name became too long.
    #[error(transparent)]
    Name(#[from] BadName),
}

/// Decides under which name a folder works.
pub fn decide(registry: &Registry, wish: &Wish<'_>) -> Result<Decision, InstanceError> {
    let shared = match wish.explicit {
        Some(_) => wish.base.clone(),
        None => base_of(registry, wish),
    };
    let wish = &Wish { base: &shared, ..*wish };
    let base = wish.explicit.unwrap_or(wish.base);
    if let Some(asked) = wish.asked {
        return asked_for(registry, wish, base, asked);
    }
    if let Some(name) = wish.explicit {
        return Ok(Decision {
            base: name.clone(),
            name: name.clone(),
            instance: None,
            because: Because::Explicit,
            same_project: same_name(wish, name),
        });
    }
    if let Some(entry) = registry.at(wish.path).find(|entry| !entry.asked && entry.base_name == base.as_str()) {
        let same_project = holder(registry, wish).is_none_or(|holder| same_source(holder, wish));
        return Ok(Decision {
            base: base.clone(),
            name: entry.name.clone(),
            instance: entry.instance.clone(),
            because: Because::Kept,
            same_project,
        });
    }
    // the first working tree has the plain name, whether devup was there before or not
    if let Some(main) = wish.main.filter(|main| (wish.alive)(main)) {
        let (name, instance) = free_name(registry, wish)?;
        let because = Because::Copy { of: main.to_owned() };
        let same_project = holder(registry, wish).is_none_or(|holder| same_source(holder, wish));
        return Ok(Decision { base: base.clone(), name, instance: Some(instance), because, same_project });
    }
    let Some(holder) = holder(registry, wish) else {
        return Ok(Decision {
            base: base.clone(),
            name: base.clone(),
            instance: None,
            because: Because::First,
            same_project: true,
        });
    };
    let same_project = same_source(holder, wish);
    if same_project && !(wish.alive)(&holder.path) {
        let because = Because::Adopted { from: holder.path.clone() };
        return Ok(Decision { base: base.clone(), name: base.clone(), instance: None, because, same_project });
    }
    let (name, instance) = free_name(registry, wish)?;
    let because = if same_project {
        Because::Copy { of: holder.path.clone() }
    } else {
        Because::Stranger { path: holder.path.clone() }
    };
    Ok(Decision { base: base.clone(), name, instance: Some(instance), because, same_project })
}

/// The name that all checkouts of the project have in common. Where only folders name it, each checkout's folder has
/// another one: then it is that of the checkout that devup knew first, or of the clone that this one is a worktree of.
fn base_of(registry: &Registry, wish: &Wish<'_>) -> ProjectName {
    let known_here = |entry: &&Entry| !entry.asked && entry.base_name == wish.base.as_str();
    if !wish.named_by_folder || registry.at(wish.path).any(|entry| known_here(&entry)) {
        return wish.base.clone();
    }
    let same = |entry: &&Entry| {
        let here = entry.path == wish.path;
        !entry.asked && named_by_folder(entry) && (here || (entry.within == wish.within && is_same(entry, wish)))
    };
    let mut kin: Vec<&Entry> = registry.entries().filter(same).collect();
    kin.sort_by_key(|entry| (entry.path != wish.path, entry.instance.is_some()));
    let known = kin.first().and_then(|entry| ProjectName::parse(&entry.base_name).ok());
    let clone = wish.clone_name.filter(|_| wish.within.as_os_str().is_empty()).cloned();
    known.or(clone).unwrap_or_else(|| wish.base.clone())
}

/// Entries of an older devup do not say it.
fn named_by_folder(entry: &Entry) -> bool {
    let folder = entry.path.file_name().and_then(|name| ProjectName::normalise(&name.to_string_lossy()));
    entry.named_by_folder || folder.is_some_and(|folder| folder.as_str() == entry.base_name)
}

fn asked_for(registry: &Registry, wish: &Wish<'_>, base: &ProjectName, asked: &str) -> Result<Decision, InstanceError> {
    let slug = slug(asked).ok_or_else(|| InstanceError::Empty(asked.to_owned()))?;
    let name = ProjectName::parse(&format!("{base}-{slug}"))?;
    if let Some(other) = registry.get(name.as_str())
        && other.path != wish.path
        && (wish.alive)(&other.path)
    {
        return Err(InstanceError::Taken { instance: slug, base: base.to_string(), path: other.path.clone() });
    }
    let same_project = holder(registry, wish).is_none_or(|holder| same_source(holder, wish));
    Ok(Decision { base: base.clone(), name, instance: Some(Instance(slug)), because: Because::Asked, same_project })
}

/// Another folder's project that has the base name.
fn holder<'a>(registry: &'a Registry, wish: &Wish<'_>) -> Option<&'a Entry> {
    registry.get(wish.base.as_str()).filter(|entry| entry.path != wish.path)
}

/// The same repository, as far as git tells; without remotes the same name is taken for the same project only where
/// the other folder is a neighbour (copies lie side by side).
fn same_source(holder: &Entry, wish: &Wish<'_>) -> bool {
    let neighbours = holder.remote.is_none() && wish.remote.is_none() && holder.path.parent() == wish.path.parent();
    is_same(holder, wish) || neighbours
}

/// Git says that both are checkouts of one repository: worktrees of one clone, clones of one remote, or one a clone of
/// the other.
fn is_same(entry: &Entry, wish: &Wish<'_>) -> bool {
    let (theirs, ours) = (entry.repository.as_deref(), wish.repository);
    (theirs.is_some() && theirs == ours)
        || (entry.remote.is_some() && entry.remote.as_deref() == wish.remote)
        || is_clone(entry.remote.as_deref(), ours)
        || is_clone(wish.remote, theirs)
}

/// A remote on this machine is that repository.
fn is_clone(remote: Option<&str>, repository: Option<&Path>) -> bool {
    let (Some(remote), Some(repository)) = (remote, repository) else { return false };
    let text = repository.to_string_lossy();
    let text = text.strip_suffix("/.git").unwrap_or(&text);
    text.strip_suffix(".git").unwrap_or(text) == remote
}

fn same_name(wish: &Wish<'_>, name: &ProjectName) -> bool {
    wish.base == name
}

/// The first name that no other folder has, made of this folder's name, its branch, or a number.
fn free_name(registry: &Registry, wish: &Wish<'_>) -> Result<(ProjectName, Instance), InstanceError> {
    let base = wish.base.as_str();
    let folder = wish.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let from_folder = slug(&folder).and_then(|slug| without_base(&slug, base));
    let from_branch = wish.branch.filter(|branch| !["main", "master"].contains(branch)).and_then(slug);
    let parent = wish.path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let from_parent = parent.as_deref().and_then(slug).and_then(|slug| without_base(&slug, base));
    let stem = from_folder.or(from_branch).or(from_parent);
    let numbered = (2u32..).map(|number| match &stem {
        Some(stem) => format!("{stem}-{number}"),
        None => number.to_string(),
    });
    for candidate in stem.clone().into_iter().chain(numbered) {
        let name = ProjectName::parse(&format!("{base}-{candidate}"))?;
        if registry.get(name.as_str()).is_none_or(|entry| entry.path == wish.path) {
            return Ok((name, Instance(candidate)));
        }
    }
    // the numbers are endless and the registry is not
    Err(InstanceError::Empty(folder))
}

/// `shop-feature` of project `shop` is `feature`; `shop` alone says nothing.
fn without_base(slug: &str, base: &str) -> Option<String> {
    let rest = slug.strip_prefix(base).map_or(slug, |rest| rest.trim_start_matches(['-', '_']));
    (!rest.is_empty()).then(|| rest.to_owned())
}

/// Lower-case letters, digits and single dashes: `feature/Login` becomes `feature-login`.
fn slug(text: &str) -> Option<String> {
    let mut slug = String::new();
    for character in text.chars().flat_map(char::to_lowercase) {
        if character.is_ascii_lowercase() || character.is_ascii_digit() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= LONGEST {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    (!slug.is_empty()).then(|| slug.to_owned())
}

impl fmt::Display for Because {
    /// A sentence for the user; empty where there is nothing to say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First | Self::Explicit | Self::Asked | Self::Kept => Ok(()),
            Self::Adopted { from } => {
                write!(f, "{} is gone; this folder takes its place, with its volumes", from.display())
            }
            Self::Copy { of } => write!(f, "another checkout of this project is in {}", of.display()),
            Self::Stranger { path } => {
                write!(f, "another project of the same name is in {}; nothing is shared with it", path.display())
            }
        }
    }
}

#[cfg(test)]
mod tests;
