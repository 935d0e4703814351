//! The rules, in order of precedence.

use ledger_api::{AccountStatus, CardStatus, Reason};

use super::{Rule, Says, Weighing};
use crate::circumstances::Kind;
use crate::policy::{OnUnknown, Say, is_cash};
use crate::velocity;
use crate::verification::Check;

/// All rules, in order of precedence: the first that is broken is the reason. The order is that of
/// [`Reason`], a test holds them together.
pub const RULES: &[Rule] = &[
    (Reason::ReversedBefore, |it| {
        Says::broken_if(it.case.spend.reversed_before)
    }),
    (Reason::IncorrectPin, |it| {
        checked(it.case.request.verification.pin)
    }),
    (Reason::IncorrectCvv2, |it| {
        checked(it.case.request.verification.cvv2)
    }),
    (Reason::IncorrectCryptogram, |it| {
        checked(it.case.request.verification.arqc)
    }),
    (Reason::UnknownCard, unknown_card),
    (Reason::CardClosed, |it| it.case.card_is(CardStatus::Closed)),
    (Reason::CardFrozen, |it| it.case.card_is(CardStatus::Frozen)),
    (Reason::CardExpired, expired),
    (Reason::AccountClosed, account_closed),
    (Reason::CurrencyMismatch, currency_differs),
    (Reason::TransactionNotPermitted, |it| {
        let kind = it.case.request.circumstances.kind;
        Says::broken_if(!it.case.policy.permits(kind))
    }),
    (Reason::CurrencyNotCovered, |it| {
        Says::broken_if(it.rate.is_none())
    }),
    (Reason::MerchantCategoryNotPermitted, |it| {
        Says::broken_if(category(it) == Say::Decline)
    }),
    (Reason::OverTransactionLimit, over_own_limit),
    (Reason::OverCardLimit, over_card_limit),
    (Reason::OverCardCount, over_card_count),
    (Reason::OverEntryModeLimit, |it| {
        let entry = it.case.request.circumstances.entry;
        leaves(it, it.case.policy.entry_max(entry))
    }),
    (Reason::OverCashLimit, over_cash_limit),
    (Reason::OverMerchantCategoryLimit, |it| match category(it) {
        Say::Limit(most) => leaves(it, most),
        Say::Allow | Say::Decline => Says::Nothing,
    }),
    (Reason::OverCountryLimit, |it| {
        let country = it.case.request.circumstances.country;
        let limit = it.case.policy.country_limit(country);
        limit.map_or(Says::Nothing, |most| leaves(it, most))
    }),
    (Reason::InsufficientFunds, insufficient),
    (Reason::OverGatewayExposure, over_exposure),
    (Reason::KnowledgeStale, |it| {
        match it.case.knowledge.listed {
            true => Says::broken_if(it.case.is_stale()),
            false => Says::Nothing,
        }
    }),
    (Reason::RepeatNotAtHome, |it| {
        Says::broken_if(it.case.request.repeat && !it.case.is_home)
    }),
    (Reason::StandInUnavailable, |it| {
        Says::broken_if(!it.case.can_weigh())
    }),
    (Reason::VerificationUnknown, unverified),
    (Reason::OverMerchantVelocity, |it| over_velocity(it, 0)),
    (Reason::OverTerminalVelocity, |it| over_velocity(it, 1)),
    (Reason::OverBinVelocity, |it| over_velocity(it, 2)),
];

/// What was checked and is wrong.
fn checked(check: Check) -> Says {
    match check {
        Check::NotPresented => Says::Nothing,
        check => Says::broken_if(check == Check::Failed),
    }
}

fn unknown_card(it: &Weighing<'_>) -> Says {
    match it.case.knowledge.listed {
        true => Says::broken_if(it.case.knowledge.card.is_none()),
        false => Says::Nothing,
    }
}

/// The card's own expiry, or the one that was presented, lies before this month.
fn expired(it: &Weighing<'_>) -> Says {
    let known = it.case.knowledge.card.map(|card| card.expiry);
    let mut told = [known, it.case.request.expiry].into_iter().flatten();
    Says::broken_if(told.any(|expiry| u16::from(expiry) < it.case.now.yymm))
}

fn account_closed(it: &Weighing<'_>) -> Says {
    match it.case.knowledge.account {
        None => Says::Nothing,
        Some(account) => Says::broken_if(account.status == AccountStatus::Closed),
    }
}

