use ledger_api::{AccountStatus, Amount, CardStatus, Currency, Expiry};

use super::*;

const BOOT: u128 = 7;

fn now(boot_ms: u64) -> Now {
    Now {
        boot_ms,
        yymm: 2611,
    }
}

fn mark(epoch: u64, position: u64) -> Mark {
    Mark { epoch, position }
}

fn token(number: u8) -> CardToken {
    CardToken {
        key_id: 1,
        mac: [number; 16],
    }
}

fn card(position: u64, number: u8, status: CardStatus) -> Change {
    let what = Changed::Card(CardState {
        card: token(number),
        account: AccountId(number.into()),
        status,
        expiry: Expiry::try_from(2912).unwrap(),
        transaction_max_minor: Amount::new(50_000).unwrap(),
    });
    Change { position, what }
}

fn account(position: u64, number: u8, available_minor: i64) -> Change {
    let what = Changed::Account(AccountState {
        account: AccountId(number.into()),
        currency: "EUR".parse::<Currency>().unwrap(),
        status: AccountStatus::Open,
        available_minor,
    });
    Change { position, what }
}

fn page(epoch: u64, head: u64, changes: Vec<Change>) -> FeedPage {
    FeedPage {
        epoch,
        head,
        changes,
    }
}

fn listed() -> LocalCopy {
    let mut copy = LocalCopy::in_memory(BOOT, now(0));
    let states = vec![card(3, 1, CardStatus::Open), account(9, 1, 500)];
    copy.replace(mark(1, 5), states, now(1_000));
    copy
}

fn available(copy: &LocalCopy, number: u8) -> Option<i64> {
    copy.account(AccountId(number.into()))
        .map(|account| account.available_minor)
}

#[test]
fn nothing_is_known_before_a_listing() {
    let mut copy = LocalCopy::in_memory(BOOT, now(0));
    copy.apply(&page(1, 1, vec![account(1, 1, 5)]), now(10));
    copy.heard(now(10));
    assert_eq!(
        (copy.feed_mark(), copy.counts(), copy.age_ms(now(10))),
        (None, (0, 0), u64::MAX)
    );
}

#[test]
fn an_older_change_never_overwrites_a_newer_one_rule_12() {
    let mut copy = listed();
    // The listing showed the account as of 9, and is followed from 5.
    copy.apply(
        &page(1, 9, vec![account(6, 1, 900), account(7, 1, 800)]),
        now(1_100),
    );
    assert_eq!(available(&copy, 1), Some(500));
    assert_eq!(copy.shown(AccountId(1)).unwrap().mark, mark(1, 9));
    assert_eq!(copy.feed_mark(), Some(mark(1, 7)));
    copy.apply(
        &page(1, 9, vec![account(6, 1, 900), account(7, 1, 800)]),
        now(1_200),
    );
    assert_eq!(
        copy.feed_mark(),
        Some(mark(1, 7)),
        "the same page again changes nothing"
    );
    copy.apply(
        &page(
            1,
            10,
            vec![account(8, 1, 1), account(9, 1, 500), account(10, 1, 450)],
        ),
        now(2),
    );
    assert_eq!(available(&copy, 1), Some(450));
}

#[test]
fn a_hole_or_another_epoch_asks_for_a_listing_and_the_age_goes_on() {
    for page in [
        page(1, 8, vec![account(7, 2, 1)]),
        page(2, 6, vec![account(6, 2, 1)]),
    ] {
        let mut copy = listed();
        copy.apply(&page, now(2_000));
        copy.heard(now(3_000));
        assert_eq!(copy.feed_mark(), None, "list again");
        assert_eq!(copy.mark(), Some(mark(1, 5)), "what was known stays known");
        assert_eq!(
            (available(&copy, 2), copy.age_ms(now(3_000))),
            (None, 2_000)
        );
        copy.replace(mark(2, 1), vec![card(1, 2, CardStatus::Open)], now(4_000));
        assert_eq!(
            (copy.feed_mark(), copy.age_ms(now(4_000))),
            (Some(mark(2, 1)), 0)
        );
        assert!(
            copy.card(&token(1)).is_none(),
            "what the listing does not name is gone"
        );
    }
}

