//! A TCP proxy that misbehaves on request: the wire between gateway and ledger, in a process of its
//! own.
//!
//! `PUT /mode` with a [`Mode`] as JSON changes what it does, to live connections too; `GET /mode`
//! tells what it does now. Chance is seeded: the same seed and the same traffic give the same faults.

mod control;
mod dice;
mod mode;
mod relay;
mod upstreams;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use mode::Mode;
use upstreams::Upstreams;

/// A TCP proxy that can cut, stall, slow down and lose what passes.
#[derive(Debug, Parser)]
#[command(
    name = "faultproxy",
    after_help = "Examples:\n  faultproxy --listen 127.0.0.1:7405 --upstream 127.0.0.1:7400 --control 127.0.0.1:7406\n  faultproxy --listen 0.0.0.0:7400 --upstream ledger-1:7400 --upstream ledger-2:7400 --control 0.0.0.0:7406\n  curl -X PUT -H 'content-type: application/json' -d '{\"mode\":\"cut\"}' http://127.0.0.1:7406/mode"
)]
struct Arguments {
    /// Where to accept connections; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where to forward them, as `host:port`; give it several times to spread connections over
    /// several, and to leave out those that refuse.
    #[arg(long, required = true)]
    upstream: Vec<String>,
    /// Where to take orders over HTTP; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    control: SocketAddr,
    /// Seeds the chances of the `grey` and `slow` modes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the proxy until it is asked to stop; `args` begin with the program's name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(args) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help goes to stdout and is no failure; clap knows which is which.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("faultproxy: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(arguments.listen)
            .await
            .with_context(|| format!("cannot listen on {}", arguments.listen))?;
        let control = TcpListener::bind(arguments.control)
            .await
            .with_context(|| format!("cannot take orders on {}", arguments.control))?;
        println!(
            "faultproxy ready listen={} control=http://{}",
            listener.local_addr()?,
            control.local_addr()?
        );
        let upstreams = Upstreams::new(arguments.upstream);
        let (mode, modes) = watch::channel(Mode::Pass);
        tokio::select! {
            served = relay::accept(listener, upstreams, modes, arguments.seed) => served,
            served = control::serve(control, mode) => served,
            _ = process::stop::requested() => Ok(()),
        }
    })
}
