//! From what was seen to the report: clients, gateways, ledger and twin side by side.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use ::tests::books::{Audit, Evidence, Verdict as Checked};
use ::tests::gateway_node::{JournalAnswer, Status};
use ::tests::notebook::By;
use ledger_api::AuthorizationId;

use crate::driver::{Drive, Final};
use crate::report::{
    Advices, Books, Exposure, GatewayExposure, GeneratorReport, Mix, Report, Verdict,
};
use crate::sampler::{Sample, breaker_turns, drained_at};
use crate::scenario::Scenario;
use crate::schedule::{Kind, Schedule};
use crate::sometimes::{Counts, Sometimes};
use crate::stats::{Latencies, millis};
use crate::tally::Facts;
use crate::timeline::Healed;
use crate::twin::Twin;
use crate::verdict::{judge, recovered};
use crate::{machine, timeline};

/// All that is known after a run.
pub(crate) struct Case<'a> {
    pub scenario: &'a Scenario,
    pub seed: u64,
    pub backend: &'a str,
    /// What the nodes run on, with versions.
    pub on: String,
    pub left_out: Vec<String>,
    pub store: &'a str,
    pub schedule: &'a Schedule,
    pub twin: &'a Twin,
    pub drive: &'a Drive,
    pub timeline: &'a timeline::Played,
    pub samples: &'a [Sample],
    pub evidence: &'a Evidence,
    pub audit: &'a Audit,
    pub answers: &'a Answers<'a>,
    pub stood_in: &'a HashSet<usize>,
}

/// By payment: the record of its answer in the journal of the gateway that gave it. The ISO 8583
/// door does not tell its clients who decided; the journal does.
pub(crate) type Answers<'a> = HashMap<usize, &'a JournalAnswer>;

pub(crate) fn answers<'a>(twin: &Twin, drive: &Drive, evidence: &'a Evidence) -> Answers<'a> {
    let journals: Vec<HashMap<AuthorizationId, &JournalAnswer>> = evidence
        .journals
        .iter()
        .map(|journal| journal.iter().map(|answer| (answer.id, answer)).collect())
        .collect();
    let firsts = drive
        .played
        .iter()
        .filter(|played| played.planned.kind == Kind::First);
    firsts
        .filter_map(|played| match played.result {
            Final::Approved { gateway, .. } | Final::Declined { gateway, .. } => {
                let payment = played.planned.payment;
                Some((payment, *journals.get(gateway)?.get(&twin.ids[payment])?))
            }
            _ => None,
        })
        .collect()
}

/// Payments whose answer was given by stand-in.
pub(crate) fn stood_in(answers: &Answers<'_>) -> HashSet<usize> {
    let alone = answers
        .iter()
        .filter(|(_, answer)| answer.decided_by == By::StandIn);
    alone.map(|(payment, _)| *payment).collect()
}

