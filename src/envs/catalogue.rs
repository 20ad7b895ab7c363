//! Which envs there are: those inside the binary, and those of a project's `envs/` folder, which come first.

use super::definition::{DefinitionError, Env};
use rust_embed::RustEmbed;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

#[derive(RustEmbed)]
#[folder = "envs/"]
struct Builtin;

/// A file of an env that is larger is no file of an env.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// The envs that a project can use.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The project's own folder of envs.
    project: Option<PathBuf>,
}

/// An env cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// No env of that name.
    #[error("there is no env `{name}`{}; known are {}", hint(nearest.as_deref()), known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest known name.
        nearest: Option<String>,
        /// All known names.
        known: Vec<String>,
    },
    /// Its definition is wrong.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// A project's env cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

impl Catalogue {
    /// The envs inside the binary.
    pub fn builtin() -> Self {
        Self::default()
    }

    /// Also those in `envs/` of the project's folder, which win over built-in ones of the same name.
    pub fn of_project(project_folder: &Path) -> Self {
        Self { project: Some(project_folder.join("envs")).filter(|folder| folder.is_dir()) }
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: BTreeSet<String> =
            Builtin::iter().filter_map(|path| Some(path.strip_suffix("/env.yaml")?.to_owned())).collect();
        for entry in self.project.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten() {
            if let (true, Ok(name)) = (entry.path().join("env.yaml").is_file(), entry.file_name().into_string()) {
                names.insert(name);
            }
        }
        names.into_iter().collect()
    }

    /// The env of that name.
    pub fn find(&self, name: &str) -> Result<Env, CatalogueError> {
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if plain && !name.starts_with('.') {
            if let Some(folder) =
                self.project.as_ref().map(|envs| envs.join(name)).filter(|f| f.join("env.yaml").is_file())
            {
                return from_folder(name, &folder);
            }
            if let Some(env) = builtin(name)? {
                return Ok(env);
            }
        }
        let known = self.names();
        let nearest = known.iter().max_by(|a, b| similarity(a, name).total_cmp(&similarity(b, name)));
        let nearest = nearest.filter(|candidate| similarity(candidate, name) > 0.7).cloned();
        Err(CatalogueError::Unknown { name: name.to_owned(), nearest, known })
    }
}

fn similarity(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b)
}

fn builtin(name: &str) -> Result<Option<Env>, DefinitionError> {
    let prefix = format!("{name}/");
    let mut files: BTreeMap<String, Vec<u8>> = Builtin::iter()
        .filter_map(|path| Some((path.strip_prefix(&prefix)?.to_owned(), Builtin::get(&path)?.data.into_owned())))
        .collect();
    let Some(yaml) = files.remove("env.yaml") else { return Ok(None) };
    Env::parse(name, &String::from_utf8_lossy(&yaml), files).map(Some)
}

/// Plain files only: a link could lead out of the project.
fn from_folder(name: &str, folder: &Path) -> Result<Env, CatalogueError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| CatalogueError::Unreadable { path, source }
    };
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let entry = entry.map_err(unreadable(folder))?;
        let metadata = fs::symlink_metadata(entry.path()).map_err(unreadable(&entry.path()))?;
        if metadata.is_file() && metadata.len() <= LARGEST_FILE {
            let bytes = fs::read(entry.path()).map_err(unreadable(&entry.path()))?;
            files.insert(entry.file_name().to_string_lossy().into_owned(), bytes);
        }
    }
    let yaml = files
        .remove("env.yaml")
        .ok_or_else(|| unreadable(&folder.join("env.yaml"))(io::Error::other("it is a link, or larger than 16 MiB")))?;
    Ok(Env::parse(name, &String::from_utf8_lossy(&yaml), files)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_env_loads() {
        let catalogue = Catalogue::builtin();
        let names = catalogue.names();
        assert_eq!(names, ["debian-12", "nginx-1.22", "postgres-15", "python-3.11", "redis-7"]);
        for name in names {
            catalogue.find(&name).unwrap();
        }
    }

    #[test]
    fn a_misspelt_name_gets_the_nearest() {
        let text = Catalogue::builtin().find("postgres-5").unwrap_err().to_string();
        assert!(text.contains("did you mean `postgres-15`?"), "{text}");
        let text = Catalogue::builtin().find("../debian-12").unwrap_err().to_string();
        assert!(text.contains("known are debian-12, nginx-1.22"), "{text}");
    }

    #[test]
    fn a_projects_own_env_wins() {
        let project = tempfile::tempdir().unwrap();
        let folder = project.path().join("envs/redis-7");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("env.yaml"), "version: 9\ndescription: ours\nbase: debian-12\n").unwrap();
        let catalogue = Catalogue::of_project(project.path());
        assert_eq!(catalogue.find("redis-7").unwrap().definition.version, 9);
        assert_eq!(Catalogue::builtin().find("redis-7").unwrap().definition.version, 1);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/etc/passwd", folder.join("secret")).unwrap();
            assert!(catalogue.find("redis-7").unwrap().files.is_empty());
        }
    }
}
