//! Checks of eight bytes at a time.
//!
//! A word is eight bytes of a field, in any order: every check here asks the same of each byte, so
//! neither byte order nor an overlap of two words matters.

const fn splat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

const ONES: u64 = splat(0x01);
const LOW_NIBBLES: u64 = splat(0x0F);
const HIGH_NIBBLES: u64 = splat(0xF0);
const HIGH_BITS: u64 = splat(0x80);

/// Whether all bytes are digits, where a digit is `zone` and a nibble from 0 to 9: 0x30 in ASCII,
/// 0xF0 in EBCDIC.
#[inline]
pub(crate) fn all_digits<const ZONE: u8>(bytes: &[u8]) -> bool {
    all(bytes, |word| {
        let zone = (word ^ splat(ZONE)) & HIGH_NIBBLES;
        zone | (above_nine(word) & LOW_NIBBLES) == 0
    })
}

/// Whether the first bytes of a window are ASCII digits; None if they are more than the window or
/// none at all.
#[inline(always)]
pub(crate) fn first_are_digits(window: &[u8; 8], count: usize) -> Option<bool> {
    if !(1..=8).contains(&count) {
        return None;
    }
    let word = u64::from_le_bytes(*window);
    let other = (word ^ splat(0x30)) & HIGH_NIBBLES | (above_nine(word) & LOW_NIBBLES);
    // The first byte is the lowest: what stands behind is pushed out.
    Some(other << (64 - 8 * count) == 0)
}

/// Whether all bytes are two digits each, four bits a digit.
#[inline]
pub(crate) fn all_packed_digits(bytes: &[u8]) -> bool {
    all(bytes, |word| above_nine(word) == 0)
}

/// Whether all bytes are printable ASCII, 0x20 to 0x7E.
#[inline]
pub(crate) fn all_printable(bytes: &[u8]) -> bool {
    all(bytes, |word| {
        // No byte carries into its neighbour as long as all are below 0x80, and one that is not
        // fails by itself.
        let from_space = word.wrapping_add(splat(0x60));
        let to_delete = word.wrapping_add(ONES);
        (word | to_delete | !from_space) & HIGH_BITS == 0
    })
}

/// Whether all bytes are ASCII digits, `=` or `D`.
#[inline]
pub(crate) fn all_track(bytes: &[u8]) -> bool {
    all(bytes, |word| {
        let zone = word ^ splat(0x30);
        let other = not_zero(zone & HIGH_NIBBLES) | (above_nine(word) & LOW_NIBBLES) << 7;
        other & not_zero(word ^ splat(b'=')) & not_zero(word ^ splat(b'D')) == 0
    })
}

/// The highest bit of every byte that is not zero.
#[inline]
const fn not_zero(word: u64) -> u64 {
    (((word & !HIGH_BITS) + !HIGH_BITS) | word) & HIGH_BITS
}

/// A bit in every nibble that is more than 9: bit 8 is set and bit 4 or 2.
#[inline]
const fn above_nine(word: u64) -> u64 {
    (word >> 3) & ((word >> 2) | (word >> 1)) & splat(0x11)
}

#[inline(always)]
fn all(bytes: &[u8], holds: impl Fn(u64) -> bool) -> bool {
    if let Some(last) = bytes.last_chunk() {
        let words = bytes.as_chunks::<8>().0;
        return words.iter().all(|word| holds(u64::from_ne_bytes(*word)))
            && holds(u64::from_ne_bytes(*last));
    }
    if let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (head, tail) = (u32::from_ne_bytes(*head), u32::from_ne_bytes(*tail));
        return holds(u64::from(head) | u64::from(tail) << 32);
    }
    match *bytes {
        [] => true,
        [a] => holds(splat(a)),
        [a, b] => holds(u64::from_ne_bytes([a, b, a, b, a, b, a, b])),
        [a, b, c, ..] => holds(u64::from_ne_bytes([a, b, c, c, a, b, c, c])),
    }
}

/// The value of 16 hex digits of either case.
#[inline(always)]
pub(crate) fn hex_word(digits: &[u8; 16]) -> Option<u64> {
    let [high, low] = digits.as_chunks::<8>().0 else {
        return None;
    };
    let (high, low) = (u64::from_be_bytes(*high), u64::from_be_bytes(*low));
    let hex = all_hex(high) && all_hex(low);
    hex.then_some(hex_half(high) << 32 | hex_half(low))
}

