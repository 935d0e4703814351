//! What a restart keeps.

use ledger_api::{Mark, Reason};

use super::rig::{EPOCH, Rig, account, id, minor, request, token};
use crate::disk::Torn;

const DAY: u64 = 24 * 3_600_000;

#[tokio::test]
async fn a_power_cut_keeps_answers_reservations_and_knowledge_i1() {
    let mut rig = Rig::listed(&[], 10_000);
    let first = rig.approve(request(1, 1, 6_000)).await;
    rig.stop();
    rig.disk = rig.disk.after_power_cut(Torn::Nothing);
    rig.now.boot_ms += 60_000;
    rig.start();
    assert_eq!(rig.answer(&id(1)), Some(first));
    assert_eq!((rig.charged(), rig.backlog()), ((6_000, 0), 1));
    assert_eq!(
        rig.decline(request(2, 1, 5_000)).await,
        Reason::InsufficientFunds
    );
    rig.approve(request(3, 1, 4_000)).await;
}

#[tokio::test]
async fn the_ledgers_answers_survive_kill_9() {
    let mut rig = Rig::listed(&[], 10_000);
    let first = rig.ledger_approves(request(1, 1, 9_000), 5).await;
    rig.restart();
    assert_eq!(rig.answer(&id(1)), Some(first));
    assert_eq!(
        rig.decline(request(2, 1, 2_000)).await,
        Reason::InsufficientFunds,
        "rule 12"
    );
}

#[tokio::test]
async fn a_file_that_lags_behind_has_spend_subtracted_again_rule_12() {
    let mut rig = Rig::listed(&[], 10_000);
    rig.restart();
    let file = rig.directory.path().join("copy.redb");
    let (old, now) = (rig.directory.path().join("old"), rig.now);
    rig.stop();
    std::fs::copy(&file, &old).unwrap();
    rig.start();
    rig.ledger_approves(request(1, 1, 5_000), 1).await;
    rig.approve(request(2, 1, 4_000)).await;
    rig.take_all(2).await;
    rig.feed(2, vec![account(1, 1, 5_000), account(2, 1, 1_000)]);
    assert_eq!((rig.charged(), rig.now), ((0, 0), now));
    rig.stop();
    std::fs::copy(&old, &file).unwrap();
    rig.start();
    assert_eq!(
        rig.decline(request(3, 1, 1_001)).await,
        Reason::InsufficientFunds
    );
    rig.approve(request(4, 1, 1_000)).await;
}

/// The limits in full for as long as knowledge may be old at all.
const WEEK: (&str, &str) = (
    "    { minutes = 60, percent = 100 },
    { minutes = 120, percent = 75 },
    { minutes = 240, percent = 50 },
",
    "    { minutes = 10_080, percent = 100 },
",
);

#[tokio::test]
async fn windows_stand_still_between_two_boots_and_go_on_within_one_rule_16() {
    let mut rig = Rig::listed(&[WEEK], 1_000_000);
    let card = rig.card_at_home(true);
    for number in 0..4 {
        rig.approve(request(number, card, 50_000)).await;
    }
    rig.now.boot_ms += 10_000;
    assert_eq!(
        rig.decline(request(10, card, 1)).await,
        Reason::OverCardLimit
    );
    // Another boot: however long the machine was off, nothing has advanced.
    rig.boot_id += 1;
    rig.now.boot_ms = 5_000;
    rig.restart();
    rig.now.boot_ms += DAY - 20_000;
    assert_eq!(
        rig.decline(request(11, card, 1)).await,
        Reason::OverCardLimit
    );
    // The same boot: the process was away, the machine was not.
    rig.now.boot_ms += 5_000;
    rig.restart();
    assert_eq!(
        rig.decline(request(12, card, 1)).await,
        Reason::OverCardLimit
    );
    rig.now.boot_ms += 10_000;
    rig.approve(request(13, card, 1)).await;
}

#[tokio::test]
async fn the_age_of_knowledge_only_grows_rule_16_i7() {
    let mut rig = Rig::listed(&[], 10_000);
    rig.now.boot_ms += 3 * 3_600_000;
    rig.approve(request(1, 1, 100)).await;
    rig.boot_id += 1;
    rig.now.boot_ms = 1_000;
    rig.restart();
    rig.now.boot_ms += 3_600_000 + 1_000;
    assert_eq!(
        rig.decline(request(2, 1, 100)).await,
        Reason::KnowledgeStale
    );
    rig.heard(rig.now);
    rig.approve(request(3, 1, 100)).await;
}

#[tokio::test]
async fn a_restored_ledger_is_told_again_rule_22() {
    let mut rig = Rig::listed(&[], 10_000);
    rig.approve(request(1, 1, 6_000)).await;
    rig.take_all(5).await;
    let restored = Mark {
        epoch: EPOCH + 1,
        position: 50,
    };
    rig.list(restored, 10_000);
    assert_eq!(
        (rig.charged(), rig.backlog()),
        ((6_000, 0), 1),
        "an old mark proves nothing"
    );
    assert_eq!(
        rig.decline(request(2, 1, 5_000)).await,
        Reason::InsufficientFunds
    );
    rig.restart();
    assert_eq!((rig.charged(), rig.backlog()), ((6_000, 0), 2));
    rig.take_all_as(restored, &ledger_api::AdviceOutcome::Applied)
        .await;
    assert_eq!((rig.charged(), rig.backlog()), ((0, 0), 0));
    rig.restart();
    assert_eq!(
        (rig.charged(), rig.backlog()),
        ((0, 0), 0),
        "told once per epoch"
    );
}

