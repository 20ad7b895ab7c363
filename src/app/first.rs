//! The first repository of a machine: the first `up` that changes something makes it by itself, so that there is a place for
//! what is saved before it goes. Said once; where it takes a person, said once and left.

use jiff::Timestamp;
use serde::Serialize;

use super::error::{AppError, Result};
use super::request::Request;
use super::vaults::{self, Keys, Nobody};
use crate::backup::address::Address;
use crate::base::lock::{Attempt, Lock};
use crate::state::store::State;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum First {
    /// It is there now.
    Made {
        /// What it is called.
        name: String,
        /// Where it lies.
        place: String,
    },
    /// There is none: why.
    Left {
        /// The reason.
        why: String,
    },
}

/// Makes it where there is none and nobody was told so yet. `None`: there is nothing to do or to say. Runs of a CI service
/// begin on a machine that is thrown away: nothing is made there, and nothing said.
pub fn first(request: &Request) -> Result<Option<First>> {
    if is_ci(request.spec.environment.get("CI").map(String::as_str)) {
        return Ok(None);
    }
    let state = State::open(request.layout.clone())?;
    if state.told_of_backups()? || !vaults::settings(&state)?.repositories.is_empty() {
        return Ok(None);
    }
    let lock = Lock::try_take(&request.layout.lock(".first-backup"));
    // another devup is about to make it, and will say so
    let Attempt::Taken(_lock) = lock.map_err(|error| AppError::failed(error.to_string()))? else { return Ok(None) };
    if !vaults::settings(&state)?.repositories.is_empty() {
        return Ok(None);
    }
    let come = match vaults::has_keyring(&state) {
        Ok(true) => make(&state, request),
        Ok(false) => First::Left { why: "no keyring answers here that could keep its passphrase".to_owned() },
        Err(error) => First::Left { why: error.to_string() },
    };
    state.note_told_of_backups(Timestamp::now())?;
    Ok(Some(come))
}

fn make(state: &State, request: &Request) -> First {
    // coming up is not the time to ask anybody
    let keys = Keys { origin: None, person: &Nobody };
    match vaults::init(state, &Address::Folder(vaults::usual_place(request)), None, &keys) {
        Ok(made) => First::Made { name: made.name, place: made.repository },
        Err(error) => First::Left { why: error.to_string() },
    }
}

/// As CI services set it.
fn is_ci(variable: Option<&str>) -> bool {
    variable.is_some_and(|value| !matches!(value, "" | "0" | "false"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_services_say_so_in_a_variable() {
        for (value, wanted) in
            [(None, false), (Some(""), false), (Some("false"), false), (Some("true"), true), (Some("1"), true)]
        {
            assert_eq!(is_ci(value), wanted, "{value:?}");
        }
    }
}
