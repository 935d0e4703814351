//! Computing everything again that can be, from the entries up; the same in every store.

use ledger_api::{
    AuthorizationId, Close, Crooked, CrookedKind, Currency, Entry, Mark, Side, Verification,
};

use super::audit::{Audited, NAMED_MAX};
use super::closes::{Closing, Range, crooked, differs};
use crate::posting::{Head, MovedKind, Record};

/// What an entry has of an authorization's money: what left the customer's account.
pub(crate) fn share(entry: &Entry) -> Option<(AuthorizationId, i64)> {
    let id = entry
        .authorization
        .filter(|_| !entry.account.is_internal())?;
    let minor = match entry.side {
        Side::Debit => entry.amount_minor,
        Side::Credit => -entry.amount_minor,
    };
    Some((id, minor))
}

/// Takes the closes, then all entries in order of number, then whatever else there is.
#[derive(Debug)]
pub(crate) struct Verifier {
    bucket: u16,
    mark: Mark,
    /// The last number that was given out.
    last: u64,
    range: Range,
    /// Whose entries are still to come, the next one last.
    open: Vec<Close>,
    closes: u64,
    entries: u64,
    records: u64,
    found: Vec<Crooked>,
}

impl Verifier {
    /// Of books that stand at `head`; `closes` in order of number.
    pub(crate) fn new(bucket: u16, head: Head, closes: Vec<Close>) -> Self {
        let mut verifier = Self {
            bucket,
            mark: head.mark(),
            last: head.entry,
            range: Range::after(bucket, None),
            closes: closes.len() as u64,
            open: closes.into_iter().rev().collect(),
            entries: 0,
            records: 0,
            found: Vec::new(),
        };
        verifier.close_up_to(0);
        verifier
    }

    /// Takes the next entry.
    pub(crate) fn entry(&mut self, entry: &Entry, currency: Option<Currency>) {
        // A close whose last entry is missing ends before the next one all the same.
        self.close_up_to(entry.number.saturating_sub(1));
        self.entries += 1;
        let faulty = self.range.take(entry, currency);
        if self.found.len() < NAMED_MAX {
            self.found.extend(faulty);
        }
    }

    /// Compares the closes that end with this entry or before it.
    fn close_up_to(&mut self, number: u64) {
        while let Some(close) = self.open.pop_if(|close| close.last_entry <= number) {
            let after = Range::after(self.bucket, Some(&close));
            let range = std::mem::replace(&mut self.range, after);
            let closing = Closing {
                day: close.day,
                by: close.by.clone(),
                at: close.closed_at,
            };
            let (computed, found) = range.seal(closing, close.mark, close.last_entry);
            self.found.extend(found);
            self.found.extend(differs(&close, &computed));
        }
    }

    /// Takes a record, and what its entries have moved out of customers' accounts.
    pub(crate) fn record(&mut self, record: &Record, moved_out: i64) {
        self.records += 1;
        let gives_back = record
            .life
            .moved
            .is_some_and(|moved| moved.kind == MovedKind::Refund);
        let posted = if gives_back { -moved_out } else { moved_out };
        let due = record.effect();
        let in_books = record.effect_minor;
        if (due != in_books || posted != in_books) && self.found.len() < NAMED_MAX {
            let detail = format!(
                "authorization {}: its facts call for {due}, its record says {in_books}, its entries {posted}",
                record.id
            );
            self.found.push(crooked(CrookedKind::Authorization, detail));
        }
    }

    /// Takes an authorization that has entries and no record.
    pub(crate) fn stray(&mut self, id: AuthorizationId) {
        if self.found.len() < NAMED_MAX {
            let detail = format!("authorization {id}: it has entries, and no record");
            self.found.push(crooked(CrookedKind::Authorization, detail));
        }
    }

    /// What was found; at most a thousand faults.
    pub(crate) fn finish(mut self, accounts: Audited) -> Verification {
        self.close_up_to(self.last);
        for close in std::mem::take(&mut self.open) {
            let detail = format!(
                "close {} of {}: its entries are not there",
                close.number, close.day
            );
            self.found.push(crooked(CrookedKind::Close, detail));
        }
        let closing = self.range.ends_before(self.last);
        self.found.extend(closing);
        self.found.extend(accounts.crooked());
        self.found.truncate(NAMED_MAX);
        Verification {
            mark: self.mark,
            bucket: self.bucket,
            accounts: accounts.accounts,
            authorizations: self.records,
            entries: self.entries,
            closes: self.closes,
            currencies: accounts.currencies,
            crooked: self.found,
        }
    }
}
