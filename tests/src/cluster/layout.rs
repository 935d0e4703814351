use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use fallback::homes::Homes;
use gateway::identity::Keys;

use super::{Directory, Machinery, Stack};
use crate::gateway_node::GatewayNode;
use crate::ledger_client::LedgerClient;
use crate::notebook::Notebook;

/// Where the parts of a running stack are reached, and what they share.
#[derive(Debug)]
pub struct Layout {
    /// The doors of the gateways, by index; their names are those of the homes file.
    pub gateways: Vec<GatewayNode>,
    /// The ledgers, by index, as `http://…`; not through the fault proxy.
    pub ledgers: Vec<String>,
    /// Where the fault proxy takes orders, as `http://…`; `None` where there is none.
    pub control: Option<String>,
    /// The key file that all gateways have.
    pub keys_file: PathBuf,
    /// The homes file that all gateways have.
    pub homes_file: PathBuf,
    /// `embedded`, or `postgres` and its version.
    pub store_line: String,
    /// Where logs are.
    pub directory: Directory,
}

impl Stack {
    /// A stack of parts that run already, and of whoever can act on them.
    ///
    /// # Errors
    /// Where keys or homes cannot be read, or a gateway is not among the homes.
    pub fn assemble(machinery: Box<dyn Machinery>, layout: Layout) -> anyhow::Result<Self> {
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let keys = Keys::parse(&read(&layout.keys_file)?)
            .map_err(|error| anyhow!("{}: {error}", layout.keys_file.display()))?;
        let homes = Homes::parse(&read(&layout.homes_file)?)
            .with_context(|| layout.homes_file.display().to_string())?;
        ensure!(!layout.gateways.is_empty(), "a stack needs a gateway");
        for gateway in &layout.gateways {
            ensure!(
                homes.gateways().contains(&gateway.name),
                "{} is not in {}",
                gateway.name,
                layout.homes_file.display()
            );
        }
        Ok(Self {
            machinery,
            directory: layout.directory,
            keys_file: layout.keys_file,
            keys: Arc::new(keys),
            homes,
            store_line: layout.store_line,
            ledger: LedgerClient::of(&layout.ledgers)?,
            control_url: layout.control.unwrap_or_default(),
            control: reqwest::Client::builder()
                .no_proxy()
                .timeout(Duration::from_secs(5))
                .build()?,
            peaks: layout.gateways.iter().map(|_| AtomicI64::new(0)).collect(),
            gateways: layout.gateways,
            notebook: Notebook::default(),
            cards: std::sync::Mutex::default(),
            names: std::sync::Mutex::default(),
            payments: AtomicU64::new(1),
        })
    }
}

/// The store in the line with which a ledger says that it is ready.
pub(super) fn store_in(ready_line: &str) -> String {
    let store = ready_line.split_once("store=");
    store
        .map(|(_, store)| store.trim().to_owned())
        .unwrap_or_default()
}
