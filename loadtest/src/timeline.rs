//! Does to the processes what the scenario says, when it says it, and looks whether it worked.

use std::sync::Arc;
use std::time::Duration;

use ::tests::cluster::Stack;
use ::tests::waiting::wait_until;
use anyhow::{Context, bail};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::board::Board;
use crate::report::Mark;
use crate::scenario::{Action, Scenario};
use crate::sometimes::{Counts, Sometimes};

/// What was done, and when.
#[derive(Debug, Default)]
pub(crate) struct Played {
    pub marks: Vec<Mark>,
    pub counts: Counts,
    /// When the ledger answered again after the last time it was gone, from the start of the run.
    pub healed: Option<Duration>,
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
        if action.needs_database() && stack.postgres().is_none() {
            continue;
        }
        let seen = perform(&action, stack)
            .await
            .with_context(|| format!("at {planned_s:.1} s: {} had no effect", action.words()))?;
        let done = start.elapsed();
        count(&action, done, &mut played);
        board.happened(format!("{:.1} s: {}", done.as_secs_f64(), action.words()));
        played.marks.push(Mark {
            planned_s,
            done_s: Some((done.as_secs_f64() * 1e3).round() / 1e3),
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

/// Does it; says what showed that it is done.
async fn perform(action: &Action, stack: &Stack) -> anyhow::Result<String> {
    Ok(match action {
        Action::Proxy(mode) => {
            stack.fault(*mode).await?;
            "the proxy said so".into()
        }
        Action::KillLedger => {
            stack.kill_ledger().await;
            refuses(stack.ledger_url()).await?
        }
        Action::StartLedger => {
            stack.restart_ledger().await?;
            "it said that it is ready".into()
        }
        Action::KillDatabase => {
            let Some(postgres) = stack.postgres() else {
                bail!("there is no PostgreSQL")
            };
            postgres.stop_immediate().await?;
            "pg_ctl said so".into()
        }
        Action::StartDatabase => {
            let Some(postgres) = stack.postgres() else {
                bail!("there is no PostgreSQL")
            };
            postgres.start_again().await?;
            "it answered a query".into()
        }
        Action::KillGateway(index) => {
            check_gateway(stack, *index)?;
            stack.kill_gateway(*index).await;
            refuses(&stack.gateway(*index).http).await?
        }
        Action::StartGateway(index) => {
            check_gateway(stack, *index)?;
            stack.restart_gateway(*index).await?;
            "it said that it is ready".into()
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
async fn refuses(url: &str) -> anyhow::Result<String> {
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
    Ok("connections are refused".into())
}

fn count(action: &Action, done: Duration, played: &mut Played) {
    let seen = match action {
        Action::KillLedger => Sometimes::LedgerKilled,
        Action::KillDatabase => Sometimes::DatabaseKilled,
        Action::StartGateway(_) => Sometimes::GatewayRestarted,
        Action::StartLedger | Action::Proxy(::tests::faultproxy::Mode::Pass) => {
            played.healed = Some(done);
            return;
        }
        Action::Proxy(_) | Action::StartDatabase | Action::KillGateway(_) => return,
    };
    *played.counts.entry(seen).or_default() += 1;
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
}
