//! The table of reasons, each broken in turn.

use ledger_api::{AuthorizationKind, REASONS, Verdict};

use super::*;

/// A payment to which everything can happen: it adds to an authorization, [`ORIGINAL`].
struct Case {
    card: Option<CardState>,
    account: Account,
    request: AuthorizeRequest,
    original: Record,
    tombstone: bool,
}

const ORIGINAL: AuthorizationId = AuthorizationId([2; 16]);

fn sound() -> Case {
    let mut original = Record::new(ORIGINAL, CARD, Some(AccountId(1)));
    original.fingerprint = Some(Fingerprint(2));
    original.decided = Some(Verdict {
        approved: true,
        approved_minor: amount(100),
        reason: Reason::Approved,
    });
    original.effect_minor = 100;
    let mut account = account(600);
    account.totals.debits_pending = 100;
    Case {
        card: Some(card_state()),
        account,
        request: AuthorizeRequest {
            original: Some(ORIGINAL),
            ..request(500)
        },
        original,
        tombstone: false,
    }
}

fn reason(case: &Case) -> Reason {
    let mut set = set(case.card, case.account);
    set.load_record(case.original.clone());
    if case.tombstone {
        let mut record = Record::new(case.request.id, CARD, None);
        record.reversed_to = Some(Amount::ZERO);
        set.load_record(record);
    }
    let command = Command::Authorize {
        gateway: gateway("gw1"),
        request: case.request.clone(),
    };
    match sealed(set, &[command]).outcomes.remove(0) {
        Outcome::Authorized(AuthorizeAnswer::Decided(decision), _) => decision.reason,
        other => panic!("{other:?}"),
    }
}

type Break = fn(&mut Case);

/// Every rule of the ledger, from the last to the first, and how it is broken.
const BREAKS: &[(Reason, Break)] = &[
    (Reason::InsufficientFunds, |case| {
        case.account.totals.credits_posted = 599;
    }),
    (Reason::OverTransactionLimit, |case| {
        case.request.amount_minor = amount(501);
    }),
    (Reason::AuthorizationClosed, |case| {
        case.original.reversed_to = Some(Amount::ZERO);
    }),
    (Reason::TransactionNotPermitted, |case| {
        case.original.card.mac = [9; 16];
    }),
    (Reason::CurrencyMismatch, |case| {
        case.request.currency = "USD".parse().unwrap();
    }),
    (Reason::AccountClosed, |case| {
        case.account.status = AccountStatus::Closed;
    }),
    (Reason::CardExpired, |case| {
        let card = case.card.as_mut().unwrap();
        card.expiry = Expiry::try_from(2610).unwrap();
    }),
    (Reason::CardFrozen, |case| {
        case.card.as_mut().unwrap().status = CardStatus::Frozen;
    }),
    (Reason::CardClosed, |case| {
        case.card.as_mut().unwrap().status = CardStatus::Closed;
    }),
    (Reason::UnknownCard, |case| case.card = None),
    (Reason::ReversedBefore, |case| case.tombstone = true),
];

#[test]
fn every_reason_of_the_ledger_is_in_the_table_and_has_a_rule_that_gives_it() {
    let listed: Vec<_> = REASONS
        .iter()
        .rev()
        .filter(|row| row.by_ledger && !row.reason.approves())
        .map(|row| row.reason)
        .collect();
    let broken: Vec<_> = BREAKS.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(broken, listed);
    assert_eq!(reason(&sound()), Reason::Approved, "to the cent");
    for (expected, break_it) in BREAKS {
        let mut case = sound();
        break_it(&mut case);
        assert_eq!(reason(&case), *expected);
    }
}

#[test]
fn where_two_rules_are_broken_the_first_one_in_the_table_is_given() {
    for (place, (later, break_later)) in BREAKS.iter().enumerate() {
        for (earlier, break_earlier) in &BREAKS[place + 1..] {
            let mut case = sound();
            break_later(&mut case);
            // A card that is not there has no state to break.
            if case.card.is_some() || *earlier == Reason::ReversedBefore {
                break_earlier(&mut case);
                let given = reason(&case);
                assert_eq!(given, *earlier, "{earlier} and {later}");
            }
        }
    }
}

#[test]
fn an_approval_in_part_comes_after_every_rule_but_that_of_money() {
    for (broken, break_it) in BREAKS {
        let mut case = sound();
        case.request.partial = true;
        case.account.totals.credits_posted = 599;
        break_it(&mut case);
        let expected = match broken {
            Reason::InsufficientFunds => Reason::PartiallyApproved,
            other => *other,
        };
        assert_eq!(reason(&case), expected);
    }
}

#[test]
fn a_verification_checks_the_card_and_not_the_money() {
    for (broken, break_it) in BREAKS {
        let mut case = sound();
        case.request.original = None;
        break_it(&mut case);
        case.request.amount_minor = Amount::ZERO;
        case.request.kind = AuthorizationKind::Verification;
        let about_money = [
            Reason::InsufficientFunds,
            Reason::OverTransactionLimit,
            Reason::AuthorizationClosed,
            Reason::TransactionNotPermitted,
        ];
        let expected = match broken {
            broken if about_money.contains(broken) => Reason::Approved,
            other => *other,
        };
        assert_eq!(reason(&case), expected);
    }
}
