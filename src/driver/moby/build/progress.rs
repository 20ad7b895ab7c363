//! The lines that a build answers with: text of the classic builder, or `BuildKit`'s trace (protobuf in base64).

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex};
use prost::Message as _;
use serde::Deserialize;
use serde_json::Value;

use super::step::{Step, Tail};
use crate::driver::image::{ImageProgress, ProgressSink};
use crate::driver::moby::listed::nullable;

/// One line of the answer.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Line {
    #[serde(deserialize_with = "nullable")]
    id: String,
    #[serde(deserialize_with = "nullable")]
    stream: String,
    #[serde(deserialize_with = "nullable")]
    status: String,
    #[serde(deserialize_with = "nullable")]
    error: String,
    #[serde(rename = "progressDetail", deserialize_with = "nullable")]
    detail: Detail,
    aux: Value,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Detail {
    current: Option<u64>,
    total: Option<u64>,
}

/// What was seen of a build.
#[derive(Default)]
pub(super) struct Progress {
    /// Steps by digest.
    steps: HashMap<String, Step>,
    failed_step: Option<String>,
    error: Option<String>,
    image: Option<String>,
    step: String,
    output: Tail,
}

impl Progress {
    /// Takes one line in, and shows what it says.
    pub(super) fn take(&mut self, line: Line, show: ProgressSink<'_>) {
        if line.id == "moby.buildkit.trace" {
            let bytes = line.aux.as_str().and_then(|text| STANDARD.decode(text).ok());
            if let Some(status) = bytes.and_then(|bytes| StatusResponse::decode(bytes.as_slice()).ok()) {
                self.trace(&status, show);
            }
            return;
        }
        if let Some(id) = line.aux.get("ID").and_then(Value::as_str) {
            self.image = Some(id.to_owned());
        }
        if !line.error.is_empty() {
            self.error = Some(line.error);
        } else if !line.stream.trim().is_empty() {
            let text = line.stream.trim_end();
            if is_step(text) {
                text.clone_into(&mut self.step);
                self.output.clear();
            } else {
                self.output.lines(text.as_bytes());
            }
            let part = self.step.clone();
            show(ImageProgress { part, message: text.to_owned(), current: None, total: None });
        } else if !line.status.is_empty() {
            let Detail { current, total } = line.detail;
            show(ImageProgress { part: line.id, message: line.status, current, total });
        }
    }

    /// Takes in what `BuildKit` says of its steps, and shows it.
    pub(super) fn trace(&mut self, status: &StatusResponse, show: ProgressSink<'_>) {
        let say = |part: &str, message: &str, current: Option<u64>, total: Option<u64>| {
            show(ImageProgress { part: part.to_owned(), message: message.to_owned(), current, total });
        };
        for vertex in &status.vertexes {
            self.steps.entry(vertex.digest.clone()).or_default().name.clone_from(&vertex.name);
        }
        for measured in &status.statuses {
            let name = self.steps.get(&measured.vertex).map_or("", |step| step.name.as_str());
            let number = |value: i64| u64::try_from(value).ok().filter(|value| *value > 0);
            say(name, &measured.id, number(measured.current), number(measured.total));
        }
        for log in &status.logs {
            let step = self.steps.entry(log.vertex.clone()).or_default();
            for line in step.take(log.stream, &log.msg) {
                say(&step.name, &line, None, None);
            }
        }
        // after the output that came with it
        for vertex in &status.vertexes {
            let Some(word) = standing(vertex) else { continue };
            let step = self.steps.entry(vertex.digest.clone()).or_default();
            // one that just begins has printed nothing
            for line in step.end() {
                say(&step.name, &line, None, None);
            }
            say(&vertex.name, word, None, None);
            // a cancelled neighbour is no cause
            if !vertex.error.is_empty() && !vertex.error.contains("context canceled") {
                self.failed_step = Some(vertex.digest.clone());
            }
        }
    }

    /// The build as a whole failed, in these words.
    pub(super) fn fail(&mut self, error: String) {
        self.error = Some(error);
    }

    /// Why it failed, with the last lines of the step; `None`: it did not.
    pub(super) fn failure(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        let step = self.failed_step.as_ref().and_then(|digest| self.steps.get(digest));
        let (name, lines) = step.map_or((&self.step, &self.output), |step| (&step.name, &step.tail));
        let mut text = error.trim().to_owned();
        if !name.is_empty() && !text.contains(name.as_str()) {
            text = format!("{name}: {text}");
        }
        for line in lines.iter() {
            text.push_str("\n  ");
            text.push_str(line);
        }
        Some(text)
    }

