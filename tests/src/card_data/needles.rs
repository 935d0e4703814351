//! How a secret could be written, and the search for all of it at once.

use std::collections::{BTreeSet, HashMap};

/// In which form a secret lies somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// The characters themselves.
    Ascii,
    /// The characters on a mainframe.
    Ebcdic,
    /// Two digits in a byte, whichever side is padded; a PIN block as its eight bytes.
    Packed,
    /// Hex digits of any of them, upper or lower case.
    Hex,
    /// The bytes of any of them as decimal numbers in a row, as `Debug` writes a slice.
    Decimal,
    /// Base64 of any of them, wherever a group of three bytes begins, in both alphabets.
    Base64,
}

impl Form {
    /// Every form.
    pub const ALL: &[Self] = &[
        Self::Ascii,
        Self::Ebcdic,
        Self::Packed,
        Self::Hex,
        Self::Decimal,
        Self::Base64,
    ];
}

/// Below this, what is found would be chance.
const SHORTEST: usize = 6;
/// The same for base64, whose characters are fewer.
const SHORTEST_BASE64: usize = 7;
/// The first bytes of a needle, by which it is looked up.
type Head = [u8; SHORTEST];

/// Everything that is looked for.
pub struct Needles {
    /// By their heads: the rest, the form, and the number of the secret.
    heads: HashMap<Head, Vec<(Vec<u8>, Form, usize)>>,
    /// Which four bytes a needle begins with; most places are passed over by looking here.
    sieve: Vec<u64>,
}

const SIEVE_BITS: u32 = 20;

/// What was found: in which form, which secret, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// In which form.
    pub form: Form,
    /// Whose: the number that was given with it.
    pub secret: usize,
    /// In bytes from the start.
    pub offset: usize,
}

impl Default for Needles {
    /// Nothing is looked for yet.
    fn default() -> Self {
        Self {
            heads: HashMap::new(),
            sieve: vec![0; 1 << (SIEVE_BITS - 6)],
        }
    }
}

impl Needles {
    /// Looks for these digits: a piece of at least twelve, in every form.
    pub fn add_digits(&mut self, secret: usize, digits: &str) {
        let ascii = digits.as_bytes();
        let ebcdic: Vec<u8> = ascii.iter().map(|digit| digit | 0xF0).collect();
        for (form, bytes) in [(Form::Ascii, ascii), (Form::Ebcdic, &*ebcdic)] {
            self.add(form, secret, bytes);
            self.add_written(secret, bytes);
        }
        // The pad is on either side and may be any half byte: the whole bytes beside it are enough.
        for aligned in [digits, digits.get(1..).unwrap_or_default()] {
            let packed = packed(aligned);
            if packed.len() * 2 + 1 >= digits.len() {
                self.add(Form::Packed, secret, &packed);
                // Its hex digits are the digits themselves.
                self.add_listed(secret, &packed);
            }
        }
    }

    /// Looks for these characters as they are: for a piece of something longer.
    pub fn add_text(&mut self, secret: usize, text: &str) {
        self.add(Form::Ascii, secret, text.as_bytes());
    }

    /// Looks for these bytes, and for their hex digits, in every form.
    pub fn add_bytes(&mut self, secret: usize, bytes: &[u8]) {
        self.add(Form::Packed, secret, bytes);
        self.add_written(secret, bytes);
        for hex in [hex(bytes, false), hex(bytes, true)] {
            self.add_written(secret, hex.as_bytes());
            let ebcdic: Vec<u8> = hex.bytes().map(to_ebcdic).collect();
            self.add(Form::Ebcdic, secret, &ebcdic);
        }
    }

    fn add_written(&mut self, secret: usize, bytes: &[u8]) {
        self.add(Form::Hex, secret, hex(bytes, false).as_bytes());
        self.add(Form::Hex, secret, hex(bytes, true).as_bytes());
        self.add_listed(secret, bytes);
    }

    fn add_listed(&mut self, secret: usize, bytes: &[u8]) {
        for between in [", ", ","] {
            let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
            self.add(Form::Decimal, secret, numbers.join(between).as_bytes());
        }
        for place in 0..3 {
            let text = base64_inside(bytes, place);
            if text.len() >= SHORTEST_BASE64 {
                let other = text.replace('+', "-").replace('/', "_");
                self.add(Form::Base64, secret, text.as_bytes());
                self.add(Form::Base64, secret, other.as_bytes());
            }
        }
    }

