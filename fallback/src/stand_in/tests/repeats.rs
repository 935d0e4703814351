//! The same answer, whatever is repeated; reversals.

use ledger_api::{AdviceItem, Reason};

use super::rig::{Rig, id, minor, request, token};
use crate::words::DecidedBy;

#[tokio::test]
async fn an_id_has_one_answer_whoever_asks_again_i3() {
    let mut rig = Rig::listed(&[], 10_000);
    let first = rig.approve(request(1, 1, 6_000)).await;
    assert_eq!(rig.ask(request(1, 1, 6_000)).await, first);
    assert_eq!(rig.ledger_approves(request(1, 1, 6_000), 1).await, first);
    assert_eq!(rig.charged(), (6_000, 0), "I2");
    assert_eq!(rig.answer(&id(1)), Some(first));
    assert_eq!(rig.id_for_alias(first.request.alias), Some(id(1)));
    assert_eq!(rig.find(1, b"000000000001"), [first]);
    assert!(rig.find(1, b"000000000002").is_empty());
    rig.restart();
    assert_eq!(rig.ask(request(1, 1, 6_000)).await, first);
    assert_eq!(rig.id_for_alias(first.request.alias), Some(id(1)));
    assert!(
        first
            .approval_code
            .iter()
            .all(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
    );
}

#[tokio::test]
async fn an_id_is_new_until_it_is_decided_or_reversed_durable_or_not_i3() {
    let rig = Rig::listed(&[], 10_000);
    assert!(rig.is_new(&id(1)) && rig.is_new(&id(2)));
    rig.disk.hold_syncs();
    let request = request(1, 1, 6_000);
    let cause = ledger_api::Cause::BreakerTripped;
    let given = rig.decide_now(request, cause, false, rig.now).unwrap();
    let (answer, record) = given.apart();
    let record = record.unwrap();
    assert_eq!((answer.approved, answer.seq), (true, record.seq()));
    assert!(!rig.is_new(&id(1)));
    assert_eq!(rig.answer(&id(1)), None, "not durable, not given");
    rig.disk.release_syncs();
    record.durable().await.unwrap();
    assert_eq!(rig.answer(&id(1)), Some(answer));
    rig.accept_reversal(id(2), token(1), minor(0), rig.now)
        .await
        .unwrap();
    assert!(!rig.is_new(&id(2)));
}

#[tokio::test]
async fn a_repeat_without_a_record_is_for_the_home_to_decide_rule_2() {
    let rig = Rig::listed(&[], 10_000);
    let repeat = |number, card| crate::Request {
        repeat: true,
        ..request(number, card, 100)
    };
    rig.approve(repeat(1, rig.card_at_home(true))).await;
    let away = rig.card_at_home(false);
    assert_eq!(rig.decline(repeat(2, away)).await, Reason::RepeatNotAtHome);
    let known = rig.approve(request(3, away, 100)).await;
    assert_eq!(
        rig.ask(repeat(3, away)).await,
        known,
        "one with a record gets its answer"
    );
}

#[tokio::test]
async fn a_reversal_gives_back_once_and_only_what_is_in_the_journal_rule_9() {
    let mut rig = Rig::listed(&[], 10_000);
    rig.approve(request(1, 1, 6_000)).await;
    rig.approve(request(2, 1, 4_000)).await;
    let first = rig
        .accept_reversal(id(1), token(1), minor(0), rig.now)
        .await
        .unwrap();
    for _ in 0..2 {
        let again = rig
            .accept_reversal(id(1), token(1), minor(0), rig.now)
            .await
            .unwrap();
        assert_eq!((again.seq, again.duplicate), (first.seq, true));
        rig.accept_reversal(id(77), token(1), minor(0), rig.now)
            .await
            .unwrap();
        assert_eq!(rig.charged(), (4_000, 0));
    }
    assert_eq!(rig.answer(&id(1)).unwrap().reversed_to, Some(minor(0)));
    rig.restart();
    assert_eq!(rig.charged(), (4_000, 0));
    assert_eq!(rig.answer(&id(1)).unwrap().reversed_to, Some(minor(0)));
    rig.approve(request(3, 1, 6_000)).await;
    assert_eq!(
        rig.decline(request(4, 1, 1)).await,
        Reason::InsufficientFunds
    );
}

#[tokio::test]
async fn a_reversal_before_its_original_makes_it_a_decline() {
    let mut rig = Rig::listed(&[], 10_000);
    rig.accept_reversal(id(1), token(1), minor(0), rig.now)
        .await
        .unwrap();
    rig.restart();
    assert_eq!(
        rig.decline(request(1, 1, 100)).await,
        Reason::ReversedBefore
    );
    let told = rig.ledger_approves(request(2, 1, 9_000), 5).await;
    assert_eq!(told.by, DecidedBy::Ledger);
}

#[tokio::test]
async fn every_decision_is_told_in_order_until_it_is_taken() {
    let mut rig = Rig::listed(&[], 10_000);
    rig.approve(request(1, 1, 6_000)).await;
    rig.decline(request(2, 1, 6_000)).await;
    rig.ledger_approves(request(3, 2, 100), 1).await;
    rig.accept_reversal(id(1), token(1), minor(50), rig.now)
        .await
        .unwrap();
    let told = |rig: &Rig| {
        let (head, items) = rig.pending_advices(100);
        assert!(items.iter().all(|item| item.seq() <= head.seq));
        items
    };
    let first = told(&rig);
    let kinds: Vec<_> = first
        .iter()
        .map(|item| match item {
            AdviceItem::Advice(advice) => (advice.id, advice.approved),
            other => (other.id(), false),
        })
        .collect();
    assert_eq!(kinds, [(id(1), true), (id(2), false), (id(1), false)]);
    assert_eq!(told(&rig), first, "the same ones again");
    rig.restart();
    assert_eq!(told(&rig), first, "and after a restart");
    let journaled = |rig: &Rig| -> Vec<_> {
        let answers = rig.answers_after(0, 100);
        answers
            .iter()
            .map(|a| (a.answer.request.id, a.acknowledged))
            .collect()
    };
    assert_eq!(
        journaled(&rig),
        [(id(1), false), (id(2), false), (id(3), true)]
    );
    rig.take_all(7).await;
    rig.restart();
    assert_eq!((rig.backlog(), told(&rig).len()), (0, 0));
    assert_eq!(
        journaled(&rig),
        [(id(1), true), (id(2), true), (id(3), true)]
    );
    let status = rig.state();
    assert_eq!(
        (status.advices_written, status.advices_acknowledged),
        (3, 3)
    );
}
