//! The process: settings, store, server, stop.

mod arguments;
mod close;
pub mod config;
mod conformance;
mod drill;
mod migrate;
mod outside;
mod reconcile;
#[cfg(test)]
mod tests;
mod verify;

use std::ffi::OsString;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches};
use process::settings::{self, EXIT_CONFIGURATION};
use process::telemetry::Telemetry;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use arguments::{Arguments, Books, Command, Settings, understand};
use config::{Config, SERVICE};

use crate::batcher::Batcher;
use crate::holds;
use crate::http::{self, Ledger};
use crate::metrics::Metrics;
use crate::store::{Store, StoreError};

/// It could not start, or requests in flight had to be cut off when it stopped.
const FAILED: u8 = 1;
/// How long to wait before trying a database that is down again.
const PREPARE_AGAIN: Duration = Duration::from_millis(250);

/// Runs the ledger until it is asked to stop, or does what the command line asks for. `args` begin
/// with the program's name.
pub fn run(args: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let command = SERVICE.command::<Config>(Arguments::command());
    let parsed = command.try_get_matches_from(args).and_then(|matches| {
        let arguments = Arguments::from_arg_matches(&matches)?;
        Ok((matches, arguments))
    });
    let (matches, arguments) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let _unwritable = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(FAILED));
        }
    };
    let command = match arguments.command {
        // Its ledgers are configured by itself.
        Some(Command::Drill(drill)) => return drill.run(),
        Some(Command::Conformance(conformance)) => return conformance.run(),
        Some(Command::Close(close)) => return close.run(),
        Some(Command::Reconcile(reconcile)) => return reconcile.run(),
        Some(Command::Verify(verify)) if verify.asks() => return verify.run(),
        command => command,
    };
    let loaded = SERVICE.load_from::<Config>(&matches, &settings::environment);
    // A ledger with other faults in its configuration can be asked too.
    if let Some(Command::Healthcheck(check)) = command {
        return check.run(SERVICE.name, loaded.layer.listen);
    }
    let (settings, mut report) = understand(loaded);
    if let Some(Command::Config(command)) = command {
        return command.run::<Config>(&SERVICE, &report);
    }
    let Some(settings) = settings else {
        return SERVICE.refuse(&report);
    };
    let log = settings.log.clone();
    match (command, &settings.books) {
        (Some(Command::Migrate(migrate)), Books::Database(database)) => {
            start(&log, migrate.run(database.clone()))
        }
        (Some(Command::Migrate(_)), Books::Folder(_)) => {
            let what = "there is nothing to migrate without a database";
            report.refuse(
                "store.database_url",
                what,
                "set it; the embedded store needs none",
            );
            SERVICE.refuse(&report)
        }
        (Some(Command::Verify(verify)), _) => start(&log, verify.open(settings.books)),
        _ => start(&log, ledger(settings, arguments.restored)),
    }
}

/// Starts log and runtime, and does the work in them.
fn start(log: &str, work: impl Future<Output = ExitCode>) -> ExitCode {
    if let Err(error) = process::log::start(log) {
        return fail(EXIT_CONFIGURATION, &error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(FAILED, &error),
    };
    let code = runtime.block_on(work);
    // A database that hangs must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(2));
    code
}

async fn ledger(settings: Settings, restored: bool) -> ExitCode {
    let mut stop = Box::pin(process::stop::requested());
    let opened = tokio::select! {
        opened = open(&settings.books, restored) => opened,
        signal = &mut stop => {
            tracing::info!(signal, "stopped before the books were open");
            return ExitCode::SUCCESS;
        }
    };
    let store = match opened {
        Ok(store) => store,
        Err(code) => return code,
    };
    let bound = async {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, address))
    };
    let (listener, address) = match bound.await {
        Ok(bound) => bound,
        Err(error) => {
            return fail(
                FAILED,
                &format_args!("cannot listen on {}: {error}", settings.listen),
            );
        }
    };
    tracing::info!(%address, "listening");
    let instance = process::telemetry::instance(address.port());
    let telemetry = match Telemetry::start(&settings.telemetry, "holdfast-ledger", instance) {
        Ok(telemetry) => telemetry,
        Err(error) => return fail(EXIT_CONFIGURATION, &error),
    };
    let stopping = CancellationToken::new();
    tokio::spawn(announce(
        store.clone(),
        address,
        restored && store.is_shared(),
    ));
    tokio::spawn({
        let stopping = stopping.clone();
        async move {
            let signal = stop.await;
            tracing::info!(signal, "stopping");
            stopping.cancel();
        }
    });
    let metrics = Metrics::default();
    let batcher = Batcher::start(store.clone(), metrics.clone());
    tokio::spawn(holds::run(
        store.clone(),
        batcher.clone(),
        metrics.clone(),
        settings.holds,
        stopping.clone(),
    ));
    let router = http::router(Ledger {
        store,
        batcher,
        metrics,
        holds: settings.holds,
        stopping: stopping.clone(),
        telemetry: telemetry.clone(),
    });
    let drained = http::serve(listener, router, stopping).await;
    telemetry.shutdown().await;
    if drained {
        tracing::info!("stopped, all requests answered");
        ExitCode::SUCCESS
    } else {
        tracing::error!("stopped, some requests were cut off");
        ExitCode::from(FAILED)
    }
}

async fn open(books: &Books, restored: bool) -> Result<Store, ExitCode> {
    match books {
        Books::Database(database) => {
            Store::database(database).map_err(|error| fail(EXIT_CONFIGURATION, &error))
        }
        Books::Folder(folder) => {
            let opened = embedded(folder, restored).await;
            opened.map_err(|error| fail(FAILED, &error))
        }
    }
}

/// The embedded store, in a new epoch before anybody reads it if it was restored.
async fn embedded(folder: &Path, restored: bool) -> Result<Store, StoreError> {
    let store = Store::embedded(folder).await?;
    if restored {
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
