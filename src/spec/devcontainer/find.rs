//! Where a `devcontainer.json` may stand, and which one is meant where there are several.

use std::path::{Path, PathBuf};

use crate::spec::discover::Files;
use crate::spec::error::{Fault, Problem, SpecError, Warning};
use crate::spec::excerpt::quoted;
use crate::spec::node::At;
use crate::spec::schema::nearest;

/// The folder for it.
const FOLDER: &str = ".devcontainer";
/// The file's name in a folder.
const NAME: &str = "devcontainer.json";
/// The file's name in the project's own folder.
const PLAIN_NAME: &str = ".devcontainer.json";

/// Which one is asked for; an empty text is the first that is found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Which(pub String);

/// Whether a file's name says that it describes a dev container.
pub fn is_one(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == NAME || name == PLAIN_NAME)
}

/// The project's folder that a file belongs to.
pub fn local_folder(path: &Path) -> &Path {
    let folder = path.parent().unwrap_or(path);
    let is_holder = |folder: &&Path| folder.file_name().is_some_and(|name| name == FOLDER);
    let holder = folder.ancestors().take(2).find(is_holder);
    holder.and_then(Path::parent).unwrap_or(folder)
}

/// Those of one folder, the winner first.
pub fn candidates(folder: &Path, files: &dyn Files) -> Vec<PathBuf> {
    let mut all = vec![folder.join(FOLDER).join(NAME), folder.join(PLAIN_NAME)];
    let mut further = files.folders(&folder.join(FOLDER));
    further.sort();
    all.extend(further.into_iter().map(|folder| folder.join(NAME)));
    all.retain(|path| files.is_file(path));
    all
}

/// The one that is asked for, in this folder or the nearest above it that has any; with what there is to say about it.
pub fn find(start: &Path, which: &Which, files: &dyn Files) -> Result<(PathBuf, Vec<Warning>), SpecError> {
    if which.0.contains('/') || is_one(Path::new(&which.0)) {
        let path = start.join(&which.0);
        if files.is_file(&path) {
            return Ok((path, Vec::new()));
        }
        let fault = Fault::Unreadable { path: PathBuf::from(&which.0), reason: "there is no such file".into() };
        return Err(SpecError::new(fault, &At::nowhere()));
    }
    let found = start.ancestors().map(|folder| candidates(folder, files)).find(|found| !found.is_empty());
    let Some(found) = found else {
        let looked_for = vec![".devcontainer/devcontainer.json", PLAIN_NAME, ".devcontainer/NAME/devcontainer.json"];
        return Err(SpecError::new(Fault::NothingFound { dir: start.to_owned(), looked_for }, &At::nowhere()));
    };
    if which.0.is_empty() {
        let warnings = several(&found).into_iter().collect();
        return Ok((found[0].clone(), warnings));
    }
    let named = found.iter().find(|path| name(path) == which.0);
    named.map(|path| (path.clone(), Vec::new())).ok_or_else(|| unknown(&found, &which.0))
}

/// Said where others lost.
pub fn several(found: &[PathBuf]) -> Option<Warning> {
    let [winner, losers @ ..] = found else { return None };
    if losers.is_empty() {
        return None;
    }
    let shown = |path: &PathBuf| quoted(&path.strip_prefix(local_folder(path)).unwrap_or(path).to_string_lossy());
    let list: Vec<String> = losers.iter().map(shown).collect();
    let message = format!("several dev containers found: {} is used, {} not", shown(winner), list.join(", "));
    Some(Warning::new(message, &At::nowhere()).help("pick one: `--devcontainer=NAME`, NAME being its folder"))
}

/// By which it is picked: the folder in `.devcontainer`, else the file's own name.
fn name(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    let name = if is_in_own_folder(path) { folder } else { path.file_name().unwrap_or_default() };
    name.to_string_lossy().into_owned()
}

fn is_in_own_folder(path: &Path) -> bool {
    let above = path.parent().and_then(Path::parent).and_then(Path::file_name);
    above.is_some_and(|name| name == FOLDER)
}

fn unknown(found: &[PathBuf], wanted: &str) -> SpecError {
    let names: Vec<String> = found.iter().map(|path| name(path)).collect();
    let message = format!("there is no dev container {} here", quoted(wanted));
    let help = match nearest(wanted, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `--devcontainer={near}`?"),
        None => format!("there is {}", names.join(", ")),
    };
    Problem::new(Fault::BadOption(message), &At::nowhere()).help(help).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::node::Source;
    use std::sync::Arc;

    struct Listed(&'static [&'static str]);

    impl Files for Listed {
        fn is_file(&self, path: &Path) -> bool {
            self.0.iter().any(|known| Path::new(known) == path)
        }

        fn folders(&self, folder: &Path) -> Vec<PathBuf> {
            let below = self.0.iter().filter_map(|path| Path::new(path).parent());
            below.filter(|path| path.parent() == Some(folder)).map(Path::to_owned).collect()
        }

        fn read(&self, _: &Path, _: &Path) -> Result<Arc<Source>, SpecError> {
            unreachable!("finding reads nothing")
        }
    }

    const ALL: Listed = Listed(&[
        "/w/.devcontainer.json",
        "/w/.devcontainer/rust/devcontainer.json",
        "/w/.devcontainer/devcontainer.json",
        "/w/.devcontainer/go/devcontainer.json",
    ]);

    fn found(files: &Listed, which: &str) -> Result<(String, usize), String> {
        let found = find(Path::new("/w/src"), &Which(which.to_owned()), files);
        found.map(|(path, said)| (path.display().to_string(), said.len())).map_err(|error| error.screen(false))
    }

    #[test]
    fn the_specifications_order_and_a_word_about_the_others() {
        assert_eq!(found(&ALL, "").unwrap(), ("/w/.devcontainer/devcontainer.json".into(), 1));
        let two = Listed(&["/w/.devcontainer/rust/devcontainer.json", "/w/.devcontainer/go/devcontainer.json"]);
        assert_eq!(found(&two, "").unwrap(), ("/w/.devcontainer/go/devcontainer.json".into(), 1));
        assert_eq!(found(&Listed(&["/w/.devcontainer.json"]), "").unwrap(), ("/w/.devcontainer.json".into(), 0));
        assert!(found(&Listed(&[]), "").unwrap_err().contains("no spec found"));
    }

    #[test]
    fn one_is_picked_by_its_folder_or_as_a_file() {
        assert_eq!(found(&ALL, "rust").unwrap(), ("/w/.devcontainer/rust/devcontainer.json".into(), 0));
        assert_eq!(found(&ALL, "/w/.devcontainer.json").unwrap(), ("/w/.devcontainer.json".into(), 0));
        assert!(found(&ALL, "rst").unwrap_err().contains("did you mean `--devcontainer=rust`?"));
        assert!(found(&ALL, "x/devcontainer.json").unwrap_err().contains("no such file"));
    }

    #[test]
    fn each_belongs_to_a_projects_folder() {
        for path in ALL.0 {
            assert_eq!(local_folder(Path::new(path)), Path::new("/w"), "{path}");
        }
        assert_eq!(local_folder(Path::new("/x/y/devcontainer.json")), Path::new("/x/y"));
    }
}
