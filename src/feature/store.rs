//! Where features come from: fetched once for each content, then kept.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::archive;
use super::definition::{Definition, FILE, SCRIPT};
use super::error::FeatureError;
use super::lock::Record;
use super::reference::Reference;
use super::registry::{Failure, Repository, good};
use super::web::{Web, is_near};
use super::{Feature, Surroundings};
use crate::base::digest::{Digest, FieldHasher};
use crate::base::files::{self, Access};
use crate::model::development::FeatureWish;

/// Fetches and keeps.
pub(super) struct Store<'a> {
    around: &'a Surroundings<'a>,
    web: Web,
}

/// Files of a local feature at most.
const MOST_FILES: usize = 10_000;

impl<'a> Store<'a> {
    pub(super) fn new(around: &'a Surroundings<'a>) -> Self {
        Self { around, web: Web::new() }
    }

    /// The feature, and what is to be recorded of it.
    pub(super) async fn feature(&self, wish: &FeatureWish) -> Result<(Feature, Option<Record>), FeatureError> {
        let reference = Reference::parse(&wish.reference)?;
        let (folder, resolved) = match &reference {
            Reference::Local(path) => (self.local(&wish.reference, path)?, None),
            Reference::Archive(address) => {
                let (folder, digest) = self.archive(&wish.reference, address).await?;
                (folder, Some((address.clone(), digest)))
            }
            Reference::Registry { registry, repository, version } => {
                let repository = Repository { web: &self.web, registry, name: repository };
                let (folder, digest) = self.registry(&wish.reference, &repository, version).await?;
                (folder, Some((format!("{}@{digest}", reference.name()), digest)))
            }
        };
        let files = files_below(&folder).map_err(|(path, reason)| FeatureError::Local {
            reference: wish.reference.clone(),
            path,
            reason,
        })?;
        let definition = definition(&wish.reference, &files)?;
        let digest = match &resolved {
            Some((_, digest)) => digest.clone(),
            None => digest_of(&wish.reference, &files)?,
        };
        let record =
            resolved.map(|(resolved, integrity)| Record { version: definition.version.clone(), resolved, integrity });
        let options = wish.options.clone();
        Ok((Feature { reference, definition, options, digest, files, needs: Vec::new() }, record))
    }

    /// A folder of the project; a link must not lead out of it.
    fn local(&self, reference: &str, path: &str) -> Result<PathBuf, FeatureError> {
        let folder = self.around.folder.join(path);
        let wrong =
            |reason: String| FeatureError::Local { reference: reference.to_owned(), path: folder.clone(), reason };
        let real = folder.canonicalize().map_err(|error| wrong(error.to_string()))?;
        let project = self.around.project.canonicalize().map_err(|error| wrong(error.to_string()))?;
        if !real.starts_with(project) {
            return Err(wrong("it lies outside the project".into()));
        }
        Ok(real)
    }

    /// The digest that was recorded for a name, unless what it means now is asked for.
    fn recorded(&self, reference: &str) -> Option<String> {
        let record = self.around.lock.features.get(reference).filter(|_| !self.around.refresh)?;
        Some(record.integrity.clone())
    }

    fn kept(&self, digest: &str) -> PathBuf {
        let name: String = digest.chars().filter(char::is_ascii_alphanumeric).collect();
        self.around.cache.join("features").join(name)
    }

