//! `logs`: what containers printed, line by line, from several at once.
//!
//! History is put in the order of the engine's time stamps across containers; what comes while following is passed on as
//! it comes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{BoxStream, StreamExt};
use jiff::Timestamp;

use crate::app::error::Result;
use crate::app::project::Project;
use crate::app::select::{self, OneOff, Wanted};
use crate::app::wiring::Engine;
use crate::driver::container::Scope;
use crate::driver::session::LogOptions;
use crate::driver::stream::Chunk;
use crate::model::observed::Container;
use crate::secret::redact::Redactor;

/// Longest line held in memory; the rest comes as a line of its own.
const LONGEST_LINE: usize = 1 << 20;

/// What to show.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Services; none: all.
    pub services: Vec<String>,
    /// Only the container with this number.
    pub index: Option<u32>,
    /// Which lines.
    pub lines: LogOptions,
}

/// Where lines come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Service.
    pub service: String,
    /// The container's name without the project's.
    pub name: String,
}

/// A whole line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whose.
    pub origin: Arc<Origin>,
    /// What it printed, as it came.
    pub text: Bytes,
}

/// Containers whose output is asked for, and their lines.
pub struct Logs {
    /// Those known at the beginning: for the width of the prefix.
    pub origins: Vec<Arc<Origin>>,
    /// Ends with the last container, or never while following a project that runs.
    pub lines: BoxStream<'static, Result<Line>>,
}

/// Opens the logs.
pub async fn logs(engine: &Engine, project: &Project, options: &Options) -> Result<Logs> {
    let containers = engine.containers.containers(&Scope::Project(project.name.clone())).await?;
    project.check_services(&options.services, &containers)?;
    let mut kept = Wanted { services: &options.services, one_off: OneOff::Exclude, stopped: true }.of(containers);
    if let Some(index) = options.index {
        kept.retain(|container| container.number() == index);
        for service in &options.services {
            select::one(&kept, service, Some(index))?;
        }
    }
    let origins: Vec<Arc<Origin>> = kept.iter().map(|container| Arc::new(origin(container, &project.name))).collect();
    let lines = if options.lines.follow {
        follow(engine, project, options, &kept).await?
    } else {
        history(engine, options, &kept, &origins).await?
    };
    Ok(Logs { origins, lines })
}

impl Logs {
    /// The same without the values that the redactor knows.
    #[must_use]
    pub fn without(self, redactor: Redactor) -> Self {
        let shown = move |line: Line| Line { text: redactor.whole(&line.text).into(), ..line };
        Self { lines: self.lines.map(move |line| line.map(&shown)).boxed(), ..self }
    }
}

/// Who prints, for people: the container's name without the project's.
pub fn origin(container: &Container, project: &str) -> Origin {
    let name = container.name.strip_prefix(&format!("{project}-")).unwrap_or(&container.name);
    Origin { service: container.service().to_owned(), name: name.to_owned() }
}

/// All lines so far, merged by time.
async fn history(
    engine: &Engine,
    options: &Options,
    containers: &[Container],
    origins: &[Arc<Origin>],
) -> Result<BoxStream<'static, Result<Line>>> {
    // the engine's time stamps decide about the order; they are cut off again where nobody asked for them
    let stamped = LogOptions { timestamps: true, ..options.lines.clone() };
    let opened = futures_util::future::try_join_all(containers.iter().map(|c| engine.sessions.logs(&c.id, &stamped)));
    let streams = opened.await?;
    let sources = streams.into_iter().zip(origins).map(|(chunks, origin)| lines(chunks, origin.clone())).collect();
    let keep = options.lines.timestamps;
    let merged = futures_util::stream::unfold(Merge { sources, heads: None }, |mut merge| async {
        let next = merge.next().await?;
        Some((next, merge))
    });
    let shown = move |line: Line| if keep { line } else { Line { text: without_stamp(&line.text), ..line } };
    Ok(merged.map(move |line| line.map(shown)).boxed())
}

/// The lines of several containers, each sorted in itself, as one sorted stream.
struct Merge {
    sources: Vec<BoxStream<'static, Result<Line>>>,
    heads: Option<Vec<Option<Line>>>,
}

