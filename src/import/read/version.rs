//! What a manifest says about a language's version, against what there is.

/// The first version in a text, to its minor part: `>=3.12,<4` is `3.12`, `v20.11.1` is `20.11`.
pub fn first(text: &str) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let digits: String = text[start..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').take(16).collect();
    let parts: Vec<&str> = digits.split('.').filter(|part| !part.is_empty()).take(2).collect();
    Some(parts.join("."))
}

/// The first version's major part.
pub fn major(text: &str) -> Option<String> {
    first(text).map(|version| version.split('.').next().unwrap_or_default().to_owned())
}

/// Whether a version satisfies the first part of a requirement: at least it after `>=`, `>` and `^`, else it itself.
pub fn satisfies(have: &str, requirement: &str) -> bool {
    let Some(wanted) = first(requirement) else { return true };
    let (have, wanted_parts) = (parts(have), parts(&wanted));
    let operator = requirement.trim_start().chars().take_while(|c| !c.is_ascii_digit()).collect::<String>();
    match operator.trim() {
        ">=" | ">" | "^" => {
            let same_major = operator.trim() != "^" || have.first() == wanted_parts.first();
            same_major && have >= wanted_parts
        }
        _ => !wanted_parts.is_empty() && have.starts_with(&wanted_parts),
    }
}

fn parts(version: &str) -> Vec<u32> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_read_as_their_registries_mean_them() {
        assert_eq!(first(">=3.12,<4").as_deref(), Some("3.12"));
        assert_eq!(first("v20.11.1\n").as_deref(), Some("20.11"));
        assert_eq!(major("^18.0 || >=20").as_deref(), Some("18"));
        assert_eq!(first("lts/iron"), None);
        // a patch release is told to the minor part only
        for good in [">=3.9", "^3.8", "3.11.4", "==3.11.*", "", "~3.11", "3"] {
            assert!(satisfies("3.11", good), "{good}");
        }
        for wrong in [">=3.12", "^2.7", "3.12", "99999999999999999999", "==3.1"] {
            assert!(!satisfies("3.11", wrong), "{wrong}");
        }
    }
}
