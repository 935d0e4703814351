//! A request on its way.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::key::{Key, Parties};
use crate::outgoing::{Fate, Outgoing};
use crate::shared::Shared;
use crate::{LinkError, Reply, RequestId, State};

/// See the module. Dropped without an answer it stops waiting.
pub(crate) struct Ticket<'a> {
    shared: &'a Arc<Shared>,
    key: Key,
    id: RequestId,
    since: Instant,
    reply: oneshot::Receiver<Reply>,
    /// Whether network management, which goes in front.
    is_own: bool,
    /// Of the message that was queued last.
    fate: Arc<Fate>,
    /// Sendings before that one, all of them written.
    sent_before: u32,
    is_over: bool,
}

impl<'a> Ticket<'a> {
    pub(crate) fn enter(
        shared: &'a Arc<Shared>,
        key: Key,
        parties: Parties,
        bounded: bool,
    ) -> Result<Self, LinkError> {
        let (waiter, reply) = oneshot::channel();
        let id = shared.enter(key, parties, waiter, bounded)?;
        Ok(Self {
            shared,
            key,
            id,
            since: Instant::now(),
            reply,
            is_own: !bounded,
            fate: Arc::default(),
            sent_before: 0,
            is_over: false,
        })
    }

    /// Queues the message. There is room unless the peer does not read.
    pub(crate) fn send(&mut self, message: &[u8]) -> Result<(), LinkError> {
        let frame = self.shared.framed(self.shared.settings.routing, message)?;
        let outgoing = Outgoing {
            frame,
            fate: Some(Arc::clone(&self.fate)),
        };
        let queued = if self.is_own {
            self.shared.send_own(outgoing)
        } else {
            self.shared.send_request(outgoing)
        };
        if queued {
            return Ok(());
        }
        let after = self.since.elapsed();
        Err(LinkError::NotSent { after })
    }

    /// Queues it once more, after the last one was sent. Where there is no room it is left at that:
    /// an answer may still come.
    pub(crate) fn send_again(&mut self, message: &[u8]) -> Result<(), LinkError> {
        self.sent_before += 1;
        self.fate = Arc::default();
        match self.send(message) {
            Ok(()) => self.shared.counters.repeated.add(1),
            Err(LinkError::NotSent { .. }) => {
                self.fate.withdraw();
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Whether the message that was queued last was given to the socket.
    pub(crate) fn is_sent(&self) -> bool {
        self.fate.is_taken()
    }

    /// Waits for the answer, or for the end of the link: what was not written by then is told at
    /// once, what was written may be answered for as long as the link can be read.
    pub(crate) async fn answer(&mut self) -> Result<Reply, LinkError> {
        let unsent = unsent(self.shared, &self.fate, self.sent_before);
        let answered = tokio::select! {
            biased;
            answered = &mut self.reply => answered,
            () = unsent => return Err(LinkError::Ended(self.shared.ending())),
        };
        self.is_over = true;
        answered.map_err(|_| {
            let ending = self.shared.ending();
            match self.sent() {
                0 => LinkError::Ended(ending),
                sent => LinkError::Lost { ending, sent },
            }
        })
    }

    /// Stops waiting: an error, or the answer if it came at the last moment.
    pub(crate) async fn give_up(&mut self) -> Result<Reply, LinkError> {
        let after = self.since.elapsed();
        let sent = self.sent();
        let is_waiting = match sent {
            0 => self.shared.forget(&self.key, self.id),
            _ => self.shared.give_up(&self.key, self.id),
        };
        if !is_waiting {
            return self.answer().await;
        }
        self.is_over = true;
        Err(match sent {
            0 => LinkError::NotSent { after },
            _ => LinkError::NoAnswer {
                id: self.id,
                sent,
                after,
            },
        })
    }

    /// How often it was sent, for good: what still waits to be written is withdrawn.
    fn sent(&self) -> u32 {
        self.fate.withdraw();
        self.sent_before + u32::from(self.fate.is_taken())
    }
}

/// Waits for the end of the link, if the request was not sent by then; for ever if it was.
async fn unsent(shared: &Shared, fate: &Fate, sent_before: u32) {
    let mut state = shared.state.subscribe();
    let _ = state.wait_for(|state| *state == State::Ended).await;
    if sent_before > 0 || !fate.withdraw() {
        std::future::pending::<()>().await;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        match self.sent() {
            0 => self.shared.forget(&self.key, self.id),
            _ => self.shared.give_up(&self.key, self.id),
        };
        // One that came and that nobody took is late too.
        self.reply.close();
        if let Ok(reply) = self.reply.try_recv() {
            self.shared.be_late(self.id, self.since, reply);
        }
    }
}
