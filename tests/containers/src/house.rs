//! The house as tests know it: a stack, on containers.

use std::ops::Deref;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::future::try_join_all;
use tests::books::{Audit, AuditOptions};
use tests::cluster::{Directory, Layout, Machinery, Node, Stack};
use tests::gateway_node::GatewayNode;
use tests::notebook::{Answer, Outcome};
use tests::payment::Payment;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::engine::engine;
use crate::machinery::Containers;
use crate::parts;

/// Longer than the gateways' budget, so that a late answer is seen as late and not as missing.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long the way from a repair to an empty backlog may take, the breaker's back-off included.
pub const DRAINED_WITHIN: Duration = Duration::from_secs(40);

/// I8: the gateways' budget, and a second because the engine starts containers meanwhile, on the disk
/// that a stand-in's answer is synced to. Whoever waits for a ledger that hangs needs longer.
const ANSWERED_WITHIN: Duration = Duration::from_millis(2_500);

/// Six containers each: more at once than this would be slow in a way that stand-in notices.
static HOUSES: Semaphore = Semaphore::const_new(2);

/// A stack on containers, with a place among those that run at the same time.
pub struct House {
    stack: Stack,
    _place: SemaphorePermit<'static>,
}

impl Deref for House {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.stack
    }
}

/// A house in which everything runs; `None` where this machine has no containers.
///
/// # Errors
/// Where something does not come up.
pub async fn house() -> anyhow::Result<Option<House>> {
    house_with(&parts::nodes()).await
}

/// A house in which only these run so far; `None` where this machine has no containers.
///
/// # Errors
/// Where one does not come up.
pub async fn house_with(nodes: &[Node]) -> anyhow::Result<Option<House>> {
    let Some(engine) = engine().await? else {
        return Ok(None);
    };
    let place = place().await?;
    let directory = Directory::make(None)?;
    let containers = Containers::prepare(&engine, directory.path().to_owned()).await?;
    let layout = layout(&containers, directory)?;
    // Who is called before who calls.
    for step in [is_database, is_in_between, is_gateway] {
        let now = nodes.iter().filter(|node| step(**node));
        let started = try_join_all(now.map(|node| containers.start(*node))).await;
        if started.is_err() {
            layout.directory.keep();
            containers.save().await?;
        }
        started?;
    }
    Ok(Some(House {
        stack: Stack::assemble(Box::new(containers), layout)?,
        _place: place,
    }))
}

/// A place among the houses that may run at the same time.
///
/// # Errors
/// Never: nobody takes the places away.
pub async fn place() -> anyhow::Result<SemaphorePermit<'static>> {
    Ok(HOUSES.acquire().await?)
}

fn layout(containers: &Containers, directory: Directory) -> anyhow::Result<Layout> {
    let ports = containers.ports();
    let gateways = (0..parts::GATEWAYS).map(|index| {
        let name = parts::name(Node::Gateway(index)).parse()?;
        GatewayNode::new(name, ports.http(Node::Gateway(index))?, ports.iso(index)?)
    });
    let (keys_file, homes_file) = parts::shared_files()?;
    Ok(Layout {
        gateways: gateways.collect::<anyhow::Result<_>>()?,
        ledgers: (0..parts::LEDGERS)
            .map(|index| ports.http(Node::Ledger(index)))
            .collect::<anyhow::Result<_>>()?,
        control: Some(ports.http(Node::Proxy)?),
        keys_file,
        homes_file,
        store_line: "postgres, in a container".into(),
        directory,
    })
}

impl House {
    /// Pays over HTTP at a gateway; an error where there is no decision.
    ///
    /// # Errors
    /// Where nothing was decided.
    pub async fn pay(&self, gateway: usize, payment: &Payment) -> anyhow::Result<Answer> {
        decided(
            self.http(gateway)?
                .authorize(payment, false, PATIENCE)
                .await,
        )
    }

    /// Sends it again, flagged as a repeat, over ISO 8583.
    ///
    /// # Errors
    /// Where nothing was decided.
    pub async fn repeat(&self, gateway: usize, payment: &Payment) -> anyhow::Result<Answer> {
        let link = self.iso(gateway).await?;
        decided(link.authorize(payment, true, PATIENCE).await)
    }

    /// Waits until the ledger knows all, and the gateways what it knows.
    ///
    /// # Errors
    /// Where that takes too long.
    pub async fn settled(&self) -> anyhow::Result<()> {
        self.drained(DRAINED_WITHIN).await?;
        self.known(DRAINED_WITHIN).await
    }

    /// Heals, drains, audits, and looks who has died unasked: every test ends with it.
    ///
    /// # Errors
    /// Where an invariant is broken, the backlog does not drain, or somebody died; logs are kept then.
    pub async fn finish(self) -> anyhow::Result<Audit> {
        self.audited().await
    }

    /// The same, and everything goes on.
    ///
    /// # Errors
    /// As for [`House::finish`].
    pub async fn audited(&self) -> anyhow::Result<Audit> {
        let audited = self.settle_and_audit().await;
        if audited.is_err() {
            self.stack.keep();
            self.machinery().save().await?;
        }
        audited
    }

    async fn settle_and_audit(&self) -> anyhow::Result<Audit> {
        for process in self.machinery().list().await? {
            if let Some(ended) = process.ended {
                bail!("{} ended by itself: {ended}", process.name);
            }
        }
        self.repair().await?;
        self.drained(DRAINED_WITHIN).await?;
        let options = AuditOptions {
            budget: Some(ANSWERED_WITHIN),
            ..AuditOptions::default()
        };
        let audit = self.audit(&options).await?;
        audit.assert()?;
        Ok(audit)
    }
}

fn decided(outcome: Outcome) -> anyhow::Result<Answer> {
    let answer = outcome.answer().cloned();
    answer.with_context(|| format!("no decision: {outcome:?}"))
}

fn is_database(node: Node) -> bool {
    node == Node::Database
}

fn is_in_between(node: Node) -> bool {
    matches!(node, Node::Ledger(_) | Node::Proxy)
}

fn is_gateway(node: Node) -> bool {
    matches!(node, Node::Gateway(_))
}
