//! Processes that work below a directory. PostgreSQL's first process is nobody's child, and its
//! children have sessions of their own, so neither parents nor groups find all of them; where they
//! work does.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::waiting::wait_until;

/// A process that forks while it is looked for is found the next time.
const ROUNDS: usize = 100;
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// Everybody whose working directory is `directory` or below it. Linux only: nobody elsewhere.
pub(super) fn working_below(directory: &Path) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| {
            let pid = Pid::from_raw(process.file_name().to_str()?.parse().ok()?)?;
            let works_in = std::fs::read_link(process.path().join("cwd")).ok()?;
            works_in.starts_with(directory).then_some(pid)
        })
        .collect()
}

/// A signal for one process that is ours.
pub(super) fn signal(pid: Pid, signal: Signal) {
    // A failure means that it has ended by itself.
    let _ = kill_process(pid, signal);
}

/// A signal for everybody below a directory, twice: the second time for whoever was forked meanwhile.
pub(super) fn signal_below(directory: &Path, to_all: Signal) {
    for _ in 0..2 {
        for pid in working_below(directory) {
            signal(pid, to_all);
        }
    }
}

/// SIGKILL for everybody below a directory, until nobody is left. Says who it was.
pub(super) fn kill_below(directory: &Path) -> BTreeSet<i32> {
    let mut killed = BTreeSet::new();
    for _ in 0..ROUNDS {
        let alive = working_below(directory);
        if alive.is_empty() {
            break;
        }
        for pid in alive {
            signal(pid, Signal::KILL);
            killed.insert(pid.as_raw_nonzero().get());
        }
        #[expect(clippy::disallowed_methods, reason = "drop cannot await")]
        std::thread::sleep(Duration::from_millis(10));
    }
    killed
}

/// Waits until nobody has these ids any more. Who was killed keeps one until somebody has asked how it
/// ended, and PostgreSQL takes a lock file with such an id for that of a server that runs.
pub(super) async fn gone(killed: &BTreeSet<i32>) {
    let place = |pid: &i32| Path::new("/proc").join(pid.to_string());
    let gone = || async { !killed.iter().any(|pid| place(pid).exists()) };
    // Where it takes longer, somebody else has the id, or never asks: whoever starts next says so.
    let _ = wait_until("the killed are gone", GONE_WITHIN, gone).await;
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn whoever_works_below_the_directory_is_killed_and_nobody_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().canonicalize().unwrap();
        let inner = path.join("inner");
        std::fs::create_dir(&inner).unwrap();
        let sleeper = |place: &Path| {
            let mut command = Command::new("sleep");
            command.arg("60").current_dir(place).stdin(Stdio::null());
            command.spawn().unwrap()
        };
        let (mut ours, mut other) = (sleeper(&inner), sleeper(path.parent().unwrap()));
        signal_below(&path, Signal::STOP);
        let killed = kill_below(&path);
        assert!(killed.contains(&i32::try_from(ours.id()).unwrap()));
        assert!(!ours.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
