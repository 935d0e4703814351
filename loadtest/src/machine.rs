//! Where it ran, and what ran: a number without them is a rumour.

use std::path::Path;
use std::process::Command;

/// Processors, memory and kernel in one line.
pub(crate) fn describe() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let model = value(&cpuinfo, "model name").unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory_kib: u64 = value(&meminfo, "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse().ok())
        .unwrap_or_default();
    format!(
        "{cores} × {model}, {} GiB, Linux {}",
        memory_kib.div_ceil(1 << 20),
        kernel.trim()
    )
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim())
    })
}

/// The commit of the checkout that this was built from, with a `+` where files have changed.
pub(crate) fn commit() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .args(args)
            .current_dir(root)
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match git(&["rev-parse", "--short=12", "HEAD"]) {
        Some(head) => {
            let clean = git(&["status", "--porcelain"]).is_some_and(|text| text.is_empty());
            if clean { head } else { head + "+" }
        }
        None => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_processors_and_memory() {
        let line = describe();
        assert!(line.contains("GiB") && !line.contains("0 GiB"), "{line}");
        assert_eq!(value("MemTotal:  24 kB\nx: y", "x"), Some("y"));
    }
}
