//! Writing a sealed batch: one statement per table and kind of change, whatever its size.

use ledger_api::{AccountStatus, Change, Changed, Entry, GatewayId, Layer, Side};
use sqlx::PgConnection;

use super::rows;
use super::tx::TxError;
use crate::posting::{Account, Card, InternalDelta, Journal, Sealed};

mod record;

pub(super) use record::records;

/// One value per row, as an array to bind.
pub(super) fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// Adds to the ledger's own accounts, which come to be with their first entry. They are locked in
/// order of id, after the customers'.
pub(super) async fn internal(
    connection: &mut PgConnection,
    deltas: &[InternalDelta],
) -> Result<(), TxError> {
    if deltas.is_empty() {
        return Ok(());
    }
    let ids = column(deltas, |delta| delta.account.0.cast_signed());
    let lock = "SELECT id FROM account WHERE bucket = 0 AND id = ANY ($1) ORDER BY id FOR UPDATE";
    let found = sqlx::query(lock)
        .bind(&ids)
        .fetch_all(&mut *connection)
        .await?;
    if found.len() < deltas.len() {
        sqlx::query(
            "INSERT INTO account (bucket, id, currency)
             SELECT 0, * FROM unnest($1::bigint[], $2::smallint[])
             ON CONFLICT DO NOTHING",
        )
        .bind(&ids)
        .bind(column(deltas, |delta| {
            delta.currency.numeric().cast_signed()
        }))
        .execute(&mut *connection)
        .await?;
    }
    sqlx::query(
        "UPDATE account SET debits_pending = account.debits_pending + new.debits_pending,
             debits_posted = account.debits_posted + new.debits_posted,
             credits_pending = account.credits_pending + new.credits_pending,
             credits_posted = account.credits_posted + new.credits_posted
         FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
             AS new (id, debits_pending, debits_posted, credits_pending, credits_posted)
         WHERE account.bucket = 0 AND account.id = new.id",
    )
    .bind(&ids)
    .bind(column(deltas, |delta| delta.totals.debits_pending))
    .bind(column(deltas, |delta| delta.totals.debits_posted))
    .bind(column(deltas, |delta| delta.totals.credits_pending))
    .bind(column(deltas, |delta| delta.totals.credits_posted))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn accounts(
    connection: &mut PgConnection,
    sealed: &Sealed,
) -> Result<(), TxError> {
    let insert = "INSERT INTO account (bucket, id, currency, closed, debits_pending, debits_posted,
             credits_pending, credits_posted, position)
         SELECT 0, * FROM unnest($1::bigint[], $2::smallint[], $3::boolean[], $4::bigint[],
             $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])";
    let update = "UPDATE account SET closed = new.closed, debits_pending = new.debits_pending,
             debits_posted = new.debits_posted, credits_pending = new.credits_pending,
             credits_posted = new.credits_posted, position = new.position
         FROM unnest($1::bigint[], $2::smallint[], $3::boolean[], $4::bigint[], $5::bigint[],
             $6::bigint[], $7::bigint[], $8::bigint[])
             AS new (id, currency, closed, debits_pending, debits_posted, credits_pending,
                 credits_posted, position)
         WHERE account.bucket = 0 AND account.id = new.id";
    for (statement, rows) in [
        (insert, &sealed.new_accounts),
        (update, &sealed.changed_accounts),
    ] {
        if !rows.is_empty() {
            write_accounts(connection, statement, rows).await?;
        }
    }
    Ok(())
}

