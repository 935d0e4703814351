//! Books in one redb file: for one machine, and for trying things out. Every batch is one
//! transaction that is on the disk before it is answered; a killed process finds the last one.

mod accounting;
mod entries;
mod tables;

use std::path::Path;
use std::sync::Arc;

use redb::{
    Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable, WriteTransaction,
};
use tokio::sync::Semaphore;

use super::{HoldClock, StoreError, on_blocking_task};
use crate::posting::{
    Account, Command, Head, Moment, Needs, Outcome, Record, Sealed, WorkingSet, decide, plus,
};
pub(super) use tables::Tables;
use tables::{
    ACCOUNTS, AUTHORIZATIONS, CARDS, ENTRIES, FEED, HEAD, HOLDS, JOURNALS, NUMBERS, SUSPENSE,
    decode, encode, get, head, undrained,
};

/// Name of the file inside the data folder.
pub(super) const FILE: &str = "books.redb";

/// How many reports over all entries at once: each may hold a million sums in memory.
const REPORTS_MAX: usize = 2;

/// The open file.
pub(super) struct Embedded {
    database: Database,
    reports: Arc<Semaphore>,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

impl Embedded {
    pub(super) fn open(folder: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|error| {
            StoreError::Unavailable(format!("cannot make {} ({error})", folder.display()))
        })?;
        let file = folder.join(FILE);
        let database = Database::create(&file).map_err(|error| {
            StoreError::Unavailable(format!("cannot open {} ({error})", file.display()))
        })?;
        Self::on(database)
    }

    pub(super) fn open_on(storage: impl redb::StorageBackend) -> Result<Self, StoreError> {
        let database = Database::builder().create_with_backend(storage);
        Self::on(database.map_err(|error| {
            StoreError::Unavailable(format!("cannot open the storage ({error})"))
        })?)
    }

    fn on(database: Database) -> Result<Self, StoreError> {
        let books = Self {
            database,
            reports: Arc::new(Semaphore::new(REPORTS_MAX)),
        };
        books.found()?;
        Ok(books)
    }

    /// Makes the tables and draws the epoch, unless they are there.
    fn found(&self) -> Result<(), StoreError> {
        let write = self.begin()?;
        tables::create(&write)?;
        entries::number(&write)?;
        {
            let mut table = write.open_table(HEAD).map_err(broken)?;
            let drawn = get(&table, "epoch")?;
            if drawn.is_none() {
                table.insert("epoch", super::draw_epoch()).map_err(broken)?;
            }
            // A file from before there was a list of holds.
            let listed = get(&table, "holds_listed")?;
            if listed.is_none() {
                list_holds(&write)?;
                table.insert("holds_listed", 1).map_err(broken)?;
            }
        }
        write
            .commit()
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// Draws another epoch; says it.
    pub(super) fn new_epoch(&self) -> Result<u64, StoreError> {
        let write = self.begin()?;
        let epoch = super::draw_epoch();
        (write.open_table(HEAD).map_err(broken)?)
            .insert("epoch", epoch)
            .map_err(broken)?;
        write
            .commit()
            .map_err(|error| StoreError::Unknown(error.to_string()))?;
        Ok(epoch)
    }

    /// Moves the hold clock on, unless a gateway stops it.
    pub(super) fn tick(&self, elapsed_ms: u64) -> Result<HoldClock, StoreError> {
        let write = self.begin()?;
        let undrained = undrained(&write.open_table(JOURNALS).map_err(broken)?)?;
        let clock_ms = {
            let mut table = write.open_table(HEAD).map_err(broken)?;
            let mut clock_ms = get(&table, "hold_clock_ms")?.unwrap_or_default();
            if undrained.is_empty() {
                clock_ms += elapsed_ms;
                table.insert("hold_clock_ms", clock_ms).map_err(broken)?;
            }
            clock_ms
        };
        write
            .commit()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(HoldClock {
            seconds: clock_ms / 1000,
            undrained,
        })
    }

    fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let mut write = self
            .database
            .begin_write()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        write
            .set_durability(Durability::Immediate)
            .map_err(broken)?;
        Ok(write)
    }

