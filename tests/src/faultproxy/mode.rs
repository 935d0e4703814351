use serde::{Deserialize, Serialize};

/// What the proxy does to connections and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Mode {
    /// Forwards everything at once.
    #[default]
    Pass,
    /// Resets every connection, new ones too.
    Cut,
    /// Accepts and forwards nothing; what has arrived is forwarded when the stall ends.
    Stall,
    /// Forwards requests and drops replies: the ledger commits, nobody hears. Connections that lost
    /// bytes are reset when the mode ends.
    ReplyLost,
    /// Delays every request.
    Slow {
        /// By this many milliseconds,
        latency_ms: u64,
        /// and up to so many more.
        jitter_ms: u64,
    },
    /// A brown-out: of the requests, some are answered late, some hang, some meet a reset, the
    /// others pass. Shares are fractions of one; their sum is at most one.
    Grey {
        /// Delayed by `latency_ms`.
        slow_share: f64,
        /// Never answered; its connection hangs for as long as the brown-out lasts.
        hang_share: f64,
        /// Connection reset.
        refuse_share: f64,
        /// How late the slow ones are, in milliseconds.
        latency_ms: u64,
    },
}
