//! Images of a real engine.

use async_trait::async_trait;
use futures_util::{Stream, StreamExt as _};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::json;
use tokio::io::AsyncRead;

use super::http::segment;
use super::listed::nullable;
use super::{Moby, build, reference, refusal};
use crate::driver::credentials;
use crate::driver::error::{DriverError, Result};
use crate::driver::image::{BuildRequest, CommitRequest, Findings, ImageDriver, ImageProgress, ProgressSink};
use crate::model::observed::Image;

/// `GET /images/{name}/json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    #[serde(default, deserialize_with = "nullable")]
    repo_tags: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    repo_digests: Vec<String>,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    size: i64,
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
    #[serde(default, deserialize_with = "nullable")]
    config: Config,
    #[serde(default, deserialize_with = "nullable")]
    metadata: Metadata,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Metadata {
    last_tag_time: Option<String>,
}

/// An engine that notes no time says the year 1.
fn noted(time: Option<&str>) -> Option<i64> {
    time?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second).filter(|second| *second > 0)
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    #[serde(deserialize_with = "nullable")]
    labels: IndexMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    volumes: IndexMap<String, serde::de::IgnoredAny>,
    #[serde(deserialize_with = "nullable")]
    user: String,
    #[serde(deserialize_with = "nullable")]
    working_dir: String,
    #[serde(deserialize_with = "nullable")]
    env: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    entrypoint: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    cmd: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    healthcheck: Check,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Check {
    #[serde(deserialize_with = "nullable")]
    test: Vec<String>,
}

impl From<Inspected> for Image {
    fn from(seen: Inspected) -> Self {
        let variant = if seen.variant.is_empty() { String::new() } else { format!("/{}", seen.variant) };
        Self {
            // Podman leaves the algorithm away
            id: if seen.id.contains(':') { seen.id } else { format!("sha256:{}", seen.id) },
            tags: seen.repo_tags,
            digests: seen.repo_digests,
            created: seen
                .created
                .and_then(|at| at.parse::<jiff::Timestamp>().ok())
                .map_or(0, jiff::Timestamp::as_second),
            tagged: noted(seen.metadata.last_tag_time.as_deref()),
            size: seen.size,
            platform: format!("{}/{}{variant}", seen.os, seen.architecture),
            labels: seen.config.labels,
            volumes: seen.config.volumes.into_keys().collect(),
            user: seen.config.user,
            working_dir: seen.config.working_dir,
            environment: seen.config.env,
            entrypoint: seen.config.entrypoint,
            command: seen.config.cmd,
            has_healthcheck: seen.config.healthcheck.test.first().is_some_and(|word| word != "NONE"),
        }
    }
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Id")]
    id: String,
}

#[derive(Deserialize)]
struct Committed {
    #[serde(rename = "Id")]
    id: String,
}

/// `GET /distribution/{name}/json`.
#[derive(Deserialize)]
struct Distribution {
    #[serde(rename = "Descriptor")]
    descriptor: Descriptor,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

/// One line of the progress of a pull, push or import.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Line {
    #[serde(deserialize_with = "nullable")]
    id: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) status: String,
    #[serde(deserialize_with = "nullable")]
    progress_detail: Detail,
    #[serde(deserialize_with = "nullable")]
    pub(super) error: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Detail {
    current: Option<u64>,
    total: Option<u64>,
}

impl Moby {
    /// Hands on progress until the end, or to the error that the stream carries.
    async fn follow(
        &self,
        attempted: &str,
        mut lines: impl Stream<Item = Result<Line>> + Unpin,
        progress: ProgressSink<'_>,
    ) -> Result<String> {
        let mut last = String::new();
        while let Some(line) = lines.next().await {
            let line = line?;
            if !line.error.is_empty() {
                return Err(reference::explained(refusal::from_words(
                    self.http.identity(),
                    attempted,
                    500,
                    &line.error,
                )));
            }
            last.clone_from(&line.status);
            progress(ImageProgress {
                part: line.id,
                message: line.status,
                current: line.progress_detail.current,
                total: line.progress_detail.total,
            });
        }
        Ok(last)
    }
}

