use std::sync::Arc;
use std::time::Duration;

use iso8583::{Encoder, Message, decode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::address::Address;
use crate::key::{Key, Parties};
use crate::shared::Shared;
use crate::ticket::Ticket;
use crate::{Counts, Ending, Late, LinkError, Repeats, Reply, Settings, network, tasks};

/// How a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Requests may be sent.
    Open,
    /// The peer signed off: it still answers, and wants no new requests.
    SignedOff,
    /// This side closes it: answers in flight are waited for.
    Closing,
    /// Nothing is sent any more.
    Ended,
}

/// One connection to a peer, on which many requests are in flight at once. Clones share it; it ends
/// with the last of them.
#[derive(Debug, Clone)]
pub struct Connection {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    late: Mutex<mpsc::Receiver<Late>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.hang_up(Ending::Closed);
    }
}

impl Connection {
    /// Connects, and signs on where the settings say so.
    ///
    /// # Errors
    /// If nobody answers there in time, TLS fails, or the sign-on is not accepted.
    pub async fn connect(address: &Address, settings: Settings) -> Result<Self, LinkError> {
        let (reading, writing) = address.open(settings.connect_patience).await?;
        Self::begin(reading, writing, settings).await
    }

    /// The same over a stream that is connected.
    ///
    /// # Errors
    /// If the sign-on is not accepted.
    pub async fn over<S>(stream: S, settings: Settings) -> Result<Self, LinkError>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (reading, writing) = tokio::io::split(stream);
        Self::begin(Box::new(reading), Box::new(writing), settings).await
    }

    async fn begin(
        reading: tasks::Reading,
        writing: tasks::Writing,
        settings: Settings,
    ) -> Result<Self, LinkError> {
        let signs_on = settings.signs_on;
        let (shared, queues) = Shared::new(settings);
        let write = tasks::write(
            Arc::clone(&shared),
            writing,
            queues.answers,
            queues.requests,
        );
        tokio::spawn(write);
        tokio::spawn(tasks::read(Arc::clone(&shared), reading));
        tokio::spawn(tasks::keep(Arc::clone(&shared)));
        let late = Mutex::new(queues.late);
        let handle = Handle { shared, late };
        let link = Self {
            handle: Arc::new(handle),
        };
        if signs_on {
            link.sign_on().await?;
        }
        Ok(link)
    }

    /// Sends a request or an advice, a whole message without framing, and waits for its answer.
    ///
    /// A wait that is dropped is a request without an answer: a late one is kept for
    /// [`Connection::late`].
    ///
    /// # Errors
    /// With the cause, and whether it was sent: [`LinkError::retry`].
    pub async fn request(&self, message: &[u8], deadline: Duration) -> Result<Reply, LinkError> {
        let repeats = Repeats {
            patience: deadline,
            count: 0,
        };
        self.request_with_repeats(message, repeats).await
    }

    /// The same, and where no answer comes sends it again as a repeat (0101, 0421 …) with otherwise
    /// the same content. The answer to any of them counts.
    ///
    /// # Errors
    /// As [`Connection::request`]; [`LinkError::Sealed`] where a repeat would need another
    /// authentication code.
    pub async fn request_with_repeats(
        &self,
        message: &[u8],
        repeats: Repeats,
    ) -> Result<Reply, LinkError> {
        let shared = &self.handle.shared;
        match *shared.state.borrow() {
            State::SignedOff if shared.settings.heeds_sign_off => return Err(LinkError::SignedOff),
            State::Open | State::SignedOff => {}
            State::Closing => return Err(LinkError::Closing),
            State::Ended => return Err(LinkError::Ended(shared.ending())),
        }
        let decoded = decode(&shared.settings.profile, message)?;
        let again = match repeats.count {
            0 => None,
            _ => Some(repeat(&decoded)?),
        };
        let mut ticket = Ticket::enter(
            shared,
            Key::of_request(&decoded)?,
            Parties::of(&decoded),
            true,
        )?;
        ticket.send(message)?;
        for _ in 0..repeats.count {
            if let Ok(answered) = timeout(repeats.patience, ticket.answer()).await {
                return answered;
            }
            // One that still waits to be written is not repeated: the peer has not even read it.
            if let Some(again) = again.as_ref().filter(|_| ticket.is_sent()) {
                ticket.send_again(again)?;
            }
        }
        match timeout(repeats.patience, ticket.answer()).await {
            Ok(answered) => answered,
            Err(_) => ticket.give_up().await,
        }
    }

    /// Tells the peer that this side is ready. [`Connection::connect`] does it where the settings say
    /// so.
    ///
    /// # Errors
    /// If it is not accepted.
    pub async fn sign_on(&self) -> Result<(), LinkError> {
        let shared = &self.handle.shared;
        let network = &shared.settings.network;
        let reply = Self::manage(shared, network.sign_on).await?;
        let code = reply.response_code();
        if code == network.accepted {
            Ok(())
        } else {
            Err(LinkError::SignOn { code })
        }
    }

    /// Asks whether the peer is there, and gives its answer.
    ///
    /// # Errors
    /// If there is none in time.
    pub async fn echo(&self) -> Result<Reply, LinkError> {
        let shared = &self.handle.shared;
        Self::manage(shared, shared.settings.network.echo).await
    }

    /// A network management request of ours, also where requests are not wanted.
    pub(crate) async fn manage(shared: &Arc<Shared>, code: &str) -> Result<Reply, LinkError> {
        let message = network::request(shared, code)?;
        let decoded = decode(&shared.settings.profile, &message)?;
        let (key, parties) = (Key::of_request(&decoded)?, Parties::of(&decoded));
        let mut ticket = Ticket::enter(shared, key, parties, false)?;
        ticket.send(&message)?;
        match timeout(shared.settings.network_patience, ticket.answer()).await {
            Ok(answered) => answered,
            Err(_) => ticket.give_up().await,
        }
    }

    /// Takes no more requests, waits for the answers in flight, signs off where the settings say so,
    /// and closes the connection. Gives how many requests were left without an answer after
    /// `patience`; their waits end with [`LinkError::Lost`].
    pub async fn close(self, patience: Duration) -> usize {
        let shared = &self.handle.shared;
        shared.state.send_if_modified(|state| {
            let is_up = *state != State::Ended;
            if is_up {
                *state = State::Closing;
            }
            is_up
        });
        let parting = async {
            shared.settled().await;
            if shared.settings.signs_on {
                // Where it is not answered, the peer sees the connection close all the same.
                let _ = Self::manage(shared, shared.settings.network.sign_off).await;
            }
        };
        let settled = timeout(patience, parting).await.is_ok();
        let left = if settled { 0 } else { shared.in_flight() };
        shared.finish.send_replace(true);
        // The peer closes its side when it has seen ours close; one that does not is left.
        let mut state = shared.state.subscribe();
        let ended = state.wait_for(|state| *state == State::Ended);
        let _ = timeout(shared.settings.network_patience, ended).await;
        shared.hang_up(Ending::Closed);
        left
    }

    /// How it is; watch it to send elsewhere in time.
    pub fn state(&self) -> watch::Receiver<State> {
        self.handle.shared.state.subscribe()
    }

    /// What ended it; None while it has not ended.
    pub fn ending(&self) -> Option<Ending> {
        let shared = &self.handle.shared;
        (*shared.state.borrow() == State::Ended).then(|| shared.ending())
    }

    /// What passed over it.
    pub fn counts(&self) -> Counts {
        self.handle.shared.counters.read()
    }

    /// Requests that wait for answers.
    pub fn in_flight(&self) -> usize {
        self.handle.shared.in_flight()
    }

    /// The next answer that came after its request had stopped waiting; each is given once. None when
    /// the link has ended and all were given.
    pub async fn late(&self) -> Option<Late> {
        self.handle.late.lock().await.recv().await
    }

    /// Whoever fetched a late answer had no room for it.
    pub(crate) fn count_late_dropped(&self) {
        self.handle.shared.counters.late_dropped.add(1);
    }
}

/// The message as a repeat of itself.
fn repeat(message: &Message<'_>) -> Result<Zeroizing<Vec<u8>>, LinkError> {
    if message.has(64) || message.has(128) {
        return Err(LinkError::Sealed);
    }
    let mti = message.mti();
    let mti = mti.repeat().ok_or(LinkError::NotARequest(mti))?;
    // The same fields take the same room; an empty second bitmap is not written.
    let length = message
        .present()
        .filter_map(|number| message.place_of(number));
    let length = length.map(|place| place.end).max().unwrap_or_default();
    let mut room = Zeroizing::new(vec![0; length.max(message.header().len() + 64)]);
    let profile = message.profile();
    let mut again = Encoder::with_header(profile, message.header(), mti, &mut room)?;
    for number in message.present() {
        if let Some(value) = message.expose_field(number) {
            again.put_value(number, &value)?;
        }
    }
    let length = again.finish()?.len();
    room.truncate(length);
    Ok(room)
}
