//! The one place where work on the database is bounded, retried and given up.

use std::pin::Pin;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Connection, PgConnection, Postgres as Database};
use tokio::time::{Instant, sleep, timeout};

use super::Postgres;
use super::pools::Role;
use crate::store::StoreError;

/// How long a transaction may take before its commit, and a read without one. Longer than the server's
/// statement time-out, so that it only ends what the server cannot: a connection that is cut or frozen.
pub(super) const WORK_MAX: Duration = Duration::from_secs(3);
/// The same for a report over all entries, which tells the server so.
pub(super) const REPORT_MAX: Duration = Duration::from_secs(3_600);
/// How long a commit may take before its outcome counts as unknown.
const COMMIT_MAX: Duration = Duration::from_secs(3);
/// How long a connection may take to go back to the pool, which asks the server something.
const RELEASE_MAX: Duration = Duration::from_secs(3);
/// How long a transaction that loses races is done again.
const RACES_MAX: Duration = Duration::from_secs(2);
/// How long a lost connection is replaced before the caller hears of it.
const RECONNECT_MAX: Duration = Duration::from_millis(1_500);
/// How often a transaction whose commit was not confirmed is asked again.
const UNCONFIRMED_MAX: u32 = 3;
/// How long to wait before a connection is replaced again, or a race is run again.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, TxError>> + Send + 'c>>;

/// Why a piece of work was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum TxError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// Another transaction came first.
    #[error("another transaction changed what this one had read")]
    Raced,
    /// Somebody else has locked what this one waited for, for longer than it may wait.
    #[error("somebody else holds what this waits for ({0})")]
    Held(sqlx::Error),
    #[error("the database did not answer in time")]
    TimedOut,
    /// The commit did not say what came of it.
    #[error("the commit was not confirmed ({0})")]
    Commit(String),
}

/// What to do about a [`TxError`].
enum Next {
    /// Again, at once.
    Race,
    /// Again, on a new connection.
    Reconnect,
    /// Again, on a new connection; it may have happened.
    AskAgain,
    /// Tell the caller.
    Give(StoreError),
}

impl Postgres {
    /// Does `work` that needs no transaction: one statement, or a few that each tell the truth. On a
    /// connection that is cut or frozen it ends here, and the connection with it: a question that
    /// nobody answers must not keep one of the few that there are.
    pub(super) async fn read<T: 'static>(
        &self,
        name: &'static str,
        work: impl for<'c> Fn(&'c mut PgConnection) -> Work<'c, T> + Send + Sync,
    ) -> Result<T, StoreError> {
        self.run_tx(Role::Reads, name, |connection| {
            let work = timeout(WORK_MAX, work(connection));
            Box::pin(async move { work.await.map_err(|_| TxError::TimedOut)? })
        })
        .await
    }

    /// Does `work`, which bounds itself and may be done twice, on a connection, under a name for the log.
    /// Lost races (serialization failure, deadlock, a key that somebody else inserted first) are run
    /// again, and a lost connection is replaced, for a bounded time. Where a commit was not confirmed,
    /// doing it again finds out: what was done is repeated, and what was not is done.
    pub(super) async fn run_tx<T>(
        &self,
        role: Role,
        name: &'static str,
        work: impl for<'c> Fn(&'c mut PgConnection) -> Work<'c, T> + Send + Sync,
    ) -> Result<T, StoreError> {
        self.run_tx_after(0, role, name, work).await
    }

    /// As [`Postgres::run_tx`], after so many commits of the same that were not confirmed.
    pub(super) async fn run_tx_after<T>(
        &self,
        unconfirmed: u32,
        role: Role,
        name: &'static str,
        work: impl for<'c> Fn(&'c mut PgConnection) -> Work<'c, T> + Send + Sync,
    ) -> Result<T, StoreError> {
        self.ready()?;
        let mut attempts = Attempts::new(name);
        attempts.unconfirmed = unconfirmed;
        loop {
            let mut connection = match self.pools.of(role).acquire().await {
                Ok(connection) => connection,
                Err(error) => return Err(attempts.no_connection(&error)),
            };
            let error = match work(&mut connection).await {
                Ok(value) => {
                    release(connection);
                    return Ok(value);
                }
                Err(error) => error,
            };
            if keeps_connection(&error) {
                release(connection);
            } else {
                self.discard(role, connection);
            }
            attempts.next(&error).await?;
        }
    }

    /// Closes a connection without a farewell, and the idle ones with it: what broke one has most
    /// likely broken all.
    pub(super) fn discard(&self, role: Role, connection: PoolConnection<Database>) {
        drop(connection.detach());
        while let Some(idle) = self.pools.of(role).try_acquire() {
            drop(idle.detach());
        }
    }
}

/// How often a piece of work was tried, and how it ended so far.
struct Attempts {
    name: &'static str,
    began: Instant,
    races: u32,
    unconfirmed: u32,
}

