//! What the commands have in common that look at a ledger from outside.

use std::io::Write;
use std::process::ExitCode;

use super::{FAILED, fail};
use crate::ask::AskError;

/// Nobody answered: nothing is known (EX_UNAVAILABLE).
pub(super) const UNAVAILABLE: u8 = 69;

/// Does the work in a runtime of its own.
pub(super) fn run(work: impl Future<Output = ExitCode>) -> ExitCode {
    let built = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match built {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => fail(FAILED, &error),
    }
}

/// Says that nothing could be asked, and why.
pub(super) fn unasked(error: &AskError) -> ExitCode {
    let code = match error {
        AskError::NoAnswer(..) => UNAVAILABLE,
        AskError::Url(_) | AskError::Refused(..) | AskError::Strange(..) => FAILED,
    };
    fail(code, error)
}

/// To stdout; whoever does not read it needs no error.
pub(super) fn say(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _unread = stdout.write_all(text.as_bytes());
    let _unread = stdout.flush();
}
