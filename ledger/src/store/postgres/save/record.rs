//! Writing authorizations.

use ledger_api::{Reason, Verdict};
use sqlx::PgConnection;

use super::{Statement, column, decided, rows};
use crate::posting::{Record, Sealed};
use crate::store::postgres::tx::TxError;

/// The columns of a plain authorization.
macro_rules! plain {
    () => {
        "id, card, account, requested_minor, currency, fingerprint, decided_approved, decided_minor,
         decided_reason, asked, approval_minor, approval_reason, approved_by, decline_reason,
         declined_by, network_approved, network_minor, network_reason, reversed_to_minor, parked,
         differing, contested, effect_minor, position"
    };
}

/// What is bound for them.
macro_rules! plain_arrays {
    () => {
        "$2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[], $6::smallint[], $7::bigint[],
         $8::boolean[], $9::bigint[], $10::smallint[], $11::text[], $12::bigint[],
         $13::smallint[], $14::text[], $15::smallint[], $16::text[], $17::boolean[],
         $18::bigint[], $19::smallint[], $20::bigint[], $21::smallint[], $22::boolean[],
         $23::boolean[], $24::bigint[], $25::bigint[]"
    };
}

/// The columns of what happens to one afterwards.
macro_rules! life {
    () => {
        "kind, moved_minor, more, original, original_counts, incremented_minor, captured_minor,
         refunded_minor, stages, transaction_minor, transaction_currency, shown_minor, resolved,
         settled, held_at"
    };
}

macro_rules! life_arrays {
    () => {
        "$26::smallint[], $27::bigint[], $28::boolean[], $29::bytea[], $30::boolean[],
         $31::bigint[], $32::bigint[], $33::bigint[], $34::smallint[], $35::bigint[],
         $36::smallint[], $37::bigint[], $38::text[], $39::boolean[], $40::bigint[]"
    };
}

macro_rules! set_plain {
    () => {
        " ON CONFLICT (bucket, id) DO UPDATE SET
         card = EXCLUDED.card, account = EXCLUDED.account, requested_minor = EXCLUDED.requested_minor,
         currency = EXCLUDED.currency, fingerprint = EXCLUDED.fingerprint,
         decided_approved = EXCLUDED.decided_approved, decided_minor = EXCLUDED.decided_minor,
         decided_reason = EXCLUDED.decided_reason, asked = EXCLUDED.asked,
         approval_minor = EXCLUDED.approval_minor, approval_reason = EXCLUDED.approval_reason,
         approved_by = EXCLUDED.approved_by, decline_reason = EXCLUDED.decline_reason,
         declined_by = EXCLUDED.declined_by, network_approved = EXCLUDED.network_approved,
         network_minor = EXCLUDED.network_minor, network_reason = EXCLUDED.network_reason,
         reversed_to_minor = EXCLUDED.reversed_to_minor, parked = EXCLUDED.parked,
         differing = EXCLUDED.differing, contested = EXCLUDED.contested, effect_minor = EXCLUDED.effect_minor,
         position = EXCLUDED.position, "
    };
}

/// Plain authorizations: the time of their holds, `$26`, is one for all of a batch.
macro_rules! insert_plain {
    () => {
        concat!(
            "INSERT INTO authorization_record AS old (bucket, held_at, ",
            plain!(),
            ") SELECT $1, CASE WHEN effect_minor > 0 THEN $26::bigint ELSE 0 END, ",
            plain!(),
            " FROM unnest(",
            plain_arrays!(),
            ") AS new (",
            plain!(),
            ")"
        )
    };
}

macro_rules! insert_life {
    () => {
        concat!(
            "INSERT INTO authorization_record AS old (bucket, ",
            plain!(),
            ", ",
            life!(),
            ") SELECT $1, * FROM unnest(",
            plain_arrays!(),
            ", ",
            life_arrays!(),
            ")"
        )
    };
}

