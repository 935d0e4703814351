//! The journal: what this gateway has answered, so that it is never forgotten.
//!
//! Append-only segments of frames, drawn byte by byte in `frame.rs` and `record.rs`, in one hash
//! chain, written in groups.
//!
//! | step | what has happened | survives |
//! |---|---|---|
//! | [`Journal::append`] returned | it has a sequence number and room; the order of calls is the order of records | nothing |
//! | [`Appended::written`] | the kernel has it | `kill -9` |
//! | [`Appended::durable`] | fdatasync has returned | a power cut |
//!
//! **Groups.** Whatever is appended while a write is under way goes out in the next write, whatever
//! is written while a sync is under way is covered by the next one. Whoever waits lets those append
//! first who are ready to run. No timers: alone, a record goes at once. A sync happens when somebody
//! waits for one, and after each MiB.
//!
//! **Failure.** After a write or a sync has failed nobody knows what is on the disk, and asking
//! again may report a success that is none. So the journal is poisoned: everybody who waits, and
//! every later append, gets [`JournalFailed`], until a restart has read the disk anew.
//!
//! **Fullness.** Segments are made full of zeros and one ahead, so only making one can run out of
//! space. Then the records of the current segment still fit, and after that `append` refuses with
//! [`JournalFull`] before it has accepted anything. Making one is tried again; it goes on by itself.
//!
//! **Damage.** Every frame says how far the journal was synced when it was written; after a sync
//! with nothing else to write, a mark says it. Recovery (`recovery.rs`) refuses damage before that
//! point and cuts a torn tail after it.
//!
//! Which syncs there are: of a new segment's zeros and of the directory, before it is used; of a new
//! journal's header, before the first record; of records, as above, oldest segment first; at the
//! start, of everything not known to be synced; at the end, of everything. Nothing is ever removed.

mod error;
mod frame;
pub mod reading;
pub mod record;
mod recovery;
mod state;
#[cfg(test)]
mod tests;
mod threads;
mod walk;

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use ledger_api::{GatewayId, JournalHead};
use tokio::sync::watch;

use crate::disk::Disk;
pub use error::{OpenError, Recovered, TornTail};
use frame::Chain;
pub use reading::{Entry, Reading};
pub use record::{
    Acknowledged, Answered, Booted, Completed, Covered, Record, RecordError, Reversed,
};
use recovery::{Found, SEGMENT_BYTES_MIN};
use state::{Batch, Reached, Stage, State};
use threads::{Shared, Threads};

/// How a journal is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of a new segment; at least what one answer needs. Existing ones keep their size.
    pub segment_bytes: u64,
    /// How long to wait before a segment that could not be made is tried again.
    pub spare_retry: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_bytes: 16 << 20,
            spare_retry: Duration::from_secs(1),
        }
    }
}

/// The journal is poisoned: what was under way may or may not be durable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal failed: {0}; restart on a healthy disk")]
pub struct JournalFailed(Arc<str>);

/// There is no room. Nothing was accepted: decline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the journal is full: {0}; nothing was written and a retry is safe; make room on its disk, it \
     goes on by itself"
)]
pub struct JournalFull(Arc<str>);

/// A record that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// No room.
    #[error(transparent)]
    Full(#[from] JournalFull),
    /// Poisoned earlier; this record was not written.
    #[error(transparent)]
    Failed(#[from] JournalFailed),
}

/// How a journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalStatus {
    /// Drawn when it was made.
    pub epoch: u64,
    /// The last record that the kernel has.
    pub seq: u64,
    /// The last durable record.
    pub synced_seq: u64,
    /// Why it is poisoned, if it is.
    pub poisoned: Option<String>,
    /// Why the next segment cannot be made, while it cannot: records fit until the current one is
    /// full.
    pub full: Option<String>,
    /// True where it is full and the current segment has no room for the largest record: `append`
    /// may refuse.
    pub exhausted: bool,
    /// How many segments have records.
    pub segments: u64,
    /// Bytes of all segments, the one made ahead included.
    pub bytes: u64,
    /// Writes since the start, of a group of records each.
    pub writes: u64,
    /// Syncs since the start, each of everything written until then.
    pub syncs: u64,
}

/// An open journal. Dropping it writes and syncs what was accepted, which takes as long as that
/// takes, and ends its threads.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    threads: Option<Threads>,
    recovered: Recovered,
}

impl Journal {
    /// Opens the journal of `gateway` on `disk` and reads all of it: every record with its sequence
    /// number, in order. Where there is none, it is made with `new_epoch`, a random number.
    pub fn open(
        disk: Arc<dyn Disk>,
        gateway: &GatewayId,
        new_epoch: u64,
    ) -> Result<(Self, Vec<(u64, Record)>), OpenError> {
        Self::open_with(disk, gateway, new_epoch, Settings::default())
    }

