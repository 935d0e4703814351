//! Full, failed, lost and rolled back journals.

use ledger_api::{JournalHead, Reason};

use super::rig::{EPOCH, Rig, account, id, minor, request, token};
use crate::disk::{EIO, SimDisk, Torn};
use crate::words::{DecidedBy, NoAnswer};

#[tokio::test]
async fn a_failed_fsync_gets_no_answer_and_nothing_is_approved_after_it_rule_10() {
    let rig = Rig::listed(&[], 10_000);
    let before = rig.approve(request(1, 1, 100)).await;
    rig.disk.fail_sync(1, EIO);
    let asked = rig
        .decide(
            request(2, 1, 100),
            ledger_api::Cause::LedgerError,
            true,
            rig.now,
        )
        .await;
    assert!(
        matches!(asked, Err(NoAnswer::OutcomeUnknown(_))),
        "{asked:?}"
    );
    let again = rig
        .decide(
            request(2, 1, 100),
            ledger_api::Cause::LedgerError,
            true,
            rig.now,
        )
        .await;
    assert!(
        matches!(again, Err(NoAnswer::OutcomeUnknown(_))),
        "never a decline: {again:?}"
    );
    assert_eq!(rig.answer(&id(2)), None);
    assert_eq!(
        rig.charged(),
        (200, 0),
        "what may be durable stays reserved"
    );
    assert_eq!(
        rig.decline(request(3, 1, 100)).await,
        Reason::StandInUnavailable
    );
    assert_eq!(
        rig.ask(request(1, 1, 100)).await,
        before,
        "a durable answer is given again"
    );
    assert!(rig.state().journal.poisoned);
    let cause = ledger_api::Cause::LedgerTimeout;
    let asked = rig.decide(request(5, 1, 100), cause, true, rig.now).await;
    assert!(
        matches!(asked, Err(NoAnswer::OutcomeUnknown(_))),
        "the ledger may hold it and cannot be told: {asked:?}"
    );
    let ledger = rig.ledger_approves(request(4, 1, 100), 1).await;
    assert_eq!(
        (ledger.by, ledger.approved),
        (DecidedBy::Ledger, true),
        "durable in its books"
    );
    let reversal = rig
        .accept_reversal(id(1), token(1), minor(0), rig.now)
        .await;
    assert!(
        matches!(reversal, Err(NoAnswer::OutcomeUnknown(_))),
        "{reversal:?}"
    );
}

