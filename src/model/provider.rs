//! What programs of this machine provide in place of containers: services (`provider:`) and language models (`models:`).

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::canonical::{Absent, canonical};

canonical! {
/// `provider:` of a service.
#[derive(Eq)]
pub struct Provider {
    /// Which program: a plugin of the docker command line, a program on PATH, or a path.
    #[serde(rename = "type")]
    pub kind: String,
    /// Handed on as `--NAME=VALUE`, in this order.
    pub options: IndexMap<String, Vec<String>>,
}
}

canonical! {
/// A language model of the project.
#[derive(Eq)]
pub struct Model {
    /// What it is called in messages; its key where nothing is said.
    pub name: Option<String>,
    /// Where it comes from: `ai/smollm2`.
    pub model: String,
    /// Tokens of context.
    pub context_size: Option<u64>,
    /// Options of the inference engine.
    pub runtime_flags: Vec<String>,
}
}

canonical! {
/// How a service uses a model.
#[derive(Eq)]
pub struct ModelUse {
    /// The variable that gets the model's address; `<KEY>_URL` where nothing is said.
    pub endpoint_var: Option<String>,
    /// The variable that gets the model's name; `<KEY>_MODEL` where nothing is said.
    pub model_var: Option<String>,
}
}

/// The variable that says which model it is.
pub fn model_variable(key: &str, using: Option<&ModelUse>) -> String {
    variable(key, using.and_then(|using| using.model_var.as_ref()), "MODEL")
}

/// The variable that says where the model answers.
pub fn endpoint_variable(key: &str, using: Option<&ModelUse>) -> String {
    variable(key, using.and_then(|using| using.endpoint_var.as_ref()), "URL")
}

fn variable(key: &str, given: Option<&String>, ending: &str) -> String {
    match given.filter(|name| !name.is_empty()) {
        Some(name) => name.clone(),
        None => format!("{}_{ending}", key.to_uppercase().replace('-', "_")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_named_after_the_models_key_unless_the_spec_names_them() {
        assert_eq!(model_variable("my-llm", None), "MY_LLM_MODEL");
        assert_eq!(endpoint_variable("my-llm", Some(&ModelUse::default())), "MY_LLM_URL");
        let named = ModelUse { endpoint_var: Some("AT".into()), model_var: Some("WHICH".into()) };
        assert_eq!(model_variable("m", Some(&named)), "WHICH");
        assert_eq!(endpoint_variable("m", Some(&named)), "AT");
    }
}
