//! Dockerfile: which ports the last stage exposes, and whether it says what it runs; itself, or a stage it stands on.

use std::collections::HashMap;

/// What devup wants to know of a Dockerfile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dockerfile {
    /// Ports of the last stage, with their lines.
    pub ports: Vec<(u16, usize)>,
    /// The line of `CMD` or `ENTRYPOINT` of the last stage.
    pub command: Option<usize>,
    /// `EXPOSE` with something else than a number.
    pub unread: Vec<usize>,
}

/// Reads a Dockerfile.
pub fn parse(text: &str) -> Dockerfile {
    let mut read = Dockerfile::default();
    let mut stages: HashMap<String, Dockerfile> = HashMap::new();
    let mut name = None;
    for (number, line) in text.lines().enumerate() {
        let mut words = line.split_whitespace();
        let instruction = words.next().unwrap_or_default().to_ascii_uppercase();
        match instruction.as_str() {
            "FROM" => {
                let finished = std::mem::take(&mut read);
                if let Some(name) = name.take() {
                    stages.insert(name, finished);
                }
                // a new stage: what came before is not in the image, unless it is what this one stands on
                let mut words = words.filter(|word| !word.starts_with("--")).map(str::to_ascii_lowercase);
                read = words.next().and_then(|base| stages.get(&base)).cloned().unwrap_or_default();
                name = words.nth(1);
            }
            "CMD" | "ENTRYPOINT" => read.command = Some(number + 1),
            "EXPOSE" => {
                for word in words.take_while(|word| !word.starts_with('#')) {
                    let (port, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
                    match port.parse::<u16>() {
                        Ok(port) if port > 0 && protocol.eq_ignore_ascii_case("tcp") => {
                            read.ports.push((port, number + 1));
                        }
                        _ => read.unread.push(number + 1),
                    }
                }
            }
            _ => {}
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stage_counts() {
        let read = parse("FROM a AS b\nEXPOSE 1\nFROM c\nexpose 80 443/tcp $PORT\nCMD [\"x\"]\n");
        assert_eq!(read.ports, [(80, 4), (443, 4)]);
        assert_eq!((read.command, read.unread), (Some(5), vec![4]));
    }

    #[test]
    fn what_a_stage_stands_on_counts() {
        let text = "FROM --platform=linux/amd64 a AS Builder\nEXPOSE 1\nCMD x\nFROM b AS other\nCMD y\nFROM builder as dev\nRUN z\n";
        let read = parse(text);
        assert_eq!((read.command, read.ports), (Some(3), vec![(1, 2)]));
        assert_eq!(parse("FROM a\nCMD x\nFROM a\n").command, None);
    }
}
