//! Cards with everything that must never be written down.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::needles::{Needles, hex, packed};
use crate::payment::NewCard;

/// Expiry and service code, as on every stripe here.
const ON_THE_STRIPE: &str = "3012201";

/// A card and what a terminal reads of it.
#[derive(Clone)]
pub struct Secrets {
    /// 12 to 19 digits, valid by Luhn.
    pub number: String,
    /// What the issuer wrote on the stripe behind expiry and service code.
    pub discretionary: String,
    /// An encrypted PIN.
    pub pin_block: [u8; 8],
    /// Something as long as a card number, for private fields that carry verification values.
    pub private: String,
}

impl Secrets {
    /// So many cards; the same for the same seed. All lengths of card numbers occur.
    pub fn many(seed: u64, count: usize) -> Vec<Self> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        (0..count)
            .map(|n| Self {
                number: number(&mut random, 12 + n % 8),
                discretionary: digits(&mut random, 10),
                pin_block: random.random(),
                private: digits(&mut random, 16),
            })
            .collect()
    }

    /// DE35.
    pub fn track2(&self) -> String {
        format!("{}={ON_THE_STRIPE}{}", self.number, self.discretionary)
    }

    /// DE45.
    pub fn track1(&self) -> String {
        let Self {
            number,
            discretionary,
            ..
        } = self;
        format!("B{number}^CARDHOLDER/A^{ON_THE_STRIPE}{discretionary}")
    }

    /// DE36.
    pub fn track3(&self) -> String {
        format!("01{}={}={}", self.number, self.private, self.discretionary)
    }

    /// DE52.
    pub fn pin_hex(&self) -> String {
        hex(&self.pin_block, true)
    }

    /// DE55: track 2 in 57 and 9F6B, the number in 5A, a cryptogram.
    pub fn chip_data(&self) -> String {
        let even = |text: String| {
            let odd = text.len() % 2 == 1;
            if odd { text + "F" } else { text }
        };
        let track = even(self.track2().replace('=', "D"));
        let number = even(self.number.clone());
        let element = |tag: &str, value: &str| format!("{tag}{:02X}{value}", value.len() / 2);
        [
            element("57", &track),
            element("5A", &number),
            element("9F6B", &track),
            element("9F26", "0102030405060708"),
        ]
        .concat()
    }

    /// The card as the ledger knows it, in an account of its own.
    pub fn issued(&self, account: u64) -> NewCard {
        NewCard {
            number: self.number.clone(),
            ..NewCard::nth(account, 1_000_000)
        }
    }

    /// Looks for all of it.
    fn put_into(&self, needles: &mut Needles, secret: usize) {
        needles.add_digits(secret, &self.number);
        // More than may be shown of it, from either end.
        for piece in [
            self.number.get(..12),
            self.number.get(self.number.len() - 12..),
        ] {
            needles.add_text(secret, piece.unwrap_or_default());
        }
        needles.add_digits(secret, &self.private);
        needles.add_digits(secret, &format!("{ON_THE_STRIPE}{}", self.discretionary));
        needles.add_bytes(secret, &self.pin_block);
    }

    /// One line with each secret in each form, by ways of its own where there are any: what a leak
    /// would look like.
    pub fn leaked(&self) -> Vec<u8> {
        let ebcdic: Vec<u8> = self.number.bytes().map(|digit| digit + 0xC0).collect();
        let parts: [Vec<u8>; 8] = [
            self.track2().into(),
            ebcdic.clone(),
            packed(&self.number),
            hex(&ebcdic, false).into(),
            format!("{:?}", self.number.as_bytes()).into(),
            format!("{:?}", self.pin_block).into(),
            self.pin_hex().into(),
            base64(&self.track1()).into(),
        ];
        parts.join(&b" "[..])
    }
}

/// Everything that must not be found, by the place of its card.
pub fn needles(cards: &[Secrets]) -> Needles {
    let mut needles = Needles::default();
    for (place, card) in cards.iter().enumerate() {
        card.put_into(&mut needles, place);
    }
    needles
}

fn digits(random: &mut ChaCha8Rng, length: usize) -> String {
    (0..length)
        .map(|_| char::from(random.random_range(b'0'..=b'9')))
        .collect()
}

/// A number that begins as card numbers do, with its check digit.
fn number(random: &mut ChaCha8Rng, length: usize) -> String {
    let first = char::from(random.random_range(b'3'..=b'6'));
    let body = format!("{first}{}", digits(random, length - 2));
    format!("{body}{}", check_digit(&body))
}

/// By ISO/IEC 7812-1, for the digits before it.
pub(super) fn check_digit(body: &str) -> u32 {
    let doubled = |(place, digit): (usize, u8)| {
        let digit = u32::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
        digit / 10 + digit % 10
    };
    let sum: u32 = body.bytes().rev().enumerate().map(doubled).sum();
    (10 - sum % 10) % 10
}

/// Plain text in base64.
fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in text.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..=group.len() {
            let value = bits >> (18 - 6 * place) & 63;
            out.push(char::from(ALPHABET[value as usize]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use iso8583::{Pan, Track2};

    use super::*;
    use crate::card_data::needles::{Form, forms};

    #[test]
    fn the_cards_are_valid_and_of_every_length() {
        let cards = Secrets::many(1, 64);
        let lengths: BTreeSet<_> = cards.iter().map(|card| card.number.len()).collect();
        assert_eq!(lengths, (12..=19).collect());
        for card in &cards {
            assert!(Pan::parse(&card.number).unwrap().luhn_valid());
            assert_eq!(
                Track2::parse(&card.track2()).unwrap().pan().expose_digits(),
                card.number
            );
        }
        assert_eq!(base64("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw");
    }

    #[test]
    fn what_leaks_of_a_card_is_found_in_every_form_and_what_leaks_of_no_other() {
        let cards = Secrets::many(2, 8);
        for (place, card) in cards.iter().enumerate() {
            let found = needles(&cards).search(&card.leaked());
            assert_eq!(forms(&found), Form::ALL.iter().copied().collect());
            assert!(found.iter().all(|found| found.secret == place));
            let chip = needles(&cards).search(card.chip_data().as_bytes());
            assert!(chip.len() >= 5, "the number three times, the stripe twice");
        }
        assert_eq!(needles(&cards).search(&Secrets::many(3, 8)[0].leaked()), []);
    }
}
