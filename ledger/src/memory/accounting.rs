//! Trial balance, closes and verification of books in memory.

use std::collections::HashMap;

use ledger_api::{AuthorizationId, ClosesPage, Currency, Entry, TrialBalance, Verification};

use super::MemoryStore;
use crate::store::StoreError;
use crate::store::audit::Audited;
use crate::store::closes::{Closed, Closing, Range, proven, settled};
use crate::store::listing::next;
use crate::store::verify::{Verifier, share};

impl MemoryStore {
    fn audited(&self) -> Result<Audited, StoreError> {
        let accounts = self.accounts.values().map(|account| Ok(*account));
        Audited::of(accounts, self.entries.values().cloned().map(Ok))
    }

    /// Entries after a number, in order, each with its account's currency.
    fn by_number(&self, after: u64) -> impl Iterator<Item = (&Entry, Option<Currency>)> {
        let keys = self.numbers.range(after + 1..).map(|(_, key)| key);
        keys.filter_map(|key| self.entries.get(key)).map(|entry| {
            let account = self.accounts.get(&entry.account);
            (entry, account.map(|account| account.currency))
        })
    }

    /// The trial balance (I6).
    ///
    /// # Errors
    /// Never.
    pub fn books(&self) -> Result<TrialBalance, StoreError> {
        Ok(self.audited()?.balance(self.mark(), 0, self.head.entry))
    }

    /// Closes a day.
    ///
    /// # Errors
    /// Never.
    pub fn close(&mut self, closing: Closing) -> Result<Closed, StoreError> {
        let last = self.closes.last();
        let same_day = self.closes.iter().find(|close| close.day == closing.day);
        if let Some(settled) = settled(&closing, last, same_day.cloned()) {
            return Ok(settled);
        }
        let mut range = Range::after(0, last);
        let mut found = Vec::new();
        for (entry, currency) in self.by_number(range.begins_after()) {
            found.extend(range.take(entry, currency));
        }
        let (close, more) = range.seal(closing, self.mark(), self.head.entry);
        found.extend(more);
        let closed = proven(close, found, &self.audited()?);
        if let Closed::Now(close) = &closed {
            self.closes.push(close.clone());
        }
        Ok(closed)
    }

    /// At most `limit` closes after a number.
    ///
    /// # Errors
    /// Never.
    pub fn closes(&self, after: u64, limit: usize) -> Result<ClosesPage, StoreError> {
        let later = self.closes.iter().filter(|close| close.number > after);
        let closes: Vec<_> = later.take(limit).cloned().collect();
        let next = next(&closes, limit, |close| close.number);
        Ok(ClosesPage { closes, next })
    }

    /// Computes everything again.
    ///
    /// # Errors
    /// Never.
    pub fn verify(&self) -> Result<Verification, StoreError> {
        let mut verifier = Verifier::new(0, self.head, self.closes.clone());
        let mut posted: HashMap<AuthorizationId, i64> = HashMap::new();
        for (entry, currency) in self.by_number(0) {
            verifier.entry(entry, currency);
            if let Some((id, minor)) = share(entry) {
                *posted.entry(id).or_default() += minor;
            }
        }
        for record in self.records.values() {
            verifier.record(record, posted.remove(&record.id).unwrap_or_default());
        }
        posted.into_keys().for_each(|id| verifier.stray(id));
        Ok(verifier.finish(self.audited()?))
    }
}