#[test]
fn the_age_starts_again_only_when_nothing_is_missing() {
    let mut copy = listed();
    copy.apply(&page(1, 7, vec![account(6, 2, 1)]), now(5_000));
    assert_eq!(
        copy.age_ms(now(5_000)),
        4_000,
        "the page ends before the head"
    );
    copy.apply(&page(1, 7, vec![account(7, 2, 2)]), now(6_000));
    assert_eq!(copy.age_ms(now(6_500)), 500);
}

#[test]
fn a_listing_behind_what_was_reached_takes_knowledge_back_and_says_so_rule_13() {
    let mut copy = listed();
    let states = |position| vec![card(3, 1, CardStatus::Open), account(position, 1, 700)];
    assert_eq!(copy.replace(mark(1, 9), states(9), now(1_100)), None);
    copy.apply(
        &page(1, 10, vec![card(10, 1, CardStatus::Frozen)]),
        now(1_100),
    );
    let lost = copy.replace(mark(1, 4), states(4), now(1_200));
    assert_eq!(lost, Some(mark(1, 10)));
    assert_eq!(
        copy.card(&token(1)).map(|card| card.status),
        Some(CardStatus::Open)
    );
    assert_eq!(
        (available(&copy, 1), copy.mark()),
        (Some(700), Some(mark(1, 4)))
    );
    copy.replace(mark(1, 5), states(8), now(1_300));
    let lost = copy.replace(mark(1, 7), states(7), now(1_400));
    assert_eq!(lost, Some(mark(1, 8)), "a state had been shown later");
    assert_eq!(copy.replace(mark(2, 1), states(1), now(1_500)), None);
}

#[test]
fn it_remembers_how_far_the_journal_was_and_when_the_ledger_went_back_rules_11_13() {
    let head = |epoch, seq| JournalHead {
        epoch,
        seq,
        hash: seq,
    };
    let back = |epoch, position, seq| RolledBack {
        to: mark(epoch, position),
        seq,
    };
    let directory = tempfile::tempdir().unwrap();
    let mut copy = LocalCopy::open(directory.path(), BOOT, now(0)).unwrap();
    assert_eq!((copy.journal(), copy.rolled_back()), (None, None));
    for noted in [head(7, 5), head(7, 4), head(8, 9), head(7, 6)] {
        copy.note_journal(noted);
    }
    copy.note_rolled_back(back(1, 40, 3));
    copy.note_rolled_back(back(1, 50, 8));
    copy.save(&[], now(1_000));
    drop(copy);
    let mut copy = LocalCopy::open(directory.path(), BOOT, now(2_000)).unwrap();
    assert_eq!(copy.journal(), Some(head(7, 6)));
    let known = copy.rolled_back().unwrap();
    assert_eq!(known, back(1, 40, 8), "all that any of them disproves");
    assert!(known.disproves(mark(1, 41), 8));
    for (proven, seq) in [(mark(1, 40), 8), (mark(1, 41), 9), (mark(2, 41), 8)] {
        assert!(!known.disproves(proven, seq));
    }
    copy.note_rolled_back(back(2, 90, 9));
    assert_eq!(copy.rolled_back(), Some(back(2, 90, 9)));
}

