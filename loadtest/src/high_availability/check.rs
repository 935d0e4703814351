//! The books after an event, by everybody's word.

use std::collections::BTreeSet;
use std::time::Duration;

use ::tests::books::{AuditOptions, audit};

use super::Drill;
use super::report::Checked;

const KNOWN_WITHIN: Duration = Duration::from_secs(30);

impl Drill {
    /// Asks everybody what they hold and compares it with all that was ever told.
    pub(super) async fn check(&self, went_back: Vec<String>) -> anyhow::Result<Checked> {
        let options = AuditOptions {
            // Measured as unanswered.
            budget: None,
            ..AuditOptions::default()
        };
        let evidence = self.stack.evidence(&options).await?;
        let audit = audit(&evidence, &options);
        let booked: BTreeSet<_> = evidence.authorizations.iter().map(|it| it.id).collect();
        let confirmed = self.probe.confirmed();
        let lost = confirmed.iter().filter(|id| !booked.contains(*id)).count();
        let mut feed = went_back;
        if let Err(error) = self.stack.known(KNOWN_WITHIN).await {
            feed.push(format!("{error:#}"));
        }
        for status in &evidence.statuses {
            let (cards, known) = (self.cards.len() as u64 + 1, status.knowledge.cards);
            if known != cards {
                feed.push(format!("{} knows {known} cards of {cards}", status.gateway));
            }
        }
        Ok(Checked {
            approvals_told: told(&evidence.records),
            confirmed_by_ledger: confirmed.len() as u64,
            lost_approvals: audit.lost_approvals.len() as u64,
            lost_confirmed: lost as u64,
            booked_twice: audit.double_postings.len() as u64,
            balanced: audit.balanced,
            advices: audit.advices_written,
            waiting_for_person: audit.waiting_for_person.len() as u64,
            broken: audit.broken(),
            feed,
        })
    }
}

/// How many different payments somebody was told are approved.
fn told(records: &[::tests::notebook::Record]) -> u64 {
    use ::tests::notebook::{Outcome, Record};
    let approved = records.iter().filter_map(|record| match record {
        Record::Authorization {
            id,
            outcome: Outcome::Answered(answer),
            ..
        } if answer.approved => Some(*id),
        _ => None,
    });
    approved.collect::<BTreeSet<_>>().len() as u64
}
