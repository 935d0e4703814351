//! A client of a gateway's ISO 8583 door: one connection of `iso8583-link`, made again when it breaks,
//! with every answer in the notebook. After a sign-off of the gateway it waits for its successor.

mod line;
mod messages;
mod reply;

use std::sync::Arc;
use std::time::Duration;

use gateway::identity::Keys;
use iso8583::Mti;
use tokio::time::Instant;

use crate::notebook::{Door, Notebook, Outcome, Record, Refusal, ReversalOutcome};
use crate::payment::{Completion, Payment};

use line::Line;
pub use messages::{
    advice_message, authorization_message, completion_message, completion_reversal_message,
    management_message, original_data, purchase_message, reversal_message, reversal_message_naming,
};
pub use reply::Reply;

/// A links file for gateways: their peers tell in DE61 what they have checked.
pub const CHECKED_LINK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/checked_link.toml");

/// A client of one gateway; clones share the connection. Every answer goes into the notebook.
#[derive(Clone)]
pub struct IsoClient {
    gateway: usize,
    notebook: Notebook,
    keys: Arc<Keys>,
    line: Arc<Line>,
}

impl IsoClient {
    /// Connects to the gateway with this index at `address`, which is `host:port`. After a break, the
    /// next request connects again.
    ///
    /// # Errors
    /// Where nobody listens there.
    pub async fn connect(
        gateway: usize,
        address: &str,
        notebook: Notebook,
        keys: Arc<Keys>,
    ) -> anyhow::Result<Self> {
        let client = Self {
            gateway,
            notebook,
            keys,
            line: Line::to(address),
        };
        client.line.link().await?;
        Ok(client)
    }

    /// True from a sign-off of the gateway until it runs again and was signed on to, which happens by
    /// itself: new requests should go to another gateway meanwhile. Those that are sent here all the
    /// same are answered for as long as the gateway can.
    pub fn is_signed_off(&self) -> bool {
        self.line.is_signed_off()
    }

    /// 0800 with DE70 = 001.
    ///
    /// # Errors
    /// Where it is not answered with 00 within five seconds.
    pub async fn sign_on(&self) -> anyhow::Result<()> {
        self.line.sign_on().await
    }

    /// 0800 with DE70 = 301.
    ///
    /// # Errors
    /// Where it is not answered with 00 within five seconds.
    pub async fn echo(&self) -> anyhow::Result<()> {
        self.line.echo().await
    }

