//! A peer with a codec that is not ours, and an outage in the middle of its conversation.

use std::path::Path;

use tests::pyiso8583;

use crate::support::stack;

#[tokio::test]
async fn a_foreign_codec_sees_an_outage_only_in_who_decided_i2_i3_i4() -> anyhow::Result<()> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(packages) = pyiso8583::installed(target).await? else {
        return Ok(());
    };
    let stack = stack().await?;
    let card = stack.card_at(0, 100_00).await?;
    pyiso8583::play(&stack, 0, &card, &packages).await?;
    stack.settled().await?;
    assert_eq!(
        stack.available(&card).await?,
        80_00,
        "as if the ledger had never been down"
    );
    stack.finish().await?;
    Ok(())
}
