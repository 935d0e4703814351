//! Facts about what was told and taken back.

use ledger_api::{AdviceItem, AdviceOutcome, AdviceSource, CardToken, Reason};

use super::desk::{Desk, amount};
use crate::store::Store;

/// (ledger's decision, told) → effect; amounts in cents, 0 for a decline.
pub(super) async fn the_answer_that_was_told_wins_in_all_six_rows_i4_rule_6(store: &Store) {
    let desk = Desk::open(store, 30, 100_000).await;
    let rows = [
        (Some(400), Some(400), 400),
        (Some(400), None, 0),
        (Some(60_000), Some(60_000), 60_000), // over the card's limit: declined, told approved
        (Some(60_000), None, 0),
        (None, Some(400), 400),
        (None, None, 0),
        (Some(400), Some(300), 300), // rule 6: the told amount
    ];
    let mut held = 0;
    for (nth, (asked, told, effect)) in (1..).zip(rows) {
        if let Some(minor) = asked {
            desk.authorize("gw1", nth, minor).await;
        }
        for outcome in [AdviceOutcome::Applied, AdviceOutcome::Duplicate] {
            let item = AdviceItem::Advice(desk.advice(nth, told));
            assert_eq!(desk.tell("gw1", item).await.outcome, outcome, "row {nth}");
            assert_eq!(desk.effect(nth).await, effect, "row {nth}");
            assert!(!desk.view(nth).await.contested, "row {nth}");
        }
        held += effect;
    }
    assert_eq!(desk.available().await, 100_000 - held);
    desk.approve("gw1", 50, 90_000).await;
    assert_eq!(
        desk.available().await,
        10_000 - held,
        "advices may go below zero"
    );
    desk.assert_balanced().await;
}

pub(super) async fn a_late_live_request_gets_the_told_verdict_and_holds_nothing_more_rule_4(
    store: &Store,
) {
    let desk = Desk::open(store, 31, 1_000).await;
    desk.approve("gw1", 1, 5_000).await;
    let late = desk.authorize("gw1", 1, 5_000).await;
    assert_eq!((late.approved, late.approved_minor), (true, amount(5_000)));
    desk.decline("gw1", 2).await;
    let late = desk.authorize("gw2", 2, 100).await;
    assert_eq!((late.approved, late.reason), (false, Reason::OverCardLimit));
    assert_eq!(desk.available().await, -4_000);
    assert_eq!(desk.view(2).await.decided, None);
}

pub(super) async fn the_network_outranks_us_rule_5(store: &Store) {
    let desk = Desk::open(store, 32, 10_000).await;
    desk.approve("gw1", 1, 3_000).await;
    for told in [Some(4_000), None] {
        let mut advice = desk.advice(1, told);
        advice.source = AdviceSource::Network;
        desk.tell("gw1", AdviceItem::Advice(advice)).await;
        assert_eq!(desk.effect(1).await, 4_000, "the network's approval stands");
    }
    assert!(
        desk.view(1).await.contested,
        "the network contradicted itself"
    );
    desk.approve("gw1", 2, 500).await;
    let mut advice = desk.advice(2, None);
    advice.source = AdviceSource::Network;
    desk.tell("gw2", AdviceItem::Advice(advice)).await;
    assert_eq!(desk.effect(2).await, 0);
    assert_eq!(desk.available().await, 6_000);
}

pub(super) async fn an_approval_beats_another_gateways_decline_rule_3(store: &Store) {
    let desk = Desk::open(store, 33, 10_000).await;
    desk.approve("gw1", 1, 100).await;
    desk.decline("gw2", 1).await;
    desk.decline("gw2", 2).await;
    desk.approve("gw1", 2, 100).await;
    // The ledger's approval was given to another gateway than the one that declined.
    desk.authorize("gw1", 3, 100).await;
    desk.decline("gw2", 3).await;
    for nth in 1..=3 {
        let view = desk.view(nth).await;
        assert_eq!(
            (view.effect_minor, view.contested),
            (100, true),
            "case {nth}"
        );
    }
    // Whoever was given it has declined after all: nobody told the approval.
    desk.decline("gw1", 3).await;
    let view = desk.view(3).await;
    assert_eq!((view.effect_minor, view.contested), (0, false));
    let waiting = store
        .suspense(None, 1_000)
        .await
        .expect("readable")
        .authorizations;
    assert!(
        waiting.iter().any(|view| view.id == desk.id(1)),
        "contested cases are listed"
    );
}