async fn write_accounts(
    connection: &mut PgConnection,
    statement: &'static str,
    accounts: &[Account],
) -> Result<(), TxError> {
    sqlx::query(statement)
        .bind(column(accounts, |account| account.id.0.cast_signed()))
        .bind(column(accounts, |account| {
            account.currency.numeric().cast_signed()
        }))
        .bind(column(accounts, |account| {
            account.status == AccountStatus::Closed
        }))
        .bind(column(accounts, |account| account.totals.debits_pending))
        .bind(column(accounts, |account| account.totals.debits_posted))
        .bind(column(accounts, |account| account.totals.credits_pending))
        .bind(column(accounts, |account| account.totals.credits_posted))
        .bind(column(accounts, |account| account.position.cast_signed()))
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn cards(connection: &mut PgConnection, cards: &[Card]) -> Result<(), TxError> {
    if cards.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO card (bucket, token, account, status, expiry, transaction_max_minor, position)
         SELECT 0, * FROM unnest($1::bytea[], $2::bigint[], $3::smallint[], $4::smallint[],
             $5::bigint[], $6::bigint[])
         ON CONFLICT (bucket, token) DO UPDATE SET account = EXCLUDED.account,
             status = EXCLUDED.status, expiry = EXCLUDED.expiry,
             transaction_max_minor = EXCLUDED.transaction_max_minor, position = EXCLUDED.position",
    )
    .bind(column(cards, |card| card.state.card.to_bytes().to_vec()))
    .bind(column(cards, |card| card.state.account.0.cast_signed()))
    .bind(column(cards, |card| rows::card_status(card.state.status)))
    .bind(column(cards, |card| {
        u16::from(card.state.expiry).cast_signed()
    }))
    .bind(column(cards, |card| {
        card.state.transaction_max_minor.minor()
    }))
    .bind(column(cards, |card| card.position.cast_signed()))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn entries(
    connection: &mut PgConnection,
    entries: &[Entry],
) -> Result<(), TxError> {
    let Some(first) = entries.first() else {
        return Ok(());
    };
    // One batch is booked at one moment.
    sqlx::query(
        "INSERT INTO entry (bucket, booked_at, account, number, authorization_id, credit, posted,
             amount_minor, position)
         SELECT 0, $8::bigint, * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[],
             $4::boolean[], $5::boolean[], $6::bigint[], $7::bigint[])",
    )
    .bind(column(entries, |entry| entry.account.0.cast_signed()))
    .bind(column(entries, |entry| entry.number.cast_signed()))
    .bind(column(entries, |entry| {
        entry.authorization.map(|id| id.0.to_vec())
    }))
    .bind(column(entries, |entry| entry.side == Side::Credit))
    .bind(column(entries, |entry| entry.layer == Layer::Posted))
    .bind(column(entries, |entry| entry.amount_minor))
    .bind(column(entries, |entry| entry.position.cast_signed()))
    .bind(first.booked_at.cast_signed())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn changes(
    connection: &mut PgConnection,
    changes: &[Change],
) -> Result<(), TxError> {
    if changes.is_empty() {
        return Ok(());
    }
    let card = |change: &Change| match change.what {
        Changed::Card(state) => Some(state),
        Changed::Account(_) => None,
    };
    let account = |change: &Change| match change.what {
        Changed::Account(state) => Some(state),
        Changed::Card(_) => None,
    };
    let of = |change: &Change| match change.what {
        Changed::Card(state) => state.account.0.cast_signed(),
        Changed::Account(state) => state.account.0.cast_signed(),
    };
    let status = |change: &Change| match change.what {
        Changed::Card(state) => rows::card_status(state.status),
        Changed::Account(state) => rows::account_status(state.status),
    };
    sqlx::query(
        "INSERT INTO feed (bucket, position, account, card, status, expiry, transaction_max_minor,
             currency, available_minor)
         SELECT 0, * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::smallint[],
             $5::smallint[], $6::bigint[], $7::smallint[], $8::bigint[])",
    )
    .bind(column(changes, |change| change.position.cast_signed()))
    .bind(column(changes, of))
    .bind(column(changes, |change| {
        card(change).map(|card| card.card.to_bytes().to_vec())
    }))
    .bind(column(changes, status))
    .bind(column(changes, |change| {
        card(change).map(|card| u16::from(card.expiry).cast_signed())
    }))
    .bind(column(changes, |change| {
        card(change).map(|card| card.transaction_max_minor.minor())
    }))
    .bind(column(changes, |change| {
        account(change).map(|it| it.currency.numeric().cast_signed())
    }))
    .bind(column(changes, |change| {
        account(change).map(|it| it.available_minor)
    }))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn journals(
    connection: &mut PgConnection,
    journals: &[(GatewayId, Journal)],
) -> Result<(), TxError> {
    if journals.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO gateway_head (bucket, gateway, epoch, seq, hash, undrained)
         SELECT 0, * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[],
             $5::bigint[])
         ON CONFLICT (bucket, gateway) DO UPDATE SET seq = EXCLUDED.seq, hash = EXCLUDED.hash,
                 undrained = EXCLUDED.undrained
             WHERE gateway_head.epoch = EXCLUDED.epoch",
    )
    .bind(column(journals, |(gateway, _)| gateway.to_string()))
    .bind(column(journals, |(_, it)| it.head.epoch.cast_signed()))
    .bind(column(journals, |(_, it)| it.head.seq.cast_signed()))
    .bind(column(journals, |(_, it)| it.head.hash.cast_signed()))
    .bind(column(journals, |(_, it)| it.undrained.cast_signed()))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn granted(
    connection: &mut PgConnection,
    gateways: &[GatewayId],
) -> Result<(), TxError> {
    if gateways.is_empty() {
        return Ok(());
    }
    sqlx::query("DELETE FROM gateway_head WHERE bucket = 0 AND gateway = ANY ($1)")
        .bind(column(gateways, GatewayId::to_string))
        .execute(connection)
        .await?;
    Ok(())
}
