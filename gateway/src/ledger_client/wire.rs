//! The contract as HTTP calls: one method per row of the table in [`ledger_api`].

mod untraced;

use std::time::Duration;

use ledger_api::{
    AdviceAnswers, AdviceBatch, AuthorizeAnswers, AuthorizeBatch, FeedPage, GatewayId, JournalHead,
    ListingPage, Mark, Problem,
};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use untraced::{Batch, Refusal, refuses_content};

/// A connection pool to the ledger. Live traffic, replay and the feed have one each, so that none
/// can take another's connections.
#[derive(Debug, Clone)]
pub struct Wire {
    client: Client,
    base: String,
    traces: Refusal,
}

/// Why a call brought nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WireError {
    /// No connection was made: the ledger cannot have seen the call.
    #[error("no connection: {0}")]
    NoConnection(String),
    /// It broke underway: the outcome is unknown.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// It took too long: the outcome is unknown.
    #[error("no answer in time")]
    TimedOut,
    /// The ledger refused.
    #[error("{0}")]
    Problem(Problem),
}

impl Wire {
    /// A pool for the ledger at `base`, such as `http://127.0.0.1:7400`.
    pub fn new(base: &str) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: pool()?,
            base: base.trim_end_matches('/').to_owned(),
            traces: Refusal::default(),
        })
    }

    /// Another pool for the same ledger. What one of them learns about the ledger, all know.
    pub fn another_pool(&self) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: pool()?,
            ..self.clone()
        })
    }

    /// `POST /v1/authorizations`.
    pub async fn authorize(
        &self,
        batch: &AuthorizeBatch,
        timeout: Duration,
    ) -> Result<AuthorizeAnswers, WireError> {
        self.tell("/v1/authorizations", batch, timeout).await
    }

    /// `POST /v1/advices`.
    pub async fn advise(
        &self,
        batch: &AdviceBatch,
        timeout: Duration,
    ) -> Result<AdviceAnswers, WireError> {
        self.tell("/v1/advices", batch, timeout).await
    }

    /// A ledger that is older than `traceparent` refuses every batch that has one. Then the same goes
    /// out once more without, under the same ids; where that is accepted, it always goes without.
    async fn tell<B: Batch, A: DeserializeOwned>(
        &self,
        path: &str,
        batch: &B,
        timeout: Duration,
    ) -> Result<A, WireError> {
        if !batch.is_traced() {
            return self.post(path, batch, timeout).await;
        }
        if self.traces.are_refused() {
            return self.post(path, &batch.untraced(), timeout).await;
        }
        let deadline = Instant::now() + timeout;
        let refused = match self.post(path, batch, timeout).await {
            Err(WireError::Problem(problem)) if refuses_content(&problem) => problem,
            ended => return ended,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let again = self.post(path, &batch.untraced(), left).await;
        let answers = again.map_err(|error| match error {
            // The ledger has seen these items once: nobody may take it that it has not.
            WireError::NoConnection(text) => WireError::NoAnswer(text),
            other => other,
        })?;
        self.traces.learn(&refused);
        Ok(answers)
    }

    async fn post<B: Batch, A: DeserializeOwned>(
        &self,
        path: &str,
        batch: &B,
        timeout: Duration,
    ) -> Result<A, WireError> {
        let url = format!("{}{path}", self.base);
        read(self.client.post(url).json(batch).timeout(timeout)).await
    }

    /// `GET /v1/feed`: waits up to `wait` for a change after `mark`.
    pub async fn feed(&self, mark: Mark, wait: Duration) -> Result<FeedPage, WireError> {
        let url = format!(
            "{}/v1/feed?epoch={}&after={}&limit=5000&wait_ms={}",
            self.base,
            mark.epoch,
            mark.position,
            wait.as_millis()
        );
        read(
            self.client
                .get(url)
                .timeout(wait + Duration::from_millis(1_000)),
        )
        .await
    }

    /// `GET /v1/listing`.
    pub async fn listing(&self, after: Option<&str>) -> Result<ListingPage, WireError> {
        let mut url = format!("{}/v1/listing?limit=5000", self.base);
        if let Some(after) = after {
            url.push_str("&after=");
            url.push_str(after);
        }
        read(self.client.get(url).timeout(Duration::from_secs(10))).await
    }

    /// `GET /v1/gateways/{id}`; `None` where the ledger has never heard of it.
    pub async fn journal_head(
        &self,
        gateway: &GatewayId,
    ) -> Result<Option<JournalHead>, WireError> {
        let url = format!("{}/v1/gateways/{gateway}", self.base);
        match read(self.client.get(url).timeout(Duration::from_secs(2))).await {
            Ok(head) => Ok(Some(head)),
            Err(WireError::Problem(problem)) if problem.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn pool() -> Result<Client, reqwest::Error> {
    Client::builder()
        .connect_timeout(Duration::from_millis(500))
        .pool_idle_timeout(Duration::from_secs(30))
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}

/// Sends and reads. The ledger's answer is input like any other: what does not parse is an error.
async fn read<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, WireError> {
    let response = request.send().await.map_err(|error| {
        let text = chain(&error);
        if error.is_connect() {
            WireError::NoConnection(text)
        } else if error.is_timeout() {
            WireError::TimedOut
        } else {
            WireError::NoAnswer(text)
        }
    })?;
    let status = response.status();
    if status == StatusCode::OK {
        return response.json().await.map_err(|error| {
            if error.is_timeout() {
                WireError::TimedOut
            } else {
                WireError::NoAnswer(chain(&error))
            }
        });
    }
    let problem = response.json().await.unwrap_or_else(|_| {
        let detail = format!("the ledger answered HTTP {status} without a problem");
        Problem::new(
            "ledger_error",
            status.as_u16(),
            ledger_api::Retry::SameKeyOnly,
            detail,
        )
    });
    Err(WireError::Problem(problem))
}

/// The error with its causes: reqwest's own text leaves them out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
