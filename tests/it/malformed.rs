//! Nonsense at the doors gets a clear answer, and the next request works.

use std::time::Duration;

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};
use tests::http_client::authorization_body;
use tests::iso_client::{authorization_message, management_message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{PATIENCE, stack};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn http_nonsense_is_a_problem_and_the_next_request_works() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 1_000_00).await?;
    let http = stack.http(0)?;
    let spoiled = |pointer: &str, value: Value| {
        let mut body = authorization_body(&stack.payment(&card, 1_00), false);
        *body.pointer_mut(pointer).unwrap() = value;
        body.to_string()
    };
    let json_type = "application/json";
    let huge = format!("{{\"card\":\"{}\"}}", "9".repeat(300_000));
    let good = authorization_body(&stack.payment(&card, 1_00), false).to_string();
    let cases = [
        // body, content type, statuses that are right
        (String::new(), json_type, &[400, 422][..]),
        ("{".into(), json_type, &[400]),
        ("[]".into(), json_type, &[400, 422]),
        ("{\"card\":1}".into(), json_type, &[400, 422]),
        (good.clone(), "text/plain", &[415]),
        (huge, json_type, &[413]),
        (spoiled("/amount_minor", json!(-1)), json_type, &[400, 422]),
        (spoiled("/amount_minor", json!(1.5)), json_type, &[400, 422]),
        (
            spoiled("/amount_minor", json!(1_000_000_000_000_i64)),
            json_type,
            &[400, 422],
        ),
        (spoiled("/currency", json!("XYZ")), json_type, &[400, 422]),
        (spoiled("/currency", json!("eur")), json_type, &[400, 422]),
        (spoiled("/expiry", json!("9913")), json_type, &[400, 422]),
        (
            spoiled("/card/number", json!("4111")),
            json_type,
            &[400, 422],
        ),
        (
            spoiled("/card/number", json!("not a number at all")),
            json_type,
            &[400, 422],
        ),
        (
            spoiled("/network/stan", json!("12345x")),
            json_type,
            &[400, 422],
        ),
        (spoiled("/network/rrn", json!("")), json_type, &[400, 422]),
        (
            spoiled("/network/transmitted_at", json!("112208340")),
            json_type,
            &[400, 422],
        ),
        (
            spoiled("/processing_code", json!("0")),
            json_type,
            &[400, 422],
        ),
        (
            good.replace("amount_minor", "amonut_minor"),
            json_type,
            &[400, 422],
        ),
    ];
    for (number, (body, content_type, statuses)) in cases.into_iter().enumerate() {
        let key = format!("malformed-{number}");
        let headers = [
            ("content-type", content_type),
            ("idempotency-key", key.as_str()),
        ];
        let answer = http
            .raw(Method::POST, "/v1/authorizations", &headers, body.clone())
            .await?;
        let shown: String = body.chars().take(200).collect();
        assert!(
            statuses.contains(&answer.status),
            "{shown}: {} {}",
            answer.status,
            answer.body
        );
        let problem = answer.problem().with_context(|| shown.clone())?;
        assert_eq!(problem.status, answer.status, "{shown}");
        assert!(
            !answer.body.contains("4111"),
            "a problem must not repeat a card number (I15)"
        );
        assert!(
            stack.pay(0, &stack.payment(&card, 1_00)).await?.approved,
            "after {shown}"
        );
    }
    let nowhere = http.raw(Method::GET, "/v1/nothing", &[], "").await?;
    assert_eq!(nowhere.status, 404);
    let wrong = http
        .raw(Method::DELETE, "/v1/authorizations", &[], "")
        .await?;
    assert_eq!(wrong.status, 405);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_iso_message_with_a_bad_field_is_answered_30_with_its_number() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 1_000_00).await?;
    let good = String::from_utf8(authorization_message(&stack.payment(&card, 1_00), false)?)?;
    let number = good.find(&card.number).context("DE2 is in the message")?;
    let amount = number + 16 + 6;
    let with = |at: usize, text: &str| {
        let mut bytes = good.clone().into_bytes();
        bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        bytes
    };
    let cases = [
        ("a letter in the card number", with(number + 3, "x"), "2"),
        ("a letter in the amount", with(amount + 11, "x"), "4"),
        ("a currency that is none", with(good.len() - 3, "000"), "49"),
    ];
    for (what, message, field) in cases {
        let (code, additional) = answer_to(&stack, &message).await.context(what)?;
        assert_eq!(code, "30", "{what}");
        assert_eq!(additional.trim_start_matches('0'), field, "{what}");
        assert!(
            stack
                .pay_iso(0, &stack.payment(&card, 1_00))
                .await?
                .approved,
            "after {what}"
        );
    }
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn iso_bytes_without_a_readable_header_end_the_connection_and_nothing_else()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 1_000_00).await?;
    let cases: [(&str, &[u8]); 6] = [
        ("a length beyond the limit", b"\xff\xff0100"),
        ("a length of zero", b"\x00\x00\x00\x00"),
        ("another protocol", b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"),
        ("a type that is no digits", b"\x00\x0401x0"),
        (
            "a frame of noise",
            b"\x00\x08\x00\x01\x02\x03\xfc\xfd\xfe\xff",
        ),
        ("half a frame and an end", b"\x00\x800100"),
    ];
    for (what, bytes) in cases {
        let mut raw = TcpStream::connect(stack.gateway(0).iso).await?;
        raw.write_all(bytes).await?;
        raw.shutdown().await?;
        let mut answer = Vec::new();
        let ended = timeout(SOON, raw.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "{what}: the connection hangs");
        assert!(
            stack
                .pay_iso(0, &stack.payment(&card, 1_00))
                .await?
                .approved,
            "after {what}"
        );
    }
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_message_in_pieces_and_messages_in_one_piece_are_all_answered() -> anyhow::Result<()> {
    let stack = stack().await?;
    let mut stream = TcpStream::connect(stack.gateway(0).iso).await?;
    let mut bytes = Vec::new();
    for _ in 0..3 {
        let message = management_message("301")?;
        bytes.extend(u16::try_from(message.len())?.to_be_bytes());
        bytes.extend(message);
    }
    let (slowly, at_once) = bytes.split_at(bytes.len() / 3 + 1);
    for byte in slowly {
        stream.write_all(&[*byte]).await?;
        stream.flush().await?;
    }
    stream.write_all(at_once).await?;
    for _ in 0..3 {
        let answer = timeout(SOON, read_frame(&mut stream)).await??;
        assert!(
            answer.starts_with(b"0810"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    stack.iso(0).await?.sign_on().await?;
    stack.finish().await?;
    Ok(())
}

/// DE39 and DE44 of the answer to a message that our own encoder would not make.
async fn answer_to(
    stack: &crate::support::Running,
    message: &[u8],
) -> anyhow::Result<(String, String)> {
    let mut stream = TcpStream::connect(stack.gateway(0).iso).await?;
    stream
        .write_all(&u16::try_from(message.len())?.to_be_bytes())
        .await?;
    stream.write_all(message).await?;
    let answer = timeout(PATIENCE, read_frame(&mut stream)).await??;
    let decoded = iso8583::decode(&iso8583::profile::ASCII_HEX, &answer)
        .map_err(|error| anyhow::anyhow!("the answer does not decode: {error:?}"))?;
    let field = |number| {
        let value = decoded.expose_field(number);
        value.map(|it| it.to_text()).unwrap_or_default()
    };
    Ok((field(39), field(44)))
}

async fn read_frame(stream: &mut TcpStream) -> anyhow::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut payload = vec![0; usize::from(length)];
    stream.read_exact(&mut payload).await?;
    Ok(payload)
}
