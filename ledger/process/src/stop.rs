//! When to stop, and when to read the configuration again.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Resolves when the process is asked to stop (SIGTERM or SIGINT), with the signal's name. It listens
/// from the call on: the first process of a container has no default action to stop it before.
pub fn requested() -> impl Future<Output = &'static str> + Send {
    let signals = Signals::install();
    async move {
        match signals {
            Some(mut signals) => signals.next().await,
            // Without handlers the default action stops the process, which is crash-safe too.
            None => std::future::pending().await,
        }
    }
}

/// Like [`requested`]. A further signal afterwards ends the process at once with exit code `code`,
/// whatever it is doing, and runs nothing more: for a process whose state on disk survives that.
pub fn requested_once(code: u8) -> impl Future<Output = &'static str> + Send {
    let signals = Signals::install();
    async move {
        match signals {
            Some(signals) => first_of(signals, code).await,
            None => std::future::pending().await,
        }
    }
}

async fn first_of(mut signals: Signals, code: u8) -> &'static str {
    let first = signals.next().await;
    // A thread and a runtime of its own: the main one may be busy, or past polling anything.
    let watched = std::thread::Builder::new()
        .name("stop-at-once".to_owned())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build();
            if let Ok(runtime) = runtime {
                let second = runtime.block_on(signals.next());
                tracing::warn!(signal = second, "stopping at once");
                std::process::exit(code.into());
            }
        });
    if let Err(error) = watched {
        tracing::warn!(%error, "a second signal will not be heard; the drain is bounded anyway");
    }
    first
}

/// SIGHUP, which asks a process to read again what it was started with. Where it is not listened for, it
/// ends the process; so it is listened for from the start.
#[derive(Debug)]
pub struct Hangup(Option<Signal>);

impl Hangup {
    /// Listens from here on.
    pub fn install() -> Self {
        Self(signal(SignalKind::hangup()).ok())
    }

    /// Resolves when it is asked. What came since the last time is asked once.
    pub async fn next(&mut self) {
        let asked = match &mut self.0 {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if asked.is_none() {
            std::future::pending().await
        }
    }
}

/// Both signals that ask a process to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn install() -> Option<Self> {
        Some(Self {
            terminate: signal(SignalKind::terminate()).ok()?,
            interrupt: signal(SignalKind::interrupt()).ok()?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
