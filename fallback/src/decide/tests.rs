//! For whoever signs the limits: one table per rule, in order of precedence. Amounts are in cents.
//!
//! The card of these tables has a limit of its own of 400.00 per transaction, its account has
//! 1,000.00; the card is read by its chip, for a purchase. The policy is the default one: 500.00 per
//! transaction with the chip, 250.00 in e-commerce, 200.00 of cash; 2,000.00 and 250 purchases per card and
//! day, 400.00 and 5 times cash, 150.00 away from home, 100,000.00 per gateway; 200.00 outside the euro;
//! 75 % of that after an hour of silence, 50 % after two, nothing after four.

#![expect(
    clippy::inconsistent_digit_grouping,
    reason = "euros and cents: 100_00 is 100.00"
)]

use ledger_api::{
    AccountId, AccountState, AccountStatus, Amount, CardState, CardStatus, Currency, Expiry, Reason,
};

use super::*;
use crate::circumstances::Entry;
use crate::verification::{Check, Verification};

mod limits;
mod part;

const HOUR: u64 = 3_600_000;

/// A case that is approved; every test changes one thing, or two.
#[derive(Clone)]
struct Example {
    request: Request,
    card: Option<CardState>,
    account: Option<AccountState>,
    listed: bool,
    in_service: bool,
    age_ms: u64,
    spend: Spend,
    is_home: bool,
}

fn minor(amount: i64) -> Amount {
    Amount::new(amount).unwrap()
}

fn expiry(yymm: u16) -> Expiry {
    Expiry::try_from(yymm).unwrap()
}

fn example() -> Example {
    let currency: Currency = "EUR".parse().unwrap();
    let card = crate::sample::request(1, 1, 0).card;
    let account = AccountId(1);
    Example {
        request: crate::sample::request(1, 1, 100_00),
        card: Some(CardState {
            card,
            account,
            status: CardStatus::Open,
            expiry: expiry(2912),
            transaction_max_minor: minor(400_00),
        }),
        account: Some(AccountState {
            account,
            currency,
            status: AccountStatus::Open,
            available_minor: 1_000_00,
        }),
        listed: true,
        in_service: true,
        age_ms: 0,
        spend: Spend::default(),
        is_home: true,
    }
}

fn reason(change: impl FnOnce(&mut Example)) -> Reason {
    reason_under(&with_bin(), change)
}

/// The default policy, with the limit that it only has as an example.
fn with_bin() -> String {
    let limit = "\n[velocity.bin]\nminutes = 10\ncount = 500\nmax_minor = 1_000_000\n";
    format!("{}{limit}", Policy::default_text())
}

fn reason_under(policy: &str, change: impl FnOnce(&mut Example)) -> Reason {
    let decision = decided(policy, change);
    assert_eq!(decision.approved, decision.reason.approves());
    decision.reason
}

fn decided(policy: &str, change: impl FnOnce(&mut Example)) -> Decision {
    let mut example = example();
    change(&mut example);
    let policy = Policy::parse(policy).unwrap();
    decide(&Case {
        request: &example.request,
        knowledge: Knowledge {
            listed: example.listed,
            card: example.card.as_ref(),
            account: example.account.as_ref(),
            age_ms: example.age_ms,
            in_service: example.in_service,
        },
        spend: example.spend,
        policy: &policy,
        is_home: example.is_home,
        now: Now {
            boot_ms: 0,
            yymm: 2611,
        },
    })
}

fn card(example: &mut Example) -> &mut CardState {
    example.card.as_mut().unwrap()
}

fn account(example: &mut Example) -> &mut AccountState {
    example.account.as_mut().unwrap()
}

/// Every rule, by a change that breaks it and no other one.
type Break = (Reason, fn(&mut Example));

