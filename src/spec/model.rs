//! Phases 1 to 6 for a group of files that are read together: the project's own, or those of one `include`.

use std::cell::{Cell, RefCell};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::canonical::canonicalise;
use super::decode::{MAX_BYTES, decode};
use super::devcontainer::configuration::{self, Surroundings};
use super::devcontainer::{find, lower};
use super::discover::{Files, Input};
use super::dotenv::Variables;
use super::error::{Fault, Problem, SpecError, Warning};
use super::load::LoadOptions;
use super::node::{At, Node, Source, Value};
use super::resolve_path::{self, Base};
use super::{defaults, dialect, extends, include, interpolate, merge, parse, schema, unique};
use crate::model::development::Development;

/// How many values one load may hold, all its files and what they extend taken together.
const MAX_LOADED: usize = 400_000;
/// How many files one load may read.
const MAX_FILES: usize = 2_000;

/// What one load shares.
pub struct Context<'a> {
    /// The files.
    pub files: &'a dyn Files,
    /// Paths beneath it are shown relative to it.
    pub current_dir: PathBuf,
    /// The project's folder.
    pub project_directory: PathBuf,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
    /// See [`LoadOptions::keep_extension`].
    pub keep_extension: bool,
    /// What works, but perhaps not as meant.
    pub warnings: RefCell<Vec<Warning>>,
    /// Files of other repositories.
    pub remotes: RefCell<Vec<OtherRepository>>,
    /// Every file that was read, in order.
    pub read: RefCell<Vec<PathBuf>>,
    /// Whether devup's keys stood under `x-devup` anywhere.
    pub lifted: Cell<bool>,
    /// What a `devcontainer.json` says beyond the spec.
    pub development: RefCell<Option<Development>>,
    values_left: Cell<usize>,
}

impl<'a> Context<'a> {
    /// A load's beginning.
    pub fn new(files: &'a dyn Files, project_directory: PathBuf, options: &LoadOptions) -> Self {
        Self {
            project_directory,
            files,
            current_dir: options.current_dir.clone(),
            home: options.home.clone(),
            keep_extension: options.keep_extension,
            warnings: RefCell::default(),
            read: RefCell::default(),
            remotes: RefCell::default(),
            lifted: Cell::new(false),
            development: RefCell::default(),
            values_left: Cell::new(MAX_LOADED),
        }
    }

    /// Adds to the warnings.
    pub fn warn(&self, warnings: impl IntoIterator<Item = Warning>) {
        self.warnings.borrow_mut().extend(warnings);
    }

    /// Pays for a tree that is about to be copied or kept.
    pub fn pay(&self, node: &Node) -> Result<(), SpecError> {
        let size = size(node);
        let Some(left) = self.values_left.get().checked_sub(size) else {
            let what = "the spec, with all it includes and extends,".into();
            return Err(SpecError::new(Fault::Limit { what, limit: format!("{MAX_LOADED} values") }, &node.at));
        };
        self.values_left.set(left);
        Ok(())
    }

    /// Reads a file, as far as files may be read.
    pub fn source(&self, path: &Path, wanted_at: &At) -> Result<Arc<Source>, SpecError> {
        if self.read.borrow().len() >= MAX_FILES {
            let fault = Fault::Limit { what: "the number of files".into(), limit: MAX_FILES.to_string() };
            return Err(SpecError::new(fault, wanted_at));
        }
        self.read.borrow_mut().push(path.to_owned());
        self.files.read(path, self.shown(path)).map_err(|error| match error.problems() {
            // an unreadable file has no place of its own: the place is where it is asked for
            [problem] if problem.at.source.is_none() && wanted_at.source.is_some() => {
                Problem::new((*problem.fault).clone(), wanted_at).into()
            }
            _ => error,
        })
    }

