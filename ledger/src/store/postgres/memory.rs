//! What this process remembers of the books: cards and accounts as they stand at one state of the head
//! row. Who writes to the books changes that row, so whoever finds it as remembered, and changes it
//! itself, has made sure of everything else that is remembered (see `direct`).

mod recent;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet, VecDeque};

use ledger_api::{AccountId, AuthorizationId, CardToken};

use crate::posting::{Account, Card, Command, Head, Needs, Sealed, WorkingSet};
use recent::Recent;

/// How many of the cards, and of the accounts, that were used last are remembered at least, of some 100
/// bytes each. Beyond twice as many memory is not used before there was room made.
const STATES: usize = 500_000;
/// The same for the ids of authorizations, of some 20 bytes each.
const IDS: usize = 250_000;
/// How many earlier states of the head are known.
const KNOWN_MAX: usize = 16;
/// How many accounts that somebody else keeps locked are remembered.
const HELD_MAX: usize = 10_000;
/// How many batches are done without relying on memory after others were in the way often.
const PAUSE_MAX: u32 = 256;

/// A state of the head row. The numbers alone would not tell a state from one that a failed-over server
/// has lost, and that was reached again, by whomever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) head: Head,
    /// Drawn by the transaction that led to it.
    pub(super) drawn: i64,
}

/// For a transaction that writes to the books.
pub(super) fn draw() -> i64 {
    // Room for whoever adds to it by hand.
    rand::random_range(1..i64::MAX / 2)
}

/// A batch that was decided on what is remembered, and is not confirmed yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flight {
    /// The head as it must be found.
    pub(super) before: Stamp,
    pub(super) after: Stamp,
    number: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Memory {
    /// States of the head at which a card or an account that is not remembered was as it is now, in
    /// order; the last one is what memory shows.
    known: VecDeque<Stamp>,
    /// What was decided and is not confirmed, with the accounts that it touches; the states after them are
    /// the last ones of `known`.
    flights: VecDeque<(u64, Vec<AccountId>)>,
    /// Counts them.
    number: u64,
    cards: Recent<CardToken, Card>,
    accounts: Recent<AccountId, Account>,
    ids: Recent<AuthorizationId, ()>,
    held: HashSet<AccountId>,
    pause: u32,
    next_pause: u32,
}

impl Default for Memory {
    fn default() -> Self {
        Self::of(STATES)
    }
}

impl Memory {
    fn of(states: usize) -> Self {
        Self {
            known: VecDeque::new(),
            flights: VecDeque::new(),
            number: 0,
            cards: Recent::new(states),
            accounts: Recent::new(states),
            ids: Recent::new(IDS),
            held: HashSet::new(),
            pause: 0,
            next_pause: 0,
        }
    }

    /// True where it is worth a try. After others were in the way, it is not for a while; nor where it has
    /// grown and there was no moment to make room: what is done under locks is such a moment.
    pub(super) fn is_of_use(&mut self) -> bool {
        let of_use = self.pause == 0;
        self.pause = self.pause.saturating_sub(1);
        of_use && !self.cards.is_overfull() && !self.accounts.is_overfull()
    }

    /// Somebody else was in the way: for twice as long as the last time it is not tried again.
    pub(super) fn disturbed(&mut self) {
        self.next_pause = (self.next_pause * 2).clamp(1, PAUSE_MAX);
        self.pause = self.next_pause;
    }

    /// Which commands need nothing but a card and its account: authorizations that stand alone and were
    /// not seen before, of a card that nobody else keeps locked. What names a card or an id of a command
    /// that does need more is left to it.
    pub(super) fn alone(&self, commands: &[Command]) -> Vec<bool> {
        let mut cards: HashSet<CardToken> = HashSet::new();
        let mut ids: HashSet<AuthorizationId> = HashSet::new();
        let mut alone = Vec::with_capacity(commands.len());
        for command in commands {
            let Command::Authorize { request, .. } = command else {
                alone.push(false);
                continue;
            };
            let account = self
                .cards
                .peek(&request.card)
                .map(|card| card.state.account);
            let is_held = account.is_some_and(|account| self.held.contains(&account));
            let is_known = self.ids.contains(&request.id);
            let is_new = ids.insert(request.id) && !is_known;
            let is_alone =
                is_new && !is_held && request.original.is_none() && !cards.contains(&request.card);
            if !is_alone {
                cards.insert(request.card);
            }
            alone.push(is_alone);
        }
        alone
    }

    /// The cards among these that are not remembered, with their accounts.
    pub(super) fn missing(&self, commands: &[Command], alone: &[bool]) -> BTreeSet<CardToken> {
        let named = commands.iter().zip(alone);
        let named = named.filter_map(|(command, alone)| match command {
            Command::Authorize { request, .. } if *alone => Some(request.card),
            _ => None,
        });
        named.filter(|card| !self.remembers(card)).collect()
    }

    pub(super) fn remembers(&self, card: &CardToken) -> bool {
        let card = self.cards.peek(card);
        card.is_some_and(|card| self.accounts.contains(&card.state.account))
    }

