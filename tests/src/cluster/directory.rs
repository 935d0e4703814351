use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use tempfile::TempDir;

/// Where a stack puts its files: a directory that stays, or a temporary one that is removed unless
/// something failed.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    temporary: Option<TempDir>,
    keep: AtomicBool,
}

impl Directory {
    /// The directory at this path, made where it is absent; a temporary one where `None`.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn make(wanted: Option<&Path>) -> anyhow::Result<Self> {
        let keep = AtomicBool::new(false);
        if let Some(path) = wanted {
            std::fs::create_dir_all(path)
                .with_context(|| format!("cannot make {}", path.display()))?;
            return Ok(Self {
                path: path.to_owned(),
                temporary: None,
                keep,
            });
        }
        let temporary = tempfile::Builder::new().prefix("holdfast-").tempdir()?;
        Ok(Self {
            path: temporary.path().to_owned(),
            temporary: Some(temporary),
            keep,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps it, even if it is temporary.
    pub fn keep(&self) {
        self.keep.store(true, Ordering::Relaxed);
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let keep = self.keep.load(Ordering::Relaxed) || std::thread::panicking();
        if let Some(temporary) = self.temporary.as_mut().filter(|_| keep) {
            temporary.disable_cleanup(true);
            eprintln!(
                "logs, journals and books are kept in {}",
                self.path.display()
            );
        }
    }
}
