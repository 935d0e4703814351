//! Pages and cursors, the same in every store.

use std::fmt;
use std::str::FromStr;

use ledger_api::{AccountId, CardToken, Change, Changed, ListingPage, Mark};

use crate::posting::{Account, Card};

/// How far a listing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingCursor {
    /// After this account; cards are still to come.
    Account(AccountId),
    /// All accounts are listed, and cards up to this one.
    Card(CardToken),
}

/// A text that is no cursor of a listing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`after` must be the `next` of the page before")]
pub struct CursorError;

impl FromStr for ListingCursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        match text.strip_prefix("account-") {
            Some(id) => id
                .parse()
                .map(|id| Self::Account(AccountId(id)))
                .map_err(|_| CursorError),
            None => text.parse().map(Self::Card).map_err(|_| CursorError),
        }
    }
}

impl fmt::Display for ListingCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => write!(f, "account-{id}"),
            Self::Card(card) => card.fmt(f),
        }
    }
}

impl ListingCursor {
    /// After which account to go on; `None` where no account is left.
    pub(crate) fn accounts_from(after: Option<Self>) -> Option<Option<AccountId>> {
        match after {
            None => Some(None),
            Some(Self::Account(id)) => Some(Some(id)),
            Some(Self::Card(_)) => None,
        }
    }

    /// After which card to go on.
    pub(crate) fn cards_after(after: Option<Self>) -> Option<CardToken> {
        match after {
            Some(Self::Card(card)) => Some(card),
            _ => None,
        }
    }
}

/// A page of a listing: customer accounts, then cards; `limit` was asked for in all.
pub(crate) fn listing_page(
    mark: Mark,
    accounts: Vec<Account>,
    cards: Vec<Card>,
    limit: usize,
) -> ListingPage {
    let full = accounts.len() + cards.len() >= limit;
    let last = match (cards.last(), accounts.last()) {
        (Some(card), _) => Some(ListingCursor::Card(card.state.card)),
        (None, Some(account)) => Some(ListingCursor::Account(account.id)),
        (None, None) => None,
    };
    let accounts = accounts.into_iter().map(|account| Change {
        position: account.position,
        what: Changed::Account(account.state()),
    });
    let cards = cards.into_iter().map(|card| Change {
        position: card.position,
        what: Changed::Card(card.state),
    });
    let next = last.filter(|_| full).map(|cursor| cursor.to_string());
    ListingPage {
        mark,
        states: accounts.chain(cards).collect(),
        next,
    }
}

/// The id to go on after, if a page is full.
pub(crate) fn next<T, K>(rows: &[T], limit: usize, key: impl Fn(&T) -> K) -> Option<K> {
    rows.last().filter(|_| rows.len() >= limit).map(key)
}
