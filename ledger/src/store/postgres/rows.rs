//! Rows of the tables as the words of the books, and back.

use ledger_api::{
    AccountId, AccountState, AccountStatus, Amount, AuthorizationId, CardState, CardStatus,
    CardToken, Change, Changed, Currency, Entry, Expiry, Fingerprint, JournalHead, Layer, Money,
    Reason, Resolved, Side, Totals, Verdict,
};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::posting::{
    Account, Card, Gateways, Head, Journal, Life, Link, Moved, MovedKind, Record, Stages,
};

type Result<T> = std::result::Result<T, sqlx::Error>;

pub(super) async fn head(connection: &mut PgConnection, bucket: i16) -> Result<Head> {
    let row = sqlx::query("SELECT epoch, position, entry FROM head WHERE bucket = $1")
        .bind(bucket)
        .fetch_one(connection)
        .await?;
    head_of(&row)
}

pub(super) fn head_of(row: &PgRow) -> Result<Head> {
    Ok(Head {
        epoch: unsigned(row, "epoch")?,
        position: unsigned(row, "position")?,
        entry: unsigned(row, "entry")?,
    })
}

pub(super) fn account_id(row: &PgRow) -> Result<AccountId> {
    unsigned(row, "id").map(AccountId)
}

/// Its position is in a column of its own: beside a card's there are two.
pub(super) fn account(row: &PgRow) -> Result<Account> {
    let closed: bool = row.try_get("closed")?;
    Ok(Account {
        id: AccountId(unsigned(row, "id")?),
        currency: currency(row.try_get("currency")?)?,
        status: if closed {
            AccountStatus::Closed
        } else {
            AccountStatus::Open
        },
        totals: totals(row)?,
        position: unsigned(row, "account_position")?,
    })
}

pub(super) fn totals(row: &PgRow) -> Result<Totals> {
    Ok(Totals {
        debits_pending: row.try_get("debits_pending")?,
        debits_posted: row.try_get("debits_posted")?,
        credits_pending: row.try_get("credits_pending")?,
        credits_posted: row.try_get("credits_posted")?,
    })
}

pub(super) fn card(row: &PgRow) -> Result<Card> {
    let state = card_state(row, "token")?;
    Ok(Card {
        state,
        position: unsigned(row, "position")?,
    })
}

fn card_state(row: &PgRow, token_column: &str) -> Result<CardState> {
    let status = match row.try_get::<i16, _>("status")? {
        0 => CardStatus::Open,
        1 => CardStatus::Frozen,
        2 => CardStatus::Closed,
        other => return Err(bad(format!("card status {other}"))),
    };
    let expiry = row.try_get::<i16, _>("expiry")?.cast_unsigned();
    Ok(CardState {
        card: token(row.try_get(token_column)?)?,
        account: AccountId(unsigned(row, "account")?),
        status,
        expiry: Expiry::try_from(expiry).map_err(|error| bad(error.to_string()))?,
        transaction_max_minor: amount(row.try_get("transaction_max_minor")?)?,
    })
}

pub(super) const fn card_status(status: CardStatus) -> i16 {
    match status {
        CardStatus::Open => 0,
        CardStatus::Frozen => 1,
        CardStatus::Closed => 2,
    }
}

pub(super) const fn account_status(status: AccountStatus) -> i16 {
    match status {
        AccountStatus::Open => 0,
        AccountStatus::Closed => 2,
    }
}

pub(super) fn change(row: &PgRow) -> Result<Change> {
    let position = unsigned(row, "position")?;
    if row.try_get::<Option<&[u8]>, _>("card")?.is_some() {
        return Ok(Change {
            position,
            what: Changed::Card(card_state(row, "card")?),
        });
    }
    let status = match row.try_get::<i16, _>("status")? {
        0 => AccountStatus::Open,
        2 => AccountStatus::Closed,
        other => return Err(bad(format!("account status {other}"))),
    };
    let state = AccountState {
        account: AccountId(unsigned(row, "account")?),
        currency: currency(row.try_get("currency")?)?,
        status,
        available_minor: row.try_get("available_minor")?,
    };
    Ok(Change {
        position,
        what: Changed::Account(state),
    })
}

pub(super) fn entry(row: &PgRow) -> Result<Entry> {
    let credit: bool = row.try_get("credit")?;
    let posted: bool = row.try_get("posted")?;
    let of: Option<&[u8]> = row.try_get("authorization_id")?;
    Ok(Entry {
        number: unsigned(row, "number")?,
        account: AccountId(unsigned(row, "account")?),
        authorization: of.map(id).transpose()?,
        side: if credit { Side::Credit } else { Side::Debit },
        layer: if posted {
            Layer::Posted
        } else {
            Layer::Pending
        },
        amount_minor: row.try_get("amount_minor")?,
        position: unsigned(row, "position")?,
        booked_at: unsigned(row, "booked_at")?,
    })
}

