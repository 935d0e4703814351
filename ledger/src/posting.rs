//! The rules. A store loads what a batch of commands needs, [`decide`] decides in memory, the store
//! numbers the changes and writes them:
//!
//! | phase | who | what |
//! |---|---|---|
//! | [`Needs::of`] | rules | which cards, authorizations and gateways the commands name |
//! | load | store | those rows, then every account that they lead to, locked in order of id |
//! | [`decide`] | rules | outcomes and changes, not numbered yet: a [`Draft`] |
//! | number | store | takes the head row, last of all locks, so that positions have no holes (rule 13) |
//! | [`Draft::seal`] | rules | outcomes and rows with their numbers: a [`Sealed`] |
//! | write | store | the rows, and only then the answers |
//!
//! Commands of one batch see each other's effects, in order. Nothing here reads a clock, draws a
//! number or does I/O, so that the same commands give the same books in every store.

mod accounts;
mod advice;
mod authorize;
mod draft;
mod record;
#[cfg(test)]
mod tests;
mod working_set;

use ledger_api::{
    AccountId, AdviceAnswer, AdviceItem, AuthorizeAnswer, AuthorizeRequest, CardState, Currency,
    GatewayId, JournalHead, Mark, OpenAccount, Problem,
};

pub use accounts::{Account, Card};
pub use draft::{Draft, Head, InternalDelta, Sealed};
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
    /// Open an account.
    OpenAccount(OpenAccount),
    /// Issue a card, or replace its state.
    PutCard(CardState),
    /// Remember how far a gateway's journal was (rule 11).
    NoteHead {
        /// Whose journal.
        gateway: GatewayId,
        /// How far.
        head: JournalHead,
    },
    /// Forget how far a gateway's journal was: an operator lets it begin a new one (rule 11).
    GrantJournal {
        /// Whose journal.
        gateway: GatewayId,
    },
}

/// What came of one [`Command`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of [`Command::Authorize`], with the number of entries that it posted.
    Authorized(AuthorizeAnswer, usize),
    /// Of [`Command::Advise`], with the number of entries that it posted.
    Advised(AdviceAnswer, usize),
    /// Of [`Command::OpenAccount`], [`Command::PutCard`], [`Command::NoteHead`] and
    /// [`Command::GrantJournal`]: the books are as asked, from this mark on.
    Stored(Mark),
    /// Nothing was done, and asking again will not help.
    Refused(Problem),
}

/// Decides a batch, in order, against what was loaded. `yymm` is the current month, for card
/// expiry.
pub fn decide(mut set: WorkingSet, commands: &[Command], yymm: u16) -> Draft {
    for command in commands {
        let outcome = match command {
            Command::Authorize { gateway, request } => set.authorize(gateway, request, yymm),
            Command::Advise { gateway, item } => set.advise(gateway, item),
            Command::OpenAccount(open) => set.open_account(open),
            Command::PutCard(card) => set.put_card(card),
            Command::NoteHead { gateway, head } => set.note_head(gateway, *head),
            Command::GrantJournal { gateway } => set.grant_journal(gateway),
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
