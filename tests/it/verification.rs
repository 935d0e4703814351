//! What was checked of card and cardholder decides, through both doors.

use std::time::Duration;

use iso8583::MessageBuilder;
use iso8583::profile::ASCII_HEX;
use ledger_api::Reason;
use reqwest::Method;
use serde_json::{Value, json};
use tests::collector::{Collector, Manner};
use tests::http_client::authorization_body;
use tests::iso_client::{CHECKED_LINK, authorization_message};
use tests::payment::{Card, Payment};
use tests::waiting::wait_until;

use crate::support::{PATIENCE, Running, stack, stack_with};

const PIN_BLOCK: (u8, &str) = (52, "A1B2C3D4E5F60718");
const CHIP_DATA: (u8, &str) = (55, "9F26080102030405060708");

/// Pays over ISO 8583 with these fields too; tells DE39.
async fn pay_iso(
    stack: &Running,
    payment: &Payment,
    fields: &[(u8, &str)],
) -> anyhow::Result<String> {
    let bytes = authorization_message(payment, false)?;
    let plain = iso8583::decode(&ASCII_HEX, &bytes).map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut message = MessageBuilder::new(&ASCII_HEX, plain.mti());
    for number in plain.present() {
        message.set_value(number, &plain.expose_field(number).unwrap())?;
    }
    for (number, text) in fields {
        message.set(*number, text)?;
    }
    let door = stack.iso(0).await?;
    let reply = door.exchange(message.encode(), PATIENCE).await?;
    Ok(reply.response_code)
}

/// Pays over HTTP with this `verification`; tells status and body.
async fn pay_http(
    stack: &Running,
    payment: &Payment,
    verification: Value,
) -> anyhow::Result<(u16, Value)> {
    let mut body = authorization_body(payment, false);
    body["verification"] = verification;
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", payment.idempotency_key.as_str()),
    ];
    let http = stack.http(0)?;
    let answer = http.raw(
        Method::POST,
        "/v1/authorizations",
        &headers,
        body.to_string(),
    );
    let answer = answer.await?;
    Ok((answer.status, serde_json::from_str(&answer.body)?))
}

fn with_field(config: &mut tests::cluster::StackConfig) {
    config.gateway_args = ["--links", CHECKED_LINK].map(str::to_owned).to_vec();
}

/// What is presented, what DE39 must say, and by which reason.
type Case = (
    &'static [(u8, &'static str)],
    [&'static str; 3],
    &'static str,
    Reason,
);

/// The letters are CVV2, PIN, cryptogram; so are the words.
const CASES: &[Case] = &[
    (&[], ["not_presented"; 3], "00", Reason::Approved),
    (
        &[PIN_BLOCK, CHIP_DATA, (61, "-MM")],
        ["not_presented", "matched", "matched"],
        "00",
        Reason::Approved,
    ),
    (
        &[(61, "M--")],
        ["matched", "not_presented", "not_presented"],
        "00",
        Reason::Approved,
    ),
    (
        &[PIN_BLOCK, (61, "-N-")],
        ["not_presented", "failed", "not_presented"],
        "55",
        Reason::IncorrectPin,
    ),
    (
        &[(61, "N--")],
        ["failed", "not_presented", "not_presented"],
        "82",
        Reason::IncorrectCvv2,
    ),
    (
        &[CHIP_DATA, (61, "--N")],
        ["not_presented", "not_presented", "failed"],
        "88",
        Reason::IncorrectCryptogram,
    ),
];

/// Presented and not checked: what the policy is for.
const UNKNOWN: &[Case] = &[
    (
        &[PIN_BLOCK],
        ["not_presented", "unknown", "not_presented"],
        "91",
        Reason::VerificationUnknown,
    ),
    (
        &[CHIP_DATA, (61, "--U")],
        ["not_presented", "not_presented", "unknown"],
        "91",
        Reason::VerificationUnknown,
    ),
    (
        &[(61, "U--")],
        ["unknown", "not_presented", "not_presented"],
        "91",
        Reason::VerificationUnknown,
    ),
];

/// The same through both doors, and the ISO one's answer again where HTTP shows it.
async fn both_doors(stack: &Running, card: &Card, cases: &[Case]) -> anyhow::Result<()> {
    for (fields, words, code, reason) in cases {
        let payment = stack.payment(card, 1_00);
        let what = format!("{fields:?}");
        assert_eq!(pay_iso(stack, &payment, fields).await?, *code, "{what}");
        let shown = stack.http(0)?.lookup(stack.id_of(&payment)).await?.unwrap();
        let [cvv2, pin, arqc] = words;
        let checks = json!({"cvv2": cvv2, "pin": pin, "arqc": arqc});
        assert_eq!(shown["verification"], checks, "{what}");
        assert_eq!(shown["reason"], reason.name(), "{what}");

        let (status, body) = pay_http(stack, &stack.payment(card, 1_00), checks.clone()).await?;
        assert_eq!(
            (status, &body["response_code"]),
            (200, &json!(code)),
            "{body}"
        );
        assert_eq!(
            (&body["reason"], &body["verification"]),
            (&json!(reason.name()), &checks)
        );
    }
    Ok(())
}

