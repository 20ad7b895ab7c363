//! Images of the fake.

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Fake;
use super::world::{self, failed, not_found};
use crate::base::digest::Digest;
use crate::driver::error::Result;
use crate::driver::image::{BuildRequest, CommitRequest, Finding, Findings, ImageDriver, ImageProgress, ProgressSink};
use crate::model::observed::Image;

#[async_trait]
impl ImageDriver for Fake {
    async fn image(&self, reference: &str) -> Result<Option<Image>> {
        let world = self.world();
        Ok(world.find_image(reference).map(|image| world.with_tags(image)))
    }

    async fn images(&self, label: Option<&str>) -> Result<Vec<Image>> {
        let world = self.world();
        let carries = |image: &Image, label: &str| match label.split_once('=') {
            Some((key, value)) => image.labels.get(key).is_some_and(|found| found == value),
            None => image.labels.contains_key(label),
        };
        let wanted = |image: &&Image| label.is_none_or(|label| carries(image, label));
        let mut images: Vec<Image> = world.images.values().filter(wanted).map(|image| world.with_tags(image)).collect();
        // one image, however many references it has
        images.sort_by(|a, b| a.id.cmp(&b.id));
        images.dedup_by(|a, b| a.id == b.id);
        Ok(images)
    }

    async fn pull(&self, reference: &str, _platform: Option<&str>, progress: ProgressSink<'_>) -> Result<Image> {
        progress(ImageProgress {
            part: reference.to_owned(),
            message: "Pulling".to_owned(),
            current: Some(1),
            total: Some(1),
        });
        let mut world = self.world();
        let found = world.registry.get(reference).cloned();
        let image = found.ok_or_else(|| not_found(&format!("pulling {reference}"), "manifest unknown".to_owned()))?;
        world.put_image(reference, image.clone());
        world.changes += 1;
        Ok(image)
    }

    async fn pinned(&self, reference: &str) -> Result<String> {
        let world = self.world();
        let found = world.registry.get(reference);
        let found =
            found.ok_or_else(|| not_found(&format!("looking up {reference}"), "manifest unknown".to_owned()))?;
        Ok(format!("{reference}@{}", found.id))
    }

    async fn build(&self, request: &BuildRequest, progress: ProgressSink<'_>) -> Result<String> {
        let Some(reference) = request.tags.first() else {
            return Err(failed("building an image", "it has no name".to_owned()));
        };
        if request.build.context == "broken" {
            return Err(failed(
                &format!("building {reference}"),
                "the command '/bin/sh -c false' returned 1".to_owned(),
            ));
        }
        progress(ImageProgress {
            part: String::new(),
            message: "Step 1/1 : FROM scratch".to_owned(),
            current: None,
            total: None,
        });
        let content = format!("{:?}", request.build);
        let mut image = world::image(reference, &content, &[]);
        image.labels.clone_from(&request.labels);
        let id = image.id.clone();
        let mut world = self.world();
        for tag in &request.tags {
            world.put_image(tag, image.clone());
        }
        world.changes += 1;
        Ok(id)
    }

    /// A context of the name `broken` has something wrong.
    async fn check(&self, request: &BuildRequest) -> Result<Findings> {
        let wrong = request.build.context == "broken";
        let finding = Finding { rule: "Broken".to_owned(), line: Some(1), ..Finding::default() };
        Ok(Findings { warnings: wrong.then_some(finding).into_iter().collect(), error: None })
    }

    async fn import(
        &self,
        reference: &str,
        mut archive: Box<dyn AsyncRead + Send + Unpin>,
        changes: &[String],
    ) -> Result<String> {
        let mut bytes = Vec::new();
        let read = archive.read_to_end(&mut bytes).await;
        read.map_err(|error| failed(&format!("importing {reference}"), error.to_string()))?;
        let content = format!("{} {changes:?}", Digest::of(bytes));
        let image = changed(world::image(reference, &content, &[]), changes);
        let id = image.id.clone();
        self.world().put_image(reference, image);
        Ok(id)
    }

    async fn commit(&self, container: &str, request: &CommitRequest) -> Result<String> {
        let mut world = self.world();
        let Some(found) = world.container(container) else {
            return Err(not_found("committing a container", format!("No such container: {container}")));
        };
        let CommitRequest { reference, changes, .. } = request;
        let content = format!("{} {:?} {changes:?}", found.image_id, found.execs);
        let image = changed(world::image(reference.as_deref().unwrap_or_default(), &content, &[]), changes);
        let id = image.id.clone();
        world.put_image(reference.as_deref().unwrap_or(&id), image);
        Ok(id)
    }

    async fn tag(&self, image: &str, reference: &str) -> Result<()> {
        let mut world = self.world();
        let found = world.find_image(image).cloned();
        let found = found.ok_or_else(|| not_found("tagging an image", format!("No such image: {image}")))?;
        world.put_image(reference, found);
        Ok(())
    }

    async fn remove_image(&self, reference: &str, _force: bool) -> Result<()> {
        let mut world = self.world();
        // an id stands for all of its references
        world.images.retain(|name, image| name != reference && image.id != reference);
        world.changes += 1;
        Ok(())
    }

    async fn push(&self, reference: &str, _progress: ProgressSink<'_>) -> Result<()> {
        let mut world = self.world();
        let found = world.find_image(reference).cloned();
        let found = found.ok_or_else(|| not_found("pushing an image", format!("No such image: {reference}")))?;
        world.registry.insert(reference.to_owned(), found);
        Ok(())
    }
}

/// With lines of a Dockerfile: those that set a variable or a label.
fn changed(mut image: Image, changes: &[String]) -> Image {
    for change in changes {
        match change.split_once(' ') {
            Some(("ENV", setting)) => image.environment.push(setting.to_owned()),
            Some(("LABEL", label)) => {
                let (key, value) = label.split_once('=').unwrap_or((label, ""));
                image.labels.insert(key.to_owned(), value.trim_matches('"').to_owned());
            }
            _ => {}
        }
    }
    image
}