    /// The same with other settings.
    pub fn open_with(
        disk: Arc<dyn Disk>,
        gateway: &GatewayId,
        new_epoch: u64,
        settings: Settings,
    ) -> Result<(Self, Vec<(u64, Record)>), OpenError> {
        let segment_bytes = settings.segment_bytes.max(SEGMENT_BYTES_MIN);
        let mut found = recovery::recover(&*disk, gateway, new_epoch, segment_bytes)?;
        let records = std::mem::take(&mut found.records);
        let recovered = Recovered {
            records: records.len() as u64,
            torn: found.torn.take(),
        };
        if let Some(torn) = &recovered.torn {
            let TornTail {
                file,
                offset,
                bytes,
            } = torn;
            tracing::warn!(file, offset, bytes, "cut the torn tail of the journal");
        }
        let (chain, shared) = (
            found.chain,
            Arc::new(share(disk, found, segment_bytes, settings)),
        );
        // So that a full disk is known before anything is accepted.
        shared.make_spare();
        shared.lock().push_mark();
        let threads = Threads::start(&shared, chain).map_err(OpenError::Threads)?;
        Ok((
            Self {
                shared,
                threads: Some(threads),
                recovered,
            },
            records,
        ))
    }

    /// Accepts a record. The order of calls is the order of sequence numbers; the call takes a short
    /// lock and may be made under another one. It goes out when somebody waits for it or for a later
    /// one, or with [`Journal::nudge`].
    pub fn append(&self, record: Record) -> Result<Appended, AppendError> {
        let mut state = self.shared.lock();
        if let Some(failed) = &state.failed {
            return Err(failed.clone().into());
        }
        let (seq, batch) = state.push(record)?;
        let missing = state.missing_spare().is_some();
        drop(state);
        if missing {
            self.shared.maker.notify_one();
        }
        Ok(Appended {
            seq,
            batch,
            shared: Arc::clone(&self.shared),
        })
    }

    /// Has everything written that was accepted, though nobody waits for it.
    pub fn nudge(&self) {
        self.shared.nudge(self.shared.lock());
    }

    /// The last records that the kernel has, and that are durable. Takes no lock.
    pub fn ends(&self) -> (u64, u64) {
        let reached = &self.shared.reached;
        let durable = reached.durable.load(Ordering::Acquire);
        (reached.written.load(Ordering::Acquire), durable)
    }

    /// True once a write or a sync has failed. Takes no lock.
    pub fn is_poisoned(&self) -> bool {
        self.shared.reached.failed.load(Ordering::Acquire)
    }

    /// The durable end, as the ledger is told (rule 11).
    pub fn head(&self) -> JournalHead {
        let synced = self.shared.lock().synced;
        let hash = frame::short(&synced.chain);
        JournalHead {
            epoch: self.shared.epoch,
            seq: synced.seq,
            hash,
        }
    }

    /// The hash of the chain at a durable record, to compare with a head that the ledger has seen
    /// (rule 11); `None` where this journal has no such record. Reads a whole segment.
    pub fn hash_at(&self, seq: u64) -> Result<Option<u64>, OpenError> {
        let state = self.shared.lock();
        let known = (1..=state.synced.seq).contains(&seq);
        let segment = state
            .segments
            .iter()
            .rfind(|segment| segment.first_seq <= seq)
            .copied();
        drop(state);
        let Some(segment) = segment.filter(|_| known) else {
            return Ok(None);
        };
        let chain = recovery::chain_of(&*self.shared.disk, segment, seq)?;
        Ok(chain.map(|chain| frame::short(&chain)))
    }

    /// How it is, for status pages and metrics.
    pub fn status(&self) -> JournalStatus {
        let state = self.shared.lock();
        JournalStatus {
            epoch: self.shared.epoch,
            seq: state.written.seq,
            synced_seq: state.synced.seq,
            poisoned: state.failed.as_ref().map(|failed| failed.0.to_string()),
            full: state.full.clone(),
            exhausted: state.is_exhausted(),
            segments: state.segments.len() as u64,
            bytes: state.bytes(),
            writes: state.writes,
            syncs: state.syncs,
        }
    }

