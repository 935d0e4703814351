//! Any order and any repetition of advices and reversals gives the same books (I2, I4, I13).

use ledger_api::{
    Advice, AdviceItem, AdviceSource, Amount, AuthorizationId, Cause, Fingerprint, Reason, Reversal,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::memory::MemoryStore;

const ID: AuthorizationId = AuthorizationId([1; 16]);

pub(super) fn approval(id: AuthorizationId, minor: i64) -> AdviceItem {
    advice(id, Some(minor), AdviceSource::StandIn, Reason::Approved)
}

fn advice(
    id: AuthorizationId,
    told: Option<i64>,
    source: AdviceSource,
    reason: Reason,
) -> AdviceItem {
    AdviceItem::Advice(Advice {
        id,
        card: CARD,
        requested_minor: amount(100),
        approved_minor: amount(told.unwrap_or_default()),
        approved: told.is_some(),
        currency: euro(),
        fingerprint: Fingerprint(1),
        source,
        reason,
        cause: Cause::LedgerTimeout,
        seq: 0,
        original: None,
        exponent: None,
        traceparent: None,
    })
}

fn items() -> impl Strategy<Value = (GatewayId, AdviceItem)> {
    let told = proptest::option::of(prop_oneof![Just(0), Just(60), Just(100), Just(700)]);
    let source = prop_oneof![4 => Just(AdviceSource::StandIn), 1 => Just(AdviceSource::Network)];
    let reason = prop_oneof![
        Just(Reason::Approved),
        Just(Reason::OverCardLimit),
        Just(Reason::KnowledgeStale)
    ];
    let currency = prop_oneof![8 => Just("EUR"), 1 => Just("USD"), 1 => Just("GBP")];
    let fingerprint = prop_oneof![3 => Just(1), 1 => Just(2), 1 => Just(0)];
    let told = (told, source, reason, currency, fingerprint).prop_map(
        |(told, source, reason, currency, fingerprint)| {
            let AdviceItem::Advice(advice) = advice(ID, told, source, reason) else {
                unreachable!("an advice")
            };
            AdviceItem::Advice(Advice {
                currency: currency.parse().unwrap(),
                fingerprint: Fingerprint(fingerprint),
                ..advice
            })
        },
    );
    let reversal = prop_oneof![Just(0), Just(40), Just(100)].prop_map(|minor| {
        let remaining_minor = Amount::new(minor).unwrap();
        AdviceItem::Reversal(Reversal {
            id: ID,
            card: CARD,
            remaining_minor,
            seq: 0,
            traceparent: None,
        })
    });
    let item = prop_oneof![4 => told, 1 => reversal];
    (
        prop_oneof![
            Just(gateway("gw1")),
            Just(gateway("gw2")),
            Just(gateway("gw3"))
        ],
        item,
    )
}

/// What the ledger did before any advice came: nothing, or it was asked by some gateways.
#[derive(Debug, Clone)]
struct Before {
    asked_by: Vec<&'static str>,
    available: i64,
    currency: &'static str,
}

fn before() -> impl Strategy<Value = Before> {
    let asked_by = proptest::sample::subsequence(vec!["gw1", "gw2"], 0..=2);
    let currency = prop_oneof![3 => Just("EUR"), 1 => Just("USD")];
    (asked_by, prop_oneof![Just(1_000), Just(50)], currency).prop_map(
        |(asked_by, available, currency)| Before {
            asked_by,
            available,
            currency,
        },
    )
}

fn books(before: &Before) -> MemoryStore {
    let mut books = MemoryStore::new(1);
    let open = ledger_api::OpenAccount {
        account: AccountId(1),
        currency: euro(),
        opening_minor: amount(before.available),
    };
    let mut commands = vec![Command::OpenAccount(open), Command::PutCard(card_state())];
    commands.extend(before.asked_by.iter().map(|name| Command::Authorize {
        gateway: gateway(name),
        request: AuthorizeRequest {
            currency: before.currency.parse().unwrap(),
            ..request(100)
        },
    }));
    books.transact(commands, NOW);
    books
}

fn tell(books: &mut MemoryStore, items: &[(GatewayId, AdviceItem)], batch: usize) {
    for chunk in items.chunks(batch) {
        let commands = chunk
            .iter()
            .map(|(gateway, item)| Command::Advise {
                gateway: gateway.clone(),
                item: item.clone(),
            })
            .collect();
        books.transact(commands, NOW);
    }
}

/// Everything that may not depend on order: the record without its position, and the totals.
fn outcome(books: &MemoryStore) -> (Option<Record>, ledger_api::Totals) {
    let record = books.records().next().cloned().map(|record| Record {
        position: 0,
        ..record
    });
    let account = books.account(AccountId(1)).unwrap().unwrap();
    (record, account.totals)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_repetition_of_advices_gives_the_same_books_i2_i13(
        before in before(),
        (items, shuffled) in vec(items(), 1..7).prop_flat_map(|items| {
            let twice: Vec<_> = items.iter().chain(&items).cloned().collect();
            (Just(items), Just(twice).prop_shuffle())
        }),
        batch in 1_usize..5,
    ) {
        let (mut once, mut other) = (books(&before), books(&before));
        tell(&mut once, &items, 1);
        tell(&mut other, &shuffled, batch);
        prop_assert_eq!(outcome(&once), outcome(&other));
        prop_assert!(other.books().unwrap().balanced, "I6");
    }

    #[test]
    fn the_effect_is_what_was_told_i4_rules_3_5_6(
        before in before(),
        items in vec(items(), 1..7),
    ) {
        let mut books = books(&before);
        tell(&mut books, &items, 3);
        let (record, totals) = outcome(&books);
        let record = record.unwrap();
        let expected = expected(&before, &items);
        prop_assert_eq!(record.effect_minor, expected);
        prop_assert_eq!(totals.debits_pending, expected);
    }

    #[test]
    fn a_live_request_after_an_advice_changes_no_effect_rule_4(
        items in vec(items(), 1..7),
        cut in 0_usize..7,
    ) {
        let nothing = Before { asked_by: vec![], available: 1_000, currency: "EUR" };
        let (mut without, mut with) = (books(&nothing), books(&nothing));
        let cut = cut.min(items.len());
        let told_before = items[..cut].iter().any(|(_, item)| matches!(item, AdviceItem::Advice(_)));
        prop_assume!(told_before);
        tell(&mut without, &items, 1);
        tell(&mut with, &items[..cut], 1);
        with.transact(vec![Command::Authorize { gateway: gateway("gw1"), request: request(100) }], NOW);
        tell(&mut with, &items[cut..], 1);
        prop_assert_eq!(outcome(&without), outcome(&with));
    }
}

/// The rules once more, written the long way: from the list of what was told.
fn expected(before: &Before, items: &[(GatewayId, AdviceItem)]) -> i64 {
    let told = |wanted: AdviceSource| {
        let of_source = move |(gateway, item): &(GatewayId, AdviceItem)| match item {
            AdviceItem::Advice(advice) if advice.source == wanted => Some((
                gateway.clone(),
                advice.approved.then(|| advice.approved_minor.minor()),
            )),
            _ => None,
        };
        items.iter().filter_map(of_source).collect::<Vec<_>>()
    };
    let approved = |told: &[(GatewayId, Option<i64>)]| told.iter().filter_map(|told| told.1).max();
    let (network, ours) = (told(AdviceSource::Network), told(AdviceSource::StandIn));
    let decides = !before.asked_by.is_empty() && before.currency == "EUR";
    let decided = if decides && before.available >= 100 {
        100
    } else {
        0
    };
    let foreign_money = items.iter().any(|(_, item)| match item {
        AdviceItem::Advice(advice) => advice.currency != euro() && !advice.approved_minor.is_zero(),
        _ => false,
    });
    if foreign_money {
        return 0;
    }
    let held = if !network.is_empty() {
        approved(&network).unwrap_or(0)
    } else if let Some(approved) = approved(&ours) {
        approved
    } else {
        let declined = |name: &str| ours.iter().any(|(gateway, _)| gateway.as_str() == name);
        let all_declined = before.asked_by.iter().all(|name| declined(name));
        if !ours.is_empty() && all_declined {
            0
        } else {
            decided
        }
    };
    let remaining = items.iter().filter_map(|(_, item)| match item {
        AdviceItem::Reversal(reversal) => Some(reversal.remaining_minor.minor()),
        _ => None,
    });
    remaining
        .min()
        .map_or(held, |remaining| held.min(remaining))
}

fn in_currency(item: AdviceItem, currency: &str) -> AdviceItem {
    match item {
        AdviceItem::Advice(advice) => AdviceItem::Advice(Advice {
            currency: currency.parse().unwrap(),
            ..advice
        }),
        reversal => reversal,
    }
}

fn outcomes(books: &mut MemoryStore, told: &[AdviceItem]) -> Vec<ledger_api::AdviceOutcome> {
    let commands = told
        .iter()
        .map(|item| Command::Advise {
            gateway: gateway("gw1"),
            item: item.clone(),
        })
        .collect();
    let answers = books.transact(commands, NOW).into_iter();
    answers
        .map(|outcome| match outcome {
            Outcome::Advised(answer, _) => answer.outcome,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn parked_advice_repeated_is_parked_again_i1_rule_14() {
    use ledger_api::AdviceOutcome::{Applied, Parked};
    let nothing = Before {
        asked_by: vec![],
        available: 1_000,
        currency: "EUR",
    };
    let mut books = books(&nothing);
    let foreign = in_currency(approval(ID, 100), "USD");
    let reversal = AdviceItem::Reversal(Reversal {
        id: ID,
        card: CARD,
        remaining_minor: amount(0),
        seq: 0,
        traceparent: None,
    });
    let told = [foreign.clone(), foreign.clone(), reversal, foreign];
    let parked = Parked {
        reason: Reason::CurrencyMismatch,
    };
    assert_eq!(
        outcomes(&mut books, &told),
        [parked.clone(), parked.clone(), Applied, parked]
    );
}

#[test]
fn a_decline_in_another_currency_does_not_stop_an_approval_i13() {
    let decline = advice(ID, None, AdviceSource::StandIn, Reason::CurrencyMismatch);
    let told = [in_currency(decline, "USD"), approval(ID, 100)];
    for asked_by in [vec![], vec!["gw1"]] {
        let before = Before {
            asked_by,
            available: 1_000,
            currency: "USD",
        };
        for order in [[0, 1], [1, 0]] {
            let mut books = books(&before);
            outcomes(&mut books, &order.map(|nth| told[nth].clone()));
            let (record, totals) = outcome(&books);
            assert_eq!(
                (record.unwrap().effect_minor, totals.debits_pending),
                (100, 100)
            );
        }
    }
}
