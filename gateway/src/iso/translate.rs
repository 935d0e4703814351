//! ISO 8583 messages to our words, and answers back.

use fallback::Request;
use iso8583::profile::ASCII_HEX;
use iso8583::{EncodeError, Message, MessageBuilder, Mti, decode, presence, salvage};
use ledger_api::{Amount, AuthorizationId, CardToken, Currency, Expiry};
use tokio::time::Instant;

use super::Link;
use crate::authorize::{Refused, Reply};
use crate::identity::{DEFAULT_NETWORK, Keys, NaturalKey, is_transmission_time};
use crate::metrics::labels::Door;
use crate::traces::{Arrival, Via};

/// What an answer repeats from its request, where it is there.
const ECHOED: &[u8] = &[2, 3, 4, 7, 11, 12, 13, 32, 33, 37, 41, 42, 49, 70, 90];

/// What came of reading a message.
pub enum Heard {
    /// No message type: the link is out of step and must be closed.
    Unreadable,
    /// A response, a notification, or a class that we do not answer.
    Ignored,
    /// Answered at once.
    Answered(Vec<u8>),
    /// Answered at once: it makes no sense.
    Malformed(Vec<u8>),
    /// Something to do first.
    Asked(Box<Asked>),
}

/// Something to do, and the answer to complete afterwards.
pub struct Asked {
    what: What,
    answer: MessageBuilder<'static>,
    /// When its first byte was parsed.
    began: Instant,
}

enum What {
    Authorization(Request),
    Advice {
        request: Request,
        approved: bool,
        approved_amount: Amount,
    },
    Reversal {
        id: AuthorizationId,
        card: CardToken,
        remaining: Amount,
    },
}

const FORMAT_ERROR: &str = "30";
const NOT_SUPPORTED: &str = "40";
const INOPERATIVE: &str = "91";
const CONTENT_CHANGED: &str = "94";
const ACCEPTED: &str = "00";

/// Reads one message.
pub fn hear(bytes: &[u8], keys: &Keys) -> Heard {
    let began = Instant::now();
    let message = match decode(&ASCII_HEX, bytes) {
        Ok(message) => message,
        Err(error) => return misread(bytes, error.field),
    };
    let Some(mti) = message.mti().response() else {
        return Heard::Ignored;
    };
    if let Some(field) = presence::missing(&message) {
        return format_error(&message, mti, Some(field));
    }
    let mut answer = MessageBuilder::new(&ASCII_HEX, mti);
    if answer.echo(&message, ECHOED).is_err() {
        return format_error(&message, mti, None);
    }
    let what = match message.mti() {
        Mti::M0800 | Mti::M0801 => return network_management(&message, answer),
        Mti::M0100 | Mti::M0101 => request(&message, keys).map(What::Authorization),
        Mti::M0120 | Mti::M0121 => advice(&message, keys),
        Mti::M0400 | Mti::M0401 | Mti::M0420 | Mti::M0421 => reversal(&message, keys),
        _ => return with_code(answer, NOT_SUPPORTED, None),
    };
    match what {
        Ok(what) => Heard::Asked(Box::new(Asked {
            what,
            answer,
            began,
        })),
        Err(field) => format_error(&message, mti, Some(field)),
    }
}

/// Does what was asked; `None` where no answer may be given.
pub async fn answer(asked: Asked, link: &Link) -> Option<Vec<u8>> {
    let Asked {
        what,
        mut answer,
        began,
    } = asked;
    let metrics = &link.gateway.parts().metrics;
    let code = match what {
        What::Authorization(request) => match authorize(request, began, link).await {
            Ok(reply) => {
                let given = reply.answer;
                if given.approved {
                    answer
                        .set(38, str::from_utf8(&given.approval_code).ok()?)
                        .ok()?;
                }
                Ok(given.reason.response_code())
            }
            Err(refused) => Err(refused),
        },
        What::Advice {
            request,
            approved,
            approved_amount,
        } => {
            let arrival = Arrival::network_advice(&link.gateway, Via::Iso8583, &request.id);
            let trail = arrival.trail();
            let accepted = (link.gateway)
                .advise(request, approved, approved_amount, trail)
                .await;
            arrival.accepted(&accepted);
            metrics.network_advice(Door::Iso8583, &accepted);
            accepted.map(|_| ACCEPTED)
        }
        What::Reversal {
            id,
            card,
            remaining,
        } => {
            let arrival = Arrival::reversal(&link.gateway, Via::Iso8583, &id, None);
            let trail = arrival.trail();
            let accepted = link.gateway.reverse(id, card, remaining, trail).await;
            arrival.accepted(&accepted);
            metrics.reversal(Door::Iso8583, &accepted);
            accepted.map(|_| ACCEPTED)
        }
    };
    let code = match code {
        Ok(code) => code,
        Err(Refused::Conflict | Refused::KeyReused) => CONTENT_CHANGED,
        // Not accepted and recorded nowhere: 91 asks the network to go on without us.
        Err(Refused::Shed) => INOPERATIVE,
        Err(Refused::Unknown(_) | Refused::Late) => return None,
    };
    answer.set(39, code).ok()?;
    Some(answer.encode())
}

