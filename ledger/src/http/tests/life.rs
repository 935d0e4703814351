//! The calls about what happens to a payment after its answer, and batches with items that make no
//! sense.

use super::*;

async fn told(router: &Router, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let answer = call(router, method, path, body.to_string()).await;
    let status = answer.status();
    let text = bytes(answer).await;
    let body = serde_json::from_slice(&text).unwrap_or(Value::Null);
    (status, body)
}

fn id(nth: u8) -> String {
    format!("{nth:032x}")
}

/// A capture or a refund.
fn moving(nth: u8, of: u8, minor: i64) -> Value {
    json!({"id": id(nth), "of": id(of), "card": TOKEN, "amount_minor": minor, "currency": "EUR",
        "fingerprint": nth})
}

fn asking(nth: u8, minor: i64) -> Value {
    json!({"id": id(nth), "card": TOKEN, "amount_minor": minor, "currency": "EUR",
        "fingerprint": nth})
}

async fn post(router: &Router, path: &str, items: Value) -> Value {
    let body = json!({"gateway": "gw1", "items": items});
    let (status, body) = told(router, "POST", path, &body).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["items"].clone()
}

#[tokio::test]
async fn a_payment_is_captured_refunded_and_released_over_http() {
    let (_, router) = ledger();
    seed(&router).await;
    post(
        &router,
        "/v1/authorizations",
        json!([asking(1, 300), asking(2, 200)]),
    )
    .await;
    let captured = post(&router, "/v1/captures", json!([moving(3, 1, 250)])).await;
    assert_eq!(captured[0]["outcome"], "applied");
    let refunded = post(&router, "/v1/refunds", json!([moving(4, 1, 50)])).await;
    assert_eq!(refunded[0]["outcome"], "applied");
    let release = json!({"by": "ops", "items": [{"id": id(2)}, {"id": id(2)}, {"id": id(1)}]});
    let (_, released) = told(&router, "POST", "/v1/releases", &release).await;
    let outcomes = [0, 1, 2].map(|place| released["items"][place]["outcome"].clone());
    assert_eq!(outcomes, ["released", "already", "refused"]);
    let problem = &released["items"][2]["problem"];
    assert_eq!(problem["type"], "urn:holdfast:problem:authorization_closed");
    assert_eq!(problem["retry"], "never");
    let (_, account) = told(&router, "GET", "/v1/accounts/1", &Value::Null).await;
    assert_eq!(account["available_minor"], 1_000 - 250 + 50);
    let (_, view) = told(
        &router,
        "GET",
        &format!("/v1/authorizations/{}", id(1)),
        &Value::Null,
    )
    .await;
    assert_eq!(view["state"], "captured");
    assert_eq!(
        (&view["captured_minor"], &view["refunded_minor"]),
        (&json!(250), &json!(50))
    );
}

