//! Facts about deciding and holding.

use ledger_api::{
    AuthorizeAnswer, AuthorizeRequest, CardStatus, Fingerprint, Layer, OpenAccount, Reason, Side,
};

use super::desk::{Desk, amount, card_of, gateway};
use crate::posting::{Command, Outcome, clearing, funding};
use crate::store::{Store, StoreError};

pub(super) async fn a_repeat_gets_the_first_answer_and_holds_nothing_more_i2_i3(store: &Store) {
    let desk = Desk::open(store, 10, 10_000).await;
    let first = desk.authorize("gw1", 1, 6_000).await;
    assert_eq!((first.approved, first.reason), (true, Reason::Approved));
    assert_eq!(desk.available().await, 4_000);
    let declined = desk.authorize("gw1", 2, 6_000).await;
    assert_eq!(
        (declined.approved, declined.reason),
        (false, Reason::InsufficientFunds)
    );
    for by in ["gw1", "gw2"] {
        let repeat = desk.authorize(by, 1, 6_000).await;
        assert_eq!(
            (repeat.approved, repeat.approved_minor),
            (true, first.approved_minor)
        );
        let repeat = desk.authorize(by, 2, 6_000).await;
        assert_eq!(
            (repeat.approved, repeat.reason),
            (false, Reason::InsufficientFunds)
        );
    }
    let request = desk.request(3, 1_000);
    let command = Command::Authorize {
        gateway: gateway("gw1"),
        request,
    };
    let twice = store
        .transact(vec![command.clone(), command], super::desk::NOW)
        .await;
    let twice = twice.expect("committed");
    let [
        Outcome::Authorized(first, 2),
        Outcome::Authorized(second, 0),
    ] = &twice[..]
    else {
        unreachable!("two entries, and none for a repeat in one batch: {twice:?}")
    };
    assert_eq!(first, second, "a repeat in one batch");
    assert_eq!(desk.available().await, 3_000);
    assert_eq!(desk.view(1).await.asked_by, Some(gateway("gw1")));
    statement_has_pairs(&desk).await;
    desk.assert_balanced().await;
}

async fn statement_has_pairs(desk: &Desk<'_>) {
    let statement = desk
        .store
        .entries_of(desk.account, 0, 100)
        .await
        .expect("readable")
        .expect("known");
    let lines: Vec<_> = (statement.entries.iter())
        .map(|line| &line.entry)
        .map(|entry| {
            (
                entry.side,
                entry.layer,
                entry.amount_minor,
                entry.authorization,
            )
        })
        .collect();
    let expected = [
        (Side::Credit, Layer::Posted, 10_000, None),
        (Side::Debit, Layer::Pending, 6_000, Some(desk.id(1))),
        (Side::Debit, Layer::Pending, 1_000, Some(desk.id(3))),
    ];
    assert_eq!(lines, expected);
    for internal in [clearing(super::desk::euro()), funding(super::desk::euro())] {
        let account = desk.store.account(internal).await.expect("readable");
        assert!(account.is_some(), "the other side of every entry");
    }
}

pub(super) async fn other_content_under_a_known_id_is_a_conflict_i3(store: &Store) {
    let desk = Desk::open(store, 11, 10_000).await;
    desk.authorize("gw1", 1, 100).await;
    let mut other = desk.request(1, 200);
    other.fingerprint = Fingerprint(5);
    assert_eq!(desk.ask("gw1", other).await, AuthorizeAnswer::Conflict);
    assert_eq!(desk.available().await, 9_900);
}

