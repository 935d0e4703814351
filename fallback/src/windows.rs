//! The rolling 24 hours of every card, and the time they run in.
//!
//! Windows run in *served time*: it advances with the boot clock while a gateway lives, and not at
//! all between two starts of the machine (rule 16). It never reads the wall clock (I17), so neither
//! a step of the clock nor a reboot gives a card its limit back.

use std::collections::VecDeque;

use ledger_api::{AccountId, AuthorizationId, CardToken};

use crate::maps::{Keyed, Table};

/// How long an approval counts.
pub(crate) const DAY_MS: u64 = 24 * 3_600_000;

/// Turns boot milliseconds into served milliseconds.
#[derive(Debug, Default)]
pub(crate) struct ServedTime {
    boot_id: u128,
    /// Added to boot milliseconds.
    offset: i128,
    /// The latest moment that was ever seen.
    last: u64,
}

impl ServedTime {
    /// A process started. Under the same boot id time has gone on; under another one, or where the
    /// kernel does not tell (zero), it goes on from where it was last seen.
    pub(crate) fn booted(&mut self, boot_id: u128, boot_ms: u64) {
        if boot_id == 0 || boot_id != self.boot_id {
            self.boot_id = boot_id;
            self.offset = i128::from(self.last) - i128::from(boot_ms);
        }
        self.advance(boot_ms);
    }

    /// Something happened at this boot time: its served time.
    pub(crate) fn advance(&mut self, boot_ms: u64) -> u64 {
        let served = self.read(boot_ms);
        self.last = self.last.max(served);
        served
    }

    /// The served time at a boot time.
    pub(crate) fn read(&self, boot_ms: u64) -> u64 {
        u64::try_from(i128::from(boot_ms) + self.offset).unwrap_or_default()
    }
}

/// What stand-in approved per card in the last 24 hours.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    cards: Table<Card>,
    /// All approvals in the order they came, so that cards that are not used again leave memory.
    approvals: VecDeque<Approval>,
    /// How many have left the front.
    gone: u64,
}

/// The approvals of one card, and their sum.
#[derive(Debug)]
struct Card {
    token: CardToken,
    /// On which stand-in approved it, last.
    account: Option<AccountId>,
    minor: i64,
    count: u32,
    /// When the first of them was, at the latest: until it leaves, the sum is right.
    since_ms: u64,
    /// The number of the last one, counted from 1; zero for none.
    last: u64,
}

#[derive(Debug)]
struct Approval {
    served_ms: u64,
    card: CardToken,
    id: AuthorizationId,
    minor: i64,
    /// The number of the card's one before, as [`Card::last`].
    before: u64,
}

impl Keyed for Card {
    type Key = CardToken;

    fn key(&self) -> CardToken {
        self.token
    }
}

impl Card {
    fn new(token: CardToken) -> Self {
        Self {
            token,
            account: None,
            minor: 0,
            count: 0,
            since_ms: u64::MAX,
            last: 0,
        }
    }
}

impl Windows {
    /// Reads where the card would be. See [`crate::maps::fetch`].
    pub(crate) fn touch(&self, card: &CardToken) -> u64 {
        self.cards.touch(card)
    }

    /// Amount and number of the approvals that still count.
    pub(crate) fn spent(&self, card: &CardToken, served_ms: u64) -> (i64, u32) {
        let Some(card) = self.cards.get(card) else {
            return (0, 0);
        };
        if counts(card.since_ms, served_ms) {
            return (card.minor, card.count);
        }
        self.of(card.last)
            .filter(|approval| counts(approval.served_ms, served_ms))
            .fold((0, 0), |(minor, count), approval| {
                (minor + approval.minor, count + 1)
            })
    }

    /// The account on which stand-in approved the card last.
    pub(crate) fn account(&self, card: &CardToken) -> Option<AccountId> {
        self.cards.get(card)?.account
    }

    /// Counts an approval on this account.
    pub(crate) fn add(
        &mut self,
        token: CardToken,
        account: Option<AccountId>,
        id: AuthorizationId,
        minor: i64,
        served_ms: u64,
    ) {
        let (row, _) = self.cards.find_or_insert(&token, || Card::new(token));
        if let Some(card) = self.cards.at_mut(row) {
            card.account = account.or(card.account);
            card.minor += minor;
            card.count += 1;
            card.since_ms = card.since_ms.min(served_ms);
            self.approvals.push_back(Approval {
                served_ms,
                card: token,
                id,
                minor,
                before: card.last,
            });
            card.last = self.gone + self.approvals.len() as u64;
        }
        self.forget(served_ms);
    }

    /// A reversal left this much of an approval. It still counts as one.
    pub(crate) fn lower(&mut self, card: &CardToken, id: AuthorizationId, minor: i64) {
        let Some(card) = self.cards.get_mut(card) else {
            return;
        };
        let mut number = card.last;
        while let Some(approval) =
            nth(number, self.gone).and_then(|place| self.approvals.get_mut(place))
        {
            if approval.id == id && minor < approval.minor {
                card.minor -= approval.minor - minor;
                approval.minor = minor;
            }
            number = approval.before;
        }
    }

