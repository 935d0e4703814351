//! Any order of what is told gives the same books (I13), and a reversal may come first.

use ledger_api::{AdviceAnswers, AdviceOutcome, AuthorizationId, GatewayId, Reason};
use serde_json::json;

use super::customer::Customer;
use super::ground::{Broken, Ground};

const OPENING: i64 = 10_000;

/// Something that happens to an authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Request,
    Approval,
    Decline,
    OthersDecline,
    Reversal(i64),
}

/// Every different order of some events, in order.
pub(super) fn orders<T: Ord + Clone>(mut events: Vec<T>) -> Vec<Vec<T>> {
    events.sort();
    let mut all = vec![events.clone()];
    // The next permutation, until the last one.
    while let Some(pivot) = events.windows(2).rposition(|pair| pair[0] < pair[1]) {
        let swap = (events.iter())
            .rposition(|event| *event > events[pivot])
            .unwrap_or(pivot);
        events.swap(pivot, swap);
        events[pivot + 1..].reverse();
        all.push(events.clone());
    }
    all
}

async fn happen(
    customer: &Customer<'_>,
    other: &GatewayId,
    id: AuthorizationId,
    event: Event,
) -> Result<(), Broken> {
    let taken = match event {
        Event::Request => {
            customer.authorize(id, 400).await?;
            return Ok(());
        }
        Event::Approval => customer.tell(customer.advice(id, Some(400))).await?,
        Event::Decline => customer.tell(customer.advice(id, None)).await?,
        Event::Reversal(left) => customer.tell(customer.reversal(id, left)).await?,
        Event::OthersDecline => {
            let answers = customer
                .tell_as(other, &[customer.advice(id, None)])
                .await?;
            answers
                .into_iter()
                .next()
                .ok_or_else(Broken::nothing_seen)?
        }
    };
    let done = matches!(
        taken.outcome,
        AdviceOutcome::Applied | AdviceOutcome::Duplicate
    );
    customer
        .ground
        .holds("what is told", "applied or duplicate", done, &taken.outcome)
}

/// Plays every order, and checks the hold after each.
async fn every_order(ground: &Ground, events: &[Event], held: i64) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let other = ground.gateway()?;
    let mut spent = 0;
    for order in orders(events.to_vec()) {
        let id = ground.id();
        for event in &order {
            happen(&customer, &other, id, *event).await?;
        }
        spent += held;
        let view = customer.view(id).await?;
        ground.same(
            &format!("the hold after {order:?}"),
            held,
            view.effect_minor,
        )?;
    }
    customer
        .expect_available("after every order", OPENING - spent)
        .await
}

pub(super) async fn every_order_of_request_advice_and_reversal(
    ground: &Ground,
) -> Result<(), Broken> {
    let (advice, reversal) = (Event::Approval, Event::Reversal(0));
    let events = [Event::Request, advice, advice, reversal, reversal];
    every_order(ground, &events, 0).await?;
    let events = [Event::Request, advice, advice];
    every_order(ground, &events, 400).await?;
    let events = [Event::Request, Event::Decline, Event::Decline];
    every_order(ground, &events, 0).await
}

pub(super) async fn every_order_of_partial_reversals(ground: &Ground) -> Result<(), Broken> {
    let events = [
        Event::Approval,
        Event::Reversal(150),
        Event::Reversal(300),
        Event::Request,
    ];
    every_order(ground, &events, 150).await?;
    let more_than_all = [Event::Approval, Event::Reversal(900)];
    every_order(ground, &more_than_all, 400).await
}

pub(super) async fn every_order_of_two_gateways(ground: &Ground) -> Result<(), Broken> {
    let told = [Event::Approval, Event::OthersDecline, Event::OthersDecline];
    every_order(ground, &told, 400).await?;
    let taken_back = [Event::Approval, Event::OthersDecline, Event::Reversal(100)];
    every_order(ground, &taken_back, 100).await
}

pub(super) async fn tombstone_before_a_live_request(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let id = ground.id();
    customer
        .told(customer.reversal(id, 0), AdviceOutcome::Applied)
        .await?;
    for _ in 0..2 {
        let late = customer.authorize(id, 100).await?;
        let seen = (late.approved, late.reason);
        ground.same(
            "a request after its reversal",
            (false, Reason::ReversedBefore),
            seen,
        )?;
    }
    customer
        .told(customer.reversal(id, 0), AdviceOutcome::Duplicate)
        .await?;
    customer.expect_available("at the end", OPENING).await
}

pub(super) async fn tombstone_before_an_advice(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let id = ground.id();
    customer
        .told(customer.reversal(id, 0), AdviceOutcome::Applied)
        .await?;
    customer
        .told(customer.advice(id, Some(100)), AdviceOutcome::Applied)
        .await?;
    customer
        .told(customer.advice(id, Some(100)), AdviceOutcome::Duplicate)
        .await?;
    customer
        .expect_effect("after reversal and advice", id, 0)
        .await?;
    customer.expect_available("at the end", OPENING).await
}

pub(super) async fn partial_reversal_lowers_once(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let id = ground.id();
    customer.authorize(id, 4_000).await?;
    let steps = [
        (1_500, AdviceOutcome::Applied, 1_500),
        (1_500, AdviceOutcome::Duplicate, 1_500),
        (3_000, AdviceOutcome::Duplicate, 1_500),
        (0, AdviceOutcome::Applied, 0),
        (0, AdviceOutcome::Duplicate, 0),
        (1_500, AdviceOutcome::Duplicate, 0),
    ];
    for (left, outcome, held) in steps {
        customer.told(customer.reversal(id, left), outcome).await?;
        customer
            .expect_effect(&format!("after a reversal that leaves {left}"), id, held)
            .await?;
        customer
            .expect_available("after it", OPENING - held)
            .await?;
    }
    let again = customer.authorize(id, 4_000).await?;
    ground.same("I3: the answer stays what it was", true, again.approved)?;
    customer.expect_available("after the repeat", OPENING).await
}

pub(super) async fn reversals_call_is_the_same(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, OPENING).await?;
    let (id, unheard) = (ground.id(), ground.id());
    customer.authorize(id, 4_000).await?;
    let reversal = |id: AuthorizationId, left: i64| json!({"id": id, "card": customer.card, "remaining_minor": left, "seq": 7});
    let items = [
        reversal(id, 1_000),
        reversal(unheard, 0),
        reversal(id, 1_000),
    ];
    let body = json!({"gateway": customer.gateway, "items": items});
    let answers: AdviceAnswers = ground.post("/v1/reversals", &body).await?;
    let seen: Vec<_> = (answers.items.into_iter())
        .map(|answer| (answer.id, answer.seq, answer.outcome))
        .collect();
    let expected = vec![
        (id, 7, AdviceOutcome::Applied),
        (unheard, 7, AdviceOutcome::Applied),
        (id, 7, AdviceOutcome::Duplicate),
    ];
    ground.same("the answers", expected, seen)?;
    customer
        .expect_available("after the reversals", OPENING - 1_000)
        .await?;
    let late = customer.authorize(unheard, 100).await?;
    ground.same(
        "a request after its reversal",
        Reason::ReversedBefore,
        late.reason,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_different_order_comes_once() {
        use Event::{Approval, Request, Reversal};
        let all = orders(vec![Approval, Reversal(0), Request, Approval, Reversal(0)]);
        assert_eq!(all.len(), 30, "5! / (2! 2!)");
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), 30);
        assert_eq!(orders(Vec::<u8>::new()), [Vec::<u8>::new()]);
    }
}
