//! Entries, by account and by number.

use ledger_api::{AccountId, EntriesPage, Entry, StatementPage};
use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::broken;
use super::tables::{ENTRIES, NUMBERS, Tables, decode};
use crate::store::StoreError;
use crate::store::statement::PageOf;

/// Fills the table of numbers of a file that was written before there was one.
pub(super) fn number(write: &WriteTransaction) -> Result<(), StoreError> {
    let entries = write.open_table(ENTRIES).map_err(broken)?;
    let mut numbers = write.open_table(NUMBERS).map_err(broken)?;
    if numbers.len().map_err(broken)? == entries.len().map_err(broken)? {
        return Ok(());
    }
    for row in entries.iter().map_err(broken)? {
        let (account, number) = row.map_err(broken)?.0.value();
        numbers.insert(number, account).map_err(broken)?;
    }
    Ok(())
}

impl Tables {
    pub(in crate::store) fn entries_of(
        &self,
        id: AccountId,
        after: u64,
        limit: usize,
    ) -> Result<Option<StatementPage>, StoreError> {
        if self.account(id)?.is_none() {
            return Ok(None);
        }
        let mut page = PageOf::new(id, after, limit);
        let all = (id.0, 0)..=(id.0, u64::MAX);
        for row in self.entries.range(all).map_err(broken)? {
            let entry = decode(row.map_err(broken)?.1.value())?;
            if page.take(entry)?.is_break() {
                break;
            }
        }
        page.finish().map(Some)
    }

    pub(in crate::store) fn entries(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<EntriesPage, StoreError> {
        let entries = self
            .by_number(after)
            .take(limit)
            .collect::<Result<_, _>>()?;
        Ok(EntriesPage {
            entries,
            last: self.head.entry,
        })
    }

    /// All entries after a number, in order of number, one at a time.
    pub(super) fn by_number(
        &self,
        after: u64,
    ) -> impl Iterator<Item = Result<Entry, StoreError>> + '_ {
        let rows = (after.checked_add(1)).map(|from| self.numbers.range(from..));
        let (rows, failed) = match rows.transpose() {
            Ok(rows) => (rows, None),
            Err(error) => (None, Some(Err(broken(error)))),
        };
        let entries = rows.into_iter().flatten().map(|row| {
            let (number, account) = row.map_err(broken)?;
            let key = (account.value(), number.value());
            let found = self.entries.get(key).map_err(broken)?;
            let found = found.ok_or_else(|| broken(format!("entry {} is gone", key.1)))?;
            decode(found.value())
        });
        failed.into_iter().chain(entries)
    }
}
