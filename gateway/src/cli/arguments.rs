//! The command line, and what is refused of what was configured.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, Subcommand};
use fallback::homes::Homes;
use fallback::policy::Policy;
use ledger_api::GatewayId;
use process::healthcheck::Healthcheck;
use process::settings::{ConfigCommand, Loaded, Report, check};
use process::telemetry;

use super::config::Config;
use super::iso::Words;
use super::journal::JournalCommand;
use super::orders::OrdersCommand;
use super::policy::Policies;
use crate::approval::ApprovalKey;
use crate::authorize::Budgets;
use crate::identity::Keys;
use crate::iso::links;
use crate::iso::terms::Terms;
use crate::operator::{NoToken, OperatorToken};
use crate::orders;
use crate::stand_in_on::StandInOn;

/// The longest time that can be configured, in milliseconds: an hour.
const MS_MAX: u64 = 3_600_000;

/// The front door: takes card authorizations over HTTP and ISO 8583, asks the ledger, and stands in
/// when it does not answer.
#[derive(Debug, Parser)]
#[command(name = "gateway", version, after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// What to do; without one, the gateway runs.
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What can be done besides running.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print, explain or check the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Ask a running gateway whether it can answer safely: exit code 0, or 1 and why not.
    Healthcheck(Healthcheck),
    /// Check, compare and try the limits of stand-in: see `gateway policy --help`.
    Policy(Policies),
    /// Describe, write and send ISO 8583 messages: see `gateway iso --help`.
    Iso(Words),
    /// Say, check or write out what a gateway has answered, from its journal's directory.
    #[command(subcommand)]
    Journal(JournalCommand),
    /// Say who decides on a running gateway: list, preview, place and cancel orders; check their audit file.
    #[command(subcommand)]
    Orders(OrdersCommand),
}

const EXAMPLES: &str = "\
Examples:
  gateway --keys keys.txt --homes homes.toml
      on http://127.0.0.1:7401 and 127.0.0.1:7411 for ISO 8583
  gateway config default > gateway.toml
      a file with every setting, to be filled in; then: gateway --config gateway.toml
  gateway --config gateway.toml --name gw2 --http 0.0.0.0:7402 config show
      the values that count, and where each is from
  HOLDFAST_LOG=info,gateway=debug gateway --config gateway.toml
      with a setting from the environment
  gateway healthcheck --url http://127.0.0.1:7401/readyz
  gateway policy check policy.toml --homes homes.toml
      the limits of stand-in in words, and the most that an outage can cost
  gateway iso describe message.bin
      what an ISO 8583 message says, masked
  gateway journal inspect data/gw1/journal
      what a gateway has answered, and what the ledger has not acknowledged
  gateway orders place decline --for-s 600 --author ada --reason 'ticket 4711' --token-file operator.token
      nothing is approved for ten minutes

Flags count before the environment, that before the file, that before defaults.

Exit codes: 0 drained or done, 1 could not start or not healthy, 2 not drained in time or stopped at
once by a second signal, 64 configuration. Those of `gateway iso`, `gateway policy`, `gateway journal`
and `gateway orders` are in their --help.";

/// What has been understood.
pub(super) struct Settings {
    /// This gateway's name.
    pub(super) name: GatewayId,
    /// Where the HTTP door listens.
    pub(super) http: SocketAddr,
    /// The ISO 8583 links.
    pub(super) links: Vec<Terms>,
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
    /// Where they are; `None` for the built-in ones.
    pub(super) policy_path: Option<PathBuf>,
    /// Who approves higher ones.
    pub(super) approval: Option<ApprovalKey>,
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
    /// Where traces go.
    pub(super) telemetry: telemetry::Settings,
    /// How it stops.
    pub(super) drain: Drain,
    /// What stand-in decides for.
    pub(super) stand_in_on: StandInOn,
    /// What operators show; nobody is one without.
    pub(super) operator: Option<OperatorToken>,
    /// What may be ordered.
    pub(super) orders: orders::Terms,
}

/// How a gateway stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drain {
    /// How long it says that it is going before it stops accepting.
    pub(super) notice: Duration,
    /// How long connections and work in flight may take after that.
    pub(super) patience: Duration,
}

type Layer = <Config as confique::Config>::Layer;

/// Reads the files and checks everything; all that is wrong is in the report.
pub(super) fn understand(loaded: Loaded<Config>) -> (Option<Settings>, Report) {
    let Loaded { layer, mut report } = loaded;
    let files = files(&layer, &mut report);
    let links = links(&layer, &mut report);
    let times = times(&layer, &mut report);
    ledger(&layer, &mut report);
    let telemetry = check::telemetry(&layer.telemetry, &mut report);
    check::log(&layer.log, &mut report);
    let config = report.complete::<Config>(layer);
    let (Some(config), Some(files), Some(links), Some((budgets, drain)), Some(telemetry)) =
        (config, files, links, times, telemetry)
    else {
        return (None, report);
    };
    let Files {
        keys,
        homes,
        policy,
        approval,
        operator,
    } = files;
    let settings = Settings {
        name: config.name,
        http: config.doors.http,
        links,
        ledger: config.ledger.url,
        data: config.files.data,
        keys,
        homes,
        policy,
        policy_path: config.files.policy,
        approval,
        log: config.log.filter,
        budgets,
        rate_per_s: config.admission.rate_per_s,
        in_flight_max: config.admission.in_flight_max.get(),
        ledger_in_flight_max: config.ledger.in_flight_max.get(),
        telemetry,
        drain,
        stand_in_on: config.stand_in.on,
        operator,
        orders: orders::Terms {
            seconds_max: config.operators.order_seconds_max.get(),
        },
    };
    (Some(settings), report)
}