impl Case<'_> {
    /// The report, judged.
    pub(crate) fn report(&self) -> Report {
        let facts = Facts {
            scenario: self.scenario,
            played: &self.drive.played,
            twin_approves: &self.twin.approves,
            stood_in: self.stood_in,
        };
        let (invariants, invariant_notes) = self.invariants();
        let mut report = Report {
            scenario: self.scenario.name.clone(),
            seed: self.seed,
            commit: machine::commit(),
            machine: [machine::describe(), self.on.clone()].join("; "),
            backend: self.backend.to_owned(),
            store: self.store.to_owned(),
            verdict: Verdict::Inconclusive,
            because: Vec::new(),
            phases: facts.phases(),
            totals: facts.totals(),
            by_door: facts.by_door(),
            exposure: self.exposure(),
            advices: self.advices(),
            books: self.books(),
            workload: self.mix(),
            generator: self.generator(),
            invariants,
            invariant_notes,
            sometimes: Counts::new(),
            timeline: self.timeline.marks.clone(),
            left_out: self.left_out.clone(),
            unplanned_exits: self.timeline.unplanned_exits.clone(),
        };
        report.sometimes = self.sometimes(&report);
        if let Some(back) = recovered(&report) {
            let note =
                "the share that the ledger decides in time is below 95 % of that before the fault";
            set(&mut report, "I10", back, note);
        }
        let (verdict, because) = judge(&report, self.scenario);
        Report {
            verdict,
            because,
            ..report
        }
    }

    fn invariants(
        &self,
    ) -> (
        BTreeMap<String, &'static str>,
        BTreeMap<String, Vec<String>>,
    ) {
        let (mut states, mut notes) = (BTreeMap::new(), BTreeMap::new());
        for (invariant, verdict) in &self.audit.invariants {
            let name = invariant.to_string();
            states.insert(name.clone(), verdict.word());
            match verdict {
                Checked::Held => {}
                Checked::Broken(cases) => {
                    notes.insert(name, cases.iter().take(50).cloned().collect());
                }
                Checked::NotChecked(why) => {
                    notes.insert(name, vec![(*why).to_owned()]);
                }
            }
        }
        let late = self.late_or_unanswered();
        states.insert("I8".into(), if late.is_empty() { "held" } else { "broken" });
        notes.remove("I8");
        if !late.is_empty() {
            notes.insert("I8".into(), late);
        }
        (states, notes)
    }

    /// I8, from the moment a request should first have left, other gateway included.
    fn late_or_unanswered(&self) -> Vec<String> {
        let budget = self.scenario.client.budget();
        self.drive
            .played
            .iter()
            .filter(|played| played.result != Final::Moot)
            .filter_map(|played| {
                let latency = played.finished.saturating_sub(played.planned.at);
                let what = match &played.result {
                    Final::Unanswered { last } => format!("no answer ({last})"),
                    Final::Refused { code, detail } => format!("refused with {code} ({detail})"),
                    _ if latency > budget => "answered late".to_owned(),
                    _ => return None,
                };
                Some(format!(
                    "{}: {:?} planned at {:.3} s, left {:.0} ms later: {what} after {:.0} ms and {} attempts",
                    self.twin.ids[played.planned.payment],
                    played.planned.kind,
                    played.planned.at.as_secs_f64(),
                    millis(played.started.saturating_sub(played.planned.at)),
                    millis(latency),
                    played.attempts
                ))
            })
            .take(50)
            .collect()
    }

    fn exposure(&self) -> Exposure {
        let by_gateway: Vec<GatewayExposure> = self
            .evidence
            .statuses
            .iter()
            .enumerate()
            .map(|(index, last)| {
                let seen = self
                    .statuses(index)
                    .map(|status| status.exposure_peak_minor);
                GatewayExposure {
                    gateway: last.gateway.to_string(),
                    peak_minor: seen.max().unwrap_or_default().max(last.exposure_peak_minor),
                    max_minor: last.exposure_max_minor,
                }
            })
            .collect();
        Exposure {
            peak_minor: by_gateway.iter().map(|gateway| gateway.peak_minor).sum(),
            bound_minor: self.audit.bound_minor,
            loss_minor: self.audit.loss_minor,
            currency: self.scenario.workload.currency.to_string(),
            by_gateway,
        }
    }

    fn advices(&self) -> Advices {
        let drained_after = match self.timeline.healed() {
            Healed::At(healed) => {
                drained_at(self.samples, healed).map(|at| at.saturating_sub(healed).as_secs_f64())
            }
            Healed::Never => None,
            Healed::NothingBroke => (self.audit.backlog == 0).then_some(0.0),
        };
        Advices {
            written: self.audit.advices_written,
            applied: self.audit.advices_acknowledged,
            duplicates_suppressed: self.advices_duplicate(),
            waiting_for_person: self.audit.waiting_for_person.len() as u64,
            drained_after_s: drained_after.map(|seconds| (seconds * 1e3).round() / 1e3),
        }
    }

    fn books(&self) -> Books {
        let text = |ids: &[AuthorizationId]| ids.iter().map(ToString::to_string).collect();
        Books {
            balanced: self.audit.balanced,
            lost_approvals: self.audit.lost_approvals.len() as u64,
            double_postings: self.audit.double_postings.len() as u64,
            answer_mismatches: self.audit.answer_mismatches.len() as u64,
            equal_to_twin_except: text(&self.unlike_twin()),
            lost_by_reason: self.lost_by_reason(),
            contested: text(&self.audit.contested),
            declined_differently: text(&self.audit.declined_differently),
            repeats_not_at_home: self.audit.repeats_not_at_home.len() as u64,
            timeout_reversals: self.drive.timeout_reversals.len() as u64,
        }
    }

    /// Payments that were told something else than the twin says, or nothing, and those for which
    /// the books hold other money than the twin's, reversals included.
    fn unlike_twin(&self) -> Vec<AuthorizationId> {
        let firsts = self
            .drive
            .played
            .iter()
            .filter(|it| it.planned.kind == Kind::First);
        let told = firsts
            .filter(|played| {
                let approved = matches!(played.result, Final::Approved { .. });
                !played.result.is_answer() || approved != self.twin.approves[played.planned.payment]
            })
            .map(|played| played.planned.payment);
        let effects = self.twin.effects();
        let booked = other_money(&self.twin.ids, &effects, &self.audit.effects);
        let unlike: BTreeSet<usize> = told.chain(booked).collect();
        unlike
            .into_iter()
            .map(|payment| self.twin.ids[payment])
            .collect()
    }

    /// Payments that the twin approves and that were declined, by the reason in the journal.
    fn lost_by_reason(&self) -> BTreeMap<String, u64> {
        let mut reasons = BTreeMap::new();
        for (payment, answer) in self.answers {
            if self.twin.approves[*payment] && !answer.approved {
                let by = if answer.decided_by == By::StandIn {
                    "stand_in"
                } else {
                    "ledger"
                };
                *reasons
                    .entry(format!("{by}:{}", answer.reason))
                    .or_default() += 1;
            }
        }
        reasons
    }

    fn mix(&self) -> Mix {
        let load = &self.scenario.workload;
        let count = |test: fn(&Kind) -> bool| {
            self.schedule
                .requests
                .iter()
                .filter(|planned| test(&planned.kind))
                .count() as u64
        };
        let declined = self
            .twin
            .approves
            .iter()
            .filter(|approved| !**approved)
            .count();
        let share = declined as f64 / (self.twin.approves.len() as f64).max(1.0);
        Mix {
            rate_per_s: load.rate_per_s,
            cards: load.cards,
            zipf: load.zipf,
            first: count(|kind| *kind == Kind::First),
            repeats: count(|kind| *kind == Kind::Repeat),
            reversals: count(|kind| matches!(kind, Kind::Reversal { .. })),
            twin_declined_share: (share * 1e4).round() / 1e4,
        }
    }

    fn generator(&self) -> GeneratorReport {
        let mut late = Latencies::default();
        for played in &self.drive.played {
            late.add(played.started.saturating_sub(played.planned.at));
        }
        GeneratorReport {
            planned: self.schedule.requests.len() as u64,
            achieved: self.drive.played.len() as u64,
            late_ms: late.summary(),
        }
    }

    fn sometimes(&self, report: &Report) -> Counts {
        let mut counts = self.timeline.counts.clone();
        let (tripped, recovered) = breaker_turns(self.samples);
        let kinds = |test: fn(&Final) -> bool, kind: fn(&Kind) -> bool| {
            let played = self.drive.played.iter();
            played
                .filter(|it| kind(&it.planned.kind) && test(&it.result))
                .count() as u64
        };
        counts.extend([
            (Sometimes::StandInApproved, report.totals.stand_in_approved),
            (Sometimes::StandInDeclined, report.totals.stand_in_declined),
            (Sometimes::Replayed, self.audit.advices_acknowledged),
            (
                Sometimes::RepeatsAnsweredAgain,
                self.repeats_answered_again(),
            ),
            (Sometimes::DuplicatesSuppressed, self.advices_duplicate()),
            (
                Sometimes::BreakerTripped,
                tripped.max(self.audit.breaker_trips),
            ),
            (Sometimes::BreakerRecovered, recovered),
            (Sometimes::FailedOver, report.totals.failed_over),
            (
                Sometimes::TimeoutReversal,
                self.drive.timeout_reversals.len() as u64,
            ),
            (
                Sometimes::Reversed,
                kinds(Final::is_answer, |kind| {
                    matches!(kind, Kind::Reversal { .. })
                }),
            ),
            (
                Sometimes::RepeatAnswered,
                kinds(Final::is_answer, |kind| *kind == Kind::Repeat),
            ),
            (
                Sometimes::Parked,
                self.audit.waiting_for_person.len() as u64,
            ),
        ]);
        counts
    }

    /// Requests that got an answer which had been given before: as the gateways count them, or at
    /// least as the HTTP door told its clients.
    fn repeats_answered_again(&self) -> u64 {
        let counted = self.counted(|status| status.duplicates_suppressed);
        let told = self
            .drive
            .played
            .iter()
            .filter(|played| played.duplicate)
            .count() as u64;
        counted.max(told)
    }

    /// Advices of which the ledger said that it had them already.
    fn advices_duplicate(&self) -> u64 {
        self.counted(|status| status.advices_duplicate)
    }

    /// A counter of the gateways, over all of them and over their restarts.
    fn counted(&self, counter: fn(&Status) -> u64) -> u64 {
        let last = self.evidence.statuses.iter().enumerate();
        last.map(|(index, last)| {
            let seen = self.statuses(index).map(counter);
            over_restarts(seen.chain([counter(last)]))
        })
        .sum()
    }

    fn statuses(&self, gateway: usize) -> impl Iterator<Item = &Status> {
        self.samples
            .iter()
            .filter_map(move |sample| sample.gateways.get(gateway)?.as_ref())
    }
}