    /// Sends the payment as 0100, or 0101 where `repeat`, and waits at most for `deadline`.
    pub async fn authorize(&self, payment: &Payment, repeat: bool, deadline: Duration) -> Outcome {
        let start = Instant::now();
        let reply = match authorization_message(payment, repeat) {
            Ok(message) => self.exchange(message, deadline).await,
            Err(error) => Err(error),
        };
        let outcome = match reply {
            Ok(reply) => reply.outcome(payment.amount_minor, start.elapsed()),
            Err(error) => Outcome::Unanswered(format!("{error:#}")),
        };
        self.notebook.write(Record::Authorization {
            id: payment.id(&self.keys),
            card: payment.token,
            gateway: self.gateway,
            door: Door::Iso,
            amount_minor: payment.amount_minor,
            repeat,
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Sends the payment as 0200, or 0201 where `repeat`: approved, it takes the money at once, which is
    /// in the notebook as its completion.
    pub async fn purchase(&self, payment: &Payment, repeat: bool, deadline: Duration) -> Outcome {
        let start = Instant::now();
        let reply = match purchase_message(payment, repeat) {
            Ok(message) => self.exchange(message, deadline).await,
            Err(error) => Err(error),
        };
        let outcome = match reply {
            Ok(reply) => reply.outcome(payment.amount_minor, start.elapsed()),
            Err(error) => Outcome::Unanswered(format!("{error:#}")),
        };
        let id = payment.id(&self.keys);
        self.notebook.write(Record::Authorization {
            id,
            card: payment.token,
            gateway: self.gateway,
            door: Door::Iso,
            amount_minor: payment.amount_minor,
            repeat,
            outcome: outcome.clone(),
        });
        let captured = match &outcome {
            Outcome::Answered(answer) if answer.approved => ReversalOutcome::Accepted {
                duplicate: None,
                latency: answer.latency,
            },
            Outcome::Answered(_) | Outcome::Refused(_) => return outcome,
            Outcome::Unanswered(why) => ReversalOutcome::Unanswered(why.clone()),
        };
        self.notebook.write(Record::Completion {
            id: fallback::completion_id(&id),
            of: Some(id),
            card: payment.token,
            gateway: self.gateway,
            door: Door::Iso,
            amount_minor: payment.amount_minor,
            refund: false,
            more: false,
            outcome: captured,
        });
        outcome
    }

    /// Takes back what was sent as 0200, with a 0420, but for `remaining_minor`.
    pub async fn reverse_purchase(
        &self,
        payment: &Payment,
        remaining_minor: i64,
        deadline: Duration,
    ) -> ReversalOutcome {
        let original = original_data(Mti::M0200, payment);
        let message =
            original.and_then(|it| reversal_message_naming(payment, remaining_minor, Some(&it)));
        let outcome = self.accepted(message, deadline).await;
        let id = payment.id(&self.keys);
        for id in [id, fallback::completion_id(&id)] {
            self.notebook.write(Record::Reversal {
                id,
                card: payment.token,
                gateway: self.gateway,
                door: Door::Iso,
                remaining_minor,
                outcome: outcome.clone(),
            });
        }
        outcome
    }

    /// Takes the payment back with a 0420, but for `remaining_minor` (zero for all of it).
    pub async fn reverse(
        &self,
        payment: &Payment,
        remaining_minor: i64,
        deadline: Duration,
    ) -> ReversalOutcome {
        let outcome = self
            .accepted(reversal_message(payment, remaining_minor, true), deadline)
            .await;
        self.notebook.write(Record::Reversal {
            id: payment.id(&self.keys),
            card: payment.token,
            gateway: self.gateway,
            door: Door::Iso,
            remaining_minor,
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Tells of a completion with a 0220, or 0221 where `repeat`.
    pub async fn complete(
        &self,
        completion: &Completion,
        repeat: bool,
        deadline: Duration,
    ) -> ReversalOutcome {
        let outcome = self
            .accepted(completion_message(completion, repeat), deadline)
            .await;
        self.notebook.write(Record::Completion {
            id: completion.id(&self.keys),
            of: completion.of.as_ref().map(|of| of.id(&self.keys)),
            card: completion.own.token,
            gateway: self.gateway,
            door: Door::Iso,
            amount_minor: completion.own.amount_minor,
            refund: completion.is_refund(),
            more: false,
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Takes a completion back with a 0420, but for `remaining_minor`.
    pub async fn reverse_completion(
        &self,
        completion: &Completion,
        remaining_minor: i64,
        deadline: Duration,
    ) -> ReversalOutcome {
        let message = completion_reversal_message(completion, remaining_minor);
        let outcome = self.accepted(message, deadline).await;
        self.notebook.write(Record::Reversal {
            id: completion.id(&self.keys),
            card: completion.own.token,
            gateway: self.gateway,
            door: Door::Iso,
            remaining_minor,
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Tells with a 0120 that the network itself approved `approved_minor` of the payment.
    pub async fn advise(
        &self,
        payment: &Payment,
        approved_minor: i64,
        deadline: Duration,
    ) -> ReversalOutcome {
        let outcome = self
            .accepted(advice_message(payment, approved_minor), deadline)
            .await;
        self.notebook.write(Record::Advice {
            id: payment.id(&self.keys),
            card: payment.token,
            gateway: self.gateway,
            approved_minor,
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Sends any message and waits for its answer; nothing goes into
    /// the notebook.
    ///
    /// # Errors
    /// Where there is no connection, it breaks, or no answer comes within `deadline`.
    pub async fn exchange(&self, message: Vec<u8>, deadline: Duration) -> anyhow::Result<Reply> {
        self.line.exchange(&message, deadline).await
    }

    async fn accepted(
        &self,
        message: anyhow::Result<Vec<u8>>,
        deadline: Duration,
    ) -> ReversalOutcome {
        let start = Instant::now();
        let reply = match message {
            Ok(message) => self.exchange(message, deadline).await,
            Err(error) => Err(error),
        };
        match reply {
            Ok(reply) if reply.response_code == "00" => ReversalOutcome::Accepted {
                duplicate: None,
                latency: start.elapsed(),
            },
            Ok(reply) => ReversalOutcome::Refused(Refusal {
                code: reply.response_code,
                detail: reply.additional.unwrap_or_default(),
                retry: None,
            }),
            Err(error) => ReversalOutcome::Unanswered(format!("{error:#}")),
        }
    }
}
