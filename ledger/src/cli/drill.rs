//! `ledger drill`: the drill is another program, which starts ledgers of its own.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;

use super::fail;

/// The drill's program.
const PROGRAM: &str = "loadtest";
/// As that program says it itself: something is missing on this machine.
const MISSING: u8 = 13;

/// What to play.
#[derive(Debug, Clone, Args)]
pub(super) struct DrillCommand {
    /// Handed to `loadtest high-availability`, whose `--help` lists them; such as `--only switchover`.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENT"
    )]
    arguments: Vec<OsString>,
}

/// The drill cannot be played here.
#[derive(Debug, thiserror::Error)]
enum DrillError {
    #[error(
        "`{PROGRAM}` is neither beside this program nor in PATH, and it plays the drill; build it with \
         `cargo build -p {PROGRAM}`"
    )]
    NotFound,
    #[error("{} cannot be started: {error}", program.display())]
    NotStarted {
        program: PathBuf,
        error: std::io::Error,
    },
}

impl DrillCommand {
    /// Becomes the drill; comes back only where that cannot be.
    pub(super) fn run(self) -> ExitCode {
        let beside = std::env::current_exe().unwrap_or_default();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let Some(program) = find(beside.parent(), &path) else {
            return fail(MISSING, &DrillError::NotFound);
        };
        let error = Command::new(&program)
            .arg("high-availability")
            .args(self.arguments)
            .exec();
        fail(MISSING, &DrillError::NotStarted { program, error })
    }
}

/// Beside this program first: those two were built together.
fn find(beside: Option<&Path>, path: &OsStr) -> Option<PathBuf> {
    let places = beside.map(Path::to_owned).into_iter();
    let mut places = places.chain(std::env::split_paths(path));
    places.find_map(|place| Some(place.join(PROGRAM)).filter(|it| it.is_file()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::arguments::{Arguments, Command};
    use super::*;

    #[test]
    fn the_program_beside_this_one_comes_before_those_in_path() {
        let (beside, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = std::env::join_paths([other.path()]).unwrap();
        assert_eq!(find(Some(beside.path()), &path), None);
        std::fs::write(other.path().join(PROGRAM), "").unwrap();
        assert_eq!(
            find(Some(beside.path()), &path),
            Some(other.path().join(PROGRAM))
        );
        std::fs::write(beside.path().join(PROGRAM), "").unwrap();
        assert_eq!(
            find(Some(beside.path()), &path),
            Some(beside.path().join(PROGRAM))
        );
    }

    #[test]
    fn arguments_are_handed_on_as_they_are() {
        let line = "ledger drill --only switchover,freeze --json --rate-per-s 50";
        let parsed = Arguments::try_parse_from(line.split(' ')).unwrap();
        let Some(Command::Drill(drill)) = parsed.command else {
            panic!("not the drill")
        };
        assert_eq!(
            drill.arguments.join(OsStr::new(" ")),
            line["ledger drill ".len()..]
        );
    }
}
