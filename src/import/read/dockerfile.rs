//! Dockerfile: which ports the last stage exposes, and whether it says what it runs.

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
    for (number, line) in text.lines().enumerate() {
        let mut words = line.split_whitespace();
        let instruction = words.next().unwrap_or_default().to_ascii_uppercase();
        match instruction.as_str() {
            // a new stage: what came before is not in the image
            "FROM" => read = Dockerfile::default(),
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
}
