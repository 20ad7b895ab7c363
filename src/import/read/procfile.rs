//! Procfile: `name: command` on each line.

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Its command, for a shell.
    pub command: String,
    /// From 1.
    pub line: usize,
}

/// Reads a Procfile. Lines that are none come back by their numbers.
pub fn parse(text: &str) -> (Vec<Line>, Vec<usize>) {
    let mut lines = Vec::new();
    let mut unread = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let is_name =
            |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        match line.split_once(':').filter(|(name, command)| is_name(name.trim()) && !command.trim().is_empty()) {
            Some((name, command)) => {
                lines.push(Line { name: name.trim().to_owned(), command: command.trim().to_owned(), line: number + 1 });
            }
            None => unread.push(number + 1),
        }
    }
    (lines, unread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_process_is_told() {
        let (lines, unread) = parse("# x\nweb: gunicorn a:b --bind :$PORT\n\nnonsense\nworker:\n");
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].name.as_str(), lines[0].command.as_str()), ("web", "gunicorn a:b --bind :$PORT"));
        assert_eq!(unread, [4, 5]);
    }
}
