use super::*;
use crate::bench::rig::LockedSample;

fn sample(per_s: f64, p99_ms: f64) -> Sample {
    Sample {
        per_s,
        p50_ms: p99_ms / 3.0,
        p99_ms,
        acknowledged: 1_000,
        ledger_cpu_us: Some(6.5),
        wal_bytes: 900.0,
        ..Sample::default()
    }
}

/// pgbench does 1,000 /s with a p99 of 10 ms; everything meets its target.
fn round() -> Round {
    let samples = [
        (UNIFORM, sample(8_000.0, 60.0)),
        ("zipf-512", sample(9_000.0, 60.0)),
        ("uniform-64", sample(5_000.0, 12.0)),
        ("zipf-64", sample(5_500.0, 12.0)),
        ("hot-512", sample(6_000.0, 90.0)),
        (
            "locked-512",
            Sample {
                locked: Some(LockedSample {
                    refused: 40,
                    approved: 0,
                }),
                ..sample(7_600.0, 65.0)
            },
        ),
        ("http-512", sample(5_000.0, 100.0)),
        ("http-64", sample(3_000.0, 30.0)),
    ];
    let size = |table: &str, heap, indexes| Size {
        table: table.to_owned(),
        heap,
        indexes,
    };
    Round {
        pgbench: [Yardstick::of(950.0, 10), Yardstick::of(1_050.0, 10)],
        samples: samples.to_vec(),
        acknowledged: 8_000,
        recorded: 8_000,
        balanced: true,
        grown: vec![
            size("authorization_record", 800_000, 400_000),
            size("entry", 1_600_000, 0),
        ],
    }
}

fn report(rounds: Vec<Round>) -> Throughput {
    let facts = Facts {
        commit: "c".into(),
        machine: "m".into(),
        settings: Vec::new(),
        accounts: 100_000,
        pgbench_scale: 1,
        seconds: 5.0,
        warm_up_s: 2.0,
        seed: 7,
    };
    Throughput::of(facts, rounds)
}

#[test]
fn a_run_that_meets_everything_passes_and_its_table_says_how() {
    let report = report(vec![round(), round(), round()]);
    assert_eq!((report.verdict, report.because.len()), (Verdict::Pass, 0));
    let text = report.text();
    let line = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        line("pgbench "),
        "pgbench 1,000 1.00 10.00 10.00 1.00 – 300"
    );
    assert_eq!(
        line(UNIFORM),
        "uniform-512 8,000 8.00 8.00–8.00 20.00 60.00 6.00 6.5 – – 900 ≥ 6× met"
    );
    let at_64 = line("uniform-64");
    assert!(
        at_64.ends_with("≥ 4×, p99 ≤ 3× met") && at_64.contains(" 1.20 "),
        "{at_64}"
    );
    let hot = line("hot-512");
    assert!(hot.ends_with("≥ 0.6 of uniform-512 (is 0.75) met"), "{hot}");
    let bytes =
        "350 on disk (table + indexes: authorization_record 100 + 50, entry 200 + 0), 900 of";
    assert!(text.contains(bytes), "{text}");
    assert!(
        text.contains("24,000 approvals acknowledged, 24,000 in the books"),
        "{text}"
    );
}

#[test]
fn the_median_round_counts() {
    let mut slow = round();
    slow.samples[0].1.per_s = 2_000.0;
    let report = report(vec![round(), slow, round()]);
    assert_eq!(report.verdict, Verdict::Pass);
    assert_eq!(report.shapes[0].ratios, [8.0, 2.0, 8.0]);
}

#[test]
fn a_target_that_is_not_reached_is_named() {
    let mut slow = round();
    slow.samples[2].1.p99_ms = 31.0;
    let report = report(vec![slow]);
    assert_eq!(report.verdict, Verdict::ObjectiveMissed);
    assert_eq!(
        report.because,
        ["uniform-64 (64 callers, uniform, batcher): not ≥ 4×, p99 ≤ 3×"]
    );
}

#[test]
fn declines_errors_and_missing_shapes_make_it_inconclusive() {
    let mut failing = round();
    failing.samples[1].1.failed = 3;
    failing.samples[1].1.first_failure = Some("why".into());
    let mut declining = round();
    declining.samples[6].1.declined = 1;
    let mut part = round();
    part.samples.pop();
    for (round, why) in [
        (failing, "round 1, zipf-512: 0 declined, 3 failed (why)"),
        (declining, "round 1, http-512: 1 declined, 0 failed"),
        (part, "7 of 8 shapes were measured"),
    ] {
        let report = report(vec![round]);
        assert_eq!(report.verdict, Verdict::Inconclusive, "{why}");
        assert_eq!(report.because, [why]);
    }
}

#[test]
fn callers_that_fail_beside_a_lock_miss_the_target_and_a_lock_that_does_not_hold_proves_nothing() {
    let mut failing = round();
    failing.samples[5].1.failed = 9;
    assert_eq!(report(vec![failing]).verdict, Verdict::ObjectiveMissed);
    for (refused, approved) in [(0, 0), (5, 1)] {
        let mut open = round();
        open.samples[5].1.locked = Some(LockedSample { refused, approved });
        assert_eq!(report(vec![open]).verdict, Verdict::Inconclusive);
    }
}

#[test]
fn approvals_that_are_not_in_the_books_and_books_that_do_not_balance_break_an_invariant() {
    let mut lost = round();
    lost.recorded -= 1;
    let mut crooked = round();
    crooked.balanced = false;
    for broken in [lost, crooked] {
        let report = report(vec![broken]);
        assert_eq!(report.verdict, Verdict::InvariantBroken);
        assert_eq!(report.verdict.exit_code(), 11);
    }
}
