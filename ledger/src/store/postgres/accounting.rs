//! Trial balance, closes and verification on one snapshot. The database adds up; what has to be seen
//! one by one comes as a stream.

use futures_util::TryStreamExt;
use ledger_api::{
    AccountId, Close, CloseLine, ClosesPage, Currency, CurrencyBalance, Entry, Mark, Sha256Digest,
    Totals, TrialBalance, Verification, Words,
};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use tokio::sync::Semaphore;

use super::pools::Role;
use super::read::rows_max;
use super::tx::{REPORT_MAX, TxError, Work, in_transaction};
use super::{Postgres, rows};
use crate::store::StoreError;
use crate::store::audit::{Audited, NAMED_MAX};
use crate::store::closes::{Closed, Closing, Range, proven, settled};
use crate::store::listing::next;
use crate::store::verify::Verifier;

const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const WRITE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";
const REPORT_TIMEOUT: &str = "SET LOCAL statement_timeout = '3600s'";
/// How many reports at once: each keeps a connection for long.
static REPORTS: Semaphore = Semaphore::const_new(2);

const CURRENCIES: &str = "SELECT currency, count(*) AS accounts,
         sum(debits_pending)::bigint AS debits_pending, sum(debits_posted)::bigint AS debits_posted,
         sum(credits_pending)::bigint AS credits_pending,
         sum(credits_posted)::bigint AS credits_posted
     FROM account WHERE bucket = $1 GROUP BY currency ORDER BY currency";
/// Accounts whose totals are not their entries', and entries without an account.
const DIFFERING: &str = "SELECT coalesce(a.id, e.account) AS account
     FROM (SELECT * FROM account WHERE bucket = $1) a
     FULL JOIN (
         SELECT account,
             sum(amount_minor) FILTER (WHERE NOT credit AND NOT posted) AS debits_pending,
             sum(amount_minor) FILTER (WHERE NOT credit AND posted) AS debits_posted,
             sum(amount_minor) FILTER (WHERE credit AND NOT posted) AS credits_pending,
             sum(amount_minor) FILTER (WHERE credit AND posted) AS credits_posted
         FROM entry WHERE bucket = $1 GROUP BY account
     ) e ON e.account = a.id
     WHERE a.id IS NULL
         OR a.debits_pending <> coalesce(e.debits_pending, 0)
         OR a.debits_posted <> coalesce(e.debits_posted, 0)
         OR a.credits_pending <> coalesce(e.credits_pending, 0)
         OR a.credits_posted <> coalesce(e.credits_posted, 0)
     ORDER BY 1 LIMIT $2";
const ENTRIES: &str = "SELECT e.*, a.currency FROM entry e
     LEFT JOIN account a ON a.bucket = $1 AND a.id = e.account
     WHERE e.bucket = $1 AND e.number > $2 ORDER BY e.number";
/// Records, each with what its entries have moved out of customers' accounts.
const RECORDS: &str = "SELECT r.*, coalesce(e.net, 0)::bigint AS net FROM authorization_record r
     LEFT JOIN (
         SELECT authorization_id,
             sum(CASE WHEN credit THEN -amount_minor ELSE amount_minor END) AS net
         FROM entry
         WHERE bucket = $1 AND authorization_id IS NOT NULL AND account < $2
         GROUP BY authorization_id
     ) e ON e.authorization_id = r.id
     WHERE r.bucket = $1";
const STRAYS: &str = "SELECT DISTINCT authorization_id FROM entry e
     WHERE bucket = $1 AND authorization_id IS NOT NULL AND NOT EXISTS (
         SELECT FROM authorization_record r WHERE r.bucket = $1 AND r.id = e.authorization_id)
     LIMIT $2";
const CLOSES: &str = "SELECT * FROM daily_close WHERE bucket = $1 AND number > $2
     ORDER BY number LIMIT $3";

