//! The ledger: one account, its leases, its records by id, its home.
//!
//! Stands for `ledger/src/posting.rs` (advices are booked verbatim, once, in any order) and for what
//! grants and closes leases.

use crate::mutants::Mutant;
use crate::words::{Epoch, GatewayNo, LEASES, Money, PAYMENTS, Position, Under, Verdict};

/// How a lease is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeaseState {
    /// Set aside; the gateway may spend it.
    Open,
    /// The gateway has certified that nothing more comes; the rest is available again.
    Closed,
    /// The gateway counts as lost; the rest counts as spent until a person resolves it.
    Suspense,
}

/// A lease in the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Whose it is.
    pub gateway: GatewayNo,
    /// What was set aside.
    pub amount: Money,
    /// What its advices have taken of it.
    pub booked: Money,
    /// How it is.
    pub state: LeaseState,
}

/// What the ledger has under an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Entry {
    /// Never heard of it.
    #[default]
    Unknown,
    /// Its own approval.
    Held,
    /// Its own decline.
    Refused,
    /// An advice said approved: booked verbatim.
    Booked {
        /// What covers it.
        under: Under,
        /// The feed's position that shows it.
        mark: Position,
        /// How often the money was taken: once, unless a mutant takes it again.
        times: u8,
    },
    /// An advice said declined: nothing is held.
    Released,
}

impl Entry {
    /// How often its amount is taken.
    #[must_use]
    pub fn times(self) -> u8 {
        match self {
            Self::Held => 1,
            Self::Booked { times, .. } => times,
            Self::Unknown | Self::Refused | Self::Released => 0,
        }
    }

    /// An advice of it has arrived.
    #[must_use]
    pub fn is_told(self) -> bool {
        matches!(self, Self::Booked { .. } | Self::Released)
    }
}

/// The ledger.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ledger {
    /// The account's available balance.
    pub available: Money,
    /// Leases by epoch.
    pub leases: [Option<Lease>; LEASES],
    /// Records by id.
    pub entries: [Entry; PAYMENTS],
    /// How many advices were booked: the feed's position.
    pub position: Position,
    /// The home of the card.
    pub home: GatewayNo,
    /// Where the home is moving to.
    pub moving_to: Option<GatewayNo>,
    /// An advice came again and was suppressed.
    pub suppressed: bool,
}

impl Ledger {
    /// One account with nothing but its balance.
    #[must_use]
    pub fn new(opening: Money) -> Self {
        Self {
            available: opening,
            leases: [None; LEASES],
            entries: [Entry::Unknown; PAYMENTS],
            position: Position(0),
            home: GatewayNo(0),
            moving_to: None,
            suppressed: false,
        }
    }

