//! From a reference to its value.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::base::process::{Call, ProcessError};
use crate::model::resource::SecretSource;

use super::generate::generate;
use super::store::{Store, StoreError};
use super::value::SecretValue;

/// How long a command may think, a password manager's question to the user included.
const PATIENCE: Duration = Duration::from_mins(2);
/// Bytes of a secret at most; Docker's own limit for secrets is 500 kB.
const LONGEST: usize = 1024 * 1024;

/// Why a secret has no value. Names the secret and the remedy, never a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error(
        "secret {secret}: the variable {variable} is not set; set it, e.g. `export {variable}=…`, and run devup again"
    )]
    NoVariable {
        /// The secret.
        secret: String,
        /// The variable.
        variable: String,
    },
    /// Its value is typed, and nobody did.
    #[error(
        "secret {secret}: its value is typed at a terminal: run devup at one, or write `environment: NAME` beside its \
         `prompt` and set that variable"
    )]
    NotTyped {
        /// The secret.
        secret: String,
    },
    /// The file can't be read.
    #[error("secret {secret}: cannot read {}: {reason}", path.display())]
    File {
        /// The secret.
        secret: String,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
    /// There is no such entry.
    #[error("secret {secret}: {place} has no entry {project}/{entry}; make one with `devup secret set {entry}`")]
    NoEntry {
        /// The secret.
        secret: String,
        /// Where it was looked for.
        place: String,
        /// The project whose entry it would be.
        project: String,
        /// The entry.
        entry: String,
    },
    /// The command may not run.
    #[error("secret {secret}: its command runs on this machine, which needs consent; see `devup trust`")]
    NoConsent {
        /// The secret.
        secret: String,
    },
    /// The command failed. Its output may hold the value, so only how it ended is said.
    #[error("secret {secret}: its command {reason}; run it by hand to see why")]
    Command {
        /// The secret.
        secret: String,
        /// How it ended.
        reason: String,
    },
    /// It is too large.
    #[error("secret {secret} has more than {LONGEST} bytes")]
    TooLong {
        /// The secret.
        secret: String,
    },
    /// It has no source, or one that devup can't read.
    #[error("secret {secret}: {reason}")]
    NoSource {
        /// The secret.
        secret: String,
        /// What is missing.
        reason: &'static str,
    },
    /// The store failed.
    #[error("secret {secret}: {source}")]
    Store {
        /// The secret.
        secret: String,
        /// Why.
        source: StoreError,
    },
}

/// Whether commands of the host may be run for values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commands {
    /// The user agreed to what the spec asks for.
    Agreed,
    /// Nobody was asked.
    Refused,
}

/// Looks a variable up by its name.
pub type Variable = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What the user typed in this run, by the names of secrets. It goes with the run.
#[derive(Debug, Default)]
pub struct Typed(Mutex<HashMap<String, SecretValue>>);

impl Typed {
    /// The user typed a value.
    pub fn put(&self, secret: &str, value: SecretValue) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned(), value);
    }

    fn get(&self, secret: &str) -> Option<SecretValue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(secret).cloned()
    }
}

/// Held from the look for a value until it is made up and kept: several services ask for it at once, and all have to get
/// the same one. (Between processes the project's lock sees to that.)
static MAKING: Mutex<()> = Mutex::new(());

/// Reads the values of one project's secrets.
pub struct Resolver {
    /// The project, an instance's suffix included: entries are kept under this name.
    pub project: String,
    /// The project that this one is a copy of: its entries are read where the copy has none.
    pub fallback: Option<String>,
    /// Relative paths begin here, and commands run here.
    pub working_dir: PathBuf,
    /// Keeps entries.
    pub store: Arc<dyn Store>,
    /// devup's own variables, those of the project's environment files included.
    pub variable: Variable,
    /// Whether commands may run.
    pub commands: Commands,
    /// What was typed in this run.
    pub typed: Typed,
}

