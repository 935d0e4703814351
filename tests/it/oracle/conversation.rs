//! A card network's talk with a gateway, kept byte by byte.

use anyhow::{Context, bail};
use iso8583::frame::{FrameDecoder, Framing, LENGTH_MAX_DEFAULT, Routing, encode_frame};
use iso8583::profile::ASCII_HEX;
use iso8583::{MessageBuilder, decode};
use tests::iso_client::{
    advice_message, authorization_message, management_message, reversal_message,
};
use tests::payment::Card;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::pcap::From;
use super::{Fields, tshark};
use crate::random::Random;
use crate::support::{PATIENCE, Running};

/// Requests that are sent before their answers are read.
const AT_ONCE: usize = 20;

/// Requests of all kinds on one connection, and their answers, in the order in which they passed.
pub(super) async fn held(
    stack: &Running,
    requests: usize,
    random: &mut Random,
) -> anyhow::Result<Vec<(From, Vec<u8>)>> {
    // Not enough for all of it.
    let card = stack.card_at(0, 500_00).await?;
    let mut stream = TcpStream::connect(stack.gateway(0).iso).await?;
    let mut frames = FrameDecoder::new(Framing::Be2, LENGTH_MAX_DEFAULT);
    let mut messages = Vec::new();
    for first in (0..requests).step_by(AT_ONCE) {
        let some = first..requests.min(first + AT_ONCE);
        for number in some.clone() {
            let message = request(stack, &card, number, random)?;
            let mut framed = Vec::new();
            encode_frame(Framing::Be2, Routing::default(), &message, &mut framed)?;
            stream.write_all(&framed).await?;
            messages.push((From::Client, message));
        }
        for _ in some {
            let answer = timeout(PATIENCE, next_frame(&mut stream, &mut frames)).await??;
            messages.push((From::Server, answer));
        }
    }
    Ok(messages)
}

/// The kinds take turns; most have random fields that they need not have.
fn request(
    stack: &Running,
    card: &Card,
    number: usize,
    random: &mut Random,
) -> anyhow::Result<Vec<u8>> {
    let payment = stack.payment(card, 3_00);
    let bytes = match number % 6 {
        0 => management_message("301")?,
        1 => advice_message(&payment, 3_00)?,
        2 => reversal_message(&payment, 1_00, number.is_multiple_of(4))?,
        3 => authorization_message(&payment, true)?,
        _ => authorization_message(&payment, false)?,
    };
    if number.is_multiple_of(5) {
        return Ok(bytes);
    }
    let plain = decode(&ASCII_HEX, &bytes)?;
    let mut fields: Fields = random.fields(&ASCII_HEX).into_iter().collect();
    // A code in field 64 would have to be the last field.
    fields.retain(|field, _| *field != 64 && !plain.has(*field));
    for difference in tshark::DIFFERENCES {
        (difference.avoid)(&ASCII_HEX, &mut fields);
    }
    let mut message = MessageBuilder::new(&ASCII_HEX, plain.mti());
    message.echo(&plain, &plain.present().collect::<Vec<_>>())?;
    for (field, text) in &fields {
        // The door closes a connection on longer ones.
        if message.length_max() + text.len() < usize::from(LENGTH_MAX_DEFAULT) {
            message.set(*field, text)?;
        }
    }
    Ok(message.encode())
}

async fn next_frame(stream: &mut TcpStream, frames: &mut FrameDecoder) -> anyhow::Result<Vec<u8>> {
    let mut piece = [0; 4 * 1024];
    loop {
        if let Some(frame) = frames.next_frame()? {
            return Ok(frame.message.to_vec());
        }
        match stream.read(&mut piece).await.context("no answer")? {
            0 => bail!("the gateway closed the connection"),
            read => frames.push(&piece[..read]),
        }
    }
}
