//! The same again, and other content under a known id.

use ledger_api::{AdviceOutcome, AuthorizeAnswer, Reason};
use serde_json::json;

use super::customer::{CURRENCY, Customer};
use super::ground::{Broken, Ground};

pub(super) async fn live_repeat_same_answer_i3(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let id = ground.id();
    let first = customer.authorize(id, 2_500).await?;
    ground.same(
        "the first answer",
        (true, 2_500),
        (first.approved, first.approved_minor.minor()),
    )?;
    for gateway in [customer.gateway.clone(), ground.gateway()?] {
        let body = json!({"gateway": gateway, "items": [customer.request(id, 2_500)]});
        let again: ledger_api::AuthorizeAnswers = ground.post("/v1/authorizations", &body).await?;
        let Some(AuthorizeAnswer::Decided(again)) = again.items.first() else {
            let seen = format!("{again:?}");
            return Err(Broken::new("a repeat", "the first decision", seen));
        };
        let verdict = |decision: &ledger_api::LedgerDecision| {
            (
                decision.account,
                decision.approved,
                decision.approved_minor,
                decision.reason,
            )
        };
        ground.same("a repeat's answer", verdict(&first), verdict(again))?;
    }
    customer.expect_available("after two repeats", 7_500).await
}

pub(super) async fn live_other_content_is_a_conflict(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let id = ground.id();
    customer.authorize(id, 2_500).await?;
    let mut other = customer.request(id, 9_000);
    other["fingerprint"] = json!(1);
    for _ in 0..2 {
        let answer = customer.ask(other.clone()).await?;
        ground.same(
            "other content under the id",
            AuthorizeAnswer::Conflict,
            answer,
        )?;
    }
    customer
        .expect_effect("after the conflict", id, 2_500)
        .await?;
    customer
        .expect_available("after the conflict", 7_500)
        .await?;
    let again = customer.authorize(id, 2_500).await?;
    ground.same("the request itself, again", true, again.approved)
}

pub(super) async fn live_other_card_is_a_conflict(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let stranger = Customer::new(ground, 10_000).await?;
    let id = ground.id();
    customer.authorize(id, 2_500).await?;
    let answer = stranger.ask(stranger.request(id, 2_500)).await?;
    ground.same(
        "another card under the id",
        AuthorizeAnswer::Conflict,
        answer,
    )?;
    stranger
        .expect_available("of the other card", 10_000)
        .await?;
    customer.expect_available("of the first card", 7_500).await
}

pub(super) async fn repeat_in_one_batch(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let (live, told) = (ground.id(), ground.id());
    let request = customer.request(live, 1_000);
    let answers = customer
        .authorize_all(&[request.clone(), request.clone(), request])
        .await?;
    let approved = |answer: &AuthorizeAnswer| {
        matches!(answer, AuthorizeAnswer::Decided(decision)
            if decision.approved && decision.approved_minor.minor() == 1_000)
    };
    let all = answers.iter().all(approved);
    ground.holds(
        "three of one item",
        "the same approval thrice",
        all,
        &answers,
    )?;
    customer
        .expect_available("after three of one item", 9_000)
        .await?;
    let advice = customer.advice(told, Some(500));
    let answers = customer.tell_all(&[advice.clone(), advice]).await?;
    let outcomes: Vec<_> = answers.into_iter().map(|answer| answer.outcome).collect();
    let expected = vec![AdviceOutcome::Applied, AdviceOutcome::Duplicate];
    ground.same("two of one advice", expected, outcomes)?;
    customer
        .expect_available("after two of one advice", 8_500)
        .await
}

pub(super) async fn advice_other_content_is_listed(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let id = ground.id();
    customer.authorize(id, 400).await?;
    let mut advice = customer.advice(id, Some(400));
    advice["fingerprint"] = json!(1);
    for _ in 0..2 {
        let answer = customer.tell(advice.clone()).await?;
        let taken = !matches!(answer.outcome, AdviceOutcome::Failed { .. });
        ground.holds(
            "an advice with other content",
            "it is taken",
            taken,
            &answer,
        )?;
    }
    customer
        .expect_listed("after other content", id, true)
        .await?;
    customer
        .expect_effect("after other content, told twice", id, 400)
        .await?;
    customer
        .expect_available("after other content", 9_600)
        .await
}

pub(super) async fn decline_repeats_too(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 1_000).await?;
    let (big, small) = (ground.id(), ground.id());
    customer.authorize(small, 900).await?;
    let declined = customer.authorize(big, 500).await?;
    let expected = (false, Reason::InsufficientFunds);
    ground.same(
        "more than is left",
        expected,
        (declined.approved, declined.reason),
    )?;
    // The money comes back; the answer stays.
    customer
        .told(customer.reversal(small, 0), AdviceOutcome::Applied)
        .await?;
    let again = customer.authorize(big, 500).await?;
    ground.same(
        "the same request later",
        expected,
        (again.approved, again.reason),
    )?;
    customer.expect_available("at the end", 1_000).await
}

pub(super) async fn opening_again_changes_nothing(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 1_000).await?;
    customer.authorize(ground.id(), 300).await?;
    let opening = json!({"account": customer.account, "currency": CURRENCY,
        "opening_minor": 99_000});
    let card = customer.card_state(customer.card, "open");
    for _ in 0..2 {
        ground
            .put("/v1/accounts", &json!({"items": [opening]}))
            .await?;
        ground.put("/v1/cards", &json!({"items": [card]})).await?;
    }
    customer
        .expect_available("after opening again", 700)
        .await?;
    let seen = customer.account().await?.totals.credits_posted;
    ground.same("money in, after opening again", 1_000, seen)
}
