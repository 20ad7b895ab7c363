//! A dev container's configuration as the reference program prints it (`devcontainer read-configuration`).

use serde_json::{Value, json};

use super::configuration::Configuration;

/// `configuration` and `workspace`.
pub fn json(read: &Configuration) -> Value {
    let mut configuration = read.node.to_json();
    let path = read.path.display().to_string();
    if let Some(map) = configuration.as_object_mut() {
        map.insert("configFilePath".into(), json!({ "$mid": 1, "fsPath": path, "path": path, "scheme": "file" }));
    }
    let mut workspace = json!({ "workspaceFolder": read.workspace.folder });
    if let Some(mount) = &read.workspace.mount {
        workspace["workspaceMount"] = json!(mount);
    }
    json!({ "configuration": configuration, "workspace": workspace })
}
