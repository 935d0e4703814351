//! A client's side of an ISO 8583 link: what a processor or a load generator needs to talk to a host.
//!
//! A [`Connection`] has many requests in flight at once. Their answers come in any order and are
//! matched by message type and fields 11 and 7, and by 32 and 41 where both sides have them. A request
//! that is not answered says whether it was sent ([`LinkError::retry`]): what was never written may be
//! sent elsewhere as it is, anything else only as a repeat. An answer that comes after its request
//! stopped waiting is kept ([`Connection::late`]), so that it can be reversed.
//!
//! ```no_run
//! use std::time::Duration;
//! use iso8583::{MessageBuilder, Mti, profile::ASCII_HEX};
//! use iso8583_link::{Address, Connection, Repeats, Settings};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let link = Connection::connect(&Address::tcp("127.0.0.1:7411"), Settings::default()).await?;
//! let mut request = MessageBuilder::new(&ASCII_HEX, Mti::M0100);
//! request.set(7, "1122083400")?.set(11, "123456")?; // and more
//! let repeats = Repeats { patience: Duration::from_secs(2), count: 2 };
//! let reply = link.request_with_repeats(&request.encode(), repeats).await?;
//! println!("{}", reply.response_code());
//! link.close(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```
//!
//! A [`Pool`] keeps several links up and sends each request over one that takes it.
//!
//! The link signs on and off, sends an echo when nothing was heard for a while, and answers the peer's
//! network management. Its queues are bounded, its clock is tokio's, and buffers that held messages
//! are overwritten.

#![forbid(unsafe_code)]

mod address;
mod clock;
mod connection;
mod counts;
mod error;
mod key;
mod network;
mod outgoing;
mod pool;
mod reply;
mod settings;
mod shared;
mod table;
mod tasks;
mod ticket;
#[cfg(feature = "tls")]
mod tls;

pub use address::Address;
pub use connection::{Connection, State};
pub use counts::Counts;
pub use error::{Ending, LinkError, Retry};
pub use pool::{Pool, PoolSettings};
pub use reply::{Late, Reply, RequestId};
pub use settings::{Network, Repeats, Settings};
#[cfg(feature = "tls")]
pub use tls::Tls;
#[cfg(feature = "tls")]
pub use tokio_rustls;

/// The example of the README is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
