//! What becomes of a state when nothing more goes wrong.
//!
//! One fair way to the end out of every state: links heal, a person grants lost journals anew, what
//! was decided is told, leases expire and are closed. Stands for the phase after the fault of the
//! load test, and is the liveness that a search of states can show: the end can always be reached.

use crate::actions::Action;
use crate::config::Config;
use crate::state::State;
use crate::step;
use crate::words::{Epoch, GatewayNo, PaymentNo};

/// The state at the end.
#[must_use]
pub fn drain(config: &Config, state: &State) -> State {
    let mut state = state.clone();
    for gateway in (0..config.gateways).map(GatewayNo) {
        for action in [
            Action::Heal(gateway),
            Action::Renew(gateway),
            Action::Sync(gateway),
        ] {
            step::take(config, &mut state, action);
        }
    }
    for payment in (0..config.payments).map(PaymentNo) {
        for action in [
            Action::SendAdvice(payment),
            Action::Book(payment),
            Action::Acknowledge(payment),
        ] {
            step::take(config, &mut state, action);
        }
    }
    for epoch in (1..=state.ledger.last_epoch().0).map(Epoch) {
        close(config, &mut state, epoch);
    }
    step::take(config, &mut state, Action::FinishMove);
    state
}

fn close(config: &Config, state: &mut State, epoch: Epoch) {
    let Some(holder) = step::holder(state, epoch) else {
        return;
    };
    for action in [
        Action::TakeGrant(epoch),
        Action::Expire(epoch),
        Action::Close(epoch),
        Action::Sync(holder),
        Action::Certify(epoch),
        Action::CloseInBooks(epoch),
    ] {
        step::take(config, state, action);
    }
}
