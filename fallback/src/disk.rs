//! The few calls that the journal makes on a filesystem, and nothing more.
//!
//! A disk holds numbered segments. A segment has its full size from the moment it exists: it is
//! created full of zeros, and durable, so that later writes never need space and a sync never needs
//! more than the data.

mod read_only;
mod sim;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub use read_only::ReadOnlyDisk;
pub use sim::{EIO, ENOSPC, Effect, SimDisk, Torn};

/// Where a journal lives.
pub trait Disk: Send + Sync + std::fmt::Debug {
    /// What a person calls this segment: its path.
    fn name(&self, segment: u64) -> String;

    /// Every segment with its size in bytes, in ascending order.
    fn segments(&self) -> io::Result<Vec<(u64, u64)>>;

    /// Makes a segment of `bytes` zeros. It exists, durably, when this returns; where it fails, it
    /// does not exist.
    fn create(&self, segment: u64, bytes: u64) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`, inside the segment. What was written survives the end of
    /// the process, not a power cut.
    fn write_at(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything written before the call durable (fdatasync). After an error nobody knows
    /// what is: the caller must not try again.
    fn sync(&self, segment: u64) -> io::Result<()>;

    /// Everything in a segment, as written.
    fn read(&self, segment: u64) -> io::Result<Vec<u8>>;
}

/// A directory of a real filesystem, held exclusively by this process.
#[derive(Debug)]
pub struct RealDisk {
    directory: PathBuf,
    open: Mutex<BTreeMap<u64, Arc<File>>>,
    /// Locked for as long as it is open.
    _lock: File,
}

/// A directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// Another process has it.
    #[error(
        "the journal in {} is in use by another process; stop that one first, or give each gateway \
         a directory of its own", path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be made or locked.
    #[error(
        "the journal directory {} cannot be made or locked ({source}); it must be writable by this \
         user and on a filesystem with file locks", path.display()
    )]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

const EXTENSION: &str = "journal";

impl RealDisk {
    /// Takes hold of a directory, making it where it does not exist.
    pub fn open(directory: &Path) -> Result<Self, DiskError> {
        let path = directory.to_owned();
        let locked = fs::create_dir_all(directory)
            .and_then(|()| sync_path(directory.parent()))
            .and_then(|()| {
                OpenOptions::new()
                    .create(true)
                    .truncate(false)
                    .write(true)
                    .open(directory.join("lock"))
            });
        let lock = match locked {
            Ok(lock) => lock,
            Err(source) => return Err(DiskError::Unusable { path, source }),
        };
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                directory: path,
                open: Mutex::default(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(DiskError::InUse { path }),
            Err(TryLockError::Error(source)) => Err(DiskError::Unusable { path, source }),
        }
    }

    fn path(&self, segment: u64) -> PathBuf {
        path_of(&self.directory, segment)
    }

    fn file(&self, segment: u64) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(self.path(segment))?,
        );
        open.insert(segment, Arc::clone(&file));
        Ok(file)
    }
}

impl Disk for RealDisk {
    fn name(&self, segment: u64) -> String {
        self.path(segment).display().to_string()
    }

    fn segments(&self) -> io::Result<Vec<(u64, u64)>> {
        segments_in(&self.directory)
    }

    /// Written under another name and renamed when complete, so that a crash leaves no half of it.
    fn create(&self, segment: u64, bytes: u64) -> io::Result<()> {
        let unfinished = self.path(segment).with_extension("unfinished");
        let created = fill_with_zeros(&unfinished, bytes)
            .and_then(|()| fs::rename(&unfinished, self.path(segment)))
            .and_then(|()| sync_path(Some(&self.directory)));
        if created.is_err() {
            // The first error is the one to tell; what cannot be removed is overwritten next time.
            let _ = fs::remove_file(&unfinished);
            let _ = fs::remove_file(self.path(segment));
        }
        created
    }

    fn write_at(&self, segment: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(segment)?.write_all_at(bytes, offset)
    }

    fn sync(&self, segment: u64) -> io::Result<()> {
        self.file(segment)?.sync_data()
    }

    fn read(&self, segment: u64) -> io::Result<Vec<u8>> {
        fs::read(self.path(segment))
    }
}

fn path_of(directory: &Path, segment: u64) -> PathBuf {
    directory.join(format!("{segment:08}.{EXTENSION}"))
}

fn segments_in(directory: &Path) -> io::Result<Vec<(u64, u64)>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let path = Path::new(&name);
        if path
            .extension()
            .is_none_or(|extension| extension != EXTENSION)
        {
            continue;
        }
        let number = path
            .file_stem()
            .and_then(|stem| stem.to_str()?.parse().ok());
        let number = number.filter(|number| path_of(directory, *number) == entry.path());
        let number = number.ok_or_else(|| {
            io::Error::other(format!(
                "{} is not a segment of this journal; move it out of the directory",
                entry.path().display()
            ))
        })?;
        segments.push((number, entry.metadata()?.len()));
    }
    segments.sort_unstable();
    Ok(segments)
}

fn fill_with_zeros(path: &Path, bytes: u64) -> io::Result<()> {
    const BLOCK: usize = 256 * 1024;
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(path)?;
    let zeros = vec![0; BLOCK];
    let mut left = bytes;
    while left > 0 {
        let now = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
        file.write_all(zeros.get(..now).unwrap_or(&zeros))?;
        left -= now as u64;
    }
    file.sync_all()
}

/// Makes the entries of a directory durable. An empty path is the current directory.
fn sync_path(directory: Option<&Path>) -> io::Result<()> {
    match directory {
        Some(path) if path.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(path) => File::open(path)?.sync_all(),
        None => Ok(()),
    }
}