/// Payments for which the books hold other money than the twin's.
fn other_money<'a>(
    ids: &'a [AuthorizationId],
    twin: &'a [i64],
    books: &'a BTreeMap<AuthorizationId, i64>,
) -> impl Iterator<Item = usize> + 'a {
    let held = |id| books.get(id).copied().unwrap_or_default();
    let pairs = ids.iter().zip(twin).enumerate();
    pairs
        .filter(move |(_, (id, minor))| held(*id) != **minor)
        .map(|(payment, _)| payment)
}

/// The total of a counter that begins again at zero when its process does.
fn over_restarts(values: impl Iterator<Item = u64>) -> u64 {
    let (mut before, mut last) = (0, 0);
    for value in values {
        if value < last {
            before += last;
        }
        last = value;
    }
    before + last
}

fn set(report: &mut Report, name: &str, held: bool, note: &str) {
    report
        .invariants
        .insert(name.into(), if held { "held" } else { "broken" });
    report.invariant_notes.remove(name);
    if !held {
        report
            .invariant_notes
            .insert(name.into(), vec![note.into()]);
    }
}

/// The longest wait for an empty backlog before the audit goes on without.
pub(crate) const DRAIN_PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_compared_with_the_twins_payment_by_payment() {
        let ids = [1_u8, 2, 3, 4].map(|n| AuthorizationId([n; 16]));
        let books = BTreeMap::from([(ids[0], 500), (ids[1], 250), (ids[3], 100)]);
        let other: Vec<_> = other_money(&ids, &[500, 0, 0, 200], &books).collect();
        assert_eq!(other, [1, 3], "not taken back, and half taken back");
    }

    #[test]
    fn a_counter_survives_a_restart_of_its_process() {
        assert_eq!(over_restarts([1, 3, 7, 0, 2, 2].into_iter()), 9);
        assert_eq!(over_restarts(std::iter::empty()), 0);
    }
}
