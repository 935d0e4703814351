//! What the network tells: written down, and accepted.

use super::{ACCEPTED, Told};
use crate::authorize::Refused;
use crate::iso::Link;
use crate::metrics::labels::Door;
use crate::traces::{Arrival, Via};

/// Takes note of it; the response code, or why there is none of acceptance.
pub(super) async fn tell(told: Told, link: &Link) -> Result<&'static str, Refused> {
    let (gateway, metrics) = (&link.gateway, &link.gateway.parts().metrics);
    let accepted = match told {
        Told::Nothing => return Ok(ACCEPTED),
        Told::Advice {
            request,
            approved,
            approved_amount,
        } => {
            let arrival = Arrival::network_advice(gateway, Via::Iso8583, &request.id, None);
            let trail = arrival.trail();
            let accepted = gateway
                .advise(request, approved, approved_amount, trail)
                .await;
            arrival.accepted(&accepted);
            metrics.network_advice(Door::Iso8583, &accepted);
            accepted
        }
        Told::Completion { completion, named } => {
            let arrival = Arrival::completion(gateway, Via::Iso8583, &completion.id, None);
            let trail = arrival.trail();
            let accepted = gateway.complete(completion, named, trail).await;
            arrival.accepted(&accepted);
            metrics.completion(Door::Iso8583, &accepted);
            accepted
        }
        Told::Reversal {
            original,
            card,
            amount,
            remaining,
        } => {
            let accepted = match gateway.original(&original, amount).await {
                Ok(id) => {
                    let arrival = Arrival::reversal(gateway, Via::Iso8583, &id, None);
                    let trail = arrival.trail();
                    let accepted = gateway
                        .take_back(&original, id, card, remaining, trail)
                        .await;
                    arrival.accepted(&accepted);
                    accepted
                }
                Err(refused) => Err(refused),
            };
            metrics.reversal(Door::Iso8583, &accepted);
            accepted
        }
    };
    accepted.map(|_| ACCEPTED)
}
