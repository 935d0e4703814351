//! The rules of the contract that have a number, and what goes with them.

use ledger_api::{
    AdviceOutcome, AuthorizeAnswer, Changed, GatewayId, JournalHead, LedgerDecision, Reason,
};
use serde_json::{Value, json};

use super::customer::{CARD_MAX, Customer};
use super::feed::changes_between;
use super::ground::{Broken, Ground};

pub(super) async fn approval_beats_decline_rule_3(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let other = ground.gateway()?;
    let (one, two, three) = (ground.id(), ground.id(), ground.id());
    customer.tell(customer.advice(one, Some(100))).await?;
    customer
        .tell_as(&other, &[customer.advice(one, None)])
        .await?;
    customer
        .tell_as(&other, &[customer.advice(two, None)])
        .await?;
    customer.tell(customer.advice(two, Some(100))).await?;
    // The ledger's approval was given to another gateway than the one that declined.
    customer.authorize(three, 100).await?;
    customer
        .tell_as(&other, &[customer.advice(three, None)])
        .await?;
    for (at, id) in [
        ("approval first", one),
        ("decline first", two),
        ("ours against theirs", three),
    ] {
        customer.expect_effect(at, id, 100).await?;
        ground.same("contested", true, customer.view(id).await?.contested)?;
        customer.expect_listed(at, id, true).await?;
    }
    // Whoever was given it has declined after all: nobody told the approval.
    customer.tell(customer.advice(three, None)).await?;
    customer
        .expect_effect("when all have declined", three, 0)
        .await?;
    customer
        .expect_listed("when all have declined", three, false)
        .await
}

pub(super) async fn late_live_request_rule_4(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 1_000).await?;
    let (approved, declined) = (ground.id(), ground.id());
    customer
        .tell(customer.advice(approved, Some(5_000)))
        .await?;
    customer.tell(customer.advice(declined, None)).await?;
    for _ in 0..2 {
        let late = customer.authorize(approved, 5_000).await?;
        let seen = (late.approved, late.approved_minor.minor());
        ground.same("a late request, told approved", (true, 5_000), seen)?;
        let late = customer.authorize(declined, 100).await?;
        let seen = (late.approved, late.reason);
        ground.same(
            "a late request, told declined",
            (false, Reason::OverCardLimit),
            seen,
        )?;
    }
    customer
        .expect_available("after the late requests", -4_000)
        .await
}

pub(super) async fn network_outranks_us_rule_5(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let (raised, refused, first) = (ground.id(), ground.id(), ground.id());
    customer.tell(customer.advice(raised, Some(3_000))).await?;
    let more = CARD_MAX + 1;
    customer
        .told(
            customer.network_advice(raised, Some(more)),
            AdviceOutcome::Applied,
        )
        .await?;
    customer
        .expect_effect("the network's amount", raised, more)
        .await?;
    customer.tell(customer.advice(refused, Some(500))).await?;
    customer
        .tell(customer.network_advice(refused, None))
        .await?;
    customer
        .expect_effect("the network declined", refused, 0)
        .await?;
    customer
        .tell(customer.network_advice(first, Some(700)))
        .await?;
    customer.tell(customer.advice(first, None)).await?;
    customer
        .expect_effect("the network came first", first, 700)
        .await?;
    customer
        .expect_available("at the end", 10_000 - more - 700)
        .await
}

async fn report_head(
    customer: &Customer<'_>,
    gateway: &GatewayId,
    head: JournalHead,
) -> Result<(), Broken> {
    let advice = customer.advice(customer.ground.id(), Some(10));
    let body = json!({"gateway": gateway, "head": head, "items": [advice]});
    let answers: ledger_api::AdviceAnswers = customer.ground.post("/v1/advices", &body).await?;
    let booked = answers
        .items
        .iter()
        .all(|answer| answer.outcome == AdviceOutcome::Applied);
    let at = "an advice, whatever its journal is";
    customer.ground.holds(at, "it is booked", booked, &answers)
}

pub(super) async fn journal_head_rule_11(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let gateway = ground.gateway()?;
    let path = format!("/v1/gateways/{gateway}");
    let head = |epoch, seq, hash| JournalHead { epoch, seq, hash };
    ground.same(
        "a gateway that never told",
        None,
        ground.find::<JournalHead>(&path).await?,
    )?;
    let (large, max) = (u64::MAX - 1, u64::MAX);
    let steps = [
        (head(7, 5, 50), head(7, 5, 50)),
        (head(7, 9, 90), head(7, 9, 90)),
        (head(7, 5, 50), head(7, 9, 90)),
        (head(8, 20, 1), head(7, 9, 90)),
        (head(7, 9, 91), head(7, 9, 90)),
        (head(7, large, max), head(7, large, max)),
    ];
    for (told, kept) in steps {
        report_head(&customer, &gateway, told).await?;
        let seen = ground.find::<JournalHead>(&path).await?;
        ground.same(&format!("the head after {told:?}"), Some(kept), seen)?;
    }
    for _ in 0..2 {
        let granted = ground.call("DELETE", &path, None).await?;
        ground.same("DELETE of the gateway's head", 204, granted.status)?;
    }
    ground.same(
        "after the grant",
        None,
        ground.find::<JournalHead>(&path).await?,
    )?;
    report_head(&customer, &gateway, head(8, 1, 1)).await?;
    let seen = ground.find::<JournalHead>(&path).await?;
    ground.same("the new journal's head", Some(head(8, 1, 1)), seen)
}

