//! Sends the schedule, as a processor with a link to each gateway does: first to the card's home,
//! and with the same content to the other when no answer comes.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ::tests::http_client::HttpClient;
use ::tests::iso_client::IsoClient;
use ::tests::notebook::{Outcome, ReversalOutcome};
use ::tests::payment::Payment;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::board::Board;
use crate::scenario::Client;
use crate::schedule::{Door, Kind, Planned, Schedule};

/// One request as it went.
#[derive(Debug, Clone)]
pub(crate) struct Played {
    /// What was planned.
    pub planned: Planned,
    /// When it really left, from the start of the run.
    pub started: Duration,
    /// When its answer was there, or nobody waited any more.
    pub finished: Duration,
    /// To how many gateways it went.
    pub attempts: u32,
    /// True where the answer said that it had been given before.
    pub duplicate: bool,
    pub result: Final,
}

/// What the client made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Final {
    Approved {
        minor: i64,
        gateway: usize,
    },
    Declined {
        code: String,
        gateway: usize,
    },
    /// A reversal was taken.
    Reversed {
        gateway: usize,
    },
    /// Not sent: a reversal whose payment had not been approved.
    Moot,
    /// An error, and no decision.
    Refused {
        code: String,
        detail: String,
    },
    /// No answer from anybody.
    Unanswered {
        last: String,
    },
}

impl Final {
    /// True where somebody answered the question.
    pub(crate) fn is_answer(&self) -> bool {
        matches!(
            self,
            Self::Approved { .. } | Self::Declined { .. } | Self::Reversed { .. }
        )
    }
}

/// The two links, and what is sent over them.
pub(crate) struct Driver {
    pub client: Client,
    pub links: Vec<Link>,
    pub payments: Vec<Payment>,
    /// The home of each payment's card, as an index into the links.
    pub homes: Vec<usize>,
    pub board: Arc<Board>,
    finals: Vec<OnceLock<Final>>,
    played: Mutex<Vec<Played>>,
    /// Payments that were taken back because an attempt got no answer.
    timeout_reversals: Mutex<Vec<usize>>,
}

/// One gateway.
#[derive(Clone)]
pub(crate) struct Link {
    pub http: HttpClient,
    pub iso: IsoClient,
}

/// What came of a run.
#[derive(Debug, Default)]
pub(crate) struct Drive {
    pub played: Vec<Played>,
    pub timeout_reversals: Vec<usize>,
}

/// How long an answer is awaited after the budget, so that a late one is seen to be late.
const GRACE: Duration = Duration::from_millis(500);
/// Between two attempts where both gateways refuse connections.
const PAUSE: Duration = Duration::from_millis(25);
/// How long a reversal for an unanswered attempt is repeated.
const REVERSAL_PATIENCE: Duration = Duration::from_secs(60);

impl Driver {
    pub(crate) fn new(
        client: Client,
        links: Vec<Link>,
        payments: Vec<Payment>,
        homes: Vec<usize>,
        board: Arc<Board>,
    ) -> Arc<Self> {
        let finals = payments.iter().map(|_| OnceLock::new()).collect();
        let (played, timeout_reversals) = (Mutex::default(), Mutex::default());
        Arc::new(Self {
            client,
            links,
            payments,
            homes,
            board,
            finals,
            played,
            timeout_reversals,
        })
    }

    /// Sends everything at its time, and waits for the last answer.
    pub(crate) async fn play(self: &Arc<Self>, schedule: &Schedule, start: Instant) -> Drive {
        let tasks = TaskTracker::new();
        for &planned in &schedule.requests {
            tokio::time::sleep_until(start + planned.at).await;
            let (driver, inner) = (Arc::clone(self), tasks.clone());
            tasks.spawn(async move { driver.request(planned, start, &inner).await });
        }
        tasks.close();
        tasks.wait().await;
        Drive {
            played: take(&self.played),
            timeout_reversals: take(&self.timeout_reversals),
        }
    }

