//! What the system allows a process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit on open files to the hard one, and says how many there may be. The common soft
/// default of 1,024 is less than the connections of one busy link.
pub fn raise_open_files() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let allowed = if setrlimit(Resource::Nofile, raised).is_ok() {
        maximum
    } else {
        current
    };
    // No limit is a limit that nobody reaches.
    allowed.map_or(usize::MAX, |files| {
        usize::try_from(files).unwrap_or(usize::MAX)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_limit_is_not_lowered() {
        assert!(super::raise_open_files() >= 256);
        assert_eq!(super::raise_open_files(), super::raise_open_files());
    }
}
