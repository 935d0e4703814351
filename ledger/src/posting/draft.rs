//! Numbering what was decided.

use std::collections::HashMap;

use ledger_api::{
    AccountId, AdviceAnswer, AuthorizationId, AuthorizeAnswer, CardToken, Change, Changed,
    Currency, Entry, GatewayId, Layer, LedgerDecision, Mark, ReleaseAnswer, Side, Totals,
};

use super::Outcome;
use super::accounts::{Account, Card, Journal};
use super::record::Record;
use super::working_set::WorkingSet;

/// Where the numbers of the books stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Head {
    /// Drawn when the store was made.
    pub epoch: u64,
    /// The last feed position.
    pub position: u64,
    /// The last entry number.
    pub entry: u64,
}

impl Head {
    /// The head as a mark.
    pub fn mark(&self) -> Mark {
        Mark {
            epoch: self.epoch,
            position: self.position,
        }
    }
}

/// Whose position a thing gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum MarkAt {
    /// Where the head is after the batch.
    Head,
    /// The account's change in this batch.
    Account(AccountId),
    /// The card's change in this batch.
    Card(CardToken),
}

#[derive(Debug)]
pub(crate) struct DraftOutcome {
    pub(crate) outcome: Outcome,
    pub(crate) mark: MarkAt,
}

/// An entry without its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryDraft {
    pub(crate) account: AccountId,
    pub(crate) authorization: Option<AuthorizationId>,
    pub(crate) side: Side,
    pub(crate) layer: Layer,
    pub(crate) amount_minor: i64,
    /// The customer's account in whose change it is.
    pub(crate) of: AccountId,
}

/// What to add to one of the ledger's own accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InternalDelta {
    /// Which account; it comes to be with its first entry.
    pub account: AccountId,
    /// Its currency.
    pub currency: Currency,
    /// To add to its totals.
    pub totals: Totals,
}

/// A decided batch that waits for its numbers.
#[derive(Debug)]
pub struct Draft {
    set: WorkingSet,
    outcomes: Vec<DraftOutcome>,
}

/// A decided batch with its numbers: what to write, all of it or nothing, and what to answer then.
/// Rows are in order of their keys.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// One per command, in order.
    pub outcomes: Vec<Outcome>,
    /// Where the numbers stand afterwards.
    pub head: Head,
    /// Accounts to insert.
    pub new_accounts: Vec<Account>,
    /// Accounts to replace.
    pub changed_accounts: Vec<Account>,
    /// What to add to the ledger's own accounts.
    pub internal: Vec<InternalDelta>,
    /// Cards to insert or replace.
    pub cards: Vec<Card>,
    /// Authorizations to insert.
    pub new_records: Vec<Record>,
    /// Authorizations to replace.
    pub changed_records: Vec<Record>,
    /// Entries to insert.
    pub entries: Vec<Entry>,
    /// Feed changes to insert.
    pub changes: Vec<Change>,
    /// Journal heads to insert or replace.
    pub journals: Vec<(GatewayId, Journal)>,
    /// Gateways whose journal heads are to be deleted.
    pub granted: Vec<GatewayId>,
    /// The hold clock by which new holds were placed.
    pub hold_clock: u64,
}

impl Draft {
    pub(super) fn new(set: WorkingSet, outcomes: Vec<DraftOutcome>) -> Self {
        Self { set, outcomes }
    }

    /// How many feed positions it takes.
    pub fn positions(&self) -> u64 {
        self.set.touched.len() as u64
    }

    /// How many entry numbers it takes.
    pub fn entries(&self) -> u64 {
        self.set.entries.len() as u64
    }

    /// What to add to the ledger's own accounts, in order of id: it needs no numbers, so that the
    /// head row can be locked after them.
    pub fn internal(&self) -> Vec<InternalDelta> {
        self.set.internal.values().copied().collect()
    }

