//! What the layers of the stack have in common: each does something around one [`Ask`].

use std::task::{Context, Poll};

use tower::{Layer, Service};

use super::{Answering, Ask, AskError};

/// What a layer does. Its state is shared by all services that it makes.
pub trait Around: Clone {
    /// Asks `inner`, or answers without it.
    fn around<S>(&self, inner: &mut S, ask: Ask) -> Answering<S::Response>
    where
        S: Service<Ask, Error = AskError>,
        S::Future: Send + 'static,
        S::Response: 'static;
}

/// Puts something around whatever is below.
#[derive(Debug, Clone)]
pub struct AroundLayer<A>(pub A);

impl<A: Clone, S> Layer<S> for AroundLayer<A> {
    type Service = AroundService<A, S>;

    fn layer(&self, inner: S) -> Self::Service {
        AroundService {
            around: self.0.clone(),
            inner,
        }
    }
}

/// A service with something around it.
#[derive(Debug, Clone)]
pub struct AroundService<A, S> {
    around: A,
    inner: S,
}

impl<A, S> Service<Ask> for AroundService<A, S>
where
    A: Around,
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
        self.around.around(&mut self.inner, ask)
    }
}
