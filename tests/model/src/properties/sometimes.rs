//! What must happen in some state: a search that never gets there has proved nothing.

use stateright::Property;

use super::Condition;
use crate::config::Config;
use crate::ledger::{Entry, LeaseState};
use crate::protocol::Protocol;
use crate::state::{Payment, State};
use crate::words::{Epoch, GatewayNo, PAYMENTS, Told, Under, Verdict};

/// Whether it can happen in this world at all.
type Applies = fn(&Config) -> bool;

/// With the worlds in which it can happen.
const SOMETIMES: [(&str, Applies, Condition); 15] = [
    (
        "a payment approved under a lease waits behind a cut",
        |config| config.faults.cuts > 0,
        waits_behind_a_cut,
    ),
    (
        "a crash loses a decision that nobody was answered",
        |config| config.faults.crashes > 0,
        decision_lost,
    ),
    (
        "a decision reaches the disk although the crash came before its sync",
        |config| config.faults.crashes > 0,
        |_, state| {
            state.budget.crashes == 0
                && payments(state).any(|(index, it)| {
                    it.told == Told::Nothing && durable(state, index, it).is_some()
                })
        },
    ),
    (
        "a duplicate advice is suppressed",
        |_| true,
        |_, state| state.ledger.suppressed,
    ),
    (
        "a lease is closed and its rest returned",
        |config| config.amounts[0] < config.lease,
        |_, state| {
            leases(state).any(|(_, lease)| {
                lease.state == LeaseState::Closed && lease.booked > 0 && lease.booked < lease.amount
            })
        },
    ),
    (
        "an expired lease waits for its advices",
        |_| true,
        |_, state| {
            leases(state).any(|(epoch, lease)| {
                let gateway = state.gateway(lease.gateway);
                lease.state == LeaseState::Open
                    && gateway.stopped.has(epoch)
                    && gateway
                        .journal
                        .durable
                        .approved(Under::Lease(epoch))
                        .next()
                        .is_some()
                    && lease.booked == 0
            })
        },
    ),
    (
        "a second lease is granted after the first is closed, and spent from",
        |config| config.leases > 1,
        |_, state| {
            state
                .ledger
                .lease(Epoch(1))
                .is_some_and(|it| it.state == LeaseState::Closed)
                && approved_under(state, Epoch(2))
        },
    ),
    (
        "a lease is in suspense",
        |config| config.faults.declared > 0,
        |_, state| leases(state).any(|(_, lease)| lease.state == LeaseState::Suspense),
    ),
    (
        "a gateway declared lost comes back, and its advice is booked against suspense",
        |config| config.faults.declared > 0,
        |_, state| {
            leases(state).any(|(_, lease)| lease.state == LeaseState::Suspense && lease.booked > 0)
        },
    ),
    (
        "an answered approval goes with its journal, and suspense covers it",
        |config| config.faults.losses > 0,
        |_, state| {
            payments(state).any(|(index, it)| {
                it.lost
                    && it.told.is_approval()
                    && state.ledger.entries[index] == Entry::Unknown
                    && leases(state).any(|(_, lease)| lease.state == LeaseState::Suspense)
            })
        },
    ),
    (
        "after a lost journal a new lease is granted, and spent from",
        |config| config.faults.losses > 0 && config.leases > 1,
        |_, state| {
            leases(state).any(|(epoch, lease)| {
                let fence = state.gateway(lease.gateway).journal.durable.fence;
                fence.is_some_and(|fence| fence > Epoch(0) && epoch > fence)
                    && approved_under(state, epoch)
            })
        },
    ),
    (
        "the home has moved, and the new one approves under its lease",
        |config| config.faults.moves > 0,
        |_, state| {
            leases(state)
                .any(|(epoch, lease)| lease.gateway != GatewayNo(0) && approved_under(state, epoch))
        },
    ),
    (
        "the ledger holds what the network was told is declined",
        |config| config.asks,
        |_, state| {
            payments(state).any(|(index, it)| {
                it.told == Told::StandIn(Verdict::Decline)
                    && state.ledger.entries[index] == Entry::Held
            })
        },
    ),
    (
        "the ledger refuses what was approved under a lease",
        |config| config.asks,
        |_, state| {
            payments(state).any(|(index, it)| {
                it.told.is_approval() && state.ledger.entries[index] == Entry::Refused
            })
        },
    ),
    (
        "a snapshot is older than a booking that was acknowledged",
        |_| true,
        |_, state| {
            state.gateways.iter().any(|gateway| {
                let known = gateway.journal.known();
                (0..PAYMENTS).any(|payment| {
                    matches!(state.ledger.entries[payment],
                        Entry::Booked { mark, .. } if mark > gateway.copy)
                        && known.acknowledged[payment]
                })
            })
        },
    ),
];

/// Those that can happen in this world.
pub(super) fn of(config: &Config) -> impl Iterator<Item = Property<Protocol>> + '_ {
    SOMETIMES
        .iter()
        .filter(|(_, can_happen, _)| can_happen(config))
        .map(|(name, _, condition)| Property::sometimes(name, *condition))
}

fn waits_behind_a_cut(_: &Protocol, state: &State) -> bool {
    payments(state).any(|(_, it)| {
        matches!(it.told, Told::StandIn(Verdict::Approve(Under::Lease(_))))
            && it.advice.is_none()
            && it.at.is_some_and(|at| state.gateway(at).cut)
    })
}

/// It was never asked about at the ledger, so it was decided; nobody knows of it.
fn decision_lost(_: &Protocol, state: &State) -> bool {
    payments(state).any(|(index, it)| {
        let known = it.at.map(|at| state.gateway(at).journal.known());
        it.told == Told::Nothing
            && !it.asked
            && !it.lost
            && known.is_some_and(|known| known.decided[index].is_none())
    })
}

fn payments(state: &State) -> impl Iterator<Item = (usize, Payment)> + '_ {
    state.payments.iter().copied().enumerate()
}

fn leases(state: &State) -> impl Iterator<Item = (Epoch, crate::ledger::Lease)> + '_ {
    state.ledger.leases()
}

fn durable(state: &State, index: usize, payment: Payment) -> Option<Verdict> {
    state.gateway(payment.at?).journal.durable.decided[index]
}

fn approved_under(state: &State, epoch: Epoch) -> bool {
    let approval = Told::StandIn(Verdict::Approve(Under::Lease(epoch)));
    payments(state).any(|(_, it)| it.told == approval)
}
