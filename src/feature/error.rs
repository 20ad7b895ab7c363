//! Why a feature can't be had.

use std::path::PathBuf;

/// Why a feature can't be had. Each says what was attempted, why it failed, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// The reference means nothing.
    #[error("feature {reference}: {reason}")]
    Reference {
        /// As written.
        reference: String,
        /// Why.
        reason: String,
    },
    /// A local one.
    #[error("feature {reference}: cannot read {}: {reason}", path.display())]
    Local {
        /// As written.
        reference: String,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// One from elsewhere.
    #[error("feature {reference}: fetching {address}: {reason}")]
    Fetch {
        /// As written.
        reference: String,
        /// What was asked.
        address: String,
        /// Why.
        reason: String,
    },
    /// Another content than was recorded or announced.
    #[error(
        "feature {reference}: its content has the digest {found}, but {wanted} was expected; if that is right, refresh devup.lock with `devup up --pull always`"
    )]
    Digest {
        /// As written.
        reference: String,
        /// What came.
        found: String,
        /// What was expected.
        wanted: String,
    },
    /// What came is no feature.
    #[error("feature {reference}: {reason}")]
    Content {
        /// As written.
        reference: String,
        /// Why.
        reason: String,
    },
    /// Its definition is wrong.
    #[error(transparent)]
    Definition(#[from] crate::spec::error::SpecError),
    /// They need each other.
    #[error("features need each other in a circle: {}; leave one of them out, or ask its author", among.join(", "))]
    Circle {
        /// Those that are left.
        among: Vec<String>,
    },
    /// More than anybody needs.
    #[error("the dev container asks for more than {most} features, with what they need")]
    TooMany {
        /// The bound.
        most: usize,
    },
}
