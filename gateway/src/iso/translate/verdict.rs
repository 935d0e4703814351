//! What is answered, and the message that says it.

use fallback::Answer;
use iso8583::{EncodeError, Encoder, Message, Mti, Profile, decode, presence};
use ledger_api::Amount;
use zeroize::Zeroizing;

use super::FORMAT_ERROR;

/// What an answer has of its own or repeats from its request, in order.
const FIELDS: &[u8] = &[
    2, 3, 4, 7, 11, 12, 13, 32, 33, 37, 38, 39, 41, 42, 49, 70, 90,
];

/// What an answer has of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// DE39.
    code: &'static str,
    /// DE38, where it is approved.
    approval_code: Option<[u8; 6]>,
    /// DE4, where it is not what was asked for.
    amount: Option<Amount>,
}

impl From<&'static str> for Words {
    /// A response code and nothing else.
    fn from(code: &'static str) -> Self {
        Self {
            code,
            approval_code: None,
            amount: None,
        }
    }
}

impl From<&Answer> for Words {
    fn from(given: &Answer) -> Self {
        let (asked, approved) = (given.request.amount, given.approved_amount);
        Self {
            code: given.reason.response_code(),
            approval_code: given.approved.then_some(given.approval_code),
            amount: Some(approved).filter(|approved| given.approved && *approved != asked),
        }
    }
}

/// The answer to a message that is gone.
pub struct Verdict {
    pub(super) request: Zeroizing<Vec<u8>>,
    pub(super) words: Words,
}

impl Verdict {
    /// Writes the message.
    ///
    /// # Errors
    /// Where the dialect cannot say it, or `room` is too short: with the field, where it is one.
    pub fn write<'r>(&self, profile: &Profile, room: &'r mut [u8]) -> Result<&'r [u8], Option<u8>> {
        let request = decode(profile, &self.request).map_err(|error| error.field)?;
        self.words.write(&request, room)
    }
}

impl Words {
    /// Writes the message that answers `request`.
    ///
    /// # Errors
    /// As [`Verdict::write`].
    pub fn write<'r>(
        &self,
        request: &Message<'_>,
        room: &'r mut [u8],
    ) -> Result<&'r [u8], Option<u8>> {
        let mti = request.mti().response().ok_or(None)?;
        let answer = self.write_answer(request, mti, room);
        answer.map_err(|error| error.field)
    }

    fn write_answer<'r>(
        &self,
        request: &Message<'_>,
        mti: Mti,
        room: &'r mut [u8],
    ) -> Result<&'r [u8], EncodeError> {
        let mut answer = Encoder::answering(request, mti, room)?;
        for number in FIELDS {
            self.put(*number, request, &mut answer)?;
        }
        answer.finish()
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

/// Whether a dialect can say what answers have of their own. What they repeat, it has read.
///
/// # Errors
/// With the field that it cannot.
pub(in crate::iso) fn encodes(profile: &Profile) -> Result<(), EncodeError> {
    for mti in [Mti::M0110, Mti::M0210] {
        let mut room = [0; 512];
        let mut answer = Encoder::new(profile, mti, &mut room)?;
        answer.put(4, "000000000100")?;
        // A code of ours has digits and letters in any place.
        answer.put(38, "A1Z9B0")?;
        answer.put(39, FORMAT_ERROR)?;
        answer.put(44, &presence::additional_data(2))?;
        answer.finish()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Heard;
    use super::super::at_once::format_error;
    use super::*;
    use iso8583::profile::BUILT_IN;
    use iso8583::{Base1, Header, MessageBuilder};

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
            let partial = Words {
                code: "10",
                approval_code: Some(*b"A 0001"),
                amount: Some(Amount::new(7_00).unwrap()),
            };
            for (words, code, approval, amount) in [
                (partial, "10", Some("A 0001"), "000000000700"),
                (Words::from("51"), "51", None, "000000001000"),
            ] {
                let request = request.clone();
                let verdict = Verdict { request, words };
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

    /// A dialect like `bcd`, with a difference.
    fn host(difference: &str) -> Profile {
        Profile::from_toml(&format!("name = 'host'\nbased_on = 'bcd'\n{difference}\n")).unwrap()
    }

    #[test]
    fn what_the_dialect_cannot_say_is_named_and_not_written() {
        let digits = host("[fields]\n38 = { content = \"n\", coding = \"ascii\", fixed = 6 }");
        assert_eq!(encodes(&digits).map_err(|error| error.field), Err(Some(38)));
        let mut request = MessageBuilder::new(&digits, Mti::M0100);
        for (number, text) in REQUEST {
            request.set(*number, text).unwrap();
        }
        let mut verdict = Verdict {
            request: Zeroizing::new(request.encode()),
            words: Words::from("00"),
        };
        let mut room = [0; 512];
        assert!(verdict.write(&digits, &mut room).is_ok(), "without a code");
        verdict.words.approval_code = Some(*b"A00001");
        assert_eq!(verdict.write(&digits, &mut room), Err(Some(38)));
        verdict.words.approval_code = None;
        let mut short = [0; 60];
        assert!(verdict.write(&digits, &mut short).is_err());
    }

    #[test]
    fn every_dialect_of_1987_can_say_an_answer() {
        for profile in BUILT_IN.iter().filter(|profile| profile.version() == 0) {
            assert_eq!(encodes(profile), Ok(()), "{profile:?}");
        }
    }

    #[test]
    fn an_answer_has_the_header_of_its_request_turned_round_where_it_says_from_where() {
        let with_tpdu = host("header = 5");
        let all = BUILT_IN.iter().filter(|profile| profile.version() == 0);
        for profile in all.copied().chain([&with_tpdu]) {
            let mut header = [0; 22];
            header[..3].copy_from_slice(&[22, 1, 2]);
            header[5..11].copy_from_slice(&[0x12, 0x34, 0x56, 0x65, 0x43, 0x21]);
            header[21] = 7;
            let header = match profile.header() {
                Header::None => &[][..],
                Header::Opaque(_) => b"\x60\x12\x34\x56\x78",
                Header::Base1 => &header,
            };
            let mut request = MessageBuilder::new(profile, Mti::M0100);
            request.set_header(header).unwrap();
            for (number, text) in REQUEST {
                request.set(*number, text).unwrap();
            }
            let request = request.encode();
            let verdict = Verdict {
                request: Zeroizing::new(request.clone()),
                words: Words::from("51"),
            };
            let mut room = [0; 512];
            let answer = verdict.write(profile, &mut room).unwrap();
            let request = decode(profile, &request).unwrap();
            let refused = format_error(&request, Mti::M0110, Some(2));
            let Heard::Malformed(refused) = refused else {
                panic!("{profile:?}: it is refused");
            };
            for answer in [answer, &refused] {
                let answer = decode(profile, answer).unwrap();
                let Some(asked) = Base1::new(request.header()) else {
                    assert_eq!(answer.header(), header, "{profile:?}");
                    continue;
                };
                let told = Base1::new(answer.header()).unwrap();
                let stations = (told.destination(), told.source());
                assert_eq!(stations, (asked.source(), asked.destination()));
                assert_eq!(answer.header()[11..], header[11..], "{profile:?}");
            }
        }
    }
}
