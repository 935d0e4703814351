use std::io;
use std::time::Duration;

use iso8583::frame::FrameError;
use iso8583::{DecodeError, EncodeError, Mti};

use crate::RequestId;

/// Why there is no answer, or no link. [`LinkError::retry`] says what may be done about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Nobody took the connection.
    #[error("no connection to {address}: {cause}; nothing was sent: use another link or try later")]
    Connect {
        /// Whom it was for.
        address: String,
        /// What the system says.
        cause: io::Error,
    },
    /// TLS cannot be set up with what was given.
    #[error("TLS cannot be set up: {0}; nothing was sent: correct the certificates or the name")]
    Tls(String),
    /// The sign-on was answered, and not with yes.
    #[error(
        "the sign-on was answered {code}; no request was sent: ask the peer's people, use another link"
    )]
    SignOn {
        /// Field 39.
        code: String,
    },
    /// The message is none of the profile.
    #[error("the message cannot be read: {0}; it was not sent, and never can be")]
    Unreadable(#[from] DecodeError),
    /// The message cannot be written.
    #[error("the message cannot be written: {0}; it was not sent, and never can be")]
    Unwritable(#[from] EncodeError),
    /// The message does not fit the framing.
    #[error("{0}; it was not sent, and never can be")]
    Frame(#[from] FrameError),
    /// Nobody answers such a message.
    #[error("nobody answers a {0}: it was not sent; send a request or an advice")]
    NotARequest(Mti),
    /// Without it no answer can be matched.
    #[error("field {0} is missing: the answer could not be matched; it was not sent: set it")]
    NoKey(u8),
    /// The message carries a code over its bytes.
    #[error(
        "the message has an authentication code, and a repeat would need another: it was not sent; \
         send it with `request`, and its repeats too"
    )]
    Sealed,
    /// A request with this key waits for its answer.
    #[error(
        "a request with the same type, fields 11, 7, 32 and 41 waits for its answer: this one was \
         not sent; wait for that answer, or use another field 11"
    )]
    Duplicate,
    /// So many wait already.
    #[error(
        "{in_flight} requests wait for answers, as many as are allowed: this one was not sent; a \
         retry is safe, here later or on another link"
    )]
    Busy {
        /// How many wait.
        in_flight: usize,
    },
    /// The peer asked for traffic to go elsewhere.
    #[error("the peer signed off: the request was not sent; a retry on another link is safe")]
    SignedOff,
    /// This side closes the link.
    #[error("the link is being closed: the request was not sent; a retry on another link is safe")]
    Closing,
    /// The link had ended before.
    #[error("the link has ended ({0}): the request was not sent; a retry on another link is safe")]
    Ended(Ending),
    /// No link of a pool takes requests.
    #[error(
        "none of {links} links takes requests: the request was not sent; a retry later is safe"
    )]
    NoLink {
        /// How many there should be.
        links: usize,
    },
    /// The deadline passed while the message still waited to be written.
    #[error(
        "not written within {after:?}, the peer does not read: the request was not sent; a retry on \
         another link is safe"
    )]
    NotSent {
        /// How long it waited.
        after: Duration,
    },
    /// It was sent, and not answered in time.
    #[error(
        "sent {sent} times, no answer within {after:?}: it may have been carried out; send it again \
         as a repeat only, or reverse it, also if a late answer comes"
    )]
    NoAnswer {
        /// What a late answer will name.
        id: RequestId,
        /// How often it was sent.
        sent: u32,
        /// How long it waited in all.
        after: Duration,
    },
    /// It was written, or half of it, when the link ended.
    #[error(
        "the link ended ({ending}) before the answer came: the request may have been carried out; \
         send it again as a repeat only, or reverse it"
    )]
    Lost {
        /// What ended it.
        ending: Ending,
        /// How often it was sent.
        sent: u32,
    },
}

/// What may be done with a request that has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It was not sent: sending it elsewhere, as it is, is safe.
    Safe,
    /// It may have been carried out: send it as a repeat with the same content, or reverse it.
    AsRepeat,
    /// It is wrong in itself, and would be refused again.
    Never,
}

impl LinkError {
    /// Whether the request may be sent again.
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Connect { .. }
            | Self::SignOn { .. }
            | Self::Busy { .. }
            | Self::SignedOff
            | Self::Closing
            | Self::Ended(_)
            | Self::NoLink { .. }
            | Self::NotSent { .. } => Retry::Safe,
            Self::NoAnswer { .. } | Self::Lost { .. } => Retry::AsRepeat,
            Self::Tls(_)
            | Self::Unreadable(_)
            | Self::Unwritable(_)
            | Self::Frame(_)
            | Self::NotARequest(_)
            | Self::NoKey(_)
            | Self::Sealed
            | Self::Duplicate => Retry::Never,
        }
    }
}

/// What ended a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ending {
    /// This side closed it.
    #[error("closed by us")]
    Closed,
    /// The peer closed it, between two messages.
    #[error("closed by the peer")]
    PeerClosed,
    /// The peer closed it in the middle of a message.
    #[error("closed by the peer within a message")]
    Torn,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(io::ErrorKind),
    /// The peer took no bytes for too long.
    #[error("the peer does not read")]
    NotRead,
    /// What came cannot be divided into messages.
    #[error("{0}")]
    Frame(#[from] FrameError),
    /// An echo was not answered.
    #[error("an echo was not answered")]
    NoEcho,
    /// The peer asked faster than it took answers.
    #[error("the peer takes no answers")]
    Flooded,
}
