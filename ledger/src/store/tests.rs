//! The conformance suite on memory and on a file. PostgreSQL runs it in the `tests` crate, which
//! has a private server.

use super::*;
use crate::conformance;

#[tokio::test(flavor = "multi_thread")]
async fn memory_conforms() {
    conformance::all(&Store::memory(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conformance::all(&Store::embedded(folder.path()).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_survives_being_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::embedded(folder.path()).await.unwrap();
    let path = folder.path().to_owned();
    conformance::reopened(store, async move |store| {
        drop(store);
        Store::embedded(&path).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn a_file_that_another_ledger_has_open_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _open = Store::embedded(folder.path()).await.unwrap();
    let second = Store::embedded(folder.path()).await;
    assert!(
        matches!(second, Err(StoreError::Unavailable(_))),
        "{second:?}"
    );
}

#[tokio::test]
async fn a_database_that_is_down_is_unavailable_and_nothing_was_done() {
    let store = Store::postgres("postgres://nobody@127.0.0.1:1/none").unwrap();
    assert!(matches!(
        store.prepare().await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(matches!(
        store.mark().await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(matches!(
        store
            .transact(Vec::new(), crate::posting::Moment::default())
            .await,
        Err(StoreError::Unavailable(_))
    ));
    assert!(Store::postgres("mysql://x").is_err());
}

#[test]
fn a_listing_cursor_survives_text() {
    for text in [
        "account-0",
        "account-42",
        "k1-00000000000000000000000000000001",
    ] {
        assert_eq!(
            text.parse::<ListingCursor>()
                .map(|cursor| cursor.to_string()),
            Ok(text.into())
        );
    }
    for bad in ["", "account-", "account-x", "42"] {
        assert!(bad.parse::<ListingCursor>().is_err(), "{bad}");
    }
}
