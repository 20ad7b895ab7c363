//! `devup watch`, and `devup up --watch`: containers follow the project's files.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;

use super::ask::{self, Host};
use super::context::Context;
use super::exit::Exit;
use super::images::look;
use super::perform;
use crate::app::agree::Agreeing;
use crate::app::error::{AppError, Result};
use crate::app::inspect;
use crate::app::lifecycle::{self, Verb};
use crate::app::perform::judge;
use crate::app::project::Project;
use crate::app::select::OneOff;
use crate::app::up::{self, UpRequest};
use crate::app::watch::{self, Watched};
use crate::app::wiring::Engine;
use crate::engine::Canceller;
use crate::plan::Options;
use crate::state::store::State;
use crate::ui::progress::Progress;
use crate::ui::text::{clean, clean_lines};
use crate::watch::batch::Batch;
use crate::watch::notice::Notice;
use crate::watch::walk;

const EXAMPLES: &str = "\
Examples:
  devup watch               bring everything up, then follow `develop.watch` until Ctrl-C
  devup watch --no-up web   only follow, for one service that is up
  devup --dry-run watch     what would be watched?";

/// Arguments of `watch`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Services; none: all
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Don't build and start the services first
    #[arg(long)]
    no_up: bool,
    /// Remove the image that a rebuild replaced (done anyway, but for `--prune=false`)
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true",
          action = clap::ArgAction::Set, value_name = "BOOL")]
    prune: bool,
    /// Build without showing progress
    #[arg(long)]
    quiet: bool,
}

/// Watches until Ctrl-C.
pub fn run(arguments: &Args, context: &Context) -> Result<Exit> {
    let request = context.request()?;
    let project = context.load(Project::load)?;
    for remark in &project.remarks {
        context.screen.say(&clean_lines(remark));
    }
    let follower = Follower::new(context, &project, &arguments.services)?;
    if context.global.dry_run {
        return follower.show();
    }
    let follower = Follower { prune: arguments.prune, quiet: arguments.quiet, ..follower };
    let host = Host::of(context)?;
    context.block_on(async {
        let engine = ask::engine(context, &host).await?;
        // from before the start, so that what changes meanwhile is not missed
        let notice = follower.notice()?;
        if arguments.no_up {
            let state = State::open(request.layout.clone())?;
            let (request, engine, project) = (&request, &engine, &project);
            Agreeing { request, engine, project, state: &state, questions: context }.agree().await?;
        } else {
            let options = Options { services: arguments.services.clone(), ..Options::default() };
            follower.bring(&engine, &host, &UpRequest { options, ..UpRequest::default() }).await?;
        }
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => Ok(Exit::INTERRUPTED),
            ended = follower.follow(&engine, &host, notice) => ended.map(|()| Exit::DONE),
        }
    })
}

/// Follows the rules of a project.
pub struct Follower<'a> {
    context: &'a Context,
    project: &'a Project,
    watched: Watched,
    prune: bool,
    quiet: bool,
}

impl<'a> Follower<'a> {
    /// Of these services (none: of all).
    pub fn new(context: &'a Context, project: &'a Project, services: &[String]) -> Result<Self> {
        let watched = watch::rules(project, services)?;
        for remark in &watched.remarks {
            context.screen.warn(&clean_lines(remark));
        }
        Ok(Self { context, project, watched, prune: true, quiet: false })
    }

    /// Begins to listen.
    pub fn notice(&self) -> Result<Notice> {
        let paths = self.watched.rules.iter().map(|rule| rule.path.as_path());
        Notice::of(paths).map_err(|error| AppError::failed(error.to_string()))
    }

    /// Does what changes ask for, until something ends it. What fails is said, and the next change is another try.
    pub async fn follow(&self, engine: &Engine, host: &Host, mut notice: Notice) -> Result<()> {
        let rules = &self.watched.rules;
        let first = rules.iter().filter(|rule| rule.initial && rule.action.copies()).map(|rule| rule.path.clone());
        let first: BTreeSet<PathBuf> = walk::below(rules, first);
        self.report(self.copy(engine, &Batch::of(rules, first.iter().map(PathBuf::as_path))).await);
        self.context.screen.say("Watching: Ctrl-C ends it");
        while let Some(change) = notice.next().await {
            let changed = walk::changed(rules, change);
            let batch = Batch::of(rules, changed.iter().map(PathBuf::as_path));
            if !batch.is_empty() {
                self.report(self.perform(engine, host, &batch).await);
            }
        }
        Ok(())
    }

