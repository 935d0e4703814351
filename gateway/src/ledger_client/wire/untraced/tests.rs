//! A ledger of our own behind a real HTTP server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use ledger_api::{
    AdviceBatch, AdviceItem, Amount, AuthorizationId, AuthorizationKind, AuthorizeBatch,
    AuthorizeRequest, CardToken, Fingerprint, JournalHead, Problem, Retry, Reversal, TraceParent,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::{Wire, WireError};

const PATIENCE: Duration = Duration::from_secs(10);
const CARD: CardToken = CardToken {
    key_id: 1,
    mac: [1; 16],
};
const SPAN: TraceParent = TraceParent {
    trace_id: [2; 16],
    span_id: [3; 8],
    sampled: true,
};

/// What it refuses.
#[derive(Clone, Copy, PartialEq)]
enum Refuses {
    Nothing,
    Spans { status: u16, retry: Retry },
    Everything,
}

#[derive(Clone)]
struct Stub {
    refuses: Refuses,
    bodies: Arc<Mutex<Vec<Value>>>,
}

async fn answer(State(stub): State<Stub>, uri: Uri, Json(body): Json<Value>) -> Response {
    let item = body["items"][0].clone();
    stub.bodies.lock().unwrap().push(body);
    let problem = match stub.refuses {
        Refuses::Everything => Some((400, Retry::Never)),
        Refuses::Spans { status, retry } if !item["traceparent"].is_null() => Some((status, retry)),
        _ => None,
    };
    if let Some((status, retry)) = problem {
        let problem = Problem::new("bad_json", status, retry, "a field that it does not know");
        let status = StatusCode::from_u16(status).unwrap();
        return (status, Json(problem)).into_response();
    }
    let answer = if uri.path().ends_with("advices") {
        let mark = json!({"epoch": 1, "position": 1});
        json!({"id": item["id"], "seq": item["seq"], "outcome": "applied", "mark": mark})
    } else {
        json!({"outcome": "conflict"})
    };
    Json(json!({ "items": [answer] })).into_response()
}

