use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use iso8583::frame::{FrameDecoder, Framing, LENGTH_MAX_DEFAULT, Routing, encode_frame};
use iso8583::profile::ASCII_HEX;
use iso8583::{Message, Mti, decode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::messages::{Managed, management_answer};
use crate::notebook::{Answer, Outcome, Refusal};

/// What the tests read in a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Such as `0110`.
    pub mti: String,
    /// DE39.
    pub response_code: String,
    /// DE38.
    pub approval_code: Option<String>,
    /// DE4, minor units.
    pub amount_minor: Option<i64>,
    /// DE44: the field that was wrong.
    pub additional: Option<String>,
    /// The whole message: two answers are identical when these are.
    pub bytes: Vec<u8>,
}

impl Reply {
    /// The reply as the answer to a request for `amount_minor`. A format error, a conflict and a
    /// system error decide nothing; 91 is a decline, with which a gateway that is not home answers
    /// a repeat (rule 2).
    pub(super) fn outcome(self, amount_minor: i64, latency: Duration) -> Outcome {
        if matches!(self.response_code.as_str(), "30" | "94" | "96") {
            return Outcome::Refused(Refusal {
                code: self.response_code,
                detail: self.additional.unwrap_or_default(),
                retry: None,
            });
        }
        let approved = matches!(self.response_code.as_str(), "00" | "10");
        Outcome::Answered(Answer {
            approved,
            approved_minor: if approved {
                self.amount_minor.unwrap_or(amount_minor)
            } else {
                0
            },
            response_code: self.response_code,
            approval_code: self.approval_code,
            reason: None,
            decided_by: None,
            cause: None,
            duplicate: None,
            latency,
        })
    }
}

/// What an answer is matched by: the class digit of the message type, and the STAN.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Waiting {
    class: u8,
    stan: String,
}

impl Waiting {
    /// Of a message of ours, which decodes.
    pub(super) fn of(message: &[u8]) -> Option<Self> {
        let message = decode(&ASCII_HEX, message).ok()?;
        Self::of_decoded(&message)
    }

    fn of_decoded(message: &Message<'_>) -> Option<Self> {
        let class = *message.mti().to_string().as_bytes().get(1)?;
        Some(Self {
            class,
            stan: message.field(11)?.to_text(),
        })
    }
}

type Waiters = Arc<Mutex<HashMap<Waiting, VecDeque<oneshot::Sender<Reply>>>>>;

type Writer = Arc<tokio::sync::Mutex<OwnedWriteHalf>>;

/// How a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Requests may be sent.
    Open,
    /// The gateway signed off: it still answers, and asks for nothing new.
    SignedOff,
    /// Nothing comes back any more.
    Ended,
}

/// One TCP connection.
pub(super) struct Link {
    writer: Writer,
    waiters: Waiters,
    stage: Arc<watch::Sender<Stage>>,
    reader: JoinHandle<()>,
}

impl Link {
    pub(super) async fn connect(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("no link to {address}"))?;
        stream.set_nodelay(true)?;
        let (from, to) = stream.into_split();
        let (writer, waiters) = (Writer::new(to.into()), Waiters::default());
        let stage = Arc::new(watch::Sender::new(Stage::Open));
        let reader = Reader {
            writer: Arc::clone(&writer),
            waiters: Arc::clone(&waiters),
            stage: Arc::clone(&stage),
        };
        let reader = tokio::spawn(reader.run(from));
        Ok(Self {
            writer,
            waiters,
            stage,
            reader,
        })
    }

    /// How it is, now and later.
    pub(super) fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    pub(super) fn is_broken(&self) -> bool {
        *self.stage.borrow() == Stage::Ended
    }

    pub(super) async fn exchange(&self, waiting: Waiting, message: &[u8]) -> anyhow::Result<Reply> {
        let framed = framed(message)?;
        let (sender, reply) = oneshot::channel();
        lock(&self.waiters)
            .entry(waiting)
            .or_default()
            .push_back(sender);
        if self.is_broken() {
            return Err(anyhow!("the link is broken"));
        }
        if let Err(error) = self.writer.lock().await.write_all(&framed).await {
            reach(&self.stage, Stage::Ended);
            return Err(error.into());
        }
        reply
            .await
            .map_err(|_| anyhow!("the link broke before the answer came"))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

fn framed(message: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut framed = Vec::with_capacity(message.len() + 2);
    encode_frame(Framing::Be2, Routing::default(), message, &mut framed)
        .map_err(|error| anyhow!("{error:?}"))?;
    Ok(framed)
}

/// A stage is never left for an earlier one.
fn reach(stage: &watch::Sender<Stage>, next: Stage) {
    stage.send_if_modified(|stage| {
        let later = next > *stage;
        *stage = next.max(*stage);
        later
    });
}

/// What reads a connection: hands answers to those who wait for them, and answers what the gateway
/// asks.
struct Reader {
    writer: Writer,
    waiters: Waiters,
    stage: Arc<watch::Sender<Stage>>,
}

impl Reader {
    async fn run(self, mut from: OwnedReadHalf) {
        self.read(&mut from).await;
        reach(&self.stage, Stage::Ended);
        // Dropping the senders tells everybody who waits.
        lock(&self.waiters).clear();
        // Nobody can be answered any more, so nothing more is asked.
        let _ = self.writer.lock().await.shutdown().await;
    }

    async fn read(&self, from: &mut OwnedReadHalf) {
        let mut frames = FrameDecoder::new(Framing::Be2, LENGTH_MAX_DEFAULT);
        let mut piece = [0; 8 * 1024];
        while let Ok(read @ 1..) = from.read(&mut piece).await {
            frames.push(&piece[..read]);
            loop {
                match frames.next_frame() {
                    Ok(Some(frame)) => match management_answer(frame.message) {
                        Some(asked) => self.manage(asked).await,
                        None => deliver(frame.message, &self.waiters),
                    },
                    Ok(None) => break,
                    Err(_) => return,
                }
            }
        }
    }

    async fn manage(&self, asked: Managed) {
        if asked.is_sign_off {
            reach(&self.stage, Stage::SignedOff);
        }
        if let Ok(framed) = framed(&asked.answer) {
            // Where it fails the link ends, and the reader sees that.
            let _ = self.writer.lock().await.write_all(&framed).await;
        }
    }
}

fn deliver(payload: &[u8], waiters: &Waiters) {
    let Ok(message) = decode(&ASCII_HEX, payload) else {
        return;
    };
    let Some(waiting) = Waiting::of_decoded(&message) else {
        return;
    };
    let text = |number| message.field(number).map(|it| it.to_text());
    let mti: Mti = message.mti();
    let reply = Reply {
        mti: mti.to_string(),
        response_code: text(39).unwrap_or_default(),
        approval_code: text(38),
        amount_minor: message
            .field(4)
            .and_then(|amount| i64::try_from(amount.number()?).ok()),
        additional: message.expose_field(44).map(|it| it.to_text()),
        bytes: payload.to_vec(),
    };
    let mut waiters = lock(waiters);
    let Some(queue) = waiters.get_mut(&waiting) else {
        return;
    };
    // Somebody who gave up has closed the channel; the answer is for the next one.
    while let Some(sender) = queue.pop_front() {
        if !sender.is_closed() && sender.send(reply.clone()).is_ok() {
            break;
        }
    }
    if queue.is_empty() {
        waiters.remove(&waiting);
    }
}

fn lock(
    waiters: &Waiters,
) -> std::sync::MutexGuard<'_, HashMap<Waiting, VecDeque<oneshot::Sender<Reply>>>> {
    waiters.lock().unwrap_or_else(PoisonError::into_inner)
}
