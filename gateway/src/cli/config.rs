//! Every setting: key, type, default, environment variable, flag and meaning.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use ledger_api::GatewayId;
use process::settings::{Flag, Log, Service, Telemetry};

use crate::stand_in_on::StandInOn;

/// The configuration of a gateway.
///
/// What counts is, in this order: the flag, the environment variable, this file, the default. A key
/// that is not known is refused. Paths are relative to where the gateway is started.
#[derive(Debug, confique::Config)]
pub struct Config {
    /// This gateway's name, as in the homes file.
    #[config(env = "HOLDFAST_GATEWAY_NAME", default = "gw1")]
    pub name: GatewayId,

    /// Where card payments come in.
    #[config(nested)]
    pub doors: Doors,

    /// What decides while it answers.
    #[config(nested)]
    pub ledger: Ledger,

    /// How long things may take. The cut-off and the slice of stand-in must fit into the total.
    #[config(nested)]
    pub budget: Budget,

    /// When stand-in decides.
    #[config(nested)]
    pub stand_in: StandIn,

    /// What people may order while the gateway runs.
    #[config(nested)]
    pub operators: Operators,

    /// What is let in.
    #[config(nested)]
    pub admission: Admission,

    /// What is on disk.
    #[config(nested)]
    pub files: Files,

    /// What is logged, on stderr.
    #[config(nested)]
    pub log: Log,

    /// Traces of authorizations.
    #[config(nested)]
    pub telemetry: Telemetry,

    /// How the gateway stops when it is asked to.
    #[config(nested)]
    pub drain: DrainTimes,
}

/// Where card payments come in.
#[derive(Debug, confique::Config)]
pub struct Doors {
    /// Where the HTTP door listens.
    #[config(env = "HOLDFAST_GATEWAY_HTTP", default = "127.0.0.1:7401")]
    pub http: SocketAddr,

    /// Where the ISO 8583 door listens, unless `files.links` says so for each link.
    #[config(env = "HOLDFAST_GATEWAY_ISO", default = "127.0.0.1:7411")]
    pub iso: SocketAddr,
}

/// What decides while it answers.
#[derive(Debug, confique::Config)]
pub struct Ledger {
    /// The ledger's base URL.
    #[config(env = "HOLDFAST_LEDGER_URL", default = "http://127.0.0.1:7400")]
    pub url: String,

    /// How long the ledger is waited for, in milliseconds.
    ///
    /// After that stand-in decides, and a late answer of the ledger changes nothing.
    #[config(env = "HOLDFAST_LEDGER_CUTOFF_MS", default = 800)]
    pub cutoff_ms: u64,

    /// Authorizations on their way to the ledger at once; more go to stand-in.
    #[config(env = "HOLDFAST_LEDGER_IN_FLIGHT_MAX", default = 1024)]
    pub in_flight_max: NonZeroUsize,
}

/// When stand-in decides.
#[derive(Debug, confique::Config)]
pub struct StandIn {
    /// For what stand-in decides: `none`, or some of `timeout`, `unreachable`, `error`, `tripped` and
    /// `bulkhead`, with commas between them.
    ///
    /// What is left out is declined with 91 when it happens.
    #[config(
        env = "HOLDFAST_STAND_IN_ON",
        default = "timeout,unreachable,error,tripped,bulkhead"
    )]
    pub on: StandInOn,
}

/// What people may order while the gateway runs.
#[derive(Debug, confique::Config)]
pub struct Operators {
    /// The token that operators show, at least 16 characters on one line; nobody can order anything
    /// without one.
    ///
    /// Only the gateway and operators should be able to read the file.
    #[config(env = "HOLDFAST_OPERATOR_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,

    /// The longest time of an order, in seconds. It ends by itself after the time that it was given.
    #[config(env = "HOLDFAST_ORDER_SECONDS_MAX", default = 14400)]
    pub order_seconds_max: NonZeroU64,
}

/// How long things may take.
#[derive(Debug, confique::Config)]
pub struct Budget {
    /// From the first byte of a request to its answer, in milliseconds.
    ///
    /// Keep it below the time that the card network waits.
    #[config(env = "HOLDFAST_BUDGET_MS", default = 1500)]
    pub total_ms: u64,

    /// What is kept for stand-in after the cut-off, in milliseconds.
    #[config(env = "HOLDFAST_STAND_IN_MS", default = 50)]
    pub stand_in_ms: u64,
}

/// What is let in.
#[derive(Debug, confique::Config)]
pub struct Admission {
    /// Requests per second that are let in, over both doors; more are shed.
    #[config(env = "HOLDFAST_RATE_PER_S", default = 20000)]
    pub rate_per_s: NonZeroU32,

