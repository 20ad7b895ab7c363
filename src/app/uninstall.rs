//! `uninstall`: removes every trace of devup but its own program, after showing what that is.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use crate::app::wiring::Engine;
use crate::driver::container::{AnonymousVolumes, Scope};
use crate::driver::error::DriverError;
use crate::driver::image::ImageDriver;
use crate::model::labels;
use crate::model::observed::Image;
use crate::model::repository;
use crate::state::store::State;

use super::error::{AppError, Result};
use super::secret;

/// Everything that would go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Traces {
    /// Containers, by name.
    pub containers: Vec<String>,
    /// Networks, by name.
    pub networks: Vec<String>,
    /// Volumes, by name: their data goes too.
    pub volumes: Vec<String>,
    /// Images that devup made, by name: envs, layers, authorities, and those that services built without naming them. By id
    /// where a later build has the name.
    pub images: Vec<String>,
    /// Entries of the keyring, or of the files instead of it, as `project/name`.
    pub secrets: Vec<String>,
    /// Folders of devup itself.
    pub folders: Vec<PathBuf>,
    /// Nobody could look on an engine: what it has stays.
    pub without_engine: bool,
}

impl Traces {
    /// There is nothing.
    pub fn is_empty(&self) -> bool {
        let Self { containers, networks, volumes, images, secrets, folders, without_engine: _ } = self;
        [containers, networks, volumes, images, secrets].iter().all(|names| names.is_empty()) && folders.is_empty()
    }
}

/// Looks for everything that carries devup's label, and for devup's own folders.
pub async fn look(state: &State, engine: Option<&Engine>) -> Result<Traces> {
    let mut traces = Traces { without_engine: engine.is_none(), ..Traces::default() };
    if let Some(Engine { containers: engine, images, .. }) = engine {
        let ours = Scope::Label(labels::OWNER.to_owned(), None);
        traces.containers = engine.containers(&ours).await?.into_iter().map(|container| container.name).collect();
        traces.networks = engine.networks(&ours).await?.into_iter().map(|network| network.name).collect();
        traces.volumes = engine.volumes(&ours).await?.into_iter().map(|volume| volume.name).collect();
        traces.images = names(images.images(Some(labels::OWNER)).await?);
    }
    let opened = secret::store(state)?;
    for project in projects(state)? {
        let names = opened.store.names(&project)?;
        traces.secrets.extend(names.into_iter().map(|name| format!("{project}/{name}")));
    }
    let layout = state.layout();
    traces.folders =
        [&layout.state, &layout.cache, &layout.config].into_iter().filter(|folder| folder.exists()).cloned().collect();
    Ok(traces)
}

/// Names under which devup made these images, the latest first: it stands on the others. An image that somebody built on
/// one of devup's has its labels, but not such a name. One without any name is a build that was replaced; it goes by its id.
fn names(mut images: Vec<Image>) -> Vec<String> {
    images.sort_by_key(|image| std::cmp::Reverse(image.created));
    let mut names = Vec::new();
    for image in &images {
        let label = |key: &str| image.labels.get(key).map_or("", String::as_str);
        let built = |joint| format!("{}{joint}{}:latest", label(labels::PROJECT), label(labels::SERVICE));
        let built = [built('-'), built('_')];
        let is_built = |tag: &str| {
            let tag = tag.strip_prefix("docker.io/library/").unwrap_or(tag);
            built.iter().any(|built| built == tag)
        };
        names.extend(image.tags.iter().filter(|tag| repository::is_own(tag) || is_built(tag)).cloned());
        // the name went on to a later build
        names.extend(image.tags.is_empty().then(|| image.id.clone()));
    }
    names
}

/// Projects that may have secrets: of the registry, and of the folders that secrets made.
fn projects(state: &State) -> Result<BTreeSet<String>> {
    let mut projects: BTreeSet<String> = state.registry()?.entries().map(|entry| entry.name.to_string()).collect();
    let one = state.layout().secrets("any");
    if let Some(Ok(entries)) = one.parent().map(std::fs::read_dir) {
        projects.extend(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()));
    }
    Ok(projects)
}

