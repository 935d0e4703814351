//! One connection: frames in, answers out as they come, many requests in flight.
//!
//! All of it is one task, which does what can be done and then waits for whatever comes first: bytes,
//! an answer, room to write, a time, or the next stage of a drain. A request that can be answered at
//! once costs neither a task nor a queue.

mod alarm;
mod desk;
mod frames;
mod held;
mod inbox;
mod outbox;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::StreamExt;
use iso8583::frame::{Frame, Routing};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use tracing::{Instrument, debug_span, info};

use super::Link;
use super::known::Place;
use super::translate::{self, Asked};
use crate::drain::{self, Draining, QUIET, Stage, Stages};
use crate::metrics::labels::link::{End, Purpose};
use crate::traces::DECISIONS;
use alarm::Alarm;
use desk::{Desk, Done};
use inbox::{Inbox, Read};

/// Runs a session to its end. In a drain that is when the peer has closed, or has had nothing to say
/// for a moment; see [`crate::drain`].
pub(super) async fn run<S>(mut stream: S, link: Arc<Link>, place: Place, draining: Draining)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let connection = Arc::clone(&place.connection);
    let asking = Arc::clone(&link);
    let begin = move |asked: Box<Asked>, routing: Routing| {
        let link = Arc::clone(&asking);
        // No answer is an answer too: after a failed fsync nobody knows (rule 10), and what is late
        // would be dropped by the network anyway.
        async move { (routing, translate::answer(*asked, &link).await) }
    };
    let desk = Desk::new(Arc::clone(&link), place, begin);
    let mut session = Session::new(&mut stream, &link, desk, &draining);
    // So that the line of each answer says whose it is; where nobody asked for these lines, it is nothing.
    let asked_by = debug_span!(
        target: DECISIONS,
        "connection",
        link = %link.terms.name,
        peer = %connection.peer,
        identity = connection.identity.as_deref(),
    );
    let talk = poll_fn(|cx| session.poll(cx));
    let cause = talk.instrument(asked_by).await;
    let all_written = session.desk.is_done();
    let mut unfinished = session.desk.close(cause);
    info!(
        link = %link.terms.name,
        peer = %connection.peer,
        identity = connection.identity.as_deref(),
        reason = cause.words(),
        "session ended"
    );
    // What was read whole is worked on to its end, whoever still waits for it.
    if !unfinished.is_empty() {
        let work = async move { while unfinished.next().await.is_some() {} };
        link.gateway.parts().work.spawn(work);
    }
    if all_written {
        tokio::select! {
            () = part(stream, cause, &link) => {}
            () = draining.over() => {}
        }
    }
}

/// Closes for writing, and where the peer does not know that yet, gives it time to read what is on its
/// way.
async fn part<S>(mut stream: S, cause: End, link: &Link)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let shut = timeout(link.terms.write_patience, stream.shutdown()).await;
    if matches!(shut, Ok(Ok(()))) && !cause.is_by_the_peer() {
        drain::linger(&mut stream).await;
    }
}

/// A connection and where it stands.
struct Session<'s, S, Begin, Work> {
    stream: &'s mut S,
    link: &'s Link,
    inbox: Inbox,
    desk: Desk<Begin, Work>,
    alarm: Alarm,
    stages: Stages,
    /// Why nothing is read any more.
    ended: Option<End>,
    /// After so long without a word the peer is asked whether it is there.
    echo_after: Option<Duration>,
    /// When something came last.
    heard: Instant,
    /// Since when part of a frame is here and the rest of it is not.
    begun: Option<Instant>,
    /// Since when the peer takes nothing.
    stuck: Option<Instant>,
    /// Since when the doors are closed.
    closing: Option<Instant>,
    /// True where the tasks that were ready have gone first.
    has_let_others: bool,
    /// The same, of those that may have something for the next write of the journal.
    has_let_append: bool,
}