    async fn archive(&self, reference: &str, address: &str) -> Result<(PathBuf, String), FeatureError> {
        let wanted = self.recorded(reference);
        if let Some(digest) = wanted.as_ref().filter(|digest| self.kept(digest).is_dir()) {
            return Ok((self.kept(digest), digest.clone()));
        }
        let failed = |reason: String| fetching(reference, (address.to_owned(), reason));
        if !address.starts_with("https://") && !is_near(address) {
            return Err(failed("without TLS anybody on the way could change it: write https".into()));
        }
        let answer = self.web.get(address, &[]).await.map_err(failed)?;
        let bytes = good(answer).map_err(failed)?;
        let found = format!("sha256:{}", Digest::of(&bytes));
        if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
            return Err(FeatureError::Digest { reference: reference.to_owned(), found, wanted });
        }
        Ok((self.keep(reference, &found, &bytes)?, found))
    }

    async fn registry(
        &self,
        reference: &str,
        repository: &Repository<'_>,
        version: &str,
    ) -> Result<(PathBuf, String), FeatureError> {
        let version = self.recorded(reference).unwrap_or_else(|| version.to_owned());
        if version.starts_with("sha256:") && self.kept(&version).is_dir() {
            return Ok((self.kept(&version), version));
        }
        let failed = |failure: Failure| fetching(reference, failure);
        let manifest = repository.manifest(&version).await.map_err(failed)?;
        let folder = self.kept(&manifest.digest);
        if !folder.is_dir() {
            let bytes = repository.blob(&manifest.layer).await.map_err(failed)?;
            self.keep(reference, &manifest.digest, &bytes)?;
        }
        Ok((folder, manifest.digest))
    }

    /// Unpacks beside the final place, then moves: what is there is complete.
    fn keep(&self, reference: &str, digest: &str, bytes: &[u8]) -> Result<PathBuf, FeatureError> {
        let content = |reason: String| FeatureError::Content { reference: reference.to_owned(), reason };
        let files = archive::unpack(bytes).map_err(content)?;
        let place = self.kept(digest);
        let wrong =
            |reason: String| FeatureError::Local { reference: reference.to_owned(), path: place.clone(), reason };
        let above = self.around.cache.join("features");
        files::create_folder(&above, Access::Private).map_err(|error| wrong(error.to_string()))?;
        let temporary = tempfile::tempdir_in(&above).map_err(|error| wrong(error.to_string()))?;
        for file in files {
            write(&temporary.path().join(&file.path), &file.bytes, file.executable)
                .map_err(|error| wrong(error.to_string()))?;
        }
        match std::fs::rename(temporary.path(), &place) {
            Ok(()) => drop(temporary.keep()),
            // another devup was faster: its content is the same
            Err(_) if place.is_dir() => {}
            Err(error) => return Err(wrong(error.to_string())),
        }
        Ok(place)
    }
}

fn fetching(reference: &str, (address, reason): Failure) -> FeatureError {
    FeatureError::Fetch { reference: reference.to_owned(), address, reason }
}

fn write(path: &Path, bytes: &[u8], executable: bool) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, bytes)?;
    #[cfg(unix)]
    if executable {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Every file below a folder, sorted; links are refused.
fn files_below(folder: &Path) -> Result<IndexMap<String, PathBuf>, (PathBuf, String)> {
    let mut files = IndexMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let wrong = |error: std::io::Error| (next.clone(), error.to_string());
        for entry in std::fs::read_dir(&next).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(wrong)?);
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && files.len() < MOST_FILES {
                let below = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
                files.insert(below, path);
            } else {
                return Err((path, format!("a feature has plain files only, at most {MOST_FILES}")));
            }
        }
    }
    files.sort_keys();
    Ok(files)
}

fn definition(reference: &str, files: &IndexMap<String, PathBuf>) -> Result<Definition, FeatureError> {
    let lacks =
        |name: &str| FeatureError::Content { reference: reference.to_owned(), reason: format!("it lacks {name}") };
    files.get(SCRIPT).ok_or_else(|| lacks(SCRIPT))?;
    let path = files.get(FILE).ok_or_else(|| lacks(FILE))?;
    let text = std::fs::read_to_string(path).map_err(|error| FeatureError::Local {
        reference: reference.to_owned(),
        path: path.clone(),
        reason: error.to_string(),
    })?;
    Ok(Definition::parse(&text, PathBuf::from(format!("{reference}/{FILE}")))?)
}

fn digest_of(reference: &str, files: &IndexMap<String, PathBuf>) -> Result<String, FeatureError> {
    let mut hasher = FieldHasher::new();
    // two local ones are two, even where their files are alike
    hasher.field(reference);
    for (name, path) in files {
        let bytes = std::fs::read(path).map_err(|error| FeatureError::Local {
            reference: reference.to_owned(),
            path: path.clone(),
            reason: error.to_string(),
        })?;
        hasher.field(name).field(bytes);
    }
    Ok(format!("sha256:{}", hasher.finish()))
}
