//! Books in PostgreSQL, for one ledger or several over the same database.
//!
//! One batch is one transaction. Authorizations are decided on what this process remembers, and written
//! with one statement ([`direct`]). All else is done under locks: lock the customers' accounts and load,
//! decide in memory, take the head row, last of what anybody else may want, write every table with one
//! statement per kind of change, commit. A process serves one bucket: a whole set of books, with its own
//! head and feed.

mod accounting;
mod audit;
mod direct;
mod gate;
mod holds;
mod load;
mod memory;
mod pools;
mod read;
mod rows;
mod save;
mod schema;
mod turns;
mod tx;
mod upkeep;

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ledger_api::{AccountId, AuthorizationId, CardToken};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection, Row};

use super::{Database, HeldRow, Passed, StoreError, UrlError, draw_epoch};
use crate::posting::{Command, Draft, Head, Lane, Moment, Needs, Sealed, WorkingSet, decide};
use gate::Gate;
use memory::{Memory, Stamp};
use pools::{Pools, Role};
use turns::Turns;
use tx::{TxError, WORK_MAX, in_transaction};
use upkeep::Upkeep;

/// How long a connection to look after the schema may take to be made.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long bringing the schema up to date may take before it is tried again.
const PREPARE_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Postgres {
    bucket: i16,
    pools: Pools,
    options: PgConnectOptions,
    /// True where this process brings the schema up to date.
    migrates: bool,
    /// True once this process has seen the schema and the epoch in place.
    prepared: AtomicBool,
    upkeep: Upkeep,
    memory: Mutex<Memory>,
    /// How many authorizations were decided on it.
    pub(super) remembered: AtomicU64,
    turns: Arc<Turns>,
}

