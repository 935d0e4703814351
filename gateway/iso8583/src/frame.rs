//! Where one message of a stream ends and the next begins. Does no reading of its own; push in what
//! arrived, take out what is whole.

mod framing;

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

pub use framing::{Framing, UnknownFraming};

/// The longest message that peers agree on unless they agree otherwise, in bytes. Far above any card
/// message, far below what would make a hostile length expensive.
pub const LENGTH_MAX_DEFAULT: u16 = 4096;

/// Cuts a stream of bytes into messages.
///
/// Take out all frames after every push and the buffer never holds more than one frame and one
/// push. Bytes that were taken out are overwritten at the next push. After an error the stream
/// cannot be followed any more: every later call gives the same error, nothing is kept, and the
/// connection should be closed.
///
/// ```
/// use iso8583::frame::{FrameDecoder, Framing, LENGTH_MAX_DEFAULT};
///
/// let mut frames = FrameDecoder::new(Framing::Be2, LENGTH_MAX_DEFAULT);
/// frames.push(b"\x00\x05fi");
/// assert!(frames.next_frame()?.is_none());
/// frames.push(b"rst\x00\x06second");
/// while let Some(frame) = frames.next_frame()? {
///     assert!(matches!(frame.message, b"first" | b"second"));
/// }
/// # Ok::<(), iso8583::frame::FrameError>(())
/// ```
pub struct FrameDecoder {
    framing: Framing,
    length_max: usize,
    buffer: Zeroizing<Vec<u8>>,
    taken: usize,
    /// Bytes of the frame under way, as far as is known, so that drops are not read again and again.
    wanted: usize,
    failed: Option<FrameError>,
}

impl FrameDecoder {
    /// Refuses messages longer than `length_max` bytes, and than the framing allows.
    pub fn new(framing: Framing, length_max: u16) -> Self {
        Self {
            framing,
            length_max: usize::from(length_max),
            buffer: Zeroizing::default(),
            taken: 0,
            wanted: 0,
            failed: None,
        }
    }

    /// Adds what arrived, split anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            self.taken = 0;
            self.buffer.zeroize();
            return;
        }
        let waiting = self.pending();
        self.buffer.copy_within(self.taken.., 0);
        if let Some(stale) = self.buffer.get_mut(waiting..) {
            stale.zeroize();
        }
        self.buffer.truncate(waiting);
        self.taken = 0;
        let length = waiting + bytes.len();
        if self.buffer.capacity() < length {
            // A vector that grows by itself leaves a copy behind that nobody overwrites.
            let mut larger = Zeroizing::new(Vec::with_capacity(length.next_power_of_two()));
            larger.extend_from_slice(&self.buffer);
            self.buffer = larger;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame; None until more has arrived.
    ///
    /// # Errors
    /// If what arrived cannot be a frame, and from then on.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let pending = self.pending();
        if pending < self.wanted {
            return Ok(None);
        }
        let start = self.taken;
        let stream = self.buffer.get(start..).unwrap_or_default();
        match self.framing.cut(stream, self.length_max) {
            Ok(Cut::Missing(missing)) => {
                self.wanted = pending + missing;
                Ok(None)
            }
            Ok(Cut::Whole { frame, rest }) => {
                self.wanted = 0;
                self.taken = self.buffer.len() - rest.len();
                Ok(Some(frame))
            }
            Err(error) => {
                self.failed = Some(error);
                self.taken = self.buffer.len();
                Err(error)
            }
        }
    }

    /// Bytes that wait for the rest of their frame. If there are any when the stream ends, the peer
    /// left in the middle of a message.
    pub fn pending(&self) -> usize {
        self.buffer.len().saturating_sub(self.taken)
    }
}

/// Shows lengths only.
impl fmt::Debug for FrameDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameDecoder")
            .field("framing", &self.framing)
            .field("pending", &self.pending())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// What the beginning of a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut<'b> {
    /// A frame, and what stands behind it.
    Whole {
        /// The frame.
        frame: Frame<'b>,
        /// What stands behind it.
        rest: &'b [u8],
    },
    /// Part of a frame: at least so many bytes more have to come.
    Missing(usize),
}

/// One message of a stream, or a poll.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<'b> {
    /// The message; empty in a poll.
    pub message: &'b [u8],
    /// From whom to whom, where the framing says.
    pub routing: Routing,
}

impl Frame<'_> {
    /// A frame without a message, which asks whether somebody is there. The answer is a poll too.
    pub const fn is_poll(&self) -> bool {
        self.message.is_empty()
    }
}

