//! Asking a ledger or a gateway over HTTP, for the commands that look at one from outside.

use std::time::Duration;

use ledger_api::Problem;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How much of a strange answer is repeated.
const GIST_MAX: usize = 300;

/// Who is asked, such as `http://127.0.0.1:7400`. Clones share connections.
#[derive(Debug, Clone)]
pub struct Peer {
    base: String,
    client: reqwest::Client,
}

/// A whole answer, whatever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its `Content-Type`; empty where it has none.
    pub kind: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// Why there is no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// A URL that cannot be asked.
    #[error("`{0}` cannot be asked; write http://host:port")]
    Url(String),
    /// Nobody answered. What was asked for may have been done.
    #[error("{0} did not answer: {1}")]
    NoAnswer(String, String),
    /// The answer was a problem.
    #[error("{0}: {1}")]
    Refused(String, Box<Problem>),
    /// The answer was something else than the contract says.
    #[error("{0}: answered {1}, which is not what the contract says: {2}")]
    Strange(String, u16, String),
}

impl Peer {
    /// Somebody to ask, who has `patience` to answer each question.
    ///
    /// # Errors
    /// [`AskError::Url`] where it is no `http://` URL.
    pub fn new(url: &str, patience: Duration) -> Result<Self, AskError> {
        let bad = || AskError::Url(url.to_owned());
        let base = url.trim_end_matches('/');
        let host = base.strip_prefix("http://").ok_or_else(bad)?;
        if host.is_empty() || host.contains(['/', '@', '?', '#', ' ']) {
            return Err(bad());
        }
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(patience)
            .tcp_nodelay(true)
            .build()
            .map_err(|_| bad())?;
        Ok(Self {
            base: base.to_owned(),
            client,
        })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// Asks anything, and takes whatever the answer is.
    ///
    /// # Errors
    /// [`AskError::NoAnswer`].
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, AskError> {
        let silent = |error: reqwest::Error| {
            AskError::NoAnswer(format!("{}{path}", self.base), cause(error))
        };
        let known = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
        let mut request = self.client.request(known, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let answer = request.send().await.map_err(silent)?;
        let status = answer.status().as_u16();
        let kind = answer.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.to_owned();
        let body = answer.bytes().await.map_err(silent)?.to_vec();
        Ok(Answer { status, kind, body })
    }

    /// Reads something.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AskError> {
        let answer = self.call("GET", path, None).await?;
        self.understood(path, &answer)
    }

    /// Sends something and reads the answer.
    ///
    /// # Errors
    /// See [`AskError`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, AskError> {
        let body = serde_json::to_vec(body)
            .map_err(|error| AskError::Strange(path.to_owned(), 0, error.to_string()))?;
        let answer = self.call("POST", path, Some(body)).await?;
        self.understood(path, &answer)
    }

    fn understood<T: DeserializeOwned>(&self, path: &str, answer: &Answer) -> Result<T, AskError> {
        let url = format!("{}{path}", self.base);
        if (200..300).contains(&answer.status) {
            return answer
                .json()
                .map_err(|why| AskError::Strange(url, answer.status, why));
        }
        match answer.json::<Problem>() {
            Ok(problem) => Err(AskError::Refused(url, Box::new(problem))),
            Err(why) => Err(AskError::Strange(url, answer.status, why)),
        }
    }
}

impl Answer {
    /// The body as what it should be, or why it is not.
    ///
    /// # Errors
    /// What the body is, and why it does not parse.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body).map_err(|error| format!("{error}, in {}", self.gist()))
    }

    /// The body's beginning in one line.
    pub fn gist(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if words.is_empty() {
            return "an empty body".to_owned();
        }
        words.chars().take(GIST_MAX).collect()
    }
}

/// The innermost cause: the outer ones repeat the URL.
fn cause(error: reqwest::Error) -> String {
    let timed_out = error.is_timeout();
    let error = error.without_url();
    let mut inner: &dyn std::error::Error = &error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    if timed_out {
        "no answer in time".to_owned()
    } else {
        inner.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_with_a_host_and_nothing_else_is_asked() {
        let patience = Duration::from_secs(1);
        for url in ["http://h", "http://127.0.0.1:7400", "http://[::1]:1/"] {
            assert!(Peer::new(url, patience).is_ok(), "{url}");
        }
        for url in [
            "",
            "h:1",
            "https://h",
            "http://",
            "http://h/v1",
            "http://a:b@h",
        ] {
            assert!(Peer::new(url, patience).is_err(), "{url}");
        }
    }

    #[tokio::test]
    async fn silence_says_who_was_silent_and_why() {
        let peer = Peer::new("http://127.0.0.1:1", Duration::from_secs(5)).unwrap();
        let error = peer.get::<()>("/v1/books").await.unwrap_err();
        let AskError::NoAnswer(url, why) = error else {
            panic!("{error:?}");
        };
        assert_eq!(url, "http://127.0.0.1:1/v1/books");
        assert!(why.contains("refused"), "{why}");
    }
}
