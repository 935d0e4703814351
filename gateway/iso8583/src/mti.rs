//! The message type: four digits that say version, class, function and origin.

use std::fmt;

use crate::swar::all_digits;

/// A message type, for example 0100, an authorization request from an acquirer.
///
/// Any four digits are a message type; a digit that 1987 leaves reserved reads as `Reserved` and
/// is never answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mti([u8; 4]);

impl Mti {
    /// Authorization request.
    pub const M0100: Self = Self(*b"0100");
    /// Authorization request, repeated.
    pub const M0101: Self = Self(*b"0101");
    /// Answer to an authorization request.
    pub const M0110: Self = Self(*b"0110");
    /// Authorization advice: somebody else decided, this is what was decided.
    pub const M0120: Self = Self(*b"0120");
    /// Authorization advice, repeated.
    pub const M0121: Self = Self(*b"0121");
    /// Answer to an authorization advice.
    pub const M0130: Self = Self(*b"0130");
    /// Financial request.
    pub const M0200: Self = Self(*b"0200");
    /// Financial request, repeated.
    pub const M0201: Self = Self(*b"0201");
    /// Answer to a financial request.
    pub const M0210: Self = Self(*b"0210");
    /// Financial advice: money that has moved.
    pub const M0220: Self = Self(*b"0220");
    /// Financial advice, repeated.
    pub const M0221: Self = Self(*b"0221");
    /// Answer to a financial advice.
    pub const M0230: Self = Self(*b"0230");
    /// File action request from an issuer.
    pub const M0302: Self = Self(*b"0302");
    /// Answer to a file action request.
    pub const M0312: Self = Self(*b"0312");
    /// Reversal request.
    pub const M0400: Self = Self(*b"0400");
    /// Reversal request, repeated.
    pub const M0401: Self = Self(*b"0401");
    /// Answer to a reversal request.
    pub const M0410: Self = Self(*b"0410");
    /// Reversal advice.
    pub const M0420: Self = Self(*b"0420");
    /// Reversal advice, repeated.
    pub const M0421: Self = Self(*b"0421");
    /// Answer to a reversal advice.
    pub const M0430: Self = Self(*b"0430");
    /// Administrative request.
    pub const M0600: Self = Self(*b"0600");
    /// Answer to an administrative request.
    pub const M0610: Self = Self(*b"0610");
    /// Administrative advice.
    pub const M0620: Self = Self(*b"0620");
    /// Answer to an administrative advice.
    pub const M0630: Self = Self(*b"0630");
    /// Network management request: sign-on, sign-off, echo.
    pub const M0800: Self = Self(*b"0800");
    /// Network management request, repeated.
    pub const M0801: Self = Self(*b"0801");
    /// Answer to a network management request.
    pub const M0810: Self = Self(*b"0810");

    /// Reads four digits.
    ///
    /// # Errors
    /// If the text is anything else.
    pub fn parse(text: &str) -> Result<Self, MtiError> {
        Self::from_ascii(text.as_bytes()).ok_or(MtiError)
    }

    #[inline]
    pub(crate) fn from_ascii(bytes: &[u8]) -> Option<Self> {
        let digits: [u8; 4] = bytes.try_into().ok()?;
        all_digits::<0x30>(&digits).then_some(Self(digits))
    }

    #[inline]
    pub(crate) fn from_ebcdic(bytes: &[u8]) -> Option<Self> {
        let digits: [u8; 4] = bytes.try_into().ok()?;
        all_digits::<0xF0>(&digits).then_some(Self(digits.map(|digit| digit & 0x3F)))
    }

    #[inline]
    pub(crate) fn from_bcd(bytes: &[u8]) -> Option<Self> {
        let [first, second]: [u8; 2] = bytes.try_into().ok()?;
        let digits = [first >> 4, first & 0x0F, second >> 4, second & 0x0F];
        let all = digits.iter().all(|&digit| digit <= 9);
        all.then_some(Self(digits.map(|digit| b'0' + digit)))
    }

    /// The same type in another edition of the standard: 0 is 1987, 1 is 1993, 2 is 2003.
    /// Unchanged if `version` is no digit.
    #[must_use]
    pub const fn with_version(self, version: u8) -> Self {
        let [own, class, function, origin] = self.0;
        let version = if version <= 9 { b'0' + version } else { own };
        Self([version, class, function, origin])
    }

    /// The version digit: 0 is 1987, 1 is 1993, 2 is 2003.
    pub const fn version(self) -> u8 {
        self.0[0] - b'0'
    }

    /// What the message is about: the second digit.
    pub const fn class(self) -> Class {
        match self.0[1] {
            b'1' => Class::Authorization,
            b'2' => Class::Financial,
            b'3' => Class::FileAction,
            b'4' => Class::Reversal,
            b'5' => Class::Reconciliation,
            b'6' => Class::Administrative,
            b'7' => Class::FeeCollection,
            b'8' => Class::NetworkManagement,
            _ => Class::Reserved,
        }
    }

    /// Its part in the conversation: the third digit.
    pub const fn function(self) -> Function {
        match self.0[2] {
            b'0' => Function::Request,
            b'1' => Function::RequestResponse,
            b'2' => Function::Advice,
            b'3' => Function::AdviceResponse,
            b'4' => Function::Notification,
            b'5' => Function::NotificationAcknowledgement,
            _ => Function::Reserved,
        }
    }

