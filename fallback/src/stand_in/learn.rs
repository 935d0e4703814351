//! Learning from the ledger, letting go of what it shows, and refusing to go on without a journal.

use std::collections::BTreeSet;

use ledger_api::{AccountId, Amount, AuthorizationId, Change, FeedPage, JournalHead, Mark};

use super::state::State;
use crate::circumstances::Kind;
use crate::copy::RolledBack;
use crate::exposure::{Claim, Left};
use crate::journal::{Covered, Record};
use crate::words::{Answer, DecidedBy, Now};

impl State {
    pub(super) fn apply_feed(&mut self, page: &FeedPage, now: Now) {
        let mut accounts: BTreeSet<_> = self.copy.apply(page, now).into_iter().collect();
        if let Some(mark) = self.copy.mark() {
            accounts.extend(self.book.passed(mark, self.time.read(now.boot_ms)));
        }
        self.settle(accounts, now);
    }

    pub(super) fn heard(&mut self, now: Now) {
        self.note_journal();
        self.copy.heard(now);
    }

    /// Writes down now and then how old the knowledge is, and how far the journal.
    pub(super) fn note_age(&mut self, now: Now) {
        if self.copy.is_age_due(now) {
            self.note_journal();
            self.copy.note_age(now);
        }
    }

    /// Hands the durable end of the journal to the copy; not of one that is not to be trusted. What is
    /// written and not synced does not count: a power cut may lose it, and that is no loss.
    fn note_journal(&mut self) {
        if self.fenced.is_none() {
            self.copy.note_journal(self.journal.head());
        }
    }

    pub(super) fn replace_listing(&mut self, mark: Mark, states: Vec<Change>, now: Now) {
        match self.copy.replace(mark, states, now) {
            None => self.tell_again(whole(mark.epoch), now),
            Some(reached) => {
                tracing::error!(
                    epoch = mark.epoch,
                    position = mark.position,
                    reached = reached.position,
                    "the ledger was rolled back without a new epoch: what it has acknowledged since \
                     is told again; start a restored ledger with --restored"
                );
                // Where it was rolled back to nobody knows: it may have written on before this listing.
                // So no acknowledgement of the epoch is believed; telling again has no second effect.
                let nothing = Mark {
                    position: 0,
                    ..mark
                };
                let seq = self.last_seq();
                self.copy.note_rolled_back(RolledBack { to: nothing, seq });
                self.book.disprove(nothing);
                self.tell_again(nothing, now);
            }
        }
        self.settle(self.book.unsettled(), now);
    }

    /// A restored ledger may have lost what it had acknowledged under another epoch, or after this
    /// mark: it is told again (rule 22), and what stand-in approved is exposure until it has it again.
    /// So are its own approvals: the network was told them, and their journal records are all that is
    /// left of them.
    pub(super) fn tell_again(&mut self, proven: Mark, now: Now) {
        let again = self.replay.reopen(proven, self.time.read(now.boot_ms));
        if !again.is_empty() {
            tracing::warn!(
                epoch = proven.epoch,
                records = again.len(),
                "telling a restored ledger again"
            );
            // The ledger's own answers were written, and nobody has waited for their sync.
            self.hasten();
        }
        for taken in again {
            if taken.first {
                self.counts.told += 1;
            } else {
                self.counts.acknowledged = self.counts.acknowledged.saturating_sub(1);
            }
            if taken.parked {
                // Charged already, and for good (rule 14).
                self.counts.parked = self.counts.parked.saturating_sub(1);
                self.book.reopen(taken.id, taken.seq);
            } else {
                self.claim_again(taken.id, taken.seq);
            }
        }
    }

    /// A record has to be told again: what it approved is spent as if it had just been.
    pub(super) fn claim_again(&mut self, id: AuthorizationId, seq: u64) {
        // A credit takes nothing.
        let spends = |answer: &Answer| {
            let credit = answer.request.circumstances.kind == Kind::Credit;
            answer.approved && (!credit || answer.by == DecidedBy::Ledger)
        };
        let approved = self.answers.at(seq).filter(spends);
        let Some(answer) = approved else {
            self.book.reopen(id, seq);
            self.subtract_capture(seq);
            self.subtract_refund(id, seq);
            return;
        };
        let card = &answer.request.card;
        let weighed = self.windows.account(card);
        let Some(account) = self
            .book
            .account(id)
            .or(weighed)
            .or_else(|| self.copy.card(card).map(|card| card.account))
        else {
            return;
        };
        let minor = answer.approved_amount.minor();
        let claim = match answer.by {
            DecidedBy::StandIn => {
                let rate = self.policy.rate(answer.request.currency);
                let charge = rate.map_or(minor, |rate| rate.charge(minor));
                Claim::Approved { minor, charge, seq }
            }
            DecidedBy::Network | DecidedBy::Ledger => Claim::Told { minor, seq },
        };
        self.claim(id, account, claim);
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
        if !left.is_empty() {
            self.journal.nudge();
        }
        self.note_journal();
        self.copy.save(&left, now);
    }

    pub(super) fn fence(&mut self, why: String) {
        if self.fenced.is_none() {
            tracing::error!(why, "stand-in is fenced");
            self.fenced = Some(why);
        }
    }

    /// Compares the journal with what the copy knows of it. Before the start is written down.
    pub(super) fn copy_check(&mut self) {
        let seen = self.copy.journal();
        self.seen_check(seen, "the local copy");
    }

    pub(super) fn last_seen_check(&mut self, ledger_head: Option<JournalHead>) {
        self.seen_by_ledger = true;
        self.seen_check(ledger_head, "the ledger");
    }

    fn seen_check(&mut self, seen: Option<JournalHead>, by: &str) {
        let Some(why) = seen.and_then(|seen| self.lost(seen, by)) else {
            return;
        };
        let copy = self.copy.directory().map_or_else(
            || "the local copy".to_owned(),
            |directory| format!("the local copy {}", directory.display()),
        );
        let gateway = &self.gateway;
        self.fence(format!(
            "the journal was lost or rolled back: {why}; bring the newest one back, or, once all that \
             the old one had left is counted as spent, stop this gateway, delete {copy}, grant a new \
             journal at the ledger (DELETE /v1/gateways/{gateway}) and start again: it lists then"
        ));
    }

    /// Why this is not the journal that somebody has seen, or not all of it.
    fn lost(&self, seen: JournalHead, by: &str) -> Option<String> {
        let ours = self.journal.head();
        if seen.epoch != ours.epoch {
            return Some(format!(
                "{by} knows the journal {:016x}, this is {:016x}",
                seen.epoch, ours.epoch
            ));
        }
        if seen.seq > ours.seq {
            return Some(format!(
                "{by} has seen record {}, this journal ends at {}",
                seen.seq, ours.seq
            ));
        }
        if seen.seq == 0 {
            return None;
        }
        match self.journal.hash_at(seen.seq) {
            Ok(Some(hash)) if hash == seen.hash => None,
            Ok(_) => Some(format!(
                "record {} is not the one that {by} has seen",
                seen.seq
            )),
            Err(error) => Some(format!("record {} cannot be read: {error}", seen.seq)),
        }
    }
}

/// All of an epoch.
pub(super) fn whole(epoch: u64) -> Mark {
    Mark {
        epoch,
        position: u64::MAX,
    }
}
