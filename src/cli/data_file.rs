//! `devup data dump` and `devup data load`

use std::fs::File;
use std::io::{self, IsTerminal as _, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use super::context::Context;
use super::data::Run;
use super::exit::Exit;
use crate::app::data::{self, Whose};
use crate::app::database_file::{self, Filed, Meant};
use crate::app::error::{AppError, Result};
use crate::app::live::Live;
use crate::ui::data as view;

/// Of `data dump`.
pub const DUMP_EXAMPLES: &str = "\
Examples:
  devup data dump shop.dump                     the one database of the project
  devup data dump db --database shop shop.dump  of several
  devup data dump - | ssh host 'cat >shop.dump'

PostgreSQL: as `pg_dump -Fc`. MariaDB and MySQL: SQL. SQLite: the database itself. MongoDB: an archive.";
/// Of `data load`.
pub const LOAD_EXAMPLES: &str = "\
Examples:
  devup data load shop.dump
  devup data load db --database shop shop.dump
  gunzip -c shop.sql.gz | devup data load -

It is loaded beside what is there, and takes its place when it is whole. What was there is saved first.";

/// The standard stream instead of a file.
const STREAM: &str = "-";

/// Arguments of `data dump`.
#[derive(Debug, clap::Args)]
pub struct DumpArgs {
    /// The file, or `-`; before it the service, where several have databases
    #[arg(value_name = "FILE", num_args = 1..=2, required = true)]
    words: Vec<String>,
    /// The database, where the service has several
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

/// Arguments of `data load`.
#[derive(Debug, clap::Args)]
pub struct LoadArgs {
    #[command(flatten)]
    which: DumpArgs,
    /// What is there now is not saved first
    #[arg(long)]
    no_backup: bool,
}

impl DumpArgs {
    fn meant(&self) -> Meant<'_> {
        let service = (self.words.len() > 1).then(|| self.words[0].as_str());
        Meant { service, database: self.database.as_deref() }
    }

    fn file(&self) -> &str {
        self.words.last().map_or(STREAM, String::as_str)
    }
}

impl LoadArgs {
    /// Nothing is saved first.
    pub fn needs_no_repository(&self, context: &Context) -> bool {
        self.no_backup || context.global.dry_run
    }
}

/// Writes a database.
pub fn dump(wish: &DumpArgs, context: &Context) -> Result<Exit> {
    let (file, json) = (wish.file(), context.global.json);
    if file == STREAM && json {
        return Err(AppError::usage("`--json` would mix its report with the dump").help("name a file instead of `-`"));
    }
    if file == STREAM && io::stdout().is_terminal() {
        return Err(AppError::usage("a dump is nothing for a terminal").help("name a file, or hand it to a program"));
    }
    let project = context.project()?;
    let whose = Whose { project: &project.name, environment: project.environment.as_ref() };
    if context.global.dry_run {
        context.screen.say(&format!("would dump a database of {} to {file}", project.name));
        return Ok(Exit::PENDING);
    }
    let live = Live::connect()?;
    if file == STREAM {
        let failed = |source| AppError::io("writing the dump", source);
        // the standard library looks for ends of lines in everything that goes to its own standard output
        let mut out = File::from(io::stdout().as_fd().try_clone_to_owned().map_err(failed)?);
        database_file::dump(&live, whose, wish.meant(), &mut out)?;
        return Ok(Exit::DONE);
    }
    let filed = to_file(&live, whose, wish.meant(), Path::new(file))?;
    answer(context, &filed, || view::dumped(&filed, file))?;
    Ok(Exit::DONE)
}

/// Into a file that is there when it is whole, for nobody else to read.
fn to_file(live: &Live, whose: Whose<'_>, meant: Meant<'_>, path: &Path) -> Result<Filed> {
    let attempt = || format!("writing {}", path.display());
    if path.exists() && !path.is_file() {
        return Err(AppError::usage(format!("{}: it is no file", attempt())).help("name a file in it"));
    }
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(PathBuf::from("."), Path::to_owned);
    let failed = |source| AppError::io(attempt(), source);
    let mut half = tempfile::Builder::new().prefix(".devup-dump-").tempfile_in(folder).map_err(failed)?;
    let filed = database_file::dump(live, whose, meant, half.as_file_mut())?;
    half.as_file().sync_all().map_err(failed)?;
    half.persist(path).map_err(|error| failed(error.error))?;
    Ok(filed)
}

/// Loads a database. `run` has the repository that what is there is saved to first.
pub fn load(wish: &LoadArgs, context: &Context, run: Option<&Run<'_>>) -> Result<Exit> {
    let (meant, name) = (wish.which.meant(), wish.which.file());
    let mut file = from_file(name)?;
    let loaded;
    let project = if let Some(run) = run {
        &run.project
    } else {
        loaded = context.project()?;
        &loaded
    };
    let whose = Whose { project: &project.name, environment: project.environment.as_ref() };
    let live = Live::connect()?;
    let checked = database_file::check(&live, whose, meant, &mut file)?;
    if context.global.dry_run {
        context.screen.say(&format!("would load {name} into {} of {}", checked.database, checked.service));
        return Ok(Exit::PENDING);
    }
    let _lock = run.map(Run::lock).transpose()?;
    if let Some(run) = run
        && let Some(saved) = data::save_before(&live, &run.opened, run.whose(), "load")?
    {
        context.screen.say(&view::before(&saved));
    }
    let filed = database_file::load(&live, whose, meant, &mut file)?;
    answer(context, &filed, || view::loaded(&filed, name))?;
    Ok(Exit::DONE)
}

/// A file that can be read more than once: what comes as a stream is put into one that nobody else sees.
fn from_file(name: &str) -> Result<File> {
    let failed = |source| AppError::io(format!("reading {name}"), source);
    if name != STREAM {
        let file = File::open(name).map_err(failed)?;
        if file.metadata().map_err(failed)?.is_file() {
            return Ok(file);
        }
        return Err(AppError::usage(format!("reading {name}: it is no file")).help("`-` reads the standard input"));
    }
    let mut file = tempfile::tempfile().map_err(failed)?;
    io::copy(&mut io::stdin().lock(), &mut file).map_err(failed)?;
    file.flush().and_then(|()| file.rewind()).map_err(failed)?;
    Ok(file)
}

fn answer(context: &Context, filed: &Filed, text: impl FnOnce() -> String) -> Result<()> {
    if context.global.json { context.screen.json_pretty(filed) } else { context.screen.answer(&text()) }
}
