//! Books on a disk. Every store loads, lets [`crate::posting`] decide, and writes; none has rules
//! of its own. What a store must prove is in [`crate::conformance`].

pub(crate) mod audit;
pub(crate) mod closes;
mod embedded;
mod error;
pub(crate) mod listing;
mod postgres;
pub(crate) mod statement;
#[cfg(test)]
mod tests;
pub(crate) mod verify;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ledger_api::{
    AccountId, AccountView, AccountsPage, AuthorizationId, AuthorizationView, AuthorizationsPage,
    ClosesPage, EntriesPage, FeedPage, GatewayId, JournalHead, ListingPage, Mark, StatementPage,
    TrialBalance, Undrained, Verification,
};
use tokio::sync::watch;

use crate::memory::MemoryStore;
use crate::posting::{Command, Moment, Outcome};
pub use closes::{Closed, Closing};
use embedded::Embedded;
pub use error::StoreError;
pub use listing::ListingCursor;
use postgres::{Locked, Postgres};

/// A database URL that is not one of PostgreSQL. It is not repeated here: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the database URL does not parse; write postgres://user@host:5432/name")]
pub struct UrlError;

/// A PostgreSQL database for the books.
#[derive(Clone)]
pub struct Database {
    /// Where it is, such as `postgres://user@host:5432/name`. It may hold a password.
    pub url: String,
    /// The connection's password; the one in the URL, if any, where `None`.
    pub password: Option<String>,
    /// Which part of the books in it: a whole set of books of its own, from 0 on.
    pub bucket: u16,
    /// True: [`Store::prepare`] brings the schema up to date. False: it waits until somebody has.
    pub migrate: bool,
}

impl Database {
    /// Checks what can be checked without the database.
    ///
    /// # Errors
    /// When the URL is not one of PostgreSQL.
    pub fn check(&self) -> Result<(), UrlError> {
        postgres::options(self).map(drop)
    }
}

/// What came of one command of a batch that does not wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// It was done.
    Done(Outcome),
    /// It was left out: somebody else has locked a row that it needs.
    Held(HeldRow),
    /// It was not done, or may not have been, while others of the batch were.
    Failed(StoreError),
}

/// A row that a command has to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeldRow {
    /// The account's.
    Account(AccountId),
    /// The authorization's.
    Authorization(AuthorizationId),
}

/// The books, wherever they are. Clones share them.
#[derive(Debug, Clone)]
pub struct Store {
    kind: Kind,
    /// The last feed position that this process has committed.
    committed: watch::Sender<u64>,
    /// Seconds on the hold clock, as of the last look at it.
    hold_clock: Arc<AtomicU64>,
}

/// The clock by which holds expire: it goes on only while somebody ticks it, and nobody has an
/// undrained journal (rule 17).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HoldClock {
    /// What it shows.
    pub seconds: u64,
    /// Who stops it.
    pub undrained: Vec<Undrained>,
}

#[derive(Debug, Clone)]
enum Kind {
    Memory(Arc<Mutex<MemoryStore>>),
    Embedded(Arc<Embedded>),
    Postgres(Arc<Postgres>),
}

/// Runs a read on whatever store it is.
macro_rules! read {
    ($store:expr, $method:ident($($argument:expr),*)) => {
        match &$store.kind {
            Kind::Memory(books) => lock(books).$method($($argument),*),
            Kind::Embedded(books) => {
                books.read(move |tables| tables.$method($($argument),*)).await
            }
            Kind::Postgres(books) => {
                let books = Arc::clone(books);
                on_own_task(async move { books.$method($($argument),*).await }).await
            }
        }
    };
}

/// Runs a report over all entries on whatever store it is.
macro_rules! report {
    ($store:expr, $method:ident($($argument:expr),*)) => {
        match &$store.kind {
            Kind::Memory(books) => lock(books).$method($($argument),*),
            Kind::Embedded(books) => books.report(move |books| books.$method($($argument),*)).await,
            Kind::Postgres(books) => {
                let books = Arc::clone(books);
                on_own_task(async move { books.$method($($argument),*).await }).await
            }
        }
    };
}

impl Store {
    /// Books without a disk, for tests.
    pub fn memory(epoch: u64) -> Self {
        Self::of(Kind::Memory(Arc::new(Mutex::new(MemoryStore::new(epoch)))))
    }

