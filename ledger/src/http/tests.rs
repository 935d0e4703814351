//! Through the real router: every refusal is a problem, and long polls wake.

mod life;

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use ledger_api::{AuthorizeAnswer, AuthorizeAnswers, FeedPage, Problem, Retry};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};
use tower::ServiceExt;

use super::*;
use crate::store::StoreError;

fn ledger() -> (Ledger, Router) {
    let store = Store::memory(1);
    let metrics = Metrics::default();
    let batcher = Batcher::start(store.clone(), metrics.clone());
    let ledger = Ledger {
        store,
        batcher,
        metrics,
        holds: Holds {
            expire_after_s: 600,
        },
        stopping: CancellationToken::new(),
        telemetry: Telemetry::off(),
    };
    (ledger.clone(), router(ledger))
}

async fn call(router: &Router, method: &str, path: &str, body: impl Into<Body>) -> Response<Body> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.into())
        .unwrap();
    router.clone().oneshot(request).await.unwrap()
}

async fn bytes(response: Response<Body>) -> Bytes {
    to_bytes(response.into_body(), usize::MAX).await.unwrap()
}

async fn problem(response: Response<Body>) -> Problem {
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    let status = response.status().as_u16();
    let problem: Problem = serde_json::from_slice(&bytes(response).await).unwrap();
    assert_eq!(problem.status, status);
    problem
}

const TOKEN: &str = "k1-00000000000000000000000000000001";
const ID: &str = "000000000000000000000000000000aa";

