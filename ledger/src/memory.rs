//! Books without a disk: the same rules over plain maps. The reference that tests and load tests
//! compare a real store with.

mod accounting;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use ledger_api::{
    AccountId, AccountView, AccountsPage, AuthorizationId, AuthorizationView, AuthorizationsPage,
    CardToken, Change, Close, EntriesPage, Entry, FeedPage, GatewayId, JournalHead, ListingPage,
    Mark, StatementPage, Undrained,
};

use crate::posting::{
    Account, Card, Command, Head, InternalDelta, Journal, Moment, Needs, Outcome, Record, Sealed,
    WorkingSet, decide, plus,
};
use crate::store::listing::{ListingCursor, listing_page, next};
use crate::store::statement::PageOf;
use crate::store::{HoldClock, StoreError};

/// Books in memory. Same commands, same books: nothing in it is drawn or read from a clock.
#[derive(Debug)]
pub struct MemoryStore {
    head: Head,
    accounts: BTreeMap<AccountId, Account>,
    cards: BTreeMap<CardToken, Card>,
    records: BTreeMap<AuthorizationId, Record>,
    entries: BTreeMap<(AccountId, u64), Entry>,
    /// Where the entry with a number is.
    numbers: BTreeMap<u64, (AccountId, u64)>,
    changes: Vec<Change>,
    closes: Vec<Close>,
    journals: BTreeMap<GatewayId, Journal>,
    hold_clock_ms: u64,
}

impl MemoryStore {
    /// Empty books of an epoch.
    pub fn new(epoch: u64) -> Self {
        Self {
            head: Head {
                epoch,
                ..Head::default()
            },
            accounts: BTreeMap::new(),
            cards: BTreeMap::new(),
            records: BTreeMap::new(),
            entries: BTreeMap::new(),
            numbers: BTreeMap::new(),
            changes: Vec::new(),
            closes: Vec::new(),
            journals: BTreeMap::new(),
            hold_clock_ms: 0,
        }
    }

    /// Does all commands, in order. One outcome per command.
    pub fn transact(&mut self, commands: Vec<Command>, now: Moment) -> Vec<Outcome> {
        let draft = decide(self.load(&Needs::of(&commands)), &commands, now);
        let sealed = draft.seal(self.head);
        self.write(sealed)
    }

    fn load(&self, needs: &Needs) -> WorkingSet {
        let mut set = WorkingSet::default();
        for card in needs.cards.iter().filter_map(|card| self.cards.get(card)) {
            set.load_card(*card);
        }
        for record in needs
            .authorizations
            .iter()
            .filter_map(|id| self.records.get(id))
        {
            set.load_record(record.clone());
        }
        loop {
            let missing = set.originals_missing();
            let found: Vec<_> = (missing.iter())
                .filter_map(|id| self.records.get(id).cloned())
                .collect();
            if found.is_empty() {
                break;
            }
            found.into_iter().for_each(|record| set.load_record(record));
        }
        for id in set.accounts_needed(needs) {
            if let Some(account) = self.accounts.get(&id) {
                set.load_account(*account);
            }
        }
        for gateway in &needs.gateways {
            if let Some(journal) = self.journals.get(gateway) {
                set.load_journal(gateway.clone(), *journal);
            }
        }
        set
    }

    fn write(&mut self, sealed: Sealed) -> Vec<Outcome> {
        self.head = sealed.head;
        for account in sealed
            .new_accounts
            .into_iter()
            .chain(sealed.changed_accounts)
        {
            self.accounts.insert(account.id, account);
        }
        for delta in sealed.internal {
            self.add(delta);
        }
        for card in sealed.cards {
            self.cards.insert(card.state.card, card);
        }
        for record in sealed.new_records.into_iter().chain(sealed.changed_records) {
            self.records.insert(record.id, record);
        }
        for entry in sealed.entries {
            let key = (entry.account, entry.number);
            self.numbers.insert(entry.number, key);
            self.entries.insert(key, entry);
        }
        self.changes.extend(sealed.changes);
        self.journals.extend(sealed.journals);
        for gateway in sealed.granted {
            self.journals.remove(&gateway);
        }
        sealed.outcomes
    }

