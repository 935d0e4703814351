//! What is shown while it runs: a small panel on a terminal, a line per phase otherwise. All of it
//! on standard error; the result is on standard output.

use std::io::{IsTerminal, Write};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::board::Board;
use crate::scenario::{Scenario, Span};
use crate::stats::{millis, percentile};
use crate::text::{Paint, money};

/// Whether people watch on a terminal that can redraw, and whether it may be coloured.
pub(crate) fn paint() -> (bool, Paint) {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let terminal = std::io::stderr().is_terminal() && !dumb;
    (terminal, Paint(terminal && !no_colour))
}

/// One line of progress.
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

const REDRAW: Duration = Duration::from_millis(250);

/// Shows the run until it is told to stop.
pub(crate) async fn show(
    scenario: &Scenario,
    board: &Board,
    start: Instant,
    stop: CancellationToken,
) {
    let (terminal, paint) = paint();
    if terminal {
        let mut panel = Panel {
            board,
            paint,
            drawn: 0,
            last: Totals::default(),
        };
        loop {
            panel.redraw(scenario, start);
            tokio::select! {
                () = tokio::time::sleep(REDRAW) => {}
                () = stop.cancelled() => break,
            }
        }
        panel.clear();
    } else {
        lines(scenario, board, start, stop).await;
    }
}

/// A line when a phase begins, and one when it ends.
async fn lines(scenario: &Scenario, board: &Board, start: Instant, stop: CancellationToken) {
    for span in scenario.spans() {
        let before = Totals::of(board);
        let _ = board.take_latencies();
        say(&format!(
            "{:>5.1} s  {} begins{}",
            span.from.as_secs_f64(),
            span.phase.name,
            doing(&span)
        ));
        tokio::select! {
            () = tokio::time::sleep_until(start + span.to) => {}
            () = stop.cancelled() => return,
        }
        let now = Totals::of(board).since(before);
        let mut latencies = board.take_latencies();
        latencies.sort_unstable();
        say(&format!(
            "{:>5.1} s  {} ends: {} answered, {} approved, {} declined, {} late, {} errors, p99 {:.0} ms, backlog {}",
            span.to.as_secs_f64(),
            span.phase.name,
            now.sent - now.errors,
            now.approved,
            now.declined,
            now.late,
            now.errors,
            millis(percentile(&latencies, 0.99)),
            board
                .last_sample()
                .map(|sample| sample.backlog_known())
                .map_or("?".into(), |n| n.to_string())
        ));
    }
}

fn doing(span: &Span<'_>) -> String {
    let faults: Vec<String> = span
        .phase
        .faults
        .iter()
        .map(|fault| fault.action.words())
        .collect();
    if faults.is_empty() {
        String::new()
    } else {
        format!(" ({})", faults.join("; "))
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    sent: u64,
    approved: u64,
    declined: u64,
    reversed: u64,
    late: u64,
    errors: u64,
}

impl Totals {
    fn of(board: &Board) -> Self {
        Self {
            sent: board.sent.load(Relaxed),
            approved: board.approved.load(Relaxed),
            declined: board.declined.load(Relaxed),
            reversed: board.reversed.load(Relaxed),
            late: board.late.load(Relaxed),
            errors: board.errors.load(Relaxed),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            sent: self.sent - before.sent,
            approved: self.approved - before.approved,
            declined: self.declined - before.declined,
            reversed: self.reversed - before.reversed,
            late: self.late - before.late,
            errors: self.errors - before.errors,
        }
    }
}

struct Panel<'a> {
    board: &'a Board,
    paint: Paint,
    /// Lines on the screen.
    drawn: usize,
    last: Totals,
}

impl Panel<'_> {
    fn redraw(&mut self, scenario: &Scenario, start: Instant) {
        let lines = self.lines(scenario, start.elapsed());
        self.clear();
        let mut err = std::io::stderr().lock();
        for line in &lines {
            let _ = writeln!(err, "{line}");
        }
        let _ = err.flush();
        self.drawn = lines.len();
    }

    fn clear(&mut self) {
        if self.drawn > 0 {
            // Up to the first line of the panel, and everything below is blanked.
            eprint!("\x1b[{}A\x1b[J", self.drawn);
            self.drawn = 0;
        }
    }

    fn lines(&mut self, scenario: &Scenario, at: Duration) -> Vec<String> {
        let totals = Totals::of(self.board);
        let now = totals.since(self.last);
        self.last = totals;
        let spans = scenario.spans();
        let span = spans.iter().find(|span| span.contains(at));
        let phase = span.map_or("draining".to_owned(), |span| span.phase.name.clone());
        let outage = span.is_some_and(|span| span.phase.outage);
        let phase = if outage {
            self.paint.bad(&phase)
        } else {
            self.paint.good(&phase)
        };
        let mut latencies = self.board.take_latencies();
        latencies.sort_unstable();
        let per_s = 1.0 / REDRAW.as_secs_f64();
        let mut lines = vec![
            format!(
                "{}  {phase}  {:.1} of {:.0} s",
                self.paint.strong("holdfast"),
                at.as_secs_f64(),
                scenario.length().as_secs_f64()
            ),
            format!(
                "  rate      {:>7.0} /s     sent {}",
                now.sent as f64 * per_s,
                totals.sent
            ),
            format!(
                "  approved  {:>7.0} /s     total {}",
                now.approved as f64 * per_s,
                totals.approved
            ),
            format!(
                "  declined  {:>7.0} /s     total {}",
                now.declined as f64 * per_s,
                totals.declined
            ),
            format!(
                "  reversed  {:>7.0} /s     total {}",
                now.reversed as f64 * per_s,
                totals.reversed
            ),
            format!(
                "  p99       {:>7.1} ms     late {}  errors {}  failed over {}",
                millis(percentile(&latencies, 0.99)),
                totals.late,
                totals.errors,
                self.board.failed_over.load(Relaxed)
            ),
        ];
        self.gateway_lines(scenario, &mut lines);
        lines.push(
            self.paint
                .faint(&format!("  last      {}", self.board.last_event())),
        );
        lines
    }

    fn gateway_lines(&self, scenario: &Scenario, lines: &mut Vec<String>) {
        let Some(sample) = self.board.last_sample() else {
            return;
        };
        let currency = scenario.workload.currency.to_string();
        lines.push(format!(
            "  exposure  {} of at most {}",
            money(&currency, sample.exposure_minor()),
            money(&currency, sample.bound_minor())
        ));
        for (index, status) in sample.gateways.iter().enumerate() {
            lines.push(match status {
                None => format!(
                    "  gw{}       {}     backlog {} when last heard",
                    index + 1,
                    self.paint.bad("gone"),
                    sample.known.get(index).map_or(0, |known| known.backlog)
                ),
                Some(status) => {
                    let breaker = if status.breaker == "passing" {
                        self.paint.good(&status.breaker)
                    } else {
                        self.paint.bad(&status.breaker)
                    };
                    format!(
                        "  {:<8}  {breaker}  backlog {}  stand-in {} approved, {} declined",
                        status.gateway.as_str(),
                        status.backlog,
                        status.stand_in.approved,
                        status.stand_in.declined
                    )
                }
            });
        }
    }
}