#[tokio::test]
async fn an_account_is_closed_and_what_waits_for_it_is_resolved_over_http() {
    let (_, router) = ledger();
    seed(&router).await;
    let close = json!({"by": "ops"});
    let (status, _) = told(&router, "POST", "/v1/accounts/1/close", &close).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, unknown) = told(&router, "POST", "/v1/accounts/9/close", &close).await;
    assert_eq!(
        (status, &unknown["retry"]),
        (StatusCode::NOT_FOUND, &json!("never"))
    );
    let parked = post(&router, "/v1/captures", json!([moving(3, 1, 250)])).await;
    assert_eq!(
        (&parked[0]["outcome"], &parked[0]["reason"]),
        (&json!("parked"), &json!("account_closed"))
    );
    let path = format!("/v1/suspense/{}", id(3));
    let asks = |action: Value, by: &str| json!({"action": action, "by": by, "note": "case 7"});
    let (status, refused) = told(&router, "POST", &path, &asks(json!("retry"), "ops")).await;
    assert_eq!(
        (status, &refused["retry"]),
        (StatusCode::CONFLICT, &json!("safe"))
    );
    let card_number = asks(json!("dismiss"), "4111 1111 1111 1111");
    let (status, _) = told(&router, "POST", &path, &card_number).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "I15");
    let (status, view) = told(&router, "POST", &path, &asks(json!("dismiss"), "ops")).await;
    assert_eq!(
        (status, &view["resolution"]["by"]),
        (StatusCode::OK, &json!("ops"))
    );
    let (_, waiting) = told(&router, "GET", "/v1/suspense", &Value::Null).await;
    assert_eq!(waiting["authorizations"], json!([]));
    let again = post(&router, "/v1/captures", json!([moving(3, 1, 250)])).await;
    assert_eq!(again[0]["outcome"], "duplicate");
    let book = asks(json!({"book_to": {"account": 5}}), "ops");
    let (status, _) = told(&router, "POST", &format!("/v1/suspense/{}", id(9)), &book).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn items_whose_money_makes_no_sense_are_named_and_the_others_are_done() {
    let (_, router) = ledger();
    seed(&router).await;
    let with = |field: &str, value: Value| {
        let mut item = asking(9, 1);
        item[field] = value;
        item
    };
    let table = [
        (
            with("amount_minor", json!(-5)),
            "negative_amount",
            "/items/0/amount_minor",
        ),
        (
            with("amount_minor", json!(-5.5)),
            "negative_amount",
            "/items/0/amount_minor",
        ),
        (
            with("amount_minor", json!(1.5)),
            "amount_not_whole",
            "/items/0/amount_minor",
        ),
        (
            with("amount_minor", json!(1_000_000_000_000_i64)),
            "amount_too_large",
            "/items/0/amount_minor",
        ),
        (
            with("amount_minor", json!(u64::MAX)),
            "amount_too_large",
            "/items/0/amount_minor",
        ),
        (
            with("amount_minor", json!(1e300)),
            "amount_too_large",
            "/items/0/amount_minor",
        ),
        (
            with("currency", json!("EUX")),
            "unknown_currency",
            "/items/0/currency",
        ),
        (
            with("transaction", json!({"amount_minor": 1, "currency": "XXX"})),
            "unknown_currency",
            "/items/0/transaction/currency",
        ),
        (with("exponent", json!(3)), "wrong_exponent", ""),
    ];
    for (place, (bad, name, pointer)) in (1..).zip(table) {
        let items = json!([bad, asking(place, 10)]);
        let answers = post(&router, "/v1/authorizations", items).await;
        let (failed, done) = (&answers[0], &answers[1]);
        assert_eq!(failed["outcome"], "failed", "{failed}");
        assert_eq!(
            failed["type"],
            format!("urn:holdfast:problem:{name}"),
            "{failed}"
        );
        assert_eq!(
            (&failed["retry"], &failed["status"]),
            (&json!("never"), &json!(422))
        );
        assert_eq!(failed["pointer"].as_str().unwrap_or_default(), pointer);
        assert_eq!(
            (&done["outcome"], &done["approved"]),
            (&json!("decided"), &json!(true))
        );
    }
    // The same of captures, in their order; an item that is no item refuses the batch as before.
    let mut bad = moving(20, 1, 1);
    bad["amount_minor"] = json!(-1);
    bad["seq"] = json!(7);
    let items = json!([moving(21, 1, 1), bad, moving(22, 1, 0), moving(23, 1, 1)]);
    let answers = post(&router, "/v1/captures", items).await;
    let outcomes = [0, 1, 2, 3].map(|place| answers[place]["outcome"].clone());
    assert_eq!(outcomes, ["applied", "failed", "failed", "applied"]);
    assert_eq!(
        (&answers[1]["id"], &answers[1]["seq"]),
        (&json!(id(20)), &json!(7))
    );
    assert_eq!(
        answers[2]["problem"]["type"],
        "urn:holdfast:problem:zero_amount"
    );
    let stranger = asking(31, 1);
    let body = json!({"gateway": "gw1", "items": [stranger, {"id": id(32), "surprise": 1}]});
    let (status, refused) = told(&router, "POST", "/v1/authorizations", &body).await;
    assert_eq!(
        (status, &refused["type"]),
        (
            StatusCode::BAD_REQUEST,
            &json!("urn:holdfast:problem:bad_json")
        )
    );
    let gone = told(
        &router,
        "GET",
        &format!("/v1/authorizations/{}", id(31)),
        &Value::Null,
    )
    .await;
    assert_eq!(
        gone.0,
        StatusCode::NOT_FOUND,
        "nothing of a refused batch was done"
    );
}

