//! The helper's side: answers what the host asks, one question after the other, until there are no more.

mod content;
mod make;
mod place;
mod swap;
mod walk;

#[cfg(test)]
mod tests;

use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use content::Open;
use make::Loading;
use place::Place;
use walk::Walk;

use super::entry::Raw;
use super::protocol::{self, Answer, Ask, BATCH, VERSION};

/// Files that may be open at once; whoever asks reads a few side by side.
const OPEN: usize = 256;

/// Serves the files below `root` until `input` ends.
pub fn serve(root: &Path, input: impl Read, mut output: impl Write) -> io::Result<()> {
    let mut input = BufReader::with_capacity(protocol::PIECE, input);
    let mut agent = Agent { top: Place::open(root)?, walk: None, open: Vec::new(), numbers: 0, loading: None };
    while let Some((number, ask, bytes)) = protocol::read::<Ask>(&mut input)? {
        let (answer, data) = agent
            .answer(ask, &bytes)
            .unwrap_or_else(|error| (Answer::Failed { reason: error.to_string() }, Vec::new()));
        output.write_all(&protocol::encode(number, &answer, &data)?)?;
        output.flush()?;
    }
    Ok(())
}

struct Agent {
    top: Place,
    walk: Option<Walk>,
    open: Vec<(u32, Open)>,
    numbers: u32,
    loading: Option<Loading>,
}

type Replied = io::Result<(Answer, Vec<u8>)>;

fn done() -> (Answer, Vec<u8>) {
    (Answer::Done { left_out: Vec::new() }, Vec::new())
}

impl Agent {
    fn answer(&mut self, ask: Ask, bytes: &[u8]) -> Replied {
        match ask {
            Ask::Hello => return Ok((Answer::Hello { version: VERSION }, Vec::new())),
            Ask::Walk { loading: false } => self.walk = Some(Walk::of(&self.top)?),
            Ask::Walk { loading: true } => self.walk = Some(Walk::of(self.loading()?.place())?),
            Ask::More => return Ok((self.more()?, Vec::new())),
            Ask::Open { path, size, mtime } => {
                let file = Open::of(&self.top, &path.0, size, mtime)?;
                return self.piece(None, file);
            }
            Ask::Read { file } => {
                let at = self.open.iter().position(|(number, _)| *number == file);
                let (number, file) = self.open.swap_remove(at.ok_or_else(|| io::Error::other("no such open file"))?);
                return self.piece(Some(number), file);
            }
            Ask::Close { file } => self.open.retain(|(number, _)| *number != file),
            Ask::Recover => swap::recover(&self.top)?,
            Ask::Load => {
                swap::recover(&self.top)?;
                self.loading = Some(Loading::begin(&self.top)?);
            }
            Ask::Make { entry, pieces } => {
                let left_out = self.loading()?.make(*entry, bytes, pieces)?;
                return Ok((Answer::Done { left_out }, Vec::new()));
            }
            Ask::Link { path, first } => self.loading()?.link(&path.0, &first.0)?,
            Ask::Piece => self.loading()?.piece(bytes)?,
            Ask::Hole { length } => self.loading()?.hole(length)?,
            Ask::Whole => return Ok((Answer::Done { left_out: self.loading()?.whole()? }, Vec::new())),
            Ask::Settle => return Ok((Answer::Done { left_out: self.loading()?.settle()? }, Vec::new())),
            Ask::Swap => {
                let top = self.loading()?.top().cloned();
                (self.walk, self.loading) = (None, None);
                return Ok((Answer::Done { left_out: swap::swap(&self.top, top)? }, Vec::new()));
            }
            Ask::Abandon => {
                self.loading = None;
                swap::recover(&self.top)?;
            }
        }
        Ok(done())
    }

    fn loading(&mut self) -> io::Result<&mut Loading> {
        self.loading.as_mut().ok_or_else(|| io::Error::other("nothing is being loaded"))
    }

    /// As many entries as fit into one answer.
    fn more(&mut self) -> io::Result<Answer> {
        let walk = self.walk.as_mut().ok_or_else(|| io::Error::other("no walk was begun"))?;
        let (mut entries, mut failures, mut size) = (Vec::new(), Vec::new(), 0);
        while size < BATCH {
            match walk.next() {
                None => return Ok(Answer::Entries { entries, failures, end: true }),
                Some(Ok(entry)) => {
                    size += 256 + entry.path.0.len() + 24 * entry.holes.len();
                    size += entry.attributes.iter().map(|(name, value)| name.len() + value.0.len()).sum::<usize>();
                    entries.push(entry);
                }
                Some(Err((path, error))) => {
                    size += 256 + path.len();
                    failures.push((Raw(path), error.to_string()));
                }
            }
        }
        Ok(Answer::Entries { entries, failures, end: false })
    }

    /// The next bytes of a file, which stays open while there are more.
    fn piece(&mut self, number: Option<u32>, mut file: Open) -> Replied {
        let next = file.next()?;
        let number = if next.end {
            None
        } else {
            if self.open.len() >= OPEN {
                return Err(io::Error::other(format!("{OPEN} files are open already")));
            }
            let number = number.unwrap_or_else(|| {
                self.numbers = self.numbers.wrapping_add(1);
                self.numbers
            });
            self.open.push((number, file));
            Some(number)
        };
        Ok((Answer::Piece { file: number, hole: next.hole, changed: next.changed }, next.bytes))
    }
}
