//! The other side: a listener that does only what it is told.

use std::time::Duration;

use iso8583::frame::{FrameDecoder, Framing, LENGTH_MAX_DEFAULT, Routing, encode_frame};
use iso8583::profile::ASCII_HEX;
use iso8583::{MessageBuilder, Mti, decode};
use iso8583_link::{Address, Connection, Settings};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpListener, TcpStream};

/// Long enough for anything that is going to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Short, for what is never going to happen.
pub(crate) const BRIEF: Duration = Duration::from_millis(40);

/// See the module.
pub(crate) struct Peer<S = TcpStream> {
    pub(crate) stream: S,
    frames: FrameDecoder,
    framing: Framing,
    /// Of the last message.
    pub(crate) routing: Routing,
}

/// A link that neither signs on nor sends echoes.
pub(crate) fn quiet() -> Settings {
    Settings {
        signs_on: false,
        echo_after: None,
        ..Settings::default()
    }
}

/// A link in memory, and its other side, for tests that stop the clock: on a socket nobody knows how
/// long a message is on its way.
pub(crate) async fn stopped(settings: Settings) -> (Connection, Peer<DuplexStream>) {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let peer = Peer::of(far, settings.framing);
    (Connection::over(near, settings).await.unwrap(), peer)
}

/// A link over a real socket, and its other side.
pub(crate) async fn linked(settings: Settings) -> (Connection, Peer) {
    linked_to(TcpListener::bind("127.0.0.1:0").await.unwrap(), settings).await
}

/// The same, with a listener of one's own.
pub(crate) async fn linked_to(listener: TcpListener, settings: Settings) -> (Connection, Peer) {
    let address = Address::tcp(listener.local_addr().unwrap().to_string());
    let framing = settings.framing;
    let (link, accepted) = tokio::join!(Connection::connect(&address, settings), listener.accept());
    (link.unwrap(), Peer::of(accepted.unwrap().0, framing))
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(crate) fn of(stream: S, framing: Framing) -> Self {
        Self {
            stream,
            frames: FrameDecoder::new(framing, LENGTH_MAX_DEFAULT),
            framing,
            routing: Routing::default(),
        }
    }

    /// The next message; empty for a poll, None at the end.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        let mut piece = [0; 1024];
        loop {
            if let Some(frame) = self.frames.next_frame().unwrap() {
                self.routing = frame.routing;
                return Some(frame.message.to_vec());
            }
            match tokio::time::timeout(PATIENCE, self.stream.read(&mut piece)).await {
                Ok(Ok(0)) => return None,
                Ok(count) => self.frames.push(&piece[..count.unwrap()]),
                Err(_) => panic!("the link sends nothing"),
            }
        }
    }

    /// The next message, which there is.
    pub(crate) async fn heard(&mut self) -> Vec<u8> {
        self.next().await.unwrap()
    }

    pub(crate) async fn send(&mut self, message: &[u8]) {
        let mut frame = Vec::new();
        encode_frame(self.framing, self.routing.answer(), message, &mut frame).unwrap();
        self.send_raw(&frame).await;
    }

    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }
}

/// A request with this field 11, and whatever else.
pub(crate) fn request(mti: &str, stan: u32, fields: &[(u8, &str)]) -> Vec<u8> {
    let mut message = MessageBuilder::new(&ASCII_HEX, Mti::parse(mti).unwrap());
    message.set(7, "1122083400").unwrap();
    message.set(11, &format!("{stan:06}")).unwrap();
    for (number, text) in fields {
        message.set(*number, text).unwrap();
    }
    message.encode()
}

/// Its answer, with this field 39.
pub(crate) fn answer(request: &[u8], code: &str) -> Vec<u8> {
    let request = decode(&ASCII_HEX, request).unwrap();
    let mti = request.mti().response().unwrap();
    let mut message = MessageBuilder::new(&ASCII_HEX, mti);
    let fields = [2, 7, 11, 32, 33, 41, 70].into_iter();
    let fields: Vec<u8> = fields.filter(|number| request.has(*number)).collect();
    message.echo(&request, &fields).unwrap();
    message.set(39, code).unwrap();
    message.encode()
}

/// Message type and a field of a message.
pub(crate) fn seen(message: &[u8], field: u8) -> (String, String) {
    let message = decode(&ASCII_HEX, message).unwrap();
    let text = message.field(field).map(|value| value.to_text());
    (message.mti().to_string(), text.unwrap_or_default())
}
