//! Whether accounts are what their entries say, the same in every store.

use ledger_api::{
    AccountId, Crooked, CrookedKind, Currency, CurrencyBalance, Entry, Mark, Totals, TrialBalance,
};

use super::StoreError;
use super::closes::crooked;
use crate::posting::Account;

/// How many faults are named.
pub(crate) const NAMED_MAX: usize = 1_000;

/// All accounts, added up and compared with their entries.
#[derive(Debug, Default)]
pub(crate) struct Audited {
    /// How many accounts.
    pub(crate) accounts: u64,
    /// In order of numeric code.
    pub(crate) currencies: Vec<CurrencyBalance>,
    /// Accounts whose totals are not their entries', or that have entries and do not exist.
    pub(crate) differing: Vec<AccountId>,
    /// True where a sum does not fit.
    pub(crate) overflown: bool,
}

impl Audited {
    /// Walks through accounts and entries, both in order of account, one at a time.
    pub(crate) fn of(
        accounts: impl Iterator<Item = Result<Account, StoreError>>,
        entries: impl Iterator<Item = Result<Entry, StoreError>>,
    ) -> Result<Self, StoreError> {
        let mut audited = Self::default();
        let mut entries = entries.peekable();
        for account in accounts {
            let account = account?;
            let mut sum = Some(Totals::default());
            while let Some(entry) = entries.next_if(|entry| {
                entry
                    .as_ref()
                    .map_or(true, |entry| entry.account <= account.id)
            }) {
                let entry = entry?;
                if entry.account == account.id {
                    sum = sum.and_then(|sum| sum.checked_add(entry.totals()));
                } else {
                    audited.differs(entry.account);
                }
            }
            if sum != Some(account.totals) {
                audited.differs(account.id);
            }
            audited.add(account.currency, account.totals);
        }
        for entry in entries {
            audited.differs(entry?.account);
        }
        Ok(audited)
    }

    fn differs(&mut self, account: AccountId) {
        if self.differing.last() != Some(&account) && self.differing.len() < NAMED_MAX {
            self.differing.push(account);
        }
    }

    fn add(&mut self, currency: Currency, totals: Totals) {
        self.accounts += 1;
        let place = (self.currencies)
            .binary_search_by_key(&currency.numeric(), |line| line.currency.numeric());
        let place = place.unwrap_or_else(|place| {
            let totals = Totals::default();
            self.currencies
                .insert(place, CurrencyBalance { currency, totals });
            place
        });
        if let Some(line) = self.currencies.get_mut(place) {
            match line.totals.checked_add(totals) {
                Some(sum) => line.totals = sum,
                None => self.overflown = true,
            }
        }
    }

    /// What is crooked, in words.
    pub(crate) fn crooked(&self) -> impl Iterator<Item = Crooked> {
        let accounts = self.differing.iter().map(|account| {
            let detail = format!("the totals of account {account} are not the sum of its entries");
            crooked(CrookedKind::Account, detail)
        });
        let unlevel = self
            .currencies
            .iter()
            .filter(|line| !line.totals.is_level());
        let currencies = unlevel.map(|line| {
            let detail = format!(
                "{}: debits are not credits: {:?}",
                line.currency, line.totals
            );
            crooked(CrookedKind::Currency, detail)
        });
        let overflown = self.overflown.then(|| {
            crooked(
                CrookedKind::Currency,
                "the sum of the accounts does not fit".to_owned(),
            )
        });
        accounts.chain(currencies).chain(overflown)
    }

    /// The trial balance that follows.
    pub(crate) fn balance(self, mark: Mark, bucket: u16, entries: u64) -> TrialBalance {
        let balanced = self.crooked().next().is_none();
        TrialBalance {
            mark,
            bucket,
            entries,
            balanced,
            currencies: self.currencies,
            crooked: self.differing,
        }
    }
}
