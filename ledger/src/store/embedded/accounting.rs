//! Trial balance, closes and verification on one snapshot of the file, a row at a time.

use std::collections::HashMap;

use ledger_api::{
    AccountId, AuthorizationId, Close, ClosesPage, Currency, Entry, TrialBalance, Verification,
};
use redb::{ReadableTable, ReadableTableMetadata};

use super::tables::{CLOSES, Tables, decode, encode, rows};
use super::{Embedded, broken};
use crate::posting::{Account, Record};
use crate::store::StoreError;
use crate::store::audit::Audited;
use crate::store::closes::{Closed, Closing, Range, proven, settled};
use crate::store::listing::next;
use crate::store::verify::{Verifier, share};

/// How often a close is tried that another one came before.
const RACES_MAX: u32 = 8;
/// How many accounts' currencies, and authorizations' sums, are held at once.
const HELD_MAX: u64 = 1_000_000;

impl Embedded {
    /// Closes a day: computed on a snapshot while others write, kept if no other close came meanwhile.
    pub(in crate::store) fn close(&self, closing: Closing) -> Result<Closed, StoreError> {
        for _ in 0..RACES_MAX {
            let close = match self.snapshot()?.close(closing.clone())? {
                Closed::Now(close) => close,
                settled => return Ok(settled),
            };
            let write = self.begin()?;
            let last = {
                let mut closes = write.open_table(CLOSES).map_err(broken)?;
                let last = closes
                    .last()
                    .map_err(broken)?
                    .map_or(0, |row| row.0.value());
                if last + 1 == close.number {
                    let row = encode(&close)?;
                    closes
                        .insert(close.number, row.as_slice())
                        .map_err(broken)?;
                }
                last
            };
            if last + 1 != close.number {
                write.abort().map_err(broken)?;
                continue;
            }
            write
                .commit()
                .map_err(|error| StoreError::Unknown(error.to_string()))?;
            return Ok(Closed::Now(close));
        }
        let why = "another close came first, again and again".to_owned();
        Err(StoreError::Unavailable(why))
    }

    pub(in crate::store) fn books(&self) -> Result<TrialBalance, StoreError> {
        self.snapshot()?.books()
    }

    pub(in crate::store) fn verify(&self) -> Result<Verification, StoreError> {
        self.snapshot()?.verify()
    }
}

impl Tables {
    fn audited(&self) -> Result<Audited, StoreError> {
        let accounts = self.accounts.iter().map_err(broken)?;
        let accounts = accounts.map(|row| decode::<Account>(row.map_err(broken)?.1.value()));
        let entries = self.entries.iter().map_err(broken)?;
        let entries = entries.map(|row| decode::<Entry>(row.map_err(broken)?.1.value()));
        Audited::of(accounts, entries)
    }

    /// Every entry after a number with its account's currency.
    fn each_entry(
        &self,
        after: u64,
        mut take: impl FnMut(&Entry, Option<Currency>),
    ) -> Result<(), StoreError> {
        let mut currencies: HashMap<AccountId, Option<Currency>> = HashMap::new();
        for entry in self.by_number(after) {
            let entry = entry?;
            let id = entry.account;
            let currency = match currencies.get(&id) {
                Some(currency) => *currency,
                None => {
                    let account = self.account(id)?;
                    let currency = account.map(|account| account.currency);
                    if currencies.len() as u64 >= HELD_MAX {
                        currencies.clear();
                    }
                    currencies.insert(id, currency);
                    currency
                }
            };
            take(&entry, currency);
        }
        Ok(())
    }

    fn books(&self) -> Result<TrialBalance, StoreError> {
        let head = self.head;
        Ok(self.audited()?.balance(head.mark(), 0, head.entry))
    }

    fn close(&self, closing: Closing) -> Result<Closed, StoreError> {
        let last = self.closes.last().map_err(broken)?;
        let last: Option<Close> = last.map(|row| decode(row.1.value())).transpose()?;
        let mut same_day = None;
        if last.as_ref().is_some_and(|last| last.day >= closing.day) {
            for row in self.closes.iter().map_err(broken)?.rev() {
                let close: Close = decode(row.map_err(broken)?.1.value())?;
                if close.day <= closing.day {
                    same_day = Some(close).filter(|close| close.day == closing.day);
                    break;
                }
            }
        }
        if let Some(settled) = settled(&closing, last.as_ref(), same_day) {
            return Ok(settled);
        }
        let mut range = Range::after(0, last.as_ref());
        let mut found = Vec::new();
        self.each_entry(range.begins_after(), |entry, currency| {
            found.extend(range.take(entry, currency));
        })?;
        let (close, more) = range.seal(closing, self.head.mark(), self.head.entry);
        found.extend(more);
        Ok(proven(close, found, &self.audited()?))
    }

    pub(in crate::store) fn closes(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<ClosesPage, StoreError> {
        let closes: Vec<Close> = rows(&self.closes, Some(after), limit)?;
        let next = next(&closes, limit, |close| close.number);
        Ok(ClosesPage { closes, next })
    }

    fn verify(&self) -> Result<Verification, StoreError> {
        let closes = rows(&self.closes, None, usize::MAX)?;
        let mut verifier = Verifier::new(0, self.head, closes);
        self.each_entry(0, |entry, currency| verifier.entry(entry, currency))?;
        // So many authorizations at a time as may be held.
        let parts = self.records.len().map_err(broken)? / HELD_MAX + 1;
        for part in 0..parts {
            self.verify_records(&mut verifier, |id| {
                let hash = u64::from_le_bytes([
                    id.0[0], id.0[1], id.0[2], id.0[3], id.0[4], id.0[5], id.0[6], id.0[7],
                ]);
                hash % parts == part
            })?;
        }
        Ok(verifier.finish(self.audited()?))
    }

    fn verify_records(
        &self,
        verifier: &mut Verifier,
        wanted: impl Fn(AuthorizationId) -> bool,
    ) -> Result<(), StoreError> {
        let mut posted: HashMap<AuthorizationId, i64> = HashMap::new();
        for row in self.entries.iter().map_err(broken)? {
            let entry: Entry = decode(row.map_err(broken)?.1.value())?;
            if let Some((id, minor)) = share(&entry).filter(|(id, _)| wanted(*id)) {
                *posted.entry(id).or_default() += minor;
            }
        }
        for row in self.records.iter().map_err(broken)? {
            let (id, row) = row.map_err(broken)?;
            let id = AuthorizationId(id.value());
            if wanted(id) {
                let record: Record = decode(row.value())?;
                verifier.record(&record, posted.remove(&id).unwrap_or_default());
            }
        }
        posted.into_keys().for_each(|id| verifier.stray(id));
        Ok(())
    }
}