    /// Remembers what was read at a state of the head; what is remembered already is newer. A state that is
    /// not known is somebody else's: then nothing else is remembered, or, while something is on its way, not
    /// this.
    pub(super) fn learn(&mut self, stamp: Stamp, found: Vec<(Card, Account)>) {
        if !self.known.contains(&stamp) {
            // Somebody else has written, or it was before a flight that may still land.
            if !self.flights.is_empty() {
                return;
            }
            self.start_over(stamp);
        }
        for (card, account) in found {
            if !self.cards.contains(&card.state.card) {
                self.cards.insert(card.state.card, card);
            }
            if !self.accounts.contains(&account.id) {
                self.accounts.insert(account.id, account);
            }
        }
    }

    /// What these commands work on, and the state of the head that they are to find. `None` where some of
    /// it is not remembered.
    pub(super) fn working_set(&mut self, needs: &Needs) -> Option<(WorkingSet, Stamp)> {
        let mut set = WorkingSet::default();
        for card in &needs.cards {
            let card = self.cards.get(card)?;
            set.load_account(self.accounts.get(&card.state.account)?);
            set.load_card(card);
        }
        Some((set, *self.known.back()?))
    }

    /// Takes what was decided for what will be.
    pub(super) fn expect(&mut self, before: Stamp, sealed: &Sealed) -> Flight {
        let after = Stamp {
            head: sealed.head,
            drawn: draw(),
        };
        let touched = sealed.changed_accounts.iter().map(|account| account.id);
        self.number += 1;
        self.flights.push_back((self.number, touched.collect()));
        self.apply(after, sealed);
        Flight {
            before,
            after,
            number: self.number,
        }
    }

    /// True while what the flight was decided on may still come to be.
    pub(super) fn still_expects(&self, flight: &Flight) -> bool {
        self.place_of(flight).is_some()
    }

    fn place_of(&self, flight: &Flight) -> Option<usize> {
        let numbers = self.flights.iter().map(|(number, _)| *number);
        numbers
            .into_iter()
            .position(|number| number == flight.number)
    }

    /// It came to be, and so did what it was decided on.
    pub(super) fn landed(&mut self, flight: &Flight) {
        if let Some(place) = self.place_of(flight) {
            self.flights.drain(..=place);
            self.next_pause = 0;
            self.make_room(flight.after);
        }
    }

    /// It did not come to be, or nobody knows: what was decided on top of it will not either.
    pub(super) fn failed(&mut self, flight: &Flight) {
        if let Some(place) = self.place_of(flight) {
            self.drop_from(place);
        }
    }

    /// Whoever decides in his turn comes before all that is on its way still: it was decided without him.
    pub(super) fn drop_flights(&mut self) {
        self.drop_from(0);
    }

    fn drop_from(&mut self, place: usize) {
        let gone = self.flights.split_off(place);
        if gone.is_empty() {
            return;
        }
        for account in gone.iter().flat_map(|(_, touched)| touched) {
            self.accounts.remove(account);
        }
        // What is gone from memory may have been otherwise at every state but the last.
        self.known.truncate(self.known.len() - gone.len());
        self.known = self.known.pop_back().into_iter().collect();
    }

    /// Another transaction of this process has brought the head from one state to another.
    pub(super) fn follow(&mut self, before: Stamp, sealed: &Sealed, drawn: i64) {
        let after = Stamp {
            head: sealed.head,
            drawn,
        };
        if self.known.back() == Some(&before) && self.flights.is_empty() {
            self.apply(after, sealed);
            self.make_room(after);
            return;
        }
        if !self.known.is_empty() {
            self.disturbed();
        }
        self.start_over(after);
        self.remember_ids(sealed);
    }

    /// Which accounts could be locked, and which somebody else keeps locked.
    pub(super) fn held(&mut self, free: &[AccountId], held: &BTreeSet<AccountId>) {
        if !self.held.is_empty() {
            for account in free {
                self.held.remove(account);
            }
        }
        if self.held.len() > HELD_MAX {
            // They are found again.
            self.held.clear();
        }
        self.held.extend(held);
    }

    fn apply(&mut self, after: Stamp, sealed: &Sealed) {
        self.known.push_back(after);
        while self.known.len() > KNOWN_MAX.max(self.flights.len() + 1) {
            self.known.pop_front();
        }
        for account in sealed.new_accounts.iter().chain(&sealed.changed_accounts) {
            self.accounts.insert(account.id, *account);
        }
        for card in &sealed.cards {
            self.cards.insert(card.state.card, *card);
        }
        self.remember_ids(sealed);
    }

    fn remember_ids(&mut self, sealed: &Sealed) {
        if self.ids.is_full() {
            self.ids.forget_old();
        }
        for record in &sealed.new_records {
            self.ids.insert(record.id, ());
        }
    }

    /// Lets go what was not used lately, once nothing is on its way. It may have been otherwise at every
    /// state but the last.
    fn make_room(&mut self, last: Stamp) {
        if self.flights.is_empty() && (self.cards.is_full() || self.accounts.is_full()) {
            self.cards.forget_old();
            self.accounts.forget_old();
            self.known.clear();
            self.known.push_back(last);
        }
    }

    fn start_over(&mut self, stamp: Stamp) {
        self.flights.clear();
        self.cards.clear();
        self.accounts.clear();
        self.known.clear();
        self.known.push_back(stamp);
    }
}
