//! The fields of a message as our words.

use std::borrow::Cow;

use fallback::{Circumstances, Completion, Entry, Movement, Reference, Request, Verification};
use iso8583::{Message, Mti, Pan, presence};
use ledger_api::{Amount, CardToken, Currency, Expiry};

use super::Told;
use crate::identity::{NaturalKey, is_transmission_time};
use crate::iso::Link;
use crate::told::{self, Named};
use crate::verification::{self, Presented, Verifying};

/// An authorization, and its checks; the number of the first field that makes no sense otherwise.
pub(super) fn authorization(
    message: &Message<'_>,
    link: &Link,
) -> Result<(Request, Verifying), u8> {
    let presented = presented(message, link)?;
    let request = request(message, link, expiry(message)?, presented.known())?;
    let checks = (link.gateway.parts().verifier).verify(&presented);
    Ok((request, checks))
}

fn presented<'a>(message: &'a Message<'a>, link: &Link) -> Result<Presented<'a>, u8> {
    Ok(Presented {
        told: verification::told(message, link.terms.verification_field)?,
        message: Some(message),
    })
}

/// The fields of an authorization; the number of the first one that makes no sense otherwise.
fn request(
    message: &Message<'_>,
    link: &Link,
    expiry: Option<Expiry>,
    verification: Verification,
) -> Result<Request, u8> {
    let pan = pan(message)?;
    let card = link.keys.card_token(&pan);
    let natural = natural_key(message, link)?;
    let amount = amount(message)?;
    let currency = currency(message)?;
    let processing_code = text(message, 3).ok_or(3)?;
    Ok(Request {
        id: link.keys.authorization_id(&natural, &card),
        card,
        amount,
        currency,
        expiry,
        fingerprint: link.keys.fingerprint(&processing_code, amount, currency),
        alias: 0,
        repeat: message.mti().is_repeat(),
        stan: natural.stan.parse().map_err(|_| 11)?,
        rrn: natural.padded_rrn(),
        terminal: link.keys.terminal(&natural),
        captures: false,
        verification,
        circumstances: Circumstances {
            kind: told::kind(&processing_code),
            merchant: link.keys.merchant(&natural),
            bin: link.keys.bin(&pan),
            partial: link.terms.partial_approval,
            ..circumstances(message)
        },
    })
}

/// What is told beside card and money. What makes no sense is as if it were not told: no rule of ours
/// depends on it alone, and the network has let it pass.
fn circumstances(message: &Message<'_>) -> Circumstances {
    let number = |field: u8| {
        let number = message.field(field).and_then(|digits| digits.number());
        number.and_then(|number| u16::try_from(number).ok())
    };
    let reading = message.entry_mode().and_then(Result::ok);
    Circumstances {
        entry: reading.map_or(Entry::Unknown, |mode| Entry::of_entry_mode(mode.reading)),
        mcc: number(18).filter(|mcc| *mcc <= 9_999).unwrap_or_default(),
        country: number(19).filter(|code| *code <= 999).unwrap_or_default(),
        ..Circumstances::default()
    }
}

/// An authorization that takes the money at once.
pub(super) fn purchase(message: &Message<'_>, link: &Link) -> Result<(Request, Verifying), u8> {
    let (request, checks) = authorization(message, link)?;
    let code = text(message, 3).ok_or(3)?;
    let (amount, currency) = (request.amount, request.currency);
    let request = Request {
        captures: true,
        fingerprint: link.keys.purchase_fingerprint(&code, amount, currency),
        ..request
    };
    Ok((request, checks))
}

/// What the network decided, and how much it approved: DE4, which is less than was asked for where it
/// approved a part (DE39 = 10).
pub(super) fn advice(message: &Message<'_>, link: &Link) -> Result<Told, u8> {
    // What was presented has been weighed by the network: no expiry and no check can refuse its word.
    let request = request(message, link, None, Verification::default())?;
    let approved = approves(message)?;
    let approved_amount = if approved {
        request.amount
    } else {
        Amount::ZERO
    };
    Ok(Told::Advice {
        request,
        approved,
        approved_amount,
    })
}

/// True where DE39 says that the network approved.
fn approves(message: &Message<'_>) -> Result<bool, u8> {
    let code = message.field(39).ok_or(39)?;
    let mut approving = presence::APPROVING.iter();
    Ok(approving.any(|approving| code == *approving))
}

/// Which way a completion moves money.
pub(super) fn movement(message: &Message<'_>) -> Option<Movement> {
    told::movement(&text(message, 3)?)
}

