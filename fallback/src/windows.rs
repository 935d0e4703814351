//! The rolling 24 hours of every card, and the time they run in.
//!
//! Windows run in *served time*: it advances with the boot clock while a gateway lives, and not at
//! all between two starts of the machine (rule 16). It never reads the wall clock (I17), so neither
//! a step of the clock nor a reboot gives a card its limit back.

use std::collections::VecDeque;

use ledger_api::{AuthorizationId, CardToken};

use crate::maps::FastMap;

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
    cards: FastMap<CardToken, VecDeque<Approval>>,
    /// All approvals in the order they came, so that cards that are not used again leave memory.
    order: VecDeque<(u64, CardToken)>,
}

#[derive(Debug)]
struct Approval {
    served_ms: u64,
    id: AuthorizationId,
    minor: i64,
}

impl Windows {
    /// Amount and number of the approvals that still count.
    pub(crate) fn spent(&self, card: &CardToken, served_ms: u64) -> (i64, u32) {
        self.cards
            .get(card)
            .into_iter()
            .flatten()
            .filter(|approval| counts(approval.served_ms, served_ms))
            .fold((0, 0), |(minor, count), approval| {
                (minor + approval.minor, count + 1)
            })
    }

    /// Counts an approval.
    pub(crate) fn add(&mut self, card: CardToken, id: AuthorizationId, minor: i64, served_ms: u64) {
        self.cards.entry(card).or_default().push_back(Approval {
            served_ms,
            id,
            minor,
        });
        self.order.push_back((served_ms, card));
        self.forget(served_ms);
    }

    /// A reversal left this much of an approval. It still counts as one.
    pub(crate) fn lower(&mut self, card: &CardToken, id: AuthorizationId, minor: i64) {
        let approvals = self.cards.get_mut(card).into_iter().flatten();
        for approval in approvals.filter(|approval| approval.id == id) {
            approval.minor = approval.minor.min(minor);
        }
    }

    fn forget(&mut self, served_ms: u64) {
        while let Some((at, card)) = self.order.front().copied()
            && !counts(at, served_ms)
        {
            self.order.pop_front();
            if let Some(approvals) = self.cards.get_mut(&card) {
                approvals.retain(|approval| counts(approval.served_ms, served_ms));
                if approvals.is_empty() {
                    self.cards.remove(&card);
                }
            }
        }
    }
}

fn counts(at: u64, now: u64) -> bool {
    now.saturating_sub(at) < DAY_MS
}

#[cfg(test)]
mod tests {
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
        windows.add(CARD, id(1), 100, 0);
        windows.add(CARD, id(2), 50, 1_000);
        assert_eq!(windows.spent(&CARD, DAY_MS - 1), (150, 2));
        assert_eq!(windows.spent(&CARD, DAY_MS), (50, 1));
        assert_eq!(windows.spent(&CARD, DAY_MS + 1_000), (0, 0));
    }

    #[test]
    fn a_reversal_gives_back_the_amount_and_not_the_count() {
        let mut windows = Windows::default();
        windows.add(CARD, id(1), 100, 0);
        windows.lower(&CARD, id(1), 30);
        windows.lower(&CARD, id(1), 60);
        assert_eq!(windows.spent(&CARD, 0), (30, 1));
    }

    #[test]
    fn cards_that_are_not_used_again_leave_memory() {
        let mut windows = Windows::default();
        windows.add(CARD, id(1), 100, 0);
        windows.add(
            CardToken {
                key_id: 1,
                mac: [2; 16],
            },
            id(2),
            1,
            DAY_MS,
        );
        assert_eq!((windows.cards.len(), windows.order.len()), (1, 1));
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
}
