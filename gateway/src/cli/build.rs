//! Putting a gateway together.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, bail};
use fallback::copy::LocalCopy;
use fallback::disk::RealDisk;
use fallback::journal::Journal;
use fallback::{Setup, StandIn};
use ledger_api::AuthorizationId;
use process::telemetry::Telemetry;
use tokio_util::task::TaskTracker;

use super::arguments::Settings;
use crate::authorize::{Gateway, Parts, now};
use crate::door::Door;
use crate::identity::Keys;
use crate::keys_in_flight::KeysInFlight;
use crate::lanes::Lanes;
use crate::ledger_client::batches::Batches;
use crate::ledger_client::breaker::{Breaker, Config};
use crate::ledger_client::wire::Wire;
use crate::metrics::Metrics;
use crate::operator::OperatorToken;
use crate::orders::{Desk, Moment};
use crate::policy_file::{PolicyFile, Reloads};
use crate::shadow::Shadow;
use crate::stack;
use crate::verification::Upstream;

/// A gateway and what its doors and background tasks need.
pub(super) struct Built {
    /// The use case.
    pub(super) gateway: Gateway,
    /// Makes tokens and ids.
    pub(super) keys: Arc<Keys>,
    /// What operators show.
    pub(super) operator: Option<OperatorToken>,
    /// What is let in.
    pub(super) door: Door,
    /// The feed's own connections.
    pub(super) feed: Wire,
    /// Replay's own connections.
    pub(super) replay: Wire,
}

/// Opens journal and local copy, recovers, and stacks the ledger client.
pub(super) fn parts(settings: &Settings) -> anyhow::Result<Built> {
    let stand_in = stand_in(settings)?;
    let no_client = "the HTTP client could not be made";
    let live = Wire::new(&settings.ledger).context(no_client)?;
    let feed = live.another_pool().context(no_client)?;
    let replay = live.another_pool().context(no_client)?;
    let breaker = Arc::new(Breaker::new(Config::default()));
    let instance = settings.name.to_string();
    let telemetry = Telemetry::start(&settings.telemetry, "holdfast-gateway", instance)?;
    let batches = Batches::start(settings.name.clone(), live);
    // An exemplar leads to a trace; without traces, to an answer by its id.
    let traced = telemetry.clone();
    let exemplar = move |id: &AuthorizationId| !traced.is_on() || traced.sampled(&id.0);
    let metrics = Metrics::new(Box::new(exemplar));
    let keys = Arc::new(settings.keys.clone());
    // After the journal, which keeps every other process out of the directory.
    let orders = Desk::open(
        &settings.data,
        Arc::clone(&keys),
        settings.orders,
        Moment::now(),
    );
    let gateway = Gateway::new(Parts {
        name: settings.name.clone(),
        stand_in,
        ledger: stack::ledger(
            Arc::clone(&breaker),
            settings.ledger_in_flight_max,
            batches,
            metrics.asks(),
        ),
        breaker,
        budgets: settings.budgets,
        work: TaskTracker::new(),
        lanes: Lanes::default(),
        shadow: Shadow::default(),
        keys_in_flight: KeysInFlight::default(),
        duplicates: AtomicU64::new(0),
        metrics,
        telemetry,
        verifier: Arc::new(Upstream),
        policy: PolicyFile {
            path: settings.policy_path.clone(),
            homes: settings.homes.clone(),
            approval: settings.approval.clone(),
            reloads: Reloads::default(),
        },
        orders,
        stand_in_on: settings.stand_in_on,
    });
    Ok(Built {
        gateway,
        keys,
        operator: settings.operator.clone(),
        door: Door::new(settings.rate_per_s, settings.in_flight_max),
        feed,
        replay,
    })
}

fn stand_in(settings: &Settings) -> anyhow::Result<StandIn> {
    let boot_id = process::clock::boot_id();
    let disk = RealDisk::open(&settings.data.join("journal"))?;
    same_keys(settings)?;
    let (journal, records) = Journal::open(Arc::new(disk), &settings.name, journal_epoch())?;
    let copy = LocalCopy::open(&settings.data.join("copy"), boot_id, now())?;
    let setup = Setup {
        gateway: settings.name.clone(),
        homes: settings.homes.clone(),
        policy: settings.policy.clone(),
        journal,
        records,
        copy,
        boot_id,
    };
    Ok(StandIn::open(setup, now())?)
}

/// Other keys make other ids of the same payments: repeats of what is in the journal would be new
/// payments, and money would be held twice (rule 1).
fn same_keys(settings: &Settings) -> anyhow::Result<()> {
    let path = settings.data.join("keys.fingerprint");
    let ours = settings.keys.fingerprint_of_keys();
    let known = match std::fs::read_to_string(&path) {
        Ok(known) => known,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    match known.trim() {
        // A power cut may leave an empty file where none was finished.
        "" => {
            write_durably(&path, &ours).with_context(|| format!("cannot write {}", path.display()))
        }
        known if known == ours => Ok(()),
        _ => bail!(
            "the journal in {} was written under other keys; start with the key file that it was \
             written under: what it has not told the ledger yet can be told under no other",
            settings.data.display()
        ),
    }
}

/// The whole text or nothing, whatever happens.
fn write_durably(path: &Path, text: &str) -> std::io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = File::create(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// An epoch that a journal made at another time does not have.
fn journal_epoch() -> u64 {
    let boot = process::clock::boot_id();
    let millis = process::clock::boot_now().0;
    (boot as u64) ^ ((boot >> 64) as u64) ^ process::clock::wall_seconds().rotate_left(32) ^ millis
}
