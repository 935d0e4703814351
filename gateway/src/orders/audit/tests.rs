use proptest::prelude::*;

use super::super::order::{Draft, What};
use super::super::scope::Scope;
use super::*;

fn moment(boot_ms: u64) -> Moment {
    Moment {
        boot: u128::MAX - 1,
        boot_ms,
        wall_s: 1,
    }
}

fn placed(number: u64) -> Event {
    Event::Placed {
        number,
        order: Draft {
            what: What::StandIn,
            scope: Scope::default(),
            reason: "said \"now\", in Köln".to_owned(),
            author: "ada".to_owned(),
            seconds: 60,
        },
        ends_ms: number + 60_000,
    }
}

/// A directory with an audit file of these many orders, and the bytes of it.
fn written(orders: u64) -> (tempfile::TempDir, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let (_, audit) = Audit::open(directory.path());
    let mut audit = audit.unwrap();
    for number in 1..=orders {
        audit.append(moment(number), &placed(number)).unwrap();
    }
    assert_eq!(audit.head().1, orders);
    let bytes = std::fs::read(directory.path().join(FILE)).unwrap();
    (directory, bytes)
}

#[test]
fn what_was_written_is_read_again_and_goes_on() {
    let (directory, bytes) = written(2);
    let (contents, audit) = Audit::open(directory.path());
    let mut audit = audit.unwrap();
    assert_eq!((contents.torn, &contents.damage), (0, &None));
    let read: Vec<_> = (contents.lines.iter())
        .map(|line| (line.moment(), line.event.clone()))
        .collect();
    assert_eq!(read, [1, 2].map(|number| (moment(number), placed(number))));
    assert_eq!(audit.head().0, &contents.head);
    audit.append(moment(3), &Event::Noted).unwrap();
    let longer = std::fs::read(directory.path().join(FILE)).unwrap();
    assert!(longer.starts_with(&bytes));
    assert_eq!(super::read(&longer).lines.len(), 3);
}

#[test]
fn every_flipped_byte_is_found_i14() {
    let (_directory, bytes) = written(3);
    for at in 0..bytes.len() {
        for bit in [0x01, 0x20, 0x80] {
            let mut flipped = bytes.clone();
            flipped[at] ^= bit;
            let contents = read(&flipped);
            let is_found = contents.damage.is_some() || contents.torn > 0;
            assert!(is_found, "byte {at}, bit {bit:#x}");
        }
    }
}

#[test]
fn lines_that_were_taken_away_swapped_or_repeated_are_found_i14() {
    let (_directory, bytes) = written(3);
    let lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for places in [&[1, 2][..], &[0, 2], &[0, 2, 1], &[0, 1, 1], &[2]] {
        let other: Vec<_> = places.iter().map(|place| lines[*place]).collect();
        let damage = read(&other.concat()).damage.unwrap();
        assert!(damage.what.contains("does not follow"), "{places:?}");
    }
}

#[test]
fn what_a_crash_left_of_a_line_is_cut_off_at_every_byte() {
    let (directory, bytes) = written(2);
    let path = directory.path().join(FILE);
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for end in first..bytes.len() {
        std::fs::write(&path, &bytes[..end]).unwrap();
        let (contents, audit) = Audit::open(directory.path());
        assert_eq!((contents.lines.len(), contents.torn), (1, end - first));
        audit.unwrap().append(moment(2), &placed(2)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "cut at {end}");
    }
}

#[test]
fn a_damaged_file_tells_what_was_before_and_is_not_written_to_i14() {
    let (directory, mut bytes) = written(3);
    let path = directory.path().join(FILE);
    let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 30;
    bytes[second] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let (contents, audit) = Audit::open(directory.path());
    assert_eq!(contents.lines.len(), 1);
    let error = audit.unwrap_err();
    assert!(
        error.to_string().contains("line 2 was changed") && error.to_string().contains("move it"),
        "{error}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_file_that_cannot_be_is_told() {
    let (contents, audit) = Audit::open(Path::new("/nowhere"));
    assert!(contents.lines.is_empty());
    assert!(matches!(audit, Err(AuditError::Failed { .. })));
}

proptest! {
    #[test]
    fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let contents = read(&bytes);
        prop_assert!(contents.lines.is_empty());
    }
}
