//! Lines of several containers: `web-1  | …`, the prefix in its service's colour, all prefixes equally wide.

use std::collections::HashMap;
use std::sync::Arc;

use anstyle::{AnsiColor, Color, Style};
use serde_json::json;

use super::look::Look;
use super::text::{clean, pad, width};
use crate::app::logs::{Line, Origin};

/// Colours of services, in turn.
const COLOURS: [AnsiColor; 10] = [
    AnsiColor::Cyan,
    AnsiColor::Yellow,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::BrightCyan,
    AnsiColor::BrightYellow,
    AnsiColor::BrightGreen,
    AnsiColor::BrightMagenta,
    AnsiColor::BrightBlue,
];

/// How lines are shown.
#[derive(Debug)]
pub struct LogView {
    prefix: bool,
    colour: bool,
    json: bool,
    widest: usize,
    colours: HashMap<String, AnsiColor>,
}

impl LogView {
    /// For these containers; more may come.
    pub fn new(origins: &[Arc<Origin>], prefix: bool, look: Look) -> Self {
        let Look { colour_out: colour, json, .. } = look;
        let mut view = Self { prefix, colour, json, widest: 0, colours: HashMap::new() };
        for origin in origins {
            view.learn(origin);
        }
        view
    }

    fn learn(&mut self, origin: &Origin) {
        self.widest = self.widest.max(width(&clean(&origin.name)));
        let next = COLOURS[self.colours.len() % COLOURS.len()];
        self.colours.entry(origin.service.clone()).or_insert(next);
    }

    /// The line as it is shown, its end included. What the program printed stays as it is; as JSON, each line is an
    /// object, in which bytes that are no text are replaced.
    pub fn show(&mut self, line: &Line) -> Vec<u8> {
        if self.json {
            let text = String::from_utf8_lossy(&line.text);
            let object = json!({ "service": line.origin.service, "container": line.origin.name, "line": text });
            return format!("{object}\n").into_bytes();
        }
        let mut out = Vec::with_capacity(line.text.len() + self.widest + 24);
        if self.prefix {
            out.extend_from_slice(self.prefix_of(&line.origin).as_bytes());
        }
        out.extend_from_slice(&line.text);
        out.push(b'\n');
        out
    }

    fn prefix_of(&mut self, origin: &Origin) -> String {
        self.learn(origin);
        let text = pad(&clean(&origin.name), self.widest + 1);
        match self.colours.get(&origin.service) {
            Some(colour) if self.colour => {
                let style = Style::new().fg_color(Some(Color::Ansi(*colour)));
                format!("{style}{text} |{style:#} ")
            }
            _ => format!("{text} | "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::look::ProgressStyle;

    fn look(colour_out: bool, json: bool) -> Look {
        Look { colour_out, colour_err: false, progress: ProgressStyle::Quiet, json, can_ask: false }
    }

    fn origin(service: &str, name: &str) -> Arc<Origin> {
        Arc::new(Origin { service: service.into(), name: name.into() })
    }

    #[test]
    fn prefixes_are_aligned_and_foreign_names_harmless() {
        let (web, once) = (origin("web", "web-1"), origin("once", "once-1"));
        let mut view = LogView::new(&[web.clone(), once], true, look(false, false));
        let line = Line { origin: web.clone(), text: "hi \u{1b}[1m".into() };
        assert_eq!(view.show(&line), b"web-1   | hi \x1b[1m\n");
        let evil = Line { origin: origin("e", "e\u{1b}[2J"), text: "x".into() };
        assert!(!view.show(&evil).contains(&0x1b));
        let mut bare = LogView::new(&[], false, look(true, false));
        assert_eq!(bare.show(&line), b"hi \x1b[1m\n");
    }

    #[test]
    fn as_json_each_line_is_an_object() {
        let line = Line { origin: origin("web", "web-1"), text: (&b"a \"b\" \xff\x1b[1m"[..]).into() };
        let shown = LogView::new(&[], true, look(true, true)).show(&line);
        let object: serde_json::Value = serde_json::from_slice(&shown).unwrap();
        assert_eq!(object, json!({ "service": "web", "container": "web-1", "line": "a \"b\" \u{fffd}\u{1b}[1m" }));
        assert!(shown.ends_with(b"}\n") && !shown.contains(&0x1b), "{shown:?}");
    }

    #[test]
    fn a_service_keeps_its_colour() {
        let web = origin("web", "web-1");
        let mut view = LogView::new(&[origin("db", "db-1"), web.clone()], true, look(true, false));
        let line = Line { origin: web, text: "x".into() };
        let first = view.show(&line);
        assert_eq!(first, view.show(&line));
        assert!(String::from_utf8(first).unwrap().starts_with("\u{1b}[33m"));
    }
}
