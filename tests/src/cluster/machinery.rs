//! What can be done to the parts of a stack, whatever they run on: processes, containers, or nothing
//! that we may touch.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::process::ExitStatus;
use std::task::Poll;
use std::time::Duration;

use super::Processes;

/// A part of the stack that something can be done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// A ledger, by index.
    Ledger(usize),
    /// A gateway, by index.
    Gateway(usize),
    /// The fault proxy between them.
    Proxy,
    /// PostgreSQL.
    Database,
}

/// Something being done.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = anyhow::Result<T>> + Send + 'a>>;

/// How a process or a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What it exited with; `None` where a signal ended it.
    pub code: Option<i32>,
    words: String,
}

impl Ended {
    /// An end with an exit code, in the words of whoever saw it.
    pub fn new(code: Option<i32>, words: impl Into<String>) -> Self {
        let words = words.into();
        Self { code, words }
    }

    /// True where it exited with zero.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

impl From<ExitStatus> for Ended {
    fn from(status: ExitStatus) -> Self {
        Self::new(status.code(), status.to_string())
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// A part of the stack, as an operator sees it.
#[derive(Debug, Clone)]
pub struct Process {
    /// Which it is.
    pub node: Node,
    /// `postgres`, `ledger`, `faultproxy`, `gw1`, …; a service's name where it is a container.
    pub name: String,
    /// Its process id; absent for a container, and while it is down because somebody here stopped it.
    pub pid: Option<i32>,
    /// The container that it runs in, where it does.
    pub container: Option<String>,
    /// Starts it again by hand.
    pub command_line: String,
    /// How it ended, where nobody here stopped it.
    pub ended: Option<Ended>,
}

/// Something that this backend has no means for.
#[derive(Debug, thiserror::Error)]
#[error("{backend}: cannot {what}")]
pub struct Cannot {
    /// Of what the stack is made.
    pub backend: &'static str,
    /// What was asked for.
    pub what: String,
}

/// Whoever can kill, freeze and start the parts of a stack. What it has started ends when it is
/// dropped.
///
/// An order returns when it has been carried out. Orders may come from several tasks.
pub trait Machinery: Send + Sync {
    /// Of what the stack is made: `processes`, `compose`, …
    fn backend(&self) -> &'static str;

    /// The same with versions, for a report.
    fn describe(&self) -> String {
        self.backend().to_owned()
    }

    /// Everything that orders may be about; empty where nothing may be touched.
    fn nodes(&self) -> Vec<Node>;

    /// What a node is called in logs and reports.
    fn name(&self, node: Node) -> String;

    /// SIGKILL, and waits until it is gone. Nothing happens where it is down already. A database
    /// loses its connections and makes no checkpoint.
    fn kill(&self, node: Node) -> Doing<'_, ()>;

    /// SIGTERM, and waits for the end. An error where it is down already, or still runs after
    /// `within`.
    fn terminate(&self, node: Node, within: Duration) -> Doing<'_, Ended>;

    /// Starts it again on the same data and addresses, and waits until it is ready; kills it before
    /// where it runs.
    fn start(&self, node: Node) -> Doing<'_, ()>;

    /// Freezes it, with its connections open.
    fn pause(&self, node: Node) -> Doing<'_, ()>;

    /// Thaws it. Nothing happens where it is not frozen, or down.
    fn resume(&self, node: Node) -> Doing<'_, ()>;

    /// Takes it from its network: whoever asks it hears nothing any more.
    fn disconnect(&self, node: Node) -> Doing<'_, ()> {
        let what = format!("take {} from the network", self.name(node));
        let backend = self.backend();
        Box::pin(async move { Err(Cannot { backend, what }.into()) })
    }

    /// Gives it its network back. Nothing happens where it has it.
    fn connect(&self, node: Node) -> Doing<'_, ()> {
        let _ = node;
        Box::pin(async { Ok(()) })
    }

    /// True where [`Machinery::disconnect`] is more than an error.
    fn can_disconnect(&self) -> bool {
        false
    }

    /// False once it has ended, however that came about; a frozen one runs.
    fn is_running(&self, node: Node) -> Doing<'_, bool>;

    /// Everything as it is now. Cheap: it is asked ten times a second.
    fn list(&self) -> Doing<'_, Vec<Process>>;

    /// Puts all logs, and what gateways keep on disk, into the stack's directory, where they are not
    /// there anyway: as `<name>.log` and `<name>/`, with the gateways' own names.
    fn save(&self) -> Doing<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Stops everything politely.
    fn stop(&self) -> Doing<'_, ()>;

    /// The processes, where the stack is made of them: for what makes sense with them only.
    fn processes(&self) -> Option<&Processes> {
        None
    }
}

/// Does all of it at the same time.
pub(super) async fn together<T>(mut all: Vec<Doing<'_, T>>) -> anyhow::Result<Vec<T>> {
    let mut done: Vec<Option<anyhow::Result<T>>> = all.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (doing, done) in all.iter_mut().zip(&mut done) {
            if done.is_none()
                && let Poll::Ready(result) = doing.as_mut().poll(context)
            {
                *done = Some(result);
            }
        }
        if done.iter().all(Option::is_some) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Barrier;

    use super::*;

    #[tokio::test]
    async fn what_is_done_together_waits_for_each_other_and_tells_the_first_failure() {
        let barrier = Arc::new(Barrier::new(3));
        let meet = |n: u32| -> Doing<'_, u32> {
            let barrier = Arc::clone(&barrier);
            Box::pin(async move {
                barrier.wait().await;
                anyhow::ensure!(n < 3, "{n} failed");
                Ok(n)
            })
        };
        assert_eq!(
            together((0..3).map(meet).collect()).await.unwrap(),
            [0, 1, 2]
        );
        let failed = together((1..4).map(meet).collect()).await.unwrap_err();
        assert_eq!(failed.to_string(), "3 failed");
        assert!(
            together(Vec::<Doing<'_, ()>>::new())
                .await
                .unwrap()
                .is_empty()
        );
    }
}
