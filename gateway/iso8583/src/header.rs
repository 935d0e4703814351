//! What stands before the message type.

use crate::Reason;

/// What a profile puts before the message type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Header {
    /// Nothing.
    None,
    /// So many bytes, of which this crate knows nothing (an `ISO…` text, a TPDU). Zeros are
    /// written where the sender gives none.
    Opaque(u8),
    /// The header of base1-like profiles: see [`Base1`].
    Base1,
}

impl Header {
    /// How many bytes the header takes in a message that begins like this.
    #[inline]
    pub(crate) fn read(self, message: &[u8]) -> Result<usize, (usize, Reason)> {
        match self {
            Self::None => Ok(0),
            Self::Opaque(length) => take(message, length.into()),
            Self::Base1 => read_base1(message),
        }
    }

    /// The length of what is written where the sender gives no header.
    pub(crate) const fn default_length(self) -> usize {
        match self {
            Self::None => 0,
            Self::Opaque(length) => length as usize,
            Self::Base1 => BASE1_LENGTH,
        }
    }

    /// Writes what stands for a header that the sender does not give.
    pub(crate) fn write_default(self, out: &mut [u8]) {
        out.fill(0);
        if self == Self::Base1 {
            out.iter_mut()
                .zip(BASE1_START)
                .for_each(|(to, from)| *to = from);
        }
    }

    /// Whether these bytes can be the header of a message.
    pub(crate) fn accepts(self, header: &[u8]) -> bool {
        match self {
            Self::None => header.is_empty(),
            Self::Opaque(length) => header.len() == usize::from(length),
            Self::Base1 => {
                is_base1_length(header.len())
                    && header
                        .first()
                        .is_some_and(|&said| usize::from(said) == header.len())
            }
        }
    }

    /// Gives `take` the header of an answer to a message with this one: as it came, but on the way
    /// back where it says from where to where.
    #[inline]
    pub(crate) fn answering<T>(self, request: &[u8], take: impl FnOnce(&[u8]) -> T) -> T {
        match (self, Base1::new(request)) {
            (Self::Base1, Some(header)) => take(&header.answer()),
            _ => take(request),
        }
    }

    /// Puts the length of the whole message where the header names it.
    pub(crate) fn close(self, message: &mut [u8]) {
        if self != Self::Base1 {
            return;
        }
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
        if let Some(said) = message.get_mut(3..5) {
            said.copy_from_slice(&length.to_be_bytes());
        }
    }
}

fn take(message: &[u8], length: usize) -> Result<usize, (usize, Reason)> {
    match length.checked_sub(message.len()) {
        None | Some(0) => Ok(length),
        Some(missing) => Err((0, Reason::Truncated { missing })),
    }
}

fn read_base1(message: &[u8]) -> Result<usize, (usize, Reason)> {
    let length = usize::from(
        *message
            .first()
            .ok_or((0, Reason::Truncated { missing: 1 }))?,
    );
    if !is_base1_length(length) {
        return Err((0, Reason::Header));
    }
    take(message, length)?;
    let said = message.get(3..5).and_then(|said| said.try_into().ok());
    let said = usize::from(u16::from_be_bytes(said.unwrap_or_default()));
    let found = message.len();
    if said == found {
        Ok(length)
    } else {
        Err((3, Reason::HeaderLength { said, found }))
    }
}

const fn is_base1_length(length: usize) -> bool {
    matches!(length, BASE1_LENGTH | BASE1_REJECT_LENGTH)
}

/// Without the two parts that only a reject has.
const BASE1_LENGTH: usize = 22;
const BASE1_REJECT_LENGTH: usize = 26;
/// Its length, header format 1, text format 2.
const BASE1_START: [u8; 3] = [BASE1_LENGTH as u8, 1, 2];

/// A view of the header of base1-like profiles, as open-source implementations describe it:
///
/// ```text
/// byte  0       length of the header: 22, or 26 in a reject
///       1       header format
///       2       text format
///       3-4     length of the whole message, the most significant byte first
///       5-7     destination, six digits BCD
///       8-10    source, six digits BCD
///       11      control
///       12-13   flags
///       14-16   status
///       17      batch
///       18-20   reserved
///       21      user
///       22-25   only in a reject: bitmap, and a code of four digits BCD
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base1<'a>(&'a [u8]);

impl<'a> Base1<'a> {
    /// None if the bytes are not of a length that such a header has.
    pub fn new(header: &'a [u8]) -> Option<Self> {
        Header::Base1.accepts(header).then_some(Self(header))
    }

    /// The destination station, three bytes BCD.
    pub fn destination(self) -> &'a [u8] {
        self.0.get(5..8).unwrap_or_default()
    }

    /// The source station, three bytes BCD.
    pub fn source(self) -> &'a [u8] {
        self.0.get(8..11).unwrap_or_default()
    }

    /// The four digits that say why the network rejected a message, as two bytes BCD; none if
    /// this is no reject.
    pub fn reject_code(self) -> Option<[u8; 2]> {
        let marked = self.0.get(22).is_some_and(|bits| bits & 0x80 != 0);
        let code = self.0.get(24..26)?.try_into().ok()?;
        marked.then_some(code)
    }

    /// The header of an answer: without the parts of a reject, and source and destination
    /// exchanged.
    pub fn answer(self) -> [u8; 22] {
        let mut answer = [0; BASE1_LENGTH];
        answer
            .iter_mut()
            .zip(self.0)
            .for_each(|(to, from)| *to = *from);
        answer[0] = BASE1_LENGTH as u8;
        answer[5..8].copy_from_slice(self.source());
        answer[8..11].copy_from_slice(self.destination());
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of 22 bytes for a message of 26.
    const HEADER: [u8; 22] = [
        22, 1, 2, 0, 26, 0x12, 0x34, 0x56, 0x65, 0x43, 0x21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    #[test]
    fn an_answer_goes_back_where_the_request_came_from() {
        let header = Base1::new(&HEADER).unwrap();
        assert_eq!(header.destination(), [0x12, 0x34, 0x56]);
        let answer = header.answer();
        let answer = Base1::new(&answer).unwrap();
        assert_eq!(answer.destination(), header.source());
        assert_eq!(answer.source(), header.destination());
        assert_eq!(answer.reject_code(), None);
    }

    #[test]
    fn a_reject_has_a_code_and_its_answer_none() {
        let mut header = [&HEADER[..], &[0x80, 0, 0x05, 0x17]].concat();
        header[0] = 26;
        let reject = Base1::new(&header).unwrap();
        assert_eq!(reject.reject_code(), Some([0x05, 0x17]));
        assert!(Header::Base1.accepts(&reject.answer()));
    }

    #[test]
    fn a_header_that_is_none_is_refused() {
        let message = [&HEADER[..], b"0100"].concat();
        assert_eq!(Header::Base1.read(&message), Ok(22));
        let said = Reason::HeaderLength {
            said: 26,
            found: 27,
        };
        let longer = [&message[..], b"x"].concat();
        assert_eq!(Header::Base1.read(&longer), Err((3, said)));
        assert_eq!(Header::Base1.read(b"0100"), Err((0, Reason::Header)));
        assert_eq!(
            Header::Base1.read(&[]),
            Err((0, Reason::Truncated { missing: 1 }))
        );
        assert_eq!(
            Header::Base1.read(&HEADER[..20]),
            Err((0, Reason::Truncated { missing: 2 }))
        );
        assert_eq!(
            Header::Opaque(5).read(b"ISO0"),
            Err((0, Reason::Truncated { missing: 1 }))
        );
        assert_eq!(Header::Opaque(5).read(b"ISO01"), Ok(5));
    }
}