pub(super) async fn what_a_gateway_has_spent_and_not_booked_cannot_be_spent_again(store: &Store) {
    let desk = Desk::open(store, 12, 10_000).await;
    let mut request = desk.request(1, 4_000);
    request.unbooked_minor = 6_001;
    let refused = desk.ask("gw1", request.clone()).await;
    let AuthorizeAnswer::Decided(refused) = refused else {
        unreachable!("{refused:?}")
    };
    assert_eq!(refused.reason, Reason::InsufficientFunds);
    let exact = AuthorizeRequest {
        unbooked_minor: 6_000,
        ..desk.request(2, 4_000)
    };
    let AuthorizeAnswer::Decided(exact) = desk.ask("gw1", exact).await else {
        unreachable!("it is decided")
    };
    assert!(exact.approved);
    let negative = AuthorizeRequest {
        unbooked_minor: -9_999,
        ..desk.request(3, 6_001)
    };
    let AuthorizeAnswer::Decided(negative) = desk.ask("gw1", negative).await else {
        unreachable!("it is decided")
    };
    assert!(
        !negative.approved,
        "a gateway cannot add to what is available"
    );
}

pub(super) async fn accounts_and_cards_are_left_alone_when_put_again(store: &Store) {
    let desk = Desk::open(store, 13, 700).await;
    let mark = store.mark().await.expect("readable");
    let again = desk.run(Command::OpenAccount(desk.opening(999))).await;
    assert_eq!(again, Outcome::Stored(mark));
    let again = desk
        .run(Command::PutCard(card_of(desk.account, desk.card)))
        .await;
    assert_eq!(again, Outcome::Stored(mark));
    assert_eq!(desk.available().await, 700);
    let yen = OpenAccount {
        currency: "JPY".parse().expect("a currency"),
        ..desk.opening(1)
    };
    assert!(matches!(
        desk.run(Command::OpenAccount(yen)).await,
        Outcome::Refused(_)
    ));
    let nowhere = card_of(ledger_api::AccountId(999_999), desk.card);
    assert!(matches!(
        desk.run(Command::PutCard(nowhere)).await,
        Outcome::Refused(_)
    ));
    let mut frozen = card_of(desk.account, desk.card);
    frozen.status = CardStatus::Frozen;
    desk.run(Command::PutCard(frozen)).await;
    assert_eq!(desk.authorize("gw1", 1, 1).await.reason, Reason::CardFrozen);
}

/// 64 callers share four accounts, ids and even batches with each other.
pub(super) async fn sixty_four_callers_at_once_keep_the_books_balanced_i6(store: &Store) {
    let mut customers = Vec::new();
    for number in 20..24 {
        customers.push(Desk::open(store, number, 20_000).await);
    }
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..64_u64 {
        let store = store.clone();
        callers.spawn(async move {
            for round in 0..4_u64 {
                let commands = (0..8)
                    .map(|step| command(&store, caller, round, step))
                    .collect();
                retried(&store, commands).await;
            }
        });
    }
    callers.join_all().await;
    for desk in &customers {
        let mut held = 0;
        for nth in 0..256 {
            let view = store.authorization(desk.id(nth)).await.expect("readable");
            held += view.map_or(0, |view| view.effect_minor);
        }
        assert_eq!(desk.available().await, 20_000 - held);
        assert!(
            (1..=20_000).contains(&held),
            "nobody spent more than was there"
        );
    }
    customers[0].assert_balanced().await;
    super::feed::assert_no_holes(store).await;
}

fn command(store: &Store, caller: u64, round: u64, step: u64) -> Command {
    let desk = Desk::known(store, 20 + (caller + step) % 4);
    let nth = (caller * 7 + round * 31 + step * 64) % 256;
    let by = if caller.is_multiple_of(2) {
        "gw1"
    } else {
        "gw2"
    };
    Command::Authorize {
        gateway: gateway(by),
        request: desk.request(nth, 300),
    }
}

/// As a gateway would: again with the same ids, until it is answered.
async fn retried(store: &Store, commands: Vec<Command>) {
    for _ in 0..100 {
        match store.transact(commands.clone(), super::desk::NOW).await {
            Ok(_) => return,
            Err(StoreError::Unavailable(_) | StoreError::Busy(_)) => {}
            Err(error) => unreachable!("a batch failed: {error}"),
        }
    }
    assert_eq!(amount(0).minor(), 1, "a batch was refused a hundred times");
}
