//! When to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Resolves when the process is asked to stop (SIGTERM or SIGINT), with the signal's name.
pub async fn requested() -> &'static str {
    let (Ok(mut terminate), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        // Without handlers the default action stops the process, which is crash-safe too.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
