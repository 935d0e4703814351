//! The length in front of a field.

use crate::coding::CodePage;

/// How the length in front of a field travels, and what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// How it travels.
    pub coding: PrefixCoding,
    /// Its size: decimal digits, or bytes where it is binary. 1 to 4 digits, 1 or 2 bytes.
    pub size: u8,
    /// What it counts.
    pub counts: Counts,
}

/// How a length travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrefixCoding {
    /// ASCII digits.
    Ascii,
    /// EBCDIC digits.
    Ebcdic,
    /// Two digits a byte, a zero in front of an odd number of digits.
    Bcd,
    /// A number, the most significant byte first.
    Binary,
}

/// What a length counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counts {
    /// What the field consists of as it travels: characters, digits (also BCD), hex digits, or
    /// bytes where its coding is raw.
    Units,
    /// Bytes: two digits each of BCD, and two hex digits each of content that travels in hex.
    Bytes,
}

impl Prefix {
    /// A length in decimal digits that counts what the field consists of.
    pub const fn new(coding: PrefixCoding, size: u8) -> Self {
        let counts = Counts::Units;
        Self {
            coding,
            size,
            counts,
        }
    }

    /// How many bytes it takes.
    #[inline]
    pub const fn wire_length(self) -> usize {
        match self.coding {
            PrefixCoding::Bcd => self.size.div_ceil(2) as usize,
            _ => self.size as usize,
        }
    }

    /// The largest number that it can say.
    pub const fn largest(self) -> usize {
        match self.coding {
            PrefixCoding::Binary => 256_usize.pow(self.size as u32) - 1,
            _ => 10_usize.pow(self.size as u32) - 1,
        }
    }

    /// Whether `size` is one of those that its coding can have.
    pub const fn is_sound(self) -> bool {
        match self.coding {
            PrefixCoding::Binary => matches!(self.size, 1 | 2),
            _ => matches!(self.size, 1..=4),
        }
    }

    /// The number that its bytes say; where the first byte stands that says none, if they do not.
    #[inline]
    pub(crate) fn read(self, bytes: &[u8]) -> Result<usize, usize> {
        match self.coding {
            PrefixCoding::Ascii => digits::<0x30>(bytes),
            PrefixCoding::Ebcdic => digits::<0xF0>(bytes),
            PrefixCoding::Bcd => packed_digits(bytes, self.largest()),
            PrefixCoding::Binary => Ok(bytes
                .iter()
                .fold(0, |value, &byte| value << 8 | usize::from(byte))),
        }
    }

    /// Writes a number that is at most [`Prefix::largest`] into as many bytes as it takes.
    #[inline]
    pub(crate) fn write(self, mut value: usize, out: &mut [u8]) {
        for byte in out.iter_mut().rev() {
            let base = match self.coding {
                PrefixCoding::Ascii | PrefixCoding::Ebcdic => 10,
                PrefixCoding::Bcd => 100,
                PrefixCoding::Binary => 256,
            };
            let low = (value % base) as u8;
            value /= base;
            *byte = match self.coding {
                PrefixCoding::Ascii => b'0' + low,
                PrefixCoding::Ebcdic => CodePage::Cp500.byte_of(b'0' + low),
                PrefixCoding::Bcd => ((low / 10) << 4) | (low % 10),
                PrefixCoding::Binary => low,
            };
        }
    }
}

#[inline]
fn digits<const ZONE: u8>(bytes: &[u8]) -> Result<usize, usize> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let digit = byte.wrapping_sub(ZONE);
        if digit > 9 {
            return Err(at);
        }
        value = value * 10 + usize::from(digit);
    }
    Ok(value)
}

#[inline]
fn packed_digits(bytes: &[u8], largest: usize) -> Result<usize, usize> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let (high, low) = (byte >> 4, byte & 0x0F);
        if high > 9 || low > 9 {
            return Err(at);
        }
        value = value * 100 + usize::from(high * 10 + low);
    }
    // An odd number of digits has a zero in front.
    if value > largest { Err(0) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::PrefixCoding::*;
    use super::*;

    #[test]
    fn lengths_are_written_and_read_back() {
        for (coding, size, value, bytes) in [
            (Ascii, 2, 7, &b"07"[..]),
            (Ascii, 3, 120, b"120"),
            (Ascii, 4, 1_024, b"1024"),
            (Ebcdic, 2, 16, b"\xF1\xF6"),
            (Ebcdic, 3, 999, b"\xF9\xF9\xF9"),
            (Bcd, 2, 37, b"\x37"),
            (Bcd, 3, 255, b"\x02\x55"),
            (Bcd, 1, 9, b"\x09"),
            (Binary, 1, 255, b"\xFF"),
            (Binary, 2, 258, b"\x01\x02"),
        ] {
            let prefix = Prefix::new(coding, size);
            assert!(prefix.is_sound());
            let mut out = vec![0xEE; prefix.wire_length()];
            prefix.write(value, &mut out);
            assert_eq!(out, bytes, "{coding:?} {size}");
            assert_eq!(prefix.read(bytes), Ok(value), "{coding:?} {size}");
        }
    }

    #[test]
    fn what_is_no_number_is_pointed_at() {
        for (coding, size, bytes, at) in [
            (Ascii, 2, &b"1x"[..], 1),
            (Ascii, 2, b"+1", 0),
            (Ebcdic, 2, b"\xF112", 1),
            (Bcd, 2, b"\x3A", 0),
            (Bcd, 3, b"\x12\x55", 0), // four digits where three were agreed
        ] {
            assert_eq!(Prefix::new(coding, size).read(bytes), Err(at), "{bytes:?}");
        }
    }

    #[test]
    fn only_customary_sizes_are_sound() {
        for (coding, size) in [(Ascii, 0), (Ascii, 5), (Binary, 0), (Binary, 3), (Bcd, 9)] {
            assert!(!Prefix::new(coding, size).is_sound(), "{coding:?} {size}");
        }
    }
}
