//! Captures and refunds: always taken, told to the ledger, and outside the bound (rule 18).
//!
//! A capture lowers what is locally available until the feed has passed it, by what its authorization
//! does not hold: the hold is subtracted already, here or in the balance. What several captures of one
//! authorization take of it is counted in the order in which they came; after the last one it holds
//! nothing. Of an authorization that was answered elsewhere nothing is known to be held. A refund adds
//! nothing until the feed shows it.

use std::collections::HashMap;

use ledger_api::{AdviceItem, AuthorizationId, Capture, Refund};

use super::refused;
use super::state::State;
use crate::exposure::Claim;
use crate::journal::{Appended, Completed, Record};
use crate::words::{Accepted, Completion, Found, Movement, NotTaken, Now, Reference};

/// Everything that was completed, for as long as its records stay in the journal.
#[derive(Debug, Default)]
pub(super) struct Completions {
    by_seq: HashMap<u64, Completed>,
    records: HashMap<AuthorizationId, u64>,
    /// Captures of each original, in the order in which they came.
    captures: HashMap<AuthorizationId, Vec<AuthorizationId>>,
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
        let known = self.copy.card(&completion.card).map(|card| card.account);
        let completed = Completed {
            at_ms: now.boot_ms,
            completion,
            account: known.or_else(|| self.accounts.get(&completion.card).copied()),
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

    /// Takes over a completion that has a record: the same now and after a restart.
    pub(super) fn install_completion(&mut self, completed: Completed, seq: u64) {
        let served_ms = self.time.advance(completed.at_ms);
        self.counts.told += 1;
        let id = completed.completion.id;
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
