//! A peer without manners: it does only what a test tells it, in any framing and dialect.

use std::net::SocketAddr;

use anyhow::{Context, anyhow, ensure};
use iso8583::frame::{FrameDecoder, Framing, LENGTH_MAX_DEFAULT, Routing, encode_frame};
use iso8583::profile::ASCII_HEX;
use iso8583::{Message, MessageBuilder, Mti, Profile, decode};
use tests::iso_client::{authorization_message, management_message};
use tests::payment::Payment;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::PATIENCE;

/// Addresses that an answer must carry the other way round.
pub(super) const ROUTING: Routing = Routing::new([0x12, 0x34], [0x56, 0x78]);

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(super) struct Peer {
    stream: Box<dyn Stream>,
    frames: FrameDecoder,
    framing: Framing,
    profile: &'static Profile,
}

/// A message of the gateway's.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) routing: Routing,
    pub(super) mti: Mti,
    fields: Vec<(u8, String)>,
}

impl Seen {
    pub(super) fn field(&self, number: u8) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| *field == number);
        found.map(|(_, text)| text.as_str())
    }

    /// Message type and DE39.
    pub(super) fn verdict(&self) -> (Mti, Option<&str>) {
        (self.mti, self.field(39))
    }
}

impl Peer {
    pub(super) async fn connect(
        address: SocketAddr,
        framing: Framing,
        profile: &'static Profile,
    ) -> anyhow::Result<Self> {
        Ok(Self::over(
            TcpStream::connect(address).await?,
            framing,
            profile,
        ))
    }

    pub(super) fn over(
        stream: impl Stream + 'static,
        framing: Framing,
        profile: &'static Profile,
    ) -> Self {
        Self {
            stream: Box::new(stream),
            frames: FrameDecoder::new(framing, LENGTH_MAX_DEFAULT),
            framing,
            profile,
        }
    }

    /// Sends bytes as they are.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    /// Sends a message, given as [`ASCII_HEX`].
    pub(super) async fn send(&mut self, message: &[u8]) -> anyhow::Result<()> {
        let message = in_dialect(message, self.profile)?;
        let mut bytes = Vec::new();
        encode_frame(self.framing, ROUTING, &message, &mut bytes)?;
        self.write(&bytes).await
    }

    pub(super) async fn manage(&mut self, code: &str) -> anyhow::Result<()> {
        self.send(&management_message(code)?).await
    }

    pub(super) async fn ask(&mut self, payment: &Payment) -> anyhow::Result<()> {
        self.send(&authorization_message(payment, false)?).await
    }

    /// Nothing more will come.
    pub(super) async fn shutdown(&mut self) -> anyhow::Result<()> {
        Ok(self.stream.shutdown().await?)
    }

    /// The next message; `None` for a poll.
    pub(super) async fn next_or_poll(&mut self) -> anyhow::Result<Option<Seen>> {
        self.next_of_any().await?.context("the gateway closed")
    }

    pub(super) async fn next(&mut self) -> anyhow::Result<Seen> {
        self.next_or_poll().await?.context("a poll, not a message")
    }

    /// The next message before the end, if there is one.
    pub(super) async fn next_before_end(&mut self) -> anyhow::Result<Option<Seen>> {
        match self.next_of_any().await? {
            None => Ok(None),
            Some(message) => Ok(Some(message.context("a poll, not a message")?)),
        }
    }

    async fn next_of_any(&mut self) -> anyhow::Result<Option<Option<Seen>>> {
        let mut piece = [0; 1024];
        loop {
            if let Some(frame) = self.frames.next_frame()? {
                if frame.is_poll() {
                    return Ok(Some(None));
                }
                let message = decode(self.profile, frame.message)
                    .map_err(|error| anyhow!("the gateway sent what does not decode: {error}"))?;
                let field = |number| Some((number, message.field(number)?.to_text()));
                return Ok(Some(Some(Seen {
                    routing: frame.routing,
                    mti: message.mti(),
                    fields: message.present().filter_map(field).collect(),
                })));
            }
            match timeout(PATIENCE, self.stream.read(&mut piece)).await?? {
                0 => {
                    ensure!(self.frames.pending() == 0, "half a frame");
                    return Ok(None);
                }
                read => self.frames.push(&piece[..read]),
            }
        }
    }

    /// Answers a request of the gateway's, with this trace number where one is given.
    pub(super) async fn answer(&mut self, seen: &Seen, stan: Option<&str>) -> anyhow::Result<()> {
        let mut answer = MessageBuilder::new(&ASCII_HEX, Mti::M0810);
        let set = |answer: &mut MessageBuilder<'_>, number: u8, text: &str| {
            let set = answer.set(number, text).map(|_| ());
            set.map_err(|error| anyhow!("field {number}: {error}"))
        };
        for number in [7, 11, 70] {
            let text = seen.field(number).context("it lacks a field")?;
            let text = stan.filter(|_| number == 11).unwrap_or(text);
            set(&mut answer, number, text)?;
        }
        set(&mut answer, 39, "00")?;
        self.send(&answer.encode()).await
    }
}

/// A message of [`ASCII_HEX`] in another dialect.
pub(super) fn in_dialect(bytes: &[u8], profile: &Profile) -> anyhow::Result<Vec<u8>> {
    let message = decode(&ASCII_HEX, bytes).map_err(|error| anyhow!("{error}"))?;
    let mut other = MessageBuilder::new(profile, message.mti());
    for number in message.present() {
        copy(&message, number, &mut other)?;
    }
    Ok(other.encode())
}

fn copy(from: &Message<'_>, number: u8, to: &mut MessageBuilder<'_>) -> anyhow::Result<()> {
    let value = from.expose_field(number).context("it is present")?;
    // Some have a digit more for the entry mode.
    let done = match to.set_value(number, &value) {
        Err(_) if number == 22 => to.set(number, &format!("0{}", value.to_text())).map(|_| ()),
        done => done.map(|_| ()),
    };
    done.map_err(|error| anyhow!("field {number} in another dialect: {error}"))
}
