//! Chip data, field 55: tags, lengths and values (BER-TLV, as EMV Book 3 uses it), read without
//! recursion and without a copy.

use std::fmt;

/// Elements nested deeper than this are refused: EMV templates are two deep.
pub const DEPTH_MAX: usize = 4;

/// The elements of chip data in the order in which they stand, templates before what they hold.
///
/// Ends at the first thing that is wrong, with an error. Zero bytes between elements are skipped,
/// as EMV allows them.
#[derive(Clone)]
pub struct Elements<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the templates end that are open, the outermost first.
    ends: [usize; DEPTH_MAX],
    depth: usize,
    failed: bool,
}

/// One element.
///
/// `Debug` shows its tag and its length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its tag, one to three bytes as a number: 0x9F26 for `9F26`.
    pub tag: u32,
    /// Its value. Of a template: all that it holds.
    pub value: &'a [u8],
    /// How many templates it lies in.
    pub depth: usize,
    /// Where its tag begins, in bytes from the start of the chip data.
    pub offset: usize,
}

impl Element<'_> {
    /// Whether it holds further elements, which then follow.
    pub const fn is_template(&self) -> bool {
        is_constructed(self.tag)
    }

    /// Whether its value names or proves a card or its holder: the card number (5A), track data
    /// (56, 57, 9F6B, 9F1F, 9F20), the holder's name (5F20) or the expiry (5F24). Such an element
    /// is neither kept nor shown.
    pub const fn is_sensitive(&self) -> bool {
        matches!(
            self.tag,
            0x56 | 0x57 | 0x5A | 0x5F20 | 0x5F24 | 0x9F0B | 0x9F1F | 0x9F20 | 0x9F6B
        )
    }
}

impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}<{} bytes>", self.tag, self.value.len())
    }
}

impl fmt::Debug for Elements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Elements<{} bytes>", self.bytes.len())
    }
}

impl<'a> Elements<'a> {
    /// The elements that these bytes are said to be.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            ends: [0; DEPTH_MAX],
            depth: 0,
            failed: false,
        }
    }

    /// The value of the first element with this tag, at any depth.
    ///
    /// # Errors
    /// If the bytes are no elements before one is found.
    pub fn find(mut self, tag: u32) -> Result<Option<&'a [u8]>, TlvError> {
        self.find_map(|element| match element {
            Ok(element) if element.tag == tag => Some(Ok(element.value)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
        .transpose()
    }

    /// Where the innermost open template ends.
    fn end(&self) -> usize {
        let innermost = self
            .depth
            .checked_sub(1)
            .and_then(|place| self.ends.get(place));
        innermost.copied().unwrap_or(self.bytes.len())
    }

    fn read(&mut self) -> Result<Option<Element<'a>>, TlvError> {
        loop {
            if self.at == self.end() {
                match self.depth.checked_sub(1) {
                    Some(depth) => self.depth = depth,
                    None => return Ok(None),
                }
            } else if self.bytes.get(self.at) == Some(&0) {
                self.at += 1;
            } else {
                return self.element().map(Some);
            }
        }
    }

    fn element(&mut self) -> Result<Element<'a>, TlvError> {
        let offset = self.at;
        let fail = |reason| TlvError { offset, reason };
        let tag = self.tag().ok_or(fail(TlvReason::Tag))?;
        let length = self.length().ok_or(fail(TlvReason::Length))?;
        let end = self.at.checked_add(length).filter(|&end| end <= self.end());
        let end = end.ok_or(fail(TlvReason::Truncated))?;
        let element = Element {
            tag,
            value: self.bytes.get(self.at..end).unwrap_or_default(),
            depth: self.depth,
            offset,
        };
        if element.is_template() {
            let place = self.ends.get_mut(self.depth);
            *place.ok_or(fail(TlvReason::TooDeep))? = end;
            self.depth += 1;
        } else {
            self.at = end;
        }
        Ok(element)
    }

    /// Up to three bytes: EMV has no longer ones.
    fn tag(&mut self) -> Option<u32> {
        let first = self.byte()?;
        let mut tag = u32::from(first);
        if first & 0x1F != 0x1F {
            return Some(tag);
        }
        for _ in 0..2 {
            let next = self.byte()?;
            tag = tag << 8 | u32::from(next);
            if next & 0x80 == 0 {
                return Some(tag);
            }
        }
        None
    }

    /// One byte, or one or two behind 81 or 82. Not the form that says nothing (80).
    fn length(&mut self) -> Option<usize> {
        match self.byte()? {
            short @ 0..=0x7F => Some(short.into()),
            0x81 => self.byte().map(usize::from),
            0x82 => Some(usize::from(self.byte()?) << 8 | usize::from(self.byte()?)),
            _ => None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        if self.at >= self.end() {
            return None;
        }
        let byte = self.bytes.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let element = self.read();
        self.failed = element.is_err();
        element.transpose()
    }
}

impl std::iter::FusedIterator for Elements<'_> {}

/// Writes one element to the start of `out` and says how many bytes it took: the shortest form of
/// its length. None if it does not fit, the value is longer than 65535 bytes, or the number is no
/// tag.
pub fn write(tag: u32, value: &[u8], out: &mut [u8]) -> Option<usize> {
    let tag_bytes = tag.to_be_bytes();
    let tag_bytes = tag_bytes.get(tag_bytes.iter().position(|&byte| byte != 0)?..)?;
    let mut check = Elements::of(tag_bytes);
    if check.tag() != Some(tag) || check.at != tag_bytes.len() {
        return None;
    }
    let [high, low] = u16::try_from(value.len()).ok()?.to_be_bytes();
    let length = match (high, low) {
        (0, 0..=0x7F) => &[low][..],
        (0, _) => &[0x81, low],
        _ => &[0x82, high, low],
    };
    let mut at = 0;
    for part in [tag_bytes, length, value] {
        out.get_mut(at..at + part.len())?.copy_from_slice(part);
        at += part.len();
    }
    Some(at)
}

