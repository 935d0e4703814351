//! What a case stands on: somebody to ask, ids of its own, and what it checks.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ledger_api::{AccountId, AuthorizationId, CardToken, GatewayId, Problem, Retry};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::ask::{Answer, AskError, Peer};

/// What a ledger did otherwise than the contract says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Where in the case.
    pub at: String,
    /// What the contract says there.
    pub expected: String,
    /// What was seen.
    pub seen: String,
}

impl Broken {
    /// Something that is not as it should be.
    pub(super) fn new(
        at: impl Into<String>,
        expected: impl Into<String>,
        seen: impl Into<String>,
    ) -> Self {
        Self {
            at: at.into(),
            expected: expected.into(),
            seen: seen.into(),
        }
    }

    pub(super) fn nothing_seen() -> Self {
        Self::new("the end", "something to check", "nothing was checked")
    }

    pub(super) fn too_slow(limit: Duration) -> Self {
        let expected = format!("an end within {} s", limit.as_secs());
        Self::new("the whole case", expected, "it went on")
    }
}

impl From<AskError> for Broken {
    fn from(error: AskError) -> Self {
        Self::new("a call", "an answer", error.to_string())
    }
}

/// One case's own ground.
#[derive(Debug)]
pub struct Ground {
    peer: Peer,
    seed: u64,
    case: &'static str,
    drawn: AtomicU64,
    checks: AtomicU64,
}

impl Ground {
    pub(super) fn new(peer: Peer, seed: u64, case: &'static str) -> Self {
        Self {
            peer,
            seed,
            case,
            drawn: AtomicU64::new(0),
            checks: AtomicU64::new(0),
        }
    }

    /// How much has been checked.
    pub fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    /// True where nobody has played this seed on these books before; from now on somebody has.
    pub(super) async fn is_new(&self) -> Result<bool, AskError> {
        let account = self.account_id();
        let path = format!("/v1/accounts/{account}");
        let strange = |path: &str, answer: &Answer| {
            let url = format!("{}{path}", self.peer.url());
            Err(AskError::Strange(url, answer.status, answer.gist()))
        };
        let found = self.peer.call("GET", &path, None).await?;
        match found.status {
            200 => return Ok(false),
            404 => {}
            _ => return strange(&path, &found),
        }
        let opening =
            json!({"items": [{"account": account, "currency": "EUR", "opening_minor": 0}]});
        let body = Some(opening.to_string().into_bytes());
        let opened = self.peer.call("POST", "/v1/accounts", body).await?;
        match opened.status {
            204 => Ok(true),
            _ => strange("/v1/accounts", &opened),
        }
    }

    fn draw(&self, kind: &str) -> [u8; 16] {
        let nth = self.drawn.fetch_add(1, Ordering::Relaxed);
        let digest = Sha256::digest(format!("{} {} {kind} {nth}", self.seed, self.case));
        let mut drawn = [0; 16];
        drawn.copy_from_slice(&digest[..16]);
        drawn
    }

    /// An account that nobody else has.
    pub(super) fn account_id(&self) -> AccountId {
        let mut number = [0; 8];
        number.copy_from_slice(&self.draw("account")[..8]);
        // Far from ids that people choose, and below the ledger's own.
        AccountId(1 << 61 | u64::from_be_bytes(number) >> 4)
    }

    /// A card that nobody else has.
    pub(super) fn card_token(&self) -> CardToken {
        CardToken {
            key_id: 1,
            mac: self.draw("card"),
        }
    }

    /// An authorization that nobody has heard of.
    pub(super) fn id(&self) -> AuthorizationId {
        AuthorizationId(self.draw("authorization"))
    }

    /// A gateway that nobody has heard of.
    ///
    /// # Errors
    /// Never: the name is well formed.
    pub(super) fn gateway(&self) -> Result<GatewayId, Broken> {
        let digits: String = (self.draw("gateway")[..6].iter())
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let name = format!("cf-{digits}");
        name.parse()
            .map_err(|error| Broken::new("a gateway's name", "a name", format!("{error}")))
    }

