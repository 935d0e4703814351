//! The short way to an answer: for an authorization that waits for nothing but the journal.
//!
//! While nobody may ask the ledger, stand-in decides at once, and what is left is to wait for the disk,
//! which many answers do together. So whoever takes messages one after the other decides here, without a
//! task or a timer of its own for each, and holds the answers back until their records are durable.
//!
//! | what [`Gateway::authorize`] does | and the short way |
//! |---|---|
//! | one lane per id | the same lane, held until the record is durable or never will be |
//! | repeat, join, reversed before, wrong PIN, a client's key | not this way |
//! | what operators have ordered | not this way; nor where stand-in is switched off for a tripped breaker |
//! | ask the ledger | only where the breaker refuses everybody: who may probe goes the long way |
//! | stand in, count, let in | the same |
//! | the budget | [`Decided::deadline`], which whoever holds the answers keeps |
//! | spans and the log's lines | not this way, where somebody would see them |

use std::time::Duration;

use fallback::journal::{Appended, Progress};
use fallback::{Answer, NoAnswer, Request};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use ledger_api::{AuthorizationId, Cause};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::authorize::{Gateway, Reply, now};
use crate::door::Door;
use crate::lanes::{Entrance, Guard};
use crate::metrics::labels::{self, AnswerLabels, End, Outcome, Wait};
use crate::traces::Arrival;

/// An authorization that is decided. Its answer may go out once its record is durable, and whoever holds
/// it says what became of it.
#[must_use = "whoever holds it says whether its answer went out"]
pub struct Decided {
    record: Option<Appended>,
    id: AuthorizationId,
    labels: AnswerLabels,
    end: End,
    began: Instant,
    decided: Instant,
    budget: Duration,
    /// The door it came through, until the caller has its answer, or knows that there is none.
    caller: Option<(labels::Door, OwnedSemaphorePermit)>,
    _lane: Guard,
}

impl Gateway {
    /// Decides an authorization that came through `door` and whose message began to be read at `began`,
    /// where nothing but the journal has to be waited for; `None` where it has to go the long way, and
    /// nothing has happened.
    ///
    /// # Errors
    /// It gets no answer. That is counted.
    pub fn at_once(
        &self,
        request: &Request,
        through: (&Door, labels::Door),
        began: Instant,
    ) -> Option<Result<(Answer, Decided), NoAnswer>> {
        let parts = self.parts();
        let time = now();
        let is_plain = request.alias == 0 && !request.verification.has_failed();
        if !is_plain || !parts.breaker.refuses(time.boot_ms) || Arrival::is_seen(self, &request.id)
        {
            return None;
        }
        let is_ordered = parts.orders.ruling(request, time.boot_ms).is_some();
        if is_ordered || !parts.stand_in_on.has(Cause::BreakerTripped) {
            return None;
        }
        let Entrance::Entered(lane) = parts.lanes.enter(request.id) else {
            return None;
        };
        // Nothing becomes known of it from here on: whoever writes it down is in the lane.
        if !parts.stand_in.is_new(&request.id) {
            return None;
        }
        let (door, name) = through;
        let admitted = door.try_admit().ok()?;
        let metrics = &parts.metrics;
        metrics.not_asked();
        let decided = Instant::now();
        let given = (parts.stand_in).decide_now(*request, Cause::BreakerTripped, false, time);
        let (answer, record) = match given {
            Ok(given) => given.apart(),
            Err(no_answer) => {
                let end = Outcome::NoAnswer.alone();
                metrics.waited(Wait::Durable, decided.elapsed());
                metrics.authorized(end.at(name), request.id, began.elapsed());
                return Some(Err(no_answer));
            }
        };
        let reply = Ok(Reply {
            answer,
            duplicate: false,
        });
        let decided = Decided {
            record,
            id: request.id,
            labels: AnswerLabels::of(&answer),
            end: End::of(&reply),
            began,
            decided,
            budget: parts.budgets.total,
            caller: Some((name, admitted)),
            _lane: lane,
        };
        Some(Ok((answer, decided)))
    }

    /// Sees to the end of what nobody waits for any more; the last one has the last record.
    pub fn see_to(&self, left: Vec<Decided>) {
        let Some(last) = left.last() else {
            return;
        };
        // Nobody else may be on the way to the disk.
        if let Some(record) = last.record() {
            record.hasten();
        }
        let gateway = self.clone();
        self.parts().work.spawn(async move {
            // Each has a deadline of its own: after it none keeps its place at the door.
            let all = left.into_iter().map(|one| one.seen_to(&gateway));
            let mut all: FuturesUnordered<_> = all.collect();
            while all.next().await.is_some() {}
        });
    }
}

impl Decided {
    /// How far its record has come; durable where it has none, which is a decline that risks nothing.
    pub fn progress(&self) -> Progress {
        let record = self.record.as_ref();
        record.map_or(Progress::Durable, Appended::progress)
    }

    /// Its record, where it has one.
    pub fn record(&self) -> Option<&Appended> {
        self.record.as_ref()
    }

    /// After this nobody waits for the answer.
    pub fn deadline(&self) -> Instant {
        self.began + self.budget
    }

    /// The record is durable, and the answer goes out.
    pub fn answered(mut self, gateway: &Gateway, now: Instant) {
        self.kept(gateway, now);
        self.told(gateway, self.end, now);
    }

    /// Nobody knows whether the record is durable: there is no answer (rule 10).
    pub fn unanswered(mut self, gateway: &Gateway, now: Instant) {
        self.waited(gateway, now);
        self.told(gateway, Outcome::NoAnswer.alone(), now);
    }

    /// The caller waits no longer. What is left is for [`Gateway::see_to`].
    pub fn late(mut self, gateway: &Gateway, now: Instant) -> Self {
        self.told(gateway, Outcome::NoAnswer.alone(), now);
        self
    }

    async fn seen_to(mut self, gateway: &Gateway) {
        if let Some(record) = self.record.clone() {
            let deadline = self.deadline();
            if timeout_at(deadline, record.settled()).await.is_err() {
                self = self.late(gateway, Instant::now());
                record.settled().await;
            }
        }
        let now = Instant::now();
        match self.progress() {
            Progress::Durable => self.answered(gateway, now),
            Progress::Underway | Progress::Unknown => self.unanswered(gateway, now),
        }
    }

    fn kept(&self, gateway: &Gateway, now: Instant) {
        self.waited(gateway, now);
        gateway.parts().metrics.first_answer(self.labels);
    }

    fn waited(&self, gateway: &Gateway, now: Instant) {
        let waited = now.saturating_duration_since(self.decided);
        gateway.parts().metrics.waited(Wait::Durable, waited);
    }

    /// Counts what the caller got, once.
    fn told(&mut self, gateway: &Gateway, end: End, now: Instant) {
        if let Some((door, _admitted)) = self.caller.take() {
            let took = now.saturating_duration_since(self.began);
            let metrics = &gateway.parts().metrics;
            metrics.authorized(end.at(door), self.id, took);
        }
    }
}
