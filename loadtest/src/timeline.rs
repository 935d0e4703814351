//! Does to the processes what the scenario says, when it says it, and looks whether it worked.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ::tests::cluster::{Node, Stack};
use ::tests::faultproxy::Mode;
use ::tests::waiting::wait_until;
use anyhow::{Context, bail};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::board::Board;
use crate::deaths::Death;
use crate::report::Mark;
use crate::scenario::{Action, Scenario};
use crate::sometimes::Counts;

/// What was done, and when.
#[derive(Debug, Default)]
pub(crate) struct Played {
    pub marks: Vec<Mark>,
    pub counts: Counts,
    /// Processes that ended although nothing here stopped them.
    pub unplanned_exits: Vec<String>,
    /// What the scenario broke and has not mended.
    broken: BTreeSet<Part>,
    /// When the ledger could be reached again the last time.
    back: Option<Duration>,
}

/// Something that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Line,
    Ledger,
    LedgerFrozen,
    Database,
    DatabaseFrozen,
    DatabaseCut,
    Gateway(usize),
}

impl Part {
    /// What a repair does to it without starting anything.
    fn mended_silently(self) -> Option<&'static str> {
        match self {
            Self::Line => Some("line to the ledger passes"),
            Self::LedgerFrozen => Some("ledger thawed"),
            Self::DatabaseFrozen => Some("PostgreSQL thawed"),
            Self::DatabaseCut => Some("PostgreSQL back in the network"),
            Self::Ledger | Self::Database | Self::Gateway(_) => None,
        }
    }
}

/// How a scenario ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Healed {
    /// The ledger could be reached all the time.
    NothingBroke,
    /// When the ledger could be reached again after the last time it could not, from the start of
    /// the run.
    At(Duration),
    /// Something stays broken.
    Never,
}

impl Played {
    /// How the scenario ended, apart from repairs.
    pub(crate) fn healed(&self) -> Healed {
        match self.back {
            _ if !self.broken.is_empty() => Healed::Never,
            Some(back) => Healed::At(back),
            None => Healed::NothingBroke,
        }
    }

    fn mended(&mut self, part: Part, done: Duration) {
        let was_broken = self.broken.remove(&part);
        let reachable = !(self.broken.iter()).any(|part| !matches!(part, Part::Gateway(_)));
        let restarted = part == Part::Ledger;
        if reachable && (was_broken || restarted) && !matches!(part, Part::Gateway(_)) {
            self.back = Some(done);
        }
    }

    /// Mends whatever is still broken, and tells whether anything was: a scenario may end in the
    /// middle of a fault, and the books are compared without one.
    ///
    /// # Errors
    /// Where something does not come up.
    pub(crate) async fn repair(&mut self, stack: &Stack, start: Instant) -> anyhow::Result<bool> {
        let mut repaired = Vec::new();
        let processes = stack.processes().await;
        if (processes.iter()).any(|it| it.node == Node::Proxy && it.ended.is_some()) {
            stack.restart_proxy().await?;
            repaired.push("faultproxy started again".to_owned());
        }
        let names = stack.repair().await?;
        repaired.extend(names.iter().map(|name| format!("{name} started again")));
        if !self.marks.iter().any(Mark::is_repair) {
            let mended = self.broken.iter().filter_map(|part| part.mended_silently());
            repaired.extend(mended.map(str::to_owned));
        }
        let done_s = seconds(start.elapsed());
        let marks = repaired.iter().map(|what| Mark::repair(done_s, what));
        self.marks.extend(marks);
        Ok(!repaired.is_empty())
    }

    /// Notes who ended by itself.
    pub(crate) fn died(&mut self, deaths: &[Death]) {
        for death in deaths {
            let what = format!("{} ended by itself ({})", death.name, death.how);
            let at_s = death.at.as_secs_f64();
            self.unplanned_exits
                .push(format!("{what} {at_s:.1} s after the start; see its log"));
            self.marks.push(Mark {
                planned_s: None,
                done_s: Some(seconds(death.at)),
                what,
                seen: Some(death.how.clone()),
            });
        }
        self.marks.sort_by(|one, other| {
            one.done_s
                .partial_cmp(&other.done_s)
                .unwrap_or(Ordering::Equal)
        });
    }
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}

