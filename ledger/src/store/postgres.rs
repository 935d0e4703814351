//! Books in PostgreSQL, for one ledger or several over the same database.
//!
//! One batch is one transaction: lock the customers' accounts in order of id, load, decide in
//! memory, add to the ledger's own accounts, take the head row last, write every table with one
//! statement per kind of change, commit. Everybody locks in this order, so nobody waits in a circle.

mod accounting;
mod audit;
mod holds;
mod load;
mod read;
mod rows;
mod save;
mod schema;
mod tx;

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection, PgPool, Row};

use super::{Database, StoreError, UrlError, draw_epoch};
use crate::posting::{Command, Head, Moment, Needs, Outcome, decide};
use tx::{TxError, WORK_MAX, in_transaction};

/// One writes, the others read; more would only queue at the head row.
const CONNECTIONS_MAX: u32 = 8;
/// How long a connection may take to be had.
const ACQUIRE_MAX: Duration = Duration::from_millis(500);
/// How long a connection to look after the schema may take to be made.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long bringing the schema up to date may take before it is tried again.
const PREPARE_MAX: Duration = Duration::from_secs(60);

/// What every session is told: the server ends what a dead or stalled ledger has left behind.
const SESSION: [(&str, &str); 4] = [
    ("statement_timeout", "2000"),
    ("lock_timeout", "1000"),
    ("idle_in_transaction_session_timeout", "2000"),
    ("client_connection_check_interval", "500"),
];

#[derive(Debug)]
pub(super) struct Postgres {
    pool: PgPool,
    options: PgConnectOptions,
    /// True where this process brings the schema up to date.
    migrates: bool,
    /// True once this process has seen the schema and the epoch in place.
    prepared: AtomicBool,
}

impl Postgres {
    pub(super) fn new(database: &Database) -> Result<Self, UrlError> {
        let options = options(database)?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_MAX)
            .test_before_acquire(false)
            .max_lifetime(Duration::from_secs(300))
            .connect_lazy_with(options.clone().options(SESSION));
        Ok(Self {
            pool,
            options,
            migrates: database.migrate,
            prepared: AtomicBool::new(false),
        })
    }

    /// Migrates on a connection of its own, without the session limits of requests.
    pub(super) async fn prepare(&self) -> Result<String, StoreError> {
        let prepared = tokio::time::timeout(PREPARE_MAX, self.migrate()).await;
        let version = prepared
            .map_err(|_| StoreError::Unavailable("the database does not answer".to_owned()))??;
        self.prepared.store(true, Ordering::Release);
        Ok(format!("postgres {version}"))
    }

    /// Draws another epoch, before or after the books are prepared; says it.
    pub(super) async fn new_epoch(&self) -> Result<u64, StoreError> {
        let silent = || StoreError::Unknown("the database does not answer".to_owned());
        let drawn = tokio::time::timeout(PREPARE_MAX, self.draw());
        drawn.await.map_err(|_| silent())?
    }

    async fn draw(&self) -> Result<u64, StoreError> {
        self.migrate().await?;
        let mut connection = self.connect().await?;
        let epoch = draw_epoch();
        sqlx::query("UPDATE head SET epoch = $1 WHERE bucket = 0")
            .bind(epoch.cast_signed())
            .execute(&mut connection)
            .await
            .map_err(|error| StoreError::Unknown(error.to_string()))?;
        Ok(epoch)
    }

    async fn migrate(&self) -> Result<String, StoreError> {
        let mut connection = self.connect().await?;
        if self.migrates {
            schema::bring_up_to_date(&mut connection).await?;
        } else {
            schema::look(&mut connection).await?;
        }
        sqlx::query("INSERT INTO head (bucket, epoch) VALUES (0, $1) ON CONFLICT DO NOTHING")
            .bind(draw_epoch().cast_signed())
            .execute(&mut connection)
            .await
            .map_err(unavailable)?;
        let version: String = sqlx::query("SHOW server_version")
            .fetch_one(&mut connection)
            .await
            .and_then(|row| row.try_get(0))
            .map_err(unavailable)?;
        Ok(version.split_whitespace().next().unwrap_or("?").to_owned())
    }

    /// A connection of its own, without the session limits of requests.
    async fn connect(&self) -> Result<PgConnection, StoreError> {
        let connected = tokio::time::timeout(CONNECT_MAX, self.options.connect()).await;
        let silent = || StoreError::Unavailable("the database does not answer".to_owned());
        connected.map_err(|_| silent())?.map_err(not_connected)
    }

    fn ready(&self) -> Result<(), StoreError> {
        if self.prepared.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(StoreError::Unavailable(
                "the database's schema is not ready yet".to_owned(),
            ))
        }
    }

    /// Does a batch; also says the feed position afterwards.
    pub(super) async fn transact(
        &self,
        commands: Vec<Command>,
        now: Moment,
    ) -> Result<(Vec<Outcome>, u64), StoreError> {
        let batch = Arc::new((Needs::of(&commands), commands));
        self.run_tx("transact", move |connection| {
            let batch = Arc::clone(&batch);
            Box::pin(async move {
                in_transaction(connection, "BEGIN", WORK_MAX, move |connection| {
                    Box::pin(async move { post(connection, &batch.0, &batch.1, now).await })
                })
                .await
            })
        })
        .await
    }
}

