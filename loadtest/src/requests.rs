//! Every request of a run as a line of JSON, for whoever wants to know why.

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use serde_json::json;

use crate::audit::Answers;
use crate::driver::{Drive, Final};
use crate::schedule::{Door, Kind};
use crate::stats::millis;
use crate::twin::Twin;

/// Writes `requests.ndjson`, in order of their planned times. No card number is in it.
pub(crate) fn write(
    directory: &Path,
    twin: &Twin,
    drive: &Drive,
    answers: &Answers<'_>,
) -> anyhow::Result<()> {
    let path = directory.join("requests.ndjson");
    let file =
        std::fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut out = BufWriter::new(file);
    let mut played: Vec<_> = drive.played.iter().collect();
    played.sort_by_key(|played| played.planned.at);
    for played in played {
        let planned = &played.planned;
        let (result, code, gateway) = match &played.result {
            Final::Approved { gateway, .. } => ("approved", "00", Some(gateway)),
            Final::Declined { code, gateway } => ("declined", code.as_str(), Some(gateway)),
            Final::Reversed { gateway } => ("reversed", "00", Some(gateway)),
            Final::Moot => ("moot", "", None),
            Final::Refused { code, .. } => ("refused", code.as_str(), None),
            Final::Unanswered { last } => ("unanswered", last.as_str(), None),
        };
        let answer = answers.get(&planned.payment);
        let line = json!({
            "at_s": planned.at.as_secs_f64(),
            "left_ms_late": millis(played.started.saturating_sub(planned.at)),
            "latency_ms": millis(played.finished.saturating_sub(planned.at)),
            "kind": match planned.kind {
                Kind::First => "first",
                Kind::Repeat => "repeat",
                Kind::Reversal { .. } => "reversal",
            },
            "door": match planned.door {
                Door::Http => "http",
                Door::Iso8583 => "iso8583",
            },
            "id": twin.ids[planned.payment],
            "card": twin.payments[planned.payment].token,
            "amount_minor": twin.payments[planned.payment].amount_minor,
            "result": result,
            "code": code,
            "gateway": gateway.map(|index| format!("gw{}", index + 1)),
            "attempts": played.attempts,
            "duplicate": played.duplicate,
            "decided_by": answer.map(|answer| format!("{:?}", answer.decided_by)),
            "reason": answer.map(|answer| answer.reason),
            "cause": answer.map(|answer| answer.cause),
            "twin_approves": twin.approves[planned.payment],
        });
        writeln!(out, "{line}")?;
    }
    out.flush()
        .with_context(|| format!("cannot write {}", path.display()))
}
