//! The whole house, running: ledger ← fault proxy ← gateways.
//!
//! ```text
//! stack.http(0) ──► gateway gw1 ─┐
//! stack.iso(1)  ──► gateway gw2 ─┴─► fault proxy ──► ledger ──► embedded store | PostgreSQL
//! ```
//!
//! A test reads: seed a card, pay, break something, pay, `finish`. Everything a client was told goes
//! into the notebook, and [`Stack::finish`] heals, drains and audits: no test passes with books that
//! do not balance.
//!
//! What it runs on is a [`Machinery`]: [`Stack::start`] starts real processes on loopback, and
//! [`Stack::assemble`] takes parts that somebody else has started.

mod attached;
pub mod compose;
mod directory;
mod evidence;
mod faults;
mod layout;
mod machinery;
mod processes;
mod start;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use fallback::Policy;
use fallback::homes::Homes;
use gateway::identity::Keys;
use ledger_api::{AuthorizationId, CardToken};

use crate::gateway_node::{GatewayNode, Status};
use crate::http_client::HttpClient;
use crate::iso_client::IsoClient;
use crate::ledger_client::LedgerClient;
use crate::notebook::Notebook;
use crate::payment::{Card, NewCard, Payment};
use crate::postgres::Postgres;
use crate::process::Program;
use crate::waiting::wait_until;

pub use attached::Attached;
pub use compose::ComposeConfig;
pub use directory::Directory;
pub use layout::Layout;
pub use machinery::{Cannot, Doing, Ended, Machinery, Node, Process};
pub use processes::Processes;

/// Where the ledger keeps its books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Store {
    /// In a file of its own; needs nothing installed.
    #[default]
    Embedded,
    /// In a private PostgreSQL, started for this stack.
    Postgres,
}

impl FromStr for Store {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => Ok(Self::Embedded),
            "postgres" => Ok(Self::Postgres),
            other => Err(format!(
                "`{other}` is no store; write `embedded` or `postgres`"
            )),
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Postgres => "postgres",
        })
    }
}

/// What to start.
#[derive(Debug, Clone)]
pub struct StackConfig {
    /// How nodes are started.
    pub program: Program,
    /// Where the ledger keeps its books.
    pub store: Store,
    /// A database that somebody else has started; counts instead of `store`.
    pub database_url: Option<String>,
    /// How many gateways, named gw1, gw2, …
    pub gateways: usize,
    /// Where journals, logs and the embedded store go; a temporary directory where `None`, which is
    /// kept only when something failed.
    pub directory: Option<PathBuf>,
    /// Seeds the fault proxy's chances.
    pub seed: u64,
    /// A stand-in policy as TOML; [`one_till`] where `None`.
    pub policy: Option<String>,
    /// The processes' log filter.
    pub log: String,
    /// More arguments for every gateway, as `["--rate-per-s", "1"]`.
    pub gateway_args: Vec<String>,
    /// More arguments for the ledger.
    pub ledger_args: Vec<String>,
}

/// The policy that ships, for tests whose payments all come from one till: without its limits on how much
/// is sold in one place.
pub fn one_till() -> String {
    let mut skipped = false;
    let lines = Policy::default_text().lines().filter(|line| {
        if line.starts_with('[') {
            skipped = line.starts_with("[velocity.");
        }
        !skipped
    });
    lines.fold(String::new(), |text, line| text + line + "\n")
}

impl StackConfig {
    /// Two gateways and a ledger on the embedded store.
    pub fn new(program: Program) -> Self {
        Self {
            program,
            store: Store::Embedded,
            database_url: None,
            gateways: 2,
            directory: None,
            seed: 1,
            policy: None,
            log: "info".into(),
            gateway_args: Vec::new(),
            ledger_args: Vec::new(),
        }
    }
}

