//! `devup data`

use super::context::Context;
use super::data_file;
use super::exit::Exit;
use super::keys::PlaceArgs;
use super::root::GlobalArgs;
use crate::app::data::{self, Whose};
use crate::app::error::{AppError, Result};
use crate::app::live::Live;
use crate::app::project::Project;
use crate::app::vaults::{self, Opened};
use crate::backup::snapshot::Wanted;
use crate::base::lock::Lock;
use crate::state::store::State;
use crate::ui::data as view;

const EXAMPLES: &str = "\
Saved data lies in the backup repository of this machine, beside the backups, and is no backup of the rest of the project.

Examples:
  devup data save before-migration       every volume; whoever writes is frozen meanwhile
  devup data list
  devup data restore before-migration    as it was; what is there now is saved first
  devup data restore --snapshot latest   the data of the newest backup
  devup data branch try-15               a copy of the project with this data
  devup data rm before-migration
  devup data dump shop.dump              one database as a file
  devup data load shop.dump";

/// Arguments of `data`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Save the project's volumes under a name
    #[command(after_help = "Examples:\n  devup data save before-migration")]
    Save {
        /// The name
        name: String,
    },
    /// List what was saved
    #[command(visible_alias = "ls", after_help = "Examples:\n  devup data list\n  devup data list --json")]
    List,
    /// Put saved data back, in place of what is there
    #[command(
        after_help = "Examples:\n  devup data restore before-migration\n\nEverything is loaded beside what is there \
        and compared; then services that use it stop, it comes in place, and they start again. What was there is saved \
        first, under a name of its own."
    )]
    Restore {
        /// The name
        #[arg(required_unless_present = "snapshot")]
        name: Option<String>,
        /// The data of this backup instead, by the beginning of its identity, or `latest`
        #[arg(long, value_name = "ID", conflicts_with = "name")]
        snapshot: Option<String>,
        /// What is there now is not saved first
        #[arg(long)]
        no_backup: bool,
    },
    /// Give a copy of the project the data of this one
    #[command(
        after_help = "Examples:\n  devup data branch try-15          the data, for the copy of that name\n  devup --instance \
        try-15 up                the copy itself, with names, ports and volumes of its own\n  devup --instance try-15 destroy"
    )]
    Branch {
        /// The copy's name, as for --instance
        copy: String,
    },
    /// Write a database to a file, in its own tool's format
    #[command(after_help = data_file::DUMP_EXAMPLES, override_usage = "devup data dump [OPTIONS] [SERVICE] <FILE>")]
    Dump(data_file::DumpArgs),
    /// Load a database from a file, in place of what is there
    #[command(after_help = data_file::LOAD_EXAMPLES, override_usage = "devup data load [OPTIONS] [SERVICE] <FILE>")]
    Load(data_file::LoadArgs),
    /// Forget what was saved under a name
    #[command(after_help = "Examples:\n  devup data rm before-migration\n  devup backup prune")]
    Rm {
        /// The name
        name: String,
    },
}

/// One run, with what most verbs need.
pub(super) struct Run<'a> {
    pub(super) context: &'a Context,
    state: State,
    pub(super) project: Project,
    pub(super) opened: Opened,
}

/// Does what the verb says.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    if let Verb::Save { name } = &arguments.verb {
        data::checked(name)?;
    }
    match &arguments.verb {
        Verb::Dump(wish) => return data_file::dump(wish, context),
        Verb::Load(wish) if wish.needs_no_repository(context) => return data_file::load(wish, context, None),
        _ => {}
    }
    let project = context.project()?;
    let request = context.request()?;
    let state = State::open(request.layout.clone())?;
    let (keys, repository) = (arguments.place.keys.keys(context), arguments.place.repo.as_deref());
    let opened = match &arguments.verb {
        Verb::Save { .. } | Verb::Branch { .. } | Verb::Load(_) if !context.global.dry_run => {
            vaults::open_or_make(&state, &request, repository, &keys)?
        }
        _ => vaults::open(&state, &request, repository, &keys)?,
    };
    let run = Run { context, state, project, opened };
    match &arguments.verb {
        Verb::Save { name } => run.save(name),
        Verb::List => run.list(),
        Verb::Restore { name, snapshot, no_backup } => run.restore(name.as_deref(), snapshot.as_deref(), *no_backup),
        Verb::Branch { copy } => run.branch(copy),
        Verb::Rm { name } => run.remove(name),
        Verb::Load(wish) => data_file::load(wish, context, Some(&run)),
        Verb::Dump(wish) => data_file::dump(wish, context),
    }
}

