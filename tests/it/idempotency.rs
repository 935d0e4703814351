//! One payment is one payment, whoever sends it how often through which door.

use tests::faultproxy::Mode;
use tests::http_client::authorization_body;
use tests::notebook::Outcome;

use crate::support::{PATIENCE, stack};

#[tokio::test]
async fn both_doors_and_both_gateways_make_one_payment_of_it_i2_i3() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 100_00).await?;
    let payment = stack.payment(&card, 25_00);
    let first = stack.pay(0, &payment).await?;
    assert!(first.approved);
    for gateway in [0, 1] {
        assert_eq!(
            stack.repeat_iso(gateway, &payment).await?.verdict(),
            first.verdict()
        );
        assert_eq!(
            stack.repeat(gateway, &payment).await?.verdict(),
            first.verdict()
        );
        assert_eq!(
            stack.pay_iso(gateway, &payment).await?.verdict(),
            first.verdict()
        );
    }
    assert_eq!(stack.available(&card).await?, 75_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn the_same_payment_in_flight_on_both_doors_is_decided_once_i2_i3() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 100_00).await?;
    let payment = stack.payment(&card, 25_00);
    let (http, iso) = (stack.http(0)?, stack.iso(0).await?);
    // On one connection the client would not send what it could not match.
    let other = stack.iso(0).await?;
    let (a, b, c, d) = tokio::join!(
        http.authorize(&payment, false, PATIENCE),
        iso.authorize(&payment, false, PATIENCE),
        http.authorize(&payment, true, PATIENCE),
        other.authorize(&payment, true, PATIENCE),
    );
    assert!(
        [a, b, c, d]
            .iter()
            .all(|outcome| outcome.answer().is_some_and(|it| it.approved))
    );
    assert_eq!(stack.available(&card).await?, 75_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn the_same_id_with_other_content_is_refused_on_both_doors_i3() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 100_00).await?;
    let payment = stack.payment(&card, 25_00);
    assert!(stack.pay(0, &payment).await?.approved);

    let mut other = payment.clone();
    other.amount_minor = 26_00;
    other.idempotency_key = "another key".into();
    for gateway in [0, 1] {
        let iso = stack
            .iso(gateway)
            .await?
            .authorize(&other, false, PATIENCE)
            .await;
        assert!(
            matches!(&iso, Outcome::Refused(it) if it.code == "94"),
            "{iso:?}"
        );
        let http = stack
            .http(gateway)?
            .authorize(&other, false, PATIENCE)
            .await;
        assert!(
            matches!(&http, Outcome::Refused(it) if it.code == "422"),
            "{http:?}"
        );
    }
    assert_eq!(stack.available(&card).await?, 75_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_one_payment_and_must_be_there() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 100_00).await?;
    let payment = stack.payment(&card, 25_00);
    assert!(stack.pay(0, &payment).await?.approved);

    let mut reused = stack.payment(&card, 5_00);
    reused.idempotency_key.clone_from(&payment.idempotency_key);
    let outcome = stack.http(0)?.authorize(&reused, false, PATIENCE).await;
    assert!(
        matches!(&outcome, Outcome::Refused(it) if it.code == "422"),
        "{outcome:?}"
    );

    let body = authorization_body(&payment, false).to_string();
    let json = ("content-type", "application/json");
    let http = stack.http(0)?;
    let missing = http
        .raw(
            reqwest::Method::POST,
            "/v1/authorizations",
            &[json],
            body.clone(),
        )
        .await?;
    assert_eq!(missing.status, 400, "{}", missing.body);
    missing.problem()?;

    let key = ("idempotency-key", payment.idempotency_key.as_str());
    let again = http
        .raw(
            reqwest::Method::POST,
            "/v1/authorizations",
            &[json, key],
            body,
        )
        .await?;
    assert_eq!(
        again
            .headers
            .get("idempotent-replayed")
            .map(|it| it.as_bytes()),
        Some(&b"true"[..])
    );
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn of_two_payments_in_flight_under_one_key_one_is_decided_and_one_refused_i3()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 1_000_00).await?;
    let slow = Mode::Slow {
        latency_ms: 200,
        jitter_ms: 0,
    };
    stack.fault(slow).await?;
    let http = stack.http(0)?;
    for round in 0..5 {
        let one = stack.payment(&card, 10_00);
        let mut other = stack.payment(&card, 20_00);
        other.idempotency_key.clone_from(&one.idempotency_key);
        let (a, b) = tokio::join!(
            http.authorize(&one, false, PATIENCE),
            http.authorize(&other, false, PATIENCE),
        );
        let decided = [&a, &b].iter().filter(|it| it.answer().is_some()).count();
        let refused = [&a, &b]
            .iter()
            .filter(|it| matches!(it, Outcome::Refused(it) if it.code == "422"))
            .count();
        assert_eq!((decided, refused), (1, 1), "round {round}: {a:?} {b:?}");
    }
    stack.finish().await?;
    Ok(())
}
