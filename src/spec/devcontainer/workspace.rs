//! Where the project lies inside the dev container, and what is mounted there.

use std::path::{Path, PathBuf};

use crate::spec::node::Node;

/// The project's place on this machine and inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// The project's folder on this machine, absolute.
    pub local: PathBuf,
    /// The same folder inside.
    pub folder: String,
    /// What is mounted to have it there, in the notation of `docker run --mount`; `None` where Compose files say it.
    pub mount: Option<String>,
}

/// What the file says, or the specification's default: the repository's root is mounted below `/workspaces`.
pub fn of(configuration: &Node, local: &Path, is_repository: &dyn Fn(&Path) -> bool) -> Workspace {
    let text = |key: &str| configuration.get(key).and_then(Node::as_str).map(str::to_owned);
    let folder = text("workspaceFolder");
    let local = local.to_owned();
    if configuration.get("dockerComposeFile").is_some() {
        return Workspace { local, folder: folder.unwrap_or_else(|| "/".to_owned()), mount: None };
    }
    let root = local.ancestors().find(|folder| is_repository(folder)).unwrap_or(&local);
    let below = local.strip_prefix(root).unwrap_or(Path::new(""));
    let target = format!("/workspaces/{}", name_of(root));
    let default = Path::new(&target).join(below).to_string_lossy().trim_end_matches('/').to_owned();
    let mount =
        text("workspaceMount").unwrap_or_else(|| format!("type=bind,source={},target={target}", root.display()));
    Workspace { folder: folder.unwrap_or(default), mount: Some(mount), local: local.clone() }
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::node::At;

    fn configuration(entries: &[(&str, &str)]) -> Node {
        let mut node = Node::empty_map(At::nowhere());
        for (key, value) in entries {
            node.set(key, Node::string(*value, At::nowhere()));
        }
        node
    }

    #[test]
    fn the_repository_is_mounted_and_the_project_is_the_folder() {
        let repository = |folder: &Path| folder == Path::new("/home/ada/all");
        let nested = of(&configuration(&[]), Path::new("/home/ada/all/shop"), &repository);
        assert_eq!(nested.folder, "/workspaces/all/shop");
        assert_eq!(nested.mount.as_deref(), Some("type=bind,source=/home/ada/all,target=/workspaces/all"));
        let plain = of(&configuration(&[]), Path::new("/home/ada/shop"), &|_| false);
        assert_eq!(plain.folder, "/workspaces/shop");
        assert_eq!(plain.mount.as_deref(), Some("type=bind,source=/home/ada/shop,target=/workspaces/shop"));
    }

    #[test]
    fn the_file_has_the_last_word() {
        let given = configuration(&[("workspaceFolder", "/w"), ("workspaceMount", "type=volume,source=v,target=/w")]);
        let workspace = of(&given, Path::new("/shop"), &|_| false);
        assert_eq!(
            (workspace.folder.as_str(), workspace.mount.as_deref()),
            ("/w", Some("type=volume,source=v,target=/w"))
        );
        let composed = configuration(&[("dockerComposeFile", "compose.yaml")]);
        assert_eq!(of(&composed, Path::new("/shop"), &|_| false).folder, "/");
        assert_eq!(of(&composed, Path::new("/shop"), &|_| false).mount, None);
    }
}
