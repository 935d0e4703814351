//! Whether tests on containers may be left out.

use std::fmt::Display;

/// True where they may not: in CI, unless `.ci/run` found that this machine cannot run containers and
/// said why in `HOLDFAST_WITHOUT_DOCKER`.
pub fn required() -> bool {
    crate::in_ci() && std::env::var_os("HOLDFAST_WITHOUT_DOCKER").is_none_or(|why| why.is_empty())
}

/// [`crate::skipped`] for what needs containers.
///
/// # Errors
/// The same where that is [`required`].
pub fn skipped(what: &str, why: impl Display) -> anyhow::Result<()> {
    crate::skip::skipped_unless(required(), what, why)
}
