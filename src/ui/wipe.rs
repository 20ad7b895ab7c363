//! What would be lost with this machine, for people.

use crate::app::wipe::{Covered, Data, Line, Report};
use crate::work::at_risk::{Finding, State};
use crate::work::encoded::Bytes;

use super::text::clean;

/// The report as text.
pub fn text(report: &Report) -> String {
    let (unproven, shown): (Vec<&Line>, Vec<&Line>) =
        report.repositories.iter().filter(|line| line.is_at_risk()).partition(|line| is_only_unproven(report, line));
    let mut out: String = shown.iter().map(|line| repository(report, line)).collect();
    for one in report.outside.iter().filter(|one| one.covered.is_none()) {
        out.push_str(&format!("{}\n  project {} is in no git repository\n", one.path, clean(&one.project)));
    }
    out.extend(report.data.iter().map(data));
    for one in &report.closed {
        out.push_str(&format!("{}\n  could not be looked into: {}\n", one.path, clean(&one.reason)));
    }
    if !unproven.is_empty() {
        out.push_str(&format!(
            "{}: nothing but what {} remotes had when they were last heard; whether they still have it was not asked\n",
            counted(unproven.len(), "repository", "repositories"),
            if unproven.len() == 1 { "its" } else { "their" },
        ));
    }
    out.push_str(&in_backups(report));
    out.push_str(&last(report));
    out
}

/// What exists only here, and in a backup that is away from here.
fn in_backups(report: &Report) -> String {
    let repositories = report.repositories.iter().filter_map(|line| Some((&line.path, line.covered.as_ref()?)));
    let folders = report.outside.iter().filter_map(|one| Some((&one.path, one.covered.as_ref()?)));
    let one = |(path, covered): (&Bytes, &Covered)| {
        format!("{path}\n  all of it is in snapshot {} in {}\n", covered.snapshot, clean(&covered.repository))
    };
    repositories.chain(folders).map(one).collect()
}

/// Nothing speaks against it but that nobody was asked: not worth a line each.
fn is_only_unproven(report: &Report, line: &Line) -> bool {
    !report.asked && line.findings.iter().all(|finding| matches!(finding, Finding::Unproven { .. }))
}

fn last(report: &Report) -> String {
    let all = report.repositories.len();
    if report.safe {
        let backups = report.repositories.iter().any(|line| line.covered.is_some()) || !report.outside.is_empty();
        return if backups {
            "Nothing would be lost: remotes and backups have all that is here.\n".to_owned()
        } else if all == 0 {
            "Nothing would be lost: there are no repositories, and there is no data.\n".to_owned()
        } else {
            let all = counted(all, "repository", "repositories");
            format!("Nothing would be lost: remotes have all that is in {all}, by their own word.\n")
        };
    }
    let risky = report.repositories.iter().filter(|line| line.is_at_risk()).count();
    let word = if report.asked { "exist only here" } else { "exist only here, or were not asked for elsewhere" };
    let mut parts = vec![format!("parts of {risky} of {}", counted(all, "repository", "repositories"))];
    let outside = report.outside.iter().filter(|one| one.covered.is_none()).count();
    if outside > 0 {
        parts.push(counted(outside, "project without a repository", "projects without a repository"));
    }
    if !report.data.is_empty() {
        parts.push(format!("the data of {}", counted(report.data.len(), "project", "projects")));
    }
    if !report.closed.is_empty() {
        parts.push(format!("perhaps what is in {}", counted(report.closed.len(), "closed folder", "closed folders")));
    }
    format!("These would be lost: {}. They {word}.\n", parts.join(", "))
}

fn repository(report: &Report, line: &Line) -> String {
    let projects = match line.projects.as_slice() {
        [] => String::new(),
        projects => format!(" (project {})", clean(&projects.join(", "))),
    };
    let mut out = format!("{}{projects}\n", line.path);
    // offline nobody was asked, and the last line says so
    let told = line.findings.iter().filter(|one| report.asked || !matches!(one, Finding::Unproven { .. }));
    out.extend(told.map(|one| format!("  {}\n", clean(&finding(one)))));
    out
}

fn data(data: &Data) -> String {
    let project = clean(&data.project);
    match &data.volumes {
        Some(volumes) => format!(
            "data of project {project}\n  whether a backup has it as it is now is not known: {}\n",
            clean(&volumes.join(", "))
        ),
        None => format!("data of project {project}\n  whether there is any is not known: no engine answers\n"),
    }
}

fn finding(finding: &Finding) -> String {
    match finding {
        Finding::NoRemote { commits } => {
            format!("no remote: {} exist only here", counted(*commits, "commit", "commits"))
        }
        Finding::Unproven { remote, address, reason } => format!("{remote} ({address}) proves nothing: {reason}"),
        Finding::Commits { name, commits } => {
            let where_from = match name.strip_prefix("refs/remotes/") {
                Some(branch) => format!("{branch}, which the remote has no more"),
                None => short(name).to_owned(),
            };
            format!("{} of {where_from}", counted(*commits, "commit", "commits"))
        }
        Finding::Tag { name } => format!("tag {}", short(name)),
        Finding::Stashes { stashes } => counted(*stashes, "stash", "stashes"),
        Finding::Files { tree, state, files, named } => {
            format!(
                "{}{}: {}",
                counted(*files, state_of(*state, false), state_of(*state, true)),
                within(tree.as_ref()),
                list(named, *files)
            )
        }
        Finding::Operation { tree, operation } => format!("{operation} under way{}", within(tree.as_ref())),
        Finding::Hooks { named } => format!("{}: {}", counted(named.len(), "hook", "hooks"), list(named, named.len())),
        Finding::Unreadable { reason } => format!("cannot be looked at: {reason}"),
    }
}

fn short(name: &str) -> &str {
    name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/")).unwrap_or(name)
}

fn state_of(state: State, many: bool) -> &'static str {
    match (state, many) {
        (State::Staged, false) => "staged file",
        (State::Staged, true) => "staged files",
        (State::Changed, false) => "changed file",
        (State::Changed, true) => "changed files",
        (State::Conflict, false) => "file in conflict",
        (State::Conflict, true) => "files in conflict",
        (State::Untracked, false) => "untracked file",
        (State::Untracked, true) => "untracked files",
        (State::Ignored, false) => "ignored file of one's own",
        (State::Ignored, true) => "ignored files of one's own",
    }
}

fn within(tree: Option<&Bytes>) -> String {
    tree.map_or_else(String::new, |tree| format!(" in {tree}"))
}

fn list(named: &[Bytes], all: usize) -> String {
    let names: Vec<String> = named.iter().map(Bytes::encoded).collect();
    let more = if all > names.len() { ", …" } else { "" };
    format!("{}{more}", names.join(", "))
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
