//! What the fuzz targets share: files that exist in memory only, and a load like `devup config`'s.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use devup::model::name::ProjectName;
use devup::spec::discover::{Files, Found, Input};
use devup::spec::dotenv::Variables;
use devup::spec::error::{Fault, SpecError};
use devup::spec::load::{LoadOptions, Loaded, load};
use devup::spec::node::{At, Source};

/// Where the files lie.
pub const FOLDER: &str = "/case";

/// Files by their absolute path.
pub struct Memory(pub BTreeMap<PathBuf, Vec<u8>>);

impl Files for Memory {
    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    fn read(&self, path: &Path, shown: &Path) -> Result<Arc<Source>, SpecError> {
        match self.0.get(path) {
            Some(bytes) => devup::spec::decode::decode(bytes, shown),
            None => {
                let fault = Fault::Unreadable { path: shown.to_owned(), reason: "there is no such file".into() };
                Err(SpecError::new(fault, &At::nowhere()))
            }
        }
    }
}

/// Loads `files`, each over those before it; what they include or extend is looked for among them.
pub fn load_all(files: &[(&str, &[u8])], options: impl FnOnce(&mut LoadOptions)) -> Result<Loaded, SpecError> {
    let path = |name: &str| Path::new(FOLDER).join(name);
    let memory = Memory(files.iter().map(|(name, bytes)| (path(name), bytes.to_vec())).collect());
    let found = Found {
        inputs: files.iter().filter(|(name, _)| name.ends_with("yaml")).map(|(name, _)| Input::File(path(name))).collect(),
        project_directory: FOLDER.into(),
        given_name: ProjectName::parse("proj").ok(),
        profiles: vec!["*".into()],
        environment: variables(),
        env_files: Vec::new(),
        warnings: Vec::new(),
    };
    let mut load_options = LoadOptions::new(FOLDER.into(), None);
    options(&mut load_options);
    load(&found, &memory, &load_options)
}

/// A few variables to refer to.
pub fn variables() -> Variables {
    [("A", "1"), ("B", ""), ("C", "${A}"), ("D", "x: y")].into_iter().map(|(k, v)| (k.into(), v.into())).collect()
}

/// A screen must be there for every error, coloured or not.
pub fn show(error: &SpecError) {
    assert!(!error.screen(false).is_empty());
    assert!(!error.screen(true).is_empty());
    assert!(!error.problems().is_empty());
}