    fn report(&self, done: Result<()>) {
        if let Err(error) = done {
            self.context.screen.warn(&clean_lines(&error.to_string()));
        }
    }

    async fn perform(&self, engine: &Engine, host: &Host, batch: &Batch) -> Result<()> {
        if !batch.rebuild.is_empty() {
            Box::pin(self.rebuild(engine, host, batch)).await?;
        }
        self.copy(engine, batch).await?;
        if !batch.restart.is_empty() {
            self.restart(engine, batch).await?;
        }
        for number in &batch.exec {
            let rule = &self.watched.rules[*number];
            watch::exec(engine, self.project, rule).await?;
            let command = rule.exec.as_ref().map(|hook| hook.command.join(" ")).unwrap_or_default();
            self.tell(&rule.service, "exec", &json!({ "command": command }), &format!("ran {command}"))?;
        }
        Ok(())
    }

    async fn copy(&self, engine: &Engine, batch: &Batch) -> Result<()> {
        for (service, copies) in &batch.copy {
            let done = watch::copy(engine, self.project, &self.watched.rules, service, copies).await?;
            let details = json!({ "containers": done.containers, "files": done.files, "removed": done.gone });
            let words = match done.containers {
                0 => "nothing was copied: no container runs".to_owned(),
                _ => format!("{} copied, {} removed", done.files, done.gone),
            };
            self.tell(service, "sync", &details, &words)?;
        }
        Ok(())
    }

    async fn rebuild(&self, engine: &Engine, host: &Host, batch: &Batch) -> Result<()> {
        let services: Vec<String> = batch.rebuild.iter().cloned().collect();
        let before = watch::images(engine, self.project, &services).await?;
        let options = Options { services: services.clone(), no_deps: true, build: true, ..Options::default() };
        self.bring(engine, host, &UpRequest { options, ..UpRequest::default() }).await?;
        if self.prune {
            watch::prune(engine, &before).await?;
        }
        for service in &services {
            self.tell(service, "rebuild", &json!({}), "built anew")?;
        }
        Ok(())
    }

    async fn restart(&self, engine: &Engine, batch: &Batch) -> Result<()> {
        let services: Vec<String> = batch.restart.iter().cloned().collect();
        let _lock = perform::lock(self.context, self.project).await?;
        let containers = inspect::containers(engine, self.project, &[], OneOff::Exclude, true).await?;
        let verb = Verb::Restart { grace: None, alone: false };
        let plan = lifecycle::plan(&verb, self.project, &services, containers)?;
        perform::plan(self.context, engine, self.project, plan).await?;
        for service in &services {
            self.tell(service, "restart", &json!({}), "restarted")?;
        }
        Ok(())
    }

    /// Converges; without the report that ends an `up`.
    async fn bring(&self, engine: &Engine, host: &Host, wish: &UpRequest) -> Result<()> {
        let request = self.context.request()?;
        let progress = Progress::new(look(self.context, self.quiet));
        let (canceller, cancel) = Canceller::new();
        let tools = host.tools();
        let work = up::up(&request, engine, self.project, wish, self.context, &tools, (&progress, &cancel));
        let outcome = perform::with_interrupts(self.context, canceller, work).await?;
        judge(&outcome.report)
    }

    fn tell(&self, service: &str, action: &str, details: &serde_json::Value, words: &str) -> Result<()> {
        if !self.context.global.json {
            self.context.screen.say(&format!("{}: {}", clean(service), clean(words)));
            return Ok(());
        }
        let mut line = json!({ "service": service, "action": action });
        for (key, value) in details.as_object().into_iter().flatten() {
            line[key] = value.clone();
        }
        self.context.screen.json(&line)
    }

    fn show(&self) -> Result<Exit> {
        for rule in &self.watched.rules {
            let path = rule.path.display().to_string();
            let to = if rule.action.copies() { format!(" → {}", rule.target) } else { String::new() };
            let details = json!({ "path": path, "target": rule.target });
            if self.context.global.json {
                self.tell(&rule.service, rule.action.word(), &details, "")?;
            } else {
                let line = format!("{}: {} {path}{to}", rule.service, rule.action.word());
                self.context.screen.answer(&format!("{}\n", clean(&line)))?;
            }
        }
        Ok(Exit::DONE)
    }
}
