//! What can be wrong with a journal on its disk, and what was found there.

use ledger_api::GatewayId;

use super::record::RecordError;

/// A journal that cannot be opened. Nothing was changed, unless the disk itself failed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system refused.
    #[error("{file}: {source}; nothing is lost: repair the disk and start again")]
    Disk {
        /// Which file.
        file: String,
        /// What it said.
        source: std::io::Error,
    },
    /// Written by other software.
    #[error(
        "{file}, byte {offset}: format version {version} is not known here; start a release that \
         knows it, never edit the file"
    )]
    UnknownVersion {
        /// Which file.
        file: String,
        /// Where in the file.
        offset: u64,
        /// The version found.
        version: u32,
    },
    /// A record that was written whole and cannot be read.
    #[error(
        "{file}, byte {offset}: {source}; it was written by other software: start the release that \
         wrote it"
    )]
    UnknownRecord {
        /// Which file.
        file: String,
        /// Where in the file.
        offset: u64,
        /// What is wrong with it.
        source: RecordError,
    },
    /// The journal of somebody else.
    #[error(
        "{file} is the journal of another gateway, not of {gateway}; check the data directory and \
         the name"
    )]
    OtherGateway {
        /// Which file.
        file: String,
        /// Who asked.
        gateway: GatewayId,
    },
    /// A segment is not there.
    #[error("{file} is missing and later ones are there; {CURE}")]
    MissingSegment {
        /// Which file.
        file: String,
    },
    /// A segment is shorter or longer than it was made.
    #[error("{file} has {bytes} bytes, which is not the size it was made with; {CURE}")]
    Resized {
        /// Which file.
        file: String,
        /// How many it has.
        bytes: u64,
    },
    /// Durable bytes are not what was written (I14).
    #[error(
        "{file}, byte {offset}: record {seq} is damaged, and {witness} proves that it was durable; \
         {CURE}"
    )]
    Damaged {
        /// Which file.
        file: String,
        /// Where the last readable record ends.
        offset: u64,
        /// The record that should be there.
        seq: u64,
        /// What proves it.
        witness: String,
    },
    /// A thread could not be started.
    #[error("the journal's threads cannot be started: {0}; raise the limit of threads")]
    Threads(std::io::Error),
}

const CURE: &str = "restore the file from a copy of this disk; without one, move the directory \
                    away and keep it: the gateway then starts a new journal, and stand-in needs an \
                    operator's grant";

/// What was found at the start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// How many records were read.
    pub records: u64,
    /// What was cut off, if anything was.
    pub torn: Option<TornTail>,
}

/// Bytes behind the last whole record: a write that a crash cut short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The file in which it starts.
    pub file: String,
    /// Where in the file.
    pub offset: u64,
    /// How many bytes, zeros inside included, over all files.
    pub bytes: u64,
}