    /// Books in one file in `folder`, which is made if it is absent. One process at a time.
    ///
    /// # Errors
    /// When the file cannot be made, opened or repaired, or another process has it open.
    pub async fn embedded(folder: &Path) -> Result<Self, StoreError> {
        let folder = folder.to_owned();
        Self::opened(on_blocking_task(move || Embedded::open(&folder)).await?).await
    }

    /// The same on any storage, such as a disk that a test can cut the power of.
    ///
    /// # Errors
    /// When what the storage holds cannot be opened or repaired.
    pub async fn embedded_on(storage: impl redb::StorageBackend) -> Result<Self, StoreError> {
        Self::opened(on_blocking_task(move || Embedded::open_on(storage)).await?).await
    }

    async fn opened(books: Embedded) -> Result<Self, StoreError> {
        let store = Self::of(Kind::Embedded(Arc::new(books)));
        store.hold_clock().await?;
        Ok(store)
    }

    /// True where a folder has books in it.
    pub fn is_in(folder: &Path) -> bool {
        folder.join(embedded::FILE).is_file()
    }

    /// Books in a PostgreSQL database, which may be down for now: call [`Store::prepare`] until it
    /// succeeds.
    ///
    /// # Errors
    /// When the URL is not one of PostgreSQL.
    pub fn postgres(url: &str) -> Result<Self, UrlError> {
        Self::database(&Database {
            url: url.to_owned(),
            password: None,
            bucket: 0,
            migrate: true,
        })
    }

    /// As [`Store::postgres`], with more said about the database.
    ///
    /// # Errors
    /// When the URL is not one of PostgreSQL.
    pub fn database(database: &Database) -> Result<Self, UrlError> {
        let books = Postgres::new(database)?;
        Ok(Self::of(Kind::Postgres(Arc::new(books))))
    }

    fn of(kind: Kind) -> Self {
        Self {
            kind,
            committed: watch::Sender::new(0),
            hold_clock: Arc::default(),
        }
    }

    /// Brings the schema up to date, or makes sure that it is ([`Database::migrate`]), and that the
    /// books have an epoch; says what the store is, such as `embedded` or `postgres 15.18`. Safe to
    /// repeat.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] while the database is down, or its schema is behind and is not to
    /// be changed; [`StoreError::Broken`] where the schema is not one of this ledger.
    pub async fn prepare(&self) -> Result<String, StoreError> {
        let kind = match &self.kind {
            Kind::Memory(_) => "memory".to_owned(),
            Kind::Embedded(_) => "embedded".to_owned(),
            Kind::Postgres(books) => {
                let books = Arc::clone(books);
                on_own_task(async move { books.prepare().await }).await?
            }
        };
        self.hold_clock().await?;
        Ok(kind)
    }

    /// Draws a new epoch, for books that were restored from a backup: gateways list again, and tell
    /// again what they had told (rules 13, 22). Safe to repeat; call it before anybody reads. Returns
    /// the epoch.
    ///
    /// # Errors
    /// When the store is not available, or did not say whether it has the new epoch.
    pub async fn new_epoch(&self) -> Result<u64, StoreError> {
        match &self.kind {
            Kind::Memory(books) => {
                let epoch = draw_epoch();
                lock(books).set_epoch(epoch);
                Ok(epoch)
            }
            Kind::Embedded(books) => {
                let books = Arc::clone(books);
                on_blocking_task(move || books.new_epoch()).await
            }
            Kind::Postgres(books) => {
                let books = Arc::clone(books);
                on_own_task(async move { books.new_epoch().await }).await
            }
        }
    }

    /// The moment at this wall-clock second, with the hold clock as of the last look at it.
    pub fn moment(&self, wall_seconds: u64) -> Moment {
        Moment {
            yymm: process::clock::yymm(wall_seconds),
            seconds: wall_seconds,
            hold_clock: self.hold_clock.load(Ordering::Acquire),
        }
    }

