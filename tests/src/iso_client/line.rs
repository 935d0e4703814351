//! A processor's line to one gateway: a connection, made again when it breaks, and whether the
//! gateway wants traffic on it.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};

use super::link::{Link, Reply, Stage, Waiting};
use super::messages::management_message;

/// Between two attempts to connect to a gateway that has signed off.
const AGAIN: Duration = Duration::from_millis(25);
const SIGNED_ON_WITHIN: Duration = Duration::from_secs(5);

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// See the module.
pub(super) struct Line {
    address: String,
    link: Mutex<Option<Arc<Link>>>,
    signed_off: AtomicBool,
}

impl Line {
    pub(super) fn to(address: &str) -> Arc<Self> {
        Arc::new(Self {
            address: address.to_owned(),
            link: Mutex::default(),
            signed_off: AtomicBool::new(false),
        })
    }

    /// True from the gateway's sign-off until we have signed on to its successor.
    pub(super) fn is_signed_off(&self) -> bool {
        self.signed_off.load(Ordering::Acquire)
    }

    /// The connection; a new one where there is none, or where it broke.
    pub(super) async fn link(self: &Arc<Self>) -> anyhow::Result<Arc<Link>> {
        let mut link = self.link.lock().await;
        if let Some(link) = link.as_ref().filter(|link| !link.is_broken()) {
            return Ok(Arc::clone(link));
        }
        let fresh = Arc::new(Link::connect(&self.address).await?);
        tokio::spawn(watch(Arc::downgrade(self), fresh.stage()));
        *link = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Sends a message and waits for its answer.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        message: &[u8],
        deadline: Duration,
    ) -> anyhow::Result<Reply> {
        let link = self.link().await?;
        let waiting = Waiting::of(message).context("the message has no STAN to match")?;
        match timeout(deadline, link.exchange(waiting, message)).await {
            Ok(reply) => reply,
            Err(_) => bail!("no answer within {deadline:?}"),
        }
    }

    /// 0800 with this DE70, which has to be accepted.
    pub(super) async fn manage(self: &Arc<Self>, code: &str) -> anyhow::Result<()> {
        let message = management_message(code)?;
        let reply = self.exchange(&message, SIGNED_ON_WITHIN).await?;
        ensure!(
            reply.response_code == "00",
            "answered {}",
            reply.response_code
        );
        Ok(())
    }

    /// Connects and signs on; true where the gateway wants traffic then.
    async fn sign_on(self: &Arc<Self>) -> bool {
        // A gateway that is still draining says so before it answers.
        self.manage("001").await.is_ok()
            && match self.link().await {
                Ok(link) => *link.stage().borrow() == Stage::Open,
                Err(_) => false,
            }
    }
}

/// Notes a sign-off on one connection, waits for its end, and signs on again. Whoever waits for an
/// answer on it goes on waiting; a connection that only breaks is made again by the next request.
///
/// Boxed: it connects, and whoever connects starts it.
fn watch(line: Weak<Line>, mut stage: watch::Receiver<Stage>) -> BoxFuture {
    Box::pin(async move {
        // The sender is gone where the line is: nobody is interested any more.
        let over = stage.wait_for(|stage| *stage > Stage::Open).await.is_err();
        let signed_off = !over && *stage.borrow() == Stage::SignedOff;
        match line.upgrade() {
            Some(line) if signed_off => line.signed_off.store(true, Ordering::Release),
            _ => return,
        }
        let _ = stage.wait_for(|stage| *stage == Stage::Ended).await;
        while let Some(line) = line.upgrade() {
            if line.sign_on().await {
                line.signed_off.store(false, Ordering::Release);
                return;
            }
            drop(line);
            sleep(AGAIN).await;
        }
    })
}
