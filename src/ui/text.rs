//! Foreign text on a terminal: names, labels and messages from containers, engines and files must not move the cursor,
//! rename the window or hide what stands before them.

use unicode_width::UnicodeWidthStr;

/// The text with control characters (and the ones that reorder text) made visible.
pub fn clean(text: &str) -> String {
    if !text.chars().any(unsafe_on_terminal) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if unsafe_on_terminal(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// As [`clean`], but line breaks and tabs stay.
pub fn clean_lines(text: &str) -> String {
    text.split('\n')
        .map(|line| line.split('\t').map(clean).collect::<Vec<_>>().join("\t"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn unsafe_on_terminal(c: char) -> bool {
    // bidirectional overrides and isolates change the order in which a line is shown
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text, filled up with spaces to this many columns.
pub fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_are_shown_not_obeyed() {
        assert_eq!(clean("a\u{1b}]0;x\u{7}b"), "a\\u{1b}]0;x\\u{7}b");
        assert_eq!(clean("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(clean_lines("a\nb\tc\r"), "a\nb\tc\\r");
    }

    #[test]
    fn wide_characters_count_double() {
        assert_eq!(pad("日本", 6), "日本  ");
        assert_eq!(pad("abcdef", 3), "abcdef");
    }

    proptest! {
        #[test]
        fn nothing_cleaned_controls_a_terminal(text in any::<String>()) {
            prop_assert!(!clean(&text).chars().any(unsafe_on_terminal));
        }
    }
}
