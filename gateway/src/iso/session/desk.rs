//! Who takes a connection's messages: what can be answered at once is, what has to be done first is
//! begun, and its answer goes out when it is there.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use iso8583::frame::{Frame, Routing};
use iso8583::{Class, Function, Message, decode};
use tokio::time::Instant;
use tracing::{debug, info, warn};
use zeroize::Zeroize;

use super::held::Held;
use super::outbox::Outbox;
use crate::iso::Link;
use crate::iso::known::Place;
use crate::iso::management::{self, Ours};
use crate::iso::translate::{self, Asked, Heard, Settled, Verdict, What};
use crate::metrics::labels::Door;
use crate::metrics::labels::link::{End, Purpose};

/// Bytes of answers that may wait for a peer that does not read; then its requests wait too.
const WAITING_MAX: usize = 64 * 1024;
/// Room for an answer: what it repeats has fixed lengths, or short ones.
const ANSWER_MAX: usize = 1024;

thread_local! {
    static ROOM: RefCell<[u8; ANSWER_MAX]> = const { RefCell::new([0; ANSWER_MAX]) };
}

/// An answer, or none, and where it goes.
pub(super) type Done = (Routing, Option<Verdict>);

/// The work on one connection's messages. `begin` makes work of what was asked.
pub(super) struct Desk<Begin, Work> {
    link: Arc<Link>,
    place: Place,
    begin: Begin,
    asked: FuturesUnordered<Work>,
    held: Held,
    pub(super) out: Outbox,
    ours: Ours,
    /// Where the peer is, as it said last.
    routing: Routing,
    /// An answer could not be written, and was said so.
    has_warned: bool,
}

