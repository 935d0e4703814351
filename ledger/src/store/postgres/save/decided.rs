//! Writing the authorizations that are nearly all there are: new, and decided by the ledger alone.

use sqlx::PgConnection;

use super::record::{minor, reason};
use super::{Statement, column};
use crate::posting::{Life, Record};
use crate::store::postgres::tx::TxError;

/// Binds `$1`, the bucket, and what [`bind`] binds, for each row of what comes after it. What is not named
/// is NULL, or as the table says.
macro_rules! statement {
    ($from:literal) => {
        concat!(
            "INSERT INTO authorization_record (bucket, id, card, account, requested_minor, currency,
                 fingerprint, decided_approved, decided_minor, decided_reason, asked, effect_minor,
                 held_at, position, transaction_minor, transaction_currency, shown_minor,
                 approved_by, declined_by, differing, contested)
             SELECT $1, unnest($2::bytea[]), unnest($3::bytea[]), unnest($4::bigint[]),
                 unnest($5::bigint[]), unnest($6::smallint[]), unnest($7::bigint[]),
                 unnest($8::boolean[]), unnest($9::bigint[]), unnest($10::smallint[]),
                 unnest($11::text[]), unnest($12::bigint[]), unnest($13::bigint[]),
                 unnest($14::bigint[]), unnest($15::bigint[]), unnest($16::smallint[]),
                 unnest($17::bigint[]), '', '', false, false ",
            $from
        )
    };
}
pub(super) use statement;

/// True where nothing is known but what is written here.
pub(super) fn is(record: &Record) -> bool {
    let decided = Record {
        requested: record.requested,
        currency: record.currency,
        fingerprint: record.fingerprint,
        decided: record.decided,
        asked: record.asked.clone(),
        effect_minor: record.effect_minor,
        held_at: record.held_at,
        position: record.position,
        life: Life {
            transaction: record.life.transaction,
            shown_minor: record.life.shown_minor,
            ..Life::default()
        },
        ..Record::new(record.id, record.card, record.account)
    };
    decided == *record
}

/// Inserts, and does not merge.
pub(super) async fn insert(
    connection: &mut PgConnection,
    bucket: i16,
    records: &[&Record],
) -> Result<(), TxError> {
    if records.is_empty() {
        return Ok(());
    }
    bind(sqlx::query(statement!("")).bind(bucket), records)
        .execute(connection)
        .await?;
    Ok(())
}

/// Binds `$2` to `$17`.
pub(super) fn bind(statement: Statement, records: &[&Record]) -> Statement {
    statement
        .bind(column(records, |it| it.id.0))
        .bind(column(records, |it| it.card.to_bytes()))
        .bind(column(records, |it| {
            it.account.map(|account| account.0.cast_signed())
        }))
        .bind(column(records, |it| it.requested.minor()))
        .bind(column(records, |it| {
            it.currency.map(|currency| currency.numeric().cast_signed())
        }))
        .bind(column(records, |it| {
            it.fingerprint.map(|digest| digest.0.cast_signed())
        }))
        .bind(column(records, |it| it.decided.map(|it| it.approved)))
        .bind(column(records, |it| minor(it.decided)))
        .bind(column(records, |it| reason(it.decided)))
        .bind(column(records, |it| it.asked.to_text()))
        .bind(column(records, |it| it.effect_minor))
        .bind(column(records, |it| it.held_at.cast_signed()))
        .bind(column(records, |it| it.position.cast_signed()))
        .bind(column(records, |it| {
            it.life.transaction.map(|money| money.amount_minor.minor())
        }))
        .bind(column(records, |it| {
            (it.life.transaction).map(|money| money.currency.numeric().cast_signed())
        }))
        .bind(column(records, |it| it.life.shown_minor))
}