/// Shows the length only.
impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("length", &self.message.len())
            .field("routing", &self.routing)
            .finish()
    }
}

/// The addresses of a TPDU. All zeros, and not sent, where the framing has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Routing {
    destination: [u8; 2],
    source: [u8; 2],
}

impl Routing {
    /// The addresses of a request.
    pub const fn new(destination: [u8; 2], source: [u8; 2]) -> Self {
        Self {
            destination,
            source,
        }
    }

    /// To whom it goes.
    pub const fn destination(self) -> [u8; 2] {
        self.destination
    }

    /// From whom it comes.
    pub const fn source(self) -> [u8; 2] {
        self.source
    }

    /// The same, swapped: what an answer has to carry.
    #[must_use]
    pub const fn answer(self) -> Self {
        Self::new(self.source, self.destination)
    }
}

/// Appends `message` to `out` with its header in front, or nothing if it does not fit. `routing`
/// counts in [`Framing::Tpdu`] alone. An empty message is a poll, where there are polls.
///
/// Give `out` room for the header and the message: a vector that grows leaves a copy of its content
/// behind.
///
/// # Errors
/// If the message is empty or too long for the framing.
pub fn encode_frame(
    framing: Framing,
    routing: Routing,
    message: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), FrameError> {
    framing.put_header(routing, message.len(), out)?;
    out.extend_from_slice(message);
    Ok(())
}

/// Why a frame cannot be taken out or sent. Does not say which bytes stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A frame without a message, in a framing that has no polls.
    #[error("a frame of length 0: check which framing the peer speaks")]
    Empty,
    /// Longer than agreed.
    #[error(
        "a message of {length} bytes, allowed are at most {max}: check which framing the peer speaks"
    )]
    TooLong {
        /// What its length says, in bytes.
        length: usize,
        /// The longest allowed, in bytes.
        max: usize,
    },
    /// Shorter than what its length has to count.
    #[error(
        "a length of {length}, where at least {min} bytes are counted: check which framing the peer speaks"
    )]
    TooShort {
        /// What its length says, in bytes.
        length: usize,
        /// What it has to count at least, in bytes.
        min: usize,
    },
    /// The length is not four ASCII digits.
    #[error("a length that is not four digits: check which framing the peer speaks")]
    NotDigits,
    /// The two bytes behind a VAP length are not zero.
    #[error("the two bytes behind the length are not zero: check which framing the peer speaks")]
    Reserved,
    /// No TPDU stands in front of the message.
    #[error(
        "what stands in front of the message does not begin with 60, as a TPDU does: \
         check which framing the peer speaks"
    )]
    NotTpdu,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_by_the_longest_frame_and_one_push_i12() {
        for framing in Framing::ALL {
            let mut decoder = FrameDecoder::new(framing, 500);
            assert_eq!(decoder.buffer.capacity(), 0, "an idle link costs nothing");
            let mut stream = Vec::new();
            for _ in 0..100 {
                encode_frame(framing, Routing::default(), &[b'4'; 500], &mut stream).unwrap();
            }
            for piece in stream.chunks(700) {
                decoder.push(piece);
                while decoder.next_frame().unwrap().is_some() {}
                assert!(decoder.pending() <= framing.header_length() + 500);
            }
            assert!(decoder.buffer.capacity() <= 2 * (framing.header_length() + 500 + 700));
        }
    }

    #[test]
    fn what_was_taken_out_is_overwritten_i15() {
        let mut decoder = FrameDecoder::new(Framing::Be2, 500);
        decoder.push(b"\x00\x04AAAA\x00\x02B");
        assert!(decoder.next_frame().unwrap().is_some());
        decoder.push(b"B");
        assert_eq!(*decoder.buffer, b"\x00\x02BB");
        assert!(decoder.next_frame().unwrap().is_some());
        // Where the stream fails, nothing is kept.
        decoder.push(b"\xFF\xFFAAAA");
        assert!(decoder.next_frame().is_err());
        assert_eq!(decoder.pending(), 0);
        decoder.push(b"AAAA");
        assert!(decoder.buffer.is_empty() && decoder.pending() == 0);
    }

    #[test]
    fn nothing_of_a_message_is_printed_i15() {
        let mut decoder = FrameDecoder::new(Framing::Tpdu, 500);
        decoder.push(b"\x00\x15\x60\x00\x01\x00\x024111111111111111");
        let before = format!("{decoder:?}");
        let shown = format!("{before} {:?}", decoder.next_frame());
        assert!(
            !shown.contains("41") && !shown.contains("52, 49"),
            "{shown}"
        );
        assert!(shown.contains("length: 16"), "{shown}");
    }
}
