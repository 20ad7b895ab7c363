//! `devup exec` and `devup shell`

use super::context::Context;
use super::exit::Exit;
use super::session::{self, Inside, Wires};
use crate::app::development;
use crate::app::error::{AppError, Result};
use crate::app::exec::{self, Target};
use crate::app::project::Project;
use crate::driver::session::ExecRequest;

const EXAMPLES: &str = "\
Examples:
  devup exec web sh                            a shell
  devup exec -T db pg_dump shop > shop.sql     output into a file
  devup exec -T db psql shop < shop.sql        input from one
  devup exec -e DEBUG=1 -u 1000 web pytest -x  everything after the service is the command

The exit code is the program's own.";

const SHELL_EXAMPLES: &str = "\
Examples:
  devup shell           in the first service that runs
  devup shell web       in this one: bash or zsh where it has them, else sh";

/// Options that both share.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Inner {
    /// Variable for the program: NAME=value, or NAME to pass on its value here
    #[arg(short, long = "env", value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// The container with this number
    #[arg(long, value_name = "N")]
    index: Option<u32>,
    /// As this user
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// In this folder
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
}

/// Arguments of `exec`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Start it and leave it
    #[arg(short, long)]
    detach: bool,
    /// No terminal for the program
    #[arg(short = 'T', long = "no-tty", visible_alias = "no-TTY")]
    no_tty: bool,
    /// Pass on standard input (done anyway, but for `--interactive=false`)
    #[arg(short, long, hide = true, num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", action = clap::ArgAction::Set, value_name = "BOOL")]
    interactive: bool,
    /// A terminal for the program: it has one wherever this is one; accepted for `-it`
    #[arg(short, long, hide = true)]
    tty: bool,
    /// All rights for the program
    #[arg(long)]
    privileged: bool,
    #[command(flatten)]
    inner: Inner,
    /// The service
    service: String,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Arguments of `shell`.
#[derive(Debug, clap::Args)]
#[command(after_help = SHELL_EXAMPLES)]
pub struct ShellArgs {
    #[command(flatten)]
    inner: Inner,
    /// The service; the first one that runs where none is named
    service: Option<String>,
}

/// Runs a program in a container.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let tty = !arguments.detach && session::wants_tty(arguments.no_tty);
    let request = ExecRequest {
        command: arguments.command.clone(),
        tty,
        stdin: !arguments.detach && arguments.interactive,
        privileged: arguments.privileged,
        detach: arguments.detach,
        ..inner_request(&arguments.inner)
    };
    let target = Target { service: arguments.service.clone(), index: arguments.inner.index };
    perform(context, &context.project()?, Some(target), &request)
}

/// Runs a shell in a container.
pub fn shell(arguments: &ShellArgs, context: &Context) -> Result<Exit> {
    let request = ExecRequest {
        command: exec::shell_command(),
        tty: session::wants_tty(false),
        stdin: true,
        ..inner_request(&arguments.inner)
    };
    let index = arguments.inner.index;
    let target = arguments.service.clone().map(|service| Target { service, index });
    perform(context, &context.project()?, target, &request)
}

fn inner_request(inner: &Inner) -> ExecRequest {
    ExecRequest {
        user: inner.user.clone(),
        working_dir: inner.workdir.clone(),
        environment: variables(&inner.env),
        ..ExecRequest::default()
    }
}

/// `NAME` alone passes this process's value on, where it has one.
pub fn variables(given: &[String]) -> Vec<String> {
    given
        .iter()
        .filter_map(|entry| {
            if entry.contains('=') {
                return Some(entry.clone());
            }
            std::env::var(entry).ok().map(|value| format!("{entry}={value}"))
        })
        .collect()
}

/// Runs it in front of the user; `target`: none is the first service that runs.
pub fn perform(context: &Context, project: &Project, target: Option<Target>, request: &ExecRequest) -> Result<Exit> {
    context.block_on(async {
        let engine = context.engine().await?;
        let target = match target {
            Some(target) => target,
            None => exec::first_running(&engine, project).await?,
        };
        let container = exec::find(&engine, project, &target).await?;
        if context.global.dry_run {
            return Err(AppError::usage("exec has nothing to show beforehand").help("leave --dry-run out"));
        }
        let request = &development::as_person(&engine, project, &container, request.clone()).await?;
        let started = exec::exec(&engine, &container, request).await?;
        if request.detach {
            return Ok(Exit::DONE);
        }
        let id = started.id.clone();
        let wires = Wires { tty: request.tty, stdin: request.stdin, signals: true };
        session::join(&engine, started, Inside::Exec, wires).await?;
        Ok(Exit::program(exec::exit_code(&engine, &id).await?))
    })
}
