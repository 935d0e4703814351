//! Facts about statements, closed days and verification.

use std::collections::BTreeSet;

use ledger_api::{Close, Day, Sha256Digest, Totals};

use super::desk::Desk;
use crate::store::{Closed, Closing, Store};

fn closing(day: u8) -> Closing {
    Closing {
        day: Day::new(2026, 11, day).expect("a day"),
        by: "Ada of accounting".to_owned().try_into().expect("words"),
        at: 1_790_000_000 + u64::from(day),
    }
}

async fn close(store: &Store, day: u8) -> Close {
    match store.close(closing(day)).await.expect("answered") {
        Closed::Now(close) => close,
        other => unreachable!("day {day} can be closed: {other:?}"),
    }
}

pub(super) async fn statements_add_up_page_by_page_i6(store: &Store) {
    let desk = Desk::open(store, 50, 10_000).await;
    for nth in 1..=7 {
        desk.authorize("gw1", nth, 100).await;
    }
    desk.reverse(1, 40).await;
    let (mut balance, mut after, mut lines) = (Totals::default(), 0, 0);
    loop {
        let page = store.entries_of(desk.account, after, 3).await;
        let page = page.expect("readable").expect("it exists");
        assert_eq!(page.opening, balance, "pages fit to each other");
        for line in page.entries {
            assert!(line.entry.number > after, "in order of number");
            after = line.entry.number;
            balance = balance.checked_add(line.entry.totals()).expect("it fits");
            assert_eq!(line.available_minor, balance.available());
            lines += 1;
        }
        if page.next.is_none() {
            break;
        }
    }
    let account = store.account(desk.account).await.expect("readable");
    let account = account.expect("it exists");
    assert_eq!((balance, lines), (account.totals, 9));
    let nobody = ledger_api::AccountId(999_999);
    let page = store.entries_of(nobody, 0, 3).await.expect("readable");
    assert_eq!(page, None);
    let page = store.entries_of(desk.account, u64::MAX, 3).await;
    let page = page.expect("readable").expect("it exists");
    assert_eq!((page.opening, page.entries.len()), (account.totals, 0));
}

/// Every entry, in pages, from the first number to the last without a hole.
async fn all_entries(store: &Store) -> u64 {
    let mut after = 0;
    loop {
        let page = store.entries(after, 100).await.expect("readable");
        for entry in &page.entries {
            assert_eq!(entry.number, after + 1, "numbers have no holes");
            after = entry.number;
        }
        if page.entries.is_empty() {
            assert_eq!(after, page.last);
            return after;
        }
    }
}

pub(super) async fn a_day_is_closed_once_and_chained(store: &Store) {
    let desk = Desk::open(store, 51, 10_000).await;
    let first = close(store, 10).await;
    let count = all_entries(store).await;
    let range = (
        first.number,
        first.first_entry,
        first.last_entry,
        first.entries,
    );
    assert_eq!(range, (1, 1, count, count));
    assert_eq!(first.previous, Sha256Digest::default());
    desk.authorize("gw1", 1, 700).await;
    desk.authorize("gw1", 2, 300).await;
    desk.reverse(2, 0).await;
    for _ in 0..2 {
        let again = store.close(closing(10)).await.expect("answered");
        assert_eq!(
            again,
            Closed::Before(first.clone()),
            "a closed day stays as it is"
        );
    }
    let second = close(store, 12).await;
    let range = (
        second.number,
        second.first_entry,
        second.last_entry,
        second.entries,
    );
    assert_eq!(range, (2, count + 1, count + 6, 6));
    assert_eq!(second.previous, first.hash);
    assert!(second.hash != first.hash);
    let euro = second
        .currencies
        .iter()
        .find(|line| line.currency == super::desk::euro());
    let euro = euro.expect("it has euros");
    assert_eq!(
        (euro.range.debits_pending, euro.range.credits_pending),
        (700, 700)
    );
    let before = first
        .currencies
        .iter()
        .find(|line| line.currency == euro.currency);
    let before = before.expect("it has euros").cumulated;
    assert_eq!(before.checked_add(euro.range), Some(euro.cumulated));
    let Closed::Refused(problem) = store.close(closing(11)).await.expect("answered") else {
        unreachable!("a day before the last one is over");
    };
    assert_eq!(problem.name(), "day_out_of_order");
    let empty = close(store, 13).await;
    let range = (empty.first_entry, empty.last_entry, empty.entries);
    assert_eq!(range, (count + 7, count + 6, 0), "a day without entries");
    let page = store.closes(0, 2).await.expect("readable");
    assert_eq!((page.closes, page.next), (vec![first, second], Some(2)));
    let page = store.closes(2, 2).await.expect("readable");
    assert_eq!((page.closes, page.next), (vec![empty], None));
}

pub(super) async fn closing_while_others_write_loses_no_entry(store: &Store) {
    let desk = Desk::open(store, 52, 1_000_000).await;
    let mut last = close(store, 14).await;
    let writing = async {
        for nth in 1..=60 {
            desk.authorize("gw1", nth, 10).await;
        }
    };
    let closing_days = async {
        for day in 15..=20 {
            // The same day twice at once: one closes it, both get the same close.
            let (one, other) = tokio::join!(store.close(closing(day)), store.close(closing(day)));
            let closes: Vec<_> = [one, other]
                .into_iter()
                .map(|closed| match closed.expect("answered") {
                    Closed::Now(close) => (close, true),
                    Closed::Before(close) => (close, false),
                    Closed::Refused(problem) => unreachable!("it balances: {problem}"),
                })
                .collect();
            assert_eq!(closes[0].0, closes[1].0);
            let now: BTreeSet<_> = closes.iter().map(|(_, now)| *now).collect();
            assert_eq!(now.len(), 2, "one of them closed it: {closes:?}");
            let close = closes[0].0.clone();
            assert_eq!(
                close.first_entry,
                last.last_entry + 1,
                "no entry is left out"
            );
            assert_eq!(close.previous, last.hash);
            last = close;
        }
    };
    tokio::join!(writing, closing_days);
}

pub(super) async fn everything_can_be_computed_again(store: &Store) {
    let verification = store.verify().await.expect("readable");
    assert_eq!(verification.crooked, []);
    let books = store.books().await.expect("readable");
    let seen = (
        verification.entries,
        &verification.currencies,
        verification.closes,
    );
    assert_eq!(seen, (books.entries, &books.currencies, 10));
    assert!(verification.authorizations > 60 && verification.accounts > 10);
}
