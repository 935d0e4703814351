//! Payments that are decided at once, on a real listener: the breaker is tripped, and the disk is held
//! back or fails.

mod rig;

use std::time::Duration;

use iso8583::profile::ASCII_HEX;
use iso8583::{Mti, decode};
use tokio::time::Instant;

use crate::drain::Times;
use crate::iso::translate;
use rig::{Differences, Rig, message, payment, reversal, until};

const NO_ANSWER: &str = "holdfast_authorization_duration_seconds_count{door=\"iso8583\",decided_by=\"none\",outcome=\"no_answer\"}";
const APPROVED: &str = "holdfast_authorization_duration_seconds_count{door=\"iso8583\",decided_by=\"stand_in\",outcome=\"approved\"}";

async fn rig() -> Rig {
    Rig::start(Differences::default()).await
}

#[tokio::test]
async fn no_byte_of_an_approval_goes_out_before_it_is_durable_i1() {
    let rig = rig().await;
    let mut peer = rig.peer().await;
    rig.disk.hold_syncs();
    peer.send(&[payment(1), payment(2), payment(3)]).await;
    rig.held_back(3).await;
    peer.hears_nothing_else().await;
    assert_eq!(rig.recorded(), 1, "nothing that may be given again");
    assert_eq!(rig.link.known.open(9).0[0].in_flight(), 3);
    rig.disk.release_syncs();
    for seen in peer.all(3).await {
        assert_eq!((seen.mti, seen.code.as_str()), (Mti::M0110, "00"));
        assert!(seen.approval.is_some());
    }
    rig.is_quiet().await;
    assert_eq!(rig.recorded(), 4);
}

#[tokio::test]
async fn the_same_payment_twice_on_one_connection_and_on_another_is_decided_once_i2_i3() {
    let rig = rig().await;
    let (mut one, mut other) = (rig.peer().await, rig.peer().await);
    rig.disk.hold_syncs();
    one.send(&[payment(1), payment(1)]).await;
    other.send(&[payment(1)]).await;
    let in_flight = || rig.link.door.in_flight() == 3;
    until(in_flight).await;
    rig.disk.release_syncs();
    let mut answers = one.all(2).await;
    answers.extend(other.all(1).await);
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    one.send(&[message(Mti::M0101, 1, &[])]).await;
    assert_eq!(one.next().await.as_ref(), answers.first());
    one.send(&[message(Mti::M0100, 1, &[(4, "000000000200")])])
        .await;
    assert_eq!(one.next().await.unwrap().code, "94");
    rig.is_quiet().await;
    assert_eq!(rig.recorded(), 2, "with the one that tripped the breaker");
    assert_eq!(rig.metric("holdfast_duplicates_suppressed_total"), 3.0);
}

#[tokio::test]
async fn a_reversal_right_behind_its_original_waits_for_it_rule_9_i2() {
    let rig = rig().await;
    let mut peer = rig.peer().await;
    let exposure = "holdfast_exposure_minor";
    let before = rig.metric(exposure);
    rig.disk.hold_syncs();
    // Named by its key, and by what both have in common.
    let unnamed = message(Mti::M0400, 2, &[]);
    peer.send(&[payment(1), reversal(1), payment(2), unnamed])
        .await;
    until(|| rig.disk.held_syncs() > 0).await;
    peer.hears_nothing_else().await;
    rig.disk.release_syncs();
    let answers = peer.all(4).await;
    let said: Vec<_> = answers
        .iter()
        .map(|seen| (seen.mti, seen.code.as_str()))
        .collect();
    let (paid, back) = ((Mti::M0110, "00"), (Mti::M0410, "00"));
    assert_eq!(said, [paid, paid, back, back]);
    rig.is_quiet().await;
    assert_eq!(rig.metric(exposure), before, "all of it is taken back");
    // What is reversed before it comes is declined, and not decided at once.
    peer.send(&[reversal(3)]).await;
    assert_eq!(peer.next().await.unwrap().code, "00");
    peer.send(&[payment(3)]).await;
    assert_ne!(peer.next().await.unwrap().code, "00");
}

