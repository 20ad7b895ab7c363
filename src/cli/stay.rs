//! What `devup up` does after converging where attaching is asked for: shows what services print until they end, one of
//! them ends, or Ctrl-C, which stops them.

use futures_util::{FutureExt, StreamExt};

use super::context::Context;
use super::exit::Exit;
use super::perform;
use crate::app::error::Result;
use crate::app::inspect;
use crate::app::lifecycle::{self, Verb};
use crate::app::logs::{self, Logs, Options};
use crate::app::project::Project;
use crate::app::select::OneOff;
use crate::app::stay::{self, Ended, Shown, Until};
use crate::app::wiring::Engine;
use crate::driver::session::LogOptions;
use crate::ui::logs::LogView;
use crate::ui::text::clean;

/// How to stay.
#[derive(Debug, Clone, Default)]
pub struct Stay {
    /// Services whose ends count, and which are stopped in the end; none: all.
    pub services: Vec<String>,
    /// Whose output is shown.
    pub shown: Shown,
    /// The project's files are followed meanwhile: containers come and go, and none of their ends counts.
    pub watch: bool,
    /// What ends it.
    pub until: Until,
    /// `--exit-code-from`: the service whose exit code is passed on.
    pub code_from: Option<String>,
    /// Lines with the container's name before them.
    pub prefix: bool,
    /// Lines with their time.
    pub timestamps: bool,
    /// Only what was printed since.
    pub since: Option<jiff::Timestamp>,
}

enum Why {
    AllEnded,
    One(Ended),
    Interrupted,
}

/// Stays with services that are up. In the end they are stopped.
pub async fn follow(context: &Context, engine: &Engine, project: &Project, stay: &Stay) -> Result<Exit> {
    let shown = stay.shown.of(project, &stay.services)?;
    let lines = LogOptions { follow: true, since: stay.since, timestamps: stay.timestamps, ..LogOptions::default() };
    let mut found = if shown.is_empty() {
        Logs { origins: Vec::new(), lines: futures_util::stream::empty().boxed() }
    } else {
        logs::logs(engine, project, &Options { services: shown, index: None, lines }).await?
    };
    // it is asked again after its end
    found.lines = found.lines.fuse().boxed();
    let mut view = LogView::new(&found.origins, stay.prefix, context.screen.look);
    let why = until(context, engine, project, stay, (&mut found, &mut view)).await?;
    if matches!(why, Why::One(_)) {
        context.screen.say("stopping the others");
    }
    if !matches!(why, Why::AllEnded) {
        stop(context, engine, project, stay, (&mut found, &mut view)).await?;
    }
    // what was printed up to the end
    while let Some(Some(line)) = found.lines.next().now_or_never() {
        context.screen.answer_bytes(&view.show(&line?))?;
    }
    match (why, &stay.code_from) {
        (Why::Interrupted, _) => Ok(Exit::INTERRUPTED),
        (_, Some(service)) => Ok(Exit::program(stay::code_of(engine, project, service).await?)),
        (Why::One(ended), None) => Ok(Exit::program(ended.code)),
        (Why::AllEnded, None) => Ok(Exit::DONE),
    }
}

async fn until(
    context: &Context,
    engine: &Engine,
    project: &Project,
    stay: &Stay,
    (found, view): (&mut Logs, &mut LogView),
) -> Result<Why> {
    let containers = stay::watched(engine, project, &stay.services).await?;
    let jobs = stay::jobs(project);
    let mut ends = stay::ends(engine, &containers);
    let mut printing = true;
    loop {
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => return Ok(Why::Interrupted),
            line = found.lines.next(), if printing => match line {
                Some(line) => context.screen.answer_bytes(&view.show(&line?))?,
                None => printing = false,
            },
            ended = ends.next(), if !stay.watch => {
                let Some(ended) = ended.transpose()? else { return Ok(Why::AllEnded) };
                context.screen.say(&format!("{} exited with code {}", clean(&ended.name), ended.code));
                let expected = ended.code == 0
                    && jobs.contains(&ended.service)
                    && stay.code_from.as_ref() != Some(&ended.service);
                if stay.until.is_met(&ended) && !expected {
                    return Ok(Why::One(ended));
                }
            }
        }
    }
}

/// Stops the services, and shows what they print on the way.
async fn stop(
    context: &Context,
    engine: &Engine,
    project: &Project,
    stay: &Stay,
    (found, view): (&mut Logs, &mut LogView),
) -> Result<()> {
    let mut work = std::pin::pin!(async {
        let _lock = perform::lock(context, project).await?;
        let containers = inspect::containers(engine, project, &[], OneOff::Exclude, true).await?;
        let plan = lifecycle::plan(&Verb::Stop { grace: None }, project, &stay.services, containers)?;
        perform::plan(context, engine, project, plan).await
    });
    let mut printing = true;
    loop {
        tokio::select! {
            done = &mut work => return done.map(drop),
            line = found.lines.next(), if printing => match line {
                Some(line) => context.screen.answer_bytes(&view.show(&line?))?,
                None => printing = false,
            },
        }
    }
}