    fn of(&self, last: u64) -> impl Iterator<Item = &Approval> {
        let at = |number| self.approvals.get(nth(number, self.gone)?);
        std::iter::successors(at(last), move |approval| at(approval.before))
    }

    fn forget(&mut self, served_ms: u64) {
        while let Some(approval) = self
            .approvals
            .pop_front_if(|approval| !counts(approval.served_ms, served_ms))
        {
            self.gone += 1;
            let Some(row) = self.cards.find(&approval.card) else {
                continue;
            };
            let left = self.cards.at(row).map_or(0, |card| card.last);
            let since_ms = self.of(left).map(|approval| approval.served_ms).min();
            if let Some(card) = self.cards.at_mut(row) {
                card.minor -= approval.minor;
                card.count -= 1;
                card.since_ms = since_ms.unwrap_or(u64::MAX);
                if card.count == 0 && card.account.is_none() {
                    self.cards.remove(row);
                }
            }
        }
    }
}

/// Where an approval is that has this number, if it is still there.
fn nth(number: u64, gone: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(gone + 1)?).ok()
}

fn counts(at: u64, now: u64) -> bool {
    now.saturating_sub(at) < DAY_MS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CARD: CardToken = CardToken {
        key_id: 1,
        mac: [1; 16],
    };

    fn id(number: u8) -> AuthorizationId {
        AuthorizationId([number; 16])
    }

    #[test]
    fn an_approval_counts_for_24_hours() {
        let mut windows = Windows::default();
        windows.add(CARD, None, id(1), 100, 0);
        windows.add(CARD, None, id(2), 50, 1_000);
        assert_eq!(windows.spent(&CARD, DAY_MS - 1), (150, 2));
        assert_eq!(windows.spent(&CARD, DAY_MS), (50, 1));
        assert_eq!(windows.spent(&CARD, DAY_MS + 1_000), (0, 0));
    }

    #[test]
    fn a_reversal_gives_back_the_amount_and_not_the_count() {
        let mut windows = Windows::default();
        windows.add(CARD, None, id(1), 100, 0);
        windows.lower(&CARD, id(1), 30);
        windows.lower(&CARD, id(1), 60);
        assert_eq!(windows.spent(&CARD, 0), (30, 1));
    }

    #[test]
    fn cards_that_are_not_used_again_leave_memory() {
        let mut windows = Windows::default();
        windows.add(CARD, None, id(1), 100, 0);
        windows.add(
            CardToken {
                key_id: 1,
                mac: [2; 16],
            },
            None,
            id(2),
            1,
            DAY_MS,
        );
        assert_eq!((windows.cards.len(), windows.approvals.len()), (1, 1));
    }

    #[test]
    fn served_time_goes_on_under_the_same_boot_and_stands_still_between_two_rule_16() {
        let mut time = ServedTime::default();
        time.booted(7, 1_000_000);
        let first = time.advance(1_000_000);
        assert_eq!(time.advance(1_005_000) - first, 5_000);
        time.booted(7, 1_105_000);
        assert_eq!(
            time.read(1_105_000) - first,
            105_000,
            "the same boot: it has gone on"
        );
        time.booted(8, 30);
        assert_eq!(
            time.read(30) - first,
            105_000,
            "another boot: it has stood still"
        );
        assert_eq!(time.read(1_030) - first, 106_000);
        time.booted(0, 5);
        time.booted(0, 999_999);
        assert_eq!(
            time.read(999_999) - first,
            105_000,
            "an unknown boot equals no other"
        );
    }

    proptest! {
        #[test]
        fn the_sum_of_a_card_is_that_of_what_still_counts(
            steps in prop::collection::vec((1..4_u8, 0..DAY_MS / 4, 1..100_i64, 0..4_u8), 0..60)
        ) {
            let (mut windows, mut naive) = (Windows::default(), Vec::new());
            let mut now = 0;
            for ((number, later, minor, what), approval) in steps.into_iter().zip(1..) {
                now += later;
                let card = CardToken { key_id: 1, mac: [number; 16] };
                if what == 0 {
                    windows.lower(&card, id(approval / 2), minor / 2);
                    let meant = |it: &&mut (CardToken, u64, AuthorizationId, i64)| {
                        it.0 == card && it.2 == id(approval / 2)
                    };
                    for it in naive.iter_mut().filter(meant) {
                        it.3 = it.3.min(minor / 2);
                    }
                } else {
                    let account = (what == 1).then_some(AccountId(u64::from(approval)));
                    windows.add(card, account, id(approval), minor, now);
                    naive.push((card, now, id(approval), minor));
                }
                for (number, later) in (1..4).flat_map(|n| [(n, 0), (n, DAY_MS / 3), (n, DAY_MS)]) {
                    let card = CardToken { key_id: 1, mac: [number; 16] };
                    let then = now + later;
                    let left = naive.iter().filter(|it| it.0 == card && counts(it.1, then));
                    let sum = left.clone().map(|it| it.3).sum::<i64>();
                    let spent = (sum, u32::try_from(left.count()).unwrap());
                    assert_eq!(windows.spent(&card, then), spent);
                }
            }
        }
    }
}
