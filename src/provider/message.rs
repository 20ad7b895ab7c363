//! What a provider says: JSON messages on its standard output, in pieces as they come.

use serde::Deserialize;

/// So much of a message that has no end yet is waited for.
const LONGEST: usize = 1024 * 1024;

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// How it goes, for people.
    Info(String),
    /// It failed.
    Error(String),
    /// A variable for dependants, under the service's name.
    Variable(String, String),
    /// A variable for dependants, as it is.
    RawVariable(String, String),
    /// For whoever looks for a mistake in the provider.
    Debug,
}

impl Message {
    fn of(raw: Raw) -> Result<Self, String> {
        let pair = |text: &str| match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            // the words may hold a secret value
            _ => Err(format!("`{}` without NAME=VALUE", raw.kind)),
        };
        match raw.kind.as_str() {
            "info" => Ok(Self::Info(raw.message)),
            "error" => Ok(Self::Error(raw.message)),
            "setenv" => pair(&raw.message).map(|(name, value)| Self::Variable(name, value)),
            "rawsetenv" => pair(&raw.message).map(|(name, value)| Self::RawVariable(name, value)),
            "debug" => Ok(Self::Debug),
            other => Err(format!("type `{other}`")),
        }
    }
}

/// Puts messages together from pieces.
#[derive(Default)]
pub(super) struct Messages {
    open: Vec<u8>,
}

impl Messages {
    /// The messages that this piece completes.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<Vec<Message>, String> {
        self.open.extend_from_slice(piece);
        let mut found = Vec::new();
        let mut stream = serde_json::Deserializer::from_slice(&self.open).into_iter::<Raw>();
        let used = loop {
            let end = stream.byte_offset();
            match stream.next() {
                Some(Ok(raw)) => found.push(Message::of(raw)?),
                Some(Err(error)) if error.is_eof() => break end,
                Some(Err(error)) => return Err(what(&error)),
                None => break stream.byte_offset(),
            }
        };
        self.open.drain(..used);
        if self.open.len() > LONGEST { Err("a message without an end".to_owned()) } else { Ok(found) }
    }

    /// Nothing may be left at the end.
    pub(super) fn end(&self) -> Result<(), String> {
        if self.open.trim_ascii().is_empty() { Ok(()) } else { Err("it ended within a message".to_owned()) }
    }
}

/// What is wrong, without the text itself: it may hold a secret value.
fn what(error: &serde_json::Error) -> String {
    if error.is_data() { "a message without `type`".to_owned() } else { "not JSON".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_may_come_in_any_pieces() {
        let text = "{\"type\":\"info\",\"message\":\"50 %\"}{ \"type\": \"setenv\",\n \"message\": \"URL=a=b\" }\n\
                    {\"type\":\"rawsetenv\",\"message\":\"KEY=\"}\n{\"type\":\"debug\",\"message\":\"x\"}\n";
        let whole = Messages::default().take(text.as_bytes()).unwrap();
        assert_eq!(
            whole,
            [
                Message::Info("50 %".into()),
                Message::Variable("URL".into(), "a=b".into()),
                Message::RawVariable("KEY".into(), String::new()),
                Message::Debug,
            ]
        );
        for size in 1..text.len() {
            let mut messages = Messages::default();
            let mut found = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                found.extend(messages.take(piece).unwrap());
            }
            assert_eq!(found, whole, "pieces of {size}");
            messages.end().unwrap();
        }
    }

    #[test]
    fn what_is_no_message_is_told_without_its_words() {
        let wrong = |text: &str| Messages::default().take(text.as_bytes()).unwrap_err();
        assert_eq!(wrong("hello s3cret\n"), "not JSON");
        assert_eq!(wrong("{\"message\": \"s3cret\"}"), "a message without `type`");
        assert_eq!(wrong("{\"type\": \"setenv\", \"message\": \"s3cret\"}"), "`setenv` without NAME=VALUE");
        assert_eq!(wrong("{\"type\": \"sing\", \"message\": \"s3cret\"}"), "type `sing`");
        let mut half = Messages::default();
        assert_eq!(half.take(b"{\"type\": \"in").unwrap(), []);
        assert_eq!(half.end().unwrap_err(), "it ended within a message");
    }
}
