//! Closed loops: so many callers, each with its next authorization as soon as the last one is answered.

use std::time::Duration;

use anyhow::Context;
use ledger_api::AuthorizeRequest;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::crowd::{Crowd, Draws, Spread};

/// How long a caller whose authorization failed waits before its next one: a door that refuses at once
/// must not be asked a million times.
const AFTER_FAILURE: Duration = Duration::from_millis(10);

/// What came of one authorization.
#[derive(Debug)]
pub(crate) enum Said {
    Approved,
    Declined,
    /// No decision; why.
    Failed(String),
}

/// Somebody who can be asked.
pub(crate) trait Asked: Clone + Send + Sync + 'static {
    /// Asks, and waits for what comes of it.
    fn ask(&self, request: AuthorizeRequest) -> impl Future<Output = Said> + Send;
}

/// From when to when it counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

impl Window {
    /// After a warm-up from now on.
    pub(crate) fn after(warm_up_s: f64, seconds: f64) -> Self {
        let from = Instant::now() + Duration::from_secs_f64(warm_up_s);
        Self {
            from,
            to: from + Duration::from_secs_f64(seconds),
        }
    }
}

/// What callers saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Of the approvals that arrived inside the window.
    pub(crate) latencies: Vec<Duration>,
    /// All approvals, before and after the window too.
    pub(crate) approved: u64,
    pub(crate) declined: u64,
    pub(crate) failed: u64,
    /// Why the first one failed that did.
    pub(crate) first_failure: Option<String>,
}

impl Seen {
    fn note(&mut self, said: Said, took: Duration, counts: bool) {
        match said {
            Said::Approved => {
                self.approved += 1;
                if counts {
                    self.latencies.push(took);
                }
            }
            Said::Declined => self.declined += 1,
            Said::Failed(why) => {
                self.failed += 1;
                self.first_failure.get_or_insert(why);
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.approved += other.approved;
        self.declined += other.declined;
        self.failed += other.failed;
        if self.first_failure.is_none() {
            self.first_failure = other.first_failure;
        }
    }
}

/// Callers at work.
#[derive(Debug)]
pub(crate) struct Callers(JoinSet<Seen>);

impl Callers {
    /// Starts `count` of them, numbered from `first` on, until the window's end.
    pub(crate) fn start<A: Asked>(
        asked: &A,
        crowd: &Crowd,
        spread: Spread,
        numbers: (u32, std::ops::Range<u32>),
        window: Window,
    ) -> Self {
        let (sample, callers) = numbers;
        let mut set = JoinSet::new();
        for caller in callers {
            let draws = crowd.draws(spread, sample, caller);
            set.spawn(run(asked.clone(), draws, window));
        }
        Self(set)
    }

    /// Waits for all of them: each for the answer that it waits for.
    ///
    /// # Errors
    /// Where one panicked.
    pub(crate) async fn ended(mut self) -> anyhow::Result<Seen> {
        let mut all = Seen::default();
        while let Some(seen) = self.0.join_next().await {
            all.add(seen.context("a caller failed")?);
        }
        Ok(all)
    }
}

async fn run<A: Asked>(asked: A, mut draws: Draws, window: Window) -> Seen {
    let mut seen = Seen::default();
    loop {
        let began = Instant::now();
        if began >= window.to {
            return seen;
        }
        let said = asked.ask(draws.next()).await;
        let ended = Instant::now();
        let pause = matches!(said, Said::Failed(_));
        let counts = (window.from..window.to).contains(&ended);
        seen.note(said, ended - began, counts);
        if pause {
            tokio::time::sleep(AFTER_FAILURE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[derive(Clone)]
    struct Takes10Ms(Arc<AtomicU64>);

    impl Asked for Takes10Ms {
        async fn ask(&self, _: AuthorizeRequest) -> Said {
            tokio::time::sleep(Duration::from_millis(10)).await;
            match self.0.fetch_add(1, Ordering::Relaxed) {
                5 => Said::Declined,
                7 => Said::Failed("seven".into()),
                _ => Said::Approved,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_arrives_in_the_window_counts_and_everything_is_told() {
        let crowd = Crowd::new(10, 1).unwrap();
        let asked = Takes10Ms(Arc::default());
        let window = Window::after(0.1, 1.0);
        let callers = Callers::start(&asked, &crowd, Spread::Uniform, (1, 0..4), window);
        let seen = callers.ended().await.unwrap();
        assert_eq!(
            seen.approved + seen.declined + seen.failed,
            asked.0.load(Ordering::Relaxed)
        );
        assert_eq!((seen.declined, seen.failed), (1, 1));
        assert_eq!(seen.first_failure.as_deref(), Some("seven"));
        let in_window = seen.latencies.len() as u64;
        assert!((392..=404).contains(&in_window), "{in_window}");
        assert!(seen.approved > in_window, "the warm-up is not counted");
    }
}
