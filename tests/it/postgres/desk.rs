//! Customers with an account and a card each, straight on a store, and what they ask for.

use anyhow::{Context, bail};
use ledger::batcher::Batcher;
use ledger::posting::{Command, Moment, Outcome};
use ledger::store::{Database, Store};
use ledger_api::{
    AccountId, Advice, AdviceItem, AdviceSource, Amount, AuthorizationId, AuthorizationKind,
    AuthorizeAnswer, AuthorizeRequest, Capture, CardState, CardStatus, CardToken, Cause, Expiry,
    Fingerprint, LedgerDecision, OpenAccount, Reason,
};

/// The moment at which the tests play.
pub(super) const NOW: Moment = Moment {
    yymm: 2611,
    seconds: 1_795_000_000,
    hold_clock: 0,
};

/// What every account begins with.
pub(super) const OPENING: i64 = 1_000_000;

/// The books of one bucket, prepared.
pub(super) async fn store(url: &str, bucket: u16) -> anyhow::Result<Store> {
    let store = Store::database(&Database {
        url: url.to_owned(),
        password: None,
        bucket,
        migrate: true,
    })?;
    store.prepare().await?;
    Ok(store)
}

/// The same with customers 1 to `customers`.
pub(super) async fn store_with(url: &str, customers: u64) -> anyhow::Result<Store> {
    let store = store(url, 0).await?;
    open(&store, customers).await?;
    Ok(store)
}

pub(super) async fn open(store: &Store, customers: u64) -> anyhow::Result<()> {
    let mut commands = Vec::new();
    for number in 1..=customers {
        commands.push(Command::OpenAccount(OpenAccount {
            account: AccountId(number),
            currency: "EUR".parse()?,
            opening_minor: Amount::new(OPENING)?,
        }));
        commands.push(issues(number, CardStatus::Open)?);
    }
    store.transact(commands, NOW).await?;
    Ok(())
}

/// Customer `number`'s card, in this state.
pub(super) fn issues(number: u64, status: CardStatus) -> anyhow::Result<Command> {
    Ok(Command::PutCard(CardState {
        card: card(number),
        account: AccountId(number),
        status,
        expiry: Expiry::try_from(2912)?,
        transaction_max_minor: Amount::new(OPENING)?,
    }))
}

fn card(number: u64) -> CardToken {
    let mut mac = [0; 16];
    mac[..8].copy_from_slice(&number.to_be_bytes());
    CardToken { key_id: 1, mac }
}

pub(super) fn id(number: u64, nth: u64) -> AuthorizationId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id[8..].copy_from_slice(&nth.to_be_bytes());
    AuthorizationId(id)
}

/// Customer `number`'s `nth` payment, of one euro.
pub(super) fn pays(number: u64, nth: u64) -> Command {
    pays_amount(number, nth, 100)
}

/// The same, of so many cents.
pub(super) fn pays_amount(number: u64, nth: u64, cents: i64) -> Command {
    let euro = "EUR".parse();
    let gateway = "gw1".parse();
    let (Ok(currency), Ok(gateway), Ok(amount_minor)) = (euro, gateway, Amount::new(cents)) else {
        unreachable!("they are written here")
    };
    Command::Authorize {
        gateway,
        request: AuthorizeRequest {
            id: id(number, nth),
            card: card(number),
            amount_minor,
            currency,
            fingerprint: Fingerprint(nth),
            unbooked_minor: 0,
            kind: AuthorizationKind::Purchase,
            partial: false,
            original: None,
            exponent: None,
            transaction: None,
            traceparent: None,
        },
    }
}

/// That a payment was approved by stand-in.
pub(super) fn approval(request: &AuthorizeRequest, seq: u64) -> Advice {
    Advice {
        id: request.id,
        card: request.card,
        requested_minor: request.amount_minor,
        approved_minor: request.amount_minor,
        approved: true,
        currency: request.currency,
        fingerprint: request.fingerprint,
        source: AdviceSource::StandIn,
        reason: Reason::Approved,
        cause: Cause::LedgerTimeout,
        seq,
        original: None,
        exponent: None,
        traceparent: None,
    }
}

/// What was told about customer `number`'s `nth` payment: that it was approved, and a capture of it.
pub(super) fn told(number: u64, nth: u64) -> [Command; 2] {
    let Command::Authorize { gateway, request } = pays(number, nth) else {
        unreachable!("it is written above")
    };
    let capture = Capture {
        id: id(number, nth | 1 << 32),
        of: Some(request.id),
        card: request.card,
        amount_minor: request.amount_minor,
        currency: request.currency,
        more: false,
        fingerprint: request.fingerprint,
        seq: nth,
        exponent: None,
        traceparent: None,
    };
    let items = [
        AdviceItem::Advice(approval(&request, nth)),
        AdviceItem::Capture(capture),
    ];
    items.map(|item| Command::Advise {
        gateway: gateway.clone(),
        item,
    })
}

pub(super) async fn pay(
    batcher: &Batcher,
    number: u64,
    nth: u64,
) -> anyhow::Result<LedgerDecision> {
    let outcomes = batcher.submit(vec![pays(number, nth)]).await?;
    decision(outcomes.first().context("no outcome")?)
}

pub(super) fn decision(outcome: &Outcome) -> anyhow::Result<LedgerDecision> {
    match outcome {
        Outcome::Authorized(AuthorizeAnswer::Decided(decision), _) => Ok(*decision),
        other => bail!("not decided: {other:?}"),
    }
}

/// The name of the problem that an item was answered with.
pub(super) fn problem(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Authorized(AuthorizeAnswer::Failed(problem), _) => Some(problem.name()),
        _ => None,
    }
}

pub(super) async fn available(store: &Store, number: u64) -> anyhow::Result<i64> {
    let account = store.account(AccountId(number)).await?;
    Ok(account.context("no account")?.available_minor)
}

pub(super) async fn balanced(store: &Store) -> anyhow::Result<()> {
    let books = store.books().await?;
    anyhow::ensure!(books.balanced, "I6: {books:?}");
    Ok(())
}
