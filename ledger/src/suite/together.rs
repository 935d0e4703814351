//! Many at once, and whether it all adds up.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use ledger_api::{AdviceOutcome, AuthorizeAnswer, TrialBalance};
use serde_json::Value;

use super::customer::Customer;
use super::ground::{Broken, Ground};

const AT_ONCE: usize = 16;

/// All of them at once, each on a connection of its own.
async fn ask_at_once(
    customer: &Customer<'_>,
    requests: Vec<Value>,
) -> Result<Vec<AuthorizeAnswer>, Broken> {
    let asked = requests.into_iter().map(|request| customer.ask(request));
    join_all(asked).await.into_iter().collect()
}

pub(super) async fn one_authorization_from_sixteen_connections(
    ground: &Ground,
) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    for minor in [1_000, 20_000] {
        let id = ground.id();
        let request = customer.request(id, minor);
        let answers = ask_at_once(&customer, vec![request; AT_ONCE]).await?;
        let verdicts: BTreeSet<_> = (answers.iter())
            .map(|answer| match answer {
                AuthorizeAnswer::Decided(decision) => (
                    decision.approved,
                    decision.approved_minor,
                    Some(decision.reason),
                ),
                _ => (false, ledger_api::Amount::ZERO, None),
            })
            .collect();
        ground.holds(
            "16 answers for one id",
            "all the same",
            verdicts.len() == 1,
            &answers,
        )?;
        let approved = verdicts.iter().any(|(approved, ..)| *approved);
        ground.same("the answer", minor == 1_000, approved)?;
    }
    customer
        .expect_available("after 16 of one request", 9_000)
        .await
}

pub(super) async fn one_advice_from_sixteen_connections(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let id = ground.id();
    let advice = customer.advice(id, Some(700));
    let asked = (0..AT_ONCE).map(|_| customer.tell(advice.clone()));
    let mut applied = 0;
    for answer in join_all(asked).await {
        let answer = answer?;
        let final_answer = matches!(
            answer.outcome,
            AdviceOutcome::Applied | AdviceOutcome::Duplicate
        );
        ground.holds("an answer", "applied or duplicate", final_answer, &answer)?;
        applied += usize::from(answer.outcome == AdviceOutcome::Applied);
    }
    ground.same("how often it was applied", 1, applied)?;
    customer
        .expect_effect("after 16 of one advice", id, 700)
        .await?;
    customer
        .expect_available("after 16 of one advice", 9_300)
        .await
}

pub(super) async fn sixteen_spenders_never_overdraw(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 1_000).await?;
    let spender = |_| customer.request(ground.id(), 150);
    let requests = (0..AT_ONCE).map(spender).collect();
    let answers = ask_at_once(&customer, requests).await?;
    let approved = |answer: &&AuthorizeAnswer| matches!(answer, AuthorizeAnswer::Decided(decision) if decision.approved);
    ground.same(
        "approvals of 150 from 1,000",
        6,
        answers.iter().filter(approved).count(),
    )?;
    customer.expect_available("what is left", 100).await
}

pub(super) async fn advice_and_request_at_once(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 100_000).await?;
    let mut held = 0;
    for told in [Some(300), None, Some(500)] {
        for _ in 0..4 {
            let id = ground.id();
            let request = customer.authorize(id, 400);
            let advice = customer.tell(customer.advice(id, told));
            let (decision, advised) = tokio::join!(request, advice);
            let (decision, advised) = (decision?, advised?);
            ground.same("the advice", AdviceOutcome::Applied, advised.outcome)?;
            let own = decision.approved && decision.approved_minor.minor() == 400;
            let late = (decision.approved, decision.approved_minor.minor())
                == (told.is_some(), told.unwrap_or(0));
            let at = "a request at the same time as its advice";
            ground.holds(
                at,
                "the ledger's own answer or the told one",
                own || late,
                decision,
            )?;
            held += told.unwrap_or(0);
            customer
                .expect_effect("in the end", id, told.unwrap_or(0))
                .await?;
        }
    }
    customer
        .expect_available("in the end", 100_000 - held)
        .await
}

pub(super) async fn the_books_balance_i6(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    customer.authorize(ground.id(), 500).await?;
    let books: TrialBalance = ground.get("/v1/books").await?;
    ground.holds(
        "GET /v1/books",
        "accounts whose totals differ: none",
        books.crooked.is_empty(),
        &books,
    )?;
    for line in &books.currencies {
        let totals = line.totals;
        let level = totals.debits_pending == totals.credits_pending
            && totals.debits_posted == totals.credits_posted;
        ground.holds("debits and credits of a currency", "the same", level, line)?;
    }
    ground.same("balanced", true, books.balanced)
}