/// Removes what was shown, and only that: containers first, the state's folders last, so that an interrupted removal can be
/// begun again. What is gone already is no failure. Returns the images that stay, because something else uses them.
pub async fn remove(state: &State, engine: Option<&Engine>, traces: &Traces) -> Result<Vec<String>> {
    let mut stay = Vec::new();
    if let Some(Engine { containers: engine, images, .. }) = engine {
        for name in &traces.containers {
            gone(engine.remove(name, AnonymousVolumes::Remove).await)?;
        }
        for name in &traces.networks {
            gone(engine.remove_network(name).await)?;
        }
        for name in &traces.volumes {
            gone(engine.remove_volume(name).await)?;
        }
        stay = remove_images(&**images, &traces.images).await?;
    }
    let opened = secret::store(state)?;
    for (project, name) in traces.secrets.iter().filter_map(|entry| entry.split_once('/')) {
        opened.store.remove(project, name)?;
    }
    for folder in &traces.folders {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(AppError::io(format!("removing {}", folder.display()), error));
            }
            _ => {}
        }
    }
    Ok(stay)
}

/// Removes images, again and again while that makes others free. Returns those that something else uses.
async fn remove_images(images: &dyn ImageDriver, names: &[String]) -> Result<Vec<String>> {
    let mut left = names.to_vec();
    loop {
        let mut used = Vec::new();
        for name in &left {
            match images.remove_image(name, false).await {
                Err(error) if error.is_conflict() => used.push(name.clone()),
                other => gone(other)?,
            }
        }
        if used.is_empty() || used.len() == left.len() {
            return Ok(used);
        }
        left = used;
    }
}

fn gone(result: Result<(), DriverError>) -> Result<()> {
    match result {
        Err(error) if !error.is_not_found() => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::fake::Fake;
    use crate::driver::image::BuildRequest;
    use crate::model::build::Build;
    use crate::state::store::temporary;
    use std::sync::Arc;

    #[tokio::test]
    async fn everything_of_devup_is_shown_and_then_gone() {
        let (folder, state) = temporary();
        let config = state.layout().config.clone();
        std::fs::create_dir_all(&config).unwrap();
        std::fs::write(state.layout().preferences(), "keyring: false\n").unwrap();
        secret::set(&state, "shop", "db", b"pw".to_vec()).unwrap();
        let traces = look(&state, None).await.unwrap();
        assert_eq!(traces.secrets, ["shop/db"]);
        assert_eq!(traces.folders, [state.layout().state.clone(), config]);
        assert!(traces.without_engine && !traces.is_empty());
        remove(&state, None, &traces).await.unwrap();
        remove(&state, None, &traces).await.unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(look(&state, None).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn images_go_by_the_names_that_devup_gave_them() {
        let (_folder, state) = temporary();
        let fake = Fake::new();
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let build = async |tags: &[&str], labels: &[(String, String)]| {
            let build = Build { context: tags[0].to_owned(), ..Build::default() };
            let request = BuildRequest {
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
                without_folder: true,
                labels: labels.iter().cloned().collect(),
                ..BuildRequest::of(build)
            };
            fake.build(&request, &|_| {}).await.unwrap();
        };
        let ours = label(labels::OWNER, "0.1.0");
        let service = [ours.clone(), label(labels::PROJECT, "shop"), label(labels::SERVICE, "web")];
        build(&["localhost/devup-env/redis-7:1-abc"], std::slice::from_ref(&ours)).await;
        build(&["localhost/devup-authorities:abc"], std::slice::from_ref(&ours)).await;
        build(&["shop-web:latest"], &service).await;
        build(&["registry.example/on-top:1"], &service).await;
        build(&["plain:1"], &[]).await;
        let replaced = |labels: &[(String, String)], id: &str| {
            let mut image = fake.world().images["plain:1"].clone();
            image.labels = labels.iter().cloned().collect();
            id.clone_into(&mut image.id);
            fake.world().put_image(id, image);
        };
        replaced(&service, "sha256:0123");
        replaced(&[], "sha256:4567");
        let engine = Engine::of(Arc::new(fake.clone()));
        let traces = look(&state, Some(&engine)).await.unwrap();
        let expected =
            ["localhost/devup-authorities:abc", "localhost/devup-env/redis-7:1-abc", "sha256:0123", "shop-web:latest"];
        let mut found = traces.images.clone();
        found.sort();
        assert_eq!(found, expected);
        assert!(remove(&state, Some(&engine), &traces).await.unwrap().is_empty());
        assert!(
            fake.image("sha256:4567").await.unwrap().is_some() && fake.image("sha256:0123").await.unwrap().is_none()
        );
        let left = fake.images(None).await.unwrap();
        let mut left: Vec<&str> = left.iter().flat_map(|image| &image.tags).map(String::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["plain:1", "registry.example/on-top:1"]);
    }
}
