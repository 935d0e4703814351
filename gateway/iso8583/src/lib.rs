//! ISO 8583: bytes to message and back. A codec and nothing else: no sockets, no money, no policy.
//!
//! ISO 8583 is how card networks talk to issuers. One message is
//!
//! ```text
//! 0100             message type: version 0 (1987), class 1 (authorization), function 0 (request),
//!                  origin 0 (acquirer)
//! 7220000000800000 bitmap, 64 bits in hex: bit n says that field n follows (here 2 3 4 7 11 41);
//!                  bit 1 says that a second bitmap follows, for fields 65 to 128
//! 16411111…        the fields, in ascending order, nothing between them
//! ```
//!
//! A field has no tag. Where it ends is known only from a table that both sides agreed on: fixed
//! length, or a length of two (LLVAR) or three (LLLVAR) digits in front. So one wrong byte can
//! shift everything behind it, and a decoder has to be strict: it checks every field's characters
//! and length, and refuses bytes that nobody announced.
//!
//! That table is a [`Profile`]: data, one row per field, with columns that say how its characters
//! travel and how secret it is. Seven are built in, five dialects of 1987 and the differences of
//! 1993 and 2003 (see [`profile`]); more can be read from a file.
//!
//! The fields every authorization needs: 2 card number (the *PAN*), 3 processing code, 4 amount in
//! minor units, 7 transmission time (MMDDhhmmss, UTC, no year), 11 trace number (*STAN*),
//! 32 acquirer, 37 retrieval reference (*RRN*), 39 response code (00 is yes, 30 is "I cannot read
//! this"), 41 terminal, 42 merchant, 49 currency, 90 what a reversal takes back.
//!
//! An answer has the request's message type with the function digit raised by one, echoes the
//! fields that identify the request, and adds field 39. That is the whole conversation:
//!
//! ```
//! use iso8583::{MessageBuilder, Mti, profile::ASCII_HEX};
//!
//! let mut request = MessageBuilder::new(&ASCII_HEX, Mti::M0100);
//! request.set(2, "4111111111111111")?.set(3, "000000")?.set(4, "000000010000")?;
//! request.set(7, "1122083400")?.set(11, "123456")?.set(41, "TERM0001")?;
//! let bytes = request.encode();
//! assert!(bytes.starts_with(b"01007220000000800000164111111111111111"));
//!
//! let message = iso8583::decode(&ASCII_HEX, &bytes)?;
//! assert!(message.field(4).is_some_and(|amount| amount == "000000010000"));
//! assert_eq!(message.field(2), None, "a card number does not come out by accident");
//! assert_eq!(format!("{:?}", message.pan()), "Some(Pan(411111******1111))");
//!
//! if let Some(mti) = message.mti().response() {
//!     let mut answer = MessageBuilder::new(&ASCII_HEX, mti);
//!     answer.echo(&message, &[2, 3, 4, 7, 11, 41])?.set(39, "00")?;
//!     assert!(answer.encode().starts_with(b"0110"));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! When [`decode`] refuses, its error names the field, the byte and the reason, and [`salvage`]
//! gives what can be read all the same, enough to answer with field 39 = 30. Reading allocates
//! nothing and borrows the caller's bytes; [`Encoder`] writes into the caller's buffer.

#![forbid(unsafe_code)]

mod bitmap;
mod builder;
mod coding;
pub mod composite;
mod content;
mod decode;
mod encoder;
mod field;
pub mod frame;
mod header;
mod message;
mod mti;
mod packed;
mod pan;
mod pin_block;
mod prefix;
pub mod presence;
pub mod profile;
mod reason;
mod step;
mod swar;
pub mod tlv;
mod track;
mod value;

pub use builder::MessageBuilder;
pub use coding::{CodePage, Coding, Pad, PadNibble, Side};
pub use content::Content;
pub use decode::{decode, salvage};
pub use encoder::Encoder;
pub use field::{Field, Length, Secrecy};
pub use header::{Base1, Header};
pub use message::Message;
pub use mti::{Class, Function, Mti, MtiError, Origin};
pub use pan::{Pan, PanError};
pub use pin_block::PinBlock;
pub use prefix::{Counts, Prefix, PrefixCoding};
pub use profile::Profile;
pub use reason::{DecodeError, EncodeError, Reason};
pub use track::Track2;
pub use value::Value;

/// The example of the README is run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