/// A running stack; everything that it started ends when it is dropped.
pub struct Stack {
    // Dropped first, the directory after it.
    machinery: Box<dyn Machinery>,
    directory: Directory,
    keys_file: PathBuf,
    keys: Arc<Keys>,
    homes: Homes,
    store_line: String,
    ledger: LedgerClient,
    control_url: String,
    control: reqwest::Client,
    gateways: Vec<GatewayNode>,
    notebook: Notebook,
    cards: StdMutex<Vec<Card>>,
    names: StdMutex<Vec<String>>,
    payments: AtomicU64,
    /// A gateway's peak counts since its start: what it was before a kill.
    peaks: Vec<AtomicI64>,
}

impl Stack {
    /// Where everything is.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Who acts on the parts of the stack.
    pub fn machinery(&self) -> &dyn Machinery {
        &*self.machinery
    }

    /// True where the stack has this part, and orders to it may be given.
    pub fn has(&self, node: Node) -> bool {
        self.machinery.nodes().contains(&node)
    }

    /// Everything as it is now; empty where nobody can tell.
    pub async fn processes(&self) -> Vec<Process> {
        self.machinery.list().await.unwrap_or_default()
    }

    /// Where a gateway has its journal (`journal`) and its local copy (`copy`). Of a container this is
    /// a copy, made when logs are saved: to change it has no effect.
    pub fn gateway_data(&self, gateway: usize) -> PathBuf {
        self.directory().join(self.gateway(gateway).name.as_str())
    }

    /// Where a ledger that is a process has the embedded store.
    pub fn ledger_data(&self) -> PathBuf {
        self.directory().join("ledger")
    }

    /// What a gateway has logged so far, over all its restarts; of a container, until logs were saved
    /// the last time.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn gateway_log(&self, gateway: usize) -> anyhow::Result<String> {
        let path = self.gateway_data(gateway).with_extension("log");
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Keeps the directory after the stack is gone.
    pub fn keep(&self) {
        self.directory.keep();
    }

    /// `embedded`, or `postgres` and its version, as the ledger says.
    pub fn store_line(&self) -> &str {
        &self.store_line
    }

    /// The ledger, not through the fault proxy; the first where there are several.
    pub fn ledger_url(&self) -> &str {
        self.ledger_urls().first().map_or("", String::as_str)
    }

    /// All ledgers, not through the fault proxy.
    pub fn ledger_urls(&self) -> &[String] {
        self.ledger.urls()
    }

    /// Where the fault proxy takes orders: `PUT {control_url}/mode`; empty where there is none.
    pub fn control_url(&self) -> &str {
        &self.control_url
    }

    /// A client of the ledger, not through the fault proxy; it asks any that answers.
    pub fn ledger(&self) -> &LedgerClient {
        &self.ledger
    }

    /// The private PostgreSQL, where there is one.
    pub fn postgres(&self) -> Option<&Postgres> {
        self.machinery.processes()?.postgres()
    }

    /// The gateways.
    pub fn gateways(&self) -> &[GatewayNode] {
        &self.gateways
    }

    /// The gateway with this index; the last one where there are fewer.
    pub fn gateway(&self, index: usize) -> &GatewayNode {
        &self.gateways[index.min(self.gateways.len() - 1)]
    }

    /// The key file that all gateways share.
    pub fn keys_file(&self) -> &Path {
        &self.keys_file
    }

    /// The keys in it.
    pub fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// The fleet.
    pub fn homes(&self) -> &Homes {
        &self.homes
    }

    /// The index of the gateway that may stand in for a card with its full limits.
    pub fn home_of(&self, card: &CardToken) -> usize {
        let home = self.homes.home(card);
        self.gateways
            .iter()
            .position(|gateway| gateway.name == *home)
            .unwrap_or_default()
    }

    /// Any gateway but the card's home.
    pub fn other_than_home(&self, card: &CardToken) -> usize {
        (self.home_of(card) + 1) % self.gateways.len()
    }

    /// What the clients were told.
    pub fn notebook(&self) -> &Notebook {
        &self.notebook
    }

