//! Where one message ends and the next begins: two bytes of length, big-endian, not counting
//! themselves. Does no reading of its own; push in what arrived, take out what is whole.

use zeroize::{Zeroize, Zeroizing};

/// Cuts a stream of bytes into messages.
///
/// Take out all frames after every push and the buffer never holds more than one frame and one
/// push. Bytes that were taken out are overwritten at the next push. After an error the stream
/// cannot be followed any more: every later call gives the same error, and the connection should be
/// closed.
pub struct FrameDecoder {
    buffer: Zeroizing<Vec<u8>>,
    taken: usize,
    length_max: u16,
    failed: Option<FrameError>,
}

impl FrameDecoder {
    /// Refuses frames longer than `length_max` bytes.
    pub fn new(length_max: u16) -> Self {
        let buffer = Zeroizing::new(Vec::with_capacity(2 * usize::from(length_max)));
        Self {
            buffer,
            taken: 0,
            length_max,
            failed: None,
        }
    }

    /// Adds what arrived, split anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        let waiting = self.pending();
        self.buffer.copy_within(self.taken.., 0);
        if let Some(stale) = self.buffer.get_mut(waiting..) {
            stale.zeroize();
        }
        self.buffer.truncate(waiting);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame without its length; None until more has arrived.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let Some((header, rest)) = rest.split_first_chunk() else {
            return Ok(None);
        };
        let length = u16::from_be_bytes(*header);
        if let Err(error) = check(length.into(), self.length_max) {
            self.failed = Some(error);
            return Err(error);
        }
        let frame = rest.get(..usize::from(length));
        if let Some(frame) = frame {
            self.taken += header.len() + frame.len();
        }
        Ok(frame)
    }

    /// Bytes that wait for the rest of their frame. If there are any when the stream ends, the peer
    /// left in the middle of a message.
    pub fn pending(&self) -> usize {
        self.buffer.len().saturating_sub(self.taken)
    }
}

/// Appends `message` to `out` with its length in front.
pub fn encode_frame(message: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
    let length = check(message.len(), u16::MAX)?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(message);
    Ok(())
}

fn check(length: usize, max: u16) -> Result<u16, FrameError> {
    match u16::try_from(length) {
        Ok(0) => Err(FrameError::Empty),
        Ok(length) if length <= max => Ok(length),
        _ => Err(FrameError::TooLong { length, max }),
    }
}

/// Why a frame cannot be taken out or sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A frame without a message.
    #[error("a frame of length 0: check which framing the peer speaks")]
    Empty,
    /// Longer than agreed.
    #[error(
        "a frame of {length} bytes, agreed are at most {max}: check which framing the peer speaks"
    )]
    TooLong {
        /// What its length says, in bytes.
        length: usize,
        /// The longest allowed, in bytes.
        max: u16,
    },
}

/// The longest frame that peers agree on unless they agree otherwise, in bytes. Far above any card
/// message, far below what would make a hostile length expensive.
pub const LENGTH_MAX_DEFAULT: u16 = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(decoder: &mut FrameDecoder) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while let Some(frame) = decoder.next_frame().unwrap() {
            frames.push(frame.to_vec());
        }
        frames
    }

    #[test]
    fn two_frames_come_out_whole_however_they_are_split() {
        let mut stream = Vec::new();
        encode_frame(b"first", &mut stream).unwrap();
        encode_frame(b"second", &mut stream).unwrap();
        for split in 0..=stream.len() {
            let mut decoder = FrameDecoder::new(LENGTH_MAX_DEFAULT);
            let (head, tail) = stream.split_at(split);
            decoder.push(head);
            let mut frames = drain(&mut decoder);
            decoder.push(tail);
            frames.extend(drain(&mut decoder));
            assert_eq!(
                frames,
                [b"first".to_vec(), b"second".to_vec()],
                "split at {split}"
            );
            assert_eq!(decoder.pending(), 0);
        }
    }

    #[test]
    fn a_bad_length_fails_the_stream_for_good() {
        for (header, error) in [
            ([0, 0], FrameError::Empty),
            (
                [0x10, 0x01],
                FrameError::TooLong {
                    length: 4097,
                    max: 4096,
                },
            ),
            (
                *b"01",
                FrameError::TooLong {
                    length: 0x3031,
                    max: 4096,
                },
            ), // no length at all
        ] {
            let mut decoder = FrameDecoder::new(LENGTH_MAX_DEFAULT);
            decoder.push(&header);
            assert_eq!(decoder.next_frame(), Err(error));
            decoder.push(&[0, 1, b'x']);
            assert_eq!(decoder.next_frame(), Err(error));
        }
    }

    #[test]
    fn only_what_a_length_can_say_is_sent() {
        let mut out = Vec::new();
        assert_eq!(encode_frame(b"", &mut out), Err(FrameError::Empty));
        let long = vec![b'x'; 65_536];
        let error = FrameError::TooLong {
            length: 65_536,
            max: u16::MAX,
        };
        assert_eq!(encode_frame(&long, &mut out), Err(error));
        assert!(out.is_empty());
    }

    #[test]
    fn an_unfinished_frame_is_pending() {
        let mut decoder = FrameDecoder::new(LENGTH_MAX_DEFAULT);
        decoder.push(&[0, 5, b'x']);
        assert_eq!(decoder.next_frame(), Ok(None));
        assert_eq!(decoder.pending(), 3);
    }

    proptest! {
        #[test]
        fn any_frames_in_any_pieces_come_out_in_order(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..80), 0..12),
            pieces in prop::collection::vec(1_usize..50, 1..60),
        ) {
            let mut stream = Vec::new();
            for frame in &frames {
                encode_frame(frame, &mut stream).unwrap();
            }
            let mut decoder = FrameDecoder::new(80);
            let (mut rest, mut out) = (&stream[..], Vec::new());
            for &piece in pieces.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at(piece.min(rest.len()));
                decoder.push(now);
                out.extend(drain(&mut decoder));
                rest = later;
            }
            prop_assert_eq!(out, frames);
            prop_assert_eq!(decoder.pending(), 0);
        }
    }
}