#[tokio::test]
async fn an_id_that_comes_again_with_other_content_is_counted() {
    let (ledger, router) = ledger();
    seed(&router).await;
    post(&router, "/v1/authorizations", json!([asking(1, 100)])).await;
    let mut changed = asking(1, 200);
    changed["fingerprint"] = json!(77);
    let again = post(&router, "/v1/authorizations", json!([changed])).await;
    assert_eq!(again[0]["outcome"], "conflict");
    post(&router, "/v1/captures", json!([moving(2, 1, 60)])).await;
    let again = post(&router, "/v1/captures", json!([moving(2, 1, 80)])).await;
    assert_eq!(
        (&again[0]["conflict"], &again[0]["outcome"]),
        (&json!(true), &json!("applied"))
    );
    let page = Page::new(
        &ledger.metrics,
        ledger.store.clone(),
        ledger.batcher.clone(),
    );
    let text = page.text().await;
    for message in ["authorization", "advice"] {
        let line = format!("holdfast_ledger_conflicts_total{{message=\"{message}\"}} 1\n");
        assert!(text.contains(&line), "{text}");
    }
    let (_, account) = told(&router, "GET", "/v1/accounts/1", &Value::Null).await;
    assert_eq!(account["available_minor"], 940, "no second effect");
}

#[tokio::test]
async fn holds_expire_when_their_clock_says_so_and_not_while_a_journal_is_undrained_rule_17() {
    let (ledger, router) = ledger();
    seed(&router).await;
    post(&router, "/v1/authorizations", json!([asking(1, 100)])).await;
    let advices = |undrained: u64| {
        json!({"gateway": "gw1", "head": {"epoch": 1, "seq": 1, "hash": 1}, "items": [],
            "undrained": undrained})
    };
    told(&router, "POST", "/v1/advices", &advices(2)).await;
    let pass = async |seconds: u64| {
        let clock = ledger
            .store
            .tick(Duration::from_secs(seconds))
            .await
            .unwrap();
        crate::holds::sweep(&ledger.store, &ledger.batcher, &clock, 600).await
    };
    assert_eq!(pass(10_000).await, 0);
    let (_, holds) = told(&router, "GET", "/v1/holds", &Value::Null).await;
    let expected = json!({"clock_s": 0, "expire_after_s": 600, "paused": true,
        "undrained": [{"gateway": "gw1", "advices": 2}]});
    assert_eq!(holds, expected);
    told(&router, "POST", "/v1/advices", &advices(0)).await;
    assert_eq!(pass(599).await, 0);
    // A gateway that reports after the clock was looked at stops it all the same.
    let clock = ledger.store.tick(Duration::from_secs(1)).await.unwrap();
    told(&router, "POST", "/v1/advices", &advices(1)).await;
    let swept = crate::holds::sweep(&ledger.store, &ledger.batcher, &clock, 600).await;
    assert_eq!(swept, 0);
    told(&router, "POST", "/v1/advices", &advices(0)).await;
    assert_eq!(pass(0).await, 1);
    assert_eq!(pass(10_000).await, 0, "once");
    let (_, account) = told(&router, "GET", "/v1/accounts/1", &Value::Null).await;
    assert_eq!(account["available_minor"], 1_000);
    post(&router, "/v1/captures", json!([moving(2, 1, 100)])).await;
    let (_, account) = told(&router, "GET", "/v1/accounts/1", &Value::Null).await;
    assert_eq!(
        account["available_minor"], 900,
        "a late capture is force-posted"
    );
}
