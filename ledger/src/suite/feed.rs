//! The feed: no holes, resumable, and together with the listing the whole state.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger_api::{Change, Changed, FeedPage, ListingPage, Mark};
use serde_json::json;

use super::customer::Customer;
use super::ground::{Broken, Ground};

impl Customer<'_> {
    /// A mark of the books that is no later than what the customer does from now on.
    pub(super) async fn view_mark(&self) -> Result<Mark, Broken> {
        let page: ListingPage = self.ground.get("/v1/listing?limit=1").await?;
        Ok(page.mark)
    }
}

async fn page(ground: &Ground, from: Mark, limit: u64) -> Result<FeedPage, Broken> {
    let (epoch, after) = (from.epoch, from.position);
    let path = format!("/v1/feed?epoch={epoch}&after={after}&limit={limit}");
    let page: FeedPage = ground.get(&path).await?;
    let expected = (after + 1..).take(page.changes.len());
    let hole =
        (page.changes.iter().zip(expected)).find(|(change, expected)| change.position != *expected);
    ground.holds(
        "positions in a page of the feed",
        "one after the other",
        hole.is_none(),
        hole,
    )?;
    let behind = page
        .changes
        .last()
        .is_some_and(|last| last.position > page.head);
    ground.holds(
        "the head of a page",
        "no change is after it",
        !behind,
        page.head,
    )?;
    Ok(page)
}

/// All changes after a mark up to a position, in pages of an odd size.
pub(super) async fn changes_between(
    ground: &Ground,
    from: Mark,
    to: u64,
) -> Result<Vec<Change>, Broken> {
    let mut at = from;
    let mut changes = Vec::new();
    while at.position < to {
        let page = page(ground, at, 7).await?;
        let Some(last) = page.changes.last() else {
            let seen = format!("nothing after {}", at.position);
            let expected = format!("changes up to {to}, which an answer has named");
            return Err(Broken::new("the feed", expected, seen));
        };
        at.position = last.position;
        changes.extend(page.changes);
    }
    changes.retain(|change| change.position <= to);
    Ok(changes)
}

pub(super) async fn feed_has_no_holes_rule_13(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let from = customer.view_mark().await?;
    let mut to = from.position;
    for _ in 0..6 {
        to = customer.authorize(ground.id(), 10).await?.mark.position;
    }
    let changes = changes_between(ground, from, to).await?;
    let available: Vec<i64> = (changes.iter())
        .filter_map(|change| match change.what {
            Changed::Account(state) if state.account == customer.account => {
                Some(state.available_minor)
            }
            _ => None,
        })
        .collect();
    let expected: Vec<i64> = (1..=6).map(|nth| 10_000 - 10 * nth).collect();
    ground.same("the account in the feed", expected, available)?;
    for skip in [1, changes.len() / 2, changes.len() - 1] {
        let Some(last) = changes.get(skip - 1) else {
            continue;
        };
        let resumed = Mark {
            position: last.position,
            ..from
        };
        let again = changes_between(ground, resumed, to).await?;
        let rest = changes.get(skip..).unwrap_or_default().to_vec();
        ground.same(&format!("the feed from {} on", last.position), rest, again)?;
    }
    Ok(())
}

pub(super) async fn listing_and_feed_are_the_state(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    customer.authorize(ground.id(), 1_000).await?;
    let mut listed: BTreeMap<String, Change> = BTreeMap::new();
    let first: ListingPage = ground.get("/v1/listing?limit=1").await?;
    let from = first.mark;
    let mut next = None;
    let mut states = first.states;
    let mut cursor = first.next;
    // Between the pages things go on.
    customer
        .tell(customer.advice(ground.id(), Some(500)))
        .await?;
    let frozen = customer.card_state(customer.card, "frozen");
    ground.put("/v1/cards", &json!({"items": [frozen]})).await?;
    loop {
        for state in states.drain(..) {
            listed.insert(key(&state), state);
        }
        let Some(after) = cursor.take() else { break };
        ground.holds(
            "a listing's cursor",
            "it moves on",
            next.as_ref() != Some(&after),
            &after,
        )?;
        let page: ListingPage = ground
            .get(&format!("/v1/listing?limit=997&after={after}"))
            .await?;
        next = Some(after);
        (states, cursor) = (page.states, page.next);
    }
    let to = customer
        .tell(customer.advice(ground.id(), Some(50)))
        .await?
        .mark;
    for change in changes_between(ground, from, to.position).await? {
        let newer = listed
            .get(&key(&change))
            .is_none_or(|known| known.position < change.position);
        if newer {
            listed.insert(key(&change), change);
        }
    }
    let card = listed
        .get(&format!("card {}", customer.card))
        .map(|state| state.what);
    let expected = serde_json::from_value(customer.card_state(customer.card, "frozen"))
        .map_err(|error| Broken::new("a card", "a card", error.to_string()))?;
    ground.same("the card", Some(Changed::Card(expected)), card)?;
    let account = listed.get(&format!("account {}", customer.account));
    let available = account.and_then(|state| match state.what {
        Changed::Account(state) => Some(state.available_minor),
        Changed::Card(_) => None,
    });
    ground.same("the account", Some(8_450), available)
}

fn key(change: &Change) -> String {
    match change.what {
        Changed::Card(state) => format!("card {}", state.card),
        Changed::Account(state) => format!("account {}", state.account),
    }
}

pub(super) async fn other_epoch_is_refused_rule_13(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 100).await?;
    let mark = customer.view_mark().await?;
    ground.holds(
        "the epoch",
        "it is drawn, so not zero",
        mark.epoch != 0,
        mark,
    )?;
    for epoch in [0, mark.epoch ^ 1, mark.epoch + 7] {
        let path = format!("/v1/feed?epoch={epoch}&after=0");
        let answer = ground.call("GET", &path, None).await?;
        ground.refused("a reader of another epoch", &answer, &[409])?;
    }
    let ahead = mark.position + (1 << 40);
    let path = format!("/v1/feed?epoch={}&after={ahead}", mark.epoch);
    let answer = ground.call("GET", &path, None).await?;
    // A ledger that may be an old copy of the books says so with 503.
    ground.problem("a reader who is ahead of the books", &answer, &[409, 503])?;
    let here = page(ground, mark, 1).await?;
    ground.same("the epoch of the feed", mark.epoch, here.epoch)
}

pub(super) async fn a_reader_who_waits_is_told(ground: &Ground) -> Result<(), Broken> {
    let customer = Customer::new(ground, 10_000).await?;
    let id = ground.id();
    let mark = customer.authorize(id, 10).await?.mark;
    let (epoch, after) = (mark.epoch, mark.position);
    let path = format!("/v1/feed?epoch={epoch}&after={after}&wait_ms=5000&limit=5");
    let waiting = ground.get::<FeedPage>(&path);
    let news = async {
        // News that comes while the reader waits; the test does not depend on it waiting already.
        tokio::time::sleep(Duration::from_millis(50)).await;
        customer.tell(customer.reversal(id, 0)).await
    };
    let (page, told) = tokio::join!(waiting, news);
    let told = told?;
    let page = page?;
    ground.holds(
        "a page for a reader who waits",
        "news",
        !page.changes.is_empty(),
        &page,
    )?;
    ground.holds(
        "the mark of the news",
        "it is in the feed",
        told.mark.position > after,
        told.mark,
    )
}
