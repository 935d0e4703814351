//! The one message that the gateway sends by itself: a sign-off, so that a processor moves its
//! traffic to its other link before this one ends.

use iso8583::{EncodeError, MessageBuilder, Mti, Profile};

/// DE70 of a sign-off.
const SIGN_OFF: &str = "002";

/// 0800 with DE70 = 002. `wall_seconds` gives it its time of transmission and its STAN: a session
/// gets one sign-off at most. Its answer, 0810, is ignored as every response is.
pub(super) fn message(profile: &Profile, wall_seconds: u64) -> Result<Vec<u8>, EncodeError> {
    let mut message = MessageBuilder::new(profile, Mti::M0800);
    message.set(7, &process::clock::mmddhhmmss(wall_seconds))?;
    message.set(11, &format!("{:06}", wall_seconds % 1_000_000))?;
    message.set(70, SIGN_OFF)?;
    Ok(message.encode())
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::profile::ASCII_HEX;
    use iso8583::{decode, presence};

    #[test]
    fn a_sign_off_has_all_that_a_network_message_needs() {
        let bytes = message(&ASCII_HEX, 1_798_761_599).unwrap();
        let message = decode(&ASCII_HEX, &bytes).unwrap();
        assert_eq!(message.mti(), Mti::M0800);
        assert_eq!(presence::missing(&message), None);
        assert!(message.field(7).is_some_and(|at| at == "1231235959"));
        assert!(message.field(70).is_some_and(|code| code == "002"));
    }
}
