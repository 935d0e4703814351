//! What a network sends over ISO 8583: payments with all that a card has, and damaged ones.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use iso8583::profile::{ASCII_HEX, BASE1, BCD, EBCDIC};
use iso8583::{MessageBuilder, Mti, Profile, decode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::cards::Secrets;
use crate::iso_client::{
    advice_message, authorization_message, management_message, reversal_message,
};
use crate::payment::Payment;

/// A message with these fields too, in this profile and of this type.
fn with(
    profile: &'static Profile,
    mti: Option<Mti>,
    bytes: &[u8],
    fields: &[(u8, &str)],
) -> anyhow::Result<Vec<u8>> {
    let plain = decode(&ASCII_HEX, bytes)?;
    let mut message = MessageBuilder::new(profile, mti.unwrap_or(plain.mti()));
    for number in plain.present() {
        let text = plain.expose_field(number).context("it is there")?.to_text();
        // Some dialects have a digit more of the same.
        let field = profile.field(number).context("every profile has it")?;
        let length = usize::from(field.length.bounds().0);
        message.set(number, &format!("{text:0>length$}"))?;
    }
    for (number, text) in fields {
        message.set(*number, text)?;
    }
    Ok(message.encode())
}

/// Everything that a terminal can read of a card.
fn all_of_it(card: &Secrets, payment: &Payment) -> anyhow::Result<Vec<u8>> {
    let plain = authorization_message(payment, false)?;
    let (track1, track2, track3) = (card.track1(), card.track2(), card.track3());
    let (pin, chip) = (card.pin_hex(), card.chip_data());
    let fields = [
        (35, &*track2),
        (36, &track3),
        (45, &track1),
        (48, &card.private),
        (52, &pin),
        (55, &chip),
        (63, &card.private),
    ];
    with(&ASCII_HEX, None, &plain, &fields)
}

/// A payment's whole life, in two conversations: authorized with everything, and sent again; then with
/// another amount (94), told about and taken back.
pub(super) fn good(
    card: &Secrets,
    payment: &Payment,
    checked: &str,
) -> anyhow::Result<[Vec<u8>; 2]> {
    let whole = all_of_it(card, payment)?;
    let told = with(&ASCII_HEX, None, &whole, &[(61, checked)])?;
    let other = Payment {
        amount_minor: payment.amount_minor + 1,
        ..payment.clone()
    };
    let track2 = card.track2();
    let advice = with(
        &ASCII_HEX,
        None,
        &advice_message(payment, 1)?,
        &[(35, &track2)],
    )?;
    let reversal = with(
        &ASCII_HEX,
        None,
        &reversal_message(payment, 0, true)?,
        &[(35, &track2), (48, &card.private)],
    )?;
    let again = with(&ASCII_HEX, Some(Mti::M0101), &told, &[])?;
    let afterwards = [all_of_it(card, &other)?, advice, reversal];
    Ok([
        [framed(&told), framed(&again)].concat(),
        afterwards.iter().flat_map(|one| framed(one)).collect(),
    ])
}

/// How many kinds of damage there are.
pub(super) const DAMAGES: usize = 22;

/// One connection's bytes that are wrong in the way with this number, length in front included.
pub(super) fn damaged(kind: usize, card: &Secrets, payment: &Payment) -> anyhow::Result<Vec<u8>> {
    let whole = all_of_it(card, payment)?;
    let text = String::from_utf8(whole.clone())?;
    let number = card.number.as_str();
    let swap = |from: &str, to: &str| framed(text.replacen(from, to, 1).as_bytes());
    let last = if number.ends_with('0') { "1" } else { "0" };
    let bad_luhn = [&number[..number.len() - 1], last].concat();
    Ok(match kind {
        0 => swap(number, &bad_luhn),
        1 => swap(number, &format!("{}x", &number[..number.len() - 1])),
        2 => swap(&format!("{}{number}", number.len()), &format!("20{number}")),
        3 => swap(&card.track2(), &card.track2().replacen('=', "?", 1)),
        4 => framed(&whole[..whole.len() / 2]),
        5 => framed(&whole)[..whole.len() / 2].to_vec(),
        6 => framed(&[&whole, number.as_bytes()].concat()),
        7 => swap("0100", "9990"),
        8 => swap("0100", "0110"),
        9 => swap("0100", "01x0"),
        10 => framed([number, &card.pin_hex()].concat().as_bytes()),
        11 => swap(
            &card.pin_hex(),
            &card.pin_hex().replacen(char::is_alphanumeric, "G", 1),
        ),
        12 => swap(&card.chip_data(), &card.chip_data().replacen("57", "5F", 1)),
        13 => [&[0xFF, 0xFF], text.repeat(20).as_bytes()].concat(),
        14 => framed(card.track2().repeat(90).as_bytes()),
        15 => framed(&with(&EBCDIC, None, &whole, &[])?),
        16 => framed(&with(&BCD, None, &whole, &[])?),
        17 => framed(&with(
            &BASE1,
            None,
            &authorization_message(payment, false)?,
            &[],
        )?),
        18 => format!(
            "GET /v1/authorizations/{number} HTTP/1.1\r\nhost: {}\r\n\r\n",
            card.track2()
        )
        .into_bytes(),
        19 => {
            let pin = card.pin_hex();
            let fields = [
                (2, number),
                (35, &card.track2()),
                (52, &pin),
                (48, &card.private),
            ];
            framed(&with(
                &ASCII_HEX,
                None,
                &management_message("301")?,
                &fields,
            )?)
        }
        20 => {
            // Behind the amount, which is twelve digits whatever they are.
            let (original, amounts) = (format!("{number:0<42}"), format!("{:012}{number:0<30}", 0));
            let reversal = reversal_message(payment, 0, true)?;
            framed(&with(
                &ASCII_HEX,
                None,
                &reversal,
                &[(90, &original), (95, &amounts)],
            )?)
        }
        _ => {
            let name = format!("{number:<40}");
            let fields = [
                (43, &*name),
                (54, number),
                (60, number),
                (62, number),
                (102, number),
            ];
            framed(&with(&ASCII_HEX, Some(Mti::M0302), &whole, &fields)?)
        }
    })
}

/// Two bytes of length in front.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), message].concat()
}

