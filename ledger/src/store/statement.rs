//! A page of an account's statement, the same in every store.

use std::ops::ControlFlow;

use ledger_api::{AccountId, Entry, StatementPage, Totals};

use super::StoreError;

/// Takes an account's entries in order of number, adds up those before the page, and keeps the page.
#[derive(Debug)]
pub(crate) struct PageOf {
    account: AccountId,
    after: u64,
    limit: usize,
    opening: Totals,
    entries: Vec<Entry>,
}

impl PageOf {
    pub(crate) fn new(account: AccountId, after: u64, limit: usize) -> Self {
        Self {
            account,
            after,
            limit,
            opening: Totals::default(),
            entries: Vec::new(),
        }
    }

    /// Takes the next entry; breaks off when the page is full.
    pub(crate) fn take(&mut self, entry: Entry) -> Result<ControlFlow<()>, StoreError> {
        if entry.number <= self.after {
            let sum = self.opening.checked_add(entry.totals());
            self.opening = sum.ok_or_else(|| too_large(self.account))?;
            return Ok(ControlFlow::Continue(()));
        }
        if self.entries.len() >= self.limit {
            return Ok(ControlFlow::Break(()));
        }
        self.entries.push(entry);
        Ok(ControlFlow::Continue(()))
    }

    pub(crate) fn finish(self) -> Result<StatementPage, StoreError> {
        statement_page(self.account, self.opening, self.entries, self.limit)
    }
}

/// A page after entries that add up to `opening`.
pub(crate) fn statement_page(
    account: AccountId,
    opening: Totals,
    entries: Vec<Entry>,
    limit: usize,
) -> Result<StatementPage, StoreError> {
    StatementPage::of(account, opening, entries, limit).ok_or_else(|| too_large(account))
}

fn too_large(account: AccountId) -> StoreError {
    StoreError::Broken(format!("the balance of account {account} does not fit"))
}
