use std::collections::HashMap;

use ledger_api::{AccountView, AuthorizationView, CardToken, Entry, TrialBalance};

use crate::gateway_node::{JournalAnswer, Status};
use crate::notebook::Record;
use crate::payment::Card;

/// What everybody says.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The clients: every request and what it was told.
    pub records: Vec<Record>,
    /// The cards as they were seeded.
    pub cards: Vec<Card>,
    /// Index of the home gateway of every card.
    pub homes: HashMap<CardToken, usize>,
    /// The ledger: all authorizations.
    pub authorizations: Vec<AuthorizationView>,
    /// The ledger: what waits for a person.
    pub suspense: Vec<AuthorizationView>,
    /// The ledger: all accounts.
    pub accounts: Vec<AccountView>,
    /// The ledger: entries of accounts that were touched; empty where they were not read.
    pub entries: Vec<Entry>,
    /// The ledger: the trial balance.
    pub books: TrialBalance,
    /// The gateways' journals, by index.
    pub journals: Vec<Vec<JournalAnswer>>,
    /// The gateways' status, by index.
    pub statuses: Vec<Status>,
    /// Files that contain a card number; `None` where nobody looked.
    pub card_numbers_in: Option<Vec<String>>,
}
