//! What doctor found, for people and for programs.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::text::{clean, pad};
use crate::app::doctor::Report;
use crate::host::check::{Check, Verdict};

/// The report in words: a line per check, remedies below it, then what was mended, then the verdict.
pub fn text(report: &Report, colour: bool) -> String {
    let width = report.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for check in &report.checks {
        line(&mut out, check, width, colour);
    }
    for done in &report.fixed {
        let _ = writeln!(out, "done  {}", clean(done));
    }
    let verdict =
        if report.fit() { "This machine is fit for devup." } else { "This machine is not fit for devup yet." };
    let _ = writeln!(out, "{verdict}");
    out
}

fn line(out: &mut String, check: &Check, width: usize, colour: bool) {
    let (word, paint) = match check.verdict {
        Verdict::Ok => ("ok  ", AnsiColor::Green),
        Verdict::Warn => ("warn", AnsiColor::Yellow),
        Verdict::Fail => ("fail", AnsiColor::Red),
    };
    let style = if colour { Style::new().bold().fg_color(Some(paint.into())) } else { Style::new() };
    // writing to a String cannot fail
    let _ = writeln!(out, "{style}{word}{style:#}  {}  {}", pad(check.name, width), clean(&check.why));
    for (number, remedy) in check.remedy.iter().flat_map(|remedy| remedy.lines()).enumerate() {
        let lead = if number == 0 { "-> " } else { "     " };
        let _ = writeln!(out, "      {}  {lead}{}", pad("", width), clean(remedy));
    }
}

/// The report for programs.
pub fn json(report: &Report) -> Value {
    let failed: Vec<Value> =
        report.failed.iter().map(|error| json!({ "message": error.to_string(), "help": error.remedy() })).collect();
    json!({ "fit": report.fit(), "checks": report.checks, "fixed": report.fixed, "failed": failed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::error::AppError;
    use crate::host::check::Fix;

    fn report() -> Report {
        let remedy = "devup doctor --fix, or type:\nsudo apt-get";
        Report {
            checks: vec![
                Check::ok("git", "2.39"),
                Check::fail("engine", "no\u{1b} engine", remedy).fixed_by(Fix::Engine),
            ],
            fixed: vec!["install git".into()],
            failed: vec![AppError::failed("no rights").help("ask root")],
        }
    }

    #[test]
    fn people_see_remedies_below_findings() {
        let lines = [
            "ok    git     2.39",
            "fail  engine  no\\u{1b} engine",
            "              -> devup doctor --fix, or type:",
            "                   sudo apt-get",
            "done  install git",
            "This machine is not fit for devup yet.",
        ];
        assert_eq!(text(&report(), false).lines().collect::<Vec<_>>(), lines);
        assert!(text(&report(), true).contains('\u{1b}'));
    }

    #[test]
    fn programs_see_the_same() {
        let value = json(&report());
        assert_eq!(value["fit"], false);
        assert_eq!(value["checks"][1]["verdict"], "fail");
        assert_eq!(value["checks"][1]["fixable"], true);
        assert_eq!(value["failed"][0]["help"], "ask root");
    }
}
