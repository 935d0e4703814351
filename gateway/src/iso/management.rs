//! Network management: 0800 of the peer's, answered at once, and 0800 of our own, each matched to its
//! answer.

use iso8583::{EncodeError, Encoder, Message, MessageBuilder, Mti, Profile, presence};
use tokio::time::Instant;

use crate::metrics::labels::link::Purpose;

/// What an answer repeats of its request, around DE39: what is about the link, and nothing else.
const ECHOED_BEFORE: &[u8] = &[7, 11, 33];
const ECHOED_AFTER: &[u8] = &[70];

const ACCEPTED: &str = "00";
const NOT_SUPPORTED: &str = "40";

/// More of ours that wait for their answers than a peer could leave open at once: a sign-on, an echo
/// and a sign-off.
const OURS_MAX: usize = 8;

/// The values of DE70 by purpose. All of them are understood, and the first one is what we send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codes {
    /// Sign-on.
    pub sign_on: Vec<u16>,
    /// Sign-off.
    pub sign_off: Vec<u16>,
    /// Echo.
    pub echo: Vec<u16>,
}

impl Default for Codes {
    fn default() -> Self {
        Self {
            sign_on: vec![1],
            sign_off: vec![2],
            echo: vec![301],
        }
    }
}

impl Codes {
    /// What a code is for.
    pub fn purpose(&self, code: u64) -> Option<Purpose> {
        let is = |codes: &[u16]| codes.iter().any(|known| u64::from(*known) == code);
        if is(&self.echo) {
            Some(Purpose::Echo)
        } else if is(&self.sign_on) {
            Some(Purpose::SignOn)
        } else if is(&self.sign_off) {
            Some(Purpose::SignOff)
        } else {
            None
        }
    }

    fn of(&self, purpose: Purpose) -> Option<u16> {
        let codes = match purpose {
            Purpose::SignOn => &self.sign_on,
            Purpose::SignOff => &self.sign_off,
            Purpose::Echo => &self.echo,
        };
        codes.first().copied()
    }
}

/// What a request of the peer's is for, and its answer in `room`; `None` where it has to be answered
/// as any other message, because it is none of these or lacks something.
pub(super) fn answered<'r>(
    message: &Message<'_>,
    codes: &Codes,
    room: &'r mut [u8],
) -> Option<(Option<Purpose>, &'r [u8])> {
    if !matches!(message.mti(), Mti::M0800 | Mti::M0801) || presence::missing(message).is_some() {
        return None;
    }
    let purpose = message
        .field(70)?
        .number()
        .and_then(|code| codes.purpose(code));
    let code = purpose.map_or(NOT_SUPPORTED, |_| ACCEPTED);
    Some((purpose, write_answer(message, code, room).ok()?))
}

fn write_answer<'r>(
    message: &Message<'_>,
    code: &str,
    room: &'r mut [u8],
) -> Result<&'r [u8], EncodeError> {
    let mut answer = Encoder::answering(message, Mti::M0810, room)?;
    let echo = |answer: &mut Encoder<'_, '_>, numbers: &[u8]| -> Result<(), EncodeError> {
        for number in numbers {
            if let Some(value) = message.expose_field(*number) {
                answer.put_value(*number, &value)?;
            }
        }
        Ok(())
    };
    echo(&mut answer, ECHOED_BEFORE)?;
    answer.put(39, code)?;
    echo(&mut answer, ECHOED_AFTER)?;
    answer.finish()
}

/// Whether a dialect can say every request of ours.
///
/// # Errors
/// With the field that it cannot.
pub(super) fn encodes(profile: &Profile, codes: &Codes) -> Result<(), EncodeError> {
    let now = Instant::now();
    for purpose in Purpose::ALL {
        Ours::default().request(profile, codes, *purpose, 0, now)?;
    }
    Ok(())
}

/// Requests of our own on one connection that have no answer yet.
#[derive(Debug, Default)]
pub(super) struct Ours {
    open: Vec<Request>,
    last_stan: u32,
}

#[derive(Debug)]
struct Request {
    purpose: Purpose,
    stan: u32,
    transmitted_at: u64,
    sent: Instant,
}