/// What is in files.
struct Files {
    keys: Keys,
    homes: Homes,
    policy: Policy,
    approval: Option<ApprovalKey>,
    operator: Option<OperatorToken>,
}

fn files(layer: &Layer, report: &mut Report) -> Option<Files> {
    let token = layer.operators.token_file.as_deref().map(|path| {
        let token = read(path).and_then(|text| text.parse().map_err(|e: NoToken| e.to_string()));
        report.keep("operators.token_file", token)
    });
    let files = &layer.files;
    let keys = files.keys.as_deref().and_then(|path| {
        let keys = read(path).and_then(|text| Keys::parse(&text).map_err(|e| e.to_string()));
        report.keep("files.keys", keys)
    });
    let homes = files.homes.as_deref().and_then(|path| {
        let homes = read(path).and_then(|text| Homes::parse(&text).map_err(|e| e.to_string()));
        report.keep("files.homes", homes)
    });
    let approval = files.policy_approval_key.as_deref().map(|path| {
        let key = read(path).and_then(|text| ApprovalKey::parse(&text).map_err(|e| e.to_string()));
        report.keep("files.policy_approval_key", key)
    });
    let policy = match files.policy.as_deref() {
        Some(path) => read(path),
        None => Ok(Policy::default_text().to_owned()),
    };
    let policy = policy.and_then(|text| Policy::parse(&text).map_err(|e| e.to_string()));
    let policy = report.keep("files.policy", policy);
    if let (Some(policy), Some(homes)) = (&policy, &homes) {
        report.keep("files.policy", policy.fits(homes));
    }
    if let (Some(name), Some(homes)) = (&layer.name, &homes)
        && !homes.contains(name)
    {
        let what = format!("`{name}` is not in the homes file");
        report.refuse("name", what, "add it there first");
    }
    let approval = match approval {
        Some(key) => Some(key?),
        None => None,
    };
    let operator = match token {
        Some(token) => Some(token?),
        None => None,
    };
    Some(Files {
        keys: keys?,
        homes: homes?,
        policy: policy?,
        approval,
        operator,
    })
}

/// The links of a file, or the one that there is without.
fn links(layer: &Layer, report: &mut Report) -> Option<Vec<Terms>> {
    let (http, iso) = (layer.doors.http?, layer.doors.iso?);
    let Some(path) = layer.files.links.as_deref() else {
        return Some(vec![Terms::new("iso", iso)]);
    };
    let text = report.keep("files.links", read(path))?;
    match links::parse(&text, iso, http) {
        Ok(links) => Some(links),
        Err(faults) => {
            for fault in faults {
                report.refuse("files.links", &fault, &fault.cure);
            }
            None
        }
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))
}

/// Budgets that nest, and a drain that outlasts them.
fn times(layer: &Layer, report: &mut Report) -> Option<(Budgets, Drain)> {
    let mut millis = |key: &str, value: Option<u64>| {
        let value = value?;
        if value > MS_MAX {
            let what = format!("{value} ms is longer than an hour");
            report.refuse(key, what, "the unit is milliseconds");
            return None;
        }
        Some(Duration::from_millis(value))
    };
    let total = millis("budget.total_ms", layer.budget.total_ms);
    let stand_in = millis("budget.stand_in_ms", layer.budget.stand_in_ms);
    let cutoff = millis("ledger.cutoff_ms", layer.ledger.cutoff_ms);
    let notice = millis("drain.notice_ms", layer.drain.notice_ms);
    let patience = millis("drain.patience_ms", layer.drain.patience_ms);
    if let (Some(total), Some(patience)) = (total, patience)
        && patience <= total
    {
        let what = format!("{patience:?} is not longer than the budget of a request, {total:?}");
        let cure = "raise it, so that what is in flight gets its answer, or lower budget.total_ms";
        report.refuse("drain.patience_ms", what, cure);
    }
    let budgets = Budgets::new(total?, cutoff?, stand_in?);
    let budgets = report.keep("ledger.cutoff_ms", budgets)?;
    let drain = Drain {
        notice: notice?,
        patience: patience?,
    };
    Some((budgets, drain))
}

fn ledger(layer: &Layer, report: &mut Report) {
    let Some(url) = &layer.ledger.url else {
        return;
    };
    let parsed = url.parse::<reqwest::Url>();
    if !parsed.is_ok_and(|url| url.scheme() == "http" && url.has_host()) {
        let what = "it must be a URL that begins with http://";
        report.refuse("ledger.url", what, "such as http://127.0.0.1:7400");
    }
}
