//! What people have decided, and messages that come again or later.

use ledger_api::{
    Action, Advice, AdviceItem, AdviceOutcome, AuthorizationState, Capture, Fingerprint,
    OpenAccount, Resolution, Reversal,
};

use super::*;
use crate::memory::MemoryStore;

const ID: AuthorizationId = AuthorizationId([1; 16]);
const OTHER: AccountId = AccountId(2);

/// Books with the card's account, and another one.
fn books(currency: &str) -> MemoryStore {
    let mut books = MemoryStore::new(1);
    let open = |account, currency: &str| {
        Command::OpenAccount(OpenAccount {
            account,
            currency: currency.parse().unwrap(),
            opening_minor: amount(1_000),
        })
    };
    let commands = vec![
        open(AccountId(1), "EUR"),
        open(OTHER, currency),
        Command::PutCard(card_state()),
    ];
    books.transact(commands, NOW);
    books
}

fn approval() -> Advice {
    match commute::approval(ID, 100) {
        AdviceItem::Advice(advice) => advice,
        other => panic!("{other:?}"),
    }
}

fn tell(books: &mut MemoryStore, item: AdviceItem) -> AdviceOutcome {
    let command = Command::Advise {
        gateway: gateway("gw1"),
        item,
    };
    match books.transact(vec![command], NOW).remove(0) {
        Outcome::Advised(answer, _) => answer.outcome,
        other => panic!("{other:?}"),
    }
}

fn resolve(books: &mut MemoryStore, id: AuthorizationId, action: Action) -> Outcome {
    let words = |text: &str| ledger_api::Words::try_from(text.to_owned()).unwrap();
    let resolution = Resolution {
        action,
        by: words("ops"),
        note: words("case 7"),
    };
    let command = Command::Resolve {
        id,
        card: CARD,
        resolution,
    };
    books.transact(vec![command], NOW).remove(0)
}

fn held(books: &MemoryStore, account: AccountId) -> i64 {
    let view = books.account(account).unwrap().unwrap();
    view.totals.debits_pending
}

#[test]
fn what_a_person_has_booked_stays_booked_when_its_advice_comes_again_i2_i13() {
    let mut books = books("USD");
    let odd = Advice {
        exponent: Some(3),
        ..approval()
    };
    let parked = AdviceOutcome::Parked {
        reason: Reason::CurrencyMismatch,
    };
    assert_eq!(tell(&mut books, AdviceItem::Advice(odd.clone())), parked);
    assert!(matches!(
        resolve(&mut books, ID, Action::Retry),
        Outcome::Stored(_)
    ));
    assert_eq!(held(&books, AccountId(1)), 100);
    assert_eq!(
        tell(&mut books, AdviceItem::Advice(odd)),
        AdviceOutcome::Duplicate
    );
    assert_eq!(held(&books, AccountId(1)), 100);
}

#[test]
fn what_was_booked_in_one_of_two_currencies_stays_booked_when_both_come_again_i2_i13() {
    let mut books = books("USD");
    let foreign = Advice {
        currency: "USD".parse().unwrap(),
        ..approval()
    };
    let told = [approval(), foreign].map(AdviceItem::Advice);
    for item in told.clone() {
        tell(&mut books, item);
    }
    assert_eq!((held(&books, AccountId(1)), held(&books, OTHER)), (0, 0));
    resolve(&mut books, ID, Action::BookTo { account: OTHER });
    for item in told {
        assert_eq!(tell(&mut books, item), AdviceOutcome::Duplicate);
        assert_eq!(held(&books, OTHER), 100);
    }
}

#[test]
fn an_authorization_whose_capture_came_before_its_card_is_decided_as_any_other() {
    let mut books = MemoryStore::new(1);
    let capture = Capture {
        id: AuthorizationId([3; 16]),
        of: Some(ID),
        card: CARD,
        amount_minor: amount(10),
        currency: euro(),
        more: true,
        fingerprint: Fingerprint(3),
        seq: 1,
        exponent: None,
        traceparent: None,
    };
    let parked = AdviceOutcome::Parked {
        reason: Reason::UnknownCard,
    };
    assert_eq!(tell(&mut books, AdviceItem::Capture(capture)), parked);
    let open = OpenAccount {
        account: AccountId(1),
        currency: euro(),
        opening_minor: amount(1_000),
    };
    let commands = vec![
        Command::OpenAccount(open),
        Command::PutCard(card_state()),
        Command::Authorize {
            gateway: gateway("gw1"),
            request: request(100),
        },
    ];
    match books.transact(commands, NOW).remove(2) {
        Outcome::Authorized(AuthorizeAnswer::Decided(decision), _) => {
            assert_eq!(decision.reason, Reason::Approved);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(held(&books, AccountId(1)), 100);
}

#[test]
fn an_increment_is_booked_to_the_account_that_a_person_says() {
    let mut books = books("EUR");
    let request = Command::Authorize {
        gateway: gateway("gw1"),
        request: request(100),
    };
    books.transact(vec![request, Command::CloseAccount(AccountId(1))], NOW);
    let id = AuthorizationId([2; 16]);
    let increment = Advice {
        id,
        original: Some(ID),
        ..approval()
    };
    let parked = AdviceOutcome::Parked {
        reason: Reason::AccountClosed,
    };
    assert_eq!(tell(&mut books, AdviceItem::Advice(increment)), parked);
    resolve(&mut books, id, Action::BookTo { account: OTHER });
    assert_eq!(
        (held(&books, AccountId(1)), held(&books, OTHER)),
        (100, 100)
    );
    let view = books.authorization(id).unwrap().unwrap();
    assert_eq!(view.state, AuthorizationState::Held);
}

#[test]
fn another_cards_reversal_gives_the_same_books_in_any_order_and_is_listed_i13() {
    let mut other = card_state();
    other.card.mac = [8; 16];
    other.account = OTHER;
    let reversal = AdviceItem::Reversal(Reversal {
        id: ID,
        card: other.card,
        remaining_minor: amount(40),
        seq: 1,
        traceparent: None,
    });
    let items = [AdviceItem::Advice(approval()), reversal];
    for order in [[0, 1], [1, 0]] {
        let mut books = books("EUR");
        books.transact(vec![Command::PutCard(other)], NOW);
        for nth in order {
            tell(&mut books, items[nth].clone());
        }
        let money = (held(&books, AccountId(1)), held(&books, OTHER));
        assert_eq!(money, (40, 0), "{order:?}");
        let view = books.authorization(ID).unwrap().unwrap();
        assert!(view.contested && view.card == CARD, "{order:?}");
    }
}