/// Sends all of it, and nothing more; the answers, once the gateway has closed.
pub(super) async fn exchange(door: SocketAddr, bytes: &[u8]) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut peer = TcpStream::connect(door).await?;
    let mut answers = Vec::new();
    // A gateway that cannot follow hangs up in the middle; what it answered before counts.
    if peer.write_all(bytes).await.is_ok() {
        let _ = peer.shutdown().await;
    }
    let _ = peer.read_to_end(&mut answers).await;
    let (mut rest, mut messages) = (&answers[..], Vec::new());
    while let Some((length, more)) = rest.split_first_chunk() {
        let (message, more) = more
            .split_at_checked(u16::from_be_bytes(*length).into())
            .context("an answer is cut short")?;
        messages.push(message.to_vec());
        rest = more;
    }
    Ok(messages)
}

/// An answer's DE39, and its bytes without what the standard has it repeat: DE2, where it is about a
/// card.
pub(super) fn without_echo(answer: &[u8]) -> anyhow::Result<(String, Vec<u8>)> {
    let message = decode(&ASCII_HEX, answer).context("an answer must be readable")?;
    let mut rest = answer.to_vec();
    if let Some(place) = message.place_of(2) {
        let management = [Mti::M0800, Mti::M0810].contains(&message.mti());
        ensure!(!management, "network management is about no card");
        rest[place].fill(b'*');
    }
    let code = message.field(39).map(|code| code.to_text());
    Ok((code.unwrap_or_default(), rest))
}
