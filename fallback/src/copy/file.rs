//! The file behind the local copy: one redb database, written by a thread of its own.
//!
//! What changes while one transaction is written gathers and goes into the next. Nobody waits for
//! it, and nothing that is only here is needed to answer: losing the last moments costs age, not
//! safety.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ledger_api::{
    AccountId, AccountState, AuthorizationId, CardState, CardToken, JournalHead, Mark,
};
use redb::{Database, ReadableDatabase, ReadableTable};

use super::age::Heard;
use super::known::{Listing, Rows};
use super::{AsOf, CopyError, RolledBack};

mod rows;

use rows::{ACCOUNTS, CARDS, META, SHORTFALLS};

use crate::maps::FastMap;

/// Two transactions start at least this far apart, so that a busy feed does not cost the journal
/// its disk.
const PAUSE: Duration = Duration::from_millis(250);

/// What the database may keep in memory: all rows are there already, and they are read once.
const CACHE_BYTES: usize = 16 << 20;

/// Its name in the data directory.
const NAME: &str = "copy.redb";

/// What is written together.
#[derive(Debug, Default)]
pub(super) struct Writes {
    /// Everything before is gone, and this is there.
    pub(super) listing: Option<Listing>,
    /// True where the journal was not known before.
    pub(super) first_journal: bool,
    pub(super) cards: FastMap<CardToken, AsOf<CardState>>,
    pub(super) accounts: FastMap<AccountId, AsOf<AccountState>>,
    pub(super) shortfalls: Vec<(AuthorizationId, i64)>,
    pub(super) meta: Meta,
}

/// Up to where the copy is complete, how old it is, and what it knows of the journal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meta {
    pub(super) mark: Option<Mark>,
    pub(super) heard: Option<Heard>,
    pub(super) journal: Option<JournalHead>,
    pub(super) rolled_back: Option<RolledBack>,
}

/// What a file held.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) rows: Rows,
    pub(super) shortfalls: FastMap<AuthorizationId, i64>,
    pub(super) meta: Meta,
}

/// The open file. Dropping it writes what is left.
#[derive(Debug)]
pub(super) struct File {
    desk: Arc<Desk>,
    writer: Option<JoinHandle<()>>,
}

/// Where callers leave what the writer takes.
#[derive(Debug, Default)]
struct Desk {
    work: Mutex<Work>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Work {
    writes: Option<Writes>,
    stop: bool,
    error: Option<String>,
}

impl Writes {
    pub(super) fn is_empty(&self) -> bool {
        self.listing.is_none()
            && !self.first_journal
            && self.cards.is_empty()
            && self.accounts.is_empty()
            && self.shortfalls.is_empty()
    }

    /// These, and then those.
    fn then(mut self, later: Self) -> Self {
        if later.listing.is_some() {
            self.listing = later.listing;
            self.cards.clear();
            self.accounts.clear();
        }
        self.cards.extend(later.cards);
        self.accounts.extend(later.accounts);
        self.shortfalls.extend(later.shortfalls);
        self.meta = later.meta;
        self
    }
}

impl File {
    /// Opens or makes the file, checks every page of it, and reads it.
    pub(super) fn open(directory: &Path) -> Result<(Self, Stored), CopyError> {
        let path = directory.join(NAME);
        let name = path.display().to_string();
        std::fs::create_dir_all(directory).map_err(|error| CopyError::Io {
            path: name.clone(),
            why: error.to_string(),
        })?;
        let mut database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(&path)
            .map_err(|error| refusal(&name, error))?;
        database
            .check_integrity()
            .map_err(|error| refusal(&name, error))?;
        let stored = match read(&database) {
            Ok(stored) => stored,
            Err(error) => {
                return Err(CopyError::Damaged {
                    path: name,
                    why: error.to_string(),
                });
            }
        };
        let desk = Arc::new(Desk::default());
        let theirs = Arc::clone(&desk);
        let writer = std::thread::Builder::new()
            .name("copy".to_owned())
            .spawn(move || theirs.serve(&database))
            .map_err(|error| CopyError::Io {
                path: name,
                why: error.to_string(),
            })?;
        Ok((
            Self {
                desk,
                writer: Some(writer),
            },
            stored,
        ))
    }

    /// Leaves this for the writer.
    pub(super) fn write(&self, writes: Writes) {
        let mut work = self.desk.lock();
        work.writes = Some(match work.writes.take() {
            Some(earlier) => earlier.then(writes),
            None => writes,
        });
        self.desk.changed.notify_one();
    }