/// Whether eight bytes are hex digits of either case.
#[inline(always)]
const fn all_hex(word: u64) -> bool {
    let nibbles = word & LOW_NIBBLES;
    let other_than_digit =
        not_zero((word ^ splat(0x30)) & HIGH_NIBBLES) | (above_nine(word) & LOW_NIBBLES) << 7;
    // A to F are 0x41 to 0x46, and 0x20 more in lower case: adding 9 makes 10 to 15 of the nibble.
    let other_than_letter = not_zero((word & !splat(0x20) ^ splat(0x40)) & HIGH_NIBBLES)
        | ((nibbles + splat(9)) & splat(0x10)) << 3
        | !not_zero(nibbles);
    other_than_digit & other_than_letter & HIGH_BITS == 0
}

/// The value of eight hex digits, the first the most significant.
#[inline(always)]
const fn hex_half(word: u64) -> u64 {
    let letters = (word >> 6) & ONES;
    let nibbles = (word & LOW_NIBBLES) + letters * 9;
    let bytes = (nibbles | nibbles >> 4) & 0x00FF_00FF_00FF_00FF;
    let pairs = (bytes | bytes >> 8) & 0x0000_FFFF_0000_FFFF;
    (pairs | pairs >> 16) & 0xFFFF_FFFF
}

/// The value of one hex digit of either case.
#[inline]
pub(crate) const fn hex_value(digit: u8) -> Option<u8> {
    match HEX_VALUES[digit as usize] {
        NOT_HEX => None,
        value => Some(value),
    }
}

/// The hex digit of the four lowest bits, in upper case.
#[inline]
pub(crate) const fn hex_digit(value: u8) -> u8 {
    HEX_DIGITS[(value & 0x0F) as usize]
}

const HEX_DIGITS: [u8; 16] = *b"0123456789ABCDEF";
const NOT_HEX: u8 = 0x80;
static HEX_VALUES: [u8; 256] = hex_values();

const fn hex_values() -> [u8; 256] {
    let mut values = [NOT_HEX; 256];
    let mut value = 0;
    while value < 16 {
        let digit = HEX_DIGITS[value];
        values[digit as usize] = value as u8;
        values[digit.to_ascii_lowercase() as usize] = value as u8;
        value += 1;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every length up to three words, and at every place every byte.
    fn check(good: u8, all: fn(&[u8]) -> bool, one: fn(u8) -> bool) {
        for length in 0..=24 {
            let mut bytes = vec![good; length];
            assert!(all(&bytes), "{length}");
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    bytes[place] = byte;
                    assert_eq!(all(&bytes), one(byte), "{byte:#04x} at {place} of {length}");
                }
                bytes[place] = good;
            }
        }
    }

    #[test]
    fn a_word_is_checked_as_its_bytes_are() {
        check(b'7', all_digits::<0x30>, |byte| byte.is_ascii_digit());
        check(b'7', all_track, |byte| {
            byte.is_ascii_digit() || b"=D".contains(&byte)
        });
        check(0xF7, all_digits::<0xF0>, |byte| {
            (0xF0..=0xF9).contains(&byte)
        });
        check(0x79, all_packed_digits, |byte| {
            byte >> 4 <= 9 && byte & 0x0F <= 9
        });
        check(b'?', all_printable, |byte| (b' '..=b'~').contains(&byte));
    }

    #[test]
    fn the_first_bytes_of_a_window_are_asked_and_no_others() {
        for count in 1..=8 {
            for place in 0..8 {
                for byte in 0..=u8::MAX {
                    let mut window = *b"01234567";
                    window[place] = byte;
                    let digits = place >= count || byte.is_ascii_digit();
                    assert_eq!(
                        first_are_digits(&window, count),
                        Some(digits),
                        "{byte:#04x}"
                    );
                }
            }
        }
        assert_eq!(first_are_digits(b"01234567", 0), None);
        assert_eq!(first_are_digits(b"01234567", 9), None);
    }

    #[test]
    fn hex_digits_have_values_and_others_have_none() {
        assert_eq!(hex_word(b"0123456789abCDef"), Some(0x0123_4567_89AB_CDEF));
        assert_eq!(hex_word(b"FFFFFFFFFFFFFFFF"), Some(u64::MAX));
        assert_eq!(hex_word(b"000000000000000g"), None);
        for place in 0..16 {
            for byte in 0..=u8::MAX {
                let mut digits = *b"0123456789abCDef";
                digits[place] = byte;
                assert_eq!(
                    hex_word(&digits).is_some(),
                    byte.is_ascii_hexdigit(),
                    "{byte:#04x}"
                );
            }
        }
        for byte in 0..=u8::MAX {
            let expected = char::from(byte).to_digit(16).map(|value| value as u8);
            assert_eq!(hex_value(byte), expected, "{byte:#04x}");
        }
    }
}
