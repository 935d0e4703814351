//! How stand-in is, for status pages and for whoever checks a run.

use ledger_api::{Currency, GatewayId};
use serde::Serialize;

use super::state::State;
use crate::words::Now;

/// The part of a gateway's status that belongs to stand-in. Amounts are minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// This gateway.
    pub gateway: GatewayId,
    /// Digest of the policy in force, as 16 hexadecimal digits.
    pub policy_hash: String,
    /// The currency of the amounts.
    pub currency: Currency,
    /// Approved by stand-in and not yet covered.
    pub exposure_minor: i64,
    /// The most that exposure and realised overdraft together ever were, since the start.
    pub exposure_peak_minor: i64,
    /// The cap of exposure and realised overdraft together (I5).
    pub exposure_max_minor: i64,
    /// The fleet's caps together.
    pub bound_minor: i64,
    /// Overdraft caused by stand-in, charged until a person clears it (rule 14).
    pub realised_minor: i64,
    /// Records that the ledger has to be told.
    pub backlog: u64,
    /// For how long the record that is told next has waited, in milliseconds that this gateway was
    /// up; absent for none.
    pub backlog_age_ms: Option<u64>,
    /// Records that it had to be told since the journal was made.
    pub advices_written: u64,
    /// Those that it has acknowledged, in its current epoch.
    pub advices_acknowledged: u64,
    /// Those of them that the ledger had already, since the process started: told again after an
    /// acknowledgement was lost, and booked once.
    pub advices_duplicate: u64,
    /// Those that it has parked.
    pub parked: u64,
    /// Why there is no stand-in, if it is fenced.
    pub fenced: Option<String>,
    /// What is known.
    pub knowledge: Knowledge,
    /// The journal.
    pub journal: JournalState,
    /// Decided by this gateway since the journal was made.
    pub stand_in: Verdicts,
    /// Decided by the ledger since the journal was made.
    pub ledger: Verdicts,
}

/// What is known of cards and balances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Knowledge {
    /// How many cards.
    pub cards: u64,
    /// How many accounts.
    pub accounts: u64,
    /// Milliseconds since the ledger was heard; absent for never.
    pub age_ms: Option<u64>,
    /// The ledger's epoch; zero before the first listing.
    pub epoch: u64,
    /// Complete up to this position of its feed.
    pub position: u64,
    /// True once a complete listing has been received.
    pub listed: bool,
    /// Why the file behind it is not written, if it is not.
    pub error: Option<String>,
}

/// How the journal is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JournalState {
    /// Drawn when it was made.
    pub epoch: u64,
    /// The last written record.
    pub seq: u64,
    /// The last durable record.
    pub synced_seq: u64,
    /// True where a write or a sync has failed (rule 10).
    pub poisoned: bool,
    /// Why its next segment cannot be made, if it cannot.
    pub full: Option<String>,
    /// True where it is full and has no room left in its current segment either: new decisions may
    /// not be accepted.
    pub exhausted: bool,
    /// Bytes of all its segments.
    pub bytes: u64,
    /// Writes since the process started, of a group of records each.
    pub writes: u64,
    /// Syncs since the process started, each of everything written until then.
    pub syncs: u64,
}

/// How many of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Verdicts {
    /// Approvals.
    pub approved: u64,
    /// Declines.
    pub declined: u64,
}

impl State {
    pub(super) fn status(&mut self, now: Now) -> Status {
        self.note_age(now);
        let charged = self.book.charged();
        let counts = &self.counts;
        let served_ms = self.time.read(now.boot_ms);
        Status {
            gateway: self.gateway.clone(),
            policy_hash: format!("{:016x}", self.policy_hash),
            currency: self.policy.currency(),
            exposure_minor: charged.exposure,
            exposure_peak_minor: charged.peak,
            exposure_max_minor: self.policy.gateway_exposure_max().minor(),
            bound_minor: self.policy.bound_minor(&self.homes),
            realised_minor: charged.realised,
            backlog: self.replay.len() as u64,
            backlog_age_ms: (self.replay.next_since_ms())
                .map(|since_ms| served_ms.saturating_sub(since_ms)),
            advices_written: counts.told,
            advices_acknowledged: counts.acknowledged,
            advices_duplicate: counts.duplicate,
            parked: counts.parked,
            fenced: self.fenced.clone(),
            knowledge: self.knowledge(now),
            journal: self.journal_state(),
            stand_in: Verdicts {
                approved: counts.stand_in_approved,
                declined: counts.stand_in_declined,
            },
            ledger: Verdicts {
                approved: counts.ledger_approved,
                declined: counts.ledger_declined,
            },
        }
    }

    fn knowledge(&self, now: Now) -> Knowledge {
        let (cards, accounts) = self.copy.counts();
        let mark = self.copy.mark();
        Knowledge {
            cards: cards as u64,
            accounts: accounts as u64,
            age_ms: Some(self.copy.age_ms(now)).filter(|age| *age != u64::MAX),
            epoch: mark.map_or(0, |mark| mark.epoch),
            position: mark.map_or(0, |mark| mark.position),
            listed: mark.is_some(),
            error: self.copy.error(),
        }
    }

    fn journal_state(&self) -> JournalState {
        let journal = self.journal.status();
        JournalState {
            epoch: journal.epoch,
            seq: journal.seq,
            synced_seq: journal.synced_seq,
            poisoned: journal.poisoned.is_some(),
            full: journal.full,
            exhausted: journal.exhausted,
            bytes: journal.bytes,
            writes: journal.writes,
            syncs: journal.syncs,
        }
    }
}
