//! What a gateway must know before it can stand in: cards, balances and limits, pushed in advance.

use serde::{Deserialize, Serialize};

use crate::{AccountId, Amount, CardToken, Currency, Expiry, Mark};

/// Whether a card may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardStatus {
    /// It may.
    Open,
    /// Not now.
    Frozen,
    /// Never again.
    Closed,
}

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// It may.
    Open,
    /// Never again.
    Closed,
}

/// A card as the ledger knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardState {
    /// Its token.
    pub card: CardToken,
    /// The account it spends from.
    pub account: AccountId,
    /// Whether it may be used.
    pub status: CardStatus,
    /// The last month in which it may be used.
    pub expiry: Expiry,
    /// The most that one transaction may be.
    pub transaction_max_minor: Amount,
}

/// An account's balance as the feed tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountState {
    /// Which account.
    pub account: AccountId,
    /// Its currency.
    pub currency: Currency,
    /// Whether it may be used.
    pub status: AccountStatus,
    /// Credits posted − debits posted − debits pending; negative where advices overdrew it.
    pub available_minor: i64,
}

/// `GET /v1/feed`: the changes after a position. A reader whose `epoch` is not the ledger's gets
/// 409 `epoch_changed` and lists again. One that has seen more than there is, in the same epoch, may get
/// 503 `feed_ahead`: these books are older, it keeps what it knows and asks again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedPage {
    /// The ledger's epoch.
    pub epoch: u64,
    /// The last position there is; everything up to the last change here when it fits one page.
    pub head: u64,
    /// In order of position, without holes.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its position.
    pub position: u64,
    /// What changed.
    #[serde(flatten)]
    pub what: Changed,
}

/// What changed, as its whole new state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// A card.
    Card(CardState),
    /// An account.
    Account(AccountState),
}

/// `GET /v1/listing`: everything, in pages. Follow the feed from the first page's mark afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingPage {
    /// Every state in this page is at least this new.
    pub mark: Mark,
    /// Cards and accounts, in no particular order; each with the position of its last change.
    pub states: Vec<Change>,
    /// Give it as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
