//! What the callers and the journal's threads share, and how it changes. Everything here happens
//! under one lock and touches no disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::watch;

use super::frame::{Chain, FRAME_BYTES_MAX, HEADER_BYTES, frame_bytes};
use super::record::Record;
use super::recovery::{Found, Segment};
use super::{JournalFailed, JournalFull};

/// How many written bytes may wait for somebody to need them durable, before they are synced
/// anyway.
const UNSYNCED_BYTES_MAX: u64 = 1 << 20;

/// Everything that is gathered for one write. Its waiters wait together.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) stage: watch::Sender<Stage>,
    /// The same for those who wait for the end of it: nobody is woken for a stage before that.
    pub(super) end: watch::Sender<Stage>,
    /// True where somebody waits for it to be durable. Changed under the lock of the state.
    wanted: AtomicBool,
}

/// How far a batch has come.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    Gathered,
    Written,
    Durable,
    Failed(JournalFailed),
}

impl Stage {
    /// True where nothing comes after it.
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Durable | Self::Failed(_))
    }
}

fn set(stage: &watch::Sender<Stage>, next: Stage) {
    stage.send_if_modified(|stage| {
        let open = !stage.is_end();
        if open {
            *stage = next;
        }
        open
    });
}

impl Batch {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            stage: watch::Sender::new(Stage::Gathered),
            end: watch::Sender::new(Stage::Gathered),
            wanted: false.into(),
        })
    }

    /// Nothing takes back that it is durable, or that it failed.
    fn reach(&self, next: Stage) {
        if next.is_end() {
            set(&self.end, next.clone());
        }
        set(&self.stage, next);
    }
}

/// A record with its place.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) record: Record,
    pub(super) seq: u64,
    pub(super) segment: Segment,
    pub(super) offset: u64,
}

/// What the writer takes at once.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) batch: Arc<Batch>,
    pub(super) queue: Vec<Queued>,
    pub(super) synced_through: u64,
}

/// An end of the journal: of what is written, or of what is durable.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) seq: u64,
    pub(super) chain: Chain,
    pub(super) segment: u64,
}

/// How far it has come, for those who only look: changed under the lock, before anybody who waits for it
/// is told.
#[derive(Debug, Default)]
pub(super) struct Reached {
    pub(super) written: AtomicU64,
    pub(super) durable: AtomicU64,
    pub(super) failed: AtomicBool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct State {
    reached: Arc<Reached>,
    next_seq: u64,
    /// Where the next frame goes, in the last segment.
    offset: u64,
    pub(super) segments: Vec<Segment>,
    /// Made ahead.
    spares: VecDeque<(u64, u64)>,
    /// Why there is no segment ahead.
    pub(super) full: Option<String>,
    queue: Vec<Queued>,
    gathering: Option<Arc<Batch>>,
    writing: Option<Arc<Batch>>,
    /// Written and not durable, with the last record of each.
    unsynced: VecDeque<(u64, Arc<Batch>)>,
    unsynced_bytes: u64,
    pub(super) written: End,
    pub(super) synced: End,
    /// How far the sync in progress will have synced.
    syncing: u64,
    /// True where somebody waits for something written that no sync in progress covers.
    pub(super) sync_due: bool,
    pub(super) failed: Option<JournalFailed>,
    pub(super) closing: bool,
    /// True while the writer waits to be woken, and nobody has done so.
    pub(super) writer_sleeps: bool,
    /// The same of the syncer.
    pub(super) syncer_sleeps: bool,
    /// Groups written since the start.
    pub(super) writes: u64,
    /// Groups synced since the start.
    pub(super) syncs: u64,
}

impl State {
    pub(super) fn new(found: Found, reached: Arc<Reached>) -> Self {
        let segment = found.segments.last().map_or(1, |segment| segment.number);
        let end = End {
            seq: found.next_seq - 1,
            chain: found.chain,
            segment,
        };
        reached.written.store(end.seq, Ordering::Release);
        reached.durable.store(end.seq, Ordering::Release);
        Self {
            reached,
            next_seq: found.next_seq,
            offset: found.offset,
            segments: found.segments,
            spares: found.spares.into(),
            full: None,
            queue: Vec::new(),
            gathering: None,
            writing: None,
            unsynced: VecDeque::new(),
            unsynced_bytes: 0,
            written: end,
            synced: end,
            syncing: end.seq,
            sync_due: false,
            failed: None,
            closing: false,
            writer_sleeps: false,
            syncer_sleeps: false,
            writes: 0,
            syncs: 0,
        }
    }

    /// Gives a record its place and its sequence number, or nothing at all.
    pub(super) fn push(&mut self, record: Record) -> Result<(u64, Arc<Batch>), JournalFull> {
        if !self.fits(&record) {
            let (number, bytes) = self.spares.pop_front().ok_or_else(|| self.why_full())?;
            self.segments.push(Segment {
                number,
                bytes,
                first_seq: self.next_seq,
            });
            self.offset = HEADER_BYTES as u64;
        }
        let segment = self
            .segments
            .last()
            .copied()
            .ok_or_else(|| self.why_full())?;
        let (seq, offset) = (self.next_seq, self.offset);
        self.next_seq += 1;
        self.offset += frame_bytes(&record) as u64;
        self.queue.push(Queued {
            record,
            seq,
            segment,
            offset,
        });
        let batch = self.gathering.get_or_insert_with(Batch::new);
        Ok((seq, Arc::clone(batch)))
    }

