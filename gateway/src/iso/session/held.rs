//! Answers that are decided, whose records are not durable yet.
//!
//! Records become durable in their order, so what may go is always at the front, and one look at the end
//! of the journal tells how much that is. Somebody waits for the front, and the last one is hastened.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use fallback::journal::Progress;
use iso8583::frame::{FrameError, Framing, Routing};
use tokio::time::Instant;

use super::frames::Frames;
use super::outbox::Outbox;
use crate::at_once::Decided;
use crate::authorize::Gateway;

/// Places that a connection keeps while none is held.
const KEPT: usize = 32;

/// See the module.
#[derive(Default)]
pub(super) struct Held {
    answers: VecDeque<Answer>,
    /// Their frames, in the same order.
    frames: Frames,
    /// Resolves when the front, or one that was before it, is no longer under way.
    settled: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// How many at the end are not on their way to the disk.
    idle: usize,
}

/// An answer, and how long its frame is; none where it could not be written, with the field at fault.
struct Answer {
    decided: Decided,
    written: Result<usize, Option<u8>>,
}

impl Held {
    /// How many are held.
    pub(super) fn len(&self) -> usize {
        self.answers.len()
    }

    /// Bytes of them.
    pub(super) fn bytes(&self) -> usize {
        self.frames.waiting().len()
    }

    /// True where none is held.
    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// When the first one is of no use any more.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.answers.front().map(|front| front.decided.deadline())
    }

    /// Holds an answer back. `message` is what to say, or the field because of which it cannot be said.
    pub(super) fn hold(
        &mut self,
        decided: Decided,
        (framing, routing): (Framing, Routing),
        message: Result<&[u8], Option<u8>>,
    ) {
        let in_frame = |_: FrameError| None;
        let frames = &mut self.frames;
        let written =
            message.and_then(|bytes| frames.push(framing, routing, bytes).map_err(in_frame));
        self.answers.push_back(Answer { decided, written });
        self.idle += 1;
    }

    /// True where some are not on their way to the disk.
    pub(super) fn is_idle(&self) -> bool {
        self.idle > 0
    }

    /// Sends all that are held on their way to the disk.
    pub(super) fn hasten(&mut self) {
        self.idle = 0;
        let last = self.answers.back();
        if let Some(record) = last.and_then(|last| last.decided.record()) {
            record.hasten();
        }
    }

    /// Gives what is durable to `out`, and forgets what nobody knows of; wakes when there may be more.
    /// Of those that could not be written it returns the fields at fault.
    pub(super) fn release(
        &mut self,
        cx: &mut Context<'_>,
        gateway: &Gateway,
        out: &mut Outbox,
    ) -> Vec<Option<u8>> {
        let mut unwritten = Vec::new();
        loop {
            self.release_settled(gateway, out, &mut unwritten);
            let Some(record) = self
                .answers
                .front()
                .and_then(|front| front.decided.record())
            else {
                self.settled = None;
                return unwritten;
            };
            let settled = (self.settled).get_or_insert_with(|| Box::pin(record.settled()));
            match settled.as_mut().poll(cx) {
                Poll::Ready(()) => self.settled = None,
                Poll::Pending => return unwritten,
            }
        }
    }

    fn release_settled(
        &mut self,
        gateway: &Gateway,
        out: &mut Outbox,
        unwritten: &mut Vec<Option<u8>>,
    ) {
        let mut now = None;
        while let Some(front) = self.answers.front() {
            let progress = front.decided.progress();
            if progress == Progress::Underway {
                break;
            }
            let Some(Answer { decided, written }) = self.answers.pop_front() else {
                break;
            };
            let (length, now) = (
                written.unwrap_or_default(),
                *now.get_or_insert_with(Instant::now),
            );
            if progress == Progress::Durable {
                decided.answered(gateway, now);
                out.extend(self.frames.waiting().get(..length).unwrap_or_default());
                unwritten.extend(written.err());
            } else {
                decided.unanswered(gateway, now);
            }
            self.frames.forget(length);
        }
        self.gone();
    }

    fn gone(&mut self) {
        self.idle = self.idle.min(self.answers.len());
        if self.answers.is_empty() && self.answers.capacity() > KEPT {
            self.answers = VecDeque::new();
        }
    }

    /// Forgets the answers that come too late; what is decided stands.
    pub(super) fn expire(&mut self, gateway: &Gateway, now: Instant) {
        let mut late = Vec::new();
        while let Some(answer) = self
            .answers
            .pop_front_if(|front| front.decided.deadline() <= now)
        {
            self.frames.forget(answer.written.unwrap_or_default());
            late.push(answer.decided.late(gateway, now));
        }
        self.gone();
        gateway.see_to(late);
    }

    /// The connection is over: what is decided is seen to its end.
    pub(super) fn close(mut self, gateway: &Gateway) {
        let left = self.answers.drain(..).map(|answer| answer.decided);
        gateway.see_to(left.collect());
    }
}
