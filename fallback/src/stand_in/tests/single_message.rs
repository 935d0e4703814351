//! Approvals that take the money at once (0200): an answer and its capture, or neither.

use ledger_api::{AccountId, AdviceItem, Cause, Mark, Reason};

use super::rig::{EPOCH, Rig, account, id, minor, request, token};
use crate::disk::{Effect, Torn};
use crate::words::{Answer, LedgerAnswer, NoAnswer, Request, completion_id};

fn purchase(number: u32, amount: i64) -> Request {
    Request {
        captures: true,
        ..request(number, 1, amount)
    }
}

fn by_ledger(request: &Request, position: u64) -> LedgerAnswer {
    LedgerAnswer {
        account: Some(AccountId(1)),
        approved: true,
        approved_amount: request.amount,
        reason: Reason::Approved,
        mark: Mark {
            epoch: EPOCH,
            position,
        },
    }
}

/// What waits to be told of a payment: its answer, its capture, or a reversal of either.
fn told(rig: &Rig, number: u32) -> Vec<&'static str> {
    let (_, items) = rig.pending_advices(1_000);
    let (whole, capture) = (id(number), completion_id(&id(number)));
    let about = |item: &AdviceItem| match item {
        AdviceItem::Advice(advice) if advice.id == whole => Some("answer"),
        AdviceItem::Capture(it) if it.id == capture && it.of == Some(whole) => Some("capture"),
        AdviceItem::Reversal(it) if it.id == whole => Some("reversal"),
        AdviceItem::Reversal(it) if it.id == capture => Some("reversal of the capture"),
        _ => None,
    };
    items.iter().filter_map(about).collect()
}

fn subtracted(rig: &Rig) -> i64 {
    rig.lock().book.held(AccountId(1))
}

#[tokio::test]
async fn whoever_approves_the_money_is_taken_once_i2_i4() {
    let mut rig = Rig::listed(&[], 1_000);
    let first = rig.approve(purchase(1, 100)).await;
    let second = purchase(2, 200);
    let ledgers = rig
        .record(second, by_ledger(&second, 1), rig.now)
        .await
        .unwrap();
    for _ in 0..2 {
        assert_eq!(rig.ask(purchase(1, 100)).await, first, "I3");
        assert_eq!(rig.ask(second).await, ledgers, "I3");
        assert_eq!(told(&rig, 1), ["answer", "capture"]);
        assert_eq!(told(&rig, 2), ["capture"]);
        assert_eq!((subtracted(&rig), rig.charged()), (300, (100, 0)));
        rig.restart();
    }
    assert_eq!(
        rig.decline(purchase(3, 701)).await,
        Reason::InsufficientFunds
    );
    assert_eq!(told(&rig, 3), ["answer"], "a decline takes nothing");
    rig.take_all(1).await;
    rig.feed(1, vec![account(1, 1, 700)]);
    assert_eq!(
        (subtracted(&rig), rig.charged(), rig.backlog()),
        (0, (0, 0), 0)
    );
}

#[tokio::test]
async fn it_is_taken_back_with_its_capture_rule_9() {
    let mut rig = Rig::listed(&[], 1_000);
    rig.approve(purchase(1, 100)).await;
    for (remaining, duplicate) in [(40, false), (40, true), (0, false), (10, true)] {
        let accepted = rig
            .accept_reversal(id(1), token(1), minor(remaining), rig.now)
            .await
            .unwrap();
        assert_eq!(accepted.duplicate, duplicate, "{remaining}");
        let left = if duplicate {
            subtracted(&rig)
        } else {
            remaining
        };
        assert_eq!(subtracted(&rig), left);
        rig.restart();
    }
    let all = [
        "answer",
        "capture",
        "reversal",
        "reversal of the capture",
        "reversal",
        "reversal of the capture",
    ];
    assert_eq!((told(&rig, 1), subtracted(&rig)), (all.to_vec(), 0));
    // One that was answered elsewhere, or has not come yet: whoever takes it back says what it was.
    rig.accept_reversal_of_both(id(2), token(1), minor(0), rig.now)
        .await
        .unwrap();
    assert_eq!(told(&rig, 2), ["reversal", "reversal of the capture"]);
    assert_eq!(rig.decline(purchase(2, 5)).await, Reason::ReversedBefore);
}

