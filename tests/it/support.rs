//! What the tests have in common: a stack, and the short words that they are written in.

use std::ops::Deref;
use std::time::Duration;

use anyhow::{Context, bail};
use tests::books::Audit;
use tests::cluster::{Stack, StackConfig};
use tests::notebook::{Answer, Outcome, ReversalOutcome};
use tests::payment::Payment;
use tests::process::Program;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Longer than the gateways' budget, so that a late answer is seen as late and not as missing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How long the way from a heal to an empty backlog may take, the breaker's back-off included.
pub(crate) const DRAINED_WITHIN: Duration = Duration::from_secs(30);

/// Four processes each: more at once than this would be slow in a way that stand-in notices.
static STACKS: Semaphore = Semaphore::const_new(2);

/// A stack with a place among those that run at the same time.
pub(crate) struct Running {
    stack: Stack,
    _place: SemaphorePermit<'static>,
}

impl Deref for Running {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.stack
    }
}

/// Two gateways and a ledger on the embedded store.
pub(crate) async fn stack() -> anyhow::Result<Running> {
    stack_with(|_| {}).await
}

/// A stack with something different.
pub(crate) async fn stack_with(change: impl FnOnce(&mut StackConfig)) -> anyhow::Result<Running> {
    let place = STACKS.acquire().await?;
    let mut config = StackConfig::new(Program::node(env!("CARGO_BIN_EXE_node")));
    change(&mut config);
    Ok(Running {
        stack: Stack::start(config).await?,
        _place: place,
    })
}

impl Running {
    /// Pays over HTTP at a gateway.
    pub(crate) async fn pay(&self, gateway: usize, payment: &Payment) -> anyhow::Result<Answer> {
        answered(
            self.http(gateway)?
                .authorize(payment, false, PATIENCE)
                .await,
        )
    }

    /// Pays over ISO 8583 at a gateway.
    pub(crate) async fn pay_iso(
        &self,
        gateway: usize,
        payment: &Payment,
    ) -> anyhow::Result<Answer> {
        answered(
            self.iso(gateway)
                .await?
                .authorize(payment, false, PATIENCE)
                .await,
        )
    }

    /// Sends it again, flagged as a repeat, over HTTP.
    pub(crate) async fn repeat(&self, gateway: usize, payment: &Payment) -> anyhow::Result<Answer> {
        answered(self.http(gateway)?.authorize(payment, true, PATIENCE).await)
    }

    /// Sends it again as 0101.
    pub(crate) async fn repeat_iso(
        &self,
        gateway: usize,
        payment: &Payment,
    ) -> anyhow::Result<Answer> {
        answered(
            self.iso(gateway)
                .await?
                .authorize(payment, true, PATIENCE)
                .await,
        )
    }

    /// Takes it back over HTTP; true where it had been accepted before.
    pub(crate) async fn reverse(
        &self,
        gateway: usize,
        payment: &Payment,
        remaining_minor: i64,
    ) -> anyhow::Result<bool> {
        match self
            .http(gateway)?
            .reverse(payment, remaining_minor, PATIENCE)
            .await
        {
            ReversalOutcome::Accepted { duplicate, .. } => {
                duplicate.context("a reversal's answer says whether it is a duplicate")
            }
            other => bail!("the reversal was not accepted: {other:?}"),
        }
    }

    /// Waits until the ledger knows all.
    pub(crate) async fn settled(&self) -> anyhow::Result<()> {
        self.drained(DRAINED_WITHIN).await?;
        self.known(DRAINED_WITHIN).await
    }

    /// What may be spent from the card's account, by the ledger's word.
    pub(crate) async fn available(&self, card: &tests::payment::Card) -> anyhow::Result<i64> {
        self.ledger().available(card.account).await
    }

    /// Heals, drains, audits: every test ends with it.
    pub(crate) async fn finish(self) -> anyhow::Result<Audit> {
        self.stack.finish().await
    }
}

/// The decision; anything else is a failure of the test.
pub(crate) fn answered(outcome: Outcome) -> anyhow::Result<Answer> {
    match outcome {
        Outcome::Answered(answer) => Ok(answer),
        other => bail!("no decision: {other:?}"),
    }
}
