//! What a builder found in Dockerfiles, for people.

use std::fmt::Write as _;

use crate::app::check::Checked;
use crate::driver::image::Finding;
use crate::ui::text::{clean, clean_lines};

/// One paragraph per finding.
pub fn text(checked: &[Checked]) -> String {
    let mut out = String::new();
    for one in checked {
        let (service, dockerfile) = (clean(&one.service), clean(&one.dockerfile));
        // writing to a String cannot fail
        let _ = match (&one.findings.error, one.findings.warnings.len()) {
            (Some(error), _) => writeln!(out, "{service}: {dockerfile} cannot be built: {}", clean_lines(error)),
            (None, 0) => writeln!(out, "{service}: no warnings"),
            (None, 1) => writeln!(out, "{service}: 1 warning"),
            (None, count) => writeln!(out, "{service}: {count} warnings"),
        };
        for finding in &one.findings.warnings {
            out.push_str(&paragraph(&dockerfile, finding));
        }
    }
    out
}

fn paragraph(dockerfile: &str, finding: &Finding) -> String {
    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let said = if finding.detail.is_empty() { &finding.description } else { &finding.detail };
    let (rule, url) = (clean(&finding.rule), clean(&finding.url));
    format!("  {dockerfile}{line}: {} ({rule})\n    {url}\n", clean_lines(said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::image::Findings;

    #[test]
    fn findings_name_the_place_the_rule_and_where_it_is_explained() {
        let checked = |findings: Findings| Checked { service: "web".into(), dockerfile: "Dockerfile".into(), findings };
        let finding = Finding {
            rule: "FromAsCasing".into(),
            detail: "casing does not match".into(),
            url: "https://docs.example/rule".into(),
            line: Some(3),
            ..Finding::default()
        };
        let found = text(&[checked(Findings { warnings: vec![finding], error: None })]);
        assert_eq!(
            found,
            "web: 1 warning\n  Dockerfile:3: casing does not match (FromAsCasing)\n    https://docs.example/rule\n"
        );
        assert_eq!(text(&[checked(Findings::default())]), "web: no warnings\n");
        let broken =
            text(&[checked(Findings { error: Some("line 1: unknown instruction".into()), ..Findings::default() })]);
        assert_eq!(broken, "web: Dockerfile cannot be built: line 1: unknown instruction\n");
    }
}
