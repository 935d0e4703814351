//! The rules of stand-in: what is weighed, and what comes of it.
//!
//! Pure: the same case gives the same decision. Whoever signs the limits reads [`RULES`] and
//! `decide/tests.rs`.
//!
//! A rule says no, or how much it leaves. Where all that is broken is how much, the terminal takes less and
//! the policy allows it, the answer is an approval of what all of them leave.

mod reasons;
mod rules;

use ledger_api::{AccountState, AccountStatus, Amount, CardState, CardStatus, Reason};

use crate::circumstances::Kind;
use crate::policy::{Left, Policy, Rate, WINDOWS_MAX};
use crate::velocity::PLACES;
use crate::words::{Decision, Now, Request};
pub use reasons::Reasons;
pub use rules::RULES;

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

/// What has been spent here, in minor units of the policy's currency unless it says otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spend {
    /// Own spend on the account that the balance does not include yet: stand-in, ledger-approved
    /// and unknown (rule 12). In the account's currency.
    pub own_minor: i64,
    /// Approved for the card by stand-in, by window of [`Policy::windows`].
    pub card: [Used; WINDOWS_MAX],
    /// Approved for the card by stand-in in the last 24 hours, whatever for.
    pub card_day_minor: i64,
    /// Approved by this gateway and not yet covered.
    pub exposure_minor: i64,
    /// Overdraft that this gateway's approvals have caused (rule 14).
    pub realised_minor: i64,
    /// Approved by this gateway at the merchant, at the terminal, for the range of card numbers.
    pub velocity: [Used; PLACES],
    /// True where the reversal of this id came first.
    pub reversed_before: bool,
}

impl Spend {
    /// What the gateway's cap is compared with (rule 14).
    pub fn charged_minor(&self) -> i64 {
        self.exposure_minor.saturating_add(self.realised_minor)
    }
}

/// How much of a window is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// How much, in minor units of the policy's currency.
    pub minor: i64,
    /// How often.
    pub count: u32,
}

impl Used {
    /// One more.
    pub(crate) fn add(&mut self, minor: i64) {
        self.minor = self.minor.saturating_add(minor);
        self.count = self.count.saturating_add(1);
    }
}

/// What a rule says of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// There is nothing to weigh.
    Nothing,
    /// It is kept.
    Holds,
    /// It is broken, whatever the amount.
    Breaks,
    /// At most so much may be approved, in minor units of the policy's currency.
    Leaves(i64),
    /// The same, in the currency that is asked for.
    LeavesOwn(i64),
}

impl Says {
    fn broken_if(broken: bool) -> Self {
        if broken { Self::Breaks } else { Self::Holds }
    }
}

/// A rule: the reason that is given, and what it says.
pub type Rule = (Reason, fn(&Weighing<'_>) -> Says);

/// A case, and what several rules need of it.
#[derive(Debug, Clone, Copy)]
pub struct Weighing<'a> {
    case: &'a Case<'a>,
    /// How the currency counts, where it is covered.
    rate: Option<Rate>,
    /// What is asked for, in the currency of the request and in that of the policy. Of a credit nothing:
    /// it takes no money.
    amount: i64,
    charge: i64,
    /// What age leaves of the limits; all of them where it leaves nothing, which is a rule of its own.
    left: Left,
}

impl<'a> Weighing<'a> {
    fn of(case: &'a Case<'a>) -> Self {
        let rate = case.policy.rate(case.request.currency);
        let amount = match case.request.circumstances.kind {
            Kind::Credit => 0,
            _ => case.request.amount.minor(),
        };
        Self {
            case,
            rate,
            amount,
            charge: rate.map_or(amount, |rate| rate.charge(amount)),
            left: case.left().unwrap_or(Left::WHOLE),
        }
    }

    /// How much a rule leaves of what is asked for, where that is less.
    fn room(&self, says: Says) -> Option<i64> {
        match says {
            Says::Nothing | Says::Holds => None,
            Says::Breaks => Some(0),
            Says::Leaves(minor) if self.charge > minor => {
                Some(self.rate.map_or(0, |rate| rate.room(minor)))
            }
            Says::LeavesOwn(minor) if self.amount > minor => Some(minor),
            Says::Leaves(_) | Says::LeavesOwn(_) => None,
        }
    }
}

/// Decides by [`RULES`]. Reserves nothing.
pub fn decide(case: &Case<'_>) -> Decision {
    let weighing = Weighing::of(case);
    let (mut weighed, mut broken, mut room) = (Reasons::NONE, Reasons::NONE, i64::MAX);
    for (reason, rule) in RULES {
        let says = rule(&weighing);
        if says != Says::Nothing {
            weighed = weighed.and(*reason);
        }
        if let Some(left) = weighing.room(says) {
            broken = broken.and(*reason);
            room = room.min(left);
        }
    }
    let binding = broken.first();
    let takes_less = case.request.circumstances.partial && case.policy.approves_partially();
    let part = Amount::new(room)
        .ok()
        .filter(|part| takes_less && !part.is_zero());
    let (reason, approved_amount) = match (binding, part) {
        (None, _) => (Reason::Approved, case.request.amount),
        (Some(_), Some(part)) => (Reason::PartiallyApproved, part),
        (Some(binding), None) => (binding, Amount::ZERO),
    };
    let charge = match case.request.circumstances.kind {
        Kind::Credit => 0,
        _ => weighing
            .rate
            .map_or(0, |rate| rate.charge(approved_amount.minor())),
    };
    let exposure_before = case.spend.charged_minor();
    Decision {
        approved: reason.approves(),
        approved_amount,
        reason,
        binding,
        weighed,
        broken,
        exposure_before,
        exposure_after: exposure_before.saturating_add(charge),
        account: case.knowledge.card.map(|card| card.account),
        knowledge_age_ms: case.knowledge.age_ms,
        policy_hash: case.policy.hash(),
    }
}

/// True where the ledger cannot have approved it either, by what is known of card and account and not
/// too old: its own rules, on its own limits, without what only stand-in has.
pub(crate) fn ledger_declines(case: &Case<'_>) -> bool {
    let Knowledge { card, account, .. } = case.knowledge;
    let (Some(card), Some(account)) = (card, account) else {
        return false;
    };
    let amount = case.request.amount.minor();
    // A terminal that takes less gets what there is.
    let least = if case.request.circumstances.partial {
        amount.min(1)
    } else {
        amount
    };
    let declines = card.status != CardStatus::Open
        || u16::from(card.expiry) < case.now.yymm
        || account.status == AccountStatus::Closed
        || account.currency != case.request.currency
        || case.request.amount > card.transaction_max_minor
        || account.available_minor < least;
    declines && !case.is_stale()
}

impl Case<'_> {
    /// What age leaves of the limits; nothing where what is known is too old. Before the first listing
    /// there is nothing to be old.
    fn left(&self) -> Option<Left> {
        if self.knowledge.listed {
            self.policy.left_at(self.knowledge.age_ms)
        } else {
            Some(Left::WHOLE)
        }
    }

    fn is_stale(&self) -> bool {
        self.left().is_none()
    }

    fn card_is(&self, status: CardStatus) -> Says {
        match self.knowledge.card {
            None => Says::Nothing,
            Some(card) => Says::broken_if(card.status == status),
        }
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

#[cfg(test)]
mod tests;
