//! What a gateway's ISO 8583 door costs, beside a bare echo of the same bytes in the same run.
//!
//! | part | what it knows |
//! |---|---|
//! | [`template`] | one message, and what differs from one to the next |
//! | [`load`] | connections with a window of messages in flight |
//! | [`echo`] | the yardstick: length-prefixed frames, sent back as they came |
//! | [`rig`] | a gateway whose ledger is away, with its journal in memory |
//! | [`idle`] | what a connection costs that says nothing |
//! | [`report`] | telling |
//!
//! Whoever answers has the first core, whoever asks the others. Both sides meet the same load, one after
//! the other; who goes first alternates.

mod echo;
mod idle;
mod load;
mod report;
mod rig;
mod template;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;
use clap::Args;

use crate::cli::Output;
use crate::live::say;
use crate::machine;
pub(crate) use echo::{EchoArguments, serve as serve_echo};
use load::{Measured, Shape};
use report::{Line, Report};
use rig::Rig;
use template::Template;

/// Arguments of `listener`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  loadtest listener
  loadtest listener --runs 5 --seconds 3 --idle 0
  loadtest listener --output json")]
pub(crate) struct ListenerArguments {
    /// How often each side is loaded.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub runs: u32,
    /// For how long each time.
    #[arg(long, default_value_t = 2.0)]
    pub seconds: f64,
    /// Connections that say nothing, whose memory is measured; 0 leaves that out.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pub idle: u32,
    /// What standard output gets.
    #[arg(long, env = "HOLDFAST_LOADTEST_OUTPUT", default_value = "text")]
    pub output: Output,
}

/// Connections that ask.
const CONNECTIONS: usize = 64;
/// Messages in flight on each, where they are pipelined.
const DEEP: usize = 32;

/// Measures both sides and prints what came out.
///
/// # Errors
/// Where something does not start, or answers what it should not.
pub(crate) async fn listener(arguments: &ListenerArguments) -> anyhow::Result<Report> {
    ensure!(
        arguments.seconds >= 0.1 && arguments.seconds <= 60.0,
        "--seconds must be from 0.1 to 60"
    );
    // Before this process is kept to some of the cores.
    let machine = machine::describe();
    let rig = Rig::start().await?;
    let lines = [
        ("0800, one in flight", Template::echo_test()?, 1, 0.8),
        ("0100, 32 in flight", Template::authorization()?, DEEP, 0.1),
    ];
    let mut measured = Vec::new();
    for (name, template, window, target) in lines {
        say(&format!("  {name}: warming up"));
        let shape = Shape {
            connections: CONNECTIONS,
            window,
            length: Duration::from_secs_f64(arguments.seconds),
        };
        let mut line = Line::new(name, target);
        for round in 0..=arguments.runs {
            let (echo, gateway) = pair(&rig, &template, shape, round).await?;
            // The first one only warms up.
            if round > 0 {
                say(&format!(
                    "  {name}: round {round} of {}  echo {:>9.0} /s  gateway {:>9.0} /s",
                    arguments.runs, echo.per_s, gateway.per_s
                ));
                line.rounds.push((echo, gateway));
            }
        }
        measured.push(line);
    }
    let stand_in = rig.approved().await?;
    let idle = match arguments.idle {
        0 => None,
        many => Some(idle::measure(&rig, many).await?),
    };
    let report = Report::of(measured, stand_in, idle, machine::commit(), machine);
    match arguments.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&report)?),
        Output::Text => println!("{}", report.text()),
    }
    Ok(report)
}

/// The same load at the echo and at the gateway; who goes first changes from round to round.
async fn pair(
    rig: &Rig,
    template: &Template,
    shape: Shape,
    round: u32,
) -> anyhow::Result<(Measured, Measured)> {
    let at = |address: SocketAddr| load::run(address, template, shape);
    if round.is_multiple_of(2) {
        let echo = at(rig.echo()).await?;
        Ok((echo, rig.timed(at(rig.door())).await?))
    } else {
        let gateway = rig.timed(at(rig.door())).await?;
        Ok((at(rig.echo()).await?, gateway))
    }
}
