//! Facts about what happens to a payment after its answer.

use ledger_api::{
    AdviceItem, AdviceOutcome, AuthorizationKind, AuthorizationState as State, AuthorizeRequest,
    Reason, ReleaseOutcome,
};

use super::desk::{Desk, amount};
use crate::store::Store;

pub(super) async fn a_capture_posts_its_amount_whatever_was_held(store: &Store) {
    // Held, captured by one last capture: less, equal, more, and nothing held.
    for (number, held, captured) in [
        (60, 1_000, 600),
        (61, 1_000, 1_000),
        (62, 1_000, 1_300),
        (63, 0, 700),
    ] {
        let desk = Desk::open(store, number, 10_000).await;
        if held > 0 {
            desk.authorize("gw1", 1, held).await;
        }
        for outcome in [AdviceOutcome::Applied, AdviceOutcome::Duplicate] {
            assert_eq!(desk.capture(2, 1, captured).await.outcome, outcome, "I2");
            let view = desk.view(1).await;
            assert_eq!((view.effect_minor, view.captured_minor), (0, captured));
            assert_eq!(
                desk.available().await,
                10_000 - captured,
                "{held} {captured}"
            );
        }
        let expected = if held > 0 {
            State::Captured
        } else {
            State::Tombstone
        };
        assert_eq!(desk.state(1).await, expected);
        let capture = desk.view(2).await;
        assert_eq!(
            (capture.state, capture.effect_minor, capture.original),
            (State::Posted, captured, Some(desk.id(1)))
        );
        desk.assert_balanced().await;
    }
}

pub(super) async fn several_captures_take_their_parts_and_the_last_one_lets_go_the_rest(
    store: &Store,
) {
    let desk = Desk::open(store, 64, 10_000).await;
    desk.authorize("gw1", 1, 1_000).await;
    desk.capture_some(2, 1, 300).await;
    assert_eq!(desk.view(1).await.effect_minor, 700);
    desk.capture_some(3, 1, 900).await;
    assert_eq!(desk.view(1).await.effect_minor, 0, "more than was held");
    assert_eq!(desk.state(1).await, State::Held, "open for more");
    assert_eq!(desk.available().await, 8_800);
    desk.reverse(3, 100).await;
    assert_eq!(
        desk.view(1).await.effect_minor,
        600,
        "a capture was taken back in part"
    );
    assert_eq!(desk.available().await, 9_000);
    desk.capture(4, 1, 50).await;
    assert_eq!(desk.view(1).await.effect_minor, 0);
    assert_eq!(desk.state(1).await, State::Captured);
    assert_eq!(desk.available().await, 9_550);
    desk.assert_balanced().await;
}

pub(super) async fn a_capture_before_its_authorization_is_the_same_in_the_end_i13_rule_20(
    store: &Store,
) {
    let desk = Desk::open(store, 65, 10_000).await;
    desk.capture(2, 1, 400).await;
    desk.approve("gw1", 1, 1_000).await;
    assert_eq!(
        (desk.effect(1).await, desk.state(1).await),
        (0, State::Captured)
    );
    let late = desk.authorize("gw1", 1, 1_000).await;
    assert!(late.approved, "rule 4: what was told is told again");
    assert_eq!(desk.available().await, 9_600, "and holds nothing more");
    // Nobody has told an answer: it is over all the same.
    desk.capture(4, 3, 100).await;
    let late = desk.authorize("gw1", 3, 1_000).await;
    assert_eq!(
        (late.approved, late.reason),
        (false, Reason::AuthorizationClosed)
    );
    // One of several: what is left is held.
    desk.capture_some(6, 5, 100).await;
    assert!(desk.authorize("gw1", 5, 1_000).await.approved);
    assert_eq!(desk.effect(5).await, 900);
    assert_eq!(desk.available().await, 9_600 - 100 - 100 - 900);
    desk.assert_balanced().await;
}

