//! `devup backup init` and `backup sheet`: what shows a recovery sheet.

use std::path::PathBuf;

use super::backup::Run;
use super::exit::Exit;
use super::sheets::Claimed;
use crate::app::error::{AppError, Result};
use crate::app::vaults;
use crate::backup::address::Address;
use crate::ui::backup as view;
use crate::ui::text::clean;

/// Makes a repository, or gets to know one that is there.
pub fn init(run: &Run<'_>, repository: &str, name: Option<&str>, sheet: Option<&PathBuf>) -> Result<Exit> {
    let here = run.context.request()?.spec.current_dir;
    let address = Address::parse(repository, &here).map_err(|error| AppError::usage(error.to_string()))?;
    if run.context.global.dry_run {
        run.context.screen.say(&format!("would make a repository in {address}"));
        return Ok(Exit::PENDING);
    }
    refuse_lost(run, sheet)?;
    let sheet = sheet.map(|path| here.join(path));
    let claimed = sheet.as_deref().map(Claimed::make).transpose()?;
    let made = vaults::init(&run.state, &address, name, &run.keys())?;
    if let (Some(claimed), Some(text), Some(picture)) = (claimed, &made.sheet, &made.picture)
        && let Err(error) = claimed.write(text, picture)
    {
        // the repository is there: what opens it shall not be lost with a disk that is full
        run.context.screen.warn(&format!("{error}; this is the only time it is shown:"));
        run.context.screen.say(text);
        return Err(error);
    }
    run.answer(&made, || view::made(&made, sheet.as_deref()))?;
    Ok(Exit::DONE)
}

/// Shows the sheet of a repository once more.
pub fn show(run: &Run<'_>, file: Option<&PathBuf>) -> Result<Exit> {
    refuse_lost(run, file)?;
    let request = run.context.request()?;
    let file = file.map(|path| request.spec.current_dir.join(path));
    let shown = vaults::sheet(&run.state, &request, run.place.repo.as_deref(), &run.keys())?;
    if let (Some(file), Some(text), Some(picture)) = (&file, &shown.sheet, &shown.picture) {
        Claimed::make(file)?.write(text, picture)?;
    }
    run.answer(&shown, || match &file {
        Some(file) => format!("the recovery sheet of {} is in {}\n", clean(&shown.name), file.display()),
        None => shown.sheet.clone().unwrap_or_default(),
    })?;
    Ok(Exit::DONE)
}

fn refuse_lost(run: &Run<'_>, sheet: Option<&PathBuf>) -> Result<()> {
    if run.context.global.json && sheet.is_none() {
        return Err(AppError::usage("a recovery sheet is no JSON, and would be lost")
            .help("name a file for it: `--sheet FILE`"));
    }
    Ok(())
}
