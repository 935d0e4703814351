//! What is behind the lock, and the steps that decide and accept.

use std::collections::HashSet;

use ledger_api::{
    AccountId, Amount, AuthorizationId, CardToken, Cause, GatewayId, Mark, Reason, Reversal,
};

use super::answers::{Answers, approval_code};
use super::completions::Completions;
use super::in_flight::InFlight;
use super::replay::Replay;
use super::{Given, NoAnswer, refused};
use crate::copy::LocalCopy;
use crate::decide::Reasons;
use crate::exposure::{Book, Claim};
use crate::homes::Homes;
use crate::journal::{Answered, AppendError, Appended, Journal, Record, Reversed};
use crate::maps::FastMap;
use crate::policy::Policy;
use crate::velocity::Velocity;
use crate::windows::{ServedTime, Windows};
use crate::words::{
    Accepted, Answer, DecidedBy, LedgerAnswer, NotTaken, Now, Request, completion_id,
};

/// How many ids without an answer are remembered.
const UNANSWERED_MAX: usize = 100_000;

/// Everything that a decision reads or changes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) gateway: GatewayId,
    pub(super) homes: Homes,
    pub(super) policy: Policy,
    pub(super) policy_hash: u64,
    pub(super) journal: Journal,
    pub(super) copy: LocalCopy,
    pub(super) time: ServedTime,
    pub(super) book: Book,
    pub(super) windows: Windows,
    pub(super) velocity: Velocity,
    pub(super) answers: Answers,
    pub(super) completions: Completions,
    pub(super) replay: Replay,
    /// What reversals left of their originals, with the record that said so.
    pub(super) reversed: FastMap<AuthorizationId, (u64, Amount)>,
    in_flight: InFlight,
    pub(super) fenced: Option<String>,
    /// True once the journal was compared with what the ledger has seen of it.
    pub(super) seen_by_ledger: bool,
    /// Ids that got no answer because the ledger may hold them and the journal took nothing: a repeat
    /// gets none either until it can be written down.
    pub(super) unanswered: HashSet<AuthorizationId>,
    pub(super) counts: Counts,
}

/// Since the journal was made.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) ledger_approved: u64,
    pub(super) ledger_declined: u64,
    pub(super) stand_in_approved: u64,
    pub(super) stand_in_declined: u64,
    pub(super) told: u64,
    pub(super) acknowledged: u64,
    /// Answered as known already, since the process started.
    pub(super) duplicate: u64,
    pub(super) parked: u64,
}

/// Up to where answers may be given again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    written: u64,
    durable: u64,
}

impl Ready {
    /// True where the record is durable.
    pub(super) fn is_durable(self, seq: u64) -> bool {
        seq <= self.durable
    }

    /// True where the answer's record is as safe as the first answer had to wait for.
    pub(super) fn includes(self, answer: &Answer) -> bool {
        match answer.by {
            DecidedBy::Ledger => answer.seq <= self.written,
            DecidedBy::StandIn | DecidedBy::Network => answer.seq <= self.durable,
        }
    }
}

impl State {
    pub(super) fn new(setup: super::Setup) -> Self {
        Self {
            policy_hash: setup.policy.hash(),
            velocity: Velocity::new(&setup.policy),
            gateway: setup.gateway,
            homes: setup.homes,
            policy: setup.policy,
            journal: setup.journal,
            copy: setup.copy,
            time: ServedTime::default(),
            book: Book::default(),
            windows: Windows::default(),
            answers: Answers::default(),
            completions: Completions::default(),
            replay: Replay::default(),
            reversed: FastMap::default(),
            in_flight: InFlight::default(),
            fenced: None,
            seen_by_ledger: false,
            unanswered: HashSet::new(),
            counts: Counts::default(),
        }
    }

    pub(super) fn ready(&self) -> Ready {
        let (written, durable) = self.journal.ends();
        Ready { written, durable }
    }

    /// The last record that was accepted, written or not.
    pub(super) fn last_seq(&self) -> u64 {
        let in_flight = self.in_flight.last().map_or(0, Appended::seq);
        self.journal.ends().0.max(in_flight)
    }

