//! What a provider says about the options that it takes: `PROGRAM compose metadata`. Providers need not know that.

use serde::Deserialize;

use super::error::ProviderError;
use crate::model::provider::Provider;

/// All that it says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    description: String,
    pub(super) up: Takes,
    pub(super) down: Takes,
    /// Only who says so can stop without giving up what it holds.
    pub(super) stop: Option<Takes>,
}

/// What one verb takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Takes {
    parameters: Option<Vec<Parameter>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Parameter {
    name: String,
    required: bool,
}

impl Metadata {
    /// From the program's words; nothing where they say nothing.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(bytes).ok()?;
        let says_something = !read.description.is_empty()
            || read.up.parameters.is_some()
            || read.down.parameters.is_some()
            || read.stop.is_some();
        says_something.then_some(read)
    }
}

impl Takes {
    /// The options that a verb gets, as arguments: those that it knows, and each that it demands has to be there.
    pub(super) fn arguments(known: Option<&Self>, provider: &Provider) -> Result<Vec<String>, ProviderError> {
        let parameters = known.map(|takes| takes.parameters.as_deref().unwrap_or_default());
        let demanded = parameters.into_iter().flatten().filter(|parameter| parameter.required);
        if let Some(missing) =
            demanded.map(|parameter| &parameter.name).find(|name| !provider.options.contains_key(*name))
        {
            return Err(ProviderError::OptionMissing { kind: provider.kind.clone(), option: missing.clone() });
        }
        let takes = |name: &str| parameters.is_none_or(|known| known.iter().any(|parameter| parameter.name == name));
        let taken = provider.options.iter().filter(|(name, _)| takes(name));
        Ok(taken.flat_map(|(name, values)| values.iter().map(move |value| format!("--{name}={value}"))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> Provider {
        let options = [("type", vec!["mysql"]), ("zone", vec!["a", "b"])];
        let options = options.into_iter().map(|(k, v)| (k.to_owned(), v.into_iter().map(str::to_owned).collect()));
        Provider { kind: "cloud".to_owned(), options: options.collect() }
    }

    #[test]
    fn without_metadata_all_options_are_handed_on() {
        for nothing in ["", "no JSON", "{}", "{\"up\": {}}"] {
            assert_eq!(Metadata::read(nothing.as_bytes()), None, "{nothing}");
        }
        assert_eq!(Takes::arguments(None, &provider()).unwrap(), ["--type=mysql", "--zone=a", "--zone=b"]);
    }

    #[test]
    fn with_metadata_only_those_that_the_verb_knows() {
        let text = r#"{"description": "x", "up": {"parameters": [{"name": "type", "required": true}]}, "down": {}}"#;
        let metadata = Metadata::read(text.as_bytes()).unwrap();
        assert_eq!(Takes::arguments(Some(&metadata.up), &provider()).unwrap(), ["--type=mysql"]);
        assert!(Takes::arguments(Some(&metadata.down), &provider()).unwrap().is_empty());
        let error = Takes::arguments(Some(&metadata.up), &Provider { kind: "cloud".into(), ..Provider::default() });
        assert_eq!(
            error.unwrap_err().to_string(),
            "its program `cloud` demands the option `type`: write it under `provider.options`"
        );
    }
}