    /// Why the last write failed, if it did.
    pub(super) fn error(&self) -> Option<String> {
        self.desk.lock().error.clone()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.desk.lock().stop = true;
        self.desk.changed.notify_one();
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer of the local copy panicked");
        }
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, database: &Database) {
        loop {
            let idle = |work: &mut Work| work.writes.is_none() && !work.stop;
            let mut work = self
                .changed
                .wait_while(self.lock(), idle)
                .unwrap_or_else(PoisonError::into_inner);
            let (taken, stop) = (work.writes.take(), work.stop);
            drop(work);
            if let Some(mut writes) = taken {
                if let Some(listing) = &mut writes.listing {
                    listing.sort();
                }
                self.attempt(database, writes);
            }
            if stop {
                return;
            }
            let resting = |work: &mut Work| !work.stop;
            let rest = self.changed.wait_timeout_while(self.lock(), PAUSE, resting);
            drop(rest.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Writes; what could not be written waits for the next attempt.
    fn attempt(&self, database: &Database, writes: Writes) {
        match commit(database, &writes) {
            Ok(()) => self.lock().error = None,
            Err(error) => {
                let error = error.to_string();
                let mut work = self.lock();
                if work.error.as_ref() != Some(&error) {
                    tracing::warn!(
                        error,
                        "the local copy cannot be written; after a restart it is as old as the file"
                    );
                }
                work.error = Some(error);
                work.writes = Some(match work.writes.take() {
                    Some(later) => writes.then(later),
                    None => writes,
                });
            }
        }
    }
}

fn commit(database: &Database, writes: &Writes) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    if writes.listing.is_some() {
        transaction.delete_table(CARDS)?;
        transaction.delete_table(ACCOUNTS)?;
    }
    {
        let mut cards = transaction.open_table(CARDS)?;
        let listed = writes.listing.iter().flat_map(|listing| &listing.cards);
        for row in listed.chain(writes.cards.values()) {
            cards.insert(row.state.card.to_bytes(), rows::card_row(row))?;
        }
        let mut accounts = transaction.open_table(ACCOUNTS)?;
        let listed = writes.listing.iter().flat_map(|listing| &listing.accounts);
        for row in listed.chain(writes.accounts.values()) {
            accounts.insert(row.state.account.0, rows::account_row(row))?;
        }
        let mut shortfalls = transaction.open_table(SHORTFALLS)?;
        for (id, minor) in &writes.shortfalls {
            shortfalls.insert(id.0, minor)?;
        }
        let mut meta = transaction.open_table(META)?;
        for (key, value) in rows::meta_rows(&writes.meta) {
            meta.insert(key, value)?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn read(database: &Database) -> Result<Stored, rows::ReadError> {
    let transaction = database.begin_read()?;
    let mut stored = Stored::default();
    let meta = match transaction.open_table(META) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(stored),
        Err(error) => return Err(error.into()),
    };
    let mut values = HashMap::new();
    for row in meta.iter()? {
        let (key, value) = row?;
        values.insert(key.value().to_owned(), value.value());
    }
    stored.meta = rows::meta_from(&values)?;
    // Accounts first: see `put_account`.
    for row in transaction.open_table(ACCOUNTS)?.iter()? {
        let (key, value) = row?;
        let known = rows::account_from(key.value(), value.value())?;
        stored.rows.put_account(known);
    }
    for row in transaction.open_table(CARDS)?.iter()? {
        let (key, value) = row?;
        stored
            .rows
            .put_card(rows::card_from(key.value(), value.value())?);
    }
    for row in transaction.open_table(SHORTFALLS)?.iter()? {
        let (key, value) = row?;
        let id = AuthorizationId(key.value());
        stored.shortfalls.insert(id, value.value());
    }
    Ok(stored)
}

fn refusal(path: &str, error: redb::DatabaseError) -> CopyError {
    let path = path.to_owned();
    match error {
        redb::DatabaseError::DatabaseAlreadyOpen => CopyError::InUse { path },
        redb::DatabaseError::Storage(redb::StorageError::Io(error))
            if error.kind() != std::io::ErrorKind::InvalidData
                && error.kind() != std::io::ErrorKind::UnexpectedEof =>
        {
            CopyError::Io {
                path,
                why: error.to_string(),
            }
        }
        error => CopyError::Damaged {
            path,
            why: error.to_string(),
        },
    }
}
