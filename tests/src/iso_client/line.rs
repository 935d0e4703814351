//! A processor's line to one gateway: a connection, made again when it breaks, and whether the
//! gateway wants traffic on it.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::{Context, ensure};
use iso8583_link::{Address, Connection, LinkError, Retry, Settings, State};
use tokio::sync::{Mutex, watch};
use tokio::time::sleep;

use super::reply::Reply;

/// Between two attempts to connect to a gateway that has signed off.
const AGAIN: Duration = Duration::from_millis(25);
/// More than any load has in flight: the gateway has to bound it.
const IN_FLIGHT_MAX: usize = 1 << 20;

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// See the module.
pub(super) struct Line {
    address: Address,
    link: Mutex<Option<Connection>>,
    signed_off: AtomicBool,
}

impl Line {
    pub(super) fn to(address: &str) -> Arc<Self> {
        Arc::new(Self {
            address: Address::tcp(address),
            link: Mutex::default(),
            signed_off: AtomicBool::new(false),
        })
    }

    /// True from the gateway's sign-off until we have signed on to its successor.
    pub(super) fn is_signed_off(&self) -> bool {
        self.signed_off.load(Ordering::Acquire)
    }

    /// The connection; a new one where there is none, or where it broke.
    pub(super) async fn link(self: &Arc<Self>) -> anyhow::Result<Connection> {
        let mut link = self.link.lock().await;
        if let Some(link) = link.as_ref().filter(|link| link.ending().is_none()) {
            return Ok(link.clone());
        }
        let settings = Settings {
            signs_on: false,
            heeds_sign_off: false,
            echo_after: None,
            in_flight_max: IN_FLIGHT_MAX,
            ..Settings::default()
        };
        let fresh = Connection::connect(&self.address, settings).await;
        let fresh = fresh.with_context(|| self.no_link())?;
        tokio::spawn(watch(Arc::downgrade(self), fresh.state()));
        *link = Some(fresh.clone());
        Ok(fresh)
    }

    /// Sends a message and waits for its answer.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        message: &[u8],
        deadline: Duration,
    ) -> anyhow::Result<Reply> {
        let link = self.link().await?;
        let reply = link.request(message, deadline).await;
        Reply::read(&reply.map_err(|error| self.told(error))?)
    }

    /// Whether it may have been heard is told by how the text begins.
    fn told(&self, error: LinkError) -> anyhow::Error {
        let retry = error.retry();
        let error = anyhow::Error::new(error);
        match retry {
            Retry::Safe => error.context(self.no_link()),
            Retry::AsRepeat | Retry::Never => error,
        }
    }

    fn no_link(&self) -> String {
        format!("no link to {}", self.address.host())
    }

    pub(super) async fn sign_on(self: &Arc<Self>) -> anyhow::Result<()> {
        Ok(self.link().await?.sign_on().await?)
    }

    pub(super) async fn echo(self: &Arc<Self>) -> anyhow::Result<()> {
        let code = self.link().await?.echo().await?.response_code();
        ensure!(code == "00", "answered {code}");
        Ok(())
    }

    /// Connects and signs on; true where the gateway wants traffic then.
    async fn returns(self: &Arc<Self>) -> bool {
        // A gateway that is still draining says so before it answers.
        self.sign_on().await.is_ok()
            && match self.link().await {
                Ok(link) => *link.state().borrow() == State::Open,
                Err(_) => false,
            }
    }
}

/// Notes a sign-off on one connection, waits for its end, and signs on again. Whoever waits for an
/// answer on it goes on waiting; a connection that only breaks is made again by the next request.
///
/// Boxed: it connects, and whoever connects starts it.
fn watch(line: Weak<Line>, mut state: watch::Receiver<State>) -> BoxFuture {
    Box::pin(async move {
        let is_over = |state: &State| *state != State::Open;
        let signed_off = state.wait_for(is_over).await;
        let signed_off = signed_off.is_ok_and(|state| *state == State::SignedOff);
        match line.upgrade() {
            Some(line) if signed_off => line.signed_off.store(true, Ordering::Release),
            _ => return,
        }
        let _ = state.wait_for(|state| *state == State::Ended).await;
        while let Some(line) = line.upgrade() {
            if line.returns().await {
                line.signed_off.store(false, Ordering::Release);
                return;
            }
            drop(line);
            sleep(AGAIN).await;
        }
    })
}
