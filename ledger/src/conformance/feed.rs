//! Facts about positions, marks and listings.

use std::collections::BTreeMap;

use ledger_api::{AccountId, CardStatus, Change, Changed, JournalHead, Mark};

use super::desk::{Desk, NOW, card_of, gateway};
use crate::posting::{Command, Outcome};
use crate::store::{Store, StoreError};

pub(super) async fn positions_have_no_holes_and_a_reader_can_resume_rule_13(store: &Store) {
    let desk = Desk::open(store, 40, 10_000).await;
    for nth in 1..=5 {
        desk.authorize("gw1", nth, 10).await;
    }
    let changes = assert_no_holes(store).await;
    let resumed = follow(store, 3).await;
    assert_eq!(
        resumed,
        changes[3..],
        "from any position on, the same changes"
    );
}

/// Follows the feed from its beginning, in small pages.
pub(super) async fn assert_no_holes(store: &Store) -> Vec<Change> {
    let changes = follow(store, 0).await;
    let head = store.mark().await.expect("readable").position;
    let positions: Vec<u64> = changes.iter().map(|change| change.position).collect();
    assert_eq!(
        positions,
        (1..=head).collect::<Vec<_>>(),
        "rule 13: no holes, no repeats"
    );
    changes
}

async fn follow(store: &Store, mut after: u64) -> Vec<Change> {
    let Mark { epoch, position } = store.mark().await.expect("readable");
    let mut changes = Vec::new();
    while after < position {
        let page = store.feed(epoch, after, 100).await.expect("readable");
        assert!(
            !page.changes.is_empty() && page.changes.len() <= 100,
            "a page has changes"
        );
        after = page.changes.last().map_or(after, |change| change.position);
        changes.extend(page.changes);
    }
    changes
}

/// The position that an answer names, or a later one, carries the balance with the effect in it.
pub(super) async fn a_mark_includes_its_effect_rule_12(store: &Store) {
    let desk = Desk::open(store, 41, 10_000).await;
    let marks = [
        desk.authorize("gw1", 1, 1_000).await.mark,
        desk.approve("gw1", 2, 500).await.mark,
        desk.reverse(1, 0).await.mark,
    ];
    for (mark, available) in marks.into_iter().zip([9_000, 8_500, 9_500]) {
        let page = store
            .feed(mark.epoch, mark.position - 1, 1)
            .await
            .expect("readable");
        let Changed::Account(state) = page.changes[0].what else {
            unreachable!("the mark names the account's change")
        };
        assert_eq!(
            (state.account, state.available_minor),
            (desk.account, available)
        );
    }
    let head = store.mark().await.expect("readable");
    assert_eq!(
        desk.approve("gw1", 2, 500).await.mark,
        head,
        "a duplicate: the head"
    );
}

pub(super) async fn another_epoch_is_refused_rule_13(store: &Store) {
    let mark = store.mark().await.expect("readable");
    let changed = StoreError::EpochChanged { epoch: mark.epoch };
    assert_eq!(
        store.feed(mark.epoch ^ 1, 0, 10).await,
        Err(changed.clone())
    );
    let ahead = store.feed(mark.epoch, mark.position + 1, 10).await;
    let older = StoreError::FeedAhead {
        position: mark.position,
    };
    let expected = if store.is_shared() { older } else { changed };
    assert_eq!(
        ahead,
        Err(expected),
        "the reader has seen more than there is"
    );
    let level = store
        .feed(mark.epoch, mark.position, 10)
        .await
        .expect("readable");
    assert_eq!((level.changes.len(), level.head), (0, mark.position));
}

/// List in small pages while things change, then follow the feed from the first page's mark: that
/// gives the state.
pub(super) async fn listing_then_feed_is_the_state(store: &Store) {
    let desk = Desk::open(store, 42, 10_000).await;
    let mut known = Known::default();
    let mut after = None;
    let mut from = None;
    for nth in 1.. {
        let page = store.listing(after, 7).await.expect("readable");
        let from = *from.get_or_insert(page.mark.position);
        assert!(page.mark.position >= from && page.states.len() <= 7);
        page.states.iter().for_each(|state| known.learn(state));
        desk.authorize("gw1", nth, 1).await;
        let Some(next) = page.next else { break };
        after = Some(next.parse().expect("a cursor"));
    }
    let mut frozen = card_of(desk.account, desk.card);
    frozen.status = CardStatus::Frozen;
    desk.run(Command::PutCard(frozen)).await;
    for change in follow(store, from.unwrap_or_default()).await {
        known.learn(&change);
    }
    let mut all = Known::default();
    follow(store, 0)
        .await
        .iter()
        .for_each(|change| all.learn(change));
    assert_eq!(known.0, all.0);
    assert!(!known.0.is_empty());
    let available = desk.available().await;
    let told = known
        .0
        .get(&format!("{}", desk.account))
        .map(|change| change.what);
    let Some(Changed::Account(state)) = told else {
        unreachable!("the account is known")
    };
    assert_eq!(state.available_minor, available);
    assert!(
        !known
            .0
            .keys()
            .any(|key| { key.parse().is_ok_and(|id| AccountId(id).is_internal()) })
    );
}