/// How to connect to it.
pub(super) fn options(database: &Database) -> Result<PgConnectOptions, UrlError> {
    let url = &database.url;
    let is_ours = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let parsed = PgConnectOptions::from_str(url).ok().filter(|_| is_ours);
    let options = parsed.ok_or(UrlError)?;
    let options = options
        .application_name("holdfast-ledger")
        .disable_statement_logging();
    Ok(match &database.password {
        Some(password) => options.password(password),
        None => options,
    })
}

/// A server that answers and does not know us is configured otherwise than we are: waiting does not
/// help (28: authorization of the session, 3D: no such database).
fn not_connected(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    let stranger = code.is_some_and(|code| code.starts_with("28") || code.starts_with("3D"));
    if stranger {
        StoreError::Broken(format!(
            "the database does not let us in ({error}); correct its URL or the password file"
        ))
    } else {
        unavailable(error)
    }
}

fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

/// The batch inside its transaction.
async fn post(
    connection: &mut PgConnection,
    needs: &Needs,
    commands: &[Command],
    now: Moment,
) -> Result<(Vec<Outcome>, u64), TxError> {
    let set = load::working_set(connection, needs).await?;
    let draft = decide(set, commands, now);
    save::internal(connection, &draft.internal()).await?;
    let head = take_numbers(connection, draft.positions(), draft.entries()).await?;
    let nothing_to_write = draft.is_empty();
    let sealed = draft.seal(head);
    if !nothing_to_write {
        save::accounts(connection, &sealed).await?;
        save::cards(connection, &sealed.cards).await?;
        save::records(connection, &sealed).await?;
        save::entries(connection, &sealed.entries).await?;
        save::changes(connection, &sealed.changes).await?;
        save::journals(connection, &sealed.journals).await?;
        save::granted(connection, &sealed.granted).await?;
    }
    let position = sealed.head.position;
    Ok((sealed.outcomes, position))
}

/// Takes numbers from the head row and says where it stood before. The row stays locked to the end
/// of the transaction, so numbers become visible in their order (rule 13). A batch that needs no
/// numbers does not lock it.
async fn take_numbers(
    connection: &mut PgConnection,
    positions: u64,
    entries: u64,
) -> Result<Head, TxError> {
    let after = if positions == 0 && entries == 0 {
        rows::head(connection).await?
    } else {
        let row = sqlx::query(
            "UPDATE head SET position = position + $1, entry = entry + $2 WHERE bucket = 0
             RETURNING epoch, position, entry",
        )
        .bind(positions.cast_signed())
        .bind(entries.cast_signed())
        .fetch_one(connection)
        .await?;
        rows::head_of(&row)?
    };
    let before = Head {
        epoch: after.epoch,
        position: after.position - positions,
        entry: after.entry - entries,
    };
    Ok(before)
}
