//! What can be configured, where it comes from, and what is refused.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use fallback::homes::Homes;
use fallback::policy::Policy;
use ledger_api::GatewayId;

use crate::authorize::Budgets;
use crate::identity::Keys;

/// The front door: takes card authorizations over HTTP and ISO 8583, asks the ledger, and stands in
/// when it does not answer.
#[derive(Debug, Parser)]
#[command(name = "gateway", version, after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// This gateway's name, as in the homes file.
    #[arg(long, env = "HOLDFAST_GATEWAY_NAME", default_value = "gw1")]
    name: String,
    /// Where the HTTP door listens.
    #[arg(long, env = "HOLDFAST_GATEWAY_HTTP", default_value = "127.0.0.1:7401")]
    http: SocketAddr,
    /// Where the ISO 8583 door listens.
    #[arg(long, env = "HOLDFAST_GATEWAY_ISO", default_value = "127.0.0.1:7411")]
    iso: SocketAddr,
    /// The ledger.
    #[arg(
        long,
        env = "HOLDFAST_LEDGER_URL",
        default_value = "http://127.0.0.1:7400"
    )]
    ledger: String,
    /// Where the journal and the local copy are kept.
    #[arg(long, env = "HOLDFAST_GATEWAY_DATA", default_value = "./var/gateway")]
    data: PathBuf,
    /// The keys of card tokens and ids: `card <64 hex>` and `id <64 hex>` on two lines.
    #[arg(long, env = "HOLDFAST_KEYS_FILE")]
    keys: PathBuf,
    /// Which gateways there are, and so which one is the home of a card (TOML).
    #[arg(long, env = "HOLDFAST_HOMES_FILE")]
    homes: PathBuf,
    /// The limits of stand-in (TOML); the built-in policy where there is none.
    #[arg(long, env = "HOLDFAST_POLICY_FILE")]
    policy: Option<PathBuf>,
    /// What is logged, as `info` or `info,gateway=debug`.
    #[arg(long, env = "HOLDFAST_LOG", default_value = "info")]
    log: String,
    /// From the first byte of a request to its answer, in milliseconds.
    #[arg(long, env = "HOLDFAST_BUDGET_MS", default_value_t = 1_500)]
    budget_ms: u64,
    /// How long the ledger is waited for, in milliseconds.
    #[arg(long, env = "HOLDFAST_LEDGER_CUTOFF_MS", default_value_t = 800)]
    ledger_cutoff_ms: u64,
    /// What is kept for stand-in after the cut-off, in milliseconds.
    #[arg(long, env = "HOLDFAST_STAND_IN_MS", default_value_t = 50)]
    stand_in_ms: u64,
    /// Requests per second that are let in, over both doors; more are shed.
    #[arg(long, env = "HOLDFAST_RATE_PER_S", default_value = "20000")]
    rate_per_s: NonZeroU32,
    /// Requests in flight that are let in, over both doors.
    #[arg(long, env = "HOLDFAST_IN_FLIGHT_MAX", default_value_t = 4_096)]
    in_flight_max: usize,
    /// Authorizations on their way to the ledger at once; more go to stand-in.
    #[arg(long, env = "HOLDFAST_LEDGER_IN_FLIGHT_MAX", default_value_t = 1_024)]
    ledger_in_flight_max: usize,
    /// How long a gateway that was asked to stop is not ready and still takes requests, so that load
    /// balancers and processors move elsewhere, in milliseconds.
    #[arg(long, env = "HOLDFAST_DRAIN_NOTICE_MS", default_value_t = 1_000)]
    drain_notice_ms: u64,
    /// How long peers that go on sending are still served after that, in milliseconds.
    #[arg(long, env = "HOLDFAST_DRAIN_PATIENCE_MS", default_value_t = 5_000)]
    drain_patience_ms: u64,
}

const EXAMPLES: &str = "\
Examples:
  gateway --keys keys.txt --homes homes.toml
  gateway --name gw2 --http 0.0.0.0:7401 --ledger http://ledger:7400 --keys keys.txt --homes homes.toml
  HOLDFAST_LOG=info,gateway=debug gateway --keys keys.txt --homes homes.toml

