//! ISO 8583 messages to our words, and answers back.
//!
//! What a message belongs to is in DE90, where that is complete: message type, STAN, transmission time
//! and acquirer. The type says whether an authorization is meant (01xx, or 0000 from peers that do not
//! keep it), a purchase that took the money at once (0200), or a completion (0220). What DE90 does not
//! have, DE37, DE41 and DE42 of the original among it, is as in the message itself.
//!
//! Where DE90 is missing, or a part of it is zeros, the original is looked for by card, DE37, DE41 and DE4
//! ([`crate::told`]). So DE90 is not mandatory here, though it is for most hosts: to take back what can
//! only be meant is better than to leave it held until it expires. A reversal that means nothing, or more
//! than one, is answered 25; a completion stands alone then.

mod at_once;
mod fields;
mod telling;
mod verdict;

use fallback::{Completion, Movement, NoAnswer, Request};
use iso8583::{Class, Message, Mti, presence};
use ledger_api::{Amount, CardToken};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::Link;
use crate::at_once::Decided;
use crate::authorize::{Refused, Reply};
use crate::metrics::labels::Door;
use crate::told::Named;
use crate::traces::{Arrival, Via};
use crate::verification::Verifying;
pub(super) use verdict::encodes;
pub use verdict::{Verdict, Words};

/// What an answer repeats from its request, where it is there.
const ECHOED: &[u8] = &[2, 3, 4, 7, 11, 12, 13, 32, 33, 37, 41, 42, 49, 70, 90];
/// The same where it is about the link: a card number that stands there all the same is not repeated.
const ECHOED_OF_THE_LINK: &[u8] = &[7, 11, 33, 70];

fn echoed(answer: Mti) -> &'static [u8] {
    match answer.class() {
        Class::NetworkManagement => ECHOED_OF_THE_LINK,
        _ => ECHOED,
    }
}

/// What came of reading a message that asks for nothing.
pub enum Heard {
    /// No message type: the link is out of step and must be closed.
    Unreadable,
    /// A response, a notification, or a class that we do not answer.
    Ignored,
    /// Answered at once.
    Answered(Vec<u8>),
    /// Answered at once: it makes no sense.
    Malformed(Vec<u8>),
    /// Answered at once, if this dialect could say it; the field that it cannot, where it is one.
    Unwritten(Option<u8>),
}

/// Something to do, and the message that asked for it.
pub struct Asked {
    what: What,
    /// As it came: an answer repeats parts of it. Keeping the bytes and reading them again costs less
    /// than an answer that is half written while it waits.
    message: Zeroizing<Vec<u8>>,
    /// When it was read.
    began: Instant,
}

/// Something to do first.
pub struct What(Kind);

enum Kind {
    Authorization(Request, Verifying),
    Told(Told),
}

/// What has happened already.
enum Told {
    /// A completion that was declined: there is nothing to write down.
    Nothing,
    Advice {
        request: Request,
        approved: bool,
        approved_amount: Amount,
    },
    Completion {
        completion: Completion,
        named: Named,
    },
    Reversal {
        original: Named,
        card: CardToken,
        amount: Amount,
        remaining: Amount,
    },
}

const FORMAT_ERROR: &str = "30";
const NO_ORIGINAL: &str = "25";
const NOT_SUPPORTED: &str = "40";
const INOPERATIVE: &str = "91";
const CONTENT_CHANGED: &str = "94";
const ACCEPTED: &str = "00";

/// What comes of bytes that do not decode because of this field, where one can be named.
pub fn misread(bytes: &[u8], field: Option<u8>, link: &Link) -> Heard {
    at_once::misread(link.terms.profile, bytes, field)
}

