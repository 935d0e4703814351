//! Both disks keep the same promises; the simulated one also breaks some.

use super::*;

#[test]
fn both_disks_do_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let real = RealDisk::open(directory.path()).unwrap();
    let simulated = SimDisk::new();
    for disk in [&real as &dyn Disk, &simulated] {
        assert_eq!(disk.segments().unwrap(), []);
        disk.create(2, 1000).unwrap();
        disk.create(1, 300_000).unwrap();
        assert_eq!(disk.segments().unwrap(), [(1, 300_000), (2, 1000)]);
        assert_eq!(disk.read(2).unwrap(), [0; 1000]);
        disk.write_at(2, 990, b"0123456789").unwrap();
        disk.sync(2).unwrap();
        assert_eq!(disk.read(2).unwrap()[988..], *b"\0\x000123456789");
        assert_eq!(disk.segments().unwrap(), [(1, 300_000), (2, 1000)]);
        assert!(disk.write_at(3, 0, b"x").is_err());
        assert!(disk.read(3).is_err());
    }
}

#[test]
fn two_processes_cannot_have_one_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made/on/the/way");
    let first = RealDisk::open(&path).unwrap();
    let error = RealDisk::open(&path).unwrap_err();
    assert!(matches!(error, DiskError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("stop that one first"), "{error}");
    drop(first);
    RealDisk::open(&path).unwrap();
}

#[test]
fn what_is_not_a_segment_is_overlooked_or_refused() {
    let directory = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(directory.path()).unwrap();
    std::fs::write(directory.path().join("00000001.unfinished"), "half").unwrap();
    assert_eq!(disk.segments().unwrap(), []);
    disk.create(1, 512).unwrap();
    assert_eq!(
        disk.segments().unwrap(),
        [(1, 512)],
        "the half one was replaced"
    );
    for alien in ["1.journal", "copy of 1.journal"] {
        let path = directory.path().join(alien);
        std::fs::write(&path, "").unwrap();
        assert!(disk.segments().unwrap_err().to_string().contains(alien));
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_power_cut_takes_what_was_not_synced_and_a_kill_does_not() {
    let disk = SimDisk::new();
    disk.create(1, 2048).unwrap();
    disk.write_at(1, 0, b"durable").unwrap();
    disk.sync(1).unwrap();
    disk.write_at(1, 1024, b"written").unwrap();
    let cut = disk.after_power_cut(Torn::Nothing).read(1).unwrap();
    assert!(cut.starts_with(b"durable"));
    assert!(cut[1024..].iter().all(|byte| *byte == 0));
    assert!(disk.after_kill().read(1).unwrap()[1024..].starts_with(b"written"));
    let torn = (0..16).map(|seed| disk.after_power_cut(Torn::Some(seed)).read(1).unwrap());
    let kept = torn.filter(|bytes| bytes[1024] == b'w').count();
    assert!(
        (1..16).contains(&kept),
        "sometimes one, sometimes the other: {kept} of 16"
    );
}

#[test]
fn after_a_failed_sync_the_next_one_succeeds_and_saves_nothing() {
    let disk = SimDisk::new();
    disk.create(1, 512).unwrap();
    disk.fail_sync(2, EIO);
    disk.sync(1).unwrap();
    disk.write_at(1, 0, b"lost").unwrap();
    assert_eq!(disk.sync(1).unwrap_err().raw_os_error(), Some(EIO));
    disk.sync(1).unwrap();
    assert_eq!(disk.read(1).unwrap()[..4], *b"lost", "it reads well");
    assert_eq!(
        disk.after_power_cut(Torn::Nothing).read(1).unwrap()[..4],
        [0; 4]
    );
}

#[test]
fn the_machine_stops_where_it_was_told_to() {
    for (effect, left) in [(Effect::None, 0), (Effect::Half, 3), (Effect::Whole, 6)] {
        let disk = SimDisk::new();
        disk.create(1, 512).unwrap();
        disk.crash_at(2, effect);
        disk.write_at(1, 0, b"before").unwrap();
        assert!(disk.write_at(1, 8, b"during").is_err());
        assert!(disk.crashed());
        assert!(disk.write_at(1, 16, b"behind").is_err());
        assert!(disk.sync(1).is_err());
        let bytes = disk.after_kill().read(1).unwrap();
        assert_eq!(
            bytes.iter().filter(|byte| **byte != 0).count(),
            6 + left,
            "{effect:?}"
        );
    }
}

#[test]
fn a_full_disk_makes_no_segment() {
    let disk = SimDisk::new();
    disk.set_capacity(Some(1000));
    disk.create(1, 600).unwrap();
    assert_eq!(
        disk.create(2, 600).unwrap_err().raw_os_error(),
        Some(ENOSPC)
    );
    assert_eq!(disk.segments().unwrap(), [(1, 600)]);
    disk.set_capacity(None);
    disk.create(2, 600).unwrap();
}
