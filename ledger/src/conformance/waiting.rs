//! Facts about time and about people: expiry, closed accounts, suspense, ids that come again.

use std::time::Duration;

use ledger_api::{
    Action, AdviceItem, AdviceOutcome, AuthorizationState as State, AuthorizeAnswer,
    AuthorizeRequest, CardToken, Fingerprint, JournalHead, Reason,
};

use super::desk::{Desk, NOW, gateway};
use crate::posting::{Command, Outcome};
use crate::store::Store;

const TICK: Duration = Duration::from_secs(10);

pub(super) async fn holds_expire_by_the_hold_clock_and_late_captures_are_posted_rule_17(
    store: &Store,
) {
    let desk = Desk::open(store, 80, 10_000).await;
    desk.authorize("gw1", 1, 1_000).await;
    desk.authorize("gw1", 2, 500).await;
    desk.capture(3, 2, 500).await;
    let due = |held_by| async move {
        let due = store.due(held_by, 10_000).await.expect("readable");
        (due.contains(&desk_id(1)), due.contains(&desk_id(2)))
    };
    assert_eq!(due(NOW.hold_clock - 1).await, (false, false), "not yet");
    assert_eq!(
        due(NOW.hold_clock).await,
        (true, false),
        "what is captured is not held"
    );
    assert_eq!(
        desk.expire(&[1, 2], NOW.hold_clock - 1).await,
        0,
        "looked at again"
    );
    assert_eq!(desk.expire(&[1, 2, 99], NOW.hold_clock).await, 1);
    assert_eq!(desk.expire(&[1, 2, 99], NOW.hold_clock).await, 0, "once");
    assert_eq!(
        (desk.effect(1).await, desk.state(1).await),
        (0, State::Expired)
    );
    assert_eq!(desk.available().await, 9_500);
    let increment = desk.increment(4, 1, 10).await;
    assert_eq!(increment.reason, Reason::AuthorizationClosed);
    desk.capture(5, 1, 1_000).await;
    assert_eq!(
        desk.available().await,
        8_500,
        "a late capture is force-posted"
    );
    assert_eq!(due(NOW.hold_clock).await, (false, false));
    desk.assert_balanced().await;
}

/// [`Desk::id`] of customer 80.
fn desk_id(nth: u64) -> ledger_api::AuthorizationId {
    let mut id = [0; 16];
    id[7] = 80;
    id[8..].copy_from_slice(&nth.to_be_bytes());
    ledger_api::AuthorizationId(id)
}

pub(super) async fn the_hold_clock_stands_still_while_a_journal_is_undrained_rule_17(
    store: &Store,
) {
    let desk = Desk::open(store, 81, 0).await;
    let note = |undrained| Command::NoteHead {
        gateway: gateway("gw-17"),
        head: JournalHead {
            epoch: 17,
            seq: 1,
            hash: 1,
        },
        undrained,
    };
    let before = store.tick(TICK).await.expect("ticked");
    assert_eq!(before.undrained, []);
    desk.run(note(3)).await;
    for _ in 0..2 {
        let paused = store.tick(TICK).await.expect("ticked");
        assert_eq!(paused.seconds, before.seconds, "no time passes for holds");
        let told: Vec<_> = (paused.undrained.iter())
            .map(|it| (it.gateway.as_str(), it.advices))
            .collect();
        assert_eq!(told, [("gw-17", 3)]);
    }
    desk.run(note(0)).await;
    let after = store.tick(TICK).await.expect("ticked");
    assert_eq!(after.undrained, []);
    assert!(after.seconds >= before.seconds);
    assert_eq!(store.hold_clock().await.expect("readable"), after);
    // An operator's grant forgets what that journal had left.
    desk.run(note(5)).await;
    let gateway = gateway("gw-17");
    desk.run(Command::GrantJournal { gateway }).await;
    assert_eq!(store.tick(TICK).await.expect("ticked").undrained, []);
}

