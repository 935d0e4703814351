//! `ledger reconcile`.

use std::process::ExitCode;

use clap::Args;

use super::FAILED;
use super::outside::{self, say, unasked};
use crate::reconcile::{Difference, Reconciliation, reconcile};

/// How many differences the text names.
const NAMED_MAX: usize = 200;

/// Whose journal, and whose books.
#[derive(Debug, Clone, Args)]
pub(super) struct ReconcileCommand {
    /// The ledger that keeps the books.
    #[arg(long)]
    url: String,
    /// The gateway whose journal is compared, at its HTTP door.
    #[arg(long, value_name = "URL")]
    gateway: String,
    /// As JSON, with every difference.
    #[arg(long)]
    json: bool,
}

impl ReconcileCommand {
    /// Exit code 0 where they agree, 1 where they do not.
    pub(super) fn run(self) -> ExitCode {
        outside::run(async move {
            let report = match reconcile(&self.url, &self.gateway).await {
                Ok(report) => report,
                Err(error) => return unasked(&error),
            };
            if self.json {
                let json = serde_json::to_value(&report).unwrap_or_default();
                say(&format!("{json:#}\n"));
            } else {
                say(&text(&report));
            }
            match report.agrees() {
                true => ExitCode::SUCCESS,
                false => ExitCode::from(FAILED),
            }
        })
    }
}

fn text(report: &Reconciliation) -> String {
    let mut text = format!(
        "gateway {}: {} answers, {} of them still to be told\n",
        report.gateway, report.answers, report.waiting
    );
    text += &format!(
        "{:<9}{:>20}{:>20}{:>20}{:>20}\n",
        "currency", "journal", "books", "difference", "to be told"
    );
    for total in &report.totals {
        let minor = |minor: i64| total.currency.format(minor);
        text += &format!(
            "{:<9}{:>20}{:>20}{:>20}{:>20}\n",
            total.currency.to_string(),
            minor(total.journal_minor),
            minor(total.books_minor),
            minor(total.journal_minor - total.books_minor),
            minor(total.waiting_minor)
        );
    }
    for difference in report.differences.iter().take(NAMED_MAX) {
        text += &line(difference);
    }
    let more = report.differences.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        text += &format!("and {more} more; --json has them all\n");
    }
    text + match report.agrees() {
        true => "journal and books agree\n",
        false => "journal and books DIFFER\n",
    }
}

fn line(difference: &Difference) -> String {
    let told = match &difference.told {
        Some(told) => {
            let verdict = if told.approved {
                "approved"
            } else {
                "declined"
            };
            let amount = told.currency.format(told.approved_minor.minor());
            let left = told
                .reversed_to_minor
                .map(|left| format!(", reversed to {}", told.currency.format(left.minor())));
            format!(
                "record {}: {verdict} {amount}{}",
                told.seq,
                left.unwrap_or_default()
            )
        }
        None => "nothing".to_owned(),
    };
    let (kind, id, books) = (difference.kind.name(), difference.id, &difference.books);
    format!("{kind:<9}{id}  journal: {told}; books: {books}\n")
}
