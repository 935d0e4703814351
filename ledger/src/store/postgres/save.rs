//! Writing a sealed batch: one statement per table and kind of change, whatever the batch's size.
//! Columns travel as arrays, and those that are the same in every row do not travel. Arrays of one
//! length in a select list are gone through side by side, which costs the server less than
//! `FROM unnest(…)`, where it keeps a table for each.

use ledger_api::{
    AccountState, AccountStatus, CardState, Change, Changed, Entry, GatewayId, Layer, Side, Totals,
};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres};

use super::rows;
use super::tx::TxError;
use crate::posting::{Account, Card, InternalDelta, Journal, Sealed};

mod decided;
pub(super) mod direct;
mod record;

/// One value per row, as an array to bind.
pub(super) fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// Accounts as arrays to bind.
struct AccountColumns {
    ids: Vec<i64>,
    currencies: Vec<i16>,
    closed: Vec<bool>,
    positions: Vec<i64>,
    debits_pending: Vec<i64>,
    debits_posted: Vec<i64>,
    credits_pending: Vec<i64>,
    credits_posted: Vec<i64>,
}

impl AccountColumns {
    fn of(accounts: &[Account]) -> Self {
        Self {
            ids: column(accounts, |it| it.id.0.cast_signed()),
            currencies: column(accounts, |it| it.currency.numeric().cast_signed()),
            closed: column(accounts, |it| it.status == AccountStatus::Closed),
            positions: column(accounts, |it| it.position.cast_signed()),
            debits_pending: column(accounts, |it| it.totals.debits_pending),
            debits_posted: column(accounts, |it| it.totals.debits_posted),
            credits_pending: column(accounts, |it| it.totals.credits_pending),
            credits_posted: column(accounts, |it| it.totals.credits_posted),
        }
    }

    /// Binds them in the order in which they are written here.
    fn bind(self, statement: Statement) -> Statement {
        statement
            .bind(self.ids)
            .bind(self.currencies)
            .bind(self.closed)
            .bind(self.positions)
            .bind(self.debits_pending)
            .bind(self.debits_posted)
            .bind(self.credits_pending)
            .bind(self.credits_posted)
    }
}

/// A statement to which more is bound.
type Statement = Query<'static, Postgres, PgArguments>;

/// Everything, for one bucket.
pub(super) async fn all(
    connection: &mut PgConnection,
    bucket: i16,
    sealed: &Sealed,
) -> Result<(), TxError> {
    new_accounts(connection, bucket, &sealed.new_accounts).await?;
    accounts(connection, bucket, sealed).await?;
    cards(connection, bucket, &sealed.cards).await?;
    record::records(connection, bucket, sealed).await?;
    entries(connection, bucket, &sealed.entries).await?;
    changes(connection, bucket, &sealed.changes).await?;
    journals(connection, bucket, &sealed.journals).await?;
    granted(connection, bucket, &sealed.granted).await
}

async fn new_accounts(
    connection: &mut PgConnection,
    bucket: i16,
    accounts: &[Account],
) -> Result<(), TxError> {
    if accounts.is_empty() {
        return Ok(());
    }
    let columns = AccountColumns::of(accounts);
    let statement = sqlx::query(
        "INSERT INTO account (bucket, id, currency, closed, position, debits_pending,
             debits_posted, credits_pending, credits_posted)
         SELECT $1, unnest($2::bigint[]), unnest($3::smallint[]), unnest($4::boolean[]),
             unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::bigint[]),
             unnest($8::bigint[]), unnest($9::bigint[])",
    )
    .bind(bucket);
    columns.bind(statement).execute(connection).await?;
    Ok(())
}

