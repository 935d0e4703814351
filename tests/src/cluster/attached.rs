use std::time::Duration;

use super::machinery::{Cannot, Doing, Ended, Machinery, Node, Process};

/// Parts that somebody else has started and looks after: they are asked, and never touched.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attached;

impl Attached {
    fn refuse<T>(&self, what: &str, node: Node) -> Doing<'_, T> {
        let what = format!("{what} {}: it is not ours", self.name(node));
        let backend = self.backend();
        Box::pin(async move { Err(Cannot { backend, what }.into()) })
    }
}

impl Machinery for Attached {
    fn backend(&self) -> &'static str {
        "attached"
    }

    fn nodes(&self) -> Vec<Node> {
        Vec::new()
    }

    fn name(&self, node: Node) -> String {
        format!("{node:?}").to_lowercase()
    }

    fn kill(&self, node: Node) -> Doing<'_, ()> {
        self.refuse("kill", node)
    }

    fn terminate(&self, node: Node, _within: Duration) -> Doing<'_, Ended> {
        self.refuse("stop", node)
    }

    fn start(&self, node: Node) -> Doing<'_, ()> {
        self.refuse("start", node)
    }

    fn pause(&self, node: Node) -> Doing<'_, ()> {
        self.refuse("freeze", node)
    }

    fn resume(&self, node: Node) -> Doing<'_, ()> {
        self.refuse("thaw", node)
    }

    fn is_running(&self, node: Node) -> Doing<'_, bool> {
        self.refuse("look at", node)
    }

    fn list(&self) -> Doing<'_, Vec<Process>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn stop(&self) -> Doing<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_ours_is_not_touched() {
        let refused = Attached.kill(Node::Ledger(0)).await.unwrap_err();
        assert!(refused.is::<Cannot>(), "{refused}");
        let refused = Attached.disconnect(Node::Database).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "attached: cannot take database from the network"
        );
        assert!(Attached.nodes().is_empty());
    }
}