/// A request of ours that has its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) purpose: Purpose,
    /// DE39 is 00.
    pub(super) accepted: bool,
    /// When it was sent.
    pub(super) sent: Instant,
}

impl Ours {
    /// Writes a request and waits for its answer. `wall_seconds` gives it its time of transmission,
    /// and where none was sent before, its STAN.
    ///
    /// # Errors
    /// If the profile has no such message.
    pub(super) fn request(
        &mut self,
        profile: &Profile,
        codes: &Codes,
        purpose: Purpose,
        wall_seconds: u64,
        now: Instant,
    ) -> Result<Vec<u8>, EncodeError> {
        let stan = match self.last_stan {
            0 => u32::try_from(wall_seconds % 1_000_000).unwrap_or_default(),
            last => (last + 1) % 1_000_000,
        };
        let stan = stan.max(1);
        let transmitted_at = process::clock::mmddhhmmss(wall_seconds);
        let mut message = MessageBuilder::new(profile, Mti::M0800);
        message.set(7, &transmitted_at)?;
        message.set(11, &format!("{stan:06}"))?;
        message.set(70, &format!("{:03}", codes.of(purpose).unwrap_or_default()))?;
        self.last_stan = stan;
        if self.open.len() == OURS_MAX {
            self.open.remove(0);
        }
        self.open.push(Request {
            purpose,
            stan,
            transmitted_at: transmitted_at.parse().unwrap_or_default(),
            sent: now,
        });
        Ok(message.encode())
    }

    /// Matches an 0810 by DE11 and DE7; `None` where it answers nothing of ours.
    pub(super) fn answered(&mut self, message: &Message<'_>) -> Option<Answered> {
        let number = |field| message.field(field).and_then(|value| value.number());
        let (stan, transmitted_at) = (number(11)?, number(7)?);
        let place = self.open.iter().position(|request| {
            u64::from(request.stan) == stan && request.transmitted_at == transmitted_at
        })?;
        let request = self.open.remove(place);
        Some(Answered {
            purpose: request.purpose,
            accepted: message.field(39).is_some_and(|code| code == ACCEPTED),
            sent: request.sent,
        })
    }