    /// Does a batch; also says the feed position afterwards.
    pub(super) fn transact(
        &self,
        commands: &[Command],
        now: Moment,
    ) -> Result<(Vec<Outcome>, u64), StoreError> {
        let write = self.begin()?;
        let (set, head) = load(&write, &Needs::of(commands))?;
        let draft = decide(set, commands, now);
        let nothing_to_write = draft.is_empty();
        let sealed = draft.seal(head);
        let position = sealed.head.position;
        if nothing_to_write {
            write.abort().map_err(broken)?;
            return Ok((sealed.outcomes, position));
        }
        let outcomes = save(&write, sealed)?;
        // The file may hold the batch although its last fsync failed.
        write
            .commit()
            .map_err(|error| StoreError::Unknown(error.to_string()))?;
        Ok((outcomes, position))
    }

    /// Reads on one snapshot, away from the threads that answer requests.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Tables) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let books = Arc::clone(self);
        on_blocking_task(move || work(&books.snapshot()?)).await
    }

    /// The same for what reads all entries: in its turn, which it keeps when the caller goes away.
    pub(super) async fn report<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(&self.reports).acquire_owned().await;
        let books = Arc::clone(self);
        on_blocking_task(move || {
            let _turn = turn;
            work(&books)
        })
        .await
    }

    fn snapshot(&self) -> Result<Tables, StoreError> {
        let snapshot: ReadTransaction = (self.database.begin_read())
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Tables::open(&snapshot)
    }
}

fn load(write: &WriteTransaction, needs: &Needs) -> Result<(WorkingSet, Head), StoreError> {
    let mut set = WorkingSet::default();
    let cards = write.open_table(CARDS).map_err(broken)?;
    for token in &needs.cards {
        if let Some(row) = cards.get(token.to_bytes()).map_err(broken)? {
            set.load_card(decode(row.value())?);
        }
    }
    let records = write.open_table(AUTHORIZATIONS).map_err(broken)?;
    for id in &needs.authorizations {
        if let Some(row) = records.get(id.0).map_err(broken)? {
            set.load_record(decode(row.value())?);
        }
    }
    loop {
        let mut found = false;
        for id in set.originals_missing() {
            if let Some(row) = records.get(id.0).map_err(broken)? {
                set.load_record(decode(row.value())?);
                found = true;
            }
        }
        if !found {
            break;
        }
    }
    let accounts = write.open_table(ACCOUNTS).map_err(broken)?;
    for id in set.accounts_needed(needs) {
        if let Some(row) = accounts.get(id.0).map_err(broken)? {
            set.load_account(decode(row.value())?);
        }
    }
    let journals = write.open_table(JOURNALS).map_err(broken)?;
    for gateway in &needs.gateways {
        if let Some(row) = journals.get(gateway.as_str()).map_err(broken)? {
            set.load_journal(gateway.clone(), decode(row.value())?);
        }
    }
    Ok((set, head(&write.open_table(HEAD).map_err(broken)?)?))
}

fn save(write: &WriteTransaction, sealed: Sealed) -> Result<Vec<Outcome>, StoreError> {
    save_states(write, &sealed)?;
    save_records(write, &sealed)?;
    let mut entries = write.open_table(ENTRIES).map_err(broken)?;
    let mut numbers = write.open_table(NUMBERS).map_err(broken)?;
    for entry in &sealed.entries {
        let key = (entry.account.0, entry.number);
        entries
            .insert(key, encode(entry)?.as_slice())
            .map_err(broken)?;
        numbers
            .insert(entry.number, entry.account.0)
            .map_err(broken)?;
    }
    let mut feed = write.open_table(FEED).map_err(broken)?;
    for change in &sealed.changes {
        feed.insert(change.position, encode(change)?.as_slice())
            .map_err(broken)?;
    }
    let mut journals = write.open_table(JOURNALS).map_err(broken)?;
    for (gateway, head) in &sealed.journals {
        journals
            .insert(gateway.as_str(), encode(head)?.as_slice())
            .map_err(broken)?;
    }
    for gateway in &sealed.granted {
        journals.remove(gateway.as_str()).map_err(broken)?;
    }
    let mut numbers = write.open_table(HEAD).map_err(broken)?;
    numbers
        .insert("position", sealed.head.position)
        .map_err(broken)?;
    numbers.insert("entry", sealed.head.entry).map_err(broken)?;
    Ok(sealed.outcomes)
}

