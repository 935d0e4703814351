//! What a run proves: safety first, then whether it proves anything, then how well it went.

use crate::report::{Report, Tally, Verdict};
use crate::scenario::Scenario;

/// Invariants whose breach loses money or truth. The others say how well it went.
const SAFETY: [&str; 8] = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I15"];
/// How far the ledger's share may stay behind after the fault (I10).
const SHARE_MIN: f64 = 0.95;

/// The verdict on a report, and the reasons where it is not a pass; the worst come first.
pub(crate) fn judge(report: &Report, scenario: &Scenario) -> (Verdict, Vec<String>) {
    let mut reasons = Vec::new();
    broken(report, &mut reasons);
    inconclusive(report, scenario, &mut reasons);
    missed(report, scenario, &mut reasons);
    reasons.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
    let worst = reasons
        .first()
        .map_or(Verdict::Pass, |(verdict, _)| *verdict);
    (
        worst,
        reasons.into_iter().map(|(_, reason)| reason).collect(),
    )
}

type Reasons = Vec<(Verdict, String)>;

fn broken(report: &Report, reasons: &mut Reasons) {
    for name in SAFETY {
        if report.invariants.get(name) == Some(&"broken") {
            let notes = report.invariant_notes.get(name);
            let first = notes
                .and_then(|notes| notes.first())
                .map_or("", String::as_str);
            reasons.push((
                Verdict::InvariantBroken,
                format!("{name} is broken: {first}"),
            ));
        }
    }
    let books = &report.books;
    for (count, what) in [
        (books.lost_approvals, "approvals are lost"),
        (books.double_postings, "payments are posted twice"),
        (books.answer_mismatches, "payments got answers that differ"),
    ] {
        if count > 0 {
            reasons.push((Verdict::InvariantBroken, format!("{count} {what}")));
        }
    }
    if !books.balanced {
        reasons.push((Verdict::InvariantBroken, "the books do not balance".into()));
    }
    let exposure = &report.exposure;
    if exposure.peak_minor > exposure.bound_minor || exposure.loss_minor > exposure.bound_minor {
        let text = "exposure or loss went over its bound".into();
        reasons.push((Verdict::InvariantBroken, text));
    }
}

fn inconclusive(report: &Report, scenario: &Scenario, reasons: &mut Reasons) {
    for seen in &scenario.must_see {
        if report.sometimes.get(seen).is_none_or(|count| *count == 0) {
            let name = serde_json::to_string(seen).unwrap_or_default();
            reasons.push((
                Verdict::Inconclusive,
                format!("never seen: {}", name.trim_matches('"')),
            ));
        }
    }
    let generator = &report.generator;
    let achieved = generator.achieved as f64 / (generator.planned as f64).max(1.0);
    if achieved < scenario.generator.achieved_min {
        let text = format!(
            "only {:.2} % of the planned requests were sent",
            achieved * 100.0
        );
        reasons.push((Verdict::Inconclusive, text));
    }
    if generator.late_ms.p99 > scenario.generator.late_p99_max_ms {
        let text = format!(
            "the generator was late itself: p99 {:.1} ms, allowed {:.1} ms",
            generator.late_ms.p99, scenario.generator.late_p99_max_ms
        );
        reasons.push((Verdict::Inconclusive, text));
    }
    let least = scenario.generator.twin_declined_min;
    if report.workload.twin_declined_share < least {
        let (share, least) = (report.workload.twin_declined_share * 100.0, least * 100.0);
        let text =
            format!("a healthy ledger would decline only {share:.1} %; {least} % are needed");
        reasons.push((Verdict::Inconclusive, text));
    }
}

fn missed(report: &Report, scenario: &Scenario, reasons: &mut Reasons) {
    let objectives = &scenario.objectives;
    for phase in &report.phases {
        let tally = &phase.tally;
        let answered = tally.answered_in_time as f64 / (tally.sent as f64).max(1.0);
        if tally.sent > 0 && answered < objectives.answered_in_time_min {
            let text = format!(
                "{}: {} of {} answered in time ({} late, {} errors)",
                phase.name, tally.answered_in_time, tally.sent, tally.late, tally.errors
            );
            reasons.push((Verdict::ObjectiveMissed, text));
        }
        let of_twin = tally.approved_of_twin.unwrap_or(1.0);
        if phase.outage && of_twin < objectives.approved_of_twin_min {
            let text = format!(
                "{}: {:.2} % approved of what the twin approves, {:.2} % asked for",
                phase.name,
                of_twin * 100.0,
                objectives.approved_of_twin_min * 100.0
            );
            reasons.push((Verdict::ObjectiveMissed, text));
        }
    }
    match report.advices.drained_after_s {
        Some(after) if after <= objectives.drained_max_s => {}
        Some(after) => {
            let most = objectives.drained_max_s;
            let text = format!("the backlog took {after:.1} s to drain, {most:.1} s allowed");
            reasons.push((Verdict::ObjectiveMissed, text));
        }
        None if report.timeline.iter().any(|mark| mark.is_repair()) => {
            let text =
                "the backlog did not drain by itself: something had to be repaired for the audit";
            reasons.push((Verdict::ObjectiveMissed, text.into()));
        }
        None => reasons.push((Verdict::ObjectiveMissed, "the backlog never drained".into())),
    }
    for exit in &report.unplanned_exits {
        reasons.push((Verdict::ObjectiveMissed, exit.clone()));
    }
    for (name, state) in &report.invariants {
        if *state == "broken" && !SAFETY.contains(&name.as_str()) {
            let notes = report.invariant_notes.get(name);
            let first = notes
                .and_then(|notes| notes.first())
                .map_or("", String::as_str);
            reasons.push((
                Verdict::ObjectiveMissed,
                format!("{name} is broken: {first}"),
            ));
        }
    }
}

