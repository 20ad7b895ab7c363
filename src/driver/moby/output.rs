//! What a program prints, as engines send it: raw from a terminal, else in frames of a stream's number, three zeros, a
//! length of four bytes (big end first) and the text.

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::io::AsyncRead;
use tokio_util::codec::{BytesCodec, Decoder, FramedRead};

use crate::driver::error::{DriverError, Result};
use crate::driver::stream::Chunk;

/// Length of a frame's head.
const HEAD: usize = 8;

/// The pieces of an output.
pub(super) fn chunks(reads: impl AsyncRead + Send + 'static, tty: bool) -> BoxStream<'static, Result<Chunk>> {
    let lost = |error: std::io::Error| DriverError::Failed {
        attempted: "reading a program's output".to_owned(),
        reason: error.to_string(),
    };
    if tty {
        let raw = FramedRead::with_capacity(reads, BytesCodec::new(), 16 * 1024);
        return raw.map(move |piece| piece.map(|bytes| Chunk::Out(bytes.freeze())).map_err(lost)).boxed();
    }
    FramedRead::with_capacity(reads, Frames { left: 0, error: false }, 16 * 1024)
        .map(move |piece| piece.map_err(lost))
        .boxed()
}

/// Takes frames apart; a long frame comes in several pieces, as it arrives.
struct Frames {
    left: usize,
    error: bool,
}

impl Decoder for Frames {
    type Item = Chunk;
    type Error = std::io::Error;

    fn decode(&mut self, from: &mut BytesMut) -> std::io::Result<Option<Chunk>> {
        while self.left == 0 {
            if from.len() < HEAD {
                return Ok(None);
            }
            if from[0] > 3 || from[1..4] != [0, 0, 0] {
                return Err(std::io::Error::other("the engine's answer is not in frames"));
            }
            self.error = from[0] >= 2;
            self.left = u32::from_be_bytes([from[4], from[5], from[6], from[7]]) as usize;
            from.advance(HEAD);
        }
        if from.is_empty() {
            return Ok(None);
        }
        let piece: Bytes = from.split_to(self.left.min(from.len())).freeze();
        self.left -= piece.len();
        Ok(Some(if self.error { Chunk::Err(piece) } else { Chunk::Out(piece) }))
    }

    fn decode_eof(&mut self, from: &mut BytesMut) -> std::io::Result<Option<Chunk>> {
        let piece = self.decode(from)?;
        if piece.is_none() {
            // an engine that was killed leaves half a head; there is nothing in it to show
            from.clear();
        }
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(stream: u8, text: &[u8]) -> Vec<u8> {
        let mut out = vec![stream, 0, 0, 0];
        out.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        out.extend(text);
        out
    }

    proptest! {
        #[test]
        fn frames_survive_any_cut(
            pieces in proptest::collection::vec((1u8..=2, proptest::collection::vec(any::<u8>(), 0..40)), 0..12),
            cut in 1usize..20,
        ) {
            let sent: Vec<u8> = pieces.iter().flat_map(|(stream, text)| frame(*stream, text)).collect();
            let mut decoder = Frames { left: 0, error: false };
            let (mut buffer, mut out, mut err) = (BytesMut::new(), Vec::new(), Vec::new());
            for part in sent.chunks(cut) {
                buffer.extend_from_slice(part);
                while let Some(chunk) = decoder.decode(&mut buffer).unwrap() {
                    match chunk {
                        Chunk::Out(bytes) => out.extend(bytes),
                        Chunk::Err(bytes) => err.extend(bytes),
                    }
                }
            }
            let all = |stream| pieces.iter().filter(|p| p.0 == stream).flat_map(|p| p.1.clone()).collect::<Vec<_>>();
            prop_assert_eq!(out, all(1));
            prop_assert_eq!(err, all(2));
        }
    }

    #[tokio::test]
    async fn a_prompt_without_a_line_end_is_shown() {
        let chunks: Vec<_> = chunks(&b"\x02# "[..], true).collect().await;
        assert_eq!(chunks, [Ok(Chunk::Out(Bytes::from_static(b"\x02# ")))]);
    }
}
