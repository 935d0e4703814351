//! Ledgers that are wrong in one way each. The suite must say so, in the cases that are about it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::*;

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nothing.
    None,
    /// Books every advice a second time, under another id.
    AdvicesTwice,
    /// Says that it applied a reversal that came first, and forgets it.
    NoTombstones,
    /// Answers a repeated request with a decline.
    OtherAnswerToRepeats,
    /// Decides a repeated request as a new one.
    RepeatsHoldAgain,
    /// Takes the amount of the request, not the told one.
    IgnoresToldAmounts,
    /// Books nothing that its own decision had declined.
    DecidesAdvicesAgain,
    /// Leaves out a position of the feed.
    HolesInTheFeed,
    /// Parks all of a batch when it parks one.
    ParksTheNeighbours,
    /// Answers refusals with a page of HTML.
    NoProblems,
    /// Leaves the marks where they were.
    OldMarks,
    /// Says that its books are level, whatever they are.
    CrookedBooks,
    /// Takes batches of any length.
    Unbounded,
    /// Takes every capture a second time, under another id.
    CapturesTwice,
    /// Takes every capture for one that others follow.
    NeverTheLastCapture,
    /// Takes other content under a known id for another payment.
    OtherContentIsNew,
    /// Approves all or nothing.
    NoPartialApprovals,
}

/// Each fault, and cases that must find it.
const FAULTS: &[(Fault, &[&str])] = &[
    (
        Fault::AdvicesTwice,
        &[
            "unknown_and_told_approved",
            "one_advice_from_sixteen",
            "advices_are_not_checked",
        ],
    ),
    (
        Fault::NoTombstones,
        &[
            "tombstone_before_a_live",
            "tombstone_before_an_advice",
            "every_order_of_request",
        ],
    ),
    (
        Fault::OtherAnswerToRepeats,
        &[
            "live_repeat_same_answer",
            "one_authorization_from_sixteen",
            "repeat_in_one_batch",
        ],
    ),
    (
        Fault::RepeatsHoldAgain,
        &["live_repeat_same_answer", "one_authorization_from_sixteen"],
    ),
    (Fault::IgnoresToldAmounts, &["told_amount_wins_rule_6"]),
    (
        Fault::DecidesAdvicesAgain,
        &["declined_and_told_approved", "advices_are_not_checked"],
    ),
    (
        Fault::HolesInTheFeed,
        &[
            "feed_has_no_holes",
            "listing_and_feed_are",
            "marks_include_their",
        ],
    ),
    (Fault::ParksTheNeighbours, &["parked_delays_only_its_own"]),
    (
        Fault::NoProblems,
        &[
            "unknown_paths",
            "bad_ids",
            "bodies_that_do_not",
            "what_is_not_there",
            "other_epoch",
        ],
    ),
    (
        Fault::OldMarks,
        &["marks_include_their_effect", "feed_has_no_holes"],
    ),
    (Fault::CrookedBooks, &["the_books_balance"]),
    (Fault::Unbounded, &["a_full_batch"]),
    (
        Fault::CapturesTwice,
        &[
            "a_capture_takes",
            "captures_in_every",
            "captures_call",
            "a_force_post",
        ],
    ),
    (
        Fault::NeverTheLastCapture,
        &[
            "a_capture_takes",
            "captures_in_parts",
            "a_capture_before",
            "a_live_increment",
        ],
    ),
    (
        Fault::OtherContentIsNew,
        &["live_other_content", "item_by_item_in_order"],
    ),
    (Fault::NoPartialApprovals, &["a_partial_approval"]),
];

/// What a broken ledger remembers.
#[derive(Debug, Default)]
struct Memory {
    /// Authorizations by id: how often they were asked for.
    asked: HashMap<String, u64>,
    /// Ids that anything was told about.
    told: HashSet<String>,
}

#[derive(Debug, Clone)]
struct Wrong {
    fault: Fault,
    memory: Arc<Mutex<Memory>>,
}

