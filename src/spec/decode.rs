//! Phase 1a: bytes → text. UTF-8, or UTF-16 where its byte order mark says so, as Compose reads it; everything else is refused with
//! the place of the first wrong byte.

use std::borrow::Cow;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::error::{Fault, Problem, SpecError};
use super::node::{At, Source};

/// The largest file that is read, in bytes. Far above any spec that people write, low enough to stay harmless.
pub const MAX_BYTES: u64 = 8 << 20;

/// Reads and decodes a file. `shown` is the name that errors use.
pub fn read(path: &Path, shown: &Path) -> Result<Arc<Source>, SpecError> {
    let unreadable = |error: std::io::Error| {
        let fault = Fault::Unreadable { path: shown.to_owned(), reason: error.to_string() };
        SpecError::new(fault, &At::nowhere())
    };
    let file = fs::File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(unreadable(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    decode(&bytes, shown)
}

/// Decodes a file's bytes.
pub fn decode(bytes: &[u8], shown: &Path) -> Result<Arc<Source>, SpecError> {
    if bytes.len() as u64 > MAX_BYTES {
        let what = format!("the size of {}", shown.display());
        let fault = Fault::Limit { what, limit: format!("{} MiB", MAX_BYTES >> 20) };
        return Err(SpecError::new(fault, &At::nowhere()));
    }
    let text = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest, shown)?,
        [0xFF, 0xFE, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes, shown)?),
        [0xFE, 0xFF, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes, shown)?),
        _ => utf8(bytes, shown)?,
    };
    let source = Arc::new(Source { path: shown.to_owned(), text: text.into_owned() });
    match source.text.char_indices().find(|(_, c)| is_forbidden(*c)) {
        None => Ok(source),
        Some((offset, c)) => {
            let reason = format!("character U+{:04X} is not allowed in YAML", c as u32);
            let place = at_offset(&source, offset, c.len_utf8());
            Err(Problem::new(Fault::Encoding(reason), &place)
                .help("remove it, or write it as an escape inside double quotes")
                .into())
        }
    }
}

fn utf8<'a>(bytes: &'a [u8], shown: &Path) -> Result<Cow<'a, str>, SpecError> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
        let reason = format!("byte 0x{:02X} is not UTF-8", bytes[error.valid_up_to()]);
        refuse(good, reason, shown)
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, shown: &Path) -> Result<String, SpecError> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len());
    for decoded in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match decoded {
            Ok(c) => text.push(c),
            Err(error) => {
                let reason = format!("unit 0x{:04X} is not UTF-16", error.unpaired_surrogate());
                return Err(refuse(text, reason, shown));
            }
        }
    }
    if odd.is_empty() { Ok(text) } else { Err(refuse(text, "half a UTF-16 unit at the end".into(), shown)) }
}

/// An error at the end of what could be decoded.
fn refuse(good: String, reason: String, shown: &Path) -> SpecError {
    let offset = good.len();
    let source = Arc::new(Source { path: shown.to_owned(), text: good });
    SpecError::new(Fault::Encoding(reason), &at_offset(&source, offset, 1))
}

/// YAML 1.2 §5.1: printable characters, tab and line breaks.
const fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{7F}'..='\u{84}' | '\u{86}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}')
}

/// The place of a byte offset.
pub fn at_offset(source: &Arc<Source>, offset: usize, len: usize) -> At {
    let before = &source.text[..offset];
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    At { source: Some(Arc::clone(source)), offset, len, line, column }
}
