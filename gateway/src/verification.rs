//! Who says what came of checking a PIN, a CVV2 or a chip's cryptogram.
//!
//! The gateway holds no keys for that. A processor in front of it may have checked, and told the
//! results with the message; [`Upstream`] believes it. A client of a hardware security module is
//! another [`Verifier`]: it builds its own command while the message is borrowed, and answers within
//! the time that the ledger and stand-in leave.
//!
//! Over ISO 8583 the results are three characters for CVV2, PIN and cryptogram, in that order, in a
//! private field that the link names: `M` it matched, `N` it did not, `U` presented and not checked,
//! `-` not presented. No field of 1987 has a place for all three, and the letters are those that
//! networks use for a CVV2. DE61 is the one to take: by many hosts' layouts DE48 and DE62 are divided
//! further, DE60 is the reason of an advice, and DE63 names the network.
//!
//! Results do not go to the ledger: what has failed is declined before it is asked, by the same rule
//! as while it is away, so the books never need to know of cards and PINs.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use fallback::{Check, Verification};
use iso8583::Message;

/// What there is to check, borrowed: nothing here outlives the message.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// What came with it from whoever has checked already.
    pub told: Verification,
    /// The message with PIN block and chip data, in [`iso8583::Message::pin_block`] and
    /// [`iso8583::Message::expose_chip_data`]; `None` for a door that takes neither.
    pub message: Option<&'a Message<'a>>,
}

impl Presented<'_> {
    /// What is known without asking anybody: what was told, and what lies there unchecked.
    pub fn known(&self) -> Verification {
        let has = |number| self.message.is_some_and(|message| message.has(number));
        let at_least = |told: Check, there| if there { told.presented() } else { told };
        Verification {
            cvv2: self.told.cvv2,
            pin: at_least(self.told.pin, has(52)),
            arqc: at_least(self.told.arqc, has(55)),
        }
    }
}

/// Checks what a request presents.
pub trait Verifier: Send + Sync {
    /// Begins a check. The message goes back to its buffer when this returns, so what is needed of it
    /// is taken here, into memory that is zeroised. Must not block.
    fn verify(&self, presented: &Presented<'_>) -> Verifying;
}

/// A check that has begun.
pub enum Verifying {
    /// Nobody has to be asked.
    Known(Verification),
    /// Somebody is asked as soon as the future is polled, and not before: a repeat never does.
    Asked {
        /// What counts when the answer does not come in time.
        known: Verification,
        /// The answer.
        answer: Pin<Box<dyn Future<Output = Verification> + Send>>,
    },
}

impl Verifying {
    /// What came of it, within `patience`.
    pub async fn within(self, patience: Duration) -> Verification {
        match self {
            Self::Known(known) => known,
            Self::Asked { known, answer } => {
                let answered = tokio::time::timeout(patience, answer).await;
                answered.unwrap_or(known)
            }
        }
    }

    /// True where [`Verifying::within`] may take time.
    pub const fn is_asked(&self) -> bool {
        matches!(self, Self::Asked { .. })
    }
}

impl fmt::Debug for Verifying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(known) => f.debug_tuple("Known").field(known).finish(),
            Self::Asked { known, .. } => f.debug_struct("Asked").field("known", known).finish(),
        }
    }
}

/// Believes what came with the message; what came without a result stays unknown.
#[derive(Debug, Clone, Copy)]
pub struct Upstream;

impl Verifier for Upstream {
    fn verify(&self, presented: &Presented<'_>) -> Verifying {
        Verifying::Known(presented.known())
    }
}

/// The fields that a link may name: private ones that are characters in every profile.
pub const FIELDS: &[u8] = &[48, 60, 61, 62, 63];

/// What a message says in this private field; nothing was told where there is none. The number of the
/// field where it makes no sense.
///
/// # Errors
/// Where the field is not three of the four letters.
pub fn told(message: &Message<'_>, field: Option<u8>) -> Result<Verification, u8> {
    let Some((number, value)) = field.and_then(|n| Some((n, message.expose_field(n)?))) else {
        return Ok(Verification::default());
    };
    // Longer content is something else, which may be card data: it is not even copied.
    let mut letters = value.characters();
    let mut next = || letters.next().and_then(check).ok_or(number);
    let told = Verification {
        cvv2: next()?,
        pin: next()?,
        arqc: next()?,
    };
    letters.next().map_or(Ok(told), |_| Err(number))
}

