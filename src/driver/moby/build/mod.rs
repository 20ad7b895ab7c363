//! Builds from a Dockerfile through the engine's API: `BuildKit` where the engine has it (with a session beside the call,
//! for secrets, ssh and credentials), else the engine's classic builder. What `POST /build` has no parameter for goes
//! through the builder's own API.

mod agent;
mod attributes;
pub(super) mod check;
mod context;
mod control;
mod definition;
mod dockerfile;
mod impossible;
mod named;
mod progress;
mod request;
mod session;
mod solve;
mod step;
mod upload;

use std::future::Future;
use std::pin::{Pin, pin};

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use tokio_util::io::SyncIoBridge;

use super::{Moby, reference, refusal};
use crate::base::digest::Digest;
use crate::driver::credentials;
use crate::driver::error::{DriverError, Result};
use crate::driver::features::Features;
use crate::driver::image::{BuildRequest, ImageDriver as _, ImageProgress, ProgressSink};
use progress::{Line, Progress};
use request::Place;
use upload::Archives;

/// Bytes of the archive that wait for the engine.
const IN_FLIGHT: usize = 256 * 1024;

/// What has to be polled beside a call, for as long as the call lasts.
type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves until the work is done. Serving that ends early leaves the work to say so.
async fn beside<T>(serving: Serving, work: impl Future<Output = T>) -> T {
    match select(serving, pin!(work)).await {
        Either::Left(((), work)) => work.await,
        Either::Right((done, _)) => done,
    }
}

/// Builds; returns the image's id.
pub(super) async fn build(moby: &Moby, request: &BuildRequest, progress: ProgressSink<'_>) -> Result<String> {
    let attempted = attempted(request);
    impossible::refuse(&attempted, request, &moby.features)?;
    let mut place = request::place(&attempted, request, &moby.features)?;
    if let Some(remark) = place.remark {
        progress(ImageProgress { part: String::new(), message: remark.to_owned(), current: None, total: None });
    }
    let syntax_line = place.syntax_line;
    let seen = if solve::is_needed(&request.build) {
        Box::pin(solve::build(moby, &attempted, request, &mut place, progress)).await?
    } else {
        Box::pin(call(moby, &attempted, request, place, progress)).await?
    };
    if let Some(reason) = seen.failure() {
        let error = refusal::from_words(moby.http.identity(), &attempted, 500, &reason);
        // what a step's own program says is not about the engine and its registries
        let error = if is_of_a_step(&reason) { error } else { reference::explained(error) };
        return Err(request::explained(error, syntax_line, &moby.http.identity().engine));
    }
    match (seen.image(), request.tags.first()) {
        (Some(id), _) => Ok(id),
        (None, Some(tag)) => moby.image(tag).await?.map(|image| image.id).ok_or_else(|| DriverError::Failed {
            attempted,
            reason: format!("the engine says it built {tag}, but does not have it"),
        }),
        (None, None) => {
            Err(DriverError::Failed { attempted, reason: "the engine names no image as its result".into() })
        }
    }
}

/// A build by `POST /build`. A failure of the build itself is in what was seen.
async fn call(
    moby: &Moby,
    attempted: &str,
    request: &BuildRequest,
    place: Place,
    progress: ProgressSink<'_>,
) -> Result<Progress> {
    let mut ask = moby.http.post(attempted, "/build").header("content-type", "application/x-tar");
    for (key, value) in request::parameters(request, &place, &moby.features) {
        ask = ask.query(key, value);
    }
    let session = if moby.features.buildkit {
        let session = session::open(moby, attempted, request, Archives::default()).await?;
        ask = ask.query("version", "2").query("session", &session.id).query("buildid", &session.id);
        Some(session)
    } else {
        if let Some(header) = credentials::all_known().await {
            ask = ask.header("x-registry-config", &header);
        }
        None
    };
    let mut packing = None;
    if let Some(context) = place.context {
        let (read, write) = tokio::io::duplex(IN_FLIGHT);
        ask = ask.reader(read);
        packing = Some(tokio::task::spawn_blocking(move || context::pack(&context, SyncIoBridge::new(write))));
    }
    let asking = async {
        let mut seen = Progress::default();
        let mut lines = pin!(ask.values::<Line>().await?);
        while let Some(line) = lines.next().await {
            seen.take(line?, progress);
        }
        Ok::<_, DriverError>(seen)
    };
    let built = match session {
        Some(session) => beside(session.serving, asking).await,
        None => asking.await,
    };
    // where the context could not be packed, that is the reason for everything else
    if let Some(packing) = packing
        && let Ok(Err(error)) = packing.await
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        return Err(DriverError::Failed { attempted: attempted.to_owned(), reason: error.to_string() });
    }
    built
}

/// Refuses what this engine's API has no way to say.
pub(super) fn check(request: &BuildRequest, features: &Features) -> Result<()> {
    impossible::refuse(&attempted(request), request, features)
}

/// Whether a program that a step ran failed, in the words of `BuildKit` old and new, the classic builder, and Buildah.
fn is_of_a_step(reason: &str) -> bool {
    ["executor failed running", "did not complete successfully", "returned a non-zero code", "while running runtime"]
        .iter()
        .any(|words| reason.contains(words))
}

fn attempted(request: &BuildRequest) -> String {
    format!("building image {}", request.tags.first().map_or("without a name", String::as_str))
}

/// A name for generated files that no file of a project has.
fn private_name(content: &[u8]) -> String {
    format!(".devup-{}.Dockerfile", Digest::of(content).short(12))
}

#[cfg(test)]
mod tests {
    use super::is_of_a_step;

    #[test]
    fn a_failing_program_is_told_from_a_failing_registry() {
        assert!(is_of_a_step("executor failed running [/bin/sh -c pip install x]: exit code: 1"));
        assert!(is_of_a_step("process \"/bin/sh -c false\" did not complete successfully: exit code: 1"));
        assert!(is_of_a_step("The command '/bin/sh -c false' returned a non-zero code: 1"));
        assert!(!is_of_a_step("failed to do request: Head \"https://registry.example\": x509: unknown authority"));
    }
}
