//! ISO 8583 messages to our words, and answers back.

mod at_once;
mod fields;

use fallback::Request;
use iso8583::{Message, MessageBuilder, Mti, presence};
use ledger_api::{Amount, AuthorizationId, CardToken};
use tokio::time::Instant;

use super::Link;
use crate::authorize::{Refused, Reply};
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

/// What comes of bytes that do not decode because of this field, where one can be named.
pub fn misread(bytes: &[u8], field: Option<u8>, link: &Link) -> Heard {
    at_once::misread(link.terms.profile, bytes, field)
}

/// Reads one message.
pub fn understood(message: &Message<'_>, link: &Link) -> Heard {
    let began = Instant::now();
    let profile = link.terms.profile;
    let Some(mti) = message.mti().response() else {
        return Heard::Ignored;
    };
    if let Some(field) = presence::missing(message) {
        return at_once::format_error(profile, message, mti, Some(field));
    }
    let mut answer = MessageBuilder::new(profile, mti);
    if answer.echo(message, ECHOED).is_err() {
        return at_once::format_error(profile, message, mti, None);
    }
    let what = match message.mti() {
        Mti::M0100 | Mti::M0101 => fields::request(message, link).map(What::Authorization),
        Mti::M0120 | Mti::M0121 => fields::advice(message, link),
        Mti::M0400 | Mti::M0401 | Mti::M0420 | Mti::M0421 => fields::reversal(message, link),
        _ => return at_once::with_code(answer, NOT_SUPPORTED, None),
    };
    match what {
        Ok(what) => Heard::Asked(Box::new(Asked {
            what,
            answer,
            began,
        })),
        Err(field) => at_once::format_error(profile, message, mti, Some(field)),
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