pub(super) async fn a_closed_account_bears_what_it_bore_and_nothing_new(store: &Store) {
    let desk = Desk::open(store, 82, 10_000).await;
    let other = Desk::open(store, 83, 10_000).await;
    desk.authorize("gw1", 1, 1_000).await;
    for _ in 0..2 {
        let closed = desk.run(Command::CloseAccount(desk.account)).await;
        assert!(matches!(closed, Outcome::Stored(_)), "{closed:?}");
    }
    let live = desk.authorize("gw1", 2, 100).await;
    assert_eq!((live.approved, live.reason), (false, Reason::AccountClosed));
    let same = desk.approve("gw1", 1, 1_000).await;
    assert_eq!(same.outcome, AdviceOutcome::Applied, "it bore that already");
    assert_eq!(desk.effect(1).await, 1_000);
    let parked = AdviceOutcome::Parked {
        reason: Reason::AccountClosed,
    };
    assert_eq!(desk.approve("gw1", 3, 200).await.outcome, parked);
    assert_eq!(desk.capture(4, 1, 300).await.outcome, parked);
    assert_eq!((desk.effect(1).await, desk.effect(4).await), (1_000, 0));
    assert!(desk.waits(4).await);
    // A person books the capture to an account that can bear it: now it takes from the hold.
    let account = other.account;
    assert_eq!(
        desk.resolve(4, Action::Retry).await,
        Err("still_parked".to_owned())
    );
    assert_eq!(desk.resolve(4, Action::BookTo { account }).await, Ok(()));
    assert_eq!(
        desk.resolve(4, Action::BookTo { account }).await,
        Ok(()),
        "the same again"
    );
    assert_eq!(
        (desk.state(4).await, desk.effect(4).await),
        (State::Posted, 300)
    );
    assert_eq!(
        (desk.state(1).await, desk.effect(1).await),
        (State::Captured, 0)
    );
    assert_eq!(other.available().await, 9_700);
    assert_eq!(
        desk.capture(4, 1, 300).await.outcome,
        AdviceOutcome::Duplicate
    );
    assert!(!desk.waits(4).await);
    // And one never.
    assert_eq!(
        desk.resolve(3, Action::Seen).await,
        Err("parked".to_owned())
    );
    assert_eq!(desk.resolve(3, Action::Dismiss).await, Ok(()));
    assert!(!desk.waits(3).await);
    let resolution = desk.view(3).await.resolution.expect("it is kept");
    assert_eq!(
        (resolution.by.as_str(), resolution.note.as_str()),
        ("ops", "case 7")
    );
    assert_eq!(
        desk.approve("gw1", 3, 200).await.outcome,
        AdviceOutcome::Duplicate
    );
    assert!(!desk.waits(3).await, "a repeat does not bring it back");
    desk.approve("gw1", 3, 250).await;
    assert!(desk.waits(3).await, "something new does");
    assert_eq!(desk.resolve(3, Action::Dismiss).await, Ok(()));
    let booked = desk.resolve(3, Action::BookTo { account }).await;
    assert_eq!(
        (booked, desk.effect(3).await),
        (Ok(()), 250),
        "on second thoughts"
    );
    desk.assert_balanced().await;
}

pub(super) async fn an_advice_that_waited_for_its_card_is_booked_by_a_person_i1(store: &Store) {
    let desk = Desk::known(store, 84);
    let parked = desk.approve("gw1", 1, 700).await;
    let reason = Reason::UnknownCard;
    assert_eq!(parked.outcome, AdviceOutcome::Parked { reason });
    assert_eq!(
        desk.resolve(1, Action::Retry).await,
        Err("still_parked".to_owned())
    );
    let desk = Desk::open(store, 84, 1_000).await;
    assert_eq!(desk.resolve(1, Action::Retry).await, Ok(()));
    assert_eq!((desk.effect(1).await, desk.available().await), (700, 300));
    assert_eq!(
        desk.resolve(1, Action::Dismiss).await,
        Err("not_waiting".to_owned())
    );
    assert_eq!(
        desk.approve("gw1", 1, 700).await.outcome,
        AdviceOutcome::Duplicate
    );
    // A contested one only wants to be seen.
    desk.approve("gw2", 2, 10).await;
    desk.decline("gw1", 2).await;
    assert!(desk.waits(2).await);
    assert_eq!(
        desk.resolve(2, Action::Dismiss).await,
        Err("not_parked".to_owned())
    );
    assert_eq!(desk.resolve(2, Action::Seen).await, Ok(()));
    assert!(!desk.waits(2).await);
    desk.assert_balanced().await;
}