impl Merge {
    async fn next(&mut self) -> Option<Result<Line>> {
        if self.heads.is_none() {
            let firsts = futures_util::future::join_all(self.sources.iter_mut().map(StreamExt::next)).await;
            let heads: Result<Vec<Option<Line>>> = firsts.into_iter().map(Option::transpose).collect();
            match heads {
                Ok(heads) => self.heads = Some(heads),
                Err(error) => {
                    self.heads = Some(vec![]);
                    return Some(Err(error));
                }
            }
        }
        let heads = self.heads.as_mut()?;
        let first = heads
            .iter()
            .enumerate()
            .filter_map(|(at, line)| line.as_ref().map(|line| (stamp(&line.text), at)))
            .min()
            .map(|(_, at)| at)?;
        let line = heads[first].take()?;
        match self.sources[first].next().await.transpose() {
            Ok(next) => heads[first] = next,
            Err(error) => {
                heads.clear();
                return Some(Err(error));
            }
        }
        Some(Ok(line))
    }
}

/// Nanoseconds of the time stamp in front of a line; a line without one belongs to the beginning.
fn stamp(line: &[u8]) -> i128 {
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let text = std::str::from_utf8(&line[..end]).unwrap_or_default();
    text.parse::<jiff::Timestamp>().map_or(i128::MIN, jiff::Timestamp::as_nanosecond)
}

fn without_stamp(line: &Bytes) -> Bytes {
    if stamp(line) == i128::MIN {
        return line.clone();
    }
    let end = line.iter().position(|byte| *byte == b' ').map_or(line.len(), |at| at + 1);
    line.slice(end..)
}

/// Lines as they come, of containers that start later too.
async fn follow(
    engine: &Engine,
    project: &Project,
    options: &Options,
    containers: &[Container],
) -> Result<BoxStream<'static, Result<Line>>> {
    let scope = Scope::Project(project.name.clone());
    // listened to before the first log is opened, so that no start is missed
    let events = engine.sessions.events(&scope, None, None).await?;
    let mut follower = Follower {
        engine: engine.clone(),
        project: project.name.clone(),
        options: options.clone(),
        followed: HashMap::new(),
        ended: HashMap::new(),
        again: HashMap::new(),
        open: futures_util::stream::SelectAll::new(),
        running: containers.iter().filter(|container| container.is_up()).map(|c| c.id.clone()).collect(),
        events,
    };
    for container in containers {
        if !container.is_up() {
            follower.ended.insert(container.id.clone(), after_last_line(engine, &container.id).await?);
        }
        follower.add(container, options.lines.clone()).await?;
    }
    Ok(futures_util::stream::unfold(follower, |mut follower| async {
        let next = follower.next().await?;
        Some((next, follower))
    })
    .boxed())
}

/// The moment after the last line of a container that does not run: where its next run begins.
async fn after_last_line(engine: &Engine, id: &str) -> Result<Option<Timestamp>> {
    let last = LogOptions { tail: Some(1), timestamps: true, ..LogOptions::default() };
    let origin = Arc::new(Origin { service: String::new(), name: String::new() });
    let mut found = lines(engine.sessions.logs(id, &last).await?, origin);
    let mut latest = None;
    while let Some(line) = found.next().await {
        latest = Some(stamp(&line?.text)).filter(|nanos| *nanos != i128::MIN).max(latest);
    }
    Ok(latest.and_then(|nanos| Timestamp::from_nanosecond(nanos + 1).ok()))
}

struct Follower {
    engine: Engine,
    project: String,
    options: Options,
    /// Containers whose log is open; whether they ended since.
    followed: HashMap<String, bool>,
    /// When they ended last: what they printed before was shown.
    ended: HashMap<String, Option<Timestamp>>,
    /// Containers that started again while the log of the run before is still open, with where to go on.
    again: HashMap<String, Option<Timestamp>>,
    /// Containers that run, as far as events tell.
    running: HashSet<String>,
    open: futures_util::stream::SelectAll<BoxStream<'static, (String, Option<Result<Line>>)>>,
    events: BoxStream<'static, crate::driver::error::Result<crate::driver::session::EngineEvent>>,
}

impl Follower {
    async fn add(&mut self, container: &Container, wanted: LogOptions) -> Result<()> {
        let chunks = self.engine.sessions.logs(&container.id, &wanted).await?;
        let origin = Arc::new(origin(container, &self.project));
        let id = container.id.clone();
        self.followed.insert(id.clone(), false);
        let end = futures_util::stream::once(std::future::ready(None));
        let stream = lines(chunks, origin).map(Some).chain(end).map(move |line| (id.clone(), line));
        self.open.push(stream.boxed());
        Ok(())
    }

    /// Goes on where the run before ended.
    async fn reopen(&mut self, container: &Container, since: Option<Timestamp>) -> Result<()> {
        let since = since.max(self.options.lines.since);
        let wanted = LogOptions { tail: None, since, ..self.options.lines.clone() };
        self.add(container, wanted).await
    }

