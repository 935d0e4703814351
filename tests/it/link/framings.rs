//! Every framing and every dialect, end to end.

use iso8583::Mti;
use iso8583::frame::Framing;
use iso8583::profile::{ASCII_BINARY, ASCII_HEX, BASE1, BCD, EBCDIC};

use super::Links;
use super::peer::ROUTING;

#[tokio::test]
async fn in_every_framing_an_echo_and_a_payment_get_their_answers() -> anyhow::Result<()> {
    let framings = Framing::ALL.map(|framing| (framing, format!("framing = '{framing}'")));
    let links: Vec<_> = framings
        .iter()
        .map(|(it, text)| (it.word(), text.as_str()))
        .collect();
    let links = Links::start(&links).await?;
    let card = links.stack.card_at(0, 1_000_00).await?;
    for (framing, _) in framings {
        let mut peer = links.peer(framing.word(), framing, &ASCII_HEX).await?;
        peer.manage("301").await?;
        let echo = peer.next().await?;
        assert_eq!(echo.verdict(), (Mti::M0810, Some("00")), "{framing}");
        peer.ask(&links.stack.payment(&card, 1_00)).await?;
        let answer = peer.next().await?;
        assert_eq!(answer.verdict(), (Mti::M0110, Some("00")), "{framing}");
        if framing == Framing::Tpdu {
            assert_eq!(
                (echo.routing, answer.routing),
                (ROUTING.answer(), ROUTING.answer())
            );
        }
        let status = links.status(framing.word()).await?;
        assert_eq!(
            (&status["framing"], &status["connections"]),
            (&framing.word().into(), &1.into())
        );
    }
    links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_poll_is_answered_with_a_poll_between_messages_and_counted() -> anyhow::Result<()> {
    let links =
        Links::start(&[("vap", "framing = 'vap'"), ("ascii4", "framing = 'ascii4'")]).await?;
    for (name, framing) in [("vap", Framing::Vap), ("ascii4", Framing::Ascii4)] {
        let mut peer = links.peer(name, framing, &ASCII_HEX).await?;
        let poll: &[u8] = if framing == Framing::Vap {
            &[0; 4]
        } else {
            b"0000"
        };
        peer.write(poll).await?;
        peer.manage("301").await?;
        peer.write(poll).await?;
        assert!(peer.next_or_poll().await?.is_none(), "{name}");
        assert_eq!(
            peer.next().await?.verdict(),
            (Mti::M0810, Some("00")),
            "{name}"
        );
        assert!(peer.next_or_poll().await?.is_none(), "{name}");
        assert_eq!(
            links.metric("holdfast_link_polls_total", name, &[]).await?,
            2.0
        );
    }
    links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_payment_in_any_dialect_is_the_same_one_over_http_rule_1_i2_i3() -> anyhow::Result<()> {
    let links = Links::start(&[
        ("ascii-binary", "profile = 'ascii-binary'"),
        ("bcd", "profile = 'bcd'\nframing = 'tpdu'"),
        ("ebcdic", "profile = 'ebcdic'\nframing = 'be2-inclusive'"),
        ("base1", "profile = 'base1'\nframing = 'vap'"),
    ])
    .await?;
    let card = links.stack.card_at(0, 1_000_00).await?;
    for (name, framing, profile) in [
        ("ascii-binary", Framing::Be2, &ASCII_BINARY),
        ("bcd", Framing::Tpdu, &BCD),
        ("ebcdic", Framing::Be2Inclusive, &EBCDIC),
        ("base1", Framing::Vap, &BASE1),
    ] {
        let mut peer = links.peer(name, framing, profile).await?;
        let payment = links.stack.payment(&card, 10_00);
        peer.ask(&payment).await?;
        let answer = peer.next().await?;
        assert_eq!(answer.verdict(), (Mti::M0110, Some("00")), "{name}");
        let again = links.stack.repeat(0, &payment).await?;
        assert_eq!(
            (again.approved, again.duplicate),
            (true, Some(true)),
            "{name}"
        );
        assert_eq!(again.approval_code.as_deref(), answer.field(38), "{name}");
    }
    assert_eq!(links.stack.available(&card).await?, 960_00);
    links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn the_network_of_a_link_is_part_of_the_id_rule_1() -> anyhow::Result<()> {
    let links = Links::start(&[("one", ""), ("other", "network = 'other'")]).await?;
    let card = links.stack.card_at(0, 100_00).await?;
    let payment = links.stack.payment(&card, 10_00);
    for name in ["one", "other"] {
        let mut peer = links.peer(name, Framing::Be2, &ASCII_HEX).await?;
        peer.ask(&payment).await?;
        assert_eq!(
            peer.next().await?.verdict(),
            (Mti::M0110, Some("00")),
            "{name}"
        );
    }
    assert_eq!(links.stack.available(&card).await?, 80_00, "two payments");
    Ok(())
}
