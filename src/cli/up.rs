//! `devup`, `devup up` and its kin: `create`, `scale`, `rebuild`; and `plan`.

use std::time::Duration;

use super::context::Context;
use super::converge::{Converge, converge, converge_and, scale_of, show_plan, with_variables};
use super::exit::Exit;
use super::stay::Stay;
use crate::app::dotfiles;
use crate::app::error::Result;
use crate::app::project::Project;
use crate::app::stay::{Shown, Until};
use crate::base::clock::{Clock, SystemClock};
use crate::plan::Wait;
use crate::ui;

const EXAMPLES: &str = "\
Examples:
  devup                         converge, wait until everything is healthy, return
  devup up web                  only web and what it needs
  devup up --build              with images built anew
  devup up --scale worker=3     three workers
  devup up --strict-ports       a taken port is an error
  devup up --watch              stay, and follow the project's files";

/// Arguments of `up`.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    converge: Converge,
    /// Return when done; devup always does, unless attaching is asked for
    #[arg(short, long)]
    detach: bool,
    /// Wait until services run or are healthy; devup always does. With it, a service that ends is a failure
    #[arg(long)]
    wait: bool,
    /// At most so many seconds for each wait
    #[arg(long, value_name = "SECONDS")]
    wait_timeout: Option<u64>,
    /// Leave out what services depend on
    #[arg(long)]
    no_deps: bool,
    /// Make dependencies anew as well
    #[arg(long, conflicts_with = "no_recreate")]
    always_recreate_deps: bool,
    /// Create, and start nothing
    #[arg(long, conflicts_with_all = ["attach", "attach_dependencies", "watch", "abort_on_container_exit", "abort_on_container_failure", "exit_code_from"])]
    no_start: bool,
    #[command(flatten)]
    workplace: WorkplaceArgs,
    #[command(flatten)]
    stay: StayArgs,
}

/// Of dev containers.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct WorkplaceArgs {
    /// Of a dev container's commands, run only those that `waitFor` waits for; the next `up` runs the rest
    #[arg(long)]
    skip_non_blocking_commands: bool,
    /// The user's own files for dev containers: an address for git, or OWNER/NAME; '' for none
    #[arg(long, value_name = "URL")]
    dotfiles_repository: Option<String>,
    /// What installs them, in their repository
    #[arg(long, value_name = "FILE")]
    dotfiles_install_command: Option<String>,
    /// Where they are put, inside [default: ~/dotfiles]
    #[arg(long, value_name = "DIR")]
    dotfiles_target_path: Option<String>,
}

/// Staying with the services after they came up.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct StayArgs {
    /// Stay and show what this service prints, until Ctrl-C stops everything; may be given several times
    #[arg(long, value_name = "SERVICE", conflicts_with = "detach")]
    attach: Vec<String>,
    /// Stay and show what dependencies print too
    #[arg(long, conflicts_with_all = ["detach", "attach"])]
    attach_dependencies: bool,
    /// Don't show what this service prints; may be given several times
    #[arg(long, value_name = "SERVICE", conflicts_with = "detach")]
    no_attach: Vec<String>,
    /// Keys for actions while staying; accepted for scripts, devup has none
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    menu: Option<bool>,
    /// Stay until a container ends, stop the others, and pass on its exit code
    #[arg(long, conflicts_with = "detach")]
    abort_on_container_exit: bool,
    /// Stay until a container ends with another code than 0, stop the others, and pass on its exit code
    #[arg(long, conflicts_with = "detach")]
    abort_on_container_failure: bool,
    /// Stay until a container ends, stop the others, and pass on the exit code of this service
    #[arg(long, value_name = "SERVICE", conflicts_with = "detach")]
    exit_code_from: Option<String>,
    /// Stay, and follow the project's files as `devup watch` does
    #[arg(short, long, conflicts_with_all = ["detach", "abort_on_container_exit", "abort_on_container_failure", "exit_code_from"])]
    watch: bool,
    /// Lines without the container's name before them
    #[arg(long)]
    no_log_prefix: bool,
    /// Lines with their time
    #[arg(long)]
    timestamps: bool,
}

