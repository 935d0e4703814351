//! What runs while a link is up: one task that reads, one that writes, one that asks whether the peer
//! is there.

use std::pin::pin;
use std::sync::Arc;

use iso8583::decode;
use iso8583::frame::{Frame, FrameDecoder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};
use zeroize::{Zeroize, Zeroizing};

use crate::key::{Key, Parties};
use crate::outgoing::Outgoing;
use crate::shared::Shared;
use crate::table::Owner;
use crate::{Connection, Ending, LinkError, Reply, State, network};

/// Bytes that are read at once.
const READ: usize = 8 * 1024;
/// Messages that are written together at most.
const GATHERED_MAX: usize = 64;

/// A side of a connection.
pub(crate) type Reading = Box<dyn AsyncRead + Send + Unpin>;
/// The other.
pub(crate) type Writing = Box<dyn AsyncWrite + Send + Unpin>;

/// Reads until nothing more can come, and then tells everybody who waits.
pub(crate) async fn read(shared: Arc<Shared>, reading: Reading) {
    let ending = read_on(&shared, reading).await;
    shared.end(ending);
    shared.over();
}

async fn read_on(shared: &Shared, mut reading: Reading) -> Ending {
    let settings = &shared.settings;
    let mut frames = FrameDecoder::new(settings.framing, settings.length_max);
    let mut room = Zeroizing::new(vec![0; READ]);
    let mut abandoned = pin!(abandoned(shared));
    loop {
        let arrived = tokio::select! {
            arrived = reading.read(&mut room) => arrived,
            () = &mut abandoned => return shared.ending(),
        };
        let count = match arrived {
            Ok(0) if frames.pending() > 0 => return Ending::Torn,
            Ok(0) => return Ending::PeerClosed,
            Ok(count) => count,
            Err(error) => return Ending::Broken(error.kind()),
        };
        shared.hear();
        let arrived = room.get_mut(..count).unwrap_or_default();
        frames.push(arrived);
        arrived.zeroize();
        loop {
            match frames.next_frame() {
                Ok(Some(frame)) => take(shared, frame),
                Ok(None) => break,
                Err(error) => return Ending::Frame(error),
            }
        }
    }
}

/// Waits until reading on is of no use: at once after a hang-up; where only writing failed, when
/// nobody waits any more for an answer that may be here already.
async fn abandoned(shared: &Shared) {
    let (mut hang_up, mut state) = (shared.hang_up.subscribe(), shared.state.subscribe());
    tokio::select! {
        _ = hang_up.wait_for(|is_over| *is_over) => {}
        () = async {
            let _ = state.wait_for(|state| *state == State::Ended).await;
            shared.settled().await;
        } => {}
    }
}

fn take(shared: &Shared, frame: Frame<'_>) {
    if frame.is_poll() {
        return network::poll(shared);
    }
    let Ok(message) = decode(&shared.settings.profile, frame.message) else {
        return shared.counters.unreadable.add(1);
    };
    if network::is_asked(&message) {
        return network::answer(shared, &message, frame.routing);
    }
    if message.mti().response().is_some() {
        return shared.counters.unasked.add(1);
    }
    let owner = Key::of_answer(&message).map(|key| shared.find(&key, &Parties::of(&message)));
    let reply = || Reply::new(frame.message, &shared.settings.profile);
    match owner {
        Some(Owner::Waits(id, since, waiter)) => match waiter.send(reply()) {
            Ok(()) => shared.counters.answered.add(1),
            Err(reply) => shared.be_late(id, since, reply),
        },
        Some(Owner::GaveUp(id, since)) => shared.be_late(id, since, reply()),
        Some(Owner::Unknown) | None => shared.counters.unmatched.add(1),
    }
}

/// Writes what is put into the queues, and closes the connection for writing at the end.
pub(crate) async fn write(
    shared: Arc<Shared>,
    mut writing: Writing,
    mut answers: mpsc::Receiver<Outgoing>,
    mut requests: mpsc::Receiver<Outgoing>,
) {
    let patience = shared.settings.write_patience;
    let mut finish = shared.finish.subscribe();
    let mut bytes = Zeroizing::new(Vec::new());
    loop {
        let first = tokio::select! {
            biased;
            Some(answer) = answers.recv() => answer,
            Some(request) = requests.recv() => request,
            _ = finish.wait_for(|is_over| *is_over) => break,
        };
        gather(&shared, first, &mut answers, &mut requests, &mut bytes);
        let written = timeout(patience, async {
            writing.write_all(&bytes).await?;
            writing.flush().await
        });
        let failed = match written.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Ending::Broken(error.kind())),
            Err(_) => Some(Ending::NotRead),
        };
        bytes.zeroize();
        if let Some(ending) = failed {
            // Answers may have arrived before; the reader knows when it is over.
            return shared.end(ending);
        }
    }
    let _ = timeout(patience, writing.shutdown()).await;
}

/// Puts what waits one behind the other, without what was withdrawn.
fn gather(
    shared: &Shared,
    first: Outgoing,
    answers: &mut mpsc::Receiver<Outgoing>,
    requests: &mut mpsc::Receiver<Outgoing>,
    bytes: &mut Zeroizing<Vec<u8>>,
) {
    let mut next = Some(first);
    for _ in 0..GATHERED_MAX {
        let Some(outgoing) = next.take() else {
            break;
        };
        if outgoing.take() {
            append(bytes, &outgoing.frame);
            shared.counters.sent.add(1);
        }
        let waiting = answers.try_recv().or_else(|_| requests.try_recv());
        next = waiting.ok();
    }
    if let Some(outgoing) = next
        && outgoing.take()
    {
        append(bytes, &outgoing.frame);
        shared.counters.sent.add(1);
    }
}

/// Without leaving a copy behind, as a vector that grows by itself would.
fn append(bytes: &mut Zeroizing<Vec<u8>>, frame: &[u8]) {
    let length = bytes.len() + frame.len();
    if bytes.capacity() < length {
        let mut larger = Zeroizing::new(Vec::with_capacity(length.next_power_of_two()));
        larger.extend_from_slice(bytes);
        *bytes = larger;
    }
    bytes.extend_from_slice(frame);
}

/// Sends an echo whenever nothing was heard for a while, until one is not answered or the link ends.
pub(crate) async fn keep(shared: Arc<Shared>) {
    let mut state = shared.state.subscribe();
    tokio::select! {
        () = keep_on(&shared) => {}
        _ = state.wait_for(|state| *state == State::Ended) => {}
    }
}

async fn keep_on(shared: &Arc<Shared>) {
    let Some(echo_after) = shared.settings.echo_after else {
        return;
    };
    loop {
        let due = shared.heard_at() + echo_after;
        sleep_until(due).await;
        if shared.heard_at() + echo_after > due {
            continue;
        }
        match Connection::manage(shared, shared.settings.network.echo).await {
            Ok(_) => {}
            Err(LinkError::NoAnswer { .. } | LinkError::NotSent { .. }) => {
                return shared.hang_up(Ending::NoEcho);
            }
            // The dialect has no echo, or the link has ended.
            Err(_) => return,
        }
    }
}
