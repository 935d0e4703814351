//! Captures and refunds: always taken, told to the ledger, and outside the bound (rule 18).
//!
//! A capture lowers what is locally available until the feed has passed it, by what its authorization
//! does not hold: the hold is subtracted already, here or in the balance. What several captures of one
//! authorization take of it is counted in the order in which they came; after the last one it holds
//! nothing. Of an authorization that was answered elsewhere nothing is known to be held. A refund adds
//! nothing until the feed shows it, and what is taken back of one is subtracted at once.
//!
//! An approval that takes the money at once (0200) is an answer and a capture, written in this order under
//! one lock. It is told to the network once both are durable, whoever approved it: otherwise money that
//! was promised could be held and never taken.

use ledger_api::{AdviceItem, AuthorizationId, Capture, Refund};

use super::refused;
use super::state::{Ready, State};
use crate::exposure::Claim;
use crate::journal::{AppendError, Appended, Completed, Record};
use crate::maps::FastMap;
use crate::words::{
    Accepted, Answer, Completion, Found, Movement, NoAnswer, NotTaken, Now, Reference,
    completion_id,
};

/// Everything that was completed, for as long as its records stay in the journal.
#[derive(Debug, Default)]
pub(super) struct Completions {
    by_seq: FastMap<u64, Completed>,
    records: FastMap<AuthorizationId, u64>,
    /// Captures of each original, in the order in which they came.
    captures: FastMap<AuthorizationId, Vec<AuthorizationId>>,
}

impl Completions {
    /// What was told under this id, and its record.
    fn get(&self, id: &AuthorizationId) -> Option<(u64, &Completed)> {
        let seq = *self.records.get(id)?;
        Some((seq, self.by_seq.get(&seq)?))
    }

    /// What was told in this record.
    pub(super) fn at(&self, seq: u64) -> Option<&Completed> {
        self.by_seq.get(&seq)
    }

    fn put(&mut self, completed: Completed, seq: u64) {
        let Completion {
            id, of, movement, ..
        } = completed.completion;
        self.by_seq.insert(seq, completed);
        self.records.insert(id, seq);
        if movement == Movement::Capture {
            self.captures.entry(of.unwrap_or(id)).or_default().push(id);
        }
    }

    /// What the ledger is told of a record.
    pub(super) fn item(&self, seq: u64) -> Option<AdviceItem> {
        let Completion {
            id,
            of,
            movement,
            card,
            amount: amount_minor,
            currency,
            more,
            fingerprint,
        } = self.at(seq)?.completion;
        Some(match movement {
            Movement::Capture => AdviceItem::Capture(Capture {
                id,
                of,
                card,
                amount_minor,
                currency,
                more,
                fingerprint,
                seq,
                exponent: None,
                traceparent: None,
            }),
            Movement::Refund => AdviceItem::Refund(Refund {
                id,
                of,
                card,
                amount_minor,
                currency,
                fingerprint,
                seq,
                exponent: None,
                traceparent: None,
            }),
        })
    }
}

impl State {
    /// Where an approval takes the money at once, the capture that belongs to it: `None` where none
    /// does. It is written down behind the answer, which is given once both are durable; where there is
    /// no capture yet, after a crash between the two, it is written now.
    fn capture_at_once(
        &mut self,
        answer: &Answer,
        at_ms: u64,
    ) -> Result<Option<Appended>, AppendError> {
        let Some(id) = captured_by(answer) else {
            return Ok(None);
        };
        if let Some((seq, _)) = self.completions.get(&id) {
            return Ok(self.underway(seq));
        }
        let request = &answer.request;
        let completed = Completed {
            at_ms,
            completion: Completion {
                id,
                of: Some(request.id),
                movement: Movement::Capture,
                card: request.card,
                amount: answer.approved_amount,
                currency: request.currency,
                more: false,
                fingerprint: request.fingerprint,
            },
            account: self.account(&request.card),
        };
        let appended = self.append(Record::Completion(completed))?;
        let seq = appended.seq();
        self.install_completion(completed, seq);
        Ok(Some(appended))
    }