#[tokio::test]
async fn without_the_ledger_what_failed_is_declined_and_unknown_is_for_the_policy_i16()
-> anyhow::Result<()> {
    let stack = stack_with(with_field).await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.cut().await?;
    both_doors(&stack, &card, CASES).await?;
    both_doors(&stack, &card, UNKNOWN).await?;
    let journal = stack.gateway(0).journal().await?;
    assert_eq!(journal.len(), 2 * (CASES.len() + UNKNOWN.len()));
    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(
        stack.available(&card).await?,
        94_00,
        "three approvals per door"
    );
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_policy_that_ignores_unknown_results_approves_them_and_not_what_failed()
-> anyhow::Result<()> {
    let stack = stack_with(|config| {
        with_field(config);
        let careful = fallback::Policy::default_text();
        config.policy = Some(careful.replace("_unknown = \"decline\"", "_unknown = \"ignore\""));
    })
    .await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.cut().await?;
    both_doors(&stack, &card, CASES).await?;
    let ignored = UNKNOWN
        .iter()
        .map(|(fields, words, _, _)| (*fields, *words, "00", Reason::Approved));
    both_doors(&stack, &card, &ignored.collect::<Vec<_>>()).await?;
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn with_the_ledger_what_failed_is_declined_the_same_and_the_books_hold_nothing_i4()
-> anyhow::Result<()> {
    let collector = Collector::start(Manner::Answer).await?;
    let stack = stack_with(|config| {
        with_field(config);
        let traces = ["--otlp-endpoint", &collector.url(), "--sample-ratio", "1"];
        config.gateway_args.extend(traces.map(str::to_owned));
        config.log = "info,decision=debug".to_owned();
    })
    .await?;
    let card = stack.card_at(0, 100_00).await?;
    both_doors(&stack, &card, CASES).await?;
    let unknown = UNKNOWN
        .iter()
        .map(|(fields, words, _, _)| (*fields, *words, "00", Reason::Approved));
    both_doors(&stack, &card, &unknown.collect::<Vec<_>>()).await?;
    stack.settled().await?;
    assert_eq!(
        stack.available(&card).await?,
        88_00,
        "six approvals per door"
    );

    let wrong_pin = || async {
        let spans = collector.spans();
        let doors = spans.iter().filter(|span| span.name == "authorization");
        let declined = doors.filter(|door| door.says("holdfast.pin") == "failed");
        let codes = declined.map(|door| door.says("holdfast.response_code"));
        codes.filter(|code| *code == "55").count() == 2
    };
    wait_until(
        "two traces of a wrong PIN",
        Duration::from_secs(20),
        wrong_pin,
    )
    .await?;
    let log = stack.gateway_log(0)?;
    let lines = log
        .lines()
        .filter(|line| line.contains(r#""pin":"failed""#));
    assert_eq!(lines.count(), 2);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_answer_outlives_its_gateway_with_what_was_checked_i3() -> anyhow::Result<()> {
    let stack = stack_with(with_field).await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.cut().await?;
    let payment = stack.payment(&card, 1_00);
    assert_eq!(
        pay_iso(&stack, &payment, &[PIN_BLOCK, (61, "-N-")]).await?,
        "55"
    );
    stack.kill_gateway(0).await;
    stack.restart_gateway(0).await?;
    let shown = stack.http(0)?.lookup(stack.id_of(&payment)).await?.unwrap();
    assert_eq!(shown["verification"]["pin"], "failed");
    // Sent again without the PIN block it is the same payment, and has its answer.
    let again = stack.repeat_iso(0, &payment).await?;
    assert_eq!(again.response_code, "55");
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn results_that_make_no_sense_are_refused_with_their_place() -> anyhow::Result<()> {
    let stack = stack_with(with_field).await?;
    let card = stack.card_at(0, 100_00).await?;
    for content in ["M", "MMMM", "mmm", "123"] {
        let bytes = [(61, content)];
        let code = pay_iso(&stack, &stack.payment(&card, 1_00), &bytes).await?;
        assert_eq!(code, "30", "{content}");
    }
    for (checks, status, pointer) in [
        (json!({"pin": "right"}), 422, "/verification/pin"),
        (json!({"cvv2": ""}), 422, "/verification/cvv2"),
        (json!({"arqc": "Failed"}), 422, "/verification/arqc"),
        (json!({"pan": "failed"}), 400, "/verification"),
        (json!({"pin": 1}), 400, "/verification/pin"),
    ] {
        let (given, body) = pay_http(&stack, &stack.payment(&card, 1_00), checks).await?;
        assert_eq!(given, status, "{body}");
        assert!(body.to_string().contains(pointer), "{body}");
    }
    assert_eq!(stack.available(&card).await?, 100_00);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_gateway_that_was_not_told_where_results_are_reads_none() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.cut().await?;
    for (fields, code) in [
        (&[(61, "anything at all")][..], "00"),
        (&[PIN_BLOCK, (61, "-M-")], "91"),
    ] {
        assert_eq!(
            pay_iso(&stack, &stack.payment(&card, 1_00), fields).await?,
            code
        );
    }
    stack.finish().await?;
    Ok(())
}