    /// Has everything that was accepted synced: only what is durable is told to the ledger.
    pub(super) fn hasten(&self) {
        if let Some(appended) = self.in_flight.last() {
            appended.hasten();
        }
    }

    pub(super) fn is_reversed(&self, id: &AuthorizationId) -> bool {
        self.reversed
            .get(id)
            .is_some_and(|(seq, _)| self.replay.waits(*seq))
    }

    /// True where the ledger may hold this id without our having said so. When there are too many to
    /// remember it may be any.
    pub(super) fn is_unanswered(&self, id: &AuthorizationId) -> bool {
        self.unanswered.contains(id) || self.unanswered.len() >= UNANSWERED_MAX
    }

    pub(super) fn record(
        &mut self,
        request: Request,
        ledger: LedgerAnswer,
        now: Now,
    ) -> Result<Given, NoAnswer> {
        self.fetch(&request);
        if let Some(known) = self.answers.get(&request.id) {
            return self.again(known, now);
        }
        let exposure = self.book.charged().total();
        let answered = Answered {
            at_ms: now.boot_ms,
            request,
            account: ledger.account,
            approved: ledger.approved,
            approved_amount: ledger.approved_amount,
            reason: ledger.reason,
            by: DecidedBy::Ledger,
            cause: Cause::None,
            asked: true,
            ledger_declines: false,
            mark: ledger.mark,
            policy_hash: self.policy_hash,
            knowledge_age_ms: self.copy.age_ms(now),
            broken: Reasons::NONE,
            exposure_before: exposure,
            exposure_after: exposure,
        };
        match self.append(Record::Answer(answered)) {
            Ok(appended) => {
                let answer = self.install(&answered, appended.seq());
                Ok(match self.captured(&answer, now.boot_ms)? {
                    Some(captured) => Given::durable(answer, captured),
                    None => Given::written(answer, appended),
                })
            }
            Err(error) if request.captures && ledger.approved => {
                tracing::warn!(%error, "no answer: its capture cannot be written down");
                self.note_unanswered(request.id);
                Err(refused(&error))
            }
            Err(error) => {
                tracing::warn!(%error, "the ledger's answer is passed on without a record");
                self.hold(&answered, 0);
                Ok(Given::now(self.install_unwritten(&answered)))
            }
        }
    }

    pub(super) fn note_unanswered(&mut self, id: AuthorizationId) {
        if self.unanswered.len() < UNANSWERED_MAX {
            self.unanswered.insert(id);
        }
    }

    pub(super) fn accept_advice(
        &mut self,
        request: Request,
        approved: bool,
        approved_amount: Amount,
        now: Now,
    ) -> Result<(Accepted, Option<Appended>), NotTaken> {
        let approved_amount = if approved {
            approved_amount
        } else {
            Amount::ZERO
        };
        let known = self.answers.get(&request.id);
        // What took the money at once is another kind of message: the network completes it (0220).
        if known.is_some_and(|known| known.request.captures) {
            return Err(NotTaken::Conflict);
        }
        // It outranks an answer of ours, not one of the network's own.
        if let Some(known) = known.filter(|known| known.by == DecidedBy::Network) {
            let same = known.approved == approved
                && known.approved_amount == approved_amount
                && known.request.fingerprint == request.fingerprint;
            if !same {
                return Err(NotTaken::Conflict);
            }
            let accepted = Accepted {
                seq: known.seq,
                duplicate: true,
            };
            return Ok((accepted, self.underway(known.seq)));
        }
        let exposure = self.book.charged().total();
        let answered = Answered {
            at_ms: now.boot_ms,
            request,
            account: self.copy.card(&request.card).map(|card| card.account),
            approved,
            approved_amount,
            // The network does not say by which rule; what it says is that we were not asked.
            reason: if approved {
                Reason::Approved
            } else {
                Reason::StandInUnavailable
            },
            by: DecidedBy::Network,
            cause: Cause::NetworkAdvice,
            asked: false,
            ledger_declines: false,
            mark: Mark::default(),
            policy_hash: self.policy_hash,
            knowledge_age_ms: self.copy.age_ms(now),
            broken: Reasons::NONE,
            exposure_before: exposure,
            exposure_after: exposure,
        };
        let appended = self
            .append(Record::Answer(answered))
            .map_err(|error| refused(&error))?;
        let seq = self.install(&answered, appended.seq()).seq;
        Ok((
            Accepted {
                seq,
                duplicate: false,
            },
            Some(appended),
        ))
    }

