//! A peer with a codec that is not ours, against a gateway in a container.

use std::path::Path;

use containers::house::house;
use tests::pyiso8583;

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_codec_sees_an_outage_only_in_who_decided_i2_i3_i4() -> anyhow::Result<()> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(house) = house().await? else {
        return Ok(());
    };
    let Some(packages) = pyiso8583::installed(target).await? else {
        return Ok(());
    };
    let card = house.card_at(0, 100_00).await?;
    pyiso8583::play(&house, 0, &card, &packages).await?;
    house.settled().await?;
    let available = house.ledger().available(card.account).await?;
    assert_eq!(available, 80_00, "as if the ledger had never been down");
    house.finish().await?;
    Ok(())
}
