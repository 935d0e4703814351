//! A set of reasons: what a decision was weighed by, and what it broke.

use std::fmt;

use ledger_api::Reason;

/// Reasons, one bit each at the place of its number.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Reasons(u64);

impl Reasons {
    /// None.
    pub const NONE: Self = Self(0);

    /// Every reason that there is.
    const ALL: Self = {
        let mut bits = 0;
        let mut rest = Reason::ALL;
        while let [reason, others @ ..] = rest {
            bits |= Self::of(*reason).0;
            rest = others;
        }
        Self(bits)
    };

    /// One.
    pub const fn of(reason: Reason) -> Self {
        Self(1 << (reason.code() & 63))
    }

    /// With one more.
    #[must_use]
    pub const fn and(self, reason: Reason) -> Self {
        Self(self.0 | Self::of(reason).0)
    }

    /// True where this one is among them.
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & Self::of(reason).0 != 0
    }

    /// True where there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The first in order of precedence, which is that of their numbers.
    pub fn first(self) -> Option<Reason> {
        let place = u8::try_from(self.0.trailing_zeros()).ok()?;
        Reason::from_code(place).filter(|_| !self.is_empty())
    }

    /// In order of precedence.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        let all = Reason::ALL.iter().copied();
        all.filter(move |reason| self.contains(*reason))
    }

    /// As a number, for files.
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The inverse of [`Reasons::to_bits`]; `None` where a bit is no reason.
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits & !Self::ALL.0 == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_bit_of_its_own() {
        let highest = Reason::ALL.iter().map(|reason| reason.code()).max();
        assert!(highest.unwrap() < 64);
        for reason in Reason::ALL {
            let one = Reasons::of(*reason);
            assert_eq!(one.iter().collect::<Vec<_>>(), [*reason]);
            assert_eq!(
                one.and(Reason::VerificationUnknown).first(),
                Some(*reason).min(Some(Reason::VerificationUnknown))
            );
            assert_eq!(Reasons::from_bits(one.to_bits()), Some(one));
        }
        assert_eq!(Reasons::from_bits(1 << 63), None);
        assert!(Reasons::NONE.is_empty());
        assert_eq!(Reasons::NONE.first(), None);
    }
}
