//! The clock by which holds expire, and what is due.

use ledger_api::{AuthorizationId, Undrained};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::pools::Role;
use super::tx::{TxError, WORK_MAX, in_transaction};
use super::{Postgres, rows};
use crate::store::{HoldClock, StoreError};

/// What one tick adds at most: while no ledger ran, no time has passed for holds, and a step of the
/// database's clock is not taken for time.
const TICK: &str = "UPDATE head SET ticked_at = clock_timestamp(), hold_clock_ms = hold_clock_ms + CASE
         WHEN EXISTS (SELECT FROM gateway_head WHERE bucket = $1 AND undrained > 0) THEN 0
         ELSE least(greatest(extract(epoch FROM clock_timestamp() - ticked_at) * 1000, 0), 15000)::bigint
     END
     WHERE bucket = $1 AND ticked_at IS NOT NULL";
const FIRST_TICK: &str =
    "UPDATE head SET ticked_at = clock_timestamp() WHERE bucket = $1 AND ticked_at IS NULL";
const UNDRAINED: &str = "SELECT gateway, undrained FROM gateway_head
     WHERE bucket = $1 AND undrained > 0 ORDER BY gateway";
const CLOCK: &str = "SELECT hold_clock_ms FROM head WHERE bucket = $1";
const DUE: &str = "SELECT id FROM authorization_record
     WHERE bucket = $1 AND effect_minor > 0 AND kind IS NULL AND held_at <= $2
     ORDER BY held_at LIMIT $3";

impl Postgres {
    /// Moves the hold clock on by the time since the last tick, of whichever ledger.
    pub(in crate::store) async fn tick(&self) -> Result<HoldClock, StoreError> {
        let bucket = self.bucket;
        self.run_tx(Role::Advices, "tick", move |connection| {
            Box::pin(in_transaction(
                connection,
                "BEGIN",
                WORK_MAX,
                move |connection| {
                    Box::pin(async move {
                        let ticked = sqlx::query(TICK)
                            .bind(bucket)
                            .execute(&mut *connection)
                            .await?;
                        if ticked.rows_affected() == 0 {
                            sqlx::query(FIRST_TICK)
                                .bind(bucket)
                                .execute(&mut *connection)
                                .await?;
                        }
                        clock(connection, bucket).await
                    })
                },
            ))
        })
        .await
    }

    pub(in crate::store) async fn hold_clock(&self) -> Result<HoldClock, StoreError> {
        let bucket = self.bucket;
        self.read("hold_clock", move |connection| {
            Box::pin(clock(connection, bucket))
        })
        .await
    }

    pub(in crate::store) async fn due(
        &self,
        held_by: u64,
        limit: usize,
    ) -> Result<Vec<AuthorizationId>, StoreError> {
        let bucket = self.bucket;
        let found = self.read("due", move |connection| {
            Box::pin(async move {
                let found = sqlx::query(DUE)
                    .bind(bucket)
                    .bind(i64::try_from(held_by).unwrap_or(i64::MAX))
                    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                    .fetch_all(connection)
                    .await?;
                let ids = found.iter().map(|row| rows::id(row.try_get("id")?));
                Ok(ids.collect::<Result<_, _>>()?)
            })
        });
        found.await
    }
}

async fn clock(connection: &mut PgConnection, bucket: i16) -> Result<HoldClock, TxError> {
    let waiting = sqlx::query(UNDRAINED)
        .bind(bucket)
        .fetch_all(&mut *connection)
        .await?;
    let row = sqlx::query(CLOCK)
        .bind(bucket)
        .fetch_one(connection)
        .await?;
    Ok(HoldClock {
        seconds: rows::unsigned(&row, "hold_clock_ms")? / 1000,
        undrained: waiting.iter().map(undrained).collect::<Result<_, _>>()?,
    })
}

fn undrained(row: &PgRow) -> Result<Undrained, sqlx::Error> {
    let name: &str = row.try_get("gateway")?;
    Ok(Undrained {
        gateway: (name.parse())
            .map_err(|error: ledger_api::IdError| sqlx::Error::Decode(error.into()))?,
        advices: rows::unsigned(row, "undrained")?,
    })
}
