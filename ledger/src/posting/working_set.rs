//! What a batch has loaded, and what it has changed so far.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use ledger_api::{
    AccountId, AdviceItem, AuthorizationId, CardToken, GatewayId, JournalHead, Layer, Mark,
    Problem, Retry, Side, Totals,
};

use super::accounts::{Account, Card};
use super::draft::{Draft, DraftOutcome, EntryDraft, InternalDelta, MarkAt};
use super::record::Record;
use super::{Command, Outcome, clearing};

/// What a batch of commands names: load these before [`super::decide`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Cards by token.
    pub cards: BTreeSet<CardToken>,
    /// Accounts that are named themselves; those of cards and authorizations come on top, see
    /// [`WorkingSet::accounts_needed`].
    pub accounts: BTreeSet<AccountId>,
    /// Authorizations by id.
    pub authorizations: BTreeSet<AuthorizationId>,
    /// Gateways whose journal heads are needed.
    pub gateways: BTreeSet<GatewayId>,
}

impl Needs {
    /// What these commands name.
    pub fn of(commands: &[Command]) -> Self {
        let mut needs = Self::default();
        for command in commands {
            match command {
                Command::Authorize { request, .. } => {
                    needs.cards.insert(request.card);
                    needs.authorizations.insert(request.id);
                }
                Command::Advise { item, .. } => {
                    let card = match item {
                        AdviceItem::Advice(advice) => advice.card,
                        AdviceItem::Reversal(reversal) => reversal.card,
                    };
                    needs.cards.insert(card);
                    needs.authorizations.insert(item.id());
                }
                Command::OpenAccount(open) => {
                    needs.accounts.insert(open.account);
                }
                Command::PutCard(card) => {
                    needs.cards.insert(card.card);
                    needs.accounts.insert(card.account);
                }
                Command::NoteHead { gateway, .. } | Command::GrantJournal { gateway } => {
                    needs.gateways.insert(gateway.clone());
                }
            }
        }
        needs
    }
}

/// Loaded states, and the changes that the commands have made to them. A state that was looked for
/// and is absent does not exist.
#[derive(Debug, Default)]
pub struct WorkingSet {
    cards: HashMap<CardToken, Card>,
    accounts: HashMap<AccountId, Account>,
    records: HashMap<AuthorizationId, Record>,
    heads: HashMap<GatewayId, JournalHead>,
    pub(super) new_accounts: HashSet<AccountId>,
    pub(super) new_records: HashSet<AuthorizationId>,
    /// In order of first change, which is the order of their feed positions.
    pub(super) touched: Vec<MarkAt>,
    pub(super) dirty_records: BTreeMap<AuthorizationId, MarkAt>,
    pub(super) dirty_heads: BTreeSet<GatewayId>,
    pub(super) entries: Vec<EntryDraft>,
    pub(super) internal: BTreeMap<AccountId, InternalDelta>,
    seen: HashSet<MarkAt>,
    outcomes: Vec<DraftOutcome>,
    /// How many of the entries belong to the outcomes.
    entries_counted: usize,
}

impl WorkingSet {
    /// Adds a card that a store has found.
    pub fn load_card(&mut self, card: Card) {
        self.cards.insert(card.state.card, card);
    }

    /// Adds an account that a store has found, and locked where others write too.
    pub fn load_account(&mut self, account: Account) {
        self.accounts.insert(account.id, account);
    }

    /// Adds an authorization that a store has found.
    pub fn load_record(&mut self, record: Record) {
        self.records.insert(record.id, record);
    }

    /// Adds a gateway's journal head that a store has found.
    pub fn load_head(&mut self, gateway: GatewayId, head: JournalHead) {
        self.heads.insert(gateway, head);
    }

    /// Every customer account that the commands can touch, given the cards and authorizations
    /// loaded so far, in the order in which to lock them.
    pub fn accounts_needed(&self, needs: &Needs) -> BTreeSet<AccountId> {
        let of_cards = self.cards.values().map(|card| card.state.account);
        let of_records = self.records.values().filter_map(|record| record.account);
        let named = needs.accounts.iter().copied();
        named
            .chain(of_cards)
            .chain(of_records)
            .filter(|account| !account.is_internal())
            .collect()
    }

    pub(super) fn card(&self, card: &CardToken) -> Option<&Card> {
        self.cards.get(card)
    }

    pub(super) fn account(&self, account: AccountId) -> Option<&Account> {
        self.accounts.get(&account)
    }

    pub(super) fn record(&self, id: &AuthorizationId) -> Option<Record> {
        self.records.get(id).cloned()
    }

    pub(super) fn head(&self, gateway: &GatewayId) -> Option<JournalHead> {
        self.heads.get(gateway).copied()
    }

    pub(super) fn set_account(&mut self, account: Account) -> MarkAt {
        let mark = MarkAt::Account(account.id);
        if self.accounts.insert(account.id, account).is_none() {
            self.new_accounts.insert(account.id);
        }
        self.touch(mark)
    }

