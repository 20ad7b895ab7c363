//! Servers that devup does not know: the spec names the programs that give and take their data.

use super::error::Result;
use super::program::Inside;
use super::server::Stored;
use super::stream::{About, Database, Dump, Stream};
use crate::model::backup::Commands;

/// The one stream of such a dump.
const DATA: &str = "data";

/// Whether the service is ready, by its own word where it has one.
pub(super) fn answers(inside: &Inside, commands: &Commands) -> bool {
    commands.check.is_empty() || check(inside, commands).is_ok()
}

fn check(inside: &Inside, commands: &Commands) -> Result<()> {
    inside.output(&format!("running `backup.command.check` of {}", inside.service), &commands.check).map(drop)
}

/// Makes ready to dump. Nothing is known of how such a dump begins and ends: that it is there, and the program's verdict,
/// has to do.
pub(super) fn dump(inside: &Inside, commands: &Commands) -> Dump {
    let database = Database { name: DATA.to_owned(), stream: DATA.to_owned(), ..Database::default() };
    let about = About { server: "command".to_owned(), databases: vec![database], ..About::default() };
    let stream = Stream { name: DATA.to_owned(), command: commands.dump.clone(), begins: &[b""], ends: b"" };
    Dump::of(inside.clone(), about, vec![stream])
}

/// Hands over what was dumped; the service has to be ready afterwards.
pub(super) fn load(inside: &Inside, commands: &Commands, stored: Stored<'_>) -> Result<()> {
    let attempt = format!("running `backup.command.load` of {}", inside.service);
    stored(DATA, &mut |pieces| inside.feed(&attempt, &commands.load, pieces))?;
    if commands.check.is_empty() { Ok(()) } else { check(inside, commands) }
}
