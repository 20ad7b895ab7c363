//! Work on its way back from a backup: which folders a restore has begun to write, and which it has finished, so that an
//! interrupted one is begun anew and a finished one is not done again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::store::{State, StateError};

/// How far a restore came with one folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// The snapshot that it comes from.
    pub snapshot: String,
    /// Everything is there; until then what lies in the folder is half of it.
    pub done: bool,
}

/// All of them, by the folder.
pub type Returns = BTreeMap<PathBuf, Returned>;

impl State {
    /// How far a restore came with this folder.
    pub fn returned(&self, folder: &Path) -> Result<Option<Returned>, StateError> {
        Ok(self.read::<Returns>(&self.layout().returns())?.remove(folder))
    }

    /// Notes that the folder is written now, or that all of it is there.
    pub fn note_return(&self, folder: &Path, returned: Returned) -> Result<(), StateError> {
        self.update(&self.layout().returns(), |all: &mut Returns| all.insert(folder.to_owned(), returned)).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::store::temporary;

    #[test]
    fn a_return_is_begun_and_done() {
        let (_folder, state) = temporary();
        let shop = Path::new("/home/ada/shop");
        assert_eq!(state.returned(shop).unwrap(), None);
        for done in [false, true] {
            let returned = Returned { snapshot: "1a2b3c4d".to_owned(), done };
            state.note_return(shop, returned.clone()).unwrap();
            assert_eq!(state.returned(shop).unwrap(), Some(returned));
        }
    }
}
