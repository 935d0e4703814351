//! The protocol with one thing done wrong: what a search must find.

use std::fmt;

use crate::config::Config;
use crate::properties as property;

/// One thing done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// The ledger takes the rest of an expired lease back by its own clock.
    ReclaimOnExpiry,
    /// A gateway whose journal was lost or rolled back goes on under the old epoch.
    NoEpochFence,
    /// A lease is closed while its advices are under way.
    CloseBeforeDrain,
    /// The ledger books an advice each time that it comes.
    NoDedup,
    /// The network is answered before the record is durable.
    AnswerBeforeFsync,
    /// An acknowledged spend is forgotten although the snapshot is older than its booking.
    StaleSnapshotErasesSpend,
    /// The home moves at once, with the rest of the old home's lease.
    HomeMovedWithoutFence,
    /// The home moves while the old one has its lease, which stays its own.
    HomeMovedWithoutDrain,
    /// A grant that comes twice is added twice.
    DuplicateGrant,
    /// The certificate leaves before the record of the close is durable.
    CertificateBeforeFsync,
    /// The advice leaves before the record of the decision is durable.
    AdviceBeforeFsync,
    /// The rest of a lost gateway's lease is available again instead of in suspense.
    LostLeaseGivenBack,
    /// The ledger keeps its own hold beside what the advice says.
    HoldKeptBesideAdvice,
    /// A live request that comes after its advice holds the money once more.
    LateQuestionHoldsAgain,
    /// With a new journal a gateway has its floor afresh.
    FloorAfreshAfterLoss,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::ReclaimOnExpiry,
        Self::NoEpochFence,
        Self::CloseBeforeDrain,
        Self::NoDedup,
        Self::AnswerBeforeFsync,
        Self::StaleSnapshotErasesSpend,
        Self::HomeMovedWithoutFence,
        Self::HomeMovedWithoutDrain,
        Self::DuplicateGrant,
        Self::CertificateBeforeFsync,
        Self::AdviceBeforeFsync,
        Self::LostLeaseGivenBack,
        Self::HoldKeptBesideAdvice,
        Self::LateQuestionHoldsAgain,
        Self::FloorAfreshAfterLoss,
    ];

    /// What it is called, also on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ReclaimOnExpiry => "reclaim-on-expiry",
            Self::NoEpochFence => "no-epoch-fence",
            Self::CloseBeforeDrain => "close-before-drain",
            Self::NoDedup => "no-dedup",
            Self::AnswerBeforeFsync => "answer-before-fsync",
            Self::StaleSnapshotErasesSpend => "stale-snapshot-erases-spend",
            Self::HomeMovedWithoutFence => "home-moved-without-fence",
            Self::HomeMovedWithoutDrain => "home-moved-without-drain",
            Self::DuplicateGrant => "duplicate-grant",
            Self::CertificateBeforeFsync => "certificate-before-fsync",
            Self::AdviceBeforeFsync => "advice-before-fsync",
            Self::LostLeaseGivenBack => "lost-lease-given-back",
            Self::HoldKeptBesideAdvice => "hold-kept-beside-advice",
            Self::LateQuestionHoldsAgain => "late-question-holds-again",
            Self::FloorAfreshAfterLoss => "floor-afresh-after-loss",
        }
    }

    /// The mutant of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutant| mutant.name() == name)
    }

    /// The properties that it breaks: first the one that it goes against, then what that costs.
    #[must_use]
    pub fn breaks(self) -> &'static [&'static str] {
        match self {
            Self::ReclaimOnExpiry
            | Self::CloseBeforeDrain
            | Self::HomeMovedWithoutFence
            | Self::LostLeaseGivenBack => &[property::CLOSED_IS_DRAINED, property::WITHIN_BOUND],
            Self::NoEpochFence => &[
                property::NO_FENCED_SPEND,
                property::WITHIN_LEASE,
                property::WITHIN_BOUND,
            ],
            Self::NoDedup | Self::LateQuestionHoldsAgain => {
                &[property::ONE_EFFECT, property::WITHIN_BOUND]
            }
            Self::HomeMovedWithoutDrain => &[property::ONE_HOME],
            Self::AnswerBeforeFsync => &[property::DURABLE, property::DRAINED],
            Self::StaleSnapshotErasesSpend | Self::DuplicateGrant | Self::FloorAfreshAfterLoss => {
                &[property::WITHIN_LEASE, property::WITHIN_BOUND]
            }
            Self::CertificateBeforeFsync => {
                &[property::NO_SPEND_AFTER_CLOSE, property::WITHIN_BOUND]
            }
            Self::AdviceBeforeFsync => &[property::ANSWER_WINS, property::DRAINED],
            Self::HoldKeptBesideAdvice => &[property::CONSERVED, property::DRAINED],
        }
    }

    /// The smallest world in which it shows: without what it needs to go wrong nothing would.
    #[must_use]
    pub fn world(self) -> Config {
        let mut world = Config::smallest();
        match self {
            Self::NoEpochFence => world.faults.losses = 1,
            Self::AnswerBeforeFsync | Self::CertificateBeforeFsync => world.faults.crashes = 1,
            Self::AdviceBeforeFsync => {
                world.faults.crashes = 1;
                world.faults.declared = 1;
            }
            Self::LostLeaseGivenBack => world.faults.declared = 1,
            Self::HomeMovedWithoutFence => {
                world.gateways = 2;
                world.faults.moves = 1;
            }
            Self::HomeMovedWithoutDrain => {
                world.gateways = 2;
                world.faults.moves = 1;
                // So that there is something to grant to both.
                world.lease = 1;
            }
            Self::HoldKeptBesideAdvice | Self::LateQuestionHoldsAgain => world.asks = true,
            Self::FloorAfreshAfterLoss => {
                world.faults.losses = 1;
                world.opening = 0;
                world.floor = world.lease;
            }
            Self::ReclaimOnExpiry
            | Self::CloseBeforeDrain
            | Self::NoDedup
            | Self::StaleSnapshotErasesSpend
            | Self::DuplicateGrant => {}
        }
        world.with(self)
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
