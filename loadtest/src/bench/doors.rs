//! The two ways to ask: the batcher in this process, and a ledger process behind the layers that a
//! gateway has.

use std::sync::Arc;
use std::time::Duration;

use ::tests::ports;
use ::tests::process::{Child, Program};
use anyhow::Context;
use gateway::ledger_client::batches::Batches;
use gateway::ledger_client::breaker::{Breaker, Config};
use gateway::ledger_client::wire::Wire;
use gateway::ledger_client::{Ask, Sent};
use gateway::stack;
use ledger::batcher::Batcher;
use ledger::posting::{Command, Outcome};
use ledger_api::{AuthorizeAnswer, AuthorizeRequest, GatewayId};
use tempfile::TempDir;
use tokio::time::Instant;
use tower::{Service, ServiceExt};

use super::books::{Books, gateway};
use super::callers::{Asked, Said};

/// A gateway's own defaults.
const CUTOFF: Duration = Duration::from_millis(800);
const IN_FLIGHT_MAX: usize = 1_024;

/// The batcher in front of the store, without HTTP.
#[derive(Debug, Clone)]
pub(crate) struct InProcess {
    batcher: Batcher,
    gateway: GatewayId,
}

impl InProcess {
    /// # Errors
    /// Never.
    pub(crate) fn new(books: &Books) -> anyhow::Result<Self> {
        Ok(Self {
            batcher: books.batcher.clone(),
            gateway: gateway()?,
        })
    }
}

impl Asked for InProcess {
    async fn ask(&self, request: AuthorizeRequest) -> Said {
        let command = Command::Authorize {
            gateway: self.gateway.clone(),
            request,
        };
        let outcomes = match self.batcher.submit(vec![command]).await {
            Ok(outcomes) => outcomes,
            Err(error) => return Said::Failed(error.to_string()),
        };
        match outcomes.into_iter().next() {
            Some(Outcome::Authorized(AuthorizeAnswer::Decided(decision), _)) => {
                said(decision.approved)
            }
            other => Said::Failed(format!("no decision: {other:?}")),
        }
    }
}

fn said(approved: bool) -> Said {
    if approved {
        Said::Approved
    } else {
        Said::Declined
    }
}

/// A ledger of its own; killed when this goes.
#[derive(Debug)]
pub(crate) struct LedgerProcess {
    child: Child,
    url: String,
    _logs: TempDir,
}

impl LedgerProcess {
    /// Starts it on a database. It is this executable, so that it is never an older one.
    ///
    /// # Errors
    /// Where it is not ready in time, with the end of its log.
    pub(crate) async fn start(database_url: &str) -> anyhow::Result<Self> {
        let (logs, listen) = (tempfile::tempdir()?, ports::free()?.to_string());
        let words = ["ledger", "--listen", &listen, "--log", "warn"];
        let more = ["--database-url", database_url];
        let arguments = words.into_iter().chain(more).map(Into::into).collect();
        let child = Child::start(&Program::current()?, "ledger", arguments, logs.path()).await?;
        Ok(Self {
            child,
            url: format!("http://{listen}"),
            _logs: logs,
        })
    }

    /// Its process id.
    ///
    /// # Errors
    /// Where it has ended.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        let pid = self.child.pid().context("the ledger has ended")?;
        Ok(u32::try_from(pid)?)
    }

    /// The layers and the connections that a gateway has in front of it, with its defaults.
    ///
    /// # Errors
    /// Where the HTTP client cannot be made.
    pub(crate) fn client(&self) -> anyhow::Result<OverHttp> {
        let batches = Batches::start(gateway()?, Wire::new(&self.url)?);
        let breaker = Arc::new(Breaker::new(Config::default()));
        let asks = gateway::metrics::Metrics::new(Box::new(|_| false)).asks();
        Ok(OverHttp(stack::ledger(
            breaker,
            IN_FLIGHT_MAX,
            batches,
            asks,
        )))
    }
}

/// What a gateway asks through.
#[derive(Clone)]
pub(crate) struct OverHttp(stack::Ledger);

impl Asked for OverHttp {
    async fn ask(&self, request: AuthorizeRequest) -> Said {
        let ask = Ask {
            request,
            deadline: Instant::now() + CUTOFF,
            judged: true,
            sent: Sent::default(),
        };
        let mut stack = self.0.clone();
        let asked = async { stack.ready().await?.call(ask).await };
        match asked.await {
            Ok(decision) => said(decision.approved),
            Err(error) => Said::Failed(error.to_string()),
        }
    }
}