/// What a time was set for.
#[derive(Clone, Copy)]
enum Due {
    /// It is over.
    End(End),
    /// It is over, and there is nobody to take what waits.
    Gone(End),
    /// The peer is asked whether it is there.
    Echo,
    /// An answer has not become durable within the budget.
    Late,
}

/// Frames on their way to the desk.
struct Taking<'d, Begin, Work> {
    desk: &'d mut Desk<Begin, Work>,
    now: Instant,
    frames: usize,
    end: Option<End>,
}

impl<Begin, Work> Taking<'_, Begin, Work>
where
    Begin: Fn(Box<Asked>, Routing) -> Work,
    Work: Future<Output = Done>,
{
    fn take(&mut self, frame: Frame<'_>) -> ControlFlow<()> {
        self.frames += 1;
        self.end = self.desk.take(frame, self.now).err();
        if self.goes_on() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    fn goes_on(&self) -> bool {
        self.end.is_none() && self.desk.has_room()
    }
}

impl<'s, S, Begin, Work> Session<'s, S, Begin, Work>
where
    S: AsyncRead + AsyncWrite + Unpin,
    Begin: Fn(Box<Asked>, Routing) -> Work,
    Work: Future<Output = Done>,
{
    fn new(
        stream: &'s mut S,
        link: &'s Link,
        mut desk: Desk<Begin, Work>,
        draining: &Draining,
    ) -> Self {
        let now = Instant::now();
        if link.terms.sign_on {
            desk.send(Purpose::SignOn, now);
        }
        Self {
            stream,
            link,
            inbox: Inbox::new(link.terms.framing, link.terms.frame_max),
            desk,
            alarm: Alarm::new(now + link.terms.idle_patience),
            stages: draining.stages(),
            ended: None,
            echo_after: link.terms.echo_after,
            heard: now,
            begun: None,
            stuck: None,
            closing: None,
            has_let_others: false,
            has_let_append: false,
        }
    }

    /// Ready when nothing more is to be read, or can be, and all answers are written.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        // The answers of one write of the journal are there together: the tasks that have them go first,
        // and what they say goes out at once.
        if self.desk.is_working() && !std::mem::replace(&mut self.has_let_others, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.has_let_others = false;
        loop {
            while let Poll::Ready(stage) = self.stages.poll_next(cx) {
                if let Some(end) = self.enter(stage) {
                    return Poll::Ready(end);
                }
            }
            let now = Instant::now();
            loop {
                let read = self.read(cx, now);
                let answered = self.desk.poll_answers(cx);
                let Ok(written) = self.write(cx, now) else {
                    return Poll::Ready(self.ended.unwrap_or(End::Broken));
                };
                if !(read || answered || written) {
                    break;
                }
            }
            if let Some(ended) = self.ended
                && self.desk.is_done()
            {
                return Poll::Ready(ended);
            }
            self.hasten(cx);
            let Some((due, what)) = self.due() else {
                return Poll::Pending;
            };
            ready!(self.alarm.poll(cx, due));
            match what {
                Due::Gone(end) => return Poll::Ready(end),
                Due::End(end) => self.ended = Some(end),
                Due::Late => self.desk.expire(now),
                Due::Echo if self.desk.send(Purpose::Echo, now) => {}
                Due::Echo => self.echo_after = None,
            }
        }
    }

    /// Has what was decided made durable. Whoever is ready goes first: what they decide goes to the disk
    /// in the same write.
    fn hasten(&mut self, cx: &mut Context<'_>) {
        if !self.desk.is_idle() {
            self.has_let_append = false;
        } else if std::mem::replace(&mut self.has_let_append, true) {
            self.has_let_append = false;
            self.desk.hasten();
        } else {
            cx.waker().wake_by_ref();
        }
    }

    /// Reads once and takes what came, as far as there is room; true where that may go on.
    fn read(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.ended.is_some() || !self.desk.has_room() {
            return false;
        }
        let inbox = &mut self.inbox;
        let mut taking = Taking {
            desk: &mut self.desk,
            now,
            frames: 0,
            end: None,
        };
        let (mut moved, mut cut) = (
            false,
            inbox.take_rest(|frame: Frame<'_>| taking.take(frame)),
        );
        // Where the rest has filled the last place, nothing more is read.
        if cut.is_ok() && !inbox.has_frames() && taking.goes_on() {
            let stream = Pin::new(&mut *self.stream);
            if let Poll::Ready((read, taken)) =
                inbox.poll_read(stream, cx, |frame: Frame<'_>| taking.take(frame))
            {
                cut = taken;
                match read {
                    Read::Bytes(_) => {
                        moved = true;
                        self.heard = now;
                    }
                    Read::End if inbox.is_empty() => self.ended = Some(End::Left),
                    Read::End => self.ended = Some(End::HalfFrame),
                    Read::Broken => self.ended = Some(End::Broken),
                }
            }
        }
        let (frames, mut end) = (taking.frames, taking.end);
        if cut.is_err() {
            end = end.or(Some(End::FrameLength));
        }
        self.ended = end.or(self.ended);
        if frames > 0 || !inbox.waits_for_more() {
            self.begun = None;
        }
        if inbox.waits_for_more() {
            self.begun.get_or_insert(now);
        }
        moved || frames > 0
    }

    /// Writes once; true where some of it went.
    fn write(&mut self, cx: &mut Context<'_>, now: Instant) -> std::io::Result<bool> {
        let out = &mut self.desk.out;
        match out.poll_write(Pin::new(&mut *self.stream), cx) {
            Poll::Ready(went) => {
                self.stuck = None;
                went
            }
            Poll::Pending => {
                self.stuck.get_or_insert(now);
                Ok(false)
            }
        }
    }

    /// What has to happen next by the clock, and when.
    fn due(&self) -> Option<(Instant, Due)> {
        let terms = &self.link.terms;
        let stuck = self.stuck.map(|since| {
            let end = self.ended.unwrap_or(End::SlowReader);
            (since + terms.write_patience, Due::Gone(end))
        });
        let held = self.desk.late_at().map(|late| (late, Due::Late));
        // Whoever may not send has nothing to be late with.
        if self.ended.is_some() || !self.desk.has_room() {
            let both = [stuck, held].into_iter().flatten();
            return both.min_by_key(|(due, _)| *due);
        }
        let waits_since = self.desk.ours().waits_since();
        let late = waits_since.map(|since| {
            let end = Due::End(End::Unanswered);
            (since + terms.answer_patience, end)
        });
        let silent = match (self.begun, self.closing) {
            (Some(begun), _) => (begun + terms.frame_patience, Due::End(End::SlowFrame)),
            (None, Some(closing)) => {
                let quiet = self.heard.max(closing) + QUIET;
                (quiet, Due::End(End::Drained))
            }
            (None, None) => (self.heard + terms.idle_patience, Due::End(End::Idle)),
        };
        let echo = match self.echo_after {
            Some(after) if !self.desk.ours().has_echo() => Some((self.heard + after, Due::Echo)),
            _ => None,
        };
        let all = [stuck, held, late, Some(silent), echo]
            .into_iter()
            .flatten();
        all.min_by_key(|(due, _)| *due)
    }

    /// The drain has come to its next stage; says why the connection ends at once, where it does.
    fn enter(&mut self, stage: Stage) -> Option<End> {
        let now = Instant::now();
        match stage {
            Stage::Noticed if self.link.terms.sign_off => {
                self.desk.send(Purpose::SignOff, now);
            }
            Stage::Noticed => {}
            Stage::Closing => self.closing = Some(now),
            Stage::Ending => self.ended = self.ended.or(Some(End::Drained)),
            Stage::Over => return Some(End::Dropped),
        }
        None
    }
}