    /// When the first of those was sent without whose answer the connection is of no use. A sign-off
    /// is for the peer to obey, answered or not.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        let needed = |request: &&Request| request.purpose != Purpose::SignOff;
        self.open.iter().find(needed).map(|request| request.sent)
    }

    /// Whether an echo waits for its answer.
    pub(super) fn has_echo(&self) -> bool {
        self.open
            .iter()
            .any(|request| request.purpose == Purpose::Echo)
    }

    /// The purposes of those that never got an answer.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = Purpose> {
        self.open.iter().map(|request| request.purpose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::profile::{ASCII_HEX, BASE1, BUILT_IN};
    use iso8583::{Base1, decode};

    const NEW_YEARS_EVE: u64 = 1_798_761_599;

    fn of_ours(profile: &Profile, ours: &mut Ours, purpose: Purpose) -> Vec<u8> {
        let codes = Codes::default();
        ours.request(profile, &codes, purpose, NEW_YEARS_EVE, Instant::now())
            .unwrap()
    }

    #[test]
    fn a_request_of_ours_has_all_that_a_network_message_needs() {
        let bytes = of_ours(&ASCII_HEX, &mut Ours::default(), Purpose::SignOff);
        let message = decode(&ASCII_HEX, &bytes).unwrap();
        assert_eq!(message.mti(), Mti::M0800);
        assert_eq!(presence::missing(&message), None);
        assert!(message.field(7).is_some_and(|at| at == "1231235959"));
        assert!(message.field(70).is_some_and(|code| code == "002"));
    }

    #[test]
    fn in_every_dialect_of_1987_a_request_gets_its_answer_and_the_answer_its_request() {
        for profile in BUILT_IN.iter().filter(|profile| profile.version() == 0) {
            let (codes, mut room) = (Codes::default(), [0; 512]);
            let mut ours = Ours::default();
            for purpose in [Purpose::SignOn, Purpose::Echo, Purpose::SignOff] {
                let bytes = of_ours(profile, &mut ours, purpose);
                let message = decode(profile, &bytes).unwrap();
                let (heard, answer) = answered(&message, &codes, &mut room).unwrap();
                assert_eq!(heard, Some(purpose), "{profile:?}");
                let answer = decode(profile, answer).unwrap();
                assert_eq!(answer.mti(), Mti::M0810);
                let matched = ours.answered(&answer).unwrap();
                assert_eq!((matched.purpose, matched.accepted), (purpose, true));
                assert_eq!(ours.answered(&answer), None, "an answer counts once");
            }
            assert_eq!(ours.waits_since(), None);
        }
    }

    #[test]
    fn an_answer_repeats_what_is_about_the_link_and_nothing_else() {
        let mut request = MessageBuilder::new(&BASE1, Mti::M0800);
        let mut header = [0; 22];
        header[..3].copy_from_slice(&[22, 1, 2]);
        header[5..11].copy_from_slice(&[0x12, 0x34, 0x56, 0x65, 0x43, 0x21]);
        request.set_header(&header).unwrap();
        for (number, text) in [
            (7, "1122083400"),
            (11, "000001"),
            (12, "083400"),
            (13, "1122"),
            (32, "12345"),
            (33, "54321"),
            (37, "000000000001"),
            (41, "TERM0001"),
            (42, "MERCHANT0000001"),
            (70, "301"),
        ] {
            request.set(number, text).unwrap();
        }
        let request = request.encode();
        let request = decode(&BASE1, &request).unwrap();
        let mut room = [0; 512];
        let (_, bytes) = answered(&request, &Codes::default(), &mut room).unwrap();
        let answer = decode(&BASE1, bytes).unwrap();
        let present: Vec<u8> = answer.present().collect();
        assert_eq!(present, [7, 11, 33, 39, 70]);
        let (asked, told) = (Base1::new(request.header()), Base1::new(answer.header()));
        let (asked, told) = (asked.unwrap(), told.unwrap());
        assert_eq!(
            (told.destination(), told.source()),
            (asked.source(), asked.destination())
        );
    }

    #[test]
    fn codes_of_a_scheme_are_understood_and_others_are_answered_40() {
        let codes = Codes {
            sign_on: vec![71, 1],
            sign_off: vec![72],
            echo: vec![301],
        };
        for (code, purpose, answer) in [
            ("071", Some(Purpose::SignOn), "00"),
            ("001", Some(Purpose::SignOn), "00"),
            ("072", Some(Purpose::SignOff), "00"),
            ("301", Some(Purpose::Echo), "00"),
            ("002", None, "40"),
        ] {
            let mut request = MessageBuilder::new(&BASE1, Mti::M0801);
            request
                .set(7, "1122083400")
                .unwrap()
                .set(11, "000001")
                .unwrap();
            request.set(70, code).unwrap();
            let request = request.encode();
            let request = decode(&BASE1, &request).unwrap();
            let mut room = [0; 512];
            let (heard, bytes) = answered(&request, &codes, &mut room).unwrap();
            assert_eq!(heard, purpose, "{code}");
            let message = decode(&BASE1, bytes).unwrap();
            assert!(
                message.field(39).is_some_and(|code| code == answer),
                "{code}"
            );
        }
    }

    #[test]
    fn an_answer_to_another_trace_or_time_matches_nothing() {
        for (at, stan) in [("1231235958", 761_599), ("1231235959", 761_600)] {
            let mut ours = Ours::default();
            of_ours(&ASCII_HEX, &mut ours, Purpose::Echo);
            let mut answer = MessageBuilder::new(&ASCII_HEX, Mti::M0810);
            answer
                .set(7, at)
                .unwrap()
                .set(11, &format!("{stan:06}"))
                .unwrap();
            answer.set(39, "00").unwrap().set(70, "301").unwrap();
            let answer = answer.encode();
            assert_eq!(ours.answered(&decode(&ASCII_HEX, &answer).unwrap()), None);
            assert!(ours.has_echo() && ours.waits_since().is_some());
        }
    }
}