/// A ledger, and what it has been sent.
async fn ledger(refuses: Refuses) -> (Wire, Arc<Mutex<Vec<Value>>>) {
    let bodies = Arc::default();
    let stub = Stub {
        refuses,
        bodies: Arc::clone(&bodies),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(stub);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (Wire::new(&base).unwrap(), bodies)
}

async fn authorize(wire: &Wire, traceparent: Option<TraceParent>) -> Result<(), WireError> {
    let batch = AuthorizeBatch {
        gateway: "gw1".parse().unwrap(),
        items: vec![AuthorizeRequest {
            id: AuthorizationId([4; 16]),
            card: CARD,
            amount_minor: Amount::ZERO,
            currency: "EUR".parse().unwrap(),
            fingerprint: Fingerprint(1),
            unbooked_minor: 0,
            kind: AuthorizationKind::Purchase,
            partial: false,
            original: None,
            exponent: None,
            transaction: None,
            traceparent,
        }],
    };
    let answers = wire.authorize(&batch, PATIENCE).await?;
    assert_eq!(answers.items.len(), 1);
    Ok(())
}

async fn advise(wire: &Wire, traceparent: Option<TraceParent>) -> Result<(), WireError> {
    let head = JournalHead {
        epoch: 1,
        seq: 1,
        hash: 1,
    };
    let batch = AdviceBatch {
        gateway: "gw1".parse().unwrap(),
        head,
        undrained: None,
        items: vec![AdviceItem::Reversal(Reversal {
            id: AuthorizationId([5; 16]),
            card: CARD,
            remaining_minor: Amount::ZERO,
            seq: 1,
            traceparent,
        })],
    };
    let answers = wire.advise(&batch, PATIENCE).await?;
    assert_eq!(answers.items.len(), 1);
    Ok(())
}

/// Of every call so far, whether it had a span; but for that, the bodies of one test are the same.
fn spans(bodies: &Mutex<Vec<Value>>) -> Vec<bool> {
    let mut bodies = std::mem::take(&mut *bodies.lock().unwrap());
    let spans = bodies.iter_mut().map(|body| {
        let item = body["items"][0].as_object_mut().unwrap();
        item.remove("traceparent").is_some()
    });
    let spans: Vec<_> = spans.collect();
    assert!(bodies.windows(2).all(|two| two[0] == two[1]), "{bodies:?}");
    spans
}

#[tokio::test]
async fn an_older_ledger_gets_payments_and_advices_without_spans_i13() {
    for status in [400, 422] {
        let retry = Retry::Never;
        let (live, bodies) = ledger(Refuses::Spans { status, retry }).await;
        let replay = live.another_pool().unwrap();
        advise(&replay, Some(SPAN)).await.unwrap();
        assert_eq!(spans(&bodies), [true, false], "refused, and once more");
        advise(&replay, Some(SPAN)).await.unwrap();
        assert_eq!(spans(&bodies), [false], "known");
        authorize(&live, Some(SPAN)).await.unwrap();
        assert_eq!(spans(&bodies), [false], "known to the other pool");

        let (live, bodies) = ledger(Refuses::Spans { status, retry }).await;
        authorize(&live, Some(SPAN)).await.unwrap();
        authorize(&live, Some(SPAN)).await.unwrap();
        assert_eq!(spans(&bodies), [true, false, false]);
    }
}

#[tokio::test]
async fn a_ledger_that_takes_spans_or_refuses_for_another_reason_goes_on_getting_them() {
    let (wire, bodies) = ledger(Refuses::Nothing).await;
    authorize(&wire, Some(SPAN)).await.unwrap();
    authorize(&wire, None).await.unwrap();
    assert_eq!(spans(&bodies), [true, false]);

    // Whatever it is, it is not the span.
    let (wire, bodies) = ledger(Refuses::Everything).await;
    let refused = authorize(&wire, Some(SPAN)).await.unwrap_err();
    assert!(matches!(refused, WireError::Problem(problem) if problem.status == 400));
    assert_eq!(spans(&bodies), [true, false]);
    authorize(&wire, None).await.unwrap_err();
    assert_eq!(spans(&bodies), [false], "nothing to leave out: once");
    authorize(&wire, Some(SPAN)).await.unwrap_err();
    assert_eq!(spans(&bodies), [true, false]);

    // The moment, or an unknown outcome.
    for (status, retry) in [(400, Retry::Safe), (503, Retry::SameKeyOnly)] {
        let (wire, bodies) = ledger(Refuses::Spans { status, retry }).await;
        authorize(&wire, Some(SPAN)).await.unwrap_err();
        assert_eq!(spans(&bodies), [true]);
    }
}

/// Takes one connection, answers one call with a refusal, and is gone before the answer is read.
async fn ledger_that_leaves() -> Wire {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut heard = [0; 8 * 1024];
        assert!(stream.read(&mut heard).await.unwrap() > 0);
        let problem = Problem::new(
            "bad_json",
            400,
            Retry::Never,
            "a field that it does not know",
        );
        let body = serde_json::to_string(&problem).unwrap();
        let head = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length:";
        let answer = format!("{head} {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    Wire::new(&base).unwrap()
}

#[tokio::test]
async fn a_ledger_that_leaves_after_it_refused_the_spans_may_have_seen_the_items_i1() {
    let wire = ledger_that_leaves().await;
    let ended = authorize(&wire, Some(SPAN)).await;
    // Not "no connection", which says that it cannot have.
    assert!(matches!(ended, Err(WireError::NoAnswer(_))), "{ended:?}");
    let later = authorize(&wire, None).await;
    assert!(
        matches!(later, Err(WireError::NoConnection(_))),
        "{later:?}"
    );
}
