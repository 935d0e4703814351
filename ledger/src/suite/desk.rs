//! What people do: releases, closed accounts, and what waits in suspense.

use ledger_api::{
    AdviceOutcome, AuthorizationId, AuthorizationState, AuthorizationView, Holds, Reason,
    ReleaseAnswers, ReleaseOutcome, Retry,
};
use serde_json::{Value, json};

use super::customer::Customer;
use super::ground::{Broken, Ground};

const OPENING: i64 = 10_000;

async fn release(ground: &Ground, ids: &[AuthorizationId]) -> Result<Vec<ReleaseOutcome>, Broken> {
    let items: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    let body = json!({"by": "conformance", "items": items});
    let answers: ReleaseAnswers = ground.post("/v1/releases", &body).await?;
    ground.same("answers to releases", ids.len(), answers.items.len())?;
    Ok(answers
        .items
        .into_iter()
        .map(|answer| answer.outcome)
        .collect())
}

fn is_refused(outcome: &ReleaseOutcome) -> bool {
    matches!(outcome, ReleaseOutcome::Refused { problem } if problem.retry == Retry::Never)
}

pub(super) async fn a_release_lets_go_once(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let (held, captured, declined) = (ground.id(), ground.id(), ground.id());
    customer.authorize(held, 400).await?;
    customer.authorize(captured, 300).await?;
    customer
        .tell(customer.capture(ground.id(), Some(captured), 300, false))
        .await?;
    customer.authorize(declined, 90_000).await?;
    let ids = [held, captured, declined, ground.id(), held];
    let outcomes = release(ground, &ids).await?;
    ground.same("a hold", Some(&ReleaseOutcome::Released), outcomes.first())?;
    ground.same(
        "the same again",
        Some(&ReleaseOutcome::Already),
        outcomes.last(),
    )?;
    let refused = outcomes
        .iter()
        .filter(|outcome| is_refused(outcome))
        .count();
    ground.holds(
        "captured, declined, unheard of",
        "refused",
        refused == 3,
        &outcomes,
    )?;
    customer
        .expect_books("after the release", 0, 300, 0)
        .await?;
    let view = customer.view(held).await?;
    ground.same("the state", AuthorizationState::Released, view.state)
}

pub(super) async fn a_late_capture_is_taken_all_the_same(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let id = ground.id();
    customer.authorize(id, 400).await?;
    release(ground, &[id]).await?;
    // Closed for good: told again, it holds nothing.
    customer.tell(customer.advice(id, Some(400))).await?;
    customer.expect_books("after the release", 0, 0, 0).await?;
    let capture = customer.capture(ground.id(), Some(id), 350, false);
    customer.told(capture, AdviceOutcome::Applied).await?;
    customer
        .expect_books("after the late capture", 0, 350, 0)
        .await
}

async fn resolve(
    ground: &Ground,
    id: AuthorizationId,
    action: Value,
) -> Result<AuthorizationView, Broken> {
    let body = json!({"action": action, "by": "conformance", "note": "the suite"});
    ground.post(&format!("/v1/suspense/{id}"), &body).await
}

async fn close(customer: &Customer<'_>) -> Result<(), Broken> {
    let path = format!("/v1/accounts/{}/close", customer.account);
    customer
        .ground
        .put(&path, &json!({"by": "conformance"}))
        .await
}