/// Approved, acknowledged at 5, shown at 5, and gone from the exposure.
async fn settled_at_five() -> Rig {
    let rig = Rig::listed(&[], 10_000);
    rig.approve(request(1, 1, 6_000)).await;
    let before = (1..=4).map(|position| account(position, 2, 10_000));
    rig.feed(4, before.collect());
    rig.approve(request(2, 2, 500)).await;
    let (_, items) = rig.pending_advices(10);
    for (item, position) in items.iter().zip([5, 4]) {
        let said = ledger_api::AdviceAnswer {
            id: item.id(),
            seq: item.seq(),
            outcome: ledger_api::AdviceOutcome::Applied,
            conflict: false,
            mark: Mark {
                epoch: EPOCH,
                position,
            },
        };
        rig.acknowledge(&[said], rig.now).await.unwrap();
    }
    rig.feed(5, vec![account(5, 1, 4_000)]);
    assert_eq!((rig.charged(), rig.backlog()), ((0, 0), 0));
    rig
}

#[tokio::test]
async fn a_ledger_that_went_back_in_its_epoch_is_told_again_rules_13_22() {
    let mut rig = settled_at_five().await;
    let back = Mark {
        epoch: EPOCH,
        position: 4,
    };
    rig.list(back, 10_000);
    assert_eq!(rig.feed_mark(), Some(back), "knowledge as listed");
    let (_, items) = rig.pending_advices(10);
    let ids: Vec<_> = items.iter().map(ledger_api::AdviceItem::id).collect();
    assert_eq!(
        ids,
        [id(1), id(2)],
        "it may have written on since: nothing is believed"
    );
    // The second time around the ledger has taken the other one.
    for (charged, backlog) in [(6_500, 2), (6_000, 1)] {
        assert_eq!((rig.charged(), rig.backlog()), ((charged, 0), backlog));
        assert_eq!(
            rig.decline(request(9, 1, 5_000)).await,
            Reason::InsufficientFunds
        );
        let other = account(5, 9, 1);
        rig.feed(5, vec![other]);
        assert_eq!(
            rig.charged(),
            (charged, 0),
            "position 5 is another change now"
        );
        rig.restart();
        let declined = rig.pending_advices(10).1;
        assert_eq!(
            declined.first().map(ledger_api::AdviceItem::id),
            Some(id(1))
        );
        rig.take_some(&declined[1..], 5).await;
    }
    rig.take_all(6).await;
    rig.feed(6, vec![account(6, 1, 4_000)]);
    for _ in 0..2 {
        assert_eq!((rig.charged(), rig.backlog()), ((0, 0), 0));
        rig.restart();
    }
}

#[tokio::test]
async fn a_new_epoch_takes_nothing_for_granted_that_had_left_the_exposure_rules_13_22() {
    let mut rig = settled_at_five().await;
    let reversal = rig.accept_reversal(id(2), token(2), minor(100), rig.now);
    reversal.await.unwrap();
    rig.take_all(5).await;
    let restored = Mark {
        epoch: EPOCH + 1,
        position: 4,
    };
    rig.list(restored, 10_000);
    for _ in 0..2 {
        assert_eq!((rig.charged(), rig.backlog()), ((6_100, 0), 3));
        rig.restart();
    }
    let taken = Mark {
        position: 6,
        ..restored
    };
    rig.take_all_as(taken, &ledger_api::AdviceOutcome::Applied)
        .await;
    rig.list(taken, 4_000);
    for _ in 0..2 {
        assert_eq!((rig.charged(), rig.backlog()), ((0, 0), 0));
        rig.restart();
    }
}

#[tokio::test]
async fn what_was_parked_is_charged_once_however_often_the_ledger_is_restored_rule_14() {
    let mut rig = Rig::listed(&[], 10_000);
    rig.approve(request(1, 1, 700)).await;
    let parked = ledger_api::AdviceOutcome::Parked {
        reason: Reason::UnknownCard,
    };
    for epoch in EPOCH..EPOCH + 3 {
        let mark = Mark { epoch, position: 1 };
        rig.list(mark, 10_000);
        rig.take_all_as(mark, &parked).await;
        let status = rig.state();
        assert_eq!((rig.charged(), status.parked), ((0, 700), 1));
    }
    rig.restart();
    assert_eq!((rig.charged(), rig.state().parked), ((0, 700), 1));
}

