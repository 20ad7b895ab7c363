//! `secret set|get|rm|list`: the entries that a project keeps in the keyring.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::app::confidential::Confidential;
use crate::model::environment::Environment;
use crate::model::layout::Layout;
use crate::model::service::Service;
use crate::secret::look::{self, Standing};
use crate::secret::store::{Opened, StoreError, open};
use crate::secret::value::SecretValue;
use crate::spec::dotenv;
use crate::spec::node::Source;
use crate::state::store::State;

use super::error::{AppError, Result};

/// The store of this machine, by the user's preference. `notice` is to be said once.
pub fn store(state: &State) -> Result<Opened> {
    Ok(open(&folder(state.layout()), state.preferences()?.keyring))
}

/// Folder above the projects' own.
fn folder(layout: &Layout) -> std::path::PathBuf {
    let one = layout.secrets("any");
    one.parent().map_or_else(|| one.clone(), Path::to_owned)
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        let help = match &error {
            StoreError::BadName { .. } => "choose another name",
            StoreError::Keyring { .. } => {
                "set `keyring: false` in devup's config.yaml to keep secrets in private files"
            }
            StoreError::File(_) => return Self::failed(error.to_string()),
        };
        Self::failed(error.to_string()).help(help)
    }
}

/// Keeps a value. One line end at its end does not belong to it: it comes from `echo` and editors.
pub fn set(state: &State, project: &str, name: &str, mut value: Vec<u8>) -> Result<()> {
    if value.ends_with(b"\n") {
        value.pop();
        if value.ends_with(b"\r") {
            value.pop();
        }
    }
    let value = SecretValue::new(value);
    if value.expose().is_empty() {
        return Err(
            AppError::usage(format!("the value of {name} is empty")).help("printf %s VALUE | devup secret set NAME")
        );
    }
    Ok(store(state)?.store.set(project, name, &value)?)
}

/// The value of an entry.
pub fn get(state: &State, project: &str, name: &str) -> Result<SecretValue> {
    let opened = store(state)?;
    opened.store.get(project, name)?.ok_or_else(|| {
        AppError::failed(format!("{} has no entry {name} of project {project}", opened.store.place()))
            .help(format!("devup secret set {name}"))
    })
}

/// Forgets an entry.
pub fn remove(state: &State, project: &str, name: &str) -> Result<()> {
    let opened = store(state)?;
    if opened.store.remove(project, name)? {
        return Ok(());
    }
    Err(AppError::failed(format!("{} has no entry {name} of project {project}", opened.store.place()))
        .help("`devup secret list` shows the entries"))
}

/// One line of `devup secret list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The entry.
    pub name: String,
    /// There is a value.
    pub present: bool,
    /// Secrets of the spec that use it.
    pub used_by: Vec<String>,
    /// It is made up on first use.
    pub generated: bool,
}

/// The entries that are kept for a project, and those that its spec names.
pub fn list(state: &State, project: &str, environment: Option<&Environment>) -> Result<Vec<Line>> {
    let opened = store(state)?;
    let kept: BTreeSet<String> = opened.store.names(project)?.into_iter().collect();
    let sources = environment.map(|environment| environment.secrets.iter().chain(&environment.configs));
    let named: Vec<(&String, &String, bool)> = sources
        .into_iter()
        .flatten()
        .filter_map(|(key, source)| Some((source.keyring.as_ref()?, key, source.generate.is_some())))
        .filter(|(entry, ..)| !entry.contains('/'))
        .collect();
    let names: BTreeSet<&String> = kept.iter().chain(named.iter().map(|(entry, ..)| *entry)).collect();
    let line = |name: &String| {
        let uses = || named.iter().filter(|(entry, ..)| *entry == name);
        Line {
            name: name.clone(),
            present: kept.contains(name),
            used_by: uses().map(|(_, key, _)| (*key).clone()).collect(),
            generated: uses().any(|(_, _, generated)| *generated),
        }
    };
    Ok(names.into_iter().map(line).collect())
}

/// One line of `devup secret check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Its key in the spec.
    pub name: String,
    /// It is a config: no secret, but it may come from the same places.
    pub config: bool,
    /// In words: where its value comes from.
    pub from: String,
    /// Whether it has one.
    pub state: Presence,
    /// Why it has none, and the remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Services that get it.
    pub used_by: Vec<String>,
}

/// Whether a secret has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It has.
    Present,
    /// It is made up on first use.
    OnFirstUse,
    /// Its command is run when it is used.
    NotAsked,
    /// It has none.
    Missing,
}

