//! The rules of stand-in, as a table: what is weighed, in which order, and by which name.
//!
//! Pure: the same case gives the same decision. Whoever signs the limits reads [`RULES`] and
//! `decide/tests.rs`.

mod reasons;

use ledger_api::{AccountState, AccountStatus, CardState, CardStatus, Reason};

use crate::policy::{OnUnknown, Policy};
use crate::verification::Check;
use crate::words::{Decision, Now, Request};
pub use reasons::Reasons;

/// Everything that a decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What is asked.
    pub request: &'a Request,
    /// What the ledger has told about card and account.
    pub knowledge: Knowledge<'a>,
    /// What has been spent here already.
    pub spend: Spend,
    /// The signed limits.
    pub policy: &'a Policy,
    /// True where this gateway is the card's home.
    pub is_home: bool,
    /// The time.
    pub now: Now,
}

/// What the ledger has told.
#[derive(Debug, Clone, Copy)]
pub struct Knowledge<'a> {
    /// True once a complete listing has been received: before, an unknown card means nothing.
    pub listed: bool,
    /// The card; `None` where it is not known.
    pub card: Option<&'a CardState>,
    /// The card's account; `None` where it is not known.
    pub account: Option<&'a AccountState>,
    /// Milliseconds since the ledger was last heard.
    pub age_ms: u64,
    /// True while stand-in may decide: not fenced (rule 11), the journal in order.
    pub in_service: bool,
}

/// What has been spent here, in minor units.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spend {
    /// Own spend on the account that the balance does not include yet: stand-in, ledger-approved
    /// and unknown (rule 12).
    pub own_minor: i64,
    /// Approved for the card by stand-in in the last 24 hours.
    pub card_day_minor: i64,
    /// How often.
    pub card_day_count: u32,
    /// Approved by this gateway and not yet covered.
    pub exposure_minor: i64,
    /// Overdraft that this gateway's approvals have caused (rule 14).
    pub realised_minor: i64,
    /// True where the reversal of this id came first.
    pub reversed_before: bool,
}

