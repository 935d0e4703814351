use std::sync::Arc;
use std::time::Duration;

use iso8583::Profile;
use iso8583::frame::{Framing, LENGTH_MAX_DEFAULT, Routing};
use iso8583::profile::ASCII_HEX;

/// What both sides of a link agreed on, and how patient this side is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The dialect. ascii-hex unless set.
    pub profile: Arc<Profile>,
    /// What stands in front of messages. Two bytes of length unless set.
    pub framing: Framing,
    /// The addresses of requests, where the framing has some.
    pub routing: Routing,
    /// The longest message that is taken, in bytes.
    pub length_max: u16,
    /// How network management messages are written.
    pub network: Network,
    /// Whether the link signs on when it is made, and off when it is closed.
    pub signs_on: bool,
    /// Whether requests are refused after a sign-off of the peer. Who has no other link may go on
    /// sending.
    pub heeds_sign_off: bool,
    /// How long connecting may take, with TLS.
    pub connect_patience: Duration,
    /// How long an answer to sign-on, sign-off and echo may take.
    pub network_patience: Duration,
    /// After so long without a word an echo is sent; never where `None`. A link whose echo is not
    /// answered is closed.
    pub echo_after: Option<Duration>,
    /// How long the peer may take no bytes before the link is given up.
    pub write_patience: Duration,
    /// Requests that may wait for answers at once; more are refused before they are sent.
    pub in_flight_max: usize,
    /// Requests without an answer that are remembered, so that a late one is known, and late answers
    /// that wait to be fetched.
    pub late_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: Arc::new(ASCII_HEX.clone()),
            framing: Framing::default(),
            routing: Routing::default(),
            length_max: LENGTH_MAX_DEFAULT,
            network: Network::ISO_1987,
            signs_on: true,
            heeds_sign_off: true,
            connect_patience: Duration::from_secs(3),
            network_patience: Duration::from_secs(5),
            echo_after: Some(Duration::from_secs(60)),
            write_patience: Duration::from_secs(10),
            in_flight_max: 1_024,
            late_max: 1_024,
        }
    }
}

/// How a dialect writes network management: the field that says what is meant, and its codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The number of the field.
    pub field: u8,
    /// I am ready for traffic.
    pub sign_on: &'static str,
    /// Send elsewhere.
    pub sign_off: &'static str,
    /// Are you there?
    pub echo: &'static str,
    /// Field 39 of an answer that accepts.
    pub accepted: &'static str,
    /// Field 39 of an answer to any other code.
    pub not_supported: &'static str,
}

impl Network {
    /// Field 70 with 001, 002 and 301.
    pub const ISO_1987: Self = Self {
        field: 70,
        sign_on: "001",
        sign_off: "002",
        echo: "301",
        accepted: "00",
        not_supported: "40",
    };
}

/// How long a request waits, and how often it is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeats {
    /// How long each sending waits for an answer.
    pub patience: Duration,
    /// How many times it is sent again at most.
    pub count: u8,
}