#[tokio::test]
async fn a_reversal_that_does_not_say_of_what_type_takes_back_what_was_in_flight_and_nothing_else_rule_9()
 {
    let rig = rig().await;
    let mut peer = rig.peer().await;
    let stand_in = &rig.link.gateway.parts().stand_in;
    let before = stand_in.backlog();
    rig.disk.hold_syncs();
    let untyped = format!("0000{:06}11220834000001234567800000000000", 1);
    let back = message(Mti::M0400, 1, &[(90, untyped.as_str())]);
    peer.send(&[payment(1), back]).await;
    until(|| rig.disk.held_syncs() > 0 && rig.link.known.open(9).0[0].in_flight() == 2).await;
    rig.disk.release_syncs();
    assert_eq!(peer.all(2).await.len(), 2);
    rig.is_quiet().await;
    let told = stand_in.backlog() - before;
    assert_eq!(
        told, 2,
        "the payment and its reversal: there is no capture to take back"
    );
}

#[tokio::test]
async fn a_failed_sync_leaves_no_answer_and_the_connection_goes_on_rule_10() {
    let rig = rig().await;
    let mut peer = rig.peer().await;
    rig.disk.fail_sync(1, fallback::disk::EIO);
    peer.send(&[payment(1), payment(2)]).await;
    until(|| rig.metric(NO_ANSWER) == 2.0).await;
    rig.is_quiet().await;
    peer.hears_nothing_else().await;
    assert_eq!(
        rig.metric(APPROVED),
        1.0,
        "the one that tripped the breaker"
    );
    // A repeat may not be told either; what is new is declined, without a record, at once.
    peer.send(&[payment(1), payment(3)]).await;
    let seen = peer.next().await.unwrap();
    assert_eq!((seen.stan.as_str(), seen.code.as_str()), ("000003", "91"));
    rig.is_quiet().await;
    peer.hears_nothing_else().await;
}

#[tokio::test]
async fn what_is_not_durable_within_the_budget_is_not_said_and_a_repeat_gets_it_i3_i8() {
    let different = Differences {
        budget: Duration::from_millis(300),
        ..Differences::default()
    };
    let rig = Rig::start(different).await;
    let mut peer = rig.peer().await;
    rig.disk.hold_syncs();
    peer.send(&[payment(1)]).await;
    until(|| rig.metric(NO_ANSWER) == 1.0).await;
    let in_flight = || rig.link.known.open(9).0[0].in_flight();
    until(|| in_flight() == 0 && rig.link.door.in_flight() == 0).await;
    assert_eq!(rig.link.gateway.parts().lanes.in_use(), 1, "it goes on");
    rig.disk.release_syncs();
    rig.is_quiet().await;
    peer.hears_nothing_else().await;
    peer.send(&[message(Mti::M0101, 1, &[])]).await;
    assert_eq!(peer.next().await.unwrap().code, "00");
    assert_eq!(rig.metric("holdfast_duplicates_suppressed_total"), 1.0);
}

#[tokio::test]
async fn a_peer_that_goes_loses_no_decision_and_one_that_only_listens_no_answer_i1_i8() {
    let rig = rig().await;
    let (mut gone, mut listens) = (rig.peer().await, rig.peer().await);
    rig.disk.hold_syncs();
    gone.send(&[payment(1)]).await;
    listens.send(&[payment(2), payment(3)]).await;
    rig.held_back(3).await;
    drop(gone);
    listens.half_close().await;
    rig.disk.release_syncs();
    assert_eq!(listens.all(2).await.len(), 2);
    assert_eq!(listens.next().await, None);
    rig.is_quiet().await;
    assert_eq!(rig.recorded(), 4);
    assert_eq!(
        rig.metric(APPROVED),
        4.0,
        "decided for whoever has gone too"
    );
}

