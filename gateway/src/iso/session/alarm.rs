//! One timer for everything that a connection must not take too long over.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer whose time may be moved with every message: it is set anew only where the new time is
/// earlier, or when it has rung too early.
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    pub(super) fn new(first: Instant) -> Self {
        Self {
            sleep: Box::pin(sleep_until(first)),
        }
    }

    /// Ready once `due` has come.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, due: Instant) -> Poll<()> {
        if due < self.sleep.deadline() {
            self.sleep.as_mut().reset(due);
        }
        if self.sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        if due <= Instant::now() {
            return Poll::Ready(());
        }
        self.sleep.as_mut().reset(due);
        self.sleep.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn it_rings_at_the_time_that_counts_wherever_that_was_moved() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut alarm = Alarm::new(at(300));
        for due in [20, 5, 7, 400, 401, 30] {
            let _ = poll_fn(|cx| Poll::Ready(alarm.poll(cx, at(due)))).await;
            let due = at(due).max(Instant::now());
            poll_fn(|cx| alarm.poll(cx, due)).await;
            assert_eq!(Instant::now(), due);
        }
    }
}
