//! The one use case behind both doors.
//!
//! | step | budget | durable after it | if it fails |
//! |---|---|---|---|
//! | join | – | – | other content: [`Refused::Conflict`] |
//! | shadow | microseconds | – | never |
//! | orders | – | – | – |
//! | ask | the ledger cut-off | the ledger's books | stand in |
//! | stand in | what is left | the journal, fsynced | decline, or [`Refused::Unknown`] after a failed fsync |
//! | answer | – | the journal, written | [`Refused::Unknown`] |
//!
//! The work runs on a task of its own: a caller that hangs up, or whose budget ends, does not stop
//! it half way, and a repeat finds its answer. What operators have ordered ([`crate::orders`]) is looked at
//! once, before the ledger is asked: it may say that nobody is asked, or that nobody stands in. Where nothing but the disk has to be waited for there is
//! a shorter way ([`crate::at_once`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fallback::{Accepted, Answer, LedgerAnswer, NoAnswer, NotTaken, Now, Request, StandIn};
use ledger_api::{
    Amount, AuthorizationId, AuthorizationKind, AuthorizeRequest, CardToken, Cause, GatewayId,
    Reason,
};
use process::telemetry::Telemetry;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt};

use crate::keys_in_flight::KeysInFlight;
use crate::lanes::{Entrance, Guard, Lanes};
use crate::ledger_client::breaker::Breaker;
use crate::ledger_client::{Ask, AskError, Sent};
use crate::metrics::labels::Wait;
use crate::metrics::{Metrics, Waiting};
use crate::orders::{Desk, What};
use crate::policy_file::PolicyFile;
use crate::shadow::Shadow;
use crate::stack::Ledger;
use crate::stand_in_on::StandInOn;
use crate::traces::{Asking, Trail, Writing};
use crate::verification::{Verifier, Verifying};

/// How long things may take. They nest, or the gateway does not start.
#[derive(Debug, Clone, Copy)]
pub struct Budgets {
    /// From the first byte read to the answer.
    pub total: Duration,
    /// How long the ledger is waited for.
    pub ledger: Duration,
    /// What is kept for stand-in after the cut-off.
    pub stand_in: Duration,
}

/// A ledger that had less time than this and did not answer may be healthy.
const JUDGED_MIN: Duration = Duration::from_millis(400);

/// Budgets that do not nest.
#[derive(Debug, thiserror::Error)]
#[error(
    "budgets must nest: the ledger cut-off ({ledger:?}) and stand-in's slice ({stand_in:?}) do not fit \
     into the gateway's budget ({total:?}); lower --ledger-cutoff-ms or raise --budget-ms"
)]
pub struct BudgetsError {
    total: Duration,
    ledger: Duration,
    stand_in: Duration,
}

impl Budgets {
    /// Budgets that nest.
    pub fn new(
        total: Duration,
        ledger: Duration,
        stand_in: Duration,
    ) -> Result<Self, BudgetsError> {
        if ledger + stand_in <= total && !ledger.is_zero() && !stand_in.is_zero() {
            Ok(Self {
                total,
                ledger,
                stand_in,
            })
        } else {
            Err(BudgetsError {
                total,
                ledger,
                stand_in,
            })
        }
    }

    /// What the ledger's cut-off and stand-in's slice leave of the total.
    pub fn spare(&self) -> Duration {
        self.total.saturating_sub(self.ledger + self.stand_in)
    }

    /// The same with a shorter total, where the caller has less time: stand-in keeps its slice and
    /// the ledger gets the rest.
    #[must_use]
    pub fn within(self, caller: Option<Duration>) -> Self {
        let total = caller.map_or(self.total, |caller| caller.min(self.total));
        Self {
            total,
            ledger: self.ledger.min(total.saturating_sub(self.stand_in)),
            ..self
        }
    }
}

/// The gateway, as both doors see it.
#[derive(Clone)]
pub struct Gateway {
    parts: Arc<Parts>,
}

/// What a gateway is made of.
pub struct Parts {
    /// Its name.
    pub name: GatewayId,
    /// Decides when the ledger does not; keeps every answer.
    pub stand_in: StandIn,
    /// The client stack.
    pub ledger: Ledger,
    /// The stack's breaker, for status pages.
    pub breaker: Arc<Breaker>,
    /// Time.
    pub budgets: Budgets,
    /// Work in flight, so that a drain can wait for it.
    pub work: TaskTracker,
    /// One lane per id.
    pub lanes: Lanes,
    /// What stand-in would have said.
    pub shadow: Shadow,
    /// Clients' keys of requests in flight.
    pub keys_in_flight: KeysInFlight,
    /// Repeats that got the answer of the first one.
    pub duplicates: AtomicU64,
    /// What is counted.
    pub metrics: Metrics,
    /// Traces.
    pub telemetry: Telemetry,
    /// Says what came of checking PIN, CVV2 and cryptogram.
    pub verifier: Arc<dyn Verifier>,
    /// Where the policy is read again.
    pub policy: PolicyFile,
    /// What operators have ordered.
    pub orders: Desk,
    /// What stand-in decides for.
    pub stand_in_on: StandInOn,
}