impl Postgres {
    /// Does `work` on one snapshot, for as long as a report may take.
    async fn report<T: Send + 'static>(
        &self,
        name: &'static str,
        begin: &'static str,
        work: impl for<'c> Fn(&'c mut PgConnection) -> Work<'c, T> + Send + Sync + Clone + 'static,
    ) -> Result<T, StoreError> {
        let _turn = REPORTS.acquire().await;
        self.run_tx(Role::Reads, name, move |connection| {
            let work = work.clone();
            Box::pin(in_transaction(
                connection,
                begin,
                REPORT_MAX,
                move |connection| {
                    Box::pin(async move {
                        sqlx::query(REPORT_TIMEOUT)
                            .execute(&mut *connection)
                            .await?;
                        work(connection).await
                    })
                },
            ))
        })
        .await
    }

    /// The trial balance.
    pub(in crate::store) async fn books(&self) -> Result<TrialBalance, StoreError> {
        let bucket = self.bucket;
        self.report("books", READ, move |connection| {
            Box::pin(async move {
                let head = rows::head(connection, bucket).await?;
                let audited = audited(connection, bucket).await?;
                Ok(audited.balance(head.mark(), bucket.cast_unsigned(), head.entry))
            })
        })
        .await
    }

    /// Closes a day. Of two that close at once one comes first, and the other finds its close.
    pub(in crate::store) async fn close(&self, closing: Closing) -> Result<Closed, StoreError> {
        let bucket = self.bucket;
        self.report("close", WRITE, move |connection| {
            let closing = closing.clone();
            Box::pin(async move { close(connection, bucket, closing).await })
        })
        .await
    }

    pub(in crate::store) async fn closes(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<ClosesPage, StoreError> {
        let bucket = self.bucket;
        let found = self.read("closes", move |connection| {
            Box::pin(async move { closes(connection, bucket, after, limit).await })
        });
        let closes = found.await?;
        let next = next(&closes, limit, |close| close.number);
        Ok(ClosesPage { closes, next })
    }

    /// Computes everything again.
    pub(in crate::store) async fn verify(&self) -> Result<Verification, StoreError> {
        let bucket = self.bucket;
        self.report("verify", READ, move |connection| {
            Box::pin(async move { verify(connection, bucket).await })
        })
        .await
    }
}

async fn audited(connection: &mut PgConnection, bucket: i16) -> Result<Audited, TxError> {
    let mut audited = Audited::default();
    let lines = sqlx::query(CURRENCIES)
        .bind(bucket)
        .fetch_all(&mut *connection)
        .await?;
    for row in &lines {
        audited.accounts += rows::unsigned(row, "accounts")?;
        audited.currencies.push(CurrencyBalance {
            currency: rows::currency(row.try_get("currency")?)?,
            totals: rows::totals(row)?,
        });
    }
    let differing = sqlx::query(DIFFERING)
        .bind(bucket)
        .bind(rows_max(NAMED_MAX))
        .fetch_all(connection)
        .await?;
    for row in &differing {
        audited
            .differing
            .push(AccountId(rows::unsigned(row, "account")?));
    }
    Ok(audited)
}

/// All entries after a number, one at a time.
async fn each_entry(
    connection: &mut PgConnection,
    bucket: i16,
    after: u64,
    mut take: impl FnMut(&Entry, Option<Currency>) + Send,
) -> Result<(), TxError> {
    let mut stream = sqlx::query(ENTRIES)
        .bind(bucket)
        .bind(after.cast_signed())
        .fetch(connection);
    while let Some(row) = stream.try_next().await? {
        let currency: Option<i16> = row.try_get("currency")?;
        let currency = currency.map(rows::currency).transpose()?;
        take(&rows::entry(&row)?, currency);
    }
    Ok(())
}

async fn close(
    connection: &mut PgConnection,
    bucket: i16,
    closing: Closing,
) -> Result<Closed, TxError> {
    let head = rows::head(connection, bucket).await?;
    let last = sqlx::query("SELECT max(number) AS last FROM daily_close WHERE bucket = $1")
        .bind(bucket)
        .fetch_one(&mut *connection)
        .await?;
    let last: Option<i64> = last.try_get("last")?;
    let last = match last {
        Some(number) => closes(connection, bucket, number.cast_unsigned() - 1, 1)
            .await?
            .pop(),
        None => None,
    };
    let same_day = sqlx::query("SELECT number FROM daily_close WHERE bucket = $1 AND day = $2")
        .bind(bucket)
        .bind(closing.day.to_string())
        .fetch_optional(&mut *connection)
        .await?;
    let same_day = match same_day {
        Some(row) => {
            let number = rows::unsigned(&row, "number")?;
            closes(connection, bucket, number - 1, 1).await?.pop()
        }
        None => None,
    };
    if let Some(settled) = settled(&closing, last.as_ref(), same_day) {
        return Ok(settled);
    }
    let mut range = Range::after(bucket.cast_unsigned(), last.as_ref());
    let mut found = Vec::new();
    each_entry(
        connection,
        bucket,
        range.begins_after(),
        |entry, currency| {
            found.extend(range.take(entry, currency));
        },
    )
    .await?;
    let (close, more) = range.seal(closing, head.mark(), head.entry);
    found.extend(more);
    let closed = proven(close, found, &audited(connection, bucket).await?);
    if let Closed::Now(close) = &closed {
        insert(connection, bucket, close).await?;
    }
    Ok(closed)
}

