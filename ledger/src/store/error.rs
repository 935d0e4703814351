//! Why the store did not do something.

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing happened; asking again is safe.
    #[error("the store is not available: {0}; nothing was done, ask again")]
    Unavailable(String),
    /// It may have happened.
    #[error("the outcome is unknown: {0}; ask again with the same ids")]
    Unknown(String),
    /// The store refuses something in the batch for ever. Nothing happened.
    #[error("the store refuses the batch: {0}; nothing was done, look for the item that it names")]
    Refused(String),
    /// Somebody else has locked what the batch needs. Nothing happened.
    #[error("an account is in use elsewhere: {0}; nothing was done, ask again with the same ids")]
    Busy(String),
    /// The reader has seen more than there is: these are the books of a server that is not the primary
    /// any more, or restored ones of which nobody said so.
    #[error(
        "the feed is at {position} and the reader is ahead of it; these books are older than what it \
         has seen, ask again"
    )]
    FeedAhead {
        /// The store's last position.
        position: u64,
    },
    /// The reader's epoch is not the store's.
    #[error("the ledger's epoch is {epoch}; list everything again and follow the feed from there")]
    EpochChanged {
        /// The store's epoch.
        epoch: u64,
    },
    /// The store holds what it cannot hold, or the ledger has a fault.
    #[error("the books cannot be read: {0}; a person must look before they are used again")]
    Broken(String),
}
