//! The rules as tables, and as properties of random advices.

mod commute;
mod desk;
mod life;
mod precedence;

use ledger_api::{
    AccountId, AccountStatus, Amount, AuthorizationId, AuthorizationKind, AuthorizeAnswer,
    AuthorizeRequest, CardState, CardStatus, CardToken, Changed, Currency, Expiry, Fingerprint,
    GatewayId, Mark, Reason,
};

use super::*;

const NOW: Moment = Moment {
    yymm: 2611,
    seconds: 1_795_348_800,
    hold_clock: 1_000,
};
const CARD: CardToken = CardToken {
    key_id: 1,
    mac: [7; 16],
};

fn euro() -> Currency {
    "EUR".parse().unwrap()
}

fn gateway(name: &str) -> GatewayId {
    name.parse().unwrap()
}

fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

fn card_state() -> CardState {
    CardState {
        card: CARD,
        account: AccountId(1),
        status: CardStatus::Open,
        expiry: Expiry::try_from(NOW.yymm).unwrap(),
        transaction_max_minor: amount(500),
    }
}

fn account(available: i64) -> Account {
    let mut account = Account::new(AccountId(1), euro());
    account.totals.credits_posted = available;
    account
}

fn request(minor: i64) -> AuthorizeRequest {
    AuthorizeRequest {
        id: AuthorizationId([1; 16]),
        card: CARD,
        amount_minor: amount(minor),
        currency: euro(),
        fingerprint: Fingerprint(1),
        unbooked_minor: 0,
        kind: AuthorizationKind::Purchase,
        partial: false,
        original: None,
        exponent: None,
        transaction: None,
        traceparent: None,
    }
}

fn set(card: Option<CardState>, account: Account) -> WorkingSet {
    let mut set = WorkingSet::default();
    if let Some(state) = card {
        set.load_card(Card { state, position: 0 });
    }
    set.load_account(account);
    set
}

fn sealed(set: WorkingSet, commands: &[Command]) -> Sealed {
    decide(set, commands, NOW).seal(Head {
        epoch: 9,
        position: 100,
        entry: 50,
    })
}

#[test]
fn a_batch_gives_one_change_per_account_and_balanced_pairs_with_consecutive_numbers_i6() {
    let commands: Vec<_> = (1..=3)
        .map(|nth| {
            let request = AuthorizeRequest {
                id: AuthorizationId([nth; 16]),
                ..request(100)
            };
            Command::Authorize {
                gateway: gateway("gw1"),
                request,
            }
        })
        .chain([Command::PutCard(CardState {
            status: CardStatus::Frozen,
            ..card_state()
        })])
        .collect();
    let sealed = sealed(set(Some(card_state()), account(250)), &commands);
    assert_eq!(
        sealed.head,
        Head {
            epoch: 9,
            position: 102,
            entry: 54
        }
    );
    let numbers: Vec<_> = sealed.entries.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [51, 52, 53, 54]);
    for pair in sealed.entries.chunks(2) {
        assert_eq!(
            (pair[0].account, pair[1].account),
            (AccountId(1), clearing(euro()))
        );
        assert_eq!(
            (pair[0].amount_minor, pair[0].layer),
            (pair[1].amount_minor, pair[1].layer)
        );
        assert_eq!((pair[0].position, pair[1].position), (101, 101));
        assert_ne!(pair[0].side, pair[1].side);
    }
    let changes: Vec<_> = sealed
        .changes
        .iter()
        .map(|change| change.position)
        .collect();
    assert_eq!(changes, [101, 102]);
    assert!(
        matches!(sealed.changes[0].what, Changed::Account(state) if state.available_minor == 50)
    );
    assert!(
        matches!(sealed.changes[1].what, Changed::Card(state) if state.status == CardStatus::Frozen)
    );
    let marks: Vec<_> = sealed.outcomes.iter().map(mark).collect();
    assert_eq!(marks, [101, 101, 102, 102], "a decline names the head");
    assert_eq!(sealed.internal[0].totals.credits_pending, 200);
    assert_eq!(sealed.new_records.len(), 3);
}