    /// A path as users see it.
    pub fn shown<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(&self.current_dir).unwrap_or(path)
    }

    /// Reads one of the project's own files, or standard input.
    pub fn input(&self, input: &Input) -> Result<File, SpecError> {
        match input {
            Input::File(path) => Ok(File { source: self.source(path, &At::nowhere())?, path: path.clone() }),
            Input::Stdin => {
                let shown = Path::new("-");
                let mut bytes = Vec::new();
                std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| {
                    let fault = Fault::Unreadable { path: shown.to_owned(), reason: error.to_string() };
                    SpecError::new(fault, &At::nowhere())
                })?;
                Ok(File { source: decode(&bytes, shown)?, path: shown.to_owned() })
            }
        }
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::Seq(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(map) => 1 + map.values().map(|entry| size(&entry.node)).sum::<usize>(),
        _ => 1,
    }
}

/// A file of another repository that the spec includes or extends.
#[derive(Debug, Clone)]
pub struct OtherRepository {
    /// As written; may hold a password.
    pub address: String,
    /// As it may be shown.
    pub shown: String,
    /// Where it is named.
    pub at: At,
}

/// A file that was read.
#[derive(Debug, Clone)]
pub struct File {
    /// Absolute; `-` for standard input.
    pub path: PathBuf,
    /// Its text.
    pub source: Arc<Source>,
}

/// What a group of files is read in.
pub struct Scope<'a> {
    /// The load.
    pub context: &'a Context<'a>,
    /// Where files named by these files are looked up; absolute.
    pub dir: PathBuf,
    /// For interpolation.
    pub environment: Variables,
    /// The files on the way to here, for `include` that comes back.
    pub including: Vec<PathBuf>,
}

impl Scope<'_> {
    fn documents_of(&self, file: &File) -> Result<Vec<Node>, SpecError> {
        if !find::is_one(&file.path) {
            return self.documents(&file.source);
        }
        let around = Surroundings {
            files: self.context.files,
            environment: &self.environment,
            local_folder: &self.context.project_directory,
            with_id: true,
        };
        let read = configuration::of_source(&file.path, &file.source, &around)?;
        self.context.warn(read.warnings.iter().cloned());
        let (document, development) = lower::document(&read)?;
        self.context.pay(&document)?;
        self.context.development.replace(Some(development));
        Ok(vec![document])
    }

    /// The documents of a file: parsed, devup's keys in their places, variables expanded.
    pub fn documents(&self, source: &Arc<Source>) -> Result<Vec<Node>, SpecError> {
        let mut documents = parse::parse(source)?;
        for document in &mut documents {
            self.context.pay(document)?;
            if document.as_map().is_none() {
                let (path, found) = ("the spec".to_owned(), document.value.kind().into());
                return Err(SpecError::new(
                    Fault::WrongType { path, expected: "a mapping".into(), found },
                    &document.at,
                ));
            }
            self.lift(document)?;
            let lookup = |name: &str| self.environment.get(name).cloned();
            self.context.warn(interpolate::interpolate(document, &lookup)?);
        }
        Ok(documents)
    }

    fn lift(&self, document: &mut Node) -> Result<(), SpecError> {
        if self.context.keep_extension || !dialect::has_extension(document) {
            return Ok(());
        }
        self.context.lifted.set(true);
        schema::lift(document)
    }

    /// Reads files as one: each overrides those before it. Paths are resolved against `base`, if there is one.
    pub fn load(&self, files: &[File], base: Option<&Base>) -> Result<Node, SpecError> {
        let mut spec = Node::empty_map(At::nowhere());
        for file in files {
            for document in self.documents_of(file)? {
                self.overlay(&mut spec, document, &file.path)?;
            }
        }
        defaults::set(&mut spec);
        defaults::check(&spec)?;
        if let Some(base) = base {
            resolve_path::resolve(&mut spec, base)?;
        }
        defaults::bare_variables(&mut spec, &self.environment);
        Ok(spec)
    }

    fn overlay(&self, spec: &mut Node, mut document: Node, path: &Path) -> Result<(), SpecError> {
        include::apply(self, &mut document, path)?;
        extends::apply(self, &mut document, path)?;
        merge::merge_file(spec, document)?;
        unique::enforce(spec, &[])?;
        schema::validate(spec)?;
        if let Some(version) = spec.take("version") {
            let message = "the key `version` has no meaning any more and is ignored";
            self.context.warn([Warning::new(message, &version.key_at).help("remove it")]);
        }
        canonicalise(spec)?;
        // ranges of ports that were one entry may redefine others now
        unique::enforce(spec, &[])
    }
}
