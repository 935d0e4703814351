//! The fields of a message as our words.

use fallback::Request;
use iso8583::Message;
use ledger_api::{Amount, CardToken, Currency, Expiry};

use super::What;
use crate::identity::{NaturalKey, is_transmission_time};
use crate::iso::Link;

/// The fields of an authorization; the number of the first one that makes no sense otherwise.
pub(super) fn request(message: &Message<'_>, link: &Link) -> Result<Request, u8> {
    let card = card(message, link)?;
    let natural = natural_key(message, link)?;
    let amount = amount(message)?;
    let currency = currency(message)?;
    let processing_code = message.field(3).ok_or(3)?.to_text();
    Ok(Request {
        id: link.keys.authorization_id(&natural, &card),
        card,
        amount,
        currency,
        expiry: expiry(message)?,
        fingerprint: link.keys.fingerprint(&processing_code, amount, currency),
        alias: 0,
        repeat: message.mti().is_repeat(),
        stan: natural.stan.parse().map_err(|_| 11)?,
        rrn: natural.padded_rrn(),
        terminal: link.keys.terminal(&natural),
    })
}

/// What the network decided: the codes that approve, of those that there are.
pub(super) fn advice(message: &Message<'_>, link: &Link) -> Result<What, u8> {
    let request = request(message, link)?;
    let code = message.field(39).ok_or(39)?;
    let approved = ["00", "08", "10", "11", "85", "87"]
        .iter()
        .any(|approving| code == *approving);
    let approved_amount = if approved {
        request.amount
    } else {
        Amount::ZERO
    };
    Ok(What::Advice {
        request,
        approved,
        approved_amount,
    })
}

/// The original's id, from DE90 and what a reversal repeats of its original.
pub(super) fn reversal(message: &Message<'_>, link: &Link) -> Result<What, u8> {
    let card = card(message, link)?;
    let original = message.original_data().ok_or(90)?;
    let natural = NaturalKey {
        acquirer_id: original.acquirer_id.to_string(),
        forwarder_id: original
            .forwarder_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        stan: original.stan.to_string(),
        transmitted_at: original.transmitted_at.to_string(),
        ..natural_key(message, link)?
    };
    let remaining = match message.replacement_amount() {
        None => Amount::ZERO,
        Some(actual) => {
            let minor = actual
                .ok()
                .and_then(|minor| i64::try_from(minor).ok())
                .ok_or(95)?;
            Amount::new(minor).map_err(|_| 95)?
        }
    };
    Ok(What::Reversal {
        id: link.keys.authorization_id(&natural, &card),
        card,
        remaining,
    })
}

fn card(message: &Message<'_>, link: &Link) -> Result<CardToken, u8> {
    match message.pan() {
        Some(pan) if pan.luhn_valid() => Ok(link.keys.card_token(&pan)),
        _ => Err(2),
    }
}

fn natural_key(message: &Message<'_>, link: &Link) -> Result<NaturalKey, u8> {
    let field = |number: u8| message.field(number).map(|it| it.to_text()).ok_or(number);
    let transmitted_at = field(7)?;
    if !is_transmission_time(&transmitted_at) {
        return Err(7);
    }
    Ok(NaturalKey {
        network: link.terms.network.as_ref().to_owned(),
        acquirer_id: field(32)?,
        forwarder_id: field(33).unwrap_or_default(),
        terminal_id: field(41)?,
        merchant_id: field(42)?,
        stan: field(11)?,
        rrn: field(37)?,
        transmitted_at,
    })
}

fn amount(message: &Message<'_>) -> Result<Amount, u8> {
    let minor = message.field(4).and_then(|digits| digits.number());
    let minor = minor.and_then(|minor| i64::try_from(minor).ok()).ok_or(4)?;
    Amount::new(minor).map_err(|_| 4)
}

/// DE49 as three digits, or three letters as some hosts send it.
fn currency(message: &Message<'_>) -> Result<Currency, u8> {
    let text = message.field(49).ok_or(49)?.to_text();
    match text.parse() {
        Ok(numeric) => Currency::from_numeric(numeric).map_err(|_| 49),
        Err(_) => text.parse().map_err(|_| 49),
    }
}

fn expiry(message: &Message<'_>) -> Result<Option<Expiry>, u8> {
    let Some(digits) = message.field(14) else {
        return Ok(None);
    };
    let yymm = digits
        .number()
        .and_then(|yymm| u16::try_from(yymm).ok())
        .ok_or(14)?;
    Expiry::try_from(yymm).map(Some).map_err(|_| 14)
}
