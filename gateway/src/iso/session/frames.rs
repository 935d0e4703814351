//! Frames in a row, which may hold card data.

use iso8583::frame::{FrameError, Framing, Routing, encode_frame};
use zeroize::optimization_barrier;

/// Room that a connection keeps while nothing waits, in bytes.
pub(super) const KEPT: usize = 4 * 1024;
/// Room for the longest header of a frame.
const HEADER_MAX: usize = 8;

/// Frames in order, of which the first `gone` bytes are gone and overwritten. So is everything else when
/// it goes.
#[derive(Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    gone: usize,
}

impl Frames {
    /// What is there, the oldest first.
    pub(super) fn waiting(&self) -> &[u8] {
        self.bytes.get(self.gone..).unwrap_or_default()
    }

    /// Adds a frame around this message; how long it is.
    ///
    /// # Errors
    /// If the message does not fit a frame.
    pub(super) fn push(
        &mut self,
        framing: Framing,
        routing: Routing,
        message: &[u8],
    ) -> Result<usize, FrameError> {
        self.make_room(HEADER_MAX + message.len());
        let before = self.bytes.len();
        encode_frame(framing, routing, message, &mut self.bytes)?;
        Ok(self.bytes.len() - before)
    }

    /// Adds whole frames.
    pub(super) fn extend(&mut self, frames: &[u8]) {
        self.make_room(frames.len());
        self.bytes.extend_from_slice(frames);
    }

    /// Overwrites the oldest bytes.
    pub(super) fn forget(&mut self, count: usize) {
        let end = self.gone + count;
        wipe(self.bytes.get_mut(self.gone..end).unwrap_or_default());
        self.gone = end;
        if self.gone == self.bytes.len() {
            self.gone = 0;
            self.bytes.clear();
            if self.bytes.capacity() > KEPT {
                self.bytes = Vec::new();
            }
        }
    }

    /// A vector that grows by itself leaves a copy behind that nobody overwrites.
    fn make_room(&mut self, more: usize) {
        if self.bytes.capacity() - self.bytes.len() >= more {
            return;
        }
        let waiting = self.waiting();
        let room = (waiting.len() + more).next_power_of_two();
        // What grows is seldom at its end.
        let room = if waiting.is_empty() { room } else { room * 2 };
        let mut larger = Vec::with_capacity(room.max(256));
        larger.extend_from_slice(waiting);
        let count = waiting.len();
        self.forget(count);
        self.bytes = larger;
        self.gone = 0;
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        wipe(self.bytes.get_mut(self.gone..).unwrap_or_default());
    }
}

fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    // Otherwise it could be left out, because nobody reads them.
    optimization_barrier(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_is_overwritten_and_what_waits_is_not_i15() {
        let mut frames = Frames::default();
        let mut push = |message: &[u8]| {
            let length = frames.push(Framing::Be2, Routing::default(), message);
            assert_eq!(length, Ok(message.len() + 2));
            frames.bytes.capacity()
        };
        let first = push(b"4999000100000012");
        assert_eq!(push(b"4999"), first, "there is room");
        frames.forget(18);
        assert_eq!(frames.bytes[..18], [0; 18]);
        assert_eq!(frames.waiting(), b"\0\x044999");
        frames.extend(&[7; 300]);
        assert_eq!(frames.waiting()[..6], *b"\0\x044999");
        frames.forget(306);
        assert!(frames.waiting().is_empty());
    }
}
