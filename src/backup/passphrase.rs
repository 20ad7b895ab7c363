//! Passphrases: made up as words, or read from where the user says. They never stand in an argument or a variable.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::error::{BackupError, Kind, Result};
use crate::base::process::Call;
use crate::secret::value::SecretValue;

/// Words of a passphrase, of 16 random bits each.
const WORDS: usize = 8;
/// A passphrase is a line, not a document.
const LONGEST: u64 = 4096;
/// For a command that asks somebody, or something far away.
const PATIENCE: Duration = Duration::from_mins(5);

const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
const VOWELS: &[u8; 4] = b"aiou";

/// A passphrase of 128 random bits, as words that can be read aloud (proquints: consonants and vowels in turn).
pub fn make() -> Result<SecretValue> {
    let mut random = Zeroizing::new([0_u8; WORDS * 2]);
    getrandom::fill(random.as_mut_slice())
        .map_err(|error| BackupError::new(Kind::Other, "making a passphrase", error.to_string()))?;
    let mut text = Vec::with_capacity(WORDS * 6);
    for pair in random.chunks_exact(2) {
        if !text.is_empty() {
            text.push(b'-');
        }
        text.extend(word(u16::from_be_bytes([pair[0], pair[1]])));
    }
    Ok(SecretValue::new(text))
}

/// 16 bits as five letters: 4 for a consonant, 2 for a vowel, in turn.
fn word(bits: u16) -> [u8; 5] {
    let consonant = |shift: u16| CONSONANTS[usize::from((bits >> shift) & 15)];
    let vowel = |shift: u16| VOWELS[usize::from((bits >> shift) & 3)];
    [consonant(12), vowel(10), consonant(6), vowel(4), consonant(0)]
}

/// Where the user says that a passphrase comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The first line of a file.
    File(PathBuf),
    /// The first line of an open file descriptor.
    Descriptor(u32),
    /// The first line that a command prints.
    Command(String),
}

impl Origin {
    /// Reads it.
    pub fn read(&self) -> Result<SecretValue> {
        match self {
            Self::File(path) => first_line(&format!("reading the passphrase from {}", path.display()), path),
            Self::Descriptor(number) => {
                let path = PathBuf::from(format!("/dev/fd/{number}"));
                first_line(&format!("reading the passphrase from file descriptor {number}"), &path)
            }
            Self::Command(command) => printed(command),
        }
    }
}

fn first_line(attempt: &str, path: &std::path::Path) -> Result<SecretValue> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)
        .and_then(|file| file.take(LONGEST).read_to_end(&mut bytes))
        .map_err(|error| BackupError::io(attempt, &error))?;
    line(attempt, &bytes)
}

/// What the command says on its standard error goes to the terminal, and not into an error: it may be the passphrase.
fn printed(command: &str) -> Result<SecretValue> {
    let attempt = "running the passphrase command";
    let failed = |reason: String| BackupError::new(Kind::Passphrase, attempt, reason);
    let words = shlex::split(command).ok_or_else(|| failed("its quotes do not match".to_owned()))?;
    let (program, arguments) = words.split_first().ok_or_else(|| failed("it is empty".to_owned()))?;
    let call = Call::new(program).args(arguments).deadline(PATIENCE).on_terminal();
    let mut ended = call.run_blocking().map_err(|_| failed(format!("{program} could not be run")))?;
    if !ended.success() {
        return Err(failed(format!("{program} failed ({})", ended.status)));
    }
    line(attempt, &Zeroizing::new(std::mem::take(&mut ended.stdout)))
}

fn line(attempt: &str, bytes: &[u8]) -> Result<SecretValue> {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let first = first.strip_suffix(b"\r").unwrap_or(first);
    if first.is_empty() {
        return Err(BackupError::new(Kind::Passphrase, attempt, "its first line is empty"));
    }
    Ok(SecretValue::new(first.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_proquints() {
        // the published examples: 127.0.0.1 is lusab-babad
        assert_eq!(&word(0x7f00), b"lusab");
        assert_eq!(&word(0x0001), b"babad");
        assert_eq!(&word(0xffff), b"zuzuz");
    }

    #[test]
    fn passphrases_have_eight_words_and_differ() {
        let (one, other) = (make().unwrap(), make().unwrap());
        assert_ne!(one, other);
        let text = String::from_utf8(one.expose().to_vec()).unwrap();
        assert_eq!(text.split('-').map(str::len).collect::<Vec<_>>(), [5; 8]);
    }

    #[test]
    fn the_first_line_counts_and_nothing_of_it_is_in_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        std::fs::write(&path, "s3cret words\r\nsecond\n").unwrap();
        assert_eq!(Origin::File(path.clone()).read().unwrap().expose(), b"s3cret words");
        let command = Origin::Command(format!("cat '{}'", path.display()));
        assert_eq!(command.read().unwrap().expose(), b"s3cret words");
        std::fs::write(&path, "\nx").unwrap();
        assert!(Origin::File(path).read().unwrap_err().to_string().contains("first line is empty"));
        let failing = Origin::Command("sh -c 'echo s3cret; echo s3cret >&2; exit 3'".to_owned());
        let error = failing.read().unwrap_err().to_string();
        assert!(error.contains("sh failed") && !error.contains("s3cret"), "{error}");
    }
}
