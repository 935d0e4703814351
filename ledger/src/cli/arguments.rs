//! The command line, and what is refused of what was configured.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::builder::FalseyValueParser;
use clap::{Parser, Subcommand};
use process::healthcheck::Healthcheck;
use process::settings::{ConfigCommand, Loaded, Report, check};
use process::telemetry;

use super::close::CloseCommand;
use super::config::{Config, Migrate};
use super::conformance::ConformanceCommand;
use super::drill::DrillCommand;
use super::migrate::MigrateCommand;
use super::reconcile::ReconcileCommand;
use super::verify::VerifyCommand;
use crate::holds::Holds;
use crate::store::Database;

const EXAMPLES: &str = "\
Examples:
  ledger
      books in ./var/ledger, on http://127.0.0.1:7400
  ledger --listen 127.0.0.1:0 --data /tmp/books
      on a free port, which the ready line names
  DATABASE_URL=postgres://holdfast@127.0.0.1/holdfast ledger
      books in PostgreSQL; starts and waits while the database is down
  ledger config default > ledger.toml
      a file with every setting, to be filled in; then: ledger --config ledger.toml
  ledger --config ledger.toml config show
      the values that count, and where each is from
  ledger --config ledger.toml migrate --wait-s 120
      brings the database's schema up to date; waits while it is down
  ledger conformance --url http://127.0.0.1:7400
      asks a ledger, ours or another, whether it keeps the wire contract; --list says the cases
  ledger close --url http://127.0.0.1:7400 --by 'Ada of accounting'
      closes today in UTC, if the books balance; close --list shows what was closed
  ledger verify --url http://127.0.0.1:7400
  ledger --data /srv/copy-of-books verify
      computes everything in the books again, of a running ledger or of books that nobody uses
  ledger reconcile --url http://127.0.0.1:7400 --gateway http://127.0.0.1:7401
      compares what a gateway told the network with what was booked
  ledger --data /srv/restored --restored
      books that were restored from a backup; for this one start, then without it

Flags count before the environment, that before the file, that before defaults.

Exit codes: 0 stopped and drained, done, or nothing found; 1 could not start, had to cut requests
off, or something is not as it should be; 2 unknown flag; 64 bad configuration; 69 nobody answered.";

/// The books behind Holdfast's gateways.
#[derive(Debug, Parser)]
#[command(name = "ledger", version, after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// What to do; without one, the ledger runs.
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// The books were restored from a backup: draw a new epoch, so that gateways list everything again
    /// and tell again what the backup does not have. For one start only.
    #[arg(
        long,
        env = "HOLDFAST_LEDGER_RESTORED",
        value_parser = FalseyValueParser::new()
    )]
    pub(super) restored: bool,
}

/// What can be done besides running.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the ledger until it is asked to stop; the same as no command.
    Serve,
    /// Ask a ledger over HTTP whether it does what the wire contract says: exit code 0, or 1 and what
    /// it did otherwise.
    Conformance(ConformanceCommand),
    /// Close a day in a ledger's books: exit code 0, or 1 and what does not balance.
    Close(CloseCommand),
    /// Compute everything in the books again that can be: trial balance, totals, entries, closes with
    /// their hashes, authorizations. Exit code 0, or 1 and what is crooked.
    Verify(VerifyCommand),
    /// Compare a gateway's journal with the books, by id and by total: exit code 0, or 1 and every
    /// difference.
    Reconcile(ReconcileCommand),
    /// Print, explain or check the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Play the high-availability drill on clusters of its own; needs `loadtest` beside this program.
    Drill(DrillCommand),
    /// Ask a running ledger whether it can reach its books: exit code 0, or 1 and why not.
    Healthcheck(Healthcheck),
    /// Bring the database's schema up to date, and end: exit code 0, or 1 and why not.
    Migrate(MigrateCommand),
}

/// What has been understood.
pub(super) struct Settings {
    /// Where it listens.
    pub(super) listen: SocketAddr,
    /// Where the books are.
    pub(super) books: Books,
    /// When holds expire.
    pub(super) holds: Holds,
    /// The log filter.
    pub(super) log: String,
    /// Where traces go.
    pub(super) telemetry: telemetry::Settings,
}

/// Where the books are.
#[derive(Clone)]
pub(super) enum Books {
    /// In the embedded store, in this folder.
    Folder(PathBuf),
    /// In PostgreSQL.
    Database(Database),
}

type Layer = <Config as confique::Config>::Layer;

/// Reads the password and checks everything; all that is wrong is in the report.
pub(super) fn understand(loaded: Loaded<Config>) -> (Option<Settings>, Report) {
    let Loaded { layer, mut report } = loaded;
    let database = database(&layer, &mut report);
    let telemetry = check::telemetry(&layer.telemetry, &mut report);
    if layer.holds.expire_after_s == Some(0) {
        let cure = "write how many seconds a hold stands, such as 604800 for seven days";
        report.refuse("holds.expire_after_s", "holds would expire at once", cure);
    }
    check::log(&layer.log, &mut report);
    let config = report.complete::<Config>(layer);
    let (Some(config), Some(telemetry)) = (config, telemetry) else {
        return (None, report);
    };
    let settings = Settings {
        listen: config.listen,
        books: match database {
            Some(database) => Books::Database(database),
            None => Books::Folder(config.store.data),
        },
        holds: Holds {
            expire_after_s: config.holds.expire_after_s,
        },
        log: config.log.filter,
        telemetry,
    };
    (Some(settings), report)
}

/// The database; `None` where there is none, or something is wrong with it.
fn database(layer: &Layer, report: &mut Report) -> Option<Database> {
    let store = &layer.store;
    let password = store.database_password_file.as_deref();
    // An empty URL means none, wherever it is from.
    let Some(url) = store.database_url.as_ref().filter(|url| !url.is_empty()) else {
        if password.is_some() {
            let what = "a password without a database";
            report.refuse(
                "store.database_password_file",
                what,
                "set store.database_url too",
            );
        }
        if store.bucket.is_some_and(|bucket| bucket != 0) {
            let what = "a bucket without a database";
            report.refuse("store.bucket", what, "set store.database_url too");
        }
        return None;
    };
    let bucket = store.bucket.unwrap_or(0);
    if i16::try_from(bucket).is_err() {
        let what = format!("{bucket} is no bucket");
        report.refuse("store.bucket", what, "choose one from 0 to 32767");
        return None;
    }
    let password = match password.map(read_password).transpose() {
        Ok(password) => password,
        Err(what) => {
            let cure = "write the password into it, and nothing else";
            report.refuse("store.database_password_file", what, cure);
            None
        }
    };
    let database = Database {
        url: url.clone(),
        password,
        bucket,
        migrate: store.migrate != Some(Migrate::Never),
    };
    report.keep("store.database_url", database.check())?;
    Some(database)
}

fn read_password(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    match password {
        "" => Err(format!("{} is empty", path.display())),
        password => Ok(password.to_owned()),
    }
}
