//! A scenario: a workload, a client, phases with their faults, and what must hold. Data, not code.

use std::time::Duration;

use ::tests::faultproxy::Mode;
use anyhow::{Context, ensure};
use ledger_api::Currency;
use serde::Deserialize;

use crate::sometimes::Sometimes;

/// The outage that is played when no other is named.
pub(crate) const DEFAULT: &str = include_str!("../scenarios/outage.toml");

/// The outage that only containers can play.
pub(crate) const CONTAINERS: &str = include_str!("../scenarios/containers.toml");

/// About how long the pieces of a drive are, in seconds.
const STEADY_PIECE_S: f64 = 10.0;

/// How many gateways a run starts.
pub(crate) const GATEWAYS: usize = 2;

/// Everything that a run is made of, apart from the store and the machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// What the report calls it.
    pub name: String,
    /// One line for people.
    pub about: String,
    /// The seed, unless the command line names another.
    pub seed: u64,
    /// What is asked.
    pub workload: Workload,
    /// How long the client waits.
    pub client: Client,
    /// When the generator itself is to be doubted.
    pub generator: Generator,
    /// What the run must reach.
    pub objectives: Objectives,
    /// What must have happened for the run to prove anything.
    #[serde(default)]
    pub must_see: Vec<Sometimes>,
    /// In order of time.
    pub phases: Vec<Phase>,
}

/// The mix of requests. Shares are between 0 and 1.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workload {
    pub rate_per_s: f64,
    pub cards: usize,
    pub zipf: f64,
    pub currency: Currency,
    pub amount_median_minor: i64,
    pub amount_mean_minor: i64,
    pub amount_max_minor: i64,
    pub balance_min_minor: i64,
    pub balance_max_minor: i64,
    pub card_limit_minor: i64,
    pub frozen: f64,
    pub expired: f64,
    pub over_limit: f64,
    pub repeats: f64,
    pub reversals: f64,
    pub partial_reversals: f64,
    pub iso8583: f64,
}

/// How the client behaves: as a processor with two links.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    /// From the intended moment of sending to the answer.
    pub budget_ms: u64,
    /// For one gateway.
    pub attempt_ms: u64,
}

impl Client {
    pub(crate) fn budget(&self) -> Duration {
        Duration::from_millis(self.budget_ms)
    }

    pub(crate) fn attempt(&self) -> Duration {
        Duration::from_millis(self.attempt_ms)
    }
}

/// How well the generator must keep its own times.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generator {
    /// Share of the planned requests that must have been sent.
    pub achieved_min: f64,
    /// How late they may leave.
    pub late_p99_max_ms: f64,
    /// Share of first requests that a healthy ledger must decline for the mix to be worth anything.
    #[serde(default = "Generator::declined_min")]
    pub twin_declined_min: f64,
}

impl Generator {
    fn declined_min() -> f64 {
        0.10
    }
}

/// What the run must reach.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Objectives {
    /// In every phase.
    pub answered_in_time_min: f64,
    /// In phases marked `outage`.
    pub approved_of_twin_min: f64,
    /// From heal to an empty backlog.
    pub drained_max_s: f64,
}

/// A stretch of time with a name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Phase {
    pub name: String,
    pub for_s: f64,
    /// True where the ledger is gone and stand-in must carry the traffic.
    #[serde(default)]
    pub outage: bool,
    /// What happens in it.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

/// Something that is done to the processes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// From the start of its phase.
    pub after_s: f64,
    /// What.
    #[serde(rename = "do")]
    pub action: Action,
}

/// What can be done.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// The line between gateways and ledger.
    Proxy(Mode),
    /// kill -9, for every ledger.
    KillLedger,
    /// The same program on the same files.
    StartLedger,
    /// SIGSTOP for every ledger: connections stay open and nothing moves.
    PauseLedger,
    /// SIGCONT.
    ResumeLedger,
    /// At once, without a checkpoint; left out on the embedded store.
    KillDatabase,
    /// On the same files; left out on the embedded store.
    StartDatabase,
    /// Frozen, with its connections open; left out on the embedded store.
    PauseDatabase,
    /// Thawed; left out on the embedded store.
    ResumeDatabase,
    /// Taken from its network; left out where the nodes are no containers.
    DisconnectDatabase,
    /// Back in its network; left out where the nodes are no containers.
    ConnectDatabase,
    /// kill -9, by index.
    KillGateway(usize),
    /// The same program on the same files.
    StartGateway(usize),
}