impl Postgres {
    pub(super) fn new(database: &Database) -> Result<Self, UrlError> {
        let options = options(database)?;
        Ok(Self {
            bucket: i16::try_from(database.bucket).map_err(|_| UrlError)?,
            pools: Pools::new(&options),
            options,
            migrates: database.migrate,
            prepared: AtomicBool::new(false),
            upkeep: Upkeep::default(),
            memory: Mutex::default(),
            remembered: AtomicU64::new(0),
            turns: Arc::default(),
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
        sqlx::query("UPDATE head SET epoch = $2 WHERE bucket = $1")
            .bind(self.bucket)
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
        sqlx::query("INSERT INTO head (bucket, epoch) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(self.bucket)
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

    /// Does a batch. What somebody else has locked is waited for, or the commands that need it are
    /// left out.
    pub(super) async fn transact(
        self: Arc<Self>,
        commands: Arc<Vec<Command>>,
        now: Moment,
        locked: Locked,
    ) -> Result<Posted, StoreError> {
        if locked == Locked::Pass && Lane::of(&commands) == Lane::Live {
            return self.live(commands, now).await;
        }
        let gate = Gate::new(&self.turns);
        self.under_locks(commands, now, locked, &gate, 0).await
    }

    /// Does a batch with every row that it needs locked and read, after so many commits of the same that
    /// were not confirmed.
    async fn under_locks(
        self: &Arc<Self>,
        commands: Arc<Vec<Command>>,
        now: Moment,
        locked: Locked,
        gate: &Arc<Gate>,
        unconfirmed: u32,
    ) -> Result<Posted, StoreError> {
        let (role, name) = match locked {
            Locked::Pass => (Lane::of(&commands).into(), "transact"),
            Locked::Wait => (Role::Held, "transact_held"),
        };
        let batch = Arc::new(Batch {
            needs: Needs::of(&commands),
            commands,
            now,
            locked,
            gate: Arc::clone(gate),
        });
        let bucket = self.bucket;
        let written = self.run_tx_after(unconfirmed, role, name, move |connection| {
            let (batch, gate) = (Arc::clone(&batch), Arc::clone(&batch.gate));
            Box::pin(async move {
                let written = in_transaction(connection, "BEGIN", WORK_MAX, move |connection| {
                    Box::pin(async move { post(connection, bucket, &batch).await })
                });
                let written = written.await;
                if written.is_err() {
                    gate.leave().await;
                }
                written
            })
        });
        let Written {
            done,
            before,
            drawn,
            sealed,
            free,
            held,
        } = written.await?;
        {
            let mut memory = self.memory();
            memory.follow(before, &sealed, drawn);
            memory.held(&free, &held);
        }
        self.grown(sealed.head.entry);
        Ok(Posted {
            done,
            head: sealed.head,
            hold_clock: sealed.hold_clock,
        })
    }
}

/// What to do about a row that somebody else has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locked {
    /// Leave out what needs it.
    Pass,
    /// Wait for it, as long as the server lets us.
    Wait,
}

struct Batch {
    needs: Needs,
    commands: Arc<Vec<Command>>,
    now: Moment,
    locked: Locked,
    gate: Arc<Gate>,
}

/// What was written, and may be remembered once it is committed.
struct Written {
    /// One per command, in order.
    done: Vec<Passed>,
    before: Stamp,
    /// By this transaction, for the state after it.
    drawn: i64,
    /// Without the outcomes.
    sealed: Sealed,
    /// The accounts that were locked, and those that somebody else had.
    free: Vec<AccountId>,
    held: BTreeSet<AccountId>,
}

/// What came of a batch.
pub(super) struct Posted {
    /// One per command, in order.
    pub(super) done: Vec<Passed>,
    /// Where the numbers stand now.
    pub(super) head: Head,
    /// What the hold clock shows, in seconds.
    pub(super) hold_clock: u64,
}

/// How to connect to it.
pub(super) fn options(database: &Database) -> Result<PgConnectOptions, UrlError> {
    let url = &database.url;
    let is_ours = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let parsed = PgConnectOptions::from_str(url).ok().filter(|_| is_ours);
    let options = parsed.ok_or(UrlError)?;
    let options = options
        .options([("client_connection_check_interval", "500")])
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
    bucket: i16,
    batch: &Batch,
) -> Result<Written, TxError> {
    let gate = &batch.gate;
    let drawn = memory::draw();
    let loaded = match batch.locked {
        Locked::Pass => load::passing(connection, bucket, &batch.needs, gate).await?,
        Locked::Wait => {
            let loaded = load::waiting(connection, bucket, &batch.needs, gate).await;
            loaded.map_err(held)?
        }
    };
    let free = loaded.set.accounts().collect();
    if loaded.held.is_empty() {
        let (before, mut sealed) = book(connection, bucket, batch, loaded.set, None, drawn).await?;
        let outcomes = std::mem::take(&mut sealed.outcomes);
        return Ok(Written {
            done: outcomes.into_iter().map(Passed::Done).collect(),
            before,
            drawn,
            sealed,
            free,
            held: BTreeSet::new(),
        });
    }
    let left_out = left_out(&loaded, &batch.commands);
    let possible = (batch.commands.iter().zip(&left_out))
        .filter(|(_, held)| held.is_none())
        .map(|(command, _)| command.clone())
        .collect();
    let held = loaded.held.accounts().clone();
    let booked = book(connection, bucket, batch, loaded.set, Some(possible), drawn);
    let (before, mut sealed) = booked.await?;
    let mut outcomes = std::mem::take(&mut sealed.outcomes).into_iter();
    let done = left_out.into_iter().map(|held| match held {
        Some(row) => Some(Passed::Held(row)),
        None => outcomes.next().map(Passed::Done),
    });
    Ok(Written {
        done: done.flatten().collect(),
        before,
        drawn,
        sealed,
        free,
        held,
    })
}

/// Which commands somebody else keeps from being done. What names the same card or authorization as
/// one of them waits behind it, in the same lane: their order stays.
fn left_out(loaded: &load::Loaded, commands: &[Command]) -> Vec<Option<HeldRow>> {
    let mut cards: HashMap<CardToken, HeldRow> = HashMap::new();
    let mut authorizations: HashMap<AuthorizationId, HeldRow> = HashMap::new();
    let mut held = Vec::with_capacity(commands.len());
    for command in commands {
        let needs = Needs::of(std::slice::from_ref(command));
        let card = || needs.cards.iter().find_map(|card| cards.get(card).copied());
        let other = || (needs.authorizations.iter()).find_map(|id| authorizations.get(id).copied());
        let row = (loaded.held.by(&loaded.set, &needs))
            .or_else(card)
            .or_else(other);
        if let Some(row) = row {
            cards.extend(needs.cards.iter().map(|card| (*card, row)));
            authorizations.extend(needs.authorizations.iter().map(|id| (*id, row)));
        }
        held.push(row);
    }
    held
}

/// Decides the batch, or only these commands of it, and writes.
async fn book(
    connection: &mut PgConnection,
    bucket: i16,
    batch: &Batch,
    set: WorkingSet,
    only: Option<Vec<Command>>,
    drawn: i64,
) -> Result<(Stamp, Sealed), TxError> {
    let commands = only.as_deref().unwrap_or(batch.commands.as_slice());
    let draft = decide(set, commands, batch.now);
    let (before, clock) = take_numbers(connection, bucket, &draft, drawn).await?;
    let mut sealed = draft.seal(before.head);
    restamp(&mut sealed, batch.now.hold_clock, clock);
    save::all(connection, bucket, &sealed).await?;
    Ok((before, sealed))
}

fn held(error: TxError) -> TxError {
    match error {
        TxError::Database(error) if tx::is_lock_timeout(&error) => TxError::Held(error),
        other => other,
    }
}

/// Takes numbers from the head row; says where it stood before, and what the hold clock shows. The row
/// stays locked to the end of the transaction, so numbers become visible in their order (rule 13). A batch that needs none
/// takes none, and writes the row all the same: only a commit that wrote something proves that this
/// server may still write, and what it repeats is as durable as the answer says.
async fn take_numbers(
    connection: &mut PgConnection,
    bucket: i16,
    draft: &Draft,
    drawn: i64,
) -> Result<(Stamp, u64), TxError> {
    let (positions, entries) = (draft.positions(), draft.entries());
    let row = sqlx::query(
        "UPDATE head SET position = position + $2, entry = entry + $3, stamp_before = stamp,
             stamp = $4
         WHERE bucket = $1
         RETURNING epoch, position, entry, stamp_before, hold_clock_ms",
    )
    .bind(bucket)
    .bind(positions.cast_signed())
    .bind(entries.cast_signed())
    .bind(drawn)
    .fetch_one(connection)
    .await?;
    let after = rows::head_of(&row)?;
    let before = Stamp {
        head: Head {
            epoch: after.epoch,
            position: after.position - positions,
            entry: after.entry - entries,
        },
        drawn: row.try_get("stamp_before")?,
    };
    Ok((before, rows::unsigned(&row, "hold_clock_ms")? / 1000))
}

/// Holds that were placed in this batch begin with the clock that all ledgers share: what this process
/// last saw of it is old where it was frozen, and another ledger would let the holds go early.
fn restamp(sealed: &mut Sealed, seen: u64, clock: u64) {
    let clock = clock.max(seen);
    sealed.hold_clock = clock;
    let new = sealed.new_records.iter_mut();
    for record in new.chain(&mut sealed.changed_records) {
        if record.holds() && record.held_at == seen {
            record.held_at = clock;
        }
    }
}
