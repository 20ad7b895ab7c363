//! `uninstall`: removes every trace of devup but its own program, after showing what that is.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use crate::driver::container::{AnonymousVolumes, ContainerDriver, Scope};
use crate::driver::error::DriverError;
use crate::model::labels;
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
        let Self { containers, networks, volumes, secrets, folders, without_engine: _ } = self;
        containers.is_empty() && networks.is_empty() && volumes.is_empty() && secrets.is_empty() && folders.is_empty()
    }
}

/// Looks for everything that carries devup's label, and for devup's own folders.
pub async fn look(state: &State, engine: Option<&dyn ContainerDriver>) -> Result<Traces> {
    let mut traces = Traces { without_engine: engine.is_none(), ..Traces::default() };
    if let Some(engine) = engine {
        let ours = Scope::Label(labels::OWNER.to_owned(), None);
        traces.containers = engine.containers(&ours).await?.into_iter().map(|container| container.name).collect();
        traces.networks = engine.networks(&ours).await?.into_iter().map(|network| network.name).collect();
        traces.volumes = engine.volumes(&ours).await?.into_iter().map(|volume| volume.name).collect();
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
/// begun again. What is gone already is no failure.
pub async fn remove(state: &State, engine: Option<&dyn ContainerDriver>, traces: &Traces) -> Result<()> {
    if let Some(engine) = engine {
        for name in &traces.containers {
            gone(engine.remove(name, AnonymousVolumes::Remove).await)?;
        }
        for name in &traces.networks {
            gone(engine.remove_network(name).await)?;
        }
        for name in &traces.volumes {
            gone(engine.remove_volume(name).await)?;
        }
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
    Ok(())
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
    use crate::state::store::temporary;

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
}
