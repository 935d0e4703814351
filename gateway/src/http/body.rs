//! Reading a request: JSON to types, and a problem that never repeats what was sent.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use fallback::{Check, Verification};
use iso8583::Pan;
use ledger_api::{CardToken, Problem, Retry, TraceParent};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::identity::{DEFAULT_NETWORK, Keys, NaturalKey, is_transmission_time};

/// A card, by number or by token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CardBody {
    number: Option<Zeroizing<String>>,
    token: Option<CardToken>,
}

impl CardBody {
    /// The token; a number is turned into one here and goes no further.
    pub(super) fn token(self, keys: &Arc<Keys>) -> Result<CardToken, Box<Problem>> {
        self.token_and_bin(keys).map(|(token, _)| token)
    }

    /// The token, and the digest of the number's first digits: zero where there is no number.
    pub(super) fn token_and_bin(self, keys: &Arc<Keys>) -> Result<(CardToken, u32), Box<Problem>> {
        match (self.number, self.token) {
            (None, Some(token)) => Ok((token, 0)),
            (Some(number), None) => match Pan::parse(&number) {
                Ok(pan) if pan.luhn_valid() => Ok((keys.card_token(&pan), keys.bin(&pan))),
                _ => Err(invalid(
                    "/card/number",
                    "must be a card number: 12 to 19 digits and a valid check digit",
                )),
            },
            _ => Err(invalid("/card", "must have either `number` or `token`")),
        }
    }
}

/// What the network knows a payment by; see [`NaturalKey`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkBody {
    name: Option<String>,
    acquirer_id: String,
    forwarder_id: Option<String>,
    terminal_id: String,
    merchant_id: String,
    stan: String,
    rrn: String,
    transmitted_at: String,
}

impl NetworkBody {
    /// Parses it; `at` is where it stands in the body.
    pub(super) fn parse(self, at: &str) -> Result<NaturalKey<'static>, Box<Problem>> {
        let digits = |text: &str, range: std::ops::RangeInclusive<usize>| {
            range.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let text = |text: &str, max: usize| {
            let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            printable && (1..=max).contains(&text.trim_end().len()) && text.len() <= max
        };
        let forwarder_id = self.forwarder_id.unwrap_or_default();
        let name = self.name.unwrap_or_else(|| DEFAULT_NETWORK.to_owned());
        let checks = [
            (text(&name, 16), "name", "must be 1 to 16 characters"),
            (
                digits(&self.acquirer_id, 1..=11),
                "acquirer_id",
                "must be 1 to 11 digits",
            ),
            (
                digits(&forwarder_id, 0..=11),
                "forwarder_id",
                "must be up to 11 digits",
            ),
            (
                text(&self.terminal_id, 8),
                "terminal_id",
                "must be 1 to 8 characters",
            ),
            (
                text(&self.merchant_id, 15),
                "merchant_id",
                "must be 1 to 15 characters",
            ),
            (digits(&self.stan, 6..=6), "stan", "must be 6 digits"),
            (text(&self.rrn, 12), "rrn", "must be 1 to 12 characters"),
            (
                is_transmission_time(&self.transmitted_at),
                "transmitted_at",
                "must be MMDDhhmmss in UTC",
            ),
        ];
        for (fits, field, message) in checks {
            if !fits {
                return Err(invalid(&format!("{at}/{field}"), message));
            }
        }
        Ok(NaturalKey {
            network: name.into(),
            acquirer_id: self.acquirer_id.into(),
            forwarder_id: forwarder_id.into(),
            terminal_id: self.terminal_id.into(),
            merchant_id: self.merchant_id.into(),
            stan: self.stan.into(),
            rrn: self.rrn.into(),
            transmitted_at: self.transmitted_at.into(),
        })
    }
}

/// DE3 where none is given.
pub(super) fn purchase() -> String {
    "000000".to_owned()
}

/// True for so many digits.
pub(super) fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// DE3.
pub(super) fn processing_code(text: String) -> Result<String, Box<Problem>> {
    if is_digits(&text, 6) {
        Ok(text)
    } else {
        Err(invalid("/processing_code", "must be 6 digits, as DE3"))
    }
}

/// What the caller has checked; see [`crate::verification`].
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VerificationBody {
    cvv2: Option<String>,
    pin: Option<String>,
    arqc: Option<String>,
}

impl VerificationBody {
    /// Parses it. What is left out was not presented.
    pub(super) fn parse(self) -> Result<Verification, Box<Problem>> {
        let check = |name: Option<String>, at| match name {
            None => Ok(Check::NotPresented),
            Some(name) => Check::from_name(&name).ok_or_else(|| {
                let names = "must be `not_presented`, `unknown`, `matched` or `failed`";
                invalid(at, names)
            }),
        };
        Ok(Verification {
            cvv2: check(self.cvv2, "/verification/cvv2")?,
            pin: check(self.pin, "/verification/pin")?,
            arqc: check(self.arqc, "/verification/arqc")?,
        })
    }
}

/// The most that a body may take.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(2);

