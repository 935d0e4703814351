//! Telling what was measured.

use serde::Serialize;

use super::idle::Idle;
use super::load::Measured;
use crate::bench::table::{aligned, median, number, whole};

/// One kind of message, at both sides.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    name: &'static str,
    /// The ratio that is asked for.
    target: f64,
    /// Echo and gateway.
    pub(super) rounds: Vec<(Measured, Measured)>,
}

impl Line {
    pub(super) fn new(name: &'static str, target: f64) -> Self {
        Self {
            name,
            target,
            rounds: Vec::new(),
        }
    }

    fn middle(&self, of: impl Fn(&Measured, &Measured) -> f64) -> Option<f64> {
        median(
            self.rounds
                .iter()
                .map(|(echo, gateway)| of(echo, gateway))
                .collect(),
        )
    }

    fn summary(&self) -> Summary {
        Summary {
            name: self.name,
            echo_per_s: self.middle(|echo, _| echo.per_s),
            gateway_per_s: self.middle(|_, gateway| gateway.per_s),
            ratio: self.middle(|echo, gateway| gateway.per_s / echo.per_s),
            target: self.target,
            gateway_per_cpu_s: self.middle(|_, gateway| gateway.answers as f64 / gateway.cpu_s),
        }
    }
}

/// Medians over the rounds.
#[derive(Debug, Serialize)]
struct Summary {
    name: &'static str,
    echo_per_s: Option<f64>,
    gateway_per_s: Option<f64>,
    ratio: Option<f64>,
    target: f64,
    /// Answers per second of processor time that the gateway used.
    gateway_per_cpu_s: Option<f64>,
}

/// Everything.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    lines: Vec<Line>,
    medians: Vec<Summary>,
    /// Answers that do not approve a payment: there should be none, or less was done than is measured.
    declined: u64,
    stand_in_approved: u64,
    idle: Option<Idle>,
    commit: String,
    machine: String,
}

impl Report {
    pub(super) fn of(
        lines: Vec<Line>,
        stand_in_approved: u64,
        idle: Option<Idle>,
        commit: String,
        machine: String,
    ) -> Self {
        let gateways = lines.iter().flat_map(|line| &line.rounds);
        Self {
            declined: gateways.map(|(_, gateway)| gateway.declined).sum(),
            medians: lines.iter().map(Line::summary).collect(),
            lines,
            stand_in_approved,
            idle,
            commit,
            machine,
        }
    }

    /// Zero, or 10 where a ratio is below what is asked for, or payments were declined.
    pub(crate) fn exit_code(&self) -> u8 {
        let met = |summary: &Summary| summary.ratio.is_some_and(|ratio| ratio >= summary.target);
        let idle = self.idle.is_none_or(|idle| idle.kib_each <= IDLE_KIB_MAX);
        if self.declined == 0 && idle && self.medians.iter().all(met) {
            0
        } else {
            OBJECTIVE_MISSED
        }
    }

    pub(super) fn text(&self) -> String {
        let head = [
            "",
            "echo /s",
            "gateway /s",
            "ratio",
            "asked for",
            "per CPU second",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for summary in &self.medians {
            rows.push(vec![
                summary.name.to_owned(),
                whole(summary.echo_per_s.unwrap_or_default()),
                whole(summary.gateway_per_s.unwrap_or_default()),
                number(summary.ratio, 3),
                format!("{:.1}", summary.target),
                whole(summary.gateway_per_cpu_s.unwrap_or_default()),
            ]);
        }
        let mut text = format!(
            "Door of a gateway beside a bare echo of the same bytes, 64 connections; medians of {} rounds\n\n{}\n\n\
             {} payments approved by stand-in with a journal in memory, {} answers that did not approve\n",
            self.lines.first().map_or(0, |line| line.rounds.len()),
            aligned(&rows),
            whole(self.stand_in_approved as f64),
            self.declined,
        );
        if let Some(idle) = &self.idle {
            text += &format!(
                "{} idle connections: {:.1} KiB each, at most {IDLE_KIB_MAX:.0} asked for ({} → {} MiB resident)\n",
                whole(f64::from(idle.connections)),
                idle.kib_each,
                idle.before_kib / 1_024,
                idle.after_kib / 1_024,
            );
        }
        text + &format!("\n{} on {}", self.commit, self.machine)
    }
}

const IDLE_KIB_MAX: f64 = 64.0;
const OBJECTIVE_MISSED: u8 = 10;