    /// Leases with their epochs.
    pub fn leases(&self) -> impl Iterator<Item = (Epoch, Lease)> + '_ {
        let numbered = (1u8..).map(Epoch).zip(self.leases.iter());
        numbered.filter_map(|(epoch, lease)| lease.map(|lease| (epoch, lease)))
    }

    /// The lease, where it was granted.
    #[must_use]
    pub fn lease(&self, epoch: Epoch) -> Option<Lease> {
        self.leases[epoch.index()]
    }

    /// The newest epoch.
    #[must_use]
    pub fn last_epoch(&self) -> Epoch {
        self.leases().last().map_or(Epoch(0), |(epoch, _)| epoch)
    }

    /// Whether the gateway has an open lease.
    #[must_use]
    pub fn has_open(&self, gateway: GatewayNo) -> bool {
        self.leases()
            .any(|(_, lease)| lease.gateway == gateway && lease.state == LeaseState::Open)
    }

    /// What remains of leases in this state.
    #[must_use]
    pub fn rest_of(&self, state: LeaseState) -> Money {
        let leases = self.leases().filter(|(_, lease)| lease.state == state);
        leases.map(|(_, lease)| lease.amount - lease.booked).sum()
    }

    /// Sets money aside for the home, and only then may say so.
    pub fn grant(&mut self, amount: Money) {
        let epoch = Epoch(self.last_epoch().0 + 1);
        self.available -= amount;
        self.leases[epoch.index()] = Some(Lease {
            gateway: self.home,
            amount,
            booked: 0,
            state: LeaseState::Open,
        });
    }

    /// Decides a live request. What an advice has fixed stays as it was told (rule 4).
    pub fn decide(&mut self, payment: usize, amount: Money, mutant: Option<Mutant>) {
        let entry = &mut self.entries[payment];
        match entry {
            Entry::Unknown if self.available >= amount => {
                self.available -= amount;
                *entry = Entry::Held;
            }
            Entry::Unknown => *entry = Entry::Refused,
            Entry::Booked { times, .. } if mutant == Some(Mutant::LateQuestionHoldsAgain) => {
                self.available -= amount;
                *times += 1;
            }
            _ => {}
        }
    }

    /// Books an advice: verbatim, once, whatever was decided here, without a look at the balance.
    pub fn book(
        &mut self,
        payment: usize,
        verdict: Verdict,
        amount: Money,
        mutant: Option<Mutant>,
    ) {
        let had = self.entries[payment];
        if had.is_told() {
            self.suppressed = true;
            if mutant == Some(Mutant::NoDedup) {
                self.book_again(payment, amount);
            }
            return;
        }
        // The answer wins: the hold that the ledger made by itself goes, what was told comes.
        if had == Entry::Held && mutant != Some(Mutant::HoldKeptBesideAdvice) {
            self.available += amount;
        }
        let Verdict::Approve(under) = verdict else {
            self.entries[payment] = Entry::Released;
            return;
        };
        self.position.0 += 1;
        self.take(under, amount);
        self.entries[payment] = Entry::Booked {
            under,
            mark: self.position,
            times: 1,
        };
    }

    fn book_again(&mut self, payment: usize, amount: Money) {
        if let Entry::Booked {
            under,
            ref mut times,
            ..
        } = self.entries[payment]
        {
            // Once more is enough to show it, and keeps the search finite.
            if *times == 1 {
                *times = 2;
                self.take(under, amount);
            }
        }
    }

    fn take(&mut self, under: Under, amount: Money) {
        let lease = match under {
            Under::Lease(epoch) => self.leases[epoch.index()].as_mut(),
            Under::Floor => None,
        };
        match lease {
            Some(lease) if lease.state != LeaseState::Closed => lease.booked += amount,
            _ => self.available -= amount,
        }
    }

    /// A certificate arrived: the only way in which money comes back. One for a lease in suspense is
    /// for the person who resolves it.
    pub fn close(&mut self, epoch: Epoch) {
        if let Some(lease) = &mut self.leases[epoch.index()]
            && lease.state == LeaseState::Open
        {
            lease.state = LeaseState::Closed;
            self.available += lease.amount - lease.booked;
        }
    }

    /// The gateway of this lease counts as lost.
    pub fn suspend(&mut self, epoch: Epoch, mutant: Option<Mutant>) {
        if mutant == Some(Mutant::LostLeaseGivenBack) {
            self.close(epoch);
        } else if let Some(lease) = &mut self.leases[epoch.index()]
            && lease.state == LeaseState::Open
        {
            lease.state = LeaseState::Suspense;
        }
    }

    /// A person moves the home: first the old one is fenced and drained (rule 15).
    pub fn start_move(&mut self, to: GatewayNo, mutant: Option<Mutant>) {
        if mutant != Some(Mutant::HomeMovedWithoutFence) {
            self.moving_to = Some(to);
            return;
        }
        let open: Vec<_> = self.leases().map(|(epoch, _)| epoch).collect();
        for epoch in open {
            self.close(epoch);
        }
        self.home = to;
    }

    /// The old home has no open lease: the new one is the home.
    pub fn finish_move(&mut self) {
        if let Some(to) = self.moving_to.take() {
            self.home = to;
        }
    }

    /// What a lease had left at a position of the feed.
    #[must_use]
    pub fn rest_at(&self, epoch: Epoch, position: Position, amounts: &[Money]) -> Money {
        let Some(lease) = self.lease(epoch) else {
            return 0;
        };
        let shown = self.entries.iter().zip(amounts).filter(|(entry, _)| {
            matches!(entry, Entry::Booked { under: Under::Lease(of), mark, .. }
                if *of == epoch && *mark <= position)
        });
        lease.amount - shown.map(|(_, amount)| *amount).sum::<Money>()
    }
}
