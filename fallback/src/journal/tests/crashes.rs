//! The machine stops at every operation of a run, and the disk fails at every one.

use super::*;
use crate::disk::{EIO, Effect, Torn};

const RECORDS: u64 = 14;

/// What the caller of a run was promised.
#[derive(Debug, Default)]
struct Promised {
    sent: Vec<(u64, Record)>,
    durable: usize,
    written: usize,
}

/// Every fourth one is a capture or a refund.
fn record(n: u64) -> Record {
    match n % 8 {
        3 => completion(n, Movement::Capture),
        7 => completion(n, Movement::Refund),
        _ => answer(n),
    }
}

/// Appends until the disk fails. Every third record is waited for to be durable; of the others, as
/// of ledger answers, only that they are written.
async fn run(disk: &SimDisk) -> Promised {
    let mut promised = Promised::default();
    let Ok((journal, _)) = open(disk) else {
        return promised;
    };
    for n in 0..RECORDS {
        let Ok(appended) = append(&journal, disk, record(n)) else {
            break;
        };
        promised.sent.push((appended.seq(), record(n)));
        if n % 3 == 2 {
            if appended.durable().await.is_err() {
                break;
            }
            promised.durable = promised.sent.len();
        } else if appended.written().await.is_err() {
            break;
        }
        promised.written = promised.sent.len();
    }
    promised
}

/// Opens what is left: at least the first `promised` records, in order, and no others. Then it must
/// go on as if nothing had happened.
async fn check(left: &SimDisk, sent: &[(u64, Record)], promised: usize, what: &str) {
    let (journal, records) = open(left).unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut found = content(&records);
    assert!(
        found.len() >= promised,
        "{what}: {} of {promised} records",
        found.len()
    );
    assert_eq!(Some(&found[..]), sent.get(..found.len()), "{what}");
    let more = append(&journal, left, answer(77)).unwrap();
    more.durable().await.unwrap();
    found.push((more.seq(), answer(77)));
    drop(journal);
    let (journal, records) = open(&left.after_power_cut(Torn::Nothing)).unwrap();
    assert_eq!(content(&records), found, "{what}, once more");
    assert_eq!(journal.recovered().torn, None, "{what}");
}

async fn check_all(disk: &SimDisk, promised: &Promised, what: &str) {
    let Promised {
        sent,
        durable,
        written,
    } = promised;
    check(&disk.after_kill(), sent, *written, &format!("{what}, kill")).await;
    for torn in [Torn::Nothing, Torn::Some(1), Torn::Some(2), Torn::Some(3)] {
        let what = format!("{what}, power cut, {torn:?}");
        check(&disk.after_power_cut(torn), sent, *durable, &what).await;
    }
}

#[tokio::test]
async fn i1_i14_a_stop_at_any_operation_loses_nothing_that_was_promised() {
    for effect in [Effect::None, Effect::Half, Effect::Whole] {
        for k in 1.. {
            let disk = SimDisk::new();
            disk.crash_at(k, effect);
            let promised = run(&disk).await;
            check_all(&disk, &promised, &format!("operation {k}, {effect:?}")).await;
            if !disk.crashed() {
                assert!(k > 30, "the run is long enough to mean something: {k}");
                assert_eq!(promised.sent.len() as u64, RECORDS);
                break;
            }
        }
    }
}

#[tokio::test]
async fn i1_a_stop_during_recovery_loses_nothing_either() {
    for k in 1.. {
        let disk = SimDisk::new();
        // Late enough that there is something to recover, and something torn.
        disk.crash_at(29, Effect::Half);
        let promised = run(&disk).await;
        assert!(disk.crashed());
        let left = disk.after_power_cut(Torn::Some(k));
        left.crash_at(k, Effect::Half);
        let opened = open(&left);
        let stopped = left.crashed();
        drop(opened);
        let left = left.after_power_cut(Torn::Some(k + 1));
        check(
            &left,
            &promised.sent,
            promised.durable,
            &format!("recovery operation {k}"),
        )
        .await;
        if !stopped {
            assert!(k > 2, "recovery did something: {k}");
            break;
        }
    }
}

