//! Tests that this machine cannot run.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use anyhow::bail;

/// What has been said.
static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Says on standard error that `what` is left out, and why; once for each.
///
/// # Errors
/// The same in a pipeline, which must not pass because it skipped.
pub fn skipped(what: &str, why: impl Display) -> anyhow::Result<()> {
    skipped_unless(crate::in_ci(), what, why)
}

/// [`skipped`], where something else says whether it may be left out.
pub(crate) fn skipped_unless(required: bool, what: &str, why: impl Display) -> anyhow::Result<()> {
    if required {
        bail!("{what} cannot be left out here: {why}");
    }
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.insert(what.to_owned()) {
        // Not by `eprintln!`: what that says in a test that passes is thrown away.
        let _unwritable = writeln!(std::io::stderr(), "SKIPPED: {what}, because {why}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const SKIPS: &str = "HOLDFAST_TEST_SKIPS";

    #[test]
    fn a_skip_is_seen_once_in_a_run_that_passes() {
        if std::env::var_os(SKIPS).is_some() {
            skipped_unless(false, "a test", "it is one").unwrap();
            skipped_unless(false, "a test", "it is one").unwrap();
            return;
        }
        let this = "skip::tests::a_skip_is_seen_once_in_a_run_that_passes";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", this])
            .env(SKIPS, "1")
            .output()
            .unwrap();
        assert!(output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said, "SKIPPED: a test, because it is one\n");
    }

    #[test]
    fn what_is_required_is_not_skipped() {
        let failed = skipped_unless(true, "a test", "it is one").unwrap_err();
        assert_eq!(
            failed.to_string(),
            "a test cannot be left out here: it is one"
        );
    }
}
