//! Opening accounts, issuing cards, remembering journal heads.

use ledger_api::{
    AccountId, AccountState, AccountStatus, AccountView, CardState, Currency, GatewayId,
    JournalHead, Layer, OpenAccount, Problem, Retry, Side, Totals,
};
use serde::{Deserialize, Serialize};

use super::draft::{DraftOutcome, EntryDraft, InternalDelta, MarkAt};
use super::funding;
use super::working_set::{WorkingSet, refused, stored};

/// An account as the books keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Which account.
    pub id: AccountId,
    /// Its currency, for ever.
    pub currency: Currency,
    /// Whether it may be used.
    pub status: AccountStatus,
    /// Its four totals.
    pub totals: Totals,
    /// The feed position of its last change; 0 for the ledger's own accounts, which are not in the
    /// feed.
    pub position: u64,
}

impl Account {
    /// An account without money.
    pub fn new(id: AccountId, currency: Currency) -> Self {
        Self {
            id,
            currency,
            status: AccountStatus::Open,
            totals: Totals::default(),
            position: 0,
        }
    }

    /// The account as the feed tells it.
    pub fn state(&self) -> AccountState {
        AccountState {
            account: self.id,
            currency: self.currency,
            status: self.status,
            available_minor: self.totals.available(),
        }
    }

    /// The account as the wire tells it.
    pub fn view(&self) -> AccountView {
        AccountView {
            account: self.id,
            currency: self.currency,
            status: self.status,
            totals: self.totals,
            available_minor: self.totals.available(),
        }
    }
}

/// A card as the books keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its state.
    pub state: CardState,
    /// The feed position of its last change.
    pub position: u64,
}

/// What the books know of a gateway's journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// How far it was.
    #[serde(flatten)]
    pub head: JournalHead,
    /// How many advices waited behind the last batch (rule 17).
    #[serde(default)]
    pub undrained: u64,
}

impl WorkingSet {
    pub(super) fn open_account(&mut self, open: &OpenAccount) -> DraftOutcome {
        if open.account.is_internal() {
            return refused(internal_id());
        }
        match self.account(open.account) {
            Some(known) if known.currency == open.currency => stored(MarkAt::Head),
            Some(_) => refused(Problem::new(
                "account_exists",
                409,
                Retry::Never,
                "the account exists with another currency; choose another id",
            )),
            None => self.open_new(open).unwrap_or_else(refused),
        }
    }

    fn open_new(&mut self, open: &OpenAccount) -> Result<DraftOutcome, Problem> {
        let amount = open.opening_minor.minor();
        let mut account = Account::new(open.account, open.currency);
        account.totals.credits_posted = amount;
        if amount != 0 {
            let source = funding(open.currency);
            self.add_internal(InternalDelta {
                account: source,
                currency: open.currency,
                totals: Totals {
                    debits_posted: amount,
                    ..Totals::default()
                },
            })?;
            let line = EntryDraft {
                account: open.account,
                authorization: None,
                side: Side::Credit,
                layer: Layer::Posted,
                amount_minor: amount,
                of: open.account,
            };
            self.entries.extend([
                line,
                EntryDraft {
                    account: source,
                    side: Side::Debit,
                    ..line
                },
            ]);
        }
        Ok(stored(self.set_account(account)))
    }

    /// Nothing new is booked to it from here on; what it holds stays until it is captured, released,
    /// reversed or expires.
    pub(super) fn close_account(&mut self, id: AccountId) -> DraftOutcome {
        if id.is_internal() {
            return refused(internal_id());
        }
        match self.account(id).copied() {
            None => {
                let detail = "the account does not exist";
                refused(Problem::new("unknown_account", 404, Retry::Never, detail))
            }
            Some(account) if account.status == AccountStatus::Closed => stored(MarkAt::Head),
            Some(account) => stored(self.set_account(Account {
                status: AccountStatus::Closed,
                ..account
            })),
        }
    }

    pub(super) fn put_card(&mut self, state: &CardState) -> DraftOutcome {
        if state.account.is_internal() {
            return refused(internal_id());
        }
        if self.account(state.account).is_none() {
            return refused(Problem::new(
                "unknown_account",
                422,
                Retry::Never,
                "the card's account does not exist; open it first",
            ));
        }
        if self
            .card(&state.card)
            .is_some_and(|known| known.state == *state)
        {
            return stored(MarkAt::Head);
        }
        stored(self.set_card(Card {
            state: *state,
            position: 0,
        }))
    }

    /// The head only goes on: another epoch, a lower number, or another hash under the same number is
    /// of a journal that was lost or rolled back, and leaves the head as it is, so that the gateway
    /// stays fenced until an operator grants it a new journal (rule 11). What waits in any journal
    /// counts all the same (rule 17).
    pub(super) fn note_head(
        &mut self,
        gateway: &GatewayId,
        head: JournalHead,
        undrained: u64,
    ) -> DraftOutcome {
        let Some(known) = self.journal(gateway) else {
            // A row goes or comes in a batch, not both: the next batch of the gateway says it again.
            if self.dirty_heads.contains(gateway) {
                return stored(MarkAt::Head);
            }
            self.set_journal(gateway, Journal { head, undrained });
            return stored(MarkAt::Head);
        };
        let same_record = known.head.seq == head.seq;
        let other = known.head.epoch != head.epoch || same_record && known.head.hash != head.hash;
        let further = !other && known.head.seq < head.seq;
        let journal = Journal {
            head: if further { head } else { known.head },
            undrained,
        };
        if journal != known {
            self.set_journal(gateway, journal);
        }
        if other {
            refused(other_journal())
        } else {
            stored(MarkAt::Head)
        }
    }

    /// The next head that the gateway reports is taken, whatever it is.
    pub(super) fn grant_journal(&mut self, gateway: &GatewayId) -> DraftOutcome {
        if self.journal(gateway).is_some() {
            self.forget_journal(gateway);
        }
        stored(MarkAt::Head)
    }
}

fn other_journal() -> Problem {
    Problem::new(
        "other_journal",
        409,
        Retry::Never,
        "this is not the journal that the gateway had; it needs an operator's grant",
    )
}

fn internal_id() -> Problem {
    Problem::new(
        "reserved_account",
        422,
        Retry::Never,
        "account ids from 2^62 on are the ledger's own; choose a smaller one",
    )
}
