//! When an action is possible, and all actions there are.

use super::{decided, holder};
use crate::actions::Action;
use crate::config::Config;
use crate::ledger::LeaseState;
use crate::mutants::Mutant;
use crate::state::State;
use crate::words::{Epoch, GatewayNo, PaymentNo, Position, Told};

/// Whether it can happen now.
pub(crate) fn is_possible(config: &Config, state: &State, action: Action) -> bool {
    match action {
        Action::Ask(payment, gateway) => {
            config.asks && reaches(state, gateway) && may_come(config, state, payment, gateway)
        }
        Action::StandIn(payment, gateway) => {
            let it = state.payments[payment.index()];
            (it.waits && it.at == Some(gateway)) || may_come(config, state, payment, gateway)
        }
        Action::LedgerDecides(payment)
        | Action::LedgerAnswers(payment)
        | Action::Answer(payment)
        | Action::SendAdvice(payment)
        | Action::Book(payment)
        | Action::Acknowledge(payment) => of_payment(config, state, action, payment),
        Action::Sync(gateway) => !state.gateway(gateway).journal.tail.is_empty(),
        Action::Snapshot(gateway, position) => {
            let it = state.gateway(gateway);
            !it.cut && position > it.copy && position <= state.ledger.position
        }
        Action::Crash(gateway, kept) => {
            state.budget.crashes > 0
                && usize::from(kept) <= state.gateway(gateway).journal.tail.len()
        }
        Action::LoseJournal(gateway, from) => {
            state.budget.losses > 0
                && (from.0 == 0
                    || state.gateway(gateway).journal.durable.decided[from.index()].is_some())
        }
        Action::Renew(gateway) => reaches(state, gateway) && state.gateway(gateway).fenced,
        Action::Cut(gateway) => state.budget.cuts > 0 && reaches(state, gateway),
        Action::Heal(gateway) => !reaches(state, gateway),
        _ => of_lease(config, state, action),
    }
}

/// Messages pass between the gateway and the ledger.
fn reaches(state: &State, gateway: GatewayNo) -> bool {
    !state.gateway(gateway).cut
}

/// A new payment, or a repeat of one that got no answer and that the gateway knows nothing of.
fn may_come(config: &Config, state: &State, payment: PaymentNo, gateway: GatewayNo) -> bool {
    let it = state.payments[payment.index()];
    let Some(at) = it.at else {
        let before = payment.index().checked_sub(1);
        return payment.0 < config.payments
            && before.is_none_or(|before| state.payments[before].at.is_some());
    };
    let known = state.gateway(gateway).journal.known();
    at == gateway
        && !it.waits
        && !it.lost
        && it.told == Told::Nothing
        && known.decided[payment.index()].is_none()
}

fn of_payment(config: &Config, state: &State, action: Action, payment: PaymentNo) -> bool {
    let it = state.payments[payment.index()];
    let Some(at) = it.at else { return false };
    let gateway = state.gateway(at);
    let known = gateway.journal.known();
    match action {
        Action::LedgerDecides(_) => it.asked,
        Action::LedgerAnswers(_) => {
            it.waits
                && !gateway.cut
                && state.ledger.entries[payment.index()] != crate::ledger::Entry::Unknown
        }
        Action::Answer(_) => {
            it.told == Told::Nothing
                && decided(config, state, payment, Mutant::AnswerBeforeFsync).is_some()
        }
        Action::SendAdvice(_) => {
            !gateway.cut
                && !known.acknowledged[payment.index()]
                && decided(config, state, payment, Mutant::AdviceBeforeFsync).is_some()
        }
        Action::Book(_) => it.advice.is_some(),
        Action::Acknowledge(_) => {
            !gateway.cut
                && state.ledger.entries[payment.index()].is_told()
                && known.decided[payment.index()].is_some()
                && !known.acknowledged[payment.index()]
        }
        _ => false,
    }
}

