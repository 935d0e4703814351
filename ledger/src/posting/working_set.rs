//! What a batch has loaded, and what it has changed so far.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use ledger_api::{AccountId, Action, AuthorizationId, CardToken, GatewayId, Mark, Problem, Totals};

use super::accounts::{Account, Card, Journal};
use super::draft::{Draft, DraftOutcome, EntryDraft, InternalDelta, MarkAt};
use super::line::too_large;
use super::record::Record;
use super::{Command, Moment, Outcome};

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
                    needs.authorizations.extend(request.original);
                }
                Command::Advise { item, .. } | Command::Settle { item, .. } => {
                    needs.cards.insert(item.card());
                    needs.authorizations.insert(item.id());
                    needs.authorizations.extend(item.original());
                }
                Command::Release(id) => {
                    needs.authorizations.insert(*id);
                }
                Command::Expire { ids, .. } => needs.authorizations.extend(ids),
                Command::CloseAccount(account) => {
                    needs.accounts.insert(*account);
                }
                Command::Resolve {
                    id,
                    card,
                    resolution,
                } => {
                    needs.authorizations.insert(*id);
                    needs.cards.insert(*card);
                    if let Action::BookTo { account } = resolution.action {
                        needs.accounts.insert(account);
                    }
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
    journals: HashMap<GatewayId, Journal>,
    pub(super) now: Moment,
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

    /// Adds what a store has found of a gateway's journal.
    pub fn load_journal(&mut self, gateway: GatewayId, journal: Journal) {
        self.journals.insert(gateway, journal);
    }

    /// The accounts that are loaded.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.accounts.keys().copied()
    }

    /// The originals that loaded authorizations name and that are not loaded: load them too, and again
    /// until there are none that exist. Whoever changes an authorization changes them with it.
    pub fn originals_missing(&self) -> BTreeSet<AuthorizationId> {
        let named = self.records.values().filter_map(Record::original);
        named.filter(|id| !self.records.contains_key(id)).collect()
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

    /// Those of them that one command's needs lead to.
    pub fn accounts_needed_by(&self, needs: &Needs) -> BTreeSet<AccountId> {
        let cards = needs.cards.iter().filter_map(|card| self.cards.get(card));
        let ids = self.authorizations_needed_by(needs);
        let records = ids.iter().filter_map(|id| self.records.get(id));
        let named = needs.accounts.iter().copied();
        named
            .chain(cards.map(|card| card.state.account))
            .chain(records.filter_map(|record| record.account))
            .filter(|account| !account.is_internal())
            .collect()
    }

    /// The authorizations that one command's needs lead to: those that it names, and their originals.
    pub fn authorizations_needed_by(&self, needs: &Needs) -> BTreeSet<AuthorizationId> {
        let mut all = BTreeSet::new();
        let mut next: Vec<AuthorizationId> = needs.authorizations.iter().copied().collect();
        while let Some(id) = next.pop() {
            if all.insert(id) {
                next.extend(self.records.get(&id).and_then(Record::original));
            }
        }
        all
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

    pub(super) fn journal(&self, gateway: &GatewayId) -> Option<Journal> {
        self.journals.get(gateway).copied()
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

    pub(super) fn set_journal(&mut self, gateway: &GatewayId, journal: Journal) {
        self.journals.insert(gateway.clone(), journal);
        self.dirty_heads.insert(gateway.clone());
    }

    pub(super) fn forget_journal(&mut self, gateway: &GatewayId) {
        self.journals.remove(gateway);
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

    pub(super) fn keep_at(&mut self, record: Record, mark: MarkAt) {
        let id = record.id;
        let place = self.dirty_records.entry(id).or_insert(mark);
        if mark != MarkAt::Head {
            *place = mark;
        }
        if self.records.insert(id, record).is_none() {
            self.new_records.insert(id);
        }
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
