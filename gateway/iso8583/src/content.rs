//! Which characters a field may hold.

use std::fmt;

/// A content class of the standard, with its customary abbreviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// n: digits.
    Numeric,
    /// an: letters and digits.
    AlphaNumeric,
    /// anp: letters, digits and spaces.
    AlphaNumericSpace,
    /// ans: any printable ASCII character.
    Text,
    /// z: what a magnetic stripe holds: digits and a separator, `=` or `D`.
    Track,
    /// x+n: C (credit) or D (debit), then digits.
    SignedNumeric,
    /// b: bytes, here as pairs of hex digits of either case.
    Hex,
}

impl Content {
    /// Where the first character stands that does not belong to this class.
    pub(crate) fn first_foreign(self, bytes: &[u8]) -> Option<usize> {
        let allowed = match self {
            Self::Numeric => DIGIT,
            Self::AlphaNumeric => DIGIT | LETTER,
            Self::AlphaNumericSpace => DIGIT | LETTER | SPACE,
            Self::Text => DIGIT | LETTER | SPACE | SPECIAL,
            Self::Track => DIGIT | SEPARATOR,
            Self::Hex => DIGIT | HEX_LETTER,
            Self::SignedNumeric => {
                let (sign, digits) = bytes.split_first()?;
                if !matches!(sign, b'C' | b'D') {
                    return Some(0);
                }
                return Self::Numeric.first_foreign(digits).map(|at| at + 1);
            }
        };
        bytes
            .iter()
            .position(|&byte| KINDS[usize::from(byte)] & allowed == 0)
    }
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
            Self::Hex => "pairs of hex digits (b)",
        })
    }
}

/// For each byte, the kinds of character it is. One look-up decides, whatever the class.
static KINDS: [u8; 256] = kinds();

const DIGIT: u8 = 1;
const LETTER: u8 = 2;
const SPACE: u8 = 4;
const SPECIAL: u8 = 8;
const HEX_LETTER: u8 = 16;
const SEPARATOR: u8 = 32;

const fn kinds() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte: u8 = 0x20;
    while byte < 0x7f {
        table[byte as usize] = match byte {
            b' ' => SPACE,
            b'0'..=b'9' => DIGIT,
            b'D' => LETTER | HEX_LETTER | SEPARATOR,
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
            (Hex, "09afAF", None),
            (Hex, "0g", Some(1)),
        ] {
            assert_eq!(
                content.first_foreign(text.as_bytes()),
                foreign,
                "{content:?} {text:?}"
            );
        }
    }
}
