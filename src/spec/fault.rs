//! What can be wrong with a spec, as data: each fault in words, and what to do about it.

use std::path::PathBuf;

use super::excerpt::{clean, quoted};

/// What is wrong. The text says what was attempted and why it failed; [`Fault::remedy`] says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A file that could not be read.
    #[error("can't read {}: {reason}", quoted(&path.to_string_lossy()))]
    Unreadable {
        /// The file, as the user named it.
        path: PathBuf,
        /// The system's word on it.
        reason: String,
    },
    /// No spec in this folder or any above it.
    #[error("no spec found in {} or any folder above it", quoted(&dir.to_string_lossy()))]
    NothingFound {
        /// Where the search began.
        dir: PathBuf,
        /// The names that were looked for, in order.
        looked_for: Vec<&'static str>,
    },
    /// Options or variables that contradict each other or name nothing usable.
    #[error("{0}")]
    BadOption(String),
    /// A project name that engines would refuse.
    #[error(
        "project name {} is not valid: only lowercase letters, digits, `-` and `_`, beginning with a letter or a digit",
        quoted(name)
    )]
    BadProjectName {
        /// As given.
        name: String,
        /// What it could be instead.
        proposal: Option<String>,
    },
    /// Text that is not YAML.
    #[error("not valid YAML: {0}")]
    Syntax(String),
    /// Text that is not JSON with comments.
    #[error("not valid JSON: {0}")]
    NotJson(String),
    /// Bytes that are not UTF-8 text.
    #[error("can't decode the file: {0}")]
    Encoding(String),
    /// A bound that keeps hostile files from filling memory or time.
    #[error("{what} exceeds the limit of {limit}")]
    Limit {
        /// What is too large, deep or many.
        what: String,
        /// The bound, with its unit.
        limit: String,
    },
    /// The same key twice in one mapping.
    #[error("key {} is given twice in this mapping", quoted(key))]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A mapping key that is a number, list or mapping.
    #[error("{0}")]
    BadKey(String),
    /// `include`, `extends` or aliases that come back to where they began.
    #[error("{what} runs in a circle: {}", clean(&chain.join(" → "), 300))]
    Cycle {
        /// `include`, `extends`, `depends_on`, `alias`.
        what: &'static str,
        /// The way round, first and last being the same.
        chain: Vec<String>,
    },
    /// A `$` expression that cannot be read.
    #[error("can't interpolate {}: {reason}", quoted(expression))]
    Interpolation {
        /// The expression or its beginning.
        expression: String,
        /// Why.
        reason: String,
    },
    /// `${VAR:?message}` where `VAR` is missing.
    #[error("required variable {} is missing a value{}", quoted(name), if message.is_empty() { String::new() } else { format!(": {}", clean(message, 300)) })]
    RequiredVariable {
        /// The variable.
        name: String,
        /// The spec's own words.
        message: String,
    },
    /// A line of a `.env` or `env_file` that cannot be read.
    #[error("can't read the environment file: {0}")]
    Dotenv(String),
    /// A key that nothing here knows.
    #[error("unknown key {} in {}", quoted(key), named(path))]
    UnknownKey {
        /// The key.
        key: String,
        /// The mapping that holds it, as `services.web`; `the spec` at the top.
        path: String,
    },
    /// A value of a wrong kind.
    #[error("{} must be {expected}, but it is {found}", named(path))]
    WrongType {
        /// `services.web.ports`.
        path: String,
        /// `a list or a mapping`.
        expected: String,
        /// `a number`.
        found: String,
    },
    /// The right kind of value, but not one that means something.
    #[error("{} can't be {}: {reason}", quoted(path), quoted(value))]
    BadValue {
        /// `services.web.ports[0]`.
        path: String,
        /// As written.
        value: String,
        /// Why.
        reason: String,
    },
    /// A key that must be there.
    #[error("{} lacks {}", quoted(path), quoted(key))]
    MissingKey {
        /// The mapping.
        path: String,
        /// The key.
        key: String,
    },
    /// Keys that exclude each other, or a set that makes no sense together.
    #[error("{} {reason}", quoted(path))]
    Contradiction {
        /// The mapping.
        path: String,
        /// Begins with a verb.
        reason: String,
    },
    /// A name that should be declared elsewhere in the spec.
    #[error("{} refers to the {kind} {}, which is not defined", quoted(path), quoted(name))]
    UnknownName {
        /// Where the reference stands.
        path: String,
        /// `service`, `volume`, `network`, `config`, `secret`, `task`, …
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Written for a later devup.
    #[error("this spec needs a newer devup: {reason}; this is devup {}", env!("CARGO_PKG_VERSION"))]
    NeedsNewer {
        /// Which key asks for what.
        reason: String,
    },
    /// Known, but not built yet.
    #[error("{feature} is not available yet in devup {}", env!("CARGO_PKG_VERSION"))]
    NotYet {
        /// The feature.
        feature: String,
    },
    /// A file of another repository that nobody fetched yet.
    #[error("{} was not fetched yet", quoted(shown))]
    NotFetched {
        /// As written.
        address: String,
        /// As it may be shown.
        shown: String,
    },
    /// A file of another repository that can't be had.
    #[error("can't {what} a file of another repository: {reason}")]
    Remote {
        /// `include` or `extend`.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// Merging or extending what cannot be merged.
    #[error("can't merge {}: {reason}", quoted(path))]
    Merge {
        /// Where.
        path: String,
        /// Why.
        reason: String,
    },
}

/// A path in backticks; the root has none.
fn named(path: &str) -> String {
    if path == "the spec" { path.to_owned() } else { quoted(path) }
}

impl Fault {
    /// What to do when nobody who raised it knew better.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unreadable { path, .. } => {
                format!("check the path and its permissions: ls -l {}", clean(&path.to_string_lossy(), 200))
            }
            Self::NothingFound { looked_for, .. } => format!(
                "looked for {}; go to the project's folder, name a file with `-f FILE`, or start one with `devup init`",
                looked_for.join(", ")
            ),
            Self::BadOption(_) => "see `devup help` for the options and what they take".into(),
            Self::BadProjectName { proposal, .. } => proposal.as_ref().map_or_else(
                || "choose another with `-p NAME`, COMPOSE_PROJECT_NAME or `name:` in the spec".into(),
                |p| format!("for example `-p {p}`, COMPOSE_PROJECT_NAME={p} or `name: {p}` in the spec"),
            ),
            Self::Syntax(_) => "check the indentation (spaces, never tabs), colons and quotes around this place".into(),
            Self::NotJson(_) => "check commas, quotes and brackets around this place".into(),
            Self::Encoding(_) => "save the file as UTF-8, for example: iconv -f LATIN1 -t UTF-8 FILE".into(),
            Self::Limit { .. } => "split the spec with `include`, or remove what makes it so large".into(),
            Self::DuplicateKey { key } => format!("keep one {}, or rename the other", quoted(key)),
            Self::BadKey(_) => "write the key as a plain string, in quotes where it looks like a number".into(),
            Self::Cycle { what, .. } => format!("remove one `{what}` of the circle"),
            Self::Interpolation { .. } => {
                "write `${NAME}` or `${NAME:-default}` for a variable, `$$` for a dollar sign itself".into()
            }
            Self::RequiredVariable { name, .. } => {
                let name = clean(name, 60);
                format!("set it: {name}=… in the `.env` file beside the spec, or `export {name}=…`")
            }
            Self::Dotenv(_) => "each line is NAME=value, quoted where the value holds spaces, `#` or `$`".into(),
            Self::UnknownKey { .. } => "remove it; keys of your own begin with `x-`".into(),
            Self::WrongType { path, .. } if path == "the spec" => {
                "begin with `services:` and indent each service below it".into()
            }
            Self::WrongType { path, expected, .. } if path == "services" && expected == "a mapping" => {
                "write each service as `NAME:`, without a dash, and indent its keys below it".into()
            }
            Self::WrongType { expected, .. } => format!("write {expected} here"),
            Self::BadValue { .. } => "correct the value; `devup schema` prints what each key accepts".into(),
            Self::MissingKey { key, .. } => format!("add {}", quoted(key)),
            Self::Contradiction { .. } => "keep one of them".into(),
            Self::UnknownName { kind, name, .. } => match *kind {
                "service" | "task" => format!("define {} under `{kind}s:`, or remove this reference", quoted(name)),
                _ => format!("add {} under the top-level `{kind}s:`", quoted(name)),
            },
            Self::NeedsNewer { .. } => "install a newer devup; `devup --version` prints what you have".into(),
            Self::NotYet { .. } => "remove the key for now".into(),
            Self::NotFetched { .. } => "`devup trust` asks whether to fetch it; `devup up` does so, too".into(),
            Self::Remote { .. } => {
                "name a git repository as https://HOST/REPOSITORY.git#REF:PATH, or clone it beside this project".into()
            }
            Self::Merge { .. } => {
                "give both files the same kind of value, or tag the later one `!override` or `!reset`".into()
            }
        }
    }
}
