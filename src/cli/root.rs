//! The tree of commands and the options they share.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};

use super::{
    attach, backup, commit, completions, config, cp, data, doctor, down, exec, export, images, init, inspect,
    lifecycle, logs, man, ports, projects, ps, restore, run, schema, secret, task, trust, uninstall, up, version,
    volume_helper, watch, watching, wipe,
};
use crate::ui::look::{Ansi, ProgressStyle};

const USAGE: &str = "devup [OPTIONS] [COMMAND]
       devup [OPTIONS] SOURCE [DIR]";

const EXAMPLES: &str = "\
Without a command, devup brings the project of this folder up. With a SOURCE (it has a `/` or a `:`, or begins with `.`)
it clones that first.

Examples:
  devup https://git.example/shop.git     from nothing to a running environment
  devup                                  after `git pull`: change what has to change
  devup plan                             what would that be?
  devup logs -f web                      follow a service
  devup exec web sh                      a shell in it
  devup down                             stop; the data stays

Exit codes: 0 done, 1 failed, 2 wrong command line, 3 no engine, 4 needs a decision, 20 changes pending (plan),
130 interrupted; `exec`, `run`, `task` and `wait` pass on the program's own code.";

/// One command from a repository to a running, production-like environment.
#[derive(Debug, Parser)]
#[command(
    name = "devup",
    version,
    override_usage = USAGE,
    after_help = EXAMPLES,
    allow_external_subcommands = true,
    disable_help_subcommand = false,
    args_override_self = true,
    max_term_width = 110
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The command; none: up.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command. Those with a short form stand before the command, as in Compose; the others anywhere.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Spec file; may be given several times, later files are merged over earlier ones [before the command]
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Project name [before the command]
    #[arg(short = 'p', long, value_name = "NAME")]
    pub project_name: Option<String>,
    /// The project's dev container, or the one called NAME, instead of another spec [env: `DEVUP_DEVCONTAINER`]
    #[arg(
        long,
        value_name = "NAME",
        global = true,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        env = "DEVUP_DEVCONTAINER",
        hide_env = true
    )]
    pub devcontainer: Option<String>,
    /// The project's folder, where it is not that of the first file
    #[arg(long, value_name = "DIR", global = true)]
    pub project_directory: Option<PathBuf>,
    /// Profile to enable; may be given several times
    #[arg(long = "profile", value_name = "PROFILE", global = true)]
    pub profiles: Vec<String>,
    /// File of variables instead of `.env`; may be given several times
    #[arg(long = "env-file", value_name = "FILE", global = true)]
    pub env_files: Vec<PathBuf>,
    /// A copy of the project beside others, with its own names, ports and data [env: DEVUP_INSTANCE]
    #[arg(long, value_name = "NAME", global = true, env = "DEVUP_INSTANCE", hide_env = true)]
    pub instance: Option<String>,
    /// Show what would be done, and do nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Answer every question with yes (never grants trust) [env: DEVUP_YES]
    #[arg(short = 'y', long, global = true, env = "DEVUP_YES", hide_env = true, value_parser = FalseyValueParser::new())]
    pub yes: bool,
    /// Grant what the spec asks of this machine, as listed by `devup trust --show` [env: DEVUP_TRUST]
    #[arg(long, global = true, env = "DEVUP_TRUST", hide_env = true, value_parser = FalseyValueParser::new())]
    pub trust: bool,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// How work under way is shown
    #[arg(long, value_enum, default_value_t, global = true, env = "COMPOSE_PROGRESS", hide_env = true)]
    pub progress: ProgressStyle,
    /// Control sequences in the output
    #[arg(long, value_enum, default_value_t, global = true, env = "COMPOSE_ANSI", hide_env = true)]
    pub ansi: Ansi,
    /// No colours [env: NO_COLOR]
    #[arg(long, alias = "no-colour", global = true)]
    pub no_color: bool,
    /// Networks and volumes that no service uses count, too
    #[arg(long, global = true)]
    pub all_resources: bool,
    /// Name containers and images as Compose 1 did: `shop_web_1` [env: `COMPOSE_COMPATIBILITY`]
    #[arg(long, global = true)]
    pub compatibility: bool,
    /// At most this many things at once; -1: no limit [before the command]
    #[arg(long, value_name = "N", allow_negative_numbers = true, env = "COMPOSE_PARALLEL_LIMIT", hide_env = true)]
    pub parallel: Option<i64>,
    /// Say more [before the command]
    #[arg(short, long)]
    pub verbose: bool,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the project up: converge, wait, return
    Up(up::Args),
    /// Show what `up` would do, and why
    Plan(up::PlanArgs),
    /// Stop and remove containers and networks; data stays
    Down(down::Args),
    /// Remove everything of the project, data too
    Destroy(down::DestroyArgs),
    /// Build images and make containers anew; data stays
    Rebuild(up::RebuildArgs),
    /// Create containers, and start nothing
    Create(up::CreateArgs),
    /// Change how many containers a service has
    Scale(up::ScaleArgs),
    /// Build the images of services
    Build(images::BuildArgs),
    /// Fetch the images of services
    Pull(images::PullArgs),
    /// Send the images of services to their registries
    Push(images::PushArgs),
    /// List containers
    Ps(ps::Args),
    /// List containers, and say where the project's backups stand
    Status(ps::Args),
    /// Show what containers print
    Logs(logs::Args),
    /// Stop containers, and keep them
    Stop(lifecycle::StopArgs),
    /// Start containers that were stopped
    Start(lifecycle::Args),
    /// Stop containers and start them again
    Restart(lifecycle::RestartArgs),
    /// Freeze containers
    Pause(lifecycle::Args),
    /// Go on with frozen containers
    Unpause(lifecycle::Args),
    /// Send containers a signal
    Kill(lifecycle::KillArgs),
    /// Remove stopped containers
    Rm(lifecycle::RmArgs),
    /// Run a program in a container of its own
    Run(run::Args),
    /// Run a program in a container that runs
    Exec(exec::Args),
    /// Connect this terminal with a container's own program
    Attach(attach::Args),
    /// Open a shell in a container that runs
    #[command(visible_alias = "sh")]
    Shell(exec::ShellArgs),
    /// Run a task of the spec
    Task(task::Args),
    /// Copy files between a container and the host
    Cp(cp::Args),
    /// Make an image out of a container as it is now
    Commit(commit::Args),
    /// Write a container's files as a tar archive
    Export(export::Args),
    /// Show the processes in containers
    Top(inspect::TopArgs),
    /// Show how much containers use
    Stats(watching::StatsArgs),
    /// Show what happens, as it happens
    Events(watching::EventsArgs),
    /// Show where a port is published
    Port(inspect::PortArgs),
    /// List the images that containers were made from
    Images(inspect::ImagesArgs),
    /// List volumes
    Volumes(inspect::VolumesArgs),
    /// List the Compose projects on this engine
    Ls(inspect::LsArgs),
    /// Follow the project's files: copy, restart, rebuild as they change
    Watch(watch::Args),
    /// Wait until services end
    Wait(watching::WaitArgs),
    /// Check the spec and print it as devup reads it
    Config(config::Args),
    /// Print the JSON Schema of devup.yaml
    Schema(schema::Args),
    /// Print the completions of a shell
    Completions(completions::Args),
    /// Say whether this machine is fit for devup, and mend it
    Doctor(doctor::Args),
    /// Show the ports of the host that were chosen
    Ports(ports::Args),
    /// List every project of this machine
    Projects(projects::Args),
    /// Keep secrets for the project
    Secret(secret::Args),
    /// Back up what cannot be made again, to encrypted repositories
    Backup(backup::Args),
    /// Save the project's data under a name, and get it back
    Data(data::Args),
    /// Get back what was backed up
    Restore(restore::Args),
    /// Allow what the spec asks of this machine
    Trust(trust::Args),
    /// Remove every trace of devup
    Uninstall(uninstall::Args),
    /// Remove devup's things if nothing would be lost; or only check that
    Wipe(wipe::Args),
    /// Make a spec from what a folder holds, or a project from a template
    Init(init::Args),
    /// Print the manual page
    Man(man::Args),
    /// Print devup's version
    Version(version::Args),
    /// Serve the files of a volume to the devup outside.
    #[command(name = crate::volume::beside::COMMAND, hide = true)]
    VolumeHelper(volume_helper::Args),
    /// Thaw what a devup that ended left frozen.
    #[command(name = crate::app::frozen::COMMAND, hide = true)]
    ThawGuard,
    /// A SOURCE, or a misspelt command.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_tree_is_sound() {
        Cli::command().debug_assert();
    }

    /// clap takes an argument of a command for a shared option of the same id, whatever its type.
    #[test]
    fn no_command_has_an_argument_that_is_named_as_a_shared_option() {
        let tree = Cli::command();
        let shared: Vec<&str> = tree.get_arguments().map(|argument| argument.get_id().as_str()).collect();
        for command in tree.get_subcommands() {
            for argument in command.get_arguments() {
                assert!(!shared.contains(&argument.get_id().as_str()), "{} {}", command.get_name(), argument.get_id());
            }
        }
    }
}
