//! `devup projects`

use super::context::Context;
use super::exit::Exit;
use crate::app::error::Result;
use crate::app::projects;
use crate::driver::container::Scope;
use crate::state::store::State;
use crate::ui::table::Table;

/// Arguments of `projects`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devup projects\n  devup projects --json")]
pub struct Args {}

/// Lists the projects of this machine, those of Compose too.
pub fn run(_: &Args, context: &Context) -> Result<Exit> {
    let state = State::open(context.request()?.layout)?;
    let everyone = context.block_on(async {
        let engine = context.engine().await?;
        Ok(engine.containers.containers(&Scope::AllProjects).await?)
    });
    if let Err(error) = &everyone {
        context.screen.warn(&format!("states are unknown: {error}"));
    }
    let lines = projects::list(&state, everyone.as_deref().ok())?;
    if context.global.json {
        context.screen.json_pretty(&lines)?;
        return Ok(Exit::DONE);
    }
    let mut table = Table::new(["NAME", "STATE", "LAST USED", "PATH"]);
    for line in &lines {
        let state = match (everyone.is_ok(), line.running, line.containers) {
            (false, ..) => "unknown".to_owned(),
            (true, _, 0) => "down".to_owned(),
            (true, 0, containers) => format!("stopped ({containers})"),
            (true, running, containers) => format!("running ({running}/{containers})"),
        };
        let used = line.last_used.map(|at| at.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default();
        let gone = if line.exists { "" } else { " (gone)" };
        let path = line.path.as_ref().map(|path| format!("{}{gone}", path.display())).unwrap_or_default();
        table.row([line.name.clone(), state, used, path]);
    }
    context.screen.answer(&table.render())?;
    Ok(Exit::DONE)
}
