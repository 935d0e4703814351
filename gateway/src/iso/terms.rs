//! What was agreed with the peers of a link.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use iso8583::Profile;
use iso8583::frame::{Framing, LENGTH_MAX_DEFAULT};
use iso8583::profile::ASCII_HEX;

use super::management::Codes;
use super::tls::Tls;
use crate::identity::DEFAULT_NETWORK;

/// One link: where it listens, how its messages are written, and how long what may take.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Its name, in logs, metrics and the status.
    pub name: Arc<str>,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The network that it belongs to, as in the ids of its payments (rule 1).
    pub network: Arc<str>,
    /// How its messages are written.
    pub profile: &'static Profile,
    /// What stands in front of each message.
    pub framing: Framing,
    /// The longest message, in bytes.
    pub frame_max: u16,
    /// A frame must be complete so long after its first byte, however slowly the rest drips.
    pub frame_patience: Duration,
    /// A connection without a word for so long is closed.
    pub idle_patience: Duration,
    /// A peer that takes no answer for so long is gone.
    pub write_patience: Duration,
    /// After so long without a word we send an echo; `None` sends none.
    pub echo_after: Option<Duration>,
    /// How long a peer may take to answer a sign-on or an echo of ours.
    pub answer_patience: Duration,
    /// Connections at once; `None` is as many as the process may have.
    pub connections_max: Option<usize>,
    /// Requests of one connection that may have no answer yet; then nothing more is read from it.
    pub in_flight_max: usize,
    /// Whether we sign on when a peer connects.
    pub sign_on: bool,
    /// Whether we sign off when the gateway drains.
    pub sign_off: bool,
    /// DE70 by purpose.
    pub codes: Codes,
    /// The private field with what was checked upstream; see [`crate::verification`].
    pub verification_field: Option<u8>,
    /// Whether the terminals behind it take less than they ask for.
    pub partial_approval: bool,
    /// TLS; `None` is plain TCP.
    pub tls: Option<Tls>,
}

impl Terms {
    /// A link of this name at this address, and everything else as usual.
    pub fn new(name: &str, listen: SocketAddr) -> Self {
        Self {
            name: name.into(),
            listen,
            network: DEFAULT_NETWORK.into(),
            profile: &ASCII_HEX,
            framing: Framing::Be2,
            frame_max: LENGTH_MAX_DEFAULT,
            frame_patience: Duration::from_secs(5),
            idle_patience: Duration::from_secs(300),
            write_patience: Duration::from_secs(10),
            echo_after: None,
            answer_patience: Duration::from_secs(10),
            connections_max: None,
            in_flight_max: 1_024,
            sign_on: false,
            sign_off: true,
            codes: Codes::default(),
            verification_field: None,
            partial_approval: false,
            tls: None,
        }
    }
}

/// What an operator wants to see of it in a line.
impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (profile, framing) = (self.profile.name(), self.framing);
        write!(
            f,
            "network {}, profile {profile}, framing {framing}, ",
            self.network
        )?;
        f.write_str(match &self.tls {
            None => "plain TCP",
            Some(tls) if tls.asks_for_certificates() => "TLS with client certificates",
            Some(_) => "TLS",
        })
    }
}