impl Resolver {
    /// The value of a secret or config. `secret` is its key in the spec, for messages.
    pub async fn resolve(&self, secret: &str, source: &SecretSource) -> Result<SecretValue, SecretError> {
        let value = if let Some(entry) = &source.keyring {
            self.stored(secret, entry, source.generate).await?
        } else if let Some(variable) = &source.environment {
            let found = (self.variable)(variable);
            let missing = || SecretError::NoVariable { secret: secret.to_owned(), variable: variable.clone() };
            let found = found.map(|value| SecretValue::new(value.into_bytes()));
            found.or_else(|| self.typed.get(&source.name)).ok_or_else(missing)?
        } else if let Some(file) = &source.file {
            self.read(secret, file)?
        } else if let Some(command) = &source.command {
            self.run(secret, command).await?
        } else if let Some(content) = &source.content {
            SecretValue::new(content.clone().into_bytes())
        } else if source.prompt.is_some() {
            self.typed.get(&source.name).ok_or_else(|| SecretError::NotTyped { secret: secret.to_owned() })?
        } else {
            let reason = if source.external {
                "external secrets live in a Swarm, which devup does not use; give it a `file`, `environment`, `keyring`, `command` or `prompt`"
            } else {
                "it has no `file`, `environment`, `keyring`, `command` or `prompt`"
            };
            return Err(SecretError::NoSource { secret: secret.to_owned(), reason });
        };
        if value.expose().len() > LONGEST {
            return Err(SecretError::TooLong { secret: secret.to_owned() });
        }
        Ok(value)
    }

    /// What changes when a reference gets another value, and tells nothing of the value. `None`: it has the first one, or
    /// nobody can know before it is used (commands).
    pub fn generation(&self, source: &SecretSource) -> Result<Option<String>, StoreError> {
        if let Some(entry) = &source.keyring {
            let count = match entry.split_once('/') {
                Some((project, name)) => self.store.revision(project, name)?,
                None => {
                    let of_copy = self.store.revision(&self.project, entry)?;
                    let fallback = self.fallback.as_ref().map(|project| self.store.revision(project, entry));
                    of_copy + fallback.transpose()?.unwrap_or(0)
                }
            };
            return Ok((count > 0).then(|| format!("revision {count}")));
        }
        let Some(variable) = &source.environment else { return Ok(None) };
        match self.print(variable) {
            Some(print) => print.map(Some),
            // what runs has its value from a shell in which it was set: that is no change
            None => self.store.remembered(&self.project, variable),
        }
    }

    fn print(&self, variable: &str) -> Option<Result<String, StoreError>> {
        let value = (self.variable)(variable)?;
        Some(self.store.fingerprint(&SecretValue::new(value.into_bytes())))
    }

    /// Keeps what a variable's value looks like now: the project came up with it.
    pub fn remember(&self, source: &SecretSource) -> Result<(), StoreError> {
        match source.environment.as_ref().and_then(|variable| Some((variable, self.print(variable)?))) {
            Some((variable, print)) => self.store.remember(&self.project, variable, &print?),
            None => Ok(()),
        }
    }

    /// `db` is the project's own entry, `bank/db` that of another project (a capability that was agreed to).
    async fn stored(&self, secret: &str, entry: &str, length: Option<u32>) -> Result<SecretValue, SecretError> {
        let store = self.store.clone();
        let (project, name, fallback) = match entry.split_once('/') {
            Some((project, name)) => (project.to_owned(), name.to_owned(), None),
            None => (self.project.clone(), entry.to_owned(), self.fallback.clone()),
        };
        let own = project == self.project;
        let missing = SecretError::NoEntry {
            secret: secret.to_owned(),
            place: store.place(),
            project: project.clone(),
            entry: name.clone(),
        };
        let wrap = |source| SecretError::Store { secret: secret.to_owned(), source };
        // keyrings are asked over a socket, and may ask the user to unlock them
        let looked = tokio::task::spawn_blocking(move || {
            // a panic of another's look leaves nothing half done here
            let _one_at_a_time = length.map(|_| MAKING.lock().unwrap_or_else(PoisonError::into_inner));
            if let Some(value) = store.get(&project, &name)? {
                return Ok(Some(value));
            }
            if let Some(fallback) = &fallback
                && let Some(value) = store.get(fallback, &name)?
            {
                return Ok(Some(value));
            }
            let Some(length) = length.filter(|_| own) else { return Ok(None) };
            let value = generate(length).map_err(|error| StoreError::Keyring {
                attempt: "make up",
                project: project.clone(),
                name: name.clone(),
                reason: error.to_string(),
            })?;
            store.set(&project, &name, &value)?;
            Ok(Some(value))
        });
        match looked.await {
            Ok(found) => found.map_err(wrap)?.ok_or(missing),
            // the blocking task panicked: a defect of the keyring's library
            Err(_) => Err(wrap(StoreError::Keyring {
                attempt: "read",
                project: self.project.clone(),
                name: entry.to_owned(),
                reason: "the keyring's library failed".to_owned(),
            })),
        }
    }

