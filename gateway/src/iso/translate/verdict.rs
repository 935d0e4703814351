//! What is answered, and the message that says it.

use iso8583::{EncodeError, Encoder, Message, Profile, decode};
use ledger_api::Amount;
use zeroize::Zeroizing;

/// What an answer has of its own or repeats from its request, in order.
const FIELDS: &[u8] = &[
    2, 3, 4, 7, 11, 12, 13, 32, 33, 37, 38, 39, 41, 42, 49, 70, 90,
];

/// The answer to a message.
pub struct Verdict {
    request: Zeroizing<Vec<u8>>,
    /// DE39.
    pub(super) code: &'static str,
    /// DE38, where it is approved.
    pub(super) approval_code: Option<[u8; 6]>,
    /// DE4, where it is not what was asked for.
    pub(super) amount: Option<Amount>,
}

impl Verdict {
    pub(super) fn of(request: Zeroizing<Vec<u8>>) -> Self {
        Self {
            request,
            code: "",
            approval_code: None,
            amount: None,
        }
    }

    /// Writes the message; `None` where the dialect cannot say it.
    pub fn write<'r>(&self, profile: &Profile, room: &'r mut [u8]) -> Option<&'r [u8]> {
        let message = decode(profile, &self.request).ok()?;
        self.write_answer(&message, room)
    }

    fn write_answer<'r>(&self, request: &Message<'_>, room: &'r mut [u8]) -> Option<&'r [u8]> {
        let mti = request.mti().response()?;
        let mut answer = Encoder::answering(request, mti, room).ok()?;
        for number in FIELDS {
            self.put(*number, request, &mut answer).ok()?;
        }
        answer.finish().ok()
    }

    fn put(
        &self,
        number: u8,
        request: &Message<'_>,
        answer: &mut Encoder<'_, '_>,
    ) -> Result<(), EncodeError> {
        match (number, self.amount, self.approval_code) {
            (4, Some(amount), _) => answer.put(4, &format!("{:012}", amount.minor()))?,
            (38, _, None) => return Ok(()),
            (38, _, Some(code)) => answer.put(38, str::from_utf8(&code).unwrap_or_default())?,
            (39, ..) => answer.put(39, self.code)?,
            _ => match request.expose_field(number) {
                Some(value) => answer.put_value(number, &value)?,
                None => return Ok(()),
            },
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::profile::BUILT_IN;
    use iso8583::{MessageBuilder, Mti};

    const REQUEST: &[(u8, &str)] = &[
        (2, "4999000100000010"),
        (3, "000000"),
        (4, "000000001000"),
        (7, "1122120000"),
        (11, "000042"),
        (32, "12345678901"),
        (37, "000000000042"),
        (41, "TERM0001"),
        (42, "MERCHANT0000001"),
    ];

    #[test]
    fn an_answer_repeats_what_identifies_its_request_and_says_what_was_decided() {
        for profile in BUILT_IN.iter().filter(|profile| profile.version() == 0) {
            let mut request = MessageBuilder::new(profile, Mti::M0100);
            for (number, text) in REQUEST {
                request.set(*number, text).unwrap();
            }
            request.set(14, "3012").unwrap();
            let request = Zeroizing::new(request.encode());
            let mut partial = Verdict::of(request.clone());
            partial.code = "10";
            partial.approval_code = Some(*b"A 0001");
            partial.amount = Some(Amount::new(7_00).unwrap());
            let mut declined = Verdict::of(request);
            declined.code = "51";
            for (verdict, code, approval, amount) in [
                (partial, "10", Some("A 0001"), "000000000700"),
                (declined, "51", None, "000000001000"),
            ] {
                let mut room = [0; 512];
                let answer = verdict.write(profile, &mut room).unwrap();
                let answer = decode(profile, answer).unwrap();
                assert_eq!(answer.mti(), Mti::M0110, "{profile:?}");
                let text = |number| answer.expose_field(number).map(|value| value.to_text());
                for (number, expected) in REQUEST {
                    let expected = if *number == 4 { amount } else { expected };
                    assert_eq!(
                        text(*number).as_deref(),
                        Some(expected),
                        "{profile:?} {number}"
                    );
                }
                assert_eq!(text(38).as_deref(), approval, "{profile:?}");
                assert_eq!(text(39).as_deref(), Some(code), "{profile:?}");
                assert!(!answer.has(14), "what identifies nothing is not repeated");
            }
        }
    }
}
