//! A proposed spec, for people and for programs.

use serde_json::{Value, json};

use super::text::{clean, clean_lines};
use crate::import::Proposal;

/// The proposal's text, fit for a terminal.
pub fn text(proposal: &Proposal) -> String {
    clean_lines(&proposal.text)
}

/// What was concluded and what was not.
pub fn summary(proposal: &Proposal) -> String {
    let mut out =
        format!("Read {}: services {}\n", clean(&proposal.from.join(", ")), clean(&proposal.services.join(", ")));
    for finding in &proposal.conclusions {
        out.push_str(&format!("  {}\n", clean(&finding.to_string())));
    }
    if !proposal.open.is_empty() {
        out.push_str("Not concluded, for you to decide:\n");
        for finding in &proposal.open {
            out.push_str(&format!("  {}\n", clean(&finding.to_string())));
        }
    }
    out
}

/// For programs.
pub fn json(proposal: &Proposal, path: &str, written: bool) -> Value {
    json!({
        "path": path,
        "written": written,
        "from": proposal.from,
        "services": proposal.services,
        "conclusions": proposal.conclusions,
        "open": proposal.open,
        "text": proposal.text,
    })
}
