//! The user's own files (`dotfiles`), which follow that person into every dev container: cloned and installed inside, once
//! for each container. The user asks for them on this machine, in `config.yaml` or on the command line: a project can't.

use indexmap::IndexMap;

use crate::app::error::{AppError, Result};
use crate::model::development::{Command, DOTFILES, Dotfiles, LIFE, Stage, When};
use crate::model::environment::Environment;
use crate::state::store::State;

/// What the command line says; the preferences say the rest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wish {
    /// Where git finds them; an empty text: not this time.
    pub repository: Option<String>,
    /// What installs them.
    pub install_command: Option<String>,
    /// Where they are put, inside.
    pub target_path: Option<String>,
}

/// Where they are put where nobody says anything.
const TARGET: &str = "~/dotfiles";
/// Where a repository lies that is written as `OWNER/NAME`.
const HOST: &str = "https://github.com";

/// Clones and installs; its arguments are repository, target and install command.
const SCRIPT: &str = r#"set -eu
repository=$1 target=$2 install=$3
case $target in '~') target=$HOME ;; '~/'*) target=$HOME/${target#??} ;; esac
command -v git >/dev/null 2>&1 || { echo "dotfiles are left out: there is no git in this container"; exit 0; }
[ -e "$target" ] || GIT_TERMINAL_PROMPT=0 git clone --quiet --depth 1 -- "$repository" "$target"
cd "$target"
target=$PWD
if [ -z "$install" ]; then
  for usual in install.sh install bootstrap.sh bootstrap script/bootstrap setup.sh setup script/setup; do
    if [ -f "$usual" ]; then install=$usual; break; fi
  done
fi
if [ -n "$install" ]; then
  if [ -f "./$install" ]; then install=./$install; fi
  [ -f "$install" ] || { echo "there is no $install in $target" >&2; exit 126; }
  [ -x "$install" ] || chmod +x "$install"
  case $install in /*) ;; *) install=$target/$install ;; esac
  exec "$install"
fi
for file in .[!.]*; do
  if [ ! -e "$file" ] || [ "$file" = .git ]; then continue; fi
  if [ -d "$HOME/$file" ] && [ ! -L "$HOME/$file" ]; then echo "$HOME/$file is a folder already: left as it is"; continue; fi
  ln -sfn "$target/$file" "$HOME/$file"
done
"#;

/// Puts them among the stages of the dev container's life: after what makes the container, before what starts in it.
///
/// # Errors
/// The preferences can't be read, or the repository's address would show a password.
pub fn put(environment: &mut Environment, wish: &Wish, state: &State) -> Result<()> {
    let Some(development) = &mut environment.development else { return Ok(()) };
    let preferred = state.preferences()?.dotfiles;
    let Some(dotfiles) = wanted(wish, preferred) else { return Ok(()) };
    let stage = stage(&dotfiles)?;
    let place = |name: &str| LIFE.iter().position(|known| *known == name);
    let is_later = |other: &Stage| place(&other.name) > place(DOTFILES);
    let at = development.stages.iter().position(is_later).unwrap_or(development.stages.len());
    development.stages.insert(at, stage);
    Ok(())
}

/// Another repository than the preferred one has its own way of being installed.
fn wanted(wish: &Wish, preferred: Option<Dotfiles>) -> Option<Dotfiles> {
    let kept = preferred.filter(|_| wish.repository.is_none()).unwrap_or_default();
    let or = |given: &Option<String>, kept: Option<String>| given.clone().or(kept).filter(|text| !text.is_empty());
    Some(Dotfiles {
        repository: or(&wish.repository, Some(kept.repository))?,
        install_command: or(&wish.install_command, kept.install_command),
        target_path: or(&wish.target_path, kept.target_path),
    })
}

fn stage(dotfiles: &Dotfiles) -> Result<Stage> {
    let repository = address(&dotfiles.repository)?;
    let target = dotfiles.target_path.clone().unwrap_or_else(|| TARGET.to_owned());
    let install = dotfiles.install_command.clone().unwrap_or_default();
    let words = ["/bin/sh", "-c", SCRIPT, DOTFILES].map(str::to_owned);
    let words = words.into_iter().chain([repository, target, install]).collect();
    let commands = IndexMap::from([(String::new(), Command::Words(words))]);
    Ok(Stage { name: DOTFILES.to_owned(), when: When::Created, commands })
}

/// `OWNER/NAME` is short for an address; anything else is one, or a path inside. What is in it is seen by everybody who
/// lists processes inside, so it must hold no password.
fn address(repository: &str) -> Result<String> {
    let shows_password = url::Url::parse(repository).is_ok_and(|url| url.password().is_some());
    if shows_password {
        let message = "the repository of the dotfiles has a password in its address, which programs inside would see";
        return Err(AppError::failed(message)
            .help("leave it away: let git inside have a credential helper, or use an address for ssh"));
    }
    let is_short = !repository.contains(':') && !repository.starts_with(['/', '.', '~']) && repository.contains('/');
    Ok(if is_short { format!("{HOST}/{repository}.git") } else { repository.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::development::Development;
    use crate::state::store::temporary;

    fn preferred(text: &str) -> (tempfile::TempDir, State) {
        let (folder, state) = temporary();
        let path = state.layout().preferences();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        (folder, state)
    }

    fn with_stages(names: &[&str]) -> Environment {
        let stage = |name: &&str| Stage { name: (*name).to_owned(), when: When::Created, commands: IndexMap::new() };
        let development = Development { stages: names.iter().map(stage).collect(), ..Development::default() };
        Environment { development: Some(development), ..Environment::default() }
    }

    fn arguments(environment: &Environment) -> Vec<String> {
        let stages = &environment.development.as_ref().unwrap().stages;
        let stage = stages.iter().find(|stage| stage.name == DOTFILES);
        stage.map(|stage| stage.commands[""].words()[4..].to_vec()).unwrap_or_default()
    }

    #[test]
    fn they_come_between_creation_and_start() {
        let (_folder, state) = preferred("dotfiles: { repository: ada/dots }\n");
        for (stages, at) in [
            (&["onCreateCommand", "postCreateCommand", "postStartCommand"][..], 2),
            (&["postAttachCommand"], 0),
            (&["onCreateCommand"], 1),
            (&[], 0),
        ] {
            let mut environment = with_stages(stages);
            put(&mut environment, &Wish::default(), &state).unwrap();
            assert_eq!(environment.development.as_ref().unwrap().stages[at].name, DOTFILES, "{stages:?}");
            assert_eq!(arguments(&environment), ["https://github.com/ada/dots.git", "~/dotfiles", ""]);
        }
    }

    #[test]
    fn the_command_line_has_the_last_word() {
        let text = "dotfiles: { repository: \"git@example.org:a/b\", install_command: go.sh, target_path: ~/d }\n";
        let (_folder, state) = preferred(text);
        let said = |repository: Option<&str>, install: Option<&str>| {
            let text = |text: Option<&str>| text.map(str::to_owned);
            let wish = Wish { repository: text(repository), install_command: text(install), target_path: None };
            let mut environment = with_stages(&[]);
            put(&mut environment, &wish, &state).unwrap();
            arguments(&environment)
        };
        assert_eq!(said(None, None), ["git@example.org:a/b", "~/d", "go.sh"]);
        assert_eq!(said(None, Some("other")), ["git@example.org:a/b", "~/d", "other"]);
        assert_eq!(
            said(Some("/inside/dots"), None),
            ["/inside/dots", "~/dotfiles", ""],
            "another repository is its own"
        );
        assert_eq!(said(Some(""), None), Vec::<String>::new(), "not this time");
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        let error = address("https://ada:hunter2@example.org/dots").unwrap_err().to_string();
        assert!(error.contains("has a password") && !error.contains("hunter2"), "{error}");
        assert_eq!(address("https://example.org/dots").unwrap(), "https://example.org/dots");
        assert_eq!(address("./dots").unwrap(), "./dots");
    }
}
