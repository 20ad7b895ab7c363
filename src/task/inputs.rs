//! Which files a step's `inputs` name, and what is in them.

use super::provision::ReadStep;
use crate::base::digest::Digest;
use crate::model::task::Provision;
use globset::{GlobBuilder, GlobMatcher};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

/// A file that a step reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Relative to the project's folder, with `/`.
    pub path: String,
    /// Of its content.
    pub digest: Digest,
}

/// Inputs cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// It names nothing.
    #[error("provision: input `{input}` names no file of the project\nhelp: paths are relative to {}", folder.display())]
    Missing {
        /// As the spec has it.
        input: String,
        /// The project's folder.
        folder: PathBuf,
    },
    /// It leads out of the project.
    #[error("provision: input `{input}` lies outside the project\nhelp: name files of the project's own folder")]
    Outside {
        /// As the spec has it.
        input: String,
    },
    /// It is no pattern.
    #[error("provision: input `{input}` is no pattern: {reason}")]
    Pattern {
        /// As the spec has it.
        input: String,
        /// Why.
        reason: String,
    },
    /// The system says no.
    #[error("provision: cannot read input {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Folders that hold results rather than sources: patterns do not look into them.
const SKIPPED: &[&str] = &[".git", "node_modules", ".venv", "__pycache__"];

/// Reads the inputs of all steps.
pub fn read(project_folder: &Path, steps: &[Provision]) -> Result<Vec<ReadStep>, InputError> {
    let read = |provision: &Provision| {
        let mut files = BTreeMap::new();
        for input in &provision.inputs {
            collect(project_folder, input, &mut files)?;
        }
        let inputs = files.into_iter().map(|(path, digest)| InputFile { path, digest }).collect();
        Ok(ReadStep { provision: provision.clone(), inputs })
    };
    steps.iter().map(read).collect()
}

fn collect(project: &Path, input: &str, files: &mut BTreeMap<String, Digest>) -> Result<(), InputError> {
    let relative = Path::new(input);
    if relative.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(InputError::Outside { input: input.to_owned() });
    }
    let before = files.len();
    if input.contains(['*', '?', '[', '{']) {
        let glob = GlobBuilder::new(input.trim_start_matches("./")).literal_separator(true).build();
        let glob = glob.map_err(|error| InputError::Pattern { input: input.to_owned(), reason: error.to_string() })?;
        walk(project, project, Some(&glob.compile_matcher()), files)?;
    } else {
        let path = project.join(relative);
        let inside = path.canonicalize().ok().zip(project.canonicalize().ok());
        match inside {
            Some((real, project)) if !real.starts_with(&project) => {
                return Err(InputError::Outside { input: input.to_owned() });
            }
            Some((real, _)) if real.is_dir() => walk(project, &path, None, files)?,
            Some(_) => take(project, &path, files)?,
            None => {}
        }
        if files.contains_key(&name(project, &path)) {
            return Ok(());
        }
    }
    if files.len() == before {
        return Err(InputError::Missing { input: input.to_owned(), folder: project.to_owned() });
    }
    Ok(())
}

/// Links are not followed: they could lead out, or around in circles.
fn walk(
    project: &Path,
    folder: &Path,
    glob: Option<&GlobMatcher>,
    files: &mut BTreeMap<String, Digest>,
) -> Result<(), InputError> {
    let unreadable = |source| InputError::Unreadable { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        if kind.is_dir() {
            if !SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
                walk(project, &entry.path(), glob, files)?;
            }
        } else if kind.is_file() && glob.is_none_or(|glob| glob.is_match(name(project, &entry.path()))) {
            take(project, &entry.path(), files)?;
        }
    }
    Ok(())
}

fn take(project: &Path, path: &Path, files: &mut BTreeMap<String, Digest>) -> Result<(), InputError> {
    let unreadable = |source| InputError::Unreadable { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(unreadable)?;
    files.insert(name(project, path), Digest::of_reader(file).map_err(unreadable)?);
    Ok(())
}

fn name(project: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(project).unwrap_or(path);
    let parts: Vec<_> = relative
        .components()
        .filter(|part| matches!(part, Component::Normal(_)))
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in
            [("requirements.txt", "a"), ("web/a.json", "1"), ("web/deep/b.json", "2"), ("node_modules/c.json", "3")]
        {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn found(folder: &Path, inputs: &[&str]) -> Result<Vec<String>, InputError> {
        let inputs = inputs.iter().map(|input| (*input).to_owned()).collect();
        let steps = read(folder, &[Provision { inputs, ..Provision::default() }])?;
        Ok(steps[0].inputs.iter().map(|input| input.path.clone()).collect())
    }

    #[test]
    fn files_folders_and_patterns() {
        let folder = project();
        let found = |inputs: &[&str]| found(folder.path(), inputs).unwrap();
        assert_eq!(found(&["./requirements.txt", "requirements.txt"]), ["requirements.txt"]);
        assert_eq!(found(&["web"]), ["web/a.json", "web/deep/b.json"]);
        assert_eq!(found(&["web/*.json"]), ["web/a.json"]);
        assert_eq!(found(&["**/*.json"]), ["web/a.json", "web/deep/b.json"]);
    }

    #[test]
    fn what_is_missing_or_outside_is_named() {
        let folder = project();
        let text = |input: &str| found(folder.path(), &[input]).unwrap_err().to_string();
        assert!(text("gone.txt").contains("`gone.txt` names no file"));
        assert!(text("*.toml").contains("`*.toml` names no file"));
        assert!(text("../x").contains("outside"));
        assert!(text("/etc/passwd").contains("outside"));
        assert!(text("a[").contains("no pattern"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
            assert!(text("link").contains("outside"));
        }
    }

    #[test]
    fn the_digest_is_that_of_the_content() {
        let folder = project();
        let step = Provision { inputs: vec!["requirements.txt".to_owned()], ..Provision::default() };
        let before = read(folder.path(), std::slice::from_ref(&step)).unwrap();
        fs::write(folder.path().join("requirements.txt"), "b").unwrap();
        assert_ne!(before, read(folder.path(), &[step]).unwrap());
    }
}