/// Where the values of a project's secrets come from, and whether they are there. Nothing is run and nothing made up.
pub async fn check(environment: &Environment, confidential: &Confidential<'_>) -> Vec<Origin> {
    let secrets = environment.secrets.iter().map(|(key, source)| (key, source, false));
    let configs = environment.configs.iter().map(|(key, source)| (key, source, true));
    let mut origins = Vec::new();
    for (key, source, config) in secrets.chain(configs) {
        let (state, why) = match confidential.look(source).await {
            Standing::Present => (Presence::Present, None),
            Standing::OnFirstUse => (Presence::OnFirstUse, None),
            Standing::NotAsked => (Presence::NotAsked, None),
            Standing::Missing(error) => (Presence::Missing, Some(error.to_string())),
        };
        let uses = |service: &Service| {
            let references = if config { &service.configs } else { &service.secrets };
            let of_build = service.build.iter().filter(|_| !config).flat_map(|build| &build.secrets);
            references.iter().chain(of_build).any(|reference| reference.source == *key)
        };
        let used_by = environment.services.iter().filter(|(_, service)| uses(service));
        let used_by = used_by.map(|(name, _)| name.clone()).collect();
        origins.push(Origin {
            name: key.clone(),
            config,
            from: look::origin(source, &environment.working_dir),
            state,
            why,
            used_by,
        });
    }
    origins
}

/// How entries are written to a file or read from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `NAME=value`, in Compose's dialect.
    #[default]
    Env,
    /// One object of texts.
    Json,
}

/// What an import did, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Kept now.
    pub kept: Vec<String>,
    /// There already, with the same value.
    pub unchanged: Vec<String>,
}

/// Keeps all entries of a file, or none: one that is there with another value stands against it, unless it may be replaced.
pub fn import(
    state: &State,
    project: &str,
    file: &Path,
    bytes: Vec<u8>,
    format: Format,
    replace: bool,
) -> Result<Imported> {
    let values = read(file, bytes, format)?;
    let opened = store(state)?;
    let mut new = Vec::new();
    let mut imported = Imported::default();
    let mut differing = Vec::new();
    for (name, value) in values {
        if value.expose().is_empty() {
            return Err(AppError::usage(format!("{name} has no value in {}", file.display()))
                .help("give it one there, or take its line out"));
        }
        match opened.store.get(project, &name)? {
            Some(kept) if kept == value => imported.unchanged.push(name),
            Some(_) if !replace => differing.push(name),
            _ => new.push((name, value)),
        }
    }
    if !differing.is_empty() {
        let names = differing.join(", ");
        return Err(AppError::failed(format!("kept already, with other values: {names}; nothing was changed"))
            .help("--replace puts those of the file in their place"));
    }
    for (name, value) in new {
        opened.store.set(project, &name, &value)?;
        imported.kept.push(name);
    }
    Ok(imported)
}

fn read(file: &Path, bytes: Vec<u8>, format: Format) -> Result<Vec<(String, SecretValue)>> {
    let shown = file.display();
    let text = Zeroizing::new(String::from_utf8(bytes).map_err(|_| {
        AppError::usage(format!("{shown} is no text")).help("devup secret set NAME <FILE keeps bytes as they are")
    })?);
    let values: IndexMap<String, String> = match format {
        Format::Env => {
            let source = Arc::new(Source { path: file.to_owned(), text: text.to_string() });
            // nothing is expanded from outside: an exported value comes back as it was
            dotenv::parse(&source, &|_| None)?.variables
        }
        // the parser's own words may repeat a piece of the text
        Format::Json => serde_json::from_str(&text).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            AppError::usage(format!("{shown} is no JSON object of texts ({place})"))
                .help("{\"NAME\": \"value\"}, or another --format")
        })?,
    };
    Ok(values.into_iter().map(|(name, value)| (name, SecretValue::new(value.into_bytes()))).collect())
}

/// Entries with their values, as a file; all where no names are given.
pub fn export(state: &State, project: &str, names: &[String], format: Format) -> Result<Zeroizing<String>> {
    let opened = store(state)?;
    let names = if names.is_empty() { opened.store.names(project)? } else { names.to_vec() };
    let mut values = IndexMap::new();
    for name in names {
        let value = get(state, project, &name)?;
        let text = std::str::from_utf8(value.expose()).map_err(|_| {
            AppError::failed(format!("{name} is no text, which neither format can hold"))
                .help(format!("devup secret get {name} >FILE, and name the others in `devup secret export NAME…`"))
        })?;
        values.insert(name, Zeroizing::new(text.to_owned()));
    }
    match format {
        Format::Env => {
            values.iter().map(|(name, value)| line(name, value)).collect::<Result<String>>().map(Zeroizing::new)
        }
        Format::Json => {
            let plain: IndexMap<&str, &str> =
                values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let text = serde_json::to_string_pretty(&plain);
            let text = text.map_err(|error| AppError::failed(format!("writing entries as JSON: {error}")))?;
            Ok(Zeroizing::new(text + "\n"))
        }
    }
}

/// `NAME='value'`, as the environment files' dialect reads it back.
fn line(name: &str, value: &str) -> Result<String> {
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(AppError::failed(format!("{name} can't be the name of a variable"))
            .help("devup secret export --format json"));
    }
    if !value.contains(['\'', '\\', '\r']) {
        return Ok(format!("{name}='{value}'\n"));
    }
    let mut quoted = String::with_capacity(value.len() + 2);
    for c in value.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '$' => quoted.push_str("\\$"),
            '"' | '\\' => quoted.extend(['\\', c]),
            other => quoted.push(other),
        }
    }
    Ok(format!("{name}=\"{quoted}\"\n"))
}

