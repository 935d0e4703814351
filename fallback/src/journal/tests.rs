//! The journal on disks that fail, stop and lose.

mod crashes;
mod damage;
mod reading;

use std::sync::Arc;
use std::time::Duration;

use ledger_api::{
    AccountId, Amount, AuthorizationId, CardToken, Cause, Currency, Expiry, Fingerprint, GatewayId,
    Mark, Reason,
};
use proptest::prelude::*;

use super::*;
use crate::circumstances::{Circumstances, Entry, Kind};
use crate::decide::Reasons;
use crate::disk::{EIO, ENOSPC, RealDisk, SimDisk};
use crate::words::{Completion, DecidedBy, Movement, Request};

type Opened = (Journal, Vec<(u64, Record)>);

/// A segment that holds four answers.
const SMALL: Settings = Settings {
    segment_bytes: 1184,
    spare_retry: Duration::from_millis(1),
};

fn gateway() -> GatewayId {
    "gw1".parse().unwrap()
}

fn open(disk: &SimDisk) -> Result<Opened, OpenError> {
    Journal::open_with(Arc::new(disk.clone()), &gateway(), 7, SMALL)
}

fn answer(n: u64) -> Record {
    let byte = u8::try_from(n % 251).unwrap();
    let amount = Amount::new(100 + i64::try_from(n).unwrap()).unwrap();
    Record::Answer(Answered {
        at_ms: n,
        request: Request {
            id: AuthorizationId([byte; 16]),
            card: CardToken {
                key_id: 1,
                mac: [byte; 16],
            },
            amount,
            currency: Currency::from_numeric(978).unwrap(),
            expiry: Some(Expiry::try_from(2912).unwrap()),
            fingerprint: Fingerprint(n),
            alias: n,
            repeat: false,
            stan: 123_456,
            rrn: *b"632608123456",
            terminal: 0,
            captures: false,
            verification: crate::Verification::default(),
            circumstances: crate::Circumstances::default(),
        },
        account: Some(AccountId(n)),
        approved: true,
        approved_amount: amount,
        reason: Reason::Approved,
        by: DecidedBy::StandIn,
        cause: Cause::LedgerTimeout,
        asked: true,
        ledger_declines: false,
        mark: Mark::default(),
        policy_hash: 9,
        knowledge_age_ms: 10,
        broken: Reasons::NONE,
        exposure_before: 0,
        exposure_after: amount.minor(),
    })
}

fn completion(n: u64, movement: Movement) -> Record {
    let byte = u8::try_from(n % 251).unwrap();
    Record::Completion(Completed {
        at_ms: n,
        completion: Completion {
            id: AuthorizationId([byte; 16]),
            of: Some(AuthorizationId([byte.wrapping_add(1); 16])),
            movement,
            card: CardToken {
                key_id: 1,
                mac: [byte; 16],
            },
            amount: Amount::new(100).unwrap(),
            currency: Currency::from_numeric(978).unwrap(),
            more: movement == Movement::Capture,
            fingerprint: Fingerprint(n),
        },
        account: Some(AccountId(n)),
    })
}

/// What a caller wrote, marks left out.
fn content(records: &[(u64, Record)]) -> Vec<(u64, Record)> {
    records
        .iter()
        .filter(|(_, record)| *record != Record::Synced)
        .copied()
        .collect()
}

/// Looks until it is so: the threads of the journal need a moment.
fn eventually(mut so: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(tokio::time::Instant::now() < deadline, "not within 20 s");
        std::thread::yield_now();
    }
}

/// Appends, waiting for the next segment where it is still being made.
fn append(journal: &Journal, disk: &SimDisk, record: Record) -> Result<Appended, AppendError> {
    let mut appended = journal.append(record);
    eventually(|| {
        let retry = matches!(appended, Err(AppendError::Full(_))) && !disk.crashed();
        if retry {
            appended = journal.append(record);
        }
        !retry
    });
    appended
}

#[tokio::test]
async fn what_was_appended_is_read_back_in_order_across_segments() {
    let disk = SimDisk::new();
    let (journal, records) = open(&disk).unwrap();
    assert_eq!(content(&records), []);
    let mut sent = Vec::new();
    for n in 0..40 {
        let appended = append(&journal, &disk, answer(n)).unwrap();
        appended.durable().await.unwrap();
        sent.push((appended.seq(), answer(n)));
        assert!(
            journal.head().seq >= appended.seq(),
            "what is durable is in the head"
        );
    }
    let hash = journal.hash_at(sent[3].0).unwrap();
    assert!(hash.is_some());
    assert!(journal.status().segments > 8, "{:?}", journal.status());
    drop(journal);

    let (journal, records) = open(&disk).unwrap();
    assert_eq!(content(&records), sent);
    assert_eq!(
        journal.recovered(),
        &Recovered {
            records: records.len() as u64,
            torn: None
        }
    );
    assert_eq!(journal.hash_at(sent[3].0).unwrap(), hash);
    let head = journal.head();
    assert_eq!(journal.hash_at(head.seq).unwrap(), Some(head.hash));
    assert_eq!(journal.hash_at(head.seq + 2).unwrap(), None);
    assert_eq!(head.epoch, 7, "drawn once");
}

