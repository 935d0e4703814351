//! Writing a batch that relies on what is remembered: all of it, its head and its commit, as one
//! statement.
//!
//! | step | fails if |
//! |---|---|
//! | look at the head | it is not as remembered: somebody else has written |
//! | add to what customers' accounts hold | a row is locked for longer than a moment, is not there, or was captured from, credited or closed meanwhile |
//! | move the head on | it is not as remembered any more, or an account was left out |
//! | the ledger's own balances, authorizations, entries, feed | an authorization is known |
//!
//! What fails, fails as a whole. The head comes after the customers' accounts, as in every transaction:
//! whoever has it waits for nobody.

use std::collections::HashMap;

use ledger_api::{AccountId, Changed, Entry, Layer, Side};
use sqlx::PgConnection;

use super::super::memory::Flight;
use super::{AccountColumns, column, decided, lowers};
use crate::posting::{Account, Record, Sealed};
use crate::store::postgres::rows;

/// A division by zero, by which the statement fails where something is not as remembered.
const STATEMENT: &str = concat!(
    "WITH seen AS MATERIALIZED (
        SELECT 1 / count(*) AS same FROM head WHERE bucket = $1 AND epoch = $20 AND position = $21
            AND entry = $22 AND stamp = $23 AND hold_clock_ms / 1000 <= $18
    ), added_to AS (
        INSERT INTO account AS old (bucket, id, currency, closed, position, debits_pending,
            debits_posted, credits_pending, credits_posted)
        SELECT $1, unnest($27::bigint[]), unnest($28::smallint[]), unnest($29::boolean[]),
            unnest($30::bigint[]), unnest($31::bigint[]), unnest($32::bigint[]),
            unnest($33::bigint[]), unnest($34::bigint[])
        FROM seen WHERE same = 1
        ON CONFLICT (bucket, id) DO UPDATE SET
            position = EXCLUDED.position,
            debits_pending = old.debits_pending + EXCLUDED.debits_pending
        WHERE old.closed = EXCLUDED.closed AND old.debits_posted = EXCLUDED.debits_posted
            AND old.credits_pending = EXCLUDED.credits_pending
            AND old.credits_posted = EXCLUDED.credits_posted
        RETURNING xmax <> 0 AS was_there
    ), moved AS (
        UPDATE head SET position = position + $24, entry = entry + $25, stamp_before = stamp,
            stamp = $26
        WHERE bucket = $1 AND epoch = $20 AND position = $21 AND entry = $22 AND stamp = $23
            AND hold_clock_ms / 1000 <= $18
            AND (SELECT count(*) FROM added_to WHERE was_there) = cardinality($27::bigint[])
        RETURNING bucket
    ), own AS (
        INSERT INTO account AS old (bucket, id, currency, debits_pending, debits_posted,
            credits_pending, credits_posted)
        SELECT bucket, unnest($35::bigint[]), unnest($36::smallint[]), unnest($37::bigint[]),
            unnest($38::bigint[]), unnest($39::bigint[]), unnest($40::bigint[])
        FROM moved
        ON CONFLICT (bucket, id) DO UPDATE SET
            debits_pending = old.debits_pending + EXCLUDED.debits_pending,
            debits_posted = old.debits_posted + EXCLUDED.debits_posted,
            credits_pending = old.credits_pending + EXCLUDED.credits_pending,
            credits_posted = old.credits_posted + EXCLUDED.credits_posted
    ), authorization_ AS (",
    decided::statement!("FROM moved"),
    "), entry_ AS (
        INSERT INTO entry (bucket, booked_at, number, account, authorization_id, credit, posted,
            amount_minor, position)
        SELECT bucket, $19, unnest($51::bigint[]), unnest($41::bigint[]),
            unnest($42::bytea[]), unnest($43::boolean[]), unnest($44::boolean[]),
            unnest($45::bigint[]), unnest($46::bigint[])
        FROM moved
    ), feed_ AS (
        INSERT INTO feed (bucket, position, account, status, currency, available_minor)
        SELECT bucket, generate_series($21 + 1, $21 + $24), unnest($47::bigint[]),
            unnest($48::smallint[]), unnest($49::smallint[]), unnest($50::bigint[])
        FROM moved
    )
    SELECT 1 / count(*) FROM moved"
);

/// In the order of their key: entries of the ledger's own accounts, which every payment has, are then
/// all at the end of the index.
fn by_account(entries: &[Entry]) -> Vec<Entry> {
    let mut entries = entries.to_vec();
    entries.sort_unstable_by_key(|entry| (entry.account, entry.number));
    entries
}

