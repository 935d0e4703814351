//! A polite end: what happens between SIGTERM and exit 0.
//!
//! | stage | begins | what changes | what still works |
//! |---|---|---|---|
//! | notice | at the signal | `/readyz` says 503, HTTP answers say `Connection: close`, every ISO 8583 peer gets a sign-off | everything: new connections and new requests too |
//! | closing | after `notice` | listeners close; idle HTTP connections end; an ISO session ends once nothing has come for [`QUIET`] | open connections: what is asked on them is answered |
//! | ending | after `patience` more, where a peer goes on sending | nothing is read any more | what was read is answered and written |
//! | over | after `work` and [`LINGER`] more, where a peer does not take its answers | connections are dropped | what was accepted is finished and in the journal |
//!
//! A stage that nobody needs takes no time: the drain ends as soon as the last connection does. So
//! it takes at least `notice`, and at most `notice + patience + 2 × work` and some two seconds,
//! where `work` is the budget of one request.
//!
//! A request is answered, or none of it was acted upon: whatever was read whole is worked on until
//! it has its answer, and a connection is closed for writing only after its last answer, and for
//! reading only after its peer had time to take that answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// An ISO session is at its end when nothing has come for so long; and a connection without a
/// request has so long to send its first byte. Far above the round trip to a processor.
pub const QUIET: Duration = Duration::from_millis(200);
/// How long a peer may take to read its last answers and to close, after we have closed for writing.
pub const LINGER: Duration = Duration::from_secs(1);
/// How long connections may take to notice that they are dropped.
const DROPPED: Duration = Duration::from_secs(1);

/// How long a drain may take; see the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Between "not ready" and closed doors. Longer than a load balancer takes to notice.
    pub notice: Duration,
    /// How long peers that go on sending are still served after that.
    pub patience: Duration,
    /// The budget of one request.
    pub work: Duration,
}

/// How far the drain is, for everybody who serves; clones see the same one.
#[derive(Debug, Clone, Default)]
pub struct Draining {
    noticed: CancellationToken,
    closing: CancellationToken,
    ending: CancellationToken,
    over: CancellationToken,
}

/// A stage of the drain that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The notice.
    Noticed,
    /// The doors are closed.
    Closing,
    /// Nothing may be read any more.
    Ending,
    /// Connections are dropped.
    Over,
}

/// The stages one after the other, for who does something else besides.
pub struct Stages {
    draining: Draining,
    /// The one that comes next. Alone in a set, because that looks at it only when it has begun: a
    /// connection is woken for every message, and for a stage once.
    next: FuturesUnordered<Pin<Box<dyn Future<Output = Stage> + Send>>>,
}

