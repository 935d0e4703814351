//! Bytes that are not what was written (I14).

use sha2::{Digest, Sha256};

use super::*;
use crate::disk::{Disk, Torn};

/// A journal of `n` durable answers that was closed.
async fn closed(n: u64) -> (SimDisk, Vec<(u64, Record)>) {
    let disk = SimDisk::new();
    let (journal, _) = open(&disk).unwrap();
    let mut sent = Vec::new();
    for n in 0..n {
        let appended = append(&journal, &disk, answer(n)).unwrap();
        appended.durable().await.unwrap();
        sent.push((appended.seq(), answer(n)));
    }
    drop(journal);
    (disk, sent)
}

/// Where the frames of a segment start.
fn frames(disk: &SimDisk, segment: u64) -> Vec<usize> {
    let bytes = disk.read(segment).unwrap();
    let mut offsets = vec![frame::HEADER_BYTES];
    while let Ok(frame) = frame::Frame::decode(&bytes[*offsets.last().unwrap()..]) {
        offsets.push(offsets.last().unwrap() + frame.len());
    }
    offsets.pop();
    offsets
}

/// Makes the checksum of a frame right again.
fn checksum(bytes: &mut [u8]) {
    let at = bytes.len() - 4;
    let sum = crc32fast::hash(&bytes[..at]);
    bytes[at..].copy_from_slice(&sum.to_le_bytes());
}

#[tokio::test]
async fn i14_a_flipped_bit_anywhere_is_refused_or_costs_only_a_mark() {
    let (disk, sent) = closed(6).await;
    let mut refused = 0;
    for (segment, bytes) in disk.segments().unwrap() {
        for offset in 0..usize::try_from(bytes).unwrap() {
            let flipped = disk.after_kill();
            flipped.flip(segment, offset, u8::try_from(offset % 8).unwrap());
            match open(&flipped) {
                Ok((_, records)) => assert_eq!(content(&records), sent, "{segment}:{offset}"),
                Err(error) => {
                    refused += 1;
                    let text = error.to_string();
                    assert!(text.contains(&format!("{segment:08}.journal")), "{text}");
                }
            }
        }
    }
    assert!(
        refused > 1500,
        "{refused}: every byte of six answers and two headers"
    );
}

/// A checksum finds accidents. The chain finds what comes with a right checksum.
#[tokio::test]
async fn i14_altered_content_with_a_right_checksum_is_refused() {
    let (disk, sent) = closed(3).await;
    let bytes = disk.read(1).unwrap();
    for start in frames(&disk, 1) {
        let length = frame::Frame::decode(&bytes[start..]).unwrap().len();
        for at in [8, 16, 24, 55, 56, 200]
            .into_iter()
            .filter(|at| at + 8 <= length)
        {
            let altered = disk.after_kill();
            let mut changed = bytes[start..start + length].to_vec();
            changed[at] ^= 1;
            checksum(&mut changed);
            altered.overwrite(1, start, &changed);
            if let Ok((_, records)) = open(&altered) {
                assert_eq!(content(&records), sent, "frame at {start}, byte {at}");
            }
        }
    }
}