/// Customers' accounts are replaced by what was decided under their locks. To the ledger's own, from
/// 2^62 on, is added, and they come to be with their first entry: nobody locks them, because whoever
/// writes to them has the head row. The conflict leads the server to each row by its key, whatever it
/// believes of the table; but it looks at the constraints first, so what lowers a total goes by itself.
async fn accounts(
    connection: &mut PgConnection,
    bucket: i16,
    sealed: &Sealed,
) -> Result<(), TxError> {
    let deltas = sealed.internal.iter();
    let (lowering, adding): (Vec<_>, Vec<_>) = deltas.partition(|delta| lowers(delta.totals));
    for delta in lowering {
        lower(connection, bucket, delta).await?;
    }
    let internal = adding.into_iter().map(|delta| Account {
        totals: delta.totals,
        ..Account::new(delta.account, delta.currency)
    });
    let customers = sealed.changed_accounts.iter().copied();
    let accounts: Vec<Account> = customers.chain(internal).collect();
    if accounts.is_empty() {
        return Ok(());
    }
    let columns = AccountColumns::of(&accounts);
    let statement = sqlx::query(
        "INSERT INTO account AS old (bucket, id, currency, closed, position, debits_pending,
             debits_posted, credits_pending, credits_posted)
         SELECT $1, unnest($2::bigint[]), unnest($3::smallint[]), unnest($4::boolean[]),
             unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::bigint[]),
             unnest($8::bigint[]), unnest($9::bigint[])
         ON CONFLICT (bucket, id) DO UPDATE SET
             closed = EXCLUDED.closed, position = EXCLUDED.position,
             debits_pending = EXCLUDED.debits_pending
                 + CASE WHEN old.id < 4611686018427387904 THEN 0 ELSE old.debits_pending END,
             debits_posted = EXCLUDED.debits_posted
                 + CASE WHEN old.id < 4611686018427387904 THEN 0 ELSE old.debits_posted END,
             credits_pending = EXCLUDED.credits_pending
                 + CASE WHEN old.id < 4611686018427387904 THEN 0 ELSE old.credits_pending END,
             credits_posted = EXCLUDED.credits_posted
                 + CASE WHEN old.id < 4611686018427387904 THEN 0 ELSE old.credits_posted END",
    )
    .bind(bucket);
    columns.bind(statement).execute(connection).await?;
    Ok(())
}

fn lowers(totals: Totals) -> bool {
    [
        totals.debits_pending,
        totals.debits_posted,
        totals.credits_pending,
        totals.credits_posted,
    ]
    .into_iter()
    .any(|total| total < 0)
}

async fn lower(
    connection: &mut PgConnection,
    bucket: i16,
    delta: &InternalDelta,
) -> Result<(), TxError> {
    let lowered = sqlx::query(
        "UPDATE account SET debits_pending = debits_pending + $3,
             debits_posted = debits_posted + $4, credits_pending = credits_pending + $5,
             credits_posted = credits_posted + $6
         WHERE bucket = $1 AND id = $2",
    )
    .bind(bucket)
    .bind(delta.account.0.cast_signed())
    .bind(delta.totals.debits_pending)
    .bind(delta.totals.debits_posted)
    .bind(delta.totals.credits_pending)
    .bind(delta.totals.credits_posted)
    .execute(connection)
    .await?;
    if lowered.rows_affected() == 1 {
        Ok(())
    } else {
        Err(sqlx::Error::RowNotFound.into())
    }
}

async fn cards(connection: &mut PgConnection, bucket: i16, cards: &[Card]) -> Result<(), TxError> {
    if cards.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO card (bucket, token, account, status, expiry, transaction_max_minor, position)
         SELECT $1, * FROM unnest($2::bytea[], $3::bigint[], $4::smallint[], $5::smallint[],
             $6::bigint[], $7::bigint[])
         ON CONFLICT (bucket, token) DO UPDATE SET account = EXCLUDED.account,
             status = EXCLUDED.status, expiry = EXCLUDED.expiry,
             transaction_max_minor = EXCLUDED.transaction_max_minor, position = EXCLUDED.position",
    )
    .bind(bucket)
    .bind(column(cards, |card| card.state.card.to_bytes()))
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

async fn entries(
    connection: &mut PgConnection,
    bucket: i16,
    entries: &[Entry],
) -> Result<(), TxError> {
    let Some(first) = entries.first() else {
        return Ok(());
    };
    // One batch is booked at one moment.
    sqlx::query(
        "INSERT INTO entry (bucket, booked_at, account, number, authorization_id, credit, posted,
             amount_minor, position)
         SELECT $1, $9, unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::bytea[]),
             unnest($5::boolean[]), unnest($6::boolean[]), unnest($7::bigint[]),
             unnest($8::bigint[])",
    )
    .bind(bucket)
    .bind(column(entries, |entry| entry.account.0.cast_signed()))
    .bind(column(entries, |entry| entry.number.cast_signed()))
    .bind(column(entries, |entry| entry.authorization.map(|id| id.0)))
    .bind(column(entries, |entry| entry.side == Side::Credit))
    .bind(column(entries, |entry| entry.layer == Layer::Posted))
    .bind(column(entries, |entry| entry.amount_minor))
    .bind(column(entries, |entry| entry.position.cast_signed()))
    .bind(first.booked_at.cast_signed())
    .execute(connection)
    .await?;
    Ok(())
}

