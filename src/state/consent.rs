//! Consent as it is kept: to exactly which list of capabilities and which scripts, for which folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::{State, StateError};

/// What the user agreed to for one folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Digest over the list and the scripts' bytes; the answer holds for nothing else.
    pub digest: String,
    /// The list as it was shown, for the difference when it changes.
    pub capabilities: Vec<String>,
    /// Digest of each script of the host that the list names.
    pub scripts: BTreeMap<PathBuf, String>,
    /// When.
    pub given: Timestamp,
}

/// All consent given, by the project's folder.
pub type Consents = BTreeMap<PathBuf, Consent>;

impl State {
    /// Everything that was agreed to.
    pub fn consents(&self) -> Result<Consents, StateError> {
        self.read(&self.layout().trust())
    }

    /// What was agreed to for this folder.
    pub fn consent(&self, project: &Path) -> Result<Option<Consent>, StateError> {
        Ok(self.consents()?.remove(project))
    }

    /// Keeps an answer.
    pub fn keep_consent(&self, project: &Path, consent: Consent) -> Result<(), StateError> {
        self.update(&self.layout().trust(), |all: &mut Consents| all.insert(project.to_owned(), consent)).map(|_| ())
    }

    /// Takes consent back; says whether there was any.
    pub fn revoke_consent(&self, project: &Path) -> Result<bool, StateError> {
        if self.consent(project)?.is_none() {
            return Ok(false);
        }
        self.update(&self.layout().trust(), |all: &mut Consents| all.remove(project).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::store::temporary;

    #[test]
    fn consent_belongs_to_its_folder() {
        let (_folder, state) = temporary();
        let consent = Consent {
            digest: "d".to_owned(),
            capabilities: vec!["a".to_owned()],
            scripts: BTreeMap::new(),
            given: Timestamp::UNIX_EPOCH,
        };
        state.keep_consent(Path::new("/a"), consent.clone()).unwrap();
        assert_eq!(state.consent(Path::new("/a")).unwrap(), Some(consent));
        assert_eq!(state.consent(Path::new("/b")).unwrap(), None);
        assert!(state.revoke_consent(Path::new("/a")).unwrap());
        assert!(!state.revoke_consent(Path::new("/a")).unwrap());
    }
}