fn mark(outcome: &Outcome) -> u64 {
    let Mark { epoch, position } = match outcome {
        Outcome::Authorized(AuthorizeAnswer::Decided(decision), _) => decision.mark,
        Outcome::Advised(answer, _) => answer.mark,
        Outcome::Stored(mark) => *mark,
        other => panic!("{other:?}"),
    };
    assert_eq!(epoch, 9);
    position
}

#[test]
fn a_total_that_would_not_fit_fails_its_item_and_no_other() {
    let mut full = account(i64::MAX);
    full.totals.debits_pending = i64::MAX - 100;
    full.totals.debits_posted = 0;
    let advice = |nth: u8, minor| {
        let item = commute::approval(AuthorizationId([nth; 16]), minor);
        Command::Advise {
            gateway: gateway("gw1"),
            item,
        }
    };
    let sealed = sealed(
        set(Some(card_state()), full),
        &[advice(1, 101), advice(2, 100)],
    );
    let outcomes: Vec<_> = (sealed.outcomes.iter())
        .map(|outcome| match outcome {
            Outcome::Advised(answer, _) => answer.outcome.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(
        matches!(outcomes[0], ledger_api::AdviceOutcome::Failed { .. }),
        "{outcomes:?}"
    );
    assert_eq!(outcomes[1], ledger_api::AdviceOutcome::Applied);
    assert_eq!(sealed.new_records.len(), 1);
}

#[test]
fn an_account_that_is_full_of_debits_has_nothing_to_spend_and_can_be_told_of_more() {
    let mut deep = account(0);
    deep.totals.debits_posted = i64::MAX - 1;
    deep.totals.debits_pending = i64::MAX - 1_000;
    let item = commute::approval(AuthorizationId([1; 16]), 100);
    let advise = Command::Advise {
        gateway: gateway("gw1"),
        item,
    };
    let sealed = sealed(set(Some(card_state()), deep), &[advise]);
    assert!(
        matches!(sealed.changes[0].what, Changed::Account(state) if state.available_minor == i64::MIN)
    );
}

#[test]
fn internal_accounts_cannot_be_opened_or_spent_from() {
    let open = ledger_api::OpenAccount {
        account: clearing(euro()),
        currency: euro(),
        opening_minor: Amount::ZERO,
    };
    let card = CardState {
        account: funding(euro()),
        ..card_state()
    };
    let sealed = sealed(
        WorkingSet::default(),
        &[Command::OpenAccount(open), Command::PutCard(card)],
    );
    assert!(
        sealed
            .outcomes
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Refused(_)))
    );
    assert_eq!(sealed.changes, []);
}

#[test]
fn names_of_gateways_survive_text() {
    for text in ["", "gw1", "gw2,gw1"] {
        assert_eq!(
            Gateways::from_text(text).map(|set| set.to_text()),
            Some(text.to_owned())
        );
    }
    assert_eq!(Gateways::from_text("gw1,GW 2"), None);
}

#[test]
fn an_outcome_says_how_many_entries_its_own_command_has_posted() {
    let set = set(Some(card_state()), account(1_000));
    let authorize = |nth: u8, minor| Command::Authorize {
        gateway: gateway("gw1"),
        request: AuthorizeRequest {
            id: AuthorizationId([nth; 16]),
            ..request(minor)
        },
    };
    // Held, asked again, declined, held.
    let commands = [(1, 100), (1, 100), (2, 9_000), (3, 100)];
    let commands = commands.map(|(nth, minor)| authorize(nth, minor));
    let sealed = sealed(set, &commands);
    let posted: Vec<_> = (sealed.outcomes.iter())
        .map(|outcome| match outcome {
            Outcome::Authorized(_, entries) => *entries,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(posted, [2, 0, 0, 2]);
    assert_eq!(sealed.entries.len(), 4);
}
