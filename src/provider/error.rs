//! Why a provider gave nothing.

use crate::base::process::ProcessError;

/// Why a provider gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// There is no such program.
    #[error(
        "there is neither a plugin `docker-{kind}` of the docker command line nor a program `{kind}` on PATH: install it"
    )]
    NoProgram {
        /// `type` of the provider.
        kind: String,
    },
    /// Compose's own plugin provides nothing.
    #[error("`compose` is no type of provider: name the program that provides the service")]
    Reserved,
    /// The model runner is not there.
    #[error("language models need the plugin `docker-model` of the docker command line: install it")]
    NoModelRunner,
    /// An option is missing that the program demands.
    #[error("its program `{kind}` demands the option `{option}`: write it under `provider.options`")]
    OptionMissing {
        /// `type` of the provider.
        kind: String,
        /// Which.
        option: String,
    },
    /// The program says that it failed.
    #[error("`{kind}` says: {message}")]
    Said {
        /// `type` of the provider.
        kind: String,
        /// Its words.
        message: String,
    },
    /// The program does not keep to the protocol.
    #[error(
        "`{kind}` answered something that is no message of the protocol ({what}): is it a provider for Compose at all?"
    )]
    Nonsense {
        /// `type` of the provider.
        kind: String,
        /// What is wrong with it.
        what: String,
    },
    /// The program could not be run, or ended badly. Its arguments are not shown: options may hold what is nobody's business.
    #[error("`{program}` {reason}")]
    Failed {
        /// Its name, and what it was to do.
        program: String,
        /// How it ended.
        reason: String,
    },
}

impl ProviderError {
    /// A failed call without its arguments.
    pub(super) fn of_call(program: &str, error: ProcessError) -> Self {
        let last = |stderr: String| {
            let stderr = stderr.trim_end();
            if stderr.is_empty() { String::new() } else { format!("; its last lines:\n{stderr}") }
        };
        let reason = match error {
            ProcessError::Failed { status, stderr, .. } => format!("failed ({status}){}", last(stderr)),
            ProcessError::Deadline { limit, stderr, .. } => {
                format!("was stopped after {} s without an end{}", limit.as_secs(), last(stderr))
            }
            ProcessError::NotFound { .. } => "can't be run: it is not there".to_owned(),
            ProcessError::Start { source, .. } => format!("can't be run: {source}"),
            ProcessError::Io { source, .. } => format!("was lost track of: {source}"),
        };
        Self::Failed { program: program.to_owned(), reason }
    }
}