#[tokio::test]
async fn a_full_disk_declines_and_forgets_nothing_that_was_approved() {
    let rig = Rig::listed(&[], 1_000_000);
    rig.disk.set_capacity(Some(0));
    let mut approved = 0;
    let mut number = 0;
    let declined = loop {
        number += 1;
        let mut paid = request(number, u8::try_from(number % 9).unwrap() + 1, 1);
        // Each at another till, so that no till sells too often.
        paid.terminal = number;
        let answer = rig.ask(paid).await;
        if !answer.approved {
            break answer;
        }
        approved += 1;
    };
    assert_eq!(
        (declined.reason, declined.seq),
        (Reason::StandInUnavailable, 0)
    );
    assert_eq!(rig.charged(), (approved, 0));
    assert_eq!(rig.ask(request(number, 1, 1)).await, declined, "I3");
    // The ledger may hold the money: a decline would be told to the network and never to the ledger.
    let asked = request(number + 1, 1, 1);
    for _ in 0..2 {
        let cause = ledger_api::Cause::LedgerTimeout;
        let answer = rig.decide(asked, cause, true, rig.now).await;
        assert!(
            matches!(answer, Err(NoAnswer::JournalFull(_))),
            "{answer:?}"
        );
    }
    assert_eq!(rig.answer(&asked.id), None);
    // The network repeats while the breaker is tripped: not asked this time, but it was before.
    let again = rig
        .decide(asked, ledger_api::Cause::BreakerTripped, false, rig.now)
        .await;
    assert!(again.is_err(), "the ledger may hold it: {again:?}");
    // A reversal is smaller than an answer: a few may still fit.
    let mut accepted = 0;
    let reversal = loop {
        let unknown = id(1_000_000 + accepted);
        match rig
            .accept_reversal(unknown, token(2), minor(0), rig.now)
            .await
        {
            Ok(_) => accepted += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(reversal, NoAnswer::JournalFull(_)), "{reversal:?}");
    assert_eq!(rig.charged(), (approved, 0));
    let written = approved + i64::from(accepted);
    assert_eq!(
        rig.pending_advices(10_000).1.len(),
        usize::try_from(written).unwrap()
    );
}

#[tokio::test]
async fn a_repeat_waits_for_the_first_ones_fsync_i1() {
    let rig = Rig::listed(&[], 10_000);
    rig.disk.hold_syncs();
    let both = async {
        let first = rig.decide(
            request(1, 1, 100),
            ledger_api::Cause::LedgerError,
            true,
            rig.now,
        );
        let again = rig.decide(
            request(1, 1, 100),
            ledger_api::Cause::LedgerError,
            true,
            rig.now,
        );
        tokio::join!(first, again)
    };
    tokio::pin!(both);
    let early = tokio::time::timeout(std::time::Duration::from_millis(50), &mut both).await;
    assert!(
        early.is_err(),
        "nobody is answered before the record is durable"
    );
    assert_eq!(
        (rig.answer(&id(1)), rig.pending_advices(10).1.len()),
        (None, 0)
    );
    assert_eq!(rig.charged(), (100, 0), "reserved since the decision");
    rig.disk.release_syncs();
    let (first, again) = both.await;
    assert_eq!(first.unwrap(), again.unwrap());
    assert_eq!(rig.pending_advices(10).1.len(), 1);
}

/// What the ledger has seen, made from the journal's own head.
type Seen = fn(JournalHead) -> Option<JournalHead>;

#[tokio::test]
async fn a_lost_or_rolled_back_journal_is_fenced_rule_11() {
    let cases: [(&str, Seen, bool); 6] = [
        ("never seen", |_| None, false),
        ("as it is", Some, false),
        (
            "earlier",
            |head| Some(JournalHead { seq: 0, ..head }),
            false,
        ),
        (
            "another epoch",
            |head| {
                Some(JournalHead {
                    epoch: head.epoch + 1,
                    ..head
                })
            },
            true,
        ),
        (
            "later",
            |head| {
                Some(JournalHead {
                    seq: head.seq + 1,
                    ..head
                })
            },
            true,
        ),
        (
            "another record",
            |head| {
                Some(JournalHead {
                    hash: head.hash ^ 1,
                    ..head
                })
            },
            true,
        ),
    ];
    for (name, seen, fenced) in cases {
        let rig = Rig::listed(&[], 10_000);
        let known = rig.approve(request(1, 1, 100)).await;
        let (head, _) = rig.pending_advices(1);
        rig.last_seen_check(seen(head));
        assert_eq!(rig.fenced().is_some(), fenced, "{name}");
        let answer = rig.ask(request(2, 1, 100)).await;
        let expected = if fenced {
            Reason::StandInUnavailable
        } else {
            Reason::Approved
        };
        assert_eq!(answer.reason, expected, "{name}");
        assert_eq!(
            rig.ask(request(1, 1, 100)).await,
            known,
            "what was answered stays"
        );
        assert!(rig.pending_advices(1).1.len() == 1, "and is told on");
    }
}

#[tokio::test]
async fn a_lost_journal_is_noticed_without_the_ledger_and_until_a_new_copy_rule_11() {
    let mut rig = Rig::listed(&[], 10_000);
    rig.approve(request(1, 1, 9_000)).await;
    rig.restart();
    assert_eq!(rig.fenced(), None);
    // The journal's directory is gone, the copy's is not.
    rig.stop();
    rig.disk = SimDisk::new();
    rig.journal_epoch = 43;
    rig.start();
    for _ in 0..2 {
        let why = rig.fenced().unwrap();
        for part in [
            "000000000000002a",
            "DELETE /v1/gateways/gw1",
            "delete the local copy",
        ] {
            assert!(why.contains(part), "{why}");
        }
        assert_eq!(
            rig.decline(request(2, 1, 9_000)).await,
            Reason::StandInUnavailable
        );
        rig.feed(1, vec![account(1, 1, 10_000)]);
        rig.restart();
    }
    // The operator's grant.
    rig.stop();
    std::fs::remove_file(rig.directory.path().join("copy.redb")).unwrap();
    rig.start();
    assert_eq!((rig.fenced(), rig.feed_mark()), (None, None));
    let mark = ledger_api::Mark {
        epoch: EPOCH,
        position: 1,
    };
    rig.list(mark, 10_000);
    rig.approve(request(3, 1, 100)).await;
    rig.restart();
    assert_eq!(rig.fenced(), None);
}

#[tokio::test]
async fn a_rolled_back_journal_is_noticed_without_the_ledger_rule_11() {
    let mut rig = Rig::listed(&[], 10_000);
    rig.approve(request(1, 1, 100)).await;
    rig.restart();
    let backup = rig.disk.after_kill();
    rig.approve(request(2, 1, 100)).await;
    rig.approve(request(3, 1, 100)).await;
    rig.feed(1, vec![account(1, 2, 10_000)]);
    rig.stop();
    rig.disk = backup;
    rig.start();
    let why = rig.fenced().unwrap();
    assert!(why.contains("this journal ends at"), "{why}");
    // It grows past what the copy knows, and is another one all the same.
    for number in 10..40 {
        rig.decline(request(number, 1, 100)).await;
    }
    rig.restart();
    let why = rig.fenced().unwrap();
    assert!(why.contains("is not the one"), "{why}");
}

#[tokio::test]
async fn what_a_power_cut_takes_of_unsynced_records_is_no_loss_of_the_journal_rule_11() {
    for torn in [Torn::Nothing, Torn::Some(5)] {
        let mut rig = Rig::listed(&[], 10_000);
        rig.approve(request(1, 1, 100)).await;
        for number in 2..9 {
            rig.ledger_approves(request(number, 1, 100), 1).await;
        }
        rig.feed(1, vec![account(1, 1, 9_300)]);
        let disk = rig.disk.after_power_cut(torn);
        rig.stop();
        rig.disk = disk;
        rig.start();
        assert_eq!(rig.fenced(), None);
        rig.approve(request(20, 1, 100)).await;
    }
}

#[tokio::test]
async fn before_the_first_listing_there_is_no_stand_in() {
    let rig = Rig::new(&[]);
    assert_eq!(rig.feed_mark(), None);
    assert_eq!(
        rig.decline(request(1, 1, 100)).await,
        Reason::StandInUnavailable
    );
    let shadow = rig.shadow(&request(2, 1, 100), rig.now);
    assert!(!shadow.approved);
    assert_eq!(
        rig.answer(&id(2)),
        None,
        "the shadow decision leaves nothing"
    );
}

#[tokio::test]
async fn a_journal_that_is_not_trusted_does_not_take_the_place_of_the_one_the_ledger_saw_rule_11() {
    let rig = Rig::listed(&[], 10_000);
    rig.approve(request(1, 1, 100)).await;
    assert_ne!(rig.pending_advices(10).0.seq, 0, "compared, and the same");
    rig.fence("lost".into());
    rig.decline(request(2, 1, 100)).await;
    assert_eq!(rig.pending_advices(10).0.seq, 0);
}