/// Plays all faults of a scenario. Ends with the last one, or with the first that had no effect: an
/// outage that did not happen proves nothing.
pub(crate) async fn play(
    scenario: &Scenario,
    stack: &Stack,
    board: &Arc<Board>,
    start: Instant,
) -> anyhow::Result<Played> {
    let mut played = Played::default();
    for (at, action) in plan(scenario) {
        tokio::time::sleep_until(start + at).await;
        let planned_s = at.as_secs_f64();
        let seen = perform(&action, stack)
            .await
            .with_context(|| format!("at {planned_s:.1} s: {} had no effect", action.words()))?;
        let done = start.elapsed();
        count(&action, done, &mut played);
        board.happened(format!("{:.1} s: {}", done.as_secs_f64(), action.words()));
        played.marks.push(Mark {
            planned_s: Some(planned_s),
            done_s: Some(seconds(done)),
            what: action.words(),
            seen: Some(seen),
        });
    }
    Ok(played)
}

/// All faults on the clock of the run, in order.
fn plan(scenario: &Scenario) -> Vec<(Duration, Action)> {
    let mut plan: Vec<(Duration, Action)> = scenario
        .spans()
        .iter()
        .flat_map(|span| {
            span.phase.faults.iter().map(|fault| {
                (
                    span.from + Duration::from_secs_f64(fault.after_s),
                    fault.action.clone(),
                )
            })
        })
        .collect();
    plan.sort_by_key(|(at, _)| *at);
    plan
}

const REFUSED: &str = "connections are refused";
const READY: &str = "it said that it is ready";
const TOLD: &str = "it was told to go on";

/// Does it; says what showed that it is done.
async fn perform(action: &Action, stack: &Stack) -> anyhow::Result<String> {
    let machinery = stack.machinery();
    Ok(match action {
        Action::Proxy(mode) => {
            stack.fault(*mode).await?;
            "the proxy said so".into()
        }
        Action::KillLedger => {
            stack.kill_ledger().await;
            for url in stack.ledger_urls() {
                refuses(url).await?;
            }
            REFUSED.into()
        }
        Action::StartLedger => {
            stack.restart_ledger().await?;
            READY.into()
        }
        Action::PauseLedger => {
            stack.pause_ledger().await;
            silent(stack).await?
        }
        Action::ResumeLedger => {
            stack.resume_ledger().await;
            TOLD.into()
        }
        Action::KillDatabase => {
            stack.kill(Node::Database).await?;
            silent(stack).await?
        }
        Action::StartDatabase => {
            machinery.start(Node::Database).await?;
            "it answered a query".into()
        }
        Action::PauseDatabase => {
            machinery.pause(Node::Database).await?;
            silent(stack).await?
        }
        Action::ResumeDatabase => {
            machinery.resume(Node::Database).await?;
            TOLD.into()
        }
        Action::DisconnectDatabase => {
            machinery.disconnect(Node::Database).await?;
            silent(stack).await?
        }
        Action::ConnectDatabase => {
            machinery.connect(Node::Database).await?;
            TOLD.into()
        }
        Action::KillGateway(index) => {
            check_gateway(stack, *index)?;
            stack.kill_gateway(*index).await;
            refuses(&stack.gateway(*index).http).await?;
            REFUSED.into()
        }
        Action::StartGateway(index) => {
            check_gateway(stack, *index)?;
            stack.restart_gateway(*index).await?;
            READY.into()
        }
    })
}

fn check_gateway(stack: &Stack, index: usize) -> anyhow::Result<()> {
    if index >= stack.gateways().len() {
        bail!("there is no gateway with index {index}");
    }
    Ok(())
}

/// Waits until nobody listens there.
async fn refuses(url: &str) -> anyhow::Result<()> {
    let address = url
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    wait_until(
        "a dead process refuses connections",
        Duration::from_secs(2),
        || {
            let address = address.clone();
            async move { TcpStream::connect(&address).await.is_err() }
        },
    )
    .await?;
    Ok(())
}

/// Waits until no ledger says in time that it is ready, which it does where its store answers.
async fn silent(stack: &Stack) -> anyhow::Result<String> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_millis(500))
        .build()?;
    let deaf = || async {
        for url in stack.ledger_urls() {
            let answer = client.get(format!("{url}/readyz")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return false;
            }
        }
        true
    };
    wait_until("no ledger is ready", Duration::from_secs(5), deaf).await?;
    Ok("no ledger is ready".into())
}

