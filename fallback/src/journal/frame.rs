//! The bytes of a segment: a header, then frames back to back, then zeros to the end.
//!
//! Little-endian; every part starts at a multiple of eight. The first eight bytes of a frame and the
//! checksum in its last four keep their meaning in every version.
//!
//! ```text
//! header (128 bytes)                          frame (64 bytes and the payload)
//!   0   8  magic "HOLDFAST"                     0   4  magic "HFJF"
//!   8   4  format version, 1                    4   2  bytes of the whole frame, a multiple of 8
//!  12   4  reserved, 0                          6   1  version, 1
//!  16  32  gateway: SHA-256 of its name         7   1  record type
//!  48   8  epoch, drawn when the journal        8   8  seq: 1 for the first record, no holes
//!          was made                            16   8  synced through: this seq and all before it
//!  56   8  segment number, from 1                      were durable when this was written
//!  64   8  seq of the first frame              24  32  chain value of this frame
//!  72  32  chain value of the frame before     56   n  payload, by type
//! 104   8  bytes of the whole segment        56+n   4  reserved, 0
//! 112  12  reserved, 0
//! 124   4  CRC-32 of bytes 0..124           60+n   4  CRC-32 of all bytes before it
//! ```
//!
//! The chain value of a frame is SHA-256 over the chain value of the frame before, bytes 0..24 and
//! the payload. Before the first frame stands SHA-256 over `holdfast journal`, the gateway's hash and
//! the epoch, so that no frame of another journal continues this one.

use sha2::{Digest, Sha256};

use super::record::{ANSWER_BYTES, Record};

/// A link of the hash chain.
pub(crate) type Chain = [u8; 32];

/// The version that is written, and the only one that is read.
pub(crate) const VERSION: u8 = 1;
/// Bytes of a segment's header.
pub(crate) const HEADER_BYTES: usize = 128;
/// Bytes of a frame without payload: the smallest frame.
pub(crate) const FRAME_BYTES_MIN: usize = CHAIN_TO + TAIL_BYTES;
/// Bytes of the largest frame of version 1: an answer.
pub(crate) const FRAME_BYTES_MAX: usize = FRAME_BYTES_MIN + ANSWER_BYTES;
/// Frames start at multiples of this.
pub(crate) const ALIGNMENT: usize = 8;

const HEADER_MAGIC: [u8; 8] = *b"HOLDFAST";
const FRAME_MAGIC: [u8; 4] = *b"HFJF";
const CHAIN_FROM: usize = 24;
const CHAIN_TO: usize = 56;
const TAIL_BYTES: usize = 8;

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) gateway: [u8; 32],
    pub(crate) epoch: u64,
    pub(crate) segment: u64,
    pub(crate) first_seq: u64,
    pub(crate) chain: Chain,
    pub(crate) bytes: u64,
}

/// Why bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Made by other software.
    Version(u32),
    /// Not a header or frame, or damaged.
    Bytes,
}

/// Where a journal's chain begins.
pub(crate) fn origin(gateway: &[u8; 32], epoch: u64) -> Chain {
    let hash = Sha256::new()
        .chain_update(b"holdfast journal")
        .chain_update(gateway);
    hash.chain_update(epoch.to_le_bytes()).finalize().into()
}

/// How a header knows its gateway.
pub(crate) fn gateway_hash(name: &str) -> [u8; 32] {
    Sha256::digest(name.as_bytes()).into()
}

/// The first eight bytes, as a journal head carries them.
pub(crate) fn short(chain: &Chain) -> u64 {
    chain
        .first_chunk()
        .map_or(0, |first| u64::from_be_bytes(*first))
}

impl Header {
    /// Appends the header.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend(HEADER_MAGIC);
        out.extend(u32::from(VERSION).to_le_bytes());
        out.extend([0; 4]);
        out.extend(self.gateway);
        out.extend(self.epoch.to_le_bytes());
        out.extend(self.segment.to_le_bytes());
        out.extend(self.first_seq.to_le_bytes());
        out.extend(self.chain);
        out.extend(self.bytes.to_le_bytes());
        out.extend([0; 12]);
        put_checksum(out, start);
    }

    /// Reads the header at the start of a segment.
    pub(crate) fn decode(segment: &[u8]) -> Result<Self, Broken> {
        let bytes = segment.first_chunk::<HEADER_BYTES>().ok_or(Broken::Bytes)?;
        if !checksum_holds(bytes) || !bytes.starts_with(&HEADER_MAGIC) {
            return Err(Broken::Bytes);
        }
        let version = u32::from_le_bytes(array(bytes, 8)?);
        if version != u32::from(VERSION) {
            return Err(Broken::Version(version));
        }
        Ok(Self {
            gateway: array(bytes, 16)?,
            epoch: u64::from_le_bytes(array(bytes, 48)?),
            segment: u64::from_le_bytes(array(bytes, 56)?),
            first_seq: u64::from_le_bytes(array(bytes, 64)?),
            chain: array(bytes, 72)?,
            bytes: u64::from_le_bytes(array(bytes, 104)?),
        })
    }
}

