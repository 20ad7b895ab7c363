//! `build --check`: what the builder has to say about a Dockerfile, without building it. The frontend is asked for its
//! findings in the place of an image; only a client that takes the part of a frontend itself gets such an answer.

use std::collections::HashMap;

use bollard_buildkit_proto::moby::buildkit::v1::SolveRequest;
use bollard_buildkit_proto::pb::Definition;
use serde::Deserialize;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::super::Moby;
use super::control::{self, Connection, Control};
use super::named::{self, Named};
use super::request::{self, Place};
use super::upload::Archives;
use super::{attributes, beside, impossible, session, solve};
use crate::base::ignore::Ignore;
use crate::driver::error::{DriverError, Result};
use crate::driver::image::{BuildRequest, Finding, Findings};

/// How calls say to which build they belong.
const BUILD_ID: &str = "buildkit-controlapi-buildid";
const SOLVE: &str = "/moby.buildkit.v1.frontend.LLBBridge/Solve";
const RETURN: &str = "/moby.buildkit.v1.frontend.LLBBridge/Return";

#[derive(Clone, PartialEq, prost::Message)]
struct Asked {
    #[prost(string, tag = "2")]
    frontend: String,
    #[prost(map = "string, string", tag = "3")]
    attributes: HashMap<String, String>,
    #[prost(bool, tag = "5")]
    allow_result: bool,
    #[prost(bool, tag = "6")]
    allow_results: bool,
    #[prost(map = "string, message", tag = "13")]
    inputs: HashMap<String, Definition>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Answered {
    #[prost(message, optional, tag = "3")]
    result: Option<Outcome>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Outcome {
    #[prost(map = "string, bytes", tag = "10")]
    metadata: HashMap<String, Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Done {
    #[prost(message, optional, tag = "1")]
    result: Option<Outcome>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Nothing {}

/// Asks for the findings.
pub(in crate::driver::moby) async fn check(moby: &Moby, request: &BuildRequest) -> Result<Findings> {
    let attempted = format!("checking the build of {}", request.tags.first().map_or("an image", String::as_str));
    if !moby.features.buildkit {
        return Err(unsupported(moby, attempted));
    }
    impossible::refuse(&attempted, request, &moby.features)?;
    let mut place = request::place(&attempted, request, &moby.features)?;
    only_the_dockerfile(&mut place);
    let mut archives = Archives::default();
    let mut named = named::named(moby, &attempted, request, &mut archives).await?;
    named.attributes.insert("context".to_owned(), solve::main_context(&mut place, &mut archives));
    let asked = asked(request, &place, moby, named);
    let session = session::open(moby, &attempted, request, archives).await?;
    let Control { mut client, connection, serving } = control::open(moby, &attempted).await?;
    let id = session.id.clone();
    let ours = SolveRequest { r#ref: id.clone(), session: id.clone(), ..SolveRequest::default() };
    let asking = async {
        // the frame around our calls: it ends with what we return
        let frame = client.solve(ours);
        let calls = ask(connection, &id, asked);
        tokio::select! {
            answered = calls => answered,
            Err(status) = frame => Err(status),
        }
    };
    match Box::pin(beside(session.serving, beside(serving, asking))).await {
        Ok(outcome) => read(&attempted, &outcome),
        Err(status) => Err(refused(moby, attempted, &status)),
    }
}

/// Nothing else of the folder is looked at.
fn only_the_dockerfile(place: &mut Place) {
    if let Some(context) = &mut place.context {
        context.ignore = Ignore::parse("*").unwrap_or_default();
    }
}

fn asked(request: &BuildRequest, place: &Place, moby: &Moby, named: Named) -> Asked {
    let mut attributes = attributes::of(request, place, &moby.features, None);
    attributes.extend(named.attributes);
    // no image, and so nothing to be said beside it
    attributes.retain(|key, _| !key.starts_with("attest:"));
    attributes.insert("requestid".to_owned(), "frontend.lint".to_owned());
    Asked {
        frontend: "dockerfile.v0".to_owned(),
        attributes,
        allow_result: true,
        allow_results: true,
        inputs: named.inputs,
    }
}

async fn ask(connection: Connection, id: &str, asked: Asked) -> Result<Outcome, Status> {
    let mut bridge = Grpc::with_origin(connection, control::origin());
    let answered: Answered = call(&mut bridge, SOLVE, id, asked).await?;
    let done = Done { result: Some(Outcome::default()) };
    let _: Nothing = call(&mut bridge, RETURN, id, done).await?;
    Ok(answered.result.unwrap_or_default())
}

async fn call<A, B>(bridge: &mut Grpc<Connection>, path: &'static str, id: &str, message: A) -> Result<B, Status>
where
    A: prost::Message + 'static,
    B: prost::Message + Default + 'static,
{
    let mut request = Request::new(message);
    let id = id.parse().map_err(|_| Status::internal("the session's name is no text"))?;
    request.metadata_mut().insert(BUILD_ID, id);
    bridge.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let answer = bridge.unary(request, PathAndQuery::from_static(path), ProstCodec::<A, B>::default()).await?;
    Ok(answer.into_inner())
}

/// The frontend's findings as it writes them down.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Lint {
    warnings: Option<Vec<Warning>>,
    error: Option<Broken>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Warning {
    rule_name: String,
    description: String,
    url: String,
    detail: String,
    location: Option<Location>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Broken {
    message: String,
    location: Option<Location>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Location {
    ranges: Option<Vec<Range>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Range {
    start: Position,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Position {
    line: u32,
}

fn line(location: Option<&Location>) -> Option<u32> {
    location?.ranges.as_ref()?.first().map(|range| range.start.line)
}

fn read(attempted: &str, outcome: &Outcome) -> Result<Findings> {
    let text = outcome.metadata.get("result.json").map(Vec::as_slice).unwrap_or_default();
    let lint: Lint = serde_json::from_slice(text).map_err(|error| DriverError::Failed {
        attempted: attempted.to_owned(),
        reason: format!("the builder's findings cannot be read: {error}"),
    })?;
    let finding = |warning: Warning| Finding {
        line: line(warning.location.as_ref()),
        rule: warning.rule_name,
        description: warning.description,
        detail: warning.detail,
        url: warning.url,
    };
    let error = lint.error.map(|broken| match line(broken.location.as_ref()) {
        Some(line) => format!("line {line}: {}", broken.message),
        None => broken.message,
    });
    Ok(Findings { warnings: lint.warnings.unwrap_or_default().into_iter().map(finding).collect(), error })
}

fn refused(moby: &Moby, attempted: String, status: &Status) -> DriverError {
    let reason = solve::words(status);
    if reason.contains("unsupported request") {
        return unsupported(moby, attempted);
    }
    DriverError::Failed { attempted, reason }
}

fn unsupported(moby: &Moby, attempted: String) -> DriverError {
    DriverError::NotSupported {
        attempted,
        engine: moby.http.identity().engine.clone(),
        reason: "checks of a Dockerfile need the BuildKit of Docker 27 or newer; build without `--check`".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn outcome(text: &str) -> Outcome {
        Outcome { metadata: HashMap::from([("result.json".to_owned(), text.as_bytes().to_vec())]) }
    }

    #[test]
    fn findings_are_read_with_their_lines() {
        let read = |text: &str| read("x", &outcome(text));
        let found = read(
            r#"{"warnings":[{"ruleName":"FromAsCasing","description":"d","url":"u","detail":"'as' and 'FROM'","level":1,
                "location":{"ranges":[{"start":{"line":3},"end":{"line":3}}]}},{"ruleName":"Other"}]}"#,
        )
        .unwrap();
        let seen: Vec<_> = found.warnings.iter().map(|one| (one.rule.as_str(), one.line)).collect();
        assert_eq!(seen, [("FromAsCasing", Some(3)), ("Other", None)]);
        let broken = read(
            r#"{"warnings":null,"error":{"message":"unknown instruction: BAD","location":{"ranges":[{"start":{"line":1}}]}}}"#,
        );
        assert_eq!(broken.unwrap().error.as_deref(), Some("line 1: unknown instruction: BAD"));
        assert!(read("").is_err());
    }
}
