//! What must hold in every state, and what must happen in some.

use stateright::Property;

use crate::drain;
use crate::journal::Known;
use crate::ledger::{Entry, LeaseState};
use crate::protocol::Protocol;
use crate::state::State;
use crate::words::{Epoch, GatewayNo, Money, PAYMENTS, Told, Under, Verdict};

pub mod sometimes;

/// (a) Money lost is at most the floors of all gateways; under leases alone none is.
pub const WITHIN_BOUND: &str = "the overdraft is at most the sum of the floors";
/// (b) I1, in each state.
pub const DURABLE: &str = "every approval answered is durable, booked, or covered by its lease";
/// (b) I1, from each state on.
pub const DRAINED: &str = "healed and drained, the books hold what was answered, once";
/// (c) I2.
pub const ONE_EFFECT: &str = "the effect of an id is nothing or its amount";
/// (d) I5.
pub const WITHIN_LEASE: &str = "exposure is within the lease, and within the floor";
/// (e) Escrow conservation.
pub const CONSERVED: &str = "opening = available + leases + booked + suspense";
/// (f) Rule 11.
pub const NO_FENCED_SPEND: &str = "no approval under a lease whose journal was lost";
/// (f)
pub const NO_SPEND_AFTER_CLOSE: &str = "no approval under a lease whose certificate was sent";
/// (g)
pub const CLOSED_IS_DRAINED: &str = "a closed lease has every approval under it in the books";
/// I4.
pub const ANSWER_WINS: &str = "an advice booked says what the network was answered";
/// Rule 15.
pub const ONE_HOME: &str = "one gateway at most has an open lease";

type Condition = fn(&Protocol, &State) -> bool;

const ALWAYS: [(&str, Condition); 11] = [
    (WITHIN_BOUND, within_bound),
    (DURABLE, durable),
    (DRAINED, drained),
    (ONE_EFFECT, one_effect),
    (WITHIN_LEASE, within_lease),
    (CONSERVED, conserved),
    (NO_FENCED_SPEND, |_, state| !state.fouls.under_fence),
    (NO_SPEND_AFTER_CLOSE, |_, state| !state.fouls.after_close),
    (CLOSED_IS_DRAINED, closed_is_drained),
    (ANSWER_WINS, answer_wins),
    (ONE_HOME, one_home),
];

/// All that apply to the world of the protocol.
#[must_use]
pub fn of(protocol: &Protocol) -> Vec<Property<Protocol>> {
    let always = ALWAYS
        .iter()
        .map(|(name, condition)| Property::always(name, *condition));
    always.chain(sometimes::of(&protocol.config)).collect()
}

fn within_bound(protocol: &Protocol, state: &State) -> bool {
    state.ledger.available >= -protocol.config.bound()
}

fn durable(_: &Protocol, state: &State) -> bool {
    (0..PAYMENTS).all(|payment| {
        let it = state.payments[payment];
        let Told::StandIn(Verdict::Approve(under)) = it.told else {
            return true;
        };
        let is_durable = it
            .at
            .is_some_and(|at| state.gateway(at).journal.durable.decided[payment].is_some());
        let is_covered = match under {
            Under::Lease(epoch) => state
                .ledger
                .lease(epoch)
                .is_some_and(|lease| lease.state != LeaseState::Closed),
            Under::Floor => true,
        };
        is_durable || state.ledger.entries[payment].times() > 0 || (it.lost && is_covered)
    })
}

fn drained(protocol: &Protocol, state: &State) -> bool {
    let after = drain::drain(&protocol.config, state);
    let all_told = (0..PAYMENTS).all(|payment| {
        let it = after.payments[payment];
        let times = after.ledger.entries[payment].times();
        match it.told {
            told if told.is_approval() => times == 1 || (it.lost && times == 0),
            // Of a decline that went with its journal the ledger never hears: a hold of its own stays
            // until it expires there, which is not part of the model.
            told if told.is_decline() => times == 0 || it.lost,
            _ => times <= 1,
        }
    });
    all_told
        && after.ledger.rest_of(LeaseState::Open) == 0
        && within_bound(protocol, &after)
        && conserved(protocol, &after)
}

fn one_effect(_: &Protocol, state: &State) -> bool {
    state.ledger.entries.iter().all(|entry| entry.times() <= 1)
}

/// The leases and the floors: what was approved under each, answered or still on its way to it.
fn within_lease(protocol: &Protocol, state: &State) -> bool {
    let config = &protocol.config;
    let known: Vec<Known> = state
        .gateways
        .iter()
        .map(|gateway| gateway.journal.known())
        .collect();
    let spent = |gateway: GatewayNo, under: Under| -> Money {
        let mine = (0..PAYMENTS).filter(|payment| {
            let approval = Verdict::Approve(under);
            let answered = state.payments[*payment].at == Some(gateway)
                && state.payments[*payment].told == Told::StandIn(approval);
            answered || known[gateway.index()].decided[*payment] == Some(approval)
        });
        mine.map(|payment| config.amounts[payment]).sum()
    };
    let leases = state.ledger.leases().all(|(epoch, lease)| {
        spent(lease.gateway, Under::Lease(epoch)) <= lease.amount && lease.booked <= lease.amount
    });
    let floors = (0..config.gateways)
        .map(GatewayNo)
        .all(|gateway| spent(gateway, Under::Floor) <= config.floor);
    leases && floors
}

fn conserved(protocol: &Protocol, state: &State) -> bool {
    let effects = state.ledger.entries.iter().zip(protocol.config.amounts);
    let booked: Money = effects
        .map(|(entry, amount)| if entry.times() > 0 { amount } else { 0 })
        .sum();
    let ledger = &state.ledger;
    protocol.config.opening
        == ledger.available
            + ledger.rest_of(LeaseState::Open)
            + booked
            + ledger.rest_of(LeaseState::Suspense)
}

fn closed_is_drained(_: &Protocol, state: &State) -> bool {
    let closed = state
        .ledger
        .leases()
        .filter(|(_, lease)| lease.state == LeaseState::Closed);
    closed.into_iter().all(|(epoch, lease)| {
        let known = state.gateway(lease.gateway).journal.known();
        (0..PAYMENTS).all(|payment| {
            !is_under(state, &known, payment, epoch) || state.ledger.entries[payment].times() > 0
        })
    })
}

fn is_under(state: &State, known: &Known, payment: usize, epoch: Epoch) -> bool {
    let approval = Verdict::Approve(Under::Lease(epoch));
    state.payments[payment].told == Told::StandIn(approval)
        || known.decided[payment] == Some(approval)
}

fn answer_wins(_: &Protocol, state: &State) -> bool {
    (0..PAYMENTS).all(|payment| match state.ledger.entries[payment] {
        Entry::Booked { .. } => !state.payments[payment].told.is_decline(),
        Entry::Released => !state.payments[payment].told.is_approval(),
        Entry::Unknown | Entry::Held | Entry::Refused => true,
    })
}

fn one_home(_: &Protocol, state: &State) -> bool {
    let having = (0u8..)
        .map(GatewayNo)
        .zip(&state.gateways)
        .filter(|(gateway, _)| state.ledger.has_open(*gateway));
    having.count() <= 1
}