impl StayArgs {
    /// How to stay; `None`: not at all.
    fn stay(&self, services: &[String]) -> Option<Stay> {
        let until =
            match (self.abort_on_container_exit || self.exit_code_from.is_some(), self.abort_on_container_failure) {
                (true, _) => Until::FirstEnd,
                (false, true) => Until::FirstFailure,
                (false, false) if !self.watch && self.attach.is_empty() && !self.attach_dependencies => return None,
                (false, false) => Until::Interrupt,
            };
        Some(Stay {
            services: services.to_vec(),
            shown: Shown {
                only: self.attach.clone(),
                dependencies: self.attach_dependencies,
                without: self.no_attach.clone(),
            },
            watch: self.watch,
            until,
            code_from: self.exit_code_from.clone(),
            prefix: !self.no_log_prefix,
            timestamps: self.timestamps,
            since: Some(SystemClock.now()),
        })
    }
}

/// Brings the project up.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let mut wish = arguments.converge.request();
    wish.options.no_deps = arguments.no_deps;
    wish.options.always_recreate_deps = arguments.always_recreate_deps;
    wish.options.no_start = arguments.no_start;
    wish.options.awaited_stages_only = arguments.workplace.skip_non_blocking_commands;
    wish.dotfiles = dotfiles::Wish {
        repository: arguments.workplace.dotfiles_repository.clone(),
        install_command: arguments.workplace.dotfiles_install_command.clone(),
        target_path: arguments.workplace.dotfiles_target_path.clone(),
    };
    if arguments.wait {
        wish.options.wait = Wait::Strict;
    }
    wish.wait_timeout = arguments.wait_timeout.map(Duration::from_secs);
    let stay = arguments.stay.stay(&arguments.converge.services);
    if stay.is_some() {
        // whoever stays sees containers end: an end is no failure of coming up
        wish.options.wait = Wait::Dependencies;
    }
    converge_and(context, &arguments.converge, &wish, stay.as_ref())
}

/// Arguments of `create`.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = "Examples:\n  devup create            everything but the start\n  devup create && devup start")]
pub struct CreateArgs {
    #[command(flatten)]
    converge: Converge,
}

/// Creates, and starts nothing.
pub fn create(arguments: &CreateArgs, context: &Context) -> Result<Exit> {
    let mut wish = arguments.converge.request();
    wish.options.no_start = true;
    converge(context, &arguments.converge, &wish)
}

/// Arguments of `rebuild`.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(
    after_help = "Examples:\n  devup rebuild           images and containers anew; volumes stay\n  devup rebuild web\n  \
        devup rebuild --data    volumes too, which begin empty; what is in them is saved first"
)]
pub struct RebuildArgs {
    /// Begin with empty volumes, too; what is in them is saved first
    #[arg(long)]
    data: bool,
    #[command(flatten)]
    converge: Converge,
}

/// Builds images anew and makes every container anew; volumes stay, unless their data is to be fresh, too.
pub fn rebuild(arguments: &RebuildArgs, context: &Context) -> Result<Exit> {
    let mut wish = arguments.converge.request();
    wish.options.build = !arguments.converge.no_build;
    wish.options.force_recreate = true;
    wish.options.fresh_data = arguments.data;
    wish.options.renew_anon_volumes |= arguments.data;
    wish.save_first.step = "rebuild";
    converge(context, &arguments.converge, &wish)
}

/// Arguments of `scale`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:\n  devup scale worker=3\n  devup scale web=2 worker=0")]
pub struct ScaleArgs {
    /// Service and number of containers
    #[arg(value_name = "SERVICE=N", required = true, value_parser = scale_of)]
    scale: Vec<(String, u32)>,
    /// Leave out what services depend on
    #[arg(long)]
    no_deps: bool,
}

/// Changes how many containers services have.
pub fn scale(arguments: &ScaleArgs, context: &Context) -> Result<Exit> {
    let converge_arguments = Converge::scaled(arguments.scale.clone());
    let mut wish = converge_arguments.request();
    wish.options.services = arguments.scale.iter().map(|(service, _)| service.clone()).collect();
    wish.options.no_deps = arguments.no_deps;
    converge(context, &converge_arguments, &wish)
}

/// Arguments of `plan`.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(
    after_help = "Examples:\n  devup plan              what would `devup` do, and why\n  devup plan --json       for programs\n\nExit codes: 0 nothing to do, 20 changes pending."
)]
pub struct PlanArgs {
    #[command(flatten)]
    converge: Converge,
}

/// Shows what `up` would do.
pub fn plan(arguments: &PlanArgs, context: &Context) -> Result<Exit> {
    let mut project = context.load(Project::load)?;
    arguments.converge.without_builds(&mut project);
    for remark in &project.remarks {
        context.screen.say(&ui::text::clean_lines(remark));
    }
    let wish = with_variables(arguments.converge.request(), &project);
    context.block_on(async {
        let engine = context.engine().await?;
        show_plan(context, &engine, &project, &wish).await
    })
}
