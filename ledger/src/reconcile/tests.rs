//! One difference of each kind, and what is none.

use serde_json::json;

use super::*;

const OURS: &str = "gw1";

fn id(nth: u8) -> AuthorizationId {
    AuthorizationId([nth; 16])
}

fn told(nth: u8, minor: i64) -> serde_json::Value {
    json!({"seq": nth, "id": id(nth), "approved": minor > 0, "approved_minor": minor,
        "currency": "EUR", "acknowledged": true, "decided_by": "ledger"})
}

fn booked(nth: u8, minor: i64) -> serde_json::Value {
    let verdict = json!({"approved": minor > 0, "approved_minor": minor, "reason": "approved"});
    json!({"id": id(nth), "card": "k1-00000000000000000000000000000001", "account": 1,
        "requested_minor": minor, "currency": "EUR", "decided": verdict, "asked_by": OURS,
        "told": null, "network": null, "reversed_to_minor": null, "effect_minor": minor,
        "parked": null, "contested": false, "mark": {"epoch": 1, "position": 10}})
}

/// Journal, books, and the entries of what the books hold.
fn compare(
    journal: &[serde_json::Value],
    books: &[serde_json::Value],
    entries: &[(u8, i64)],
) -> Reconciliation {
    let mut compared = Compared::new(OURS.parse().unwrap(), 0);
    for line in journal {
        compared.told(serde_json::from_value(line.clone()).unwrap());
    }
    for view in books {
        compared.booked(&serde_json::from_value(view.clone()).unwrap());
    }
    for (nth, minor) in entries {
        compared.posted(id(*nth), *minor, 10);
    }
    compared.finish()
}

fn kinds(report: &Reconciliation) -> Vec<Kind> {
    report.differences.iter().map(|one| one.kind).collect()
}

#[test]
fn what_is_the_same_agrees_by_id_and_by_total() {
    let report = compare(
        &[told(1, 500), told(2, 0), told(3, 70)],
        &[booked(1, 500), booked(2, 0), booked(3, 70)],
        &[(1, 500), (3, 90), (3, -20)],
    );
    assert!(report.agrees(), "{report:?}");
    let total = &report.totals[0];
    assert_eq!(
        (total.journal_minor, total.books_minor, report.answers),
        (570, 570, 3)
    );
}

#[test]
fn every_kind_of_difference_is_named() {
    let mut parked = booked(5, 100);
    parked["parked"] = json!("unknown_card");
    parked["effect_minor"] = json!(0);
    let report = compare(
        &[
            told(1, 500),
            told(2, 500),
            told(3, 500),
            told(4, 500),
            told(5, 100),
            told(6, 0),
        ],
        &[
            booked(2, 400),
            booked(3, 0),
            booked(4, 500),
            parked,
            booked(6, 30),
            booked(7, 50),
        ],
        &[(2, 400), (4, 500), (4, 500), (6, 30)],
    );
    let expected = [
        Kind::Missing,
        Kind::Amount,
        Kind::Verdict,
        Kind::Double,
        Kind::Parked,
        Kind::Verdict,
        Kind::Untold,
    ];
    assert_eq!(kinds(&report), expected, "{report:?}");
    assert!(!report.agrees());
}

#[test]
fn what_the_ledger_has_still_to_be_told_is_no_difference() {
    let mut waiting = told(1, 500);
    waiting["acknowledged"] = json!(false);
    let report = compare(&[waiting, told(2, 40)], &[booked(2, 40)], &[(2, 40)]);
    assert!(report.agrees(), "{report:?}");
    assert_eq!((report.waiting, report.totals[0].waiting_minor), (1, 500));
}

#[test]
fn reversals_and_captures_are_no_differences() {
    let mut reversed = told(1, 500);
    reversed["reversed_to_minor"] = json!(200);
    let mut taken_back = booked(1, 500);
    taken_back["reversed_to_minor"] = json!(200);
    taken_back["effect_minor"] = json!(200);
    let mut captured = booked(2, 300);
    captured["effect_minor"] = json!(0);
    captured["state"] = json!("captured");
    captured["captured_minor"] = json!(300);
    let entries = [(1, 500), (1, -300), (2, 300), (2, -300)];
    let report = compare(
        &[reversed.clone(), told(2, 300)],
        &[taken_back, captured],
        &entries,
    );
    assert!(report.agrees(), "{report:?}");
    // A reversal that the books do not know is one.
    let report = compare(&[reversed], &[booked(1, 500)], &[(1, 500)]);
    assert_eq!(kinds(&report), [Kind::Amount]);
}

#[test]
fn what_is_answered_or_booked_meanwhile_is_no_difference() {
    let mut compared = Compared::new(OURS.parse().unwrap(), 0);
    compared.booked(&serde_json::from_value(booked(1, 500)).unwrap());
    compared.told_later(id(1));
    compared.told(serde_json::from_value(told(2, 70)).unwrap());
    compared.booked(&serde_json::from_value(booked(2, 70)).unwrap());
    compared.posted(id(2), 70, 10);
    // An entry of a change that came after the record was read.
    compared.posted(id(2), -70, 11);
    let report = compared.finish();
    assert!(
        report.agrees() && report.differences.is_empty(),
        "{report:?}"
    );
}

#[test]
fn an_approval_of_which_the_books_hold_too_little_is_a_difference() {
    let held = |nth, minor, effect, captured| {
        let mut view = booked(nth, minor);
        view["state"] = json!("held");
        view["effect_minor"] = json!(effect);
        view["captured_minor"] = json!(captured);
        view
    };
    let journal = [told(1, 500), told(2, 500), told(3, 500), told(4, 500)];
    let mut increment = held(4, 500, 0, 0);
    increment["original"] = json!(id(3));
    // Part of it is captured; one has an increment, which holds nothing itself; one has lost money.
    let books = [
        held(1, 500, 100, 0),
        held(2, 500, 300, 200),
        held(3, 500, 1_000, 0),
        increment,
    ];
    let report = compare(&journal, &books, &[(1, 100), (2, 300), (3, 1_000)]);
    assert_eq!(kinds(&report), [Kind::Amount], "{report:?}");
    assert_eq!(report.differences[0].id, id(1));
}
