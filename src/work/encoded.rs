//! Paths are bytes: git and the kernel know no encoding. In JSON they stand as text in which every byte that is not part
//! of printable UTF-8, and every `%`, is written `%XX`, so that each path has exactly one spelling and any program can
//! read it back.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A path, or any other name that is bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    /// As a path of this machine.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(OsStr::from_bytes(&self.0))
    }

    /// The path as text without loss.
    pub fn encoded(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                if c == '%' || c.is_control() || is_invisible(c) {
                    let mut buffer = [0; 4];
                    c.encode_utf8(&mut buffer).bytes().for_each(|byte| push(&mut out, byte));
                } else {
                    out.push(c);
                }
            }
            chunk.invalid().iter().for_each(|byte| push(&mut out, *byte));
        }
        out
    }

    /// Reads what [`Self::encoded`] wrote; `None` where a `%` is not followed by two digits.
    pub fn decode(text: &str) -> Option<Self> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            if *first == b'%' {
                let digits = after.get(..2)?;
                let mut byte = [0];
                hex::decode_to_slice(digits, &mut byte).ok()?;
                out.push(byte[0]);
                rest = &after[2..];
            } else {
                out.push(*first);
                rest = after;
            }
        }
        Some(Self(out))
    }
}

/// Characters that change how the text around them is shown.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn push(out: &mut String, byte: u8) {
    out.push('%');
    out.push_str(&hex::encode_upper([byte]));
}

impl From<&Path> for Bytes {
    fn from(path: &Path) -> Self {
        Self(path.as_os_str().as_bytes().to_vec())
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.encoded())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.encoded())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encoded())
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text).ok_or_else(|| serde::de::Error::custom(format!("{text:?} has a `%` without two digits")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_paths_stay_readable() {
        assert_eq!(Bytes::from(&b"src/caf\xc3\xa9.rs"[..]).encoded(), "src/café.rs");
        assert_eq!(Bytes::from(&b"100%\n\xff"[..]).encoded(), "100%25%0A%FF");
        assert_eq!(Bytes::decode("a%2"), None);
        assert_eq!(Bytes::decode("a%zz"), None);
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let encoded = Bytes(bytes.clone()).encoded();
            prop_assert!(!encoded.chars().any(char::is_control));
            prop_assert_eq!(Bytes::decode(&encoded), Some(Bytes(bytes)));
        }
    }
}
