//! How large the searched world is.

use crate::mutants::Mutant;
use crate::state::Budget;
use crate::words::{LEASES, Money, PAYMENTS};

/// A world: how much money, how many payments and leases, what may go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What it is called on the command line.
    pub name: &'static str,
    /// The balance of the account at the start.
    pub opening: Money,
    /// What a lease is meant to be; less where less is available.
    pub lease: Money,
    /// How many leases the ledger may grant.
    pub leases: u8,
    /// What a gateway may approve without a lease.
    pub floor: Money,
    /// How many gateways there are.
    pub gateways: u8,
    /// How many payments come.
    pub payments: u8,
    /// What each of them costs.
    pub amounts: [Money; PAYMENTS],
    /// Gateways may ask the ledger first.
    pub asks: bool,
    /// What may go wrong.
    pub faults: Budget,
    /// The one thing that the protocol does wrong.
    pub mutant: Option<Mutant>,
}

impl Config {
    /// The worlds, smallest first.
    #[must_use]
    pub fn all() -> Vec<Self> {
        vec![
            Self::smallest(),
            Self::one_gateway(),
            Self::home_moves(),
            Self::floors(),
            Self::ledger_asked(),
            Self::journal_and_home(),
            Self::everything(),
            Self::large(),
        ]
    }

    /// One gateway, money for one payment, two payments, and nothing that goes wrong but the order of
    /// events. What is done wrong in it shows in few steps.
    #[must_use]
    pub fn smallest() -> Self {
        Self {
            opening: 2,
            gateways: 1,
            amounts: [2; PAYMENTS],
            ..Self::base("smallest")
        }
    }

    /// Those that are searched in minutes.
    #[must_use]
    pub fn searched_by_default() -> Vec<Self> {
        let mut worlds = Self::all();
        worlds.retain(|config| config.name != "large");
        worlds
    }

    /// The world of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|config| config.name == name)
    }

    fn base(name: &'static str) -> Self {
        Self {
            name,
            opening: 3,
            lease: 2,
            leases: 2,
            floor: 0,
            gateways: 2,
            payments: 2,
            amounts: [1, 1, 2, 1],
            asks: false,
            faults: Budget {
                crashes: 0,
                losses: 0,
                cuts: 0,
                moves: 0,
                declared: 0,
            },
            mutant: None,
        }
    }

    /// One gateway that crashes, loses its journal, is declared lost.
    #[must_use]
    pub fn one_gateway() -> Self {
        Self {
            gateways: 1,
            faults: Budget {
                crashes: 1,
                losses: 1,
                cuts: 0,
                moves: 0,
                declared: 1,
            },
            ..Self::base("one-gateway")
        }
    }

    /// Two gateways, one of them cut off, and a home that moves.
    #[must_use]
    pub fn home_moves() -> Self {
        Self {
            faults: Budget {
                crashes: 1,
                losses: 0,
                cuts: 1,
                moves: 1,
                declared: 0,
            },
            ..Self::base("home-moves")
        }
    }

    /// Limits without a lease: money at risk, and the bound.
    #[must_use]
    pub fn floors() -> Self {
        Self {
            opening: 2,
            leases: 1,
            floor: 1,
            amounts: [1; PAYMENTS],
            faults: Budget {
                crashes: 0,
                losses: 1,
                cuts: 0,
                moves: 0,
                declared: 0,
            },
            ..Self::base("floors")
        }
    }

    /// The ledger is asked, answers late, and the advice meets what it has decided itself.
    #[must_use]
    pub fn ledger_asked() -> Self {
        Self {
            gateways: 1,
            leases: 1,
            asks: true,
            faults: Budget {
                crashes: 1,
                losses: 0,
                cuts: 0,
                moves: 0,
                declared: 0,
            },
            ..Self::base("ledger-asked")
        }
    }

    /// Journals are lost while the home moves.
    #[must_use]
    pub fn journal_and_home() -> Self {
        Self {
            faults: Budget {
                crashes: 0,
                losses: 1,
                cuts: 0,
                moves: 1,
                declared: 0,
            },
            ..Self::base("journal-and-home")
        }
    }

    /// Everything goes wrong around one payment.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            payments: 1,
            asks: true,
            faults: Budget {
                crashes: 1,
                losses: 1,
                cuts: 1,
                moves: 1,
                declared: 1,
            },
            ..Self::base("everything")
        }
    }

    /// Two payments that the ledger is asked about, journals that are lost and a home that moves.
    #[must_use]
    pub fn large() -> Self {
        Self {
            name: "large",
            asks: true,
            ..Self::journal_and_home()
        }
    }

    /// The same with something done wrong.
    #[must_use]
    pub fn with(mut self, mutant: Mutant) -> Self {
        self.mutant = Some(mutant);
        self
    }

    /// Whether this is done wrong.
    #[must_use]
    pub fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// How many leases fit.
    #[must_use]
    pub fn leases_max(&self) -> u8 {
        self.leases.min(LEASES as u8)
    }

    /// The most that can be lost: all floors.
    #[must_use]
    pub fn bound(&self) -> Money {
        Money::try_from(self.gateways).unwrap_or(Money::MAX) * self.floor
    }
}
