//! Own spend: what this gateway knows to be spent and the balances do not show yet; and the bounded
//! part of it, the exposure.
//!
//! Two sums with two ends. **Held** money is subtracted from an account's balance until the feed
//! has passed its booking (rule 12). **Exposure** is the part that stand-in approved: it counts
//! against the gateway's cap from the decision on, and leaves when the feed has passed the booking
//! *and* the account covers it; what the account does not cover stays charged as realised overdraft
//! (rule 14).
//!
//! An entry passes only when everything that this gateway has to tell about its id is acknowledged
//! in the ledger's current epoch and the feed has reached the latest of those marks. Marks of
//! another epoch, and those that a ledger gave before it was rolled back behind them, prove nothing:
//! the engine tells the restored ledger again (rule 22), what stand-in approved is exposure again even
//! where it had left, and the entry waits for the new mark. What only the ledger approved cannot be
//! told again; it is held for one more day and then let go.

use std::collections::BTreeSet;

use ledger_api::{AccountId, AuthorizationId, Mark};

use crate::maps::{Keyed, Table};
use crate::windows::DAY_MS;

mod entry;
mod open;

pub(crate) use entry::Claim;
use entry::Entry;

/// The money at risk now: see the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Charged {
    /// Approved by stand-in and not yet covered.
    pub(crate) exposure: i64,
    /// Overdraft that stays charged.
    pub(crate) realised: i64,
    /// The most that both together ever were in this process.
    pub(crate) peak: i64,
}

/// How far the feed has come for an account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown {
    /// Balances include everything up to here.
    pub(crate) mark: Mark,
    /// The balance; `None` where the account is not known.
    pub(crate) available: Option<i64>,
}

/// A stand-in approval whose exposure has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) id: AuthorizationId,
    /// The record of the approval.
    pub(crate) seq: u64,
    /// What the account did not cover.
    pub(crate) shortfall: i64,
}

/// All own spend.
#[derive(Debug, Default)]
pub(crate) struct Book {
    entries: Table<Entry>,
    accounts: Table<Account>,
    /// Entries that only wait for the feed, by the mark they wait for.
    waiting: BTreeSet<(Mark, AuthorizationId)>,
    charged: Charged,
}

#[derive(Debug)]
struct Account {
    id: AccountId,
    held: i64,
    unbooked: i64,
    /// How much of the present overdraft has been charged already.
    overdraft_charged: i64,
    /// The row of its newest entry, which knows the next one.
    newest: Option<u32>,
}

impl Keyed for Account {
    type Key = AccountId;

    fn key(&self) -> AccountId {
        self.id
    }
}

impl Account {
    fn new(id: AccountId) -> Self {
        Self {
            id,
            held: 0,
            unbooked: 0,
            overdraft_charged: 0,
            newest: None,
        }
    }
}

impl Book {
    /// Reads where the entry of an id would be. See [`crate::maps::fetch`].
    pub(crate) fn touch(&self, id: &AuthorizationId) -> u64 {
        self.entries.touch(id)
    }

    /// What is subtracted from an account's balance.
    pub(crate) fn held(&self, account: AccountId) -> i64 {
        self.accounts
            .get(&account)
            .map_or(0, |account| account.held)
    }

    /// Stand-in approvals on an account whose advice is not acknowledged.
    pub(crate) fn unbooked(&self, account: AccountId) -> i64 {
        self.accounts
            .get(&account)
            .map_or(0, |account| account.unbooked)
    }

    /// The sums that the cap is compared with.
    pub(crate) fn charged(&self) -> Charged {
        self.charged
    }

    /// Adds what became known about an id: a decision, ours or the ledger's, or the network's word.
    pub(crate) fn claim(&mut self, id: AuthorizationId, account: AccountId, claim: Claim) {
        let row = match self.entries.find(&id) {
            Some(row) => row,
            None => self.enter(id, account),
        };
        self.change_row(row, |entry| entry.claim(claim));
    }

    /// A reversal was written down. Gives back what is held of an entry, at once; nothing where
    /// there is no entry (rule 9). `open`: the ledger has yet to be told.
    pub(crate) fn reverse(&mut self, id: AuthorizationId, remaining: i64, seq: u64, open: bool) {
        self.change(id, |entry| entry.reverse(remaining, seq, open));
    }

    /// What a capture takes beyond what its authorization holds has changed.
    pub(crate) fn owe(&mut self, id: AuthorizationId, minor: i64) {
        self.change(id, |entry| entry.owe(minor));
    }

