//! Digits two by two (BCD), and where the odd one out goes.

use crate::coding::{Pad, Side};
use crate::{Content, Reason, swar};

/// Whether bytes are digits (or a track) and the pad is what was agreed; if not, at which byte and
/// why.
#[inline]
pub(crate) fn check(
    content: Content,
    pad: Pad,
    wire: &[u8],
    units: usize,
) -> Result<(), (usize, Reason)> {
    let odd = !units.is_multiple_of(2);
    // A pad that is a digit by itself is checked with the others first.
    let digits = swar::all_packed_digits(wire);
    if digits && !odd {
        return Ok(());
    }
    if odd && pad_nibble(pad, wire) != Some(pad.nibble.value()) {
        let at = match pad.side {
            Side::Left => 0,
            Side::Right => wire.len().saturating_sub(1),
        };
        return Err((at, Reason::PadNibble(pad.nibble)));
    }
    if digits {
        Ok(())
    } else {
        search(content, pad, wire, units)
    }
}

/// Whether [`check`] finds nothing wrong.
#[inline(always)]
pub(crate) fn holds(content: Content, pad: Pad, wire: &[u8], units: usize) -> bool {
    let filled = units.is_multiple_of(2) || pad_nibble(pad, wire) == Some(pad.nibble.value());
    filled && (swar::all_packed_digits(wire) || search(content, pad, wire, units).is_ok())
}

fn search(content: Content, pad: Pad, wire: &[u8], units: usize) -> Result<(), (usize, Reason)> {
    let shift = shift(pad, units);
    for place in 0..units {
        let good = match nibble(wire, place + shift) {
            Some(0..=9) => true,
            Some(SEPARATOR) => content == Content::Track,
            _ => false,
        };
        if !good {
            return Err(((place + shift) / 2, Reason::Content(content)));
        }
    }
    Ok(())
}

/// The character at a place: a digit, or D for the separator of a track.
#[inline]
pub(crate) fn digit(pad: Pad, wire: &[u8], units: usize, place: usize) -> Option<u8> {
    if place >= units {
        return None;
    }
    nibble(wire, place + shift(pad, units)).map(swar::hex_digit)
}

/// Writes characters two by two; a separator of a track, `=` or `D`, becomes D.
#[inline]
pub(crate) fn write(pad: Pad, text: impl Iterator<Item = u8>, units: usize, out: &mut [u8]) {
    let digit = |ascii: u8| match ascii {
        b'0'..=b'9' => ascii - b'0',
        _ => SEPARATOR,
    };
    let fill = pad.nibble.value();
    let odd = !units.is_multiple_of(2);
    let lead = (odd && pad.side == Side::Left).then_some(fill);
    let trail = (odd && pad.side == Side::Right).then_some(fill);
    let mut nibbles = lead.into_iter().chain(text.map(digit)).chain(trail);
    for byte in out {
        let (high, low) = (nibbles.next(), nibbles.next());
        *byte = high.unwrap_or(fill) << 4 | low.unwrap_or(fill);
    }
}

/// The nibble at the end that `pad` names.
#[inline]
pub(crate) fn pad_nibble(pad: Pad, wire: &[u8]) -> Option<u8> {
    match pad.side {
        Side::Left => wire.first().map(|byte| byte >> 4),
        Side::Right => wire.last().map(|byte| byte & 0x0F),
    }
}

#[inline]
fn nibble(wire: &[u8], place: usize) -> Option<u8> {
    let byte = wire.get(place / 2)?;
    Some(if place.is_multiple_of(2) {
        byte >> 4
    } else {
        byte & 0x0F
    })
}

/// How many nibbles stand before the first digit.
#[inline]
fn shift(pad: Pad, units: usize) -> usize {
    usize::from(pad.side == Side::Left && !units.is_multiple_of(2))
}

/// What separates the parts of a track.
const SEPARATOR: u8 = 0xD;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coding::PadNibble::{F, Zero};
    use crate::coding::Side::{Left, Right};

    #[test]
    fn digits_are_packed_and_read_back() {
        for (side, nibble, text, wire) in [
            (Left, Zero, "1234", &[0x12, 0x34][..]),
            (Left, Zero, "123", &[0x01, 0x23]),
            (Left, F, "123", &[0xF1, 0x23]),
            (Right, Zero, "123", &[0x12, 0x30]),
            (Right, F, "123", &[0x12, 0x3F]),
            (Right, Zero, "41D29", &[0x41, 0xD2, 0x90]),
            (Left, Zero, "", &[]),
        ] {
            let pad = Pad { side, nibble };
            let mut out = vec![0xEE; wire.len()];
            write(pad, text.bytes(), text.len(), &mut out);
            assert_eq!(out, wire, "{text} {pad:?}");
            assert_eq!(
                check(Content::Track, pad, wire, text.len()),
                Ok(()),
                "{text} {pad:?}"
            );
            let read: Vec<u8> = (0..text.len())
                .map_while(|at| digit(pad, wire, text.len(), at))
                .collect();
            assert_eq!(read, text.as_bytes());
            assert_eq!(
                digit(pad, wire, text.len(), text.len()),
                None,
                "nor is the pad a digit"
            );
        }
    }

    #[test]
    fn a_wrong_nibble_is_pointed_at() {
        let digits = Reason::Content(Content::Numeric);
        for (side, nibble, wire, units, at, reason) in [
            (Left, Zero, [0x11, 0x23], 3, 0, Reason::PadNibble(Zero)),
            (Left, F, [0x01, 0x23], 3, 0, Reason::PadNibble(F)),
            (Right, Zero, [0x12, 0x3F], 3, 1, Reason::PadNibble(Zero)),
            (Left, Zero, [0x12, 0x3A], 4, 1, digits),
            (Right, F, [0xD2, 0x3F], 3, 0, digits), // a separator, but no track
        ] {
            let pad = Pad { side, nibble };
            assert_eq!(
                check(Content::Numeric, pad, &wire, units),
                Err((at, reason)),
                "{wire:x?}"
            );
        }
    }
}
