//! The breaker's rules, without a clock.

/// When it trips and how it comes back. Times in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// So many failures in a row trip it.
    pub consecutive_failures: u32,
    /// Rates are judged from so many calls in the window on.
    pub calls_min: u32,
    /// Trips below this share of successes, in percent.
    pub success_percent_min: u32,
    /// Trips from this share of slow calls on, in percent.
    pub slow_percent_max: u32,
    /// A call that took longer is slow.
    pub slow_ms: u64,
    /// The first wait; doubles with every failed probing.
    pub wait_min_ms: u64,
    /// The longest wait.
    pub wait_max_ms: u64,
    /// So many probes at once, and so many good ones to pass again.
    pub probes: u32,
    /// How long a probe may take.
    pub probe_ms: u64,
    /// How long calls in flight ramp up after a recovery.
    pub ramp_ms: u64,
    /// Calls in flight at the start of the ramp.
    pub ramp_from: u32,
    /// Calls in flight at its end.
    pub ramp_to: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            calls_min: 20,
            success_percent_min: 80,
            slow_percent_max: 50,
            slow_ms: 400,
            wait_min_ms: 250,
            wait_max_ms: 10_000,
            probes: 3,
            probe_ms: 300,
            ramp_ms: 2_000,
            ramp_from: 8,
            ramp_to: 1_024,
        }
    }
}

/// Words that nobody can invert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Calls go to the ledger.
    Passing,
    /// Calls do not; stand-in answers at once.
    Tripped,
    /// A few calls go, to see.
    Probing,
}

impl State {
    /// As on status pages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::Tripped => "tripped",
            Self::Probing => "probing",
        }
    }
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The ledger worked; a decline too.
    Good,
    /// It did not.
    Bad,
    /// It was never sent: says nothing.
    NotSent,
}

/// Leave to make one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    generation: u64,
    /// True for a probe, which must answer within [`Config::probe_ms`].
    pub probe: bool,
}

/// No leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tripped;

/// One second of the window.
#[derive(Debug, Clone, Copy, Default)]
struct Second {
    number: u64,
    good: u32,
    bad: u32,
    slow: u32,
}

const WINDOW_SECONDS: u64 = 10;

/// The state machine. `now_ms` never goes back.
#[derive(Debug)]
pub(super) struct Core {
    config: Config,
    state: State,
    generation: u64,
    in_flight: u32,
    window: [Second; WINDOW_SECONDS as usize],
    failures_in_a_row: u32,
    tripped_at_ms: u64,
    probe_at_ms: u64,
    wait_ms: u64,
    probes_out: u32,
    probes_good: u32,
    recovered_at_ms: Option<u64>,
    trips: u64,
    recoveries: u64,
}

