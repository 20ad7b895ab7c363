//! The lines that a build answers with: text of the classic builder, or `BuildKit`'s trace (protobuf in base64).

use std::collections::{HashMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard_buildkit_proto::moby::buildkit::v1::StatusResponse;
use prost::Message as _;
use serde::Deserialize;
use serde_json::Value;

use crate::driver::image::{ImageProgress, ProgressSink};
use crate::driver::moby::listed::nullable;

/// Lines of a failed step that its error shows.
const TAIL: usize = 20;

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
    /// Steps by digest: name, and its last lines.
    steps: HashMap<String, (String, VecDeque<String>)>,
    failed_step: Option<String>,
    error: Option<String>,
    image: Option<String>,
    step: String,
    output: VecDeque<String>,
}

fn remember(lines: &mut VecDeque<String>, text: &str) {
    for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        if lines.len() == TAIL {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }
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
                remember(&mut self.output, text);
            }
            let part = self.step.clone();
            show(ImageProgress { part, message: text.to_owned(), current: None, total: None });
        } else if !line.status.is_empty() {
            let Detail { current, total } = line.detail;
            show(ImageProgress { part: line.id, message: line.status, current, total });
        }
    }

    fn trace(&mut self, status: &StatusResponse, show: ProgressSink<'_>) {
        let say = |part: &str, message: &str, current: Option<u64>, total: Option<u64>| {
            show(ImageProgress { part: part.to_owned(), message: message.to_owned(), current, total });
        };
        for vertex in &status.vertexes {
            let step = self.steps.entry(vertex.digest.clone()).or_default();
            step.0.clone_from(&vertex.name);
            if !vertex.error.is_empty() {
                // a cancelled neighbour is no cause
                if !vertex.error.contains("context canceled") {
                    self.failed_step = Some(vertex.digest.clone());
                }
                say(&vertex.name, "failed", None, None);
            } else if vertex.cached {
                say(&vertex.name, "cached", None, None);
            } else if vertex.completed.is_some() {
                say(&vertex.name, "done", None, None);
            } else if vertex.started.is_some() {
                say(&vertex.name, "started", None, None);
            }
        }
        for measured in &status.statuses {
            let name = self.steps.get(&measured.vertex).map_or("", |step| step.0.as_str());
            let number = |value: i64| u64::try_from(value).ok().filter(|value| *value > 0);
            say(name, &measured.id, number(measured.current), number(measured.total));
        }
        for log in &status.logs {
            let text = String::from_utf8_lossy(&log.msg);
            let step = self.steps.entry(log.vertex.clone()).or_default();
            remember(&mut step.1, &text);
            for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
                say(&step.0, line, None, None);
            }
        }
    }

    /// Why it failed, with the last lines of the step; `None`: it did not.
    pub(super) fn failure(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        let step = self.failed_step.as_ref().and_then(|digest| self.steps.get(digest));
        let (name, lines) = step.map_or((&self.step, &self.output), |(name, lines)| (name, lines));
        let mut text = error.trim().to_owned();
        if !name.is_empty() && !text.contains(name.as_str()) {
            text = format!("{name}: {text}");
        }
        for line in lines {
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

/// `Step 3/5 : RUN make`, `STEP 3/5: RUN make`.
fn is_step(text: &str) -> bool {
    text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("step "))
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn the_image_is_named_in_aux() {
        let progress = seen(&[serde_json::json!({"id": "moby.image.id", "aux": {"ID": "sha256:00"}})]);
        assert_eq!((progress.image().as_deref(), progress.failure()), (Some("sha256:00"), None));
    }
}
