//! What this machine calls itself where a name would not do: several machines may have the same.

use serde::{Deserialize, Serialize};

use super::store::{State, StateError};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Machine {
    id: Option<String>,
}

impl State {
    /// What this machine calls itself; `fresh` from the first time on.
    pub fn machine(&self, fresh: &str) -> Result<String, StateError> {
        let path = self.layout().machine();
        if let Machine { id: Some(id) } = self.read(&path)? {
            return Ok(id);
        }
        self.update(&path, |machine: &mut Machine| machine.id.get_or_insert_with(|| fresh.to_owned()).clone())
    }
}

#[cfg(test)]
mod tests {
    use crate::state::store::temporary;

    #[test]
    fn the_first_name_stays() {
        let (_folder, state) = temporary();
        assert_eq!(state.machine("a").unwrap(), "a");
        assert_eq!(state.machine("b").unwrap(), "a");
    }
}
