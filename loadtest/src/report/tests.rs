//! The shape of the report is a contract: scripts read it.

use serde_json::{Value, json};

use super::*;
use crate::sometimes::Sometimes;

/// A report of a run that went well.
pub(crate) fn sample() -> Report {
    let tally = tally();
    let phase = |name: &str, from_s, outage| PhaseReport {
        name: name.into(),
        from_s,
        to_s: from_s + 10.0,
        outage,
        tally: tally.clone(),
    };
    Report {
        scenario: "outage".into(),
        seed: 1,
        commit: "0123456789ab".into(),
        machine: "2 × processor".into(),
        backend: "processes".into(),
        store: "embedded".into(),
        verdict: Verdict::Pass,
        because: Vec::new(),
        phases: vec![phase("steady", 0.0, false), phase("black-out", 10.0, true)],
        totals: tally.clone(),
        by_door: ByDoor {
            http: tally.clone(),
            iso8583: tally,
        },
        exposure: Exposure {
            peak_minor: 5_000,
            bound_minor: 20_000_000,
            loss_minor: 100,
            currency: "EUR".into(),
            by_gateway: Vec::new(),
        },
        advices: Advices {
            written: 80,
            applied: 80,
            duplicates_suppressed: 1,
            waiting_for_person: 0,
            drained_after_s: Some(0.4),
        },
        books: books(),
        workload: Mix {
            rate_per_s: 300.0,
            cards: 10,
            zipf: 1.0,
            first: 188,
            repeats: 6,
            reversals: 6,
            twin_declined_share: 0.25,
        },
        generator: GeneratorReport {
            planned: 200,
            achieved: 200,
            late_ms: LatencySummary::default(),
        },
        invariants: BTreeMap::from([("I1".into(), "held"), ("I9".into(), "not_checked")]),
        invariant_notes: BTreeMap::new(),
        sometimes: BTreeMap::from([(Sometimes::StandInApproved, 60)]),
        timeline: vec![Mark {
            planned_s: Some(10.0),
            done_s: Some(10.001),
            what: "ledger: kill -9".into(),
            seen: Some("connections are refused".into()),
        }],
        left_out: Vec::new(),
        unplanned_exits: Vec::new(),
    }
}

fn books() -> Books {
    Books {
        balanced: true,
        lost_approvals: 0,
        double_postings: 0,
        answer_mismatches: 0,
        equal_to_twin_except: vec!["00".repeat(16)],
        lost_by_reason: BTreeMap::new(),
        contested: Vec::new(),
        declined_differently: Vec::new(),
        repeats_not_at_home: 0,
        timeout_reversals: 0,
    }
}

fn tally() -> Tally {
    Tally {
        sent: 100,
        answered_in_time: 100,
        approved: 70,
        declined: 24,
        twin_approved: 70,
        approved_of_twin: Some(1.0),
        stand_in_approved: 60,
        stand_in_declined: 20,
        repeats: 3,
        reversals: 3,
        ..Tally::default()
    }
}

#[test]
fn the_report_has_the_fields_that_scripts_rely_on() {
    let report = serde_json::to_value(sample()).unwrap();
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let has = |value: &Value, wanted: &str| {
        let keys = keys(value);
        for name in wanted.split_whitespace() {
            assert!(
                keys.iter().any(|key| key == name),
                "{name} is missing among {keys:?}"
            );
        }
    };
    has(
        &report,
        "scenario seed commit machine backend store verdict phases \
         totals by_door exposure advices books invariants sometimes",
    );
    let counts = "sent answered_in_time approved declined twin_approved \
         approved_of_twin stand_in_approved stand_in_declined late errors latency_ms";
    has(&report["phases"][0], "name from_s to_s");
    for place in ["/phases/0", "/totals", "/by_door/http", "/by_door/iso8583"] {
        has(report.pointer(place).unwrap(), counts);
    }
    has(&report["totals"]["latency_ms"], "p50 p99 p999 max");
    has(
        &report["exposure"],
        "peak_minor bound_minor loss_minor currency",
    );
    has(
        &report["advices"],
        "written applied \
         duplicates_suppressed waiting_for_person drained_after_s",
    );
    has(
        &report["books"],
        "balanced lost_approvals \
         double_postings answer_mismatches equal_to_twin_except",
    );
    assert_eq!(report["verdict"], json!("pass"));
    assert_eq!(
        report["invariants"],
        json!({"I1": "held", "I9": "not_checked"})
    );
    assert_eq!(report["sometimes"], json!({"stand_in_approved": 60}));
}

#[test]
fn exit_codes_tell_verdicts_apart() {
    let codes = [
        (Verdict::Pass, 0),
        (Verdict::ObjectiveMissed, 10),
        (Verdict::InvariantBroken, 11),
        (Verdict::Inconclusive, 12),
    ];
    for (verdict, code) in codes {
        assert_eq!(verdict.exit_code(), code);
    }
}