#[tokio::test]
async fn a_restored_ledger_is_told_what_it_had_approved_itself_i1_rule_22() {
    let replace = [(
        "elsewhere_day_max_minor = 15_000",
        "elsewhere_day_max_minor = 150_000",
    )];
    let mut rig = Rig::listed(&replace, 10_000);
    rig.ledger_approves(request(1, 1, 6_000), 1).await;
    rig.ledger_approves(request(2, 2, 500), 2).await;
    rig.feed(2, vec![account(1, 1, 4_000), account(2, 2, 9_500)]);
    assert_eq!(rig.backlog(), 0);
    // First back to 1 inside the epoch, then to an epoch that has nothing.
    let back = Mark {
        epoch: EPOCH,
        position: 1,
    };
    let restored = Mark {
        epoch: EPOCH + 1,
        position: 1,
    };
    for mark in [back, restored] {
        let (told, written) = (vec![id(1), id(2)], 2);
        rig.list(mark, 10_000);
        for _ in 0..2 {
            let ids = rig.told_next(told.len()).await;
            assert_eq!((ids, rig.charged()), (told.clone(), (0, 0)));
            let shadow = rig.shadow(&request(9, 2, 9_600), rig.now);
            assert_eq!(shadow.reason, Reason::InsufficientFunds, "held");
            rig.restart();
        }
        let position = mark.position + 1;
        let taken = Mark { position, ..mark };
        rig.take_all_as(taken, &ledger_api::AdviceOutcome::Applied)
            .await;
        for _ in 0..2 {
            let status = rig.state();
            let counts = (status.advices_written, status.advices_acknowledged);
            assert_eq!((rig.backlog(), counts), (0, (written, written)));
            rig.restart();
        }
    }
}

#[tokio::test]
async fn what_was_told_again_stays_charged_over_another_restart_i5_rule_14() {
    let restored = Mark {
        epoch: EPOCH + 1,
        position: 4,
    };
    let parked = ledger_api::AdviceOutcome::Parked {
        reason: Reason::UnknownCard,
    };
    for (outcome, charged) in [
        (ledger_api::AdviceOutcome::Applied, (6_500, 0)),
        (parked, (0, 6_500)),
    ] {
        let mut rig = settled_at_five().await;
        rig.list(restored, 10_000);
        assert_eq!(rig.charged(), (6_500, 0), "exposure again");
        let taken = Mark {
            position: 6,
            ..restored
        };
        rig.take_all_as(taken, &outcome).await;
        assert_eq!(rig.charged(), charged, "the feed has not shown it yet");
        rig.restart();
        assert_eq!(rig.charged(), charged, "after a restart");
    }
}

#[tokio::test]
async fn what_was_told_again_in_the_same_epoch_stays_charged_over_another_restart_i5() {
    let mut rig = settled_at_five().await;
    let back = Mark {
        epoch: EPOCH,
        position: 3,
    };
    rig.list(back, 10_000);
    assert_eq!(rig.charged(), (6_500, 0));
    rig.take_all(6).await;
    rig.restart();
    assert_eq!(rig.charged(), (6_500, 0));
}

#[tokio::test]
async fn a_rolled_back_ledger_that_wrote_on_is_told_everything_again_i1() {
    let rig = settled_at_five().await;
    rig.feed(9, (6..=9).map(|p| account(p, 3, 1)).collect());
    let wrote_on = Mark {
        epoch: EPOCH,
        position: 7,
    };
    rig.list(wrote_on, 10_000);
    assert_eq!(rig.backlog(), 2);
}

#[tokio::test]
async fn the_age_of_what_waits_goes_on_over_a_restart_and_not_over_a_reboot_rule_16() {
    let mut rig = Rig::listed(&[], 10_000);
    assert_eq!(rig.state().backlog_age_ms, None);
    rig.approve(request(1, 1, 1_000)).await;
    rig.now.boot_ms += 2_000;
    rig.approve(request(2, 1, 1_000)).await;
    assert_eq!(rig.state().backlog_age_ms, Some(2_000), "the first one's");
    rig.now.boot_ms += 3_000;
    rig.restart();
    assert_eq!(rig.state().backlog_age_ms, Some(5_000));
    rig.approve(request(3, 1, 1_000)).await;
    // Nobody knows how long the machine was down.
    (rig.boot_id, rig.now.boot_ms) = (8, 100);
    rig.restart();
    assert_eq!(rig.state().backlog_age_ms, Some(5_000));
    rig.take_all(1).await;
    assert_eq!(rig.state().backlog_age_ms, None);

    // A restored ledger is told again: waiting begins then.
    rig.now.boot_ms += 60_000;
    let restored = Mark {
        epoch: EPOCH + 1,
        position: 0,
    };
    rig.list(restored, 10_000);
    rig.now.boot_ms += 1_000;
    let state = rig.state();
    assert_eq!((state.backlog, state.backlog_age_ms), (3, Some(1_000)));
}

#[tokio::test]
async fn writes_and_syncs_of_the_journal_are_counted() {
    let rig = Rig::listed(&[], 10_000);
    let before = rig.state().journal;
    rig.approve(request(1, 1, 1_000)).await;
    let after = rig.state().journal;
    assert!(after.writes > before.writes, "{after:?}");
    assert!(after.syncs > before.syncs, "{after:?}");
    assert!(after.bytes > 0);
}
