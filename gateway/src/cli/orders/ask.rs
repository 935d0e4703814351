//! Asking a running gateway.

use std::time::Duration;

use ledger_api::Problem;
use reqwest::{Client, Method};
use serde_json::Value;

use super::{Failed, Whom};

/// How long an answer may take: the gateway waits for its disk.
const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway and the token to show it.
pub(super) struct Gateway {
    url: String,
    token: String,
}

impl Gateway {
    /// The one that is meant.
    pub(super) fn of(whom: &Whom) -> Result<Self, Failed> {
        let path = whom.token_file.clone();
        let token = std::fs::read_to_string(&path);
        let token = token.map_err(|why| Failed::Unreadable { path, why })?;
        Ok(Self {
            url: whom.url.trim_end_matches('/').to_owned(),
            token: token.trim().to_owned(),
        })
    }

    /// The orders in force.
    pub(super) fn list(&self) -> Result<Value, Failed> {
        self.ask(Method::GET, "/v1/orders", None)
    }

    /// Asks for something.
    pub(super) fn post(&self, path: &str, body: &Value) -> Result<Value, Failed> {
        self.ask(Method::POST, path, Some(body))
    }

    /// Takes an order back.
    pub(super) fn cancel(&self, number: u64, body: &Value) -> Result<Value, Failed> {
        let path = format!("/v1/orders/{number}");
        self.ask(Method::DELETE, &path, Some(body))
    }

    fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|why| Failed::Nobody {
            url: self.url.clone(),
            why: why.to_string(),
        })?;
        runtime.block_on(self.answer(method, path, body))
    }

    async fn answer(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failed> {
        let nobody = |error: reqwest::Error| Failed::Nobody {
            url: self.url.clone(),
            why: root(&error),
        };
        let client = Client::builder().no_proxy().timeout(PATIENCE).build();
        let request = client
            .map_err(nobody)?
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.map_err(nobody)?;
        let is_done = answer.status().is_success();
        let bytes = answer.bytes().await.map_err(nobody)?;
        if is_done && let Ok(value) = serde_json::from_slice(&bytes) {
            return Ok(value);
        }
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Err(Failed::Refused(problem)),
            Err(_) => Err(Failed::Nobody {
                url: self.url.clone(),
                why: "what answers is no gateway".to_owned(),
            }),
        }
    }
}

/// What the system said, without what was wrapped around it.
fn root(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
