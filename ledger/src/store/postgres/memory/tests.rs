//! What may be relied on, and what not any more.

use ledger_api::{AuthorizeRequest, Totals};
use serde_json::json;

use super::*;
use crate::posting::{Moment, decide};

const OTHERS: i64 = 2;

fn token(card: u8) -> CardToken {
    serde_json::from_value(json!(format!("k1-{card:032x}"))).unwrap()
}

fn id(number: u8) -> AuthorizationId {
    AuthorizationId([number; 16])
}

/// Ten units on each account, whose card has its number.
fn state(number: u8) -> (Card, Account) {
    let card = json!({
        "state": {"card": token(number), "account": number, "status": "open", "expiry": 3012,
            "transaction_max_minor": 1000},
        "position": 0
    });
    let account = AccountId(u64::from(number));
    let totals = Totals {
        credits_posted: 10,
        ..Totals::default()
    };
    let account = Account {
        totals,
        ..Account::new(account, "EUR".parse().unwrap())
    };
    (serde_json::from_value(card).unwrap(), account)
}

fn pay(card: u8, number: u8) -> Command {
    let request: AuthorizeRequest = serde_json::from_value(json!({
        "id": id(number), "card": token(card), "amount_minor": 1, "currency": "EUR",
        "fingerprint": number, "unbooked_minor": 0
    }))
    .unwrap();
    Command::Authorize {
        gateway: "gw1".parse().unwrap(),
        request,
    }
}

fn stamp(position: u64, drawn: i64) -> Stamp {
    let head = Head {
        epoch: 1,
        position,
        entry: 2 * position,
    };
    Stamp { head, drawn }
}

/// Cards 1 to 3, at position 10.
fn memory() -> Memory {
    let mut memory = Memory::of(100);
    memory.learn(stamp(10, OTHERS), (1..=3).map(state).collect());
    memory
}

fn expect(memory: &mut Memory, command: Command) -> (Flight, Sealed) {
    let commands = [command];
    let (set, before) = memory.working_set(&Needs::of(&commands)).unwrap();
    let sealed = decide(set, &commands, Moment::default()).seal(before.head);
    (memory.expect(before, &sealed), sealed)
}

fn held_on(memory: &Memory, account: u64) -> Option<i64> {
    let account = memory.accounts.peek(&AccountId(account));
    account.map(|account| account.totals.debits_pending)
}

#[test]
fn the_next_batch_builds_on_the_one_before_it_and_expects_the_head_after_it() {
    let mut memory = memory();
    let (first, _) = expect(&mut memory, pay(1, 1));
    let (second, _) = expect(&mut memory, pay(1, 2));
    assert_eq!(first.before, stamp(10, OTHERS));
    assert_eq!(second.before, first.after);
    assert_eq!(held_on(&memory, 1), Some(2));
    memory.landed(&first);
    memory.landed(&second);
    let (third, _) = expect(&mut memory, pay(2, 3));
    assert_eq!(third.before, second.after);
}

#[test]
fn what_did_not_come_to_be_takes_with_it_what_builds_on_it_and_nothing_before_it() {
    let mut memory = memory();
    let (first, _) = expect(&mut memory, pay(1, 1));
    let (second, _) = expect(&mut memory, pay(2, 2));
    let (third, _) = expect(&mut memory, pay(3, 3));
    memory.failed(&second);
    let expected = [&first, &second, &third].map(|flight| memory.still_expects(flight));
    assert_eq!(expected, [true, false, false]);
    let held = [1, 2, 3].map(|account| held_on(&memory, account));
    assert_eq!(held, [Some(1), None, None]);
    memory.landed(&first);
    memory.learn(first.after, vec![state(2)]);
    let (again, _) = expect(&mut memory, pay(2, 4));
    assert_eq!(again.before, first.after);
}

#[test]
fn a_row_that_was_read_before_a_failed_batch_is_not_taken_for_new() {
    let mut memory = memory();
    let (first, _) = expect(&mut memory, pay(1, 1));
    memory.landed(&first);
    let (second, _) = expect(&mut memory, pay(1, 2));
    memory.failed(&second);
    // Of before the first one, which came to be.
    memory.learn(stamp(10, OTHERS), vec![state(1)]);
    assert_ne!(memory.known.back(), Some(&first.after), "it starts over");
    let (third, _) = expect(&mut memory, pay(1, 3));
    assert_eq!(
        third.before,
        stamp(10, OTHERS),
        "and the head will refuse it"
    );
}

#[test]
fn a_row_that_was_read_at_a_state_that_others_have_left_is_believed_at_that_state_alone() {
    let mut memory = memory();
    memory.learn(stamp(17, OTHERS), vec![state(2)]);
    assert!(!memory.remembers(&token(1)) && memory.remembers(&token(2)));
    let (flight, _) = expect(&mut memory, pay(2, 1));
    assert_eq!(flight.before, stamp(17, OTHERS));
}

