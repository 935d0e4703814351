//! A disk for tests that loses what real disks lose.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::Disk;

/// The error number of a device that cannot.
pub const EIO: i32 = 5;
/// The error number of a full device.
pub const ENOSPC: i32 = 28;

const SECTOR: usize = 512;

/// A disk in memory that keeps what was written apart from what is durable. Clones are the same
/// disk. It behaves as Linux does: after a failed sync the bytes in question read back as written,
/// count as clean, and no later sync makes them durable.
#[derive(Debug, Clone, Default)]
pub struct SimDisk {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<u64, SimFile>,
    capacity: Option<u64>,
    operations: u64,
    writes: u64,
    syncs: u64,
    faults: Faults,
    crashed: bool,
    holding: bool,
    held: u64,
}

#[derive(Debug, Default)]
struct Faults {
    crash: Option<(u64, Effect)>,
    write: Option<(u64, i32)>,
    sync: Option<(u64, i32)>,
}

/// One segment, twice. A sector is dirty when it was written after the last sync.
#[derive(Debug, Clone, Default)]
struct SimFile {
    written: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

/// How much of the operation at which the machine stops still happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// The first half of the bytes.
    Half,
    /// All of it; only the caller does not learn of it.
    Whole,
}

/// What a power cut leaves of the sectors that were written and not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Torn {
    /// None of them.
    Nothing,
    /// Each one or not, as drawn from this seed: out of order, and cutting writes in two.
    Some(u64),
}

impl SimDisk {
    /// An empty disk of unlimited size without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The `n`-th sync from now (1 is the next) fails with this error number.
    pub fn fail_sync(&self, n: u64, errno: i32) {
        let mut state = self.state();
        state.faults.sync = Some((state.syncs + n, errno));
    }

    /// The `n`-th write from now (1 is the next) fails with this error number, half done.
    pub fn fail_write(&self, n: u64, errno: i32) {
        let mut state = self.state();
        state.faults.write = Some((state.writes + n, errno));
    }

    /// The machine stops at the `k`-th operation from now (1 is the next): creations, writes and
    /// syncs count. That operation and all after it fail.
    pub fn crash_at(&self, k: u64, effect: Effect) {
        let mut state = self.state();
        state.faults.crash = Some((state.operations + k, effect));
    }

    /// How many creations, writes and syncs there were.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// True once the machine has stopped.
    pub fn crashed(&self) -> bool {
        self.state().crashed
    }

    /// All segments together may have this many bytes; a creation beyond that fails with
    /// [`ENOSPC`]. `None` is no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// From now on every sync blocks before it has any effect, until [`SimDisk::release_syncs`].
    pub fn hold_syncs(&self) {
        self.state().holding = true;
    }

    /// Lets the syncs go on.
    pub fn release_syncs(&self) {
        self.state().holding = false;
        self.inner.released.notify_all();
    }

    /// How many syncs are blocked at this moment.
    pub fn held_syncs(&self) -> u64 {
        self.state().held
    }

    /// Changes one bit, in what is written and in what is durable.
    pub fn flip(&self, segment: u64, offset: usize, bit: u8) {
        if let Some(file) = self.state().files.get_mut(&segment) {
            for bytes in [&mut file.written, &mut file.durable] {
                if let Some(byte) = bytes.get_mut(offset) {
                    *byte ^= 1 << (bit % 8);
                }
            }
        }
    }

    /// Overwrites durable bytes directly.
    pub fn overwrite(&self, segment: u64, offset: usize, bytes: &[u8]) {
        if let Some(file) = self.state().files.get_mut(&segment) {
            put(&mut file.written, offset, bytes);
            put(&mut file.durable, offset, bytes);
        }
    }

    /// Shortens a segment.
    pub fn truncate(&self, segment: u64, bytes: usize) {
        if let Some(file) = self.state().files.get_mut(&segment) {
            file.written.truncate(bytes);
            file.durable.truncate(bytes);
        }
    }

    /// Removes a segment.
    pub fn remove(&self, segment: u64) {
        self.state().files.remove(&segment);
    }

    /// The disk that the next process finds after a `kill -9` at this moment: everything that was
    /// written, still not all of it durable.
    pub fn after_kill(&self) -> Self {
        Self::from_files(self.state().files.clone())
    }

    /// The disk that the next process finds after a power cut at this moment.
    pub fn after_power_cut(&self, torn: Torn) -> Self {
        let mut files = self.state().files.clone();
        let mut draw = match torn {
            Torn::Nothing => None,
            Torn::Some(seed) => Some(seed),
        };
        for file in files.values_mut() {
            for sector in std::mem::take(&mut file.dirty) {
                if draw.as_mut().is_some_and(coin) {
                    let range = range_of(sector, file.written.len());
                    copy(&file.written, &mut file.durable, range);
                }
            }
            file.written.clone_from(&file.durable);
        }
        Self::from_files(files)
    }

