//! Answers that wait to be written. What has gathered goes out together.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use iso8583::frame::{FrameError, Framing, Routing};
use tokio::io::AsyncWrite;

use super::frames::Frames;

/// Framed answers in order.
#[derive(Default)]
pub(super) struct Outbox {
    frames: Frames,
    /// The stream may hold back what was written to it.
    unflushed: bool,
}

impl Outbox {
    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.frames.waiting().len()
    }

    /// True where all has gone.
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0 && !self.unflushed
    }

    /// Adds a message; an empty one is a poll.
    ///
    /// # Errors
    /// If the message does not fit a frame.
    pub(super) fn push(
        &mut self,
        framing: Framing,
        routing: Routing,
        message: &[u8],
    ) -> Result<(), FrameError> {
        self.frames.push(framing, routing, message).map(drop)
    }

    /// Adds what is framed already.
    pub(super) fn extend(&mut self, framed: &[u8]) {
        self.frames.extend(framed);
    }

    /// Writes what waits; ready with true when some of it went, and with false where none waits.
    pub(super) fn poll_write(
        &mut self,
        mut stream: Pin<&mut impl AsyncWrite>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        let waiting = self.frames.waiting();
        if !waiting.is_empty() {
            let count = ready!(stream.as_mut().poll_write(cx, waiting))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.frames.forget(count);
            return Poll::Ready(Ok(true));
        }
        if self.unflushed {
            ready!(stream.poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(false))
    }
}

#[cfg(test)]
mod tests {
    use super::super::frames::KEPT;
    use super::*;
    use iso8583::frame::encode_frame;
    use proptest::prelude::*;

    /// Takes a few bytes at a time.
    struct Narrow {
        taken: Vec<u8>,
        width: usize,
    }

    impl AsyncWrite for Narrow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let count = bytes.len().min(self.width);
            self.taken.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    proptest! {
        #[test]
        fn all_that_was_pushed_is_written_in_order_and_no_room_is_kept_for_nothing(
            steps in prop::collection::vec((0_usize..20, 0_usize..3), 1..40),
            width in 1_usize..700,
        ) {
            let (mut outbox, mut expected) = (Outbox::default(), Vec::new());
            let mut peer = Narrow { taken: Vec::new(), width };
            let mut cx = Context::from_waker(std::task::Waker::noop());
            for (number, (pushed, written)) in steps.into_iter().enumerate() {
                for _ in 0..pushed {
                    let message = vec![u8::try_from(number).unwrap(); 1 + number * 7];
                    outbox.push(Framing::Be2, Routing::default(), &message).unwrap();
                    encode_frame(Framing::Be2, Routing::default(), &message, &mut expected).unwrap();
                }
                for _ in 0..written {
                    let _ = outbox.poll_write(Pin::new(&mut peer), &mut cx).is_ready();
                }
            }
            while !outbox.is_empty() {
                let written = outbox.poll_write(Pin::new(&mut peer), &mut cx);
                prop_assert!(matches!(written, Poll::Ready(Ok(_))));
            }
            prop_assert_eq!(peer.taken, expected);
            prop_assert!(outbox.frames.capacity() <= KEPT);
        }
    }
}
