//! A disk whose power can be cut: what was synced is there afterwards, of what was not any part may be.

use std::io::{Error, ErrorKind};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::{Rng, RngExt};
use redb::StorageBackend;

/// A file in memory with a plug. Clones are the same file.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// As the last sync left it.
    synced: Vec<u8>,
    /// As readers see it.
    now: Vec<u8>,
    /// Since the last sync, in order.
    unsynced: Vec<Change>,
    /// How many more changes there are before the power goes; `None`: it stays.
    left: Option<u32>,
    dark: bool,
}

#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Disk {
    /// The power goes after this many more writes, lengths and syncs.
    pub fn cut_after(&self, changes: u32) {
        self.state().left = Some(changes);
    }

    /// True once the power is gone.
    pub fn is_dark(&self) -> bool {
        self.state().dark
    }

    /// Cuts the power, if it is not gone yet, and gives the disk that is found afterwards: with what
    /// was synced and, of the rest, what `chance` says.
    pub fn after_the_cut(&self, chance: &mut impl Rng) -> Self {
        let mut state = self.state();
        state.dark = true;
        let mut found = state.synced.clone();
        for change in &state.unsynced {
            if chance.random_bool(0.5) {
                apply(&mut found, change);
            }
        }
        Self(Arc::new(Mutex::new(State {
            synced: found.clone(),
            now: found,
            ..State::default()
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state of a disk that has power for one more change.
    fn powered(&self) -> Result<MutexGuard<'_, State>, Error> {
        let mut state = self.state();
        match &mut state.left {
            Some(0) => state.dark = true,
            Some(left) => *left -= 1,
            None => {}
        }
        if state.dark { Err(gone()) } else { Ok(state) }
    }
}

fn gone() -> Error {
    Error::other("the power is gone")
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => bytes.resize(*length, 0),
        Change::Write { at, bytes: written } => {
            let end = at + written.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*at..end].copy_from_slice(written);
        }
    }
}

fn range(offset: u64, length: usize) -> Result<Range<usize>, Error> {
    let too_far = || Error::new(ErrorKind::InvalidInput, "beyond what memory can hold");
    let at = usize::try_from(offset).map_err(|_| too_far())?;
    Ok(at..at.checked_add(length).ok_or_else(too_far)?)
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, Error> {
        let state = self.state();
        if state.dark {
            return Err(gone());
        }
        Ok(state.now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        let range = range(offset, out.len())?;
        let state = self.state();
        if state.dark {
            return Err(gone());
        }
        let end = || Error::new(ErrorKind::UnexpectedEof, "beyond the end of the file");
        out.copy_from_slice(state.now.get(range).ok_or_else(end)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> Result<(), Error> {
        let length = range(length, 0)?.start;
        let mut state = self.powered()?;
        let change = Change::Length(length);
        apply(&mut state.now, &change);
        state.unsynced.push(change);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), Error> {
        let mut state = self.powered()?;
        let state = &mut *state;
        for change in state.unsynced.drain(..) {
            apply(&mut state.synced, &change);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        let at = range(offset, data.len())?.start;
        let mut state = self.powered()?;
        let change = Change::Write {
            at,
            bytes: data.to_vec(),
        };
        apply(&mut state.now, &change);
        state.unsynced.push(change);
        Ok(())
    }
}
