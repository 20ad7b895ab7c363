//! What host and helper say to each other: frames of a number, a few words in JSON, and bytes. Both sides refuse a frame
//! that claims to be longer than any is.
//!
//! A frame: length of the rest, number of the question, length of the words (four bytes each, the highest first), words,
//! bytes. An answer has the number of its question.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Moment, Raw};

/// Version of this protocol. Both sides are the same program, unless an image is older than its name says.
pub(super) const VERSION: u32 = 1;
/// No frame is longer.
pub(super) const LONGEST: usize = 8 * 1024 * 1024;
/// Bytes of a file in one frame.
pub(super) const PIECE: usize = 1024 * 1024;
/// Words in one answer of a walk, about.
pub(super) const BATCH: usize = 256 * 1024;
/// Length and two numbers.
const HEAD: usize = 12;

/// What the host asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    /// Who are you?
    Hello,
    /// Begin to walk through the volume, or through what is being loaded.
    Walk {
        /// What is being loaded.
        loading: bool,
    },
    /// The next entries of the walk.
    More,
    /// The first bytes of a file that was walked over.
    Open {
        /// Which.
        path: Raw,
        /// As it was then.
        size: u64,
        /// As it was then.
        mtime: Moment,
    },
    /// The next bytes of an open file.
    Read {
        /// Its number.
        file: u32,
    },
    /// An open file is of no interest any more.
    Close {
        /// Its number.
        file: u32,
    },
    /// Make a place beside the data to load into; what an interrupted restore left is finished or taken away.
    Load,
    /// Make an entry there. A file's bytes come with it, or in pieces after it.
    Make {
        /// The entry.
        entry: Box<Entry>,
        /// More bytes of it come.
        pieces: bool,
    },
    /// Another name of a file that was made.
    Link {
        /// The new name.
        path: Raw,
        /// The one it has.
        first: Raw,
    },
    /// Bytes of the file that was made last.
    Piece,
    /// A hole in it.
    Hole {
        /// Its length.
        length: u64,
    },
    /// The file that was made last is whole.
    Whole,
    /// Everything is there: set what folders have, and write it to the disk.
    Settle,
    /// Put what was loaded in place of what is there.
    Swap,
    /// Take away what was loaded.
    Abandon,
    /// What an interrupted restore left, if anything: finish it, or take it away.
    Recover,
}

/// What the helper answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// Hello.
    Hello {
        /// The protocol that it speaks.
        version: u32,
    },
    /// Entries of a walk.
    Entries {
        /// They, in order.
        entries: Vec<Entry>,
        /// What could not be looked at: where, why.
        failures: Vec<(Raw, String)>,
        /// There are no more.
        end: bool,
    },
    /// Bytes of a file; behind them, or instead, a hole.
    Piece {
        /// Its number while there is more.
        file: Option<u32>,
        /// Zeros after the bytes.
        hole: u64,
        /// The file is another than when it was walked over.
        changed: bool,
    },
    /// Done.
    Done {
        /// What could not be made as it was.
        left_out: Vec<String>,
    },
    /// It did not work.
    Failed {
        /// Why.
        reason: String,
    },
}

/// A frame as bytes.
pub(super) fn encode(number: u32, words: &impl Serialize, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let words = serde_json::to_vec(words)?;
    let length = HEAD - 4 + words.len() + bytes.len();
    if length > LONGEST {
        return Err(io::Error::other(format!("a message of {length} bytes is too long")));
    }
    let mut frame = Vec::with_capacity(4 + length);
    for part in [length, number as usize, words.len()] {
        let part = u32::try_from(part).map_err(io::Error::other)?;
        frame.extend_from_slice(&part.to_be_bytes());
    }
    frame.extend_from_slice(&words);
    frame.extend_from_slice(bytes);
    Ok(frame)
}

/// Takes a whole frame off the front of what came so far; `None`: it is not all there yet.
pub(super) fn decode<T: DeserializeOwned>(buffer: &mut BytesMut) -> io::Result<Option<(u32, T, Bytes)>> {
    let Some(head) = buffer.first_chunk::<4>() else { return Ok(None) };
    let length = checked(*head)?;
    if buffer.len() < 4 + length {
        buffer.reserve(4 + length - buffer.len());
        return Ok(None);
    }
    buffer.advance(4);
    split(buffer.split_to(length).freeze()).map(Some)
}

/// Reads one frame; `None` at the end of the stream.
pub(super) fn read<T: DeserializeOwned>(stream: &mut impl Read) -> io::Result<Option<(u32, T, Bytes)>> {
    let mut head = [0; 4];
    match stream.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut frame = vec![0; checked(head)?];
    stream.read_exact(&mut frame)?;
    split(frame.into()).map(Some)
}

fn checked(head: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_be_bytes(head) as usize;
    if !(HEAD - 4..=LONGEST).contains(&length) {
        return Err(io::Error::other(format!("a message claims to have {length} bytes")));
    }
    Ok(length)
}

fn split<T: DeserializeOwned>(mut frame: Bytes) -> io::Result<(u32, T, Bytes)> {
    let (number, words) = (frame.get_u32(), frame.get_u32() as usize);
    if words > frame.len() {
        return Err(io::Error::other(format!("a message claims to have {words} bytes of words")));
    }
    let words = frame.split_to(words);
    Ok((number, serde_json::from_slice(&words)?, frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_out_as_it_went_in_however_it_is_cut() {
        let ask = Ask::Open { path: Raw(b"a/\xff".to_vec()), size: 3, mtime: Moment(-1, 5) };
        let frame = encode(7, &ask, b"xyz").unwrap();
        let mut buffer = BytesMut::new();
        for (index, byte) in frame.iter().enumerate() {
            assert!(decode::<Ask>(&mut buffer).unwrap().is_none(), "at {index}");
            buffer.extend_from_slice(&[*byte]);
        }
        let (number, words, bytes) = decode::<Ask>(&mut buffer).unwrap().unwrap();
        assert_eq!((number, words, &bytes[..]), (7, ask.clone(), &b"xyz"[..]));
        assert_eq!(read::<Ask>(&mut &frame[..]).unwrap().unwrap().1, ask);
        assert!(read::<Ask>(&mut &b""[..]).unwrap().is_none());
    }

    #[test]
    fn lengths_are_not_believed() {
        let mut long = BytesMut::from(&[0xff_u8; 12][..]);
        assert!(decode::<Ask>(&mut long).unwrap_err().to_string().contains("claims to have 4294967295 bytes"));
        assert!(read::<Ask>(&mut &[0, 0, 0, 1, 0][..]).is_err());
        // more words than the frame has
        let mut lying = encode(1, &Ask::Hello, b"").unwrap();
        lying[8..12].copy_from_slice(&1000_u32.to_be_bytes());
        assert!(read::<Ask>(&mut &lying[..]).unwrap_err().to_string().contains("1000 bytes of words"));
        assert!(encode(1, &Ask::Piece, &vec![0; LONGEST]).is_err());
    }
}