    /// What is to be waited for beside the answer.
    pub(super) fn captured(
        &mut self,
        answer: &Answer,
        at_ms: u64,
    ) -> Result<Option<Appended>, NoAnswer> {
        self.capture_at_once(answer, at_ms).map_err(|error| {
            tracing::warn!(%error, "no answer: its capture cannot be written down");
            // Nobody waits for the answer's own record.
            self.journal.nudge();
            refused(&error)
        })
    }

    /// True where the answer may be given again: it, and the capture that belongs to it, are as safe as
    /// they had to be the first time.
    pub(super) fn may_give(&self, answer: &Answer, ready: Ready) -> bool {
        let captured = captured_by(answer).is_none_or(|id| {
            let capture = self.completions.get(&id);
            capture.is_some_and(|(seq, _)| ready.is_durable(seq))
        });
        captured && ready.includes(answer)
    }

    /// Captures whose answer was written and they were not: the machine stopped in between.
    pub(super) fn capture_what_is_left(&mut self, at_ms: u64) -> Result<(), AppendError> {
        let left: Vec<_> = (self.answers.after(0))
            .filter(|answer| {
                captured_by(answer).is_some_and(|id| self.completions.get(&id).is_none())
            })
            .copied()
            .collect();
        for answer in left {
            // The network's word may have come over it.
            if let Some(stands) = self.answers.get(&answer.request.id) {
                self.capture_at_once(&stands, at_ms)?;
            }
        }
        // They are told once they are durable, and nobody waits for that.
        self.hasten();
        Ok(())
    }

    /// The authorization to which these references belong. Those of this amount are meant; where an
    /// amount is only a hint, one that is alone is meant whatever its amount.
    pub(super) fn find_original(&self, reference: &Reference, amount: Sought) -> Found {
        match self.answers.referred(reference, Some(amount.minor())) {
            Found::Nothing if matches!(amount, Sought::Rather(_)) => {
                self.answers.referred(reference, None)
            }
            found => found,
        }
    }

    pub(super) fn accept_completion(
        &mut self,
        completion: Completion,
        now: Now,
    ) -> Result<(Accepted, Option<Appended>), NotTaken> {
        let completion = plain(completion);
        if let Some(known) = self.taken_at_once(&completion) {
            return known;
        }
        if let Some((seq, known)) = self.completions.get(&completion.id) {
            if !completion.repeats(&known.completion) {
                return Err(NotTaken::Conflict);
            }
            let accepted = Accepted {
                seq,
                duplicate: true,
            };
            return Ok((accepted, self.underway(seq)));
        }
        let completed = Completed {
            at_ms: now.boot_ms,
            completion,
            account: self.account(&completion.card),
        };
        let appended = self
            .append(Record::Completion(completed))
            .map_err(|error| refused(&error))?;
        let seq = appended.seq();
        self.install_completion(completed, seq);
        let accepted = Accepted {
            seq,
            duplicate: false,
        };
        Ok((accepted, Some(appended)))
    }

    /// Where a capture names an approval that took its money at once, it tells of that capture and not of
    /// another one: `None` where it does not.
    fn taken_at_once(
        &self,
        completion: &Completion,
    ) -> Option<Result<(Accepted, Option<Appended>), NotTaken>> {
        if completion.movement != Movement::Capture {
            return None;
        }
        let answer = self.answers.get(&completion.of?)?;
        let (seq, taken) = self.completions.get(&captured_by(&answer)?)?;
        let Completion {
            card,
            amount,
            currency,
            ..
        } = taken.completion;
        if (card, amount, currency) != (completion.card, completion.amount, completion.currency) {
            return Some(Err(NotTaken::Conflict));
        }
        let accepted = Accepted {
            seq,
            duplicate: true,
        };
        Some(Ok((accepted, self.underway(seq))))
    }