impl Core {
    /// Passing, with an empty window.
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            state: State::Passing,
            generation: 0,
            in_flight: 0,
            window: [Second::default(); WINDOW_SECONDS as usize],
            failures_in_a_row: 0,
            tripped_at_ms: 0,
            probe_at_ms: 0,
            wait_ms: config.wait_min_ms,
            probes_out: 0,
            probes_good: 0,
            recovered_at_ms: None,
            trips: 0,
            recoveries: 0,
        }
    }

    /// The settings.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The state, how often it tripped, and how often it recovered.
    pub(super) fn read(&self) -> (State, u64, u64) {
        (self.state, self.trips, self.recoveries)
    }

    /// True where nobody gets leave to make a call now. Changes nothing, so whoever may have a probe has
    /// to ask for it.
    pub(super) fn refuses(&self, now_ms: u64) -> bool {
        match self.state {
            State::Passing => self.in_flight >= self.in_flight_max(now_ms),
            State::Probing => self.probes_out >= self.config.probes,
            State::Tripped => now_ms < self.probe_at_ms,
        }
    }

    /// Leave to make a call, or not.
    pub(super) fn permit(&mut self, now_ms: u64) -> Result<Permit, Tripped> {
        if self.refuses(now_ms) {
            return Err(Tripped);
        }
        if self.state == State::Tripped {
            self.enter(State::Probing);
        }
        let probe = self.state == State::Probing;
        self.in_flight += 1;
        self.probes_out += u32::from(probe);
        Ok(Permit {
            generation: self.generation,
            probe,
        })
    }

    /// A call has ended. `jitter` in 0..=255 spreads the next probing over gateways.
    pub(super) fn ended(
        &mut self,
        permit: Permit,
        outcome: Outcome,
        took_ms: u64,
        now_ms: u64,
        jitter: u8,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if permit.generation != self.generation {
            return;
        }
        match self.state {
            State::Passing => self.judge(outcome, took_ms, now_ms, jitter),
            State::Probing => self.judge_probe(outcome, now_ms, jitter),
            State::Tripped => {}
        }
    }

    /// Something else that uses the ledger found it working: do not sit out the rest of a long
    /// wait. The shortest wait is kept, so a ledger that only half works is not hammered.
    pub(super) fn hint(&mut self, now_ms: u64) {
        if self.state == State::Tripped {
            let earliest = self.tripped_at_ms + self.config.wait_min_ms;
            self.probe_at_ms = self.probe_at_ms.min(earliest.max(now_ms));
        }
    }

    fn in_flight_max(&self, now_ms: u64) -> u32 {
        let Config {
            ramp_ms,
            ramp_from,
            ramp_to,
            ..
        } = self.config;
        match self.recovered_at_ms.map(|at| now_ms.saturating_sub(at)) {
            Some(elapsed) if elapsed < ramp_ms => {
                let share = u64::from(ramp_to.saturating_sub(ramp_from)) * elapsed / ramp_ms;
                ramp_from.saturating_add(u32::try_from(share).unwrap_or(ramp_to))
            }
            _ => u32::MAX,
        }
    }

    fn judge(&mut self, outcome: Outcome, took_ms: u64, now_ms: u64, jitter: u8) {
        let number = now_ms / 1_000;
        let slot = &mut self.window[(number % WINDOW_SECONDS) as usize];
        if slot.number != number {
            *slot = Second {
                number,
                ..Second::default()
            };
        }
        match outcome {
            Outcome::Good => {
                slot.good += 1;
                self.failures_in_a_row = 0;
            }
            Outcome::Bad => {
                slot.bad += 1;
                self.failures_in_a_row += 1;
            }
            Outcome::NotSent => return,
        }
        slot.slow += u32::from(took_ms > self.config.slow_ms);
        if self.must_trip(number) {
            self.trip(self.config.wait_min_ms, now_ms, jitter);
        }
    }

    fn must_trip(&self, number: u64) -> bool {
        let recent = |second: &&Second| second.number + WINDOW_SECONDS > number;
        let (good, bad, slow) = self
            .window
            .iter()
            .filter(recent)
            .fold((0, 0, 0), |sum, second| {
                (sum.0 + second.good, sum.1 + second.bad, sum.2 + second.slow)
            });
        let calls = good + bad;
        self.failures_in_a_row >= self.config.consecutive_failures
            || (calls >= self.config.calls_min
                && (good * 100 < calls * self.config.success_percent_min
                    || slow * 100 >= calls * self.config.slow_percent_max))
    }

    fn judge_probe(&mut self, outcome: Outcome, now_ms: u64, jitter: u8) {
        match outcome {
            Outcome::Good => {
                self.probes_good += 1;
                if self.probes_good >= self.config.probes {
                    self.recoveries += 1;
                    self.recovered_at_ms = Some(now_ms);
                    self.wait_ms = self.config.wait_min_ms;
                    self.enter(State::Passing);
                }
                // A good probe makes room for none: three at once, three good ones.
            }
            Outcome::Bad => {
                let wait_ms = (self.wait_ms * 2).min(self.config.wait_max_ms);
                self.trip(wait_ms, now_ms, jitter);
            }
            Outcome::NotSent => self.probes_out = self.probes_out.saturating_sub(1),
        }
    }

    fn trip(&mut self, wait_ms: u64, now_ms: u64, jitter: u8) {
        self.trips += u64::from(self.state == State::Passing);
        self.wait_ms = wait_ms;
        self.tripped_at_ms = now_ms;
        // Up to a quarter longer, so that gateways do not probe in step.
        self.probe_at_ms = now_ms + wait_ms + wait_ms * u64::from(jitter) / 1_024;
        self.enter(State::Tripped);
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
        self.probes_out = 0;
        self.probes_good = 0;
        self.failures_in_a_row = 0;
        self.window = [Second::default(); WINDOW_SECONDS as usize];
    }
}
