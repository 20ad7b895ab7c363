//! `env.yaml` as typed data. Unknown keys are errors.

use indexmap::IndexMap;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What `envs/NAME/env.yaml` says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Version of this building block; part of its image's tag.
    pub version: u32,
    /// One line for `devup env`.
    pub description: String,
    /// What it stands on.
    pub base: Base,
    /// Users with fixed ids, made before packages are installed, so that data in volumes keeps its owner.
    #[serde(default)]
    pub users: Vec<User>,
    /// Files of the image.
    #[serde(default)]
    pub files: Vec<FileEntry>,
    /// The distribution's packages, without what they merely recommend.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Shell lines that run inside the build container after packages and files, as root; the first failure ends it.
    #[serde(default)]
    pub run: Vec<String>,
    /// What a service has where the spec does not say otherwise; becomes the image's own configuration.
    #[serde(default)]
    pub service: ServiceDefaults,
    /// How data of this service is dumped, for backups.
    pub backup: Option<String>,
}

/// What an env stands on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Base {
    /// Another env, by name.
    Env(String),
    /// A distribution itself.
    Distribution(Distribution),
}

/// A Debian release, as packages and as a registry's image of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// Code name of the release, as in apt's sources: `bookworm`.
    pub suite: String,
    /// The same as an image of a registry, used where one answers.
    pub image: String,
}

/// A system user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Login name, also that of its group.
    pub name: String,
    /// User and group id.
    pub uid: u32,
    /// Home folder; not created.
    pub home: String,
    /// Login shell; `/usr/sbin/nologin` where nothing is said.
    pub shell: Option<String>,
}

/// A file of the image: its text stands in `content`, or in a file beside `env.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Absolute path in the image.
    pub path: String,
    /// The text itself.
    pub content: Option<String>,
    /// Name of a file beside `env.yaml`.
    pub source: Option<String>,
    /// Octal mode, `"0644"` where nothing is said.
    pub mode: Option<String>,
    /// When it is put in place; after the packages where nothing is said.
    #[serde(default)]
    pub before: Before,
}

/// What a file has to be there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Before {
    /// Packages read it while they are installed.
    Packages,
    /// Only `run` and the service need it.
    #[default]
    Run,
}

/// Compose's service keys that an env gives defaults for, with Compose's meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceDefaults {
    /// What always runs first.
    pub entrypoint: Vec<String>,
    /// Its arguments, or the program where there is no entrypoint.
    pub command: Vec<String>,
    /// Variables of builds on top and of containers.
    pub environment: IndexMap<String, String>,
    /// Ports the service listens on.
    pub expose: Vec<String>,
    /// Folders that hold data.
    pub volumes: Vec<String>,
    /// How the service is asked whether it is well.
    pub healthcheck: Option<Healthcheck>,
    /// Signal of an orderly stop.
    pub stop_signal: Option<String>,
    /// Who the program runs as.
    pub user: Option<String>,
    /// Where it starts.
    pub working_dir: Option<String>,
}

/// A health check; durations as Compose writes them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Healthcheck {
    /// `[CMD, program, …]` or `[CMD-SHELL, line]`.
    pub test: Vec<String>,
    /// From one check to the next.
    pub interval: Option<String>,
    /// After which a check counts as failed.
    pub timeout: Option<String>,
    /// Failures in a row that make it unhealthy.
    pub retries: Option<u32>,
    /// During which failures do not count.
    pub start_period: Option<String>,
}

/// An env: its definition, and the files beside it.
#[derive(Clone, Debug)]
pub struct Env {
    /// Name of its folder.
    pub name: String,
    /// What `env.yaml` says.
    pub definition: Definition,
    /// Files beside `env.yaml`, by name.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// `env.yaml` says something that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("env `{env}`: {problem}")]
pub struct DefinitionError {
    /// The env concerned.
    pub env: String,
    /// What is wrong, with its place where that is known.
    pub problem: String,
}

impl Env {
    /// Reads a definition and checks what types cannot say.
    pub fn parse(name: &str, yaml: &str, files: BTreeMap<String, Vec<u8>>) -> Result<Self, DefinitionError> {
        let wrong = |problem: String| DefinitionError { env: name.to_owned(), problem };
        let definition: Definition = serde_yaml::from_str(yaml).map_err(|error| wrong(format!("env.yaml: {error}")))?;
        let env = Self { name: name.to_owned(), definition, files };
        match env.wrong_file().or_else(|| env.wrong_word()).or_else(|| env.wrong_check()) {
            Some(problem) => Err(wrong(problem)),
            None => Ok(env),
        }
    }

