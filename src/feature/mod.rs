//! Features of dev containers: installable parts, from folders of the project, registries and archives. Fetched,
//! ordered by what they need, recorded with their digests, and turned into steps on top of an image.

mod archive;
mod definition;
mod error;
mod install;
pub mod lock;
mod order;
mod reference;
mod registry;
mod store;
mod web;

use std::path::Path;

use indexmap::IndexMap;

use crate::model::development::FeatureWish;
pub use definition::Definition;
pub use error::FeatureError;
pub use install::{Users, step};
use lock::Lock;
pub use reference::Reference;
use store::Store;

/// A feature, ready to be installed.
#[derive(Debug, Clone)]
pub struct Feature {
    /// As written.
    pub reference: Reference,
    /// What it says of itself.
    pub definition: Definition,
    /// Options that were given.
    pub options: IndexMap<String, String>,
    /// Over its files.
    pub digest: String,
    /// Its files: where they are on this machine, by their path in the feature.
    pub files: IndexMap<String, std::path::PathBuf>,
    /// The features (by position) that have to be there before.
    needs: Vec<usize>,
}

/// Where features are looked for, and how fresh they must be.
pub struct Surroundings<'a> {
    /// Folder of the `devcontainer.json`.
    pub folder: &'a Path,
    /// The project's folder: local features lie in it.
    pub project: &'a Path,
    /// Where fetched ones are kept.
    pub cache: &'a Path,
    /// What was recorded.
    pub lock: &'a Lock,
    /// Recorded digests count for nothing: what a name means now is looked up.
    pub refresh: bool,
}

/// Fetches everything that is asked for and what that needs, in the order of installation. The lock that comes with it
/// has exactly what was used.
pub async fn resolve(
    wishes: &[FeatureWish],
    first: &[String],
    around: &Surroundings<'_>,
) -> Result<(Vec<Feature>, Lock), FeatureError> {
    let store = Store::new(around);
    let mut used = Lock::default();
    let mut found: Vec<Feature> = Vec::new();
    let mut asked: Vec<(FeatureWish, Option<usize>)> = wishes.iter().map(|wish| (wish.clone(), None)).collect();
    let mut next = 0;
    while next < asked.len() {
        let (wish, by) = asked[next].clone();
        next += 1;
        if next > MOST {
            return Err(FeatureError::TooMany { most: MOST });
        }
        let (feature, record) = store.feature(&wish).await?;
        if let Some(record) = record {
            used.features.insert(wish.reference.clone(), record);
        }
        let same = |known: &Feature| known.digest == feature.digest && known.options == feature.options;
        let position = match found.iter().position(same) {
            Some(position) => position,
            None => {
                let needs = feature.definition.depends_on.clone();
                found.push(feature);
                let position = found.len() - 1;
                asked.extend(needs.into_iter().map(|wish| (wish, Some(position))));
                position
            }
        };
        if let Some(by) = by {
            found[by].needs.push(position);
        }
    }
    used.features.sort_keys();
    Ok((order::sort(found, first)?, used))
}

/// Features of one dev container at most.
const MOST: usize = 200;
