//! In which order features are installed: by rounds, as the specification has it.

use super::Feature;
use super::error::FeatureError;
use super::reference::Reference;

/// Sorts; `first` are names of those that come as early as what they need allows, in this order.
pub(super) fn sort(features: Vec<Feature>, first: &[String]) -> Result<Vec<Feature>, FeatureError> {
    let befores: Vec<Vec<usize>> = features.iter().map(|feature| before(feature, &features)).collect();
    let mut done: Vec<usize> = Vec::with_capacity(features.len());
    while done.len() < features.len() {
        let open = (0..features.len()).filter(|index| !done.contains(index));
        let ready: Vec<usize> = open.filter(|index| befores[*index].iter().all(|other| done.contains(other))).collect();
        let priority = |index: &usize| priority(&features[*index], first);
        let Some(highest) = ready.iter().map(priority).max() else {
            let left = (0..features.len()).filter(|index| !done.contains(index));
            return Err(FeatureError::Circle { among: left.map(|index| features[index].reference.name()).collect() });
        };
        let mut round: Vec<usize> = ready.into_iter().filter(|index| priority(index) == highest).collect();
        round.sort_by(|a, b| rank(&features[*a]).cmp(&rank(&features[*b])));
        done.extend(round);
    }
    let mut features: Vec<Option<Feature>> = features.into_iter().map(Some).collect();
    Ok(done.into_iter().filter_map(|index| features[index].take()).collect())
}

/// What has to be there, and what is better there, where it is installed at all.
fn before(feature: &Feature, all: &[Feature]) -> Vec<usize> {
    let mut before = feature.needs.clone();
    for name in &feature.definition.installs_after {
        let name = Reference::parse(name).map_or_else(|_| name.clone(), |reference| reference.name());
        before.extend(all.iter().enumerate().filter(|(_, other)| is_called(other, &name)).map(|(index, _)| index));
    }
    before
}

fn is_called(feature: &Feature, name: &str) -> bool {
    let own = feature.reference.name();
    let namespace = own.rsplit_once('/').map_or("", |(namespace, _)| namespace);
    own == name || feature.definition.legacy_ids.iter().any(|old| format!("{namespace}/{old}") == name)
}

fn priority(feature: &Feature, first: &[String]) -> usize {
    let named = |name: &String| {
        let name = Reference::parse(name).map_or_else(|_| name.clone(), |reference| reference.name());
        is_called(feature, &name)
    };
    first.iter().position(named).map_or(0, |index| first.len() - index)
}

/// Among equals: the name, older versions first, more options first, then the options and the content.
fn rank(feature: &Feature) -> (String, Vec<u64>, usize, String, String) {
    let version = match feature.reference.version() {
        "latest" => vec![u64::MAX],
        version => version.split('.').map(|part| part.parse().unwrap_or(0)).collect(),
    };
    let mut options: Vec<String> = feature.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    options.sort();
    let fewer = usize::MAX - options.len();
    (feature.reference.name(), version, fewer, options.join("\n"), feature.digest.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature::Definition;
    use indexmap::IndexMap;

    fn feature(name: &str, needs: &[usize], after: &[&str]) -> Feature {
        let after: Vec<String> = after.iter().map(|name| format!("\"x.io/{name}\"")).collect();
        let text = format!("{{\"id\": \"{name}\", \"installsAfter\": [{}]}}", after.join(","));
        Feature {
            reference: Reference::parse(&format!("x.io/{name}:1")).unwrap(),
            definition: Definition::parse(&text, "f.json".into()).unwrap(),
            options: IndexMap::new(),
            digest: name.to_owned(),
            files: IndexMap::new(),
            needs: needs.to_vec(),
        }
    }

    fn sorted(features: Vec<Feature>, first: &[&str]) -> Result<Vec<String>, String> {
        let first: Vec<String> = first.iter().map(|name| format!("x.io/{name}")).collect();
        let sorted = sort(features, &first).map_err(|error| error.to_string())?;
        Ok(sorted.into_iter().map(|feature| feature.definition.id).collect())
    }

    #[test]
    fn what_is_needed_comes_first_then_names_decide() {
        let all = vec![
            feature("c", &[], &[]),
            feature("a", &[2], &[]),
            feature("z", &[], &[]),
            feature("b", &[], &["z", "gone"]),
        ];
        assert_eq!(sorted(all, &[]).unwrap(), ["c", "z", "a", "b"]);
    }

    #[test]
    fn the_users_word_counts_as_far_as_needs_allow() {
        let all =
            || vec![feature("a", &[], &[]), feature("b", &[], &[]), feature("c", &[3], &[]), feature("d", &[], &[])];
        assert_eq!(sorted(all(), &["b"]).unwrap(), ["b", "a", "d", "c"]);
        assert_eq!(sorted(all(), &["c", "b"]).unwrap(), ["b", "a", "d", "c"]);
    }

    #[test]
    fn circles_are_told() {
        let all = vec![feature("a", &[1], &[]), feature("b", &[], &["a"]), feature("c", &[], &[])];
        let told = sorted(all, &[]).unwrap_err();
        assert!(told.contains("circle: x.io/a, x.io/b;"), "{told}");
    }
}
