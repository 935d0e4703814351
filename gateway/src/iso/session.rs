//! One connection: frames in, answers out as they come, many requests in flight.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use iso8583::frame::{self, FrameDecoder, Framing, Routing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{debug, info};

use super::translate::{self, Heard};
use super::{Link, sign_off};
use crate::drain::{self, Draining};
use crate::metrics::labels::Door;

/// Answers that may wait for a peer that does not read; then its requests wait too.
const ANSWERS_MAX: usize = 1_024;
/// A frame must be complete so long after its first byte, however slowly the rest drips.
const FRAME_PATIENCE: Duration = Duration::from_secs(5);
/// A connection without a word for so long is closed; a link sends echoes more often.
const IDLE_PATIENCE: Duration = Duration::from_secs(300);
/// A peer that takes no answer for so long is gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// Runs a session to its end. In a drain that is when the peer has closed, or has had nothing to say
/// for a moment; see [`crate::drain`].
pub async fn run(stream: TcpStream, peer: SocketAddr, link: Link, draining: Draining) {
    let (mut reading, writing) = stream.into_split();
    let (answers, queue) = mpsc::channel(ANSWERS_MAX);
    let writer = tokio::spawn(write(writing, queue));
    let ended = tokio::select! {
        ended = read(&mut reading, &link, &answers, &draining) => ended,
        () = draining.ending() => "the gateway drains, and the peer went on sending",
    };
    info!(%peer, reason = ended, "session ended");
    // Requests in flight hold a sender each: the writer ends when the last has been answered.
    drop(answers);
    tokio::select! {
        () = part(&mut reading, writer, &draining) => {}
        () = draining.over() => info!(%peer, "dropped; the peer did not take its answers"),
    }
}

/// Waits until the last answer is written and the connection closed for writing.
async fn part(reading: &mut OwnedReadHalf, writer: JoinHandle<()>, draining: &Draining) {
    let _ = writer.await;
    if draining.is_noticed() {
        drain::linger(reading).await;
    }
}

/// Reads frames until the peer leaves or cannot be understood, or a drain comes to its end; says why
/// it ended.
async fn read(
    reading: &mut OwnedReadHalf,
    link: &Link,
    answers: &mpsc::Sender<Vec<u8>>,
    draining: &Draining,
) -> &'static str {
    let mut frames = FrameDecoder::new(Framing::Be2, frame::LENGTH_MAX_DEFAULT);
    let mut buffer = vec![0; 8 * 1024];
    let mut begun: Option<Instant> = None;
    let mut noticed = pin!(draining.noticed());
    let mut signed_off = false;
    loop {
        let until = begun.map_or(Instant::now() + IDLE_PATIENCE, |begun| {
            begun + FRAME_PATIENCE
        });
        let arrived = tokio::select! {
            biased;
            arrived = tokio::time::timeout_at(until, reading.read(&mut buffer)) => arrived,
            () = &mut noticed, if !signed_off => {
                signed_off = true;
                sign_off(link, answers);
                continue;
            }
            () = draining.quiet(), if signed_off && begun.is_none() => return "the gateway drains",
        };
        let count = match arrived {
            Ok(Ok(0)) if frames.pending() > 0 => return "the peer left in the middle of a frame",
            Ok(Ok(0)) => return "the peer left",
            Ok(Ok(count)) => count,
            Ok(Err(_)) => return "the connection broke",
            Err(_) => return "nothing came for too long",
        };
        frames.push(&buffer[..count]);
        // Card data does not stay in the buffer for the next read to find.
        buffer[..count].fill(0);
        loop {
            match frames.next_frame() {
                Ok(Some(frame)) => {
                    begun = None;
                    if !take(frame.message, link, answers).await {
                        return "not even a message type could be read";
                    }
                }
                Ok(None) => break,
                Err(_) => return "the frame length cannot be",
            }
        }
        if frames.pending() > 0 {
            begun.get_or_insert_with(Instant::now);
        }
    }
}

/// Asks the peer to send elsewhere. One that has taken no answer for long does not hear it.
fn sign_off(link: &Link, answers: &mpsc::Sender<Vec<u8>>) {
    match sign_off::message(link.profile, process::clock::wall_seconds()) {
        Ok(bytes) => {
            let _ = answers.try_send(framed(&bytes));
        }
        Err(error) => debug!(%error, "a sign-off does not encode"),
    }
}

/// Takes one message; false where it cannot be answered and the connection must go.
async fn take(message: &[u8], link: &Link, answers: &mpsc::Sender<Vec<u8>>) -> bool {
    let Ok(answer) = answers.clone().reserve_owned().await else {
        return false;
    };
    match translate::hear(message, link) {
        Heard::Unreadable => {
            link.gateway.parts().metrics.malformed(Door::Iso8583);
            return false;
        }
        Heard::Ignored => {}
        Heard::Answered(bytes) => {
            answer.send(framed(&bytes));
        }
        Heard::Malformed(bytes) => {
            link.gateway.parts().metrics.malformed(Door::Iso8583);
            answer.send(framed(&bytes));
        }
        Heard::Asked(asked) => {
            let link = link.clone();
            let gateway = link.gateway.clone();
            gateway.parts().work.spawn(async move {
                // No answer is an answer too: after a failed fsync nobody knows (rule 10), and what
                // is late would be dropped by the network anyway.
                if let Some(bytes) = translate::answer(*asked, &link).await {
                    answer.send(framed(&bytes));
                }
            });
        }
    }
    true
}

fn framed(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + 2);
    if let Err(error) = frame::encode_frame(Framing::Be2, Routing::default(), message, &mut bytes) {
        debug!(%error, "an answer does not fit a frame");
    }
    bytes
}

/// Writes answers; what has gathered goes out together.
async fn write(mut writing: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) {
    let mut gathered = Vec::new();
    while queue.recv_many(&mut gathered, 64).await > 0 {
        let bytes = gathered.concat();
        gathered.clear();
        match tokio::time::timeout(WRITE_PATIENCE, writing.write_all(&bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}
