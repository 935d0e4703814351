//! Entries, page by page: one account's with its balance, or all of them in order of number.

use serde::{Deserialize, Serialize};

use crate::{AccountId, Entry, Layer, Side, Totals};

/// `GET /v1/accounts/{id}/entries?after=&limit=`: a page of an account's statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementPage {
    /// Which account.
    pub account: AccountId,
    /// The sums of all entries before the first one here.
    pub opening: Totals,
    /// In order of number.
    pub entries: Vec<StatementLine>,
    /// Give it as `after` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// An entry, and the balance with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementLine {
    /// The entry.
    #[serde(flatten)]
    pub entry: Entry,
    /// What could be spent after it: credits posted − debits posted − debits pending.
    pub available_minor: i64,
}

/// `GET /v1/entries?after=&limit=`: the entries of all accounts, without holes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntriesPage {
    /// In order of number.
    pub entries: Vec<Entry>,
    /// The number of the last entry in the books.
    pub last: u64,
}

impl Entry {
    /// What it adds to its account's totals.
    pub fn totals(&self) -> Totals {
        Totals::of(self.side, self.layer, self.amount_minor)
    }
}

impl Totals {
    /// What an amount on one side of one layer adds.
    pub fn of(side: Side, layer: Layer, amount_minor: i64) -> Self {
        let mut totals = Self::default();
        *match (side, layer) {
            (Side::Debit, Layer::Pending) => &mut totals.debits_pending,
            (Side::Debit, Layer::Posted) => &mut totals.debits_posted,
            (Side::Credit, Layer::Pending) => &mut totals.credits_pending,
            (Side::Credit, Layer::Posted) => &mut totals.credits_posted,
        } = amount_minor;
        totals
    }

    /// The sum; `None` where one of the four would not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self {
            debits_pending: self.debits_pending.checked_add(other.debits_pending)?,
            debits_posted: self.debits_posted.checked_add(other.debits_posted)?,
            credits_pending: self.credits_pending.checked_add(other.credits_pending)?,
            credits_posted: self.credits_posted.checked_add(other.credits_posted)?,
        })
    }

    /// True where debits equal credits on both layers.
    pub fn is_level(&self) -> bool {
        self.debits_pending == self.credits_pending && self.debits_posted == self.credits_posted
    }
}

impl StatementPage {
    /// A page of an account whose entries before it add up to `opening`; `limit` was asked for. `None`
    /// where a balance would not fit.
    pub fn of(
        account: AccountId,
        opening: Totals,
        entries: Vec<Entry>,
        limit: usize,
    ) -> Option<Self> {
        let mut balance = opening;
        let full = entries.len() >= limit;
        let mut lines = Vec::with_capacity(entries.len());
        for entry in entries {
            balance = balance.checked_add(entry.totals())?;
            lines.push(StatementLine {
                available_minor: balance.available(),
                entry,
            });
        }
        let next = lines.last().filter(|_| full).map(|line| line.entry.number);
        Some(Self {
            account,
            opening,
            entries: lines,
            next,
        })
    }
}