impl<Begin, Work> Desk<Begin, Work>
where
    Begin: Fn(Box<Asked>, Routing) -> Work,
    Work: Future<Output = Done>,
{
    pub(super) fn new(link: Arc<Link>, place: Place, begin: Begin) -> Self {
        Self {
            link,
            place,
            begin,
            asked: FuturesUnordered::new(),
            held: Held::default(),
            out: Outbox::default(),
            ours: Ours::default(),
            routing: Routing::default(),
            has_warned: false,
        }
    }

    /// Whether another request may be taken.
    pub(super) fn has_room(&self) -> bool {
        let waiting = self.out.len() + self.held.bytes();
        self.in_flight() < self.link.terms.in_flight_max && waiting < WAITING_MAX
    }

    /// Requests without an answer.
    fn in_flight(&self) -> usize {
        self.asked.len() + self.held.len()
    }

    /// Whether a request waits for its answer.
    pub(super) fn is_working(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Whether every request has its answer, and every answer has gone.
    pub(super) fn is_done(&self) -> bool {
        self.in_flight() == 0 && self.out.is_empty()
    }

    /// Takes a frame.
    ///
    /// # Errors
    /// Where it cannot be answered and the connection must go.
    pub(super) fn take(&mut self, frame: Frame<'_>, now: Instant) -> Result<(), End> {
        self.routing = frame.routing.answer();
        if frame.is_poll() {
            self.link.known.count_poll();
            self.say(self.routing, &[]);
            return Ok(());
        }
        let link = Arc::clone(&self.link);
        let heard = match decode(link.terms.profile, frame.message) {
            Ok(message) if self.manage(&message, now) => return Ok(()),
            Ok(message) => match translate::understood(&message, &link) {
                Ok(what) => {
                    self.work_on(what, &message, frame.message, now);
                    return Ok(());
                }
                Err(heard) => heard,
            },
            Err(error) => translate::misread(frame.message, error.field, &link),
        };
        match heard {
            Heard::Unreadable => {
                link.gateway.parts().metrics.malformed(Door::Iso8583);
                return Err(End::Unreadable);
            }
            Heard::Ignored => {}
            Heard::Unwritten(field) => self.unwritten(field),
            Heard::Answered(bytes) => self.say_and_forget(self.routing, bytes),
            Heard::Malformed(bytes) => {
                link.known.count_malformed();
                link.gateway.parts().metrics.malformed(Door::Iso8583);
                self.say_and_forget(self.routing, bytes);
            }
        }
        Ok(())
    }

    /// Decides it at once where that can be, and begins work on it otherwise.
    fn work_on(&mut self, what: What, message: &Message<'_>, bytes: &[u8], now: Instant) {
        match what.at_once(now, &self.link) {
            Some(Ok(settled)) => self.hold(settled, message),
            // No answer is an answer too.
            Some(Err(_)) => {}
            None => self
                .asked
                .push((self.begin)(what.asked(bytes, now), self.routing)),
        }
        self.place.connection.set_in_flight(self.in_flight());
    }

    /// Writes the answer, and holds it back until it is durable.
    fn hold(&mut self, settled: Settled, request: &Message<'_>) {
        let Settled { words, decided } = settled;
        let framing = self.link.terms.framing;
        ROOM.with_borrow_mut(|room| {
            let message = words.write(request, room);
            let used = message.as_ref().map_or(ANSWER_MAX, |answer| answer.len());
            if decided.record().is_some() {
                self.held.hold(decided, (framing, self.routing), message);
            } else {
                decided.answered(&self.link.gateway, Instant::now());
                match message {
                    Ok(answer) => self.say(self.routing, answer),
                    Err(field) => self.unwritten(field),
                }
            }
            forget(room, used);
        });
    }

    /// Takes a message of network management, or any response; false for everything else.
    fn manage(&mut self, message: &Message<'_>, now: Instant) -> bool {
        let mti = message.mti();
        let is_response = matches!(
            mti.function(),
            Function::RequestResponse
                | Function::AdviceResponse
                | Function::NotificationAcknowledgement
        );
        if is_response {
            self.response(message, now);
            return true;
        }
        if mti.class() != Class::NetworkManagement {
            return false;
        }
        let link = Arc::clone(&self.link);
        let heard = ROOM.with_borrow_mut(|room| {
            let heard = management::answered(message, &link.terms.codes, room);
            let purpose = heard.map(|(purpose, answer)| {
                self.say(self.routing, answer);
                purpose
            });
            // What a peer has put into its fields does not stay for the next connection to find.
            room.fill(0);
            purpose
        });
        let Some(purpose) = heard else {
            return false;
        };
        if let Some(purpose @ (Purpose::SignOn | Purpose::SignOff)) = purpose {
            self.place.connection.said(purpose);
            info!(link = %link.terms.name, peer = %self.place.connection.peer, ?purpose, "the peer says");
        }
        true
    }

    fn response(&mut self, message: &Message<'_>, now: Instant) {
        let (link, peer) = (&self.link.terms.name, self.place.connection.peer);
        let answered = match message.mti().class() {
            Class::NetworkManagement => self.ours.answered(message),
            _ => None,
        };
        match answered {
            None => self.link.known.count_unmatched(),
            Some(answered) if answered.accepted => {
                let took = now - answered.sent;
                debug!(%link, %peer, purpose = ?answered.purpose, ?took, "the peer has answered");
            }
            Some(answered) => {
                warn!(%link, %peer, purpose = ?answered.purpose, "the peer refuses; ask whoever runs it");
            }
        }
    }

    /// Sends a request of our own; false where the dialect cannot say it.
    pub(super) fn send(&mut self, purpose: Purpose, now: Instant) -> bool {
        let terms = &self.link.terms;
        let wall_seconds = process::clock::wall_seconds();
        let message = (self.ours).request(terms.profile, &terms.codes, purpose, wall_seconds, now);
        match message {
            Ok(bytes) => {
                self.link.known.count_sent(purpose);
                self.say_and_forget(self.routing, bytes);
                true
            }
            Err(error) => {
                debug!(%error, ?purpose, "it does not encode in this profile");
                false
            }
        }
    }

    /// What waits for the peer's answer.
    pub(super) fn ours(&self) -> &Ours {
        &self.ours
    }

    /// Takes answers that are there; true where there were any.
    pub(super) fn poll_answers(&mut self, cx: &mut Context<'_>) -> bool {
        let before = self.in_flight();
        while let Poll::Ready(Some((routing, answer))) = Pin::new(&mut self.asked).poll_next(cx) {
            if let Some(verdict) = answer {
                self.tell(routing, &verdict);
            }
        }
        if !self.held.is_empty() {
            let released = (self.held).release(cx, &self.link.gateway, &mut self.out);
            for field in released {
                self.unwritten(field);
            }
        }
        let left = self.in_flight();
        if left != before {
            self.place.connection.set_in_flight(left);
        }
        left != before
    }

    /// True where answers are held whose records are not on their way to the disk.
    pub(super) fn is_idle(&self) -> bool {
        self.held.is_idle()
    }

    /// Has the records of all answers that are held made durable.
    pub(super) fn hasten(&mut self) {
        self.held.hasten();
    }

    /// When the first answer that is held comes too late.
    pub(super) fn late_at(&self) -> Option<Instant> {
        self.held.deadline()
    }

    /// Gives up answers that come too late.
    pub(super) fn expire(&mut self, now: Instant) {
        self.held.expire(&self.link.gateway, now);
        self.place.connection.set_in_flight(self.in_flight());
    }

    fn tell(&mut self, routing: Routing, verdict: &Verdict) {
        let profile = self.link.terms.profile;
        ROOM.with_borrow_mut(|room| {
            let length = match verdict.write(profile, room) {
                Ok(answer) => {
                    self.say(routing, answer);
                    answer.len()
                }
                Err(field) => {
                    self.unwritten(field);
                    ANSWER_MAX
                }
            };
            forget(room, length);
        });
    }

    fn say(&mut self, routing: Routing, message: &[u8]) {
        let framing = self.link.terms.framing;
        if self.out.push(framing, routing, message).is_err() {
            self.unwritten(None);
        }
    }

    /// What was decided stands, and the peer never hears of it. Each is counted; one of a connection is
    /// said aloud, so that a peer cannot fill the log.
    fn unwritten(&mut self, field: Option<u8>) {
        self.link.known.count_unwritten();
        if std::mem::replace(&mut self.has_warned, true) {
            return;
        }
        let (link, peer) = (&self.link.terms.name, self.place.connection.peer);
        warn!(
            %link, %peer, field,
            "an answer cannot be written in the link's profile and framing: compare them with the peer's \
             layout, and see holdfast_link_answers_unwritten_total"
        );
    }

    /// An answer may hold card data.
    fn say_and_forget(&mut self, routing: Routing, mut message: Vec<u8>) {
        self.say(routing, &message);
        message.zeroize();
    }

    /// The connection is over: counts it, and gives back what is still worked on.
    pub(super) fn close(self, cause: End) -> FuturesUnordered<Work> {
        self.held.close(&self.link.gateway);
        self.link.known.count_end(cause);
        for purpose in self.ours.unanswered() {
            self.link.known.count_unanswered(purpose);
        }
        self.asked
    }
}

/// Card data does not stay for the next connection to find.
fn forget(room: &mut [u8], used: usize) {
    if let Some(used) = room.get_mut(..used) {
        used.fill(0);
    }
}
