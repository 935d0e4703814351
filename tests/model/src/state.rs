//! Everything at one moment: the ledger, the gateways, the payments, and what may still go wrong.

use crate::config::Config;
use crate::gateway::Gateway;
use crate::ledger::Ledger;
use crate::words::{Epochs, GATEWAYS, GatewayNo, PAYMENTS, Told, Verdict};

/// One payment as the outside sees it, and its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Payment {
    /// The gateway it came to.
    pub at: Option<GatewayNo>,
    /// The gateway has asked the ledger: from here on the question may arrive at any time.
    pub asked: bool,
    /// The gateway waits for the ledger's answer.
    pub waits: bool,
    /// The advice that was sent: from here on it may arrive at any time, any number of times.
    pub advice: Option<Verdict>,
    /// What the network was answered.
    pub told: Told,
    /// Its durable record went with a journal.
    pub lost: bool,
}

/// How much may still go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Crashes with restart.
    pub crashes: u8,
    /// Journals lost or rolled back.
    pub losses: u8,
    /// Times that a gateway is cut off from the ledger.
    pub cuts: u8,
    /// Moves of the home.
    pub moves: u8,
    /// Leases that a person declares lost, rightly or wrongly.
    pub declared: u8,
}

/// What must never be done, noted when it is done: the state afterwards would not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Fouls {
    /// An approval under a lease whose journal was lost.
    pub under_fence: bool,
    /// An approval under a lease whose certificate was sent.
    pub after_close: bool,
}

/// A state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The books.
    pub ledger: Ledger,
    /// The gateways.
    pub gateways: [Gateway; GATEWAYS],
    /// The payments.
    pub payments: [Payment; PAYMENTS],
    /// Close certificates that were sent: each may arrive at any time, any number of times.
    pub certificates: Epochs,
    /// How much may still go wrong.
    pub budget: Budget,
    /// What must never be done.
    pub fouls: Fouls,
}

impl State {
    /// Before anything has happened.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            ledger: Ledger::new(config.opening),
            gateways: std::array::from_fn(|_| Gateway::default()),
            payments: [Payment::default(); PAYMENTS],
            certificates: Epochs::default(),
            budget: config.faults,
            fouls: Fouls::default(),
        }
    }

    /// The gateway.
    #[must_use]
    pub fn gateway(&self, gateway: GatewayNo) -> &Gateway {
        &self.gateways[gateway.index()]
    }

    /// The gateway, to change it.
    pub fn gateway_mut(&mut self, gateway: GatewayNo) -> &mut Gateway {
        &mut self.gateways[gateway.index()]
    }
}
