//! The use cases of messages that belong to another one: which one they mean, and captures and refunds.
//!
//! Whoever names an original by its key is believed: it may have been answered by another gateway, or
//! may not have come yet. Whoever names it by card, retrieval reference number, terminal and amount
//! must mean one of those that were answered here, and only one.

use fallback::{Accepted, Completion, Found, Kind, Movement, Reference, completion_id};
use ledger_api::{Amount, AuthorizationId, CardToken};

use crate::authorize::{Gateway, Refused, now};
use crate::traces::Trail;

/// How a message names the one that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// By its key: by its id, that is.
    Key(AuthorizationId),
    /// By its key, and it took the money at once (0200).
    Purchase(AuthorizationId),
    /// By its key, from a peer that does not say whether it took the money at once.
    Untyped(AuthorizationId),
    /// By what both have in common.
    Reference(Reference),
    /// Not well enough.
    Unknown,
}

/// Which way a completion with this processing code (DE3) moves money; `None` where that is not known.
/// 2x are credits, of which a refund is the usual one; 3x only ask.
pub fn movement(processing_code: &str) -> Option<Movement> {
    match processing_code.as_bytes().first() {
        Some(b'0' | b'1' | b'4' | b'5') => Some(Movement::Capture),
        Some(b'2') => Some(Movement::Refund),
        _ => None,
    }
}

/// What an authorization with this processing code (DE3) asks for.
pub fn kind(processing_code: &str) -> Kind {
    let transaction = processing_code.get(..2).and_then(|two| two.parse().ok());
    transaction.map_or(Kind::Other, Kind::of_processing_code)
}

impl Gateway {
    /// The id of what a reversal takes back. Where it is named by what both have in common, and is not
    /// there, whatever is in flight here is waited for first: it may be among it (rule 9).
    ///
    /// # Errors
    /// None, or more than one, that was answered here is meant.
    pub async fn original(
        &self,
        named: &Named,
        amount: Amount,
    ) -> Result<AuthorizationId, Refused> {
        let reference = match named {
            Named::Key(id) | Named::Purchase(id) | Named::Untyped(id) => return Ok(*id),
            Named::Reference(reference) => reference,
            Named::Unknown => return Err(Refused::NoOriginal),
        };
        let stand_in = &self.parts().stand_in;
        let look = || stand_in.original_to_reverse(reference, amount);
        match self.look_again(look).await {
            Found::One(id) => Ok(id),
            Found::Nothing | Found::Several => Err(Refused::NoOriginal),
        }
    }

    /// Looks, and where there is nothing looks again once everything that is in flight has its answer.
    async fn look_again(&self, look: impl Fn() -> Found) -> Found {
        let found = look();
        if found != Found::Nothing {
            return found;
        }
        let in_flight = self.parts().lanes.busy();
        let all_left = async {
            for waiting in in_flight {
                waiting.left().await;
            }
        };
        // A request is in flight for hardly longer, and this one has a budget too.
        let _ = tokio::time::timeout(self.parts().budgets.ledger, all_left).await;
        look()
    }

    /// As [`Gateway::reverse`], of the original that was found; of one that took the money at once, with
    /// its capture.
    pub async fn take_back(
        &self,
        named: &Named,
        id: AuthorizationId,
        card: CardToken,
        remaining: Amount,
        trail: Trail,
    ) -> Result<Accepted, Refused> {
        let (is_purchase, is_untyped) = match named {
            Named::Purchase(_) => (true, false),
            Named::Untyped(_) => (false, true),
            Named::Key(_) | Named::Reference(_) | Named::Unknown => (false, false),
        };
        if !is_purchase && !is_untyped {
            return self.reverse(id, card, remaining, trail).await;
        }
        let gateway = self.clone();
        let work = self.parts().work.spawn(async move {
            let parts = gateway.parts();
            let _guard = parts.lanes.wait_and_enter(id).await;
            let stand_in = &parts.stand_in;
            // One without a type that is not known here may have been answered elsewhere, and be either.
            // What is in flight here is known once its lane is free.
            let accepting = async {
                if is_purchase || stand_in.answer(&id).is_none() {
                    (stand_in.accept_reversal_of_both(id, card, remaining, now())).await
                } else {
                    (stand_in.accept_reversal(id, card, remaining, now())).await
                }
            };
            gateway.written_down(id, trail, accepting).await
        });
        self.accepted(work).await
    }

    /// Takes note of money that was captured or given back (0220). Waits for its authorization, where
    /// that is in flight; stands alone where it is not known which one that is.
    pub async fn complete(
        &self,
        completion: Completion,
        named: Named,
        trail: Trail,
    ) -> Result<Accepted, Refused> {
        let gateway = self.clone();
        let work = self.parts().work.spawn(async move {
            let parts = gateway.parts();
            let of = match named {
                Named::Key(id) | Named::Purchase(id) | Named::Untyped(id) => Some(id),
                Named::Reference(reference) => {
                    let amount = completion.amount;
                    let look = || parts.stand_in.original_to_complete(&reference, amount);
                    match gateway.look_again(look).await {
                        Found::One(id) => Some(id),
                        Found::Nothing | Found::Several => None,
                    }
                }
                Named::Unknown => None,
            };
            let _guard = match of {
                Some(of) => Some(parts.lanes.wait_and_enter(of).await),
                None => None,
            };
            let id = match (named, completion.movement) {
                // It tells of the capture that such an approval has, whoever answered it.
                (Named::Purchase(of), Movement::Capture) => completion_id(&of),
                _ => completion.id,
            };
            let completion = Completion {
                id,
                of,
                ..completion
            };
            let accepted = parts.stand_in.accept_completion(completion, now());
            gateway.written_down(completion.id, trail, accepted).await
        });
        self.accepted(work).await
    }
}
