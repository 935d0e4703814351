//! When an action is possible, and what it does.
//!
//! Messages are what was once sent: from then on each may arrive never, once or many times, at any
//! later time, in any order. So loss, duplication and delay need no actions of their own.

use crate::actions::Action;
use crate::config::Config;
use crate::journal::Record;
use crate::ledger::{Entry, LeaseState};
use crate::mutants::Mutant;
use crate::state::State;
use crate::words::{Epoch, GatewayNo, PaymentNo, Told, Under, Verdict};

pub mod possible;

/// The state after an action that is possible; `None` where it changes nothing.
#[must_use]
pub fn step(config: &Config, before: &State, action: Action) -> Option<State> {
    let mut after = before.clone();
    apply(config, &mut after, action);
    (after != *before).then_some(after)
}

/// Takes the action where it is possible, and says whether it was.
pub fn take(config: &Config, state: &mut State, action: Action) -> bool {
    let is_possible = possible::is_possible(config, state, action);
    if is_possible {
        apply(config, state, action);
    }
    is_possible
}

fn apply(config: &Config, state: &mut State, action: Action) {
    match action {
        Action::Ask(..)
        | Action::LedgerDecides(_)
        | Action::LedgerAnswers(_)
        | Action::StandIn(..)
        | Action::Answer(_)
        | Action::SendAdvice(_)
        | Action::Book(_)
        | Action::Acknowledge(_) => payment(config, state, action),
        Action::Crash(..)
        | Action::LoseJournal(..)
        | Action::Renew(_)
        | Action::Cut(_)
        | Action::Heal(_) => fault(config, state, action),
        Action::Sync(gateway) => state.gateway_mut(gateway).journal.sync(),
        Action::Snapshot(gateway, position) => state.gateway_mut(gateway).copy = position,
        _ => lease(config, state, action),
    }
}

fn payment(config: &Config, state: &mut State, action: Action) {
    match action {
        Action::Ask(payment, gateway) => {
            let it = &mut state.payments[payment.index()];
            it.at = Some(gateway);
            it.asked = true;
            it.waits = true;
        }
        Action::LedgerDecides(payment) => {
            let amount = config.amounts[payment.index()];
            state.ledger.decide(payment.index(), amount, config.mutant);
        }
        Action::LedgerAnswers(payment) => {
            let entry = state.ledger.entries[payment.index()];
            let it = &mut state.payments[payment.index()];
            it.waits = false;
            it.told = match entry {
                Entry::Held | Entry::Booked { .. } => Told::ApprovedByLedger,
                _ => Told::DeclinedByLedger,
            };
        }
        Action::StandIn(payment, gateway) => stand_in(config, state, payment, gateway),
        Action::Answer(payment) => {
            if let Some(verdict) = decided(config, state, payment, Mutant::AnswerBeforeFsync) {
                state.payments[payment.index()].told = Told::StandIn(verdict);
            }
        }
        Action::SendAdvice(payment) => {
            let verdict = decided(config, state, payment, Mutant::AdviceBeforeFsync);
            state.payments[payment.index()].advice = verdict;
        }
        Action::Book(payment) => {
            let amount = config.amounts[payment.index()];
            if let Some(verdict) = state.payments[payment.index()].advice {
                state
                    .ledger
                    .book(payment.index(), verdict, amount, config.mutant);
            }
        }
        Action::Acknowledge(payment) => {
            if let Some(gateway) = state.payments[payment.index()].at {
                state.gateway_mut(gateway).journal.durable.acknowledged[payment.index()] = true;
            }
        }
        _ => {}
    }
}

/// What was decided and may leave: durable, unless this mutant does not wait for that.
pub(crate) fn decided(
    config: &Config,
    state: &State,
    payment: PaymentNo,
    hasty: Mutant,
) -> Option<Verdict> {
    let journal = &state.gateway(state.payments[payment.index()].at?).journal;
    let known = if config.is(hasty) {
        journal.known()
    } else {
        journal.durable
    };
    known.decided[payment.index()]
}

