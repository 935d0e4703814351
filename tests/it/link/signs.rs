//! Network management in both directions: sign-on, sign-off, echo.

use iso8583::Mti;
use iso8583::frame::Framing;
use iso8583::profile::ASCII_HEX;

use super::Links;

const SENT: &str = "holdfast_link_requests_total";
const UNANSWERED: &str = "holdfast_link_requests_unanswered_total";
const UNMATCHED: &str = "holdfast_link_unmatched_total";
const ENDED: &str = "holdfast_link_ended_total";
const ECHO: (&str, &str) = ("purpose", "echo");

#[tokio::test]
async fn both_sides_sign_on_and_off_with_the_codes_of_the_scheme() -> anyhow::Result<()> {
    let codes = "sign_on = true\n[link.codes]\nsign_on = ['071', '001']\nsign_off = ['072']";
    let links = Links::start(&[("visa", codes)]).await?;
    let mut peer = links.peer("visa", Framing::Be2, &ASCII_HEX).await?;
    let ours = peer.next().await?;
    assert_eq!((ours.mti, ours.field(70)), (Mti::M0800, Some("071")));
    peer.answer(&ours, None).await?;
    let signed_on = async |expected: &str| {
        let status = links.status("visa").await?;
        assert_eq!(status["peers"][0]["signed_on"], expected, "{status}");
        links
            .metric(
                "holdfast_link_connections",
                "visa",
                &[("signed_on", expected)],
            )
            .await
    };
    assert_eq!(signed_on("unsaid").await?, 1.0);
    for (code, answer, state) in [
        ("071", "00", "on"),
        ("072", "00", "off"),
        ("301", "00", "off"),
        ("001", "00", "on"),
        ("002", "40", "on"),
    ] {
        peer.manage(code).await?;
        let seen = peer.next().await?;
        assert_eq!(
            (seen.verdict(), seen.field(70)),
            ((Mti::M0810, Some(answer)), Some(code))
        );
        assert_eq!(signed_on(state).await?, 1.0, "after {code}");
    }
    assert_eq!(links.metric(UNMATCHED, "visa", &[]).await?, 0.0);
    let read = async {
        let sign_off = peer.next().await?;
        assert_eq!(
            (sign_off.mti, sign_off.field(70)),
            (Mti::M0800, Some("072"))
        );
        peer.next_before_end().await
    };
    let (end, stopped) = tokio::join!(read, links.stack.terminate_gateway(0));
    stopped?;
    assert!(end?.is_none());
    links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_silent_peer_is_asked_and_one_that_does_not_answer_is_left_i12() -> anyhow::Result<()> {
    let links = Links::start(&[("visa", "echo_ms = 200\nanswer_ms = 400\nidle_ms = 3000")]).await?;
    let mut peer = links.peer("visa", Framing::Be2, &ASCII_HEX).await?;
    // Longer than an idle connection without echoes would live.
    for _ in 0..16 {
        let echo = peer.next().await?;
        assert_eq!((echo.mti, echo.field(70)), (Mti::M0800, Some("301")));
        peer.answer(&echo, None).await?;
    }
    assert_eq!(links.metric(UNANSWERED, "visa", &[ECHO]).await?, 0.0);
    // An answer to another trace number is none.
    let echo = peer.next().await?;
    peer.answer(&echo, Some("999999")).await?;
    assert!(
        peer.next_before_end().await?.is_none(),
        "the gateway goes on with a peer that is deaf"
    );
    links.counts(UNANSWERED, "visa", &[ECHO], 1.0).await?;
    links
        .counts(ENDED, "visa", &[("cause", "unanswered")], 1.0)
        .await?;
    assert_eq!(links.metric(SENT, "visa", &[ECHO]).await?, 17.0);
    assert_eq!(links.metric(UNMATCHED, "visa", &[]).await?, 1.0);
    links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_answer_to_nothing_is_counted_and_never_answered() -> anyhow::Result<()> {
    let links = Links::start(&[("visa", "")]).await?;
    let mut peer = links.peer("visa", Framing::Be2, &ASCII_HEX).await?;
    let card = links.stack.card_at(0, 100_00).await?;
    peer.manage("301").await?;
    let echo = peer.next().await?;
    // What we were told, sent back.
    peer.answer(&echo, None).await?;
    peer.ask(&links.stack.payment(&card, 1_00)).await?;
    assert_eq!(peer.next().await?.verdict(), (Mti::M0110, Some("00")));
    assert_eq!(links.metric(UNMATCHED, "visa", &[]).await?, 1.0);
    links.stack.finish().await?;
    Ok(())
}