pub(super) async fn a_reversal_of_a_capture_or_a_refund_gives_back_once_in_any_order(
    store: &Store,
) {
    let desk = Desk::open(store, 66, 10_000).await;
    desk.authorize("gw1", 1, 1_000).await;
    desk.capture(2, 1, 1_000).await;
    for _ in 0..2 {
        desk.reverse(2, 0).await;
        assert_eq!(desk.available().await, 10_000);
        assert_eq!(
            (desk.effect(2).await, desk.state(2).await),
            (0, State::Reversed)
        );
    }
    assert_eq!(desk.state(1).await, State::Captured, "terminal states stay");
    assert_eq!(desk.effect(1).await, 0);
    // The reversal first.
    desk.reverse(3, 0).await;
    desk.capture(3, 9, 500).await;
    assert_eq!(desk.available().await, 10_000);
    desk.refund(4, Some(1), 300).await;
    assert_eq!(desk.view(1).await.refunded_minor, 300);
    desk.reverse(4, 0).await;
    assert_eq!(desk.view(1).await.refunded_minor, 0);
    assert_eq!(desk.available().await, 10_000);
    let page = store.entries_of(desk.account, 0, 1_000).await;
    let lines = page.expect("readable").expect("it exists").entries;
    let entries: Vec<_> = lines.into_iter().map(|line| line.entry).collect();
    let pending = ledger_api::Layer::Pending;
    let posted = |entry: &&ledger_api::Entry| entry.layer != pending;
    assert!(
        entries
            .iter()
            .filter(posted)
            .all(|entry| entry.amount_minor > 0),
        "what was posted is taken back by a posting in the other direction"
    );
    assert!(entries.iter().any(|entry| entry.booked_at > 0));
    desk.assert_balanced().await;
}

pub(super) async fn completions_and_refunds_are_booked_without_a_hold_or_a_check_rule_18(
    store: &Store,
) {
    let desk = Desk::open(store, 67, 1_000).await;
    let completion = desk.taking(1, None, 5_000, false);
    let told = desk.tell("gw1", AdviceItem::Capture(completion)).await;
    assert_eq!(told.outcome, AdviceOutcome::Applied);
    assert_eq!(desk.available().await, -4_000, "no balance check");
    desk.refund(2, None, 4_500).await;
    assert_eq!(desk.available().await, 500);
    assert_eq!(
        (desk.effect(2).await, desk.state(2).await),
        (4_500, State::Refunded)
    );
    desk.assert_balanced().await;
}

pub(super) async fn an_increment_adds_to_its_original_until_that_is_over(store: &Store) {
    let desk = Desk::open(store, 68, 10_000).await;
    desk.authorize("gw1", 1, 1_000).await;
    for _ in 0..2 {
        assert!(desk.increment(2, 1, 500).await.approved);
        assert_eq!(
            (desk.effect(1).await, desk.effect(2).await),
            (1_500, 0),
            "I2"
        );
    }
    assert_eq!(
        desk.increment(3, 1, 9_000).await.reason,
        Reason::InsufficientFunds
    );
    desk.reverse(2, 200).await;
    assert_eq!(
        desk.effect(1).await,
        1_200,
        "an increment was taken back in part"
    );
    desk.reverse(1, 700).await;
    assert_eq!(desk.effect(1).await, 900, "and so was its original");
    // Of the increment's own id: it lowers the same hold.
    desk.capture_some(4, 2, 150).await;
    assert_eq!(desk.effect(1).await, 750);
    assert_eq!(desk.available().await, 10_000 - 750 - 150);
    desk.reverse(1, 0).await;
    assert_eq!(
        desk.effect(1).await,
        0,
        "a full reversal takes increments along"
    );
    let late = desk.increment(5, 1, 100).await;
    assert_eq!(
        (late.approved, late.reason),
        (false, Reason::AuthorizationClosed)
    );
    // An increment that was told without us is recorded, and holds nothing any more.
    let mut told = desk.advice(6, Some(100));
    told.original = Some(desk.id(1));
    desk.tell("gw1", AdviceItem::Advice(told)).await;
    assert_eq!(desk.available().await, 9_850);
    desk.assert_balanced().await;
}

pub(super) async fn an_increment_before_its_original_waits_for_it_rule_20(store: &Store) {
    let desk = Desk::open(store, 69, 10_000).await;
    let mut told = desk.advice(2, Some(500));
    told.original = Some(desk.id(1));
    desk.tell("gw1", AdviceItem::Advice(told)).await;
    assert_eq!(
        (desk.effect(1).await, desk.state(1).await),
        (500, State::Tombstone)
    );
    assert!(desk.authorize("gw1", 1, 1_000).await.approved);
    assert_eq!(
        (desk.effect(1).await, desk.available().await),
        (1_500, 8_500)
    );
    // An increment to an increment stands alone, and is listed.
    let deep = desk.increment(3, 2, 100).await;
    assert_eq!(
        (deep.approved, deep.reason),
        (false, Reason::TransactionNotPermitted)
    );
    assert!(desk.waits(3).await);
    desk.assert_balanced().await;
}