pub(super) fn record(row: &PgRow) -> Result<Record> {
    let account: Option<i64> = row.try_get("account")?;
    let money: Option<i16> = row.try_get("currency")?;
    let fingerprint: Option<i64> = row.try_get("fingerprint")?;
    let reversed_to: Option<i64> = row.try_get("reversed_to_minor")?;
    let parked: Option<i16> = row.try_get("parked")?;
    Ok(Record {
        id: id(row.try_get("id")?)?,
        card: token(row.try_get("card")?)?,
        account: account.map(|account| AccountId(account.cast_unsigned())),
        requested: amount(row.try_get("requested_minor")?)?,
        currency: money.map(currency).transpose()?,
        fingerprint: fingerprint.map(|digest| Fingerprint(digest.cast_unsigned())),
        decided: verdict(
            row.try_get("decided_approved")?,
            row.try_get("decided_minor")?,
            row.try_get("decided_reason")?,
        )?,
        asked: gateways(row.try_get("asked")?)?,
        approval: verdict(
            Some(true),
            row.try_get("approval_minor")?,
            row.try_get("approval_reason")?,
        )?,
        approved_by: gateways(row.try_get("approved_by")?)?,
        decline: verdict(Some(false), Some(0), row.try_get("decline_reason")?)?,
        declined_by: gateways(row.try_get("declined_by")?)?,
        network: verdict(
            row.try_get("network_approved")?,
            row.try_get("network_minor")?,
            row.try_get("network_reason")?,
        )?,
        reversed_to: reversed_to.map(amount).transpose()?,
        parked: parked.map(reason).transpose()?,
        differing: row.try_get("differing")?,
        life: life(row)?,
        held_at: unsigned(row, "held_at")?,
        effect_minor: row.try_get("effect_minor")?,
        position: unsigned(row, "position")?,
    })
}

fn life(row: &PgRow) -> Result<Life> {
    let original: Option<&[u8]> = row.try_get("original")?;
    let counts: Option<bool> = row.try_get("original_counts")?;
    let transaction: Option<i64> = row.try_get("transaction_minor")?;
    let charged: Option<i16> = row.try_get("transaction_currency")?;
    let resolved: Option<&str> = row.try_get("resolved")?;
    Ok(Life {
        link: match (original, counts) {
            (Some(original), Some(counts)) => Some(Link {
                original: id(original)?,
                counts,
            }),
            _ => None,
        },
        moved: moved(
            row.try_get("kind")?,
            row.try_get("moved_minor")?,
            row.try_get("more")?,
        )?,
        incremented_minor: row.try_get("incremented_minor")?,
        captured_minor: row.try_get("captured_minor")?,
        refunded_minor: row.try_get("refunded_minor")?,
        stages: stages(row.try_get("stages")?)?,
        transaction: match (transaction, charged) {
            (Some(minor), Some(code)) => Some(Money {
                amount_minor: amount(minor)?,
                currency: currency(code)?,
            }),
            _ => None,
        },
        shown_minor: row.try_get("shown_minor")?,
        resolved: resolved.map(resolution).transpose()?,
        settled: row.try_get("settled")?,
    })
}

fn moved(kind: Option<i16>, minor: Option<i64>, more: Option<bool>) -> Result<Option<Moved>> {
    let (Some(kind), Some(minor), Some(more)) = (kind, minor, more) else {
        return Ok(None);
    };
    let kind = match kind {
        1 => MovedKind::Capture,
        2 => MovedKind::Refund,
        other => return Err(bad(format!("kind {other}"))),
    };
    Ok(Some(Moved {
        kind,
        amount: amount(minor)?,
        more,
    }))
}

pub(super) const fn moved_kind(kind: MovedKind) -> i16 {
    match kind {
        MovedKind::Capture => 1,
        MovedKind::Refund => 2,
    }
}

fn stages(bits: i16) -> Result<Stages> {
    let known = u8::try_from(bits).ok().and_then(Stages::from_bits);
    known.ok_or_else(|| bad(format!("stages {bits}")))
}

fn resolution(text: &str) -> Result<Resolved> {
    serde_json::from_str(text).map_err(|error| bad(error.to_string()))
}

pub(super) fn journal(row: &PgRow) -> Result<Journal> {
    Ok(Journal {
        head: journal_head(row)?,
        undrained: unsigned(row, "undrained")?,
    })
}

pub(super) fn journal_head(row: &PgRow) -> Result<JournalHead> {
    Ok(JournalHead {
        epoch: unsigned(row, "epoch")?,
        seq: unsigned(row, "seq")?,
        hash: unsigned(row, "hash")?,
    })
}

fn verdict(
    approved: Option<bool>,
    minor: Option<i64>,
    code: Option<i16>,
) -> Result<Option<Verdict>> {
    let (Some(approved), Some(minor), Some(code)) = (approved, minor, code) else {
        return Ok(None);
    };
    Ok(Some(Verdict {
        approved,
        approved_minor: amount(minor)?,
        reason: reason(code)?,
    }))
}

pub(super) fn unsigned(row: &PgRow, column: &str) -> Result<u64> {
    row.try_get::<i64, _>(column).map(i64::cast_unsigned)
}

fn amount(minor: i64) -> Result<Amount> {
    Amount::new(minor).map_err(|error| bad(error.to_string()))
}

pub(super) fn currency(code: i16) -> Result<Currency> {
    Currency::from_numeric(code.cast_unsigned()).map_err(|error| bad(error.to_string()))
}

fn reason(code: i16) -> Result<Reason> {
    let known = u8::try_from(code).ok().and_then(Reason::from_code);
    known.ok_or_else(|| bad(format!("reason {code}")))
}

fn gateways(text: &str) -> Result<Gateways> {
    Gateways::from_text(text).ok_or_else(|| bad(format!("gateways {text}")))
}

pub(super) fn id(bytes: &[u8]) -> Result<AuthorizationId> {
    bytes
        .try_into()
        .map(AuthorizationId)
        .map_err(|_| bad("authorization id".to_owned()))
}

fn token(bytes: &[u8]) -> Result<CardToken> {
    bytes
        .try_into()
        .map(CardToken::from_bytes)
        .map_err(|_| bad("card token".to_owned()))
}

fn bad(what: String) -> sqlx::Error {
    sqlx::Error::Decode(format!("the books hold what they cannot hold: {what}").into())
}