#[async_trait]
impl ImageDriver for Moby {
    fn can_build(&self, request: &BuildRequest) -> Result<()> {
        super::build::check(request, &self.features)
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>> {
        let path = format!("/images/{}/json", segment(reference));
        let asked = self.http.get(format!("looking at image {reference}"), path).found().await;
        let found: Option<Inspected> = asked.map_err(reference::explained)?;
        Ok(found.map(Image::from))
    }

    async fn images(&self, label: Option<&str>) -> Result<Vec<Image>> {
        let filters = label.map(|label| json!({ "label": [label] }).to_string());
        let listed: Vec<Listed> =
            self.http.get("listing images", "/images/json").query_some("filters", filters).value().await?;
        let mut ids: Vec<String> = listed.into_iter().map(|image| image.id).collect();
        ids.sort();
        // Podman lists an image once per tag
        ids.dedup();
        let mut images = Vec::new();
        for id in ids {
            // one that was removed meanwhile is not there
            images.extend(self.image(&id).await?);
        }
        Ok(images)
    }

    async fn pull(&self, reference: &str, platform: Option<&str>, progress: ProgressSink<'_>) -> Result<Image> {
        let attempted = format!("pulling image {reference}");
        let (name, tag) = reference::split(reference);
        let ask = self.http.post(&*attempted, "/images/create").query("fromImage", name).query("tag", tag);
        let mut ask = ask.query_some("platform", platform);
        if let Some(header) = credentials::header_for(reference::registry(reference)).await? {
            ask = ask.header("x-registry-auth", &header);
        }
        let lines = ask.values::<Line>().await.map_err(reference::explained)?;
        self.follow(&attempted, Box::pin(lines), progress).await?;
        if !reference.contains('@') {
            // a pull that found nothing new moves no tag: giving it again is how the engine notes the time
            let _ = self.tag(reference, reference).await;
        }
        let missing =
            || DriverError::NotFound { attempted, reason: "the engine pulled it, but does not have it".into() };
        self.image(reference).await?.ok_or_else(missing)
    }

    async fn pinned(&self, reference: &str) -> Result<String> {
        let whole = reference::full(reference);
        if let Some((_, digest)) = reference.split_once('@') {
            // a digest says more than the tag before it
            let name = reference::full(reference::split(reference).0);
            return Ok(format!("{}@{digest}", name.strip_suffix(":latest").unwrap_or(&name)));
        }
        let path = format!("/distribution/{}/json", segment(&whole));
        let mut ask = self.http.get(format!("asking the registry for {whole}"), path);
        if let Some(header) = credentials::header_for(reference::registry(reference)).await? {
            ask = ask.header("x-registry-auth", &header);
        }
        let told: Distribution = ask.value().await.map_err(reference::explained)?;
        Ok(format!("{whole}@{}", told.descriptor.digest))
    }

    async fn build(&self, request: &BuildRequest, progress: ProgressSink<'_>) -> Result<String> {
        build::build(self, request, progress).await
    }

    async fn check(&self, request: &BuildRequest) -> Result<Findings> {
        Box::pin(build::check::check(self, request)).await
    }

    async fn import(
        &self,
        reference: &str,
        archive: Box<dyn AsyncRead + Send + Unpin>,
        changes: &[String],
    ) -> Result<String> {
        let attempted = format!("importing image {reference}");
        let (name, tag) = reference::split(reference);
        let mut ask = self.http.post(&*attempted, "/images/create").query("fromSrc", "-");
        if self.features.import_takes_tag {
            ask = ask.query("repo", name).query("tag", tag);
        }
        for change in changes {
            ask = ask.query("changes", change);
        }
        let lines = ask.header("content-type", "application/x-tar").reader(archive).values::<Line>().await?;
        let id = self.follow(&attempted, Box::pin(lines), &|_| {}).await?;
        // the last line is the id; Podman's is without its algorithm
        let id = id.trim();
        let id = if id.contains(':') { id.to_owned() } else { format!("sha256:{id}") };
        if !self.features.import_takes_tag {
            self.tag(&id, reference).await?;
        }
        Ok(id)
    }

    async fn commit(&self, container: &str, request: &CommitRequest) -> Result<String> {
        let called = request.reference.as_deref().map(|reference| format!(" {reference}")).unwrap_or_default();
        let ask = self.http.post(format!("making an image{called} of container {container}"), "/commit");
        let mut ask = ask.query("container", container).query("pause", if request.unpaused { "0" } else { "1" });
        if let Some(reference) = &request.reference {
            let (name, tag) = reference::split(reference);
            ask = ask.query("repo", name).query("tag", tag);
        }
        ask = ask.query_some("author", request.author.as_deref()).query_some("comment", request.message.as_deref());
        for change in &request.changes {
            ask = ask.query("changes", change);
        }
        // Podman wants a configuration, be it an empty one
        ask = ask.json(&json!({}));
        let made: Committed = ask.value().await?;
        Ok(if made.id.contains(':') { made.id } else { format!("sha256:{}", made.id) })
    }

    async fn tag(&self, image: &str, reference: &str) -> Result<()> {
        let (name, tag) = reference::split(reference);
        let ask = self.http.post(format!("tagging image {image}"), format!("/images/{}/tag", segment(image)));
        ask.query("repo", name).query("tag", tag).done().await
    }

    async fn remove_image(&self, reference: &str, force: bool) -> Result<()> {
        let ask = self.http.delete(format!("removing image {reference}"), format!("/images/{}", segment(reference)));
        match ask.query("force", if force { "1" } else { "0" }).done().await {
            Err(error) if error.is_not_found() => Ok(()),
            other => other,
        }
    }

    async fn push(&self, reference: &str, progress: ProgressSink<'_>) -> Result<()> {
        let attempted = format!("pushing image {reference}");
        let (name, tag) = reference::split(reference);
        let path = format!("/images/{}/push", segment(name));
        // the header has to be there even where nothing is known
        let header =
            credentials::header_for(reference::registry(reference)).await?.unwrap_or_else(|| "e30=".to_owned());
        let ask = self.http.post(&*attempted, path).query("tag", tag).header("x-registry-auth", &header);
        let lines = ask.values::<Line>().await.map_err(reference::explained)?;
        self.follow(&attempted, Box::pin(lines), progress).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_last_tag_is_read_where_it_is_noted() {
        let read = |metadata: serde_json::Value| {
            let seen: Inspected = serde_json::from_value(json!({ "Id": "sha256:1", "Metadata": metadata })).unwrap();
            Image::from(seen).tagged
        };
        assert_eq!(read(json!({ "LastTagTime": "1970-01-02T00:00:00.5Z" })), Some(86_400));
        assert_eq!(read(json!({ "LastTagTime": "2025-05-30T12:07:14.123456789+02:00" })), Some(1_748_599_634));
        for unknown in [json!({ "LastTagTime": "0001-01-01T00:00:00Z" }), json!({}), json!(null)] {
            assert_eq!(read(unknown), None);
        }
    }
}
