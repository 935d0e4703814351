use ledger_api::{AccountId, AuthorizationId, Mark};

use super::*;

const ACCOUNT: AccountId = AccountId(1);

fn id(number: u8) -> AuthorizationId {
    AuthorizationId([number; 16])
}

fn mark(epoch: u64, position: u64) -> Mark {
    Mark { epoch, position }
}

fn shown(position: u64, available: i64) -> Shown {
    Shown {
        mark: mark(1, position),
        available: Some(available),
    }
}

/// A stand-in approval that the ledger has acknowledged at `position`.
fn approved(book: &mut Book, number: u8, minor: i64, position: u64) {
    let seq = u64::from(number);
    book.claim(id(number), ACCOUNT, Claim::Approved { minor, seq });
    book.acknowledge(id(number), seq, mark(1, position), false);
}

#[test]
fn exposure_leaves_when_the_feed_has_passed_and_the_account_covers_it() {
    let mut book = Book::default();
    book.claim(id(1), ACCOUNT, Claim::Approved { minor: 100, seq: 1 });
    assert_eq!((book.held(ACCOUNT), book.charged().exposure), (100, 100));
    assert!(
        book.settle(ACCOUNT, shown(99, 500), 0).is_empty(),
        "not acknowledged"
    );
    assert_eq!(book.unbooked(ACCOUNT), 100);
    book.acknowledge(id(1), 1, mark(1, 10), false);
    assert_eq!(book.unbooked(ACCOUNT), 0);
    assert!(
        book.settle(ACCOUNT, shown(9, 500), 0).is_empty(),
        "the feed has not passed"
    );
    assert!(book.passed(mark(1, 9), 0).is_empty());
    assert!(book.passed(mark(1, 10), 0).contains(&ACCOUNT));
    let left = book.settle(ACCOUNT, shown(10, 400), 0);
    assert_eq!(
        left,
        [Left {
            id: id(1),
            seq: 1,
            shortfall: 0
        }]
    );
    assert_eq!(
        (
            book.held(ACCOUNT),
            book.charged().exposure,
            book.charged().peak
        ),
        (0, 0, 100)
    );
    assert!(book.accounts().is_empty(), "nothing is left in memory");
}

#[test]
fn what_the_account_does_not_cover_stays_charged_and_never_twice_rule_14() {
    let mut book = Book::default();
    approved(&mut book, 1, 100, 10);
    approved(&mut book, 2, 50, 11);
    book.settle(ACCOUNT, shown(10, -30), 0);
    assert_eq!((book.charged().exposure, book.charged().realised), (50, 30));
    book.settle(ACCOUNT, shown(11, -80), 0);
    assert_eq!((book.charged().exposure, book.charged().realised), (0, 80));
    book.settle(ACCOUNT, shown(12, 500), 0);
    assert_eq!(book.charged().realised, 80, "paid back, and still charged");
    approved(&mut book, 3, 40, 14);
    book.settle(ACCOUNT, shown(14, -10), 0);
    assert_eq!(book.charged().realised, 90, "a new overdraft counts anew");
    assert_eq!(book.charged().peak, 150);
}

#[test]
fn an_overdraft_is_charged_up_to_what_stand_in_approved() {
    let mut book = Book::default();
    approved(&mut book, 1, 100, 10);
    book.settle(ACCOUNT, shown(10, -5_000), 0);
    assert_eq!(book.charged().realised, 100, "the rest came from elsewhere");
}

#[test]
fn a_parked_approval_is_realised_because_no_books_have_it() {
    let mut book = Book::default();
    book.claim(id(1), ACCOUNT, Claim::Approved { minor: 100, seq: 1 });
    book.acknowledge(id(1), 1, mark(1, 10), true);
    assert_eq!((book.charged().exposure, book.charged().realised), (0, 100));
    assert!(book.settle(ACCOUNT, shown(10, 500), 0).is_empty());
    assert_eq!(book.held(ACCOUNT), 0);
}

#[test]
fn a_reversal_gives_back_at_once_and_once_rule_9() {
    let mut book = Book::default();
    book.claim(id(1), ACCOUNT, Claim::Approved { minor: 100, seq: 1 });
    book.reverse(id(1), 30, 2, true);
    book.reverse(id(1), 60, 3, true);
    assert_eq!((book.held(ACCOUNT), book.charged().exposure), (30, 30));
    book.reverse(id(2), 0, 4, true);
    assert_eq!(
        book.held(ACCOUNT),
        30,
        "there is nothing of the other id to give back"
    );
    for seq in 1..=3 {
        assert!(book.settle(ACCOUNT, shown(99, 0), 0).is_empty());
        book.acknowledge(id(1), seq, mark(1, 10 + seq), false);
    }
    assert!(
        book.settle(ACCOUNT, shown(12, 70), 0).is_empty(),
        "the last one is at 13"
    );
    assert_eq!(book.settle(ACCOUNT, shown(13, 70), 0).len(), 1);
}

#[test]
fn an_unknown_outcome_is_held_and_is_not_exposure_rule_12() {
    let mut book = Book::default();
    book.claim(id(1), ACCOUNT, Claim::Unknown { minor: 100, seq: 1 });
    assert_eq!((book.held(ACCOUNT), book.unbooked(ACCOUNT)), (100, 0));
    assert_eq!(book.charged(), Charged::default());
    book.acknowledge(id(1), 1, mark(1, 10), false);
    assert_eq!(book.held(ACCOUNT), 100);
    assert!(book.settle(ACCOUNT, shown(10, 0), 0).is_empty());
    assert_eq!(book.held(ACCOUNT), 0);
}

#[test]
fn the_networks_word_is_held_and_is_not_exposure_rule_5() {
    let mut book = Book::default();
    book.claim(
        id(1),
        ACCOUNT,
        Claim::Told {
            minor: 9_000,
            seq: 1,
        },
    );
    assert_eq!((book.held(ACCOUNT), book.charged().exposure), (9_000, 0));
}

#[test]
fn a_mark_of_another_epoch_proves_nothing_rule_13() {
    let mut book = Book::default();
    approved(&mut book, 1, 100, 10);
    let restored = Shown {
        mark: mark(2, 999),
        available: Some(500),
    };
    assert!(book.settle(ACCOUNT, restored, 0).is_empty());
    book.reopen(id(1), 1);
    book.acknowledge(id(1), 1, mark(2, 3), false);
    assert_eq!(book.settle(ACCOUNT, restored, 0).len(), 1);
    assert_eq!(book.held(ACCOUNT), 0);
}

#[test]
fn what_only_the_ledger_approved_is_held_for_a_day_under_another_epoch() {
    let mut book = Book::default();
    book.claim(
        id(1),
        ACCOUNT,
        Claim::Ledger {
            minor: 100,
            mark: mark(1, 10),
            served_ms: 5,
        },
    );
    let restored = Shown {
        mark: mark(2, 999),
        available: Some(500),
    };
    for (served_ms, held) in [(5 + DAY_MS - 1, 100), (5 + DAY_MS, 0)] {
        for account in book.passed(restored.mark, served_ms) {
            book.settle(account, restored, served_ms);
        }
        assert_eq!(book.held(ACCOUNT), held);
    }
}

#[test]
fn an_exposure_that_left_before_leaves_once() {
    let mut book = Book::default();
    book.claim(id(1), ACCOUNT, Claim::Approved { minor: 100, seq: 1 });
    for _ in 0..2 {
        book.left_before(id(1), 40);
    }
    assert_eq!((book.charged().exposure, book.charged().realised), (0, 40));
    assert_eq!(book.held(ACCOUNT), 100, "until the feed shows it");
}