fn currency_differs(it: &Weighing<'_>) -> Says {
    match it.case.knowledge.account {
        None => Says::Nothing,
        Some(account) => Says::broken_if(account.currency != it.case.request.currency),
    }
}

fn category(it: &Weighing<'_>) -> Say {
    it.case.policy.category(it.case.request.circumstances.mcc)
}

/// A credit takes nothing of any limit, and what has no rate cannot be compared with one.
fn takes_money(it: &Weighing<'_>) -> bool {
    it.case.request.circumstances.kind != Kind::Credit && it.rate.is_some()
}

/// What is left of a limit of the policy at this age of knowledge.
fn leaves(it: &Weighing<'_>, most: i64) -> Says {
    if takes_money(it) {
        Says::Leaves(it.left.of(most))
    } else {
        Says::Nothing
    }
}

/// The card's own limit, which the ledger keeps too.
fn over_own_limit(it: &Weighing<'_>) -> Says {
    match it.case.knowledge.card {
        Some(card) if it.case.request.circumstances.kind != Kind::Credit => {
            Says::LeavesOwn(card.transaction_max_minor.minor())
        }
        _ => Says::Nothing,
    }
}

/// The card's windows: in full at home, and the floor elsewhere.
fn over_card_limit(it: &Weighing<'_>) -> Says {
    if !takes_money(it) {
        return Says::Nothing;
    }
    let (policy, spend) = (it.case.policy, &it.case.spend);
    let windows = policy.windows(it.case.request.circumstances.kind);
    let rooms = windows
        .iter()
        .zip(&spend.card)
        .map(|(window, used)| it.left.of(window.minor).saturating_sub(used.minor));
    let floor = (!it.case.is_home).then(|| {
        let most = it.left.of(policy.elsewhere_day_max());
        most.saturating_sub(spend.card_day_minor)
    });
    rooms.chain(floor).min().map_or(Says::Nothing, Says::Leaves)
}

fn over_card_count(it: &Weighing<'_>) -> Says {
    if it.case.request.circumstances.kind == Kind::Credit {
        return Says::Nothing;
    }
    let windows = it.case.policy.windows(it.case.request.circumstances.kind);
    let mut used = windows.iter().zip(&it.case.spend.card);
    Says::broken_if(used.any(|(window, used)| used.count >= window.count))
}

fn over_cash_limit(it: &Weighing<'_>) -> Says {
    if is_cash(it.case.request.circumstances.kind) {
        leaves(it, it.case.policy.cash_max())
    } else {
        Says::Nothing
    }
}

/// The balance as far as it may be spent, less what it does not show yet.
fn insufficient(it: &Weighing<'_>) -> Says {
    match it.case.knowledge.account {
        Some(account) if it.case.request.circumstances.kind != Kind::Credit => {
            let spendable = it.case.policy.spendable(account.available_minor);
            Says::LeavesOwn(spendable.saturating_sub(it.case.spend.own_minor))
        }
        _ => Says::Nothing,
    }
}

/// The gateway's cap: what is at risk and what is lost already count alike (rule 14).
fn over_exposure(it: &Weighing<'_>) -> Says {
    if !takes_money(it) {
        return Says::Nothing;
    }
    let most = it.case.policy.gateway_exposure_max().minor();
    Says::Leaves(most.saturating_sub(it.case.spend.charged_minor()))
}

/// What this place leaves, in the order of [`velocity::keys`]. It does not shrink with age: it is about
/// the place, and not about what is known of the card.
fn over_velocity(it: &Weighing<'_>, place: usize) -> Says {
    let key = velocity::keys(it.case.request).get(place).copied();
    let limit = it.case.policy.velocity().get(place).copied().flatten();
    let used = it.case.spend.velocity.get(place);
    match (key, limit, used) {
        (Some(1..), Some(limit), Some(used)) if takes_money(it) => {
            if used.count >= limit.count {
                Says::Breaks
            } else {
                Says::Leaves(limit.minor.saturating_sub(used.minor))
            }
        }
        _ => Says::Nothing,
    }
}

/// Something was presented that nobody has checked, and the policy asks for a result.
fn unverified(it: &Weighing<'_>) -> Says {
    let (checks, unknown) = (it.case.request.verification, it.case.policy.unknown());
    let declines = [
        (checks.cvv2, unknown.cvv2),
        (checks.pin, unknown.pin),
        (checks.arqc, unknown.arqc),
    ]
    .contains(&(Check::Unknown, OnUnknown::Decline));
    Says::broken_if(declines)
}
