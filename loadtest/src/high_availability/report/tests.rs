use super::*;

fn row(event: Event) -> Row {
    Row {
        measured: Some(Measured {
            write_outage_s: 19.04,
            by_ledger: 900,
            stand_in_approved: 100,
            stand_in_declined: 2,
            unanswered: 0,
            unanswered_because: None,
            last_stand_in_s: Some(20.5),
            backlog_max: 102,
            drained_s: Some(21.0),
        }),
        checked: Some(Checked {
            approvals_told: 1_000,
            confirmed_by_ledger: 400,
            balanced: true,
            ..Checked::default()
        }),
        ..Row::begun(event)
    }
}

fn report(rows: Vec<Row>) -> Report {
    Report::of(rows, "PostgreSQL".into(), "0".into(), "m".into(), 100.0)
}

fn with(event: Event, change: impl FnOnce(&mut Measured, &mut Checked)) -> Report {
    let mut row = row(event);
    if let (Some(measured), Some(checked)) = (&mut row.measured, &mut row.checked) {
        change(measured, checked);
    }
    report(vec![row])
}

#[test]
fn a_gap_that_was_stood_in_for_and_books_that_hold_everything_pass() {
    let report = report(vec![row(Event::KillPrimary), row(Event::Freeze)]);
    assert_eq!(report.verdict, Verdict::Pass, "{:?}", report.because);
    assert_eq!(report.verdict.exit_code(), 0);
    let text = report.text();
    let expected = "| primary frozen, thawed later | 19.0 | 900 | 100 / 2 | 0 | 20.5 | 102 | 21.0 | 0 \
        | 0 | ok | ok | pass |";
    assert!(text.contains(expected), "{text}");
    let table: Vec<usize> = text
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.matches('|').count())
        .collect();
    assert_eq!(table, [14, 14, 14, 14]);
}

#[test]
fn money_that_is_lost_or_booked_twice_outweighs_everything() {
    let changes: [fn(&mut Checked); 6] = [
        |it| it.lost_approvals = 1,
        |it| it.lost_confirmed = 1,
        |it| it.booked_twice = 1,
        |it| it.balanced = false,
        |it| it.broken.push("I4: something".into()),
        |it| it.feed.push("the feed went back".into()),
    ];
    for change in changes {
        let report = with(Event::Freeze, |measured, checked| {
            measured.stand_in_approved = 0;
            measured.stand_in_declined = 0;
            change(checked);
        });
        assert_eq!(report.verdict, Verdict::InvariantBroken);
        assert_eq!(report.verdict.exit_code(), 11);
        assert_eq!(report.because.len(), 2, "{:?}", report.because);
        assert!(report.because[1].contains("proves nothing"));
    }
}

#[test]
fn a_gap_in_which_nobody_stood_in_proves_nothing() {
    let silent = |measured: &mut Measured, _: &mut Checked| {
        (measured.stand_in_approved, measured.stand_in_declined) = (0, 0);
        measured.write_outage_s = 0.2;
    };
    let gap = with(Event::Switchover, silent);
    assert_eq!(gap.verdict, Verdict::Inconclusive);
    assert_eq!(gap.verdict.exit_code(), 12);
    assert_eq!(with(Event::QuorumFailsafe, silent).verdict, Verdict::Pass);
    assert_eq!(report(Vec::new()).verdict, Verdict::Inconclusive);
}

#[test]
fn unanswered_clients_and_an_outage_where_there_should_be_none_are_missed_objectives() {
    let unanswered = with(Event::Freeze, |measured, _| measured.unanswered = 50);
    assert_eq!(unanswered.verdict, Verdict::ObjectiveMissed);
    assert_eq!(unanswered.verdict.exit_code(), 10);
    let some = with(Event::Freeze, |measured, _| measured.unanswered = 5);
    assert_eq!(some.verdict, Verdict::Pass);
    let noticed = with(Event::QuorumFailsafe, |_, _| ());
    assert_eq!(noticed.verdict, Verdict::ObjectiveMissed);
}

#[test]
fn what_did_not_come_to_its_end_is_no_pass() {
    let mut late = row(Event::Freeze);
    late.failed = Some("it is not over after 90 s".into());
    late.checked = None;
    let report = report(vec![late, Row::not_played(Event::Restore)]);
    assert_eq!(report.verdict, Verdict::Inconclusive);
    let text = report.text();
    assert!(text.contains("freeze: it is not over after 90 s"), "{text}");
    assert!(text.contains("restore: not played"), "{text}");
    assert!(text.contains("| restored from a backup | – |"), "{text}");
}

#[test]
fn what_is_measured_counts_from_the_blow() {
    let seen = |ms: u64, by: Answered| Seen {
        answered: Duration::from_millis(ms),
        by,
    };
    let approved = Answered::StandIn { approved: true };
    let all = [
        seen(500, approved.clone()),
        seen(1_500, Answered::Ledger),
        seen(2_500, approved),
        seen(3_000, Answered::Nobody("no answer".into())),
    ];
    let measured = Measured::of(
        &all,
        &Heard::default(),
        &Backlog::default(),
        Duration::from_secs(1),
    );
    assert_eq!((measured.by_ledger, measured.stood_in()), (1, 1));
    assert_eq!(measured.last_stand_in_s, Some(1.5));
    assert_eq!(measured.unanswered_because.as_deref(), Some("no answer"));
}