/// A repeat gets its answer whatever the load is; what is new may be shed. Advices and reversals never
/// are: they would come again, and only tell what has happened.
async fn authorize(request: Request, began: Instant, link: &Link) -> Result<Reply, Refused> {
    let metrics = &link.gateway.parts().metrics;
    let measured = metrics.authorization(Door::Iso8583, began, request.id);
    let arrival = Arrival::authorization(&link.gateway, Via::Iso8583, &request, None);
    let answered = match link.gateway.recorded(&request) {
        Some(recorded) => recorded,
        None => match link.door.admit() {
            Ok(_admitted) => {
                let trail = arrival.trail();
                link.gateway.authorize(request, None, trail).await
            }
            Err(_) => Err(Refused::Shed),
        },
    };
    measured.answered(&answered);
    arrival.answered(&request, &answered);
    answered
}

// === reading ===

/// The fields of an authorization; the number of the first one that makes no sense otherwise.
fn request(message: &Message<'_>, keys: &Keys) -> Result<Request, u8> {
    let card = card(message, keys)?;
    let natural = natural_key(message)?;
    let amount = amount(message)?;
    let currency = currency(message)?;
    let processing_code = message.field(3).ok_or(3)?.to_text();
    let mut rrn = [b' '; 12];
    rrn.iter_mut()
        .zip(natural.rrn.bytes())
        .for_each(|(slot, byte)| *slot = byte);
    Ok(Request {
        id: keys.authorization_id(&natural, &card),
        card,
        amount,
        currency,
        expiry: expiry(message)?,
        fingerprint: keys.fingerprint(&processing_code, amount, currency),
        alias: 0,
        repeat: message.mti().is_repeat(),
        stan: natural.stan.parse().map_err(|_| 11)?,
        rrn,
    })
}

/// What the network decided: the codes that approve, of those that there are.
fn advice(message: &Message<'_>, keys: &Keys) -> Result<What, u8> {
    let request = request(message, keys)?;
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
fn reversal(message: &Message<'_>, keys: &Keys) -> Result<What, u8> {
    let card = card(message, keys)?;
    let original = message.original_data().ok_or(90)?;
    let natural = NaturalKey {
        acquirer_id: original.acquirer_id.to_string(),
        forwarder_id: original
            .forwarder_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        stan: original.stan.to_string(),
        transmitted_at: original.transmitted_at.to_string(),
        ..natural_key(message)?
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
        id: keys.authorization_id(&natural, &card),
        card,
        remaining,
    })
}

fn card(message: &Message<'_>, keys: &Keys) -> Result<CardToken, u8> {
    match message.pan() {
        Some(pan) if pan.luhn_valid() => Ok(keys.card_token(&pan)),
        _ => Err(2),
    }
}

fn natural_key(message: &Message<'_>) -> Result<NaturalKey, u8> {
    let field = |number: u8| message.field(number).map(|it| it.to_text()).ok_or(number);
    let transmitted_at = field(7)?;
    if !is_transmission_time(&transmitted_at) {
        return Err(7);
    }
    Ok(NaturalKey {
        network: DEFAULT_NETWORK.to_owned(),
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

// === answering at once ===

/// Sign-on, sign-off and echo.
fn network_management(message: &Message<'_>, answer: MessageBuilder<'_>) -> Heard {
    let code = match message.field(70).and_then(|code| code.number()) {
        Some(1 | 2 | 301) => ACCEPTED,
        _ => NOT_SUPPORTED,
    };
    with_code(answer, code, None)
}

fn misread(bytes: &[u8], field: Option<u8>) -> Heard {
    let Some(message) = salvage(&ASCII_HEX, bytes) else {
        return Heard::Unreadable;
    };
    match message.mti().response() {
        Some(mti) => format_error(&message, mti, field),
        None => Heard::Ignored,
    }
}

/// DE39=30 with the number of the field in DE44, echoing what could be read.
fn format_error(message: &Message<'_>, mti: Mti, field: Option<u8>) -> Heard {
    let mut answer = MessageBuilder::new(&ASCII_HEX, mti);
    for number in ECHOED {
        // A field that cannot be echoed is left out: it may be the one that is wrong.
        let _ = answer.echo(message, &[*number]);
    }
    match with_code(answer, FORMAT_ERROR, field) {
        Heard::Answered(bytes) => Heard::Malformed(bytes),
        other => other,
    }
}

fn with_code(mut answer: MessageBuilder<'_>, code: &str, field: Option<u8>) -> Heard {
    let set = |answer: &mut MessageBuilder<'_>| -> Result<(), EncodeError> {
        answer.set(39, code)?;
        if let Some(field) = field {
            answer.set(44, &presence::additional_data(field))?;
        }
        Ok(())
    };
    match set(&mut answer) {
        Ok(()) => Heard::Answered(answer.encode()),
        Err(_) => Heard::Ignored,
    }
}
