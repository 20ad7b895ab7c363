//! Whether a reference has a value, found out without making one up and without running anything.

use std::path::Path;

use super::resolve::{Commands, Resolver, SecretError};
use super::value::SecretValue;
use crate::model::resource::SecretSource;

/// Whether a reference has a value now.
#[derive(Debug)]
pub enum Standing {
    /// There is one: this.
    Present(SecretValue),
    /// It is made up when it is first used.
    OnFirstUse,
    /// Only its command could tell, which runs when the value is used.
    NotAsked,
    /// The user is asked when it is used: what to do where nobody is there.
    Asked(SecretError),
    /// There is none: why, and the remedy.
    Missing(SecretError),
}

impl Resolver {
    /// How a reference stands. `secret` is its key in the spec, for messages.
    pub async fn look(&self, secret: &str, source: &SecretSource) -> Standing {
        let from_command = source.keyring.is_none() && source.environment.is_none() && source.file.is_none();
        if from_command && source.command.is_some() && self.commands == Commands::Agreed {
            return Standing::NotAsked;
        }
        let as_it_is = SecretSource { generate: None, ..source.clone() };
        match self.resolve(secret, &as_it_is).await {
            Ok(value) => Standing::Present(value),
            Err(SecretError::NoEntry { project, .. }) if source.generate.is_some() && project == self.project => {
                Standing::OnFirstUse
            }
            Err(error) if source.prompt.is_some() && is_empty(&error) => Standing::Asked(error),
            Err(error) => Standing::Missing(error),
        }
    }
}

/// Its place is known, and holds nothing.
fn is_empty(error: &SecretError) -> bool {
    matches!(error, SecretError::NotTyped { .. } | SecretError::NoVariable { .. } | SecretError::NoEntry { .. })
}

/// Where a value comes from, in words for the user; files as they lie from `folder`.
pub fn origin(source: &SecretSource, folder: &Path) -> String {
    if let Some(entry) = &source.keyring {
        format!("entry {entry}")
    } else if let Some(variable) = &source.environment {
        format!("variable {variable}")
    } else if let Some(file) = &source.file {
        let path = Path::new(file);
        format!("file {}", path.strip_prefix(folder).unwrap_or(path).display())
    } else if let Some(command) = &source.command {
        format!("command {}", command.join(" "))
    } else if source.prompt.is_some() {
        "you, at a terminal".to_owned()
    } else if source.content.is_some() {
        "the spec itself".to_owned()
    } else if source.external {
        "elsewhere (external)".to_owned()
    } else {
        "nowhere".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::file_store::FileStore;
    use super::super::resolve::Typed;
    use super::*;

    fn resolver(folder: &std::path::Path, commands: Commands) -> Resolver {
        Resolver {
            project: "shop".to_owned(),
            fallback: None,
            working_dir: folder.to_owned(),
            store: Arc::new(FileStore::new(folder.join("secrets"))),
            variable: Box::new(|name| (name == "TOKEN").then(|| "value".to_owned())),
            commands,
            typed: Typed::default(),
        }
    }

    fn keyring(entry: &str, generate: Option<u32>) -> SecretSource {
        SecretSource { keyring: Some(entry.to_owned()), generate, ..SecretSource::default() }
    }

    #[tokio::test]
    async fn a_look_makes_nothing_up_and_runs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let agreed = resolver(folder.path(), Commands::Agreed);
        assert!(matches!(agreed.look("db", &keyring("db", Some(24))).await, Standing::OnFirstUse));
        assert!(agreed.store.names("shop").unwrap().is_empty(), "nothing was kept");
        assert!(matches!(agreed.look("db", &keyring("bank/db", Some(24))).await, Standing::Missing(_)));
        assert!(matches!(agreed.look("db", &keyring("db", None)).await, Standing::Missing(_)));
        agreed.store.set("shop", "db", &SecretValue::new(b"x".to_vec())).unwrap();
        assert!(matches!(agreed.look("db", &keyring("db", None)).await, Standing::Present(_)));
        let mark = folder.path().join("ran");
        let command = SecretSource {
            command: Some(vec!["touch".to_owned(), mark.display().to_string()]),
            ..SecretSource::default()
        };
        assert!(matches!(agreed.look("s", &command).await, Standing::NotAsked));
        let refusing = resolver(folder.path(), Commands::Refused);
        assert!(matches!(refusing.look("s", &command).await, Standing::Missing(SecretError::NoConsent { .. })));
        assert!(!mark.exists());
        let prompt = SecretSource { prompt: Some("Which?".to_owned()), ..SecretSource::default() };
        assert!(matches!(agreed.look("s", &prompt).await, Standing::Asked(SecretError::NotTyped { .. })));
        let kept = SecretSource { prompt: Some("Which?".to_owned()), ..keyring("none", None) };
        assert!(matches!(agreed.look("s", &kept).await, Standing::Asked(SecretError::NoEntry { .. })));
        let variable = SecretSource { environment: Some("NONE".to_owned()), ..SecretSource::default() };
        assert!(matches!(agreed.look("s", &variable).await, Standing::Missing(SecretError::NoVariable { .. })));
    }

    #[test]
    fn each_source_has_its_words() {
        let words = |source: &SecretSource| origin(source, Path::new("/shop"));
        let file = |path: &str| SecretSource { file: Some(path.to_owned()), ..SecretSource::default() };
        assert_eq!(words(&keyring("db", None)), "entry db");
        assert_eq!(words(&file("/shop/key")), "file key");
        assert_eq!(words(&file("/etc/key")), "file /etc/key");
        assert_eq!(words(&SecretSource::default()), "nowhere");
    }
}