    /// Who began the conversation: the fourth digit, without the repeat.
    pub const fn origin(self) -> Origin {
        match self.0[3] {
            b'0' | b'1' => Origin::Acquirer,
            b'2' | b'3' => Origin::Issuer,
            b'4' | b'5' => Origin::Other,
            _ => Origin::Reserved,
        }
    }

    /// Whether the sender says that it has sent this before (0101, 0121, 0421 …).
    pub const fn is_repeat(self) -> bool {
        matches!(self.0[3], b'1' | b'3' | b'5')
    }

    /// The type of the answer: function raised by one, repeat cleared. None where an answer is
    /// not expected (answers, notifications) or the type is reserved: stay silent there.
    pub const fn response(self) -> Option<Self> {
        let [version, class, function, origin] = self.0;
        if matches!(self.class(), Class::Reserved) || matches!(self.origin(), Origin::Reserved) {
            return None;
        }
        match self.function() {
            Function::Request | Function::Advice => {
                let origin = if self.is_repeat() { origin - 1 } else { origin };
                Some(Self([version, class, function + 1, origin]))
            }
            _ => None,
        }
    }

    /// The same type, said to be a repeat: 0100 is 0101, 0101 stays. None for answers, which are not
    /// repeated, and for reserved types.
    pub const fn repeat(self) -> Option<Self> {
        if self.response().is_none() {
            return None;
        }
        let [version, class, function, origin] = self.0;
        let origin = if self.is_repeat() { origin } else { origin + 1 };
        Some(Self([version, class, function, origin]))
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Display for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.0).unwrap_or_default())
    }
}

impl fmt::Debug for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// x1xx: may this card pay this amount?
    Authorization,
    /// x2xx: the same, and it moves money at once.
    Financial,
    /// x3xx: changes to files, such as lists of cards.
    FileAction,
    /// x4xx: takes an earlier message back.
    Reversal,
    /// x5xx: totals of a day compared.
    Reconciliation,
    /// x6xx: text between people.
    Administrative,
    /// x7xx: fees.
    FeeCollection,
    /// x8xx: sign-on, sign-off, echo, keys.
    NetworkManagement,
    /// 0 or 9: no meaning.
    Reserved,
}

/// A message's part in the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// Asks for a decision.
    Request,
    /// Answers a request.
    RequestResponse,
    /// Tells a decision that was taken elsewhere; must be answered.
    Advice,
    /// Answers an advice.
    AdviceResponse,
    /// Tells something; no answer is expected.
    Notification,
    /// Confirms a notification.
    NotificationAcknowledgement,
    /// 6 to 9: no meaning here.
    Reserved,
}

/// Who began the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The merchant's side.
    Acquirer,
    /// The card's side.
    Issuer,
    /// Neither.
    Other,
    /// 6 to 9: no meaning.
    Reserved,
}

/// The text is not a message type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message type is four digits, for example 0100")]
pub struct MtiError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_raise_the_function_and_clear_the_repeat() {
        for (request, response) in [
            ("0100", Some("0110")),
            ("0101", Some("0110")),
            ("0120", Some("0130")),
            ("0121", Some("0130")),
            ("0302", Some("0312")),
            ("0400", Some("0410")),
            ("0401", Some("0410")),
            ("0420", Some("0430")),
            ("0421", Some("0430")),
            ("0620", Some("0630")),
            ("0801", Some("0810")),
            ("0803", Some("0812")),
            ("0110", None), // never answer an answer
            ("0130", None),
            ("0140", None), // nobody waits
            ("0160", None), // reserved function
            ("0000", None), // reserved class
            ("0900", None),
            ("0106", None), // reserved origin
        ] {
            let mti = Mti::parse(request).unwrap();
            assert_eq!(
                mti.response().map(|r| r.to_string()).as_deref(),
                response,
                "{request}"
            );
        }
    }

    #[test]
    fn a_repeat_says_so_in_its_last_digit() {
        for (once, again) in [
            ("0100", Some("0101")),
            ("0101", Some("0101")),
            ("0121", Some("0121")),
            ("0420", Some("0421")),
            ("0302", Some("0303")),
            ("0804", Some("0805")),
            ("1200", Some("1201")),
            ("0110", None), // whoever asks again is answered again
            ("0106", None), // reserved origin
        ] {
            let repeat = Mti::parse(once).unwrap().repeat();
            assert_eq!(repeat.map(|it| it.to_string()).as_deref(), again, "{once}");
        }
    }

    #[test]
    fn four_digits_and_nothing_else_are_a_message_type() {
        for text in ["", "010", "01000", "01a0", "٠١٠٠", " 100"] {
            assert_eq!(Mti::parse(text), Err(MtiError), "{text:?}");
        }
        let mti = Mti::parse("1421").unwrap();
        assert_eq!((mti.version(), mti.class()), (1, Class::Reversal));
        assert_eq!(
            (mti.function(), mti.origin()),
            (Function::Advice, Origin::Acquirer)
        );
        assert!(mti.is_repeat() && !Mti::M0420.is_repeat());
        assert_eq!(mti.with_version(0), Mti::M0421);
        assert_eq!(mti.with_version(10), mti);
    }
}