    /// Takes a reversal; with `captured`, or where it is known that the money was taken at once, of the
    /// capture too.
    pub(super) fn accept_reversal(
        &mut self,
        id: AuthorizationId,
        card: CardToken,
        remaining: Amount,
        captured: bool,
        now: Now,
    ) -> Result<(Accepted, Option<Appended>), NoAnswer> {
        let known = self.answers.get(&id);
        let captured = captured || known.is_some_and(|answer| answer.request.captures);
        let (hold, waits) = self.reverse_one(id, card, remaining, now)?;
        if !captured {
            return Ok((hold, waits));
        }
        let capture = completion_id(&id);
        let (capture, last) = self
            .reverse_one(capture, card, remaining, now)
            .inspect_err(|_| self.journal.nudge())?;
        let accepted = Accepted {
            seq: hold.seq,
            duplicate: hold.duplicate && capture.duplicate,
        };
        Ok((accepted, last.or(waits)))
    }

    fn reverse_one(
        &mut self,
        id: AuthorizationId,
        card: CardToken,
        remaining: Amount,
        now: Now,
    ) -> Result<(Accepted, Option<Appended>), NoAnswer> {
        if let Some((seq, left)) = self
            .reversed
            .get(&id)
            .copied()
            .filter(|(_, l)| *l <= remaining)
        {
            tracing::debug!(%id, left = left.minor(), "the reversal is known");
            let accepted = Accepted {
                seq,
                duplicate: true,
            };
            return Ok((accepted, self.underway(seq)));
        }
        let reversed = Reversed {
            at_ms: now.boot_ms,
            id,
            card,
            remaining,
        };
        let appended = self
            .append(Record::Reversal(reversed))
            .map_err(|error| refused(&error))?;
        let seq = appended.seq();
        self.install_reversal(&reversed, seq);
        Ok((
            Accepted {
                seq,
                duplicate: false,
            },
            Some(appended),
        ))
    }

    /// The record of what is accepted again, while it is not known to be durable.
    pub(super) fn underway(&self, seq: u64) -> Option<Appended> {
        self.in_flight.get(seq)
    }

    /// A known answer, once it is as safe as the first one had to be.
    pub(super) fn again(&mut self, known: Answer, now: Now) -> Result<Given, NoAnswer> {
        if let Some(captured) = self.captured(&known, now.boot_ms)? {
            return Ok(Given::durable(known, captured));
        }
        Ok(match (self.in_flight.get(known.seq), known.by) {
            (None, _) => Given::now(known),
            (Some(appended), DecidedBy::Ledger) => Given::written(known, appended),
            (Some(appended), _) => Given::durable(known, appended),
        })
    }

    /// Appends, and remembers who waits.
    pub(super) fn append(&mut self, record: Record) -> Result<Appended, AppendError> {
        let appended = self.journal.append(record)?;
        let (_, durable) = self.journal.ends();
        self.in_flight.add(&appended, durable);
        Ok(appended)
    }

