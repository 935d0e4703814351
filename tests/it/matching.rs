//! Messages that belong to others: completions, the network's own answers, reversals by what they have
//! in common with their original; through both doors, with and without a ledger.

mod completions;
mod doors;
mod orders;
mod purchases;
mod references;

use anyhow::bail;
use tests::notebook::{Door, Outcome, ReversalOutcome};
use tests::payment::{Completion, Payment};

use crate::support::{PATIENCE, Running};

const DOORS: [Door; 2] = [Door::Http, Door::Iso];

/// What a message came to: `00`, `94` and so on, as DE39 says it at either door.
async fn code(
    running: &Running,
    gateway: usize,
    door: Door,
    said: &Said,
) -> anyhow::Result<String> {
    let (http, iso) = (running.http(gateway)?, running.iso(gateway).await?);
    let told = match (said, door) {
        (Said::Pay(payment, repeat), Door::Http) => {
            return decided(http.authorize(payment, *repeat, PATIENCE).await);
        }
        (Said::Pay(payment, repeat), Door::Iso) => {
            return decided(iso.authorize(payment, *repeat, PATIENCE).await);
        }
        (Said::Advise(payment, minor), Door::Http) => http.advise(payment, *minor, PATIENCE).await,
        (Said::Advise(payment, minor), Door::Iso) => iso.advise(payment, *minor, PATIENCE).await,
        (Said::Complete(it), Door::Http) => http.complete(it, PATIENCE).await,
        (Said::Complete(it), Door::Iso) => iso.complete(it, false, PATIENCE).await,
        (Said::Reverse(payment, left), Door::Http) => http.reverse(payment, *left, PATIENCE).await,
        (Said::Reverse(payment, left), Door::Iso) => iso.reverse(payment, *left, PATIENCE).await,
        (Said::TakeBack(it, left), Door::Http) => {
            http.reverse_completion(it, *left, PATIENCE).await
        }
        (Said::TakeBack(it, left), Door::Iso) => iso.reverse_completion(it, *left, PATIENCE).await,
    };
    match told {
        ReversalOutcome::Accepted { .. } => Ok("00".to_owned()),
        ReversalOutcome::Refused(refusal) => Ok(as_code(refusal.code)),
        ReversalOutcome::Unanswered(why) => bail!("no answer: {why}"),
    }
}

fn decided(outcome: Outcome) -> anyhow::Result<String> {
    match outcome {
        Outcome::Answered(answer) => Ok(answer.response_code),
        Outcome::Refused(refusal) => Ok(as_code(refusal.code)),
        Outcome::Unanswered(why) => bail!("no answer: {why}"),
    }
}

/// The HTTP door says with 422 what the other one says with 94.
fn as_code(code: String) -> String {
    if code == "422" { "94".to_owned() } else { code }
}

/// A message, whichever door it goes through.
#[derive(Debug, Clone)]
enum Said {
    /// 0100, or 0101.
    Pay(Payment, bool),
    /// 0120: this much was approved.
    Advise(Payment, i64),
    /// 0220.
    Complete(Completion),
    /// 0420: this much remains.
    Reverse(Payment, i64),
    /// 0420 of a completion.
    TakeBack(Completion, i64),
}