/// A capture, or a refund.
pub(super) fn completion(message: &Message<'_>, link: &Link) -> Result<Told, u8> {
    let card = card(message, link)?;
    let natural = natural_key(message, link)?;
    let (amount, currency) = (amount(message)?, currency(message)?);
    let processing_code = text(message, 3).ok_or(3)?;
    let named = named(message, link, &natural, &card)?;
    let of = match named {
        Named::Key(of) | Named::Purchase(of) | Named::Untyped(of) => Some(of),
        Named::Reference(_) | Named::Unknown => None,
    };
    let keys = &link.keys;
    let completion = Completion {
        id: keys.completion_id(&natural, &card),
        of,
        movement: movement(message).ok_or(3)?,
        card,
        amount,
        currency,
        // There is no field that says that more captures follow.
        more: false,
        fingerprint: keys.completion_fingerprint(&processing_code, amount, currency, of),
    };
    // One that was declined moved no money, and moves none here.
    if message.has(39) && !approves(message)? {
        return Ok(Told::Nothing);
    }
    Ok(Told::Completion { completion, named })
}

/// What is taken back, and how much of it remains.
pub(super) fn reversal(message: &Message<'_>, link: &Link) -> Result<Told, u8> {
    let card = card(message, link)?;
    let natural = natural_key(message, link)?;
    let original = named(message, link, &natural, &card)?;
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
    Ok(Told::Reversal {
        original,
        card,
        amount: amount(message)?,
        remaining,
    })
}

/// What a message belongs to: see [`super`].
fn named(
    message: &Message<'_>,
    link: &Link,
    own: &NaturalKey<'_>,
    card: &CardToken,
) -> Result<Named, u8> {
    let reference = Named::Reference(Reference {
        card: *card,
        rrn: own.padded_rrn(),
        terminal: link.keys.terminal(own),
    });
    if !message.has(90) {
        return Ok(reference);
    }
    let original = message.original_data().ok_or(90)?;
    // It cannot name a message that could have come here: something else stands there.
    if original.mti.version() != message.profile().version() {
        return Err(90);
    }
    let is_completion = matches!(original.mti, Mti::M0220 | Mti::M0221);
    let is_purchase = matches!(original.mti, Mti::M0200 | Mti::M0201);
    let stan = original.stan.as_str();
    let is_complete = stan.bytes().any(|digit| digit != b'0')
        && is_transmission_time(original.transmitted_at.as_str())
        && !original.acquirer_id.is_empty();
    if !is_complete {
        // Only authorizations are found without their key.
        return Ok(if is_completion {
            Named::Unknown
        } else {
            reference
        });
    }
    let key = NaturalKey {
        acquirer_id: original.acquirer_id.to_string().into(),
        forwarder_id: original
            .forwarder_id
            .map(|id| id.to_string())
            .unwrap_or_default()
            .into(),
        stan: stan.into(),
        transmitted_at: original.transmitted_at.to_string().into(),
        ..own.clone()
    };
    Ok(if is_completion {
        Named::Key(link.keys.completion_id(&key, card))
    } else if is_purchase {
        Named::Purchase(link.keys.authorization_id(&key, card))
    } else if Mti::parse("0000").is_ok_and(|untyped| untyped == original.mti) {
        Named::Untyped(link.keys.authorization_id(&key, card))
    } else {
        Named::Key(link.keys.authorization_id(&key, card))
    })
}

fn card(message: &Message<'_>, link: &Link) -> Result<CardToken, u8> {
    pan(message).map(|pan| link.keys.card_token(&pan))
}

fn pan(message: &Message<'_>) -> Result<Pan, u8> {
    message.pan().filter(Pan::luhn_valid).ok_or(2)
}

fn natural_key<'m>(message: &Message<'m>, link: &'m Link) -> Result<NaturalKey<'m>, u8> {
    let field = |number: u8| text(message, number).ok_or(number);
    let transmitted_at = field(7)?;
    if !is_transmission_time(&transmitted_at) {
        return Err(7);
    }
    Ok(NaturalKey {
        network: link.terms.network.as_ref().into(),
        acquirer_id: field(32)?,
        forwarder_id: field(33).unwrap_or_default(),
        terminal_id: field(41)?,
        merchant_id: field(42)?,
        stan: field(11)?,
        rrn: field(37)?,
        transmitted_at,
    })
}

/// The characters of an open field, where they lie if they travel as what they are.
fn text<'m>(message: &Message<'m>, number: u8) -> Option<Cow<'m, str>> {
    let value = message.field(number)?;
    Some(match value.as_str() {
        Some(text) => text.into(),
        None => value.to_text().into(),
    })
}

fn amount(message: &Message<'_>) -> Result<Amount, u8> {
    let minor = message.field(4).and_then(|digits| digits.number());
    let minor = minor.and_then(|minor| i64::try_from(minor).ok()).ok_or(4)?;
    Amount::new(minor).map_err(|_| 4)
}

/// DE49 as three digits, or three letters as some hosts send it.
fn currency(message: &Message<'_>) -> Result<Currency, u8> {
    let text = text(message, 49).ok_or(49)?;
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
