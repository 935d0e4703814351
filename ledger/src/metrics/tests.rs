use axum::http::Method;
use process::metrics::Label;

use super::*;
use crate::batcher::Batcher;
use crate::store::Store;

#[test]
fn every_route_is_a_call_and_what_is_no_route_is_other() {
    let calls = [
        ("POST", "/v1/authorizations", Call::Authorize),
        ("GET", "/v1/authorizations", Call::Read),
        ("GET", "/v1/authorizations/00", Call::Read),
        ("POST", "/v1/advices", Call::Advise),
        ("POST", "/v1/reversals", Call::Reverse),
        ("POST", "/v1/captures", Call::Capture),
        ("POST", "/v1/refunds", Call::Refund),
        ("POST", "/v1/releases", Call::Release),
        ("POST", "/v1/accounts/1/close", Call::CloseAccount),
        ("POST", "/v1/suspense/00", Call::Resolve),
        ("GET", "/v1/holds", Call::Read),
        ("POST", "/v1/accounts", Call::OpenAccounts),
        ("GET", "/v1/accounts", Call::Read),
        ("GET", "/v1/accounts/1", Call::Read),
        ("POST", "/v1/cards", Call::PutCards),
        ("GET", "/v1/feed", Call::Feed),
        ("GET", "/v1/listing", Call::Listing),
        ("GET", "/v1/gateways/gw1", Call::Gateways),
        ("DELETE", "/v1/gateways/gw1", Call::Gateways),
        ("GET", "/v1/suspense", Call::Read),
        ("GET", "/v1/books", Call::Read),
        ("GET", "/v1/entries", Call::Read),
        ("GET", "/v1/accounts/1/entries", Call::Read),
        ("POST", "/v1/closes", Call::Accounting),
        ("GET", "/v1/verification", Call::Accounting),
        ("GET", "/livez", Call::Probe),
        ("GET", "/readyz", Call::Probe),
        ("GET", "/metrics", Call::Probe),
        ("GET", "/4111111111111111", Call::Other),
        ("GET", "/v1/advices", Call::Other),
    ];
    for (method, path, call) in calls {
        let method = Method::try_from(method).unwrap();
        assert_eq!(Call::of(&method, path), call, "{method} {path}");
    }
    let seen = |call: &Call| calls.iter().any(|(_, _, seen)| seen == call);
    assert!(Call::ALL.iter().all(seen));
}

#[test]
fn names_are_lower_case_words() {
    let names = process::metrics::label_names::<Call>();
    for name in names {
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{name}"
        );
    }
    assert_eq!(StatusClass::Server.name(), "5xx");
}

#[tokio::test]
async fn a_store_that_is_down_is_told_and_does_not_fail_the_scrape() {
    let store = Store::postgres("postgres://nobody@127.0.0.1:1/none").unwrap();
    let metrics = Metrics::default();
    let batcher = Batcher::start(store.clone(), metrics.clone());
    let page = Page::new(&metrics, store, batcher);
    for _ in 0..2 {
        let text = page.text().await;
        assert!(text.contains("\nholdfast_ledger_store_ready 0\n"), "{text}");
        assert!(!text.contains("\nholdfast_ledger_feed_position "), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