impl Action {
    /// For people.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Proxy(Mode::Pass) => "line to the ledger passes".into(),
            Self::Proxy(Mode::Grey {
                slow_share,
                hang_share,
                refuse_share,
                latency_ms,
            }) => format!(
                "line to the ledger: {:.0} % slow by {latency_ms} ms, {:.0} % hang, {:.0} % refused",
                slow_share * 100.0,
                hang_share * 100.0,
                refuse_share * 100.0
            ),
            Self::Proxy(mode) => format!("line to the ledger: {mode:?}"),
            Self::KillLedger => "ledger: kill -9".into(),
            Self::StartLedger => "ledger: started again".into(),
            Self::PauseLedger => "ledger: frozen".into(),
            Self::ResumeLedger => "ledger: thawed".into(),
            Self::PauseDatabase => "PostgreSQL: frozen".into(),
            Self::ResumeDatabase => "PostgreSQL: thawed".into(),
            Self::DisconnectDatabase => "PostgreSQL: taken from the network".into(),
            Self::ConnectDatabase => "PostgreSQL: back in the network".into(),
            Self::KillDatabase => "PostgreSQL: stopped at once".into(),
            Self::StartDatabase => "PostgreSQL: started again".into(),
            Self::KillGateway(index) => format!("gw{}: kill -9", index + 1),
            Self::StartGateway(index) => format!("gw{}: started again", index + 1),
        }
    }

    /// True for what only PostgreSQL has.
    pub(crate) fn needs_database(&self) -> bool {
        let database = matches!(
            self,
            Self::KillDatabase | Self::StartDatabase | Self::PauseDatabase | Self::ResumeDatabase
        );
        database || self.needs_containers()
    }

    /// True for what only containers can do: a process has no network of its own.
    pub(crate) fn needs_containers(&self) -> bool {
        matches!(self, Self::DisconnectDatabase | Self::ConnectDatabase)
    }

    /// What it makes happen, where somebody may wait for it.
    pub(crate) fn shows(&self) -> Option<Sometimes> {
        Some(match self {
            Self::KillLedger => Sometimes::LedgerKilled,
            Self::PauseLedger => Sometimes::LedgerPaused,
            Self::KillDatabase => Sometimes::DatabaseKilled,
            Self::PauseDatabase => Sometimes::DatabasePaused,
            Self::DisconnectDatabase => Sometimes::DatabaseDisconnected,
            Self::StartGateway(_) => Sometimes::GatewayRestarted,
            _ => return None,
        })
    }
}

impl Scenario {
    /// Reads and checks a scenario's text.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let scenario: Self = toml::from_str(text).context("the scenario does not parse")?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Leaves out what cannot be done, and what nobody can see then. Tells what was left out.
    pub(crate) fn leave_out(&mut self, cannot: impl Fn(&Action) -> bool) -> Vec<String> {
        let (mut out, mut unseen) = (Vec::new(), Vec::new());
        for phase in &mut self.phases {
            phase.faults.retain(|fault| {
                let keep = !cannot(&fault.action);
                if !keep {
                    out.push(fault.action.words());
                    unseen.extend(fault.action.shows());
                }
                keep
            });
        }
        self.must_see.retain(|seen| !unseen.contains(seen));
        out
    }

    /// The same workload without a fault, for so many seconds at another rate and over other cards.
    pub(crate) fn steady(
        mut self,
        seconds: f64,
        rate_per_s: f64,
        cards: usize,
    ) -> anyhow::Result<Self> {
        self.name = "drive".into();
        self.about = "payments for gateways that run already".into();
        (self.workload.rate_per_s, self.workload.cards) = (rate_per_s, cards);
        // In a minute few cards run out of money.
        self.generator.twin_declined_min = 0.0;
        self.must_see.clear();
        // A line of progress for each.
        let pieces = (seconds / STEADY_PIECE_S).ceil().clamp(1.0, 100.0);
        self.phases = (1..=pieces as usize)
            .map(|number| Phase {
                name: format!("steady {number}"),
                for_s: seconds / pieces,
                outage: false,
                faults: Vec::new(),
            })
            .collect();
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> anyhow::Result<()> {
        let load = &self.workload;
        ensure!(
            !self.phases.is_empty(),
            "a scenario needs at least one phase"
        );
        ensure!(
            load.rate_per_s > 0.0 && load.rate_per_s <= 100_000.0,
            "workload.rate_per_s must be above 0 and at most 100000"
        );
        ensure!(
            (1..=1_000_000).contains(&load.cards),
            "workload.cards must be 1 to 1000000"
        );
        for (name, share) in [
            ("frozen", load.frozen),
            ("expired", load.expired),
            ("over_limit", load.over_limit),
            ("repeats", load.repeats),
            ("reversals", load.reversals),
            ("partial_reversals", load.partial_reversals),
            ("iso8583", load.iso8583),
        ] {
            ensure!(
                (0.0..=1.0).contains(&share),
                "workload.{name} must be between 0 and 1"
            );
        }
        ensure!(
            load.repeats + load.reversals < 1.0,
            "repeats and reversals leave nothing first"
        );
        ensure!(
            0 < load.amount_median_minor && load.amount_median_minor <= load.amount_mean_minor,
            "workload.amount_mean_minor must be at least the median, which must be above 0"
        );
        ensure!(
            load.balance_min_minor <= load.balance_max_minor,
            "workload.balance_max_minor is below the least"
        );
        ensure!(
            self.client.attempt_ms < self.client.budget_ms,
            "client.attempt_ms must leave something of client.budget_ms for the other gateway"
        );
        ensure!(
            self.requests_expected() <= 900_000.0,
            "STANs do not suffice for this many requests"
        );
        self.check_phases()
    }

    fn check_phases(&self) -> anyhow::Result<()> {
        for phase in &self.phases {
            ensure!(
                phase.for_s > 0.0 && phase.for_s <= 3_600.0,
                "phase {}: for_s must be above 0 and at most 3600",
                phase.name
            );
            for fault in &phase.faults {
                ensure!(
                    (0.0..=phase.for_s).contains(&fault.after_s),
                    "phase {}: a fault happens outside of it",
                    phase.name
                );
                if let Action::KillGateway(index) | Action::StartGateway(index) = fault.action {
                    ensure!(
                        index < GATEWAYS,
                        "phase {}: there is no gateway {index}; they are 0 to {}",
                        phase.name,
                        GATEWAYS - 1
                    );
                }
            }
        }
        Ok(())
    }

    /// How many requests are to be expected.
    pub(crate) fn requests_expected(&self) -> f64 {
        self.workload.rate_per_s * self.length().as_secs_f64()
    }

    /// From the first request to the last.
    pub(crate) fn length(&self) -> Duration {
        Duration::from_secs_f64(self.phases.iter().map(|phase| phase.for_s).sum())
    }

    /// Each phase with its start and end.
    pub(crate) fn spans(&self) -> Vec<Span<'_>> {
        let mut from = Duration::ZERO;
        self.phases
            .iter()
            .map(|phase| {
                let to = from + Duration::from_secs_f64(phase.for_s);
                let span = Span { phase, from, to };
                from = to;
                span
            })
            .collect()
    }
}

