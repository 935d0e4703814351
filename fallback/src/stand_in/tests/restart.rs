//! What a restart keeps.

use ledger_api::{Mark, Reason};

use super::rig::{EPOCH, Rig, account, id, request};
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

#[tokio::test]
async fn windows_stand_still_between_two_boots_and_go_on_within_one_rule_16() {
    let mut rig = Rig::listed(&[("= 240", "= 10_080")], 1_000_000);
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
