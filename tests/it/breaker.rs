//! The breaker judges the ledger, not callers who are in a hurry.

use std::time::Duration;

use ledger_api::Retry;
use tests::faultproxy::Mode;
use tests::notebook::{By, Outcome};
use tests::waiting::wait_until;

use crate::support::{DRAINED_WITHIN, PATIENCE, stack};

#[tokio::test]
async fn callers_in_a_hurry_do_not_trip_the_breaker_for_the_others_i10() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_00).await?;
    let slow = Mode::Slow {
        latency_ms: 200,
        jitter_ms: 0,
    };
    stack.fault(slow).await?;
    let http = stack.http(0)?;
    for _ in 0..8 {
        let hurried = stack.payment(&card, 1_00);
        let outcome = http.authorize_within(&hurried, 120, PATIENCE).await;
        assert!(!matches!(outcome, Outcome::Unanswered(_)), "{outcome:?}");
        if let Some(answer) = outcome.answer() {
            assert!(
                answer.latency < Duration::from_millis(500),
                "the caller has 120 ms: {:?}",
                answer.latency
            );
        }
    }
    let status = stack.status(0).await?;
    assert_eq!(
        (status.breaker.as_str(), status.breaker_trips),
        ("passing", 0)
    );
    let patient = stack.pay(0, &stack.payment(&card, 1_00)).await?;
    assert_eq!(
        (patient.approved, patient.decided_by),
        (true, Some(By::Ledger))
    );
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn less_time_than_stand_in_needs_is_refused_at_once_and_recorded_nowhere_i8()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 100_00).await?;
    for caller_ms in [0, 1, 50, 99] {
        let payment = stack.payment(&card, 1_00);
        let outcome = stack
            .http(0)?
            .authorize_within(&payment, caller_ms, PATIENCE)
            .await;
        let Outcome::Refused(refusal) = &outcome else {
            panic!("{caller_ms} ms: {outcome:?}");
        };
        assert_eq!(
            (refusal.code.as_str(), refusal.retry),
            ("504", Some(Retry::Safe)),
            "{caller_ms} ms: {}",
            refusal.detail
        );
        let id = stack.id_of(&payment);
        let journal = stack.gateway(0).journal().await?;
        assert!(journal.iter().all(|answer| answer.id != id));
        assert_eq!(stack.ledger().authorization(id).await?, None);
        assert!(
            stack.pay(0, &payment).await?.approved,
            "a retry with more time is safe"
        );
    }
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn payments_over_iso_8583_alone_find_that_the_ledger_is_back_i10() -> anyhow::Result<()> {
    const ANSWERS: &str = "holdfast_answers_total";
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_00).await?;
    stack.cut().await?;
    let pay = || async { stack.pay_iso(0, &stack.payment(&card, 1_00)).await };
    let tripped = || async {
        let approved = pay().await.is_ok_and(|answer| answer.approved);
        let status = stack.status(0).await;
        approved && status.is_ok_and(|status| status.breaker == "tripped")
    };
    wait_until("the breaker trips", DRAINED_WITHIN, tripped).await?;
    let refused = [("decided_by", "stand_in"), ("cause", "breaker_tripped")];
    let before = stack.scrape(0).await?.sum(ANSWERS, &refused);
    let stood_in = || async {
        let approved = pay().await.is_ok_and(|answer| answer.approved);
        let page = stack.scrape(0).await;
        approved && page.is_ok_and(|page| page.sum(ANSWERS, &refused) > before)
    };
    wait_until("stand-in answers at once", DRAINED_WITHIN, stood_in).await?;

    stack.heal().await?;
    let passes = || async {
        let answered = pay().await.is_ok();
        let status = stack.status(0).await;
        answered && status.is_ok_and(|status| status.breaker == "passing")
    };
    wait_until("the breaker passes", DRAINED_WITHIN, passes).await?;
    let decided = [("decided_by", "ledger"), ("reason", "approved")];
    let before = stack.scrape(0).await?.sum(ANSWERS, &decided);
    assert!(pay().await?.approved);
    let after = stack.scrape(0).await?.sum(ANSWERS, &decided);
    assert_eq!(after, before + 1.0, "the ledger decides again");
    stack.settled().await?;
    stack.finish().await?;
    Ok(())
}