    /// A synced mark, where nothing has been appended since and the segment has room for it.
    pub(super) fn push_mark(&mut self) -> bool {
        let idle = self.synced.seq + 1 == self.next_seq;
        idle && self.fits(&Record::Synced) && self.push(Record::Synced).is_ok()
    }

    fn fits(&self, record: &Record) -> bool {
        let bytes = self.segments.last().map_or(0, |segment| segment.bytes);
        self.offset + frame_bytes(record) as u64 <= bytes
    }

    /// True where no further segment can be made and the largest record does not fit the last one.
    pub(super) fn is_exhausted(&self) -> bool {
        let bytes = self.segments.last().map_or(0, |segment| segment.bytes);
        let room = bytes.saturating_sub(self.offset) >= FRAME_BYTES_MAX as u64;
        self.full.is_some() && self.spares.is_empty() && !room
    }

    fn why_full(&self) -> JournalFull {
        let unready = || "the next segment is still being made".to_owned();
        JournalFull(self.full.clone().unwrap_or_else(unready).into())
    }

    /// True where the writer has something to do and is to be woken for it, now, by the caller.
    pub(super) fn wake_writer(&mut self) -> bool {
        self.gathering.is_some() && std::mem::take(&mut self.writer_sleeps)
    }

    /// The same of the syncer.
    pub(super) fn wake_syncer(&mut self) -> bool {
        self.sync_due && std::mem::take(&mut self.syncer_sleeps)
    }

    /// Everything gathered, if anything is.
    pub(super) fn take_work(&mut self) -> Option<Work> {
        let batch = self.gathering.take()?;
        self.writing = Some(Arc::clone(&batch));
        let queue = std::mem::take(&mut self.queue);
        Some(Work {
            batch,
            queue,
            synced_through: self.synced.seq,
        })
    }

    /// Notes that a batch survives the end of the process.
    pub(super) fn batch_written(&mut self, batch: Arc<Batch>, end: End, bytes: u64) {
        self.writing = None;
        self.writes += 1;
        self.written = end;
        self.reached.written.store(end.seq, Ordering::Release);
        self.unsynced_bytes += bytes;
        self.sync_due |= batch.wanted.load(Ordering::Relaxed);
        self.sync_due |= self.unsynced_bytes >= UNSYNCED_BYTES_MAX;
        batch.reach(Stage::Written);
        self.unsynced.push_back((end.seq, batch));
    }

    /// Somebody waits for a record to be durable.
    pub(super) fn want(&mut self, seq: u64, batch: &Batch) {
        if seq > self.written.seq {
            batch.wanted.store(true, Ordering::Relaxed);
        } else {
            self.sync_due |= seq > self.syncing.max(self.synced.seq);
        }
    }

    /// What is to be synced: from the first to the last of these ends. `None` where nothing is.
    pub(super) fn start_sync(&mut self) -> Option<(End, End)> {
        self.sync_due = false;
        if self.written.seq == self.synced.seq {
            return None;
        }
        self.syncing = self.written.seq;
        self.unsynced_bytes = 0;
        Some((self.synced, self.written))
    }

    /// Notes that everything up to `end` is durable.
    pub(super) fn finish_sync(&mut self, end: End) {
        self.syncs += 1;
        self.synced = end;
        self.reached.durable.store(end.seq, Ordering::Release);
        while let Some((_, batch)) = self.unsynced.pop_front_if(|(seq, _)| *seq <= end.seq) {
            batch.reach(Stage::Durable);
        }
    }

    /// The number of the segment to make ahead, if one is missing.
    pub(super) fn missing_spare(&self) -> Option<u64> {
        let last = self.segments.last().map_or(0, |segment| segment.number);
        self.spares.is_empty().then_some(last + 1)
    }

    /// Notes whether a segment was made ahead.
    pub(super) fn spare_made(&mut self, number: u64, bytes: u64, made: Result<(), String>) {
        self.full = made.map(|()| self.spares.push_back((number, bytes))).err();
    }

    /// Poisons the journal. The first cause stays.
    pub(super) fn fail(&mut self, cause: String) {
        self.reached.failed.store(true, Ordering::Release);
        let failed = self
            .failed
            .get_or_insert_with(|| JournalFailed(cause.into()))
            .clone();
        self.queue.clear();
        let open = self.unsynced.drain(..).map(|(_, batch)| batch);
        for batch in open.chain(self.writing.take()).chain(self.gathering.take()) {
            batch.reach(Stage::Failed(failed.clone()));
        }
    }

    /// Bytes of all segments, those made ahead included.
    pub(super) fn bytes(&self) -> u64 {
        let used: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        used + self.spares.iter().map(|(_, bytes)| bytes).sum::<u64>()
    }
}
