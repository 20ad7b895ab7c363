//! `devup task`

use super::context::Context;
use super::exec;
use super::exit::Exit;
use super::session;
use crate::app::error::{AppError, Result};
use crate::app::exec::Target;
use crate::app::task;
use crate::ui::table::Table;

const EXAMPLES: &str = "\
Examples:
  devup task --list             what there is
  devup task test               run one
  devup task test -- -k login   with further arguments

The exit code is that of the task.";

/// Arguments of `task`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// List the tasks of the spec
    #[arg(short, long, conflicts_with = "name")]
    list: bool,
    /// In the container with this number
    #[arg(long, value_name = "N")]
    index: Option<u32>,
    /// No terminal for the program
    #[arg(short = 'T', long = "no-tty", visible_alias = "no-TTY")]
    no_tty: bool,
    /// The task
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// Further arguments of its command
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    arguments: Vec<String>,
}

/// Runs a task, or lists all.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let project = context.project()?;
    let Some(name) = arguments.name.as_deref().filter(|_| !arguments.list) else {
        return list(context, &task::list(project.environment()?));
    };
    let task = task::find(&project, name)?;
    let request = task::request(task, &arguments.arguments, session::wants_tty(arguments.no_tty))?;
    if context.global.dry_run {
        return Err(AppError::usage("task has nothing to show beforehand")
            .help("`devup task --list` shows the command of each task"));
    }
    let target = Target { service: task.service.clone(), index: arguments.index };
    exec::perform(context, &project, Some(target), &request)
}

fn list(context: &Context, tasks: &[task::Listed]) -> Result<Exit> {
    if context.global.json {
        context.screen.json_pretty(&tasks)?;
        return Ok(Exit::DONE);
    }
    if tasks.is_empty() {
        context.screen.say("The spec has no tasks: they stand under `tasks:` of devup.yaml.");
        return Ok(Exit::DONE);
    }
    let mut table = Table::new(["NAME", "SERVICE", "STAGE", "DESCRIPTION"]);
    for task in tasks {
        let what = task.description.clone().unwrap_or_else(|| task.run.lines().next().unwrap_or_default().to_owned());
        table.row([task.name.clone(), task.service.clone(), task.stage.clone().unwrap_or_default(), what]);
    }
    context.screen.answer(&table.render())?;
    Ok(Exit::DONE)
}
