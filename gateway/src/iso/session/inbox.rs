//! What a peer has sent and nobody has taken yet.
//!
//! Bytes are read into a buffer that all connections of a thread share, and taken out of it where they
//! lie. A connection has memory of its own only for what could not be taken yet, which is part of a
//! frame, or frames of a peer that has too many requests unanswered.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use iso8583::frame::{Cut, Frame, FrameError, Framing};
use tokio::io::{AsyncRead, ReadBuf};
use zeroize::Zeroizing;

/// The most that one read takes, in bytes: a hundred requests.
const READ_MAX: usize = 16 * 1024;
/// What was left over is at most a frame that is not complete, or a read.
const SHARED: usize = 2 * READ_MAX + 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SHARED].into());
}

/// What has not been taken yet, in order.
pub(super) struct Inbox {
    framing: Framing,
    frame_max: usize,
    rest: Zeroizing<Vec<u8>>,
    /// How long the rest must be for another frame to be whole.
    wanted: usize,
}

/// What a read has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// So many bytes.
    Bytes(usize),
    /// The peer sends nothing more.
    End,
    /// The connection broke.
    Broken,
}

impl Inbox {
    pub(super) fn new(framing: Framing, frame_max: u16) -> Self {
        Self {
            framing,
            frame_max: frame_max.into(),
            rest: Zeroizing::default(),
            wanted: 0,
        }
    }

    /// True while part of a frame is here and the rest of it is not.
    pub(super) fn waits_for_more(&self) -> bool {
        !self.rest.is_empty() && self.rest.len() < self.wanted
    }

    /// True while whole frames are here that were not taken.
    pub(super) fn has_frames(&self) -> bool {
        !self.rest.is_empty() && self.rest.len() >= self.wanted
    }

    /// True where nothing is left over.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads once, and gives every whole frame to `take` until that breaks off.
    pub(super) fn poll_read(
        &mut self,
        stream: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
        take: impl FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Poll<(Read, Result<(), FrameError>)> {
        BUFFER.with_borrow_mut(|buffer| {
            let before = self.rest.len();
            let mut room = ReadBuf::new(
                buffer
                    .get_mut(before..before + READ_MAX)
                    .unwrap_or_default(),
            );
            let read = match ready!(stream.poll_read(cx, &mut room)) {
                Ok(()) if room.filled().is_empty() => Read::End,
                Ok(()) => Read::Bytes(room.filled().len()),
                // TLS that ends without saying so. Where a message ends its length says, so nothing
                // is lost that would not be missed.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => Read::End,
                Err(_) => Read::Broken,
            };
            let Read::Bytes(count) = read else {
                return Poll::Ready((read, Ok(())));
            };
            let bytes = buffer.get_mut(..before + count).unwrap_or_default();
            let taken = self.take_all(bytes, before, take);
            // Card data does not stay for the next connection to find.
            bytes.fill(0);
            Poll::Ready((read, taken))
        })
    }

    /// Gives what was left over to `take`, once it may have more.
    pub(super) fn take_rest(
        &mut self,
        take: impl FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), FrameError> {
        if !self.has_frames() {
            return Ok(());
        }
        BUFFER.with_borrow_mut(|buffer| {
            let before = self.rest.len();
            let bytes = buffer.get_mut(..before).unwrap_or_default();
            let taken = self.take_all(bytes, before, take);
            bytes.fill(0);
            taken
        })
    }

    /// `bytes` has room for the `before` bytes that were left over, and what was read behind it.
    fn take_all(
        &mut self,
        bytes: &mut [u8],
        before: usize,
        mut take: impl FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), FrameError> {
        if let Some(room) = bytes.get_mut(..before) {
            room.copy_from_slice(&self.rest);
        }
        let mut stream = &*bytes;
        let mut wanted = 0;
        let mut ended = Ok(());
        while !stream.is_empty() {
            match self.framing.cut(stream, self.frame_max) {
                Ok(Cut::Whole { frame, rest }) => {
                    stream = rest;
                    if take(frame).is_break() {
                        break;
                    }
                }
                Ok(Cut::Missing(missing)) => {
                    wanted = stream.len() + missing;
                    break;
                }
                Err(error) => {
                    ended = Err(error);
                    stream = &[];
                }
            }
        }
        self.keep(stream, wanted);
        ended
    }

    fn keep(&mut self, rest: &[u8], wanted: usize) {
        self.wanted = wanted;
        if rest.is_empty() && self.rest.is_empty() {
            return;
        }
        // Made to measure: a vector that grows leaves a copy behind that nobody overwrites.
        self.rest = Zeroizing::new(rest.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::frame::{LENGTH_MAX_DEFAULT, Routing, encode_frame};
    use proptest::prelude::*;

    fn poll(inbox: &mut Inbox, bytes: &[u8], room: &mut usize, out: &mut Vec<Vec<u8>>) {
        let mut stream = bytes;
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let read = inbox.poll_read(Pin::new(&mut stream), &mut cx, |frame| {
            take(frame, room, out)
        });
        assert_eq!(read, Poll::Ready((Read::Bytes(bytes.len()), Ok(()))));
    }

    fn take(frame: Frame<'_>, room: &mut usize, out: &mut Vec<Vec<u8>>) -> ControlFlow<()> {
        out.push(frame.message.to_vec());
        *room = room.saturating_sub(1);
        if *room == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    proptest! {
        #[test]
        fn frames_come_out_in_order_however_they_are_split_and_whenever_there_is_room(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..80), 1..20),
            pieces in prop::collection::vec((1_usize..200, 1_usize..5), 1..20),
        ) {
            let mut stream = Vec::new();
            for frame in &frames {
                encode_frame(Framing::Be2, Routing::default(), frame, &mut stream).unwrap();
            }
            let mut inbox = Inbox::new(Framing::Be2, LENGTH_MAX_DEFAULT);
            let (mut rest, mut out) = (&stream[..], Vec::new());
            for (piece, room) in pieces.iter().cycle() {
                let mut room = *room;
                inbox.take_rest(|frame| take(frame, &mut room, &mut out)).unwrap();
                if rest.is_empty() && inbox.is_empty() {
                    break;
                }
                // Nobody reads while frames wait.
                if room > 0 && !rest.is_empty() {
                    let (now, later) = rest.split_at((*piece).min(rest.len()));
                    poll(&mut inbox, now, &mut room, &mut out);
                    rest = later;
                }
            }
            prop_assert_eq!(out, frames);
            prop_assert!(!inbox.waits_for_more());
        }
    }

    #[test]
    fn nothing_that_was_read_stays_in_the_shared_buffer_i15() {
        let mut inbox = Inbox::new(Framing::Be2, LENGTH_MAX_DEFAULT);
        poll(
            &mut inbox,
            b"\0\x044111\0\x044111\0\x0441",
            &mut 9,
            &mut Vec::new(),
        );
        assert!(inbox.waits_for_more());
        inbox.take_rest(|_| ControlFlow::Continue(())).unwrap();
        BUFFER.with_borrow(|buffer| assert!(buffer.iter().all(|byte| *byte == 0)));
    }
}