    /// The bytes of a file entry.
    pub fn bytes_of<'a>(&'a self, entry: &'a FileEntry) -> Option<&'a [u8]> {
        match (&entry.content, &entry.source) {
            (Some(text), None) => Some(text.as_bytes()),
            (None, Some(source)) => self.files.get(source).map(Vec::as_slice),
            _ => None,
        }
    }

    fn wrong_file(&self) -> Option<String> {
        self.definition.files.iter().find_map(|entry| {
            let path = &entry.path;
            if !path.starts_with('/') || path.ends_with('/') || path.split('/').any(|part| part == "..") {
                return Some(format!("files: `{path}` is not an absolute path of a file"));
            }
            if entry.mode().is_none() {
                return Some(format!("files: the mode of `{path}` is not octal digits such as \"0755\""));
            }
            if entry.content.is_some() == entry.source.is_some() {
                return Some(format!("files: `{path}` needs either `content` or `source`"));
            }
            let missing = entry.source.as_ref().filter(|source| !self.files.contains_key(*source))?;
            Some(format!("files: there is no file `{missing}` beside env.yaml"))
        })
    }

    /// Words that become part of shell lines and Dockerfile instructions have to be plain.
    fn wrong_word(&self) -> Option<String> {
        let plain =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"'\"\\$`;&|<>".contains(c));
        let packages = self.definition.packages.iter().map(|word| ("packages", word));
        let service = &self.definition.service;
        let users =
            self.definition.users.iter().flat_map(|user| [&user.name, &user.home].into_iter().chain(&user.shell));
        let words = packages
            .chain(users.map(|word| ("users", word)))
            .chain(service.expose.iter().map(|word| ("service.expose", word)))
            .chain(service.environment.keys().map(|word| ("service.environment", word)))
            .chain(service.stop_signal.iter().map(|word| ("service.stop_signal", word)))
            .chain(service.user.iter().map(|word| ("service.user", word)))
            .chain(service.working_dir.iter().map(|word| ("service.working_dir", word)));
        words
            .filter(|(_, word)| !plain(word) || word.starts_with('-'))
            .map(|(key, word)| format!("{key}: `{word}` holds characters that have no place there"))
            .next()
    }

    fn wrong_check(&self) -> Option<String> {
        let check = self.definition.service.healthcheck.as_ref()?;
        let known = match check.test.first().map(String::as_str) {
            Some("CMD") => check.test.len() > 1,
            Some("CMD-SHELL") => check.test.len() == 2 && !check.test[1].contains('\n'),
            _ => false,
        };
        if !known {
            return Some("service.healthcheck.test: write [CMD, program, …] or [CMD-SHELL, one line]".to_owned());
        }
        let durations = [&check.interval, &check.timeout, &check.start_period].into_iter().flatten();
        durations
            .filter(|text| text.is_empty() || !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.'))
            .map(|text| format!("service.healthcheck: `{text}` is no duration such as 5s"))
            .next()
    }
}

impl FileEntry {
    /// The mode as a number; `None` where it is not written in octal digits.
    pub fn mode(&self) -> Option<u32> {
        let text = self.mode.as_deref().unwrap_or("0644");
        u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(yaml: &str) -> String {
        Env::parse("x", yaml, BTreeMap::new()).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_is_said_with_its_place() {
        let head = "version: 1\ndescription: x\nbase: debian-12\n";
        assert!(problem(&format!("{head}packges: [a]")).contains("packges"));
        assert!(problem(&format!("{head}packages: [\"a; rm -rf /\"]")).contains("packages: `a; rm"));
        assert!(problem(&format!("{head}packages: [--allow-unauthenticated]")).contains("packages: `--allow"));
        assert!(problem(&format!("{head}files: [{{path: etc/x, content: y}}]")).contains("absolute"));
        assert!(problem(&format!("{head}files: [{{path: /../x, content: y}}]")).contains("absolute"));
        assert!(problem(&format!("{head}files: [{{path: /x}}]")).contains("either `content` or `source`"));
        assert!(problem(&format!("{head}files: [{{path: /x, source: gone}}]")).contains("`gone` beside"));
        assert!(problem(&format!("{head}files: [{{path: /x, content: y, mode: \"0999\"}}]")).contains("octal"));
        assert!(problem(&format!("{head}service: {{healthcheck: {{test: [true]}}}}")).contains("healthcheck.test"));
        assert!(problem("version: 1").contains("description"));
    }

    #[test]
    fn a_base_is_an_env_or_a_distribution() {
        let yaml = "version: 1\ndescription: x\nbase: {suite: bookworm, image: \"debian:bookworm-slim\"}";
        let env = Env::parse("x", yaml, BTreeMap::new()).unwrap();
        assert!(matches!(env.definition.base, Base::Distribution(distribution) if distribution.suite == "bookworm"));
    }
}