    /// Moves the hold clock on, unless a gateway stops it: by the time since the last tick, of whichever
    /// ledger, or by `elapsed` where no other ledger can tick.
    ///
    /// # Errors
    /// When the store is not available; the time until the next tick counts then.
    pub async fn tick(&self, elapsed: Duration) -> Result<HoldClock, StoreError> {
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let clock = match &self.kind {
            Kind::Memory(books) => lock(books).tick(elapsed_ms),
            Kind::Embedded(books) => {
                let books = Arc::clone(books);
                on_blocking_task(move || books.tick(elapsed_ms)).await?
            }
            Kind::Postgres(books) => {
                let books = Arc::clone(books);
                on_own_task(async move { books.tick().await }).await?
            }
        };
        self.hold_clock.fetch_max(clock.seconds, Ordering::AcqRel);
        Ok(clock)
    }

    /// The clock by which holds expire.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn hold_clock(&self) -> Result<HoldClock, StoreError> {
        let clock: Result<HoldClock, StoreError> = read!(self, hold_clock());
        let clock = clock?;
        self.hold_clock.fetch_max(clock.seconds, Ordering::AcqRel);
        Ok(clock)
    }

    /// At most `limit` authorizations whose hold was placed by then, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn due(
        &self,
        held_by: u64,
        limit: usize,
    ) -> Result<Vec<AuthorizationId>, StoreError> {
        read!(self, due(held_by, limit))
    }

    /// Does all commands, in order, in one transaction. What somebody else has locked is waited for, for a
    /// bounded time. The work goes on when the caller goes away.
    ///
    /// # Errors
    /// When the batch as a whole was not done, or may not have been; see [`StoreError`].
    pub async fn transact(
        &self,
        commands: Vec<Command>,
        now: Moment,
    ) -> Result<Vec<Outcome>, StoreError> {
        let done = self.post(Arc::new(commands), now, Locked::Wait).await?;
        let outcomes = done.into_iter().filter_map(|done| match done {
            Passed::Done(outcome) => Some(outcome),
            Passed::Held(_) | Passed::Failed(_) => None,
        });
        Ok(outcomes.collect())
    }

    /// As [`Store::transact`], without waiting: commands that need a row that somebody else has locked
    /// are left out, so that one such row holds up nobody else (rule 19).
    ///
    /// # Errors
    /// As [`Store::transact`].
    pub async fn transact_free(
        &self,
        commands: Arc<Vec<Command>>,
        now: Moment,
    ) -> Result<Vec<Passed>, StoreError> {
        self.post(commands, now, Locked::Pass).await
    }

    async fn post(
        &self,
        commands: Arc<Vec<Command>>,
        now: Moment,
        locked: Locked,
    ) -> Result<Vec<Passed>, StoreError> {
        let all = |outcomes: Vec<Outcome>| outcomes.into_iter().map(Passed::Done).collect();
        let (done, position) = match &self.kind {
            Kind::Memory(books) => {
                let mut books = lock(books);
                let outcomes = books.transact(Arc::unwrap_or_clone(commands), now);
                (all(outcomes), books.mark().position)
            }
            Kind::Embedded(books) => {
                let books = Arc::clone(books);
                let done = on_blocking_task(move || books.transact(&commands, now)).await;
                done.map(|(outcomes, position)| (all(outcomes), position))?
            }
            Kind::Postgres(books) => {
                let posted = Arc::clone(books).transact(commands, now, locked);
                let posted = on_own_task(posted).await?;
                // Another ledger may have moved it on.
                self.hold_clock
                    .fetch_max(posted.hold_clock, Ordering::AcqRel);
                (posted.done, posted.head.position)
            }
        };
        self.committed.send_if_modified(|last| {
            let newer = position > *last;
            *last = position.max(*last);
            newer
        });
        Ok(done)
    }

    /// How many authorizations were decided on what this process remembers of books that are elsewhere.
    pub fn remembered(&self) -> u64 {
        match &self.kind {
            Kind::Memory(_) | Kind::Embedded(_) => 0,
            Kind::Postgres(books) => books.remembered.load(Ordering::Relaxed),
        }
    }

    /// How many batches of authorizations are worth having on their way at once: where they are written
    /// elsewhere, the next one is made ready meanwhile.
    pub fn live_in_flight(&self) -> usize {
        match self.kind {
            Kind::Memory(_) | Kind::Embedded(_) => 1,
            Kind::Postgres(_) => 2,
        }
    }

    /// The last feed position that this process has committed, as it grows.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    /// True where other processes write to the same books, so that [`Store::committed`] does not
    /// tell everything.
    pub fn is_shared(&self) -> bool {
        matches!(self.kind, Kind::Postgres(_))
    }

    /// Where the books stand.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn mark(&self) -> Result<Mark, StoreError> {
        read!(self, read_mark())
    }

    /// One account; `None` if it does not exist.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn account(&self, id: AccountId) -> Result<Option<AccountView>, StoreError> {
        read!(self, account(id))
    }

    /// At most `limit` entries of an account after a number, with the balance before them; `None` if
    /// the account does not exist.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn entries_of(
        &self,
        id: AccountId,
        after: u64,
        limit: usize,
    ) -> Result<Option<StatementPage>, StoreError> {
        read!(self, entries_of(id, after, limit))
    }

    /// At most `limit` entries of all accounts after a number, without holes.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn entries(&self, after: u64, limit: usize) -> Result<EntriesPage, StoreError> {
        read!(self, entries(after, limit))
    }

    /// At most `limit` accounts after an id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn accounts(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<AccountsPage, StoreError> {
        read!(self, accounts(after, limit))
    }

    /// What the books hold for an id; `None` if nothing.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn authorization(
        &self,
        id: AuthorizationId,
    ) -> Result<Option<AuthorizationView>, StoreError> {
        read!(self, authorization(id))
    }

    /// At most `limit` authorizations after an id.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn authorizations(
        &self,
        after: Option<AuthorizationId>,
        limit: usize,
    ) -> Result<AuthorizationsPage, StoreError> {
        read!(self, authorizations(after, limit))
    }

    /// At most `limit` authorizations after an id that wait for a person: parked or contested.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn suspense(
        &self,
        after: Option<AuthorizationId>,
        limit: usize,
    ) -> Result<AuthorizationsPage, StoreError> {
        read!(self, suspense(after, limit))
    }

    /// At most `limit` changes after a position, without holes (rule 13).
    ///
    /// # Errors
    /// [`StoreError::EpochChanged`] for another epoch; for a position that this one has not reached, too,
    /// and [`StoreError::FeedAhead`] where the books are on a server that others can take the place of;
    /// or when the store cannot be read.
    pub async fn feed(&self, epoch: u64, after: u64, limit: usize) -> Result<FeedPage, StoreError> {
        read!(self, feed(epoch, after, limit))
    }

    /// At most `limit` states after a cursor: accounts first, then cards.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn listing(
        &self,
        after: Option<ListingCursor>,
        limit: usize,
    ) -> Result<ListingPage, StoreError> {
        read!(self, listing(after, limit))
    }

    /// The trial balance on one snapshot (I6).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn books(&self) -> Result<TrialBalance, StoreError> {
        report!(self, books())
    }

    /// Closes a day, on one snapshot, if debits equal credits in every currency and every account's
    /// totals equal its entries. It may take long: it reads every entry since the close before, and the
    /// sums of all.
    ///
    /// # Errors
    /// When the store is not available, or did not say whether the day is closed.
    pub async fn close(&self, closing: Closing) -> Result<Closed, StoreError> {
        report!(self, close(closing))
    }

    /// At most `limit` closes after a number.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn closes(&self, after: u64, limit: usize) -> Result<ClosesPage, StoreError> {
        read!(self, closes(after, limit))
    }

    /// Computes everything again that can be, on one snapshot. It reads all there is.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn verify(&self) -> Result<Verification, StoreError> {
        report!(self, verify())
    }

    /// The last journal head that a gateway reported; `None` if it never did.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn journal_head(
        &self,
        gateway: GatewayId,
    ) -> Result<Option<JournalHead>, StoreError> {
        read!(self, journal_head(&gateway))
    }
}

fn lock(books: &Mutex<MemoryStore>) -> MutexGuard<'_, MemoryStore> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A caller that goes away must not stop work in the middle of a transaction.
async fn on_own_task<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(work)
        .await
        .unwrap_or_else(|error| Err(stopped(&error)))
}

async fn on_blocking_task<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(stopped(&error)))
}

fn stopped(error: &tokio::task::JoinError) -> StoreError {
    StoreError::Unknown(format!("the task that did it ended early ({error})"))
}

/// A new epoch: drawn, so that a restored ledger does not take an old one for its own; not zero,
/// which no store has, and small enough for every reader of JSON.
fn draw_epoch() -> u64 {
    rand::random_range(1..1 << 53)
}
