//! `devup init`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::context::Context;
use super::exit::Exit;
use crate::app::error::{AppError, Result};
use crate::app::init::{self, Made, Request, Template};

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  devup init --list\n  devup init --template django shop")]
pub struct Args {
    /// The folder to fill; made where it is missing
    #[arg(default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    /// Which template
    #[arg(short, long, value_name = "NAME")]
    template: Option<String>,
    /// Name of the project; that of the folder where nothing is said
    #[arg(long)]
    name: Option<String>,
    /// List the templates
    #[arg(long, conflicts_with_all = ["template", "name", "force"])]
    list: bool,
    /// Also into a folder with files; those in the way are overwritten
    #[arg(long)]
    force: bool,
}

/// Makes a project, or lists the templates.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let Some(template) = arguments.template.clone().filter(|_| !arguments.list) else {
        let templates = init::templates()?;
        if !arguments.list {
            let example = templates.first().map_or("NAME", |template| &template.name);
            let help = format!("devup init --template {example} {}\n{}", arguments.folder.display(), list(&templates));
            return Err(AppError::usage("which template?").help(help.trim_end()));
        }
        if context.global.json {
            context.screen.json(&templates)?;
        } else {
            context.screen.answer(&list(&templates))?;
        }
        return Ok(Exit::DONE);
    };
    let (folder, name) = (arguments.folder.clone(), arguments.name.clone());
    let made = init::init(&Request { template, folder, name, force: arguments.force })?;
    if context.global.json {
        context.screen.json(&made)?;
    } else {
        context.screen.say(&report(&made));
    }
    Ok(Exit::DONE)
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
    let mut text = format!("Project {} is in {folder}, {} files. Next:\n", made.name, made.files.len());
    if made.folder != Path::new(".") {
        let _ = writeln!(text, "  cd {folder}");
    }
    for line in &made.next {
        let _ = writeln!(text, "  {line}");
    }
    text
}