/// The disk hangs, and a connection breaks: what it had asked for is nobody's any more.
#[tokio::test]
async fn what_is_left_of_a_connection_keeps_no_place_at_the_door_beyond_its_budget_i8_i12() {
    let different = Differences {
        budget: Duration::from_millis(300),
        ..Differences::default()
    };
    let rig = Rig::start(different).await;
    rig.disk.hold_syncs();
    let mut left = Vec::new();
    for stan in [1, 2, 3] {
        let bytes = payment(stan);
        let message = decode(&ASCII_HEX, &bytes).unwrap();
        let Ok(what) = translate::understood(&message, &rig.link) else {
            panic!("a payment");
        };
        let settled = what.at_once(Instant::now(), &rig.link).unwrap().unwrap();
        left.push(settled.decided);
    }
    assert_eq!(rig.link.door.in_flight(), 3);
    rig.link.gateway.see_to(left);
    until(|| rig.link.door.in_flight() == 0).await;
    assert_eq!(rig.metric(NO_ANSWER), 3.0);
    assert_eq!(rig.link.gateway.parts().lanes.in_use(), 3, "they go on");
    rig.disk.release_syncs();
    rig.is_quiet().await;
    assert_eq!(rig.recorded(), 4);
    assert_eq!(
        rig.metric(APPROVED),
        1.0,
        "the one that tripped the breaker"
    );
}

#[tokio::test]
async fn what_is_given_up_before_it_is_on_its_way_to_the_disk_is_sent_there_i1() {
    let rig = rig().await;
    let bytes = payment(1);
    let message = decode(&ASCII_HEX, &bytes).unwrap();
    let Ok(what) = translate::understood(&message, &rig.link) else {
        panic!("a payment");
    };
    let settled = what.at_once(Instant::now(), &rig.link).unwrap().unwrap();
    assert_eq!(rig.link.gateway.parts().lanes.in_use(), 1);
    rig.link.gateway.see_to(vec![settled.decided]);
    rig.is_quiet().await;
    assert_eq!(rig.recorded(), 2);
    assert!(
        what.at_once(Instant::now(), &rig.link).is_none(),
        "a repeat goes the long way"
    );
}

#[tokio::test]
async fn a_drain_waits_for_what_is_not_durable_yet_i8() {
    let rig = rig().await;
    let mut peer = rig.peer().await;
    rig.disk.hold_syncs();
    peer.send(&[payment(1), payment(2)]).await;
    rig.held_back(2).await;
    let minute = Duration::from_secs(60);
    let times = Times {
        notice: Duration::ZERO,
        patience: minute,
        work: minute,
    };
    let (draining, sessions) = (rig.draining.clone(), rig.sessions.clone());
    let closed = tokio::spawn(async move {
        draining.announce(times.notice).await;
        draining.close(&sessions, times).await;
    });
    // The gateway signs off; that is no answer.
    let sign_off = peer.next_of_theirs().await;
    assert_eq!(sign_off, Some(Mti::M0800));
    rig.disk.release_syncs();
    assert_eq!(peer.all(2).await.len(), 2);
    assert_eq!(peer.next().await, None);
    drop(peer);
    closed.await.unwrap();
}

#[tokio::test]
async fn whichever_way_it_goes_the_same_is_counted_i16() {
    let mut counted = Vec::new();
    for the_long_way in [true, false] {
        let rig = Rig::start(Differences {
            the_long_way,
            ..Differences::default()
        })
        .await;
        let mut peer = rig.peer().await;
        // More than may be taken from the card at once is declined.
        let too_much = message(Mti::M0100, 5, &[(4, "000099999999")]);
        let purchase = message(Mti::M0200, 6, &[]);
        peer.send(&[payment(1), payment(2), too_much, purchase])
            .await;
        let answers = peer.all(4).await;
        peer.send(&[message(Mti::M0101, 1, &[])]).await;
        peer.next().await.unwrap();
        rig.is_quiet().await;
        counted.push((answers, rig.counted()));
    }
    assert!(counted[0].1.len() > 30, "{:?}", counted[0].1);
    assert_eq!(counted[0], counted[1]);
}
