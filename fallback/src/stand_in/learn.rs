//! Learning from the ledger, letting go of what it shows, and refusing to go on without a journal.

use std::collections::BTreeSet;

use ledger_api::{AccountId, Amount, AuthorizationId, Change, FeedPage, JournalHead, Mark};

use super::state::State;
use crate::exposure::Left;
use crate::journal::{Covered, Record};
use crate::words::Now;

impl State {
    pub(super) fn apply_feed(&mut self, page: &FeedPage, now: Now) {
        let mut accounts: BTreeSet<_> = self.copy.apply(page, now).into_iter().collect();
        if let Some(mark) = self.copy.mark() {
            accounts.extend(self.book.passed(mark, self.time.read(now.boot_ms)));
        }
        self.settle(accounts, now);
    }

    pub(super) fn heard(&mut self, now: Now) {
        self.copy.heard(now);
    }

    pub(super) fn replace_listing(&mut self, mark: Mark, states: Vec<Change>, now: Now) {
        self.copy.replace(mark, states, now);
        self.tell_again(mark.epoch);
        self.settle(self.book.accounts(), now);
    }

    /// A restored ledger may have lost what another epoch of it acknowledged: it is told again
    /// (rule 22), and its old marks prove nothing.
    pub(super) fn tell_again(&mut self, epoch: u64) {
        let again = self.replay.reopen_other_epochs(epoch);
        if !again.is_empty() {
            tracing::warn!(
                epoch,
                records = again.len(),
                "telling a new epoch of the ledger again"
            );
        }
        for (seq, id) in again {
            self.counts.acknowledged = self.counts.acknowledged.saturating_sub(1);
            self.book.reopen(id, seq);
        }
    }

    pub(super) fn settle_entry(&mut self, id: AuthorizationId, now: Now) {
        self.settle(self.book.account(id), now);
    }

    /// Lets go of what the feed shows on these accounts, and writes down what left the exposure.
    pub(super) fn settle(&mut self, accounts: impl IntoIterator<Item = AccountId>, now: Now) {
        let served_ms = self.time.read(now.boot_ms);
        let mut left = Vec::new();
        for account in accounts {
            if let Some(shown) = self.copy.shown(account) {
                left.extend(self.book.settle(account, shown, served_ms));
            }
        }
        for Left { seq, shortfall, .. } in &left {
            if *shortfall > 0 {
                tracing::warn!(seq, shortfall, "overdraft realised by a stand-in approval");
            }
            let shortfall = Amount::new(*shortfall).unwrap_or(Amount::MAX);
            let covered = Covered {
                at_ms: now.boot_ms,
                seq: *seq,
                shortfall,
            };
            if let Err(error) = self.append(Record::Covered(covered)) {
                tracing::warn!(%error, seq, "not written down: settled again after a restart");
            }
        }
        self.copy.save(&left, now);
    }

    pub(super) fn fence(&mut self, why: String) {
        if self.fenced.is_none() {
            tracing::error!(why, "stand-in is fenced");
            self.fenced = Some(why);
        }
    }

    pub(super) fn last_seen_check(&mut self, ledger_head: Option<JournalHead>) {
        let Some(seen) = ledger_head else { return };
        let ours = self.journal.head();
        let why = if seen.epoch != ours.epoch {
            format!(
                "the ledger knows the journal {:016x}, this is {:016x}",
                seen.epoch, ours.epoch
            )
        } else if seen.seq > ours.seq {
            format!(
                "the ledger has seen record {}, this journal ends at {}",
                seen.seq, ours.seq
            )
        } else if seen.seq == 0 {
            return;
        } else {
            match self.journal.hash_at(seen.seq) {
                Ok(Some(hash)) if hash == seen.hash => return,
                Ok(_) => format!(
                    "record {} is not the one that the ledger has seen",
                    seen.seq
                ),
                Err(error) => format!("record {} cannot be read: {error}", seen.seq),
            }
        };
        self.fence(format!(
            "the journal was lost or rolled back: {why}; bring the newest one back, or have an \
             operator grant a new epoch"
        ));
    }
}
