//! Writing authorizations.

use ledger_api::{Reason, Verdict};
use sqlx::PgConnection;

use super::column;
use crate::posting::{Record, Sealed};
use crate::store::postgres::tx::TxError;

const INSERT: &str = "INSERT INTO authorization_record (bucket,
         id, card, account, requested_minor, currency, fingerprint, decided_approved,
         decided_minor, decided_reason, asked, approval_minor, approval_reason, approved_by,
         decline_reason, declined_by, network_approved, network_minor, network_reason,
         reversed_to_minor, parked, differing, contested, effect_minor, position)
     SELECT 0, * FROM unnest(
         $1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::smallint[], $6::bigint[],
         $7::boolean[], $8::bigint[], $9::smallint[], $10::text[], $11::bigint[],
         $12::smallint[], $13::text[], $14::smallint[], $15::text[], $16::boolean[],
         $17::bigint[], $18::smallint[], $19::bigint[], $20::smallint[], $21::boolean[],
         $22::boolean[], $23::bigint[], $24::bigint[])";

const UPDATE: &str = "UPDATE authorization_record AS old SET
         card = new.card, account = new.account, requested_minor = new.requested_minor,
         currency = new.currency, fingerprint = new.fingerprint,
         decided_approved = new.decided_approved, decided_minor = new.decided_minor,
         decided_reason = new.decided_reason, asked = new.asked,
         approval_minor = new.approval_minor, approval_reason = new.approval_reason,
         approved_by = new.approved_by, decline_reason = new.decline_reason,
         declined_by = new.declined_by, network_approved = new.network_approved,
         network_minor = new.network_minor, network_reason = new.network_reason,
         reversed_to_minor = new.reversed_to_minor, parked = new.parked,
         differing = new.differing, contested = new.contested, effect_minor = new.effect_minor,
         position = new.position
     FROM unnest(
         $1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::smallint[], $6::bigint[],
         $7::boolean[], $8::bigint[], $9::smallint[], $10::text[], $11::bigint[],
         $12::smallint[], $13::text[], $14::smallint[], $15::text[], $16::boolean[],
         $17::bigint[], $18::smallint[], $19::bigint[], $20::smallint[], $21::boolean[],
         $22::boolean[], $23::bigint[], $24::bigint[]) AS new (
         id, card, account, requested_minor, currency, fingerprint, decided_approved,
         decided_minor, decided_reason, asked, approval_minor, approval_reason, approved_by,
         decline_reason, declined_by, network_approved, network_minor, network_reason,
         reversed_to_minor, parked, differing, contested, effect_minor, position)
     WHERE old.bucket = 0 AND old.id = new.id";

/// New ones are inserted and not merged: if somebody else has inserted one first, its key refuses,
/// and the transaction is done again against what is there now.
pub(in crate::store::postgres) async fn records(
    connection: &mut PgConnection,
    sealed: &Sealed,
) -> Result<(), TxError> {
    for (statement, rows) in [
        (INSERT, &sealed.new_records),
        (UPDATE, &sealed.changed_records),
    ] {
        if !rows.is_empty() {
            write(connection, statement, rows).await?;
        }
    }
    Ok(())
}

async fn write(
    connection: &mut PgConnection,
    statement: &'static str,
    rows: &[Record],
) -> Result<(), TxError> {
    sqlx::query(statement)
        .bind(column(rows, |it| it.id.0.to_vec()))
        .bind(column(rows, |it| it.card.to_bytes().to_vec()))
        .bind(column(rows, |it| {
            it.account.map(|account| account.0.cast_signed())
        }))
        .bind(column(rows, |it| it.requested.minor()))
        .bind(column(rows, |it| {
            it.currency.map(|currency| currency.numeric().cast_signed())
        }))
        .bind(column(rows, |it| {
            it.fingerprint.map(|digest| digest.0.cast_signed())
        }))
        .bind(column(rows, |it| {
            it.decided.map(|verdict| verdict.approved)
        }))
        .bind(column(rows, |it| minor(it.decided)))
        .bind(column(rows, |it| reason(it.decided)))
        .bind(column(rows, |it| it.asked.to_text()))
        .bind(column(rows, |it| minor(it.approval)))
        .bind(column(rows, |it| reason(it.approval)))
        .bind(column(rows, |it| it.approved_by.to_text()))
        .bind(column(rows, |it| reason(it.decline)))
        .bind(column(rows, |it| it.declined_by.to_text()))
        .bind(column(rows, |it| {
            it.network.map(|verdict| verdict.approved)
        }))
        .bind(column(rows, |it| minor(it.network)))
        .bind(column(rows, |it| reason(it.network)))
        .bind(column(rows, |it| {
            it.reversed_to.map(|amount| amount.minor())
        }))
        .bind(column(rows, |it| it.parked.map(code)))
        .bind(column(rows, |it| it.differing))
        .bind(column(rows, Record::contested))
        .bind(column(rows, |it| it.effect_minor))
        .bind(column(rows, |it| it.position.cast_signed()))
        .execute(connection)
        .await?;
    Ok(())
}

fn minor(verdict: Option<Verdict>) -> Option<i64> {
    verdict.map(|verdict| verdict.approved_minor.minor())
}

fn reason(verdict: Option<Verdict>) -> Option<i16> {
    verdict.map(|verdict| code(verdict.reason))
}

fn code(reason: Reason) -> i16 {
    i16::from(reason.code())
}