const fn is_constructed(tag: u32) -> bool {
    let first = match tag {
        0..=0xFF => tag,
        0x100..=0xFFFF => tag >> 8,
        _ => tag >> 16,
    };
    first & 0x20 != 0
}

/// Why bytes are not chip data. Does not say what stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("chip data, byte {offset}: {reason}")]
pub struct TlvError {
    /// Where the element begins, in bytes from the start of the chip data.
    pub offset: usize,
    /// What is wrong with it.
    pub reason: TlvReason,
}

/// What is wrong with an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlvReason {
    /// No tag of one to three bytes.
    #[error("no tag of one to three bytes: check where the field begins")]
    Tag,
    /// No length.
    #[error("a length is one byte up to 127, else 81 or 82 and one or two bytes")]
    Length,
    /// It ends behind what it lies in.
    #[error("the element is longer than what it lies in: check its length")]
    Truncated,
    /// Templates in templates.
    #[error("more than {DEPTH_MAX} templates in one another: send fewer")]
    TooDeep,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tag, length and depth; or where and why not.
    type Read = Result<(u32, usize, usize), (usize, TlvReason)>;

    fn read(bytes: &[u8]) -> Vec<Read> {
        Elements::of(bytes)
            .map(|element| match element {
                Ok(it) => Ok((it.tag, it.value.len(), it.depth)),
                Err(error) => Err((error.offset, error.reason)),
            })
            .collect()
    }

    #[test]
    fn elements_come_one_by_one_templates_before_what_they_hold() {
        for (bytes, elements) in [
            (&b""[..], &[][..]),
            (
                b"\x95\x05\0\0\0\0\0\x9A\x03\x26\x11\x22",
                &[Ok((0x95, 5, 0)), Ok((0x9A, 3, 0))],
            ),
            (b"\x9F\x26\x01\xAA", &[Ok((0x9F26, 1, 0))]),
            (b"\x82\0", &[Ok((0x82, 0, 0))]),
            (b"\0\0\x8A\x02\x30\x30\0", &[Ok((0x8A, 2, 0))]),
            (
                b"\x71\x06\x86\x01\xAA\x9F\x18\0\x91\x01\x07",
                &[
                    Ok((0x71, 6, 0)),
                    Ok((0x86, 1, 1)),
                    Ok((0x9F18, 0, 1)),
                    Ok((0x91, 1, 0)),
                ],
            ),
            (
                b"\x70\0\x70\x02\x70\0",
                &[Ok((0x70, 0, 0)), Ok((0x70, 2, 0)), Ok((0x70, 0, 1))],
            ),
        ] {
            assert_eq!(read(bytes), elements, "{bytes:x?}");
        }
    }

    #[test]
    fn what_is_no_element_is_refused_where_it_begins() {
        use TlvReason::*;
        for (bytes, offset, reason) in [
            (&b"\x9F"[..], 0, Tag),
            (b"\x9F\x80\x80\x80\x01", 0, Tag), // four bytes
            (b"\x95", 0, Length),
            (b"\x95\x80\0\0", 0, Length), // of no said length
            (b"\x95\x83\0\0\x01\x07", 0, Length),
            (b"\x8A\x02\x30", 0, Truncated),
            (b"\x8A\0\x95\x05\0", 2, Truncated),
            (b"\x71\x02\x86\x03\xAA\xAA\xAA", 2, Truncated), // longer than its template
            (b"\x70\x08\x70\x06\x70\x04\x70\x02\x70\0", 8, TooDeep),
        ] {
            let last = read(bytes).pop();
            assert_eq!(last, Some(Err((offset, reason))), "{bytes:x?}");
        }
    }

    #[test]
    fn sixty_kilobytes_of_templates_are_refused_and_not_followed() {
        let nested: Vec<u8> = [0x70, 0x82, 0xFF, 0xFF].repeat(15_000);
        assert!(read(&nested).len() <= DEPTH_MAX + 1);
    }

    #[test]
    fn what_is_written_reads_back() {
        for (tag, length) in [
            (0x5A, 0),
            (0x9F26, 127),
            (0x9F10, 128),
            (0xDF8101, 255),
            (0x72, 256),
        ] {
            let value = vec![0; length];
            let mut out = [0xEE; 300];
            let written = write(tag, &value, &mut out).unwrap();
            let first = Elements::of(&out[..written]).next().unwrap().unwrap();
            assert_eq!((first.tag, first.value.len()), (tag, length));
            assert_eq!(write(tag, &value, &mut out[..written - 1]), None, "no room");
        }
        for tag in [0, 0x1F, 0x9F, 0x5A01, 0x9F80, 0x9F80_8001] {
            assert_eq!(write(tag, &[], &mut [0; 16]), None, "{tag:x} is no tag");
        }
    }

    #[test]
    fn sensitive_elements_say_so_and_none_is_printed() {
        let bytes = b"\x5A\x08\x41\x11\x11\x11\x11\x11\x11\x11\x9F\x26\x01\xAA";
        let elements: Vec<_> = Elements::of(bytes).map(Result::unwrap).collect();
        assert!(elements[0].is_sensitive() && !elements[1].is_sensitive());
        assert_eq!(format!("{elements:?}"), "[5A<8 bytes>, 9F26<1 bytes>]");
        assert_eq!(Elements::of(bytes).find(0x9F26), Ok(Some(&b"\xAA"[..])));
        assert_eq!(Elements::of(bytes).find(0x95), Ok(None));
    }
}