const BREAKS: &[Break] = &[
    (Reason::ReversedBefore, |e| e.spend.reversed_before = true),
    (Reason::IncorrectPin, |e| {
        e.request.verification.pin = Check::Failed
    }),
    (Reason::IncorrectCvv2, |e| {
        e.request.verification.cvv2 = Check::Failed
    }),
    (Reason::IncorrectCryptogram, |e| {
        e.request.verification.arqc = Check::Failed
    }),
    (Reason::UnknownCard, |e| {
        e.card = None;
        e.account = None;
    }),
    (Reason::CardClosed, |e| card(e).status = CardStatus::Closed),
    (Reason::CardFrozen, |e| card(e).status = CardStatus::Frozen),
    (Reason::CardExpired, |e| card(e).expiry = expiry(2610)),
    (Reason::AccountClosed, |e| {
        account(e).status = AccountStatus::Closed
    }),
    (Reason::CurrencyMismatch, |e| {
        account(e).currency = "JPY".parse().unwrap()
    }),
    (Reason::TransactionNotPermitted, |e| {
        e.request.circumstances.kind = Kind::Inquiry
    }),
    (Reason::CurrencyNotCovered, |e| {
        e.request.currency = "USD".parse().unwrap();
        account(e).currency = e.request.currency;
    }),
    (Reason::MerchantCategoryNotPermitted, |e| {
        e.request.circumstances.mcc = 7995
    }),
    (Reason::OverTransactionLimit, |e| {
        card(e).transaction_max_minor = minor(99_99)
    }),
    (Reason::OverCardLimit, |e| e.spend.card[0].minor = 1_900_01),
    (Reason::OverCardCount, |e| e.spend.card[0].count = 250),
    (Reason::OverEntryModeLimit, |e| {
        e.request.circumstances.entry = Entry::Keyed;
        e.request.amount = minor(100_01);
    }),
    (Reason::OverCashLimit, |e| {
        e.request.circumstances.kind = Kind::Cash;
        e.request.amount = minor(200_01);
    }),
    (Reason::OverMerchantCategoryLimit, |e| {
        e.request.circumstances.mcc = 5542;
        e.request.amount = minor(150_01);
    }),
    (Reason::OverCountryLimit, |e| {
        e.request.circumstances.country = 840;
        e.request.amount = minor(200_01);
    }),
    (Reason::InsufficientFunds, |e| {
        account(e).available_minor = 99_99
    }),
    (Reason::OverGatewayExposure, |e| {
        e.spend.exposure_minor = 100_000_00
    }),
    (Reason::KnowledgeStale, |e| e.age_ms = 4 * HOUR + 1),
    (Reason::RepeatNotAtHome, |e| {
        e.request.repeat = true;
        e.is_home = false;
    }),
    (Reason::StandInUnavailable, |e| e.in_service = false),
    (Reason::VerificationUnknown, |e| {
        e.request.verification = Verification {
            cvv2: e.request.verification.cvv2.presented(),
            ..e.request.verification
        }
    }),
    (Reason::OverMerchantVelocity, |e| {
        e.spend.velocity[0].minor = 19_900_01
    }),
    (Reason::OverTerminalVelocity, |e| {
        e.spend.velocity[1].count = 200
    }),
    (Reason::OverBinVelocity, |e| {
        e.request.circumstances.bin = 1;
        e.spend.velocity[2].count = 500;
    }),
];

#[test]
fn every_rule_has_a_name_and_the_table_is_in_order_of_precedence() {
    let rules: Vec<_> = RULES.iter().map(|(reason, _)| *reason).collect();
    let broken: Vec<_> = BREAKS.iter().map(|(reason, _)| *reason).collect();
    // Given by whoever declines without weighing a rule.
    let ordered = [Reason::DeclinedByOperator, Reason::StandInSwitchedOff];
    let all: Vec<_> = ledger_api::REASONS
        .iter()
        .filter(|row| row.by_stand_in && !row.reason.approves())
        .filter(|row| !ordered.contains(&row.reason))
        .map(|row| row.reason)
        .collect();
    assert_eq!(rules, all);
    assert_eq!(broken, all);
    assert_eq!(reason(|_| ()), Reason::Approved);
}

#[test]
fn each_rule_declines_by_its_own_name() {
    for (expected, breaks) in BREAKS {
        assert_eq!(reason(breaks), *expected);
    }
}

#[test]
fn where_two_rules_are_broken_the_first_one_is_given() {
    // So that not being at home breaks one rule only.
    let policy = with_bin().replace("day_max_minor = 15_000", "day_max_minor = 50_000");
    for (place, (first, break_first)) in BREAKS.iter().enumerate() {
        for (second, break_second) in &BREAKS[place + 1..] {
            let given = reason_under(&policy, |e| {
                break_second(e);
                break_first(e);
            });
            assert_eq!(given, *first, "{first} before {second}");
        }
    }
}

#[test]
fn no_approval_for_a_card_that_is_known_as_blocked_i7() {
    for (status, expected) in [
        (CardStatus::Open, Reason::Approved),
        (CardStatus::Frozen, Reason::CardFrozen),
        (CardStatus::Closed, Reason::CardClosed),
    ] {
        assert_eq!(reason(|e| card(e).status = status), expected);
    }
}

#[test]
fn a_card_is_good_to_the_end_of_its_last_month() {
    // The month of these tables is November 2026.
    for (known, presented, expected) in [
        (2611, None, Reason::Approved),
        (2610, None, Reason::CardExpired),
        (2611, Some(2611), Reason::Approved),
        (2912, Some(2610), Reason::CardExpired),
        (2610, Some(2912), Reason::CardExpired),
    ] {
        let given = reason(|e| {
            card(e).expiry = expiry(known);
            e.request.expiry = presented.map(expiry);
        });
        assert_eq!(given, expected, "known {known}, presented {presented:?}");
    }
}

