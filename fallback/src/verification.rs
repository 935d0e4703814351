//! What is known of the cardholder and the card: results of checks that others have made.
//!
//! Nothing here checks anything: a PIN, a CVV2 and a cryptogram are verified by whoever holds the
//! keys. A decision only sees what came of it.

/// What came of one check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Check {
    /// There was nothing to check.
    #[default]
    NotPresented = 0,
    /// It was presented, and nobody has said what came of it.
    Unknown = 1,
    /// It is right.
    Matched = 2,
    /// It is wrong.
    Failed = 3,
}

impl Check {
    /// Every result, in order of its number.
    pub const ALL: &[Self] = &[
        Self::NotPresented,
        Self::Unknown,
        Self::Matched,
        Self::Failed,
    ];

    /// Its name, as over HTTP, in traces and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotPresented => "not_presented",
            Self::Unknown => "unknown",
            Self::Matched => "matched",
            Self::Failed => "failed",
        }
    }

    /// The result with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|check| check.name() == name)
    }

    /// At least unknown: for what is known to have been presented.
    #[must_use]
    pub fn presented(self) -> Self {
        self.max(Self::Unknown)
    }

    const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::NotPresented,
            1 => Self::Unknown,
            2 => Self::Matched,
            _ => Self::Failed,
        }
    }
}

/// What came of the checks of one authorization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Verification {
    /// The code on the card's back, for a payment without the card.
    pub cvv2: Check,
    /// The cardholder's PIN.
    pub pin: Check,
    /// The chip's cryptogram.
    pub arqc: Check,
}

impl Verification {
    /// True where at least one check says no. No balance could change the answer.
    pub fn has_failed(&self) -> bool {
        [self.cvv2, self.pin, self.arqc].contains(&Check::Failed)
    }

    /// As one byte: two bits each, CVV2 lowest, then PIN, then cryptogram; the highest two are zero.
    pub const fn to_byte(self) -> u8 {
        self.cvv2 as u8 | (self.pin as u8) << 2 | (self.arqc as u8) << 4
    }

    /// The inverse of [`Verification::to_byte`]; `None` where one of the highest two bits is set.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        if byte >> 6 != 0 {
            return None;
        }
        Some(Self {
            cvv2: Check::from_bits(byte),
            pin: Check::from_bits(byte >> 2),
            arqc: Check::from_bits(byte >> 4),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_one_verification_or_none() {
        for byte in 0..=u8::MAX {
            let read = Verification::from_byte(byte);
            assert_eq!(read.map(Verification::to_byte), (byte < 64).then_some(byte));
        }
        assert_eq!(
            Verification::default().to_byte(),
            0,
            "what older records have"
        );
    }

    #[test]
    fn every_result_has_a_name_of_its_own() {
        for check in Check::ALL {
            assert_eq!(Check::from_name(check.name()), Some(*check));
        }
        assert_eq!(Check::from_name("Matched"), None);
        assert_eq!(Check::from_name(""), None);
    }

    #[test]
    fn what_was_presented_is_at_least_unknown() {
        for (told, known) in [
            (Check::NotPresented, Check::Unknown),
            (Check::Unknown, Check::Unknown),
            (Check::Matched, Check::Matched),
            (Check::Failed, Check::Failed),
        ] {
            assert_eq!(told.presented(), known);
        }
    }
}
