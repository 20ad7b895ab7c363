//! `secret import|export`: entries as a file.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;
use zeroize::Zeroizing;

use super::error::{AppError, Result};
use super::secret::{get, store};
use crate::secret::value::SecretValue;
use crate::spec::dotenv;
use crate::spec::error::{Finding, SpecError};
use crate::spec::node::Source;
use crate::state::store::State;

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
            dotenv::parse(&source, &|_| None).map_err(|error| unreadable(file, &error))?.variables
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

/// Only the place: the parser's own words show the line, and the line holds a value.
fn unreadable(file: &Path, error: &SpecError) -> AppError {
    let place = error.problems().first().map(Finding::from);
    let number = |number: Option<usize>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let (line, column) = place.map_or((None, None), |place| (place.line, place.column));
    let (line, column) = (number(line), number(column));
    AppError::usage(format!("{} has no NAME=value there: line {line}, column {column}", file.display()))
        .help("look for a quote that is not closed, or give --format json")
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::secret::{set, tests::without_keyring};
    use super::*;

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
        let error = of("A=1\nB=\"hunter2\n", true).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
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
