//! A Vagrantfile → a spec. The file is read, never run: a reader of the part of Ruby that such files are written in
//! ([`lex`], [`parse`]), which is worked out as far as it depends on nothing outside ([`eval`], [`methods`]), gives
//! machines ([`machine`]; `configure` says what each statement sets). Each machine becomes a service that waits to be entered ([`map`]); its provisioners become
//! steps ([`script`]). What could not be read is told with its line.

pub mod boxes;
mod configure;
pub mod eval;
pub mod lex;
pub mod machine;
pub mod map;
pub mod methods;
pub mod parse;
pub mod script;
mod strings;
pub mod syntax;
pub mod value;

use super::{Blocks, ImportError, Proposal, Snapshot};

/// The file.
pub const NAME: &str = "Vagrantfile";

/// A spec of the project's Vagrantfile.
pub fn propose(snapshot: &Snapshot, blocks: &Blocks) -> Result<Proposal, ImportError> {
    if !snapshot.has(NAME) {
        return Err(ImportError::Missing(NAME));
    }
    let text = snapshot.text(NAME).ok_or_else(|| ImportError::Unreadable {
        file: NAME.to_owned(),
        reason: "it is too large for a Vagrantfile".to_owned(),
    })?;
    let file = eval::evaluate(text, &|path| snapshot.has(path) || snapshot.has_folder(path));
    Ok(map::proposal(&file, snapshot, blocks))
}

#[cfg(test)]
mod tests;