fn stand_in(config: &Config, state: &mut State, payment: PaymentNo, gateway: GatewayNo) {
    let verdict = state
        .gateway(gateway)
        .decide(payment, &state.ledger, config);
    if let Verdict::Approve(Under::Lease(epoch)) = verdict {
        let certified = state.certificates.has(epoch);
        state.fouls.under_fence |= epoch <= state.gateway(gateway).lost_up_to;
        state.fouls.after_close |= certified;
    }
    let it = &mut state.payments[payment.index()];
    it.at = Some(gateway);
    it.waits = false;
    let decided = Record::Decided(payment, verdict);
    state.gateway_mut(gateway).journal.append(decided);
}

fn lease(config: &Config, state: &mut State, action: Action) {
    match action {
        Action::Grant => {
            let amount = config.lease.min(state.ledger.available);
            state.ledger.grant(amount);
        }
        Action::TakeGrant(epoch) => {
            if let Some(gateway) = holder(state, epoch) {
                state.gateway_mut(gateway).journal.durable.taken[epoch.index()] += 1;
            }
        }
        Action::Expire(epoch) | Action::Fence(epoch) => {
            if let Some(gateway) = holder(state, epoch) {
                state.gateway_mut(gateway).stopped.put(epoch);
            }
        }
        Action::Close(epoch) => {
            if let Some(gateway) = holder(state, epoch) {
                state
                    .gateway_mut(gateway)
                    .journal
                    .append(Record::Closed(epoch));
            }
        }
        Action::Certify(epoch) => state.certificates.put(epoch),
        Action::CloseInBooks(epoch) | Action::Reclaim(epoch) => state.ledger.close(epoch),
        Action::DeclareLost(epoch) => {
            state.budget.declared -= 1;
            state.ledger.suspend(epoch, config.mutant);
        }
        Action::StartMove(to) => {
            state.budget.moves -= 1;
            state.ledger.start_move(to, config.mutant);
        }
        Action::FinishMove => state.ledger.finish_move(),
        _ => {}
    }
}

/// Whose lease it is.
pub(crate) fn holder(state: &State, epoch: Epoch) -> Option<GatewayNo> {
    state.ledger.lease(epoch).map(|lease| lease.gateway)
}

fn fault(config: &Config, state: &mut State, action: Action) {
    match action {
        Action::Crash(gateway, kept) => {
            state.budget.crashes -= 1;
            restart(state, gateway, usize::from(kept));
        }
        Action::LoseJournal(gateway, from) => {
            state.budget.losses -= 1;
            restart(state, gateway, 0);
            let last = state.ledger.last_epoch();
            let it = state.gateway_mut(gateway);
            let lost = it.journal.roll_back(from);
            it.lost_up_to = last;
            it.fenced = !config.is(Mutant::NoEpochFence);
            for payment in lost {
                state.payments[payment].lost = true;
            }
        }
        Action::Renew(gateway) => renew(config, state, gateway),
        Action::Cut(gateway) => {
            state.budget.cuts -= 1;
            state.gateway_mut(gateway).cut = true;
        }
        Action::Heal(gateway) => state.gateway_mut(gateway).cut = false,
        _ => {}
    }
}

fn restart(state: &mut State, gateway: GatewayNo, kept: usize) {
    state.gateway_mut(gateway).crash(kept);
    for payment in &mut state.payments {
        if payment.at == Some(gateway) {
            payment.waits = false;
        }
    }
}

/// First the ledger: what the lost journal had left counts as spent. Then the gateway. Nothing that
/// happens in between can be seen, because the gateway is fenced.
fn renew(config: &Config, state: &mut State, gateway: GatewayNo) {
    let leases: Vec<_> = state.ledger.leases().collect();
    for (epoch, lease) in leases {
        if lease.gateway == gateway && lease.state == LeaseState::Open {
            state.ledger.suspend(epoch, config.mutant);
        }
    }
    let last = state.ledger.last_epoch();
    let it = state.gateway_mut(gateway);
    it.fenced = false;
    it.journal.durable.fence = Some(last);
}
