//! The public dev container cases, by the program itself, compared with what the reference program printed.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const ALL: usize = 40;

/// The workspace's path, and what the cases' own mask took along: everything up to the next `/`.
fn masked(text: &str, workspace: &Path) -> String {
    let pattern = format!("{}[^/\"]*", regex::escape(&workspace.display().to_string()));
    regex::Regex::new(&pattern).unwrap().replace_all(text, "@WORKSPACE@").into_owned()
}

fn printed(folder: &Path) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_devup"))
        .args(["config", "--devcontainer", "--format", "json"])
        .current_dir(folder)
        .env_clear()
        // as in the environment in which the cases were made
        .env("HOME", "/nonexistent")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&masked(&String::from_utf8(output.stdout).unwrap(), folder)).unwrap()
}

#[test]
fn read_configuration_as_the_reference_prints_it() {
    let Some(cases) = std::env::var_os("DEVUP_CASES") else {
        eprintln!("skipped: DEVUP_CASES is not set");
        return;
    };
    let text = std::fs::read_to_string(Path::new(&cases).join("devcontainer/read-configuration.jsonl")).unwrap();
    let mut differing = Vec::new();
    let mut count = 0;
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let id = row["id"].as_str().unwrap();
        // `templates__NAME__.devcontainer__devcontainer.json`: the folder is called NAME
        let name = id.split("__").nth(1).unwrap();
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().canonicalize().unwrap().join(name);
        std::fs::create_dir_all(folder.join(".devcontainer")).unwrap();
        std::fs::write(folder.join(".devcontainer/devcontainer.json"), row["input"].as_str().unwrap()).unwrap();
        let printed = printed(&folder);
        for part in ["configuration", "workspace"] {
            if printed[part] != row["expected"][part] {
                differing.push(format!("{id} {part}:\n  {}\n  {}", printed[part], row["expected"][part]));
            }
        }
        count += 1;
    }
    assert!(differing.is_empty(), "{} differ\n{}", differing.len(), differing.join("\n"));
    assert!(count >= ALL, "{count} of {ALL} cases");
    eprintln!("dev containers: {count} of {count} as the reference prints them");
}
