//! `devup ports`

use super::context::Context;
use super::exit::Exit;
use crate::app::error::Result;
use crate::app::ports;
use crate::state::store::State;
use crate::ui::ports::address;
use crate::ui::table::Table;

const EXAMPLES: &str = "\
Examples:
  devup ports            the ports of this project
  devup ports --all      and of every other one
  devup ports --reset    forget them: the next `devup up` chooses anew, beginning with what the spec says";

/// Arguments of `ports`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Ports of every project
    #[arg(short, long)]
    all: bool,
    /// Forget what was chosen for this project
    #[arg(long, conflicts_with = "all")]
    reset: bool,
}

/// Lists or forgets chosen ports.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let state = State::open(context.request()?.layout)?;
    let project = if arguments.all { None } else { Some(context.project()?.name) };
    if arguments.reset {
        state.forget_ports(project.as_deref().unwrap_or_default())?;
        context.screen.say("Forgotten. The next `devup up` chooses anew.");
        return Ok(Exit::DONE);
    }
    let lines = ports::list(&state, project.as_deref())?;
    if context.global.json {
        context.screen.json_pretty(&lines)?;
        return Ok(Exit::DONE);
    }
    let mut table = Table::new(["PROJECT", "SERVICE", "ADDRESS", "INSIDE", "SPEC"]);
    for line in &lines {
        let moved = line.wanted != "any" && line.wanted != line.port.to_string() && !line.wanted.contains('-');
        let spec = if moved { format!("{} (moved)", line.wanted) } else { line.wanted.clone() };
        let address = address(&line.host_ip, &line.port.to_string());
        table.row([line.project.clone(), line.service.clone(), address, line.target.clone(), spec]);
    }
    context.screen.answer(&table.render())?;
    Ok(Exit::DONE)
}
