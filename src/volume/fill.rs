//! A volume filled from a backup: loaded beside what is there, compared with what was sent, and put in place.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::beside::Helper;
use super::entry::{Entry, Kind, Raw, Tally};
use super::error::{Result, VolumeError};
use super::protocol::{Answer, Ask, PIECE};
use super::wire::Pending;

/// Questions on their way at once.
const WINDOW: usize = 64;
/// What could not be made as it was and is named; the others are counted.
const NAMED: usize = 50;

/// Content of a file as it comes, in pieces that were found to be what they should be.
pub type Pieces<'p> = &'p mut dyn Iterator<Item = std::result::Result<Bytes, String>>;

/// What was put in place.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Filled {
    /// Files, folders, links and the rest.
    pub entries: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// What could not be made as it was.
    pub left_out: Vec<String>,
}

/// A volume that is being filled. Dropped before its end, it leaves what was there as it was.
pub struct Fill<'h> {
    helper: &'h Helper,
    sent: Tally,
    window: VecDeque<Pending>,
    /// Files with several names, by their number then, with whatever tells their content.
    named: HashMap<(u64, u64), (Raw, Vec<String>)>,
    left_out: Vec<String>,
}

impl<'h> Fill<'h> {
    /// Begins. What an interrupted restore left is finished or taken away first.
    pub fn begin(helper: &'h Helper) -> Result<Self> {
        helper.ask(&Ask::Load)?;
        let (window, named) = (VecDeque::new(), HashMap::new());
        Ok(Self { helper, sent: Tally::default(), window, named, left_out: Vec::new() })
    }

    /// Adds an entry. A folder comes before what is in it, names in the order of their bytes, the top first.
    /// `identity` tells one content from another: two names are one file only where it is the same.
    pub fn add(&mut self, entry: Entry, identity: Vec<String>, content: Pieces<'_>) -> Result<()> {
        self.sent.add(&entry);
        if entry.kind == Kind::File {
            let number = (entry.links > 1 && entry.inode != 0).then_some((entry.device, entry.inode));
            if let Some((first, known)) = number.and_then(|number| self.named.get(&number))
                && *known == identity
            {
                let ask = Ask::Link { path: entry.path.clone(), first: first.clone() };
                return self.send(&ask, &[]);
            }
            if let Some(number) = number {
                self.named.insert(number, (entry.path.clone(), identity));
            }
            return self.file(entry, content);
        }
        self.send(&Ask::Make { entry: Box::new(entry), pieces: false }, &[])
    }

    fn file(&mut self, mut entry: Entry, content: Pieces<'_>) -> Result<()> {
        let attempt = format!("{}: {}", self.helper.attempt(), entry.shown());
        let mut content = content.map(|piece| piece.map_err(|reason| VolumeError::failed(&attempt, reason)));
        let first = content.next().transpose()?.unwrap_or_default();
        if first.len() as u64 == entry.size && first.len() <= PIECE && entry.holes.is_empty() {
            return self.send(&Ask::Make { entry: Box::new(entry), pieces: false }, &first);
        }
        let holes = std::mem::take(&mut entry.holes);
        self.send(&Ask::Make { entry: Box::new(entry), pieces: true }, &[])?;
        let mut at = 0;
        for piece in std::iter::once(Ok(first)).chain(content) {
            let piece = piece?;
            for (run, empty) in runs(&piece, at, &holes) {
                let run = &piece[run];
                if empty {
                    self.send(&Ask::Hole { length: run.len() as u64 }, &[])?;
                } else {
                    for part in run.chunks(PIECE) {
                        self.send(&Ask::Piece, part)?;
                    }
                }
            }
            at += piece.len() as u64;
        }
        self.send(&Ask::Whole, &[])
    }

    fn send(&mut self, ask: &Ask, bytes: &[u8]) -> Result<()> {
        let pending = self.helper.wire()?.send(&self.helper.attempt(), ask, bytes)?;
        self.window.push_back(pending);
        if self.window.len() >= WINDOW { self.settle_one() } else { Ok(()) }
    }

