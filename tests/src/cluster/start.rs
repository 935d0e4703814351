use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use ledger_api::{AccountId, Amount, CardState, Expiry, GatewayId, OpenAccount};
use tokio::sync::Mutex;

use super::layout::{Layout, store_in};
use super::{Directory, Processes, Stack, StackConfig, Store};
use crate::gateway_node::GatewayNode;
use crate::payment::{Card, NewCard, token_of};
use crate::ports;
use crate::postgres::Postgres;
use crate::process::Child;

/// Keys for tests, the same on every run; anything that is real has others.
const KEYS: &str = "# keys for tests, known to everybody: never use them for anything else\n\
    card 1111111111111111111111111111111111111111111111111111111111111111\n\
    id 2222222222222222222222222222222222222222222222222222222222222222\n";

const DRAIN_NOTICE: &str = "--drain-notice-ms";
const KNOWN_WITHIN: Duration = Duration::from_secs(30);

impl Stack {
    /// Starts everything, and returns when every process has said that it is ready.
    ///
    /// # Errors
    /// [`crate::postgres::Missing`] where PostgreSQL is asked for and not there; others where a process
    /// does not come up, with the end of its log.
    pub async fn start(config: StackConfig) -> anyhow::Result<Self> {
        let directory = Directory::make(config.directory.as_deref())?;
        let path = directory.path().to_owned();
        let postgres = match config.store {
            _ if config.database_url.is_some() => None,
            Store::Embedded => None,
            Store::Postgres => Some(Postgres::start_or_missing().await?),
        };
        let keys_file = write_keys(&path)?;
        let names = (1..=config.gateways.max(1)).map(|n| format!("gw{n}").parse());
        let names: Vec<GatewayId> = names.collect::<Result<_, _>>()?;
        let homes_file = write_homes(&path, &names)?;
        let policy = config.policy.clone().unwrap_or_else(super::one_till);
        let policy_file = write(&path, "policy.toml", &policy)?;

        let (ledger_process, ledger) = start_ledger(&config, &path, postgres.as_ref()).await?;
        let (proxy, proxied) = start_proxy(&config, &path, ledger).await?;
        let (mut gateway_processes, mut gateways) = (Vec::new(), Vec::new());
        for name in names {
            let (http, iso) = (ports::free()?, ports::free()?);
            let mut args = arguments(&[
                ("gateway", ""),
                ("--name", name.as_str()),
                ("--http", &http.to_string()),
                ("--iso", &iso.to_string()),
                ("--ledger", &format!("http://{proxied}")),
                ("--log", &config.log),
            ]);
            push_path(&mut args, "--data", &path.join(name.as_str()));
            push_path(&mut args, "--keys", &keys_file);
            push_path(&mut args, "--homes", &homes_file);
            push_path(&mut args, "--policy", &policy_file);
            // No load balancer has to notice here, unless a test wants one to.
            if !config.gateway_args.iter().any(|arg| arg == DRAIN_NOTICE) {
                args.extend(arguments(&[(DRAIN_NOTICE, "0")]));
            }
            args.extend(config.gateway_args.iter().map(OsString::from));
            let process = Child::start(&config.program, name.as_str(), args, &path).await?;
            gateway_processes.push(Mutex::new(process));
            gateways.push(GatewayNode::new(name, format!("http://{http}"), iso)?);
        }

        let layout = Layout {
            gateways,
            ledgers: vec![format!("http://{ledger}")],
            control: proxy.word("control").map(str::to_owned),
            keys_file,
            homes_file,
            store_line: store_in(ledger_process.ready_line()),
            directory,
        };
        let processes = Processes {
            gateways: gateway_processes,
            proxy: Mutex::new(proxy),
            ledger: Mutex::new(ledger_process),
            postgres,
        };
        Self::assemble(Box::new(processes), layout)
    }

    /// Opens accounts, issues cards, and waits until every gateway knows them.
    ///
    /// # Errors
    /// Where the ledger refuses one, or a gateway does not hear of them within 30 s.
    pub async fn seed(&self, new: &[NewCard]) -> anyhow::Result<Vec<Card>> {
        let (mut accounts, mut states, mut cards) = (Vec::new(), Vec::new(), Vec::new());
        for card in new {
            let (account, token) = (AccountId(card.account), token_of(&self.keys, &card.number)?);
            accounts.push(OpenAccount {
                account,
                currency: card.currency,
                opening_minor: Amount::new(card.opening_minor)?,
            });
            states.push(CardState {
                card: token,
                account,
                status: card.status,
                expiry: Expiry::try_from(card.expiry)?,
                transaction_max_minor: Amount::new(card.transaction_max_minor)?,
            });
            cards.push(Card {
                number: card.number.clone(),
                token,
                account,
                expiry: card.expiry,
                status: card.status,
                opening_minor: card.opening_minor,
            });
        }
        self.ledger.open_accounts(&accounts).await?;
        self.ledger.put_cards(&states).await?;
        self.known(KNOWN_WITHIN).await?;
        let mut all = self
            .cards
            .lock()
            .map_err(|_| anyhow!("another task failed"))?;
        all.extend(cards.iter().cloned());
        Ok(cards)
    }
}

async fn start_ledger(
    config: &StackConfig,
    directory: &Path,
    postgres: Option<&Postgres>,
) -> anyhow::Result<(Child, SocketAddr)> {
    let address = ports::free()?;
    let mut args = arguments(&[
        ("ledger", ""),
        ("--listen", &address.to_string()),
        ("--log", &config.log),
    ]);
    let elsewhere = config.database_url.clone();
    match elsewhere.or_else(|| postgres.map(Postgres::url)) {
        Some(url) => args.extend(arguments(&[("--database-url", &url)])),
        None => push_path(&mut args, "--data", &directory.join("ledger")),
    }
    args.extend(config.ledger_args.iter().map(OsString::from));
    Ok((
        Child::start(&config.program, "ledger", args, directory).await?,
        address,
    ))
}

async fn start_proxy(
    config: &StackConfig,
    directory: &Path,
    upstream: SocketAddr,
) -> anyhow::Result<(Child, SocketAddr)> {
    let (listen, control) = (ports::free()?, ports::free()?);
    let args = arguments(&[
        ("faultproxy", ""),
        ("--listen", &listen.to_string()),
        ("--upstream", &upstream.to_string()),
        ("--control", &control.to_string()),
        ("--seed", &config.seed.to_string()),
    ]);
    Ok((
        Child::start(&config.program, "faultproxy", args, directory).await?,
        listen,
    ))
}

fn write_keys(directory: &Path) -> anyhow::Result<PathBuf> {
    let file = write(directory, "keys", KEYS)?;
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

fn write_homes(directory: &Path, names: &[GatewayId]) -> anyhow::Result<PathBuf> {
    let gateways = names
        .iter()
        .map(|name| format!("\n[[gateways]]\nname = \"{name}\"\n"));
    let text = format!("version = 1\n{}", gateways.collect::<String>());
    write(directory, "homes.toml", &text)
}

fn write(directory: &Path, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let path = directory.join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Flags with their values; a value that is empty is left out.
fn arguments(pairs: &[(&str, &str)]) -> Vec<OsString> {
    let flat = pairs.iter().flat_map(|(flag, value)| [*flag, *value]);
    flat.filter(|word| !word.is_empty())
        .map(OsString::from)
        .collect()
}

fn push_path(args: &mut Vec<OsString>, flag: &str, path: &Path) {
    args.extend([flag.into(), path.into()]);
}
