//! Searching, and what was found.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use serde::Serialize;
use stateright::report::{ReportData, ReportDiscovery, Reporter};
use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::actions::Action;
use crate::config::Config;
use crate::properties;
use crate::protocol::Protocol;

/// What became of a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Its name.
    pub property: &'static str,
    /// `always` or `sometimes`.
    pub kind: &'static str,
    /// Whether it is as it must be.
    pub holds: bool,
}

impl Verdict {
    /// It must hold everywhere and does not.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.kind == "always" && !self.holds
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The world.
    pub config: &'static str,
    /// How many different states there are.
    pub states: usize,
    /// How many steps were taken between them.
    pub steps: usize,
    /// The longest way that was followed. With one thread: how far the farthest state is by the shortest.
    pub depth: usize,
    /// How long it took.
    pub milliseconds: u64,
    /// Property by property.
    pub verdicts: Vec<Verdict>,
}

impl Found {
    /// Every property is as it must be. Then all states were visited: only a broken property ends a
    /// search before.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.holds)
    }
}

/// Visits every state of the world, until a property is broken, and tells of its progress.
pub fn all_states(config: Config, threads: usize, progress: &mut (dyn Write + Send)) -> Found {
    let name = config.name;
    let mut clock = Clock::new(progress);
    let checker = Protocol::new(config)
        .checker()
        .threads(threads)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join_and_report(&mut clock);
    let discovered = checker.discoveries();
    let properties = properties::of(checker.model()).into_iter();
    let verdicts = properties.map(|property| {
        let is_always = matches!(property.expectation, Expectation::Always);
        Verdict {
            property: property.name,
            kind: if is_always { "always" } else { "sometimes" },
            holds: discovered.contains_key(property.name) != is_always,
        }
    });
    Found {
        config: name,
        verdicts: verdicts.collect(),
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        // The initial state counts as one there.
        depth: checker.max_depth().saturating_sub(1),
        milliseconds: u64::try_from(clock.took.as_millis()).unwrap_or(u64::MAX),
    }
}

/// The shortest way to where a property that must always hold is broken, or to where one that must
/// sometimes hold does; `None` if there is none. A name that is no property of this world is never
/// found.
#[must_use]
pub fn shortest(config: Config, property: &str) -> Option<Vec<Action>> {
    let checker = Protocol::only(config, property)
        .checker()
        .spawn_bfs()
        .join();
    let found = checker.discoveries().into_values().next();
    found.map(stateright::Path::into_actions)
}

/// Prints where a search is; keeps how long it took.
struct Clock<'a> {
    to: &'a mut (dyn Write + Send),
    took: Duration,
}

impl<'a> Clock<'a> {
    fn new(to: &'a mut (dyn Write + Send)) -> Self {
        Self {
            to,
            took: Duration::ZERO,
        }
    }
}

impl Reporter<Protocol> for Clock<'_> {
    fn report_checking(&mut self, data: ReportData) {
        self.took = data.duration;
        // Whoever does not read the progress does not want it.
        let _unread = writeln!(
            self.to,
            "{:>6.1} s  {:>10} states  {:>11} steps  depth {}",
            data.duration.as_secs_f64(),
            data.unique_states,
            data.total_states,
            data.max_depth.saturating_sub(1),
        );
    }

    fn report_discoveries(
        &mut self,
        _: &Protocol,
        _: BTreeMap<&'static str, ReportDiscovery<Protocol>>,
    ) {
    }
}
