//! What every card was approved within the last week, and the time that its windows run in.
//!
//! Windows run in *served time*: it advances with the boot clock while a gateway lives, and not at
//! all between two starts of the machine (rule 16). It never reads the wall clock (I17), so neither
//! a step of the clock nor a reboot gives a card its limit back.

use std::collections::VecDeque;

use ledger_api::{AccountId, AuthorizationId, CardToken};

use crate::decide::Used;
use crate::journal::Answered;
use crate::maps::{Keyed, Table};
use crate::policy::{Limit, WINDOWS_MAX, is_cash, share};
use crate::words::Request;

/// A day.
pub(crate) const DAY_MS: u64 = 24 * 3_600_000;
/// How long an approval may count: the longest window that a policy can have.
const KEPT_MS: u64 = 7 * DAY_MS;

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

/// What stand-in approved per card in the last week.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    cards: Table<Card>,
    /// All approvals in the order they came, so that cards that are not used again leave memory.
    approvals: VecDeque<Approval>,
    /// How many have left the front.
    gone: u64,
}

/// The approvals of one card, and their sums.
#[derive(Debug)]
struct Card {
    token: CardToken,
    /// On which stand-in approved it, last.
    account: Option<AccountId>,
    /// What all that is kept adds up to: purchases, and cash.
    purchase: Used,
    cash: Used,
    /// When the first of them was: as long as it counts in every window, the sums are those of each.
    since_ms: u64,
    /// The number of the last one, counted from 1; zero for none.
    last: u64,
}

#[derive(Debug)]
struct Approval {
    served_ms: u64,
    card: CardToken,
    id: AuthorizationId,
    /// What is left of the charge, in the policy's currency.
    minor: i64,
    /// All of it, and the amount that it was charged for.
    charge: i64,
    amount: i64,
    /// The number of the card's one before, as [`Card::last`].
    before: u64,
    /// Purchases and cash count apart.
    cash: bool,
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
            purchase: Used::default(),
            cash: Used::default(),
            since_ms: u64::MAX,
            last: 0,
        }
    }

    fn sum(&mut self, cash: bool) -> &mut Used {
        if cash {
            &mut self.cash
        } else {
            &mut self.purchase
        }
    }
}

impl Windows {
    /// Reads where the card would be. See [`crate::maps::fetch`].
    pub(crate) fn touch(&self, card: &CardToken) -> u64 {
        self.cards.touch(card)
    }

    /// How much of the card's windows is used by approvals of the kind that is asked for, and what was
    /// approved in the last 24 hours whatever for.
    pub(crate) fn used(
        &self,
        request: &Request,
        windows: &[Limit],
        served_ms: u64,
    ) -> ([Used; WINDOWS_MAX], i64) {
        let (mut used, mut day) = ([Used::default(); WINDOWS_MAX], 0_i64);
        let Some(card) = self.cards.get(&request.card) else {
            return (used, day);
        };
        let cash = is_cash(request.circumstances.kind);
        let shortest_ms = windows.iter().map(|window| window.span_ms).min();
        let shortest_ms = shortest_ms.unwrap_or(DAY_MS).min(DAY_MS);
        if served_ms.saturating_sub(card.since_ms) < shortest_ms {
            let sum = if cash { card.cash } else { card.purchase };
            let counts = used.iter_mut().take(windows.len());
            counts.for_each(|used| *used = sum);
            return (used, card.purchase.minor.saturating_add(card.cash.minor));
        }
        for approval in self.of(card.last) {
            let age_ms = served_ms.saturating_sub(approval.served_ms);
            if age_ms < DAY_MS {
                day = day.saturating_add(approval.minor);
            }
            let counts = windows.iter().zip(&mut used);
            counts
                .filter(|(window, _)| approval.cash == cash && age_ms < window.span_ms)
                .for_each(|(_, used)| used.add(approval.minor));
        }
        (used, day)
    }

    /// The account on which stand-in approved the card last.
    pub(crate) fn account(&self, card: &CardToken) -> Option<AccountId> {
        self.cards.get(card)?.account
    }