/// Asks once, and says whether it was answered.
async fn once(rig: &Rig, number: u32) -> Result<Answer, NoAnswer> {
    let request = purchase(number, 100);
    if number == 1 {
        rig.decide(request, Cause::LedgerTimeout, true, rig.now)
            .await
    } else {
        rig.record(request, by_ledger(&request, 1), rig.now).await
    }
}

#[tokio::test]
async fn an_approval_that_was_told_has_its_capture_wherever_the_machine_stops_i1() {
    for number in [1, 2] {
        for effect in [Effect::None, Effect::Half, Effect::Whole] {
            for k in 1.. {
                let mut rig = Rig::listed(&[], 1_000);
                rig.disk.crash_at(k, effect);
                let answered = once(&rig, number).await;
                let stopped = rig.disk.crashed();
                rig.stop();
                rig.disk = rig.disk.after_power_cut(Torn::Some(k));
                rig.start();
                let found = rig.lock().answers.get(&id(number)).is_some();
                assert!(found || answered.is_err(), "{k}, {effect:?}: lost");
                let records = usize::from(found) * usize::from(number == 1) + usize::from(found);
                assert_eq!(
                    rig.told_next(records).await.len(),
                    records,
                    "{k}, {effect:?}: half of it"
                );
                // Nobody was answered, so that the network asks again.
                assert!(once(&rig, number).await.unwrap().approved);
                assert!(told(&rig, number).ends_with(&["capture"]));
                assert_eq!(rig.backlog(), 3 - usize::try_from(number).unwrap());
                if !stopped {
                    assert!(k > 2, "the run is long enough to mean something: {k}");
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn without_room_for_the_capture_there_is_no_answer_until_there_is_i1() {
    let mut rig = Rig::listed(&[], 1_000_000);
    rig.disk.set_capacity(Some(0));
    let mut number = 0;
    loop {
        number += 1;
        let answer = once(&rig, number + 1).await;
        if let Err(error) = answer {
            assert!(matches!(error, NoAnswer::JournalFull(_)), "{error}");
            break;
        }
        assert_eq!(told(&rig, number + 1), ["capture"], "{number}");
    }
    let last = number + 1;
    assert!(number > 10, "{number}");
    for _ in 0..2 {
        assert_eq!(rig.answer(&id(last)), None, "it may not be given");
        assert!(once(&rig, last).await.is_err());
    }
    rig.disk.set_capacity(None);
    rig.restart();
    assert!(once(&rig, last).await.unwrap().approved);
    assert_eq!(told(&rig, last), ["capture"]);
    assert_eq!(rig.backlog(), usize::try_from(number).unwrap());
}

#[tokio::test]
async fn an_approval_without_its_capture_is_given_to_nobody_i1() {
    let rig = Rig::listed(&[], 1_000_000);
    rig.disk.set_capacity(Some(0));
    let mut number = 0;
    loop {
        number += 1;
        if once(&rig, number + 1).await.is_err() {
            break;
        }
    }
    let last = number + 1;
    assert_eq!(rig.answer(&id(last)), None, "it may not be given");
    let look = rig.look(&purchase(last, 100), rig.now);
    assert_eq!(look.answer.map(|a| a.approved), None, "nor by look");
}

#[tokio::test]
async fn a_capture_that_names_a_purchase_is_the_one_that_it_has_i2() {
    let rig = Rig::listed(&[], 1_000);
    rig.approve(purchase(1, 100)).await;
    let completion = crate::words::Completion {
        id: id(50),
        of: Some(id(1)),
        movement: crate::words::Movement::Capture,
        card: token(1),
        amount: minor(100),
        currency: "EUR".parse().unwrap(),
        more: false,
        fingerprint: ledger_api::Fingerprint(9),
    };
    let accepted = rig.accept_completion(completion, rig.now).await.unwrap();
    assert!(accepted.duplicate);
    assert_eq!(subtracted(&rig), 100);
    let other = crate::words::Completion {
        amount: minor(90),
        ..completion
    };
    let refused = rig.accept_completion(other, rig.now).await;
    assert_eq!(refused, Err(crate::words::NotTaken::Conflict));
}
