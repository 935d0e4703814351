use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

use crate::{Address, Connection, Late, LinkError, Repeats, Reply, Retry, Settings, State};

/// How a pool keeps its links up.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Of each link.
    pub link: Settings,
    /// Between two attempts to connect; doubled after each that fails.
    pub again_min: Duration,
    /// The longest such pause. A link that lasted so long begins with the shortest again.
    pub again_max: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            link: Settings::default(),
            again_min: Duration::from_millis(100),
            again_max: Duration::from_secs(10),
        }
    }
}

/// Links to several addresses, kept up. Clones share them; they end with the last of them.
#[derive(Debug, Clone)]
pub struct Pool {
    shared: Arc<Links>,
}

#[derive(Debug)]
struct Links {
    lines: Vec<Arc<Line>>,
    next: AtomicUsize,
    late: Mutex<mpsc::Receiver<Late>>,
    /// Told whenever a link comes, goes, or says how it is.
    changes: watch::Sender<()>,
    /// True once no more links are wanted.
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// What is kept up towards one address.
#[derive(Debug)]
struct Line {
    address: Address,
    link: watch::Sender<Option<Connection>>,
}

impl Drop for Links {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Line {
    fn open(&self) -> Option<Connection> {
        let link = self.link.borrow();
        link.as_ref()
            .filter(|link| *link.state().borrow() == State::Open)
            .cloned()
    }
}

impl Pool {
    /// Begins to connect to all of them; [`Pool::ready`] waits for the first. Twice the same address
    /// is two links.
    pub fn new(addresses: impl IntoIterator<Item = Address>, settings: &PoolSettings) -> Self {
        let (late, lates) = mpsc::channel(settings.link.late_max.clamp(1, Semaphore::MAX_PERMITS));
        let (changes, stop) = (watch::Sender::new(()), watch::Sender::new(false));
        let (mut lines, mut tasks) = (Vec::new(), Vec::new());
        for address in addresses {
            let line = Arc::new(Line {
                address,
                link: watch::Sender::new(None),
            });
            let keeper = Keeper {
                line: Arc::clone(&line),
                settings: settings.clone(),
                late: late.clone(),
                changes: changes.clone(),
            };
            let keeper = keeper.run(stop.subscribe());
            tasks.push(tokio::spawn(keeper));
            lines.push(line);
        }
        let shared = Links {
            lines,
            next: AtomicUsize::new(0),
            late: Mutex::new(lates),
            changes,
            stop,
            tasks,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Waits until a link takes requests.
    pub async fn ready(&self) {
        let mut changes = self.shared.changes.subscribe();
        while self.open() == 0 {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// How many links take requests.
    pub fn open(&self) -> usize {
        let lines = self.shared.lines.iter();
        lines.filter(|line| line.open().is_some()).count()
    }

    /// The links that are up, whether they take requests or not.
    pub fn links(&self) -> Vec<Connection> {
        let lines = self.shared.lines.iter();
        lines
            .filter_map(|line| line.link.borrow().clone())
            .collect()
    }

    /// As [`Connection::request`], over the next link that takes it.
    ///
    /// # Errors
    /// As [`Pool::request_with_repeats`].
    pub async fn request(&self, message: &[u8], deadline: Duration) -> Result<Reply, LinkError> {
        let repeats = Repeats {
            patience: deadline,
            count: 0,
        };
        self.request_with_repeats(message, repeats).await
    }

    /// As [`Connection::request_with_repeats`], over the next link that takes it. Where it certainly
    /// was not sent, over another one, with the same patience.
    ///
    /// # Errors
    /// As the last link that was tried; [`LinkError::NoLink`] where there was none.
    pub async fn request_with_repeats(
        &self,
        message: &[u8],
        repeats: Repeats,
    ) -> Result<Reply, LinkError> {
        let lines = &self.shared.lines;
        let links = lines.len();
        let first = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let mut failed = LinkError::NoLink { links };
        for line in lines.iter().cycle().skip(first % links.max(1)).take(links) {
            let Some(link) = line.open() else {
                continue;
            };
            match link.request_with_repeats(message, repeats).await {
                Err(error) if error.retry() == Retry::Safe => failed = error,
                answered => return answered,
            }
        }
        Err(failed)
    }

    /// The next late answer of any link. None when the pool was closed and all were given.
    pub async fn late(&self) -> Option<Late> {
        self.shared.late.lock().await.recv().await
    }

    /// Closes all links at once, as [`Connection::close`] does, and connects no more. Gives how many
    /// requests were left without an answer.
    pub async fn close(self, patience: Duration) -> usize {
        self.shared.stop.send_replace(true);
        let mut closing = JoinSet::new();
        for link in self.links() {
            closing.spawn(link.close(patience));
        }
        closing.join_all().await.into_iter().sum()
    }
}

/// Keeps one line up.
struct Keeper {
    line: Arc<Line>,
    settings: PoolSettings,
    late: mpsc::Sender<Late>,
    changes: watch::Sender<()>,
}

impl Keeper {
    async fn run(self, mut stop: watch::Receiver<bool>) {
        let settings = &self.settings;
        let mut pause = settings.again_min;
        loop {
            let begun = Instant::now();
            let link = tokio::select! {
                link = Connection::connect(&self.line.address, settings.link.clone()) => link,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            if let Ok(link) = link {
                self.line.link.send_replace(Some(link.clone()));
                self.attend(&link).await;
                self.line.link.send_replace(None);
                self.changes.send_replace(());
            }
            if begun.elapsed() >= settings.again_max {
                pause = settings.again_min;
            }
            tokio::select! {
                () = sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            pause = (2 * pause).min(settings.again_max);
        }
    }

    /// Passes on what a link says, until it has ended and all of it is said.
    async fn attend(&self, link: &Connection) {
        let mut state = link.state();
        loop {
            self.changes.send_replace(());
            tokio::select! {
                late = link.late() => match late {
                    Some(late) => {
                        if self.late.try_send(late).is_err() {
                            link.count_late_dropped();
                        }
                    }
                    None => return,
                },
                _ = state.changed() => {}
            }
        }
    }
}
