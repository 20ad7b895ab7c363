//! The user's repositories: made, found by name, opened with whatever opens them, and locked while devup writes.

use std::path::PathBuf;

use serde::Serialize;

use super::error::{AppError, Result};
use super::request::Request;
use crate::backup::address::Address;
use crate::backup::error::{BackupError, Kind};
use crate::backup::passphrase::{self, Origin};
use crate::backup::recovery;
use crate::backup::seal;
use crate::backup::settings::{Entry, Keeping, Settings, sealed_path};
use crate::backup::vault::Vault;
use crate::base::files::{self, Access};
use crate::base::lock::{Lock, Owner};
use crate::secret::store::Store;
use crate::secret::value::SecretValue;
use crate::state::store::State;

/// The entries of passphrases in the keyring; no project has capitals in its name.
const KEYRING: &str = "Backup-passphrases";

impl From<BackupError> for AppError {
    fn from(error: BackupError) -> Self {
        let help = error.help();
        let failed = Self::failed(error.to_string());
        match help {
            Some(help) => failed.help(help),
            None => failed,
        }
    }
}

/// Whoever can be asked and told at the terminal.
pub trait Person {
    /// A passphrase, typed unseen; `None` where nobody can be asked. `new`: typed twice.
    fn passphrase(&self, prompt: &str, new: bool) -> Result<Option<SecretValue>>;
    /// Another devup writes to the repository.
    fn waiting_for(&self, owner: Owner);
    /// Something to be known once.
    fn told(&self, text: &str);
}

/// Nobody is there, or is to be asked.
pub struct Nobody;

impl Person for Nobody {
    fn passphrase(&self, _: &str, _: bool) -> Result<Option<SecretValue>> {
        Ok(None)
    }

    fn waiting_for(&self, _: Owner) {}

    fn told(&self, _: &str) {}
}

/// What opens repositories in this run.
pub struct Keys<'a> {
    /// `--passphrase-file` and the like.
    pub origin: Option<Origin>,
    /// Who is asked where that is not given.
    pub person: &'a dyn Person,
}

/// A repository that was set up.
#[derive(Debug, Serialize)]
pub struct Made {
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub repository: String,
    /// Where its passphrase is.
    pub passphrase: Keeping,
    /// It was there before, and is known now.
    pub joined: bool,
    /// What is to be kept away from this machine; for new repositories.
    #[serde(skip)]
    pub sheet: Option<String>,
    /// Its code as a picture.
    #[serde(skip)]
    pub picture: Option<Vec<u8>>,
}

/// An open repository.
pub struct Opened {
    /// What the user calls it.
    pub name: String,
    /// The repository.
    pub vault: Vault,
}

/// The user's repositories.
pub fn settings(state: &State) -> Result<Settings> {
    Ok(Settings::read(&settings_path(state))?)
}

/// Where they are listed.
pub(super) fn settings_path(state: &State) -> PathBuf {
    state.layout().config.join("backup.yaml")
}

fn cache(state: &State) -> PathBuf {
    state.layout().cache.join("backup")
}

/// Makes a repository, or gets to know one that is there.
pub fn init(state: &State, address: &Address, name: Option<&str>, keys: &Keys) -> Result<Made> {
    let mut settings = settings(state)?;
    let written = address.written();
    if let Some(known) = settings.repositories.iter().find(|entry| entry.repository == written) {
        return Err(AppError::failed(format!("{address} is known already, as repository {}", known.name))
            .help("`devup backup repos` shows the repositories"));
    }
    let name = new_name(&settings, address, name)?;
    let made =
        if Vault::exists(address)? { join(state, address, &name, keys)? } else { create(state, address, &name, keys)? };
    settings.enter(Entry { name, repository: written, passphrase: made.passphrase });
    settings.write(&settings_path(state))?;
    Ok(made)
}

