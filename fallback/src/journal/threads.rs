//! The journal's three threads: one writes, one syncs, one makes the next segment. While a sync is
//! under way, writing goes on.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::frame::{self, Chain, HEADER_BYTES, Header};
use super::state::{End, Reached, State, Work};
use crate::disk::Disk;

/// The state, and who waits for it to change.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) gateway: [u8; 32],
    pub(super) epoch: u64,
    pub(super) segment_bytes: u64,
    pub(super) spare_retry: Duration,
    pub(super) state: Mutex<State>,
    pub(super) reached: Arc<Reached>,
    pub(super) writer: Condvar,
    pub(super) syncer: Condvar,
    pub(super) maker: Condvar,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes who has something to do and sleeps: a wake-up is a system call, and those who work look
    /// for more before they sleep.
    pub(super) fn nudge(&self, mut state: MutexGuard<'_, State>) {
        let write = state.wake_writer();
        let sync = state.wake_syncer();
        drop(state);
        if write {
            self.writer.notify_one();
        }
        if sync {
            self.syncer.notify_one();
        }
    }

    /// Ends everything: nobody who waits is left waiting.
    pub(super) fn fail(&self, cause: String) {
        tracing::error!(
            cause,
            "the journal has failed; stand-in stops until a restart"
        );
        self.lock().fail(cause);
        self.wake_all();
    }

    /// Lets the threads end when they have nothing left to do.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.wake_all();
    }

    fn wake_all(&self) {
        for waiting in [&self.writer, &self.syncer, &self.maker] {
            waiting.notify_all();
        }
    }

    /// Writes what was gathered; the chain goes on from its last frame.
    pub(super) fn write(&self, work: Work, chain: &mut Chain) {
        match self.write_frames(&work, chain) {
            Ok(written) => {
                let Some(last) = work.queue.last() else {
                    return;
                };
                let end = End {
                    seq: last.seq,
                    chain: *chain,
                    segment: last.segment.number,
                };
                let mut state = self.lock();
                if state.failed.is_none() {
                    state.batch_written(work.batch, end, written);
                }
                self.nudge(state);
            }
            Err((segment, error)) => {
                self.fail(format!(
                    "writing {} failed: {error}",
                    self.disk.name(segment)
                ));
            }
        }
    }

    /// One write for every segment that is touched.
    fn write_frames(&self, work: &Work, chain: &mut Chain) -> Result<u64, (u64, io::Error)> {
        let mut written = 0;
        for run in work.queue.chunk_by(|one, next| one.segment == next.segment) {
            let Some(first) = run.first() else { continue };
            let (segment, mut offset) = (first.segment, first.offset);
            let mut bytes = Vec::new();
            if first.seq == segment.first_seq && segment.number > 1 {
                offset -= HEADER_BYTES as u64;
                self.header(segment.number, first.seq, segment.bytes, chain)
                    .encode(&mut bytes);
            }
            for queued in run {
                let (seq, synced) = (queued.seq, work.synced_through);
                *chain = frame::encode(&mut bytes, chain, seq, synced, &queued.record);
            }
            let write = self.disk.write_at(segment.number, offset, &bytes);
            write.map_err(|error| (segment.number, error))?;
            written += bytes.len() as u64;
        }
        Ok(written)
    }

    fn header(&self, segment: u64, first_seq: u64, bytes: u64, chain: &Chain) -> Header {
        let (gateway, epoch) = (self.gateway, self.epoch);
        Header {
            gateway,
            epoch,
            segment,
            first_seq,
            chain: *chain,
            bytes,
        }
    }

    /// Syncs what is written; false where it failed.
    pub(super) fn sync(&self) -> bool {
        let Some((from, to)) = self.lock().start_sync() else {
            return true;
        };
        for segment in from.segment..=to.segment {
            if let Err(error) = self.disk.sync(segment) {
                self.fail(format!(
                    "fdatasync of {} failed: {error}",
                    self.disk.name(segment)
                ));
                return false;
            }
        }
        let mut state = self.lock();
        if state.failed.is_none() {
            state.finish_sync(to);
        }
        state.failed.is_none()
    }

    /// Makes the next segment ahead, where one is missing; false where it could not.
    pub(super) fn make_spare(&self) -> bool {
        let Some(number) = self.lock().missing_spare() else {
            return true;
        };
        let bytes = self.segment_bytes;
        let made = self.disk.create(number, bytes).map_err(|error| {
            let file = self.disk.name(number);
            tracing::warn!(file, %error, "the journal's next segment cannot be made");
            format!("{file} cannot be made: {error}")
        });
        let done = made.is_ok();
        self.lock().spare_made(number, bytes, made);
        done
    }
}