fn of_lease(config: &Config, state: &State, action: Action) -> bool {
    let ledger = &state.ledger;
    let is = |epoch, wanted| {
        ledger
            .lease(epoch)
            .is_some_and(|lease| lease.state == wanted)
    };
    match action {
        Action::Grant => {
            ledger.last_epoch().0 < config.leases_max()
                && ledger.moving_to.is_none()
                && !ledger.has_open(ledger.home)
                && config.lease.min(ledger.available) > 0
        }
        Action::TakeGrant(epoch) => {
            at_gateway(state, epoch, |gateway| gateway.takes(epoch, config))
        }
        Action::Expire(epoch) => holder(state, epoch).is_some_and(|holder| {
            let known = state.gateway(holder).journal.known();
            known.taken[epoch.index()] > 0 && !known.closed.has(epoch)
        }),
        Action::Fence(epoch) => {
            ledger.moving_to.is_some()
                && is(epoch, LeaseState::Open)
                && at_gateway(state, epoch, |_| true)
        }
        Action::Close(epoch) => holder(state, epoch)
            .is_some_and(|holder| state.gateway(holder).may_close(epoch, config)),
        Action::Certify(epoch) => at_gateway(state, epoch, |gateway| {
            let known = if config.is(Mutant::CertificateBeforeFsync) {
                gateway.journal.known()
            } else {
                gateway.journal.durable
            };
            known.closed.has(epoch) && known.is_above_fence(epoch) && !gateway.fenced
        }),
        Action::CloseInBooks(epoch) => state.certificates.has(epoch) && is(epoch, LeaseState::Open),
        Action::DeclareLost(epoch) => state.budget.declared > 0 && is(epoch, LeaseState::Open),
        Action::StartMove(to) => {
            state.budget.moves > 0 && ledger.moving_to.is_none() && to != ledger.home
        }
        Action::FinishMove => {
            let is_drained = !ledger.has_open(ledger.home);
            ledger.moving_to.is_some() && (is_drained || config.is(Mutant::HomeMovedWithoutDrain))
        }
        Action::Reclaim(epoch) => config.is(Mutant::ReclaimOnExpiry) && is(epoch, LeaseState::Open),
        _ => false,
    }
}

/// Asked of the gateway whose lease it is, where the ledger reaches it.
fn at_gateway(
    state: &State,
    epoch: Epoch,
    ask: impl FnOnce(&crate::gateway::Gateway) -> bool,
) -> bool {
    holder(state, epoch).is_some_and(|holder| reaches(state, holder) && ask(state.gateway(holder)))
}

/// Everything that could happen in a world of this size, possible now or not.
#[must_use]
pub fn all(config: &Config) -> Vec<Action> {
    let gateways: Vec<_> = (0..config.gateways).map(GatewayNo).collect();
    let payments: Vec<_> = (0..config.payments).map(PaymentNo).collect();
    let mut all = vec![Action::Grant, Action::FinishMove];
    for payment in payments.iter().copied() {
        all.extend([
            Action::LedgerDecides(payment),
            Action::LedgerAnswers(payment),
            Action::Answer(payment),
            Action::SendAdvice(payment),
            Action::Book(payment),
            Action::Acknowledge(payment),
        ]);
    }
    for epoch in (1..=config.leases_max()).map(Epoch) {
        all.extend([
            Action::TakeGrant(epoch),
            Action::Expire(epoch),
            Action::Fence(epoch),
            Action::Close(epoch),
            Action::Certify(epoch),
            Action::CloseInBooks(epoch),
            Action::DeclareLost(epoch),
            Action::Reclaim(epoch),
        ]);
    }
    for gateway in gateways {
        all.extend([
            Action::Sync(gateway),
            Action::Renew(gateway),
            Action::Cut(gateway),
            Action::Heal(gateway),
            Action::StartMove(gateway),
        ]);
        all.extend((0..8).map(|kept| Action::Crash(gateway, kept)));
        for payment in payments.iter().copied() {
            all.extend([
                Action::Ask(payment, gateway),
                Action::StandIn(payment, gateway),
                Action::LoseJournal(gateway, payment),
                Action::Snapshot(gateway, Position(payment.0 + 1)),
            ]);
        }
    }
    all
}
