//! What is declined because somebody said so.

use ledger_api::{AdviceItem, Cause, Reason};

use super::rig::{Rig, id, request};
use crate::words::{Answer, DecidedBy, NoAnswer, Request};

const ORDERED: (Reason, Cause) = (Reason::DeclinedByOperator, Cause::Operator);

async fn decline(rig: &Rig, request: Request, asked: bool) -> Answer {
    let (reason, cause) = ORDERED;
    let given = rig.decline_now(request, reason, cause, asked, rig.now);
    given.unwrap().kept().await.unwrap()
}

#[tokio::test]
async fn what_is_ordered_to_be_declined_reserves_nothing_and_is_told_i3_i4() {
    let mut rig = Rig::listed(&[], 10_000);
    let declined = decline(&rig, request(1, 1, 6_000), false).await;
    assert_eq!((declined.reason, declined.cause), ORDERED);
    assert_eq!(
        (declined.approved, declined.by),
        (false, DecidedBy::StandIn)
    );
    assert_eq!(rig.charged(), (0, 0));
    assert_eq!(rig.ask(request(1, 1, 6_000)).await, declined, "I3");
    rig.restart();
    assert_eq!(rig.ask(request(1, 1, 6_000)).await, declined);
    let told = rig.take_all(1).await;
    let [AdviceItem::Advice(advice)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(
        (advice.approved, advice.reason, advice.cause),
        (false, Reason::DeclinedByOperator, Cause::Operator)
    );
}

#[tokio::test]
async fn an_order_changes_no_answer_that_was_given_i3() {
    let rig = Rig::listed(&[], 10_000);
    let approved = rig.approve(request(1, 1, 6_000)).await;
    assert_eq!(decline(&rig, request(1, 1, 6_000), false).await, approved);
    assert_eq!(rig.charged(), (6_000, 0));
}

#[tokio::test]
async fn a_decline_that_the_ledger_cannot_be_told_is_no_answer_where_it_was_asked_i4() {
    let rig = Rig::listed(&[], 1_000_000);
    rig.disk.set_capacity(Some(0));
    let mut number = 100;
    while decline(&rig, request(number, 1, 1), false).await.seq > 0 {
        number += 1;
    }
    let (reason, cause) = (Reason::StandInSwitchedOff, Cause::LedgerTimeout);
    let asked = rig.decline_now(request(1, 1, 100), reason, cause, true, rig.now);
    assert!(matches!(asked, Err(NoAnswer::JournalFull(_))), "{asked:?}");
    assert_eq!(rig.answer(&id(1)), None);
    let ordered = decline(&rig, request(2, 1, 100), false).await;
    assert!(!ordered.approved, "it risks nothing without a record");
}
