//! Writes the corpora that the fuzz targets begin with: the project's own fixtures and templates, and the public cases.
//! Usage: seed FOLDER

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn main() {
    let corpora = PathBuf::from(std::env::args().nth(1).expect("usage: seed FOLDER"));
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut corpus = Corpus { folder: corpora, written: 0 };
    for folder in ["tests/fixtures", "templates", "envs"] {
        walk(&project.join(folder), &mut |path| corpus.file(path));
    }
    for (number, text) in EXPRESSIONS.iter().enumerate() {
        corpus.write("interpolation", &format!("own-{number}"), text);
        corpus.write("dotenv", &format!("own-{number}"), &format!("A={text}\nexport B='{text}'\nC=\"{text}\"\n"));
    }
    if let Some(cases) = std::env::var_os("DEVUP_CASES") {
        corpus.cases(Path::new(&cases));
    }
    println!("{} seeds", corpus.written);
}

const EXPRESSIONS: &[&str] = &[
    "$A", "${A}", "${A:-b}", "${A-b}", "${A:?no}", "${A?no}", "${A:+b}", "${A+b}", "$$A", "${A:-${B:-${C}}}", "a $A b", "${A",
    "$", "${}", "${A:-$$}", "${A:-a}b}",
];

struct Corpus {
    folder: PathBuf,
    written: usize,
}

impl Corpus {
    fn write(&mut self, target: &str, name: &str, text: &str) {
        let folder = self.folder.join(target);
        let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join(name), text)).expect("writing a seed");
        self.written += 1;
    }

    fn file(&mut self, path: &Path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Ok(text) = fs::read_to_string(path) else { return };
        let unique = path.to_string_lossy().replace(env!("CARGO_MANIFEST_DIR"), "");
        if name.ends_with(".yaml") || name.ends_with(".yml") {
            self.write("spec", &unique, &text);
        } else if name.ends_with(".json") {
            self.write("devcontainer", &unique, &text);
        } else if name.contains(".env") {
            self.write("dotenv", &unique, &text);
        }
    }

    fn cases(&mut self, cases: &Path) {
        for file in ["snippets", "files", "merge"] {
            let Ok(text) = fs::read_to_string(cases.join("compose").join(file).with_extension("jsonl")) else { continue };
            for (number, row) in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).enumerate() {
                let field = |key: &str| row[key].as_str().unwrap_or_default();
                let text = match (field("input"), field("base")) {
                    ("", base) => format!("{base}\n#---override\n{}", field("override")),
                    (input, _) => input.to_owned(),
                };
                self.write("spec", &format!("{file}-{number}"), &text);
            }
        }
        walk(&cases.join("devcontainer"), &mut |path| {
            let Ok(text) = fs::read_to_string(path) else { return };
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            for (number, row) in text.lines().enumerate() {
                match serde_json::from_str::<Value>(row) {
                    Ok(row) => strings(&row, &mut |text| {
                        if text.trim_start().starts_with(['{', '/']) && text.len() > 20 {
                            self.write("devcontainer", &format!("{name}-{number}"), text);
                        }
                    }),
                    Err(_) => break,
                }
            }
            if name.ends_with(".json") {
                self.write("devcontainer", &name, &text);
            }
        });
    }
}

fn strings(value: &Value, each: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => each(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, each)),
        Value::Object(map) => map.values().for_each(|item| strings(item, each)),
        _ => {}
    }
}

fn walk(folder: &Path, each: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, each) } else { each(&path) }
    }
}