async fn seed(router: &Router) {
    let accounts = json!({"items": [{"account": 1, "currency": "EUR", "opening_minor": 1000}]});
    let cards = json!({"items": [{"card": TOKEN, "account": 1, "status": "open", "expiry": 9912,
        "transaction_max_minor": 500}]});
    for (path, body) in [("/v1/accounts", accounts), ("/v1/cards", cards)] {
        let answer = call(router, "POST", path, body.to_string()).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
}

fn item(minor: i64) -> Value {
    json!({"id": ID, "card": TOKEN, "amount_minor": minor, "currency": "EUR",
        "fingerprint": 18_446_744_073_709_551_615_u64})
}

#[tokio::test]
async fn an_authorization_goes_through_and_is_in_the_books() {
    let (_, router) = ledger();
    seed(&router).await;
    let body = json!({"gateway": "gw1", "items": [item(400)]}).to_string();
    for _ in 0..2 {
        let answer = call(&router, "POST", "/v1/authorizations", body.clone()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let answers: AuthorizeAnswers = serde_json::from_slice(&bytes(answer).await).unwrap();
        assert!(
            matches!(answers.items[0], AuthorizeAnswer::Decided(decision) if decision.approved)
        );
    }
    for (path, expected) in [
        (format!("/v1/authorizations/{ID}"), json!(400)),
        ("/v1/accounts/1".to_owned(), json!(600)),
        ("/v1/books".to_owned(), json!(true)),
    ] {
        let read: Value =
            serde_json::from_slice(&bytes(call(&router, "GET", &path, "").await).await).unwrap();
        let told = [
            &read["effect_minor"],
            &read["available_minor"],
            &read["balanced"],
        ];
        assert!(told.contains(&&expected), "{path}: {read}");
    }
}

#[tokio::test]
async fn advices_are_answered_in_order_and_the_journal_head_is_kept_rule_11() {
    let (_, router) = ledger();
    seed(&router).await;
    let missing = problem(call(&router, "GET", "/v1/gateways/gw1", "").await).await;
    assert_eq!((missing.status, missing.name()), (404, "not_found"));
    let head = json!({"epoch": u64::MAX, "seq": 2, "hash": u64::MAX});
    let advice = json!({"kind": "advice", "id": ID, "card": TOKEN, "requested_minor": 100,
        "approved_minor": 100, "approved": true, "currency": "EUR", "fingerprint": 5,
        "source": "stand_in", "reason": "approved", "cause": "ledger_timeout", "seq": 1});
    let reversal =
        json!({"kind": "reversal", "id": ID, "card": TOKEN, "remaining_minor": 0, "seq": 2});
    let body = json!({"gateway": "gw1", "head": head, "items": [advice, reversal, advice]});
    let answer = call(&router, "POST", "/v1/advices", body.to_string()).await;
    let answer: Value = serde_json::from_slice(&bytes(answer).await).unwrap();
    let told: Vec<_> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["outcome"])
        .collect();
    assert_eq!(told, ["applied", "applied", "duplicate"]);
    let kept = call(&router, "GET", "/v1/gateways/gw1", "").await;
    assert_eq!(
        serde_json::from_slice::<Value>(&bytes(kept).await).unwrap(),
        head
    );
    for _ in 0..2 {
        let granted = call(&router, "DELETE", "/v1/gateways/gw1", "").await;
        assert_eq!(granted.status(), StatusCode::NO_CONTENT);
    }
    let forgotten = problem(call(&router, "GET", "/v1/gateways/gw1", "").await).await;
    assert_eq!(forgotten.status, 404);
}

#[tokio::test]
async fn every_refusal_is_a_problem_that_says_whether_to_retry() {
    let (_, router) = ledger();
    for (call_line, body, expected) in refusals() {
        let (method, path) = call_line.split_once(' ').unwrap();
        let problem = problem(call(&router, method, path, body).await).await;
        let told = format!("{} {}", problem.status, problem.name());
        assert_eq!(told, expected, "{call_line}");
        assert_eq!(problem.retry, Retry::Never);
    }
}

#[test]
fn what_may_pass_is_a_503_and_says_whether_the_ids_must_be_the_same() {
    let problems = [
        (
            StoreError::FeedAhead { position: 7 },
            "feed_ahead",
            Retry::Safe,
        ),
        (
            StoreError::Busy(String::new()),
            "account_busy",
            Retry::SameKeyOnly,
        ),
        (
            StoreError::Unknown(String::new()),
            "outcome_unknown",
            Retry::SameKeyOnly,
        ),
        (
            StoreError::Unavailable(String::new()),
            "store_unavailable",
            Retry::Safe,
        ),
    ];
    for (error, name, retry) in problems {
        let problem = failure::Failure::from(error).problem();
        assert_eq!(
            (problem.status, problem.name(), problem.retry),
            (503, name, retry)
        );
    }
}

fn refusals() -> Vec<(&'static str, String, &'static str)> {
    let many = json!({"gateway": "gw1", "items": vec![item(1); 1025]}).to_string();
    let huge = " ".repeat(5_000_000);
    let unknown = r#"{"items":[],"x":1}"#.to_owned();
    let no_account = json!({"items": [{"card": TOKEN, "account": 5, "status": "open",
        "expiry": 2912, "transaction_max_minor": 1}]});
    let none = String::new;
    vec![
        ("GET /nowhere", none(), "404 unknown_path"),
        ("DELETE /v1/books", none(), "405 method_not_allowed"),
        ("POST /v1/authorizations", "{".to_owned(), "400 bad_json"),
        ("POST /v1/accounts", unknown, "400 bad_json"),
        ("POST /v1/authorizations", many, "413 too_many_items"),
        ("POST /v1/authorizations", huge, "413 body_too_large"),
        (
            "POST /v1/cards",
            no_account.to_string(),
            "422 unknown_account",
        ),
        ("GET /v1/accounts/x", none(), "400 bad_id"),
        ("GET /v1/accounts/77", none(), "404 not_found"),
        ("GET /v1/accounts?limit=x", none(), "400 bad_query"),
        ("GET /v1/listing?after=x", none(), "400 bad_query"),
        ("GET /v1/authorizations/zz", none(), "400 bad_id"),
        ("GET /v1/feed", none(), "400 bad_query"),
        ("GET /v1/feed?epoch=2", none(), "409 epoch_changed"),
        ("GET /v1/accounts/77/entries", none(), "404 not_found"),
        ("GET /v1/entries?after=x", none(), "400 bad_query"),
        ("POST /v1/closes", "{}".to_owned(), "400 bad_json"),
        (
            "POST /v1/closes",
            r#"{"by": "Ada", "day": "2999-01-01"}"#.to_owned(),
            "422 day_in_future",
        ),
    ]
}

#[tokio::test]
async fn a_refusal_does_not_repeat_what_was_sent_i15() {
    let (_, router) = ledger();
    let number = "4111111111111111";
    let bodies = [
        format!(r#"{{"gateway":"gw1","items":[{{"id":"{number}"}}]}}"#),
        format!(r#"{{"gateway":"gw1","items":[],"{number}":1}}"#),
        format!(r#"{{"gateway":"{number}{number}","items":[]}}"#),
        format!(r#"{{"gateway":"gw1","items":{number}}}"#),
        number.to_owned(),
    ];
    let paths = [
        format!("/v1/{number}"),
        format!("/v1/authorizations/{number}"),
        format!("/v1/gateways/{number}{number}"),
        format!("/v1/accounts/x{number}"),
        format!("/v1/accounts?after=x{number}"),
        format!("/v1/accounts?{number}=1"),
        format!("/v1/listing?after={number}"),
        format!("/v1/feed?epoch=1&{number}=1"),
    ];
    let posts = bodies.map(|body| ("POST", "/v1/authorizations".to_owned(), body));
    let person = format!(r#"{{"by":"{number}"}}"#);
    let posts = posts.into_iter();
    let posts = posts.chain([("POST", "/v1/closes".to_owned(), person)]);
    let gets = paths.map(|path| ("GET", path, String::new()));
    for (method, path, body) in posts.chain(gets) {
        let answer = call(&router, method, &path, body.clone()).await;
        assert!(answer.status().is_client_error(), "{path} {body}");
        let text = String::from_utf8(bytes(answer).await.to_vec()).unwrap();
        assert!(!text.contains("4111"), "{path} {body}: {text}");
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_not_ready_and_its_refusals_are_safe_to_retry() {
    let store = Store::postgres("postgres://nobody@127.0.0.1:1/none").unwrap();
    let metrics = Metrics::default();
    let batcher = Batcher::start(store.clone(), metrics.clone());
    let router = router(Ledger {
        store,
        batcher,
        metrics,
        holds: Holds {
            expire_after_s: 600,
        },
        stopping: CancellationToken::new(),
        telemetry: Telemetry::off(),
    });
    assert_eq!(
        call(&router, "GET", "/livez", "").await.status(),
        StatusCode::OK
    );
    let body = json!({"gateway": "gw1", "items": [item(1)]}).to_string();
    for (method, path) in [("GET", "/readyz"), ("POST", "/v1/authorizations")] {
        let problem = problem(call(&router, method, path, body.clone()).await).await;
        assert_eq!(
            (problem.status, problem.retry),
            (503, Retry::Safe),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_ledger_that_drains_is_alive_and_not_ready() {
    let (ledger, router) = ledger();
    let status = |path| {
        let router = router.clone();
        async move { call(&router, "GET", path, "").await.status() }
    };
    assert_eq!(status("/readyz").await, StatusCode::OK);
    ledger.stopping.cancel();
    assert_eq!(status("/livez").await, StatusCode::OK);
    assert_eq!(status("/readyz").await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn whoever_waits_for_the_feed_hears_of_a_change_at_once_and_of_a_stop_too() {
    let (ledger, router) = ledger();
    let waiting = |after: u64| {
        let router = router.clone();
        tokio::spawn(async move {
            let path = format!("/v1/feed?epoch=1&after={after}&wait_ms=5000");
            bytes(call(&router, "GET", &path, "").await).await
        })
    };
    let started = Instant::now();
    let reader = waiting(0);
    seed(&router).await;
    let page = timeout(Duration::from_secs(4), reader)
        .await
        .unwrap()
        .unwrap();
    let page: FeedPage = serde_json::from_slice(&page).unwrap();
    assert_eq!(page.changes[0].position, 1);
    let reader = waiting(2);
    ledger.stopping.cancel();
    let page = timeout(Duration::from_secs(4), reader)
        .await
        .unwrap()
        .unwrap();
    let page: FeedPage = serde_json::from_slice(&page).unwrap();
    assert_eq!((page.changes.len(), page.head), (0, 2));
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "nobody waited for the time-out"
    );
}