fn save_states(write: &WriteTransaction, sealed: &Sealed) -> Result<(), StoreError> {
    let mut accounts = write.open_table(ACCOUNTS).map_err(broken)?;
    for account in sealed.new_accounts.iter().chain(&sealed.changed_accounts) {
        accounts
            .insert(account.id.0, encode(account)?.as_slice())
            .map_err(broken)?;
    }
    for delta in &sealed.internal {
        let known = accounts.get(delta.account.0).map_err(broken)?;
        let known = known.map(|row| decode(row.value())).transpose()?;
        let mut account: Account =
            known.unwrap_or_else(|| Account::new(delta.account, delta.currency));
        account.totals = plus(account.totals, delta.totals).ok_or_else(|| {
            StoreError::Refused("an internal account's totals would not fit".to_owned())
        })?;
        accounts
            .insert(account.id.0, encode(&account)?.as_slice())
            .map_err(broken)?;
    }
    let mut cards = write.open_table(CARDS).map_err(broken)?;
    for card in &sealed.cards {
        let key = card.state.card.to_bytes();
        cards
            .insert(key, encode(card)?.as_slice())
            .map_err(broken)?;
    }
    Ok(())
}

fn save_records(write: &WriteTransaction, sealed: &Sealed) -> Result<(), StoreError> {
    let mut records = write.open_table(AUTHORIZATIONS).map_err(broken)?;
    let mut suspense = write.open_table(SUSPENSE).map_err(broken)?;
    let mut holds = write.open_table(HOLDS).map_err(broken)?;
    for record in sealed.new_records.iter().chain(&sealed.changed_records) {
        let was = records
            .insert(record.id.0, encode(record)?.as_slice())
            .map_err(broken)?;
        if let Some(was) = was.map(|row| decode::<Record>(row.value())).transpose()? {
            holds.remove((was.held_at, was.id.0)).map_err(broken)?;
        }
        if record.waits() {
            suspense.insert(record.id.0, ()).map_err(broken)?;
        } else {
            suspense.remove(record.id.0).map_err(broken)?;
        }
        if record.holds() {
            let key = (record.held_at, record.id.0);
            holds.insert(key, ()).map_err(broken)?;
        }
    }
    Ok(())
}

fn list_holds(write: &WriteTransaction) -> Result<(), StoreError> {
    let records = write.open_table(AUTHORIZATIONS).map_err(broken)?;
    let mut holds = write.open_table(HOLDS).map_err(broken)?;
    for row in records.iter().map_err(broken)? {
        let record: Record = decode(row.map_err(broken)?.1.value())?;
        if record.holds() {
            let key = (record.held_at, record.id.0);
            holds.insert(key, ()).map_err(broken)?;
        }
    }
    Ok(())
}

fn broken(error: impl std::fmt::Display) -> StoreError {
    StoreError::Broken(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn two_reports_at_once_and_everything_else_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let books = Arc::new(Embedded::open(folder.path()).unwrap());
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let gone = Arc::new(std::sync::Mutex::new(gone));
        for _ in 0..REPORTS_MAX {
            let gone = Arc::clone(&gone);
            let report = books.report(move |_| {
                let _waited = gone.lock().unwrap().recv();
                Ok(())
            });
            // Whoever asked for it goes away.
            let asked = timeout(Duration::from_millis(20), report).await;
            assert!(asked.is_err());
        }
        let soon = Duration::from_millis(50);
        let third = timeout(soon, books.report(Embedded::verify)).await;
        assert!(third.is_err(), "it waits for its turn");
        let read = books.read(Tables::read_mark).await;
        assert!(read.is_ok(), "{read:?}");
        for _ in 0..REPORTS_MAX {
            go.send(()).unwrap();
        }
        let verified = books.report(Embedded::verify).await.unwrap();
        assert_eq!(verified.crooked, []);
    }
}
