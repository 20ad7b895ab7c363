//! How a feature is named: a folder of the project, an address, or a name in a registry.

use super::error::FeatureError;

/// A name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// `./tools`: relative to the folder of the `devcontainer.json`.
    Local(String),
    /// `https://…/devcontainer-feature-tools.tgz`
    Archive(String),
    /// `registry.example/owner/repository/tools:1`
    Registry {
        /// Host and perhaps port.
        registry: String,
        /// Everything between that and the version.
        repository: String,
        /// A tag, or `sha256:…`.
        version: String,
    },
}

impl Reference {
    /// Takes a name apart.
    pub fn parse(text: &str) -> Result<Self, FeatureError> {
        let wrong = |reason: &str| FeatureError::Reference { reference: text.to_owned(), reason: reason.to_owned() };
        if text.starts_with("./") || text.starts_with("../") {
            return Ok(Self::Local(text.to_owned()));
        }
        if text.starts_with("https://") || text.starts_with("http://") {
            return Ok(Self::Archive(text.to_owned()));
        }
        if text.starts_with('/') {
            return Err(wrong("an absolute path works on one machine only: write it as `./NAME`"));
        }
        let Some((registry, rest)) = text.split_once('/') else {
            return Err(wrong(
                "a bare name is an old form that is gone: write where it is published, as `REGISTRY/OWNER/NAME:1`",
            ));
        };
        if !registry.contains(['.', ':']) && registry != "localhost" {
            return Err(wrong(
                "the old form `OWNER/REPOSITORY/NAME` is gone: begin with the registry, as `ghcr.io/OWNER/NAME:1`",
            ));
        }
        let (repository, version) = match (rest.split_once('@'), rest.rsplit_once(':')) {
            (Some((repository, digest)), _) => (repository, digest),
            (None, Some((repository, tag))) => (repository, tag),
            (None, None) => (rest, "latest"),
        };
        let good = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        if repository.is_empty() || version.is_empty() || !repository.chars().all(good) {
            return Err(wrong("it is not `REGISTRY/OWNER/NAME:VERSION`"));
        }
        let repository = repository.to_ascii_lowercase();
        Ok(Self::Registry { registry: registry.to_owned(), repository, version: version.to_owned() })
    }

    /// Without a version: what others mean by `installsAfter`, and what is sorted by.
    pub fn name(&self) -> String {
        match self {
            Self::Local(text) | Self::Archive(text) => text.clone(),
            Self::Registry { registry, repository, .. } => format!("{registry}/{repository}"),
        }
    }

    /// The version; empty where there is none.
    pub fn version(&self) -> &str {
        match self {
            Self::Registry { version, .. } => version,
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(registry: &str, repository: &str, version: &str) -> Reference {
        Reference::Registry { registry: registry.into(), repository: repository.into(), version: version.into() }
    }

    #[test]
    fn each_form_is_taken_apart() {
        let parse = |text: &str| Reference::parse(text).unwrap();
        assert_eq!(parse("ghcr.io/a/b/go:1"), registry("ghcr.io", "a/b/go", "1"));
        assert_eq!(parse("ghcr.io/a/b/Go"), registry("ghcr.io", "a/b/go", "latest"));
        assert_eq!(parse("localhost:5000/go@sha256:ab"), registry("localhost:5000", "go", "sha256:ab"));
        assert_eq!(parse("./go"), Reference::Local("./go".into()));
        assert_eq!(parse("https://x.example/go.tgz"), Reference::Archive("https://x.example/go.tgz".into()));
        assert_eq!(parse("ghcr.io/a/go:1.2").name(), "ghcr.io/a/go");
    }

    #[test]
    fn forms_that_are_gone_say_what_to_write() {
        for (text, word) in
            [("fish", "bare name"), ("a/b/c", "begin with the registry"), ("/a", "./NAME"), ("ghcr.io/:1", "VERSION")]
        {
            assert!(Reference::parse(text).unwrap_err().to_string().contains(word), "{text}");
        }
    }
}
