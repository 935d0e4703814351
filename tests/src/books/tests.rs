use std::time::Duration;

use ledger_api::{
    AccountId, Amount, AuthorizationState, AuthorizationView, CardToken, Reason, TrialBalance,
    Verdict,
};

use super::*;
use crate::notebook::{Answer, Door, Outcome, Record, ReversalOutcome};

const CARD: CardToken = CardToken {
    key_id: 1,
    mac: [7; 16],
};

fn id(n: u8) -> AuthorizationId {
    AuthorizationId([n; 16])
}

fn told(n: u8, gateway: usize, approved_minor: i64) -> Record {
    let code = if approved_minor > 0 { "00" } else { "51" };
    answered(n, gateway, approved_minor, code)
}

fn declined(n: u8, gateway: usize, code: &str) -> Record {
    answered(n, gateway, 0, code)
}

fn answered(n: u8, gateway: usize, approved_minor: i64, code: &str) -> Record {
    let approved = approved_minor > 0;
    Record::Authorization {
        id: id(n),
        card: CARD,
        gateway,
        door: Door::Http,
        amount_minor: 100,
        repeat: false,
        outcome: Outcome::Answered(Answer {
            approved,
            approved_minor,
            response_code: code.into(),
            approval_code: None,
            reason: None,
            decided_by: None,
            cause: None,
            duplicate: None,
            latency: Duration::from_millis(5),
        }),
    }
}

fn unanswered(n: u8) -> Record {
    Record::Authorization {
        id: id(n),
        card: CARD,
        gateway: 0,
        door: Door::Iso,
        amount_minor: 100,
        repeat: false,
        outcome: Outcome::Unanswered("the link broke".into()),
    }
}

fn reversed(n: u8, remaining_minor: i64) -> Record {
    let latency = Duration::from_millis(5);
    Record::Reversal {
        id: id(n),
        card: CARD,
        gateway: 0,
        door: Door::Iso,
        remaining_minor,
        outcome: ReversalOutcome::Accepted {
            duplicate: Some(false),
            latency,
        },
    }
}

fn booked(n: u8, effect_minor: i64) -> AuthorizationView {
    let approved = effect_minor > 0;
    let amount = Amount::new(effect_minor).unwrap();
    let reason = if approved {
        Reason::Approved
    } else {
        Reason::InsufficientFunds
    };
    AuthorizationView {
        id: id(n),
        card: CARD,
        account: Some(AccountId(1)),
        requested_minor: Amount::new(100).unwrap(),
        currency: None,
        decided: Some(Verdict {
            approved,
            approved_minor: amount,
            reason,
        }),
        asked_by: None,
        told: None,
        network: None,
        reversed_to_minor: None,
        state: AuthorizationState::default(),
        effect_minor,
        captured_minor: 0,
        refunded_minor: 0,
        original: None,
        transaction: None,
        resolution: None,
        parked: None,
        contested: false,
        mark: ledger_api::Mark::default(),
    }
}

fn weigh(records: Vec<Record>, authorizations: Vec<AuthorizationView>) -> Audit {
    let evidence = Evidence {
        records,
        cards: Vec::new(),
        homes: std::collections::HashMap::new(),
        authorizations,
        suspense: Vec::new(),
        accounts: Vec::new(),
        entries: Vec::new(),
        books: TrialBalance {
            mark: ledger_api::Mark::default(),
            bucket: 0,
            entries: 0,
            currencies: Vec::new(),
            balanced: true,
            crooked: Vec::new(),
        },
        journals: Vec::new(),
        statuses: Vec::new(),
        card_numbers_in: None,
    };
    let options = AuditOptions {
        entries: false,
        ..AuditOptions::default()
    };
    audit(&evidence, &options)
}

fn contested(n: u8, effect_minor: i64) -> AuthorizationView {
    AuthorizationView {
        contested: true,
        ..booked(n, effect_minor)
    }
}

fn taken_back(n: u8) -> AuthorizationView {
    AuthorizationView {
        effect_minor: 0,
        reversed_to_minor: Some(Amount::ZERO),
        ..booked(n, 100)
    }
}

