//! One customer with an account and a card, and short words for what happens to them.

use ledger_api::{
    AccountId, Action, Advice, AdviceAnswer, AdviceItem, AdviceSource, Amount, AuthorizationId,
    AuthorizationKind, AuthorizationState, AuthorizationView, AuthorizeAnswer, AuthorizeRequest,
    Capture, CardState, CardStatus, CardToken, Cause, Currency, Expiry, Fingerprint, GatewayId,
    LedgerDecision, OpenAccount, Reason, Refund, ReleaseOutcome, Resolution, Reversal, Words,
};

use crate::posting::{Command, Moment, Outcome};
use crate::store::Store;

/// When the suite plays.
pub(super) const NOW: Moment = Moment {
    yymm: 2611,
    seconds: 1_795_348_800,
    hold_clock: 1_000,
};

pub(super) struct Desk<'s> {
    pub(super) store: &'s Store,
    pub(super) account: AccountId,
    pub(super) card: CardToken,
    number: u64,
}

pub(super) fn amount(minor: i64) -> Amount {
    Amount::new(minor).expect("an amount")
}

pub(super) fn euro() -> Currency {
    "EUR".parse().expect("a currency")
}

pub(super) fn gateway(name: &str) -> GatewayId {
    name.parse().expect("a gateway's name")
}

pub(super) fn card_of(account: AccountId, card: CardToken) -> CardState {
    CardState {
        card,
        account,
        status: CardStatus::Open,
        expiry: Expiry::try_from(2912).expect("an expiry"),
        transaction_max_minor: amount(50_000),
    }
}

impl<'s> Desk<'s> {
    /// Customer `number` as [`Desk::open`] has made it.
    pub(super) fn known(store: &'s Store, number: u64) -> Self {
        let mut mac = [0; 16];
        mac[..8].copy_from_slice(&number.to_be_bytes());
        Self {
            store,
            account: AccountId(number),
            card: CardToken { key_id: 1, mac },
            number,
        }
    }

    /// Opens customer `number`'s account with some euro cents, and issues a card.
    pub(super) async fn open(store: &'s Store, number: u64, opening_minor: i64) -> Self {
        let desk = Self::known(store, number);
        desk.run(Command::OpenAccount(desk.opening(opening_minor)))
            .await;
        desk.run(Command::PutCard(card_of(desk.account, desk.card)))
            .await;
        desk
    }

    pub(super) fn opening(&self, minor: i64) -> OpenAccount {
        OpenAccount {
            account: self.account,
            currency: euro(),
            opening_minor: amount(minor),
        }
    }

