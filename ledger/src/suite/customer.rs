//! A customer with an account and a card, and short words for what happens to them. What is sent is
//! written as JSON, as anybody's gateway would.

use ledger_api::{
    AccountId, AccountView, AdviceAnswer, AdviceAnswers, AdviceOutcome, AuthorizationId,
    AuthorizationView, AuthorizationsPage, AuthorizeAnswer, AuthorizeAnswers, CardToken, GatewayId,
    LedgerDecision,
};
use serde_json::{Value, json};

use super::ground::{Broken, Ground};

/// The most that one transaction of a customer's card may be.
pub(super) const CARD_MAX: i64 = 50_000;
/// What every customer's account is in.
pub(super) const CURRENCY: &str = "EUR";

/// One customer, and the gateway that serves them.
#[derive(Debug)]
pub(super) struct Customer<'g> {
    pub(super) ground: &'g Ground,
    pub(super) account: AccountId,
    pub(super) card: CardToken,
    pub(super) gateway: GatewayId,
}

impl<'g> Customer<'g> {
    /// Opens an account with so much, and issues a card.
    pub(super) async fn new(ground: &'g Ground, opening_minor: i64) -> Result<Self, Broken> {
        let customer = Self {
            ground,
            account: ground.account_id(),
            card: ground.card_token(),
            gateway: ground.gateway()?,
        };
        let opening = json!({"account": customer.account, "currency": CURRENCY,
            "opening_minor": opening_minor});
        ground
            .put("/v1/accounts", &json!({"items": [opening]}))
            .await?;
        let card = customer.card_state(customer.card, "open");
        ground.put("/v1/cards", &json!({"items": [card]})).await?;
        Ok(customer)
    }

    /// A card of this account.
    pub(super) fn card_state(&self, card: CardToken, status: &str) -> Value {
        json!({"card": card, "account": self.account, "status": status, "expiry": 9912,
            "transaction_max_minor": CARD_MAX})
    }

    /// An authorization to decide.
    pub(super) fn request(&self, id: AuthorizationId, minor: i64) -> Value {
        json!({"id": id, "card": self.card, "amount_minor": minor, "currency": CURRENCY,
            "fingerprint": fingerprint(id)})
    }

    /// What the network was told by stand-in: an approval of so much, or a decline.
    pub(super) fn advice(&self, id: AuthorizationId, told: Option<i64>) -> Value {
        json!({"kind": "advice", "id": id, "card": self.card,
            "requested_minor": told.unwrap_or(400), "approved_minor": told.unwrap_or(0),
            "approved": told.is_some(), "currency": CURRENCY, "fingerprint": fingerprint(id),
            "source": "stand_in",
            "reason": if told.is_some() { "approved" } else { "over_card_limit" },
            "cause": "ledger_timeout", "seq": 1})
    }

    /// What the network answered by itself.
    pub(super) fn network_advice(&self, id: AuthorizationId, told: Option<i64>) -> Value {
        let mut advice = self.advice(id, told);
        advice["source"] = json!("network");
        advice["cause"] = json!("network_advice");
        advice
    }

    /// The authorization was taken back; so much is left.
    pub(super) fn reversal(&self, id: AuthorizationId, remaining_minor: i64) -> Value {
        json!({"kind": "reversal", "id": id, "card": self.card,
            "remaining_minor": remaining_minor, "seq": 2})
    }

    /// Asks for decisions in one batch.
    pub(super) async fn authorize_all(
        &self,
        items: &[Value],
    ) -> Result<Vec<AuthorizeAnswer>, Broken> {
        let body = json!({"gateway": self.gateway, "items": items});
        let answers: AuthorizeAnswers = self.ground.post("/v1/authorizations", &body).await?;
        self.one_each("POST /v1/authorizations", items.len(), answers.items)
    }

    /// Asks for one decision.
    pub(super) async fn ask(&self, request: Value) -> Result<AuthorizeAnswer, Broken> {
        first(self.authorize_all(&[request]).await?)
    }

