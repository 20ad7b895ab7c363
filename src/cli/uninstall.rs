//! `devup uninstall`

use super::context::Context;
use super::exit::Exit;
use super::schedule;
use crate::app::error::Result;
use crate::app::uninstall::{self, Traces};
use crate::state::store::State;
use crate::ui::text::clean;

const EXAMPLES: &str = "\
Removes containers, networks, volumes (with their data) and images that devup made, secrets that it kept, and its own
folders.
Backup repositories stay: the words of the recovery sheet open them. The program itself stays, too; the last line says where
it is.

Examples:
  devup uninstall --dry-run    only show what would go
  devup uninstall              show it, ask, remove it";

/// Arguments of `uninstall`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {}

/// Shows everything of devup, asks, and removes it.
pub fn run(_: &Args, context: &Context) -> Result<Exit> {
    let state = State::open(context.request()?.layout)?;
    let engine = context.block_on(context.engine());
    if let Err(error) = &engine {
        context.screen.warn(&format!("what is on the engine stays: {error}"));
    }
    let engine = engine.as_ref().ok();
    let traces = context.block_on(uninstall::look(&state, engine))?;
    if context.global.json {
        context.screen.json_pretty(&traces)?;
    } else {
        context.screen.answer(&text(&traces))?;
    }
    if context.global.dry_run || traces.is_empty() {
        return Ok(Exit::DONE);
    }
    context.confirm("Remove all of this? Data in the volumes is lost.", "devup uninstall --yes")?;
    if let Err(error) = schedule::end(&state, context) {
        context.screen.warn(&format!("the timer of the automatic backups stays: {error}"));
    }
    let stay = context.block_on(uninstall::remove(&state, engine, &traces))?;
    for image in stay {
        context.screen.warn(&format!("image {} stays: something that is not devup's uses it", clean(&image)));
    }
    if let Ok(program) = std::env::current_exe() {
        context.screen.say(&format!("Done. The program itself is {}", program.display()));
    }
    Ok(Exit::DONE)
}

fn text(traces: &Traces) -> String {
    let folders: Vec<String> = traces.folders.iter().map(|folder| folder.display().to_string()).collect();
    let mut out = String::new();
    for (what, names) in [
        ("container", &traces.containers),
        ("network", &traces.networks),
        ("volume", &traces.volumes),
        ("image", &traces.images),
        ("secret", &traces.secrets),
        ("folder", &folders),
    ] {
        out.extend(names.iter().map(|name| format!("{what:<9} {}\n", clean(name))));
    }
    if out.is_empty() { "There is nothing of devup here.\n".to_owned() } else { out }
}