/// The threads of an open journal.
#[derive(Debug)]
pub(super) struct Threads {
    writer: JoinHandle<Chain>,
    syncer: JoinHandle<()>,
    maker: JoinHandle<()>,
}

impl Threads {
    pub(super) fn start(shared: &Arc<Shared>, chain: Chain) -> io::Result<Self> {
        let started = || -> io::Result<Self> {
            Ok(Self {
                writer: spawn(shared, "journal-write", move |shared| {
                    write_all(shared, chain)
                })?,
                syncer: spawn(shared, "journal-sync", sync_all)?,
                maker: spawn(shared, "journal-make", make_all)?,
            })
        };
        // Those that did start must not wait for ever.
        started().inspect_err(|_| shared.close())
    }

    /// Waits until everything accepted is written; the chain's last link, unless a thread died.
    pub(super) fn join(self) -> Option<Chain> {
        let chain = self.writer.join().ok();
        let others = [self.syncer, self.maker].map(JoinHandle::join);
        chain.filter(|_| others.iter().all(Result::is_ok))
    }
}

fn spawn<T: Send + 'static>(
    shared: &Arc<Shared>,
    name: &str,
    body: impl FnOnce(&Shared) -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let shared = Arc::clone(shared);
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        let guard = FailOnPanic(&shared);
        body(guard.0)
    })
}

/// A thread that dies takes the journal with it, rather than leave its callers waiting.
struct FailOnPanic<'a>(&'a Shared);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail("a journal thread ended in a defect".to_owned());
        }
    }
}

fn write_all(shared: &Shared, mut chain: Chain) -> Chain {
    loop {
        let mut state = shared.lock();
        let work = loop {
            if state.failed.is_some() {
                return chain;
            }
            match state.take_work() {
                Some(work) => break work,
                None if state.closing => return chain,
                None => {
                    state.writer_sleeps = true;
                    state = shared
                        .writer
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                    state.writer_sleeps = false;
                    // Where the core has nothing else to do this takes no time. Where it has, that is
                    // whoever appends: what they have goes out in the same write.
                    drop(state);
                    thread::yield_now();
                    state = shared.lock();
                }
            }
        };
        drop(state);
        shared.write(work, &mut chain);
    }
}

fn sync_all(shared: &Shared) {
    loop {
        let mut state = shared.lock();
        while !state.sync_due && !state.closing && state.failed.is_none() {
            state.syncer_sleeps = true;
            state = shared
                .syncer
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.syncer_sleeps = false;
        }
        if state.closing || state.failed.is_some() {
            return;
        }
        drop(state);
        if shared.sync() {
            let mut state = shared.lock();
            state.push_mark();
            shared.nudge(state);
        }
    }
}

fn make_all(shared: &Shared) {
    loop {
        let mut state = shared.lock();
        while state.missing_spare().is_none() && !state.closing && state.failed.is_none() {
            state = shared
                .maker
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.closing || state.failed.is_some() {
            return;
        }
        drop(state);
        if !shared.make_spare() {
            // A full disk does not tell when it has room again.
            let pause = shared.spare_retry;
            let go_on = |state: &mut State| !state.closing && state.failed.is_none();
            let waited = shared.maker.wait_timeout_while(shared.lock(), pause, go_on);
            drop(waited);
        }
    }
}