    fn from_files(files: BTreeMap<u64, SimFile>) -> Self {
        let state = Mutex::new(State {
            files,
            ..State::default()
        });
        Self {
            inner: Arc::new(Inner {
                state,
                released: Condvar::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts an operation, and says how much of it happens and whether it is reported.
    fn operate(&mut self) -> Result<(), Effect> {
        if self.crashed {
            return Err(Effect::None);
        }
        self.operations += 1;
        match self.faults.crash {
            Some((at, effect)) if at == self.operations => {
                self.crashed = true;
                Err(effect)
            }
            _ => Ok(()),
        }
    }
}

impl Disk for SimDisk {
    fn name(&self, segment: u64) -> String {
        format!("sim/{segment:08}.journal")
    }

    fn segments(&self) -> io::Result<Vec<(u64, u64)>> {
        let state = self.state();
        Ok(state
            .files
            .iter()
            .map(|(number, file)| (*number, file.written.len() as u64))
            .collect())
    }

    fn create(&self, segment: u64, bytes: u64) -> io::Result<()> {
        let mut state = self.state();
        let effect = state.operate();
        let used: usize = state.files.values().map(|file| file.written.len()).sum();
        if state
            .capacity
            .is_some_and(|capacity| used as u64 + bytes > capacity)
        {
            return Err(io::Error::from_raw_os_error(ENOSPC));
        }
        if matches!(effect, Ok(()) | Err(Effect::Whole)) {
            let zeros = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
            let file = SimFile {
                written: zeros.clone(),
                durable: zeros,
                dirty: BTreeSet::new(),
            };
            state.files.insert(segment, file);
        }
        effect.map_err(stopped)
    }

    fn write_at(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let mut effect = state.operate().map_err(|effect| (effect, stopped(effect)));
        state.writes += 1;
        if let (Ok(()), Some((at, errno))) = (&effect, state.faults.write)
            && at == state.writes
        {
            effect = Err((Effect::Half, io::Error::from_raw_os_error(errno)));
        }
        let some = match effect {
            Ok(()) | Err((Effect::Whole, _)) => bytes,
            Err((Effect::Half, _)) => bytes.get(..bytes.len() / 2).unwrap_or_default(),
            Err((Effect::None, _)) => &[],
        };
        let file = state
            .files
            .get_mut(&segment)
            .ok_or(io::ErrorKind::NotFound)?;
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        if offset + bytes.len() > file.written.len() {
            return Err(io::Error::other("a write beyond the end of the segment"));
        }
        if !some.is_empty() {
            put(&mut file.written, offset, some);
            file.dirty
                .extend(offset / SECTOR..=(offset + some.len() - 1) / SECTOR);
        }
        effect.map_err(|(_, error)| error)
    }

    fn sync(&self, segment: u64) -> io::Result<()> {
        let mut state = self.state();
        let effect = state.operate();
        state.syncs += 1;
        let failure = state.faults.sync.filter(|(at, _)| *at == state.syncs);
        let file = state
            .files
            .get_mut(&segment)
            .ok_or(io::ErrorKind::NotFound)?;
        let keep = match effect {
            Err(Effect::None) => return effect.map_err(stopped),
            Err(Effect::Half) => file.dirty.len() / 2,
            Ok(()) | Err(Effect::Whole) => file.dirty.len(),
        };
        // Only what is dirty now: a write during a sync is not part of it.
        let sectors: BTreeSet<usize> = file.dirty.iter().copied().take(keep).collect();
        file.dirty = &file.dirty - &sectors;
        if let Some((_, errno)) = failure {
            return Err(io::Error::from_raw_os_error(errno));
        }
        let synced: Vec<(usize, Vec<u8>)> = sectors
            .into_iter()
            .map(|sector| range_of(sector, file.written.len()))
            .filter_map(|range| Some((range.start, file.written.get(range)?.to_vec())))
            .collect();
        state.held += 1;
        while state.holding && !state.crashed {
            state = self
                .inner
                .released
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.held -= 1;
        let file = state
            .files
            .get_mut(&segment)
            .ok_or(io::ErrorKind::NotFound)?;
        for (offset, bytes) in synced {
            put(&mut file.durable, offset, &bytes);
        }
        effect.map_err(stopped)
    }

    fn read(&self, segment: u64) -> io::Result<Vec<u8>> {
        let state = self.state();
        let file = state.files.get(&segment).ok_or(io::ErrorKind::NotFound)?;
        Ok(file.written.clone())
    }
}

fn stopped(_: Effect) -> io::Error {
    io::Error::other("the simulated machine has stopped")
}

fn range_of(sector: usize, len: usize) -> Range<usize> {
    sector * SECTOR..((sector + 1) * SECTOR).min(len)
}

fn copy(from: &[u8], to: &mut [u8], range: Range<usize>) {
    if let (Some(from), Some(to)) = (from.get(range.clone()), to.get_mut(range)) {
        to.copy_from_slice(from);
    }
}

fn put(bytes: &mut [u8], offset: usize, new: &[u8]) {
    if let Some(old) = bytes.get_mut(offset..offset + new.len()) {
        old.copy_from_slice(new);
    }
}

/// A step of splitmix64, one bit of it.
fn coin(seed: &mut u64) -> bool {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) & 1 == 1
}
