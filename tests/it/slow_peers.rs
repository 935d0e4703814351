//! Peers that stall, drip, leave half-way or never listen: they lose their connection at most, and
//! nobody else notices.

use std::time::Duration;

use anyhow::{Context, bail};
use tests::faultproxy::Mode;
use tests::http_client::authorization_body;
use tests::iso_client::{authorization_message, management_message};
use tests::payment::Payment;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::support::{PATIENCE, Running, stack};

/// Beyond every patience that the doors have with a peer that does not get on.
const CLOSED_WITHIN: Duration = Duration::from_secs(12);
/// Long enough for the end of the peer's sending to be noticed before the ledger answers.
const SLOW: Mode = Mode::Slow {
    latency_ms: 200,
    jitter_ms: 0,
};

#[tokio::test]
async fn an_http_body_that_stalls_is_ended_and_the_next_request_works_i12() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 100_00).await?;
    let whole = http_bytes(&stack.payment(&card, 1_00));
    let mut peer = http_peer(&stack).await?;
    peer.write_all(&whole[..whole.len() - 20]).await?;
    let mut answer = Vec::new();
    timeout(CLOSED_WITHIN, peer.read_to_end(&mut answer))
        .await
        .context("the connection hangs")?
        .ok();
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408 "),
        "{answer}"
    );
    assert!(stack.pay(0, &stack.payment(&card, 1_00)).await?.approved);
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_iso_frame_that_drips_in_and_never_ends_is_cut_off_i12() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 100_00).await?;
    let mut peer = TcpStream::connect(stack.gateway(0).iso).await?;
    // A length that the drops below never reach in time.
    let drops = [&[3, 0][..], &[b'0'; 600]].concat();
    let start = Instant::now();
    let mut nothing = [0; 1];
    for drop in drops {
        if start.elapsed() > CLOSED_WITHIN {
            bail!("still open after {CLOSED_WITHIN:?}");
        }
        if peer.write_all(&[drop]).await.is_err() {
            break;
        }
        // The pause between two drops is the wait for an end.
        if timeout(Duration::from_millis(100), peer.read(&mut nothing))
            .await
            .is_ok()
        {
            break;
        }
    }
    assert!(
        stack
            .pay_iso(0, &stack.payment(&card, 1_00))
            .await?
            .approved
    );
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_http_peer_that_stops_sending_still_gets_its_answer_i8() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 100_00).await?;
    stack.fault(SLOW).await?;
    let mut peer = http_peer(&stack).await?;
    peer.write_all(&http_bytes(&stack.payment(&card, 1_00)))
        .await?;
    peer.shutdown().await?;
    let mut answer = Vec::new();
    timeout(PATIENCE, peer.read_to_end(&mut answer)).await??;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("\"decision\":\"approved\""), "{answer}");
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_iso_peer_that_stops_sending_still_gets_its_answer_i8() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 100_00).await?;
    stack.fault(SLOW).await?;
    let mut peer = TcpStream::connect(stack.gateway(0).iso).await?;
    let message = authorization_message(&stack.payment(&card, 1_00), false)?;
    peer.write_all(&framed(&message)?).await?;
    peer.shutdown().await?;
    let mut answer = Vec::new();
    timeout(PATIENCE, peer.read_to_end(&mut answer)).await??;
    let answer = answer.get(2..).unwrap_or_default();
    let decoded = iso8583::decode(&iso8583::profile::ASCII_HEX, answer)
        .map_err(|error| anyhow::anyhow!("no answer came before the end: {error:?}"))?;
    assert!(decoded.field(39).is_some_and(|code| code == "00"));
    stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn an_iso_peer_that_never_reads_stops_nobody_else_i8_i12() -> anyhow::Result<()> {
    let stack = stack().await?;
    let card = stack.card("alice", 1_000_00).await?;
    let socket = TcpSocket::new_v4()?;
    // Room for few answers, so that it is full soon.
    socket.set_recv_buffer_size(4 * 1024)?;
    let mut deaf = socket.connect(stack.gateway(0).iso).await?;
    let echoes = framed(&management_message("301")?)?.repeat(200);
    let mut full = false;
    for _ in 0..2_000 {
        // Nothing moves, or the gateway has given up on this peer.
        full = !matches!(
            timeout(Duration::from_millis(500), deaf.write_all(&echoes)).await,
            Ok(Ok(()))
        );
        if full {
            break;
        }
    }
    assert!(
        full,
        "the gateway takes requests whose answers nobody reads"
    );
    for _ in 0..10 {
        let (http, iso) = (stack.payment(&card, 1_00), stack.payment(&card, 1_00));
        assert!(stack.pay(0, &http).await?.approved);
        assert!(stack.pay_iso(0, &iso).await?.approved);
    }
    drop(deaf);
    stack.finish().await?;
    Ok(())
}

async fn http_peer(stack: &Running) -> anyhow::Result<TcpStream> {
    let address = stack.gateway(0).http.trim_start_matches("http://");
    Ok(TcpStream::connect(address).await?)
}

/// A whole request, byte by byte as on the wire.
fn http_bytes(payment: &Payment) -> Vec<u8> {
    let body = authorization_body(payment, false).to_string();
    format!(
        "POST /v1/authorizations HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n\
         idempotency-key: {}\r\ncontent-length: {}\r\n\r\n{body}",
        payment.idempotency_key,
        body.len()
    )
    .into_bytes()
}

fn framed(message: &[u8]) -> anyhow::Result<Vec<u8>> {
    let length = u16::try_from(message.len())?.to_be_bytes();
    Ok([&length, message].concat())
}