pub(super) async fn own_spend_is_respected_rule_12(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let mut request = customer.request(ground.id(), 5_000);
    request["unbooked_minor"] = json!(6_000);
    let declined = decided(customer.ask(request).await?)?;
    let seen = (declined.approved, declined.reason);
    ground.same(
        "6,000 of 10,000 spent elsewhere",
        (false, Reason::InsufficientFunds),
        seen,
    )?;
    let mut request = customer.request(ground.id(), 4_000);
    request["unbooked_minor"] = json!(6_000);
    let approved = decided(customer.ask(request).await?)?;
    ground.same("what is left", true, approved.approved)?;
    let mut request = customer.request(ground.id(), 7_000);
    request["unbooked_minor"] = json!(-6_000);
    let negative = customer.ask(request).await?;
    let more = matches!(&negative, AuthorizeAnswer::Decided(decision) if decision.approved);
    ground.holds("spend below zero", "it makes no money", !more, &negative)?;
    customer.expect_available("only the hold", 6_000).await
}

pub(super) async fn marks_include_their_effect_rule_12(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let id = ground.id();
    let from = customer.view_mark().await?;
    let decision = customer.authorize(id, 1_000).await?;
    let advised = customer
        .tell(customer.advice(ground.id(), Some(500)))
        .await?;
    let taken = customer.tell(customer.reversal(id, 0)).await?;
    let duplicate = customer.tell(customer.reversal(id, 0)).await?;
    let declined = customer.authorize(ground.id(), CARD_MAX + 1).await?;
    let steps = [
        ("an authorization", decision.mark, 9_000),
        ("an advice", advised.mark, 8_500),
        ("a reversal", taken.mark, 9_500),
        ("a repeat", duplicate.mark, 9_500),
        ("a decline", declined.mark, 9_500),
    ];
    for (at, mark, available) in steps {
        ground.same("the epoch of a mark", from.epoch, mark.epoch)?;
        let changes = changes_between(ground, from, mark.position).await?;
        let last = changes.iter().rev().find_map(|change| match change.what {
            Changed::Account(state) if state.account == customer.account => {
                Some(state.available_minor)
            }
            _ => None,
        });
        let at = format!("the account in the feed, up to the mark of {at}");
        ground.same(&at, Some(available), last)?;
    }
    Ok(())
}

pub(super) async fn advices_are_not_checked(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 100).await?;
    let frozen = customer.card_state(customer.card, "frozen");
    ground.put("/v1/cards", &json!({"items": [frozen]})).await?;
    let mut left = 100;
    for minor in [90, 60_000, 1] {
        let advice = customer.advice(ground.id(), Some(minor));
        customer.told(advice, AdviceOutcome::Applied).await?;
        left -= minor;
        customer
            .expect_available("after an advice on a frozen card", left)
            .await?;
    }
    Ok(())
}

pub(super) async fn refusals_have_their_precedence(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 1_000).await?;
    let too_much = CARD_MAX + 1;
    let ask = async |change: fn(&mut Value)| {
        let mut request = customer.request(ground.id(), too_much);
        change(&mut request);
        Ok::<_, Broken>(decided(customer.ask(request).await?)?.reason)
    };
    let dollars: fn(&mut Value) = |request| request["currency"] = json!("USD");
    let as_is: fn(&mut Value) = |_| {};
    let seen = ask(|request| {
        request["card"] = json!("k1-ffffffffffffffffffffffffffffffff");
        request["currency"] = json!("USD");
    });
    ground.same("a card that nobody knows", Reason::UnknownCard, seen.await?)?;
    let mut old = customer.card_state(customer.card, "open");
    old["expiry"] = json!(2001);
    let states = [
        (
            customer.card_state(customer.card, "closed"),
            Reason::CardClosed,
        ),
        (
            customer.card_state(customer.card, "frozen"),
            Reason::CardFrozen,
        ),
        (old, Reason::CardExpired),
        (
            customer.card_state(customer.card, "open"),
            Reason::CurrencyMismatch,
        ),
    ];
    for (state, reason) in states {
        ground.put("/v1/cards", &json!({"items": [state]})).await?;
        let at = format!("everything is wrong, and the card is {state}");
        ground.same(&at, reason, ask(dollars).await?)?;
    }
    ground.same(
        "too much for the card",
        Reason::OverTransactionLimit,
        ask(as_is).await?,
    )?;
    let seen = ask(|request| request["amount_minor"] = json!(1_001));
    ground.same(
        "too much for the account",
        Reason::InsufficientFunds,
        seen.await?,
    )?;
    customer
        .expect_available("after declines only", 1_000)
        .await
}

pub(super) async fn a_trace_changes_nothing(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let traces = [
        json!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        json!("none"),
        json!(7),
        Value::Null,
    ];
    for (nth, trace) in traces.into_iter().enumerate() {
        let mut request = customer.request(ground.id(), 100);
        request["traceparent"] = trace.clone();
        let decision = decided(customer.ask(request).await?)?;
        ground.same(
            &format!("a request with traceparent {trace}"),
            true,
            decision.approved,
        )?;
        let mut advice = customer.advice(ground.id(), Some(100));
        advice["traceparent"] = trace;
        customer.told(advice, AdviceOutcome::Applied).await?;
        let spent = 200 * (i64::try_from(nth).unwrap_or_default() + 1);
        customer
            .expect_available("after both", 10_000 - spent)
            .await?;
    }
    Ok(())
}

fn decided(answer: AuthorizeAnswer) -> Result<LedgerDecision, Broken> {
    match answer {
        AuthorizeAnswer::Decided(decision) => Ok(decision),
        other => Err(Broken::new(
            "an authorization",
            "a decision",
            format!("{other:?}"),
        )),
    }
}
