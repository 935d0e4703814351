//! The verdict for people: invariants first, objectives second, then what happened.

use std::fmt::Write;

use ledger_api::Currency;

use crate::report::{PhaseReport, Report, Tally, Verdict};
use crate::scenario::Scenario;

/// Whether to colour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(pub bool);

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.into()
        }
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    pub(crate) fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.wrap("2", text)
    }
}

/// The whole verdict.
pub(crate) fn verdict(report: &Report, scenario: &Scenario, paint: Paint) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_verdict(&mut out, report, scenario, paint);
    out
}

fn write_verdict(
    out: &mut String,
    report: &Report,
    scenario: &Scenario,
    paint: Paint,
) -> std::fmt::Result {
    let words = report.verdict.words();
    let headline = match report.verdict {
        Verdict::Pass => paint.good(words),
        _ => paint.bad(words),
    };
    let (scenario_name, store) = (&report.scenario, &report.store);
    writeln!(
        out,
        "\n{headline}  {scenario_name} on {store} ({})",
        report.backend
    )?;
    for reason in &report.because {
        writeln!(out, "  {} {reason}", paint.bad("!"))?;
    }
    if !report.left_out.is_empty() {
        let left_out = report.left_out.join("; ");
        writeln!(out, "  left out, these nodes cannot: {left_out}")?;
    }
    write_safety(out, report, paint)?;
    write_objectives(out, report, scenario, paint)?;
    write_phases(out, report, paint)?;
    let seen: Vec<String> = report
        .sometimes
        .iter()
        .map(|(name, count)| {
            let name = serde_json::to_string(name).unwrap_or_default();
            format!("{} {count}", name.trim_matches('"'))
        })
        .collect();
    writeln!(out, "\n{}  {}", paint.strong("Seen"), seen.join(", "))?;
    writeln!(
        out,
        "{}",
        paint.faint(&format!(
            "seed {} · commit {} · {}",
            report.seed, report.commit, report.machine
        ))
    )
}

fn write_safety(out: &mut String, report: &Report, paint: Paint) -> std::fmt::Result {
    let (books, exposure) = (&report.books, &report.exposure);
    writeln!(out, "\n{}", paint.strong("Safety"))?;
    for (name, count) in [
        ("lost approvals", books.lost_approvals),
        ("double postings", books.double_postings),
        ("answer mismatches", books.answer_mismatches),
    ] {
        line(out, paint, count == 0, name, &count.to_string())?;
    }
    line(
        out,
        paint,
        books.balanced,
        "books balanced",
        if books.balanced { "yes" } else { "no" },
    )?;
    let money = |minor| money(&exposure.currency, minor);
    let within = exposure.peak_minor <= exposure.bound_minor;
    let text = format!(
        "{} of at most {}",
        money(exposure.peak_minor),
        money(exposure.bound_minor)
    );
    line(out, paint, within, "peak exposure", &text)?;
    let within = exposure.loss_minor <= exposure.bound_minor;
    line(
        out,
        paint,
        within,
        "loss (overdrafts)",
        &money(exposure.loss_minor),
    )?;
    let states = |wanted: &str| {
        let mut names: Vec<&str> = report
            .invariants
            .iter()
            .filter(|(_, state)| **state == wanted)
            .map(|(name, _)| name.as_str())
            .collect();
        names.sort_by_key(|name| name[1..].parse::<u32>().unwrap_or_default());
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(" ")
        }
    };
    let broken = states("broken");
    line(out, paint, broken == "none", "invariants broken", &broken)?;
    writeln!(out, "    {:<22} {}", "held", states("held"))?;
    writeln!(
        out,
        "    {:<22} {}",
        "not checked here",
        states("not_checked")
    )?;
    for (name, notes) in &report.invariant_notes {
        if report.invariants.get(name) == Some(&"broken") {
            for note in notes.iter().take(5) {
                writeln!(out, "      {name}: {note}")?;
            }
        }
    }
    Ok(())
}

fn write_objectives(
    out: &mut String,
    report: &Report,
    scenario: &Scenario,
    paint: Paint,
) -> std::fmt::Result {
    let goals = &scenario.objectives;
    writeln!(out, "\n{}", paint.strong("Objectives"))?;
    let in_time = |tally: &Tally| tally.answered_in_time as f64 / (tally.sent as f64).max(1.0);
    let least = report
        .phases
        .iter()
        .map(|phase| in_time(&phase.tally))
        .fold(1.0, f64::min);
    let name = format!("answered in {} ms", scenario.client.budget_ms);
    let text = format!("{} in the worst phase", percent(least));
    line(
        out,
        paint,
        least >= goals.answered_in_time_min,
        &name,
        &text,
    )?;
    let outages = report.phases.iter().filter(|phase| phase.outage);
    let least = outages
        .filter_map(|phase| phase.tally.approved_of_twin)
        .fold(1.0, f64::min);
    let text = format!("{} in the worst phase without a ledger", percent(least));
    line(
        out,
        paint,
        least >= goals.approved_of_twin_min,
        "approved of the twin's",
        &text,
    )?;
    let drained = report.advices.drained_after_s;
    let text = drained.map_or("never".into(), |after| format!("{after:.1} s after heal"));
    let in_time = drained.is_some_and(|after| after <= goals.drained_max_s);
    line(out, paint, in_time, "backlog drained", &text)?;
    let advices = &report.advices;
    writeln!(
        out,
        "    {:<22} {} written, {} applied, {} duplicates suppressed, {} wait for a person",
        "advices",
        advices.written,
        advices.applied,
        advices.duplicates_suppressed,
        advices.waiting_for_person
    )?;
    write_differences(out, report)
}

