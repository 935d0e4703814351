//! What is remarkable in a message that can be read: what it lacks, and what does not fit together.

use iso8583::presence::{self, Breach, BreachKind, Demand, Need};
use iso8583::{Message, Mti, Pan, Profile};

use super::parts;

/// One sentence each, in the order of the fields.
pub(super) fn of(message: &Message<'_>) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(version(message.profile(), message.mti()));
    found.extend(card(message));
    for number in message.present() {
        let error = parts::of(message, number).err();
        found.extend(error.map(|error| error.to_string()));
    }
    found.extend(lacks(message).into_iter().map(|breach| breach.to_string()));
    found
}

/// Whether the profile knows what messages of this type must carry.
pub(super) fn has_rules(message: &Message<'_>) -> bool {
    presence::demands(message.profile(), message.mti()).is_some()
}

fn version(profile: &Profile, mti: Mti) -> Option<String> {
    let version = mti.version();
    let name = match version {
        _ if version == profile.version() => return None,
        0 => "ascii-hex",
        1 => "ascii-hex-1993",
        2 => "ascii-hex-2003",
        _ => {
            return Some(format!(
                "no edition of the standard has types that begin with {version}"
            ));
        }
    };
    Some(format!(
        "the type says another edition than the profile: try --profile {name}"
    ))
}

/// What the card number and the track say about one another; never the numbers.
fn card(message: &Message<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let pan = message.pan();
    match &pan {
        Some(pan) if !pan.luhn_valid() => {
            found.push("field 2: the check digit is wrong".to_owned());
        }
        None if message.has(2) => found.push("field 2 is not 12 to 19 digits".to_owned()),
        _ => {}
    }
    match (message.track2(), &pan) {
        (Some(Err(error)), _) => found.push(format!("field 35: {error}")),
        (Some(Ok(track)), Some(pan)) if !same(track.pan(), pan) => {
            found.push("field 35 has another card number than field 2".to_owned());
        }
        _ => {}
    }
    found
}

fn same(one: &Pan, other: &Pan) -> bool {
    one.expose_digits() == other.expose_digits()
}

/// All demands of the profile that the message does not meet.
fn lacks(message: &Message<'_>) -> Vec<Breach> {
    let demands = presence::demands(message.profile(), message.mti());
    let asked = demands.unwrap_or_default().iter();
    asked
        .filter(|demand| demand.when.holds(message))
        .filter_map(|demand| breach(message, *demand))
        .collect()
}

fn breach(message: &Message<'_>, demand: Demand) -> Option<Breach> {
    let Demand { field, need, .. } = demand;
    let empty = message.expose_field(field).map(|value| value.is_empty());
    let kind = match (need, empty) {
        (Need::Present, None) => BreachKind::Missing,
        (Need::Present, Some(true)) => BreachKind::Empty,
        (Need::Absent, Some(_)) => BreachKind::Forbidden,
        _ => return None,
    };
    Some(Breach { field, kind })
}
