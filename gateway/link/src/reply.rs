use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use iso8583::{DecodeError, Message, Profile, decode};
use zeroize::Zeroizing;

/// A request of this process; a late answer names the one that waited in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u64);

impl RequestId {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// An answer. Its bytes are overwritten when it is dropped, and not printed.
pub struct Reply {
    bytes: Zeroizing<Vec<u8>>,
    profile: Arc<Profile>,
}

impl Reply {
    pub(crate) fn new(message: &[u8], profile: &Arc<Profile>) -> Self {
        Self {
            bytes: Zeroizing::new(message.to_vec()),
            profile: Arc::clone(profile),
        }
    }

    /// The answer, read where it lies.
    ///
    /// # Errors
    /// None that is known: it was read before it was matched.
    pub fn message(&self) -> Result<Message<'_>, DecodeError> {
        decode(&self.profile, &self.bytes)
    }

    /// Field 39; empty where there is none.
    pub fn response_code(&self) -> String {
        let message = self.message().ok();
        let code = message.and_then(|message| message.field(39).map(|code| code.to_text()));
        code.unwrap_or_default()
    }

    /// The message as it came, without framing. It may hold card data.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// As the profile allows: no card data.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message() {
            Ok(message) => message.fmt(f),
            Err(error) => error.fmt(f),
        }
    }
}

/// An answer that came after its request had stopped waiting. Whoever asked for money has to take it
/// back: the cardholder was told something else by then.
#[derive(Debug)]
pub struct Late {
    /// Whose it is: [`crate::LinkError::NoAnswer`] named it.
    pub id: RequestId,
    /// From the first sending to the answer.
    pub after: Duration,
    /// The answer.
    pub reply: Reply,
}
