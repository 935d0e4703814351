//! Answers to what makes no sense.

use iso8583::{EncodeError, Message, MessageBuilder, Mti, Profile, presence, salvage};

use super::{ECHOED, FORMAT_ERROR, Heard};

pub(super) fn misread(profile: &'static Profile, bytes: &[u8], field: Option<u8>) -> Heard {
    let Some(message) = salvage(profile, bytes) else {
        return Heard::Unreadable;
    };
    match message.mti().response() {
        Some(mti) => format_error(profile, &message, mti, field),
        None => Heard::Ignored,
    }
}

/// DE39=30 with the number of the field in DE44, echoing what could be read.
pub(super) fn format_error(
    profile: &'static Profile,
    message: &Message<'_>,
    mti: Mti,
    field: Option<u8>,
) -> Heard {
    let mut answer = MessageBuilder::new(profile, mti);
    for number in ECHOED {
        // A field that cannot be echoed is left out: it may be the one that is wrong.
        let _ = answer.echo(message, &[*number]);
    }
    match with_code(answer, FORMAT_ERROR, field) {
        Heard::Answered(bytes) => Heard::Malformed(bytes),
        other => other,
    }
}

pub(super) fn with_code(mut answer: MessageBuilder<'_>, code: &str, field: Option<u8>) -> Heard {
    let set = |answer: &mut MessageBuilder<'_>| -> Result<(), EncodeError> {
        answer.set(39, code)?;
        if let Some(field) = field {
            answer.set(44, &presence::additional_data(field))?;
        }
        Ok(())
    };
    match set(&mut answer) {
        Ok(()) => Heard::Answered(answer.encode()),
        Err(_) => Heard::Ignored,
    }
}