/// A rule: the reason that is given, and whether the case breaks it.
type Rule = (Reason, fn(&Case<'_>) -> bool);

/// All rules, in order of precedence: the first that is broken is the reason. The order is that of
/// [`Reason`], a test holds them together.
pub const RULES: &[Rule] = &[
    (Reason::ReversedBefore, |case| case.spend.reversed_before),
    (Reason::IncorrectPin, |case| {
        case.request.verification.pin == Check::Failed
    }),
    (Reason::IncorrectCvv2, |case| {
        case.request.verification.cvv2 == Check::Failed
    }),
    (Reason::IncorrectCryptogram, |case| {
        case.request.verification.arqc == Check::Failed
    }),
    (Reason::UnknownCard, |case| {
        case.knowledge.listed && case.knowledge.card.is_none()
    }),
    (Reason::CardClosed, |case| case.card_is(CardStatus::Closed)),
    (Reason::CardFrozen, |case| case.card_is(CardStatus::Frozen)),
    (Reason::CardExpired, expired),
    (Reason::AccountClosed, account_closed),
    (Reason::CurrencyMismatch, currency_differs),
    (Reason::OverTransactionLimit, over_transaction),
    (Reason::OverCardLimit, over_card),
    (Reason::InsufficientFunds, insufficient),
    (Reason::OverGatewayExposure, over_exposure),
    (Reason::KnowledgeStale, stale),
    (Reason::RepeatNotAtHome, |case| {
        case.request.repeat && !case.is_home
    }),
    (Reason::StandInUnavailable, |case| !case.can_weigh()),
    (Reason::VerificationUnknown, unverified),
];

/// Decides by [`RULES`]. Reserves nothing.
pub fn decide(case: &Case<'_>) -> Decision {
    let broken = RULES
        .iter()
        .filter(|(_, breaks)| breaks(case))
        .fold(Reasons::NONE, |broken, (reason, _)| broken.and(*reason));
    let reason = broken.iter().next().unwrap_or(Reason::Approved);
    Decision {
        approved: reason == Reason::Approved,
        reason,
        broken,
        account: case.knowledge.card.map(|card| card.account),
        knowledge_age_ms: case.knowledge.age_ms,
    }
}

/// True where the ledger cannot have approved it either, by what is known of card and account and not
/// too old: its own rules, on its own limits, without what only stand-in has.
pub(crate) fn ledger_declines(case: &Case<'_>) -> bool {
    let Knowledge { card, account, .. } = case.knowledge;
    let (Some(card), Some(account)) = (card, account) else {
        return false;
    };
    // A terminal that takes less gets what there is.
    let asked = if case.request.circumstances.partial {
        case.amount().min(1)
    } else {
        case.amount()
    };
    let declines = card.status != CardStatus::Open
        || u16::from(card.expiry) < case.now.yymm
        || account.status == AccountStatus::Closed
        || account.currency != case.request.currency
        || case.request.amount > card.transaction_max_minor
        || account.available_minor < asked;
    declines && !stale(case)
}

impl Case<'_> {
    fn amount(&self) -> i64 {
        self.request.amount.minor()
    }

    fn card_is(&self, status: CardStatus) -> bool {
        self.knowledge
            .card
            .is_some_and(|card| card.status == status)
    }

    /// Nothing is approved that could not be weighed against a card and its balance.
    fn can_weigh(&self) -> bool {
        let Knowledge {
            listed,
            card,
            account,
            in_service,
            ..
        } = self.knowledge;
        listed && in_service && card.is_some() && account.is_some()
    }
}

/// The card's own expiry, or the one that was presented, lies before this month.
fn expired(case: &Case<'_>) -> bool {
    let known = case.knowledge.card.map(|card| card.expiry);
    let presented = case.request.expiry;
    known
        .into_iter()
        .chain(presented)
        .any(|expiry| u16::from(expiry) < case.now.yymm)
}

fn account_closed(case: &Case<'_>) -> bool {
    case.knowledge
        .account
        .is_some_and(|account| account.status == AccountStatus::Closed)
}

/// Neither the account nor the limits are in this currency.
fn currency_differs(case: &Case<'_>) -> bool {
    let account = case.knowledge.account.map(|account| account.currency);
    [account, Some(case.policy.currency)]
        .into_iter()
        .flatten()
        .any(|currency| currency != case.request.currency)
}

/// Above the policy's limit, or above the card's own.
fn over_transaction(case: &Case<'_>) -> bool {
    let own = case.knowledge.card.map(|card| card.transaction_max_minor);
    [Some(case.policy.transaction_max), own]
        .into_iter()
        .flatten()
        .any(|limit| case.request.amount > limit)
}

/// The card's 24 hours: in full at home, the floor elsewhere; the count everywhere.
fn over_card(case: &Case<'_>) -> bool {
    let limit = if case.is_home {
        case.policy.card_day_max
    } else {
        case.policy.card_elsewhere_max
    };
    case.spend.card_day_minor.saturating_add(case.amount()) > limit.minor()
        || case.spend.card_day_count >= case.policy.card_day_count
}

/// The balance, less what it does not show yet, does not suffice.
fn insufficient(case: &Case<'_>) -> bool {
    case.knowledge.account.is_some_and(|account| {
        account.available_minor.saturating_sub(case.spend.own_minor) < case.amount()
    })
}

/// The gateway's cap: what is at risk and what is lost already count alike (rule 14).
fn over_exposure(case: &Case<'_>) -> bool {
    let Spend {
        exposure_minor,
        realised_minor,
        ..
    } = case.spend;
    let charged = exposure_minor
        .saturating_add(realised_minor)
        .saturating_add(case.amount());
    charged > case.policy.gateway_exposure_max.minor()
}

/// Something was presented that nobody has checked, and the policy asks for a result.
fn unverified(case: &Case<'_>) -> bool {
    let (checks, unknown) = (case.request.verification, case.policy.unknown);
    [
        (checks.cvv2, unknown.cvv2),
        (checks.pin, unknown.pin),
        (checks.arqc, unknown.arqc),
    ]
    .contains(&(Check::Unknown, OnUnknown::Decline))
}

/// Known, but from too long ago. Before the first listing there is nothing to be stale.
fn stale(case: &Case<'_>) -> bool {
    case.knowledge.listed && case.knowledge.age_ms > case.policy.knowledge_age_max_ms
}

#[cfg(test)]
mod tests;
