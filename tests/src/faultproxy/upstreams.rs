//! Where connections go: each to the next upstream that takes it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

/// An upstream that takes no connection for so long is passed over, its name's lookup included.
const CONNECT_WITHIN: Duration = Duration::from_millis(400);

/// Upstreams by name: a name is looked up for each connection, because a container that comes back
/// may have another address.
#[derive(Debug, Clone)]
pub(super) struct Upstreams {
    names: Arc<[String]>,
    next: Arc<AtomicUsize>,
}

impl Upstreams {
    /// At least one, each `host:port`.
    pub(super) fn new(names: Vec<String>) -> Self {
        Self {
            names: names.into(),
            next: Arc::default(),
        }
    }

    /// A connection to the next upstream in turn, or to the first after it that takes one.
    ///
    /// # Errors
    /// What the last one said, where none takes a connection.
    pub(super) async fn connect(&self) -> io::Result<TcpStream> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut refused = io::Error::from(io::ErrorKind::NotConnected);
        for turn in 0..self.names.len() {
            let name = &self.names[first.wrapping_add(turn) % self.names.len()];
            match timeout(CONNECT_WITHIN, TcpStream::connect(name.as_str())).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => refused = error,
                Err(_) => refused = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn connections_take_turns_and_pass_over_who_refuses() {
        let one = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = |listener: &TcpListener| listener.local_addr().unwrap();
        let ports = [address(&one), address(&gone), address(&other)];
        drop(gone);
        let upstreams = Upstreams::new(ports.iter().map(ToString::to_string).collect());
        let mut reached = Vec::new();
        for _ in 0..3 {
            reached.push(upstreams.connect().await.unwrap().peer_addr().unwrap());
        }
        assert_eq!(reached, [ports[0], ports[2], ports[2]]);
        drop((one, other));
        assert!(upstreams.connect().await.is_err());
    }

    #[tokio::test]
    async fn a_name_that_cannot_be_looked_up_is_passed_over() {
        let there = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = there.local_addr().unwrap().port();
        let names = vec!["no-such-host.invalid:1".into(), format!("localhost:{port}")];
        assert!(Upstreams::new(names).connect().await.is_ok());
    }
}
