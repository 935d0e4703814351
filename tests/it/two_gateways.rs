//! One card, two gateways, no ledger to agree on.

use ledger_api::Reason;

use crate::support::stack;

#[tokio::test]
async fn the_other_gateway_stands_in_up_to_its_floor_when_the_home_is_gone_i5() -> anyhow::Result<()>
{
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_00).await?;
    stack.cut().await?;
    stack.kill_gateway(0).await;
    assert!(stack.pay(1, &stack.payment(&card, 100_00)).await?.approved);
    let over = stack.pay(1, &stack.payment(&card, 100_00)).await?;
    assert!(
        !over.approved,
        "150.00 is the floor of a gateway that is not home: {:?}",
        over.reason
    );
    assert!(
        stack
            .pay_iso(1, &stack.payment(&card, 50_00))
            .await?
            .approved
    );
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn only_the_home_decides_a_repeat_that_nobody_remembers_rule_2() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    stack.cut().await?;
    let payment = stack.payment(&card, 10_00);
    let elsewhere = stack.repeat_iso(1, &payment).await?;
    assert_eq!(
        (elsewhere.approved, elsewhere.response_code.as_str()),
        (false, "91")
    );
    let named = stack.repeat(1, &stack.payment(&card, 10_00)).await?;
    assert_eq!(named.reason, Some(Reason::RepeatNotAtHome));
    assert!(stack.repeat_iso(0, &payment).await?.approved);

    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 90_00);
    let audit = stack.finish().await?;
    assert!(audit.repeats_not_at_home.len() >= 2);
    Ok(())
}

#[tokio::test]
async fn of_two_different_answers_the_approval_is_booked_and_the_case_listed_rule_3()
-> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_00).await?;
    stack.cut().await?;
    let payment = stack.payment(&card, 200_00);
    assert!(!stack.pay(1, &payment).await?.approved, "over the floor");
    assert!(
        stack.pay(0, &payment).await?.approved,
        "within the home's limits"
    );

    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 800_00);
    let id = stack.id_of(&payment);
    let audit = stack.finish().await?;
    assert_eq!(audit.contested, [id]);
    Ok(())
}
