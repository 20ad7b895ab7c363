//! What went wrong, on the screen: what was attempted, why it failed, what to type next.

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::screen::Screen;
use super::text::clean_lines;
use crate::app::error::AppError;

/// Shows an error on stderr; as one JSON object where reports are JSON.
pub fn show(screen: &Screen, error: &AppError) {
    if matches!(error, AppError::OutputClosed) {
        return;
    }
    if screen.look.json {
        screen.say(&as_json(error).to_string());
        return;
    }
    screen.say(&text(error, screen.look.colour_err));
}

/// The whole error screen.
pub fn text(error: &AppError, colour: bool) -> String {
    if let AppError::Spec(spec) = error {
        return spec.screen(colour);
    }
    let mut out = line(colour, "error", &error.to_string());
    if let Some(help) = error.remedy() {
        let mut lines = help.lines();
        out.push_str(&format!("  help: {}\n", clean_lines(lines.next().unwrap_or_default())));
        for more in lines {
            out.push_str(&format!("        {}\n", clean_lines(more)));
        }
    }
    out
}

/// `error: …`, with the word in its colour.
pub fn line(colour: bool, word: &str, message: &str) -> String {
    let style = match word {
        "error" => Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
        "warning" => Style::new().bold().fg_color(Some(AnsiColor::Yellow.into())),
        _ => Style::new().bold(),
    };
    let message = clean_lines(message);
    if colour { format!("{style}{word}{style:#}: {message}\n") } else { format!("{word}: {message}\n") }
}

fn as_json(error: &AppError) -> Value {
    let mut object = json!({ "message": error.to_string() });
    if let Some(help) = error.remedy() {
        object["help"] = json!(help);
    }
    if let AppError::Spec(spec) = error {
        object["findings"] = json!(spec.findings());
    }
    json!({ "error": object })
}
