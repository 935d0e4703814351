//! Waiting for a condition, instead of sleeping and hoping.

use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, sleep};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks at `condition` until it holds, and tells how long that took.
///
/// # Errors
/// Where it does not hold within `deadline`, naming `what` was waited for.
pub async fn wait_until<F, Fut>(
    what: &str,
    deadline: Duration,
    mut condition: F,
) -> anyhow::Result<Duration>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let start = Instant::now();
    while !condition().await {
        if start.elapsed() > deadline {
            bail!("waited {deadline:?} in vain until {what}");
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(start.elapsed())
}
