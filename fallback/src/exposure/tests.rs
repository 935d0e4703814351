use std::collections::{BTreeMap, BTreeSet};

use ledger_api::{AccountId, AuthorizationId, Mark};
use proptest::prelude::*;

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
    book.claim(
        id(number),
        ACCOUNT,
        Claim::Approved {
            minor,
            charge: minor,
            seq,
        },
    );
    book.acknowledge(id(number), seq, mark(1, position), false);
}

#[test]
fn exposure_leaves_when_the_feed_has_passed_and_the_account_covers_it() {
    let mut book = Book::default();
    book.claim(
        id(1),
        ACCOUNT,
        Claim::Approved {
            minor: 100,
            charge: 100,
            seq: 1,
        },
    );
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
    assert!(book.unsettled().is_empty());
    assert_eq!(
        (book.accounts.len(), book.entries.len()),
        (0, 0),
        "nothing is left in memory"
    );
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
    book.claim(
        id(1),
        ACCOUNT,
        Claim::Approved {
            minor: 100,
            charge: 100,
            seq: 1,
        },
    );
    book.acknowledge(id(1), 1, mark(1, 10), true);
    assert_eq!((book.charged().exposure, book.charged().realised), (0, 100));
    assert!(book.settle(ACCOUNT, shown(10, 500), 0).is_empty());
    assert_eq!(book.held(ACCOUNT), 0);
}

#[test]
fn a_reversal_gives_back_at_once_and_once_rule_9() {
    let mut book = Book::default();
    book.claim(
        id(1),
        ACCOUNT,
        Claim::Approved {
            minor: 100,
            charge: 100,
            seq: 1,
        },
    );
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
    book.claim(
        id(1),
        ACCOUNT,
        Claim::Approved {
            minor: 100,
            charge: 100,
            seq: 1,
        },
    );
    for _ in 0..2 {
        book.left_before(id(1), 40);
    }
    assert_eq!((book.charged().exposure, book.charged().realised), (0, 40));
    assert_eq!(book.held(ACCOUNT), 100, "until the feed shows it");
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Approve(u8, i64),
    Unknown(u8, i64),
    Ledger(u8, i64, u64),
    Reverse(u8, i64),
    Acknowledge(u8, u64),
    Reopen(u8),
    Settle(u64, i64),
    Park(u8, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let (number, minor, position) = (|| 0..10_u8, || 1..100_i64, || 1..30_u64);
    prop_oneof![
        4 => (number(), minor()).prop_map(|(number, minor)| Step::Approve(number, minor)),
        1 => (number(), minor()).prop_map(|(number, minor)| Step::Unknown(number, minor)),
        2 => (number(), minor(), position()).prop_map(|(n, minor, at)| Step::Ledger(n, minor, at)),
        2 => (number(), minor()).prop_map(|(number, minor)| Step::Reverse(number, minor)),
        4 => (number(), position()).prop_map(|(number, at)| Step::Acknowledge(number, at)),
        1 => number().prop_map(Step::Reopen),
        3 => (position(), -150..50_i64).prop_map(|(at, available)| Step::Settle(at, available)),
        1 => (number(), position()).prop_map(|(number, at)| Step::Park(number, at)),
    ]
}

/// Three accounts share ten ids.
fn account_of(number: u8) -> AccountId {
    AccountId(u64::from(number % 3))
}

fn play(book: &mut Book, step: Step, seq: u64) {
    match step {
        Step::Approve(n, minor) => {
            book.claim(
                id(n),
                account_of(n),
                Claim::Approved {
                    minor,
                    charge: minor,
                    seq,
                },
            );
        }
        Step::Unknown(n, minor) => {
            book.claim(id(n), account_of(n), Claim::Unknown { minor, seq });
        }
        Step::Ledger(n, minor, at) => {
            let (mark, served_ms) = (mark(1, at), 0);
            let claim = Claim::Ledger {
                minor,
                mark,
                served_ms,
            };
            book.claim(id(n), account_of(n), claim);
        }
        Step::Reverse(n, left) => book.reverse(id(n), left, seq, true),
        Step::Acknowledge(n, at) => {
            (1..=seq).for_each(|seq| book.acknowledge(id(n), seq, mark(1, at), false));
        }
        Step::Reopen(n) => book.reopen(id(n), seq),
        Step::Park(n, at) => {
            let approval = book.entries.get(&id(n)).and_then(Entry::exposed_approval);
            if let Some(seq) = approval {
                book.acknowledge(id(n), seq, mark(1, at), true);
            }
        }
        Step::Settle(at, available) => settle_all(book, at, available),
    }
}

fn settle_all(book: &mut Book, at: u64, available: i64) {
    let all: Vec<_> = book.accounts.iter().map(|account| account.id).collect();
    let unsettled = book.unsettled();
    for account in all {
        let before = (book.held(account), book.charged());
        let row = book.accounts.find(&account);
        let shown_now = |entry: &&Entry| Some(entry.account) == row && entry.is_shown(mark(1, at));
        let expected: BTreeMap<_, _> = (book.entries.iter().filter(shown_now))
            .filter_map(|entry| Some((entry.id, entry.exposed_approval()?)))
            .collect();
        let left = book.settle(account, shown(at, available), 0);
        let left = left.iter().map(|left| (left.id, left.seq));
        assert!(left.eq(expected), "in the order of their ids");
        let changed = before != (book.held(account), book.charged());
        assert!(!changed || unsettled.contains(&account));
    }
}

fn check(book: &Book) {
    let sum = |of: fn(&Entry) -> i64| book.entries.iter().map(of).sum::<i64>();
    assert_eq!(book.charged.exposure, sum(Entry::exposure), "I5");
    let waiting = book.entries.iter();
    let waiting = waiting.filter_map(|entry| Some((entry.waits_for()?, entry.id)));
    assert_eq!(book.waiting, waiting.collect::<BTreeSet<_>>());
    let mut chained = 0;
    for account in book.accounts.iter() {
        let entries: Vec<_> = book.chain(account.newest).collect();
        let held = entries.iter().map(|entry| entry.held()).sum::<i64>();
        let unbooked = entries.iter().map(|entry| entry.unbooked()).sum::<i64>();
        assert_eq!((account.held, account.unbooked), (held, unbooked));
        assert!(!entries.is_empty() || account.overdraft_charged != 0);
        for entry in &entries {
            assert_eq!(book.account(entry.id), Some(account.id));
        }
        let newer = entries.iter().skip(1).map(|entry| entry.newer);
        let ids = entries.iter().map(|entry| book.entries.find(&entry.id));
        assert!(newer.eq(ids.take(entries.len().saturating_sub(1))));
        chained += entries.len();
    }
    assert_eq!(chained, book.entries.len(), "each on one account");
}

proptest! {
    #[test]
    fn the_sums_never_drift_from_the_entries_i5(
        steps in prop::collection::vec(step(), 0..80)
    ) {
        let mut book = Book::default();
        for (step, seq) in steps.into_iter().zip(1..) {
            play(&mut book, step, seq);
            check(&book);
        }
    }

    #[test]
    fn open_records_are_a_set(steps in prop::collection::vec((1..6_u64, any::<bool>()), 0..60)) {
        let (mut open, mut naive) = (open::Open::default(), BTreeSet::new());
        for (seq, adds) in steps {
            if adds {
                open.add(seq);
                naive.insert(seq);
            } else {
                open.remove(seq);
                naive.remove(&seq);
            }
            assert_eq!(open.is_empty(), naive.is_empty());
            assert!((0..6).all(|seq| open.contains(seq) == naive.contains(&seq)));
        }
    }
}
