//! Which commands wait together, and which must not wait for each other.

use super::Command;

/// Commands of different lanes go into different transactions, so that a backlog of advices or the
/// desk's work does not hold up a payment. In order of urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// A cardholder waits.
    Live,
    /// A gateway tells what was decided already.
    Advices,
    /// Somebody changes accounts, cards or grants.
    Desk,
}

impl Lane {
    /// Every lane, in order of urgency.
    pub const ALL: [Self; 3] = [Self::Live, Self::Advices, Self::Desk];

    /// The lane of commands that belong together: the least urgent of theirs.
    pub fn of(commands: &[Command]) -> Self {
        let lanes = commands.iter().map(Command::lane);
        lanes.max().unwrap_or(Self::Live)
    }
}

impl Command {
    /// The lane in which it waits.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Authorize { .. } => Lane::Live,
            Self::Advise { .. }
            | Self::Settle { .. }
            | Self::Release(_)
            | Self::Expire { .. }
            | Self::NoteHead { .. } => Lane::Advices,
            Self::OpenAccount(_)
            | Self::CloseAccount(_)
            | Self::PutCard(_)
            | Self::GrantJournal { .. }
            | Self::Resolve { .. } => Lane::Desk,
        }
    }
}