    fn add(&mut self, delta: InternalDelta) {
        let account = (self.accounts.entry(delta.account))
            .or_insert_with(|| Account::new(delta.account, delta.currency));
        // A sum that does not fit stays as it was, and the trial balance says so.
        account.totals = plus(account.totals, delta.totals).unwrap_or(account.totals);
    }

    /// The books were restored from a backup: from here on they have this epoch (rule 13).
    pub fn set_epoch(&mut self, epoch: u64) {
        self.head.epoch = epoch;
    }

    /// Where the books stand.
    pub fn mark(&self) -> Mark {
        self.head.mark()
    }

    /// [`MemoryStore::mark`], as every store has it.
    pub(crate) fn read_mark(&self) -> Result<Mark, StoreError> {
        Ok(self.mark())
    }

    /// What the books know of every authorization, in order of id.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// One account; `None` if it does not exist.
    ///
    /// # Errors
    /// Never; the signature is that of every store.
    pub fn account(&self, id: AccountId) -> Result<Option<AccountView>, StoreError> {
        Ok(self.accounts.get(&id).map(Account::view))
    }

    /// At most `limit` entries of an account after a number; `None` if it does not exist.
    ///
    /// # Errors
    /// [`StoreError::Broken`] where a balance does not fit.
    pub fn entries_of(
        &self,
        id: AccountId,
        after: u64,
        limit: usize,
    ) -> Result<Option<StatementPage>, StoreError> {
        if !self.accounts.contains_key(&id) {
            return Ok(None);
        }
        let mut page = PageOf::new(id, after, limit);
        for entry in self.entries.range((id, 0)..=(id, u64::MAX)) {
            if page.take(entry.1.clone())?.is_break() {
                break;
            }
        }
        page.finish().map(Some)
    }

    /// At most `limit` entries of all accounts after a number.
    ///
    /// # Errors
    /// Never.
    pub fn entries(&self, after: u64, limit: usize) -> Result<EntriesPage, StoreError> {
        let page = above(&self.numbers, Some(after)).take(limit);
        Ok(EntriesPage {
            entries: page
                .filter_map(|key| self.entries.get(key))
                .cloned()
                .collect(),
            last: self.head.entry,
        })
    }