/// What a gateway knows: for every card and account the newest state it was told.
#[derive(Default)]
struct Known(BTreeMap<String, Change>);

impl Known {
    fn learn(&mut self, change: &Change) {
        let key = match &change.what {
            Changed::Card(card) => card.card.to_string(),
            Changed::Account(account) => account.account.to_string(),
        };
        let newest = self.0.entry(key).or_insert_with(|| change.clone());
        if change.position > newest.position {
            *newest = change.clone();
        }
    }
}

pub(super) async fn a_journal_head_never_goes_back_until_a_grant_rule_11(store: &Store) {
    let desk = Desk::open(store, 43, 0).await;
    let name = gateway("gw-head");
    let unknown = store
        .journal_head(gateway("gw-none"))
        .await
        .expect("readable");
    assert_eq!(unknown, None);
    let note = async |(epoch, seq, hash): (u64, u64, u64)| {
        let head = JournalHead { epoch, seq, hash };
        let gateway = name.clone();
        let noted = desk
            .run(Command::NoteHead {
                gateway,
                head,
                undrained: 0,
            })
            .await;
        let taken = matches!(noted, Outcome::Stored(_));
        let known = store.journal_head(name.clone()).await.expect("readable");
        let known = known.map(|known| (known.epoch, known.seq, known.hash));
        (taken, known)
    };
    let heads = [
        ((1, 5, 5), true, (1, 5, 5)),
        ((1, 3, 3), true, (1, 5, 5)),
        ((1, 5, 6), false, (1, 5, 5)),
        ((1, 8, 8), true, (1, 8, 8)),
        ((2, 1, 1), false, (1, 8, 8)),
        ((2, 9, 9), false, (1, 8, 8)),
    ];
    for (told, taken, expected) in heads {
        assert_eq!(note(told).await, (taken, Some(expected)), "{told:?}");
    }
    for _ in 0..2 {
        let gateway = name.clone();
        let granted = desk.run(Command::GrantJournal { gateway }).await;
        assert!(matches!(granted, Outcome::Stored(_)));
        let known = store.journal_head(name.clone()).await.expect("readable");
        assert_eq!(known, None, "safe to repeat");
    }
    let next = note((2, 1, 1)).await;
    assert_eq!(next, (true, Some((2, 1, 1))), "the next one is taken");
    // A grant, and in the same batch a head of the journal that it is for.
    let head = JournalHead {
        epoch: 3,
        seq: 1,
        hash: 1,
    };
    let gateway = name.clone();
    let granted = Command::GrantJournal {
        gateway: gateway.clone(),
    };
    let noted = Command::NoteHead {
        gateway,
        head,
        undrained: 0,
    };
    let outcomes = store.transact(vec![granted, noted], NOW).await;
    let outcomes = outcomes.expect("done");
    assert!(outcomes.iter().all(|it| matches!(it, Outcome::Stored(_))));
    let next = note((3, 2, 2)).await;
    assert_eq!(next, (true, Some((3, 2, 2))), "it is not fenced again");
}

/// Everything is there in the new epoch, and positions go on: only the epoch is another.
pub(super) async fn restored_books_have_a_new_epoch_rule_13(store: &Store) {
    let desk = Desk::open(store, 44, 1_000).await;
    desk.authorize("gw1", 1, 100).await;
    let before = store.mark().await.expect("readable");
    let epoch = store.new_epoch().await.expect("drawn");
    let after = store.mark().await.expect("readable");
    assert_ne!(epoch, before.epoch);
    assert_eq!((after.epoch, after.position), (epoch, before.position));
    assert_eq!(
        store.feed(before.epoch, before.position, 1).await,
        Err(StoreError::EpochChanged { epoch })
    );
    assert_eq!(desk.authorize("gw1", 1, 100).await.mark.epoch, epoch);
    assert_eq!(desk.available().await, 900, "I2");
}
