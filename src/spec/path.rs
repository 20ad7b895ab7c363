//! Paths in a spec's tree, as slices of segments: keys as they are, list items as `[0]`. Slices match patterns such as
//! `["services", _, "ports", _]`, which is how every phase states its rules.

/// How a path is written in messages and in [`crate::spec::load::Loaded::origins`]: `services.web.ports[0]`.
pub fn show(path: &[&str]) -> String {
    let mut out = String::new();
    for segment in path {
        if !out.is_empty() && !segment.starts_with('[') {
            out.push('.');
        }
        out.push_str(segment);
    }
    if out.is_empty() { "the spec".into() } else { out }
}

/// A path with one more segment.
pub fn below<'a>(path: &[&'a str], segment: &'a str) -> Vec<&'a str> {
    let mut longer = Vec::with_capacity(path.len() + 1);
    longer.extend_from_slice(path);
    longer.push(segment);
    longer
}

/// The segment of a list's item.
pub fn index(number: usize) -> String {
    format!("[{number}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_people_write_them() {
        assert_eq!(show(&["services", "web", "ports", "[0]", "target"]), "services.web.ports[0].target");
        assert_eq!(show(&below(&[], "services")), "services");
        assert_eq!(show(&[]), "the spec");
    }
}
