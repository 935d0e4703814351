//! The breaker as a tower layer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use process::clock::boot_now;
use tower::Service;
use tracing::{info, warn};

use super::super::around::Around;
use super::super::{Answering, Ask, AskError, Sent};
use super::core::{Config, Core, Outcome, Permit, State};

/// The state that all copies of the layer share, and that status pages read.
#[derive(Debug)]
pub struct Breaker(Mutex<Core>);

impl Breaker {
    /// Passing.
    pub fn new(config: Config) -> Self {
        Self(Mutex::new(Core::new(config)))
    }

    /// The state, how often it tripped, and how often it recovered.
    pub fn read(&self) -> (State, u64, u64) {
        self.core().read()
    }

    /// True where nobody may ask the ledger now, nor probe. Changes nothing: a probe is for whoever goes
    /// through the layer.
    pub fn refuses(&self, now_ms: u64) -> bool {
        self.core().refuses(now_ms)
    }

    /// Something else that uses the ledger found it working.
    pub fn hint(&self) {
        self.change(|core| core.hint(boot_now().0));
    }

    /// Changes the state, and says what people should know of it.
    fn change<T>(&self, change: impl FnOnce(&mut Core) -> T) -> T {
        let mut core = self.core();
        let (before, ..) = core.read();
        let changed = change(&mut core);
        let (after, ..) = core.read();
        drop(core);
        match (before, after) {
            (State::Passing, State::Tripped) => {
                warn!("the breaker tripped: stand-in answers until the ledger does");
            }
            (State::Tripped | State::Probing, State::Passing) => {
                info!("the breaker passes again: the ledger answers");
            }
            _ => {}
        }
        changed
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers [`AskError::Tripped`] at once while the ledger is not worth waiting for.
impl Around for Arc<Breaker> {
    fn around<S>(&self, inner: &mut S, ask: Ask) -> Answering<S::Response>
    where
        S: Service<Ask, Error = AskError>,
        S::Future: Send + 'static,
        S::Response: 'static,
    {
        let started_ms = boot_now().0;
        let permit = self.change(|core| {
            core.permit(started_ms)
                .map(|permit| (permit, core.config().probe_ms))
        });
        let Ok((permit, probe_ms)) = permit else {
            return Box::pin(async { Err(AskError::Tripped) });
        };
        let call = Call {
            breaker: Self::clone(self),
            permit,
            sent: ask.sent.clone(),
            judged: ask.judged,
            started_ms,
            outcome: None,
        };
        let answer = inner.call(ask);
        Box::pin(async move {
            let answer = if permit.probe {
                let patience = Duration::from_millis(probe_ms);
                tokio::time::timeout(patience, answer)
                    .await
                    .unwrap_or(Err(AskError::Timeout))
            } else {
                answer.await
            };
            call.ended(&answer);
            answer
        })
    }
}

/// What counts against the ledger: a decline never, a conflict never, everything unanswered.
fn classify<T>(answer: &Result<T, AskError>) -> Outcome {
    match answer {
        Ok(_) | Err(AskError::Conflict) => Outcome::Good,
        Err(AskError::Full | AskError::Tripped) => Outcome::NotSent,
        Err(AskError::Timeout | AskError::Unreachable(_) | AskError::Failed(_)) => Outcome::Bad,
    }
}

/// A call in flight. Dropped without an outcome (the deadline passed) it was bad if it was sent;
/// waiting in our own queue is not the ledger's fault, but the queue is only long when it is slow.
struct Call {
    breaker: Arc<Breaker>,
    permit: Permit,
    sent: Sent,
    judged: bool,
    started_ms: u64,
    outcome: Option<Outcome>,
}

impl Call {
    /// It came to an end of its own.
    fn ended<T>(mut self, answer: &Result<T, AskError>) {
        self.outcome = Some(match answer {
            Err(AskError::Timeout) if !self.judged => Outcome::NotSent,
            answer => classify(answer),
        });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let now_ms = boot_now().0;
        let outcome =
            self.outcome
                .unwrap_or(if self.judged && (self.permit.probe || self.sent.maybe()) {
                    Outcome::Bad
                } else {
                    Outcome::NotSent
                });
        let took_ms = now_ms.saturating_sub(self.started_ms);
        // The address of this call differs between calls and processes: enough to spread probes.
        let jitter = (std::ptr::from_ref(self).addr() >> 4) as u8;
        self.breaker
            .change(|core| core.ended(self.permit, outcome, took_ms, now_ms, jitter));
    }
}