pub(super) async fn a_reversal_before_its_original_leaves_a_tombstone(store: &Store) {
    let desk = Desk::open(store, 34, 10_000).await;
    assert_eq!(desk.reverse(1, 0).await.outcome, AdviceOutcome::Applied);
    let late = desk.authorize("gw1", 1, 100).await;
    assert_eq!(
        (late.approved, late.reason),
        (false, Reason::ReversedBefore)
    );
    assert_eq!(
        desk.authorize("gw2", 1, 100).await.reason,
        Reason::ReversedBefore
    );
    desk.reverse(2, 0).await;
    assert_eq!(
        desk.approve("gw1", 2, 100).await.outcome,
        AdviceOutcome::Applied
    );
    assert_eq!(desk.effect(2).await, 0);
    assert_eq!(desk.available().await, 10_000);
}

pub(super) async fn a_reversal_gives_back_once_and_a_partial_one_what_it_says(store: &Store) {
    let desk = Desk::open(store, 35, 10_000).await;
    desk.authorize("gw1", 1, 4_000).await;
    assert_eq!(desk.reverse(1, 1_500).await.outcome, AdviceOutcome::Applied);
    assert_eq!(desk.available().await, 8_500);
    assert_eq!(
        desk.reverse(1, 1_500).await.outcome,
        AdviceOutcome::Duplicate
    );
    assert_eq!(
        desk.reverse(1, 3_000).await.outcome,
        AdviceOutcome::Duplicate,
        "never more again"
    );
    assert_eq!(desk.available().await, 8_500);
    desk.reverse(1, 0).await;
    desk.reverse(1, 0).await;
    assert_eq!(desk.available().await, 10_000);
    let repeat = desk.authorize("gw1", 1, 4_000).await;
    assert!(repeat.approved, "I3: the answer stays what it was");
    assert_eq!(desk.available().await, 10_000, "I2: and holds nothing more");
    desk.assert_balanced().await;
}

pub(super) async fn what_cannot_be_booked_is_parked_in_plain_sight_i13(store: &Store) {
    let desk = Desk::open(store, 36, 10_000).await;
    let mut unknown = desk.advice(1, Some(100));
    unknown.card = CardToken {
        key_id: 9,
        mac: [9; 16],
    };
    let mut foreign = desk.advice(2, Some(100));
    foreign.currency = "USD".parse().expect("a currency");
    let cases = [
        (unknown, Reason::UnknownCard),
        (foreign, Reason::CurrencyMismatch),
    ];
    for (advice, reason) in cases {
        let item = AdviceItem::Advice(advice.clone());
        let parked = desk.tell("gw1", item.clone()).await;
        assert_eq!(parked.outcome, AdviceOutcome::Parked { reason });
        assert_eq!(
            desk.tell("gw1", item).await.outcome,
            AdviceOutcome::Parked { reason },
            "a repeat is parked again"
        );
        let waiting = store
            .suspense(None, 1_000)
            .await
            .expect("readable")
            .authorizations;
        let listed = waiting
            .iter()
            .find(|view| view.id == advice.id)
            .expect("it is listed");
        assert_eq!((listed.parked, listed.effect_minor), (Some(reason), 0));
        assert_eq!(
            listed.told.map(|told| told.approved_minor),
            Some(amount(100))
        );
    }
    let mut harmless = desk.advice(3, None);
    harmless.card = CardToken {
        key_id: 9,
        mac: [8; 16],
    };
    let told = desk.tell("gw1", AdviceItem::Advice(harmless)).await;
    assert_eq!(
        told.outcome,
        AdviceOutcome::Applied,
        "a decline needs no account"
    );
    assert_eq!(desk.available().await, 10_000);
    desk.assert_balanced().await;
}