impl Stages {
    /// Ready at each stage in turn, and after the last one never again.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Stage> {
        match Pin::new(&mut self.next).poll_next(cx) {
            Poll::Ready(Some(stage)) => {
                let next = match stage {
                    Stage::Noticed => Some(Stage::Closing),
                    Stage::Closing => Some(Stage::Ending),
                    Stage::Ending => Some(Stage::Over),
                    Stage::Over => None,
                };
                self.wait_for(next);
                Poll::Ready(stage)
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn wait_for(&self, stage: Option<Stage>) {
        let Some(stage) = stage else {
            return;
        };
        let draining = self.draining.clone();
        let token = match stage {
            Stage::Noticed => draining.noticed,
            Stage::Closing => draining.closing,
            Stage::Ending => draining.ending,
            Stage::Over => draining.over,
        };
        self.next.push(Box::pin(async move {
            token.cancelled_owned().await;
            stage
        }));
    }
}

impl Draining {
    /// All stages in turn, those too that have begun already.
    pub fn stages(&self) -> Stages {
        let stages = Stages {
            draining: self.clone(),
            next: FuturesUnordered::new(),
        };
        stages.wait_for(Some(Stage::Noticed));
        stages
    }

    /// True from the notice on.
    pub fn is_noticed(&self) -> bool {
        self.noticed.is_cancelled()
    }

    /// Resolves at the notice.
    pub async fn noticed(&self) {
        self.noticed.cancelled().await;
    }

    /// Resolves when the doors close.
    pub async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Resolves [`QUIET`] after the doors were closed, or after the call where that is later.
    pub async fn quiet(&self) {
        self.closing.cancelled().await;
        sleep(QUIET).await;
    }

    /// Resolves when nothing may be read any more.
    pub async fn ending(&self) {
        self.ending.cancelled().await;
    }

    /// Resolves when connections are dropped.
    pub async fn over(&self) {
        self.over.cancelled().await;
    }

    /// The notice: tells everybody, and goes on as before for `notice`.
    pub async fn announce(&self, notice: Duration) {
        self.noticed.cancel();
        sleep(notice).await;
    }

    /// Closes the doors and waits for the connections, `doors`, stage by stage.
    pub async fn close(&self, doors: &TaskTracker, times: Times) {
        self.closing.cancel();
        doors.close();
        for (stage, patience) in [
            (&self.ending, times.patience),
            (&self.over, times.work + LINGER),
        ] {
            if timeout(patience, doors.wait()).await.is_ok() {
                return;
            }
            stage.cancel();
        }
        // What hangs beyond that holds no request that could still be accepted.
        let _ = timeout(DROPPED, doors.wait()).await;
    }

    /// Waits for what was accepted; true when all of it was finished.
    pub async fn finish(&self, accepted: &TaskTracker, times: Times) -> bool {
        accepted.close();
        timeout(times.work, accepted.wait()).await.is_ok()
    }
}

/// After we have closed for writing: reads and forgets what still comes, until the peer closes too or
/// [`LINGER`] is over. A socket that is closed with something unread makes the kernel throw away what
/// the peer has not read yet.
pub async fn linger(reading: &mut (impl AsyncRead + Unpin)) {
    let forget = async {
        let mut unheard = [0; 1024];
        while let Ok(1..) = reading.read(&mut unheard).await {
            // It may be card data.
            unheard.fill(0);
        }
    };
    let _ = timeout(LINGER, forget).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    const TIMES: Times = Times {
        notice: Duration::from_secs(1),
        patience: Duration::from_secs(5),
        work: Duration::from_secs(2),
    };

    #[tokio::test(start_paused = true)]
    async fn a_drain_that_nobody_holds_up_takes_the_notice_and_no_more() {
        let (draining, doors) = (Draining::default(), TaskTracker::new());
        let start = Instant::now();
        draining.announce(TIMES.notice).await;
        draining.close(&doors, TIMES).await;
        assert!(draining.finish(&TaskTracker::new(), TIMES).await);
        assert_eq!(start.elapsed(), TIMES.notice);
        assert!(!draining.ending.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_ends_is_dropped_after_every_stage_had_its_time() {
        let (draining, doors) = (Draining::default(), TaskTracker::new());
        let seen = draining.clone();
        let start = Instant::now();
        let stages = doors.spawn(async move {
            let mut stages = Vec::new();
            seen.noticed().await;
            stages.push(start.elapsed());
            seen.closing().await;
            stages.push(start.elapsed());
            seen.ending().await;
            stages.push(start.elapsed());
            seen.over().await;
            stages.push(start.elapsed());
            stages
        });
        draining.announce(TIMES.notice).await;
        draining.close(&doors, TIMES).await;
        let seconds = [0, 1, 6, 9].map(Duration::from_secs);
        assert_eq!(stages.await.unwrap(), seconds);
        assert_eq!(start.elapsed(), Duration::from_secs(9));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_is_not_finished_in_its_time_is_told() {
        let (draining, work) = (Draining::default(), TaskTracker::new());
        work.spawn(std::future::pending::<()>());
        assert!(!draining.finish(&work, TIMES).await);
    }
}
