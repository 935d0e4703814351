//! Reading and seeding the ledger, straight, not through the fault proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use ledger_api::{
    AccountBatch, AccountId, AccountView, AccountsPage, AuthorizationId, AuthorizationView,
    AuthorizationsPage, CardBatch, CardState, Entry, GatewayId, OpenAccount, Problem,
    StatementPage, TrialBalance,
};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reading a whole book of a loaded ledger may take a while.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const PAGE: usize = 1_000;
/// Below the contract's limit, so that bodies stay small.
const BATCH: usize = 500;

/// A client of one ledger, or of several over the same books; clones share connections.
#[derive(Debug, Clone)]
pub struct LedgerClient {
    urls: Arc<[String]>,
    /// Who answered last, by index: asked first.
    answering: Arc<AtomicUsize>,
    client: reqwest::Client,
}

impl LedgerClient {
    /// A client of the ledger at `url`.
    ///
    /// # Errors
    /// Where the HTTP client cannot be built.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        Self::of(&[url.to_owned()])
    }

    /// A client of ledgers that keep the same books: any that answers is asked.
    ///
    /// # Errors
    /// Where there is none, or the HTTP client cannot be built.
    pub fn of(urls: &[String]) -> anyhow::Result<Self> {
        ensure!(!urls.is_empty(), "a client needs a ledger");
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER_WITHIN)
            .build()?;
        Ok(Self {
            urls: urls.into(),
            answering: Arc::default(),
            client,
        })
    }

    /// Where the ledgers are.
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Opens accounts.
    ///
    /// # Errors
    /// Where the ledger refuses or does not answer.
    pub async fn open_accounts(&self, accounts: &[OpenAccount]) -> anyhow::Result<()> {
        for items in accounts.chunks(BATCH) {
            self.post(
                "/v1/accounts",
                &AccountBatch {
                    items: items.to_vec(),
                },
            )
            .await?;
        }
        Ok(())
    }

    /// Issues cards, or changes them.
    ///
    /// # Errors
    /// Where the ledger refuses or does not answer.
    pub async fn put_cards(&self, cards: &[CardState]) -> anyhow::Result<()> {
        for items in cards.chunks(BATCH) {
            self.post(
                "/v1/cards",
                &CardBatch {
                    items: items.to_vec(),
                },
            )
            .await?;
        }
        Ok(())
    }

    /// All accounts, internal ones too.
    ///
    /// # Errors
    /// Where the ledger does not answer, or with something else.
    pub async fn accounts(&self) -> anyhow::Result<Vec<AccountView>> {
        let (mut accounts, mut after) = (Vec::new(), None::<AccountId>);
        loop {
            let after_id = after.map(|id| format!("&after={id}")).unwrap_or_default();
            let page: AccountsPage = self
                .get(&format!("/v1/accounts?limit={PAGE}{after_id}"))
                .await?;
            accounts.extend(page.accounts);
            after = page.next;
            if after.is_none() {
                return Ok(accounts);
            }
        }
    }

    /// All authorizations that the books know.
    ///
    /// # Errors
    /// Where the ledger does not answer, or with something else.
    pub async fn authorizations(&self) -> anyhow::Result<Vec<AuthorizationView>> {
        self.authorization_pages("/v1/authorizations").await
    }

    /// What waits for a person.
    ///
    /// # Errors
    /// Where the ledger does not answer, or with something else.
    pub async fn suspense(&self) -> anyhow::Result<Vec<AuthorizationView>> {
        self.authorization_pages("/v1/suspense").await
    }

    /// One account and its totals.
    ///
    /// # Errors
    /// Where the ledger does not answer, or does not know it.
    pub async fn account(&self, account: AccountId) -> anyhow::Result<AccountView> {
        self.get(&format!("/v1/accounts/{account}")).await
    }

    /// All entries of one account.
    ///
    /// # Errors
    /// Where the ledger does not answer, or does not know it.
    pub async fn statement(&self, account: AccountId) -> anyhow::Result<Vec<Entry>> {
        let (mut entries, mut after) = (Vec::new(), Some(0));
        while let Some(number) = after {
            let path = format!("/v1/accounts/{account}/entries?limit={PAGE}&after={number}");
            let page: StatementPage = self.get(&path).await?;
            entries.extend(page.entries.into_iter().map(|line| line.entry));
            after = page.next;
        }
        Ok(entries)
    }

    /// What may be spent from an account.
    ///
    /// # Errors
    /// As for [`LedgerClient::account`].
    pub async fn available(&self, account: AccountId) -> anyhow::Result<i64> {
        Ok(self.account(account).await?.available_minor)
    }

    /// One authorization; `None` where the books do not know it.
    ///
    /// # Errors
    /// Where the ledger does not answer, or with something else.
    pub async fn authorization(
        &self,
        id: AuthorizationId,
    ) -> anyhow::Result<Option<AuthorizationView>> {
        let path = format!("/v1/authorizations/{id}");
        let answer = self
            .ask(|base| self.client.get(format!("{base}{path}")))
            .await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(answer.error_for_status()?.json().await?))
    }

    /// Whether it all adds up.
    ///
    /// # Errors
    /// Where the ledger does not answer, or with something else.
    pub async fn books(&self) -> anyhow::Result<TrialBalance> {
        self.get("/v1/books").await
    }

    /// Makes the ledger forget what it last saw of a gateway's journal: the way back for a gateway
    /// that has lost it (rule 11).
    ///
    /// # Errors
    /// Where the ledger does not answer, or refuses.
    pub async fn forget_gateway(&self, gateway: &GatewayId) -> anyhow::Result<()> {
        let path = format!("/v1/gateways/{gateway}");
        let answer = self
            .ask(|base| self.client.delete(format!("{base}{path}")))
            .await?;
        answer
            .error_for_status()
            .context("the ledger does not forget the gateway")?;
        Ok(())
    }

    async fn authorization_pages(&self, path: &str) -> anyhow::Result<Vec<AuthorizationView>> {
        let (mut authorizations, mut after) = (Vec::new(), None::<AuthorizationId>);
        loop {
            let after_id = after.map(|id| format!("&after={id}")).unwrap_or_default();
            let page: AuthorizationsPage =
                self.get(&format!("{path}?limit={PAGE}{after_id}")).await?;
            authorizations.extend(page.authorizations);
            after = page.next;
            if after.is_none() {
                return Ok(authorizations);
            }
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let asked = || format!("GET {path}");
        let answer = self.ask(|base| self.client.get(format!("{base}{path}")));
        let answer = answer.await.with_context(asked)?;
        answer
            .error_for_status()
            .with_context(asked)?
            .json()
            .await
            .with_context(asked)
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> anyhow::Result<()> {
        let answer = self
            .ask(|base| self.client.post(format!("{base}{path}")).json(body))
            .await
            .context("the ledger did not answer")?;
        if answer.status().is_success() {
            return Ok(());
        }
        let status = answer.status();
        match answer.json::<Problem>().await {
            Ok(problem) => bail!("POST {path}: {status}: {problem}"),
            Err(_) => bail!("POST {path}: {status}"),
        }
    }

    /// The answer of the first ledger that has one other than that it cannot; the last one's where
    /// none has. All that is asked here may be asked twice.
    async fn ask(&self, request: impl Fn(&str) -> RequestBuilder) -> anyhow::Result<Response> {
        let first = self.answering.load(Ordering::Relaxed);
        let mut last = None;
        for step in 0..self.urls.len() {
            let index = (first + step) % self.urls.len();
            let answer = request(&self.urls[index]).send().await;
            let unable = (answer.as_ref()).map_or(true, |answer| answer.status().is_server_error());
            last = Some(answer);
            if !unable {
                self.answering.store(index, Ordering::Relaxed);
                break;
            }
        }
        Ok(last.context("there is no ledger")??)
    }
}
