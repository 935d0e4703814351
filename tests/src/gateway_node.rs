//! A gateway as an operator sees it: its status, and what its journal holds.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use ledger_api::{AuthorizationId, Cause, GatewayId, Reason};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::net::lookup_host;

use crate::notebook::By;

const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const PAGE: usize = 1_000;

/// Where one gateway of the stack is.
#[derive(Debug, Clone)]
pub struct GatewayNode {
    /// Its name.
    pub name: GatewayId,
    /// Its HTTP door, `http://…`.
    pub http: String,
    /// Its ISO 8583 door.
    pub iso: SocketAddr,
    iso_name: String,
    client: reqwest::Client,
}

/// `GET /v1/status`, as much of it as tests read; the rest is in `rest`.
#[derive(Debug, Clone, Deserialize)]
pub struct Status {
    /// The gateway's name.
    pub gateway: GatewayId,
    /// Charged against the cap now.
    pub exposure_minor: i64,
    /// The most that ever was.
    pub exposure_peak_minor: i64,
    /// The cap.
    pub exposure_max_minor: i64,
    /// Σ of the fleet's caps.
    pub bound_minor: i64,
    /// Overdraft realised because of stand-in.
    pub realised_minor: i64,
    /// Advices that the ledger has not acknowledged.
    pub backlog: u64,
    /// Advices written since the journal began.
    pub advices_written: u64,
    /// Of these, acknowledged.
    pub advices_acknowledged: u64,
    /// Acknowledged as known already, since the process began.
    #[serde(default)]
    pub advices_duplicate: u64,
    /// Acknowledged as waiting for a person.
    pub parked: u64,
    /// `passing`, `tripped` or `probing`.
    pub breaker: String,
    /// How often it tripped.
    pub breaker_trips: u64,
    /// What the gateway knows.
    pub knowledge: Knowledge,
    /// Its own decisions.
    pub stand_in: Counts,
    /// The ledger's decisions.
    pub ledger: Counts,
    /// Repeats that got the recorded answer.
    #[serde(default)]
    pub duplicates_suppressed: u64,
    /// Why it does not stand in, if it does not (rule 11).
    #[serde(default)]
    pub fenced: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The local copy of the ledger's feed.
#[derive(Debug, Clone, Deserialize)]
pub struct Knowledge {
    /// How many cards.
    pub cards: u64,
    /// How many accounts.
    pub accounts: u64,
    /// How long ago the ledger was last heard.
    pub age_ms: Option<u64>,
    /// The ledger's epoch.
    pub epoch: u64,
    /// The last change that it includes.
    pub position: u64,
}

/// Decisions, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Counts {
    /// Approved.
    pub approved: u64,
    /// Declined.
    pub declined: u64,
}

/// One answer in a gateway's journal.
#[derive(Debug, Clone, Deserialize)]
pub struct JournalAnswer {
    /// The authorization.
    pub id: AuthorizationId,
    /// What was told.
    pub approved: bool,
    /// How much.
    pub approved_minor: i64,
    /// Who decided.
    pub decided_by: By,
    /// By which rule.
    pub reason: Reason,
    /// Why the ledger did not.
    pub cause: Cause,
    /// Its record.
    pub seq: u64,
    /// Whether the ledger has acknowledged it; true for the ledger's own answers.
    pub acknowledged: bool,
    /// What a reversal left of it.
    #[serde(default)]
    pub reversed_to_minor: Option<i64>,
}

#[derive(Deserialize)]
struct JournalPage {
    answers: Vec<JournalAnswer>,
    next: Option<u64>,
}

impl GatewayNode {
    /// The gateway with these doors.
    ///
    /// # Errors
    /// Where the HTTP client cannot be built.
    pub fn new(name: GatewayId, http: String, iso: SocketAddr) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER_WITHIN)
            .build()?;
        Ok(Self {
            name,
            http,
            iso,
            iso_name: iso.to_string(),
            client,
        })
    }

    /// The gateway with these doors, where the ISO 8583 door is a host's name and a port. The name is
    /// looked up again for every connection: a container may come back with another address.
    ///
    /// # Errors
    /// Where the name has no address now, or the HTTP client cannot be built.
    pub async fn named(name: GatewayId, http: String, iso: String) -> anyhow::Result<Self> {
        let address = lookup_host(&iso).await.with_context(|| iso.clone())?.next();
        let address = address.with_context(|| format!("{iso} has no address"))?;
        Ok(Self {
            iso_name: iso,
            ..Self::new(name, http, address)?
        })
    }

    /// Its ISO 8583 door as it was given: an address, or a host's name and a port.
    pub fn iso_name(&self) -> &str {
        &self.iso_name
    }

    /// Its status.
    ///
    /// # Errors
    /// Where it does not answer, or with something else.
    pub async fn status(&self) -> anyhow::Result<Status> {
        let answer = self
            .client
            .get(format!("{}/v1/status", self.http))
            .send()
            .await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// All answers in its journal, in order.
    ///
    /// # Errors
    /// Where it does not answer, or with something else.
    pub async fn journal(&self) -> anyhow::Result<Vec<JournalAnswer>> {
        let (mut answers, mut after) = (Vec::new(), 0);
        loop {
            let url = format!("{}/v1/journal?after={after}&limit={PAGE}", self.http);
            let page: JournalPage = self
                .client
                .get(url)
                .send()
                .await?
                .error_for_status()?
                .json()
                .await?;
            answers.extend(page.answers);
            match page.next {
                Some(next) if next > after => after = next,
                _ => return Ok(answers),
            }
        }
    }
}