/// Takes one message: what it asks for, or what is to be done with one that asks for nothing.
pub fn understood(message: &Message<'_>, link: &Link) -> Result<What, Heard> {
    let mti = message.mti().response().ok_or(Heard::Ignored)?;
    if let Some(field) = presence::missing(message) {
        return Err(at_once::format_error(message, mti, Some(field)));
    }
    let asked = |(request, checks)| Kind::Authorization(request, checks);
    let kind = match message.mti() {
        Mti::M0100 | Mti::M0101 => fields::authorization(message, link).map(asked),
        Mti::M0200 | Mti::M0201 if fields::movement(message) == Some(Movement::Capture) => {
            fields::purchase(message, link).map(asked)
        }
        Mti::M0120 | Mti::M0121 => fields::advice(message, link).map(Kind::Told),
        Mti::M0220 | Mti::M0221 if fields::movement(message).is_some() => {
            fields::completion(message, link).map(Kind::Told)
        }
        Mti::M0400 | Mti::M0401 | Mti::M0420 | Mti::M0421 => {
            fields::reversal(message, link).map(Kind::Told)
        }
        _ => return Err(at_once::not_supported(message, mti)),
    };
    kind.map(What)
        .map_err(|field| at_once::format_error(message, mti, Some(field)))
}

/// What is decided, and what to say once that is durable.
pub struct Settled {
    /// What to say.
    pub words: Words,
    /// Until then.
    pub decided: Decided,
}

impl What {
    /// Decides it, where nothing but the journal has to be waited for; `None` where it takes
    /// [`answer`].
    ///
    /// # Errors
    /// It gets no answer.
    pub fn at_once(&self, began: Instant, link: &Link) -> Option<Result<Settled, NoAnswer>> {
        let Kind::Authorization(request, Verifying::Known(_)) = &self.0 else {
            return None;
        };
        let through = (&link.door, Door::Iso8583);
        let decided = link.gateway.at_once(request, through, began)?;
        Some(decided.map(|(answer, decided)| Settled {
            words: Words::from(&answer),
            decided,
        }))
    }

    /// To be done, with the message that asked for it.
    pub fn asked(self, message: &[u8], began: Instant) -> Box<Asked> {
        Box::new(Asked {
            what: self,
            message: Zeroizing::new(message.to_vec()),
            began,
        })
    }
}

/// Does what was asked; `None` where no answer may be given.
pub async fn answer(asked: Asked, link: &Link) -> Option<Verdict> {
    let Asked {
        what,
        message: request,
        began,
    } = asked;
    let words = match what.0 {
        Kind::Authorization(request, checks) => authorize(request, checks, began, link)
            .await
            .map(|reply| Words::from(&reply.answer)),
        Kind::Told(told) => telling::tell(told, link).await.map(Words::from),
    };
    let words = match words {
        Ok(words) => words,
        Err(Refused::Conflict | Refused::KeyReused) => CONTENT_CHANGED.into(),
        Err(Refused::NoOriginal) => NO_ORIGINAL.into(),
        // Not accepted and recorded nowhere: 91 asks the network to go on without us.
        Err(Refused::Shed) => INOPERATIVE.into(),
        Err(Refused::Unknown(_) | Refused::Late) => return None,
    };
    Some(Verdict { request, words })
}

/// A repeat gets its answer whatever the load is; what is new may be shed. Advices and reversals never
/// are: they would come again, and only tell what has happened.
async fn authorize(
    request: Request,
    checks: Verifying,
    began: Instant,
    link: &Link,
) -> Result<Reply, Refused> {
    let metrics = &link.gateway.parts().metrics;
    let measured = metrics.authorization(Door::Iso8583, began, request.id);
    let arrival = Arrival::authorization(&link.gateway, Via::Iso8583, &request, None);
    let answered = match link.gateway.recorded(&request) {
        Some(recorded) => recorded,
        None => match link.door.admit() {
            Ok(_admitted) => {
                let trail = arrival.trail();
                (link.gateway).verified(request, checks, None, trail).await
            }
            Err(_) => Err(Refused::Shed),
        },
    };
    measured.answered(&answered);
    arrival.answered(&request, &answered);
    answered
}