/// How many bytes the frame of a record has.
pub(crate) const fn frame_bytes(record: &Record) -> usize {
    FRAME_BYTES_MIN + record.payload_bytes()
}

/// Appends the frame of a record and returns its link of the chain.
pub(crate) fn encode(
    out: &mut Vec<u8>,
    chain: &Chain,
    seq: u64,
    synced_through: u64,
    record: &Record,
) -> Chain {
    let start = out.len();
    let length = u16::try_from(frame_bytes(record)).unwrap_or_default();
    out.extend(FRAME_MAGIC);
    out.extend(length.to_le_bytes());
    out.extend([VERSION, record.kind()]);
    out.extend(seq.to_le_bytes());
    out.extend(synced_through.to_le_bytes());
    out.extend([0; CHAIN_TO - CHAIN_FROM]);
    record.encode(out);
    let frame = out.get_mut(start..).unwrap_or_default();
    let link = next_link(chain, frame);
    if let Some(place) = frame.get_mut(CHAIN_FROM..CHAIN_TO) {
        place.copy_from_slice(&link);
    }
    out.extend([0; 4]);
    put_checksum(out, start);
    link
}

/// A frame whose checksum holds. Whether it continues the chain is another question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) seq: u64,
    pub(crate) synced_through: u64,
    pub(crate) chain: Chain,
    pub(crate) kind: u8,
    pub(crate) payload: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads the frame at the start of `bytes`.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, Broken> {
        if !bytes.starts_with(&FRAME_MAGIC) {
            return Err(Broken::Bytes);
        }
        let length = usize::from(u16::from_le_bytes(array(bytes, 4)?));
        if length < FRAME_BYTES_MIN || !length.is_multiple_of(ALIGNMENT) {
            return Err(Broken::Bytes);
        }
        let bytes = bytes.get(..length).ok_or(Broken::Bytes)?;
        if !checksum_holds(bytes) {
            return Err(Broken::Bytes);
        }
        let [version, kind] = array(bytes, 6)?;
        if version != VERSION {
            return Err(Broken::Version(u32::from(version)));
        }
        let payload = bytes
            .get(CHAIN_TO..length - TAIL_BYTES)
            .ok_or(Broken::Bytes)?;
        Ok(Self {
            seq: u64::from_le_bytes(array(bytes, 8)?),
            synced_through: u64::from_le_bytes(array(bytes, 16)?),
            chain: array(bytes, CHAIN_FROM)?,
            kind,
            payload,
            bytes,
        })
    }

    /// True where this is the frame that comes after `chain` and has this sequence number.
    pub(crate) fn continues(&self, chain: &Chain, seq: u64) -> bool {
        let hashed = self
            .bytes
            .get(..self.bytes.len() - TAIL_BYTES)
            .unwrap_or_default();
        self.seq == seq && self.synced_through < seq && self.chain == next_link(chain, hashed)
    }

    /// Bytes of the whole frame.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// `frame` ends with its payload.
fn next_link(chain: &Chain, frame: &[u8]) -> Chain {
    let head = frame.get(..CHAIN_FROM).unwrap_or_default();
    let payload = frame.get(CHAIN_TO..).unwrap_or_default();
    let hash = Sha256::new()
        .chain_update(chain)
        .chain_update(head)
        .chain_update(payload);
    hash.finalize().into()
}

fn put_checksum(out: &mut Vec<u8>, start: usize) {
    let checksum = crc32fast::hash(out.get(start..).unwrap_or_default());
    out.extend(checksum.to_le_bytes());
}

fn checksum_holds(bytes: &[u8]) -> bool {
    bytes
        .split_last_chunk::<4>()
        .is_some_and(|(body, sum)| crc32fast::hash(body).to_le_bytes() == *sum)
}

fn array<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], Broken> {
    let field = bytes.get(offset..).and_then(|rest| rest.first_chunk());
    field.copied().ok_or(Broken::Bytes)
}
