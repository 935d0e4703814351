//! The report: what `--output json` prints, and what the page and the verdict are made of.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::sometimes::Counts;
use crate::stats::LatencySummary;

/// All of it. Consumers may rely on these names; more may be added.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub scenario: String,
    pub seed: u64,
    /// `git rev-parse HEAD` where it was built or run; `unknown` outside of a checkout.
    pub commit: String,
    pub machine: String,
    /// What the nodes ran as: `processes`, `compose`, or `attached` where they ran already.
    pub backend: String,
    /// `embedded`, or `postgres` and its version.
    pub store: String,
    pub verdict: Verdict,
    /// Why it is not a pass; empty where it is.
    pub because: Vec<String>,
    pub phases: Vec<PhaseReport>,
    pub totals: Tally,
    pub by_door: ByDoor,
    pub exposure: Exposure,
    pub advices: Advices,
    pub books: Books,
    pub workload: Mix,
    pub generator: GeneratorReport,
    /// `held`, `broken` or `not_checked`, by name.
    pub invariants: BTreeMap<String, &'static str>,
    /// What was seen where one is broken, and why where one was not checked.
    pub invariant_notes: BTreeMap<String, Vec<String>>,
    pub sometimes: Counts,
    /// What was done to the processes, and when it had happened.
    pub timeline: Vec<Mark>,
    /// What the scenario asks for and these nodes cannot do.
    pub left_out: Vec<String>,
    /// Processes that ended although nothing in the scenario stopped them, a line each.
    pub unplanned_exits: Vec<String>,
}

/// In the order of what matters more: the worst wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Pass,
    ObjectiveMissed,
    Inconclusive,
    InvariantBroken,
}

impl Verdict {
    /// What the process exits with.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::ObjectiveMissed => 10,
            Self::InvariantBroken => 11,
            Self::Inconclusive => 12,
        }
    }

    /// For people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::ObjectiveMissed => "OBJECTIVE MISSED",
            Self::InvariantBroken => "SAFETY INVARIANT BROKEN",
            Self::Inconclusive => "INCONCLUSIVE",
        }
    }
}

/// One phase.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PhaseReport {
    pub name: String,
    pub from_s: f64,
    pub to_s: f64,
    /// True where the ledger was gone.
    pub outage: bool,
    #[serde(flatten)]
    pub tally: Tally,
}

/// Counts of requests by when they should have left.
///
/// `sent` = `answered_in_time` + `late` + `errors`. Approvals, declines and the twin's are counted
/// over first requests only; repeats and reversals have counts of their own.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Tally {
    pub sent: u64,
    pub answered_in_time: u64,
    pub approved: u64,
    pub declined: u64,
    pub twin_approved: u64,
    /// Of those that the twin approves, the share that was approved; null where there were none.
    pub approved_of_twin: Option<f64>,
    pub stand_in_approved: u64,
    pub stand_in_declined: u64,
    /// Answered after the budget.
    pub late: u64,
    /// Refused, or never answered.
    pub errors: u64,
    /// Answered by the second gateway.
    pub failed_over: u64,
    pub repeats: u64,
    pub reversals: u64,
    pub latency_ms: LatencySummary,
}

/// The same by door.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ByDoor {
    pub http: Tally,
    pub iso8583: Tally,
}

/// Money at risk.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Exposure {
    /// The sum of the highest that each gateway reported; never less than the fleet's peak.
    pub peak_minor: i64,
    /// The most that it could have been.
    pub bound_minor: i64,
    /// Overdrafts in the ledger after the run, all of them because of stand-in.
    pub loss_minor: i64,
    pub currency: String,
    pub by_gateway: Vec<GatewayExposure>,
}

/// One gateway's.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GatewayExposure {
    pub gateway: String,
    pub peak_minor: i64,
    pub max_minor: i64,
}

/// What the ledger was told afterwards.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Advices {
    pub written: u64,
    pub applied: u64,
    /// Advices that the ledger had already, and answered as such.
    pub duplicates_suppressed: u64,
    pub waiting_for_person: u64,
    /// From the moment the ledger answered again to an empty backlog at every gateway; null where
    /// it never came to that, or where the scenario does not heal what it breaks.
    pub drained_after_s: Option<f64>,
}

/// Whether the books are right.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Books {
    pub balanced: bool,
    pub lost_approvals: u64,
    pub double_postings: u64,
    pub answer_mismatches: u64,
    /// Payments that were answered otherwise than the twin would have, or for which the books hold
    /// other money than the twin's.
    pub equal_to_twin_except: Vec<String>,
    /// Of these, the ones that the twin approves and that were declined: who declined, and why.
    pub lost_by_reason: BTreeMap<String, u64>,
    /// Rule 3: two gateways answered differently, the approval was booked.
    pub contested: Vec<String>,
    /// Rule 3 without money: two gateways that could not ask declined for different reasons.
    pub declined_differently: Vec<String>,
    /// Rule 2: repeats that a gateway declined because it is not the card's home.
    pub repeats_not_at_home: u64,
    /// Sent by the client for attempts that got no answer.
    pub timeout_reversals: u64,
}

/// Whether the workload was what it should have been.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Mix {
    pub rate_per_s: f64,
    pub cards: usize,
    pub zipf: f64,
    pub first: u64,
    pub repeats: u64,
    pub reversals: u64,
    /// Share of first requests that a healthy ledger declines.
    pub twin_declined_share: f64,
}

/// Whether the generator kept its own times.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GeneratorReport {
    pub planned: u64,
    pub achieved: u64,
    pub late_ms: LatencySummary,
}

/// Something that was done to the processes.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Mark {
    /// Null where nobody planned it.
    pub planned_s: Option<f64>,
    /// When it had happened; null where it does not apply to this store.
    pub done_s: Option<f64>,
    pub what: String,
    /// What showed that it had its effect.
    pub seen: Option<String>,
}

impl Mark {
    const REPAIRED: &str = "repaired: ";

    /// Something that the scenario left broken, and that was mended for the audit.
    pub(crate) fn repair(done_s: f64, what: &str) -> Self {
        Self {
            planned_s: None,
            done_s: Some(done_s),
            what: format!("{}{what}", Self::REPAIRED),
            seen: None,
        }
    }

    pub(crate) fn is_repair(&self) -> bool {
        self.what.starts_with(Self::REPAIRED)
    }
}

#[cfg(test)]
pub(crate) mod tests;
