//! Any order and any repetition of everything that can be told about a payment gives the same books,
//! and the money that the rules say (I2, I13, rules 17, 18 and 20).

use std::collections::BTreeMap;

use ledger_api::{
    Advice, AdviceItem, AdviceSource, AuthorizationId, Capture, Cause, Fingerprint, Refund,
    Reversal,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::memory::MemoryStore;

const OPENING: i64 = 1_000;
const ORIGINAL: u8 = 1;
const INCREMENTS: [u8; 2] = [2, 3];
const CAPTURES: [u8; 3] = [4, 5, 6];
const REFUNDS: [u8; 2] = [7, 8];

/// What the captures of a history say; an id never says two things.
#[derive(Debug, Clone, Copy)]
struct Taken {
    minor: i64,
    /// Of which authorization; of none for 0.
    of: u8,
    more: bool,
    currency: &'static str,
}

fn taken() -> impl Strategy<Value = [Taken; 3]> {
    let one = (
        prop_oneof![Just(30), Just(100), Just(250)],
        prop_oneof![2 => Just(ORIGINAL), 1 => Just(INCREMENTS[0]), 1 => Just(0)],
        proptest::bool::weighted(0.7),
        prop_oneof![8 => Just("EUR"), 1 => Just("USD")],
    );
    let one = one.prop_map(|(minor, of, more, currency)| Taken {
        minor,
        of,
        more,
        currency,
    });
    [one.clone(), one.clone(), one]
}

/// One message of a history, before it is put into words.
#[derive(Debug, Clone, Copy)]
enum Told {
    Approved(u8, i64),
    Declined(u8),
    Captured(usize),
    Refunded(usize),
    Reversed(u8, i64),
}

fn told() -> impl Strategy<Value = Told> {
    let authorizations = || prop_oneof![Just(ORIGINAL), Just(INCREMENTS[0]), Just(INCREMENTS[1])];
    let minor = prop_oneof![Just(60), Just(100), Just(300)];
    prop_oneof![
        4 => (authorizations(), minor).prop_map(|(id, minor)| Told::Approved(id, minor)),
        1 => authorizations().prop_map(Told::Declined),
        4 => (0..3_usize).prop_map(Told::Captured),
        2 => (0..2_usize).prop_map(Told::Refunded),
        2 => (1..9_u8, prop_oneof![Just(0), Just(40)]).prop_map(|(id, left)| Told::Reversed(id, left)),
    ]
}

fn id(nth: u8) -> AuthorizationId {
    AuthorizationId([nth; 16])
}

fn of(nth: u8) -> Option<AuthorizationId> {
    (nth != 0).then(|| id(nth))
}

fn refund_minor(place: usize) -> i64 {
    [50, 70][place]
}

fn item(told: Told, taken: &[Taken; 3]) -> AdviceItem {
    let advice = |nth: u8, minor: Option<i64>| {
        AdviceItem::Advice(Advice {
            id: id(nth),
            card: CARD,
            requested_minor: amount(300),
            approved_minor: amount(minor.unwrap_or_default()),
            approved: minor.is_some(),
            currency: euro(),
            fingerprint: Fingerprint(nth.into()),
            source: AdviceSource::StandIn,
            reason: Reason::Approved,
            cause: Cause::LedgerTimeout,
            seq: 0,
            original: INCREMENTS.contains(&nth).then(|| id(ORIGINAL)),
            exponent: None,
            traceparent: None,
        })
    };
    match told {
        Told::Approved(nth, minor) => advice(nth, Some(minor)),
        Told::Declined(nth) => advice(nth, None),
        Told::Captured(place) => AdviceItem::Capture(Capture {
            id: id(CAPTURES[place]),
            of: of(taken[place].of),
            card: CARD,
            amount_minor: amount(taken[place].minor),
            currency: taken[place].currency.parse().unwrap(),
            more: taken[place].more,
            fingerprint: Fingerprint(1),
            seq: 0,
            exponent: None,
            traceparent: None,
        }),
        Told::Refunded(place) => AdviceItem::Refund(Refund {
            id: id(REFUNDS[place]),
            of: of([ORIGINAL, 0][place]),
            card: CARD,
            amount_minor: amount(refund_minor(place)),
            currency: euro(),
            fingerprint: Fingerprint(1),
            seq: 0,
            exponent: None,
            traceparent: None,
        }),
        Told::Reversed(nth, left) => AdviceItem::Reversal(Reversal {
            id: id(nth),
            card: CARD,
            remaining_minor: amount(left),
            seq: 0,
            traceparent: None,
        }),
    }
}

fn books(asked: bool) -> MemoryStore {
    let mut books = MemoryStore::new(1);
    let open = ledger_api::OpenAccount {
        account: AccountId(1),
        currency: euro(),
        opening_minor: amount(OPENING),
    };
    let mut commands = vec![Command::OpenAccount(open), Command::PutCard(card_state())];
    if asked {
        commands.push(Command::Authorize {
            gateway: gateway("gw1"),
            request: AuthorizeRequest {
                fingerprint: Fingerprint(ORIGINAL.into()),
                ..request(100)
            },
        });
    }
    books.transact(commands, NOW);
    books
}

fn tell(books: &mut MemoryStore, told: &[Told], taken: &[Taken; 3], batch: usize) {
    for chunk in told.chunks(batch) {
        let commands = chunk.iter().map(|told| Command::Advise {
            gateway: gateway("gw1"),
            item: item(*told, taken),
        });
        books.transact(commands.collect(), NOW);
    }
}

/// Everything that may not depend on order: the records without their positions, what is held, and
/// what is posted. What was posted and taken back shows on both sides, so their difference counts.
fn outcome(books: &MemoryStore) -> (Vec<Record>, i64, i64) {
    let records = books.records().cloned().map(|record| Record {
        position: 0,
        ..record
    });
    let totals = books.account(AccountId(1)).unwrap().unwrap().totals;
    let posted = totals.credits_posted - totals.debits_posted;
    (records.collect(), totals.debits_pending, posted)
}

/// The rules once more, written the long way from the list of what was told: what is held, and what
/// is posted.
fn expected(asked: bool, told: &[Told], taken: &[Taken; 3]) -> (i64, i64) {
    let mut left: BTreeMap<u8, i64> = BTreeMap::new();
    for told in told {
        if let Told::Reversed(nth, minor) = told {
            let known = left.entry(*nth).or_insert(*minor);
            *known = (*known).min(*minor);
        }
    }
    let kept = |nth: u8, minor: i64| left.get(&nth).map_or(minor, |left| minor.min(*left));
    let captures = || {
        let seen = |place: &usize| {
            told.iter()
                .any(|it| matches!(it, Told::Captured(p) if p == place))
        };
        (0..3)
            .filter(seen)
            .filter(|place| taken[*place].currency == "EUR")
    };
    let captured_of = |nth: u8| -> i64 {
        let own = captures().filter(|place| taken[*place].of == nth);
        own.map(|place| kept(CAPTURES[place], taken[place].minor))
            .sum()
    };
    let approved = |nth: u8| {
        let told_here = told.iter().filter_map(|it| match it {
            Told::Approved(n, minor) if *n == nth => Some(Some(*minor)),
            Told::Declined(n) if *n == nth => Some(None),
            _ => None,
        });
        let told_here: Vec<_> = told_here.collect();
        match told_here.iter().flatten().max() {
            Some(minor) => *minor,
            None if nth == ORIGINAL && asked && told_here.is_empty() => 100,
            None => 0,
        }
    };
    let open = |nth: u8, added: i64| {
        let closed = captures().any(|place| taken[place].of == nth && !taken[place].more);
        if closed || left.get(&nth) == Some(&0) {
            return 0;
        }
        (kept(nth, approved(nth)) + added - captured_of(nth)).max(0)
    };
    let added = INCREMENTS.iter().map(|nth| open(*nth, 0)).sum();
    let taken_in_all: i64 = captures()
        .map(|place| kept(CAPTURES[place], taken[place].minor))
        .sum();
    let given = |place: &usize| {
        told.iter()
            .any(|it| matches!(it, Told::Refunded(p) if p == place))
    };
    let given: i64 = (0..2)
        .filter(given)
        .map(|place| kept(REFUNDS[place], refund_minor(place)))
        .sum();
    (open(ORIGINAL, added), OPENING - taken_in_all + given)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_repetition_of_all_messages_gives_the_same_books_i2_i13_rule_20(
        asked in any::<bool>(),
        taken in taken(),
        (history, shuffled) in vec(told(), 1..10).prop_flat_map(|history| {
            let twice: Vec<_> = history.iter().chain(&history).copied().collect();
            (Just(history), Just(twice).prop_shuffle())
        }),
        batch in 1_usize..6,
    ) {
        let (mut once, mut other) = (books(asked), books(asked));
        tell(&mut once, &history, &taken, 1);
        tell(&mut other, &shuffled, &taken, batch);
        prop_assert_eq!(outcome(&once), outcome(&other));
        prop_assert!(other.books().unwrap().balanced, "I6");
    }

    #[test]
    fn the_money_is_what_was_told_less_what_was_taken_i4_rules_17_18(
        asked in any::<bool>(),
        taken in taken(),
        history in vec(told(), 1..12),
    ) {
        let mut books = books(asked);
        tell(&mut books, &history, &taken, 3);
        let (records, held, posted) = outcome(&books);
        prop_assert_eq!((held, posted), expected(asked, &history, &taken));
        let holds: i64 = records.iter().filter(|it| it.holds()).map(|it| it.effect_minor).sum();
        prop_assert_eq!(holds, held, "what records hold is what the account shows");
    }
}