    async fn request(self: Arc<Self>, planned: Planned, start: Instant, tasks: &TaskTracker) {
        let started = start.elapsed();
        let attempts = match planned.kind {
            Kind::First => self.authorize(planned, start, false).await,
            Kind::Repeat => self.authorize(planned, start, true).await,
            Kind::Reversal { remaining_minor } => match self.finals[planned.payment].get() {
                Some(Final::Approved { .. }) => self.reverse(planned, start, remaining_minor).await,
                _ => Attempts::moot(),
            },
        };
        let finished = start.elapsed();
        if planned.kind == Kind::First {
            let _ = self.finals[planned.payment].set(attempts.result.clone());
            // Whoever got no answer cannot know whether money is held: it is taken back.
            let declined = matches!(attempts.result, Final::Declined { .. });
            if attempts.unanswered && (declined || !attempts.result.is_answer()) {
                tasks.spawn(Arc::clone(&self).take_back(planned));
            }
        }
        self.note(planned, &attempts, finished);
        if let Ok(mut played) = self.played.lock() {
            played.push(Played {
                planned,
                started,
                finished,
                attempts: attempts.count,
                duplicate: attempts.duplicate,
                result: attempts.result,
            });
        }
    }

    fn note(&self, planned: Planned, attempts: &Attempts, finished: Duration) {
        let board = &self.board;
        let latency = finished.saturating_sub(planned.at);
        match &attempts.result {
            Final::Approved { .. } => board.count(&board.approved),
            Final::Declined { .. } => board.count(&board.declined),
            Final::Reversed { .. } => board.count(&board.reversed),
            Final::Moot => return,
            Final::Refused { .. } | Final::Unanswered { .. } => board.count(&board.errors),
        }
        board.count(&board.sent);
        board.latency(latency);
        if attempts.result.is_answer() && latency > self.client.budget() {
            board.count(&board.late);
        }
        if attempts.count > 1 {
            board.failed_over.fetch_add(1, Relaxed);
        }
    }

    async fn authorize(&self, planned: Planned, start: Instant, repeat: bool) -> Attempts {
        let payment = &self.payments[planned.payment];
        let mut attempts = Attempts::default();
        let deadline = start + planned.at + self.client.budget();
        while let Some((gateway, wait)) = self.next_attempt(&mut attempts, planned, deadline).await
        {
            let link = &self.links[gateway];
            let outcome = match planned.door {
                Door::Http => link.http.authorize(payment, repeat, wait).await,
                Door::Iso8583 => link.iso.authorize(payment, repeat, wait).await,
            };
            if let Outcome::Answered(answer) = &outcome {
                attempts.duplicate = answer.duplicate == Some(true);
            }
            attempts.result = match outcome {
                Outcome::Answered(answer) if answer.approved => Final::Approved {
                    minor: answer.approved_minor,
                    gateway,
                },
                Outcome::Answered(answer) => Final::Declined {
                    code: answer.response_code,
                    gateway,
                },
                Outcome::Refused(refusal) => Final::Refused {
                    code: refusal.code,
                    detail: refusal.detail,
                },
                Outcome::Unanswered(last) => {
                    attempts.unanswered |= may_have_been_heard(&last);
                    Final::Unanswered { last }
                }
            };
        }
        attempts
    }

    async fn reverse(&self, planned: Planned, start: Instant, remaining_minor: i64) -> Attempts {
        let mut attempts = Attempts::default();
        let deadline = start + planned.at + self.client.budget();
        while let Some((gateway, wait)) = self.next_attempt(&mut attempts, planned, deadline).await
        {
            attempts.result = self
                .reverse_once(planned, gateway, remaining_minor, wait)
                .await;
        }
        attempts
    }

