//! The collector as a process of its own, for measurements.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;

use super::{Collector, Manner};

/// Takes traces over OTLP/HTTP, and says in the end how many spans came.
#[derive(Debug, Parser)]
#[command(
    name = "collector",
    after_help = "Example:\n  collector --listen 127.0.0.1:4318"
)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4318")]
    listen: SocketAddr,
    /// What to do with a call.
    #[arg(long, value_enum, default_value_t = Manner::Answer)]
    manner: Manner,
}

/// Runs until it is asked to stop; `args` begin with the program's name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(args) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match serve(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("collector: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let collector = Collector::start_at(arguments.listen, arguments.manner).await?;
        println!("collector ready {}", collector.url());
        process::stop::requested().await;
        println!("collector took {} spans", collector.spans().len());
        Ok(())
    })
}