    /// Takes over an answer that has a record: the same now and after a restart.
    pub(super) fn install(&mut self, answered: &Answered, seq: u64) -> Answer {
        let served_ms = self.time.advance(answered.at_ms);
        let request = &answered.request;
        let mut answer = answered.answer(seq, approval_code(&request.id));
        answer.reversed_to = self
            .reversed
            .get(&request.id)
            .map(|(_, remaining)| *remaining);
        self.answers.put(answer);
        self.count(answered);
        self.hold(answered, seq);
        self.weigh_captures(request.id);
        if answered.by != DecidedBy::Ledger {
            self.counts.told += 1;
            self.replay.push_advice(seq, request.id, served_ms);
        }
        if answered.by == DecidedBy::Ledger && answered.approved {
            self.replay.note_decided(seq, request.id, answered.mark);
        }
        if answered.by == DecidedBy::StandIn && answered.approved {
            self.windows.add(answered, served_ms);
            self.velocity.add(answered, served_ms);
        }
        answer
    }

    pub(super) fn install_unwritten(&mut self, answered: &Answered) -> Answer {
        let mut answer = answered.answer(0, approval_code(&answered.request.id));
        answer.reversed_to = self
            .reversed
            .get(&answered.request.id)
            .map(|(_, left)| *left);
        self.count(answered);
        self.answers.put_unwritten(answer);
        answer
    }

    /// Subtracts what an answer spends until the feed shows it (rule 12).
    fn hold(&mut self, answered: &Answered, seq: u64) {
        let Some(account) = answered.account else {
            return;
        };
        let id = answered.request.id;
        let minor = answered.approved_amount.minor();
        let served_ms = self.time.read(answered.at_ms);
        let claim = match (answered.by, answered.approved) {
            // A credit takes nothing, and gives nothing before the books show it.
            (DecidedBy::StandIn | DecidedBy::Network, true) if answered.is_credit() => return,
            (DecidedBy::StandIn, true) => Claim::Approved {
                minor,
                charge: answered.charge(),
                seq,
            },
            (DecidedBy::StandIn, false) if answered.asked && !answered.ledger_declines => {
                Claim::Unknown {
                    minor: answered.request.amount.minor(),
                    seq,
                }
            }
            (DecidedBy::Network, true) => Claim::Told { minor, seq },
            (DecidedBy::Ledger, true) if !self.shows(account, answered.mark) => Claim::Ledger {
                minor,
                mark: answered.mark,
                served_ms,
            },
            _ => return,
        };
        self.claim(id, account, claim);
    }

    pub(super) fn claim(&mut self, id: AuthorizationId, account: AccountId, claim: Claim) {
        self.book.claim(id, account, claim);
        if let Some((reversal, remaining)) = self.reversed.get(&id).copied() {
            self.book
                .reverse(id, remaining.minor(), reversal, self.replay.waits(reversal));
        }
    }

    /// True where the account's balance includes this mark already.
    fn shows(&self, account: AccountId, mark: Mark) -> bool {
        self.copy.shown(account).is_some_and(|shown| {
            shown.mark.epoch == mark.epoch && mark.position <= shown.mark.position
        })
    }

    /// Takes over a reversal that has a record: the same now and after a restart.
    pub(super) fn install_reversal(&mut self, reversed: &Reversed, seq: u64) {
        let Reversed {
            at_ms,
            id,
            card,
            remaining,
        } = *reversed;
        let served_ms = self.time.advance(at_ms);
        self.counts.told += 1;
        self.reversed.insert(id, (seq, remaining));
        let reversal = Reversal {
            id,
            card,
            remaining_minor: remaining,
            seq,
            traceparent: None,
        };
        self.replay.push_reversal(reversal, served_ms);
        self.answers.reverse(&id, remaining);
        if !self.subtract_refund(id, seq) {
            self.book.reverse(id, remaining.minor(), seq, true);
            self.weigh_reversed(id);
        }
        self.windows.lower(&card, id, remaining.minor());
    }

    fn count(&mut self, answered: &Answered) {
        let counter = match (answered.by, answered.approved) {
            (DecidedBy::Ledger, true) => &mut self.counts.ledger_approved,
            (DecidedBy::Ledger, false) => &mut self.counts.ledger_declined,
            (DecidedBy::StandIn, true) => &mut self.counts.stand_in_approved,
            (DecidedBy::StandIn, false) => &mut self.counts.stand_in_declined,
            (DecidedBy::Network, _) => return,
        };
        *counter += 1;
    }
}