/// Forgets all entries of a project: with `destroy` and `uninstall`. Returns how many there were.
pub fn forget_all(state: &State, project: &str) -> Result<usize> {
    let opened = store(state)?;
    let names = opened.store.names(project)?;
    for name in &names {
        opened.store.remove(project, name)?;
    }
    Ok(names.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::resource::SecretSource;
    use crate::state::store::temporary;

    /// Without a keyring, so that tests neither find nor leave anything in the user's own.
    fn without_keyring() -> (tempfile::TempDir, State) {
        let (folder, state) = temporary();
        std::fs::create_dir_all(&state.layout().config).unwrap();
        std::fs::write(state.layout().preferences(), "keyring: false\n").unwrap();
        (folder, state)
    }

    #[test]
    fn entries_are_kept_listed_and_forgotten() {
        let (_folder, state) = without_keyring();
        set(&state, "shop", "api", b"key\n".to_vec()).unwrap();
        assert_eq!(get(&state, "shop", "api").unwrap().expose(), b"key");
        let mut environment = Environment::default();
        let source = SecretSource { keyring: Some("db".to_owned()), generate: Some(24), ..SecretSource::default() };
        environment.secrets.insert("db_password".to_owned(), source);
        let lines = list(&state, "shop", Some(&environment)).unwrap();
        let expected = [
            Line { name: "api".to_owned(), present: true, used_by: vec![], generated: false },
            Line { name: "db".to_owned(), present: false, used_by: vec!["db_password".to_owned()], generated: true },
        ];
        assert_eq!(lines, expected);
        remove(&state, "shop", "api").unwrap();
        assert!(remove(&state, "shop", "api").unwrap_err().to_string().contains("no entry api"));
        assert!(get(&state, "shop", "api").is_err());
        set(&state, "shop", "a", b"1".to_vec()).unwrap();
        assert_eq!(forget_all(&state, "shop").unwrap(), 1);
    }

    #[test]
    fn empty_values_and_strange_names_are_refused() {
        let (_folder, state) = without_keyring();
        assert!(matches!(set(&state, "shop", "a", b"\n".to_vec()), Err(AppError::Usage { .. })));
        assert!(set(&state, "shop", "../a", b"1".to_vec()).is_err());
    }

    #[test]
    fn a_file_is_kept_whole_or_not_at_all() {
        let (_folder, state) = without_keyring();
        let of = |text: &str, replace: bool| {
            import(&state, "shop", Path::new(".env"), text.as_bytes().to_vec(), Format::Env, replace)
        };
        let value = |name: &str| String::from_utf8(get(&state, "shop", name).unwrap().expose().to_vec()).unwrap();
        assert_eq!(of("A=1\nB='two words'\n", false).unwrap().kept, ["A", "B"]);
        let error = of("C=3\nA=other\n", false).unwrap_err();
        assert!(error.to_string().contains("with other values: A;"), "{error}");
        assert!(get(&state, "shop", "C").is_err() && value("A") == "1", "nothing was changed");
        let imported = of("C=3\nA=other\nB=two words\n", true).unwrap();
        assert_eq!((imported.kept, imported.unchanged), (vec!["C".to_owned(), "A".to_owned()], vec!["B".to_owned()]));
        assert_eq!(value("A"), "other");
        assert!(of("A=\n", false).is_err());
        let json = |text: &str| import(&state, "shop", Path::new("-"), text.as_bytes().to_vec(), Format::Json, false);
        assert_eq!(json("{\"D\": \"hunter2\"}").unwrap().kept, ["D"]);
        let error = json("{\"E\": hunter2}").unwrap_err();
        assert!(!error.to_string().contains("hunter2") && error.to_string().contains("line 1"), "{error}");
    }

    #[test]
    fn what_no_format_holds_is_said() {
        let (_folder, state) = without_keyring();
        set(&state, "shop", "bytes", vec![0xff, 0xfe]).unwrap();
        set(&state, "shop", "api-key", b"x".to_vec()).unwrap();
        assert!(export(&state, "shop", &[], Format::Json).unwrap_err().to_string().contains("bytes"));
        let names = ["api-key".to_owned()];
        assert!(export(&state, "shop", &names, Format::Env).unwrap_err().to_string().contains("api-key"));
        assert_eq!(*export(&state, "shop", &names, Format::Json).unwrap(), "{\n  \"api-key\": \"x\"\n}\n");
    }

    proptest! {
        #[test]
        fn an_exported_line_reads_back(value in "(?s).{0,40}") {
            let text = line("NAME", &value).unwrap();
            let read = read(Path::new("-"), text.clone().into_bytes(), Format::Env).unwrap();
            prop_assert_eq!(read.len(), 1, "{}", text);
            prop_assert_eq!(std::str::from_utf8(read[0].1.expose()).unwrap(), value.as_str(), "{}", text);
        }
    }
}
