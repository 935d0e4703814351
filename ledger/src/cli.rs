//! The process: flags, store, server, stop.

use std::ffi::OsString;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::batcher::Batcher;
use crate::http::{self, Ledger};
use crate::store::{Store, StoreError};

/// It could not start, or requests in flight had to be cut off when it stopped.
const FAILED: u8 = 1;
/// A flag or an environment variable that cannot be (EX_USAGE).
const BAD_CONFIGURATION: u8 = 64;
/// How long to wait before trying a database that is down again.
const PREPARE_AGAIN: Duration = Duration::from_millis(250);

const EXAMPLES: &str = "\
Examples:
  ledger
      books in ./var/ledger, on http://127.0.0.1:7400
  ledger --listen 127.0.0.1:0 --data /tmp/books
      on a free port, which the ready line names
  DATABASE_URL=postgres://holdfast@127.0.0.1/holdfast ledger
      books in PostgreSQL; starts and waits while the database is down
  ledger --data /srv/restored --restored
      books that were restored from a backup; for this one start, then without it

Exit codes: 0 stopped and drained, 1 could not start or had to cut requests off,
2 unknown flag, 64 bad configuration.";

/// The books behind Holdfast's gateways.
#[derive(Debug, Parser)]
#[command(name = "ledger", version, after_help = EXAMPLES)]
struct Flags {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, env = "HOLDFAST_LEDGER_LISTEN", default_value = "127.0.0.1:7400")]
    listen: SocketAddr,
    /// PostgreSQL to keep the books in; without it they are in a file in --data.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Folder of the embedded store; made if absent, used by one ledger at a time.
    #[arg(long, env = "HOLDFAST_LEDGER_DATA", default_value = "./var/ledger")]
    data: PathBuf,
    /// The books were restored from a backup: draw a new epoch, so that gateways list everything again
    /// and tell again what the backup does not have. For one start only.
    #[arg(
        long,
        env = "HOLDFAST_LEDGER_RESTORED",
        value_parser = clap::builder::FalseyValueParser::new()
    )]
    restored: bool,
    /// What to log, such as `info` or `info,ledger=debug`.
    #[arg(long, env = "HOLDFAST_LOG", default_value = "info")]
    log: String,
}

/// Runs the ledger until it is asked to stop. `args` begin with the program's name.
pub fn run(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let flags = match Flags::try_parse_from(args) {
        Ok(flags) => flags,
        Err(error) => {
            let _unwritable = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(FAILED));
        }
    };
    if let Err(error) = process::log::start(&flags.log) {
        return fail(BAD_CONFIGURATION, &error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(FAILED, &error),
    };
    let code = runtime.block_on(ledger(flags));
    // A database that hangs must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(2));
    code
}

async fn ledger(flags: Flags) -> ExitCode {
    // An empty variable, as compose files leave behind, means none.
    let store = match flags.database_url.as_deref().filter(|url| !url.is_empty()) {
        Some(url) => match Store::postgres(url) {
            Ok(store) => store,
            Err(error) => return fail(BAD_CONFIGURATION, &error),
        },
        None => match embedded(&flags).await {
            Ok(store) => store,
            Err(error) => return fail(FAILED, &error),
        },
    };
    let bound = async {
        let listener = TcpListener::bind(flags.listen).await?;
        let address = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, address))
    };
    let (listener, address) = match bound.await {
        Ok(bound) => bound,
        Err(error) => {
            return fail(
                FAILED,
                &format_args!("cannot listen on {}: {error}", flags.listen),
            );
        }
    };
    tracing::info!(%address, "listening");
    let stopping = CancellationToken::new();
    tokio::spawn(announce(
        store.clone(),
        address,
        flags.restored && store.is_shared(),
    ));
    tokio::spawn({
        let stopping = stopping.clone();
        async move {
            let signal = process::stop::requested().await;
            tracing::info!(signal, "stopping");
            stopping.cancel();
        }
    });
    let batcher = Batcher::start(store.clone());
    let router = http::router(Ledger {
        store,
        batcher,
        stopping: stopping.clone(),
    });
    if http::serve(listener, router, stopping).await {
        tracing::info!("stopped, all requests answered");
        ExitCode::SUCCESS
    } else {
        tracing::error!("stopped, some requests were cut off");
        ExitCode::from(FAILED)
    }
}

/// The embedded store, in a new epoch before anybody reads it if it was restored.
async fn embedded(flags: &Flags) -> Result<Store, StoreError> {
    let store = Store::embedded(&flags.data).await?;
    if flags.restored {
        draw_epoch(&store).await?;
    }
    Ok(store)
}

async fn draw_epoch(store: &Store) -> Result<(), StoreError> {
    let epoch = store.new_epoch().await?;
    tracing::warn!(
        epoch,
        "the books were restored: a new epoch, gateways list and tell again"
    );
    Ok(())
}

/// Prepares a database, which nobody reads before, in a new epoch if it was restored.
async fn prepare(store: &Store, restored: &mut bool) -> Result<String, StoreError> {
    if *restored {
        draw_epoch(store).await?;
        *restored = false;
    }
    store.prepare().await
}

/// Prepares the store, however long its database is down, and says on stdout that it is ready.
async fn announce(store: Store, address: SocketAddr, mut restored: bool) {
    let mut last: Option<StoreError> = None;
    let kind = loop {
        match prepare(&store, &mut restored).await {
            Ok(kind) => break kind,
            Err(error) if last.as_ref() == Some(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "the store is not ready, trying again");
                last = Some(error);
            }
        }
        sleep(PREPARE_AGAIN).await;
    };
    tracing::info!(store = kind, "ready");
    let mut stdout = std::io::stdout().lock();
    let _unread = writeln!(stdout, "ledger ready on http://{address} store={kind}");
    let _unread = stdout.flush();
}

fn fail(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    let _unwritable = writeln!(std::io::stderr(), "ledger: {error}");
    ExitCode::from(code)
}
