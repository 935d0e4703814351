//! What a peer may not do, and what it gets all the same.

use std::time::Duration;

use iso8583::frame::{Framing, Routing, encode_frame};
use iso8583::profile::ASCII_HEX;
use iso8583::{MessageBuilder, Mti, Profile, decode};
use tests::faultproxy::Mode;
use tests::iso_client::authorization_message;

use super::Links;
use super::peer::in_dialect;

const ENDED: &str = "holdfast_link_ended_total";
/// Long enough for the end of the peer's sending to be noticed before the ledger answers.
const SLOW: Mode = Mode::Slow {
    latency_ms: 200,
    jitter_ms: 0,
};

#[tokio::test]
async fn a_peer_that_stops_sending_gets_all_its_answers_and_then_the_end_i8() -> anyhow::Result<()>
{
    const PAYMENTS: usize = 20;
    let links = Links::start(&[("visa", "framing = 'ascii4'")]).await?;
    let card = links.stack.card_at(0, 1_000_00).await?;
    links.stack.fault(SLOW).await?;
    let mut peer = links.peer("visa", Framing::Ascii4, &ASCII_HEX).await?;
    for _ in 0..PAYMENTS {
        peer.ask(&links.stack.payment(&card, 1_00)).await?;
    }
    peer.shutdown().await?;
    let mut answers = 0;
    while let Some(answer) = peer.next_before_end().await? {
        assert_eq!(answer.verdict(), (Mti::M0110, Some("00")));
        answers += 1;
    }
    assert_eq!(answers, PAYMENTS);
    links
        .counts(ENDED, "visa", &[("cause", "left")], 1.0)
        .await?;
    links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_peer_with_too_many_unanswered_waits_and_nothing_is_refused_i8_i12() -> anyhow::Result<()>
{
    let links = Links::start(&[("wide", ""), ("narrow", "in_flight_max = 2")]).await?;
    let card = links.stack.card_at(0, 1_000_00).await?;
    links.stack.stall().await?;
    // Where there is room, the echo overtakes what waits for the ledger; where there is not, it waits
    // until a place is free, and that is after four of five.
    for (name, earliest) in [("wide", 0), ("narrow", 4)] {
        let mut peer = links.peer(name, Framing::Be2, &ASCII_HEX).await?;
        for _ in 0..5 {
            peer.ask(&links.stack.payment(&card, 1_00)).await?;
        }
        peer.manage("301").await?;
        let mut echo_at = None;
        for place in 0..6 {
            let answer = peer.next().await?;
            assert_eq!(answer.field(39), Some("00"), "{name}");
            if answer.mti == Mti::M0810 {
                echo_at = Some(place);
            }
        }
        let echo_at = echo_at.unwrap();
        assert!(
            echo_at >= earliest && (earliest > 0 || echo_at == 0),
            "{name}: {echo_at}"
        );
    }
    links.stack.heal().await?;
    links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn frames_that_cannot_be_or_never_end_cost_a_peer_its_connection_i12() -> anyhow::Result<()> {
    let links = Links::start(&[
        ("short", "message_max_bytes = 64"),
        ("hasty", "frame_ms = 300"),
        ("idle", "idle_ms = 300"),
        ("bcd", "profile = 'bcd'"),
    ])
    .await?;
    let garbage = [&[0, 8][..], &[0xFF; 8]].concat();
    for (name, bytes, cause) in [
        ("short", &[0, 65, b'0', b'8'][..], "frame_length"),
        ("hasty", &[0, 65, b'0', b'8'][..], "slow_frame"),
        ("idle", &[][..], "idle"),
        ("bcd", &garbage[..], "unreadable"),
    ] {
        let mut peer = links.peer(name, Framing::Be2, &ASCII_HEX).await?;
        peer.write(bytes).await?;
        assert!(peer.next_before_end().await?.is_none(), "{name}");
        links.counts(ENDED, name, &[("cause", cause)], 1.0).await?;
        links
            .counts(
                "holdfast_link_connections",
                name,
                &[("signed_on", "unsaid")],
                0.0,
            )
            .await?;
    }
    // An answer that was on its way comes before the end.
    let mut peer = links.peer("short", Framing::Be2, &ASCII_HEX).await?;
    peer.manage("301").await?;
    peer.write(&[0xFF, 0xFF, 0, 0]).await?;
    assert_eq!(peer.next().await?.verdict(), (Mti::M0810, Some("00")));
    assert!(peer.next_before_end().await?.is_none());
    links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn drops_that_end_in_time_are_a_message() -> anyhow::Result<()> {
    let links = Links::start(&[("visa", "framing = 'vap'\nframe_ms = 5000")]).await?;
    let mut peer = links.peer("visa", Framing::Vap, &ASCII_HEX).await?;
    let message = tests::iso_client::management_message("301")?;
    let mut frame = u16::try_from(message.len())?.to_be_bytes().to_vec();
    frame.extend([0, 0]);
    frame.extend(&message);
    for drop in frame {
        peer.write(&[drop]).await?;
    }
    assert_eq!(peer.next().await?.verdict(), (Mti::M0810, Some("00")));
    links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn more_connections_than_agreed_wait_until_one_goes_i12() -> anyhow::Result<()> {
    let links = Links::start(&[("visa", "connections_max = 1")]).await?;
    let mut first = links.peer("visa", Framing::Be2, &ASCII_HEX).await?;
    first.manage("001").await?;
    assert_eq!(first.next().await?.field(39), Some("00"));
    let mut second = links.peer("visa", Framing::Be2, &ASCII_HEX).await?;
    second.manage("301").await?;
    let unheard = tokio::time::timeout(Duration::from_millis(300), second.next()).await;
    assert!(
        unheard.is_err(),
        "the second connection was served beside the first"
    );
    drop(first);
    assert_eq!(second.next().await?.field(39), Some("00"));
    links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_answer_that_cannot_be_written_is_counted_and_the_link_goes_on() -> anyhow::Result<()> {
    const UNWRITTEN: &str = "holdfast_link_answers_unwritten_total";
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("host.toml");
    let text = "name = 'host'\nbased_on = 'ascii-hex'\n\
        [fields]\n33 = { max = 999, prefix = \"ascii-3\" }\n";
    std::fs::write(&file, text)?;
    let host = Profile::from_toml(text)?;
    let terms = format!("profile = '{}'", file.display());
    let links = Links::start_in(directory, &[("host", &terms)]).await?;
    let card = links.stack.card_at(0, 100_00).await?;
    let mut peer = links.peer("host", Framing::Be2, &ASCII_HEX).await?;
    let request = in_dialect(
        &authorization_message(&links.stack.payment(&card, 1_00), false)?,
        &host,
    )?;
    let request = decode(&host, &request)?;
    let mut long = MessageBuilder::new(&host, request.mti());
    for number in request.present() {
        long.echo(&request, &[number])?;
    }
    long.set(33, &"1".repeat(999))?;
    let mut bytes = Vec::new();
    encode_frame(Framing::Be2, Routing::default(), &long.encode(), &mut bytes)?;
    assert_eq!(links.metric(UNWRITTEN, "host", &[]).await?, 0.0);
    peer.write(&bytes).await?;
    links.counts(UNWRITTEN, "host", &[], 1.0).await?;
    peer.manage("301").await?;
    assert_eq!(peer.next().await?.verdict(), (Mti::M0810, Some("00")));
    assert_eq!(links.metric(UNWRITTEN, "host", &[]).await?, 1.0);
    links.stack.finish().await?;
    Ok(())
}
