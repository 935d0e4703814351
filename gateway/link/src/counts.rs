use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What passed over a link since it was made.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The same, counting.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            pub(crate) fn read(&self) -> Counts {
                Counts { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counts! {
    /// Messages written: requests, repeats, and answers of ours.
    sent,
    /// Requests that were sent again.
    repeated,
    /// Answers that came to somebody who waited.
    answered,
    /// Answers whose request had stopped waiting.
    late,
    /// Late answers that nobody fetched, so that there was no room for them.
    late_dropped,
    /// Answers to nothing that is known: the second of two, or to another's request.
    unmatched,
    /// Messages that cannot be read in the dialect of the link.
    unreadable,
    /// Requests of the peer that are not network management. A client does not answer them.
    unasked,
    /// Network management requests of the peer, all of them answered.
    managed,
    /// Polls of the peer, all of them answered.
    polls,
}

/// One number.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, number: usize) {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        self.0.fetch_add(number, Ordering::Relaxed);
    }
}
