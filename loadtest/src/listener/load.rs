//! Connections that keep a window of messages in flight: as many are sent as answers have come.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use iso8583::decode;
use iso8583::profile::ASCII_HEX;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::template::Template;

/// How it is loaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) connections: usize,
    /// Messages in flight per connection.
    pub(super) window: usize,
    pub(super) length: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Measured {
    /// Answers per second.
    pub(super) per_s: f64,
    /// Answers.
    pub(super) answers: u64,
    /// Of a payment's, those that do not approve.
    pub(super) declined: u64,
    /// Processor time that the other side used, in seconds; zero where that was not measured.
    pub(super) cpu_s: f64,
}

/// No answer for so long: it does not answer any more.
const PATIENCE: Duration = Duration::from_secs(10);
/// The number of the next message, over all connections and rounds: no payment is made twice.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Loads whoever listens there for a while, on one thread.
///
/// # Errors
/// Where a connection breaks, or what comes back is no answer.
pub(super) async fn run(
    address: SocketAddr,
    template: &Template,
    shape: Shape,
) -> anyhow::Result<Measured> {
    let template = template.clone();
    let thread = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(all(address, &template, shape))
    };
    tokio::task::spawn_blocking(thread).await?
}

async fn all(address: SocketAddr, template: &Template, shape: Shape) -> anyhow::Result<Measured> {
    let end = Instant::now() + shape.length;
    let mut connections = JoinSet::new();
    for _ in 0..shape.connections {
        connections.spawn(connection(address, template.clone(), shape.window, end));
    }
    let mut all = Measured::default();
    while let Some(seen) = connections.join_next().await {
        let (answers, declined) = seen??;
        all.answers += answers;
        all.declined += declined;
    }
    all.per_s = all.answers as f64 / shape.length.as_secs_f64();
    Ok(all)
}

/// Returns how many answers came before the end, and how many of them decline.
async fn connection(
    address: SocketAddr,
    template: Template,
    window: usize,
    end: Instant,
) -> anyhow::Result<(u64, u64)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut asked, mut answered) = (Vec::new(), Vec::with_capacity(64 * 1024));
    let mut reader = Answers::new(&template);
    let mut free = window;
    let (mut answers, mut declined) = (0, 0);
    loop {
        let first = NEXT.fetch_add(free as u64, Ordering::Relaxed);
        asked.clear();
        (first..first + free as u64).for_each(|n| template.write(n, &mut asked));
        stream.write_all(&asked).await?;
        let read = timeout(PATIENCE, stream.read_buf(&mut answered)).await;
        ensure!(read.context("no answer for ten seconds")?? > 0, "hung up");
        if Instant::now() >= end {
            return Ok((answers, declined));
        }
        let seen = reader.take(&mut answered)?;
        answers += seen.answers;
        declined += seen.declined;
        free = usize::try_from(seen.answers)?;
    }
}

/// Counts answers without decoding each: those of one length have their DE39 in one place.
struct Answers {
    is_payment: bool,
    /// Length of an answer, and where its DE39 is, once one was decoded.
    known: Option<(usize, usize)>,
}

impl Answers {
    fn new(template: &Template) -> Self {
        Self {
            is_payment: template.is_payment(),
            known: None,
        }
    }

    fn take(&mut self, bytes: &mut Vec<u8>) -> anyhow::Result<Measured> {
        let (mut seen, mut begin) = (Measured::default(), 0);
        while let Some(header) = bytes.get(begin..).and_then(<[u8]>::first_chunk) {
            let end = begin + header.len() + usize::from(u16::from_be_bytes(*header));
            let Some(message) = bytes.get(begin + header.len()..end) else {
                break;
            };
            seen.answers += 1;
            seen.declined += u64::from(self.is_payment && !self.approves(message)?);
            begin = end;
        }
        bytes.drain(..begin);
        Ok(seen)
    }

    /// What an echo sends back has no DE39, and is nobody's approval.
    fn approves(&mut self, message: &[u8]) -> anyhow::Result<bool> {
        if message.starts_with(b"0100") {
            return Ok(false);
        }
        let place = match self.known {
            Some((length, place)) if length == message.len() => place,
            _ => {
                let decoded = decode(&ASCII_HEX, message).map_err(|e| anyhow::anyhow!("{e}"))?;
                let place = decoded
                    .place_of(39)
                    .context("an answer without DE39")?
                    .start;
                self.known = Some((message.len(), place));
                place
            }
        };
        Ok(message.get(place..place + 2) == Some(b"00"))
    }
}
