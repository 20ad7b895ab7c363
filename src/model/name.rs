//! Names, parsed once.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} cannot name {what}: {rule}")]
pub struct BadName {
    /// What was read.
    pub name: String,
    /// What it should have named.
    pub what: &'static str,
    /// The rule it breaks, as a sentence fragment.
    pub rule: &'static str,
}

/// A Compose project's name: `[a-z0-9][a-z0-9_-]*`. An instance's suffix is part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectName(String);

impl ProjectName {
    /// Reads a name as Compose's specification has it.
    pub fn parse(name: &str) -> Result<Self, BadName> {
        let good = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
        if good && name.len() <= 200 {
            return Ok(Self(name.to_owned()));
        }
        Err(BadName {
            name: name.chars().take(80).collect(),
            what: "a project",
            rule: "it has to consist of lower-case letters, digits, '-' and '_', and to begin with a letter or digit",
        })
    }

    /// Makes a name out of any text (a folder's name) as Compose does; `None` where nothing is left of it.
    pub fn normalise(text: &str) -> Option<Self> {
        let kept: String = text
            .to_lowercase()
            .chars()
            .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_' || *c == '-')
            .collect();
        Self::parse(kept.trim_start_matches(['_', '-'])).ok()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ProjectName {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        Self::parse(&text)
    }
}

impl From<ProjectName> for String {
    fn from(name: ProjectName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_compose() {
        for good in ["shop", "0a", "a_b-c"] {
            assert_eq!(ProjectName::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "Shop", "-a", "../x", "a b", "a\u{0}"] {
            assert!(ProjectName::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(ProjectName::normalise("My Shop.git").unwrap().as_str(), "myshopgit");
        assert_eq!(ProjectName::normalise("__x").unwrap().as_str(), "x");
        assert!(ProjectName::normalise("…").is_none());
    }
}