    /// Takes over a completion that has a record: the same now and after a restart.
    pub(super) fn install_completion(&mut self, completed: Completed, seq: u64) {
        let served_ms = self.time.advance(completed.at_ms);
        self.counts.told += 1;
        let id = completed.completion.id;
        let completion = plain(completed.completion);
        let completed = Completed {
            completion,
            ..completed
        };
        self.completions.put(completed, seq);
        self.replay.push_advice(seq, id, served_ms);
        self.subtract_capture(seq);
    }

    /// Subtracts what a capture takes until the feed shows it (rules 12, 18). It is not exposure.
    pub(super) fn subtract_capture(&mut self, seq: u64) {
        let Some(Completed {
            completion,
            account: Some(account),
            ..
        }) = self.completions.at(seq).copied()
        else {
            return;
        };
        if completion.movement == Movement::Capture {
            let minor = completion.amount.minor();
            self.claim(completion.id, account, Claim::Told { minor, seq });
            self.weigh_captures(completion.of.unwrap_or(completion.id));
        }
    }

    /// Subtracts what this reversal takes back of a refund, until the feed shows it: the balance may
    /// have the refund already. False where it is no reversal of a refund.
    pub(super) fn subtract_refund(&mut self, id: AuthorizationId, reversal: u64) -> bool {
        let left = self.reversed.get(&id).filter(|(seq, _)| *seq == reversal);
        let known = self.completions.get(&id).map(|(_, known)| *known);
        let refund = known.filter(|known| known.completion.movement == Movement::Refund);
        let (Some((_, left)), Some(refund)) = (left, refund) else {
            return false;
        };
        if let Some(account) = refund.account {
            let minor = (refund.completion.amount.minor() - left.minor()).max(0);
            let seq = reversal;
            self.book.claim(id, account, Claim::Told { minor, seq });
        }
        true
    }

    /// An authorization or a capture was reversed.
    pub(super) fn weigh_reversed(&mut self, id: AuthorizationId) {
        let known = self.completions.get(&id);
        let of = known.and_then(|(_, it)| it.completion.of);
        self.weigh_captures(of.unwrap_or(id));
    }

    /// What is known of an authorization has changed: counts again what its captures take beyond what
    /// it holds.
    pub(super) fn weigh_captures(&mut self, of: AuthorizationId) {
        let Some(captures) = self.completions.captures.get(&of) else {
            return;
        };
        let mut held = self.answers.get(&of).map_or(0, |answer| {
            let left = self.reversed.get(&of).map(|(_, left)| *left);
            let approved = answer.approved_amount;
            left.map_or(approved, |left| left.min(approved)).minor()
        });
        for capture in captures {
            let Some((_, completed)) = self.completions.get(capture) else {
                continue;
            };
            let Completion { amount, more, .. } = completed.completion;
            let left = self.reversed.get(capture).map(|(_, left)| *left);
            let taken = left.map_or(amount, |left| left.min(amount)).minor();
            let beyond = (taken - held).max(0);
            held = if more { (held - taken).max(0) } else { 0 };
            self.book.owe(*capture, beyond);
        }
    }
}

/// Of a refund nobody asks whether more follow, though a caller may say so.
fn plain(completion: Completion) -> Completion {
    Completion {
        more: completion.more && completion.movement == Movement::Capture,
        ..completion
    }
}

/// The id of the capture that an answer must have: of an approval of ours that takes the money at once.
fn captured_by(answer: &Answer) -> Option<AuthorizationId> {
    let captures = answer.approved && answer.request.captures;
    captures.then(|| completion_id(&answer.request.id))
}

/// The amount of an original that is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sought {
    /// It has this one.
    Exactly(i64),
    /// One that has it is meant rather than another one.
    Rather(i64),
}

impl Sought {
    fn minor(self) -> i64 {
        match self {
            Self::Exactly(minor) | Self::Rather(minor) => minor,
        }
    }
}
