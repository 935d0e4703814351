//! By what an answer is matched to its request.

use iso8583::{Message, Mti};

use crate::LinkError;

/// The first characters of a field; no field that is matched by is longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Text {
    length: u8,
    characters: [u8; 16],
}

impl Text {
    fn of(message: &Message<'_>, number: u8) -> Option<Self> {
        let mut characters = [0; 16];
        let value = message.field(number)?;
        for (to, from) in characters.iter_mut().zip(value.characters()) {
            *to = from;
        }
        let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
        Some(Self { length, characters })
    }
}

/// What request and answer must both have: the type of the answer, fields 11 and 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Version, class and function; who began the conversation does not count.
    answer: [u8; 3],
    stan: Text,
    transmitted: Text,
}

/// Who asks: fields 32 and 41, which count where both sides have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parties {
    acquirer: Option<Text>,
    terminal: Option<Text>,
}

impl Key {
    /// Of what will answer this request.
    ///
    /// # Errors
    /// If it is none, or lacks a field.
    pub(crate) fn of_request(request: &Message<'_>) -> Result<Self, LinkError> {
        let mti = request.mti();
        let answer = mti.response().ok_or(LinkError::NotARequest(mti))?;
        let of = |number| Text::of(request, number).ok_or(LinkError::NoKey(number));
        Ok(Self {
            answer: kind(answer),
            stan: of(11)?,
            transmitted: of(7)?,
        })
    }

    /// Of an answer; None where it lacks a field.
    pub(crate) fn of_answer(answer: &Message<'_>) -> Option<Self> {
        Some(Self {
            answer: kind(answer.mti()),
            stan: Text::of(answer, 11)?,
            transmitted: Text::of(answer, 7)?,
        })
    }
}

impl Parties {
    pub(crate) fn of(message: &Message<'_>) -> Self {
        Self {
            acquirer: Text::of(message, 32),
            terminal: Text::of(message, 41),
        }
    }

    /// Whether nothing that both have differs.
    pub(crate) fn agree(&self, other: &Self) -> bool {
        let same = |own: Option<Text>, other: Option<Text>| match (own, other) {
            (Some(own), Some(other)) => own == other,
            _ => true,
        };
        same(self.acquirer, other.acquirer) && same(self.terminal, other.terminal)
    }
}

fn kind(mti: Mti) -> [u8; 3] {
    [mti.version(), mti.class() as u8, mti.function() as u8]
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::profile::ASCII_HEX;
    use iso8583::{MessageBuilder, decode};

    fn message(mti: &str, fields: &[(u8, &str)]) -> Vec<u8> {
        let mut message = MessageBuilder::new(&ASCII_HEX, Mti::parse(mti).unwrap());
        for (number, text) in fields {
            message.set(*number, text).unwrap();
        }
        message.encode()
    }

    fn matches(request: &[u8], answer: &[u8]) -> bool {
        let request = decode(&ASCII_HEX, request).unwrap();
        let answer = decode(&ASCII_HEX, answer).unwrap();
        let key = Key::of_request(&request).unwrap();
        let agree = Parties::of(&request).agree(&Parties::of(&answer));
        Key::of_answer(&answer) == Some(key) && agree
    }

    #[test]
    fn an_answer_matches_by_type_stan_time_and_the_parties_that_both_name() {
        const STAN: (u8, &str) = (11, "000001");
        const AT: (u8, &str) = (7, "1122083400");
        const FROM: (u8, &str) = (32, "123456");
        const TERMINAL: (u8, &str) = (41, "TERM0001");
        let request = message("0100", &[AT, STAN, FROM, TERMINAL]);
        for (mti, fields, expected) in [
            ("0110", &[AT, STAN, FROM, TERMINAL][..], true),
            ("0110", &[AT, STAN], true),
            ("0110", &[AT, STAN, FROM], true),
            ("0112", &[AT, STAN], true), // a host that answers as the issuer
            ("0130", &[AT, STAN], false),
            ("0210", &[AT, STAN], false),
            ("0110", &[AT, (11, "000002")], false),
            ("0110", &[(7, "1122083401"), STAN], false),
            ("0110", &[STAN], false),
            ("0110", &[AT, STAN, (32, "123457")], false),
            ("0110", &[AT, STAN, FROM, (41, "TERM0002")], false),
        ] {
            let answer = message(mti, fields);
            assert_eq!(matches(&request, &answer), expected, "{mti} {fields:?}");
        }
        let repeat = message("0101", &[AT, STAN]);
        assert!(matches(&repeat, &message("0110", &[AT, STAN])));
    }

    #[test]
    fn what_cannot_be_matched_is_refused() {
        for (mti, fields, error) in [
            ("0100", &[(11, "000001")][..], "field 7 is missing"),
            ("0100", &[(7, "1122083400")], "field 11 is missing"),
            ("0110", &[], "nobody answers a 0110"),
        ] {
            let bytes = message(mti, fields);
            let refused = Key::of_request(&decode(&ASCII_HEX, &bytes).unwrap()).unwrap_err();
            assert!(refused.to_string().contains(error), "{refused}");
        }
    }
}