#[test]
fn the_balance_counts_less_what_it_does_not_show_yet_rule_12() {
    for (available, own, amount, expected) in [
        (100_00, 0, 100_00, Reason::Approved),
        (100_00, 0, 100_01, Reason::InsufficientFunds),
        (100_00, 60_00, 40_00, Reason::Approved),
        (100_00, 60_00, 40_01, Reason::InsufficientFunds),
        (-1, 0, 1, Reason::InsufficientFunds),
        (0, 0, 0, Reason::Approved),
    ] {
        let given = reason(|e| {
            account(e).available_minor = available;
            e.spend.own_minor = own;
            e.request.amount = minor(amount);
        });
        assert_eq!(
            given, expected,
            "available {available}, own {own}, amount {amount}"
        );
    }
}

#[test]
fn the_gateway_stays_within_its_cap_and_realised_overdraft_counts_i5_rule_14() {
    for (exposure, realised, expected) in [
        (99_900_00, 0, Reason::Approved),
        (99_900_01, 0, Reason::OverGatewayExposure),
        (0, 99_900_01, Reason::OverGatewayExposure),
        (50_000_00, 49_900_00, Reason::Approved),
        (50_000_00, 49_900_01, Reason::OverGatewayExposure),
    ] {
        let given = reason(|e| {
            e.spend.exposure_minor = exposure;
            e.spend.realised_minor = realised;
        });
        assert_eq!(given, expected, "exposure {exposure}, realised {realised}");
    }
}

#[test]
fn no_approval_from_knowledge_past_its_age_i7() {
    assert_eq!(reason(|e| e.age_ms = 4 * HOUR), Reason::Approved);
    assert_eq!(reason(|e| e.age_ms = 4 * HOUR + 1), Reason::KnowledgeStale);
    assert_eq!(reason(|e| e.age_ms = u64::MAX), Reason::KnowledgeStale);
}

#[test]
fn a_repeat_without_a_record_is_for_the_home_to_decide_rule_2() {
    for (repeat, is_home, expected) in [
        (true, true, Reason::Approved),
        (true, false, Reason::RepeatNotAtHome),
        (false, false, Reason::Approved),
    ] {
        let given = reason(|e| {
            e.request.repeat = repeat;
            e.is_home = is_home;
        });
        assert_eq!(given, expected, "repeat {repeat}, home {is_home}");
    }
}

#[test]
fn before_the_first_listing_nothing_is_said_about_a_card() {
    let nothing_known = |e: &mut Example| {
        e.listed = false;
        e.card = None;
        e.account = None;
        e.age_ms = u64::MAX;
    };
    assert_eq!(reason(nothing_known), Reason::StandInUnavailable);
    assert_eq!(
        reason(|e| e.account = None),
        Reason::StandInUnavailable,
        "no balance to weigh"
    );
}

/// One of the three checks of a request.
type Which = fn(&mut Verification) -> &mut Check;

const CHECKS: &[(&str, Which, Reason)] = &[
    ("pin", |v| &mut v.pin, Reason::IncorrectPin),
    ("cvv2", |v| &mut v.cvv2, Reason::IncorrectCvv2),
    ("arqc", |v| &mut v.arqc, Reason::IncorrectCryptogram),
];

#[test]
fn a_check_that_failed_declines_under_any_policy_and_an_unknown_one_as_the_policy_says() {
    for (name, which, wrong) in CHECKS {
        let default = Policy::default_text();
        let line = format!("{name}_unknown = \"decline\"");
        let lenient = default.replace(&line, &format!("{name}_unknown = \"ignore\""));
        assert_ne!(lenient, default, "{name}");
        for (check, careful, ignoring) in [
            (Check::NotPresented, Reason::Approved, Reason::Approved),
            (Check::Matched, Reason::Approved, Reason::Approved),
            (
                Check::Unknown,
                Reason::VerificationUnknown,
                Reason::Approved,
            ),
            (Check::Failed, *wrong, *wrong),
        ] {
            let change = |e: &mut Example| *which(&mut e.request.verification) = check;
            assert_eq!(reason(change), careful, "{name} {check:?}");
            assert_eq!(reason_under(&lenient, change), ignoring, "{name} {check:?}");
        }
    }
}

#[test]
fn whoever_presents_a_wrong_pin_learns_nothing_of_card_or_balance() {
    for (_, breaks) in BREAKS
        .iter()
        .filter(|(reason, _)| *reason >= Reason::UnknownCard)
    {
        let given = reason(|e| {
            breaks(e);
            e.request.verification.pin = Check::Failed;
        });
        assert_eq!(given, Reason::IncorrectPin);
    }
}