    fn settle_one(&mut self) -> Result<()> {
        let Some(pending) = self.window.pop_front() else { return Ok(()) };
        let (answer, _) = pending.wait(&self.helper.attempt())?;
        self.note(answer);
        Ok(())
    }

    fn note(&mut self, answer: Answer) {
        if let Answer::Done { left_out } = answer {
            let room = NAMED.saturating_sub(self.left_out.len());
            self.left_out.extend(left_out.into_iter().take(room));
        }
    }

    /// Compares what is there with what was sent. What the volume held is still in its place.
    pub fn check(mut self) -> Result<Loaded<'h>> {
        while !self.window.is_empty() {
            self.settle_one()?;
        }
        let settled = self.helper.ask(&Ask::Settle)?;
        self.note(settled);
        let mut there = Tally::default();
        self.helper.walk(true, |entry| there.add(&entry))?;
        if there.digest() != self.sent.digest() {
            let reason = format!(
                "what was loaded is not what was sent ({} entries of {}, {} bytes of {}); the volume is as it was",
                there.entries, self.sent.entries, there.bytes, self.sent.bytes
            );
            self.helper.ask(&Ask::Abandon)?;
            return Err(VolumeError::failed(self.helper.attempt(), reason));
        }
        let filled = Filled { entries: there.entries, bytes: there.bytes, left_out: self.left_out };
        Ok(Loaded { helper: self.helper, filled })
    }
}

/// What is whole beside the data.
pub struct Loaded<'h> {
    helper: &'h Helper,
    filled: Filled,
}

impl Loaded<'_> {
    /// Puts it in place. An interruption from here on is finished by the next helper that looks.
    pub fn swap(self) -> Result<Filled> {
        self.helper.ask(&Ask::Swap)?;
        Ok(self.filled)
    }
}

/// A piece that begins at `at`, cut where holes begin and end. A hole that is not empty after all is none.
fn runs(piece: &[u8], at: u64, holes: &[(u64, u64)]) -> Vec<(std::ops::Range<usize>, bool)> {
    let end = at + piece.len() as u64;
    let mut runs: Vec<(std::ops::Range<usize>, bool)> = Vec::new();
    let mut done = at;
    let first = holes.partition_point(|(from, length)| from.saturating_add(*length) <= at);
    for (from, length) in holes[first..].iter().take_while(|(from, _)| *from < end) {
        let (from, to) = ((*from).max(done), from.saturating_add(*length).min(end));
        if to <= from {
            continue;
        }
        let range = |from: u64, to: u64| index(from - at)..index(to - at);
        if from > done {
            runs.push((range(done, from), false));
        }
        let empty = piece[range(from, to)].iter().all(|byte| *byte == 0);
        runs.push((range(from, to), empty));
        done = to;
    }
    if done < end {
        runs.push((index(done - at)..piece.len(), false));
    }
    runs
}

/// Within a piece that is in memory.
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_cut_where_holes_begin_and_end() {
        let piece = [1, 1, 0, 0, 1, 0];
        assert_eq!(runs(&piece, 10, &[]), [(0..6, false)]);
        assert_eq!(runs(&piece, 10, &[(12, 2)]), [(0..2, false), (2..4, true), (4..6, false)]);
        // one that began in the piece before, and one that goes on in the next
        assert_eq!(runs(&[0, 0, 1, 0], 10, &[(4, 8), (13, 9)]), [(0..2, true), (2..3, false), (3..4, true)]);
        assert_eq!(runs(&[], 10, &[(0, 100)]), []);
    }

    #[test]
    fn a_hole_that_has_bytes_in_it_is_none() {
        assert_eq!(runs(&[1, 2, 0], 0, &[(0, 2), (2, 1)]), [(0..2, false), (2..3, true)]);
        // overlapping and endless ones change nothing either
        assert_eq!(runs(&[0, 0], 0, &[(0, 1), (0, u64::MAX)]), [(0..1, true), (1..2, true)]);
    }
}
