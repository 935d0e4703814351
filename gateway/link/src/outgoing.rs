//! Messages on their way to the socket, and whether they got there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use zeroize::Zeroizing;

/// A frame that waits to be written.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) frame: Zeroizing<Vec<u8>>,
    /// None where nobody asks.
    pub(crate) fate: Option<Arc<Fate>>,
}

impl Outgoing {
    /// Whether it is to be written. From then on it cannot be withdrawn.
    pub(crate) fn take(&self) -> bool {
        self.fate.as_ref().is_none_or(|fate| fate.take())
    }
}

const QUEUED: u8 = 0;
const TAKEN: u8 = 1;
const WITHDRAWN: u8 = 2;

/// Whether a frame was given to the socket. Decides between "certainly not sent" and "perhaps".
#[derive(Debug, Default)]
pub(crate) struct Fate(AtomicU8);

impl Fate {
    /// True where it was not withdrawn before.
    pub(crate) fn take(&self) -> bool {
        self.leave_queue(TAKEN)
    }

    /// True where it was not taken before, and never will be.
    pub(crate) fn withdraw(&self) -> bool {
        self.leave_queue(WITHDRAWN)
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.0.load(Ordering::Acquire) == TAKEN
    }

    fn leave_queue(&self, next: u8) -> bool {
        self.0
            .compare_exchange(QUEUED, next, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}