async fn insert(connection: &mut PgConnection, bucket: i16, close: &Close) -> Result<(), TxError> {
    sqlx::query(
        "INSERT INTO daily_close (bucket, number, day, closed_by, closed_at, epoch, position,
             first_entry, last_entry, entries, previous, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(bucket)
    .bind(close.number.cast_signed())
    .bind(close.day.to_string())
    .bind(close.by.as_str())
    .bind(close.closed_at.cast_signed())
    .bind(close.mark.epoch.cast_signed())
    .bind(close.mark.position.cast_signed())
    .bind(close.first_entry.cast_signed())
    .bind(close.last_entry.cast_signed())
    .bind(close.entries.cast_signed())
    .bind(close.previous.0.as_slice())
    .bind(close.hash.0.as_slice())
    .execute(&mut *connection)
    .await?;
    for line in &close.currencies {
        let mut query = sqlx::query(
            "INSERT INTO daily_close_currency (bucket, number, currency,
                 debits_pending, debits_posted, credits_pending, credits_posted,
                 cumulated_debits_pending, cumulated_debits_posted,
                 cumulated_credits_pending, cumulated_credits_posted)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(bucket)
        .bind(close.number.cast_signed())
        .bind(line.currency.numeric().cast_signed());
        for sums in [line.range, line.cumulated] {
            query = query
                .bind(sums.debits_pending)
                .bind(sums.debits_posted)
                .bind(sums.credits_pending)
                .bind(sums.credits_posted);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

async fn closes(
    connection: &mut PgConnection,
    bucket: i16,
    after: u64,
    limit: usize,
) -> Result<Vec<Close>, TxError> {
    let found = sqlx::query(CLOSES)
        .bind(bucket)
        .bind(i64::try_from(after).unwrap_or(i64::MAX))
        .bind(rows_max(limit))
        .fetch_all(&mut *connection)
        .await?;
    let mut closes = Vec::with_capacity(found.len());
    for row in &found {
        let mut close = close_of(row)?;
        let lines = sqlx::query(
            "SELECT * FROM daily_close_currency WHERE bucket = $1 AND number = $2 ORDER BY currency",
        )
        .bind(bucket)
        .bind(close.number.cast_signed())
        .fetch_all(&mut *connection)
        .await?;
        close.currencies = lines.iter().map(line_of).collect::<Result<_, _>>()?;
        closes.push(close);
    }
    Ok(closes)
}

fn close_of(row: &PgRow) -> Result<Close, sqlx::Error> {
    let bad = |what: String| sqlx::Error::Decode(format!("a close's {what}").into());
    let (day, by): (String, String) = (row.try_get("day")?, row.try_get("closed_by")?);
    let digest = |column: &str| {
        let bytes: &[u8] = row.try_get(column)?;
        let bytes = bytes.try_into().map_err(|_| bad(column.to_owned()))?;
        Ok::<_, sqlx::Error>(Sha256Digest(bytes))
    };
    Ok(Close {
        number: rows::unsigned(row, "number")?,
        bucket: row.try_get::<i16, _>("bucket")?.cast_unsigned(),
        day: day.parse().map_err(|_| bad("day".to_owned()))?,
        by: Words::try_from(by).map_err(|_| bad("person".to_owned()))?,
        closed_at: rows::unsigned(row, "closed_at")?,
        mark: Mark {
            epoch: rows::unsigned(row, "epoch")?,
            position: rows::unsigned(row, "position")?,
        },
        first_entry: rows::unsigned(row, "first_entry")?,
        last_entry: rows::unsigned(row, "last_entry")?,
        entries: rows::unsigned(row, "entries")?,
        currencies: Vec::new(),
        previous: digest("previous")?,
        hash: digest("hash")?,
    })
}

fn line_of(row: &PgRow) -> Result<CloseLine, sqlx::Error> {
    Ok(CloseLine {
        currency: rows::currency(row.try_get("currency")?)?,
        range: rows::totals(row)?,
        cumulated: Totals {
            debits_pending: row.try_get("cumulated_debits_pending")?,
            debits_posted: row.try_get("cumulated_debits_posted")?,
            credits_pending: row.try_get("cumulated_credits_pending")?,
            credits_posted: row.try_get("cumulated_credits_posted")?,
        },
    })
}

async fn verify(connection: &mut PgConnection, bucket: i16) -> Result<Verification, TxError> {
    let head = rows::head(connection, bucket).await?;
    let closes = closes(connection, bucket, 0, usize::MAX).await?;
    let mut verifier = Verifier::new(bucket.cast_unsigned(), head, closes);
    each_entry(connection, bucket, 0, |entry, currency| {
        verifier.entry(entry, currency)
    })
    .await?;
    {
        let mut records = sqlx::query(RECORDS)
            .bind(bucket)
            .bind(AccountId::INTERNAL_FROM.cast_signed())
            .fetch(&mut *connection);
        while let Some(row) = records.try_next().await? {
            verifier.record(&rows::record(&row)?, row.try_get("net")?);
        }
    }
    let strays = sqlx::query(STRAYS)
        .bind(bucket)
        .bind(rows_max(NAMED_MAX))
        .fetch_all(&mut *connection)
        .await?;
    for row in &strays {
        verifier.stray(rows::id(row.try_get("authorization_id")?)?);
    }
    Ok(verifier.finish(audited(connection, bucket).await?))
}
