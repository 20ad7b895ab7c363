//! Lines of several containers: `web-1  | …`, the prefix in its service's colour, all prefixes equally wide.

use std::collections::HashMap;
use std::sync::Arc;

use anstyle::{AnsiColor, Color, Style};

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
    widest: usize,
    colours: HashMap<String, AnsiColor>,
}

impl LogView {
    /// For these containers; more may come.
    pub fn new(origins: &[Arc<Origin>], prefix: bool, colour: bool) -> Self {
        let mut view = Self { prefix, colour, widest: 0, colours: HashMap::new() };
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

    /// The line as it is shown, its end included. What the program printed stays as it is.
    pub fn show(&mut self, line: &Line) -> Vec<u8> {
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

    fn origin(service: &str, name: &str) -> Arc<Origin> {
        Arc::new(Origin { service: service.into(), name: name.into() })
    }

    #[test]
    fn prefixes_are_aligned_and_foreign_names_harmless() {
        let (web, once) = (origin("web", "web-1"), origin("once", "once-1"));
        let mut view = LogView::new(&[web.clone(), once], true, false);
        let line = Line { origin: web.clone(), text: "hi \u{1b}[1m".into() };
        assert_eq!(view.show(&line), b"web-1   | hi \x1b[1m\n");
        let evil = Line { origin: origin("e", "e\u{1b}[2J"), text: "x".into() };
        assert!(!view.show(&evil).contains(&0x1b));
        let mut bare = LogView::new(&[], false, true);
        assert_eq!(bare.show(&line), b"hi \x1b[1m\n");
    }

    #[test]
    fn a_service_keeps_its_colour() {
        let web = origin("web", "web-1");
        let mut view = LogView::new(&[origin("db", "db-1"), web.clone()], true, true);
        let line = Line { origin: web, text: "x".into() };
        let first = view.show(&line);
        assert_eq!(first, view.show(&line));
        assert!(String::from_utf8(first).unwrap().starts_with("\u{1b}[33m"));
    }
}
