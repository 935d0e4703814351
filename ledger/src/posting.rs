//! The rules. A store loads what a batch of commands needs, [`decide`] decides in memory, the store
//! numbers the changes and writes them:
//!
//! | phase | who | what |
//! |---|---|---|
//! | [`Needs::of`] | rules | which cards, authorizations and gateways the commands name |
//! | load | store | those rows, then every account that they lead to; all of it locked, or known not to have changed |
//! | [`decide`] | rules | outcomes and changes, not numbered yet: a [`Draft`] |
//! | number | store | moves the head row on, which stays locked to the end, so that positions have no holes (rule 13) |
//! | [`Draft::seal`] | rules | outcomes and rows with their numbers: a [`Sealed`] |
//! | write | store | the rows, and only then the answers |
//!
//! Commands of one batch see each other's effects, in order. Nothing here reads a clock, draws a
//! number or does I/O, so that the same commands give the same books in every store.

mod accounts;
mod advice;
mod authorize;
mod desk;
mod draft;
mod lane;
mod life;
mod line;
mod record;
#[cfg(test)]
mod tests;
mod working_set;

use ledger_api::{
    AccountId, AdviceAnswer, AdviceItem, AuthorizationId, AuthorizeAnswer, AuthorizeRequest,
    CardState, CardToken, Currency, GatewayId, JournalHead, Mark, OpenAccount, Problem,
    ReleaseAnswer, Resolution,
};

pub use accounts::{Account, Card, Journal};
pub use draft::{Draft, Head, InternalDelta, Sealed};
pub use lane::Lane;
pub use life::{Life, Link, Moved, MovedKind, Stages};
pub use record::{Gateways, Record};
pub(crate) use working_set::plus;
pub use working_set::{Needs, WorkingSet};

/// Something to do to the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Decide an authorization and hold its amount.
    Authorize {
        /// Who asks.
        gateway: GatewayId,
        /// What is asked.
        request: AuthorizeRequest,
    },
    /// Book what was told, or take it back.
    Advise {
        /// Who tells.
        gateway: GatewayId,
        /// What was told.
        item: AdviceItem,
    },
    /// Book a capture or a refund whose caller can still correct it.
    Settle {
        /// Who asks.
        gateway: GatewayId,
        /// What was taken or given back.
        item: AdviceItem,
    },
    /// Let a hold go.
    Release(AuthorizationId),
    /// Let go what has been held for too long (rule 17).
    Expire {
        /// The authorizations that are thought to be due.
        ids: Vec<AuthorizationId>,
        /// Those whose hold was placed by this time on the hold clock are.
        held_by: u64,
    },
    /// Open an account.
    OpenAccount(OpenAccount),
    /// Close an account, for good.
    CloseAccount(AccountId),
    /// Issue a card, or replace its state.
    PutCard(CardState),
    /// Remember how far a gateway's journal was (rule 11).
    NoteHead {
        /// Whose journal.
        gateway: GatewayId,
        /// How far.
        head: JournalHead,
        /// How many of its advices wait behind it (rule 17).
        undrained: u64,
    },
    /// Forget how far a gateway's journal was: an operator lets it begin a new one (rule 11).
    GrantJournal {
        /// Whose journal.
        gateway: GatewayId,
    },
    /// Do what a person has decided about an advice that waits.
    Resolve {
        /// Which advice.
        id: AuthorizationId,
        /// Its card.
        card: CardToken,
        /// What was decided.
        resolution: Resolution,
    },
}

/// When a batch is decided. Nothing that moves money depends on the wall clock but card expiry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// The current month, for card expiry.
    pub yymm: u16,
    /// Wall-clock seconds of Unix time, noted beside entries for people.
    pub seconds: u64,
    /// Seconds on the clock by which holds expire.
    pub hold_clock: u64,
}

/// What came of one [`Command`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of [`Command::Authorize`], with the number of entries that it posted.
    Authorized(AuthorizeAnswer, usize),
    /// Of [`Command::Advise`] and [`Command::Settle`], with the number of entries that it posted.
    Advised(AdviceAnswer, usize),
    /// Of [`Command::Release`].
    Released(ReleaseAnswer),
    /// Of [`Command::Expire`]: so many holds were let go.
    Expired(u64),
    /// Of all others: the books are as asked, from this mark on.
    Stored(Mark),
    /// Nothing was done, and asking again will not help.
    Refused(Problem),
}

/// Decides a batch, in order, against what was loaded.
pub fn decide(mut set: WorkingSet, commands: &[Command], now: Moment) -> Draft {
    set.now = now;
    for command in commands {
        let outcome = match command {
            Command::Authorize { gateway, request } => set.authorize(gateway, request),
            Command::Advise { gateway, item } => set.advise(gateway, item),
            Command::Settle { gateway, item } => set.settle(gateway, item),
            Command::Release(id) => set.release(*id),
            Command::Expire { ids, held_by } => set.expire(ids, *held_by),
            Command::OpenAccount(open) => set.open_account(open),
            Command::CloseAccount(account) => set.close_account(*account),
            Command::PutCard(card) => set.put_card(card),
            Command::NoteHead {
                gateway,
                head,
                undrained,
            } => set.note_head(gateway, *head, *undrained),
            Command::GrantJournal { gateway } => set.grant_journal(gateway),
            Command::Resolve { id, resolution, .. } => set.resolve(id, resolution),
        };
        set.push(outcome);
    }
    set.into_draft()
}

/// The account that holds are owed to, one per currency.
pub fn clearing(currency: Currency) -> AccountId {
    internal(currency, 1)
}

/// The account that opening balances come from, one per currency.
pub fn funding(currency: Currency) -> AccountId {
    internal(currency, 2)
}

fn internal(currency: Currency, kind: u64) -> AccountId {
    AccountId(AccountId::INTERNAL_FROM + u64::from(currency.numeric()) * 16 + kind)
}
