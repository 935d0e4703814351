//! A gateway dies in the middle of an outage and stands by what it said.

use containers::house::house;
use containers::payer::Payer;
use tests::cluster::Node;
use tests::notebook::By;

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_killed_in_an_outage_comes_back_on_its_volume_with_its_answers_i1_i2_i3()
-> anyhow::Result<()> {
    let Some(house) = house().await? else {
        return Ok(());
    };
    let card = house.card_at(0, 100_00).await?;
    let (by_ledger, by_stand_in) = (house.payment(&card, 10_00), house.payment(&card, 20_00));
    let first = house.pay(0, &by_ledger).await?;
    assert_eq!(first.decided_by, Some(By::Ledger));
    house.known(containers::house::DRAINED_WITHIN).await?;
    let payer = Payer::start(&house).await?;
    payer.by_ledger(20).await?;

    house.kill_ledger().await;
    payer.by_stand_in(50).await?;
    let second = house.pay(0, &by_stand_in).await?;
    assert!(
        second.approved && second.decided_by == Some(By::StandIn),
        "{second:?}"
    );
    house.kill(Node::Gateway(0)).await?;
    let before = payer.paid().failed_over;
    payer.by_stand_in(50).await?;
    assert!(
        payer.paid().failed_over > before,
        "the other gateway answered"
    );
    house.restart_gateway(0).await?;
    for (payment, told) in [(&by_ledger, &first), (&by_stand_in, &second)] {
        assert_eq!(house.repeat(0, payment).await?.verdict(), told.verdict());
    }
    payer.by_stand_in(50).await?;

    house.restart_ledger().await?;
    payer.by_ledger(20).await?;
    let paid = payer.stop().await?;
    assert!(paid.unanswered.is_empty(), "{paid:?}");
    house.settled().await?;
    for (payment, told) in [(&by_ledger, &first), (&by_stand_in, &second)] {
        assert_eq!(house.repeat(0, payment).await?.verdict(), told.verdict());
    }
    assert_eq!(house.ledger().available(card.account).await?, 70_00);
    house.finish().await?;
    Ok(())
}
