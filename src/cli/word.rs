//! A first word that is no command: a SOURCE to clone, or a misspelling.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, Parser};

use super::context::Context;
use super::root::{Cli, GlobalArgs};
use crate::app::clone;
use crate::app::error::{AppError, Result};
use crate::git::address;
use crate::host::bootstrap::Workshop;
use crate::model::layout::Layout;
use crate::source::clone::Fetched;
use crate::ui::ask::OnTerminal;
use crate::ui::look::{Ansi, ProgressStyle};
use crate::ui::talk::Talk;
use crate::ui::text::clean;

/// `devup SOURCE [DIR]`
#[derive(Debug, Parser)]
#[command(name = "devup", override_usage = "devup [OPTIONS] SOURCE [DIR]", disable_version_flag = true)]
struct Words {
    /// A git URL or a folder
    source: String,
    /// The folder to clone into; the name that git would choose where nothing is said
    dir: Option<PathBuf>,
    /// Branch or tag to check out
    #[arg(short, long, value_name = "NAME")]
    branch: Option<String>,
    /// Only so many commits of history
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    depth: Option<u32>,
    #[command(flatten)]
    global: GlobalArgs,
}

/// Clones, or finds the clone that is there, and goes into it: what follows is `devup` in that folder. Of other words,
/// says which command was probably meant.
pub fn run(words: &[OsString], context: &mut Context) -> Result<()> {
    let word = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    if !address::looks_like_source(&word) {
        return Err(unknown(&word));
    }
    let words = Words::try_parse_from(std::iter::once(OsString::from("devup")).chain(words.iter().cloned())).map_err(
        |error| AppError::usage(error.render().to_string().trim_start_matches("error: ").trim_end().to_owned()),
    )?;
    *context = Context::new(merged(&context.global, words.global));
    let current_dir = std::env::current_dir().map_err(|source| AppError::io("finding the current folder", source))?;
    let request = clone::Request {
        source: words.source,
        dir: words.dir,
        branch: words.branch,
        depth: words.depth,
        current_dir,
        on_terminal: context.screen.look.can_ask,
    };
    let home = std::env::home_dir().unwrap_or_else(|| PathBuf::from("/"));
    let logs = Layout::from_variables(&home, |name| std::env::var(name).ok()).logs();
    let asker = OnTerminal { screen: context.screen, yes: context.global.yes };
    let talk = Talk::new(context.screen);
    let shop = Workshop { asker: &asker, listener: &talk, logs: &logs };
    let fetched = context.block_on(clone::clone(&request, &shop))?;
    let said = match &fetched {
        Fetched::Cloned(folder) => format!("Cloned into {}", folder.display()),
        Fetched::Existing(folder) => format!("{} is a clone of it already; going on there", folder.display()),
    };
    context.screen.say(&clean(&said));
    let entered = std::env::set_current_dir(fetched.folder());
    entered.map_err(|source| AppError::io(format!("entering {}", fetched.folder().display()), source))
}

/// Shared options may stand before and after the SOURCE.
fn merged(before: &GlobalArgs, after: GlobalArgs) -> GlobalArgs {
    let joined = |before: &[PathBuf], after: Vec<PathBuf>| before.iter().cloned().chain(after).collect();
    GlobalArgs {
        files: joined(&before.files, after.files),
        env_files: joined(&before.env_files, after.env_files),
        profiles: before.profiles.iter().cloned().chain(after.profiles).collect(),
        project_name: after.project_name.or_else(|| before.project_name.clone()),
        project_directory: after.project_directory.or_else(|| before.project_directory.clone()),
        devcontainer: after.devcontainer.or_else(|| before.devcontainer.clone()),
        instance: after.instance.or_else(|| before.instance.clone()),
        all_resources: before.all_resources || after.all_resources,
        compatibility: before.compatibility || after.compatibility,
        dry_run: before.dry_run || after.dry_run,
        yes: before.yes || after.yes,
        trust: before.trust || after.trust,
        json: before.json || after.json,
        no_color: before.no_color || after.no_color,
        verbose: before.verbose || after.verbose,
        parallel: after.parallel.or(before.parallel),
        progress: if after.progress == ProgressStyle::Auto { before.progress } else { after.progress },
        ansi: if after.ansi == Ansi::Auto { before.ansi } else { after.ansi },
    }
}

fn unknown(word: &str) -> AppError {
    let near = nearest(word);
    let mut help = match near.as_slice() {
        [] => "`devup --help` lists the commands".to_owned(),
        near => {
            let names: Vec<String> = near.iter().map(|name| format!("`devup {name}`")).collect();
            format!("did you mean {}?", names.join(" or "))
        }
    };
    if std::path::Path::new(word).is_dir() {
        help.push_str(&format!("\nto clone the folder {word}, write ./{word}"));
    }
    AppError::usage(format!("there is no command `{word}`")).help(help)
}

/// Commands spelt like this word, nearest first, at most three.
fn nearest(word: &str) -> Vec<String> {
    let tree = Cli::command();
    let mut scored: Vec<(f64, String)> = tree
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .flat_map(|command| std::iter::once(command.get_name()).chain(command.get_visible_aliases()).map(str::to_owned))
        .map(|name| (strsim::jaro_winkler(&word.to_lowercase(), &name), name))
        .filter(|(score, _)| *score > 0.8)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_word_is_never_a_source() {
        for source in ["https://git.example/a.git", "git@host:a.git", "./a", "../a", ".", "a/b", "/a"] {
            assert!(address::looks_like_source(source), "{source}");
        }
        for command in ["up", "shop", "shop.git", ""] {
            assert!(!address::looks_like_source(command), "{command}");
        }
    }

    #[test]
    fn misspelt_commands_are_guessed() {
        assert_eq!(nearest("verison"), ["version"]);
        assert!(nearest("xyzzy").is_empty());
    }
}
