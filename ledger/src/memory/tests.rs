//! Books that somebody has tampered with: no day is closed, and every fault is named.

use serde_json::json;

use ledger_api::{CrookedKind, Day, Verification};

use super::*;
use crate::posting::{Command, Moment};
use crate::store::closes::{Closed, Closing};

/// A customer with a few holds, one of them lowered.
fn play(books: &mut MemoryStore, customer: u64) {
    let mut mac = [0; 16];
    mac[0] = customer as u8;
    let card = CardToken { key_id: 1, mac };
    let id = |nth: u8| {
        let mut id = [nth; 16];
        id[0] = customer as u8;
        AuthorizationId(id)
    };
    let parse = |value: serde_json::Value| serde_json::from_value(value).unwrap();
    let opening = json!({"account": customer, "currency": "EUR", "opening_minor": 10_000});
    let state = json!({"card": card, "account": customer, "status": "open", "expiry": 9912,
        "transaction_max_minor": 5_000});
    let mut commands = vec![
        Command::OpenAccount(serde_json::from_value(opening).unwrap()),
        Command::PutCard(serde_json::from_value(state).unwrap()),
    ];
    let gateway: GatewayId = "gw1".parse().unwrap();
    for nth in 1..=3 {
        let request = json!({"id": id(nth), "card": card, "amount_minor": 100, "currency": "EUR",
            "fingerprint": nth});
        commands.push(Command::Authorize {
            gateway: gateway.clone(),
            request: serde_json::from_value(request).unwrap(),
        });
    }
    let reversal = json!({"kind": "reversal", "id": id(1), "card": card, "remaining_minor": 40,
        "seq": 1});
    commands.push(Command::Advise {
        gateway,
        item: parse(reversal),
    });
    let now = Moment {
        yymm: 2611,
        ..Moment::default()
    };
    books.transact(commands, now);
}

fn closing(day: u8) -> Closing {
    Closing {
        day: Day::new(2026, 11, day).unwrap(),
        by: "Ada".to_owned().try_into().unwrap(),
        at: 7,
    }
}

/// Books with one closed day, and an open one.
fn books() -> MemoryStore {
    let mut books = MemoryStore::new(1);
    play(&mut books, 1);
    assert!(matches!(books.close(closing(1)), Ok(Closed::Now(_))));
    play(&mut books, 2);
    books
}

fn kinds(verification: &Verification) -> Vec<CrookedKind> {
    let mut kinds: Vec<_> = verification.crooked.iter().map(|one| one.kind).collect();
    kinds.dedup();
    kinds
}

/// Changes the entry with a number.
fn tamper(books: &mut MemoryStore, number: u64, change: impl FnOnce(&mut Entry)) {
    let key = books.numbers[&number];
    change(books.entries.get_mut(&key).unwrap());
}

#[test]
fn books_that_nobody_touched_are_straight_and_close() {
    let mut books = books();
    assert_eq!(books.verify().unwrap().crooked, []);
    assert!(matches!(books.close(closing(2)), Ok(Closed::Now(_))));
    assert_eq!(books.verify().unwrap().crooked, []);
}

#[test]
fn every_tampering_is_found_and_none_of_them_is_closed_over() {
    type Tampering = fn(&mut MemoryStore);
    let last: Tampering = |books| {
        let number = books.head.entry;
        tamper(books, number, |entry| entry.amount_minor += 1);
    };
    let missing: Tampering = |books| {
        let key = books.numbers.remove(&books.head.entry.clone()).unwrap();
        books.entries.remove(&key);
    };
    let total: Tampering = |books| {
        let account = books.accounts.values_mut().next().unwrap();
        account.totals.credits_posted += 5;
    };
    let both: Tampering = |books| {
        let ids: Vec<_> = books.accounts.keys().copied().collect();
        for account in [ids[0], *ids.last().unwrap()] {
            books
                .accounts
                .get_mut(&account)
                .unwrap()
                .totals
                .credits_posted += 5;
        }
    };
    let orphan: Tampering = |books| {
        let id = *books.accounts.keys().next().unwrap();
        books.accounts.remove(&id);
    };
    for (name, tampering, kind) in [
        ("an amount", last, CrookedKind::Account),
        ("an entry is gone", missing, CrookedKind::Entry),
        ("a total", total, CrookedKind::Account),
        ("totals on both sides", both, CrookedKind::Account),
        ("an account is gone", orphan, CrookedKind::Entry),
    ] {
        let mut books = books();
        tampering(&mut books);
        let verification = books.verify().unwrap();
        let found = kinds(&verification);
        assert!(found.contains(&kind), "{name}: {found:?}");
        let closed = books.close(closing(2)).unwrap();
        let Closed::Refused(problem) = closed else {
            panic!("{name}: {closed:?}");
        };
        assert_eq!(problem.name(), "books_not_balanced", "{name}");
        assert_eq!(books.closes.len(), 1, "{name}");
    }
}

#[test]
fn what_was_closed_cannot_be_changed_unseen() {
    // Both halves of a pair and the totals: everything balances, only the hash knows.
    let mut changed = books();
    for number in [1, 2] {
        tamper(&mut changed, number, |entry| entry.amount_minor += 100);
        let (account, _) = changed.numbers[&number];
        let totals = &mut changed.accounts.get_mut(&account).unwrap().totals;
        let entry = &changed.entries[&(account, number)];
        let more = Entry {
            amount_minor: 100,
            ..entry.clone()
        };
        *totals = totals.checked_add(more.totals()).unwrap();
    }
    assert!(
        changed.books().unwrap().balanced,
        "the trial balance does not see it"
    );
    let found = changed.verify().unwrap();
    assert_eq!(kinds(&found), [CrookedKind::Close], "{found:?}");

    let mut stamped = books();
    stamped.closes[0].by = "Eve".to_owned().try_into().unwrap();
    assert_eq!(kinds(&stamped.verify().unwrap()), [CrookedKind::Close]);

    let mut rewritten = books();
    assert!(matches!(rewritten.close(closing(2)), Ok(Closed::Now(_))));
    rewritten.closes[1].previous.0[0] ^= 1;
    assert_eq!(kinds(&rewritten.verify().unwrap()), [CrookedKind::Close]);
}

#[test]
fn a_record_that_does_not_follow_from_its_facts_or_entries_is_found() {
    let mut books = books();
    let record = books
        .records
        .values_mut()
        .find(|record| record.effect_minor > 0)
        .unwrap();
    record.effect_minor += 1;
    let id = record.id;
    let found = books.verify().unwrap().crooked;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].detail.contains(&id.to_string()), "{found:?}");
    books.records.remove(&id);
    let found = books.verify().unwrap().crooked;
    assert!(found[0].detail.contains("no record"), "{found:?}");
}