/// Reads a request's head and body, within bounds of size and time.
pub(super) async fn receive(request: Request) -> Result<(HeaderMap, Bytes), Box<Problem>> {
    let (head, body) = request.into_parts();
    let read = axum::body::to_bytes(body, BODY_BYTES_MAX);
    let refused = |name, status, retry, detail| Box::new(Problem::new(name, status, retry, detail));
    match tokio::time::timeout(BODY_PATIENCE, read).await {
        Ok(Ok(bytes)) => Ok((head.headers, bytes)),
        Ok(Err(_)) => Err(refused(
            "too_large",
            413,
            Retry::Never,
            "the body is larger than 16 KiB, or broke off",
        )),
        Err(_) => Err(refused(
            "too_slow",
            408,
            Retry::Safe,
            "the body did not arrive within two seconds",
        )),
    }
}

/// Reads a JSON body.
pub(super) fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<T, Box<Problem>> {
    let json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value
                .split(';')
                .next()
                .is_some_and(|kind| kind.trim() == "application/json")
        });
    if !json {
        let detail = "send the body as `Content-Type: application/json`";
        return Err(Box::new(Problem::new(
            "not_json",
            415,
            Retry::Never,
            detail,
        )));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut json);
    let value = read.map_err(|error| {
        let pointer = pointer(&error.path().to_string());
        Box::new(Problem::new("malformed", 400, Retry::Never, describe(error.inner())).at(pointer))
    })?;
    json.end().map_err(|error| {
        Box::new(Problem::new(
            "malformed",
            400,
            Retry::Never,
            describe(&error),
        ))
    })?;
    Ok(value)
}

/// `Idempotency-Key`, which every POST must have.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<&str, Box<Problem>> {
    let key = headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok());
    let only = headers.get_all("idempotency-key").iter().count() == 1;
    match key.filter(|_| only) {
        Some(key) if (1..=255).contains(&key.len()) => Ok(key),
        _ => {
            let detail = "send an `Idempotency-Key` header of 1 to 255 characters, the same for every repeat";
            Err(Box::new(Problem::new(
                "key_missing",
                400,
                Retry::Never,
                detail,
            )))
        }
    }
}

/// A caller with less time cannot be answered by the ledger: it would only choose stand-in.
const CALLER_BUDGET_MIN_MS: u64 = 100;

/// `X-Transaction-Timeout-Ms`: how long the caller will wait. Relative, so that clocks do not matter.
pub(super) fn caller_budget(headers: &HeaderMap) -> Result<Option<Duration>, Box<Problem>> {
    let Some(value) = headers.get("x-transaction-timeout-ms") else {
        return Ok(None);
    };
    let millis = value
        .to_str()
        .ok()
        .and_then(|text| text.parse::<u64>().ok());
    match millis {
        Some(millis) if millis < CALLER_BUDGET_MIN_MS => {
            let detail = "the caller's time is too short to ask the ledger; nothing was done";
            Err(Box::new(Problem::new("expired", 504, Retry::Safe, detail)))
        }
        Some(millis) => Ok(Some(Duration::from_millis(millis.min(10_000)))),
        None => {
            let detail = "`X-Transaction-Timeout-Ms` must be a whole number of milliseconds";
            Err(Box::new(Problem::new(
                "malformed",
                400,
                Retry::Never,
                detail,
            )))
        }
    }
}

/// `traceparent`: the caller's own span. What is not one is ignored, and so are several.
pub(super) fn traceparent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut sent = headers.get_all("traceparent").iter();
    let only = sent.next().filter(|_| sent.next().is_none())?;
    only.to_str().ok()?.parse().ok()
}

/// A field that parses as JSON and means nothing.
pub(super) fn invalid(pointer: &str, detail: &str) -> Box<Problem> {
    Box::new(Problem::new("invalid", 422, Retry::Never, detail).at(pointer))
}

/// What is wrong with the JSON, without a word of what it holds: it may be a card number.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!("line {}, column {}", error.line(), error.column());
    if text.starts_with("missing field") {
        return text;
    }
    let what = if error.is_syntax() || error.is_eof() {
        "not JSON"
    } else if text.starts_with("unknown field") {
        "a field that does not belong here"
    } else {
        "a value of the wrong type or form"
    };
    format!("{what} ({place})")
}

/// A path such as `network.stan` as `/network/stan`; anything that is not a name of ours is left
/// out.
fn pointer(path: &str) -> String {
    path.split('.')
        .filter(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        })
        .map(|part| format!("/{part}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_never_repeat_what_was_sent_i15() {
        for body in [
            r#"{"number": 4111111111111111}"#,
            r#"{"4111111111111111": 1}"#,
            r#"{"token": "4111111111111111"}"#,
            r#"4111111111111111"#,
            r#"{"number": "4111111111111111"} 4111111111111111"#,
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
            let response = read::<CardBody>(&headers, &Bytes::from(body))
                .err()
                .unwrap();
            assert_eq!(response.status, 400, "{body}");
            let text = format!("{response:?}");
            assert!(!text.contains("4111"), "{text}");
        }
    }
}