fn count(action: &Action, done: Duration, played: &mut Played) {
    let (part, broken) = match action {
        Action::Proxy(mode) => (Part::Line, !matches!(mode, Mode::Pass)),
        Action::KillLedger => (Part::Ledger, true),
        Action::StartLedger => (Part::Ledger, false),
        Action::PauseLedger => (Part::LedgerFrozen, true),
        Action::ResumeLedger => (Part::LedgerFrozen, false),
        Action::PauseDatabase => (Part::DatabaseFrozen, true),
        Action::ResumeDatabase => (Part::DatabaseFrozen, false),
        Action::DisconnectDatabase => (Part::DatabaseCut, true),
        Action::ConnectDatabase => (Part::DatabaseCut, false),
        Action::KillDatabase => (Part::Database, true),
        Action::StartDatabase => (Part::Database, false),
        Action::KillGateway(index) => (Part::Gateway(*index), true),
        Action::StartGateway(index) => (Part::Gateway(*index), false),
    };
    if broken {
        played.broken.insert(part);
    } else {
        played.mended(part, done);
    }
    if let Some(seen) = action.shows() {
        *played.counts.entry(seen).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::DEFAULT;

    #[test]
    fn the_default_outage_kills_the_ledger_then_a_gateway_and_brings_both_back() {
        let plan = plan(&Scenario::parse(DEFAULT).unwrap());
        let words: Vec<String> = plan.iter().map(|(_, action)| action.words()).collect();
        let at = |what: &str| words.iter().position(|word| word == what).unwrap();
        assert!(at("ledger: kill -9") < at("gw1: kill -9"));
        assert!(at("gw1: kill -9") < at("gw1: started again"));
        assert!(at("gw1: started again") < at("ledger: started again"));
        assert!(plan.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }

    fn healed(actions: &[Action]) -> Healed {
        let mut played = Played::default();
        for (at, action) in (1..).zip(actions) {
            count(action, Duration::from_secs(at), &mut played);
        }
        played.healed()
    }

    #[test]
    fn healed_is_when_the_ledger_could_be_reached_again_the_last_time() {
        use Action::*;
        let (cut, pass) = (Proxy(Mode::Cut), Proxy(Mode::Pass));
        let at = |seconds| Healed::At(Duration::from_secs(seconds));
        for (actions, expected) in [
            (vec![], Healed::NothingBroke),
            (vec![pass.clone()], Healed::NothingBroke),
            (vec![KillGateway(0), StartGateway(0)], Healed::NothingBroke),
            (vec![KillGateway(0)], Healed::Never),
            (vec![cut.clone()], Healed::Never),
            (vec![cut.clone(), KillLedger, pass.clone()], Healed::Never),
            (vec![cut, KillLedger, pass, StartLedger], at(4)),
            (vec![KillDatabase, StartDatabase, KillLedger], Healed::Never),
            (
                vec![KillLedger, StartLedger, KillGateway(1), StartGateway(1)],
                at(2),
            ),
            (vec![StartLedger], at(1)),
            (
                vec![PauseDatabase, DisconnectDatabase, ResumeDatabase],
                Healed::Never,
            ),
            (
                vec![
                    PauseDatabase,
                    ResumeDatabase,
                    DisconnectDatabase,
                    ConnectDatabase,
                ],
                at(4),
            ),
            (
                vec![PauseLedger, KillDatabase, ResumeLedger, StartDatabase],
                at(4),
            ),
        ] {
            assert_eq!(healed(&actions), expected, "{actions:?}");
        }
    }

    #[test]
    fn whoever_ended_by_itself_is_in_the_timeline_at_its_time() {
        let mut played = Played::default();
        played.marks.push(Mark::repair(9.0, "gw1 started again"));
        played.died(&[Death {
            name: "gw1".into(),
            how: "signal: 6 (SIGABRT)".into(),
            at: Duration::from_secs(3),
        }]);
        let what: Vec<_> = played.marks.iter().map(|mark| mark.what.as_str()).collect();
        let expected = [
            "gw1 ended by itself (signal: 6 (SIGABRT))",
            "repaired: gw1 started again",
        ];
        assert_eq!(what, expected);
        assert_eq!(played.unplanned_exits.len(), 1);
        assert!(played.marks[1].is_repair() && !played.marks[0].is_repair());
    }
}