    /// Checks one thing.
    pub(super) fn same<T: PartialEq + Debug>(
        &self,
        at: &str,
        expected: T,
        seen: T,
    ) -> Result<(), Broken> {
        self.checks.fetch_add(1, Ordering::Relaxed);
        if expected == seen {
            return Ok(());
        }
        let (expected, seen) = (format!("{expected:?}"), format!("{seen:?}"));
        Err(Broken::new(at, expected, seen))
    }

    /// Checks that something is true; `seen` says what was seen instead.
    pub(super) fn holds(
        &self,
        at: &str,
        expected: &str,
        holds: bool,
        seen: impl Debug,
    ) -> Result<(), Broken> {
        self.checks.fetch_add(1, Ordering::Relaxed);
        if holds {
            return Ok(());
        }
        Err(Broken::new(at, expected, format!("{seen:?}")))
    }

    /// The same ledger, on connections that nobody else uses.
    pub(super) fn stranger(&self) -> Result<Peer, Broken> {
        Ok(Peer::new(self.peer.url(), super::ANSWER_MAX)?)
    }

    /// Asks anything.
    pub(super) async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, Broken> {
        Ok(self.peer.call(method, path, body).await?)
    }

    /// Reads something that is there.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Broken> {
        let answer = self.call("GET", path, None).await?;
        self.parsed(&format!("GET {path}"), &answer)
    }

    /// Reads something that may be absent.
    pub(super) async fn find<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Broken> {
        let answer = self.call("GET", path, None).await?;
        if answer.status == 404 {
            self.problem(&format!("GET {path}"), &answer, &[404])?;
            return Ok(None);
        }
        self.parsed(&format!("GET {path}"), &answer).map(Some)
    }

    /// Sends something that is taken.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, Broken> {
        let sent = Some(body.to_string().into_bytes());
        let answer = self.call("POST", path, sent).await?;
        self.parsed(&format!("POST {path}"), &answer)
    }

    /// Sends something that is answered 204.
    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<(), Broken> {
        let sent = Some(body.to_string().into_bytes());
        let answer = self.call("POST", path, sent).await?;
        let at = format!("POST {path}");
        if answer.status == 204 {
            return Ok(());
        }
        let seen = format!("{} {}", answer.status, answer.gist());
        Err(Broken::new(at, "204", seen))
    }

    fn parsed<T: DeserializeOwned>(&self, at: &str, answer: &Answer) -> Result<T, Broken> {
        if answer.status != 200 {
            let seen = format!("{} {}", answer.status, answer.gist());
            return Err(Broken::new(at, "200", seen));
        }
        answer
            .json()
            .map_err(|why| Broken::new(at, "the body that the contract names", why))
    }

    /// Checks that an answer is a problem with one of these statuses: RFC 9457, and it says whether a
    /// retry is safe.
    pub(super) fn problem(
        &self,
        at: &str,
        answer: &Answer,
        statuses: &[u16],
    ) -> Result<Problem, Broken> {
        let expected = format!("a problem with status {statuses:?}");
        let seen = format!("{} {}: {}", answer.status, answer.kind, answer.gist());
        let kind = answer.kind.split(';').next().unwrap_or_default();
        let fits = statuses.contains(&answer.status) && kind.trim() == "application/problem+json";
        self.holds(at, &expected, fits, &seen)?;
        let problem: Problem = answer
            .json()
            .map_err(|why| Broken::new(at, "a problem with type, title, status and retry", why))?;
        let whole = problem.status == answer.status
            && problem.kind.contains(':')
            && !problem.title.is_empty();
        self.holds(
            at,
            "a problem with type, title and the same status",
            whole,
            &seen,
        )?;
        Ok(problem)
    }

    /// As [`Ground::problem`], for what will be refused again: retry never.
    pub(super) fn refused(
        &self,
        at: &str,
        answer: &Answer,
        statuses: &[u16],
    ) -> Result<(), Broken> {
        let problem = self.problem(at, answer, statuses)?;
        self.same(at, Retry::Never, problem.retry)
    }
}