impl Attempts {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            began: Instant::now(),
            races: 0,
            unconfirmed: 0,
        }
    }

    /// Whether it is tried again, and when; otherwise what the caller is told.
    async fn next(&mut self, error: &TxError) -> Result<(), StoreError> {
        let name = self.name;
        let within = |bound| self.began.elapsed() < bound;
        match next(error) {
            Next::Race if within(RACES_MAX) => {
                self.races += 1;
                tracing::debug!(transaction = name, races = self.races, %error, "done again");
                if self.races > 2 {
                    sleep(PAUSE.mul_f64(rand::random_range(0.0..1.0))).await;
                }
            }
            Next::Reconnect if within(RECONNECT_MAX) => {
                tracing::warn!(transaction = name, %error, "connection replaced");
                sleep(PAUSE).await;
            }
            Next::AskAgain if self.unconfirmed < UNCONFIRMED_MAX => {
                self.unconfirmed += 1;
                tracing::warn!(transaction = name, %error, "asked again on another connection");
                sleep(PAUSE).await;
            }
            Next::Race | Next::Reconnect => {
                return Err(self.given(StoreError::Unavailable(error.to_string())));
            }
            Next::AskAgain => return Err(self.given(StoreError::Unknown(error.to_string()))),
            Next::Give(given) => return Err(self.given(given)),
        }
        Ok(())
    }

    fn no_connection(&self, error: &sqlx::Error) -> StoreError {
        let what = format!("no connection to the database ({error})");
        self.given(StoreError::Unavailable(what))
    }

    /// Nobody may say that nothing was done where an earlier commit was not confirmed.
    fn given(&self, error: StoreError) -> StoreError {
        let given = match error {
            StoreError::Unavailable(what) | StoreError::Busy(what) if self.unconfirmed > 0 => {
                StoreError::Unknown(format!("a commit was not confirmed, and then: {what}"))
            }
            other => other,
        };
        tracing::warn!(transaction = self.name, error = %given, "given up");
        given
    }
}

/// Gives a connection back. The pool asks the server something before it takes one, and waits for ever:
/// a connection that dies in this moment would be lost to it.
pub(super) fn release(mut connection: PoolConnection<Database>) {
    let returned = connection.return_to_pool();
    tokio::spawn(timeout(RELEASE_MAX, returned));
}

/// `work` between `begin` and COMMIT, each bounded. Whatever fails before the commit was not done;
/// the commit itself is never tried twice.
pub(super) async fn in_transaction<T: Send>(
    connection: &mut PgConnection,
    begin: &'static str,
    work_max: Duration,
    work: impl for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T> + Send,
) -> Result<T, TxError> {
    let started = async {
        let mut transaction = connection.begin_with(begin).await?;
        let value = work(&mut transaction).await?;
        Ok::<_, TxError>((transaction, value))
    };
    let (transaction, value) = timeout(work_max, started)
        .await
        .map_err(|_| TxError::TimedOut)??;
    match timeout(COMMIT_MAX, transaction.commit()).await {
        Ok(Ok(())) => Ok(value),
        Ok(Err(error)) if is_race(&error) => Err(TxError::Raced),
        Ok(Err(error)) => Err(TxError::Commit(error.to_string())),
        Err(_) => Err(TxError::Commit("no answer in time".to_owned())),
    }
}

/// The SQLSTATE that the server gave.
fn code(error: &sqlx::Error) -> Option<String> {
    error
        .as_database_error()?
        .code()
        .map(|code| code.into_owned())
}

/// A lock was not to be had in the time that the server allows.
pub(super) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    code(error).as_deref() == Some("55P03")
}

/// Serialization failure, deadlock, a key that somebody else inserted first, or a partition that somebody
/// else made while this one waited to write beside it: rolled back.
fn is_race(error: &sqlx::Error) -> bool {
    match code(error).as_deref() {
        Some("40001" | "40P01" | "23505") => true,
        // A row that belongs to another partition breaks a rule that has no name.
        Some("23514") => error
            .as_database_error()
            .is_some_and(|error| error.constraint().is_none()),
        _ => false,
    }
}

/// The server has answered with an error of the statement: the connection is sound.
pub(super) fn keeps_connection(error: &TxError) -> bool {
    match error {
        TxError::Raced | TxError::Held(_) => true,
        TxError::Database(error) => {
            matches!(next_for(error), Next::Race | Next::Give(_))
                && (error.as_database_error().is_some() || is_decoding(error))
        }
        TxError::TimedOut | TxError::Commit(_) => false,
    }
}

fn is_decoding(error: &sqlx::Error) -> bool {
    use sqlx::Error::{ColumnDecode, ColumnNotFound, Decode, RowNotFound};
    matches!(
        error,
        ColumnDecode { .. } | ColumnNotFound(_) | Decode(_) | RowNotFound
    )
}

fn next(error: &TxError) -> Next {
    match error {
        TxError::Raced => Next::Race,
        TxError::Database(error) => next_for(error),
        TxError::TimedOut => Next::Give(StoreError::Unavailable(error.to_string())),
        TxError::Commit(_) => Next::AskAgain,
        TxError::Held(error) => Next::Give(StoreError::Busy(error.to_string())),
    }
}

fn next_for(error: &sqlx::Error) -> Next {
    let Some(code) = code(error) else {
        return if is_decoding(error) {
            Next::Give(StoreError::Broken(error.to_string()))
        } else {
            Next::Reconnect
        };
    };
    match code.as_str() {
        _ if is_race(error) => Next::Race,
        // A server that stops or starts, one that may not write: not the primary any more; and one that
        // has ended what waited for too long.
        "57P01" | "57P02" | "57P03" | "25006" | "25P03" => Next::Reconnect,
        // Somebody else was in front for long: of the head row, or of a key.
        "55P03" => Next::Race,
        // A statement's time-out.
        "57014" => Next::Give(StoreError::Unavailable(error.to_string())),
        code if code.starts_with("08") => Next::Reconnect,
        code if code.starts_with("53") => Next::Give(StoreError::Unavailable(error.to_string())),
        code if code.starts_with("22") || code.starts_with("23") => {
            Next::Give(StoreError::Refused(error.to_string()))
        }
        _ => Next::Give(StoreError::Broken(error.to_string())),
    }
}