pub(super) async fn an_id_with_other_content_has_no_second_effect_i2(store: &Store) {
    let desk = Desk::open(store, 85, 10_000).await;
    desk.authorize("gw1", 1, 1_000).await;
    desk.capture_some(2, 1, 300).await;
    for _ in 0..2 {
        let other = desk.capture_some(2, 1, 800).await;
        assert!(other.conflict, "{other:?}");
        assert_eq!((desk.effect(1).await, desk.effect(2).await), (700, 300));
    }
    assert!(desk.waits(2).await, "a person looks");
    let refund = desk.refund(2, None, 300).await;
    assert!(refund.conflict, "a refund under the id of a capture");
    let authorization = desk.approve("gw1", 2, 300).await;
    assert!(authorization.conflict, "an authorization under it");
    let live = desk.ask("gw1", desk.request(2, 300)).await;
    assert_eq!(live, AuthorizeAnswer::Conflict);
    assert!(
        desk.capture(1, 9, 50).await.conflict,
        "a capture under an authorization's"
    );
    let changed = AuthorizeRequest {
        fingerprint: Fingerprint(5),
        ..desk.request(1, 1_000)
    };
    assert_eq!(desk.ask("gw1", changed).await, AuthorizeAnswer::Conflict);
    assert_eq!(desk.available().await, 10_000 - 700 - 300);
    desk.assert_balanced().await;
}

pub(super) async fn another_cards_message_does_not_touch_an_authorization(store: &Store) {
    let desk = Desk::open(store, 86, 10_000).await;
    let other = Desk::open(store, 87, 10_000).await;
    desk.authorize("gw1", 1, 1_000).await;
    let mut capture = other.taking(1, None, 400, false);
    capture.of = Some(desk.id(1));
    other.tell("gw1", AdviceItem::Capture(capture)).await;
    assert_eq!(
        (desk.effect(1).await, desk.state(1).await),
        (1_000, State::Held)
    );
    assert_eq!(
        other.available().await,
        9_600,
        "it is booked to its own card"
    );
    assert!(other.waits(1).await);
    // The other card's message first: the authorization takes its own card, and its own hold.
    let mut early = other.advice(2, Some(50));
    early.original = Some(desk.id(2));
    other.tell("gw1", AdviceItem::Advice(early)).await;
    assert!(desk.authorize("gw1", 2, 500).await.approved);
    assert_eq!(desk.effect(2).await, 500);
    assert_eq!(desk.available().await, 8_500);
    assert!(desk.waits(2).await);
    other.reverse(2, 0).await;
    assert_eq!(
        (desk.effect(2).await, other.available().await),
        (500, 9_600)
    );
    desk.assert_balanced().await;
}

pub(super) async fn money_that_makes_no_sense_is_refused_by_name_or_parked(store: &Store) {
    let desk = Desk::open(store, 88, 10_000).await;
    let mut wrong = desk.taking(1, None, 100, false);
    wrong.exponent = Some(3);
    let zero = desk.taking(2, None, 0, false);
    let mut own = desk.taking(3, Some(3), 100, false);
    own.exponent = Some(2);
    for (capture, expected) in [
        (wrong.clone(), "wrong_exponent"),
        (zero.clone(), "zero_amount"),
        (own, "own_original"),
    ] {
        match desk.settle(AdviceItem::Capture(capture)).await.outcome {
            AdviceOutcome::Failed { problem } => assert_eq!(problem.name(), expected),
            other => unreachable!("it is refused: {other:?}"),
        }
    }
    for (nth, name, request) in [
        (
            5,
            "wrong_exponent",
            AuthorizeRequest {
                exponent: Some(0),
                ..desk.request(5, 1)
            },
        ),
        (
            6,
            "zero_amount",
            AuthorizeRequest {
                original: Some(desk.id(1)),
                ..desk.request(6, 0)
            },
        ),
        (
            7,
            "own_original",
            AuthorizeRequest {
                original: Some(desk.id(7)),
                ..desk.request(7, 1)
            },
        ),
    ] {
        match desk.ask("gw1", request).await {
            AuthorizeAnswer::Failed(problem) => assert_eq!(problem.name(), name),
            other => unreachable!("it is refused: {other:?}"),
        }
        let kept = store.authorization(desk.id(nth)).await.expect("readable");
        assert_eq!(kept, None, "nothing is kept of it");
    }
    // What was told is never refused.
    let told = desk.tell("gw1", AdviceItem::Capture(wrong)).await;
    let reason = Reason::CurrencyMismatch;
    assert_eq!(told.outcome, AdviceOutcome::Parked { reason });
    let told = desk.tell("gw1", AdviceItem::Capture(zero)).await;
    assert_eq!(told.outcome, AdviceOutcome::Applied);
    let mut unknown = desk.taking(4, None, 100, false);
    unknown.card = CardToken {
        key_id: 9,
        mac: [4; 16],
    };
    let told = desk.settle(AdviceItem::Capture(unknown)).await;
    let reason = Reason::UnknownCard;
    assert_eq!(told.outcome, AdviceOutcome::Parked { reason });
    assert_eq!(desk.available().await, 10_000);
    desk.assert_balanced().await;
}