#[tokio::test]
async fn sequence_numbers_have_no_holes_and_the_epoch_stays() {
    let disk = SimDisk::new();
    for round in 0..3 {
        let opened = Journal::open_with(Arc::new(disk.clone()), &gateway(), round, SMALL);
        let (journal, records) = opened.unwrap();
        let numbers: Vec<u64> = records.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
        assert_eq!(journal.status().epoch, 0);
        append(&journal, &disk, answer(round))
            .unwrap()
            .written()
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn being_written_does_not_wait_for_a_sync_in_progress() {
    let disk = SimDisk::new();
    let (journal, _) = open(&disk).unwrap();
    disk.hold_syncs();
    let first = journal.append(answer(1)).unwrap();
    let waiting = first.clone();
    let durable = tokio::spawn(async move { waiting.durable().await });
    while disk.held_syncs() == 0 {
        tokio::task::yield_now().await;
    }
    let second = journal.append(answer(2)).unwrap();
    second.written().await.unwrap();
    assert!(journal.status().synced_seq < first.seq());
    assert!(!durable.is_finished());
    disk.release_syncs();
    durable.await.unwrap().unwrap();
    second.durable().await.unwrap();
}

#[tokio::test]
async fn who_looks_at_many_records_sees_how_far_each_is_and_is_woken_when_that_changes_i1() {
    let disk = SimDisk::new();
    let (journal, _) = open(&disk).unwrap();
    disk.hold_syncs();
    let records = [1, 2].map(|n| journal.append(answer(n)).unwrap());
    let far = |records: &[Appended; 2]| records.each_ref().map(Appended::progress);
    let settled = tokio::spawn(records[0].settled());
    records[1].hasten();
    while disk.held_syncs() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(far(&records), [Progress::Underway; 2]);
    assert!(!settled.is_finished());
    disk.release_syncs();
    settled.await.unwrap();
    assert_eq!(far(&records), [Progress::Durable; 2]);

    disk.fail_sync(1, EIO);
    let lost = journal.append(answer(3)).unwrap();
    let settled = lost.settled();
    lost.hasten();
    settled.await;
    assert_eq!(lost.progress(), Progress::Unknown, "rule 10");
    assert_eq!(far(&records), [Progress::Durable; 2], "for ever");
}

#[tokio::test]
async fn one_sync_covers_everything_that_gathered() {
    let disk = SimDisk::new();
    let (journal, _) = Journal::open(Arc::new(disk.clone()), &gateway(), 7).unwrap();
    let before = disk.operations();
    disk.hold_syncs();
    let appended: Vec<Appended> = (0..500)
        .map(|n| journal.append(answer(n)).unwrap())
        .collect();
    let last = appended.last().unwrap();
    last.written().await.unwrap();
    let waiting = last.clone();
    let durable = tokio::spawn(async move { waiting.durable().await });
    while disk.held_syncs() == 0 {
        tokio::task::yield_now().await;
    }
    disk.release_syncs();
    durable.await.unwrap().unwrap();
    for appended in &appended {
        appended.durable().await.unwrap();
    }
    let writes = disk.operations() - before;
    assert!(writes < 500, "{writes} operations for 500 records");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_appenders_all_become_durable_in_the_order_of_their_calls() {
    let directory = tempfile::tempdir().unwrap();
    let disk = || Arc::new(RealDisk::open(directory.path()).unwrap());
    let (journal, _) = Journal::open(disk(), &gateway(), 7).unwrap();
    let journal = Arc::new(journal);
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let journal = Arc::clone(&journal);
            tokio::spawn(async move {
                let mut mine = Vec::new();
                for n in 0..20 {
                    let record = answer(task * 1000 + n);
                    let appended = journal.append(record).unwrap();
                    appended.durable().await.unwrap();
                    mine.push((appended.seq(), record));
                }
                mine
            })
        })
        .collect();
    let mut sent = Vec::new();
    for task in tasks {
        let mine = task.await.unwrap();
        assert!(
            mine.is_sorted_by_key(|(seq, _)| *seq),
            "in the order of the calls"
        );
        sent.extend(mine);
    }
    sent.sort_by_key(|(seq, _)| *seq);
    drop(Arc::into_inner(journal).unwrap());
    let (_, records) = Journal::open(disk(), &gateway(), 7).unwrap();
    assert_eq!(content(&records), sent);
}

#[tokio::test]
async fn i1_a_full_disk_refuses_before_accepting_and_goes_on_when_there_is_room() {
    let disk = SimDisk::new();
    disk.set_capacity(Some(2 * SMALL.segment_bytes));
    let (journal, _) = open(&disk).unwrap();
    let mut sent = Vec::new();
    let full = loop {
        match journal.append(answer(sent.len() as u64)) {
            Ok(appended) => {
                appended.durable().await.unwrap();
                sent.push((appended.seq(), answer(sent.len() as u64)));
            }
            Err(AppendError::Full(full)) => break full,
            Err(AppendError::Failed(failed)) => panic!("{failed}"),
        }
    };
    assert!(sent.len() >= 6, "two segments hold {} answers", sent.len());
    assert!(full.to_string().contains("a retry is safe"), "{full}");
    eventually(|| journal.status().full.is_some());
    assert!(journal.status().exhausted, "nothing fits any more");
    assert_eq!(journal.status().poisoned, None);

    let (_, records) = open(&disk.after_kill()).unwrap();
    assert_eq!(content(&records), sent, "what was accepted is there");

    disk.set_capacity(None);
    let appended = append(&journal, &disk, answer(99)).unwrap();
    appended.durable().await.unwrap();
    assert_eq!(journal.status().full, None);
    assert!(!journal.status().exhausted);
    sent.push((appended.seq(), answer(99)));
    drop(journal);
    assert_eq!(content(&open(&disk).unwrap().1), sent);
}

#[test]
fn a_disk_without_room_for_the_first_segment_is_an_error() {
    let disk = SimDisk::new();
    disk.set_capacity(Some(100));
    let error = open(&disk).unwrap_err();
    assert!(
        matches!(&error, OpenError::Disk { source, .. }
        if source.raw_os_error() == Some(ENOSPC)),
        "{error}"
    );
}

#[tokio::test]
async fn dropping_the_journal_makes_everything_durable() {
    let disk = SimDisk::new();
    let (journal, _) = open(&disk).unwrap();
    let appended = journal.append(answer(1)).unwrap();
    drop(journal);
    appended.durable().await.unwrap();
    let (_, records) = open(&disk.after_power_cut(crate::disk::Torn::Nothing)).unwrap();
    assert_eq!(content(&records), [(appended.seq(), answer(1))]);
}

fn amounts() -> impl Strategy<Value = Amount> {
    (0..=Amount::MAX.minor()).prop_map(|minor| Amount::new(minor).unwrap())
}

fn cards() -> impl Strategy<Value = CardToken> {
    any::<[u8; 17]>().prop_map(CardToken::from_bytes)
}

fn marks() -> impl Strategy<Value = Mark> {
    any::<(u64, u64)>().prop_map(|(epoch, position)| Mark { epoch, position })
}

fn reasons() -> impl Strategy<Value = Reason> {
    proptest::sample::select(Reason::ALL)
}

prop_compose! {
    fn circumstances()(
        kind in proptest::sample::select(Kind::ALL), entry in proptest::sample::select(Entry::ALL),
        (mcc, country) in (0_u16..=9_999, 0_u16..=999), (merchant, bin) in any::<(u32, u32)>(),
        partial in any::<bool>(),
    ) -> Circumstances {
        Circumstances { kind, entry, mcc, country, merchant, bin, partial }
    }
}

prop_compose! {
    fn requests()(
        id in any::<[u8; 16]>(), card in cards(), amount in amounts(),
        currency in proptest::sample::select(&[978, 840, 392, 414]),
        expiry in proptest::option::of((0_u16..=99, 1_u16..=12)),
        fingerprint in any::<u64>(), alias in any::<u64>(), (repeat, captures) in any::<(bool, bool)>(),
        (stan, terminal) in any::<(u32, u32)>(), rrn in any::<[u8; 12]>(), checks in 0_u8..64,
        circumstances in circumstances(),
    ) -> Request {
        Request {
            id: AuthorizationId(id),
            card,
            amount,
            currency: Currency::from_numeric(currency).unwrap(),
            expiry: expiry.map(|(year, month)| Expiry::try_from(year * 100 + month).unwrap()),
            fingerprint: Fingerprint(fingerprint),
            alias,
            repeat,
            stan,
            rrn,
            terminal,
            captures,
            verification: crate::Verification::from_byte(checks).unwrap(),
            circumstances,
        }
    }
}

prop_compose! {
    fn answers()(
        request in requests(), account in proptest::option::of(any::<u64>()),
        (approved, asked, ledger_declines) in any::<(bool, bool, bool)>(), approved_amount in amounts(),
        reason in reasons(), cause in proptest::sample::select(Cause::ALL), mark in marks(),
        by in proptest::sample::select(
            &[DecidedBy::Ledger, DecidedBy::StandIn, DecidedBy::Network][..]),
        (at_ms, policy_hash, knowledge_age_ms) in any::<(u64, u64, u64)>(),
        broken in proptest::collection::vec(reasons(), 0..4),
        (exposure_before, exposure_after) in any::<(i64, i64)>(),
    ) -> Record {
        let account = account.map(AccountId);
        Record::Answer(Answered { at_ms, request, account, approved, approved_amount, reason, by,
            cause, asked, ledger_declines, mark, policy_hash, knowledge_age_ms,
            broken: broken.into_iter().fold(Reasons::NONE, Reasons::and), exposure_before,
            exposure_after })
    }
}

prop_compose! {
    fn completions()(
        (at_ms, id, fingerprint) in any::<(u64, [u8; 16], u64)>(),
        of in proptest::option::of(any::<[u8; 16]>()), account in proptest::option::of(any::<u64>()),
        movement in proptest::sample::select(&[Movement::Capture, Movement::Refund][..]),
        more in any::<bool>(), card in cards(), amount in amounts(),
        currency in proptest::sample::select(&[978, 840, 392, 414]),
    ) -> Record {
        Record::Completion(Completed {
            at_ms,
            completion: Completion {
                id: AuthorizationId(id),
                of: of.map(AuthorizationId),
                movement,
                card,
                amount,
                currency: Currency::from_numeric(currency).unwrap(),
                more,
                fingerprint: Fingerprint(fingerprint),
            },
            account: account.map(AccountId),
        })
    }
}

fn any_record() -> impl Strategy<Value = Record> {
    let reversal = (any::<(u64, [u8; 16])>(), cards(), amounts());
    let acknowledged = (
        any::<(u64, u64)>(),
        proptest::option::of(reasons()),
        marks(),
    );
    prop_oneof![
        answers(),
        reversal.prop_map(|((at_ms, id), card, remaining)| {
            Record::Reversal(Reversed {
                at_ms,
                id: AuthorizationId(id),
                card,
                remaining,
            })
        }),
        acknowledged.prop_map(|((at_ms, seq), parked, mark)| {
            Record::Acknowledged(Acknowledged {
                at_ms,
                seq,
                parked,
                mark,
            })
        }),
        any::<(u64, u128, u64)>().prop_map(|(at_ms, boot_id, policy_hash)| {
            Record::Booted(Booted {
                at_ms,
                boot_id,
                policy_hash,
            })
        }),
        (any::<(u64, u64)>(), amounts()).prop_map(|((at_ms, seq), shortfall)| {
            Record::Covered(Covered {
                at_ms,
                seq,
                shortfall,
            })
        }),
        completions(),
        Just(Record::Synced),
    ]
}

#[test]
fn an_answer_of_an_older_journal_is_read_and_knows_less() {
    const BEFORE: u8 = 1;
    let mut bytes = Vec::new();
    let record = answer(3);
    record.encode(&mut bytes);
    let read = Record::decode(BEFORE, &bytes[..144]);
    let Record::Answer(answered) = record else {
        panic!("{record:?}");
    };
    assert_eq!(answered.exposure_after, answered.approved_amount.minor());
    assert_eq!(read, Ok(Record::Answer(answered)));
    assert!(Record::decode(BEFORE, &bytes).is_err(), "one length each");
    assert!(Record::decode(record.kind(), &bytes[..144]).is_err());
}

proptest! {
    #[test]
    fn every_record_survives_its_bytes(record in any_record()) {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        prop_assert_eq!(bytes.len(), record.payload_bytes());
        prop_assert_eq!(bytes.len() % 8, 0);
        prop_assert_eq!(Record::decode(record.kind(), &bytes), Ok(record));
    }

    /// I14: there is one way to write a record, and nothing else is read.
    #[test]
    fn i14_no_other_bytes_are_a_record(
        record in any_record(), at in any::<prop::sample::Index>(), bit in 0_u8..8,
    ) {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        prop_assert!(Record::decode(record.kind(), &[&bytes[..], &[0; 8]].concat()).is_err());
        if !bytes.is_empty() {
            prop_assert!(Record::decode(record.kind(), &bytes[1..]).is_err());
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(other) = Record::decode(record.kind(), &bytes) {
                let mut again = Vec::new();
                other.encode(&mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
