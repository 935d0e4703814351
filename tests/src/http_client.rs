//! A client of a gateway's HTTP door.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gateway::identity::Keys;
use ledger_api::{AuthorizationId, Cause, Problem, Reason};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::notebook::{Answer, By, Door, Notebook, Outcome, Record, Refusal, ReversalOutcome};
use crate::payment::{Completion, Network, Payment};

/// A client of one gateway; clones share connections. Every answer goes into the notebook.
#[derive(Clone)]
pub struct HttpClient {
    gateway: usize,
    url: String,
    client: reqwest::Client,
    notebook: Notebook,
    keys: Arc<Keys>,
}

/// An answer of the door, whole.
#[derive(Debug)]
pub struct Raw {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Raw {
    /// The body as a problem; an error where it is not `application/problem+json`.
    ///
    /// # Errors
    /// Where media type or body are something else.
    pub fn problem(&self) -> anyhow::Result<Problem> {
        let kind = self
            .headers
            .get("content-type")
            .and_then(|kind| kind.to_str().ok());
        anyhow::ensure!(
            kind == Some("application/problem+json"),
            "{} with content type {kind:?} and body {}",
            self.status,
            self.body
        );
        Ok(serde_json::from_str(&self.body)?)
    }
}

impl HttpClient {
    /// A client of the gateway with this index at `url`.
    ///
    /// # Errors
    /// Where the HTTP client cannot be built.
    pub fn new(
        gateway: usize,
        url: &str,
        notebook: Notebook,
        keys: Arc<Keys>,
    ) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .build()?;
        Ok(Self {
            gateway,
            url: url.to_owned(),
            client,
            notebook,
            keys,
        })
    }

    /// Sends the payment and waits for an answer, at most for `deadline`.
    pub async fn authorize(&self, payment: &Payment, repeat: bool, deadline: Duration) -> Outcome {
        let request = self.authorization(payment, repeat);
        self.send_authorization(request, payment, repeat, deadline)
            .await
    }

    /// Sends the payment and says in a header that the caller has only so many milliseconds left.
    pub async fn authorize_within(
        &self,
        payment: &Payment,
        caller_ms: u64,
        deadline: Duration,
    ) -> Outcome {
        let request = self
            .authorization(payment, false)
            .header("x-transaction-timeout-ms", caller_ms);
        self.send_authorization(request, payment, false, deadline)
            .await
    }

    fn authorization(&self, payment: &Payment, repeat: bool) -> RequestBuilder {
        self.client
            .post(format!("{}/v1/authorizations", self.url))
            .header("idempotency-key", &payment.idempotency_key)
            .json(&authorization_body(payment, repeat))
    }