    /// Asks for one decision, and gets one.
    pub(super) async fn authorize(
        &self,
        id: AuthorizationId,
        minor: i64,
    ) -> Result<LedgerDecision, Broken> {
        match self.ask(self.request(id, minor)).await? {
            AuthorizeAnswer::Decided(decision) => Ok(decision),
            other => {
                let seen = format!("{other:?}");
                Err(Broken::new("an authorization", "a decision", seen))
            }
        }
    }

    /// Tells what was told, in one batch.
    pub(super) async fn tell_all(&self, items: &[Value]) -> Result<Vec<AdviceAnswer>, Broken> {
        self.tell_as(&self.gateway, items).await
    }

    /// The same, by another gateway.
    pub(super) async fn tell_as(
        &self,
        gateway: &GatewayId,
        items: &[Value],
    ) -> Result<Vec<AdviceAnswer>, Broken> {
        let head = json!({"epoch": 1, "seq": 2, "hash": 3});
        let body = json!({"gateway": gateway, "head": head, "items": items});
        let answers: AdviceAnswers = self.ground.post("/v1/advices", &body).await?;
        self.one_each("POST /v1/advices", items.len(), answers.items)
    }

    /// Tells one thing.
    pub(super) async fn tell(&self, item: Value) -> Result<AdviceAnswer, Broken> {
        first(self.tell_all(&[item]).await?)
    }

    /// Tells one thing, and checks what comes of it.
    pub(super) async fn told(&self, item: Value, outcome: AdviceOutcome) -> Result<(), Broken> {
        let answer = self.tell(item.clone()).await?;
        let at = format!(
            "the answer to the {} ",
            item["kind"].as_str().unwrap_or("item")
        );
        self.ground.same(at.trim(), outcome, answer.outcome)
    }

    fn one_each<T>(&self, at: &str, items: usize, answers: Vec<T>) -> Result<Vec<T>, Broken> {
        let at = format!("{at}: answers for {items} items");
        self.ground.same(&at, items, answers.len())?;
        Ok(answers)
    }

    /// What the books hold for an id that they know.
    pub(super) async fn view(&self, id: AuthorizationId) -> Result<AuthorizationView, Broken> {
        self.ground.get(&format!("/v1/authorizations/{id}")).await
    }

    /// The account and its totals.
    pub(super) async fn account(&self) -> Result<AccountView, Broken> {
        self.ground
            .get(&format!("/v1/accounts/{}", self.account))
            .await
    }

    /// Checks what may be spent.
    pub(super) async fn expect_available(&self, at: &str, minor: i64) -> Result<(), Broken> {
        let seen = self.account().await?.available_minor;
        let at = format!("available in the account, {at}");
        self.ground.same(&at, minor, seen)
    }

    /// Checks what is held for an id.
    pub(super) async fn expect_effect(
        &self,
        at: &str,
        id: AuthorizationId,
        minor: i64,
    ) -> Result<(), Broken> {
        let seen = self.view(id).await?.effect_minor;
        self.ground
            .same(&format!("held for the authorization, {at}"), minor, seen)
    }

    /// The id's place in the list of what waits for a person, if it is there.
    pub(super) async fn waits(
        &self,
        id: AuthorizationId,
    ) -> Result<Option<AuthorizationView>, Broken> {
        let before = AuthorizationId((u128::from_be_bytes(id.0).saturating_sub(1)).to_be_bytes());
        let path = format!("/v1/suspense?after={before}&limit=1");
        let page: AuthorizationsPage = self.ground.get(&path).await?;
        Ok(page.authorizations.into_iter().find(|view| view.id == id))
    }

    /// Checks whether a person is asked to look.
    pub(super) async fn expect_listed(
        &self,
        at: &str,
        id: AuthorizationId,
        listed: bool,
    ) -> Result<(), Broken> {
        let seen = self.waits(id).await?.is_some();
        self.ground
            .same(&format!("listed in /v1/suspense, {at}"), listed, seen)
    }
}

/// A digest that follows from the id, so that repeats have the same.
fn fingerprint(id: AuthorizationId) -> u64 {
    let mut digest = [0; 8];
    digest.copy_from_slice(&id.0[8..]);
    u64::from_be_bytes(digest)
}

fn first<T>(items: Vec<T>) -> Result<T, Broken> {
    items
        .into_iter()
        .next()
        .ok_or_else(|| Broken::new("a batch of one", "one answer", "none"))
}
