//! Reading the books: accounts, entries, authorizations, and whether it all adds up.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, AccountStatus, Amount, AuthorizationId, CardState, CardToken, Currency, GatewayId,
    Mark, Money, Reason, Resolved,
};

/// `POST /v1/accounts`: opens accounts; one that exists with the same currency is left alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountBatch {
    /// At most [`crate::BATCH_ITEMS_MAX`].
    pub items: Vec<OpenAccount>,
}

/// An account to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenAccount {
    /// Its id.
    pub account: AccountId,
    /// Its currency.
    pub currency: Currency,
    /// Money it starts with: a credit against the funding account.
    pub opening_minor: Amount,
}

/// `POST /v1/cards`: issues cards, or replaces their state (freeze, close, renew).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardBatch {
    /// At most [`crate::BATCH_ITEMS_MAX`].
    pub items: Vec<CardState>,
}

/// The four running totals of an account, in minor units. Never a signed balance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Holds.
    pub debits_pending: i64,
    /// Booked spend.
    pub debits_posted: i64,
    /// Money announced.
    pub credits_pending: i64,
    /// Booked money in.
    pub credits_posted: i64,
}

impl Totals {
    /// What a customer may spend: credits posted − debits posted − debits pending. Less than fits is
    /// the least that does: each of the totals fits, and advices may bring it far below zero.
    pub fn available(&self) -> i64 {
        self.credits_posted
            .saturating_sub(self.debits_posted)
            .saturating_sub(self.debits_pending)
    }
}

/// `GET /v1/accounts/{id}`: an account and its totals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// Which account.
    pub account: AccountId,
    /// Its currency.
    pub currency: Currency,
    /// Whether it may be used.
    pub status: AccountStatus,
    /// Its totals.
    pub totals: Totals,
    /// `totals.available()`, for people.
    pub available_minor: i64,
}

/// `GET /v1/accounts`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountsPage {
    /// In order of id; internal accounts included.
    pub accounts: Vec<AccountView>,
    /// Give it as `after` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<AccountId>,
}

/// Debit or credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Out of a customer's account.
    Debit,
    /// Into it.
    Credit,
}

/// Pending (a hold) or posted (booked).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// A hold; may be released.
    Pending,
    /// Booked; never changes.
    Posted,
}

/// One line in the books. Immutable; comes in pairs whose debits equal their credits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number in the books.
    pub number: u64,
    /// Which account.
    pub account: AccountId,
    /// For which authorization; absent for openings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<AuthorizationId>,
    /// Debit or credit.
    pub side: Side,
    /// Pending or posted.
    pub layer: Layer,
    /// Minor units; negative only where a hold is lowered or released.
    pub amount_minor: i64,
    /// The feed position of the change that it belongs to.
    pub position: u64,
    /// When the ledger booked it, by its wall clock, in seconds of Unix time: for people, nothing is
    /// decided by it. 0 where that was not noted.
    #[serde(default)]
    pub booked_at: u64,
}

/// `GET /v1/authorizations/{id}`: all that the books know of one id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationView {
    /// Which.
    pub id: AuthorizationId,
    /// The card.
    pub card: CardToken,
    /// The account; absent where the card is unknown.
    pub account: Option<AccountId>,
    /// What was asked for; zero while only a reversal is known.
    pub requested_minor: Amount,
    /// Its currency; absent while only a reversal is known.
    pub currency: Option<Currency>,
    /// What the ledger decided, if it was asked before an advice came.
    pub decided: Option<Verdict>,
    /// Which gateway asked first.
    pub asked_by: Option<GatewayId>,
    /// What the network was told by stand-in.
    pub told: Option<Verdict>,
    /// What the network itself answered.
    pub network: Option<Verdict>,
    /// What a reversal left of it; zero for a full one.
    pub reversed_to_minor: Option<Amount>,
    /// Where it stands.
    #[serde(default)]
    pub state: AuthorizationState,
    /// The money that the books have for it now: what an authorization holds, what a capture or a
    /// refund has posted. What an increment holds is with its original.
    pub effect_minor: i64,
    /// What captures have taken of it.
    #[serde(default)]
    pub captured_minor: i64,
    /// What refunds have given back of it.
    #[serde(default)]
    pub refunded_minor: i64,
    /// The authorization that it adds to, takes or gives back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<AuthorizationId>,
    /// What the merchant charged, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Money>,
    /// What a person has decided about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolved>,
    /// Why it waits for a person; absent where it does not.
    pub parked: Option<Reason>,
    /// True where two gateways answered differently, or a decline met another's approval (rule 3):
    /// the approval was booked, and a person should look.
    pub contested: bool,
    /// The last change.
    pub mark: Mark,
}

/// Where an authorization, a capture or a refund stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorizationState {
    /// The answer that stands is a decline.
    Declined,
    /// Approved and open; what is held is `effect_minor`. The end of an increment is its original's.
    Held,
    /// Captured for good; terminal.
    Captured,
    /// Released by the issuer; terminal.
    Released,
    /// Taken back in full; terminal.
    Reversed,
    /// Nobody captured it in time; terminal.
    Expired,
    /// Only messages about it are known, not the authorization itself.
    #[default]
    Tombstone,
    /// Cannot be booked; a person must look.
    Parked,
    /// A capture, booked.
    Posted,
    /// A refund, booked.
    Refunded,
}

/// An answer to an authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Approved or declined.
    pub approved: bool,
    /// How much; zero for a decline.
    pub approved_minor: Amount,
    /// By which rule.
    pub reason: Reason,
}

/// `GET /v1/authorizations`, `GET /v1/suspense`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuthorizationsPage {
    /// In order of id.
    pub authorizations: Vec<AuthorizationView>,
    /// Give it as `after` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<AuthorizationId>,
}

/// `GET /v1/books`, read on one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialBalance {
    /// Where the ledger stood.
    pub mark: Mark,
    /// Which part of the books.
    #[serde(default)]
    pub bucket: u16,
    /// The number of the last entry.
    #[serde(default)]
    pub entries: u64,
    /// One line per currency.
    pub currencies: Vec<CurrencyBalance>,
    /// Σ debits = Σ credits on both layers in every currency, and every account's totals equal the
    /// sum of its entries (I6).
    pub balanced: bool,
    /// Accounts whose totals differ from their entries; empty when balanced.
    pub crooked: Vec<AccountId>,
}

/// Σ over all accounts of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencyBalance {
    /// Which currency.
    pub currency: Currency,
    /// The sums.
    pub totals: Totals,
}
