//! The nouns of the protocol, as small numbers.

use std::fmt;

/// Money in minor units. It may be negative: an overdraft.
pub type Money = i8;

/// The most gateways of a configuration.
pub const GATEWAYS: usize = 2;
/// The most payments of a configuration.
pub const PAYMENTS: usize = 4;
/// The most leases of a configuration.
pub const LEASES: usize = 4;

/// A gateway, counted from zero. The first one is the home at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayNo(pub u8);

impl GatewayNo {
    /// Its place in a table of gateways.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for GatewayNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gw{}", self.0 + 1)
    }
}

/// A payment, which stands for its authorization id: derived, so a repeat has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentNo(pub u8);

impl PaymentNo {
    /// Its place in a table of payments.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for PaymentNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "payment {}", self.0 + 1)
    }
}

/// The epoch of a lease, which is its id: counted from one by the ledger, never given twice. Zero is
/// before every lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(pub u8);

impl Epoch {
    /// Its place in a table of leases. Not for zero.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lease {}", self.0)
    }
}

/// A position of the ledger's feed: how many advices it has booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u8);

/// A set of leases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Epochs(u8);

impl Epochs {
    /// Whether the lease is in it.
    #[must_use]
    pub fn has(self, epoch: Epoch) -> bool {
        self.0 >> epoch.index() & 1 == 1
    }

    /// Puts the lease into it.
    pub fn put(&mut self, epoch: Epoch) {
        self.0 |= 1 << epoch.index();
    }
}

/// What an approval by stand-in is covered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Under {
    /// Money that the ledger has set aside.
    Lease(Epoch),
    /// The small limit without a lease, which is at risk.
    Floor,
}

/// What stand-in decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The payment's amount is spent.
    Approve(Under),
    /// Nothing is spent.
    Decline,
}

/// What the network was answered. The first answer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Told {
    /// No answer.
    #[default]
    Nothing,
    /// What stand-in decided.
    StandIn(Verdict),
    /// The ledger's own approval.
    ApprovedByLedger,
    /// The ledger's own decline.
    DeclinedByLedger,
}

impl Told {
    /// The network believes that the money is spent.
    #[must_use]
    pub fn is_approval(self) -> bool {
        matches!(
            self,
            Self::StandIn(Verdict::Approve(_)) | Self::ApprovedByLedger
        )
    }

    /// The network believes that nothing is spent.
    #[must_use]
    pub fn is_decline(self) -> bool {
        matches!(
            self,
            Self::StandIn(Verdict::Decline) | Self::DeclinedByLedger
        )
    }
}