    async fn reverse_once(
        &self,
        planned: Planned,
        gateway: usize,
        remaining_minor: i64,
        wait: Duration,
    ) -> Final {
        let payment = &self.payments[planned.payment];
        let link = &self.links[gateway];
        let outcome = match planned.door {
            Door::Http => link.http.reverse(payment, remaining_minor, wait).await,
            Door::Iso8583 => link.iso.reverse(payment, remaining_minor, wait).await,
        };
        match outcome {
            ReversalOutcome::Accepted { .. } => Final::Reversed { gateway },
            ReversalOutcome::Refused(refusal) => Final::Refused {
                code: refusal.code,
                detail: refusal.detail,
            },
            ReversalOutcome::Unanswered(last) => Final::Unanswered { last },
        }
    }

    /// Which gateway to ask now, and for how long; nothing once there is an answer or no time.
    async fn next_attempt(
        &self,
        attempts: &mut Attempts,
        planned: Planned,
        deadline: Instant,
    ) -> Option<(usize, Duration)> {
        if attempts.result.is_answer() {
            return None;
        }
        if attempts.count >= 2 {
            tokio::time::sleep(PAUSE).await;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if attempts.count > 0 && left.is_zero() {
            return None;
        }
        let home = self.homes[planned.payment];
        let mut gateway = (home + attempts.count as usize) % self.links.len();
        let signed_off = |gateway: usize| {
            planned.door == Door::Iso8583 && self.links[gateway].iso.is_signed_off()
        };
        // A sign-off asks for the other link, unless that one has signed off too.
        let other = (gateway + 1) % self.links.len();
        if signed_off(gateway) && !signed_off(other) {
            gateway = other;
        }
        attempts.count += 1;
        Some((gateway, self.client.attempt().min(left + GRACE)))
    }

    /// A reversal for a payment that may be held somewhere although its client was told nothing,
    /// or was told no. Store and forward: repeated until somebody takes it.
    async fn take_back(self: Arc<Self>, planned: Planned) {
        if let Ok(mut reversals) = self.timeout_reversals.lock() {
            reversals.push(planned.payment);
        }
        let until = Instant::now() + REVERSAL_PATIENCE;
        let mut gateway = self.homes[planned.payment];
        while Instant::now() < until {
            let result = self
                .reverse_once(planned, gateway, 0, self.client.attempt())
                .await;
            if result.is_answer() {
                return;
            }
            gateway = (gateway + 1) % self.links.len();
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What has been tried for one request.
struct Attempts {
    count: u32,
    /// At least one attempt may have been heard by somebody who did not answer.
    unanswered: bool,
    /// The answer had been given before.
    duplicate: bool,
    result: Final,
}

impl Default for Attempts {
    fn default() -> Self {
        let result = Final::Unanswered {
            last: "not tried".into(),
        };
        Self {
            count: 0,
            unanswered: false,
            duplicate: false,
            result,
        }
    }
}

impl Attempts {
    fn moot() -> Self {
        Self {
            result: Final::Moot,
            ..Self::default()
        }
    }
}

/// False only where the client says that there was no connection to send on; whatever else went
/// wrong, somebody may have the request.
fn may_have_been_heard(failure: &str) -> bool {
    let nobody = ["tcp connect error", "dns error"];
    !failure.starts_with("no link to") && !nobody.iter().any(|it| failure.contains(it))
}

fn take<T: Default>(shared: &Mutex<T>) -> T {
    shared
        .lock()
        .map(|mut inner| std::mem::take(&mut *inner))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refused_connection_is_known_to_have_been_heard_by_nobody() {
        for (failure, heard) in [
            (
                "no link to 127.0.0.1:7411: Connection refused (os error 111)",
                false,
            ),
            (
                "error sending request: client error (Connect): tcp connect error: Connection refused",
                false,
            ),
            (
                "error sending request: client error (Connect): dns error: no record found",
                false,
            ),
            ("the link broke before the answer came", true),
            ("no answer within 1s", true),
            ("error sending request: operation timed out", true),
        ] {
            assert_eq!(may_have_been_heard(failure), heard, "{failure}");
        }
    }
}
