//! Group commit as plainly as it can be written: what is put while one batch is made durable is the next one.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::support::Failure;

/// As many bytes as the journal writes for one decision.
pub(crate) const BYTES: usize = 208;

/// What is made durable.
pub(crate) type Item = [u8; BYTES];

/// What makes a batch durable.
pub(crate) trait Store: Send + 'static {
    /// All of them or none; durable when it returns.
    fn put(&mut self, batch: &[Item]) -> Result<(), Failure>;
}

/// A thread with a store, and callers who wait for it.
pub(crate) struct Gathered {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Desk {
    open: Mutex<Open>,
    changed: Condvar,
}

#[derive(Default)]
struct Open {
    items: Vec<Item>,
    done: watch::Sender<bool>,
    stop: bool,
}

impl Gathered {
    pub(crate) fn start(mut store: impl Store) -> Self {
        let desk = Arc::<Desk>::default();
        let theirs = Arc::clone(&desk);
        let thread = std::thread::spawn(move || {
            while let Some((batch, done)) = theirs.take() {
                match store.put(&batch) {
                    Ok(()) => drop(done.send_replace(true)),
                    Err(error) => eprintln!("the batch is lost: {error}"),
                }
            }
        });
        Self {
            desk,
            thread: Some(thread),
        }
    }

    /// Durable when it returns; false where that failed.
    pub(crate) async fn put(&self, item: Item) -> bool {
        let mut done = {
            let mut open = self.desk.lock();
            open.items.push(item);
            if open.items.len() == 1 {
                self.desk.changed.notify_one();
            }
            open.done.subscribe()
        };
        done.wait_for(|done| *done).await.is_ok()
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        self.desk.lock().stop = true;
        self.desk.changed.notify_one();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<(Vec<Item>, watch::Sender<bool>)> {
        let idle = |open: &mut Open| open.items.is_empty() && !open.stop;
        let waited = self.changed.wait_while(self.lock(), idle);
        let mut open = waited.unwrap_or_else(PoisonError::into_inner);
        let items = std::mem::take(&mut open.items);
        let done = std::mem::take(&mut open.done);
        (!items.is_empty()).then_some((items, done))
    }
}

/// A file full of zeros, written from the front and then again: one write and one fdatasync per batch.
pub(crate) struct Raw {
    file: File,
    offset: u64,
    bytes: Vec<u8>,
}

const RAW_BYTES: u64 = 64 << 20;

impl Raw {
    pub(crate) fn open(directory: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(directory.join("raw"))?;
        let zeros = vec![0; 1 << 20];
        for number in 0..RAW_BYTES >> 20 {
            file.write_all_at(&zeros, number << 20)?;
        }
        file.sync_all()?;
        Ok(Self {
            file,
            offset: 0,
            bytes: Vec::new(),
        })
    }
}

impl Store for Raw {
    fn put(&mut self, batch: &[Item]) -> Result<(), Failure> {
        self.bytes.clear();
        batch.iter().for_each(|item| self.bytes.extend(item));
        let length = self.bytes.len() as u64;
        if self.offset + length > RAW_BYTES {
            self.offset = 0;
        }
        self.file.write_all_at(&self.bytes, self.offset)?;
        self.offset += length;
        Ok(self.file.sync_data()?)
    }
}

/// One table, one transaction per batch, durable as SQLite can be.
pub(crate) struct Sqlite(rusqlite::Connection);

impl Sqlite {
    pub(crate) fn open(directory: &Path) -> Result<Self, Failure> {
        let connection = rusqlite::Connection::open(directory.join("sqlite"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let table =
            "CREATE TABLE answers (id BLOB PRIMARY KEY, answer BLOB NOT NULL) WITHOUT ROWID";
        connection.execute(table, ())?;
        Ok(Self(connection))
    }
}

impl Store for Sqlite {
    fn put(&mut self, batch: &[Item]) -> Result<(), Failure> {
        let transaction = self.0.transaction()?;
        {
            let insert = "INSERT INTO answers VALUES (?1, ?2)";
            let mut insert = transaction.prepare_cached(insert)?;
            for item in batch {
                let (id, answer) = item.split_at(16);
                insert.execute((id, answer))?;
            }
        }
        Ok(transaction.commit()?)
    }
}

/// One keyspace, one batch and one sync of its journal per batch.
pub(crate) struct Fjall {
    database: fjall::Database,
    answers: fjall::Keyspace,
}

impl Fjall {
    pub(crate) fn open(directory: &Path) -> Result<Self, Failure> {
        let database = fjall::Database::builder(directory.join("fjall")).open()?;
        let answers = database.keyspace("answers", fjall::KeyspaceCreateOptions::default)?;
        Ok(Self { database, answers })
    }
}

impl Store for Fjall {
    fn put(&mut self, batch: &[Item]) -> Result<(), Failure> {
        let mut together = self
            .database
            .batch()
            .durability(Some(fjall::PersistMode::SyncData));
        for item in batch {
            let (id, answer) = item.split_at(16);
            together.insert(&self.answers, id, answer);
        }
        Ok(together.commit()?)
    }
}