Exit codes: 0 drained, 1 could not start, 2 not drained in time or stopped at once by a second
signal, 64 configuration.";

/// Arguments that have been understood.
pub(super) struct Settings {
    /// This gateway's name.
    pub(super) name: GatewayId,
    /// Where the HTTP door listens.
    pub(super) http: SocketAddr,
    /// Where the ISO 8583 door listens.
    pub(super) iso: SocketAddr,
    /// The ledger's base URL.
    pub(super) ledger: String,
    /// Where the journal and the local copy are kept.
    pub(super) data: PathBuf,
    /// Makes tokens and ids.
    pub(super) keys: Keys,
    /// Which gateway is whose home.
    pub(super) homes: Homes,
    /// The limits.
    pub(super) policy: Policy,
    /// The log filter.
    pub(super) log: String,
    /// Time.
    pub(super) budgets: Budgets,
    /// Requests per second.
    pub(super) rate_per_s: NonZeroU32,
    /// Requests in flight.
    pub(super) in_flight_max: usize,
    /// Authorizations on their way to the ledger.
    pub(super) ledger_in_flight_max: usize,
    /// How it ends.
    pub(super) drain: Drain,
}

/// How long a drain may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drain {
    /// Not ready, and still taking requests.
    pub(super) notice: Duration,
    /// Serving peers that go on sending after that.
    pub(super) patience: Duration,
}

impl Arguments {
    /// Reads the files and checks everything; all that is wrong is told at once.
    pub(super) fn parse(self) -> Result<Settings, Vec<String>> {
        let mut errors = Vec::new();
        let name = keep(
            self.name
                .parse::<GatewayId>()
                .map_err(|e| format!("--name: {e}")),
            &mut errors,
        );
        let keys = keep(
            read(&self.keys, "--keys")
                .and_then(|text| Keys::parse(&text).map_err(|e| format!("--keys: {e}"))),
            &mut errors,
        );
        let homes = keep(
            read(&self.homes, "--homes")
                .and_then(|text| Homes::parse(&text).map_err(|e| format!("--homes: {e}"))),
            &mut errors,
        );
        let policy_text = match &self.policy {
            Some(path) => read(path, "--policy"),
            None => Ok(Policy::default_text().to_owned()),
        };
        let policy = keep(
            policy_text.and_then(|text| Policy::parse(&text).map_err(|e| format!("--policy: {e}"))),
            &mut errors,
        );
        let budgets = keep(
            Budgets::new(
                Duration::from_millis(self.budget_ms),
                Duration::from_millis(self.ledger_cutoff_ms),
                Duration::from_millis(self.stand_in_ms),
            )
            .map_err(|e| e.to_string()),
            &mut errors,
        );
        if !self
            .ledger
            .parse::<reqwest::Url>()
            .is_ok_and(|url| url.scheme() == "http" && url.has_host())
        {
            errors.push("--ledger: must be a URL such as http://127.0.0.1:7400".to_owned());
        }
        if let (Some(name), Some(homes)) = (&name, &homes)
            && !homes.contains(name)
        {
            errors.push(format!(
                "--name: `{name}` is not in the homes file; add it there first"
            ));
        }
        let (Some(name), Some(keys), Some(homes), Some(policy), Some(budgets), []) =
            (name, keys, homes, policy, budgets, errors.as_slice())
        else {
            return Err(errors);
        };
        Ok(Settings {
            name,
            http: self.http,
            iso: self.iso,
            ledger: self.ledger,
            data: self.data,
            keys,
            homes,
            policy,
            log: self.log,
            budgets,
            rate_per_s: self.rate_per_s,
            in_flight_max: self.in_flight_max,
            ledger_in_flight_max: self.ledger_in_flight_max,
            drain: Drain {
                notice: Duration::from_millis(self.drain_notice_ms),
                patience: Duration::from_millis(self.drain_patience_ms),
            },
        })
    }
}

fn keep<T>(result: Result<T, String>, errors: &mut Vec<String>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

fn read(path: &PathBuf, flag: &str) -> Result<String, String> {
    std::fs::read_to_string(path)
        .map_err(|e| format!("{flag}: {} cannot be read: {e}", path.display()))
}
