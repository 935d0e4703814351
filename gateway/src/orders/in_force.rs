//! The orders that count, and what they say of an authorization.

use ledger_api::AuthorizationId;

use super::order::{Order, What};

/// The most that are in force at once: every authorization is held against each of them.
pub(super) const ORDERS_MAX: usize = 64;

/// The orders in force, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InForce {
    orders: Vec<Order>,
}

impl InForce {
    /// These, in order of their numbers.
    pub(super) fn of(orders: Vec<Order>) -> Self {
        Self { orders }
    }

    /// What they say of an authorization with this id and this digest of its BIN, which is zero where the
    /// card number was not seen; `None` where they say nothing.
    pub fn ruling(&self, id: &AuthorizationId, bin: u32, now_ms: u64) -> Option<What> {
        let reaching = self.orders.iter().filter(|order| {
            order.is_in_force(now_ms) && has_bin(order, bin) && order.draft.scope.share_bp.has(id)
        });
        reaching.fold(None, |ruling, order| match ruling {
            Some(What::Decline) => ruling,
            _ => Some(order.draft.what),
        })
    }

    /// Those that count now, the oldest first.
    pub fn at(&self, now_ms: u64) -> impl Iterator<Item = &Order> {
        let is_in_force = move |order: &&Order| order.is_in_force(now_ms);
        self.orders.iter().filter(is_in_force)
    }

    /// The numbers of those whose time is over.
    pub fn over(&self, now_ms: u64) -> Vec<u64> {
        let over = |order: &&Order| !order.is_in_force(now_ms);
        (self.orders.iter().filter(over))
            .map(|order| order.number)
            .collect()
    }

    /// True where there is none, not even one whose time is over.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// With one more, the newest.
    pub(super) fn add(&mut self, order: Order) {
        self.orders.push(order);
    }

    /// Without this one.
    pub(super) fn remove(&mut self, number: u64) {
        self.orders.retain(|order| order.number != number);
    }

    /// All of them, whether or not their time is over.
    pub(super) fn into_orders(self) -> Vec<Order> {
        self.orders
    }
}

fn has_bin(order: &Order, bin: u32) -> bool {
    order.bins.is_empty() || order.bins.binary_search(&bin).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::order::Draft;
    use super::super::scope::{Scope, Share};
    use super::*;

    fn order(number: u64, what: What, share: u16, bins: &[u32], ends_ms: u64) -> Order {
        let scope = Scope {
            share_bp: Share::try_from(share).unwrap(),
            bins: Vec::new(),
        };
        Order {
            number,
            draft: Draft {
                what,
                scope,
                reason: "because".to_owned(),
                author: "ada".to_owned(),
                seconds: 1,
            },
            ends_ms,
            bins: bins.to_vec(),
        }
    }

    const ID: AuthorizationId = AuthorizationId([7; 16]);

    #[test]
    fn declines_count_before_all_and_of_the_others_the_newest() {
        use What::{Decline, Ledger, StandIn};
        for (placed, said) in [
            (&[][..], None),
            (&[StandIn], Some(StandIn)),
            (&[StandIn, Ledger], Some(Ledger)),
            (&[Ledger, StandIn], Some(StandIn)),
            (&[Decline, StandIn, Ledger], Some(Decline)),
            (&[StandIn, Decline, Ledger], Some(Decline)),
        ] {
            let numbered = (1..).zip(placed);
            let orders = numbered.map(|(number, what)| order(number, *what, 10_000, &[], 10));
            let in_force = InForce::of(orders.collect());
            assert_eq!(in_force.ruling(&ID, 5, 9), said, "{placed:?}");
            assert_eq!(in_force.ruling(&ID, 5, 10), None, "its time is over");
        }
    }

    #[test]
    fn an_order_with_bins_reaches_only_cards_of_these_that_were_seen() {
        let in_force = InForce::of(vec![order(1, What::Decline, 10_000, &[3, 5, 9], 10)]);
        for (bin, said) in [
            (5, Some(What::Decline)),
            (9, Some(What::Decline)),
            (4, None),
            (0, None),
        ] {
            assert_eq!(in_force.ruling(&ID, bin, 0), said, "{bin}");
        }
    }

    proptest! {
        #[test]
        fn what_is_ruled_is_what_the_list_says_read_from_its_end(
            orders in prop::collection::vec(
                (0..3_usize, 1..=10_000_u16, prop::collection::btree_set(1..4_u32, 0..3), 0..20_u64),
                0..6,
            ),
            id in any::<[u8; 16]>(), bin in 0..4_u32, now_ms in 0..20_u64,
        ) {
            let id = AuthorizationId(id);
            let orders: Vec<_> = (1..).zip(orders).map(|(number, (what, share, bins, ends_ms))| {
                let bins: Vec<_> = bins.into_iter().collect();
                order(number, What::ALL[what], share, &bins, ends_ms)
            }).collect();
            let reaching: Vec<_> = orders.iter().rev().filter(|order| {
                now_ms < order.ends_ms
                    && (order.bins.is_empty() || order.bins.contains(&bin))
                    && order.draft.scope.share_bp.has(&id)
            }).map(|order| order.draft.what).collect();
            let expected = if reaching.contains(&What::Decline) {
                Some(What::Decline)
            } else {
                reaching.first().copied()
            };
            let in_force = InForce::of(orders);
            prop_assert_eq!(in_force.ruling(&id, bin, now_ms), expected);
            prop_assert_eq!(in_force.at(now_ms).count() + in_force.over(now_ms).len(), in_force.into_orders().len());
        }
    }
}