    /// The customer's `nth` authorization.
    pub(super) fn id(&self, nth: u64) -> AuthorizationId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.number.to_be_bytes());
        id[8..].copy_from_slice(&nth.to_be_bytes());
        AuthorizationId(id)
    }

    pub(super) fn request(&self, nth: u64, minor: i64) -> AuthorizeRequest {
        AuthorizeRequest {
            id: self.id(nth),
            card: self.card,
            amount_minor: amount(minor),
            currency: euro(),
            fingerprint: Fingerprint(u64::MAX - nth),
            unbooked_minor: 0,
            kind: AuthorizationKind::Purchase,
            partial: false,
            original: None,
            exponent: None,
            transaction: None,
            traceparent: None,
        }
    }

    pub(super) fn advice(&self, nth: u64, told: Option<i64>) -> Advice {
        Advice {
            id: self.id(nth),
            card: self.card,
            requested_minor: amount(told.unwrap_or(100)),
            approved_minor: amount(told.unwrap_or_default()),
            approved: told.is_some(),
            currency: euro(),
            fingerprint: Fingerprint(u64::MAX - nth),
            source: AdviceSource::StandIn,
            reason: if told.is_some() {
                Reason::Approved
            } else {
                Reason::OverCardLimit
            },
            cause: Cause::LedgerTimeout,
            seq: nth,
            original: None,
            exponent: None,
            traceparent: None,
        }
    }

    /// Runs one command by itself.
    pub(super) async fn run(&self, command: Command) -> Outcome {
        let mut outcomes = self
            .store
            .transact(vec![command], NOW)
            .await
            .expect("committed");
        assert_eq!(outcomes.len(), 1, "one outcome per command");
        outcomes.remove(0)
    }

    pub(super) async fn ask(&self, by: &str, request: AuthorizeRequest) -> AuthorizeAnswer {
        match self
            .run(Command::Authorize {
                gateway: gateway(by),
                request,
            })
            .await
        {
            Outcome::Authorized(answer, _) => answer,
            other => unreachable!("an authorization is answered as one: {other:?}"),
        }
    }

    pub(super) async fn authorize(&self, by: &str, nth: u64, minor: i64) -> LedgerDecision {
        match self.ask(by, self.request(nth, minor)).await {
            AuthorizeAnswer::Decided(decision) => decision,
            other => unreachable!("it is decided: {other:?}"),
        }
    }

    pub(super) async fn tell(&self, by: &str, item: AdviceItem) -> AdviceAnswer {
        match self
            .run(Command::Advise {
                gateway: gateway(by),
                item,
            })
            .await
        {
            Outcome::Advised(answer, _) => answer,
            other => unreachable!("an advice is answered as one: {other:?}"),
        }
    }

    pub(super) async fn approve(&self, by: &str, nth: u64, minor: i64) -> AdviceAnswer {
        self.tell(by, AdviceItem::Advice(self.advice(nth, Some(minor))))
            .await
    }

    pub(super) async fn decline(&self, by: &str, nth: u64) -> AdviceAnswer {
        self.tell(by, AdviceItem::Advice(self.advice(nth, None)))
            .await
    }

    pub(super) async fn reverse(&self, nth: u64, remaining: i64) -> AdviceAnswer {
        let remaining_minor = amount(remaining);
        let reversal = Reversal {
            id: self.id(nth),
            card: self.card,
            remaining_minor,
            seq: nth,
            traceparent: None,
        };
        self.tell("gw1", AdviceItem::Reversal(reversal)).await
    }

    /// The `nth` message takes money, of the `of`th authorization or without one.
    pub(super) fn taking(&self, nth: u64, of: Option<u64>, minor: i64, more: bool) -> Capture {
        Capture {
            id: self.id(nth),
            of: of.map(|of| self.id(of)),
            card: self.card,
            amount_minor: amount(minor),
            currency: euro(),
            more,
            fingerprint: Fingerprint(nth),
            seq: nth,
            exponent: None,
            traceparent: None,
        }
    }

    /// The last capture of the `of`th authorization.
    pub(super) async fn capture(&self, nth: u64, of: u64, minor: i64) -> AdviceAnswer {
        let capture = self.taking(nth, Some(of), minor, false);
        self.tell("gw1", AdviceItem::Capture(capture)).await
    }

    /// One of several captures of the `of`th authorization.
    pub(super) async fn capture_some(&self, nth: u64, of: u64, minor: i64) -> AdviceAnswer {
        let capture = self.taking(nth, Some(of), minor, true);
        self.tell("gw1", AdviceItem::Capture(capture)).await
    }

    pub(super) fn giving(&self, nth: u64, of: Option<u64>, minor: i64) -> Refund {
        Refund {
            id: self.id(nth),
            of: of.map(|of| self.id(of)),
            card: self.card,
            amount_minor: amount(minor),
            currency: euro(),
            fingerprint: Fingerprint(nth),
            seq: nth,
            exponent: None,
            traceparent: None,
        }
    }

    pub(super) async fn refund(&self, nth: u64, of: Option<u64>, minor: i64) -> AdviceAnswer {
        let refund = self.giving(nth, of, minor);
        self.tell("gw1", AdviceItem::Refund(refund)).await
    }

    /// As a caller that can still correct it.
    pub(super) async fn settle(&self, item: AdviceItem) -> AdviceAnswer {
        let gateway = gateway("gw1");
        match self.run(Command::Settle { gateway, item }).await {
            Outcome::Advised(answer, _) => answer,
            other => unreachable!("it is answered as an advice: {other:?}"),
        }
    }

    /// A live request to add to the `of`th authorization.
    pub(super) async fn increment(&self, nth: u64, of: u64, minor: i64) -> LedgerDecision {
        let request = AuthorizeRequest {
            original: Some(self.id(of)),
            ..self.request(nth, minor)
        };
        self.decide(request).await
    }

    pub(super) async fn decide(&self, request: AuthorizeRequest) -> LedgerDecision {
        match self.ask("gw1", request).await {
            AuthorizeAnswer::Decided(decision) => decision,
            other => unreachable!("it is decided: {other:?}"),
        }
    }

    pub(super) async fn release(&self, nth: u64) -> ReleaseOutcome {
        match self.run(Command::Release(self.id(nth))).await {
            Outcome::Released(answer) => answer.outcome,
            other => unreachable!("a release is answered as one: {other:?}"),
        }
    }

    /// Says how many of the customer's authorizations have expired.
    pub(super) async fn expire(&self, nths: &[u64], held_by: u64) -> u64 {
        let ids = nths.iter().map(|nth| self.id(*nth)).collect();
        match self.run(Command::Expire { ids, held_by }).await {
            Outcome::Expired(expired) => expired,
            other => unreachable!("it is answered with a count: {other:?}"),
        }
    }

    /// A person decides; the name of the refusal, if it is one.
    pub(super) async fn resolve(&self, nth: u64, action: Action) -> Result<(), String> {
        let words = |text: &str| Words::try_from(text.to_owned()).expect("words");
        let command = Command::Resolve {
            id: self.id(nth),
            card: self.view(nth).await.card,
            resolution: Resolution {
                action,
                by: words("ops"),
                note: words("case 7"),
            },
        };
        match self.run(command).await {
            Outcome::Stored(_) => Ok(()),
            Outcome::Refused(problem) => Err(problem.name().to_owned()),
            other => unreachable!("it is stored or refused: {other:?}"),
        }
    }

    /// True while it waits for a person.
    pub(super) async fn waits(&self, nth: u64) -> bool {
        let waiting = self.store.suspense(None, 1_000).await.expect("readable");
        let id = self.id(nth);
        waiting.authorizations.iter().any(|view| view.id == id)
    }

    pub(super) async fn state(&self, nth: u64) -> AuthorizationState {
        self.view(nth).await.state
    }

    pub(super) async fn view(&self, nth: u64) -> AuthorizationView {
        self.store
            .authorization(self.id(nth))
            .await
            .expect("readable")
            .expect("it is known")
    }

    pub(super) async fn effect(&self, nth: u64) -> i64 {
        self.view(nth).await.effect_minor
    }

    pub(super) async fn available(&self) -> i64 {
        let account = self.store.account(self.account).await.expect("readable");
        account.expect("the account exists").available_minor
    }

    pub(super) async fn assert_balanced(&self) {
        let books = self.store.books().await.expect("readable");
        assert!(books.balanced && books.crooked.is_empty(), "I6: {books:?}");
    }
}