    /// What was found at the start.
    pub fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// Makes everything durable, and says so in a last mark.
    fn finish(&self, mut chain: Chain) {
        if !self.shared.sync() {
            return;
        }
        let mut state = self.shared.lock();
        state.push_mark();
        let work = state.take_work();
        drop(state);
        if let Some(work) = work {
            self.shared.write(work, &mut chain);
            self.shared.sync();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.close();
        if let Some(chain) = self.threads.take().and_then(Threads::join) {
            self.finish(chain);
        }
    }
}

fn share(disk: Arc<dyn Disk>, found: Found, segment_bytes: u64, settings: Settings) -> Shared {
    let reached = Arc::<Reached>::default();
    Shared {
        disk,
        gateway: found.gateway,
        epoch: found.epoch,
        segment_bytes,
        spare_retry: settings.spare_retry,
        state: Mutex::new(State::new(found, Arc::clone(&reached))),
        reached,
        writer: Condvar::new(),
        syncer: Condvar::new(),
        maker: Condvar::new(),
    }
}

/// How far a record has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It would not survive a power cut yet.
    Underway,
    /// It survives a power cut.
    Durable,
    /// The journal failed before it was known to be durable: nobody knows.
    Unknown,
}

/// A record that was accepted.
#[derive(Debug, Clone)]
pub struct Appended {
    seq: u64,
    batch: Arc<Batch>,
    shared: Arc<Shared>,
}

impl Appended {
    /// Its sequence number: 1 for the first record of a journal, without holes.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// How far it has come. Takes no lock.
    pub fn progress(&self) -> Progress {
        let reached = &self.shared.reached;
        // In this order: after a failure nothing becomes durable any more.
        let failed = reached.failed.load(Ordering::Acquire);
        if self.seq <= reached.durable.load(Ordering::Acquire) {
            Progress::Durable
        } else if failed {
            Progress::Unknown
        } else {
            Progress::Underway
        }
    }

    /// Resolves once it is no longer [`Progress::Underway`]. Hastens nothing: for whoever has many under
    /// way, and has the last of them hastened.
    pub fn settled(&self) -> impl Future<Output = ()> + Send + use<> {
        let batch = Arc::clone(&self.batch);
        async move {
            let mut end = batch.end.subscribe();
            // The sender lives in the batch, which this holds.
            let _settled = end.wait_for(Stage::is_end).await;
        }
    }

    /// True where both go out in the same write.
    pub(crate) fn is_grouped_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.batch, &other.batch)
    }

    /// This one becomes that one, of the same group.
    pub(crate) fn extend_to(&mut self, later: &Self) {
        self.seq = later.seq;
    }

    /// Another record of the same group.
    pub(crate) fn of_group(&self, seq: u64) -> Self {
        Self {
            seq,
            ..self.clone()
        }
    }

    /// Waits until it survives the end of the process. No sync is waited for.
    pub async fn written(&self) -> Result<(), JournalFailed> {
        self.gathered(false).await;
        let is_written = |stage: &Stage| !matches!(stage, Stage::Gathered);
        reach(&self.batch.stage, is_written).await
    }

    /// Has it synced, with everything before it, and waits for nothing.
    pub fn hasten(&self) {
        let mut state = self.shared.lock();
        state.want(self.seq, &self.batch);
        self.shared.nudge(state);
    }

    /// Waits until it survives a power cut, and has it synced.
    pub async fn durable(&self) -> Result<(), JournalFailed> {
        self.gathered(true).await;
        reach(&self.batch.end, Stage::is_end).await
    }

    /// Whoever is ready to append goes first, so that one write and one sync serve them all; nothing is
    /// waited for where nobody is. A caller that is dropped here has its record written all the same.
    async fn gathered(&self, durable: bool) {
        let on = Onward {
            appended: self,
            durable,
        };
        LetOthers::default().await;
        drop(on);
    }
}

async fn reach(
    stage: &watch::Sender<Stage>,
    reached: impl Fn(&Stage) -> bool,
) -> Result<(), JournalFailed> {
    let mut stage = stage.subscribe();
    let stage = stage.wait_for(|stage| reached(stage)).await;
    match stage.as_deref() {
        Ok(Stage::Failed(failed)) => Err(failed.clone()),
        Ok(_) => Ok(()),
        // The sender lives in the batch, which whoever waits holds.
        Err(_) => Err(JournalFailed("the journal was closed".into())),
    }
}

/// Sends a record on its way when it goes.
struct Onward<'a> {
    appended: &'a Appended,
    durable: bool,
}

impl Drop for Onward<'_> {
    fn drop(&mut self) {
        let Appended { seq, batch, shared } = self.appended;
        let mut state = shared.lock();
        if self.durable {
            state.want(*seq, batch);
        }
        shared.nudge(state);
    }
}

/// Goes to the end of the executor's queue, once.
#[derive(Default)]
struct LetOthers(bool);

impl Future for LetOthers {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
