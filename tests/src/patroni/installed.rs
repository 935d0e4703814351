use std::path::{Path, PathBuf};

use crate::postgres::{binaries, unprivileged};

/// What a cluster needs, found on this machine.
#[derive(Debug, Clone)]
pub struct Installed {
    pub(super) postgres: PathBuf,
    pub(super) etcd: PathBuf,
    pub(super) etcdctl: PathBuf,
    pub(super) haproxy: PathBuf,
    /// Python packages, Patroni among them.
    pub(super) patroni: PathBuf,
    pub(super) python: PathBuf,
    /// Who runs it where we are root: PostgreSQL refuses root.
    pub(super) user: Option<(u32, u32)>,
}

/// Something that a cluster needs is not on this machine.
#[derive(Debug, thiserror::Error)]
#[error("missing: {}; `deploy/ha/prepare` installs it, as root", .0.join(", "))]
pub struct Missing(pub Vec<String>);

impl Installed {
    /// Looks for everything; Patroni is expected in `patroni`, where `deploy/ha/prepare` puts it.
    ///
    /// # Errors
    /// All that is missing.
    pub fn find(patroni: &Path) -> Result<Self, Missing> {
        let mut missing = Vec::new();
        let mut need = |name: &str, found: Option<PathBuf>| {
            if found.is_none() {
                missing.push(name.to_owned());
            }
            found.unwrap_or_default()
        };
        let postgres = binaries().filter(|bin| bin.join("pg_rewind").is_file());
        let found = Self {
            postgres: need("PostgreSQL's server", postgres),
            etcd: need("etcd", program("etcd")),
            etcdctl: need("etcdctl", program("etcdctl")),
            haproxy: need("haproxy", haproxy()),
            python: need(
                &format!("Patroni in {}", patroni.display()),
                python(patroni),
            ),
            patroni: patroni.canonicalize().unwrap_or_default(),
            user: unprivileged(),
        };
        if missing.is_empty() {
            Ok(found)
        } else {
            Err(Missing(missing))
        }
    }
}

/// HAProxy, where this machine has it.
pub fn haproxy() -> Option<PathBuf> {
    program("haproxy")
}

/// The Python that runs the Patroni in this directory, where there is one.
pub fn python(patroni: &Path) -> Option<PathBuf> {
    let python = patroni.join("python");
    let there = patroni.join("patroni/__init__.py").is_file() && python.is_file();
    there.then(|| python.canonicalize().ok()).flatten()
}

/// In PATH, or where Debian puts what only root calls.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/bin", "/usr/local/bin"].map(PathBuf::from);
    let mut places = std::env::split_paths(&path).chain(more);
    places.find_map(|place| Some(place.join(name)).filter(|it| it.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_missing_is_named_with_its_cure() {
        let nowhere = Path::new("/nonexistent");
        let missing = Installed::find(nowhere).unwrap_err().to_string();
        assert!(missing.contains("Patroni in /nonexistent"), "{missing}");
        assert!(missing.contains("deploy/ha/prepare"), "{missing}");
    }
}
