//! `devup attach`

use std::time::Duration;

use super::context::Context;
use super::exit::Exit;
use super::session::{self, Inside, Wires};
use crate::app::error::{AppError, Result};
use crate::app::exec::{self, Target};
use crate::app::wiring::Engine;
use crate::driver::session::AttachRequest;
use crate::ui::terminal;
use crate::ui::text::clean;

const EXAMPLES: &str = "\
Examples:
  devup attach web                      see and type what its own program prints and reads
  devup attach --no-stdin web           only look
  devup attach --sig-proxy=false web    Ctrl-C leaves, and web goes on

The exit code is the program's own. With a terminal inside, Ctrl-P Ctrl-Q leaves and lets it go on.";

/// Arguments of `attach`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Keys that leave it, instead of ctrl-p,ctrl-q
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    /// The container with this number
    #[arg(long, value_name = "N")]
    index: Option<u32>,
    /// Don't pass on standard input
    #[arg(long)]
    no_stdin: bool,
    /// Pass signals on to the program (done anyway, but for `--sig-proxy=false`)
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true",
          action = clap::ArgAction::Set, value_name = "BOOL")]
    sig_proxy: bool,
    /// The service
    service: String,
}

/// How long the engine may need from the end of a program's output to saying that it ended. What goes on longer was left
/// by the keys for it.
const SETTLING: Duration = Duration::from_secs(2);

/// Connects with a container's own program.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let project = context.project()?;
    context.block_on(async {
        let engine = context.engine().await?;
        let target = Target { service: arguments.service.clone(), index: arguments.index };
        let container = exec::find(&engine, &project, &target).await?;
        if context.global.dry_run {
            return Err(AppError::usage("attach has nothing to show beforehand").help("leave --dry-run out"));
        }
        let request = AttachRequest { stdin: !arguments.no_stdin, detach_keys: arguments.detach_keys.clone() };
        let session = engine.sessions.attach(&container.id, &request).await?;
        if session.tty && request.stdin && !terminal::stdin_is_one() {
            let message = format!("{} has a terminal, and standard input here is none", container.name);
            return Err(AppError::failed(message).help("devup attach --no-stdin"));
        }
        let wires = Wires { tty: session.tty, stdin: request.stdin, signals: arguments.sig_proxy };
        session::join(&engine, session, Inside::Container, wires).await?;
        match ended(&engine, &container.id, wires).await? {
            Some(code) => Ok(Exit::program(code)),
            None => {
                context.screen.say(&format!("left {}: it goes on", clean(&container.name)));
                Ok(Exit::DONE)
            }
        }
    })
}

/// The code that the program ended with; `None`: it goes on, and the user left it.
async fn ended(engine: &Engine, id: &str, wires: Wires) -> Result<Option<i64>> {
    let end = engine.containers.wait(id);
    if wires.tty && wires.stdin {
        let Ok(code) = tokio::time::timeout(SETTLING, end).await else { return Ok(None) };
        return Ok(Some(code?));
    }
    Ok(Some(end.await?))
}
