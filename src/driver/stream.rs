//! Pieces of output.

use bytes::Bytes;

/// A piece of what a program printed, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Standard output.
    Out(Bytes),
    /// Standard error.
    Err(Bytes),
}