/// An answer, and whether it had been given before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The answer.
    pub answer: Answer,
    /// True for a repeat.
    pub duplicate: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Same id, other content (I3).
    #[error("this was sent before with another amount, currency, processing code or original")]
    Conflict,
    /// What is to be taken back is not known here, or not which one is meant.
    #[error(
        "no authorization that was answered here, or more than one, has this card, reference number, \
         terminal and amount; name the original by its key, or ask where it was answered"
    )]
    NoOriginal,
    /// Same `Idempotency-Key`, other authorization.
    #[error("this Idempotency-Key was used for another authorization")]
    KeyReused,
    /// Nobody knows (rule 10).
    #[error(transparent)]
    Unknown(#[from] NoAnswer),
    /// Not let in: nothing was done.
    #[error("more than this gateway is configured for; try again in a second")]
    Shed,
    /// The caller's budget is over; the work goes on, and a repeat gets its answer.
    #[error("no answer within the time allowed; ask again with the same content")]
    Late,
}

/// The time, read once per use.
pub fn now() -> Now {
    Now {
        boot_ms: process::clock::boot_now().0,
        yymm: process::clock::yymm(process::clock::wall_seconds()),
    }
}

impl Gateway {
    /// A gateway made of these parts.
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
        }
    }

    /// What it is made of.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The answer that an authorization has already: it is given again whatever the door's load is,
    /// because shedding a repeat would contradict it.
    pub fn recorded(&self, request: &Request) -> Option<Result<Reply, Refused>> {
        if self.reused(request) {
            return Some(Err(Refused::KeyReused));
        }
        let answer = self.parts.stand_in.answer(&request.id)?;
        let reply = repeat(request, answer);
        self.count(&reply);
        Some(reply)
    }

    /// Answers an authorization whose checks have begun. They may take what the ledger and stand-in
    /// leave of the budget; whatever they took is missing from it afterwards.
    pub async fn verified(
        &self,
        mut request: Request,
        checks: Verifying,
        caller: Option<Duration>,
        trail: Trail,
    ) -> Result<Reply, Refused> {
        if !checks.is_asked() {
            return self.authorize(request, caller, trail).await;
        }
        let began = Instant::now();
        let budgets = self.parts.budgets.within(caller);
        request.verification = checks.within(budgets.spare()).await;
        let left = budgets.total.saturating_sub(began.elapsed());
        self.authorize(request, Some(left), trail).await
    }

    /// Answers an authorization. `caller` is the time that the caller has left, if it said so; `trail`
    /// is where its spans hang.
    pub async fn authorize(
        &self,
        request: Request,
        caller: Option<Duration>,
        trail: Trail,
    ) -> Result<Reply, Refused> {
        let budgets = self.parts.budgets.within(caller);
        let deadline = Instant::now() + budgets.total;
        let answered = tokio::time::timeout_at(deadline, self.join(request, budgets, trail)).await;
        let reply = answered.unwrap_or(Err(Refused::Late));
        self.count(&reply);
        reply
    }

    fn count(&self, reply: &Result<Reply, Refused>) {
        if reply.as_ref().is_ok_and(|reply| reply.duplicate) {
            self.parts.duplicates.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// True where the client's key was used for another authorization.
    fn reused(&self, request: &Request) -> bool {
        request.alias != 0
            && self
                .parts
                .stand_in
                .id_for_alias(request.alias)
                .is_some_and(|id| id != request.id)
    }

    // === join: one lane per id, one answer for all ===

    async fn join(
        &self,
        request: Request,
        budgets: Budgets,
        trail: Trail,
    ) -> Result<Reply, Refused> {
        let reserved = self.parts.keys_in_flight.reserve(request.alias, request.id);
        let Some(reserved) = reserved.filter(|_| !self.reused(&request)) else {
            return Err(Refused::KeyReused);
        };
        let reserved = Arc::new(reserved);
        let mut joined = false;
        loop {
            if let Some(answer) = self.parts.stand_in.answer(&request.id) {
                return repeat(&request, answer);
            }
            match self.parts.lanes.enter(request.id) {
                Entrance::Busy(waiting) => waiting.left().await,
                Entrance::Entered(guard) => {
                    let gateway = self.clone();
                    // The key stays reserved for as long as the work goes on, whoever still waits.
                    let reserved = Arc::clone(&reserved);
                    let work = async move {
                        let answer = gateway.first(request, budgets, trail, guard).await;
                        drop(reserved);
                        answer
                    };
                    let answer = self.parts.work.spawn(work).await.map_err(|_| unknown())??;
                    return Ok(Reply {
                        answer,
                        duplicate: joined,
                    });
                }
            }
            joined = true;
        }
    }

    /// The first with this id, alone in its lane.
    async fn first(
        &self,
        request: Request,
        budgets: Budgets,
        trail: Trail,
        _guard: Guard,
    ) -> Result<Answer, Refused> {
        // Whoever was in the lane before may have answered since. And the shadow decision.
        let look = self.parts.stand_in.look(&request, now());
        if let Some(answer) = look.answer {
            return repeat(&request, answer).map(|reply| reply.answer);
        }

        // === what the ledger is not asked for ===
        let ruling = self.parts.orders.ruling(&request, now().boot_ms);
        if let Some(alone) = not_asked(&request, look.is_reversed, ruling) {
            return self.alone(request, alone, false, trail).await;
        }

        // === ask ===
        let sent = Sent::default();
        let asking = Asking::begin(&self.parts.telemetry, trail);
        let asked = self
            .ask(
                &request,
                look.unbooked_minor,
                budgets,
                sent.clone(),
                &asking,
            )
            .await;
        asking.end(&asked);
        match asked {
            Ok(decision) => {
                self.parts.shadow.compare(
                    look.shadow.approved,
                    decision.approved,
                    request.amount.minor(),
                );
                self.by_ledger(&request, decision, trail).await
            }
            Err(AskError::Conflict) => Err(Refused::Conflict),
            // === stand in, or decline where nobody may ===
            Err(error) => {
                let cause = error.cause();
                let may = ruling != Some(What::Ledger) && self.parts.stand_in_on.has(cause);
                let alone = if may {
                    Alone::StandsIn(cause)
                } else {
                    Alone::Declines(Reason::StandInSwitchedOff, cause)
                };
                self.alone(request, alone, sent.maybe(), trail).await
            }
        }
    }

    /// Answers without the ledger.
    async fn alone(
        &self,
        request: Request,
        alone: Alone,
        asked: bool,
        trail: Trail,
    ) -> Result<Answer, Refused> {
        let stand_in = &self.parts.stand_in;
        let decide = || match alone {
            Alone::StandsIn(cause) => stand_in.decide_now(request, cause, asked, now()),
            Alone::Declines(reason, cause) => {
                stand_in.decline_now(request, reason, cause, asked, now())
            }
        };
        let waiting = self.parts.metrics.waiting(Wait::Durable);
        let decided = self.writing(request.id, trail).decision(decide).await;
        self.kept(waiting, decided)
    }

    /// Answers as the ledger has decided.
    async fn by_ledger(
        &self,
        request: &Request,
        decision: LedgerAnswer,
        trail: Trail,
    ) -> Result<Answer, Refused> {
        let recorded = (self.parts.stand_in).record_now(*request, decision, now())?;
        let waiting = self.parts.metrics.waiting(if request.captures {
            Wait::Durable
        } else {
            Wait::Written
        });
        let recorded = self.writing(request.id, trail).answer(recorded).await;
        self.kept(waiting, recorded)
    }

    /// Counts an answer whose record is as safe as it must be.
    fn kept(
        &self,
        waiting: Waiting<'_>,
        answer: Result<Answer, NoAnswer>,
    ) -> Result<Answer, Refused> {
        waiting.over();
        let answer = answer?;
        self.parts.metrics.answered(&answer);
        Ok(answer)
    }

    pub(crate) fn writing(&self, id: AuthorizationId, trail: Trail) -> Writing<'_> {
        Writing::new(&self.parts.telemetry, &self.parts.name, id, trail)
    }

    async fn ask(
        &self,
        request: &Request,
        unbooked_minor: i64,
        budgets: Budgets,
        sent: Sent,
        asking: &Asking,
    ) -> Result<LedgerAnswer, AskError> {
        let ask = Ask {
            request: AuthorizeRequest {
                id: request.id,
                card: request.card,
                amount_minor: request.amount,
                currency: request.currency,
                fingerprint: request.fingerprint,
                unbooked_minor,
                kind: AuthorizationKind::Purchase,
                partial: request.circumstances.partial,
                original: None,
                exponent: None,
                transaction: None,
                traceparent: asking.parent(),
            },
            deadline: Instant::now() + budgets.ledger,
            judged: budgets.ledger >= JUDGED_MIN.min(self.parts.budgets.ledger),
            sent,
        };
        let mut ledger = self.parts.ledger.clone();
        let decision = ledger.ready().await?.call(ask).await?;
        Ok(LedgerAnswer {
            account: decision.account,
            approved: decision.approved,
            approved_amount: decision.approved_minor,
            reason: decision.reason,
            mark: decision.mark,
        })
    }

    // === what the network tells us: written down, answered, told to the ledger ===

    /// Takes an authorization back, wholly or down to `remaining`. Waits for an original in flight.
    pub async fn reverse(
        &self,
        id: AuthorizationId,
        card: CardToken,
        remaining: Amount,
        trail: Trail,
    ) -> Result<Accepted, Refused> {
        let gateway = self.clone();
        let work = self.parts.work.spawn(async move {
            let _guard = gateway.parts.lanes.wait_and_enter(id).await;
            let parts = gateway.parts();
            let accepted = (parts.stand_in).accept_reversal(id, card, remaining, now());
            gateway.written_down(id, trail, accepted).await
        });
        self.accepted(work).await
    }

    /// Takes note of an authorization that the network has answered itself.
    pub async fn advise(
        &self,
        request: Request,
        approved: bool,
        approved_amount: Amount,
        trail: Trail,
    ) -> Result<Accepted, Refused> {
        let gateway = self.clone();
        let work = self.parts.work.spawn(async move {
            let _guard = gateway.parts.lanes.wait_and_enter(request.id).await;
            let parts = gateway.parts();
            let accepted =
                (parts.stand_in).accept_advice(request, approved, approved_amount, now());
            gateway.written_down(request.id, trail, accepted).await
        });
        self.accepted(work).await
    }

    /// Waits until what was told under this id is durable.
    pub(crate) async fn written_down<E>(
        &self,
        id: AuthorizationId,
        trail: Trail,
        accepting: impl Future<Output = Result<Accepted, E>>,
    ) -> Result<Accepted, E>
    where
        E: Clone + Into<NotTaken>,
    {
        let waiting = self.parts.metrics.waiting(Wait::Durable);
        let told = self.writing(id, trail).told(accepting).await;
        waiting.over();
        told
    }

    /// Waits for what was told to be durable, within the budget.
    pub(crate) async fn accepted<E>(
        &self,
        work: tokio::task::JoinHandle<Result<Accepted, E>>,
    ) -> Result<Accepted, Refused>
    where
        Refused: From<E>,
    {
        match tokio::time::timeout(self.parts.budgets.total, work).await {
            Ok(done) => Ok(done.map_err(|_| unknown())??),
            Err(_) => Err(Refused::Late),
        }
    }
}

