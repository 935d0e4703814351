//! Batches are answered item by item, in order.

use ledger_api::{AdviceOutcome, AuthorizeAnswer, AuthorizeAnswers, BATCH_ITEMS_MAX, Reason};
use serde_json::{Value, json};

use super::customer::{CARD_MAX, Customer};
use super::ground::{Broken, Ground};

pub(super) async fn item_by_item_in_order(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let known = ground.id();
    customer.authorize(known, 1_000).await?;
    let mut conflict = customer.request(known, 2_000);
    conflict["fingerprint"] = json!(1);
    let mut strange = customer.request(ground.id(), 100);
    strange["card"] = json!(ground.card_token());
    let items = [
        customer.request(ground.id(), 100),
        conflict,
        customer.request(ground.id(), CARD_MAX + 1),
        customer.request(known, 1_000),
        strange,
        customer.request(ground.id(), 200),
    ];
    let answers = customer.authorize_all(&items).await?;
    let seen: Vec<_> = answers.iter().map(said).collect();
    let expected = [
        "approved 100".to_owned(),
        "conflict".to_owned(),
        format!("declined {}", Reason::OverTransactionLimit),
        "approved 1000".to_owned(),
        format!("declined {}", Reason::UnknownCard),
        "approved 200".to_owned(),
    ];
    ground.same("the answers", expected.to_vec(), seen)?;
    customer
        .expect_available("after the batch", 10_000 - 1_300)
        .await
}

fn said(answer: &AuthorizeAnswer) -> String {
    match answer {
        AuthorizeAnswer::Decided(decision) if decision.approved => {
            format!("approved {}", decision.approved_minor.minor())
        }
        AuthorizeAnswer::Decided(decision) => format!("declined {}", decision.reason),
        AuthorizeAnswer::Conflict => "conflict".to_owned(),
        AuthorizeAnswer::Failed(problem) => format!("failed {}", problem.name()),
    }
}

pub(super) async fn advices_item_by_item(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let (one, two) = (ground.id(), ground.id());
    let numbered = |mut item: Value, seq: u64| {
        item["seq"] = json!(seq);
        item
    };
    let mut strange = customer.advice(ground.id(), Some(50));
    strange["card"] = json!(ground.card_token());
    let items = [
        numbered(customer.advice(one, Some(100)), 11),
        numbered(strange, 12),
        numbered(customer.reversal(one, 0), 13),
        numbered(customer.advice(two, Some(300)), 14),
        numbered(customer.advice(one, Some(100)), 15),
        numbered(customer.reversal(two, 250), u64::MAX),
    ];
    let answers = customer.tell_all(&items).await?;
    let parked = AdviceOutcome::Parked {
        reason: Reason::UnknownCard,
    };
    let outcomes = [
        AdviceOutcome::Applied,
        parked,
        AdviceOutcome::Applied,
        AdviceOutcome::Applied,
        AdviceOutcome::Duplicate,
        AdviceOutcome::Applied,
    ];
    for ((item, outcome), answer) in items.iter().zip(outcomes).zip(&answers) {
        let expected = (
            item["id"].as_str().unwrap_or_default(),
            item["seq"].as_u64(),
        );
        let id = answer.id.to_string();
        ground.same("id and number", expected, (id.as_str(), Some(answer.seq)))?;
        ground.same("the outcome", outcome, answer.outcome.clone())?;
    }
    customer
        .expect_available("after the batch", 10_000 - 250)
        .await
}

pub(super) async fn an_empty_batch_is_empty(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 100).await?;
    ground.same("no requests", 0, customer.authorize_all(&[]).await?.len())?;
    ground.same("no advices", 0, customer.tell_all(&[]).await?.len())?;
    ground.put("/v1/accounts", &json!({"items": []})).await
}

pub(super) async fn a_full_batch(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 1_000_000).await?;
    let most = i64::try_from(BATCH_ITEMS_MAX).unwrap_or_default();
    let mut items: Vec<Value> = (0..most)
        .map(|_| customer.request(ground.id(), 2))
        .collect();
    let body = |items: &[Value]| json!({"gateway": customer.gateway, "items": items});
    let answers: AuthorizeAnswers = ground.post("/v1/authorizations", &body(&items)).await?;
    let approved = answers
        .items
        .iter()
        .filter(|answer| said(answer) == "approved 2");
    ground.same(
        "approvals in a full batch",
        BATCH_ITEMS_MAX,
        approved.count(),
    )?;
    customer
        .expect_available("after it", 1_000_000 - 2 * most)
        .await?;
    items.push(customer.request(ground.id(), 2));
    let sent = Some(body(&items).to_string().into_bytes());
    let answer = ground.call("POST", "/v1/authorizations", sent).await?;
    ground.refused("one item too many", &answer, &[413])?;
    customer
        .expect_available("after a batch that is too long", 1_000_000 - 2 * most)
        .await
}