    fn add(&mut self, form: Form, secret: usize, needle: &[u8]) {
        let Some((head, rest)) = needle.split_first_chunk::<SHORTEST>() else {
            return;
        };
        let (word, bit) = sieve_place(head[0], head[1], head[2], head[3]);
        self.sieve[word] |= bit;
        let same_head = self.heads.entry(*head).or_default();
        let needle = (rest.to_vec(), form, secret);
        if !same_head.contains(&needle) {
            same_head.push(needle);
        }
    }

    /// Everything that is there.
    pub fn search(&self, bytes: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut offset = 0;
        while offset + SHORTEST <= bytes.len() {
            let here = &bytes[offset..];
            // Files that were made larger than what is in them: nothing begins with so many zeros.
            if here[0] == 0 && here.starts_with(&[0; 64]) {
                offset += here.iter().take_while(|byte| **byte == 0).count() - SHORTEST;
                continue;
            }
            let (word, bit) = sieve_place(here[0], here[1], here[2], here[3]);
            if self.sieve[word] & bit != 0 {
                self.look_up(here, offset, &mut found);
            }
            offset += 1;
        }
        found
    }

    fn look_up(&self, here: &[u8], offset: usize, found: &mut Vec<Found>) {
        let Some((head, after)) = here.split_first_chunk::<SHORTEST>() else {
            return;
        };
        for (rest, form, secret) in self.heads.get(head).into_iter().flatten() {
            if after.starts_with(rest) {
                found.push(Found {
                    form: *form,
                    secret: *secret,
                    offset,
                });
            }
        }
    }
}

fn sieve_place(first: u8, second: u8, third: u8, fourth: u8) -> (usize, u64) {
    let four = u32::from_le_bytes([first, second, third, fourth]);
    let mixed = four.wrapping_mul(0x9E37_79B1) >> (32 - SIEVE_BITS);
    (mixed as usize >> 6, 1 << (mixed & 63))
}

/// Pairs of digits as bytes; half a pair at the end is left out.
pub(super) fn packed(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| (pair[0] & 15) << 4 | pair[1] & 15)
        .collect()
}

pub(super) fn hex(bytes: &[u8], upper: bool) -> String {
    let digit = |byte: &u8| {
        if upper {
            format!("{byte:02X}")
        } else {
            format!("{byte:02x}")
        }
    };
    bytes.iter().map(digit).collect()
}

/// A digit or a letter up to `I` or `i` in code page 500.
fn to_ebcdic(character: u8) -> u8 {
    match character {
        b'0'..=b'9' => character | 0xF0,
        b'A'..=b'I' => 0xC1 + (character - b'A'),
        _ => 0x81 + character.wrapping_sub(b'a'),
    }
}

/// The characters that base64 writes for these bytes alone when so many other bytes stand before
/// them in their group of three.
fn base64_inside(bytes: &[u8], before: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (begin, end) = (before * 8, (before + bytes.len()) * 8);
    let bit = |at: usize| {
        let byte = bytes.get((at - begin) / 8).copied().unwrap_or_default();
        usize::from(byte >> (7 - at % 8) & 1)
    };
    let whole = begin.div_ceil(6)..end / 6;
    let value = |place: usize| (place * 6..place * 6 + 6).fold(0, |v, at| v << 1 | bit(at));
    whole
        .map(|place| char::from(ALPHABET[value(place)]))
        .collect()
}