const INSERT_PLAIN: &str = insert_plain!();
const INSERT_LIFE: &str = insert_life!();
// The conflict leads the server to each row by its key, whatever it believes of the table.
const UPDATE_PLAIN: &str = concat!(
    insert_plain!(),
    set_plain!(),
    "held_at = CASE WHEN EXCLUDED.effect_minor = 0 THEN 0 WHEN old.held_at = 0 THEN EXCLUDED.held_at
         ELSE old.held_at END"
);
const UPDATE_LIFE: &str = concat!(
    insert_life!(),
    set_plain!(),
    "kind = EXCLUDED.kind, moved_minor = EXCLUDED.moved_minor, more = EXCLUDED.more,
     original = EXCLUDED.original, original_counts = EXCLUDED.original_counts,
     incremented_minor = EXCLUDED.incremented_minor, captured_minor = EXCLUDED.captured_minor,
     refunded_minor = EXCLUDED.refunded_minor, stages = EXCLUDED.stages,
     transaction_minor = EXCLUDED.transaction_minor,
     transaction_currency = EXCLUDED.transaction_currency, shown_minor = EXCLUDED.shown_minor,
     resolved = EXCLUDED.resolved, settled = EXCLUDED.settled, held_at = EXCLUDED.held_at"
);

/// New ones are inserted and not merged: if somebody else has inserted one first, its key refuses,
/// and the transaction is done again against what is there now. Plain authorizations, which are nearly
/// all, are not made to carry columns that only others have.
pub(super) async fn records(
    connection: &mut PgConnection,
    bucket: i16,
    sealed: &Sealed,
) -> Result<(), TxError> {
    let new = sealed.new_records.iter();
    let (decided, others): (Vec<_>, Vec<_>) = new.partition(|record| decided::is(record));
    decided::insert(connection, bucket, &decided).await?;
    let changed = sealed.changed_records.iter().collect();
    for (plain, life, rows) in [
        (INSERT_PLAIN, INSERT_LIFE, others),
        (UPDATE_PLAIN, UPDATE_LIFE, changed),
    ] {
        let (simple, rich): (Vec<&Record>, Vec<&Record>) =
            rows.into_iter().partition(|record| record.life.is_plain());
        if !simple.is_empty() {
            bind_plain(plain, bucket, &simple)
                .bind(sealed.hold_clock.cast_signed())
                .execute(&mut *connection)
                .await?;
        }
        if !rich.is_empty() {
            bind_life(bind_plain(life, bucket, &rich), &rich)?
                .execute(&mut *connection)
                .await?;
        }
    }
    Ok(())
}

fn bind_plain(statement: &'static str, bucket: i16, rows: &[&Record]) -> Statement {
    sqlx::query(statement)
        .bind(bucket)
        .bind(column(rows, |it| it.id.0))
        .bind(column(rows, |it| it.card.to_bytes()))
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
        .bind(column(rows, |it| it.contested()))
        .bind(column(rows, |it| it.effect_minor))
        .bind(column(rows, |it| it.position.cast_signed()))
}

fn bind_life(statement: Statement, rows: &[&Record]) -> Result<Statement, TxError> {
    let mut resolved = Vec::with_capacity(rows.len());
    for row in rows {
        let text = row.life.resolved.as_ref().map(serde_json::to_string);
        let text = text.transpose().map_err(|error| {
            sqlx::Error::Encode(format!("a resolution cannot be written: {error}").into())
        })?;
        resolved.push(text);
    }
    Ok(statement
        .bind(column(rows, |it| {
            it.life.moved.map(|moved| rows::moved_kind(moved.kind))
        }))
        .bind(column(rows, |it| {
            it.life.moved.map(|moved| moved.amount.minor())
        }))
        .bind(column(rows, |it| it.life.moved.map(|moved| moved.more)))
        .bind(column(rows, |it| it.life.link.map(|link| link.original.0)))
        .bind(column(rows, |it| it.life.link.map(|link| link.counts)))
        .bind(column(rows, |it| it.life.incremented_minor))
        .bind(column(rows, |it| it.life.captured_minor))
        .bind(column(rows, |it| it.life.refunded_minor))
        .bind(column(rows, |it| i16::from(it.life.stages.bits())))
        .bind(column(rows, |it| {
            it.life.transaction.map(|money| money.amount_minor.minor())
        }))
        .bind(column(rows, |it| {
            (it.life.transaction).map(|money| money.currency.numeric().cast_signed())
        }))
        .bind(column(rows, |it| it.life.shown_minor))
        .bind(resolved)
        .bind(column(rows, |it| it.life.settled))
        .bind(column(rows, |it| it.held_at.cast_signed())))
}

pub(super) fn minor(verdict: Option<Verdict>) -> Option<i64> {
    verdict.map(|verdict| verdict.approved_minor.minor())
}

pub(super) fn reason(verdict: Option<Verdict>) -> Option<i16> {
    verdict.map(|verdict| code(verdict.reason))
}

fn code(reason: Reason) -> i16 {
    i16::from(reason.code())
}