/// What the gateway does where the ledger does not decide.
enum Alone {
    /// Decides by the rules of stand-in.
    StandsIn(Cause),
    /// Declines, whatever they say.
    Declines(Reason, Cause),
}

/// What is done without asking the ledger, if it is not asked.
fn not_asked(request: &Request, is_reversed: bool, ruling: Option<What>) -> Option<Alone> {
    // Reversed before it came, and the ledger has not heard of that yet; or a PIN, CVV2 or cryptogram is
    // wrong, and no balance could change that.
    if request.verification.has_failed() || is_reversed {
        return Some(Alone::StandsIn(Cause::None));
    }
    match ruling {
        Some(What::Decline) => {
            let reason = Reason::DeclinedByOperator;
            Some(Alone::Declines(reason, Cause::Operator))
        }
        // The first answer to a repeat may have come through another gateway: the ledger knows it.
        Some(What::StandIn) if !request.repeat => Some(Alone::StandsIn(Cause::Operator)),
        Some(What::StandIn | What::Ledger) | None => None,
    }
}

impl From<NotTaken> for Refused {
    fn from(not_taken: NotTaken) -> Self {
        match not_taken {
            NotTaken::Conflict => Self::Conflict,
            NotTaken::NoAnswer(none) => Self::Unknown(none),
        }
    }
}

fn repeat(request: &Request, answer: Answer) -> Result<Reply, Refused> {
    if answer.request.fingerprint == request.fingerprint {
        Ok(Reply {
            answer,
            duplicate: true,
        })
    } else {
        Err(Refused::Conflict)
    }
}

/// The task that worked on it vanished: a panic, which nothing here should have.
fn unknown() -> Refused {
    Refused::Unknown(NoAnswer::OutcomeUnknown(
        "the task that worked on it failed".to_owned(),
    ))
}
