//! The report as one page that needs nothing else: no script, no network.

use std::fmt::Write;
use std::time::Duration;

use crate::driver::{Final, Played};
use crate::report::{Report, Tally};
use crate::sampler::Sample;
use crate::scenario::Scenario;
use crate::series;
use crate::svg::{Frame, Plot, Scale, Series, escape};
use crate::text::{Paint, money, percent, verdict};

/// What the page is made of.
pub(crate) struct Page<'a> {
    pub report: &'a Report,
    pub scenario: &'a Scenario,
    pub played: &'a [Played],
    pub samples: &'a [Sample],
    /// By payment: answered by stand-in.
    pub stood_in: &'a dyn Fn(usize) -> bool,
    pub next_steps: &'a [String],
}

const STYLE: &str = include_str!("page.css");

impl Page<'_> {
    /// The whole document.
    pub(crate) fn html(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let report = self.report;
        write!(
            out,
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>Holdfast: {} – {}</title><style>{STYLE}</style></head><body>\n",
            escape(&report.scenario),
            report.verdict.words()
        )?;
        let class = if report.verdict.exit_code() == 0 {
            "good"
        } else {
            "bad"
        };
        writeln!(
            out,
            "<h1><span class=\"{class}\">{}</span> {} on {} ({})</h1><p>{}</p>\
             <p class=\"faint\">seed {} · commit {} · {}</p>",
            report.verdict.words(),
            escape(&report.scenario),
            escape(&report.store),
            escape(&report.backend),
            escape(&self.scenario.about),
            report.seed,
            escape(&report.commit),
            escape(&report.machine)
        )?;
        if !report.because.is_empty() {
            out.push_str("<ul class=\"bad\">");
            for reason in &report.because {
                write!(out, "<li>{}</li>", escape(reason))?;
            }
            out.push_str("</ul>\n");
        }
        self.write_key_figures(out)?;
        self.write_plots(out);
        self.write_invariants(out)?;
        self.write_phases(out)?;
        self.write_timeline(out)?;
        let text = verdict(report, self.scenario, Paint(false));
        write!(
            out,
            "<details><summary>The verdict as text</summary><pre>{}</pre></details>\n<h2>Try next</h2><ul>",
            escape(text.trim())
        )?;
        for step in self.next_steps {
            write!(out, "<li><code>{}</code></li>", escape(step))?;
        }
        out.write_str("</ul></body></html>\n")
    }

    fn write_key_figures(&self, out: &mut String) -> std::fmt::Result {
        let report = self.report;
        let (books, exposure) = (&report.books, &report.exposure);
        let worst = report
            .phases
            .iter()
            .map(|phase| phase.tally.answered_in_time as f64 / (phase.tally.sent as f64).max(1.0))
            .fold(1.0, f64::min);
        let of_twin = report
            .phases
            .iter()
            .filter(|phase| phase.outage)
            .filter_map(|phase| phase.tally.approved_of_twin)
            .fold(1.0, f64::min);
        let figures = [
            ("lost approvals", books.lost_approvals.to_string()),
            ("double postings", books.double_postings.to_string()),
            ("answer mismatches", books.answer_mismatches.to_string()),
            ("answered in time, worst phase", percent(worst)),
            (
                "of the twin's approvals, worst outage phase",
                percent(of_twin),
            ),
            (
                "peak exposure of its bound",
                format!(
                    "{} of {}",
                    money(&exposure.currency, exposure.peak_minor),
                    money(&exposure.currency, exposure.bound_minor)
                ),
            ),
            (
                "loss: overdrafts because of stand-in",
                money(&exposure.currency, exposure.loss_minor),
            ),
            (
                "backlog drained after heal",
                report
                    .advices
                    .drained_after_s
                    .map_or("never".into(), |s| format!("{s:.1} s")),
            ),
        ];
        out.push_str("<dl class=\"figures\">");
        for (name, value) in figures {
            write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value))?;
        }
        out.write_str("</dl>\n")
    }

    fn write_plots(&self, out: &mut String) {
        let phases: Vec<_> = self
            .report
            .phases
            .iter()
            .map(|phase| (phase.name.clone(), phase.from_s, phase.to_s, phase.outage))
            .collect();
        let marks: Vec<_> = self
            .report
            .timeline
            .iter()
            .filter_map(|mark| Some((mark.done_s?, mark.what.clone())))
            .collect();
        let seconds = self.scenario.length().as_secs_f64();
        let frame = Frame {
            seconds,
            phases: &phases,
            marks: &marks,
        };
        for plot in [
            self.answers(),
            self.latency(),
            self.exposure(),
            self.backlog(),
        ] {
            out.push_str(&frame.draw(&plot));
        }
    }

    /// Answers per second by path, stacked.
    fn answers(&self) -> Plot<'_> {
        let stood_in = |played: &Played| (self.stood_in)(played.planned.payment);
        let count = |name, class, test: &dyn Fn(&Played) -> bool| Series {
            name,
            class,
            points: series::per_second(self.played, self.scenario.length(), test),
        };
        let approved = |played: &Played| matches!(played.result, Final::Approved { .. });
        let declined = |played: &Played| matches!(played.result, Final::Declined { .. });
        Plot {
            title: "Answers per second, by who decided",
            unit: "1/s",
            scale: Scale::Linear,
            stacked: true,
            series: vec![
                count("ledger approved", "la", &|it| approved(it) && !stood_in(it)),
                count("ledger declined", "ld", &|it| declined(it) && !stood_in(it)),
                count("stand-in approved", "sa", &|it| {
                    approved(it) && stood_in(it)
                }),
                count("stand-in declined", "sd", &|it| {
                    declined(it) && stood_in(it)
                }),
                count("reversals", "rv", &|it| {
                    matches!(it.result, Final::Reversed { .. })
                }),
                count("no answer", "er", &|it| {
                    matches!(it.result, Final::Refused { .. } | Final::Unanswered { .. })
                }),
            ],
            line: None,
        }
    }

    fn latency(&self) -> Plot<'_> {
        let at = |share, name, class| Series {
            name,
            class,
            points: series::latency(self.played, self.scenario.length(), share),
        };
        let budget = self.scenario.client.budget_ms;
        Plot {
            title: "Latency from the moment a request should have left",
            unit: "ms",
            scale: Scale::Log,
            stacked: false,
            series: vec![
                at(0.5, "p50", "p50"),
                at(0.99, "p99", "p99"),
                at(1.0, "max", "max"),
            ],
            line: Some((budget as f64, format!("budget {budget} ms"))),
        }
    }

    fn exposure(&self) -> Plot<'_> {
        let points = self.points(|sample| sample.exposure_minor() as f64 / 100.0);
        let bound = self.report.exposure.bound_minor as f64 / 100.0;
        let currency = &self.report.exposure.currency;
        // The bound is far above: on a linear axis with it, nothing else could be seen.
        Plot {
            title: "Exposure: approved by stand-in and not yet covered",
            unit: "major units",
            scale: Scale::Log,
            stacked: false,
            series: vec![Series {
                name: "exposure",
                class: "ex",
                points,
            }],
            line: Some((bound, format!("bound {bound:.0} {currency}"))),
        }
    }

    fn backlog(&self) -> Plot<'_> {
        let backlog = |sample: &Sample| sample.backlog_known() as f64;
        Plot {
            title: "Backlog: advices that the ledger has not acknowledged",
            unit: "advices",
            scale: Scale::Linear,
            stacked: false,
            series: vec![Series {
                name: "backlog",
                class: "bl",
                points: self.points(backlog),
            }],
            line: None,
        }
    }

    fn points(&self, value: impl Fn(&Sample) -> f64) -> Vec<(f64, f64)> {
        let length = self.scenario.length() + Duration::from_secs(1);
        self.samples
            .iter()
            .filter(|sample| sample.at <= length)
            .map(|sample| (sample.at.as_secs_f64(), value(sample)))
            .collect()
    }

    fn write_invariants(&self, out: &mut String) -> std::fmt::Result {
        out.push_str(
            "<h2>Invariants</h2><table><tr><th>id</th><th></th><th class=\"l\">note</th></tr>",
        );
        let mut rows: Vec<_> = self.report.invariants.iter().collect();
        rows.sort_by_key(|(name, _)| name[1..].parse::<u32>().unwrap_or_default());
        for (name, state) in rows {
            let notes = self.report.invariant_notes.get(name);
            let note =
                notes.map(|notes| notes.iter().take(5).cloned().collect::<Vec<_>>().join("; "));
            write!(
                out,
                "<tr><td>{name}</td><td class=\"{state}\">{}</td><td class=\"l\">{}</td></tr>",
                state.replace('_', " "),
                escape(&note.unwrap_or_default())
            )?;
        }
        out.write_str("</table>\n")
    }

    fn write_phases(&self, out: &mut String) -> std::fmt::Result {
        out.push_str(
            "<h2>Phases</h2><table><tr><th class=\"l\">phase</th><th>seconds</th><th>sent</th>\
             <th>in time</th><th>approved</th><th>declined</th><th>stand-in</th>\
             <th>twin approved</th><th>of twin</th><th>failed over</th><th>late</th>\
             <th>errors</th><th>p50</th><th>p99</th><th>max ms</th></tr>",
        );
        for phase in &self.report.phases {
            let seconds = format!("{:.0}–{:.0}", phase.from_s, phase.to_s);
            write_row(out, &phase.name, &seconds, &phase.tally)?;
        }
        write_row(out, "total", "", &self.report.totals)?;
        write_row(out, "through HTTP", "", &self.report.by_door.http)?;
        write_row(out, "through ISO 8583", "", &self.report.by_door.iso8583)?;
        out.write_str("</table>\n")
    }

    fn write_timeline(&self, out: &mut String) -> std::fmt::Result {
        out.push_str(
            "<h2>What was done</h2><table><tr><th>planned</th><th>done</th>\
             <th class=\"l\">what</th><th class=\"l\">seen</th></tr>",
        );
        for mark in &self.report.timeline {
            write!(
                out,
                "<tr><td>{}</td><td>{}</td><td class=\"l\">{}</td><td class=\"l\">{}</td></tr>",
                mark.planned_s
                    .map_or("–".into(), |planned| format!("{planned:.1} s")),
                mark.done_s
                    .map_or("–".into(), |done| format!("{done:.2} s")),
                escape(&mark.what),
                escape(mark.seen.as_deref().unwrap_or("–"))
            )?;
        }
        out.write_str("</table>\n")
    }
}

fn write_row(out: &mut String, name: &str, seconds: &str, tally: &Tally) -> std::fmt::Result {
    write!(
        out,
        "<tr><td class=\"l\">{}</td><td>{seconds}</td>",
        escape(name)
    )?;
    let in_time = tally.answered_in_time as f64 / (tally.sent as f64).max(1.0);
    for cell in [
        tally.sent.to_string(),
        percent(in_time),
        tally.approved.to_string(),
        tally.declined.to_string(),
        (tally.stand_in_approved + tally.stand_in_declined).to_string(),
        tally.twin_approved.to_string(),
        tally.approved_of_twin.map_or("–".into(), percent),
        tally.failed_over.to_string(),
        tally.late.to_string(),
        tally.errors.to_string(),
        format!("{:.1}", tally.latency_ms.p50),
        format!("{:.1}", tally.latency_ms.p99),
        format!("{:.1}", tally.latency_ms.max),
    ] {
        write!(out, "<td>{cell}</td>")?;
    }
    out.write_str("</tr>")
}