    /// The ledger has taken a record. What it parked is in nobody's books: a parked approval's
    /// exposure becomes realised.
    pub(crate) fn acknowledge(&mut self, id: AuthorizationId, seq: u64, mark: Mark, parked: bool) {
        let approval = self
            .entries
            .get(&id)
            .filter(|entry| entry.exposed_approval() == Some(seq));
        if parked && let Some(exposure) = approval.map(Entry::exposure) {
            self.change(id, Entry::cover);
            self.charge(exposure);
        }
        self.change(id, |entry| entry.acknowledge(seq, mark));
    }

    /// The ledger was rolled back to here: later marks of its epoch prove nothing, and no position
    /// shows what they were given for.
    pub(crate) fn disprove(&mut self, to: Mark) {
        let ids: Vec<_> = (self.entries.iter())
            .filter(|entry| entry.is_after(to))
            .map(|entry| entry.id)
            .collect();
        for id in ids {
            self.change(id, Entry::disprove);
        }
    }

    /// A record has to be told again, to a restored ledger.
    pub(crate) fn reopen(&mut self, id: AuthorizationId, seq: u64) {
        self.change(id, |entry| entry.reopen(seq));
    }

    /// The exposure of an approval left in an earlier life of the process. Returns its record, the
    /// first time.
    pub(crate) fn left_before(&mut self, id: AuthorizationId, shortfall: i64) -> Option<u64> {
        let entry = self.entries.get(&id)?;
        let seq = entry.exposed_approval()?;
        let account = self.accounts.at(entry.account)?.id;
        let charge = entry.charge_of(shortfall);
        self.change(id, Entry::cover);
        self.charge_overdraft(account, shortfall, charge);
        Some(seq)
    }