#[tokio::test]
async fn rule_10_a_failed_write_or_sync_poisons_for_good() {
    for n in 1..25 {
        for write in [false, true] {
            let disk = SimDisk::new();
            let (journal, _) = open(&disk).unwrap();
            append(&journal, &disk, answer(0))
                .unwrap()
                .durable()
                .await
                .unwrap();
            let fail = if write {
                SimDisk::fail_write
            } else {
                SimDisk::fail_sync
            };
            fail(&disk, n, EIO);
            let mut durable = vec![0];
            let failed = loop {
                let next = *durable.last().unwrap() + 1;
                let Ok(appended) = append(&journal, &disk, answer(next)) else {
                    break None;
                };
                assert!(next < 100, "nothing fails");
                let now = tokio::time::timeout(Duration::from_secs(20), appended.durable());
                match now.await.expect("nobody is left waiting") {
                    Ok(()) => durable.push(next),
                    Err(failed) => break Some((appended, failed)),
                }
            };
            let status = journal.status();
            assert!(
                status
                    .poisoned
                    .is_some_and(|cause| cause.contains("error 5")),
                "{n}"
            );
            for _ in 0..3 {
                assert!(matches!(
                    journal.append(answer(1)),
                    Err(AppendError::Failed(_))
                ));
                if let Some((appended, failed)) = &failed {
                    assert_eq!(appended.durable().await.as_ref(), Err(failed), "{n}");
                }
            }
            assert_eq!(journal.status().synced_seq, status.synced_seq);
            drop(journal);
            let (_, records) = open(&disk.after_power_cut(Torn::Nothing)).unwrap();
            let found: Vec<Record> = content(&records).iter().map(|(_, r)| *r).collect();
            let sent: Vec<Record> = durable.iter().map(|n| answer(*n)).collect();
            assert!(
                found.starts_with(&sent),
                "{n}: {} of {}",
                found.len(),
                sent.len()
            );
        }
    }
}

/// A write fails while a sync that has begun earlier is under way: it may succeed, and says nothing.
#[tokio::test]
async fn rule_10_a_sync_that_ends_after_the_failure_acknowledges_nobody() {
    let disk = SimDisk::new();
    let (journal, _) = open(&disk).unwrap();
    disk.hold_syncs();
    let first = journal.append(answer(1)).unwrap();
    let waiting = first.clone();
    let durable = tokio::spawn(async move { waiting.durable().await });
    while disk.held_syncs() == 0 {
        tokio::task::yield_now().await;
    }
    disk.fail_write(1, EIO);
    let second = journal.append(answer(2)).unwrap();
    let failed = second.written().await.unwrap_err();
    assert_eq!(durable.await.unwrap(), Err(failed.clone()));
    disk.release_syncs();
    drop(journal);
    assert_eq!(first.durable().await, Err(failed.clone()));
    assert_eq!(second.durable().await, Err(failed));
}

#[tokio::test]
async fn what_a_failed_sync_left_in_memory_is_written_again_before_it_counts() {
    let disk = SimDisk::new();
    let (journal, _) = open(&disk).unwrap();
    let first = journal.append(answer(1)).unwrap();
    first.durable().await.unwrap();
    disk.fail_sync(1, EIO);
    let second = journal.append(answer(2)).unwrap();
    assert!(second.durable().await.is_err());
    drop(journal);

    // Nobody knows whether the second one counts. Once it was read back, it does.
    let disk = disk.after_kill();
    let (journal, records) = open(&disk).unwrap();
    assert_eq!(content(&records).len(), 2);
    let third = append(&journal, &disk, answer(3)).unwrap();
    third.durable().await.unwrap();

    let (_, records) = open(&disk.after_power_cut(Torn::Nothing)).unwrap();
    let expected = [
        (first.seq(), answer(1)),
        (second.seq(), answer(2)),
        (third.seq(), answer(3)),
    ];
    assert_eq!(content(&records), expected);
}
