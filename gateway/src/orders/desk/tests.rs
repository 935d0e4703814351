use super::super::audit;
use super::*;

const TERMS: Terms = Terms { seconds_max: 600 };

fn keys() -> Arc<Keys> {
    let (card, id) = ("1".repeat(64), "2".repeat(64));
    Arc::new(Keys::parse(&format!("card {card}\nid {id}\n")).unwrap())
}

fn at(boot: u128, boot_ms: u64) -> Moment {
    Moment {
        boot,
        boot_ms,
        wall_s: 0,
    }
}

fn draft(what: What) -> Draft {
    Draft {
        what,
        scope: Scope::default(),
        reason: "because".to_owned(),
        author: "ada".to_owned(),
        seconds: 600,
    }
}

fn open(directory: &Path, now: Moment) -> Desk {
    Desk::open(directory, keys(), TERMS, now)
}

/// What is in force, as words.
fn in_force(desk: &Desk, now: Moment) -> Vec<(u64, &'static str, u64)> {
    let orders = desk.overview(now).orders.into_iter();
    orders
        .map(|it| (it.number, it.what.name(), it.seconds_left))
        .collect()
}

#[test]
fn orders_outlive_the_process_and_what_was_taken_back_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let desk = open(directory.path(), at(1, 0));
    for what in What::ALL {
        desk.place(draft(what), at(1, 0)).unwrap();
    }
    let cancelled = desk.cancel(2, "bob".into(), "done".into(), at(1, 1));
    assert_eq!(cancelled.unwrap().what, What::Ledger);
    let again = desk.cancel(2, "bob".into(), "done".into(), at(1, 1));
    assert_eq!(again, Err(Refusal::Unknown));
    let overview = desk.overview(at(1, 1));
    drop(desk);
    let desk = open(directory.path(), at(1, 100_000));
    let left = [(1, "stand_in", 500), (3, "decline", 500)];
    assert_eq!(in_force(&desk, at(1, 100_000)), left);
    assert_ne!(
        desk.overview(at(1, 100_000)).audit_head,
        overview.audit_head
    );
    drop(desk);
    let desk = open(directory.path(), at(2, 5));
    assert_eq!(in_force(&desk, at(2, 5)), [(3, "decline", 440)]);
    assert_eq!(
        desk.place(draft(What::Decline), at(2, 5)).unwrap().number,
        4
    );
}

#[test]
fn time_that_is_over_is_written_down_once_and_counts_without_that_i17() {
    let directory = tempfile::tempdir().unwrap();
    let desk = open(directory.path(), at(1, 0));
    desk.place(draft(What::StandIn), at(1, 0)).unwrap();
    assert!(in_force(&desk, at(1, 600_000)).is_empty());
    let before = desk.overview(at(1, 600_000)).audit_lines;
    for _ in 0..3 {
        desk.look_at_the_clock(at(1, 600_000));
    }
    assert_eq!(desk.overview(at(1, 600_000)).audit_lines, before + 1);
}

#[test]
fn damage_takes_no_order_and_keeps_what_risks_no_money_i14() {
    let directory = tempfile::tempdir().unwrap();
    let desk = open(directory.path(), at(1, 0));
    desk.place(draft(What::Decline), at(1, 0)).unwrap();
    desk.place(draft(What::StandIn), at(1, 0)).unwrap();
    desk.place(draft(What::Ledger), at(1, 0)).unwrap();
    drop(desk);
    let path = directory.path().join(audit::FILE);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 100;
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let desk = open(directory.path(), at(1, 100_000));
    let now = at(1, 100_000);
    assert_eq!(in_force(&desk, now), [(1, "decline", 500)]);
    let refused = desk.place(draft(What::Decline), now).unwrap_err();
    assert!(
        refused.to_string().contains("line 4 was changed"),
        "{refused}"
    );
    assert!(desk.overview(now).audit_error.is_some());
    desk.look_at_the_clock(at(1, 600_000));
    assert!(in_force(&desk, at(1, 600_000)).is_empty());
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "it is only looked at");
}

#[test]
fn there_are_never_more_than_every_authorization_can_be_held_against_i12() {
    let directory = tempfile::tempdir().unwrap();
    let desk = open(directory.path(), at(1, 0));
    for _ in 0..ORDERS_MAX {
        desk.place(draft(What::Ledger), at(1, 0)).unwrap();
    }
    let refused = desk.place(draft(What::Decline), at(1, 1));
    assert_eq!(refused, Err(Refusal::TooMany));
    assert!(desk.check(draft(What::Decline), at(1, 600_000)).is_ok());
}
