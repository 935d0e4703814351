//! The rows of the copy: what is known of cards and accounts, and since which change of the feed.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use ledger_api::{AccountId, AccountState, CardState, CardToken};

use super::AsOf;
use crate::maps::{self, Hasher, Slots, short_hash};

/// A card, with what was found out on the way.
#[derive(Debug)]
struct CardRow {
    known: AsOf<CardState>,
    /// Where its account was found last: a hint.
    account: AtomicU32,
    /// Whether this gateway is its home: [`UNASKED`], [`ELSEWHERE`] or [`HOME`].
    home: AtomicU8,
}

const UNASKED: u8 = 0;
const ELSEWHERE: u8 = 1;
const HOME: u8 = 2;

/// A card and an account. They are each other's where that can be, so that both are read at once.
#[derive(Debug, Default)]
struct Pair {
    card: Option<CardRow>,
    account: Option<AsOf<AccountState>>,
}

/// All cards and accounts.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pairs: maps::Rows<Pair>,
    cards: Slots,
    accounts: Slots,
    hasher: Hasher,
}

/// A card that is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    rows: &'a Rows,
    card: &'a CardRow,
}

impl<'a> Known<'a> {
    pub(crate) fn card(self) -> &'a CardState {
        &self.card.known.state
    }

    /// Its account, if that is known.
    pub(crate) fn account(self) -> Option<&'a AccountState> {
        let Self { rows, card } = self;
        let account = card.known.state.account;
        let hint = rows.account_at(card.account.load(Ordering::Relaxed));
        let hint = hint.filter(|row| row.state.account == account);
        let row = hint.or_else(|| {
            let row = rows.find_account(account)?;
            card.account.store(row, Ordering::Relaxed);
            rows.account_at(row)
        });
        row.map(|row| &row.state)
    }

    /// What `ask` says of whether this gateway is the card's home: once, because that never changes.
    pub(crate) fn is_home(self, ask: impl FnOnce() -> bool) -> bool {
        match self.card.home.load(Ordering::Relaxed) {
            UNASKED => {
                let home = ask();
                let told = if home { HOME } else { ELSEWHERE };
                self.card.home.store(told, Ordering::Relaxed);
                home
            }
            told => told == HOME,
        }
    }
}

impl Rows {
    /// Reads where the card would be. See [`crate::maps::fetch`].
    pub(super) fn touch(&self, card: &CardToken) -> u64 {
        self.cards.touch(short_hash(&self.hasher, card))
    }

    pub(super) fn card(&self, card: &CardToken) -> Option<Known<'_>> {
        let card = self.card_at(self.find_card(card)?)?;
        Some(Known { rows: self, card })
    }

    pub(super) fn account(&self, account: AccountId) -> Option<&AsOf<AccountState>> {
        self.account_at(self.find_account(account)?)
    }

    /// How many cards and accounts.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.cards.len(), self.accounts.len())
    }

    /// The latest position that anything is from.
    pub(super) fn position(&self) -> u64 {
        let positions = self.pairs.iter().flat_map(|pair| {
            let card = pair.card.as_ref().map(|row| row.known.position);
            [card, pair.account.map(|row| row.position)]
        });
        positions.flatten().max().unwrap_or_default()
    }

    /// Takes what is known of a card, unless something newer is. Returns what is.
    pub(super) fn put_card(&mut self, known: AsOf<CardState>) -> AsOf<CardState> {
        let state = &known.state;
        if let Some(row) = self.find_card(&state.card) {
            let pair = self.pairs.get_mut(row);
            return match pair.and_then(|pair| pair.card.as_mut()) {
                Some(row) if row.known.position <= known.position => {
                    row.known = known;
                    known
                }
                Some(row) => row.known,
                None => known,
            };
        }
        let account = self.find_account(state.account);
        let card = CardRow {
            known,
            account: account.unwrap_or(u32::MAX).into(),
            home: UNASKED.into(),
        };
        let beside = account.and_then(|row| Some((row, self.pairs.get_mut(row)?)));
        let row = match beside.filter(|(_, pair)| pair.card.is_none()) {
            Some((row, pair)) => {
                pair.card = Some(card);
                row
            }
            None => self.pairs.push(Pair {
                card: Some(card),
                account: None,
            }),
        };
        let hash = short_hash(&self.hasher, state.card);
        self.cards.insert(hash, row);
        known
    }

    /// The same of an account. Those that come before their cards lie beside them.
    pub(super) fn put_account(&mut self, known: AsOf<AccountState>) -> AsOf<AccountState> {
        let id = known.state.account;
        if let Some(row) = self.find_account(id) {
            let pair = self.pairs.get_mut(row);
            return match pair.and_then(|pair| pair.account.as_mut()) {
                Some(row) if row.position <= known.position => {
                    *row = known;
                    known
                }
                Some(row) => *row,
                None => known,
            };
        }
        let row = self.pairs.push(Pair {
            card: None,
            account: Some(known),
        });
        let hash = short_hash(&self.hasher, id);
        self.accounts.insert(hash, row);
        known
    }

    /// Everything that is known, for the file.
    pub(super) fn listing(&self) -> Listing {
        let cards = self.pairs.iter().filter_map(|pair| pair.card.as_ref());
        Listing {
            cards: cards.map(|row| row.known).collect(),
            accounts: self.pairs.iter().filter_map(|pair| pair.account).collect(),
        }
    }

    fn find_card(&self, card: &CardToken) -> Option<u32> {
        let is_it = |row| {
            self.card_at(row)
                .is_some_and(|row| row.known.state.card == *card)
        };
        self.cards.find(short_hash(&self.hasher, card), is_it)
    }

    fn find_account(&self, account: AccountId) -> Option<u32> {
        let is_it = |row| {
            self.account_at(row)
                .is_some_and(|row| row.state.account == account)
        };
        self.accounts.find(short_hash(&self.hasher, account), is_it)
    }

    fn card_at(&self, row: u32) -> Option<&CardRow> {
        self.pairs.get(row)?.card.as_ref()
    }

    fn account_at(&self, row: u32) -> Option<&AsOf<AccountState>> {
        self.pairs.get(row)?.account.as_ref()
    }
}

/// A complete listing.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) cards: Vec<AsOf<CardState>>,
    pub(super) accounts: Vec<AsOf<AccountState>>,
}

impl Listing {
    /// In the order of their keys, in which a tree grows at its end.
    pub(super) fn sort(&mut self) {
        self.cards
            .sort_unstable_by_key(|row| row.state.card.to_bytes());
        self.accounts.sort_unstable_by_key(|row| row.state.account);
    }
}
