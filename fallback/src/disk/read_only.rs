//! A journal's directory, to look at: also while a gateway holds it.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::{Disk, path_of, segments_in};

/// A directory of a real filesystem that is only read. It is not locked, and nothing in it is changed.
#[derive(Debug)]
pub struct ReadOnlyDisk {
    directory: PathBuf,
}

impl ReadOnlyDisk {
    /// Of this directory.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// True where a process holds the journal at this moment, and may be writing it.
    pub fn is_in_use(&self) -> bool {
        File::open(self.directory.join("lock"))
            .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

fn refused() -> io::Error {
    io::Error::new(
        io::ErrorKind::ReadOnlyFilesystem,
        "this journal was opened to be read only",
    )
}

impl Disk for ReadOnlyDisk {
    fn name(&self, segment: u64) -> String {
        path_of(&self.directory, segment).display().to_string()
    }

    fn segments(&self) -> io::Result<Vec<(u64, u64)>> {
        segments_in(&self.directory)
    }

    fn create(&self, _: u64, _: u64) -> io::Result<()> {
        Err(refused())
    }

    fn write_at(&self, _: u64, _: u64, _: &[u8]) -> io::Result<()> {
        Err(refused())
    }

    fn sync(&self, _: u64) -> io::Result<()> {
        Err(refused())
    }

    fn read(&self, segment: u64) -> io::Result<Vec<u8>> {
        std::fs::read(path_of(&self.directory, segment))
    }
}
