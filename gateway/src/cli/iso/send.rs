//! `iso send`: a message to a host, and its answer.

use std::io::{Error, Read, Result, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use iso8583::{Message, Profile, decode};
use process::clock::{BootMillis, boot_now};
use zeroize::Zeroizing;

use super::framing::{Framing, FramingError};
use super::reading::Reading;
use super::{Ended, Streams};

/// Whom to ask, and how.
pub(super) struct Exchange<'a> {
    /// Host and port.
    pub(super) host: &'a str,
    /// What both sides speak.
    pub(super) profile: &'a Profile,
    /// What stands in front of each message.
    pub(super) framing: Framing,
    /// How long connecting may take.
    pub(super) connect: Duration,
    /// How long one answer may take.
    pub(super) answer: Duration,
    /// How many times it is sent.
    pub(super) repeat: u16,
    /// Whether answers are printed as JSON.
    pub(super) json: bool,
}

/// Sends a message over one connection, again after each answer, and prints the answers.
pub(super) fn send(
    exchange: &Exchange<'_>,
    message: &[u8],
    streams: &mut Streams<'_>,
) -> Result<Ended> {
    let frame = match exchange.framing.framed(message) {
        Ok(frame) => frame,
        Err(error) => return streams.fail(&error.to_string()),
    };
    let host = super::mask::typed(exchange.host);
    let mut peer = match connect(exchange.host, exchange.connect) {
        Ok(stream) => Peer::new(stream),
        Err(error) => return streams.fail(&format!("{host}: no connection: {error}")),
    };
    let mut ended = Ended::Done;
    for number in 1..=exchange.repeat {
        let answer = match peer.ask(&frame, exchange.framing, exchange.answer) {
            Ok(answer) => answer,
            Err(error) => {
                let nth = if number == 1 {
                    String::new()
                } else {
                    format!(" {number}")
                };
                return streams.fail(&format!("{host}: no answer{nth}: {error}"));
            }
        };
        if number > 1 && !exchange.json {
            writeln!(streams.out)?;
        }
        let reading = Reading::of(exchange.profile, exchange.framing, &answer);
        reading.print(exchange.json, streams.out)?;
        if !reading.is_readable() {
            ended = Ended::NotReadable;
        } else if let Some(why) = other(exchange.profile, message, &answer) {
            ended = streams.fail(&format!("{host}: not the answer to this message: {why}"))?;
        }
    }
    Ok(ended)
}

/// Why this is no answer to that message, by type and STAN; `None` where it is, or where what was sent
/// cannot be read or calls for none.
fn other(profile: &Profile, sent: &[u8], answer: &[u8]) -> Option<String> {
    let (sent, answer) = (decode(profile, sent).ok()?, decode(profile, answer).ok()?);
    let expected = sent.mti().response()?;
    if answer.mti() != expected {
        return Some(format!("it is a {}, not a {expected}", answer.mti()));
    }
    let stan = |message: &Message<'_>| message.field(11).map(|stan| stan.to_text());
    let other = stan(&sent).is_some() && stan(&sent) != stan(&answer);
    other.then(|| "its field 11 is another".to_owned())
}

/// The first address that takes a connection.
fn connect(host: &str, patience: Duration) -> Result<TcpStream> {
    let deadline = after(patience);
    let mut failed = Error::other("the name has no address");
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, left(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// The other side of a connection.
struct Peer {
    stream: TcpStream,
    /// What has arrived and was not taken. Answers may repeat card data.
    arrived: Zeroizing<Vec<u8>>,
}

impl Peer {
    fn new(stream: TcpStream) -> Self {
        // Room for the longest frame and one more read, so that no copy is left behind.
        let arrived = Zeroizing::new(Vec::with_capacity(80 * 1024));
        Self { stream, arrived }
    }

    /// Sends a frame and waits for one with a message in it.
    fn ask(
        &mut self,
        frame: &[u8],
        framing: Framing,
        patience: Duration,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let deadline = after(patience);
        self.stream.set_write_timeout(Some(left(deadline)?))?;
        self.stream.write_all(frame).map_err(in_words)?;
        let mut room = Zeroizing::new([0; 8 * 1024]);
        loop {
            while let Some(message) = self.take(framing)? {
                // Hosts poll with empty frames.
                if !message.is_empty() {
                    return Ok(message);
                }
            }
            self.stream.set_read_timeout(Some(left(deadline)?))?;
            match self.stream.read(&mut *room) {
                Ok(0) => return Err(closed(self.arrived.len())),
                Ok(count) => {
                    let arrived = room.get(..count).unwrap_or_default();
                    self.arrived.extend_from_slice(arrived);
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(in_words(error)),
            }
        }
    }

    /// The next whole frame.
    fn take(&mut self, framing: Framing) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let (message, rest) = match framing.take(&self.arrived) {
            Ok(taken) => taken,
            Err(FramingError::Truncated { .. }) => return Ok(None),
            Err(error) => return Err(Error::other(error)),
        };
        let message = Zeroizing::new(message.to_vec());
        let taken = self.arrived.len() - rest.len();
        self.arrived.drain(..taken);
        Ok(Some(message))
    }
}

fn closed(arrived: usize) -> Error {
    match arrived {
        0 => Error::other("the host closed the connection: check --profile and --framing"),
        count => Error::other(format!(
            "the host closed the connection after {count} bytes of an answer: check --framing"
        )),
    }
}

fn in_words(error: Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => late(),
        _ => error,
    }
}

fn after(patience: Duration) -> BootMillis {
    let patience = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
    BootMillis(boot_now().0.saturating_add(patience))
}

fn left(deadline: BootMillis) -> Result<Duration> {
    match deadline.0.saturating_sub(boot_now().0) {
        0 => Err(late()),
        left => Ok(Duration::from_millis(left)),
    }
}

fn late() -> Error {
    Error::other("it took too long: raise --timeout-ms, or check --framing")
}
