//! Nobody waits for the ledger to begin.

use containers::house::house_with;
use ledger_api::{AccountId, CardStatus};
use tests::cluster::Node;
use tests::notebook::By;
use tests::payment::{Card, NewCard, token_of};

#[tokio::test(flavor = "multi_thread")]
async fn gateways_are_ready_before_there_is_a_ledger_and_learn_its_cards_later_i1_i7()
-> anyhow::Result<()> {
    let alone = [Node::Proxy, Node::Gateway(0), Node::Gateway(1)];
    let Some(house) = house_with(&alone).await? else {
        return Ok(());
    };
    // Ready means that it answers, and it does not vouch for a card that nobody has told it of.
    let stranger = NewCard::nth(900, 0);
    let stranger = Card {
        token: token_of(house.keys(), &stranger.number)?,
        number: stranger.number,
        account: AccountId(stranger.account),
        expiry: stranger.expiry,
        status: CardStatus::Open,
        opening_minor: 0,
    };
    for gateway in 0..2 {
        let payment = house.payment(&stranger, 1_00);
        let answer = house.pay(gateway, &payment).await?;
        assert_eq!(
            (answer.approved, answer.decided_by),
            (false, Some(By::StandIn)),
            "{answer:?}"
        );
    }

    let machinery = house.machinery();
    machinery.start(Node::Database).await?;
    for ledger in [Node::Ledger(0), Node::Ledger(1)] {
        machinery.start(ledger).await?;
    }
    let card = house.card_at(0, 100_00).await?;
    for gateway in 0..2 {
        let answer = house.pay(gateway, &house.payment(&card, 10_00)).await?;
        assert!(answer.approved, "{answer:?}");
    }
    house.settled().await?;
    assert_eq!(house.ledger().available(card.account).await?, 80_00);
    house.finish().await?;
    Ok(())
}