#[test]
fn it_survives_a_restart_with_its_age_and_its_shortfalls() {
    let directory = tempfile::tempdir().unwrap();
    let mut copy = LocalCopy::open(directory.path(), BOOT, now(0)).unwrap();
    let states = vec![card(3, 1, CardStatus::Frozen), account(9, 1, -30)];
    copy.replace(mark(1, 9), states, now(1_000));
    copy.save(
        &[
            Left {
                id: AuthorizationId([4; 16]),
                seq: 4,
                shortfall: 30,
            },
            Left {
                id: AuthorizationId([5; 16]),
                seq: 5,
                shortfall: 0,
            },
        ],
        now(1_000),
    );
    copy.apply(&page(1, 10, vec![account(10, 2, 77)]), now(2_000));
    copy.save(&[], now(2_000));
    copy.note_age(now(20_000));
    drop(copy);

    let copy = LocalCopy::open(directory.path(), BOOT, now(30_000)).unwrap();
    assert_eq!(copy.feed_mark(), Some(mark(1, 10)));
    assert_eq!(
        copy.card(&token(1)).map(|card| card.status),
        Some(CardStatus::Frozen)
    );
    assert_eq!(
        (available(&copy, 1), available(&copy, 2)),
        (Some(-30), Some(77))
    );
    assert_eq!(
        copy.shortfalls(),
        &FastMap::from_iter([(AuthorizationId([4; 16]), 30)])
    );
    assert_eq!(copy.age_ms(now(30_000)), 28_000, "the same boot");
    drop(copy);
    let copy = LocalCopy::open(directory.path(), BOOT + 1, now(5)).unwrap();
    assert_eq!(
        copy.age_ms(now(5)),
        18_000,
        "another boot: as old as it was written down"
    );
}

#[test]
fn a_replaced_listing_replaces_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut copy = LocalCopy::open(directory.path(), BOOT, now(0)).unwrap();
    copy.replace(mark(1, 9), vec![card(3, 1, CardStatus::Open)], now(1));
    copy.save(&[], now(1));
    drop(copy);
    let mut copy = LocalCopy::open(directory.path(), BOOT, now(2)).unwrap();
    copy.replace(mark(2, 1), vec![card(1, 2, CardStatus::Open)], now(3));
    copy.save(&[], now(3));
    drop(copy);
    let copy = LocalCopy::open(directory.path(), BOOT, now(4)).unwrap();
    assert_eq!((copy.counts(), copy.mark()), ((1, 0), Some(mark(2, 1))));
    assert!(copy.card(&token(2)).is_some());
}

#[test]
fn a_damaged_file_is_refused_with_the_cure_i14() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("copy.redb");
    std::fs::write(&path, vec![0xa5; 8_192]).unwrap();
    let refused = LocalCopy::open(directory.path(), BOOT, now(0))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("delete this file"), "{refused}");
}

#[test]
fn a_flipped_bit_in_the_rows_is_refused_or_rolled_back_i14() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("copy.redb");
    let mut copy = LocalCopy::open(directory.path(), BOOT, now(0)).unwrap();
    copy.replace(
        mark(1, 9),
        (1..=200).map(|n| account(9, n, 123_456_789)).collect(),
        now(1),
    );
    copy.save(&[], now(1));
    drop(copy);
    let whole = std::fs::read(&path).unwrap();
    let needle = 123_456_789_i64.to_le_bytes();
    let at = whole
        .windows(8)
        .position(|bytes| bytes == needle)
        .expect("a row");
    let mut damaged = whole.clone();
    damaged[at] ^= 1;
    std::fs::write(&path, damaged).unwrap();
    match LocalCopy::open(directory.path(), BOOT, now(2)) {
        Err(refused) => assert!(
            refused.to_string().contains("delete this file"),
            "{refused}"
        ),
        Ok(copy) => assert_ne!(
            available(&copy, 1),
            Some(123_456_788),
            "never a wrong balance"
        ),
    }
}

#[test]
fn a_second_process_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let _first = LocalCopy::open(directory.path(), BOOT, now(0)).unwrap();
    let refused = LocalCopy::open(directory.path(), BOOT, now(0)).unwrap_err();
    assert!(matches!(refused, CopyError::InUse { .. }), "{refused}");
}