    /// The image's id, where the engine said it.
    pub(super) fn image(&self) -> Option<String> {
        self.image.clone()
    }
}

/// How far a step is, in a word: none where it just begins, its name says that.
fn standing(vertex: &Vertex) -> Option<&'static str> {
    if !vertex.error.is_empty() {
        Some("failed")
    } else if vertex.cached {
        Some("cached")
    } else if vertex.completed.is_some() {
        Some("done")
    } else {
        vertex.started.as_ref().map(|_| "")
    }
}

/// `Step 3/5 : RUN make`, `STEP 3/5: RUN make`.
fn is_step(text: &str) -> bool {
    text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("step "))
}

#[cfg(test)]
mod tests {
    use bollard_buildkit_proto::moby::buildkit::v1::VertexLog;

    use super::*;

    fn seen(lines: &[Value]) -> Progress {
        let mut progress = Progress::default();
        for line in lines {
            progress.take(serde_json::from_value(line.clone()).unwrap(), &|_| {});
        }
        progress
    }

    #[test]
    fn the_classic_builder_failing() {
        let progress = seen(&[
            serde_json::json!({"stream": "Step 1/2 : FROM scratch\n"}),
            serde_json::json!({"stream": "earlier\n"}),
            serde_json::json!({"stream": "Step 2/2 : RUN make\n"}),
            serde_json::json!({"stream": "no rule to make target\n"}),
            serde_json::json!({"errorDetail": {"code": 2}, "error": "The command '/bin/sh -c make' returned a non-zero code: 2"}),
        ]);
        let text = progress.failure().unwrap();
        assert!(text.starts_with("Step 2/2 : RUN make: The command"), "{text}");
        assert!(text.ends_with("\n  no rule to make target") && !text.contains("earlier"), "{text}");
    }

    /// What is shown of traces, as `step: words`.
    fn shown(traces: &[StatusResponse]) -> (Progress, Vec<String>) {
        let (mut progress, seen) = (Progress::default(), std::sync::Mutex::new(Vec::new()));
        for trace in traces {
            let aux = STANDARD.encode(trace.encode_to_vec());
            let line = serde_json::json!({"id": "moby.buildkit.trace", "aux": aux});
            progress.take(serde_json::from_value(line).unwrap(), &|said| {
                seen.lock().unwrap().push(format!("{}: {}", said.part, said.message));
            });
        }
        (progress, seen.into_inner().unwrap())
    }

    #[test]
    fn output_is_shown_in_whole_lines_before_the_step_ends() {
        let vertex = |completed: bool, error: &str| {
            let (digest, name, error) = ("d".to_owned(), "RUN make".to_owned(), error.to_owned());
            let mut vertex = Vertex { digest, name, error, ..Vertex::default() };
            vertex.started.get_or_insert_default();
            if completed {
                vertex.completed.get_or_insert_default();
            }
            vertex
        };
        let log = |text: &str| {
            let (vertex, msg) = ("d".to_owned(), text.as_bytes().to_vec());
            VertexLog { vertex, stream: 2, msg, ..VertexLog::default() }
        };
        let (mut progress, seen) = shown(&[
            StatusResponse { vertexes: vec![vertex(false, "")], ..StatusResponse::default() },
            StatusResponse { logs: vec![log("+ [ 0 "), log("= 1 ]\nno ru")], ..StatusResponse::default() },
            StatusResponse {
                vertexes: vec![vertex(true, "exit code: 2")],
                logs: vec![log("le")],
                ..StatusResponse::default()
            },
        ]);
        assert_eq!(seen, ["RUN make: ", "RUN make: + [ 0 = 1 ]", "RUN make: no rule", "RUN make: failed"]);
        progress.error = Some("exit code: 2".to_owned());
        assert_eq!(progress.failure().unwrap(), "RUN make: exit code: 2\n  + [ 0 = 1 ]\n  no rule");
    }

    #[test]
    fn the_image_is_named_in_aux() {
        let progress = seen(&[serde_json::json!({"id": "moby.image.id", "aux": {"ID": "sha256:00"}})]);
        assert_eq!((progress.image().as_deref(), progress.failure()), (Some("sha256:00"), None));
    }
}