    /// Counts an approval. A credit spends nothing.
    pub(crate) fn add(&mut self, answered: &Answered, served_ms: u64) {
        let request = &answered.request;
        let token = request.card;
        let (row, _) = self.cards.find_or_insert(&token, || Card::new(token));
        if let Some(card) = self.cards.at_mut(row) {
            card.account = answered.account.or(card.account);
            if answered.is_credit() {
                return;
            }
            let charge = answered.charge();
            let cash = is_cash(request.circumstances.kind);
            card.sum(cash).add(charge);
            card.since_ms = card.since_ms.min(served_ms);
            self.approvals.push_back(Approval {
                served_ms,
                card: token,
                id: request.id,
                minor: charge,
                charge,
                amount: answered.approved_amount.minor(),
                before: card.last,
                cash,
            });
            card.last = self.gone + self.approvals.len() as u64;
        }
        self.forget(served_ms);
    }

    /// A reversal left this much of an approval, in its own currency. It still counts as one.
    pub(crate) fn lower(&mut self, card: &CardToken, id: AuthorizationId, left: i64) {
        let Some(card) = self.cards.get_mut(card) else {
            return;
        };
        let mut number = card.last;
        while let Some(approval) =
            nth(number, self.gone).and_then(|place| self.approvals.get_mut(place))
        {
            if approval.id == id {
                let left = share(approval.charge, approval.amount, left.min(approval.amount));
                let left = approval.minor.min(left);
                card.sum(approval.cash).minor -= approval.minor - left;
                approval.minor = left;
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
            let last = self.cards.at(row).map_or(0, |card| card.last);
            let since_ms = self.of(last).map(|approval| approval.served_ms).min();
            if let Some(card) = self.cards.at_mut(row) {
                let sum = card.sum(approval.cash);
                sum.minor -= approval.minor;
                sum.count = sum.count.saturating_sub(1);
                card.since_ms = since_ms.unwrap_or(u64::MAX);
                if since_ms.is_none() && card.account.is_none() {
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
    now.saturating_sub(at) < KEPT_MS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::circumstances::Kind;

    const CARD: u8 = 1;
    const HOUR_MS: u64 = DAY_MS / 24;

    fn id(number: u8) -> AuthorizationId {
        AuthorizationId([number; 16])
    }

    fn request(number: u8, card: u8, kind: Kind) -> Request {
        let mut request = crate::sample::request(number.into(), card, 0);
        request.id = id(number);
        request.circumstances.kind = kind;
        request
    }

    fn add(windows: &mut Windows, request: Request, minor: i64, charge: i64, served_ms: u64) {
        let mut answered = crate::sample::approved(request, charge);
        answered.approved_amount = ledger_api::Amount::new(minor).unwrap();
        windows.add(&answered, served_ms);
    }

    fn limits(hours: &[u64]) -> Vec<Limit> {
        let limit = |hours: &u64| Limit {
            span_ms: hours * HOUR_MS,
            count: 1,
            minor: 1,
        };
        hours.iter().map(limit).collect()
    }

    /// Amounts and counts of the windows of one card.
    fn used(windows: &Windows, kind: Kind, hours: &[u64], served_ms: u64) -> Vec<(i64, u32)> {
        let request = request(99, CARD, kind);
        let (used, _) = windows.used(&request, &limits(hours), served_ms);
        let used = used.iter().take(hours.len());
        used.map(|used| (used.minor, used.count)).collect()
    }

    #[test]
    fn an_approval_counts_for_as_long_as_each_window_is() {
        let mut windows = Windows::default();
        add(&mut windows, request(1, CARD, Kind::Purchase), 100, 100, 0);
        add(
            &mut windows,
            request(2, CARD, Kind::Purchase),
            50,
            50,
            1_000,
        );
        let at = |ms| used(&windows, Kind::Purchase, &[1, 24, 168], ms);
        assert_eq!(at(HOUR_MS - 1), [(150, 2); 3]);
        assert_eq!(at(HOUR_MS), [(50, 1), (150, 2), (150, 2)]);
        assert_eq!(at(DAY_MS + 1_000), [(0, 0), (0, 0), (150, 2)]);
        assert_eq!(at(7 * DAY_MS + 1_000), [(0, 0); 3]);
    }

    #[test]
    fn purchases_and_cash_count_apart_and_a_credit_not_at_all() {
        let mut windows = Windows::default();
        add(&mut windows, request(1, CARD, Kind::Purchase), 100, 100, 0);
        add(&mut windows, request(2, CARD, Kind::Cash), 40, 40, 0);
        add(&mut windows, request(3, CARD, Kind::Other), 5, 5, 0);
        add(&mut windows, request(4, CARD, Kind::Credit), 900, 0, 0);
        assert_eq!(used(&windows, Kind::Purchase, &[24], 0), [(100, 1)]);
        assert_eq!(used(&windows, Kind::Cash, &[24], 0), [(45, 2)]);
        let (_, day) = windows.used(&request(9, CARD, Kind::Cash), &[], 0);
        assert_eq!(day, 145, "away from home all of it counts together");
    }

    #[test]
    fn a_reversal_gives_back_the_amount_and_not_the_count() {
        let mut windows = Windows::default();
        let of_card = request(1, CARD, Kind::Purchase);
        add(&mut windows, of_card, 100, 120, 0);
        windows.lower(&of_card.card, id(1), 30);
        windows.lower(&of_card.card, id(1), 60);
        assert_eq!(
            used(&windows, Kind::Purchase, &[24], 0),
            [(36, 1)],
            "30 of 100 that were charged as 120"
        );
    }

    #[test]
    fn cards_that_are_not_used_again_leave_memory_i12() {
        let mut windows = Windows::default();
        add(&mut windows, request(1, CARD, Kind::Purchase), 100, 100, 0);
        add(&mut windows, request(2, 2, Kind::Purchase), 1, 1, KEPT_MS);
        assert_eq!(windows.approvals.len(), 1);
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
        fn what_a_card_has_used_is_what_still_counts(
            steps in prop::collection::vec((1..4_u8, 0..DAY_MS / 4, 1..100_i64, 0..5_u8), 0..60)
        ) {
            let hours = [1, 24, 168];
            let (mut windows, mut naive) = (Windows::default(), Vec::new());
            let mut now = 0;
            for ((card, later, minor, what), number) in steps.into_iter().zip(1_u8..) {
                now += later;
                let kind = if what % 2 == 0 { Kind::Purchase } else { Kind::Cash };
                if what == 4 {
                    let token = request(0, card, kind).card;
                    windows.lower(&token, id(number / 2), minor / 2);
                    let meant = |it: &&mut (u8, u64, u8, Kind, i64)| it.0 == card && it.2 == number / 2;
                    for it in naive.iter_mut().filter(meant) {
                        it.4 = it.4.min(minor / 2);
                    }
                } else {
                    add(&mut windows, request(number, card, kind), minor, minor, now);
                    naive.push((card, now, number, kind, minor));
                }
                for (card, kind) in (1..4).flat_map(|n| [(n, Kind::Purchase), (n, Kind::Cash)]) {
                    let then = now + later / 2;
                    let (asked, at) = (request(99, card, kind), |it: &&(u8, u64, u8, Kind, i64), hours| {
                        it.0 == card && then - it.1 < hours * HOUR_MS
                    });
                    // With a window of an hour among them, and without.
                    for hours in [&hours[..], &hours[1..]] {
                        let (used, day) = windows.used(&asked, &limits(hours), then);
                        for (used, hours) in used.iter().zip(hours) {
                            let left = naive.iter().filter(|it| it.3 == kind && at(it, *hours));
                            let sum = left.clone().map(|it| it.4).sum::<i64>();
                            let expected = (sum, u32::try_from(left.count()).unwrap());
                            assert_eq!((used.minor, used.count), expected);
                        }
                        let of_day = naive.iter().filter(|it| at(it, 24));
                        assert_eq!(day, of_day.map(|it| it.4).sum::<i64>());
                    }
                }
            }
        }
    }
}
