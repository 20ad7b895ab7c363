//! What every command has: the shared options and the screen.

use super::root::GlobalArgs;
use crate::app::error::{AppError, Result};
use crate::app::project::Project;
use crate::app::remote;
use crate::app::request::Request;
use crate::app::wiring::{self, Engine};
use crate::model::layout::Layout;
use crate::spec::devcontainer::find::Which;
use crate::spec::discover;
use crate::trust::verdict::Question;
use crate::ui::consent;
use crate::ui::look::Look;
use crate::ui::screen::Screen;

/// What every command has.
#[derive(Debug)]
pub struct Context {
    /// The shared options.
    pub global: GlobalArgs,
    /// Where words go.
    pub screen: Screen,
}

impl Context {
    /// From the shared options and this process's streams.
    pub fn new(global: GlobalArgs) -> Self {
        let look = Look::decide(global.ansi, global.no_color, global.progress, global.json);
        Self { global, screen: Screen { look } }
    }

    /// Runs asynchronous work to its end. One thread: devup waits for engines, it does not compute.
    pub fn block_on<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| AppError::io("starting the runtime", source))?;
        let done = runtime.block_on(work);
        // a thread that waits for standard input must not keep the program alive
        runtime.shutdown_background();
        done
    }

    /// The shared part of a request to `app`.
    pub fn request(&self) -> Result<Request> {
        let current_dir =
            std::env::current_dir().map_err(|source| AppError::io("finding the current folder", source))?;
        let home = std::env::home_dir().filter(|home| home.is_absolute()).unwrap_or_else(|| current_dir.clone());
        let global = &self.global;
        let spec = discover::Request {
            current_dir,
            files: global.files.clone(),
            project_name: global.project_name.clone(),
            project_directory: global.project_directory.clone(),
            profiles: global.profiles.clone(),
            env_files: global.env_files.clone(),
            environment: variables(),
            devcontainer: global.devcontainer.clone().map(Which),
            all_resources: global.all_resources,
            compatibility: global.compatibility,
        };
        Ok(Request {
            spec,
            instance: global.instance.clone().filter(|instance| !instance.is_empty()),
            layout: Layout::from_variables(&home, |name| std::env::var(name).ok()),
            home,
            yes: global.yes,
            trust: global.trust,
            can_ask: self.screen.look.can_ask,
            dry_run: global.dry_run,
            parallel: global.parallel.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0),
        })
    }

    /// The project that the shared options mean, for verbs on what is there already: a name alone will do.
    pub fn project(&self) -> Result<Project> {
        self.load(Project::locate)
    }

    /// Loads with `load`; what the spec includes of other repositories is fetched first, after the user agreed to it.
    pub fn load<T>(&self, load: impl Fn(&Request) -> Result<T>) -> Result<T> {
        let request = self.request()?;
        let mut ask = |question: &Question| consent::ask(&self.screen, "The spec", question);
        remote::with_includes(&request, &mut ask, || load(&request))
    }

    /// Asks; `--yes` answers. Without a terminal nobody is asked: `command` is what to type instead.
    pub fn confirm(&self, question: &str, command: &str) -> Result<()> {
        if self.global.yes {
            return Ok(());
        }
        if !self.screen.look.can_ask {
            return Err(AppError::needs_decision(format!("{question} Nobody is at the terminal to answer"), command));
        }
        let answer = dialoguer::Confirm::new().with_prompt(question).default(false).interact_opt();
        match answer {
            Ok(Some(true)) => Ok(()),
            Ok(_) => Err(AppError::needs_decision("not done: the answer was no", command)),
            Err(error) => Err(AppError::failed(format!("asking: {error}"))),
        }
    }

    /// The engine, connected.
    pub async fn engine(&self) -> Result<Engine> {
        wiring::connect().await
    }
}

/// This process's variables; those that are no text can't be named in a spec.
fn variables() -> crate::spec::dotenv::Variables {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