    /// A client of a gateway's HTTP door.
    ///
    /// # Errors
    /// Where it cannot be built.
    pub fn http(&self, gateway: usize) -> anyhow::Result<HttpClient> {
        let url = &self.gateway(gateway).http;
        HttpClient::new(gateway, url, self.notebook.clone(), Arc::clone(&self.keys))
    }

    /// A client of a gateway's ISO 8583 door.
    ///
    /// # Errors
    /// Where the gateway is down.
    pub async fn iso(&self, gateway: usize) -> anyhow::Result<IsoClient> {
        IsoClient::connect(
            gateway,
            self.gateway(gateway).iso_name(),
            self.notebook.clone(),
            Arc::clone(&self.keys),
        )
        .await
    }

    /// The next payment of this stack, with references of its own.
    pub fn payment(&self, card: &Card, amount_minor: i64) -> Payment {
        Payment::numbered(
            self.payments.fetch_add(1, Ordering::Relaxed),
            card,
            amount_minor,
        )
    }

    /// The id that a payment must have.
    pub fn id_of(&self, payment: &Payment) -> AuthorizationId {
        payment.id(&self.keys)
    }

    /// An open card with so much money; the same name is the same card.
    ///
    /// # Errors
    /// As for [`Stack::seed`].
    pub async fn card(&self, name: &str, opening_minor: i64) -> anyhow::Result<Card> {
        let number = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            match names.iter().position(|known| known == name) {
                Some(known) => return self.seeded(known + 1),
                None => names.push(name.to_owned()),
            }
            names.len()
        };
        let new = NewCard::nth(u64::try_from(number)?, opening_minor);
        self.seed(&[new]).await?;
        self.seeded(number)
    }

    /// Like [`Stack::card`], with the gateway of this index as home.
    ///
    /// # Errors
    /// As for [`Stack::seed`].
    pub async fn card_at(&self, home: usize, opening_minor: i64) -> anyhow::Result<Card> {
        for attempt in 0..64 {
            let card = self
                .card(&format!("home {home}, {attempt}"), opening_minor)
                .await?;
            if self.home_of(&card.token) == home {
                return Ok(card);
            }
        }
        bail!("none of 64 cards has gateway {home} as home")
    }

    /// The status of a gateway.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn status(&self, gateway: usize) -> anyhow::Result<Status> {
        self.gateway(gateway).status().await
    }

    /// Waits until the local copy of every gateway includes all that the ledger has now.
    ///
    /// # Errors
    /// Where that takes longer than `deadline`.
    pub async fn known(&self, deadline: Duration) -> anyhow::Result<()> {
        let mark = self.ledger.books().await?.mark;
        for gateway in &self.gateways {
            let caught_up = || async {
                gateway.status().await.is_ok_and(|status| {
                    let knowledge = &status.knowledge;
                    knowledge.epoch == mark.epoch && knowledge.position >= mark.position
                })
            };
            let what = format!("{} knows what the ledger had at {mark:?}", gateway.name);
            wait_until(&what, deadline, caught_up).await?;
        }
        Ok(())
    }

    /// Waits until no gateway has anything left to tell the ledger, and tells how long that took.
    ///
    /// # Errors
    /// Where that takes longer than `deadline`.
    pub async fn drained(&self, deadline: Duration) -> anyhow::Result<Duration> {
        let empty = || async {
            for gateway in &self.gateways {
                if !gateway
                    .status()
                    .await
                    .is_ok_and(|status| status.backlog == 0)
                {
                    return false;
                }
            }
            true
        };
        wait_until("every gateway's backlog is empty", deadline, empty).await
    }

    fn seeded(&self, account: usize) -> anyhow::Result<Card> {
        let cards = self.cards.lock().unwrap_or_else(PoisonError::into_inner);
        let account = u64::try_from(account)?;
        let card = cards.iter().find(|card| card.account.0 == account);
        card.cloned()
            .context("the card is being seeded by another task")
    }
}
