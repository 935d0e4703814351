use fallback::journal::{Acknowledged, Answered, Covered, Entry, Reading, Record, Reversed};
use fallback::{DecidedBy, Request, Verification};
use ledger_api::{
    Amount, AuthorizationId, CardToken, Cause, Fingerprint, JournalHead, Mark, Reason,
};
use serde_json::Value;

use super::export;
use super::summary::Summary;

const CARD: CardToken = CardToken {
    key_id: 1,
    mac: [7; 16],
};

fn minor(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

fn approved(number: u8, by: DecidedBy, amount: i64) -> Record {
    Record::Answer(Answered {
        at_ms: 1,
        request: Request {
            id: AuthorizationId([number; 16]),
            card: CARD,
            amount: minor(amount),
            currency: "EUR".parse().unwrap(),
            expiry: None,
            fingerprint: Fingerprint(1),
            alias: 0,
            repeat: false,
            stan: 42,
            rrn: *b"000000000001",
            terminal: 1,
            captures: false,
            verification: Verification::default(),
            circumstances: fallback::Circumstances::default(),
        },
        account: None,
        approved: true,
        approved_amount: minor(amount),
        reason: Reason::Approved,
        by,
        cause: Cause::BreakerTripped,
        asked: false,
        ledger_declines: false,
        mark: Mark::default(),
        policy_hash: 0xabc,
        knowledge_age_ms: 5,
        broken: fallback::decide::Reasons::default(),
        exposure_before: 0,
        exposure_after: 0,
    })
}

fn reversed(number: u8, remaining: i64) -> Record {
    Record::Reversal(Reversed {
        at_ms: 2,
        id: AuthorizationId([number; 16]),
        card: CARD,
        remaining: minor(remaining),
    })
}

fn acknowledged(seq: u64, parked: Option<Reason>) -> Record {
    Record::Acknowledged(Acknowledged {
        at_ms: 3,
        seq,
        parked,
        mark: Mark::default(),
    })
}

fn covered(seq: u64) -> Record {
    Record::Covered(Covered {
        at_ms: 4,
        seq,
        shortfall: minor(0),
    })
}

fn entries(records: Vec<Record>) -> impl Iterator<Item = Entry> {
    (1..).zip(records).map(|(seq, record)| Entry {
        seq,
        record,
        segment: 1,
        offset: 0,
    })
}

fn summed(records: Vec<Record>) -> Value {
    let mut summary = Summary::default();
    entries(records).for_each(|entry| summary.add(&entry));
    let head = JournalHead {
        epoch: 1,
        seq: 1,
        hash: 1,
    };
    let reading = Reading {
        gateway: [0; 32],
        head,
        synced_through: 1,
        segments: 1,
        torn: None,
    };
    summary.json(&reading, false)
}

#[test]
fn what_waits_and_what_is_at_risk_follow_from_the_records() {
    let (a, b) = (
        approved(1, DecidedBy::StandIn, 50_00),
        approved(2, DecidedBy::StandIn, 30_00),
    );
    let network = approved(3, DecidedBy::Network, 10_00);
    let ledger = approved(4, DecidedBy::Ledger, 10_00);
    let poison = Some(Reason::UnknownCard);
    for (records, waiting, exposure, parked) in [
        (vec![], 0, None, 0),
        (vec![a, b], 2, Some(80_00), 0),
        (vec![network, ledger], 1, None, 0),
        (vec![a, reversed(1, 20_00)], 2, Some(20_00), 0),
        (
            vec![a, reversed(1, 20_00), reversed(1, 40_00)],
            3,
            Some(20_00),
            0,
        ),
        (vec![a, acknowledged(1, None)], 0, Some(50_00), 0),
        (vec![a, acknowledged(1, None), covered(1)], 0, None, 0),
        (vec![a, b, acknowledged(2, poison)], 1, Some(80_00), 1),
        (vec![reversed(9, 0)], 1, None, 0),
    ] {
        let said = summed(records.clone());
        assert_eq!(said["waiting"], waiting, "{records:?}");
        assert_eq!(
            said["exposure"]["minor"]["EUR"].as_i64(),
            exposure,
            "{records:?}"
        );
        assert_eq!(said["parked"], parked, "{records:?}");
    }
}

#[test]
fn every_record_is_one_line_with_its_number_and_its_kind() {
    let records = vec![
        approved(1, DecidedBy::StandIn, 50_00),
        reversed(1, 0),
        acknowledged(1, None),
        covered(1),
        Record::Synced,
    ];
    let lines: Vec<_> = entries(records).map(|entry| export::json(&entry)).collect();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str()).collect();
    let expected = ["answer", "reversal", "acknowledged", "covered", "synced"];
    assert_eq!(kinds, expected.map(Some));
    for (number, line) in (1_u64..).zip(&lines) {
        assert_eq!(line["seq"], number);
        assert!(!line.to_string().contains('\n'));
    }
    assert_eq!(lines[0]["policy"], "0000000000000abc");
    assert_eq!(lines[0]["card"], CARD.to_string());
}