    /// The journal says that the exposure of an approval left, with this shortfall: it left more than
    /// once where a restored ledger was told again.
    pub(crate) fn covered(&mut self, id: AuthorizationId, shortfall: i64) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        let charge = entry.charge_of(shortfall);
        let Some(account) = self.accounts.at(entry.account).map(|account| account.id) else {
            return;
        };
        self.change(id, Entry::cover);
        self.charge_overdraft(account, shortfall, charge);
    }

    /// The peak counts from here.
    pub(crate) fn start_peak(&mut self) {
        self.charged.peak = 0;
        self.charged.note_peak();
    }

    /// The accounts of entries that the feed has passed, or whose day under another epoch is over.
    pub(crate) fn passed(&self, shown: Mark, served_ms: u64) -> BTreeSet<AccountId> {
        let first = (
            Mark {
                epoch: shown.epoch,
                position: 0,
            },
            LOWEST,
        );
        let last = (
            Mark {
                epoch: shown.epoch,
                position: u64::MAX,
            },
            HIGHEST,
        );
        let other_epochs = self
            .waiting
            .range(..first)
            .chain(self.waiting.range(last..));
        let over = other_epochs.filter(|(_, id)| {
            self.entries
                .get(id)
                .is_some_and(|entry| entry.is_over(shown, served_ms, DAY_MS))
        });
        self.waiting
            .range(first..=(shown, HIGHEST))
            .chain(over)
            .filter_map(|(_, id)| self.account(*id))
            .collect()
    }

    /// The account of an entry.
    pub(crate) fn account(&self, id: AuthorizationId) -> Option<AccountId> {
        let entry = self.entries.get(&id)?;
        self.accounts.at(entry.account).map(|account| account.id)
    }

    /// All accounts that [`Book::settle`] may change: with entries that only wait for the feed, or with an
    /// overdraft that was charged.
    pub(crate) fn unsettled(&self) -> BTreeSet<AccountId> {
        let overdrawn = self.accounts.iter();
        let overdrawn = overdrawn.filter(|account| account.overdraft_charged != 0);
        let waiting = self.waiting.iter();
        waiting
            .filter_map(|(_, id)| self.account(*id))
            .chain(overdrawn.map(|account| account.id))
            .collect()
    }

    /// The feed has come this far for an account: lets go of what it shows. Returns the approvals
    /// whose exposure left by it.
    pub(crate) fn settle(&mut self, account: AccountId, shown: Shown, served_ms: u64) -> Vec<Left> {
        let Some(state) = self.accounts.get_mut(&account) else {
            return Vec::new();
        };
        let overdraft = shown
            .available
            .map_or(0, |available| available.min(0).saturating_neg());
        // An overdraft that was paid back counts anew when it comes again; it stays charged.
        state.overdraft_charged = state.overdraft_charged.min(overdraft);
        let newest = state.newest;
        let mut gone: Vec<_> = self
            .chain(newest)
            .filter(|entry| {
                entry.is_shown(shown.mark) || entry.is_over(shown.mark, served_ms, DAY_MS)
            })
            .map(|entry| (entry.id, entry.exposed_approval(), entry.exposed_minor()))
            .collect();
        gone.sort_unstable_by_key(|(id, ..)| *id);
        let mut left = Vec::new();
        for (id, approval, exposed) in gone {
            let charged = self
                .accounts
                .get(&account)
                .map_or(0, |state| state.overdraft_charged);
            let shortfall = exposed.min(overdraft - charged);
            let entry = self.entries.get(&id);
            let charge = entry.map_or(shortfall, |entry| entry.charge_of(shortfall));
            self.remove(id);
            let Some(seq) = approval else { continue };
            self.charge_overdraft(account, shortfall, charge);
            left.push(Left { id, seq, shortfall });
        }
        self.tidy(account);
        left
    }

    /// `charge` is the shortfall in the policy's currency.
    fn charge_overdraft(&mut self, account: AccountId, shortfall: i64, charge: i64) {
        let (row, _) = self
            .accounts
            .find_or_insert(&account, || Account::new(account));
        if let Some(account) = self.accounts.at_mut(row) {
            account.overdraft_charged += shortfall;
        }
        self.charge(charge);
    }

    /// Stays until a person clears it.
    fn charge(&mut self, minor: i64) {
        self.charged.realised = self.charged.realised.saturating_add(minor);
        self.charged.note_peak();
    }

    /// Makes the entry of an id, the newest of its account. Returns its row.
    fn enter(&mut self, id: AuthorizationId, account: AccountId) -> u32 {
        let (account, _) = self
            .accounts
            .find_or_insert(&account, || Account::new(account));
        let (row, _) = self.entries.find_or_insert(&id, || Entry::new(id, account));
        let older = self
            .accounts
            .at_mut(account)
            .and_then(|account| account.newest.replace(row));
        if let Some(entry) = self.entries.at_mut(row) {
            entry.older = older;
        }
        self.set_newer(older, Some(row));
        row
    }

    /// The entries of an account, from this one on.
    fn chain(&self, newest: Option<u32>) -> impl Iterator<Item = &Entry> {
        let at = |row: Option<u32>| self.entries.at(row?);
        std::iter::successors(at(newest), move |entry| at(entry.older))
    }

    fn change(&mut self, id: AuthorizationId, change: impl FnOnce(&mut Entry)) {
        if let Some(row) = self.entries.find(&id) {
            self.change_row(row, change);
        }
    }

    /// Every change of an entry goes through here, so that the sums cannot drift from the entries.
    fn change_row(&mut self, row: u32, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.entries.at_mut(row) else {
            return;
        };
        let Some(account) = self.accounts.at_mut(entry.account) else {
            return;
        };
        account.held -= entry.held();
        account.unbooked -= entry.unbooked();
        self.charged.exposure -= entry.exposure();
        if let Some(mark) = entry.waits_for() {
            self.waiting.remove(&(mark, entry.id));
        }
        change(entry);
        account.held += entry.held();
        account.unbooked += entry.unbooked();
        self.charged.exposure += entry.exposure();
        if let Some(mark) = entry.waits_for() {
            self.waiting.insert((mark, entry.id));
        }
        self.charged.note_peak();
    }

    fn remove(&mut self, id: AuthorizationId) {
        let Some(row) = self.entries.find(&id) else {
            return;
        };
        self.change_row(row, Entry::clear);
        let Some(&Entry {
            account,
            newer,
            older,
            ..
        }) = self.entries.at(row)
        else {
            return;
        };
        self.set_newer(older, newer);
        match newer {
            Some(newer) => {
                if let Some(entry) = self.entries.at_mut(newer) {
                    entry.older = older;
                }
            }
            None => {
                if let Some(account) = self.accounts.at_mut(account) {
                    account.newest = older;
                }
            }
        }
        self.entries.remove(row);
    }

    fn set_newer(&mut self, row: Option<u32>, newer: Option<u32>) {
        if let Some(entry) = row.and_then(|row| self.entries.at_mut(row)) {
            entry.newer = newer;
        }
    }

    fn tidy(&mut self, account: AccountId) {
        let Some(row) = self.accounts.find(&account) else {
            return;
        };
        let empty = |state: &Account| state.newest.is_none() && state.overdraft_charged == 0;
        if self.accounts.at(row).is_some_and(empty) {
            self.accounts.remove(row);
        }
    }
}

impl Charged {
    /// What the cap is compared with.
    pub(crate) fn total(&self) -> i64 {
        self.exposure.saturating_add(self.realised)
    }

    fn note_peak(&mut self) {
        self.peak = self.peak.max(self.total());
    }
}

const LOWEST: AuthorizationId = AuthorizationId([0; 16]);
const HIGHEST: AuthorizationId = AuthorizationId([0xff; 16]);

#[cfg(test)]
mod tests;
