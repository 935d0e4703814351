//! Full, failed, lost and rolled back journals.

use ledger_api::{JournalHead, Reason};

use super::rig::{Rig, id, minor, request, token};
use crate::disk::EIO;
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
        let answer = rig
            .ask(request(number, u8::try_from(number % 9).unwrap() + 1, 1))
            .await;
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
