//! Asks for consent to what a spec wants of this machine, and shows it.

use super::screen::Screen;
use super::text::clean;
use crate::app::trust::{Answer, change_lines};
use crate::trust::verdict::Question;

/// Asks the person at the terminal. Never answered by `--yes`.
pub fn ask(screen: &Screen, project: &str, question: &Question) -> Answer {
    if !screen.look.can_ask {
        return Answer::NobodyThere;
    }
    screen.say(&text(project, question));
    match dialoguer::Confirm::new().with_prompt("Allow exactly this").default(false).interact_opt() {
        Ok(Some(true)) => Answer::Yes,
        Ok(_) => Answer::No,
        Err(_) => Answer::NobodyThere,
    }
}

fn text(project: &str, question: &Question) -> String {
    let head = if question.difference.is_empty() {
        format!("{} asks for this on your machine:", clean(project))
    } else {
        format!("What {} asks for on your machine has changed since you allowed it:", clean(project))
    };
    lines(&head, question)
}

fn lines(head: &str, question: &Question) -> String {
    let body: Vec<String> = change_lines(question).lines().map(clean).collect();
    format!("{head}\n{}", body.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::capability::{Capability, Kind, Place};
    use crate::trust::verdict::Change;
    use std::collections::BTreeMap;

    #[test]
    fn the_list_and_the_difference_are_shown_and_cannot_paint() {
        let capability = Capability {
            kind: Kind::FilesOutside,
            subject: "service web".into(),
            action: "mounts /etc/\u{1b}[8m, writable".into(),
            place: Some(Place { file: "compose.yaml".into(), line: 7 }),
            scripts: BTreeMap::new(),
        };
        let mut question = Question { capabilities: vec![capability.clone()], difference: vec![] };
        let shown = text("shop", &question);
        assert!(shown.starts_with("shop asks for this on your machine:\n  service web mounts /etc/"), "{shown}");
        assert!(shown.ends_with("(compose.yaml:7)") && !shown.contains('\u{1b}'), "{shown}");
        question.difference = vec![Change::Added { line: capability.to_string() }];
        assert!(text("shop", &question).contains("has changed") && text("shop", &question).contains("  + service web"));
    }
}