#[test]
fn what_is_remembered_is_newer_than_what_was_read_before_it() {
    let mut memory = memory();
    let (flight, _) = expect(&mut memory, pay(1, 1));
    memory.learn(stamp(10, OTHERS), vec![state(1)]);
    assert_eq!(held_on(&memory, 1), Some(1));
    memory.landed(&flight);
}

#[test]
fn other_transactions_of_this_process_are_followed_and_those_of_others_are_not_overlooked() {
    let mut memory = memory();
    let (_, sealed) = expect(&mut self::memory(), pay(1, 1));
    memory.follow(stamp(10, OTHERS), &sealed, 3);
    assert_eq!(held_on(&memory, 1), Some(1));
    assert!(memory.is_of_use());

    let (_, mut later) = expect(&mut self::memory(), pay(2, 2));
    later.head = stamp(21, 0).head;
    memory.follow(stamp(20, OTHERS), &later, 4);
    assert!(!memory.remembers(&token(1)), "20 is not where we left it");
    assert!(!memory.is_of_use(), "for a while");
    assert!(memory.is_of_use());
}

#[test]
fn numbers_that_were_reached_again_are_another_state_whoever_reached_them() {
    let mut memory = memory();
    let (lost, sealed) = expect(&mut memory, pay(1, 1));
    memory.landed(&lost);
    // The server has failed over without it, and as much was booked since.
    let again = Stamp {
        drawn: draw(),
        ..lost.after
    };
    memory.follow(again, &sealed, draw());
    assert!(!memory.remembers(&token(2)));
}

#[test]
fn who_decides_in_his_turn_does_not_build_on_those_behind_him() {
    let mut memory = memory();
    let (behind, _) = expect(&mut memory, pay(1, 1));
    memory.drop_flights();
    assert!(!memory.still_expects(&behind));
    assert_eq!(held_on(&memory, 1), None, "it is read again");
    let (now, _) = expect(&mut memory, pay(2, 2));
    assert_eq!(now.before, stamp(10, OTHERS));
}

#[test]
fn what_landed_tells_of_what_was_in_front_of_it() {
    let mut memory = memory();
    let (first, _) = expect(&mut memory, pay(1, 1));
    let (second, _) = expect(&mut memory, pay(2, 2));
    memory.landed(&second);
    memory.landed(&first);
    assert!(memory.flights.is_empty());
}

#[test]
fn only_what_needs_a_card_alone_is_done_alone() {
    let mut memory = memory();
    let (flight, _) = expect(&mut memory, pay(1, 1));
    memory.landed(&flight);
    memory.held(&[], &BTreeSet::from([AccountId(3)]));
    let mut more = pay(2, 20);
    if let Command::Authorize { request, .. } = &mut more {
        request.original = Some(id(1));
    }
    let cases = [
        ("a repeat", pay(1, 1), false),
        ("behind it, of the same card", pay(1, 2), false),
        ("an increment", more, false),
        ("of a locked account", pay(3, 4), false),
        ("of a card nobody knows", pay(9, 5), true),
        ("the same id again", pay(4, 5), false),
    ];
    let commands: Vec<Command> = cases
        .iter()
        .map(|(_, command, _)| command.clone())
        .collect();
    for (alone, (what, _, expected)) in memory.alone(&commands).into_iter().zip(cases) {
        assert_eq!(alone, expected, "{what}");
    }
    memory.held(&[AccountId(3)], &BTreeSet::new());
    assert_eq!(memory.alone(&[pay(3, 6)]), [true], "it is free again");
}

#[test]
fn memory_is_bounded_i12() {
    let mut memory = Memory::of(2);
    memory.learn(stamp(10, OTHERS), (1..=3).map(state).collect());
    let (flight, _) = expect(&mut memory, pay(3, 1));
    memory.landed(&flight);
    memory.learn(flight.after, (4..=5).map(state).collect());
    let (flight, _) = expect(&mut memory, pay(4, 2));
    memory.landed(&flight);
    let kept = [1, 2, 3, 4, 5].map(|card| memory.remembers(&token(card)));
    assert_eq!(kept, [false, false, false, true, true]);
}

#[test]
fn memory_without_a_moment_to_make_room_is_not_relied_on_until_there_was_one_i12() {
    let mut memory = Memory::of(2);
    memory.learn(stamp(10, OTHERS), (1..=4).map(state).collect());
    let (first, _) = expect(&mut memory, pay(1, 1));
    let (second, sealed) = expect(&mut memory, pay(2, 2));
    memory.landed(&first);
    assert!(!memory.is_of_use());
    memory.landed(&second);
    memory.follow(second.after, &sealed, 3);
    assert!(memory.is_of_use());
}