/// All that a customer's account is changed by here: more is held.
fn holds_or_is_internal(entry: &Entry) -> bool {
    let holds = entry.side == Side::Debit && entry.layer == Layer::Pending;
    entry.account.is_internal() || holds && entry.amount_minor > 0
}

/// What each account holds more than before.
fn held_more(sealed: &Sealed) -> Vec<i64> {
    let mut held: HashMap<AccountId, i64> = HashMap::new();
    for entry in &sealed.entries {
        // It fits: the sum is a part of a total.
        let sum = held.entry(entry.account).or_default();
        *sum = sum.saturating_add(entry.amount_minor);
    }
    column(&sealed.changed_accounts, |account| {
        held.get(&account.id).copied().unwrap_or(0)
    })
}

/// True where there is nothing in it that the statement does not write.
pub(in crate::store::postgres) fn can_write(sealed: &Sealed) -> bool {
    let on_accounts = |what: &Changed| matches!(what, Changed::Account(_));
    sealed.new_accounts.is_empty()
        && sealed.cards.is_empty()
        && sealed.changed_records.is_empty()
        && sealed.journals.is_empty()
        && sealed.granted.is_empty()
        && sealed.new_records.iter().all(decided::is)
        && sealed.internal.iter().all(|delta| !lowers(delta.totals))
        && sealed
            .changes
            .iter()
            .all(|change| on_accounts(&change.what))
        && sealed.entries.iter().all(holds_or_is_internal)
}

/// Writes the batch if the head is found as it was expected. It is done, or known not to be, only when the
/// server has said so: an error that is not the server's leaves it open.
pub(in crate::store::postgres) async fn all(
    connection: &mut PgConnection,
    bucket: i16,
    sealed: &Sealed,
    flight: &Flight,
) -> Result<(), sqlx::Error> {
    let (before, after) = (flight.before, flight.after);
    let records: Vec<&Record> = sealed.new_records.iter().collect();
    let accounts = AccountColumns {
        debits_pending: held_more(sealed),
        ..AccountColumns::of(&sealed.changed_accounts)
    };
    let internal: Vec<Account> = (sealed.internal.iter())
        .map(|delta| Account {
            totals: delta.totals,
            ..Account::new(delta.account, delta.currency)
        })
        .collect();
    let internal = AccountColumns::of(&internal);
    let entries = by_account(&sealed.entries);
    let entries = entries.as_slice();
    let states = sealed
        .changes
        .iter()
        .filter_map(|change| match change.what {
            Changed::Account(state) => Some(state),
            Changed::Card(_) => None,
        });
    let states: Vec<_> = states.collect();
    let booked_at = entries.first().map_or(0, |entry| entry.booked_at);
    let head = sealed.head;
    let statement = decided::bind(sqlx::query(STATEMENT).bind(bucket), &records)
        .bind(sealed.hold_clock.cast_signed())
        .bind(booked_at.cast_signed())
        .bind(before.head.epoch.cast_signed())
        .bind(before.head.position.cast_signed())
        .bind(before.head.entry.cast_signed())
        .bind(before.drawn)
        .bind((head.position - before.head.position).cast_signed())
        .bind((head.entry - before.head.entry).cast_signed())
        .bind(after.drawn);
    accounts
        .bind(statement)
        .bind(internal.ids)
        .bind(internal.currencies)
        .bind(internal.debits_pending)
        .bind(internal.debits_posted)
        .bind(internal.credits_pending)
        .bind(internal.credits_posted)
        .bind(column(entries, |entry| entry.account.0.cast_signed()))
        .bind(column(entries, |entry| entry.authorization.map(|id| id.0)))
        .bind(column(entries, |entry| entry.side == Side::Credit))
        .bind(column(entries, |entry| entry.layer == Layer::Posted))
        .bind(column(entries, |entry| entry.amount_minor))
        .bind(column(entries, |entry| entry.position.cast_signed()))
        .bind(column(&states, |it| it.account.0.cast_signed()))
        .bind(column(&states, |it| rows::account_status(it.status)))
        .bind(column(&states, |it| it.currency.numeric().cast_signed()))
        .bind(column(&states, |it| it.available_minor))
        .bind(column(entries, |entry| entry.number.cast_signed()))
        // All that the server says, to the end: before that it has not committed.
        .fetch_all(connection)
        .await
        .map(drop)
}
