//! The network's own answers, and originals that are named without their key.

use ledger_api::Fingerprint;

use super::rig::{Rig, id, minor, request, token};
use crate::words::{DecidedBy, Found, NotTaken, Reference, Request};

#[tokio::test]
async fn the_networks_first_advice_stands_and_outranks_ours_rule_5_i3() {
    let mut rig = Rig::listed(&[], 1_000);
    let ours = rig.approve(request(1, 1, 100)).await;
    let tell = |request: Request, approved, amount| {
        let rig = &rig;
        async move {
            rig.accept_advice(request, approved, minor(amount), rig.now)
                .await
        }
    };
    // Over every limit, in another amount than ours, and without any of ours before it.
    assert!(!tell(request(1, 1, 100), true, 70).await.unwrap().duplicate);
    assert!(
        !tell(request(2, 1, 9_000), true, 9_000)
            .await
            .unwrap()
            .duplicate
    );
    let other_content = Request {
        fingerprint: Fingerprint(99),
        ..request(2, 1, 9_000)
    };
    for (advised, approved, amount, expected) in [
        (request(1, 1, 100), true, 70, Ok(true)),
        (request(1, 1, 100), true, 71, Err(NotTaken::Conflict)),
        (request(1, 1, 100), false, 0, Err(NotTaken::Conflict)),
        (request(2, 1, 9_000), true, 9_000, Ok(true)),
        (other_content, true, 9_000, Err(NotTaken::Conflict)),
    ] {
        let told = tell(advised, approved, amount).await;
        let came = told.map(|accepted| accepted.duplicate);
        assert_eq!(came, expected, "{approved} {amount}");
    }
    rig.restart();
    let stands = rig.answer(&id(1)).unwrap();
    assert_eq!(stands.by, DecidedBy::Network);
    assert_eq!(stands.approved_amount, minor(70), "rule 6");
    assert_eq!(ours.by, DecidedBy::StandIn);
    assert_eq!(rig.backlog(), 3, "ours, and the network's two");
}

#[tokio::test]
async fn an_original_without_its_key_is_found_where_only_one_fits() {
    let mut rig = Rig::listed(&[], 10_000);
    let at = |number, terminal, rrn: &[u8; 12], amount| Request {
        terminal,
        rrn: *rrn,
        ..request(number, 1, amount)
    };
    let (a, b) = (b"000000000001", b"000000000002");
    for request in [
        at(1, 7, a, 100),
        at(2, 7, b, 100),
        at(3, 7, b, 200),
        at(4, 7, b, 200),
        at(5, 8, b, 300),
        at(6, 0, a, 400),
        at(7, 9, b"            ", 500),
        at(8, 9, b"000000000000", 600),
    ] {
        rig.approve(request).await;
    }
    let refer = |card, terminal, rrn: &[u8; 12]| Reference {
        card: token(card),
        rrn: *rrn,
        terminal,
    };
    let one = |number| Found::One(id(number));
    for (reference, amount, to_reverse, to_complete) in [
        (refer(1, 7, a), 100, one(1), one(1)),
        (refer(1, 7, a), 101, Found::Nothing, one(1)),
        (refer(2, 7, a), 100, Found::Nothing, Found::Nothing),
        (refer(1, 7, b), 100, one(2), one(2)),
        (refer(1, 7, b), 200, Found::Several, Found::Several),
        (refer(1, 7, b), 300, Found::Nothing, Found::Several),
        (refer(1, 8, b), 300, one(5), one(5)),
        (refer(1, 0, a), 400, Found::Nothing, Found::Nothing),
        (
            refer(1, 9, b"            "),
            500,
            Found::Nothing,
            Found::Nothing,
        ),
        (
            refer(1, 9, b"000000000000"),
            600,
            Found::Nothing,
            Found::Nothing,
        ),
    ] {
        for _ in 0..2 {
            let found = (
                rig.original_to_reverse(&reference, minor(amount)),
                rig.original_to_complete(&reference, minor(amount)),
            );
            assert_eq!(found, (to_reverse, to_complete), "{reference:?} {amount}");
        }
        rig.restart();
    }
}

#[tokio::test]
async fn references_that_fit_thousands_mean_none_of_them_i12() {
    let rig = Rig::listed(&[], 1_000);
    for number in 0..1_100 {
        rig.ledger_approves(request(number, 1, i64::from(number)), 1)
            .await;
    }
    let reference = request(0, 1, 0).reference();
    let found = rig.original_to_reverse(&reference, minor(1_050));
    assert_eq!(found, Found::Several);
}

#[tokio::test]
async fn of_a_payment_that_was_tried_again_the_approval_is_meant() {
    let rig = Rig::listed(&[], 1_000);
    let _ = rig.decline(request(1, 1, 2_000)).await;
    rig.feed(1, vec![super::rig::account(1, 1, 5_000)]);
    rig.approve(request(2, 1, 2_000)).await;
    let reference = Reference {
        card: token(1),
        rrn: *b"000000000001",
        terminal: 1,
    };
    assert_eq!(
        rig.original_to_reverse(&reference, minor(2_000)),
        Found::One(id(2))
    );
}