/// A phase on the clock of the run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<'a> {
    pub phase: &'a Phase,
    pub from: Duration,
    pub to: Duration,
}

impl Span<'_> {
    pub(crate) fn contains(&self, at: Duration) -> bool {
        self.from <= at && at < self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_outage_parses_and_takes_about_75_seconds() {
        let scenario = Scenario::parse(DEFAULT).unwrap();
        assert_eq!(scenario.length(), Duration::from_secs(75));
        assert_eq!(scenario.workload.cards, 10_000);
        assert!((scenario.workload.rate_per_s - 300.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_outage_of_containers_parses_and_says_what_processes_leave_out() {
        let mut scenario = Scenario::parse(CONTAINERS).unwrap();
        let seen = |scenario: &Scenario, it| scenario.must_see.contains(&it);
        assert!(seen(&scenario, Sometimes::DatabaseDisconnected));
        let out = scenario.leave_out(Action::needs_containers);
        let cut = "PostgreSQL: taken from the network";
        assert_eq!(out, [cut, "PostgreSQL: back in the network"]);
        assert!(!seen(&scenario, Sometimes::DatabaseDisconnected));
        assert!(seen(&scenario, Sometimes::DatabasePaused));
        let out = scenario.leave_out(Action::needs_database);
        assert_eq!(out, ["PostgreSQL: frozen", "PostgreSQL: thawed"]);
        assert!(!seen(&scenario, Sometimes::DatabasePaused));
        assert!(seen(&scenario, Sometimes::LedgerKilled));
    }

    #[test]
    fn a_drive_has_the_workload_and_none_of_the_faults() {
        let outage = || Scenario::parse(DEFAULT).unwrap();
        let drive = outage().steady(25.0, 80.0, 500).unwrap();
        assert_eq!(drive.length(), Duration::from_secs(25));
        assert_eq!((drive.phases.len(), drive.workload.cards), (3, 500));
        assert!(drive.phases.iter().all(|phase| phase.faults.is_empty()));
        assert!(drive.must_see.is_empty());
        assert!(outage().steady(0.0, 80.0, 500).is_err());
        assert!(outage().steady(60.0, 1e6, 500).is_err());
    }

    #[test]
    fn unknown_keys_and_impossible_times_are_refused() {
        for (from, to, message) in [
            ("zipf = 1.0", "zipf = 1.0\nzapf = 2", "zapf"),
            ("for_s = 12.0", "for_s = 0.0", "for_s"),
            ("after_s = 6.0", "after_s = 60.0", "outside"),
            ("repeats = 0.03", "repeats = 1.03", "repeats"),
            ("attempt_ms = 1000", "attempt_ms = 1500", "attempt_ms"),
            ("\"kill_ledger\"", "\"kill_everybody\"", "kill_everybody"),
            ("kill_gateway = 0", "kill_gateway = 2", "no gateway 2"),
            ("start_gateway = 0", "start_gateway = 7", "no gateway 7"),
        ] {
            let error = Scenario::parse(&DEFAULT.replace(from, to)).err().unwrap();
            let text = format!("{error:#}");
            assert!(text.contains(message), "{text}");
        }
    }
}