#[tokio::test]
async fn i14_the_last_record_is_protected_once_the_journal_is_closed() {
    let disk = SimDisk::new();
    let (journal, _) = open(&disk).unwrap();
    append(&journal, &disk, answer(1))
        .unwrap()
        .written()
        .await
        .unwrap();
    drop(journal);
    let starts = frames(&disk, 1);
    disk.flip(1, starts[starts.len() - 2] + 100, 3);
    let error = open(&disk).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn i14_a_damaged_first_header_is_not_taken_for_a_new_journal() {
    let disk = SimDisk::new();
    let (journal, _) = open(&disk).unwrap();
    append(&journal, &disk, answer(1))
        .unwrap()
        .written()
        .await
        .unwrap();
    for offset in 0..frame::HEADER_BYTES {
        let killed = disk.after_kill();
        killed.flip(1, offset, 1);
        let error = open(&killed).unwrap_err();
        assert!(
            matches!(
                error,
                OpenError::Damaged {
                    offset: 0,
                    seq: 1,
                    ..
                }
            ),
            "{error}"
        );
    }
    // A header that a crash cut short, with nothing behind it, is where a journal begins.
    let cut = SimDisk::new();
    cut.create(1, SMALL.segment_bytes).unwrap();
    cut.overwrite(1, 0, b"HOLDFAST\x01\0\0");
    let (journal, records) = open(&cut).unwrap();
    assert_eq!(records, []);
    append(&journal, &cut, answer(1))
        .unwrap()
        .durable()
        .await
        .unwrap();
    drop(journal);
    assert_eq!(content(&open(&cut).unwrap().1).len(), 1);
}

#[tokio::test]
async fn i14_damage_is_told_with_its_place_its_proof_and_a_cure() {
    let (disk, sent) = closed(2).await;
    let start = frames(&disk, 1)[usize::try_from(sent[0].0).unwrap() - 1];
    disk.flip(1, start + 60, 0);
    let before = disk.read(1).unwrap();
    let error = open(&disk).unwrap_err();
    assert!(
        matches!(&error, OpenError::Damaged { offset, seq, .. }
            if *offset == start as u64 && *seq == sent[0].0),
        "{error}"
    );
    assert!(
        error.to_string().contains("restore the file from a copy"),
        "{error}"
    );
    assert_eq!(disk.read(1).unwrap(), before, "nothing was changed");
}

#[tokio::test]
async fn a_torn_tail_is_cut_reported_and_written_over() {
    let (disk, sent) = closed(2).await;
    let end = *frames(&disk, 1).last().unwrap() + frame::FRAME_BYTES_MIN;
    disk.overwrite(1, end + 16, b"half of a frame");
    let (journal, records) = open(&disk).unwrap();
    assert_eq!(content(&records), sent);
    let torn = journal.recovered().torn.clone().unwrap();
    assert_eq!((torn.offset, torn.bytes), (end as u64 + 16, 15));
    append(&journal, &disk, answer(5))
        .unwrap()
        .durable()
        .await
        .unwrap();
    drop(journal);
    let (journal, records) = open(&disk.after_power_cut(Torn::Nothing)).unwrap();
    assert_eq!(content(&records).len(), 3);
    assert_eq!(journal.recovered().torn, None);
}

#[tokio::test]
async fn i14_a_missing_or_resized_segment_is_refused() {
    let (disk, _) = closed(14).await;
    let segments = disk.segments().unwrap().len() as u64;
    assert!(segments >= 4);
    for missing in 1..segments {
        let disk = disk.after_kill();
        disk.remove(missing);
        let error = open(&disk).unwrap_err();
        assert!(
            matches!(error, OpenError::MissingSegment { .. }),
            "{missing}: {error}"
        );
    }
    let disk = disk.after_kill();
    disk.truncate(2, 600);
    let error = open(&disk).unwrap_err();
    assert!(
        matches!(error, OpenError::Resized { bytes: 600, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn i14_segments_in_another_order_are_refused() {
    let (disk, _) = closed(14).await;
    let (two, three) = (disk.read(2).unwrap(), disk.read(3).unwrap());
    disk.overwrite(2, 0, &three);
    disk.overwrite(3, 0, &two);
    let error = open(&disk).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn unknown_versions_are_refused() {
    let (disk, _) = closed(2).await;
    let bytes = disk.read(1).unwrap();

    let header = disk.after_kill();
    let mut changed = bytes[..frame::HEADER_BYTES].to_vec();
    changed[8] = 2;
    checksum(&mut changed);
    header.overwrite(1, 0, &changed);
    let error = open(&header).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::UnknownVersion {
                offset: 0,
                version: 2,
                ..
            }
        ),
        "{error}"
    );

    for start in frames(&disk, 1) {
        let newer = disk.after_kill();
        let length = frame::Frame::decode(&bytes[start..]).unwrap().len();
        let mut changed = bytes[start..start + length].to_vec();
        changed[6] = 9;
        checksum(&mut changed);
        newer.overwrite(1, start, &changed);
        let error = open(&newer).unwrap_err();
        assert!(
            matches!(error, OpenError::UnknownVersion { version: 9, .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn i14_an_unknown_record_type_is_refused_even_at_the_end() {
    let (disk, _) = closed(2).await;
    let bytes = disk.read(1).unwrap();
    let starts = frames(&disk, 1);
    let (previous, last) = (starts[starts.len() - 2], starts[starts.len() - 1]);
    let mut changed = bytes[last..last + frame::FRAME_BYTES_MIN].to_vec();
    changed[7] = 200;
    let mut chained = bytes[previous + 24..previous + 56].to_vec();
    chained.extend(&changed[..24]);
    changed[24..56].copy_from_slice(&Sha256::digest(&chained));
    checksum(&mut changed);
    disk.overwrite(1, last, &changed);
    let error = open(&disk).unwrap_err();
    let unknown = RecordError::UnknownType(200);
    assert!(
        matches!(&error, OpenError::UnknownRecord { source, .. } if *source == unknown),
        "{error}"
    );
}

#[tokio::test]
async fn the_journal_of_another_gateway_is_refused() {
    let (disk, _) = closed(1).await;
    let other = "gw2".parse().unwrap();
    let error = Journal::open(Arc::new(disk), &other, 7).unwrap_err();
    assert!(matches!(error, OpenError::OtherGateway { .. }), "{error}");
}

/// Whoever changes these bytes changes the format, and must count the version up.
#[test]
fn version_1_is_written_as_drawn() {
    let mark = Mark {
        epoch: 5,
        position: 6,
    };
    let Record::Answer(answered) = answer(1) else {
        panic!("an answer")
    };
    let card = answered.request.card;
    let (id, remaining) = (answered.request.id, Amount::ZERO);
    let mut bytes = Vec::new();
    let gateway = frame::gateway_hash("gw1");
    let mut chain = frame::origin(&gateway, 7);
    let header = frame::Header {
        gateway,
        epoch: 7,
        segment: 1,
        first_seq: 1,
        chain,
        bytes: 1024,
    };
    header.encode(&mut bytes);
    assert_eq!(bytes.len(), frame::HEADER_BYTES);
    for (record, seq) in [
        Record::Answer(answered),
        Record::Reversal(Reversed {
            at_ms: 2,
            id,
            card,
            remaining,
        }),
        Record::Acknowledged(Acknowledged {
            at_ms: 3,
            seq: 1,
            parked: None,
            mark,
        }),
        Record::Booted(Booted {
            at_ms: 4,
            boot_id: 5,
            policy_hash: 6,
        }),
        Record::Covered(Covered {
            at_ms: 7,
            seq: 1,
            shortfall: Amount::MAX,
        }),
        Record::Synced,
    ]
    .into_iter()
    .zip(1..)
    {
        chain = frame::encode(&mut bytes, &chain, seq, seq - 1, &record);
    }
    assert_eq!(bytes.len(), 128 + 6 * 64 + 184 + 56 + 40 + 32 + 24);
    let digest: frame::Chain = Sha256::digest(&bytes).into();
    let expected = (0x8440_d4c5_0e90_04e3, 0xfc13_4982_8e08_a548);
    assert_eq!((frame::short(&digest), frame::short(&chain)), expected);
}

#[test]
fn captures_and_refunds_are_written_as_drawn() {
    let (one, two) = (
        completion(3, Movement::Capture),
        completion(7, Movement::Refund),
    );
    let mut bytes = Vec::new();
    one.encode(&mut bytes);
    let drawn = [
        &3_u64.to_le_bytes()[..],
        &[3; 16],
        &[1],
        &[3; 16],
        &[1 + 2 + 4],
        &978_u16.to_le_bytes(),
        &[0; 4],
        &[4; 16],
        &100_u64.to_le_bytes(),
        &3_u64.to_le_bytes(),
        &3_u64.to_le_bytes(),
    ];
    assert_eq!((one.kind(), bytes), (7, drawn.concat()));
    assert_eq!((two.kind(), two.payload_bytes()), (8, 88));
    let Record::Answer(mut answered) = answer(1) else {
        panic!("an answer")
    };
    answered.request.terminal = 0x0102_0304;
    let mut bytes = Vec::new();
    Record::Answer(answered).encode(&mut bytes);
    assert_eq!(bytes[84..88], [4, 3, 2, 1]);
}