    /// Requests in flight that are let in, over both doors; more are shed.
    #[config(env = "HOLDFAST_IN_FLIGHT_MAX", default = 4096)]
    pub in_flight_max: NonZeroUsize,
}

/// What is on disk.
#[derive(Debug, confique::Config)]
pub struct Files {
    /// Where the journal and the local copy are kept. Nothing can rebuild the journal.
    #[config(env = "HOLDFAST_GATEWAY_DATA", default = "./var/gateway")]
    pub data: PathBuf,

    /// The keys of card tokens and ids: `card <64 hex>` and `id <64 hex>` on two lines.
    ///
    /// Every gateway of a fleet has the same. Only the gateway should be able to read the file.
    #[config(env = "HOLDFAST_KEYS_FILE")]
    pub keys: PathBuf,

    /// Which gateways there are, and so which one is the home of a card (TOML).
    ///
    /// Every gateway of a fleet has the same.
    #[config(env = "HOLDFAST_HOMES_FILE")]
    pub homes: PathBuf,

    /// The limits of stand-in (TOML); the built-in policy where there is none.
    ///
    /// The file is read again at SIGHUP; one that cannot be used keeps what is in force.
    #[config(env = "HOLDFAST_POLICY_FILE")]
    pub policy: Option<PathBuf>,

    /// The key of whoever approves a policy that can lose more: `approval <64 hex>` on one line.
    ///
    /// Without one, no policy that is read while the gateway runs can raise the worst case.
    #[config(env = "HOLDFAST_POLICY_APPROVAL_KEY_FILE")]
    pub policy_approval_key: Option<PathBuf>,

    /// The ISO 8583 links (TOML); one named `iso` at `doors.iso` where there is none.
    ///
    /// gateway/links.toml has every key of such a file, its meaning and its default.
    #[config(env = "HOLDFAST_LINKS_FILE")]
    pub links: Option<PathBuf>,
}

/// How the gateway stops.
#[derive(Debug, confique::Config)]
pub struct DrainTimes {
    /// How long the gateway says that it is going before it stops accepting, in milliseconds.
    ///
    /// Whoever sends it requests should look at /readyz more often than that.
    #[config(env = "HOLDFAST_DRAIN_NOTICE_MS", default = 1000)]
    pub notice_ms: u64,

    /// How long connections and work in flight may take after that, in milliseconds.
    ///
    /// Longer than the budget, so that every request in flight gets its answer.
    #[config(env = "HOLDFAST_DRAIN_PATIENCE_MS", default = 5000)]
    pub patience_ms: u64,
}

/// The gateway's settings on the command line.
pub const SERVICE: Service = Service {
    name: "gateway",
    file_env: "HOLDFAST_GATEWAY_CONFIG",
    flags: &[
        Flag::new("name", "name", "NAME").example("gw1"),
        Flag::new("doors.http", "http", "ADDRESS"),
        Flag::new("doors.iso", "iso", "ADDRESS"),
        Flag::new("ledger.url", "ledger", "URL"),
        Flag::new("ledger.cutoff_ms", "ledger-cutoff-ms", "MS"),
        Flag::new("ledger.in_flight_max", "ledger-in-flight-max", "COUNT"),
        Flag::new("budget.total_ms", "budget-ms", "MS"),
        Flag::new("budget.stand_in_ms", "stand-in-ms", "MS"),
        Flag::new("stand_in.on", "stand-in-on", "CAUSES"),
        Flag::new("operators.token_file", "operator-token-file", "FILE").example("operator.token"),
        Flag::new(
            "operators.order_seconds_max",
            "order-seconds-max",
            "SECONDS",
        ),
        Flag::new("admission.rate_per_s", "rate-per-s", "COUNT"),
        Flag::new("admission.in_flight_max", "in-flight-max", "COUNT"),
        Flag::new("files.data", "data", "DIRECTORY"),
        Flag::new("files.keys", "keys", "FILE").example("keys.txt"),
        Flag::new("files.homes", "homes", "FILE").example("homes.toml"),
        Flag::new("files.policy", "policy", "FILE").example("policy.toml"),
        Flag::new("files.policy_approval_key", "policy-approval-key", "FILE")
            .example("approval.txt"),
        Flag::new("files.links", "links", "FILE").example("links.toml"),
        Flag::new("log.filter", "log", "FILTER"),
        Flag::new("telemetry.otlp_endpoint", "otlp-endpoint", "URL")
            .example("http://127.0.0.1:4318"),
        Flag::new("telemetry.sample_ratio", "sample-ratio", "RATIO"),
        Flag::new("drain.notice_ms", "drain-notice-ms", "MS"),
        Flag::new("drain.patience_ms", "drain-patience-ms", "MS"),
    ],
};