    fn read(&self, secret: &str, file: &str) -> Result<SecretValue, SecretError> {
        let path = self.working_dir.join(file);
        let failed = |reason: String| SecretError::File { secret: secret.to_owned(), path: path.clone(), reason };
        let size = std::fs::metadata(&path).map_err(|error| failed(error.to_string()))?;
        if !size.is_file() {
            return Err(failed("it is no file".to_owned()));
        }
        if size.len() > LONGEST as u64 {
            return Err(SecretError::TooLong { secret: secret.to_owned() });
        }
        std::fs::read(&path).map(SecretValue::new).map_err(|error| failed(error.to_string()))
    }

    /// The command's standard output without one line end at its end.
    async fn run(&self, secret: &str, command: &[String]) -> Result<SecretValue, SecretError> {
        if self.commands == Commands::Refused {
            return Err(SecretError::NoConsent { secret: secret.to_owned() });
        }
        let Some((program, args)) = command.split_first() else {
            return Err(SecretError::NoSource { secret: secret.to_owned(), reason: "its `command` is empty" });
        };
        let call =
            Call::new(program).args(args).dir(&self.working_dir).deadline(PATIENCE).keep(LONGEST + 2).on_terminal();
        let failed = |reason: String| SecretError::Command { secret: secret.to_owned(), reason };
        let mut ended = call.run().await.map_err(|error| failed(how(&error)))?;
        if !ended.success() {
            return Err(failed(format!("failed ({})", ended.status)));
        }
        let mut bytes = std::mem::take(&mut ended.stdout);
        if bytes.ends_with(b"\n") {
            bytes.pop();
            if bytes.ends_with(b"\r") {
                bytes.pop();
            }
        }
        if bytes.is_empty() {
            return Err(failed("printed nothing".to_owned()));
        }
        Ok(SecretValue::new(bytes))
    }
}

