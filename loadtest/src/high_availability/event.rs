use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

/// What happens to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
#[value(rename_all = "kebab-case")]
pub(crate) enum Event {
    /// The primary's node is gone: SIGKILL for Patroni and all of PostgreSQL; it comes back later.
    KillPrimary,
    /// SIGKILL for the postmaster only; Patroni lives.
    KillPostmaster,
    /// The leader key is handed to the synchronous standby, as planned.
    Switchover,
    /// Both standbys are gone for 15 s: commits on the primary hang.
    Standbys,
    /// etcd loses its quorum for 15 s, without failsafe mode.
    Quorum,
    /// The same with failsafe mode.
    QuorumFailsafe,
    /// The primary's node is frozen until another one leads, and thaws then.
    Freeze,
    /// All nodes are lost, and the cluster is made again from a backup taken before the first event.
    Restore,
}

impl Event {
    pub(crate) const ALL: [Self; 8] = [
        Self::KillPrimary,
        Self::KillPostmaster,
        Self::Switchover,
        Self::Standbys,
        Self::Quorum,
        Self::QuorumFailsafe,
        Self::Freeze,
        Self::Restore,
    ];

    /// For people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::KillPrimary => "kill -9 of the primary's node",
            Self::KillPostmaster => "kill -9 of the postmaster only",
            Self::Switchover => "planned switchover",
            Self::Standbys => "both standbys gone for 15 s",
            Self::Quorum => "etcd quorum lost for 15 s",
            Self::QuorumFailsafe => "the same, failsafe_mode",
            Self::Freeze => "primary frozen, thawed later",
            Self::Restore => "restored from a backup",
        }
    }

    /// False where nobody should notice anything.
    pub(crate) fn has_gap(self) -> bool {
        self != Self::QuorumFailsafe
    }

    /// How long it may take from the blow until the ledger decides again and nothing waits.
    pub(crate) fn limit(self) -> Duration {
        Duration::from_secs(match self {
            Self::Switchover | Self::KillPostmaster => 90,
            Self::Restore => 400,
            _ => 150,
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}
