//! The tables in the file, and everything that is read from them. Values are JSON: readable with
//! any tool, and new fields can be added.

use std::ops::Bound::{Excluded, Unbounded};

use ledger_api::{
    AccountId, AccountView, AccountsPage, AuthorizationId, AuthorizationView, AuthorizationsPage,
    FeedPage, GatewayId, JournalHead, ListingPage, Mark, Undrained,
};
use redb::{
    Key, ReadOnlyTable, ReadTransaction, ReadableTable, TableDefinition, Value, WriteTransaction,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::broken;
use crate::posting::{Account, Card, Head, Journal, Record};
use crate::store::listing::{ListingCursor, listing_page, next};
use crate::store::{HoldClock, StoreError};

pub(super) const ACCOUNTS: TableDefinition<u64, &[u8]> = TableDefinition::new("account");
pub(super) const CARDS: TableDefinition<[u8; 17], &[u8]> = TableDefinition::new("card");
pub(super) const AUTHORIZATIONS: TableDefinition<[u8; 16], &[u8]> =
    TableDefinition::new("authorization");
/// Authorizations that wait for a person.
pub(super) const SUSPENSE: TableDefinition<[u8; 16], ()> = TableDefinition::new("suspense");
/// Authorizations that hold money, by when the hold was placed.
pub(super) const HOLDS: TableDefinition<(u64, [u8; 16]), ()> = TableDefinition::new("hold");
/// By account and number.
pub(super) const ENTRIES: TableDefinition<(u64, u64), &[u8]> = TableDefinition::new("entry");
/// Closed days, by number.
pub(super) const CLOSES: TableDefinition<u64, &[u8]> = TableDefinition::new("close");
/// The account of the entry with a number.
pub(super) const NUMBERS: TableDefinition<u64, u64> = TableDefinition::new("entry_number");
pub(super) const FEED: TableDefinition<u64, &[u8]> = TableDefinition::new("feed");
pub(super) const JOURNALS: TableDefinition<&str, &[u8]> = TableDefinition::new("journal_head");
/// `epoch`, `position`, `entry`, `hold_clock_ms`, and `holds_listed` once [`HOLDS`] is complete.
pub(super) const HEAD: TableDefinition<&str, u64> = TableDefinition::new("head");

pub(super) fn create(write: &WriteTransaction) -> Result<(), StoreError> {
    write.open_table(ACCOUNTS).map_err(broken)?;
    write.open_table(CARDS).map_err(broken)?;
    write.open_table(AUTHORIZATIONS).map_err(broken)?;
    write.open_table(SUSPENSE).map_err(broken)?;
    write.open_table(HOLDS).map_err(broken)?;
    write.open_table(ENTRIES).map_err(broken)?;
    write.open_table(NUMBERS).map_err(broken)?;
    write.open_table(CLOSES).map_err(broken)?;
    write.open_table(FEED).map_err(broken)?;
    write.open_table(JOURNALS).map_err(broken)?;
    write.open_table(HEAD).map_err(broken)?;
    Ok(())
}

/// All tables on one snapshot.
pub(in crate::store) struct Tables {
    pub(super) accounts: ReadOnlyTable<u64, &'static [u8]>,
    cards: ReadOnlyTable<[u8; 17], &'static [u8]>,
    pub(super) records: ReadOnlyTable<[u8; 16], &'static [u8]>,
    suspense: ReadOnlyTable<[u8; 16], ()>,
    holds: ReadOnlyTable<(u64, [u8; 16]), ()>,
    pub(super) entries: ReadOnlyTable<(u64, u64), &'static [u8]>,
    pub(super) numbers: ReadOnlyTable<u64, u64>,
    pub(super) closes: ReadOnlyTable<u64, &'static [u8]>,
    feed: ReadOnlyTable<u64, &'static [u8]>,
    journals: ReadOnlyTable<&'static str, &'static [u8]>,
    pub(super) head: Head,
    hold_clock_ms: u64,
}

impl Tables {
    pub(super) fn open(snapshot: &ReadTransaction) -> Result<Self, StoreError> {
        let numbers = snapshot.open_table(HEAD).map_err(broken)?;
        Ok(Self {
            accounts: snapshot.open_table(ACCOUNTS).map_err(broken)?,
            cards: snapshot.open_table(CARDS).map_err(broken)?,
            records: snapshot.open_table(AUTHORIZATIONS).map_err(broken)?,
            suspense: snapshot.open_table(SUSPENSE).map_err(broken)?,
            holds: snapshot.open_table(HOLDS).map_err(broken)?,
            entries: snapshot.open_table(ENTRIES).map_err(broken)?,
            numbers: snapshot.open_table(NUMBERS).map_err(broken)?,
            closes: snapshot.open_table(CLOSES).map_err(broken)?,
            feed: snapshot.open_table(FEED).map_err(broken)?,
            journals: snapshot.open_table(JOURNALS).map_err(broken)?,
            head: head(&numbers)?,
            hold_clock_ms: get(&numbers, "hold_clock_ms")?.unwrap_or_default(),
        })
    }

    pub(in crate::store) fn read_mark(&self) -> Result<Mark, StoreError> {
        Ok(self.head.mark())
    }

    pub(in crate::store) fn account(
        &self,
        id: AccountId,
    ) -> Result<Option<AccountView>, StoreError> {
        let row = self.accounts.get(id.0).map_err(broken)?;
        row.map(|row| Ok(decode::<Account>(row.value())?.view()))
            .transpose()
    }

    pub(in crate::store) fn accounts(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<AccountsPage, StoreError> {
        let accounts: Vec<Account> = rows(&self.accounts, after.map(|id| id.0), limit)?;
        let next = next(&accounts, limit, |account| account.id);
        Ok(AccountsPage {
            accounts: accounts.iter().map(Account::view).collect(),
            next,
        })
    }

    pub(in crate::store) fn authorization(
        &self,
        id: AuthorizationId,
    ) -> Result<Option<AuthorizationView>, StoreError> {
        let row = self.records.get(id.0).map_err(broken)?;
        row.map(|row| Ok(decode::<Record>(row.value())?.view(self.head.epoch)))
            .transpose()
    }

    pub(in crate::store) fn authorizations(
        &self,
        after: Option<AuthorizationId>,
        limit: usize,
    ) -> Result<AuthorizationsPage, StoreError> {
        let records: Vec<Record> = rows(&self.records, after.map(|id| id.0), limit)?;
        let next = next(&records, limit, |record| record.id);
        let views = records
            .iter()
            .map(|record| record.view(self.head.epoch))
            .collect();
        Ok(AuthorizationsPage {
            authorizations: views,
            next,
        })
    }

    pub(in crate::store) fn suspense(
        &self,
        after: Option<AuthorizationId>,
        limit: usize,
    ) -> Result<AuthorizationsPage, StoreError> {
        let from = after.map_or(Unbounded, |id| Excluded(id.0));
        let mut authorizations = Vec::new();
        for row in self
            .suspense
            .range((from, Unbounded))
            .map_err(broken)?
            .take(limit)
        {
            let id = AuthorizationId(row.map_err(broken)?.0.value());
            authorizations.extend(self.authorization(id)?);
        }
        let next = next(&authorizations, limit, |view| view.id);
        Ok(AuthorizationsPage {
            authorizations,
            next,
        })
    }

    pub(in crate::store) fn feed(
        &self,
        epoch: u64,
        after: u64,
        limit: usize,
    ) -> Result<FeedPage, StoreError> {
        let Head {
            epoch: ours,
            position: head,
            ..
        } = self.head;
        if epoch != ours || after > head {
            return Err(StoreError::EpochChanged { epoch: ours });
        }
        Ok(FeedPage {
            epoch,
            head,
            changes: rows(&self.feed, Some(after), limit)?,
        })
    }

    pub(in crate::store) fn listing(
        &self,
        after: Option<ListingCursor>,
        limit: usize,
    ) -> Result<ListingPage, StoreError> {
        let mut accounts: Vec<Account> = match ListingCursor::accounts_from(after) {
            Some(after) => rows(&self.accounts, after.map(|id| id.0), limit)?,
            None => Vec::new(),
        };
        accounts.retain(|account| !account.id.is_internal());
        let cards_after = ListingCursor::cards_after(after).map(|card| card.to_bytes());
        let cards: Vec<Card> = rows(&self.cards, cards_after, limit - accounts.len())?;
        Ok(listing_page(self.head.mark(), accounts, cards, limit))
    }

    pub(in crate::store) fn journal_head(
        &self,
        gateway: &GatewayId,
    ) -> Result<Option<JournalHead>, StoreError> {
        let row = self.journals.get(gateway.as_str()).map_err(broken)?;
        row.map(|row| Ok(decode::<Journal>(row.value())?.head))
            .transpose()
    }

    pub(in crate::store) fn hold_clock(&self) -> Result<HoldClock, StoreError> {
        Ok(HoldClock {
            seconds: self.hold_clock_ms / 1000,
            undrained: undrained(&self.journals)?,
        })
    }

    pub(in crate::store) fn due(
        &self,
        held_by: u64,
        limit: usize,
    ) -> Result<Vec<AuthorizationId>, StoreError> {
        let due = self
            .holds
            .range(..=(held_by, [u8::MAX; 16]))
            .map_err(broken)?;
        due.take(limit)
            .map(|row| Ok(AuthorizationId(row.map_err(broken)?.0.value().1)))
            .collect()
    }
}

/// The gateways whose last report said that advices wait.
pub(super) fn undrained(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<Vec<Undrained>, StoreError> {
    let mut waiting = Vec::new();
    for row in table.iter().map_err(broken)? {
        let (name, journal) = row.map_err(broken)?;
        let journal: Journal = decode(journal.value())?;
        if journal.undrained > 0 {
            waiting.push(Undrained {
                gateway: name.value().parse().map_err(broken)?,
                advices: journal.undrained,
            });
        }
    }
    Ok(waiting)
}

/// At most `limit` rows after a key.
pub(super) fn rows<K, T>(
    table: &ReadOnlyTable<K, &'static [u8]>,
    after: Option<K>,
    limit: usize,
) -> Result<Vec<T>, StoreError>
where
    K: Key + 'static + for<'a> Value<SelfType<'a> = K>,
    T: DeserializeOwned,
{
    let from = match after {
        Some(key) => Excluded(key),
        None => Unbounded,
    };
    let range = table.range::<K>((from, Unbounded)).map_err(broken)?;
    range
        .take(limit)
        .map(|row| decode(row.map_err(broken)?.1.value()))
        .collect()
}

pub(super) fn head(table: &impl ReadableTable<&'static str, u64>) -> Result<Head, StoreError> {
    Ok(Head {
        epoch: get(table, "epoch")?.unwrap_or_default(),
        position: get(table, "position")?.unwrap_or_default(),
        entry: get(table, "entry")?.unwrap_or_default(),
    })
}

pub(super) fn get(
    table: &impl ReadableTable<&'static str, u64>,
    name: &str,
) -> Result<Option<u64>, StoreError> {
    Ok(table.get(name).map_err(broken)?.map(|row| row.value()))
}

pub(super) fn encode(value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(broken)
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(broken)
}