async fn changes(
    connection: &mut PgConnection,
    bucket: i16,
    changes: &[Change],
) -> Result<(), TxError> {
    let mut cards = Vec::new();
    let mut accounts = Vec::new();
    for change in changes {
        match change.what {
            Changed::Card(state) => cards.push((change.position, state)),
            Changed::Account(state) => accounts.push((change.position, state)),
        }
    }
    changed_accounts(connection, bucket, &accounts).await?;
    changed_cards(connection, bucket, &cards).await
}

async fn changed_accounts(
    connection: &mut PgConnection,
    bucket: i16,
    changes: &[(u64, AccountState)],
) -> Result<(), TxError> {
    if changes.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO feed (bucket, position, account, status, currency, available_minor)
         SELECT $1, unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::smallint[]),
             unnest($5::smallint[]), unnest($6::bigint[])",
    )
    .bind(bucket)
    .bind(column(changes, |(position, _)| position.cast_signed()))
    .bind(column(changes, |(_, it)| it.account.0.cast_signed()))
    .bind(column(changes, |(_, it)| rows::account_status(it.status)))
    .bind(column(changes, |(_, it)| {
        it.currency.numeric().cast_signed()
    }))
    .bind(column(changes, |(_, it)| it.available_minor))
    .execute(connection)
    .await?;
    Ok(())
}

async fn changed_cards(
    connection: &mut PgConnection,
    bucket: i16,
    changes: &[(u64, CardState)],
) -> Result<(), TxError> {
    if changes.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO feed (bucket, position, account, card, status, expiry, transaction_max_minor)
         SELECT $1, unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::bytea[]),
             unnest($5::smallint[]), unnest($6::smallint[]), unnest($7::bigint[])",
    )
    .bind(bucket)
    .bind(column(changes, |(position, _)| position.cast_signed()))
    .bind(column(changes, |(_, it)| it.account.0.cast_signed()))
    .bind(column(changes, |(_, it)| it.card.to_bytes()))
    .bind(column(changes, |(_, it)| rows::card_status(it.status)))
    .bind(column(changes, |(_, it)| {
        u16::from(it.expiry).cast_signed()
    }))
    .bind(column(changes, |(_, it)| it.transaction_max_minor.minor()))
    .execute(connection)
    .await?;
    Ok(())
}

async fn journals(
    connection: &mut PgConnection,
    bucket: i16,
    journals: &[(GatewayId, Journal)],
) -> Result<(), TxError> {
    if journals.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO gateway_head (bucket, gateway, epoch, seq, hash, undrained)
         SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[],
             $6::bigint[])
         ON CONFLICT (bucket, gateway) DO UPDATE SET seq = EXCLUDED.seq, hash = EXCLUDED.hash,
                 undrained = EXCLUDED.undrained
             WHERE gateway_head.epoch = EXCLUDED.epoch",
    )
    .bind(bucket)
    .bind(column(journals, |(gateway, _)| gateway.to_string()))
    .bind(column(journals, |(_, it)| it.head.epoch.cast_signed()))
    .bind(column(journals, |(_, it)| it.head.seq.cast_signed()))
    .bind(column(journals, |(_, it)| it.head.hash.cast_signed()))
    .bind(column(journals, |(_, it)| {
        i64::try_from(it.undrained).unwrap_or(i64::MAX)
    }))
    .execute(connection)
    .await?;
    Ok(())
}

async fn granted(
    connection: &mut PgConnection,
    bucket: i16,
    gateways: &[GatewayId],
) -> Result<(), TxError> {
    if gateways.is_empty() {
        return Ok(());
    }
    sqlx::query("DELETE FROM gateway_head WHERE bucket = $1 AND gateway = ANY ($2)")
        .bind(bucket)
        .bind(column(gateways, GatewayId::to_string))
        .execute(connection)
        .await?;
    Ok(())
}