    /// A log is over.
    async fn closed(&mut self, id: &str) -> Result<()> {
        self.followed.remove(id);
        let Some(since) = self.again.remove(id) else {
            self.running.remove(id);
            return Ok(());
        };
        match self.engine.containers.container(id).await? {
            Some(container) => self.reopen(&container, since).await,
            None => Ok(()),
        }
    }

    async fn next(&mut self) -> Option<Result<Line>> {
        loop {
            if self.open.is_empty() && self.running.is_empty() {
                return None;
            }
            tokio::select! {
                biased;
                Some((id, line)) = self.open.next(), if !self.open.is_empty() => match line {
                    Some(line) => return Some(line),
                    // the engine closes a log when its container ends
                    None => {
                        if let Err(error) = self.closed(&id).await {
                            return Some(Err(error));
                        }
                    }
                },
                event = self.events.next() => match event {
                    Some(Ok(event)) => {
                        if let Err(error) = self.heard(&event).await {
                            return Some(Err(error));
                        }
                    }
                    Some(Err(error)) => return Some(Err(error.into())),
                    None => self.running.clear(),
                },
            }
        }
    }

    async fn heard(&mut self, event: &crate::driver::session::EngineEvent) -> Result<()> {
        if event.kind != "container" {
            return Ok(());
        }
        match event.action.as_str() {
            "start" => {
                let Some(container) = self.engine.containers.container(&event.id).await? else { return Ok(()) };
                let wanted = Wanted { services: &self.options.services, one_off: OneOff::Exclude, stopped: true };
                let meant = wanted.of(vec![container]).pop();
                let Some(container) = meant.filter(|c| self.options.index.is_none_or(|i| i == c.number())) else {
                    return Ok(());
                };
                self.running.insert(container.id.clone());
                // not from the moment of this start: its first lines come before the engine tells of it
                let since = self.ended.get(&container.id).copied().unwrap_or(self.options.lines.since);
                match self.followed.get(&container.id) {
                    None => self.reopen(&container, since).await?,
                    Some(true) => drop(self.again.insert(container.id.clone(), since)),
                    // the log was opened after this start
                    Some(false) => {}
                }
            }
            "die" => {
                self.running.remove(&event.id);
                self.ended.insert(event.id.clone(), Timestamp::from_nanosecond(event.time_nano.into()).ok());
                if let Some(ended) = self.followed.get_mut(&event.id) {
                    *ended = true;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Chunks cut into lines; each stream (out, err) for itself.
pub fn lines(
    chunks: BoxStream<'static, crate::driver::error::Result<Chunk>>,
    origin: Arc<Origin>,
) -> BoxStream<'static, Result<Line>> {
    struct Cut {
        chunks: BoxStream<'static, crate::driver::error::Result<Chunk>>,
        origin: Arc<Origin>,
        ready: std::collections::VecDeque<Bytes>,
        out: BytesMut,
        err: BytesMut,
        over: bool,
    }
    let state = Cut {
        chunks,
        origin,
        ready: std::collections::VecDeque::new(),
        out: BytesMut::new(),
        err: BytesMut::new(),
        over: false,
    };
    futures_util::stream::unfold(state, |mut cut| async {
        loop {
            if let Some(text) = cut.ready.pop_front() {
                let line = Line { origin: cut.origin.clone(), text };
                return Some((Ok(line), cut));
            }
            if cut.over {
                return None;
            }
            match cut.chunks.next().await {
                Some(Ok(Chunk::Out(bytes))) => split(&mut cut.out, &bytes, &mut cut.ready),
                Some(Ok(Chunk::Err(bytes))) => split(&mut cut.err, &bytes, &mut cut.ready),
                Some(Err(error)) => {
                    cut.over = true;
                    return Some((Err(error.into()), cut));
                }
                None => {
                    cut.over = true;
                    for rest in [cut.out.split(), cut.err.split()] {
                        if !rest.is_empty() {
                            cut.ready.push_back(rest.freeze());
                        }
                    }
                }
            }
        }
    })
    .boxed()
}

fn split(held: &mut BytesMut, bytes: &[u8], ready: &mut std::collections::VecDeque<Bytes>) {
    held.extend_from_slice(bytes);
    while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
        let mut line = held.split_to(end + 1);
        line.truncate(end);
        ready.push_back(line.freeze());
    }
    if held.len() > LONGEST_LINE {
        ready.push_back(held.split().freeze());
    }
}