    pub(super) fn set_card(&mut self, card: Card) -> MarkAt {
        let mark = MarkAt::Card(card.state.card);
        self.cards.insert(card.state.card, card);
        self.touch(mark)
    }

    pub(super) fn set_head(&mut self, gateway: &GatewayId, head: JournalHead) {
        self.heads.insert(gateway.clone(), head);
        self.dirty_heads.insert(gateway.clone());
    }

    pub(super) fn forget_head(&mut self, gateway: &GatewayId) {
        self.heads.remove(gateway);
        self.dirty_heads.insert(gateway.clone());
    }

    fn touch(&mut self, mark: MarkAt) -> MarkAt {
        if self.seen.insert(mark) {
            self.touched.push(mark);
        }
        mark
    }

    /// Keeps a record whose effect did not change.
    pub(super) fn keep(&mut self, record: Record) {
        self.keep_at(record, MarkAt::Head);
    }

    fn keep_at(&mut self, record: Record, mark: MarkAt) {
        let id = record.id;
        let place = self.dirty_records.entry(id).or_insert(mark);
        if mark != MarkAt::Head {
            *place = mark;
        }
        if self.records.insert(id, record).is_none() {
            self.new_records.insert(id);
        }
    }

    /// Keeps a record and posts the difference between the effect that its facts call for and the
    /// one in the books, as one balanced pair of pending entries.
    pub(super) fn book(
        &mut self,
        mut record: Record,
        before: Option<&Record>,
    ) -> Result<MarkAt, Problem> {
        if before == Some(&record) {
            return Ok(MarkAt::Head);
        }
        let effect = record.effect();
        let change = effect - record.effect_minor;
        record.effect_minor = effect;
        let mark = match record
            .account
            .and_then(|id| self.accounts.get(&id))
            .copied()
        {
            Some(account) if change != 0 => self.hold(account, &record, change)?,
            _ => MarkAt::Head,
        };
        self.keep_at(record, mark);
        Ok(mark)
    }

    fn hold(
        &mut self,
        mut account: Account,
        record: &Record,
        change: i64,
    ) -> Result<MarkAt, Problem> {
        let held = account
            .totals
            .debits_pending
            .checked_add(change)
            .ok_or_else(too_large)?;
        account.totals.debits_pending = held;
        let owed = Totals {
            credits_pending: change,
            ..Totals::default()
        };
        self.add_internal(InternalDelta {
            account: clearing(account.currency),
            currency: account.currency,
            totals: owed,
        })?;
        let line = EntryDraft {
            account: account.id,
            authorization: Some(record.id),
            side: Side::Debit,
            layer: Layer::Pending,
            amount_minor: change,
            of: account.id,
        };
        let other = EntryDraft {
            account: clearing(account.currency),
            side: Side::Credit,
            ..line
        };
        self.entries.extend([line, other]);
        Ok(self.set_account(account))
    }

    /// Adds to one of the ledger's own accounts. They are not loaded: everybody's batches touch
    /// them, so a store adds the difference at the end.
    pub(super) fn add_internal(&mut self, delta: InternalDelta) -> Result<(), Problem> {
        let sum = match self.internal.get(&delta.account) {
            Some(known) => plus(known.totals, delta.totals).ok_or_else(too_large)?,
            None => delta.totals,
        };
        self.internal.insert(
            delta.account,
            InternalDelta {
                totals: sum,
                ..delta
            },
        );
        Ok(())
    }

    /// Keeps what came of a command, with the number of entries that it posted.
    pub(super) fn push(&mut self, mut draft: DraftOutcome) {
        let posted = self.entries.len() - self.entries_counted;
        self.entries_counted = self.entries.len();
        if let Outcome::Authorized(_, entries) | Outcome::Advised(_, entries) = &mut draft.outcome {
            *entries = posted;
        }
        self.outcomes.push(draft);
    }

    pub(super) fn into_draft(mut self) -> Draft {
        let outcomes = std::mem::take(&mut self.outcomes);
        Draft::new(self, outcomes)
    }
}

pub(super) fn refused(problem: Problem) -> DraftOutcome {
    DraftOutcome {
        outcome: Outcome::Refused(problem),
        mark: MarkAt::Head,
    }
}

pub(super) fn stored(mark: MarkAt) -> DraftOutcome {
    DraftOutcome {
        outcome: Outcome::Stored(Mark::default()),
        mark,
    }
}

/// `one + other`, or `None` where a total would not fit.
pub(crate) fn plus(one: Totals, other: Totals) -> Option<Totals> {
    Some(Totals {
        debits_pending: one.debits_pending.checked_add(other.debits_pending)?,
        debits_posted: one.debits_posted.checked_add(other.debits_posted)?,
        credits_pending: one.credits_pending.checked_add(other.credits_pending)?,
        credits_posted: one.credits_posted.checked_add(other.credits_posted)?,
    })
}

fn too_large() -> Problem {
    let detail = "the account's totals would exceed 2^63 minor units; a person must look at it";
    Problem::new("total_too_large", 422, Retry::Never, detail)
}
