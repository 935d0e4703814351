//! Plays an outage on real processes and audits the books afterwards.
//!
//! | step | where |
//! |---|---|
//! | what is asked, and when | [`scenario`], [`workload`], [`schedule`] |
//! | what a ledger that never failed would say | [`twin`] |
//! | ledger, fault proxy and gateways, as processes or containers | the crate `tests` |
//! | a run from a stack that is there to its report | [`conduct`] |
//! | sending, with a second gateway to turn to | [`driver`] |
//! | kill -9, brown-out, recovery | [`timeline`] |
//! | asking the gateways how they are | [`sampler`] |
//! | who died unasked | [`deaths`] |
//! | clients, gateways, ledger and twin side by side | [`audit`], [`tally`] |
//! | pass or not, and why | [`verdict`] |
//! | load for gateways that run already | [`drive`] |
//! | what an option costs | [`compare`] |
//! | the ledger against `pgbench`, and as the books grow | [`throughput`], [`growth`], both on [`bench`] |
//! | a gateway's ISO 8583 door beside a bare echo | [`listener`] |
//! | PostgreSQL under Patroni fails over | [`high_availability`] |
//! | telling | [`report`], [`requests`], [`text`], [`html`], [`live`] |

mod audit;
mod bench;
mod board;
mod cli;
mod compare;
mod conduct;
mod deaths;
mod drive;
mod driver;
mod growth;
mod high_availability;
mod html;
mod listener;
mod live;
mod machine;
mod report;
mod requests;
mod run;
mod sampler;
mod scenario;
mod schedule;
mod series;
mod sometimes;
mod stats;
mod svg;
mod tally;
mod text;
mod throughput;
mod timeline;
mod twin;
mod up;
mod verdict;
mod workload;

use std::process::ExitCode;

use ::tests::cluster::compose;
use clap::Parser;

use cli::{Arguments, Command, RunArguments, ScenarioName};

/// Something that the run needs is not on this machine.
const ENVIRONMENT_MISSING: u8 = 13;
const USAGE: u8 = 2;
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let program = args.next().unwrap_or_default();
    // The same executable is also the ledger, the gateways and the fault proxy.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == "node")
    {
        return ::tests::node::run(std::iter::once(program).chain(args.skip(1)));
    }
    let command = Arguments::parse().command;
    match serve(command.unwrap_or_else(|| Command::Run(RunArguments::default()))) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("loadtest: {error:#}");
            ExitCode::from(code_of(&error))
        }
    }
}

fn serve(command: Command) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match command {
            Command::Scenario { name } => {
                let text = match name {
                    ScenarioName::Outage => scenario::DEFAULT,
                    ScenarioName::Containers => scenario::CONTAINERS,
                };
                print!("{text}");
                Ok(0)
            }
            Command::Up(arguments) => up::up(&arguments).await.map(|()| 0),
            Command::Run(arguments) => {
                let report = async { Ok(run::run(&arguments).await?.verdict.exit_code()) };
                or_signal(report).await
            }
            Command::Drive(arguments) => {
                let report = async { Ok(drive::drive(&arguments).await?.verdict.exit_code()) };
                or_signal(report).await
            }
            Command::HighAvailability(arguments) => {
                let report = async {
                    Ok(high_availability::run(&arguments)
                        .await?
                        .verdict
                        .exit_code())
                };
                or_signal(report).await
            }
            Command::Compare(arguments) => {
                or_signal(async { compare::compare(&arguments).await.map(|()| 0) }).await
            }
            Command::Throughput(arguments) => {
                let report = async { Ok(throughput::throughput(&arguments).await?.exit_code()) };
                or_signal(report).await
            }
            Command::Listener(arguments) => {
                let report = async { Ok(listener::listener(&arguments).await?.exit_code()) };
                or_signal(report).await
            }
            Command::ListenerEcho(arguments) => listener::serve_echo(&arguments).await.map(|()| 0),
            Command::Growth(arguments) => {
                or_signal(async { Ok(growth::growth(&arguments).await?.exit_code()) }).await
            }
        }
    })
}

/// Until it is done, or somebody wants it to stop; what it started ends then.
async fn or_signal(work: impl Future<Output = anyhow::Result<u8>>) -> anyhow::Result<u8> {
    tokio::select! {
        code = work => code,
        signal = process::stop::requested() => {
            eprintln!("{signal}: everything that this run has started is being stopped");
            Ok(INTERRUPTED)
        }
    }
}

fn code_of(error: &anyhow::Error) -> u8 {
    let no_postgres = error.downcast_ref::<::tests::postgres::Missing>().is_some();
    let no_docker = error.downcast_ref::<compose::Missing>().is_some();
    let no_patroni = error.downcast_ref::<::tests::patroni::Missing>().is_some();
    if no_postgres || no_docker || no_patroni {
        ENVIRONMENT_MISSING
    } else if error.downcast_ref::<run::Usage>().is_some() {
        USAGE
    } else {
        1
    }
}