    /// True where there is nothing to write, only to answer.
    pub fn is_empty(&self) -> bool {
        self.set.touched.is_empty()
            && self.set.dirty_records.is_empty()
            && self.set.dirty_heads.is_empty()
    }

    /// Numbers everything from `head`, the head before the batch, on.
    pub fn seal(self, head: Head) -> Sealed {
        let after = Head {
            epoch: head.epoch,
            position: head.position + self.positions(),
            entry: head.entry + self.entries(),
        };
        let first = head.position + 1;
        let positions: HashMap<MarkAt, u64> =
            self.set.touched.iter().copied().zip(first..).collect();
        let at = |mark: MarkAt| positions.get(&mark).copied().unwrap_or(after.position);
        let mut sealed = Sealed {
            head: after,
            hold_clock: self.set.now.hold_clock,
            ..Sealed::default()
        };
        seal_states(&self.set, &positions, &mut sealed);
        for (id, mark) in &self.set.dirty_records {
            let Some(mut record) = self.set.record(id) else {
                continue;
            };
            record.position = at(*mark);
            if self.set.new_records.contains(id) {
                sealed.new_records.push(record);
            } else {
                sealed.changed_records.push(record);
            }
        }
        sealed.entries = (head.entry + 1..)
            .zip(&self.set.entries)
            .map(|(number, entry)| Entry {
                number,
                account: entry.account,
                authorization: entry.authorization,
                side: entry.side,
                layer: entry.layer,
                amount_minor: entry.amount_minor,
                position: at(MarkAt::Account(entry.of)),
                booked_at: self.set.now.seconds,
            })
            .collect();
        sealed.journals = (self.set.dirty_heads.iter())
            .filter_map(|gateway| Some((gateway.clone(), self.set.journal(gateway)?)))
            .collect();
        sealed.granted = (self.set.dirty_heads.iter())
            .filter(|gateway| self.set.journal(gateway).is_none())
            .cloned()
            .collect();
        sealed.internal = self.internal();
        sealed.outcomes = (self.outcomes.into_iter())
            .map(|draft| {
                let mark = Mark {
                    epoch: after.epoch,
                    position: at(draft.mark),
                };
                marked(draft.outcome, mark)
            })
            .collect();
        sealed
    }
}

/// Fills accounts, cards and feed changes.
fn seal_states(set: &WorkingSet, positions: &HashMap<MarkAt, u64>, sealed: &mut Sealed) {
    for mark in &set.touched {
        let Some(&position) = positions.get(mark) else {
            continue;
        };
        let what = match mark {
            MarkAt::Account(id) => set.account(*id).map(|account| {
                let account = Account {
                    position,
                    ..*account
                };
                if set.new_accounts.contains(id) {
                    sealed.new_accounts.push(account);
                } else {
                    sealed.changed_accounts.push(account);
                }
                Changed::Account(account.state())
            }),
            MarkAt::Card(token) => set.card(token).map(|card| {
                sealed.cards.push(Card { position, ..*card });
                Changed::Card(card.state)
            }),
            MarkAt::Head => None,
        };
        sealed
            .changes
            .extend(what.map(|what| Change { position, what }));
    }
    sealed.new_accounts.sort_by_key(|account| account.id);
    sealed.changed_accounts.sort_by_key(|account| account.id);
    sealed.cards.sort_by_key(|card| card.state.card);
}

fn marked(outcome: Outcome, mark: Mark) -> Outcome {
    match outcome {
        Outcome::Authorized(AuthorizeAnswer::Decided(decision), entries) => {
            let decision = LedgerDecision { mark, ..decision };
            Outcome::Authorized(AuthorizeAnswer::Decided(decision), entries)
        }
        Outcome::Advised(answer, entries) => {
            Outcome::Advised(AdviceAnswer { mark, ..answer }, entries)
        }
        Outcome::Released(answer) => Outcome::Released(ReleaseAnswer { mark, ..answer }),
        Outcome::Stored(_) => Outcome::Stored(mark),
        other => other,
    }
}
