//! Which characters a field may hold.

use std::fmt;

use crate::swar;

/// A content class of the standard, with its customary abbreviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    /// n: digits.
    Numeric,
    /// an: letters and digits.
    AlphaNumeric,
    /// anp: letters, digits and spaces.
    AlphaNumericSpace,
    /// ans: any printable ASCII character, or its EBCDIC counterpart.
    Text,
    /// z: what a magnetic stripe holds: digits and a separator, `=` or `D`.
    Track,
    /// x+n: C (credit) or D (debit), then digits.
    SignedNumeric,
    /// b: bytes. A message shows them as pairs of hex digits, whichever way they travel.
    Bytes,
}

impl Content {
    /// Where the first character stands that does not belong to this class.
    #[inline]
    pub(crate) fn first_foreign(self, ascii: &[u8]) -> Option<usize> {
        if self.holds_ascii(ascii) {
            return None;
        }
        self.search(&KINDS, ascii)
    }

    fn holds_ascii(self, ascii: &[u8]) -> bool {
        match self {
            Self::Numeric => swar::all_digits::<0x30>(ascii),
            Self::Text => swar::all_printable(ascii),
            Self::Track => swar::all_track(ascii),
            Self::AlphaNumeric | Self::AlphaNumericSpace | Self::Bytes => {
                swar::all_digits::<0x30>(ascii) || holds(&KINDS, self.kinds(), ascii)
            }
            Self::SignedNumeric => matches!(
                ascii.split_first(),
                Some((b'C' | b'D', digits)) if swar::all_digits::<0x30>(digits)
            ),
        }
    }

    /// The same where the characters are EBCDIC, `kinds` saying of each what it is.
    #[inline]
    pub(crate) fn first_foreign_ebcdic(
        self,
        kinds: &'static [u8; 256],
        ebcdic: &[u8],
    ) -> Option<usize> {
        if self.holds_ebcdic(kinds, ebcdic) {
            return None;
        }
        self.search(kinds, ebcdic)
    }

    fn holds_ebcdic(self, kinds: &'static [u8; 256], ebcdic: &[u8]) -> bool {
        match self {
            Self::Numeric => swar::all_digits::<0xF0>(ebcdic),
            Self::SignedNumeric => self.search(kinds, ebcdic).is_none() && !ebcdic.is_empty(),
            _ => holds(kinds, self.kinds(), ebcdic),
        }
    }

    /// Whether a character may stand at a place.
    #[inline]
    pub(crate) const fn allows(self, place: usize, ascii: u8) -> bool {
        let allowed = match self {
            Self::SignedNumeric if place == 0 => SIGN,
            _ => self.kinds(),
        };
        KINDS[ascii as usize] & allowed != 0
    }

    #[cold]
    fn search(self, kinds: &'static [u8; 256], bytes: &[u8]) -> Option<usize> {
        let foreign = |allowed| move |byte: &u8| kinds[usize::from(*byte)] & allowed == 0;
        if self != Self::SignedNumeric {
            return bytes.iter().position(foreign(self.kinds()));
        }
        let (sign, digits) = bytes.split_first()?;
        if foreign(SIGN)(sign) {
            return Some(0);
        }
        let digit = digits.iter().position(foreign(DIGIT));
        digit.map(|at| at + 1)
    }

    pub(crate) const fn kinds(self) -> u8 {
        match self {
            Self::Numeric | Self::SignedNumeric => DIGIT,
            Self::AlphaNumeric => DIGIT | LETTER,
            Self::AlphaNumericSpace => DIGIT | LETTER | SPACE,
            Self::Text => DIGIT | LETTER | SPACE | SPECIAL,
            Self::Track => DIGIT | SEPARATOR,
            Self::Bytes => DIGIT | HEX_LETTER,
        }
    }
}

#[inline]
fn holds(kinds: &'static [u8; 256], allowed: u8, bytes: &[u8]) -> bool {
    let mut foreign = false;
    for &byte in bytes {
        foreign |= kinds[usize::from(byte)] & allowed == 0;
    }
    !foreign
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Numeric => "digits (n)",
            Self::AlphaNumeric => "letters and digits (an)",
            Self::AlphaNumericSpace => "letters, digits and spaces (anp)",
            Self::Text => "printable ASCII (ans)",
            Self::Track => "digits, = and D (z)",
            Self::SignedNumeric => "C or D and digits (x+n)",
            Self::Bytes => "pairs of hex digits (b)",
        })
    }
}

/// For each ASCII character, the kinds of character it is. One look-up decides, whatever the class.
pub(crate) static KINDS: [u8; 256] = kinds();

const DIGIT: u8 = 1;
const LETTER: u8 = 2;
const SPACE: u8 = 4;
const SPECIAL: u8 = 8;
const HEX_LETTER: u8 = 16;
const SEPARATOR: u8 = 32;
const SIGN: u8 = 64;

const fn kinds() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte: u8 = 0x20;
    while byte < 0x7f {
        table[byte as usize] = match byte {
            b' ' => SPACE,
            b'0'..=b'9' => DIGIT,
            b'C' => LETTER | HEX_LETTER | SIGN,
            b'D' => LETTER | HEX_LETTER | SEPARATOR | SIGN,
            b'A'..=b'F' | b'a'..=b'f' => LETTER | HEX_LETTER,
            b'A'..=b'Z' | b'a'..=b'z' => LETTER,
            b'=' => SPECIAL | SEPARATOR,
            _ => SPECIAL,
        };
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::Content::*;

    #[test]
    fn every_class_names_its_first_foreign_character() {
        for (content, text, foreign) in [
            (Numeric, "0123456789", None),
            (Numeric, "12 4", Some(2)),
            (AlphaNumeric, "aZ09", None),
            (AlphaNumeric, "A B", Some(1)),
            (AlphaNumericSpace, " A B ", None),
            (AlphaNumericSpace, "A-B", Some(1)),
            (Text, "ACME & Söhne", Some(8)), // ASCII only
            (Text, " !~|=@", None),
            (Text, "a\tb", Some(1)),
            (Text, "\x7f", Some(0)),
            (Track, "4111=2912D1", None),
            (Track, "4111d2912", Some(4)),
            (SignedNumeric, "C00000000", None),
            (SignedNumeric, "D1x", Some(2)),
            (SignedNumeric, "X1", Some(0)),
            (Bytes, "09afAF", None),
            (Bytes, "0g", Some(1)),
        ] {
            let bytes = text.as_bytes();
            assert_eq!(
                content.first_foreign(bytes),
                foreign,
                "{content:?} {text:?}"
            );
        }
    }

    #[test]
    fn ebcdic_is_held_to_the_same_classes() {
        let page = crate::coding::CodePage::Cp500;
        for content in [
            Numeric,
            AlphaNumeric,
            AlphaNumericSpace,
            Text,
            Track,
            SignedNumeric,
            Bytes,
        ] {
            for byte in b' '..=b'~' {
                // Two characters, so that a sign has its digit.
                let ascii = [byte, b'1'];
                let ebcdic = ascii.map(|byte| page.byte_of(byte));
                assert_eq!(
                    content.first_foreign_ebcdic(page.kinds(), &ebcdic),
                    content.first_foreign(&ascii),
                    "{content:?} {}",
                    char::from(byte)
                );
            }
        }
    }
}
