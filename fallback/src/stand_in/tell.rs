//! Telling the ledger, and hearing that it has taken it.

use ledger_api::{
    Advice, AdviceAnswer, AdviceItem, AdviceOutcome, AdviceSource, Amount, JournalHead, Reason,
};

use super::state::State;
use super::{NoAnswer, outcome_unknown};
use crate::circumstances::Kind;
use crate::journal::{Acknowledged, AppendError, Appended, Record};
use crate::words::{Answer, DecidedBy, Now};

impl State {
    /// Only what is durable is told: the ledger must not know more than this gateway after a crash.
    pub(super) fn pending_advices(&self, max: usize) -> (JournalHead, Vec<AdviceItem>) {
        let head = self.journal.head();
        let durable = self.replay.waiting().filter(|seq| *seq <= head.seq);
        // A journal that was not compared with what the ledger has seen, or that is not the one, must
        // not take its place there (rule 11).
        let told = if self.fenced.is_none() && self.seen_by_ledger {
            head
        } else {
            JournalHead {
                seq: 0,
                hash: 0,
                ..head
            }
        };
        (
            told,
            durable.filter_map(|seq| self.item(seq)).take(max).collect(),
        )
    }

    fn item(&self, seq: u64) -> Option<AdviceItem> {
        match self.replay.reversal(seq) {
            Some(reversal) => Some(AdviceItem::Reversal(reversal.clone())),
            None => match self.answers.at(seq) {
                Some(answer) => Some(AdviceItem::Advice(advice(&answer))),
                None => self.completions.item(seq),
            },
        }
    }

    /// Takes what the ledger said. Returns the last record to wait for.
    pub(super) fn acknowledge(
        &mut self,
        said: &[AdviceAnswer],
        now: Now,
    ) -> Result<Option<Appended>, NoAnswer> {
        let mut last = None;
        let mut failed = None;
        for answer in said {
            if self.replay.id(answer.seq) != Some(answer.id) || !self.replay.waits(answer.seq) {
                continue;
            }
            self.counts.duplicate += u64::from(answer.outcome == AdviceOutcome::Duplicate);
            let parked = match &answer.outcome {
                AdviceOutcome::Applied | AdviceOutcome::Duplicate => None,
                AdviceOutcome::Parked { reason } => Some(*reason),
                AdviceOutcome::Failed { problem } => {
                    tracing::warn!(id = %answer.id, %problem, "the ledger could not take an advice");
                    self.replay.postpone(answer.seq);
                    continue;
                }
            };
            let (seq, mark) = (answer.seq, answer.mark);
            let acknowledged = Acknowledged {
                at_ms: now.boot_ms,
                seq,
                parked,
                mark,
            };
            match self.append(Record::Acknowledged(acknowledged)) {
                Ok(appended) => last = Some(appended),
                // Without a record it is told again after a restart: no second effect.
                Err(AppendError::Full(full)) => tracing::warn!(%full, "not written down"),
                Err(AppendError::Failed(error)) => failed = Some(error),
            }
            self.install_acknowledged(&acknowledged);
            self.settle_entry(answer.id, now);
        }
        match failed {
            Some(failed) => Err(outcome_unknown(failed)),
            None => Ok(last),
        }
    }

    /// Takes over an acknowledgement: the same now and after a restart.
    pub(super) fn install_acknowledged(&mut self, acknowledged: &Acknowledged) {
        let Acknowledged {
            at_ms,
            seq,
            parked,
            mark,
        } = *acknowledged;
        let served_ms = self.time.advance(at_ms);
        if self.replay.retell_decided(seq, served_ms) {
            self.counts.told += 1;
        }
        let Some(id) = self.replay.id(seq) else {
            return;
        };
        // Once per record, however many epochs of the ledger have taken it.
        if self.replay.waits(seq) {
            self.counts.acknowledged += 1;
        } else if self.replay.is_parked(seq) {
            self.counts.parked = self.counts.parked.saturating_sub(1);
        }
        self.replay.take(seq, mark, parked.is_some());
        if let Some(reason) = parked {
            self.counts.parked += 1;
            note_parked(seq, reason);
        }
        self.book.acknowledge(id, seq, mark, parked.is_some());
    }
}

fn note_parked(seq: u64, reason: Reason) {
    tracing::warn!(seq, %reason, "the ledger has parked an advice: it waits for a person");
}

/// What the ledger is to hold. Of a credit nothing: its money moves when it is completed.
fn booked(answer: &Answer) -> Amount {
    let credit = answer.request.circumstances.kind == Kind::Credit;
    if credit && answer.by != DecidedBy::Ledger {
        return Amount::ZERO;
    }
    answer.approved_amount
}

fn advice(answer: &Answer) -> Advice {
    let request = &answer.request;
    Advice {
        id: request.id,
        card: request.card,
        requested_minor: request.amount,
        approved_minor: booked(answer),
        approved: answer.approved,
        currency: request.currency,
        fingerprint: request.fingerprint,
        source: match answer.by {
            DecidedBy::Network => AdviceSource::Network,
            DecidedBy::StandIn | DecidedBy::Ledger => AdviceSource::StandIn,
        },
        reason: answer.reason,
        cause: answer.cause,
        seq: answer.seq,
        original: None,
        exponent: None,
        traceparent: None,
    }
}
