//! What can happen next, in words.

use std::fmt;

use crate::words::{Epoch, GatewayNo, PaymentNo, Position};

/// One step of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A payment comes, or comes again; the gateway asks the ledger.
    Ask(PaymentNo, GatewayNo),
    /// The ledger decides a live request.
    LedgerDecides(PaymentNo),
    /// The ledger's answer reaches the gateway, which passes it on.
    LedgerAnswers(PaymentNo),
    /// A payment comes, or comes again, or has waited long enough: stand-in decides and appends.
    StandIn(PaymentNo, GatewayNo),
    /// One sync for all that has gathered.
    Sync(GatewayNo),
    /// The network gets the answer.
    Answer(PaymentNo),
    /// The advice leaves.
    SendAdvice(PaymentNo),
    /// The advice arrives, once more perhaps.
    Book(PaymentNo),
    /// The ledger's acknowledgement arrives.
    Acknowledge(PaymentNo),
    /// The ledger sets money aside for the home.
    Grant,
    /// The grant arrives, once more perhaps.
    TakeGrant(Epoch),
    /// The feed arrives as of this position, which may be old.
    Snapshot(GatewayNo, Position),
    /// The gateway's own clock says that the lease has expired.
    Expire(Epoch),
    /// The order to stop spending, because the home moves, arrives.
    Fence(Epoch),
    /// The gateway appends that the lease is closed.
    Close(Epoch),
    /// The close certificate leaves.
    Certify(Epoch),
    /// The certificate arrives, once more perhaps.
    CloseInBooks(Epoch),
    /// A person declares the lease's gateway lost.
    DeclareLost(Epoch),
    /// A person starts to move the home.
    StartMove(GatewayNo),
    /// The old home is drained.
    FinishMove,
    /// A gateway stops and starts again; so many records of the tail had reached the disk.
    Crash(GatewayNo, u8),
    /// A gateway stops and starts again without what its journal said from this payment on.
    LoseJournal(GatewayNo, PaymentNo),
    /// A person grants the gateway a new journal.
    Renew(GatewayNo),
    /// A gateway and the ledger are cut off from each other.
    Cut(GatewayNo),
    /// They reach each other again.
    Heal(GatewayNo),
    /// Only in a mutant: the ledger takes back what it believes to have expired.
    Reclaim(Epoch),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(payment, gateway) => {
                write!(f, "{payment} comes to {gateway}, which asks the ledger")
            }
            Self::LedgerDecides(payment) => write!(f, "the ledger decides {payment} itself"),
            Self::LedgerAnswers(payment) => {
                write!(f, "the ledger's answer to {payment} is passed on")
            }
            Self::StandIn(payment, gateway) => {
                write!(f, "{gateway} decides {payment} by stand-in, and appends it")
            }
            Self::Sync(gateway) => write!(f, "{gateway} syncs its journal"),
            Self::Answer(payment) => write!(f, "the network is answered {payment}"),
            Self::SendAdvice(payment) => write!(f, "the advice of {payment} leaves"),
            Self::Book(payment) => write!(f, "the advice of {payment} arrives at the ledger"),
            Self::Acknowledge(payment) => {
                write!(f, "the acknowledgement of {payment} arrives at the gateway")
            }
            Self::Grant => write!(f, "the ledger grants the home a lease"),
            Self::TakeGrant(epoch) => write!(f, "the grant of {epoch} arrives"),
            Self::Snapshot(gateway, position) => {
                write!(
                    f,
                    "the feed as of position {} arrives at {gateway}",
                    position.0
                )
            }
            Self::Expire(epoch) => write!(f, "{epoch} expires by its gateway's clock"),
            Self::Fence(epoch) => write!(f, "the order to stop under {epoch} arrives"),
            Self::Close(epoch) => write!(f, "the gateway appends that {epoch} is closed"),
            Self::Certify(epoch) => write!(f, "the close certificate of {epoch} leaves"),
            Self::CloseInBooks(epoch) => {
                write!(
                    f,
                    "the certificate of {epoch} arrives; the rest is available again"
                )
            }
            Self::DeclareLost(epoch) => write!(f, "the gateway of {epoch} is declared lost"),
            Self::StartMove(gateway) => write!(f, "the home starts to move to {gateway}"),
            Self::FinishMove => write!(f, "the old home is drained; the home has moved"),
            Self::Crash(gateway, kept) => {
                write!(
                    f,
                    "{gateway} crashes with {kept} unsynced records on disk, and restarts"
                )
            }
            Self::LoseJournal(gateway, from) => {
                write!(
                    f,
                    "{gateway} restarts with a journal that has lost {from} and what followed"
                )
            }
            Self::Renew(gateway) => write!(f, "a person grants {gateway} a new journal"),
            Self::Cut(gateway) => write!(f, "{gateway} is cut off from the ledger"),
            Self::Heal(gateway) => write!(f, "{gateway} reaches the ledger again"),
            Self::Reclaim(epoch) => write!(f, "the ledger takes {epoch} back because it expired"),
        }
    }
}