    /// At most `limit` accounts after an id.
    ///
    /// # Errors
    /// Never.
    pub fn accounts(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<AccountsPage, StoreError> {
        let accounts: Vec<_> = above(&self.accounts, after)
            .take(limit)
            .map(Account::view)
            .collect();
        let next = next(&accounts, limit, |account| account.account);
        Ok(AccountsPage { accounts, next })
    }

    /// What the books hold for an id; `None` if nothing.
    ///
    /// # Errors
    /// Never.
    pub fn authorization(
        &self,
        id: AuthorizationId,
    ) -> Result<Option<AuthorizationView>, StoreError> {
        Ok(self
            .records
            .get(&id)
            .map(|record| record.view(self.head.epoch)))
    }

    /// At most `limit` authorizations after an id.
    ///
    /// # Errors
    /// Never.
    pub fn authorizations(
        &self,
        after: Option<AuthorizationId>,
        limit: usize,
    ) -> Result<AuthorizationsPage, StoreError> {
        Ok(self.page(after, limit, |_| true))
    }

    /// At most `limit` authorizations after an id that wait for a person.
    ///
    /// # Errors
    /// Never.
    pub fn suspense(
        &self,
        after: Option<AuthorizationId>,
        limit: usize,
    ) -> Result<AuthorizationsPage, StoreError> {
        Ok(self.page(after, limit, Record::waits))
    }

    fn page(
        &self,
        after: Option<AuthorizationId>,
        limit: usize,
        wanted: impl Fn(&Record) -> bool,
    ) -> AuthorizationsPage {
        let authorizations: Vec<_> = above(&self.records, after)
            .filter(|record| wanted(record))
            .take(limit)
            .map(|record| record.view(self.head.epoch))
            .collect();
        let next = next(&authorizations, limit, |view| view.id);
        AuthorizationsPage {
            authorizations,
            next,
        }
    }

    /// At most `limit` changes after a position.
    ///
    /// # Errors
    /// [`StoreError::EpochChanged`] for another epoch, or a position that is not reached yet.
    pub fn feed(&self, epoch: u64, after: u64, limit: usize) -> Result<FeedPage, StoreError> {
        let Head {
            epoch: ours,
            position: head,
            ..
        } = self.head;
        if epoch != ours || after > head {
            return Err(StoreError::EpochChanged { epoch: ours });
        }
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let changes = self
            .changes
            .iter()
            .skip(skip)
            .take(limit)
            .cloned()
            .collect();
        Ok(FeedPage {
            epoch,
            head,
            changes,
        })
    }

    /// At most `limit` states after a cursor.
    ///
    /// # Errors
    /// Never.
    pub fn listing(
        &self,
        after: Option<ListingCursor>,
        limit: usize,
    ) -> Result<ListingPage, StoreError> {
        let accounts: Vec<_> = match ListingCursor::accounts_from(after) {
            Some(after) => above(&self.accounts, after)
                .take_while(|account| !account.id.is_internal())
                .take(limit)
                .copied()
                .collect(),
            None => Vec::new(),
        };
        let cards = above(&self.cards, ListingCursor::cards_after(after))
            .take(limit - accounts.len())
            .copied()
            .collect();
        Ok(listing_page(self.mark(), accounts, cards, limit))
    }

    /// The last journal head that a gateway reported; `None` if it never did.
    ///
    /// # Errors
    /// Never.
    pub fn journal_head(&self, gateway: &GatewayId) -> Result<Option<JournalHead>, StoreError> {
        Ok(self.journals.get(gateway).map(|journal| journal.head))
    }

    /// Lets so much time pass for holds, unless a gateway stops it (rule 17).
    pub fn tick(&mut self, elapsed_ms: u64) -> HoldClock {
        let mut clock = self.clock();
        if clock.undrained.is_empty() {
            self.hold_clock_ms += elapsed_ms;
            clock.seconds = self.hold_clock_ms / 1000;
        }
        clock
    }

    fn clock(&self) -> HoldClock {
        let undrained = (self.journals.iter())
            .filter(|(_, journal)| journal.undrained > 0)
            .map(|(gateway, journal)| Undrained {
                gateway: gateway.clone(),
                advices: journal.undrained,
            });
        HoldClock {
            seconds: self.hold_clock_ms / 1000,
            undrained: undrained.collect(),
        }
    }

    /// The clock by which holds expire.
    ///
    /// # Errors
    /// Never.
    pub fn hold_clock(&self) -> Result<HoldClock, StoreError> {
        Ok(self.clock())
    }

    /// At most `limit` authorizations whose hold was placed by then, oldest first.
    ///
    /// # Errors
    /// Never.
    pub fn due(&self, held_by: u64, limit: usize) -> Result<Vec<AuthorizationId>, StoreError> {
        let mut due: Vec<_> = (self.records.values())
            .filter(|record| record.holds() && record.held_at <= held_by)
            .map(|record| (record.held_at, record.id))
            .collect();
        due.sort();
        Ok(due.into_iter().take(limit).map(|(_, id)| id).collect())
    }
}

fn above<K: Ord, V>(map: &BTreeMap<K, V>, after: Option<K>) -> impl Iterator<Item = &V> {
    let from = after.map_or(Unbounded, Excluded);
    map.range((from, Unbounded)).map(|(_, value)| value)
}