/// The forms among what was found.
pub fn forms(found: &[Found]) -> BTreeSet<Form> {
    found.iter().map(|found| found.form).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "5412750123456789012";
    const PIN: [u8; 8] = [0xA1, 0x02, 0xFF, 0x00, 0x9C, 0xD4, 0x3E, 0x7B];

    fn needles() -> Needles {
        let mut needles = Needles::default();
        needles.add_digits(7, DIGITS);
        needles.add_bytes(8, &PIN);
        needles
    }

    /// Written by hand or by another program, not by what makes the needles.
    #[test]
    fn every_way_to_write_a_card_number_is_found_i15() {
        for (form, written) in [
            (Form::Ascii, b"card 5412750123456789012.".to_vec()),
            (
                Form::Ascii,
                b"5412750123456789012=30122011234567890".to_vec(),
            ),
            (
                Form::Ebcdic,
                b"\xF5\xF4\xF1\xF2\xF7\xF5\xF0\xF1\xF2\xF3\xF4\xF5\xF6\xF7\xF8\xF9\xF0\xF1\xF2"
                    .to_vec(),
            ),
            (
                Form::Packed,
                b"\x05\x41\x27\x50\x12\x34\x56\x78\x90\x12".to_vec(),
            ),
            (
                Form::Packed,
                b"\x54\x12\x75\x01\x23\x45\x67\x89\x01\x2F".to_vec(),
            ),
            (
                Form::Hex,
                b"35343132373530313233343536373839303132".to_vec(),
            ),
            (
                Form::Hex,
                b"F5F4F1F2F7F5F0F1F2F3F4F5F6F7F8F9F0F1F2".to_vec(),
            ),
            (
                Form::Hex,
                b"f5f4f1f2f7f5f0f1f2f3f4f5f6f7f8f9f0f1f2".to_vec(),
            ),
            // The digits of packed ones are the digits.
            (Form::Ascii, b"5412750123456789012f".to_vec()),
            (
                Form::Decimal,
                b"[53, 52, 49, 50, 55, 53, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 48, 49, 50]"
                    .to_vec(),
            ),
            (Form::Decimal, b"[84,18,117,1,35,69,103,137,1,47]".to_vec()),
            (Form::Base64, b"NTQxMjc1MDEyMzQ1Njc4OTAxMg==".to_vec()),
            (Form::Base64, b"IDU0MTI3NTAxMjM0NTY3ODkwMTI=".to_vec()),
            (Form::Base64, b"ICA1NDEyNzUwMTIzNDU2Nzg5MDEy".to_vec()),
            (Form::Base64, b"VBJ1ASNFZ4kBLw==".to_vec()),
            (Form::Base64, b"BUEnUBI0VniQEg==".to_vec()),
        ] {
            let text = String::from_utf8_lossy(&written).into_owned();
            let found = needles().search(&written);
            assert!(forms(&found).contains(&form), "{text}: {found:?}");
            assert!(found.iter().all(|found| found.secret == 7), "{text}");
            for (before, after) in [(0, 0), (1, 3), (200, 200)] {
                let noise = |length| (0..length).map(|n: u8| n.wrapping_mul(31));
                let hidden: Vec<u8> = noise(before)
                    .chain(written.clone())
                    .chain(noise(after))
                    .collect();
                assert_eq!(needles().search(&hidden).len(), found.len(), "{text}");
                let zeros = [&[0; 300][..], &written, &[0; 300]].concat();
                assert_eq!(needles().search(&zeros).len(), found.len(), "{text}");
            }
        }
    }

    #[test]
    fn every_way_to_write_a_pin_block_is_found_i15() {
        for (form, written) in [
            (Form::Packed, PIN.to_vec()),
            (Form::Hex, b"A102FF009CD43E7B".to_vec()),
            (Form::Hex, b"a102ff009cd43e7b".to_vec()),
            (Form::Hex, b"41313032464630303943443433453742".to_vec()),
            (
                Form::Ebcdic,
                b"\xC1\xF1\xF0\xF2\xC6\xC6\xF0\xF0\xF9\xC3\xC4\xF4\xF3\xC5\xF7\xC2".to_vec(),
            ),
            (
                Form::Decimal,
                b"[161, 2, 255, 0, 156, 212, 62, 123]".to_vec(),
            ),
            (Form::Base64, b"oQL/AJzUPns=".to_vec()),
            (Form::Base64, b"oQL_AJzUPns=".to_vec()),
            (Form::Base64, b"QTEwMkZGMDA5Q0Q0M0U3Qg==".to_vec()),
        ] {
            let text = String::from_utf8_lossy(&written).into_owned();
            let found = needles().search(&written);
            assert!(forms(&found).contains(&form), "{text}: {found:?}");
            assert!(found.iter().all(|found| found.secret == 8), "{text}");
        }
    }

    #[test]
    fn what_may_be_shown_is_not_found() {
        for text in ["541275*********9012", "5412750123456", "345678901", ""] {
            let mut needles = Needles::default();
            needles.add_digits(1, "541275012345678901");
            assert_eq!(needles.search(text.as_bytes()), [], "{text}");
        }
    }
}
