//! Batches whose amounts or currencies are wrong in some items: those are answered by name, the others
//! are done.

use axum::extract::{FromRequest, Request};
use ledger_api::{Amount, AuthorizationId, Currency, Problem, Retry};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::extract::{self, bad_json};
use super::failure::Failure;

/// Where an item has money of its own.
const AMOUNTS: [&str; 4] = [
    "amount_minor",
    "requested_minor",
    "approved_minor",
    "remaining_minor",
];

/// A batch, and the items that were taken out of it.
pub(super) struct Sifted<B> {
    pub(super) batch: B,
    pub(super) bad: Vec<Bad>,
}

/// An item that was taken out.
pub(super) struct Bad {
    place: usize,
    pub(super) id: AuthorizationId,
    pub(super) seq: u64,
    pub(super) problem: Problem,
}

impl<S: Send + Sync, B: DeserializeOwned> FromRequest<S> for Sifted<B> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let bytes = extract::bytes(request, state).await?;
        match serde_json::from_slice(&bytes) {
            Ok(batch) => Ok(Self {
                batch,
                bad: Vec::new(),
            }),
            Err(error) => sift(&bytes)?.ok_or_else(|| bad_json(&error).into()),
        }
    }
}

/// `None` where the fault is not one of money, or not only.
fn sift<B: DeserializeOwned>(bytes: &[u8]) -> Result<Option<Sifted<B>>, Failure> {
    let Ok(mut whole) = serde_json::from_slice::<Value>(bytes) else {
        return Ok(None);
    };
    let Some(items) = whole.get_mut("items").and_then(Value::as_array_mut) else {
        return Ok(None);
    };
    let all = extract::bounded(std::mem::take(items))?;
    let mut bad = Vec::new();
    for (place, item) in all.into_iter().enumerate() {
        match fault(&item) {
            Some((pointer, problem)) => bad.push(Bad {
                place,
                id: match id_of(&item) {
                    Some(id) => id,
                    None => return Ok(None),
                },
                seq: item.get("seq").and_then(Value::as_u64).unwrap_or(0),
                problem: problem.at(format!("/items/{place}{pointer}")),
            }),
            None => items.push(item),
        }
    }
    let batch = serde_json::from_value(whole).ok();
    Ok(batch
        .filter(|_| !bad.is_empty())
        .map(|batch| Sifted { batch, bad }))
}

/// Puts the answers of what was taken out where their items were.
pub(super) fn weave<A>(answers: &mut Vec<A>, bad: Vec<Bad>, answer: impl Fn(Bad) -> A) {
    for bad in bad {
        let place = bad.place.min(answers.len());
        answers.insert(place, answer(bad));
    }
}

fn id_of(item: &Value) -> Option<AuthorizationId> {
    item.get("id")?.as_str()?.parse().ok()
}

/// The first amount or currency that is none, and where it is. What was sent is not repeated (I15).
fn fault(item: &Value) -> Option<(String, Problem)> {
    let own = AMOUNTS
        .iter()
        .find_map(|name| Some((format!("/{name}"), amount_fault(item.get(name)?)?)));
    let own = own.or_else(|| {
        Some((
            "/currency".to_owned(),
            currency_fault(item.get("currency")?)?,
        ))
    });
    own.or_else(|| {
        let transaction = item.get("transaction")?;
        let (pointer, problem) = fault(transaction)?;
        Some((format!("/transaction{pointer}"), problem))
    })
}

fn amount_fault(value: &Value) -> Option<Problem> {
    let Value::Number(number) = value else {
        return None;
    };
    let max = Amount::MAX.minor();
    let (name, detail) = match (number.as_i64(), number.as_f64()) {
        (Some(minor), _) if minor < 0 => ("negative_amount", "an amount is never negative".into()),
        (Some(minor), _) if minor <= max => return None,
        (None, Some(float)) if float < 0.0 => {
            ("negative_amount", "an amount is never negative".into())
        }
        (None, Some(float)) if float < max as f64 => {
            let detail = "an amount is a whole number of minor units";
            ("amount_not_whole", detail.into())
        }
        _ => (
            "amount_too_large",
            format!("an amount is at most {max} minor units"),
        ),
    };
    Some(refusal(name, &detail))
}

fn currency_fault(value: &Value) -> Option<Problem> {
    let text = value.as_str()?;
    let unknown = text.parse::<Currency>().is_err();
    let detail = "a currency is an ISO 4217 code with minor units, such as EUR";
    unknown.then(|| refusal("unknown_currency", detail))
}

fn refusal(name: &str, detail: &str) -> Problem {
    let detail = format!("{detail}; nothing was done for this item");
    Problem::new(name, 422, Retry::Never, detail)
}