/// How a call ended, without the program's own words.
fn how(error: &ProcessError) -> String {
    match error {
        ProcessError::NotFound { program } => format!("could not be run: {program} is not installed, or not on PATH"),
        ProcessError::Start { source, .. } | ProcessError::Io { source, .. } => format!("could not be run: {source}"),
        ProcessError::Deadline { limit, .. } => format!("took more than {} s", limit.as_secs()),
        ProcessError::Failed { status, .. } => format!("failed ({status})"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::file_store::FileStore;
    use super::*;

    fn resolver(folder: &std::path::Path, commands: Commands) -> Resolver {
        Resolver {
            project: "shop-feature".to_owned(),
            fallback: Some("shop".to_owned()),
            working_dir: folder.to_owned(),
            store: Arc::new(FileStore::new(folder.join("secrets"))),
            variable: Box::new(|name| (name == "TOKEN").then(|| "from env".to_owned())),
            commands,
            typed: Typed::default(),
        }
    }

    fn keyring(entry: &str, generate: Option<u32>) -> SecretSource {
        SecretSource { keyring: Some(entry.to_owned()), generate, ..SecretSource::default() }
    }

    fn command(words: &[&str]) -> SecretSource {
        SecretSource { command: Some(words.iter().map(|word| (*word).to_owned()).collect()), ..SecretSource::default() }
    }

    #[tokio::test]
    async fn values_come_from_where_the_spec_says() {
        let folder = tempfile::tempdir().unwrap();
        let resolver = resolver(folder.path(), Commands::Agreed);
        std::fs::write(folder.path().join("key.pem"), "line\n").unwrap();
        let of = |source: SecretSource| {
            let resolver = &resolver;
            async move { String::from_utf8(resolver.resolve("s", &source).await.unwrap().expose().to_vec()).unwrap() }
        };
        assert_eq!(of(SecretSource { environment: Some("TOKEN".into()), ..SecretSource::default() }).await, "from env");
        assert_eq!(of(SecretSource { file: Some("key.pem".into()), ..SecretSource::default() }).await, "line\n");
        assert_eq!(of(SecretSource { content: Some("c".into()), ..SecretSource::default() }).await, "c");
        assert_eq!(of(command(&["printf", "a\\nb\\n"])).await, "a\nb");
        let asked = |variable: &str| SecretSource {
            name: "shop_s".into(),
            environment: (!variable.is_empty()).then(|| variable.to_owned()),
            prompt: Some("Which?".into()),
            ..SecretSource::default()
        };
        let error = |source: SecretSource| {
            let resolver = &resolver;
            async move { resolver.resolve("s", &source).await.unwrap_err() }
        };
        assert!(matches!(error(asked("")).await, SecretError::NotTyped { .. }));
        assert!(matches!(error(asked("UNSET")).await, SecretError::NoVariable { .. }));
        resolver.typed.put("shop_s", SecretValue::new(b"typed".to_vec()));
        assert_eq!(of(asked("")).await, "typed");
        assert_eq!(of(asked("UNSET")).await, "typed");
        assert_eq!(of(asked("TOKEN")).await, "from env");
        assert!(resolver.store.names("shop-feature").unwrap().is_empty(), "what is typed is not kept");
    }

    #[tokio::test]
    async fn generated_values_are_made_once_and_copies_share_those_of_the_project() {
        let folder = tempfile::tempdir().unwrap();
        let resolver = resolver(folder.path(), Commands::Refused);
        let made = resolver.resolve("db", &keyring("db", Some(24))).await.unwrap();
        assert_eq!(made.expose().len(), 24);
        assert_eq!(resolver.resolve("db", &keyring("db", Some(24))).await.unwrap(), made);
        assert_eq!(resolver.store.names("shop-feature").unwrap(), ["db"]);
        let shared = SecretValue::new(b"api".to_vec());
        resolver.store.set("shop", "api", &shared).unwrap();
        assert_eq!(resolver.resolve("api", &keyring("api", None)).await.unwrap(), shared);
        resolver.store.set("bank", "pin", &shared).unwrap();
        assert_eq!(resolver.resolve("pin", &keyring("bank/pin", None)).await.unwrap(), shared);
        let error = resolver.resolve("pin", &keyring("bank/none", Some(9))).await.unwrap_err();
        assert!(matches!(error, SecretError::NoEntry { .. }), "nothing is made up in another's name");
    }

    #[test]
    fn a_rotated_value_is_another_generation() {
        let folder = tempfile::tempdir().unwrap();
        let resolver = resolver(folder.path(), Commands::Refused);
        let generation = |source: &SecretSource| resolver.generation(source).unwrap();
        let set = |project: &str, value: &str| {
            resolver.store.set(project, "db", &SecretValue::new(value.as_bytes().to_vec())).unwrap();
        };
        assert_eq!(generation(&keyring("db", Some(24))), None);
        set("shop", "first");
        assert_eq!(generation(&keyring("db", Some(24))), None, "a first value makes nothing anew");
        set("shop", "second");
        assert_eq!(generation(&keyring("db", Some(24))).as_deref(), Some("revision 1"));
        assert_eq!(generation(&keyring("shop/db", None)).as_deref(), Some("revision 1"));
        let token = SecretSource { environment: Some("TOKEN".into()), ..SecretSource::default() };
        assert_eq!(generation(&token), generation(&token));
        assert!(generation(&token).is_some_and(|print| !print.contains("from env")));
        let unset = SecretSource { environment: Some("UNSET".into()), ..SecretSource::default() };
        assert_eq!(generation(&unset), None);
        resolver.store.remember("shop-feature", "UNSET", "before").unwrap();
        assert_eq!(generation(&unset).as_deref(), Some("before"), "an unset variable is no change");
        assert_eq!(generation(&command(&["true"])), None);
    }

    #[tokio::test]
    async fn who_asks_at_once_for_what_is_made_up_gets_one_value() {
        let folder = tempfile::tempdir().unwrap();
        let resolver = resolver(folder.path(), Commands::Refused);
        let source = keyring("db", Some(24));
        let asked = futures_util::future::join_all((0..32).map(|_| resolver.resolve("db", &source))).await;
        let kept = resolver.store.get("shop-feature", "db").unwrap().unwrap();
        assert!(asked.into_iter().all(|value| value.unwrap() == kept));
    }

    #[tokio::test]
    async fn what_is_missing_is_named_with_its_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let refusing = resolver(folder.path(), Commands::Refused);
        let text = |error: SecretError| error.to_string();
        let none = SecretSource { environment: Some("NONE".into()), ..SecretSource::default() };
        assert!(text(refusing.resolve("s", &none).await.unwrap_err()).contains("export NONE"));
        assert!(text(refusing.resolve("s", &keyring("db", None)).await.unwrap_err()).contains("devup secret set db"));
        assert!(text(refusing.resolve("s", &command(&["true"])).await.unwrap_err()).contains("devup trust"));
        let folder_source = SecretSource { file: Some(".".into()), ..SecretSource::default() };
        assert!(text(refusing.resolve("s", &folder_source).await.unwrap_err()).contains("no file"));
        assert!(refusing.resolve("s", &SecretSource::default()).await.is_err());
    }

    #[tokio::test]
    async fn a_failing_command_does_not_spill_its_output() {
        let folder = tempfile::tempdir().unwrap();
        let resolver = resolver(folder.path(), Commands::Agreed);
        let leaky = command(&["sh", "-c", "echo hunter2; echo hunter2 >&2; exit 3"]);
        let error = resolver.resolve("s", &leaky).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        assert!(error.to_string().contains('3'));
    }
}