const fn check(letter: u8) -> Option<Check> {
    match letter {
        b'M' => Some(Check::Matched),
        b'N' => Some(Check::Failed),
        b'U' => Some(Check::Unknown),
        b'-' => Some(Check::NotPresented),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use iso8583::profile::{ASCII_HEX, EBCDIC};
    use iso8583::{MessageBuilder, Mti, Profile, decode};

    use super::*;

    fn bytes(profile: &'static Profile, fields: &[(u8, &str)]) -> Vec<u8> {
        let mut message = MessageBuilder::new(profile, Mti::M0100);
        for (number, text) in fields {
            message.set(*number, text).unwrap();
        }
        message.encode()
    }

    fn all(cvv2: Check, pin: Check, arqc: Check) -> Verification {
        Verification { cvv2, pin, arqc }
    }

    #[test]
    fn three_letters_in_the_private_field_say_what_was_checked() {
        use Check::{Failed, Matched, NotPresented, Unknown};
        for (content, expected) in [
            ("---", Ok(Verification::default())),
            ("MMM", Ok(all(Matched, Matched, Matched))),
            ("N--", Ok(all(Failed, NotPresented, NotPresented))),
            ("-NU", Ok(all(NotPresented, Failed, Unknown))),
            ("UMN", Ok(all(Unknown, Matched, Failed))),
            ("", Err(61)),
            ("MM", Err(61)),
            ("MMMM", Err(61)),
            ("mmm", Err(61)),
            ("M M", Err(61)),
            ("4999000100000001", Err(61)),
        ] {
            for profile in [&ASCII_HEX, &EBCDIC] {
                let bytes = bytes(profile, &[(61, content)]);
                let message = decode(profile, &bytes).unwrap();
                assert_eq!(told(&message, Some(61)), expected, "{content:?}");
                for elsewhere in [None, Some(60)] {
                    let nothing = Ok(Verification::default());
                    assert_eq!(told(&message, elsewhere), nothing, "{content:?}");
                }
            }
        }
    }

    #[test]
    fn what_lies_there_unchecked_is_unknown_and_what_does_not_was_not_presented() {
        use Check::{Failed, Matched, NotPresented, Unknown};
        let (pin, chip) = ((52, "1122334455667788"), (55, "9F2608AABBCCDDEEFF0011"));
        for (fields, content, expected) in [
            (vec![], None, Verification::default()),
            (vec![pin], None, all(NotPresented, Unknown, NotPresented)),
            (vec![chip], None, all(NotPresented, NotPresented, Unknown)),
            (
                vec![pin, chip],
                Some("---"),
                all(NotPresented, Unknown, Unknown),
            ),
            (vec![pin, chip], Some("MMN"), all(Matched, Matched, Failed)),
            // Checked and taken out by whoever is in front.
            (
                vec![],
                Some("-M-"),
                all(NotPresented, Matched, NotPresented),
            ),
        ] {
            let mut fields = fields;
            fields.extend(content.map(|content| (61, content)));
            let bytes = bytes(&ASCII_HEX, &fields);
            let message = decode(&ASCII_HEX, &bytes).unwrap();
            let presented = Presented {
                told: told(&message, Some(61)).unwrap(),
                message: Some(&message),
            };
            let Verifying::Known(known) = Upstream.verify(&presented) else {
                panic!("nobody is asked");
            };
            assert_eq!(known, expected, "{fields:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_asked_has_so_long_and_what_was_known_counts_after_it_i8() {
        let known = all(Check::Matched, Check::Unknown, Check::NotPresented);
        let better = Verification {
            pin: Check::Matched,
            ..known
        };
        for (takes, expected) in [(50, better), (500, known)] {
            let verifying = Verifying::Asked {
                known,
                answer: Box::pin(async move {
                    tokio::time::sleep(Duration::from_millis(takes)).await;
                    better
                }),
            };
            assert!(verifying.is_asked());
            let patience = Duration::from_millis(100);
            assert_eq!(verifying.within(patience).await, expected, "{takes} ms");
        }
    }
}
