//! `devup init`, and what a bare `devup` does in a folder without a spec.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::context::Context;
use super::exit::Exit;
use crate::app::error::{AppError, Result};
use crate::app::import::{self, Wish};
use crate::app::init::{self, Made, Request, Template};
use crate::import::{From, Proposal};
use crate::spec::discover::{self, Disk};
use crate::spec::error::Fault;
use crate::ui;

const EXAMPLES: &str = "\
Examples:
  devup init                               make a devup.yaml from what this folder holds
  devup init --dry-run                     show it, write nothing
  devup init --from compose                a devup.yaml that includes the compose.yaml
  devup init --from devcontainer           a devup.yaml that says what the devcontainer.json says
  devup init --from vagrant                the machines of a Vagrantfile, as services
  devup init --template django shop        a whole new project
  devup init --list                        the templates";

/// What a spec is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Whatever the folder has
    Auto,
    /// A Compose file
    Compose,
    /// A dev container
    Devcontainer,
    /// A Dockerfile
    Dockerfile,
    /// A Procfile
    Procfile,
    /// A Vagrantfile
    Vagrant,
}

impl Kind {
    const fn from(self) -> From {
        match self {
            Self::Auto => From::Auto,
            Self::Compose => From::Compose,
            Self::Devcontainer => From::DevContainer,
            Self::Dockerfile => From::Dockerfile,
            Self::Procfile => From::Procfile,
            Self::Vagrant => From::Vagrant,
        }
    }
}

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The project's folder; with --template, the folder to fill, made where it is missing
    #[arg(default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    /// What to make the spec from
    #[arg(long, value_enum, value_name = "KIND", default_value = "auto", conflicts_with_all = ["template", "list"])]
    from: Kind,
    /// A whole new project from this template
    #[arg(short, long, value_name = "NAME")]
    template: Option<String>,
    /// Name of the new project; that of the folder where nothing is said
    #[arg(long, requires = "template")]
    name: Option<String>,
    /// List the templates
    #[arg(long, conflicts_with_all = ["template", "name", "force"])]
    list: bool,
    /// Over a devup.yaml that is there; with --template, over files that are in the way
    #[arg(long)]
    force: bool,
}

/// Makes a spec or a project, or lists the templates.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    if arguments.list {
        let templates = init::templates()?;
        if context.global.json {
            context.screen.json(&templates)?;
        } else {
            context.screen.answer(&list(&templates))?;
        }
        return Ok(Exit::DONE);
    }
    let Some(template) = arguments.template.clone() else { return spec(arguments, context) };
    let (folder, name) = (arguments.folder.clone(), arguments.name.clone());
    let made = init::init(&Request { template, folder, name, force: arguments.force })?;
    if context.global.json {
        context.screen.json(&made)?;
    } else {
        context.screen.say(&report(&made));
    }
    Ok(Exit::DONE)
}

/// Makes a spec of what the folder holds.
fn spec(arguments: &Args, context: &Context) -> Result<Exit> {
    let wish = Wish { folder: arguments.folder.clone(), from: arguments.from.from(), force: arguments.force };
    if !context.global.dry_run {
        import::refuse_over(&wish)?;
    }
    let proposal = import::look(&context.request()?, &wish)?;
    if context.global.dry_run {
        show(context, &wish, &proposal)?;
        return Ok(Exit::DONE);
    }
    let path = import::write(&wish, &proposal)?;
    if context.global.json {
        context.screen.json_pretty(&ui::import::json(&proposal, &path.to_string_lossy(), true))?;
        return Ok(Exit::DONE);
    }
    context.screen.say(&ui::import::summary(&proposal));
    context.screen.say(&format!("Wrote {}. Next:\n{}  devup plan\n  devup", path.display(), enter(&wish.folder)));
    Ok(Exit::DONE)
}

/// The proposal on stdout; what was concluded on stderr.
fn show(context: &Context, wish: &Wish, proposal: &Proposal) -> Result<()> {
    if context.global.json {
        let path = import::target(&wish.folder);
        return context.screen.json_pretty(&ui::import::json(proposal, &path.to_string_lossy(), false));
    }
    context.screen.answer(&ui::import::text(proposal))?;
    context.screen.say(&ui::import::summary(proposal));
    Ok(())
}

/// Before a bare `devup`: in a folder without a spec, one is offered. Without anybody to ask, it is shown, and the exit
/// code says that a decision is needed.
pub fn offer(context: &Context) -> Result<()> {
    let request = context.request()?;
    let Err(missing) = discover::discover(&request.spec, &Disk) else { return Ok(()) };
    let nothing = missing.problems().iter().any(|problem| matches!(*problem.fault, Fault::NothingFound { .. }));
    if !nothing {
        return Ok(());
    }
    let folder = request.spec.project_directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let wish = Wish { folder, from: From::Auto, force: false };
    let Ok(proposal) = import::look(&request, &wish) else { return Ok(()) };
    show(context, &wish, &proposal)?;
    let command = if wish.folder == Path::new(".") {
        "devup init".to_owned()
    } else {
        format!("devup init {}", ui::text::clean(&wish.folder.to_string_lossy()))
    };
    if context.global.dry_run {
        return Err(AppError::needs_decision("there is no spec here; this is what would be written", command));
    }
    context.confirm("There is no spec here. Write this as devup.yaml and bring it up?", &command)?;
    let path = import::write(&wish, &proposal)?;
    context.screen.say(&format!("Wrote {}", path.display()));
    Ok(())
}

fn enter(folder: &Path) -> String {
    if folder == Path::new(".") { String::new() } else { format!("  cd {}\n", folder.display()) }
}

fn list(templates: &[Template]) -> String {
    let width = templates.iter().map(|template| template.name.len()).max().unwrap_or(0);
    templates.iter().fold(String::new(), |mut text, template| {
        // writing to a string does not fail
        let _ = writeln!(text, "{:width$}  {}", template.name, template.description);
        text
    })
}

fn report(made: &Made) -> String {
    let folder = made.folder.display();
    let mut text =
        format!("Project {} is in {folder}, {} files. Next:\n{}", made.name, made.files.len(), enter(&made.folder));
    for line in &made.next {
        let _ = writeln!(text, "  {line}");
    }
    text
}
