//! Some calls are answered, some hang, some are refused: how most outages begin.

use tests::faultproxy::Mode;

use crate::support::{PATIENCE, stack};

#[tokio::test]
async fn every_payment_is_answered_within_budget_in_a_brown_out_i1_i3_i8() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card_at(0, 1_000_00).await?;
    let (http, iso) = (stack.http(0)?, stack.iso(0).await?);
    let grey = Mode::Grey {
        slow_share: 0.3,
        hang_share: 0.2,
        refuse_share: 0.2,
        latency_ms: 300,
    };
    stack.fault(grey).await?;
    for _ in 0..12 {
        let payments = [(); 4].map(|()| stack.payment(&card, 1_00));
        let (a, b, c, d) = tokio::join!(
            http.authorize(&payments[0], false, PATIENCE),
            http.authorize(&payments[1], false, PATIENCE),
            iso.authorize(&payments[2], false, PATIENCE),
            iso.authorize(&payments[3], false, PATIENCE),
        );
        for outcome in [a, b, c, d] {
            assert!(
                outcome.answer().is_some_and(|answer| answer.approved),
                "{outcome:?}"
            );
        }
    }
    stack.heal().await?;
    stack.settled().await?;
    assert_eq!(stack.available(&card).await?, 1_000_00 - 48_00);
    stack.finish().await?;
    Ok(())
}