impl Run<'_> {
    pub(super) fn whose(&self) -> Whose<'_> {
        Whose { project: &self.project.name, environment: self.project.environment.as_ref() }
    }

    pub(super) fn lock(&self) -> Result<Lock> {
        self.context.block_on(vaults::lock(&self.state, &self.opened, self.context))
    }

    fn answer(&self, value: &impl serde::Serialize, text: impl FnOnce() -> String) -> Result<()> {
        if self.context.global.json {
            self.context.screen.json_pretty(value)
        } else {
            self.context.screen.answer(&text())
        }
    }

    fn would(&self, what: &str) -> Exit {
        self.context.screen.say(&format!("would {what}"));
        Exit::PENDING
    }

    fn save(&self, name: &str) -> Result<Exit> {
        if self.context.global.dry_run {
            return Ok(self.would(&format!("save the data of {} as {name}", self.project.name)));
        }
        let _lock = self.lock()?;
        let saved = data::save(&Live::connect()?, &self.opened, self.whose(), name)?;
        self.answer(&saved, || view::saved(&saved))?;
        Ok(Exit::DONE)
    }

    fn list(&self) -> Result<Exit> {
        let found = data::list(&self.opened, &self.project.name)?;
        self.answer(&found, || view::list(&found))?;
        Ok(Exit::DONE)
    }

    fn restore(&self, name: Option<&str>, snapshot: Option<&str>, no_backup: bool) -> Result<Exit> {
        let (wanted, shown) = match (name, snapshot) {
            (Some(name), _) => {
                (Wanted::Id(data::find(&self.opened, &self.project.name, name)?.snapshot.id), name.to_owned())
            }
            (None, Some("latest")) => {
                (Wanted::Latest { project: self.project.name.clone() }, "the newest backup".into())
            }
            (None, id) => {
                let id = id.unwrap_or_default();
                (Wanted::Id(id.to_owned()), format!("snapshot {id}"))
            }
        };
        if self.context.global.dry_run {
            let (_, manifest) = self.opened.vault.show(&wanted)?;
            self.answer(&manifest, || view::would_restore(&shown, manifest.as_ref()))?;
            return Ok(Exit::PENDING);
        }
        let _lock = self.lock()?;
        let live = Live::connect()?;
        if !no_backup && let Some(saved) = data::save_before(&live, &self.opened, self.whose(), "restore")? {
            self.context.screen.say(&view::before(&saved));
        }
        let refill = data::restore(&live, &self.opened, self.whose(), &wanted)?;
        self.answer(&refill, || view::restored(&shown, &refill))?;
        Ok(Exit::DONE)
    }

    fn branch(&self, copy: &str) -> Result<Exit> {
        let global = GlobalArgs { instance: Some(copy.to_owned()), ..self.context.global.clone() };
        let other = Context { global, screen: self.context.screen }.project()?;
        if other.name == self.project.name {
            return Err(AppError::usage(format!("{copy} is this copy of {} itself", self.project.name))
                .help("name another one"));
        }
        if self.context.global.dry_run {
            return Ok(self.would(&format!("give {} the data of {}", other.name, self.project.name)));
        }
        let _lock = self.lock()?;
        let live = Live::connect()?;
        let theirs = Whose { project: &other.name, environment: other.environment.as_ref() };
        if let Some(saved) = data::save_before(&live, &self.opened, theirs, "branch")? {
            self.context.screen.say(&view::before(&saved));
        }
        let refill = data::branch(&live, &self.opened, self.whose(), theirs)?;
        self.answer(&refill, || view::branched(copy, &other.name, &refill))?;
        Ok(Exit::DONE)
    }

    fn remove(&self, name: &str) -> Result<Exit> {
        data::find(&self.opened, &self.project.name, name)?;
        if self.context.global.dry_run {
            return Ok(self.would(&format!("forget the data saved as {name}")));
        }
        let _lock = self.lock()?;
        data::remove(&self.opened, &self.project.name, name)?;
        self.context.screen.say(&format!("{name} is forgotten; `devup backup prune` frees its space"));
        Ok(Exit::DONE)
    }
}