pub(super) async fn too_little_money_is_approved_in_part_where_the_terminal_takes_less(
    store: &Store,
) {
    let desk = Desk::open(store, 70, 1_000).await;
    let asks = |nth: u64, minor: i64, partial: bool| AuthorizeRequest {
        partial,
        ..desk.request(nth, minor)
    };
    let table = [
        (asks(1, 1_500, false), false, 0, Reason::InsufficientFunds),
        (asks(2, 400, true), true, 400, Reason::Approved),
        (asks(3, 700, true), true, 600, Reason::PartiallyApproved),
        (asks(3, 700, true), true, 600, Reason::PartiallyApproved),
        (asks(4, 700, true), false, 0, Reason::InsufficientFunds),
    ];
    for (request, approved, minor, reason) in table {
        let decision = desk.decide(request).await;
        assert_eq!(
            (decision.approved, decision.approved_minor, decision.reason),
            (approved, amount(minor), reason)
        );
    }
    assert_eq!((desk.effect(3).await, desk.available().await), (600, 0));
}

pub(super) async fn verifications_and_balance_inquiries_hold_nothing(store: &Store) {
    let desk = Desk::open(store, 71, 1_000).await;
    let asks = |nth: u64, minor: i64, kind: AuthorizationKind| AuthorizeRequest {
        kind,
        ..desk.request(nth, minor)
    };
    let verified = desk
        .decide(asks(1, 0, AuthorizationKind::Verification))
        .await;
    assert!(verified.approved && verified.available_minor.is_none());
    let inquiry = asks(2, 0, AuthorizationKind::BalanceInquiry);
    assert_eq!(
        desk.decide(inquiry.clone()).await.available_minor,
        Some(1_000)
    );
    desk.authorize("gw1", 3, 900).await;
    let again = desk.decide(inquiry).await;
    assert_eq!(again.available_minor, Some(1_000), "I3: the same answer");
    assert_eq!(desk.available().await, 100);
    for kind in [
        AuthorizationKind::Verification,
        AuthorizationKind::BalanceInquiry,
    ] {
        let failed = desk.ask("gw1", asks(4, 5, kind)).await;
        assert!(
            matches!(&failed, ledger_api::AuthorizeAnswer::Failed(problem) if problem.name() == "not_of_zero"),
            "{failed:?}"
        );
    }
}

pub(super) async fn a_release_is_for_good_and_refused_where_nothing_is_open(store: &Store) {
    let desk = Desk::open(store, 72, 10_000).await;
    desk.authorize("gw1", 1, 1_000).await;
    assert_eq!(desk.release(1).await, ReleaseOutcome::Released);
    assert_eq!(desk.release(1).await, ReleaseOutcome::Already);
    assert_eq!(
        (desk.available().await, desk.state(1).await),
        (10_000, State::Released)
    );
    desk.approve("gw1", 1, 1_000).await;
    assert_eq!(desk.available().await, 10_000, "recorded without a hold");
    desk.capture(2, 1, 1_000).await;
    assert_eq!(
        desk.available().await,
        9_000,
        "a late capture is posted all the same"
    );
    desk.authorize("gw1", 3, 1_000).await;
    desk.reverse(3, 0).await;
    desk.authorize("gw1", 4, 60_000).await;
    desk.authorize("gw1", 5, 100).await;
    desk.increment(6, 5, 100).await;
    let refusals = [
        (2, "not_an_authorization"),
        (3, "authorization_closed"),
        (4, "authorization_closed"),
        (6, "held_by_original"),
        (99, "not_found"),
    ];
    for (nth, expected) in refusals {
        match desk.release(nth).await {
            ReleaseOutcome::Refused { problem } => assert_eq!(problem.name(), expected, "{nth}"),
            other => unreachable!("it is refused: {nth} {other:?}"),
        }
    }
    desk.assert_balanced().await;
}
