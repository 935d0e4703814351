//! A journal that is only looked at.

use super::*;
use crate::disk::{Disk, ReadOnlyDisk};

type Read = (Vec<(u64, Record)>, Option<Reading>);

fn read(disk: &dyn Disk) -> Result<Read, OpenError> {
    let mut records = Vec::new();
    let reading = Reading::of(disk, &mut |entry| records.push((entry.seq, entry.record)))?;
    Ok((records, reading))
}

fn bytes(disk: &SimDisk) -> Vec<Vec<u8>> {
    let segments = disk.segments().unwrap();
    let read = segments.iter().map(|(number, _)| disk.read(*number));
    read.collect::<Result<_, _>>().unwrap()
}

/// A journal of two segments, its last records written and not synced.
async fn killed() -> SimDisk {
    let disk = SimDisk::new();
    let (journal, _) = open(&disk).unwrap();
    for n in 0..5 {
        append(&journal, &disk, answer(n))
            .unwrap()
            .durable()
            .await
            .unwrap();
    }
    let last = append(&journal, &disk, answer(5)).unwrap();
    last.written().await.unwrap();
    let killed = disk.after_kill();
    drop(journal);
    killed
}

#[tokio::test]
async fn what_is_read_is_what_a_start_would_find_and_nothing_is_changed() {
    let disk = killed().await;
    let before = bytes(&disk);
    let (records, reading) = read(&disk).unwrap();
    let reading = reading.unwrap();
    assert_eq!(bytes(&disk), before);
    assert!(reading.is_of("gw1") && !reading.is_of("gw2"));
    assert!(reading.synced_through < reading.head.seq);
    assert_eq!((reading.head.epoch, reading.torn), (7, None));
    let (_, opened) = open(&disk).unwrap();
    assert_eq!(records, opened);
    assert_eq!(records.last().map(|(seq, _)| *seq), Some(reading.head.seq));
}

#[tokio::test]
async fn i14_a_flipped_bit_is_damage_to_a_reader_where_it_is_damage_to_a_start() {
    let disk = killed().await;
    for (segment, size) in disk.segments().unwrap() {
        for offset in (0..usize::try_from(size).unwrap()).step_by(7) {
            let flipped = disk.after_kill();
            flipped.flip(segment, offset, u8::try_from(offset % 8).unwrap());
            let looked = read(&flipped);
            match (looked, open(&flipped)) {
                (Ok((records, reading)), Ok((journal, opened))) => {
                    assert_eq!(records, opened, "{segment}:{offset}");
                    let torn = reading.and_then(|reading| reading.torn);
                    assert_eq!(torn, journal.recovered().torn, "{segment}:{offset}");
                }
                (Err(looked), Err(opened)) => assert_eq!(looked.to_string(), opened.to_string()),
                (looked, opened) => panic!("{segment}:{offset}: {looked:?}, but {opened:?}"),
            }
        }
    }
}

#[test]
fn where_there_is_no_journal_there_is_none_to_read() {
    assert!(matches!(read(&SimDisk::new()), Ok((records, None)) if records.is_empty()));
}

#[tokio::test]
async fn a_journal_in_use_is_read_as_far_as_it_goes_and_only_read() {
    let directory = tempfile::tempdir().unwrap();
    let disk = ReadOnlyDisk::new(directory.path());
    assert!(!disk.is_in_use(), "nobody was there yet");
    let held = Arc::new(RealDisk::open(directory.path()).unwrap());
    let (journal, _) = Journal::open_with(held, &gateway(), 7, SMALL).unwrap();
    for n in 0..9 {
        let appended = append(&journal, &SimDisk::new(), answer(n)).unwrap();
        appended.durable().await.unwrap();
        let (records, reading) = read(&disk).unwrap();
        assert!(disk.is_in_use());
        // A mark may have been written behind it by now.
        let last = records
            .iter()
            .rfind(|(_, record)| *record != Record::Synced);
        assert_eq!(last.unwrap().1, answer(n));
        assert_eq!(reading.unwrap().head.seq, records.last().unwrap().0);
    }
    drop(journal);
    assert!(!disk.is_in_use());
    for refused in [
        disk.create(9, 1024),
        disk.write_at(1, 0, b"x"),
        disk.sync(1),
    ] {
        assert_eq!(
            refused.unwrap_err().kind(),
            std::io::ErrorKind::ReadOnlyFilesystem
        );
    }
}