/// The given name, or one that says where it lies.
fn new_name(settings: &Settings, address: &Address, given: Option<&str>) -> Result<String> {
    let taken = |name: &str| settings.repositories.iter().any(|entry| entry.name == name);
    if let Some(name) = given {
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.starts_with(['.', '-']) || !name.chars().all(fine) {
            return Err(AppError::usage(format!("{name:?} is no name for a repository"))
                .help("letters, digits, `-`, `_` and `.`"));
        }
        if taken(name) {
            return Err(AppError::usage(format!("there is a repository called {name} already"))
                .help("`devup backup repos` shows the repositories"));
        }
        return Ok(name.to_owned());
    }
    let base = match address {
        Address::Folder(_) => "local",
        Address::Rest(_) => "server",
        Address::Rclone(_) => "remote",
    };
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    Ok(std::iter::once(base.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default())
}

/// A new repository: its passphrase is kept before it is made, so that none is ever locked with a lost key.
fn create(state: &State, address: &Address, name: &str, keys: &Keys) -> Result<Made> {
    refuse_kept(state, name)?;
    let passphrase = passphrase::make()?;
    let passphrase_kept = keep_new(state, name, &passphrase, keys)?;
    if let Err(error) = Vault::create(address, &passphrase, &cache(state)) {
        // it opens nothing, and would stand in the way of the next try
        forget_kept(state, name, passphrase_kept)?;
        return Err(error.into());
    }
    Ok(Made {
        name: name.to_owned(),
        repository: address.to_string(),
        passphrase: passphrase_kept,
        joined: false,
        sheet: Some(recovery::sheet(address, &passphrase)?),
        picture: Some(recovery::picture(&passphrase)?),
    })
}

/// The passphrase of a repository that is no longer listed may be the only one there is.
fn refuse_kept(state: &State, name: &str) -> Result<()> {
    let path = sealed_path(&state.layout().state, name);
    if path.exists() || kept(state, name)?.is_some() {
        return Err(AppError::failed(format!(
            "a passphrase is kept for a repository called {name} that is not listed any more"
        ))
        .help("give the new repository another name: `devup backup init REPOSITORY --name NAME`"));
    }
    Ok(())
}

fn keep_new(state: &State, name: &str, passphrase: &SecretValue, keys: &Keys) -> Result<Keeping> {
    if keys.origin.is_none()
        && let Some(keyring) = keyring(state)?
    {
        keyring.set(KEYRING, name, passphrase)?;
        return Ok(Keeping::Keyring);
    }
    let prompt = "No keyring answers here. Choose a passphrase that opens the backup's own on this machine";
    let key = match &keys.origin {
        Some(origin) => origin.read()?,
        None => keys.person.passphrase(prompt, true)?.ok_or_else(|| {
            AppError::needs_decision(
                "no keyring answers here, and nobody is at the terminal: the new repository's passphrase could not be kept",
                "write a passphrase of your choice to a file that only you can read, and name it with \
                 `--passphrase-file FILE` (or `--passphrase-fd N`, `--passphrase-command COMMAND`) here and at each backup",
            )
        })?,
    };
    let path = sealed_path(&state.layout().state, name);
    if let Some(folder) = path.parent() {
        files::create_folder(folder, Access::Private).map_err(|error| AppError::failed(error.to_string()))?;
    }
    files::write_atomic(&path, &seal::seal(passphrase, &key)?, Access::Private)
        .map_err(|error| AppError::failed(error.to_string()))?;
    Ok(Keeping::Sealed)
}

fn forget_kept(state: &State, name: &str, kept: Keeping) -> Result<()> {
    match kept {
        Keeping::Keyring => {
            if let Some(keyring) = keyring(state)? {
                keyring.remove(KEYRING, name)?;
            }
            Ok(())
        }
        Keeping::Sealed => files::remove_if_there(&sealed_path(&state.layout().state, name))
            .map_err(|error| AppError::failed(error.to_string())),
        Keeping::Asked => Ok(()),
    }
}

/// A repository that is there: whoever knows its passphrase may use it.
fn join(state: &State, address: &Address, name: &str, keys: &Keys) -> Result<Made> {
    let passphrase = match &keys.origin {
        Some(origin) => origin.read()?,
        None => asked(keys, &format!("Passphrase of the repository in {address}"))?,
    };
    Vault::open(address, &passphrase, &cache(state))?;
    // the one that is kept may be this repository's: then nothing is written over
    if kept(state, name)?.is_some_and(|known| known != passphrase) {
        refuse_kept(state, name)?;
    }
    let kept = match keyring(state)? {
        Some(keyring) => {
            keyring.set(KEYRING, name, &passphrase)?;
            Keeping::Keyring
        }
        None => Keeping::Asked,
    };
    let (name, repository) = (name.to_owned(), address.to_string());
    Ok(Made { name, repository, passphrase: kept, joined: true, sheet: None, picture: None })
}

/// Whether passphrases are kept in a keyring here.
pub fn has_keyring(state: &State) -> Result<bool> {
    Ok(keyring(state)?.is_some())
}

/// The keyring, where one answers and the user wants it.
fn keyring(state: &State) -> Result<Option<Box<dyn Store>>> {
    let opened = super::secret::store(state)?;
    Ok(opened.store.is_keyring().then_some(opened.store))
}

fn asked(keys: &Keys, prompt: &str) -> Result<SecretValue> {
    keys.person.passphrase(prompt, false)?.ok_or_else(|| {
        AppError::needs_decision(
            format!("{prompt}: nobody is at the terminal to type it"),
            "give it with `--passphrase-file FILE`, `--passphrase-fd N` or `--passphrase-command COMMAND`",
        )
    })
}

/// Opens a repository by its name or address; without one, the first.
pub fn open(state: &State, request: &Request, name: Option<&str>, keys: &Keys) -> Result<Opened> {
    let entry = meant(state, request, name)?;
    open_entry(state, &entry, keys).map(|(opened, _)| opened)
}

/// The recovery sheet of a repository once more, for whoever can open it.
pub fn sheet(state: &State, request: &Request, name: Option<&str>, keys: &Keys) -> Result<Made> {
    let entry = meant(state, request, name)?;
    let (opened, passphrase) = open_entry(state, &entry, keys)?;
    let address = opened.vault.address();
    Ok(Made {
        name: opened.name.clone(),
        repository: address.to_string(),
        passphrase: entry.passphrase,
        joined: true,
        sheet: Some(recovery::sheet(address, &passphrase)?),
        picture: Some(recovery::picture(&passphrase)?),
    })
}

fn meant(state: &State, request: &Request, name: Option<&str>) -> Result<Entry> {
    let settings = settings(state)?;
    match name {
        None => settings.repositories.first().cloned().ok_or_else(|| {
            AppError::failed("there is no backup repository yet")
                .help("`devup backup` makes one on this machine; `devup backup init REPOSITORY` one of your choice")
        }),
        Some(name) => match settings.find(name) {
            Some(entry) => Ok(entry.clone()),
            None => unknown(request, &settings, name),
        },
    }
}

/// A repository that is named by its address alone: on a new machine.
fn unknown(request: &Request, settings: &Settings, name: &str) -> Result<Entry> {
    let address =
        Address::parse(name, &request.spec.current_dir).map_err(|error| AppError::usage(error.to_string()))?;
    let written = address.written();
    if let Some(known) = settings.find(&written) {
        return Ok(known.clone());
    }
    if address.folder().is_some_and(|folder| !folder.exists()) {
        let known: Vec<&str> = settings.repositories.iter().map(|entry| entry.name.as_str()).collect();
        return Err(AppError::failed(format!("there is no repository called {name}, and no folder {address}")).help(
            format!("the repositories are: {}", if known.is_empty() { "none".into() } else { known.join(", ") }),
        ));
    }
    Ok(Entry { name: name.to_owned(), repository: written, passphrase: Keeping::Asked })
}

/// Opens it; also what opened it.
fn open_entry(state: &State, entry: &Entry, keys: &Keys) -> Result<(Opened, SecretValue)> {
    let address = entry.address()?;
    let sealed = match entry.passphrase {
        Keeping::Sealed => files::read_optional(&sealed_path(&state.layout().state, &entry.name))
            .map_err(|error| AppError::failed(error.to_string()))?,
        Keeping::Keyring | Keeping::Asked => None,
    };
    // what is given may be meant for another repository: the keyring knows better, unless what it has is wrong
    let known = if entry.passphrase == Keeping::Keyring { kept(state, &entry.name)? } else { None };
    if let (Some(known), Some(_)) = (&known, &keys.origin) {
        match Vault::open(&address, known, &cache(state)) {
            Ok(vault) => return Ok((here(state, entry, vault)?, known.clone())),
            Err(error) if error.kind == Kind::Passphrase => {}
            Err(error) => return Err(error.into()),
        }
    }
    let given = match (&keys.origin, entry.passphrase) {
        (Some(origin), _) => origin.read()?,
        (None, Keeping::Keyring) => match known {
            Some(passphrase) => passphrase,
            None => asked(keys, &format!("The keyring has no passphrase of repository {}; type it", entry.name))?,
        },
        (None, _) => asked(keys, &format!("Passphrase for repository {}", entry.name))?,
    };
    // what is given opens the sealed passphrase, or is that of the recovery sheet itself
    let passphrase = match sealed {
        Some(sealed) => match seal::open(&sealed, &given) {
            Ok(opened) => opened,
            Err(error) if matches!(error.kind, Kind::Passphrase | Kind::Damaged) => given,
            Err(error) => return Err(error.into()),
        },
        None => given,
    };
    let opened = here(state, entry, Vault::open(&address, &passphrase, &cache(state))?)?;
    Ok((opened, passphrase))
}

/// As seen from this machine.
fn here(state: &State, entry: &Entry, vault: Vault) -> Result<Opened> {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(|error| AppError::failed(format!("asking for random numbers: {error}")))?;
    let machine = state.machine(&hex::encode(random))?;
    Ok(Opened { name: entry.name.clone(), vault: vault.seen_from(machine) })
}

fn kept(state: &State, name: &str) -> Result<Option<SecretValue>> {
    match keyring(state)? {
        Some(keyring) => Ok(keyring.get(KEYRING, name)?),
        None => Ok(None),
    }
}

/// Where the repository lies that devup makes by itself.
pub fn usual_place(request: &Request) -> PathBuf {
    let data = request.spec.environment.get("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    data.unwrap_or_else(|| request.home.join(".local/share")).join("devup/backups")
}

/// The repository that backups go to; made on this machine where there is none yet.
pub fn open_or_make(state: &State, request: &Request, name: Option<&str>, keys: &Keys) -> Result<Opened> {
    if name.is_none() && settings(state)?.repositories.is_empty() {
        let made = init(state, &Address::Folder(usual_place(request)), None, keys)?;
        keys.person.told(&format!("made the backup repository {} in {}", made.name, made.repository));
        if let Some(sheet) = &made.sheet {
            keys.person.told(sheet);
        }
    }
    open(state, request, name, keys)
}

/// The right to write to a repository, among the devups of this user. Ends with its owner.
pub async fn lock(state: &State, opened: &Opened, person: &dyn Person) -> Result<Lock> {
    let id: String = opened.vault.id().chars().take(16).collect();
    let path = state.layout().lock(&format!(".backup-{id}"));
    Lock::take(&path, |owner| person.waiting_for(owner)).await.map_err(|error| AppError::failed(error.to_string()))
}
