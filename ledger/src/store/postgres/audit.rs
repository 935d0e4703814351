//! What an auditor reads: entries by account and by number.

use ledger_api::{AccountId, EntriesPage, StatementPage, Totals};
use sqlx::{PgConnection, Row};

use super::read::rows_max;
use super::tx::TxError;
use super::{Postgres, rows};
use crate::store::StoreError;
use crate::store::statement::statement_page;

/// The sums of an account's entries up to a number. What is summed never changes, so no snapshot is
/// needed for it and the page behind it.
const OPENING: &str = "SELECT
         coalesce(sum(amount_minor) FILTER (WHERE NOT credit AND NOT posted), 0)::bigint
             AS debits_pending,
         coalesce(sum(amount_minor) FILTER (WHERE NOT credit AND posted), 0)::bigint
             AS debits_posted,
         coalesce(sum(amount_minor) FILTER (WHERE credit AND NOT posted), 0)::bigint
             AS credits_pending,
         coalesce(sum(amount_minor) FILTER (WHERE credit AND posted), 0)::bigint
             AS credits_posted
     FROM entry WHERE bucket = $1 AND account = $2 AND number <= $3";

impl Postgres {
    pub(in crate::store) async fn entries_of(
        &self,
        id: AccountId,
        after: u64,
        limit: usize,
    ) -> Result<Option<StatementPage>, StoreError> {
        let bucket = self.bucket;
        let found = self.read("entries_of", move |connection| {
            Box::pin(async move {
                let account = id.0.cast_signed();
                let known = sqlx::query("SELECT FROM account WHERE bucket = $1 AND id = $2")
                    .bind(bucket)
                    .bind(account)
                    .fetch_optional(&mut *connection)
                    .await?;
                if known.is_none() {
                    return Ok(None);
                }
                let opening = opening(connection, bucket, account, after).await?;
                let found = sqlx::query(
                    "SELECT * FROM entry WHERE bucket = $1 AND account = $2 AND number > $3
                     ORDER BY number LIMIT $4",
                )
                .bind(bucket)
                .bind(account)
                .bind(number_max(after))
                .bind(rows_max(limit))
                .fetch_all(connection)
                .await?;
                let entries: Vec<_> = found.iter().map(rows::entry).collect::<Result<_, _>>()?;
                Ok(Some((opening, entries)))
            })
        });
        let page =
            (found.await?).map(|(opening, entries)| statement_page(id, opening, entries, limit));
        page.transpose()
    }

    /// The head is read first: all entries up to its number are committed and stay.
    pub(in crate::store) async fn entries(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<EntriesPage, StoreError> {
        let bucket = self.bucket;
        self.read("entries", move |connection| {
            Box::pin(async move {
                let last = rows::head(connection, bucket).await?.entry;
                let to = after.saturating_add(limit as u64).min(last);
                let found = sqlx::query(
                    "SELECT * FROM entry WHERE bucket = $1 AND number > $2 AND number <= $3
                     ORDER BY number",
                )
                .bind(bucket)
                .bind(number_max(after))
                .bind(number_max(to))
                .fetch_all(connection)
                .await?;
                let entries = found.iter().map(rows::entry).collect::<Result<_, _>>()?;
                Ok(EntriesPage { entries, last })
            })
        })
        .await
    }
}

async fn opening(
    connection: &mut PgConnection,
    bucket: i16,
    account: i64,
    after: u64,
) -> Result<Totals, TxError> {
    let row = sqlx::query(OPENING)
        .bind(bucket)
        .bind(account)
        .bind(number_max(after))
        .fetch_one(connection)
        .await?;
    Ok(Totals {
        debits_pending: row.try_get("debits_pending")?,
        debits_posted: row.try_get("debits_posted")?,
        credits_pending: row.try_get("credits_pending")?,
        credits_posted: row.try_get("credits_posted")?,
    })
}

/// A number from outside, which may be larger than any that there is.
fn number_max(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