/// I10: back to what it was before the fault, without a restart of what did not die. Compares what
/// the ledger decides in time, of what is asked, in the last phase and in the first. A share, since
/// arrivals are random: how many are asked in a phase says nothing about who answers.
pub(crate) fn recovered(report: &Report) -> Option<bool> {
    let (first, last) = (report.phases.first()?, report.phases.last()?);
    let comparable = report.phases.len() > 1 && !first.outage && !last.outage;
    let (before, after) = (by_ledger(&first.tally)?, by_ledger(&last.tally)?);
    comparable.then_some(after >= SHARE_MIN * before)
}

/// The share of requests that the ledger decided in time; `None` of nothing.
fn by_ledger(tally: &Tally) -> Option<f64> {
    let stood_in = tally.stand_in_approved + tally.stand_in_declined;
    let decided = tally.answered_in_time.saturating_sub(stood_in) as f64;
    (tally.sent > 0).then(|| decided / tally.sent as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;
    use crate::scenario::DEFAULT;

    fn scenario() -> Scenario {
        let mut scenario = Scenario::parse(DEFAULT).unwrap();
        scenario.must_see.truncate(1);
        scenario
    }

    #[test]
    fn what_went_well_passes() {
        assert_eq!(judge(&sample(), &scenario()), (Verdict::Pass, Vec::new()));
    }

    #[test]
    fn the_worst_finding_decides() {
        let mut report = sample();
        report.phases[0].tally.answered_in_time = 99;
        assert_eq!(judge(&report, &scenario()).0, Verdict::ObjectiveMissed);
        report.sometimes.clear();
        assert_eq!(judge(&report, &scenario()).0, Verdict::Inconclusive);
        report.books.double_postings = 1;
        let (verdict, reasons) = judge(&report, &scenario());
        assert_eq!(verdict, Verdict::InvariantBroken);
        assert_eq!(reasons.len(), 3);
        assert!(reasons[0].contains("posted twice"), "{reasons:?}");
    }

    #[test]
    fn a_service_invariant_misses_an_objective_and_a_safety_invariant_breaks_the_run() {
        for (name, expected) in [
            ("I8", Verdict::ObjectiveMissed),
            ("I5", Verdict::InvariantBroken),
        ] {
            let mut report = sample();
            report.invariants.insert(name.into(), "broken");
            assert_eq!(judge(&report, &scenario()).0, expected, "{name}");
        }
    }

    #[test]
    fn a_process_that_ended_by_itself_misses_an_objective() {
        let mut report = sample();
        report.unplanned_exits = vec!["gw1 ended by itself".into()];
        let expected = (Verdict::ObjectiveMissed, report.unplanned_exits.clone());
        assert_eq!(judge(&report, &scenario()), expected);
    }

    #[test]
    fn recovery_is_the_ledgers_share_and_not_how_many_happened_to_arrive_i10() {
        let mut report = sample();
        assert_eq!(recovered(&report), None, "the last phase is an outage");
        report.phases[1].outage = false;
        let tally = |sent, stood_in| Tally {
            sent,
            answered_in_time: sent,
            stand_in_approved: stood_in,
            ..Tally::default()
        };
        for (before, after, expected) in [
            ((3_600, 0), (2_000, 0), Some(true)),
            ((3_600, 0), (4_500, 200), Some(true)),
            ((3_600, 0), (4_500, 250), Some(false)),
            ((0, 0), (4_500, 0), None),
        ] {
            report.phases[0].tally = tally(before.0, before.1);
            report.phases[1].tally = tally(after.0, after.1);
            assert_eq!(recovered(&report), expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn an_outage_must_be_carried_and_then_drained() {
        for change in [
            |report: &mut Report| report.phases[1].tally.approved_of_twin = Some(0.94),
            |report: &mut Report| report.advices.drained_after_s = Some(10.5),
            |report: &mut Report| report.advices.drained_after_s = None,
        ] {
            let mut report = sample();
            change(&mut report);
            assert_eq!(judge(&report, &scenario()).0, Verdict::ObjectiveMissed);
        }
    }
}
