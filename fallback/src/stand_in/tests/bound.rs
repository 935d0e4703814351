//! What can be lost.

use std::sync::Arc;

use ledger_api::{AdviceOutcome, Cause, Mark, Reason};

use super::rig::{EPOCH, Rig, account, id, limits, minor, request, token};
use crate::disk::Torn;
use crate::words::LedgerAnswer;

fn small() -> String {
    limits(1_000, 1_000, 1_000, 1_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_deciders_at_once_never_pass_the_cap_i5() {
    let rig = Arc::new(Rig::listed_under(&small(), 1_000_000));
    let deciders = (0..64_u32).map(|decider| {
        let rig = Arc::clone(&rig);
        tokio::spawn(async move {
            let mut approved = 0;
            for turn in 0..8 {
                let card = u8::try_from(decider % 9 + 1).unwrap();
                let answer = rig.ask(request(decider * 100 + turn, card, 30)).await;
                approved += answer.approved_amount.minor();
                let status = rig.state();
                assert!(status.exposure_minor + status.realised_minor <= 1_000);
            }
            approved
        })
    });
    let mut approved = 0;
    for decider in deciders.collect::<Vec<_>>() {
        approved += decider.await.unwrap();
    }
    assert_eq!(
        approved, 990,
        "33 of 512: the cap was reached and not passed"
    );
    assert_eq!(rig.charged(), (990, 0));
    assert_eq!(rig.state().exposure_peak_minor, 990);
}

#[tokio::test]
async fn what_the_ledger_approved_is_subtracted_until_the_feed_shows_it_rule_12() {
    let rig = Rig::listed(&[], 10_000);
    rig.ledger_approves(request(1, 1, 9_000), 5).await;
    assert_eq!(
        rig.decline(request(2, 1, 2_000)).await,
        Reason::InsufficientFunds
    );
    let older = (1..=4)
        .map(|position| account(position, 1, 10_000))
        .collect();
    rig.feed(5, older);
    assert_eq!(
        rig.decline(request(3, 1, 2_000)).await,
        Reason::InsufficientFunds
    );
    rig.feed(5, vec![account(5, 1, 1_000)]);
    assert_eq!(
        rig.decline(request(4, 1, 2_000)).await,
        Reason::InsufficientFunds
    );
    rig.approve(request(5, 1, 1_000)).await;
    assert_eq!(
        rig.charged(),
        (1_000, 0),
        "the ledger's approvals are not exposure"
    );
}

#[tokio::test]
async fn an_unknown_outcome_is_subtracted_until_the_feed_shows_the_advice_rule_12() {
    let rig = Rig::listed_under(&limits(5_000, 200_000, 15_000, 10_000_000), 10_000);
    let declined = rig
        .decide(request(1, 1, 9_000), Cause::LedgerTimeout, true, rig.now)
        .await;
    assert_eq!(declined.unwrap().reason, Reason::OverEntryModeLimit);
    assert_eq!(rig.charged(), (0, 0));
    assert_eq!(
        rig.decline(request(2, 1, 2_000)).await,
        Reason::InsufficientFunds
    );
    rig.take_all(1).await;
    rig.feed(1, vec![account(1, 1, 10_000)]);
    rig.approve(request(3, 1, 2_000)).await;
}

#[tokio::test]
async fn what_the_ledger_cannot_have_approved_is_not_subtracted_now_nor_after_a_restart() {
    let mut rig = Rig::listed(&[], 100_000);
    let asked = async |rig: &Rig, request| {
        let answer = rig.decide(request, Cause::LedgerTimeout, true, rig.now);
        answer.await.unwrap().reason
    };
    let over_card = asked(&rig, request(1, 1, 40_000_000)).await;
    assert_eq!(over_card, Reason::OverTransactionLimit);
    rig.feed(1, vec![account(1, 2, 10_000)]);
    let over_balance = asked(&rig, request(2, 2, 12_000)).await;
    assert_eq!(over_balance, Reason::InsufficientFunds);
    // The balance would do, own spend aside: the ledger may not know of it.
    rig.feed(2, vec![account(2, 3, 10_000)]);
    rig.approve(request(3, 3, 5_000)).await;
    rig.approve(request(4, 3, 4_000)).await;
    let own_spend = asked(&rig, request(5, 3, 2_000)).await;
    assert_eq!(own_spend, Reason::InsufficientFunds);
    let mut number = 10;
    for _ in 0..2 {
        for card in [1, 2] {
            number += 1;
            rig.approve(request(number, card, 100)).await;
        }
        number += 1;
        assert_eq!(
            rig.decline(request(number, 3, 1)).await,
            Reason::InsufficientFunds
        );
        rig.feed(3, vec![account(3, 1, 50_000_000)]);
        rig.restart();
    }
}

#[tokio::test]
async fn what_is_known_from_too_long_ago_excludes_nothing() {
    let mut rig = Rig::listed(&[], 100_000);
    rig.now.boot_ms += 5 * 3_600_000;
    let answer = rig.decide(
        request(1, 1, 40_000_000),
        Cause::LedgerTimeout,
        true,
        rig.now,
    );
    assert!(!answer.await.unwrap().approved);
    rig.heard(rig.now);
    assert_eq!(
        rig.decline(request(2, 1, 100)).await,
        Reason::InsufficientFunds
    );
}

#[tokio::test]
async fn a_late_older_change_does_not_erase_spend() {
    let rig = Rig::listed(&[], 10_000);
    rig.approve(request(1, 1, 9_000)).await;
    rig.take_all(3).await;
    rig.feed(3, vec![account(1, 1, 10_000), account(2, 1, 10_000)]);
    assert_eq!(rig.charged(), (9_000, 0));
    assert_eq!(
        rig.decline(request(2, 1, 2_000)).await,
        Reason::InsufficientFunds
    );
    rig.feed(3, vec![account(3, 1, 1_000)]);
    assert_eq!(rig.charged(), (0, 0));
    rig.feed(3, vec![account(2, 1, 10_000)]);
    assert_eq!(
        rig.decline(request(3, 1, 2_000)).await,
        Reason::InsufficientFunds
    );
}

#[tokio::test]
async fn a_flapping_ledger_does_not_multiply_the_bound_rule_14() {
    let mut rig = Rig::listed_under(&small(), 1_000);
    let mut approved = 0;
    for outage in 0..9_u32 {
        // The money is gone in the ledger, and this gateway does not know it yet.
        let card = u8::try_from(outage + 1).unwrap();
        let answer = rig.ask(request(outage, card, 400)).await;
        approved += answer.approved_amount.minor();
        let position = u64::from(outage) + 1;
        rig.take_all(position).await;
        let overdraft = -answer.approved_amount.minor();
        rig.feed(position, vec![account(position, card, overdraft)]);
        if outage % 3 == 1 {
            rig.restart();
        }
    }
    assert_eq!(approved, 800, "two times 400 is all that fits into 1,000");
    assert_eq!(rig.charged(), (0, 800));
    rig.restart();
    assert_eq!(rig.charged(), (0, 800), "a restart does not clear it");
    std::fs::remove_file(rig.directory.path().join("copy.redb")).unwrap_or_default();
    rig.restart();
    rig.list(
        Mark {
            epoch: EPOCH,
            position: 20,
        },
        1_000,
    );
    assert_eq!(rig.charged(), (0, 800), "nor does a new listing");
}

#[tokio::test]
async fn a_power_cut_does_not_clear_realised_overdraft_rule_14() {
    let mut rig = Rig::listed_under(&small(), 1_000);
    rig.approve(request(1, 1, 400)).await;
    rig.take_all(1).await;
    rig.feed(1, vec![account(1, 1, -300)]);
    rig.feed(2, vec![account(2, 1, 5_000)]);
    assert_eq!(rig.charged(), (0, 300));
    // Acknowledgement and coverage were written and not synced: the copy knows the shortfall.
    let disk = rig.disk.after_power_cut(Torn::Nothing);
    rig.stop();
    rig.disk = disk;
    rig.start();
    assert_eq!((rig.charged(), rig.backlog()), ((0, 300), 1));
    rig.take_all(2).await;
    assert_eq!((rig.charged(), rig.backlog()), ((0, 300), 0));
}

#[tokio::test]
async fn a_card_has_its_floor_away_from_home() {
    let rig = Rig::listed(&[], 1_000_000);
    let (home, away) = (rig.card_at_home(true), rig.card_at_home(false));
    assert_eq!(
        rig.decline(request(1, away, 15_001)).await,
        Reason::OverCardLimit
    );
    rig.approve(request(2, away, 15_000)).await;
    assert_eq!(
        rig.decline(request(3, away, 1)).await,
        Reason::OverCardLimit
    );
    for number in 4..8 {
        rig.approve(request(number, home, 50_000)).await;
    }
    assert_eq!(
        rig.decline(request(8, home, 1)).await,
        Reason::OverCardLimit
    );
}

#[tokio::test]
async fn the_networks_own_approvals_are_no_exposure_and_outrank_ours_rule_5() {
    let rig = Rig::listed_under(&small(), 1_000_000);
    rig.approve(request(1, 1, 100)).await;
    let accepted = rig
        .accept_advice(request(1, 1, 100), true, minor(60), rig.now)
        .await
        .unwrap();
    assert!(!accepted.duplicate);
    let again = rig
        .accept_advice(request(1, 1, 100), true, minor(60), rig.now)
        .await
        .unwrap();
    assert_eq!((again.seq, again.duplicate), (accepted.seq, true));
    let answer = rig.answer(&id(1)).unwrap();
    assert_eq!(
        (answer.by, answer.approved_amount),
        (crate::DecidedBy::Network, minor(60))
    );
    rig.accept_advice(request(2, 1, 90_000), true, minor(90_000), rig.now)
        .await
        .unwrap();
    assert_eq!(rig.charged(), (100, 0));
    assert_eq!(rig.backlog(), 3);
    rig.take_all(1).await;
    rig.feed(1, vec![account(1, 1, 1_000_000 - 90_060)]);
    assert_eq!((rig.charged(), rig.backlog()), ((0, 0), 0));
}

#[tokio::test]
async fn unbooked_is_what_the_ledger_has_not_taken() {
    let mut rig = Rig::listed(&[], 100_000);
    rig.approve(request(1, 1, 700)).await;
    rig.approve(request(2, 1, 300)).await;
    rig.approve(request(3, 2, 50)).await;
    rig.accept_reversal(id(2), token(1), minor(100), rig.now)
        .await
        .unwrap();
    assert_eq!(
        (rig.unbooked(&token(1)), rig.unbooked(&token(2))),
        (800, 50)
    );
    rig.restart();
    assert_eq!(
        (rig.unbooked(&token(1)), rig.unbooked(&token(2))),
        (800, 50)
    );
    rig.take_all(4).await;
    assert_eq!((rig.unbooked(&token(1)), rig.charged()), (0, (850, 0)));
}

#[tokio::test]
async fn a_parked_approval_stays_charged() {
    let mut rig = Rig::listed(&[], 100_000);
    rig.approve(request(1, 1, 700)).await;
    let parked = AdviceOutcome::Parked {
        reason: Reason::UnknownCard,
    };
    rig.take_all_as(
        Mark {
            epoch: EPOCH,
            position: 1,
        },
        &parked,
    )
    .await;
    assert_eq!(
        (rig.charged(), rig.backlog(), rig.state().parked),
        ((0, 700), 0, 1)
    );
    rig.restart();
    assert_eq!(
        (rig.charged(), rig.backlog(), rig.state().parked),
        ((0, 700), 0, 1)
    );
}

#[tokio::test]
async fn a_ledger_answer_that_the_feed_has_shown_already_is_not_subtracted() {
    let rig = Rig::listed(&[], 10_000);
    rig.feed(1, vec![account(1, 1, 1_000)]);
    let ledger = LedgerAnswer {
        account: Some(ledger_api::AccountId(1)),
        approved: true,
        approved_amount: minor(9_000),
        reason: Reason::Approved,
        mark: Mark {
            epoch: EPOCH,
            position: 1,
        },
    };
    rig.record(request(1, 1, 9_000), ledger, rig.now)
        .await
        .unwrap();
    rig.approve(request(2, 1, 1_000)).await;
}
