//! A repository that is open.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustic_core::{
    ConfigOptions, Credentials, IndexedFullStatus, IndexedIdsStatus, KeyOptions, OpenStatus, Repository,
    RepositoryBackends, RepositoryOptions, RusticResult,
};

use super::address::Address;
use super::error::{BackupError, Kind, Result};
use super::place;
use crate::secret::value::SecretValue;

/// A repository, opened with its passphrase.
#[derive(Debug)]
pub struct Vault {
    address: Address,
    options: RepositoryOptions,
    backends: RepositoryBackends,
    machine: String,
    pub(super) repository: Repository<OpenStatus>,
}

impl Vault {
    /// Makes a new repository. `cache` is a folder that may be lost.
    pub fn create(address: &Address, passphrase: &SecretValue, cache: &Path) -> Result<Self> {
        let attempt = format!("making a repository in {address}");
        place::prepare(address)?;
        let (options, backends) = (options(address, cache), RepositoryBackends::new(place::connect(address)?, None));
        let credentials = credentials(passphrase, &attempt)?;
        let repository = Repository::new(&options, &backends)
            .and_then(|closed| closed.init(&credentials, &KeyOptions::default(), &ConfigOptions::default()))
            .map_err(|error| BackupError::of(&attempt, &error))?;
        let machine = String::new();
        Ok(Self { address: address.clone(), options, backends, machine, repository })
    }

    /// Opens a repository.
    pub fn open(address: &Address, passphrase: &SecretValue, cache: &Path) -> Result<Self> {
        let attempt = format!("opening the repository in {address}");
        if let Some(folder) = address.folder()
            && !folder.join("config").exists()
        {
            return Err(BackupError::new(Kind::Missing, attempt, "there is none"));
        }
        let (options, backends) = (options(address, cache), RepositoryBackends::new(place::connect(address)?, None));
        let credentials = credentials(passphrase, &attempt)?;
        let repository = Repository::new(&options, &backends)
            .and_then(|closed| closed.open(&credentials))
            .map_err(|error| BackupError::of(&attempt, &error))?;
        let machine = String::new();
        Ok(Self { address: address.clone(), options, backends, machine, repository })
    }

    /// As seen from this machine: what its interrupted backups leave behind is told by this from those of others.
    #[must_use]
    pub fn seen_from(self, machine: String) -> Self {
        Self { machine, ..self }
    }

    pub(super) fn machine(&self) -> &str {
        &self.machine
    }

    /// Whether there is a repository at this address.
    pub fn exists(address: &Address) -> Result<bool> {
        let backends = RepositoryBackends::new(place::connect(address)?, None);
        let attempt = format!("looking for a repository in {address}");
        Repository::new(&RepositoryOptions::default(), &backends)
            .and_then(|repository| repository.config_id())
            .map(|id| id.is_some())
            .map_err(|error| BackupError::of(attempt, &error))
    }

    /// Its own name for itself, the same wherever it is seen from.
    pub fn id(&self) -> String {
        self.repository.config().id.to_hex().as_str().to_owned()
    }

    /// Where it lies.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Refuses to write beside restic. devup's own writers are kept apart by a lock of the caller's.
    pub fn refuse_beside_restic(&self) -> Result<()> {
        place::refuse_beside_restic(&self.address, SystemTime::now())
    }

    /// Removes what killed writers had half written. The caller holds the repository's lock.
    pub(super) fn sweep(&self) {
        place::sweep(&self.address, SystemTime::now());
    }

    /// With what is needed to add to it.
    pub(super) fn for_writing(&self) -> Result<Repository<IndexedIdsStatus>> {
        self.again().and_then(Repository::to_indexed_ids).map_err(|error| self.failed("reading the index of", &error))
    }

    /// With what is needed to read from it.
    pub(super) fn for_reading(&self) -> Result<Repository<IndexedFullStatus>> {
        self.again().and_then(Repository::to_indexed).map_err(|error| self.failed("reading the index of", &error))
    }

    /// Once more, by the key that the passphrase opened: an index takes its repository over.
    fn again(&self) -> RusticResult<Repository<OpenStatus>> {
        Repository::new(&self.options, &self.backends)?.open(&Credentials::Masterkey(self.repository.key()))
    }

    /// An error that names this repository behind `doing`.
    pub(super) fn failed(&self, doing: &str, error: &rustic_core::RusticError) -> BackupError {
        BackupError::of(format!("{doing} the repository in {}", self.address), error)
    }
}

fn options(address: &Address, cache: &Path) -> RepositoryOptions {
    let mut options = RepositoryOptions::default().cache_dir(PathBuf::from(cache));
    // reading a folder twice costs less than keeping a copy of it
    options.no_cache = address.folder().is_some();
    options
}

fn credentials(passphrase: &SecretValue, attempt: &str) -> Result<Credentials> {
    std::str::from_utf8(passphrase.expose())
        .map(Credentials::password)
        .map_err(|_| BackupError::new(Kind::Passphrase, attempt, "the passphrase is no UTF-8 text"))
}
