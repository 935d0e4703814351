//! How long the ledger takes, and how asking it ends.

use tokio::time::Instant;
use tower::Service;

use super::around::Around;
use super::{Answering, Ask, AskError};
use crate::metrics::{Asks, asked};

/// Observes every ask once, whatever becomes of it; changes nothing.
#[derive(Debug, Clone)]
pub struct Measured {
    asks: Asks,
}

impl Measured {
    /// Counts into these.
    pub fn new(asks: Asks) -> Self {
        Self { asks }
    }
}

impl Around for Measured {
    fn around<S>(&self, inner: &mut S, ask: Ask) -> Answering<S::Response>
    where
        S: Service<Ask, Error = AskError>,
        S::Future: Send + 'static,
        S::Response: 'static,
    {
        let running = Running {
            asks: self.asks.clone(),
            began: Instant::now(),
            ended: false,
        };
        let answer = inner.call(ask);
        Box::pin(async move {
            let answer = answer.await;
            running.ended(&answer);
            answer
        })
    }
}

/// An ask that is under way. The deadline above drops it at the cut-off: that is a time-out.
struct Running {
    asks: Asks,
    began: Instant,
    ended: bool,
}

impl Running {
    fn ended<T>(mut self, answer: &Result<T, AskError>) {
        self.ended = true;
        asked(&self.asks, self.began, answer);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            asked::<()>(&self.asks, self.began, &Err(AskError::Timeout));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ledger_api::{
        Amount, AuthorizationId, AuthorizationKind, AuthorizeRequest, CardToken, Fingerprint,
    };
    use process::metrics::{Series, text};
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::registry::Registry;
    use tower::{ServiceBuilder, ServiceExt, service_fn};

    use super::super::{Sent, around::AroundLayer, deadline::Deadline};
    use super::*;

    fn ask() -> Ask {
        Ask {
            request: AuthorizeRequest {
                id: AuthorizationId([1; 16]),
                card: CardToken {
                    key_id: 1,
                    mac: [1; 16],
                },
                amount_minor: Amount::ZERO,
                currency: "EUR".parse().unwrap(),
                fingerprint: Fingerprint(1),
                unbooked_minor: 0,
                kind: AuthorizationKind::Purchase,
                partial: false,
                original: None,
                exponent: None,
                transaction: None,
                traceparent: None,
            },
            deadline: Instant::now() + Duration::from_millis(800),
            judged: true,
            sent: Sent::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_ask_is_observed_once_and_what_the_deadline_drops_timed_out() {
        let asks = Asks::new(|| Histogram::new([0.8]), |_| false);
        let silent = service_fn(|_: Ask| async {
            std::future::pending::<()>().await;
            Ok(())
        });
        let tripped = service_fn(|_: Ask| async { Err::<(), _>(AskError::Tripped) });
        let layers = || {
            ServiceBuilder::new()
                .layer(AroundLayer(Deadline))
                .layer(AroundLayer(Measured::new(asks.clone())))
        };
        let timed_out = layers().service(silent).oneshot(ask()).await;
        assert_eq!(timed_out, Err(AskError::Timeout));
        let refused = layers().service(tripped).oneshot(ask()).await;
        assert_eq!(refused, Err(AskError::Tripped));

        let mut registry = Registry::default();
        registry.register("asks", "Asks", Series::clone(&asks));
        let text = text(&registry);
        assert!(
            text.contains("asks_count{result=\"timeout\"} 1\n"),
            "{text}"
        );
        assert!(text.contains("asks_sum{result=\"timeout\"} 0.8"), "{text}");
        assert!(
            text.contains("asks_count{result=\"tripped\"} 1\n"),
            "{text}"
        );
        assert!(!text.contains("decided"), "{text}");
    }
}
