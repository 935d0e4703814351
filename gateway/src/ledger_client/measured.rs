//! How long the ledger takes, and how asking it ends.

use std::task::{Context, Poll};

use tokio::time::Instant;
use tower::{Layer, Service};

use super::{Answering, Ask, AskError};
use crate::metrics::{Asks, asked};

/// Makes [`Measured`]s that count into the same series.
#[derive(Debug, Clone)]
pub struct MeasuredLayer {
    asks: Asks,
}

impl MeasuredLayer {
    /// Counts into these.
    pub fn new(asks: Asks) -> Self {
        Self { asks }
    }
}

impl<S> Layer<S> for MeasuredLayer {
    type Service = Measured<S>;

    fn layer(&self, inner: S) -> Measured<S> {
        Measured {
            inner,
            asks: self.asks.clone(),
        }
    }
}

/// Observes every ask once, whatever becomes of it; changes nothing.
#[derive(Debug, Clone)]
pub struct Measured<S> {
    inner: S,
    asks: Asks,
}

impl<S> Service<Ask> for Measured<S>
where
    S: Service<Ask, Error = AskError>,
    S::Future: Send + 'static,
    S::Response: 'static,
{
    type Response = S::Response;
    type Error = AskError;
    type Future = Answering<S::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), AskError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, ask: Ask) -> Self::Future {
        let running = Running {
            asks: self.asks.clone(),
            began: Instant::now(),
            ended: false,
        };
        let answer = self.inner.call(ask);
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

    use ledger_api::{Amount, AuthorizationId, AuthorizeRequest, CardToken, Fingerprint};
    use process::metrics::{Series, text};
    use prometheus_client::metrics::histogram::Histogram;
    use prometheus_client::registry::Registry;
    use tower::{ServiceBuilder, ServiceExt, service_fn};

    use super::super::{Sent, deadline::DeadlineLayer};
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
                .layer(DeadlineLayer)
                .layer(MeasuredLayer::new(asks.clone()))
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
