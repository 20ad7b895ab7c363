//! One file per command: clap arguments → app request → view.
//!
//! A new command is a file with an `Args` struct and a `run`, a variant of [`root::Command`] and an arm in
//! [`dispatch`]. Errors are returned as [`AppError`]; the exit code is decided in [`exit`] alone.

mod ask;
mod attach;
mod back;
mod back_data;
mod backup;
mod before;
mod commit;
mod completions;
mod config;
pub mod context;
mod converge;
mod cp;
mod data;
mod data_file;
mod doctor;
mod down;
mod drill;
mod exec;
pub mod exit;
mod export;
mod first;
mod images;
mod init;
mod inspect;
mod keys;
mod lifecycle;
mod logs;
mod man;
mod moment;
mod perform;
mod ports;
mod projects;
mod ps;
mod raise;
mod restore;
pub mod root;
mod run;
mod schedule;
mod schema;
mod secret;
mod session;
mod sheet;
mod sheets;
mod stay;
mod switch;
mod task;
mod thaw_guard;
mod trust;
mod uninstall;
mod up;
mod usage;
mod version;
mod volume_helper;
mod watch;
mod watching;
mod wipe;
mod word;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser};

use crate::app::error::Result;
use crate::ui::fault;
use context::Context;
use exit::Exit;
use root::{Cli, Command};

/// Runs the program with this process's arguments.
pub fn main() -> ExitCode {
    let arguments = switch::plain(std::env::args_os().collect(), Cli::command);
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage::refuse(&error, &arguments),
    };
    let mut context = Context::new(cli.global);
    let exit = match dispatch(cli.command, &mut context) {
        Ok(exit) => exit,
        Err(error) => {
            fault::show(&context.screen, &error);
            Exit::of(&error)
        }
    };
    exit.into()
}

/// Runs the command. Behind a SOURCE there may be more shared options: they become the context's.
fn dispatch(command: Option<Command>, context: &mut Context) -> Result<Exit> {
    match command {
        None => {
            init::offer(context)?;
            up::run(&up::Args::default(), context)
        }
        Some(Command::Up(arguments)) => up::run(&arguments, context),
        Some(Command::Plan(arguments)) => up::plan(&arguments, context),
        Some(Command::Create(arguments)) => up::create(&arguments, context),
        Some(Command::Rebuild(arguments)) => up::rebuild(&arguments, context),
        Some(Command::Scale(arguments)) => up::scale(&arguments, context),
        Some(Command::Down(arguments)) => down::run(&arguments, context),
        Some(Command::Destroy(arguments)) => down::destroy(&arguments, context),
        Some(Command::Build(arguments)) => images::build(&arguments, context),
        Some(Command::Pull(arguments)) => images::pull(&arguments, context),
        Some(Command::Push(arguments)) => images::push(&arguments, context),
        Some(Command::Ps(arguments)) => ps::run(&arguments, context),
        Some(Command::Status(arguments)) => ps::status(&arguments, context),
        Some(Command::Logs(arguments)) => logs::run(&arguments, context),
        Some(Command::Stop(arguments)) => lifecycle::stop(&arguments, context),
        Some(Command::Start(arguments)) => lifecycle::start(&arguments, context),
        Some(Command::Restart(arguments)) => lifecycle::restart(&arguments, context),
        Some(Command::Pause(arguments)) => lifecycle::pause(&arguments, context),
        Some(Command::Unpause(arguments)) => lifecycle::unpause(&arguments, context),
        Some(Command::Kill(arguments)) => lifecycle::kill(&arguments, context),
        Some(Command::Rm(arguments)) => lifecycle::rm(&arguments, context),
        Some(Command::Run(arguments)) => run::run(&arguments, context),
        Some(Command::Exec(arguments)) => exec::run(&arguments, context),
        Some(Command::Attach(arguments)) => attach::run(&arguments, context),
        Some(Command::Shell(arguments)) => exec::shell(&arguments, context),
        Some(Command::Task(arguments)) => task::run(&arguments, context),
        Some(Command::Cp(arguments)) => cp::run(&arguments, context),
        Some(Command::Commit(arguments)) => commit::run(&arguments, context),
        Some(Command::Export(arguments)) => export::run(&arguments, context),
        Some(Command::Top(arguments)) => inspect::top(&arguments, context),
        Some(Command::Stats(arguments)) => watching::stats(&arguments, context),
        Some(Command::Events(arguments)) => watching::events(&arguments, context),
        Some(Command::Port(arguments)) => inspect::port(&arguments, context),
        Some(Command::Images(arguments)) => inspect::images(&arguments, context),
        Some(Command::Volumes(arguments)) => inspect::volumes(&arguments, context),
        Some(Command::Ls(arguments)) => inspect::ls(&arguments, context),
        Some(Command::Watch(arguments)) => watch::run(&arguments, context),
        Some(Command::Wait(arguments)) => watching::wait(&arguments, context),
        Some(Command::Config(arguments)) => config::run(&arguments, context),
        Some(Command::Schema(arguments)) => schema::run(&arguments, context),
        Some(Command::Completions(arguments)) => completions::run(&arguments, context),
        Some(Command::Doctor(arguments)) => doctor::run(&arguments, context),
        Some(Command::Ports(arguments)) => ports::run(&arguments, context),
        Some(Command::Projects(arguments)) => projects::run(&arguments, context),
        Some(Command::Secret(arguments)) => secret::run(&arguments, context),
        Some(Command::Backup(arguments)) => backup::run(&arguments, context),
        Some(Command::Data(arguments)) => data::run(&arguments, context),
        Some(Command::Restore(arguments)) => restore::run(&arguments, context),
        Some(Command::Trust(arguments)) => trust::run(&arguments, context),
        Some(Command::Uninstall(arguments)) => uninstall::run(&arguments, context),
        Some(Command::Wipe(arguments)) => wipe::run(&arguments, context),
        Some(Command::Init(arguments)) => init::run(&arguments, context),
        Some(Command::Man(arguments)) => man::run(&arguments, context),
        Some(Command::Version(arguments)) => version::run(&arguments, context),
        Some(Command::VolumeHelper(arguments)) => volume_helper::run(&arguments),
        Some(Command::ThawGuard) => thaw_guard::run(context),
        // a fresh or known clone is brought up as if one had typed `devup` in it
        Some(Command::Other(words)) => {
            word::run(&words, context)?;
            dispatch(None, context)
        }
    }
}