/// What came out otherwise than without a fault, and is no breach.
fn write_differences(out: &mut String, report: &Report) -> std::fmt::Result {
    let books = &report.books;
    writeln!(
        out,
        "    {:<22} {} approved by one gateway and declined by the other, {} declined by both for \
         different reasons, {} repeats declined away from home",
        "listed (rules 2, 3)",
        books.contested.len(),
        books.declined_differently.len(),
        books.repeats_not_at_home
    )?;
    let unlike = report.books.equal_to_twin_except.len();
    writeln!(
        out,
        "    {:<22} {unlike} of {} answered or booked otherwise than by a ledger that never failed",
        "unlike the twin", report.workload.first
    )?;
    let reasons: Vec<String> = (report.books.lost_by_reason.iter())
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    let reasons = if reasons.is_empty() {
        "none".into()
    } else {
        reasons.join(", ")
    };
    writeln!(out, "    {:<22} {reasons}", "  of these declined by")
}

fn write_phases(out: &mut String, report: &Report, paint: Paint) -> std::fmt::Result {
    let header = format!(
        "\n{:<20} {:>13} {:>7} {:>9} {:>8} {:>8} {:>8} {:>9} {:>5} {:>6} {:>8} {:>8}",
        "Phase",
        "seconds",
        "sent",
        "in time",
        "approved",
        "declined",
        "stand-in",
        "of twin",
        "late",
        "errors",
        "p99 ms",
        "max ms"
    );
    writeln!(out, "{}", paint.strong(&header))?;
    for phase in &report.phases {
        writeln!(out, "{}", phase_row(phase))?;
    }
    let span = report.phases.last().map_or(0.0, |phase| phase.to_s);
    writeln!(
        out,
        "{}",
        row("total", &format!("0–{span:.0}"), &report.totals)
    )
}

/// One row of the phase table; also the line that is printed when a phase ends.
pub(crate) fn phase_row(phase: &PhaseReport) -> String {
    row(
        &phase.name,
        &format!("{:.0}–{:.0}", phase.from_s, phase.to_s),
        &phase.tally,
    )
}

fn row(name: &str, seconds: &str, tally: &Tally) -> String {
    let in_time = tally.answered_in_time as f64 / (tally.sent as f64).max(1.0);
    format!(
        "{name:<20} {seconds:>13} {:>7} {:>9} {:>8} {:>8} {:>8} {:>9} {:>5} {:>6} {:>8.1} {:>8.1}",
        tally.sent,
        percent(in_time),
        tally.approved,
        tally.declined,
        tally.stand_in_approved + tally.stand_in_declined,
        tally.approved_of_twin.map_or("–".into(), percent),
        tally.late,
        tally.errors,
        tally.latency_ms.p99,
        tally.latency_ms.max
    )
}

fn line(out: &mut String, paint: Paint, good: bool, name: &str, text: &str) -> std::fmt::Result {
    let mark = if good {
        paint.good("ok  ")
    } else {
        paint.bad("FAIL")
    };
    writeln!(out, "{mark}{name:<22} {text}")
}

/// Two decimals, and never 100 % for what is less.
pub(crate) fn percent(share: f64) -> String {
    let hundredths = if share < 1.0 {
        (share * 1e4).floor()
    } else {
        1e4
    };
    format!("{:.2} %", hundredths / 100.0)
}

/// `1234` as `12.34 EUR`.
pub(crate) fn money(currency: &str, minor: i64) -> String {
    currency.parse::<Currency>().map_or_else(
        |_| format!("{minor} {currency}"),
        |currency| currency.format(minor),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_below_all_is_never_shown_as_all() {
        assert_eq!(percent(1.0), "100.00 %");
        assert_eq!(percent(0.999_99), "99.99 %");
        assert_eq!(percent(0.5), "50.00 %");
    }

    #[test]
    fn the_verdict_shows_what_failed_before_what_happened() {
        let scenario = Scenario::parse(crate::scenario::DEFAULT).unwrap();
        let mut report = crate::report::tests::sample();
        let text = verdict(&report, &scenario, Paint(false));
        assert!(text.contains("PASS") && !text.contains("FAIL"), "{text}");
        report.books.lost_approvals = 1;
        report.verdict = Verdict::InvariantBroken;
        report.because = vec!["1 approvals are lost".into()];
        let text = verdict(&report, &scenario, Paint(false));
        let at = |what: &str| text.find(what).unwrap();
        assert!(at("SAFETY INVARIANT BROKEN") < at("approvals are lost"));
        assert!(at("FAILlost approvals") < at("Objectives"));
        assert!(at("Objectives") < at("Phase"));
    }
}
