//! What a caller sends over HTTP: payments by card number, and damaged ones.

use std::net::SocketAddr;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::cards::Secrets;
use crate::http_client::{HttpClient, authorization_body};
use crate::payment::Payment;

/// One request: method, path, headers, body.
pub(super) struct Sent {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

const PAY: &str = "/v1/authorizations";
const REVERSE: &str = "/v1/reversals";

fn post(path: &str, key: &str, body: impl ToString) -> Sent {
    Sent {
        method: Method::POST,
        path: path.to_owned(),
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("idempotency-key", key.to_owned()),
        ],
        body: body.to_string(),
    }
}

fn get(path: String) -> Sent {
    Sent {
        method: Method::GET,
        path,
        headers: Vec::new(),
        body: String::new(),
    }
}

/// A payment's whole life: made, repeated, sent with other content, its key used for another one,
/// looked up, taken back.
pub(super) fn good(card: &Secrets, payment: &Payment) -> Vec<Sent> {
    let key = payment.idempotency_key.as_str();
    let body = authorization_body(payment, false);
    let network = body["network"].clone();
    let changed = |pointer: &str, value: Value| {
        let mut body = body.clone();
        if let Some(place) = body.pointer_mut(pointer) {
            *place = value;
        }
        body
    };
    let stan = network["stan"].as_str().unwrap_or_default();
    let rrn = network["rrn"].as_str().unwrap_or_default();
    let reversal = json!({"card": {"number": card.number}, "original": network.clone()});
    vec![
        post(PAY, key, &body),
        post(PAY, key, authorization_body(payment, true)),
        post(
            PAY,
            key,
            changed("/amount_minor", json!(payment.amount_minor + 1)),
        ),
        post(PAY, key, changed("/network/terminal_id", json!("TERM9999"))),
        // The number itself as the key: it is hashed like any other.
        post(
            PAY,
            &card.number,
            changed("/network/terminal_id", json!("TERM0007")),
        ),
        get(format!("{PAY}?stan={stan}&rrn={rrn}")),
        post(REVERSE, &card.track2(), reversal),
    ]
}

/// How many kinds of damage there are.
pub(super) const DAMAGES: usize = 31;

/// A request that is wrong in the way with this number.
pub(super) fn damaged(kind: usize, card: &Secrets, payment: &Payment) -> Sent {
    let (number, track2) = (card.number.as_str(), card.track2());
    let key = format!("damaged-{kind}-{}", payment.idempotency_key);
    let body = authorization_body(payment, false);
    let with = |pointer: &str, value: Value| {
        let mut body = body.clone();
        if let Some(place) = body.pointer_mut(pointer) {
            *place = value;
        }
        post(PAY, &key, body)
    };
    let header = |name: &'static str, value: &str| {
        let mut sent = post(PAY, &key, &body);
        sent.headers.retain(|(known, _)| *known != name);
        sent.headers.push((name, value.to_owned()));
        sent
    };
    let text = body.to_string();
    let last = if number.ends_with('0') { "1" } else { "0" };
    match kind {
        0 => with(
            "/card/number",
            json!([&number[..number.len() - 1], last].concat()),
        ),
        1 => with(
            "/card/number",
            json!(number.parse::<u64>().unwrap_or_default()),
        ),
        2 => with("/card/number", json!(track2)),
        3 => with("/card", json!({"token": number})),
        4 => with("/card", json!({number: number})),
        5 => with("/card", json!(number)),
        6 => with("/card", json!({"number": number, "token": track2})),
        7 => with("/currency", json!(number)),
        8 => with("/expiry", json!(track2)),
        9 => with("/processing_code", json!(number)),
        10 => with("/network/stan", json!(number)),
        11 => with("/network/rrn", json!(track2)),
        12 => with("/network/transmitted_at", json!(number)),
        13 => with("/network/acquirer_id", json!(number)),
        14 => with("/amount_minor", json!(format!("{number}{number}"))),
        15 => with("/network", json!({track2: number})),
        16 => post(PAY, &key, &text[..text.len() / 2]),
        17 => post(PAY, &key, format!("{text}{number}")),
        18 => post(PAY, &key, format!("{number}{text}")),
        19 => post(
            PAY,
            &key,
            format!("{{\"card\":\"{}\"}}", track2.repeat(900)),
        ),
        20 => post(
            REVERSE,
            &key,
            json!({"card": {"number": number}, "original": track2}),
        ),
        21 => header("content-type", number),
        22 => header("idempotency-key", &track2.repeat(12)),
        23 => header("x-transaction-timeout-ms", number),
        24 => header("traceparent", &format!("00-{number}-{number}-01")),
        25 => get(format!("{PAY}/{number}")),
        26 => get(format!("{PAY}?stan={number}&rrn={number}")),
        27 => get(format!("{PAY}?{number}={track2}")),
        28 => get(format!("/v1/journal?after={number}{number}&{number}=1")),
        29 => get(format!("/{number}/{track2}?verbose={number}")),
        _ => Sent {
            method: Method::DELETE,
            ..get(format!("{PAY}?{number}={track2}"))
        },
    }
}

impl Sent {
    /// Sends it; status, headers and body as one text.
    ///
    /// # Errors
    /// Where no whole answer comes.
    pub(super) async fn exchange(self, client: &HttpClient) -> anyhow::Result<(u16, String)> {
        let headers: Vec<_> = (self.headers.iter())
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = client.raw(self.method, &self.path, &headers, self.body);
        let answer = answer.await?;
        Ok((
            answer.status,
            format!("{:?}\n{}", answer.headers, answer.body),
        ))
    }
}

/// Bytes that no HTTP client would send; whatever comes back.
pub(super) async fn nonsense(door: SocketAddr, card: &Secrets) -> anyhow::Result<Vec<u8>> {
    let (number, track2) = (&card.number, card.track2());
    let lines = [
        format!("{track2} /{number} HTTP/1.1\r\nhost: x\r\n\r\n"),
        format!(
            "GET /{} HTTP/1.1\r\nhost: {number}\r\n\r\n",
            track2.repeat(500)
        ),
        format!("POST {PAY} HTTP/1.1\r\n{number}: {track2}\r\n{track2}\r\n\r\n"),
        format!("POST {PAY} HTTP/1.1\r\nhost: x\r\ncontent-length: {number}0\r\n\r\n{track2}"),
        format!("\x16\x03\x01{number}{track2}"),
    ];
    let mut answers = Vec::new();
    for line in lines {
        let mut peer = TcpStream::connect(door).await?;
        if peer.write_all(line.as_bytes()).await.is_ok() {
            let _ = peer.shutdown().await;
        }
        // Whoever is not understood may be hung up on.
        let _ = peer.read_to_end(&mut answers).await;
    }
    Ok(answers)
}
