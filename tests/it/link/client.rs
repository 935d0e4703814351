//! The client's half, `iso8583-link`, on links with terms of their own.

use std::sync::Arc;
use std::time::Duration;

use iso8583::frame::{Framing, Routing};
use iso8583::profile::{ASCII_HEX, BASE1, BCD, EBCDIC};
use iso8583_link::{Address, Connection, Settings, State};
use tests::iso_client::authorization_message;
use tests::waiting::wait_until;

use super::Links;
use super::peer::in_dialect;
use crate::support::PATIENCE;

#[tokio::test]
async fn it_speaks_every_dialect_and_framing_of_a_gateway() -> anyhow::Result<()> {
    let terms = [
        ("hex", Framing::Ascii4, &ASCII_HEX),
        ("bcd", Framing::Tpdu, &BCD),
        ("ebcdic", Framing::Be2Inclusive, &EBCDIC),
        ("base1", Framing::Vap, &BASE1),
    ];
    let tables = terms.map(|(name, framing, profile)| {
        let profile = profile.name();
        (
            name,
            format!("profile = '{profile}'\nframing = '{framing}'"),
        )
    });
    let tables: Vec<_> = tables.iter().map(|(name, text)| (*name, &**text)).collect();
    let links = Links::start(&tables).await?;
    let card = links.stack.card_at(0, 1_000_00).await?;
    for (name, framing, profile) in terms {
        let settings = Settings {
            profile: Arc::new(profile.clone()),
            framing,
            routing: Routing::new([0x12, 0x34], [0x56, 0x78]),
            ..Settings::default()
        };
        let address = Address::tcp(links.address(name)?.to_string());
        let link = Connection::connect(&address, settings).await?;
        let plain = authorization_message(&links.stack.payment(&card, 10_00), false)?;
        let reply = link
            .request(&in_dialect(&plain, profile)?, PATIENCE)
            .await?;
        assert_eq!(reply.response_code(), "00", "{name}");
        assert_eq!(link.close(PATIENCE).await, 0, "{name}");
    }
    assert_eq!(links.stack.available(&card).await?, 960_00);
    links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn both_sides_ask_whether_the_other_is_there_and_are_answered() -> anyhow::Result<()> {
    let table = "sign_on = true\necho_ms = 100\nanswer_ms = 3000\nidle_ms = 10000";
    let links = Links::start(&[("visa", table)]).await?;
    let address = Address::tcp(links.address("visa")?.to_string());
    // The one asks while the other is silent.
    for (echo_after, asks) in [(None, false), (Some(Duration::from_millis(10)), true)] {
        let settings = Settings {
            echo_after,
            ..Settings::default()
        };
        let link = Connection::connect(&address, settings).await?;
        let asked = || async {
            let counts = link.counts();
            4 <= if asks {
                counts.answered
            } else {
                counts.managed
            }
        };
        wait_until("a sign-on and echoes are answered", PATIENCE, asked).await?;
        assert_eq!(*link.state().borrow(), State::Open);
        assert_eq!(link.counts().unmatched, 0);
        link.close(PATIENCE).await;
    }
    let unanswered = "holdfast_link_requests_unanswered_total";
    let echo = ("purpose", "echo");
    assert_eq!(links.metric(unanswered, "visa", &[echo]).await?, 0.0);
    links.stack.finish().await?;
    Ok(())
}