impl Wrong {
    /// Changes what was asked.
    fn question(&self, path: &str, body: &mut Value) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(items) = body["items"].as_array_mut() else {
            return;
        };
        match (self.fault, path) {
            (Fault::AdvicesTwice, "/v1/advices") => {
                let advices = items.iter().filter(|item| item["kind"] == "advice");
                let again: Vec<_> = advices.map(under_another_id).collect();
                items.extend(again);
            }
            (Fault::CapturesTwice, "/v1/advices" | "/v1/captures") => {
                let captures = items.iter().filter(|item| !item["more"].is_null());
                let again: Vec<_> = captures.map(under_another_id).collect();
                items.extend(again);
            }
            (Fault::NeverTheLastCapture, "/v1/advices" | "/v1/captures") => {
                let captures = items.iter_mut().filter(|item| !item["more"].is_null());
                captures.for_each(|item| item["more"] = json!(true));
            }
            (Fault::OtherContentIsNew, "/v1/authorizations") => {
                for item in items
                    .iter_mut()
                    .filter(|item| item["fingerprint"] == json!(1))
                {
                    *item = under_another_id(item);
                }
            }
            (Fault::NoPartialApprovals, "/v1/authorizations") => {
                let partial = items.iter_mut().filter(|item| !item["partial"].is_null());
                partial.for_each(|item| item["partial"] = json!(false));
            }
            (Fault::NoTombstones, "/v1/advices") => {
                items.retain(|item| {
                    let id = item["id"].to_string();
                    let is_new = !memory.told.contains(&id) && !memory.asked.contains_key(&id);
                    let forgotten = is_new && item["kind"] == "reversal";
                    if !forgotten {
                        memory.told.insert(id);
                    }
                    !forgotten
                });
            }
            (Fault::NoTombstones, "/v1/authorizations") => {
                for item in items {
                    memory.asked.insert(item["id"].to_string(), 1);
                }
            }
            (Fault::RepeatsHoldAgain, "/v1/authorizations") => {
                for item in items {
                    let asked = memory.asked.entry(item["id"].to_string()).or_default();
                    *asked += 1;
                    if *asked > 1 {
                        *item = under_another_id(item);
                    }
                }
            }
            (Fault::IgnoresToldAmounts, "/v1/advices") => {
                for item in items {
                    if item["approved"] == json!(true) {
                        item["approved_minor"] = json!(400);
                    }
                }
            }
            (Fault::DecidesAdvicesAgain, "/v1/advices") => {
                for item in items {
                    let minor = item["approved_minor"].as_i64().unwrap_or(0);
                    if minor > 50_000 {
                        item["approved"] = json!(false);
                        item["approved_minor"] = json!(0);
                    }
                }
            }
            (Fault::ParksTheNeighbours, "/v1/advices")
                if items.iter().any(|item| item["currency"] == "USD") =>
            {
                let advices = items.iter_mut().filter(|item| item["kind"] == "advice");
                advices.for_each(|item| item["currency"] = json!("USD"));
            }
            (Fault::Unbounded, _) => items.truncate(1024),
            _ => {}
        }
    }

    /// Changes what was answered; `items` were asked.
    fn answer(&self, path: &str, asked: &Value, body: &mut Value) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        match self.fault {
            Fault::AdvicesTwice | Fault::CapturesTwice => {
                let asked = asked["items"].as_array().map_or(usize::MAX, Vec::len);
                if let Some(items) = body["items"].as_array_mut() {
                    items.truncate(asked);
                }
            }
            Fault::NoTombstones if path == "/v1/advices" => {
                let (Some(asked), Some(items)) =
                    (asked["items"].as_array(), body["items"].as_array_mut())
                else {
                    return;
                };
                for (place, item) in asked.iter().enumerate() {
                    if items
                        .get(place)
                        .is_none_or(|answer| answer["id"] != item["id"])
                    {
                        let mark = json!({"epoch": 1, "position": 1});
                        items.insert(
                            place,
                            json!({"id": item["id"], "seq": item["seq"],
                            "outcome": "applied", "mark": mark}),
                        );
                    }
                }
            }
            Fault::OtherAnswerToRepeats if path == "/v1/authorizations" => {
                let (Some(asked), Some(items)) =
                    (asked["items"].as_array(), body["items"].as_array_mut())
                else {
                    return;
                };
                for (item, answer) in asked.iter().zip(items) {
                    let times = memory.asked.entry(item["id"].to_string()).or_default();
                    *times += 1;
                    if *times > 1 && answer["outcome"] == "decided" {
                        answer["approved"] = json!(false);
                        answer["approved_minor"] = json!(0);
                        answer["reason"] = json!("card_frozen");
                    }
                }
            }
            Fault::HolesInTheFeed if path == "/v1/feed" => {
                if let Some(changes) = body["changes"].as_array_mut() {
                    changes.retain(|change| change["position"].as_u64().unwrap_or(1) % 5 != 0);
                }
            }
            Fault::OldMarks if path != "/v1/feed" && path != "/v1/listing" => {
                let items = body["items"].as_array_mut();
                for item in items.into_iter().flatten() {
                    if let Some(position) = item["mark"]["position"].as_u64() {
                        item["mark"]["position"] = json!(position.saturating_sub(1));
                    }
                }
            }
            Fault::CrookedBooks if path == "/v1/books" => {
                if let Some(line) = body["currencies"]
                    .as_array_mut()
                    .and_then(|all| all.first_mut())
                {
                    line["totals"]["debits_pending"] = json!(7);
                }
            }
            _ => {}
        }
    }
}