pub(super) async fn a_closed_account_takes_no_new_money(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let heir = Customer::new(ground, OPENING).await?;
    for _ in 0..2 {
        close(&customer).await?;
    }
    let live = customer.authorize(ground.id(), 100).await?;
    let seen = (live.approved, live.reason);
    ground.same("a live request", (false, Reason::AccountClosed), seen)?;
    let (moved, dismissed) = (ground.id(), ground.id());
    let reason = Reason::AccountClosed;
    for id in [moved, dismissed] {
        for _ in 0..2 {
            let advice = customer.advice(id, Some(700));
            customer
                .told(advice, AdviceOutcome::Parked { reason })
                .await?;
        }
        customer.expect_listed("parked", id, true).await?;
    }
    customer
        .expect_available("of the closed account", OPENING)
        .await?;
    let book_to = json!({"book_to": {"account": heir.account}});
    for _ in 0..2 {
        let view = resolve(ground, moved, book_to.clone()).await?;
        ground.same(
            "booked by a person",
            (None, 700),
            (view.parked, view.effect_minor),
        )?;
        ground.same("on whose account", Some(heir.account), view.account)?;
    }
    resolve(ground, dismissed, json!("dismiss")).await?;
    for id in [moved, dismissed] {
        customer
            .expect_listed("after a person has decided", id, false)
            .await?;
    }
    customer.expect_effect("dismissed", dismissed, 0).await?;
    heir.expect_available("of the other account", OPENING - 700)
        .await
}

pub(super) async fn a_parked_advice_is_tried_again(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let (id, later) = (ground.id(), ground.card_token());
    let mut advice = customer.advice(id, Some(250));
    advice["card"] = json!(later);
    let reason = Reason::UnknownCard;
    customer
        .told(advice, AdviceOutcome::Parked { reason })
        .await?;
    let body = json!({"action": "retry", "by": "conformance", "note": "too early"});
    let path = format!("/v1/suspense/{id}");
    let sent = Some(body.to_string().into_bytes());
    let answer = ground.call("POST", &path, sent).await?;
    ground.problem("a retry while the cause is there", &answer, &[409])?;
    customer.expect_listed("still parked", id, true).await?;
    let card = customer.card_state(later, "open");
    ground.put("/v1/cards", &json!({"items": [card]})).await?;
    let view = resolve(ground, id, json!("retry")).await?;
    ground.same(
        "after the card was issued",
        (None, 250),
        (view.parked, view.effect_minor),
    )?;
    customer.expect_listed("booked", id, false).await?;
    customer
        .expect_available("after the retry", OPENING - 250)
        .await
}

pub(super) async fn what_was_seen_is_listed_no_more(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let (id, other) = (ground.id(), ground.gateway()?);
    customer.tell(customer.advice(id, Some(100))).await?;
    customer
        .tell_as(&other, &[customer.advice(id, None)])
        .await?;
    customer.expect_listed("contested", id, true).await?;
    let view = resolve(ground, id, json!("seen")).await?;
    ground.same("the money stays", 100, view.effect_minor)?;
    customer.expect_listed("seen", id, false).await?;
    for by in ["", "4111 1111 1111 1111"] {
        let body = json!({"action": "seen", "by": by, "note": "x"});
        let sent = Some(body.to_string().into_bytes());
        let answer = ground
            .call("POST", &format!("/v1/suspense/{id}"), sent)
            .await?;
        ground.refused(
            "nobody, or a card number, as a person",
            &answer,
            &[400, 422],
        )?;
    }
    Ok(())
}

pub(super) async fn an_undrained_journal_stops_the_hold_clock_rule_17(
    ground: &Ground,
) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    for (undrained, listed) in [(3, true), (0, false)] {
        let head = json!({"epoch": 1, "seq": 2 + 3 - undrained, "hash": 3});
        let advice = customer.advice(ground.id(), Some(10));
        let body = json!({"gateway": customer.gateway, "head": head, "items": [advice],
            "undrained": undrained});
        let _answers: ledger_api::AdviceAnswers = ground.post("/v1/advices", &body).await?;
        let holds: Holds = ground.get("/v1/holds").await?;
        let ours = holds
            .undrained
            .iter()
            .any(|one| one.gateway == customer.gateway);
        let at = format!("the gateway in /v1/holds, with {undrained} advices behind");
        ground.same(&at, listed, ours)?;
        ground.holds(
            "paused",
            "while anybody is listed",
            holds.paused || !listed,
            &holds,
        )?;
    }
    Ok(())
}
