//! Network management: sign-on, sign-off and echo, asked and answered.

use iso8583::frame::Routing;
use iso8583::{Class, Encoder, Function, Message, Mti};
use zeroize::Zeroizing;

use crate::outgoing::Outgoing;
use crate::shared::Shared;
use crate::{Ending, LinkError, State, clock};

/// Room for a network management message of any dialect, and for what an answer gives back.
const ROOM: usize = 4_096;

/// A network management request of ours.
///
/// # Errors
/// If the profile cannot say it.
pub(crate) fn request(shared: &Shared, code: &str) -> Result<Zeroizing<Vec<u8>>, LinkError> {
    let profile = &*shared.settings.profile;
    let mut room = Zeroizing::new([0; ROOM]);
    let mti = Mti::M0800.with_version(profile.version());
    let mut message = Encoder::new(profile, mti, &mut *room)?;
    message.put(7, &clock::mmddhhmmss(clock::wall_seconds()))?;
    message.put(11, &format!("{:06}", shared.next_stan()))?;
    message.put(shared.settings.network.field, code)?;
    Ok(Zeroizing::new(message.finish()?.to_vec()))
}

/// Whether this asks the link something, and not its user.
pub(crate) fn is_asked(message: &Message<'_>) -> bool {
    let mti = message.mti();
    mti.class() == Class::NetworkManagement && mti.function() == Function::Request
}

/// Answers a network management request of the peer, and obeys it.
pub(crate) fn answer(shared: &Shared, asked: &Message<'_>, routing: Routing) {
    let network = &shared.settings.network;
    let code = asked.field(network.field);
    let is = |known: &str| code.is_some_and(|code| code == known);
    if is(network.sign_off) {
        shared.state.send_if_modified(|state| {
            let is_open = *state == State::Open;
            if is_open {
                *state = State::SignedOff;
            }
            is_open
        });
    } else if is(network.sign_on) {
        shared.state.send_if_modified(|state| {
            let is_off = *state == State::SignedOff;
            if is_off {
                *state = State::Open;
            }
            is_off
        });
    }
    let is_known = is(network.sign_on) || is(network.sign_off) || is(network.echo);
    let result = if is_known {
        network.accepted
    } else {
        network.not_supported
    };
    // What cannot be answered in this dialect, such as an echo without a field 11, is not.
    if let Ok(frame) = encode(shared, asked, result, routing) {
        shared.counters.managed.add(1);
        own(shared, frame);
    }
}

/// Answers a poll with a poll.
pub(crate) fn poll(shared: &Shared) {
    if let Ok(frame) = shared.framed(Routing::default(), &[]) {
        shared.counters.polls.add(1);
        own(shared, frame);
    }
}

fn own(shared: &Shared, frame: Zeroizing<Vec<u8>>) {
    let outgoing = Outgoing { frame, fate: None };
    if !shared.send_own(outgoing) {
        shared.hang_up(Ending::Flooded);
    }
}

fn encode(
    shared: &Shared,
    asked: &Message<'_>,
    result: &str,
    routing: Routing,
) -> Result<Zeroizing<Vec<u8>>, LinkError> {
    let mti = asked.mti();
    let mti = mti.response().ok_or(LinkError::NotARequest(mti))?;
    let mut room = Zeroizing::new([0; ROOM]);
    let mut message = Encoder::answering(asked, mti, &mut *room)?;
    let mut result = Some(result);
    for number in [7, 11, 15, 33, shared.settings.network.field] {
        if number > 39
            && let Some(result) = result.take()
        {
            message.put(39, result)?;
        }
        if let Some(value) = asked.field(number) {
            message.put_value(number, &value)?;
        }
    }
    if let Some(result) = result {
        message.put(39, result)?;
    }
    shared.framed(routing.answer(), message.finish()?)
}
