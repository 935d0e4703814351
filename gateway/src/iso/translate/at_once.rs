//! Answers to what makes no sense.

use iso8583::{EncodeError, Message, MessageBuilder, Mti, Profile, presence, salvage};

use super::{FORMAT_ERROR, Heard, NOT_SUPPORTED, echoed};
use crate::identity::is_transmission_time;

/// What does not decode. Up to the field at fault it is in step. Behind it a wrong length may have put
/// anything anywhere, a track too: of that only time and STAN are repeated, by which the answer is
/// matched, and only if the time is one.
pub(super) fn misread(profile: &'static Profile, bytes: &[u8], field: Option<u8>) -> Heard {
    // Another edition of the standard is no message here: an answer in it could not be read either.
    let ours = |message: &Message<'_>| message.mti().version() == profile.version();
    let Some(message) = salvage(profile, bytes).filter(ours) else {
        return Heard::Unreadable;
    };
    let Some(mti) = message.mti().response() else {
        return Heard::Ignored;
    };
    let time = message.field(7).map(|time| time.to_text());
    let timed = time.is_some_and(|time| is_transmission_time(&time));
    let in_step =
        |number: u8| number < field.unwrap_or_default() || timed && [7, 11].contains(&number);
    refused(&message, mti, field, in_step)
}

/// DE39=30 with the number of the field in DE44, echoing the others: what stands in the one that is
/// wrong may be a card number out of place.
pub(super) fn format_error(message: &Message<'_>, mti: Mti, field: Option<u8>) -> Heard {
    refused(message, mti, field, |number| Some(number) != field)
}

fn refused(
    message: &Message<'_>,
    mti: Mti,
    field: Option<u8>,
    repeated: impl Fn(u8) -> bool,
) -> Heard {
    let answer = repeating(message, mti, repeated);
    match with_code(answer, FORMAT_ERROR, field) {
        Heard::Answered(bytes) => Heard::Malformed(bytes),
        other => other,
    }
}

/// DE39=40: nobody here does that.
pub(super) fn not_supported(message: &Message<'_>, mti: Mti) -> Heard {
    let answer = repeating(message, mti, |_| true);
    with_code(answer, NOT_SUPPORTED, None)
}

/// The beginning of an answer.
fn repeating<'p>(
    message: &Message<'p>,
    mti: Mti,
    repeated: impl Fn(u8) -> bool,
) -> MessageBuilder<'p> {
    let mut answer = MessageBuilder::answering(message, mti);
    for number in echoed(mti).iter().filter(|number| repeated(**number)) {
        // One that cannot be echoed is left out.
        let _ = answer.echo(message, &[*number]);
    }
    answer
}

fn with_code(mut answer: MessageBuilder<'_>, code: &str, field: Option<u8>) -> Heard {
    let set = |answer: &mut MessageBuilder<'_>| -> Result<(), EncodeError> {
        answer.set(39, code)?;
        if let Some(field) = field {
            answer.set(44, &presence::additional_data(field))?;
        }
        Ok(())
    };
    match set(&mut answer) {
        Ok(()) => Heard::Answered(answer.encode()),
        Err(error) => Heard::Unwritten(error.field),
    }
}