    async fn send_authorization(
        &self,
        request: RequestBuilder,
        payment: &Payment,
        repeat: bool,
        deadline: Duration,
    ) -> Outcome {
        let start = Instant::now();
        let outcome = match send(request, deadline).await {
            Ok(raw) => read_authorization(&raw, start.elapsed()),
            Err(error) => Outcome::Unanswered(format!("{error:#}")),
        };
        self.notebook.write(Record::Authorization {
            id: payment.id(&self.keys),
            card: payment.token,
            gateway: self.gateway,
            door: Door::Http,
            amount_minor: payment.amount_minor,
            repeat,
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Takes the payment back, but for `remaining_minor` (zero for all of it).
    pub async fn reverse(
        &self,
        payment: &Payment,
        remaining_minor: i64,
        deadline: Duration,
    ) -> ReversalOutcome {
        let body = json!({
            "card": {"number": payment.card_number},
            "remaining_minor": remaining_minor,
            "original": network_body(&payment.network),
        });
        let outcome = self.told("reversals", payment, &body, deadline).await;
        self.notebook.write(Record::Reversal {
            id: payment.id(&self.keys),
            card: payment.token,
            gateway: self.gateway,
            door: Door::Http,
            remaining_minor,
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Takes a completion back, but for `remaining_minor`.
    pub async fn reverse_completion(
        &self,
        completion: &Completion,
        remaining_minor: i64,
        deadline: Duration,
    ) -> ReversalOutcome {
        let own = &completion.own;
        let body = json!({
            "card": {"number": own.card_number},
            "remaining_minor": remaining_minor,
            "original": network_body(&own.network),
            "of": "completion",
        });
        let outcome = self.told("reversals", own, &body, deadline).await;
        self.notebook.write(Record::Reversal {
            id: completion.id(&self.keys),
            card: own.token,
            gateway: self.gateway,
            door: Door::Http,
            remaining_minor,
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Tells of a completion.
    pub async fn complete(&self, completion: &Completion, deadline: Duration) -> ReversalOutcome {
        let own = &completion.own;
        let mut body = json!({
            "card": {"number": own.card_number},
            "amount_minor": own.amount_minor,
            "currency": own.currency.to_string(),
            "processing_code": own.processing_code,
            "more": completion.more,
            "network": network_body(&own.network),
        });
        if let Some(of) = &completion.of {
            body["original"] = network_body(&of.network);
        }
        let outcome = self.told("completions", own, &body, deadline).await;
        self.notebook.write(Record::Completion {
            id: completion.id(&self.keys),
            of: completion.of.as_ref().map(|of| of.id(&self.keys)),
            card: own.token,
            gateway: self.gateway,
            door: Door::Http,
            amount_minor: own.amount_minor,
            refund: completion.is_refund(),
            more: completion.more,
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Tells that the network itself approved `approved_minor` of the payment.
    pub async fn advise(
        &self,
        payment: &Payment,
        approved_minor: i64,
        deadline: Duration,
    ) -> ReversalOutcome {
        let partly = approved_minor < payment.amount_minor;
        let body = json!({
            "card": {"number": payment.card_number},
            "amount_minor": approved_minor,
            "currency": payment.currency.to_string(),
            "processing_code": payment.processing_code,
            "response_code": if partly { "10" } else { "00" },
            "network": network_body(&payment.network),
        });
        let outcome = self.told("advices", payment, &body, deadline).await;
        self.notebook.write(Record::Advice {
            id: payment.id(&self.keys),
            card: payment.token,
            gateway: self.gateway,
            approved_minor,
            outcome: outcome.clone(),
        });
        outcome
    }

    async fn told(
        &self,
        what: &str,
        payment: &Payment,
        body: &Value,
        deadline: Duration,
    ) -> ReversalOutcome {
        let request = self
            .client
            .post(format!("{}/v1/{what}", self.url))
            .header(
                "idempotency-key",
                format!("{what}-{}", payment.idempotency_key),
            )
            .json(body);
        let start = Instant::now();
        match send(request, deadline).await {
            Ok(raw) => read_reversal(&raw, start.elapsed()),
            Err(error) => ReversalOutcome::Unanswered(format!("{error:#}")),
        }
    }

    /// What the gateway knows of an id; `None` for nothing.
    ///
    /// # Errors
    /// Where the gateway does not answer, or with something else.
    pub async fn lookup(&self, id: AuthorizationId) -> anyhow::Result<Option<Value>> {
        let url = format!("{}/v1/authorizations/{id}", self.url);
        let answer = self.client.get(url).send().await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(answer.error_for_status()?.json().await?))
    }

    /// Sends anything, for malformed requests; nothing goes into the notebook.
    ///
    /// # Errors
    /// Where no whole answer comes within five seconds.
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> anyhow::Result<Raw> {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .body(body.into());
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).context("a header name")?;
            request = request.header(name, HeaderValue::try_from(*value).context("a header")?);
        }
        send(request, Duration::from_secs(5)).await
    }
}

/// The body of `POST /v1/authorizations` for a payment, for tests that spoil it.
pub fn authorization_body(payment: &Payment, repeat: bool) -> Value {
    json!({
        "card": {"number": payment.card_number},
        "expiry": format!("{:04}", payment.expiry),
        "amount_minor": payment.amount_minor,
        "currency": payment.currency.to_string(),
        "processing_code": payment.processing_code,
        "mcc": payment.mcc,
        "entry_mode": payment.entry_mode,
        "partial": payment.partial,
        "repeat": repeat,
        "network": network_body(&payment.network),
    })
}

fn network_body(network: &Network) -> Value {
    let mut body = json!({
        "acquirer_id": network.acquirer_id,
        "terminal_id": network.terminal_id,
        "merchant_id": network.merchant_id,
        "stan": format!("{:06}", network.stan),
        "rrn": network.rrn,
        "transmitted_at": network.transmitted_at,
    });
    if let Some(forwarder) = &network.forwarder_id {
        body["forwarder_id"] = json!(forwarder);
    }
    body
}

async fn send(request: RequestBuilder, deadline: Duration) -> anyhow::Result<Raw> {
    let answer = request.timeout(deadline).send().await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Ok(Raw {
        status,
        headers,
        body: answer.text().await?,
    })
}

#[derive(Deserialize)]
struct Decision {
    decision: String,
    response_code: String,
    approval_code: Option<String>,
    approved_minor: i64,
    reason: Reason,
    decided_by: By,
    stand_in: StandIn,
    duplicate: bool,
}

#[derive(Deserialize)]
struct StandIn {
    #[serde(default)]
    cause: Option<Cause>,
}

fn read_authorization(raw: &Raw, latency: Duration) -> Outcome {
    if raw.status != 200 {
        return Outcome::Refused(refusal(raw));
    }
    match serde_json::from_str::<Decision>(&raw.body) {
        Ok(decision) => Outcome::Answered(Answer {
            approved: decision.decision == "approved",
            approved_minor: decision.approved_minor,
            response_code: decision.response_code,
            approval_code: decision.approval_code,
            reason: Some(decision.reason),
            decided_by: Some(decision.decided_by),
            cause: decision.stand_in.cause,
            duplicate: Some(decision.duplicate),
            latency,
        }),
        Err(error) => Outcome::Unanswered(format!("not a decision ({error}): {}", raw.body)),
    }
}

fn read_reversal(raw: &Raw, latency: Duration) -> ReversalOutcome {
    if raw.status != 200 {
        return ReversalOutcome::Refused(refusal(raw));
    }
    let duplicate = serde_json::from_str::<Value>(&raw.body)
        .ok()
        .and_then(|body| body.get("duplicate")?.as_bool());
    ReversalOutcome::Accepted { duplicate, latency }
}

fn refusal(raw: &Raw) -> Refusal {
    let code = raw.status.to_string();
    match raw.problem() {
        Ok(problem) => Refusal {
            code,
            detail: problem.to_string(),
            retry: Some(problem.retry),
        },
        Err(error) => Refusal {
            code,
            detail: error.to_string(),
            retry: None,
        },
    }
}