fn under_another_id(item: &Value) -> Value {
    let mut other = item.clone();
    let id = item["id"].as_str().unwrap_or_default();
    let flipped = if id.starts_with('0') { 'f' } else { '0' };
    other["id"] = json!(id.replacen(|_: char| true, &flipped.to_string(), 1));
    other
}

async fn wrong(State(wrong): State<Wrong>, request: Request, next: Next) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let asked: Option<Value> = serde_json::from_slice(&body).ok();
    let sent = match &asked {
        Some(asked) => {
            let mut question = asked.clone();
            wrong.question(&path, &mut question);
            Bytes::from(question.to_string())
        }
        None => body,
    };
    let answer = next.run(Request::from_parts(parts, Body::from(sent))).await;
    let (mut parts, body) = answer.into_parts();
    if wrong.fault == Fault::NoProblems && parts.status.is_client_error() {
        let page = "<html>Bad Request</html>";
        return (parts.status, page).into_response();
    }
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let Ok(mut told) = serde_json::from_slice::<Value>(&body) else {
        return Response::from_parts(parts, Body::from(body));
    };
    wrong.answer(&path, &asked.unwrap_or_default(), &mut told);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(told.to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_wrong_in_one_way_fails_the_cases_that_are_about_it() {
    for (seed, (fault, finders)) in (1..).zip(FAULTS) {
        let state = Wrong {
            fault: *fault,
            memory: Arc::default(),
        };
        let broken = router(Store::memory(1)).layer(from_fn_with_state(state, wrong));
        let url = serve(broken).await;
        for (nth, finder) in (0..).zip(*finders) {
            let failed = failures(&url, &[finder], seed * 100 + nth).await;
            assert!(
                failed.contains("FAIL") && failed.contains("expected:"),
                "{fault:?} was not found by {finder}: {failed}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrapper_that_changes_nothing_passes() {
    let state = Wrong {
        fault: Fault::None,
        memory: Arc::default(),
    };
    let whole = router(Store::memory(1)).layer(from_fn_with_state(state, wrong));
    let url = serve(whole).await;
    assert_eq!(
        failures(&url, &["rule_6", "tombstone", "sixteen"], 7).await,
        ""
    );
}
