//! How the characters of a field become bytes.

use crate::content::KINDS;

/// How characters travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// A byte per character. Field content of bytes travels as pairs of hex digits.
    Ascii,
    /// A byte per character of an EBCDIC code page. Content of bytes travels as pairs of hex
    /// digits.
    Ebcdic(CodePage),
    /// Two digits per byte, for digits and tracks. In a track the nibble D is the separator.
    Bcd(Pad),
    /// Bytes as they are, for content of bytes.
    Raw,
}

impl Coding {
    /// How many bytes `units` take: digits of BCD, bytes of raw content, characters otherwise.
    #[inline]
    pub(crate) const fn wire_length(self, units: usize) -> usize {
        match self {
            Self::Bcd(_) => units.div_ceil(2),
            _ => units,
        }
    }
}

/// What fills the half byte that an odd number of BCD digits leaves.
///
/// No standard says on which side: jPOS' golden file of ISO 8583:1987 fills on the right,
/// Wireshark skips the first nibble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pad {
    /// Where.
    pub side: Side,
    /// With what.
    pub nibble: PadNibble,
}

impl Pad {
    /// A zero before the first digit.
    pub const LEFT_ZERO: Self = Self {
        side: Side::Left,
        nibble: PadNibble::Zero,
    };
    /// A zero behind the last digit.
    pub const RIGHT_ZERO: Self = Self {
        side: Side::Right,
        nibble: PadNibble::Zero,
    };
}

/// The left or the right end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Before the first character.
    Left,
    /// Behind the last character.
    Right,
}

/// The nibble that fills a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PadNibble {
    /// 0.
    Zero,
    /// F.
    F,
}

impl PadNibble {
    /// Its value, 0 to 15.
    pub const fn value(self) -> u8 {
        match self {
            Self::Zero => 0x0,
            Self::F => 0xF,
        }
    }
}

/// An EBCDIC code page. The two differ in `[ ] ! ^ |` and agree on letters, digits and the rest of
/// ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodePage {
    /// International, number 500.
    Cp500,
    /// United States and Canada, number 37.
    Cp037,
}

impl CodePage {
    /// The byte of a printable ASCII character; 0 for what is none.
    #[inline]
    pub(crate) fn byte_of(self, ascii: u8) -> u8 {
        match self {
            Self::Cp500 => CP500.from_ascii[usize::from(ascii)],
            Self::Cp037 => CP037.from_ascii[usize::from(ascii)],
        }
    }

    /// The printable ASCII character of a byte; 0 where there is none.
    #[inline]
    pub(crate) fn ascii_of(self, byte: u8) -> u8 {
        match self {
            Self::Cp500 => CP500.to_ascii[usize::from(byte)],
            Self::Cp037 => CP037.to_ascii[usize::from(byte)],
        }
    }

    /// Of each byte, the kinds of character it is.
    #[inline]
    pub(crate) fn kinds(self) -> &'static [u8; 256] {
        match self {
            Self::Cp500 => &CP500.kinds,
            Self::Cp037 => &CP037.kinds,
        }
    }
}

struct Tables {
    from_ascii: [u8; 256],
    to_ascii: [u8; 256],
    kinds: [u8; 256],
}

static CP500: Tables = Tables::new(INVARIANT, [0x4F, 0x4A, 0x5A, 0x5F, 0xBB]);
static CP037: Tables = Tables::new(INVARIANT, [0x5A, 0xBA, 0xBB, 0xB0, 0x4F]);

/// In ASCII, the characters that the pages place differently.
const VARIANT: [u8; 5] = *b"![]^|";

/// The bytes of 0x20 to 0x7E that are the same in both pages; 0 where they are not.
const INVARIANT: [u8; 95] = [
    0x40, 0x00, 0x7F, 0x7B, 0x5B, 0x6C, 0x50, 0x7D, 0x4D, 0x5D, 0x5C, 0x4E, 0x6B, 0x60, 0x4B, 0x61,
    0xF0, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0x7A, 0x5E, 0x4C, 0x7E, 0x6E, 0x6F,
    0x7C, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6,
    0xD7, 0xD8, 0xD9, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0x00, 0xE0, 0x00, 0x00, 0x6D,
    0x79, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xC0, 0x00, 0xD0, 0xA1,
];

impl Tables {
    const fn new(invariant: [u8; 95], variant: [u8; 5]) -> Self {
        let mut from_ascii = [0; 256];
        let mut at = 0;
        while at < invariant.len() {
            from_ascii[at + 0x20] = invariant[at];
            at += 1;
        }
        at = 0;
        while at < variant.len() {
            from_ascii[VARIANT[at] as usize] = variant[at];
            at += 1;
        }
        let (mut to_ascii, mut kinds) = ([0; 256], [0; 256]);
        let mut ascii: u8 = 0x20;
        while ascii < 0x7F {
            let byte = from_ascii[ascii as usize] as usize;
            to_ascii[byte] = ascii;
            kinds[byte] = KINDS[ascii as usize];
            ascii += 1;
        }
        Self {
            from_ascii,
            to_ascii,
            kinds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_printable_character_goes_to_ebcdic_and_back() {
        for page in [CodePage::Cp500, CodePage::Cp037] {
            for ascii in b' '..=b'~' {
                let byte = page.byte_of(ascii);
                assert!(byte >= 0x40, "{}", char::from(ascii));
                assert_eq!(page.ascii_of(byte), ascii);
            }
            let known = (0..=u8::MAX).filter(|&byte| page.ascii_of(byte) != 0);
            assert_eq!(known.count(), 95);
        }
    }

    #[test]
    fn the_pages_differ_where_they_are_known_to() {
        let differs =
            |&ascii: &u8| CodePage::Cp500.byte_of(ascii) != CodePage::Cp037.byte_of(ascii);
        let found: Vec<u8> = (b' '..=b'~').filter(differs).collect();
        assert_eq!(found, b"![]^|");
        let text = b"AZ09 .".map(|ascii| CodePage::Cp500.byte_of(ascii));
        assert_eq!(text, [0xC1, 0xE9, 0xF0, 0xF9, 0x40, 0x4B]);
    }
}
