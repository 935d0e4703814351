//! Who answers: an echo, and a gateway that knows its cards, whose ledger is away and whose journal is
//! in memory. Both on the first core; whoever asks has the others.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use ::tests::cluster::{Node, Stack, StackConfig, one_till};
use ::tests::payment::NewCard;
use ::tests::process::Program;
use anyhow::{Context, bail};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::load::Measured;
use super::template::{CARDS, OPENING_MINOR};
use crate::bench::cpu;
use crate::live::say;

/// A file system whose files are memory, on every Linux.
const MEMORY: &str = "/dev/shm";

/// Everything that answers; ends when it is dropped.
pub(super) struct Rig {
    echo: SocketAddr,
    _echo: Child,
    stack: Stack,
    gateway_pid: u32,
    _memory: TempDir,
}

impl Rig {
    /// Starts both, and takes the ledger away.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let cores = Cores::of_this_machine()?;
        // What is started from here on inherits it.
        pin(&cores.first)?;
        let started = Self::start_pinned().await;
        pin(&cores.others)?;
        started
    }

    async fn start_pinned() -> anyhow::Result<Self> {
        let (echo_child, echo) = start_echo().await?;
        let memory = TempDir::with_prefix_in("holdfast-listener-", MEMORY)
            .with_context(|| format!("the journal has to be in memory, in {MEMORY}"))?;
        let words = "--rate-per-s 4000000000 --in-flight-max 100000";
        let config = StackConfig {
            gateways: 1,
            directory: Some(memory.path().join("stack")),
            policy: Some(generous()?),
            log: "warn".into(),
            gateway_args: words.split(' ').map(str::to_owned).collect(),
            ..StackConfig::new(Program::current()?)
        };
        say("  starting a gateway whose ledger is away");
        let stack = Stack::start(config).await?;
        let cards: Vec<_> = (1..=CARDS)
            .map(|n| NewCard::nth(n, OPENING_MINOR))
            .collect();
        stack.seed(&cards).await?;
        stack.kill_ledger().await;
        let processes = stack.processes().await;
        let gateway = processes.iter().find(|it| it.node == Node::Gateway(0));
        let pid = gateway
            .and_then(|gateway| gateway.pid)
            .context("no gateway")?;
        Ok(Self {
            echo,
            _echo: echo_child,
            stack,
            gateway_pid: u32::try_from(pid)?,
            _memory: memory,
        })
    }

    pub(super) fn echo(&self) -> SocketAddr {
        self.echo
    }

    pub(super) fn door(&self) -> SocketAddr {
        self.stack.gateway(0).iso
    }

    pub(super) fn gateway_pid(&self) -> u32 {
        self.gateway_pid
    }

    /// With the processor time that the gateway used meanwhile.
    pub(super) async fn timed(
        &self,
        load: impl Future<Output = anyhow::Result<Measured>>,
    ) -> anyhow::Result<Measured> {
        let before = cpu::of(self.gateway_pid).context("the gateway is gone")?;
        let measured = load.await?;
        let after = cpu::of(self.gateway_pid).context("the gateway is gone")?;
        Ok(Measured {
            cpu_s: (after - before).as_secs_f64(),
            ..measured
        })
    }

    /// What stand-in has approved so far, as the gateway counts it.
    pub(super) async fn approved(&self) -> anyhow::Result<u64> {
        Ok(self.stack.status(0).await?.stand_in.approved)
    }
}

/// The policy that ships, with limits that nobody reaches.
fn generous() -> anyhow::Result<String> {
    let mut policy: toml::Table = toml::from_str(&one_till())?;
    let mut window = toml::Table::new();
    window.insert("hours".into(), 24.into());
    window.insert("count".into(), 1_000_000_000.into());
    window.insert("max_minor".into(), OPENING_MINOR.into());
    for (section, key, value) in [
        ("exposure", "gateway_max_minor", OPENING_MINOR.into()),
        ("exposure", "programme_max_minor", OPENING_MINOR.into()),
        ("transaction", "chip_max_minor", OPENING_MINOR.into()),
        ("card", "elsewhere_day_max_minor", OPENING_MINOR.into()),
        ("card", "purchase", toml::Value::Array(vec![window.into()])),
    ] {
        let section = policy.get_mut(section).and_then(toml::Value::as_table_mut);
        let section = section.context("the default policy has other sections")?;
        section.insert(key.into(), value);
    }
    Ok(toml::to_string(&policy)?)
}

async fn start_echo() -> anyhow::Result<(Child, SocketAddr)> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("listener-echo")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let stdout = child
        .stdout
        .take()
        .context("standard output is not piped")?;
    let line = BufReader::new(stdout).lines().next_line().await?;
    let line = line.context("the echo ended at once")?;
    let address = line.rsplit(' ').next().and_then(|word| word.parse().ok());
    match address {
        Some(address) => Ok((child, address)),
        None => bail!("the echo said `{line}`"),
    }
}

/// The first core that this process may use, and the others.
struct Cores {
    first: CpuSet,
    others: CpuSet,
}

impl Cores {
    fn of_this_machine() -> anyhow::Result<Self> {
        let all = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core));
        let core = cores.next().context("no core")?;
        let (mut first, mut others) = (CpuSet::new(), all);
        first.set(core);
        if cores.next().is_some() {
            others.unset(core);
        } else {
            say("  one core only: whoever asks takes time from whoever answers");
        }
        Ok(Self { first, others })
    }
}

/// Every thread of this process, and of what it starts from here on.
fn pin(cores: &CpuSet) -> anyhow::Result<()> {
    for thread in std::fs::read_dir(Path::new("/proc/self/task"))?.flatten() {
        let id = thread
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some(id) = id.and_then(Pid::from_raw) {
            sched_setaffinity(Some(id), cores)?;
        }
    }
    Ok(())
}
