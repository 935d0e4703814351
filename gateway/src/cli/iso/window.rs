//! The bytes around the place where reading failed, without what may be card data.
//!
//! Where reading fails, nobody knows which bytes are the card number, a track or a PIN block. So only
//! what is known to be structure is shown in hex, and of every other byte only what kind it is.

use std::ops::Range;

/// Bytes in a line.
const WIDTH: usize = 16;

/// What the marks in a window stand for.
pub(super) const LEGEND: &str = "\
3# ASCII digit, F# EBCDIC digit, ## two BCD digits, LL letter, EL EBCDIC letter, SP space, -- other";

/// What is known of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Around {
    /// Bytes that are structure, and shown.
    pub(super) structure: Vec<Range<usize>>,
    /// Whether the byte at fault may be shown, unless it is digits.
    pub(super) show_fault: bool,
    /// Whether bytes may be two digits each.
    pub(super) packed: bool,
}

/// Lines of a window around `offset`, with a marker below the byte.
pub(super) fn lines(bytes: &[u8], offset: usize, around: &Around) -> Vec<String> {
    let first = (offset / WIDTH).saturating_sub(1) * WIDTH;
    let end = (first + 3 * WIDTH).min(bytes.len());
    let mark = |at: usize, byte: u8| {
        let structure = around.structure.iter().any(|range| range.contains(&at));
        let fault = around.show_fault && at == offset && !may_be_digits(byte);
        if structure || fault {
            format!("{byte:02X}")
        } else {
            kind(byte, around.packed).to_owned()
        }
    };
    let mut lines = Vec::new();
    for start in (first..end.max(offset + 1)).step_by(WIDTH) {
        let row = bytes.get(start..end.min(start + WIDTH)).unwrap_or_default();
        let marks = (start..).zip(row).map(|(at, byte)| mark(at, *byte));
        let line = format!("{start:5}  {}", marks.collect::<Vec<_>>().join(" "));
        lines.push(line.trim_end().to_owned());
        if (start..start + WIDTH).contains(&offset) {
            lines.push(format!(
                "       {}^^ byte {offset}",
                "   ".repeat(offset - start)
            ));
        }
    }
    lines
}

/// In any dialect, also one that nobody chose.
const fn may_be_digits(byte: u8) -> bool {
    matches!(byte, 0xF0..=0xF9) || byte >> 4 <= 9 && byte & 0x0F <= 9
}

/// What a byte can be. An ASCII letter such as `A` can be two BCD digits too.
const fn kind(byte: u8, packed: bool) -> &'static str {
    match byte {
        b'0'..=b'9' => "3#",
        0xF0..=0xF9 => "F#",
        _ if packed && may_be_digits(byte) => "##",
        b'A'..=b'Z' | b'a'..=b'z' => "LL",
        0xC1..=0xC9 | 0xD1..=0xD9 | 0xE2..=0xE9 => "EL",
        b' ' => "SP",
        _ if may_be_digits(byte) => "##",
        _ => "--",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(structure: &[Range<usize>], show_fault: bool, packed: bool) -> Around {
        Around {
            structure: structure.to_vec(),
            show_fault,
            packed,
        }
    }

    #[test]
    fn structure_is_shown_and_of_the_rest_only_its_kind() {
        let bytes = b"\x01\x00\x40\x00\xF4AJ\xC1\xEE ";
        let shown = around(&[0..2, 2..4], false, true);
        assert_eq!(
            lines(bytes, 8, &shown),
            [
                "    0  01 00 40 00 F# ## LL EL -- ##",
                "                               ^^ byte 8"
            ]
        );
        for (offset, packed, line) in [
            (8, true, "    0  ## ## ## ## F# ## LL EL EE ##"),
            (8, false, "    0  ## ## ## ## F# LL LL EL EE SP"),
            (6, false, "    0  ## ## ## ## F# LL 4A EL -- SP"),
            (5, false, "    0  ## ## ## ## F# LL LL EL -- SP"), // 41 may be digits
            (4, false, "    0  ## ## ## ## F# LL LL EL -- SP"),
        ] {
            let lines = lines(bytes, offset, &around(&[], true, packed));
            assert_eq!(lines[0], line);
        }
    }

    #[test]
    fn a_window_shows_the_line_of_the_byte_and_its_neighbours() {
        let bytes = [b'x'; 100];
        let starts = |offset| {
            let lines = lines(&bytes, offset, &around(&[], false, false));
            let rows = lines.iter().filter(|line| !line.contains('^'));
            let start = |line: &String| {
                line.trim_start()
                    .split(' ')
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap()
            };
            rows.map(start).collect::<Vec<usize>>()
        };
        assert_eq!(starts(0), [0, 16, 32]);
        assert_eq!(starts(50), [32, 48, 64]);
        assert_eq!(starts(99), [80, 96]);
        // Where bytes are missing, the place behind the last one is marked.
        let lines = lines(&bytes[..32], 32, &around(&[], false, false));
        assert_eq!(lines.last().unwrap(), "       ^^ byte 32");
    }
}
