//! Every setting: key, type, default, environment variable, flag and meaning.

use std::net::SocketAddr;
use std::path::PathBuf;

use process::settings::{Flag, Log, Service, Telemetry};
use serde::Deserialize;

/// The configuration of a ledger.
///
/// What counts is, in this order: the flag, the environment variable, this file, the default. A key
/// that is not known is refused. Paths are relative to where the ledger is started.
#[derive(Debug, confique::Config)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    #[config(env = "HOLDFAST_LEDGER_LISTEN", default = "127.0.0.1:7400")]
    pub listen: SocketAddr,

    /// Where the books are.
    #[config(nested)]
    pub store: Books,

    /// When holds expire.
    #[config(nested)]
    pub holds: Holds,

    /// What is logged, on stderr.
    #[config(nested)]
    pub log: Log,

    /// Traces of authorizations.
    #[config(nested)]
    pub telemetry: Telemetry,
}

/// Where the books are.
#[derive(Debug, confique::Config)]
pub struct Books {
    /// PostgreSQL to keep the books in; without it they are in a file in a folder (`data`).
    ///
    /// Several ledgers may share one database. Better without a password: see database_password_file.
    #[config(env = "DATABASE_URL")]
    pub database_url: Option<String>,

    /// A file that holds the database's password; it counts before one in the URL.
    ///
    /// A line break at its end is no part of the password.
    #[config(env = "HOLDFAST_DATABASE_PASSWORD_FILE")]
    pub database_password_file: Option<PathBuf>,

    /// Which part of the books in the database this ledger keeps, from 0 to 32767.
    ///
    /// A bucket is a whole set of books with a feed of its own. Several ledgers may keep the same one.
    #[config(env = "HOLDFAST_LEDGER_BUCKET", default = 0)]
    pub bucket: u16,

    /// Folder of the embedded store; made if absent, used by one ledger at a time.
    #[config(env = "HOLDFAST_LEDGER_DATA", default = "./var/ledger")]
    pub data: PathBuf,

    /// Whether the ledger brings the database's schema up to date: `at-start`, or `never`.
    ///
    /// With `never` it waits until `ledger migrate` has done it.
    #[config(env = "HOLDFAST_LEDGER_MIGRATE", default = "at-start")]
    pub migrate: Migrate,
}

/// When holds expire.
#[derive(Debug, confique::Config)]
pub struct Holds {
    /// Seconds after which a hold that nobody has captured expires; seven days.
    ///
    /// They are counted by a clock of the books' own, which stands still while no ledger runs and while
    /// a gateway has advices that it has not told.
    #[config(env = "HOLDFAST_LEDGER_HOLDS_EXPIRE_AFTER_S", default = 604800)]
    pub expire_after_s: u64,
}

/// When a ledger brings the schema up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Migrate {
    /// Whenever it starts.
    AtStart,
    /// It waits until somebody else has.
    Never,
}

/// The ledger's settings on the command line.
pub const SERVICE: Service = Service {
    name: "ledger",
    file_env: "HOLDFAST_LEDGER_CONFIG",
    flags: &[
        Flag::new("listen", "listen", "ADDRESS"),
        Flag::new("store.database_url", "database-url", "URL")
            .example("postgres://holdfast@127.0.0.1:5432/holdfast"),
        Flag::new(
            "store.database_password_file",
            "database-password-file",
            "FILE",
        )
        .example("/run/secrets/database-password"),
        Flag::new("store.bucket", "bucket", "NUMBER"),
        Flag::new("store.data", "data", "DIRECTORY"),
        Flag::new("store.migrate", "migrate", "WHEN"),
        Flag::new("holds.expire_after_s", "holds-expire-after-s", "SECONDS"),
        Flag::new("log.filter", "log", "FILTER"),
        Flag::new("telemetry.otlp_endpoint", "otlp-endpoint", "URL")
            .example("http://127.0.0.1:4318"),
        Flag::new("telemetry.sample_ratio", "sample-ratio", "RATIO"),
    ],
};
