//! The tables, and how states become rows.

use std::collections::HashMap;

use ledger_api::{
    AccountId, AccountState, AccountStatus, Amount, CardState, CardStatus, CardToken, Currency,
    Expiry, JournalHead, Mark,
};
use redb::TableDefinition;

use super::{AsOf, Heard, Meta, RolledBack};

/// The layout below.
const VERSION: u128 = 1;

/// Account, status, expiry, largest transaction, position.
type CardRow = (u64, u8, u16, i64, u64);
/// Currency, status, available, position.
type AccountRow = (u16, u8, i64, u64);

/// Cards by token.
pub(super) const CARDS: TableDefinition<'_, [u8; 17], CardRow> = TableDefinition::new("cards");
/// Accounts by id.
pub(super) const ACCOUNTS: TableDefinition<'_, u64, AccountRow> = TableDefinition::new("accounts");
/// Realised overdraft by authorization.
pub(super) const SHORTFALLS: TableDefinition<'_, [u8; 16], i64> =
    TableDefinition::new("shortfalls");
/// Everything else.
pub(super) const META: TableDefinition<'_, &str, u128> = TableDefinition::new("meta");

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The database says so.
    #[error(transparent)]
    Database(#[from] redb::Error),
    /// A value that nobody wrote.
    #[error("{0} has a value that this program does not write")]
    Value(&'static str),
    /// Another layout.
    #[error("it has layout {0}, this program reads layout {VERSION}")]
    Version(u128),
}

macro_rules! from_redb {
    ($($kind:ty),+) => {$(
        impl From<$kind> for ReadError {
            fn from(error: $kind) -> Self {
                Self::Database(error.into())
            }
        }
    )+};
}

from_redb!(redb::TransactionError, redb::TableError, redb::StorageError);

pub(super) fn card_row(row: &AsOf<CardState>) -> CardRow {
    let status = match row.state.status {
        CardStatus::Open => 0,
        CardStatus::Frozen => 1,
        CardStatus::Closed => 2,
    };
    let largest = row.state.transaction_max_minor.minor();
    (
        row.state.account.0,
        status,
        row.state.expiry.into(),
        largest,
        row.position,
    )
}

pub(super) fn card_from(token: [u8; 17], row: CardRow) -> Result<AsOf<CardState>, ReadError> {
    let (account, status, expiry, largest, position) = row;
    let state = CardState {
        card: CardToken::from_bytes(token),
        account: AccountId(account),
        status: match status {
            0 => CardStatus::Open,
            1 => CardStatus::Frozen,
            2 => CardStatus::Closed,
            _ => return Err(ReadError::Value("a card's status")),
        },
        expiry: Expiry::try_from(expiry).map_err(|_| ReadError::Value("a card's expiry"))?,
        transaction_max_minor: Amount::new(largest)
            .map_err(|_| ReadError::Value("a card's limit"))?,
    };
    Ok(AsOf { state, position })
}

pub(super) fn account_row(row: &AsOf<AccountState>) -> AccountRow {
    let status = match row.state.status {
        AccountStatus::Open => 0,
        AccountStatus::Closed => 1,
    };
    (
        row.state.currency.numeric(),
        status,
        row.state.available_minor,
        row.position,
    )
}

pub(super) fn account_from(id: u64, row: AccountRow) -> Result<AsOf<AccountState>, ReadError> {
    let (currency, status, available_minor, position) = row;
    let state = AccountState {
        account: AccountId(id),
        currency: Currency::from_numeric(currency)
            .map_err(|_| ReadError::Value("an account's currency"))?,
        status: match status {
            0 => AccountStatus::Open,
            1 => AccountStatus::Closed,
            _ => return Err(ReadError::Value("an account's status")),
        },
        available_minor,
    };
    Ok(AsOf { state, position })
}

pub(super) fn meta_rows(meta: &Meta) -> Vec<(&'static str, u128)> {
    let mut rows = vec![("version", VERSION)];
    if let Some(mark) = meta.mark {
        rows.push(("epoch", mark.epoch.into()));
        rows.push(("position", mark.position.into()));
    }
    if let Some(heard) = meta.heard {
        rows.push(("boot_id", heard.boot_id));
        rows.push(("heard_at_ms", heard.at_ms.into()));
        rows.push(("age_ms", heard.age_ms.into()));
    }
    if let Some(journal) = meta.journal {
        rows.push(("journal_epoch", journal.epoch.into()));
        rows.push(("journal_seq", journal.seq.into()));
        rows.push(("journal_hash", journal.hash.into()));
    }
    if let Some(back) = meta.rolled_back {
        rows.push(("rolled_back_epoch", back.to.epoch.into()));
        rows.push(("rolled_back_position", back.to.position.into()));
        rows.push(("rolled_back_seq", back.seq.into()));
    }
    rows
}

pub(super) fn meta_from(values: &HashMap<String, u128>) -> Result<Meta, ReadError> {
    let number = |key: &'static str| {
        let value = values.get(key).copied();
        value
            .map(|value| u64::try_from(value).map_err(|_| ReadError::Value(key)))
            .transpose()
    };
    match values.get("version") {
        Some(&VERSION) => {}
        other => return Err(ReadError::Version(other.copied().unwrap_or_default())),
    }
    let mark = match (number("epoch")?, number("position")?) {
        (Some(epoch), Some(position)) => Some(Mark { epoch, position }),
        (None, None) => None,
        _ => return Err(ReadError::Value("the mark")),
    };
    let boot_id = values.get("boot_id").copied();
    let heard = match (boot_id, number("heard_at_ms")?, number("age_ms")?) {
        (Some(boot_id), Some(at_ms), Some(age_ms)) => Some(Heard {
            boot_id,
            at_ms,
            age_ms,
        }),
        (None, None, None) => None,
        _ => return Err(ReadError::Value("the age")),
    };
    let three = |keys: [&'static str; 3], what| {
        let [first, second, third] = keys.map(number);
        match (first?, second?, third?) {
            (Some(first), Some(second), Some(third)) => Ok(Some((first, second, third))),
            (None, None, None) => Ok(None),
            _ => Err(ReadError::Value(what)),
        }
    };
    let keys = ["journal_epoch", "journal_seq", "journal_hash"];
    let journal =
        three(keys, "the journal")?.map(|(epoch, seq, hash)| JournalHead { epoch, seq, hash });
    let keys = [
        "rolled_back_epoch",
        "rolled_back_position",
        "rolled_back_seq",
    ];
    let rolled_back =
        three(keys, "the ledger's return")?.map(|(epoch, position, seq)| RolledBack {
            to: Mark { epoch, position },
            seq,
        });
    Ok(Meta {
        mark,
        heard,
        journal,
        rolled_back,
    })
}
