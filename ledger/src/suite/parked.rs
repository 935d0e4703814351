//! What cannot be booked is kept in plain sight for a person, and delays nobody else.

use ledger_api::{AdviceOutcome, Reason};
use serde_json::{Value, json};

use super::customer::Customer;
use super::ground::{Broken, Ground};

/// An advice for a card that nobody has issued.
fn strange(ground: &Ground, customer: &Customer<'_>, told: Option<i64>) -> Value {
    let mut advice = customer.advice(ground.id(), told);
    advice["card"] = json!(ground.card_token());
    advice
}

async fn parked_and_listed(
    customer: &Customer<'_>,
    advice: Value,
    reason: Reason,
) -> Result<(), Broken> {
    let ground = customer.ground;
    let id = serde_json::from_value(advice["id"].clone())
        .map_err(|error| Broken::new("an id", "an id", error.to_string()))?;
    for _ in 0..2 {
        customer
            .told(advice.clone(), AdviceOutcome::Parked { reason })
            .await?;
        let Some(listed) = customer.waits(id).await? else {
            let at = "GET /v1/suspense";
            return Err(Broken::new(at, "the parked advice", "it is not listed"));
        };
        ground.same("the listed reason", Some(reason), listed.parked)?;
        ground.same("the hold of a parked advice", 0, listed.effect_minor)?;
        let told = listed.told.map(|told| told.approved_minor.minor());
        ground.same("the told amount in the list", Some(100), told)?;
    }
    Ok(())
}

pub(super) async fn unknown_card_is_parked(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let advice = strange(ground, &customer, Some(100));
    parked_and_listed(&customer, advice, Reason::UnknownCard).await
}

pub(super) async fn other_currency_is_parked(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let mut advice = customer.advice(ground.id(), Some(100));
    advice["currency"] = json!("USD");
    parked_and_listed(&customer, advice, Reason::CurrencyMismatch).await?;
    customer
        .expect_available("after a foreign advice", 10_000)
        .await
}

pub(super) async fn parked_delays_only_its_own(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let neighbour = Customer::new(ground, 10_000).await?;
    let mut foreign = customer.advice(ground.id(), Some(100));
    foreign["currency"] = json!("USD");
    let items = [
        customer.advice(ground.id(), Some(100)),
        strange(ground, &customer, Some(100)),
        neighbour.advice(ground.id(), Some(300)),
        foreign,
        customer.advice(ground.id(), Some(200)),
    ];
    let answers = customer.tell_all(&items).await?;
    let seen: Vec<_> = answers.into_iter().map(|answer| answer.outcome).collect();
    let (unknown, currency) = (Reason::UnknownCard, Reason::CurrencyMismatch);
    let expected = vec![
        AdviceOutcome::Applied,
        AdviceOutcome::Parked { reason: unknown },
        AdviceOutcome::Applied,
        AdviceOutcome::Parked { reason: currency },
        AdviceOutcome::Applied,
    ];
    ground.same("the answers", expected, seen)?;
    customer
        .expect_available("of the card with a parked one", 9_700)
        .await?;
    neighbour.expect_available("of its neighbour", 9_700).await
}

pub(super) async fn unbookable_decline_is_recorded(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let advice = strange(ground, &customer, None);
    customer
        .told(advice.clone(), AdviceOutcome::Applied)
        .await?;
    customer
        .told(advice.clone(), AdviceOutcome::Duplicate)
        .await?;
    let path = format!(
        "/v1/authorizations/{}",
        advice["id"].as_str().unwrap_or_default()
    );
    let view: ledger_api::AuthorizationView = ground.get(&path).await?;
    let told = view.told.map(|told| told.approved);
    ground.same("what was told, in the books", Some(false), told)?;
    ground.same("parked", None, view.parked)?;
    customer
        .expect_listed("a decline that moves nothing", view.id, false)
        .await
}
