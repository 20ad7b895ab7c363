//! Splits a command line into words, as Compose does: quotes and backslashes as in a shell; no variables; what a shell
//! would run by itself (`$(…)`, backticks) stays one word; and reading ends at the first operator of a shell.

/// A line, split.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// The words.
    pub words: Vec<String>,
    /// The operator at which reading ended: what follows it is lost.
    pub ended_at: Option<char>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Quote(char),
    Backticks,
    Substitution,
}

#[expect(clippy::match_same_arms, reason = "grouped by what the character stands in")]
/// The words of a line. Says what is wrong with it otherwise.
pub fn split(line: &str) -> Result<Words, &'static str> {
    let mut out = Words::default();
    let mut word: Option<String> = None;
    let mut inside = Inside::Nothing;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let mut push = true;
        match (inside, c) {
            (Inside::Quote('\''), _) if c != '\'' => {}
            (_, '\\') => {
                push = false;
                word.get_or_insert_default().push(chars.next().ok_or("it ends in a backslash")?);
            }
            (Inside::Quote(open), _) if c == open => (inside, push) = (Inside::Nothing, false),
            (Inside::Quote(_), _) => {}
            (Inside::Backticks, '`') => inside = Inside::Nothing,
            (Inside::Substitution, ')') => inside = Inside::Nothing,
            (Inside::Backticks | Inside::Substitution, _) => {}
            (Inside::Nothing, '"' | '\'') => {
                (inside, push) = (Inside::Quote(c), false);
                word.get_or_insert_default();
            }
            (Inside::Nothing, '`') => inside = Inside::Backticks,
            (Inside::Nothing, '(') if word.as_ref().is_some_and(|w| w.ends_with('$')) => inside = Inside::Substitution,
            (Inside::Nothing, '(' | ')') => return Err("a bracket needs quotes around it"),
            (Inside::Nothing, ' ' | '\t' | '\r' | '\n') => {
                push = false;
                out.words.extend(word.take());
            }
            (Inside::Nothing, ';' | '&' | '|' | '<' | '>') => {
                // the number of a redirection belongs to it
                if c == '>' && word.as_ref().is_some_and(|w| w.starts_with(|d: char| d.is_ascii_digit())) {
                    word = None;
                }
                out.ended_at = Some(c);
                break;
            }
            (Inside::Nothing, _) => {}
        }
        if push {
            word.get_or_insert_default().push(c);
        }
    }
    if inside != Inside::Nothing {
        return Err("a quote or a bracket is not closed");
    }
    out.words.extend(word);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        split(line).unwrap().words
    }

    #[test]
    fn lines_are_split_as_in_a_shell() {
        assert_eq!(words("sh -c 'echo \"a  b\"'"), ["sh", "-c", "echo \"a  b\""]);
        assert_eq!(words(r#"a\ b "c \" d" '' 'd\\n'"#), ["a b", "c \" d", "", r"d\\n"]);
        assert_eq!(words("  "), Vec::<String>::new());
        assert_eq!(words("a $B $(x y) `z z`"), ["a", "$B", "$(x y)", "`z z`"]);
        for wrong in ["'a", "a\\", "echo (a)", "$(a"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn reading_ends_at_operators() {
        assert_eq!(
            split("echo a && b").unwrap(),
            Words { words: vec!["echo".into(), "a".into()], ended_at: Some('&') }
        );
        assert_eq!(words("echo 2>&1"), ["echo"]);
        assert_eq!(words("'a;b' c"), ["a;b", "c"]);
    }
}
