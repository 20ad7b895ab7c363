//! Docker's model runner: the plugin `docker-model`, told what Compose tells it.

use std::path::Path;

use serde::Deserialize;

use super::ask::Asking;
use super::error::ProviderError;
use crate::base::process::{Call, Finished, Stream};
use crate::model::provider::Model;

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    endpoint: String,
}

/// Sees to it that a model is there and set up. `told` hears how it goes. Returns the address at which models answer.
pub async fn serve(
    asking: &Asking<'_>,
    model: &Model,
    told: &(dyn Fn(&str) + Send + Sync),
) -> Result<String, ProviderError> {
    let program = asking.search.plugin("model").ok_or(ProviderError::NoModelRunner)?;
    let runner = Runner { program: &program, folder: asking.folder };
    let listed: Vec<Listed> = read("ls", &runner.run(&["ls", "--json"]).await?)?;
    if !listed.iter().any(|one| one.tags.contains(&model.model)) {
        runner.pull(&model.model, told).await?;
    }
    runner.configure(model).await?;
    let status: Status = read("status", &runner.run(&["status", "--json"]).await?)?;
    Ok(status.endpoint)
}

struct Runner<'a> {
    program: &'a Path,
    folder: &'a Path,
}

impl Runner<'_> {
    fn call(&self, arguments: &[&str]) -> Call {
        Call::new(self.program).args(arguments).dir(self.folder)
    }

    async fn run(&self, arguments: &[&str]) -> Result<Finished, ProviderError> {
        let done = self.call(arguments).run().await.and_then(Finished::checked);
        done.map_err(|error| ProviderError::of_call(&format!("docker model {}", arguments[0]), error))
    }

    async fn pull(&self, model: &str, told: &(dyn Fn(&str) + Send + Sync)) -> Result<(), ProviderError> {
        let seen = |stream: Stream, piece: &[u8]| {
            if stream == Stream::Out {
                let text = String::from_utf8_lossy(piece);
                text.lines().filter(|line| !line.trim().is_empty()).for_each(told);
            }
        };
        let done = self.call(&["pull", model]).watch(seen).await.and_then(Finished::checked);
        done.map(drop).map_err(|error| ProviderError::of_call("docker model pull", error))
    }

    async fn configure(&self, model: &Model) -> Result<(), ProviderError> {
        let size = model.context_size.filter(|size| *size > 0).map(|size| size.to_string());
        let mut arguments = vec!["configure"];
        if let Some(size) = &size {
            arguments.extend(["--context-size", size]);
        }
        arguments.push(&model.model);
        if !model.runtime_flags.is_empty() {
            arguments.push("--");
            arguments.extend(model.runtime_flags.iter().map(String::as_str));
        }
        self.run(&arguments).await.map(drop)
    }
}

fn read<T: for<'de> Deserialize<'de>>(verb: &str, done: &Finished) -> Result<T, ProviderError> {
    serde_json::from_slice(&done.stdout).map_err(|_| ProviderError::Failed {
        program: format!("docker model {verb} --json"),
        reason: "answered something else than what Compose expects of it".to_owned(),
    })
}