/// What happened, what clients say, what the books say, and which invariants that breaks.
type Case = (
    &'static str,
    Vec<Record>,
    Vec<AuthorizationView>,
    &'static [Invariant],
);

#[test]
fn every_kind_of_lie_is_found_by_its_invariant() {
    let declined_then = vec![told(1, 0, 0)];
    let cases: Vec<Case> = vec![
        ("as told", vec![told(1, 0, 100)], vec![booked(1, 100)], &[]),
        (
            "lost",
            vec![told(1, 0, 100)],
            vec![],
            &[Invariant::I1, Invariant::I4],
        ),
        (
            "twice",
            vec![told(1, 0, 100)],
            vec![booked(1, 200)],
            &[Invariant::I2, Invariant::I4],
        ),
        (
            "too little",
            vec![told(1, 0, 100)],
            vec![booked(1, 40)],
            &[Invariant::I4],
        ),
        (
            "declined and held",
            declined_then,
            vec![booked(1, 100)],
            &[Invariant::I4],
        ),
        (
            "two answers",
            vec![told(1, 0, 100), told(1, 1, 0)],
            vec![booked(1, 100)],
            &[Invariant::I3],
        ),
        (
            "rule 3",
            vec![told(1, 0, 100), told(1, 1, 0)],
            vec![contested(1, 100)],
            &[],
        ),
        (
            "rule 3 is no excuse for one gateway",
            vec![told(1, 0, 100), told(1, 0, 0)],
            vec![contested(1, 100)],
            &[Invariant::I3],
        ),
        (
            "two gateways declined for different reasons",
            vec![declined(1, 0, "51"), declined(1, 1, "61")],
            vec![booked(1, 0)],
            &[],
        ),
        (
            "one gateway declined for two reasons",
            vec![declined(1, 0, "51"), declined(1, 0, "61")],
            vec![booked(1, 0)],
            &[Invariant::I3],
        ),
        (
            "two gateways declined for different reasons, and held",
            vec![declined(1, 0, "51"), declined(1, 1, "61")],
            vec![booked(1, 100)],
            &[Invariant::I4],
        ),
        (
            "reversed",
            vec![told(1, 0, 100), reversed(1, 0)],
            vec![taken_back(1)],
            &[],
        ),
        (
            "declined in the books",
            vec![told(1, 0, 100)],
            vec![booked(1, 0)],
            &[Invariant::I1, Invariant::I4],
        ),
        (
            "reversed and held",
            vec![told(1, 0, 100), reversed(1, 30)],
            vec![booked(1, 100)],
            &[Invariant::I4],
        ),
        (
            "nobody heard, held",
            vec![unanswered(1)],
            vec![booked(1, 100)],
            &[],
        ),
        ("nobody heard, not held", vec![unanswered(1)], vec![], &[]),
        (
            "nobody heard, twice",
            vec![unanswered(1)],
            vec![booked(1, 200)],
            &[Invariant::I2, Invariant::I4],
        ),
    ];
    for (what, records, authorizations, broken) in cases {
        let audit = weigh(records, authorizations);
        let found: Vec<_> = audit
            .invariants
            .iter()
            .filter(|(_, verdict)| matches!(verdict, super::Verdict::Broken(_)))
            .map(|(invariant, _)| *invariant)
            .collect();
        assert_eq!(found, broken, "{what}: {:?}", audit.broken());
    }
}

#[test]
fn declines_that_differ_between_gateways_are_listed_and_of_one_gateway_are_mismatches_i3() {
    let books = || vec![booked(1, 0)];
    let of_two = weigh(vec![declined(1, 0, "51"), declined(1, 1, "61")], books());
    assert_eq!(of_two.declined_differently, [id(1)]);
    assert_eq!(of_two.answer_mismatches, []);

    let of_one = weigh(vec![declined(1, 0, "51"), declined(1, 0, "61")], books());
    assert_eq!(of_one.declined_differently, []);
    assert_eq!(of_one.answer_mismatches, [id(1)]);

    let alike = weigh(vec![declined(1, 0, "51"), declined(1, 1, "51")], books());
    assert_eq!(alike.declined_differently, []);
    assert_eq!(alike.answer_mismatches, []);
}
