//! One message, and what differs from one to the next: written once, then patched in place, so that
//! whoever asks is not what is measured.

use ::tests::payment::NewCard;
use anyhow::Context;
use iso8583::profile::ASCII_HEX;
use iso8583::{MessageBuilder, Mti, decode};

/// How many cards pay. Each is home at the one gateway that there is.
pub(super) const CARDS: u64 = 10_000;
/// What an account has: no limit but the rules' own arithmetic is in anybody's way.
pub(super) const OPENING_MINOR: i64 = 999_999_999_999;

/// A framed message with places for what differs.
#[derive(Debug, Clone)]
pub(super) struct Template {
    frame: Vec<u8>,
    stan: usize,
    /// Of a payment: card number, in DE2 and DE35, and RRN.
    payment: Option<Payment>,
    cards: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct Payment {
    pan: usize,
    track: usize,
    rrn: usize,
}

/// What fills the places of a field until it is patched; occurs nowhere else in the message.
const STAN: &str = "987654";
const RRN: &str = "987654321098";

impl Template {
    /// 0800 with DE70 = 301.
    ///
    /// # Errors
    /// Where it does not encode.
    pub(super) fn echo_test() -> anyhow::Result<Self> {
        let mut message = MessageBuilder::new(&ASCII_HEX, Mti::M0800);
        for (field, text) in [(7, "1122083400"), (11, STAN), (70, "301")] {
            message.set(field, text).map_err(refused)?;
        }
        Self::of(&message.encode(), None)
    }

    /// A chip purchase of 215 bytes, as processors send it.
    ///
    /// # Errors
    /// Where it does not encode.
    pub(super) fn authorization() -> anyhow::Result<Self> {
        let pan = NewCard::nth(1, OPENING_MINOR).number;
        let track = format!("{pan}D3012201");
        let mut message = MessageBuilder::new(&ASCII_HEX, Mti::M0100);
        for (field, text) in [
            (2, pan.as_str()),
            (3, "000000"),
            (4, "000000000100"),
            (7, "1122083400"),
            (11, STAN),
            (12, "083400"),
            (13, "1122"),
            (14, "3012"),
            (18, "5411"),
            (19, "840"),
            (22, "051"),
            (25, "00"),
            (32, "12345678901"),
            (35, &track),
            (37, RRN),
            (41, "TERM0001"),
            (42, "MERCHANT0000001"),
            (43, "ACME STORES          SPRINGFIELD  CA  US"),
            (49, "978"),
        ] {
            message.set(field, text).map_err(refused)?;
        }
        Self::of(&message.encode(), Some(&pan))
    }

    fn of(message: &[u8], pan: Option<&str>) -> anyhow::Result<Self> {
        decode(&ASCII_HEX, message).map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut frame = u16::try_from(message.len())?.to_be_bytes().to_vec();
        frame.extend_from_slice(message);
        let places = |text: &str| -> Vec<usize> {
            let windows = frame.windows(text.len()).enumerate();
            windows
                .filter(|(_, window)| *window == text.as_bytes())
                .map(|(place, _)| place)
                .collect()
        };
        let payment = match pan {
            None => None,
            Some(pan) => {
                let pans = places(pan);
                Some(Payment {
                    pan: *pans.first().context("no card number")?,
                    track: *pans.get(1).context("no track")?,
                    rrn: *places(RRN).first().context("no RRN")?,
                })
            }
        };
        // The RRN begins with the same digits and stands behind the STAN.
        let stan = *places(STAN).first().context("no STAN")?;
        let cards = (1..=CARDS).map(|n| NewCard::nth(n, OPENING_MINOR).number);
        Ok(Self {
            stan,
            payment,
            cards: payment.map_or_else(Vec::new, |_| cards.collect()),
            frame,
        })
    }

    /// True for a payment: its answer says whether it was approved.
    pub(super) fn is_payment(&self) -> bool {
        self.payment.is_some()
    }

    /// Appends the `n`-th message.
    pub(super) fn write(&self, n: u64, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&self.frame);
        let Some(frame) = out.get_mut(begin..) else {
            return;
        };
        patch(frame, self.stan, n % 1_000_000, 6);
        if let Some(Payment { pan, track, rrn }) = self.payment {
            patch(frame, rrn, n, 12);
            let index = usize::try_from(n % CARDS).unwrap_or_default();
            if let Some(card) = self.cards.get(index) {
                for place in [pan, track] {
                    if let Some(slot) = frame.get_mut(place..place + card.len()) {
                        slot.copy_from_slice(card.as_bytes());
                    }
                }
            }
        }
    }
}

/// Writes a number's last digits at a place.
fn patch(frame: &mut [u8], place: usize, mut number: u64, digits: usize) {
    let slot = frame.get_mut(place..place + digits).unwrap_or_default();
    for digit in slot.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

fn refused(error: iso8583::EncodeError) -> anyhow::Error {
    anyhow::anyhow!("a message of the load does not encode: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_decodes_and_differs_in_what_it_is_known_by() {
        let template = Template::authorization().unwrap();
        for n in [0, 1, CARDS - 1, 123_456_789] {
            let mut out = Vec::new();
            template.write(n, &mut out);
            assert_eq!(out.len(), 2 + 215);
            let message = decode(&ASCII_HEX, &out[2..]).unwrap();
            let text = |field| message.expose_field(field).unwrap().to_text().to_string();
            assert_eq!(text(11), format!("{:06}", n % 1_000_000));
            assert_eq!(text(37), format!("{n:012}"));
            let card = NewCard::nth(n % CARDS + 1, OPENING_MINOR).number;
            assert_eq!(text(2), card);
            assert!(text(35).starts_with(&card));
        }
    }
}
