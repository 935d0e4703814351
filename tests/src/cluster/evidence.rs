use std::collections::BTreeSet;
use std::path::Path;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context;

use super::Stack;
use crate::books::{Audit, AuditOptions, Evidence, audit};
use crate::notebook::Record;
use crate::payment::TEST_BIN;

/// A breaker may have backed off for ten seconds before it looks again.
const DRAINED_WITHIN: Duration = Duration::from_secs(40);

impl Stack {
    /// Asks everybody what they hold and compares it with what the clients were told. Nothing may be
    /// broken or in flight at that time.
    ///
    /// # Errors
    /// Where somebody does not answer; a broken invariant is in the audit.
    pub async fn audit(&self, options: &AuditOptions) -> anyhow::Result<Audit> {
        let evidence = self
            .evidence(options)
            .await
            .context("collecting evidence")?;
        Ok(audit(&evidence, options))
    }

    /// Ends every fault, waits until all is told, audits, and stops.
    ///
    /// # Errors
    /// Where an invariant is broken, or the backlog does not drain; logs are kept then.
    pub async fn finish(self) -> anyhow::Result<Audit> {
        let outcome = self.settle_and_audit().await;
        if outcome.is_err() {
            self.keep();
        }
        outcome
    }

    async fn settle_and_audit(&self) -> anyhow::Result<Audit> {
        self.repair().await?;
        self.drained(DRAINED_WITHIN).await?;
        let audit = self.audit(&AuditOptions::default()).await?;
        audit.assert()?;
        Ok(audit)
    }

    /// All that the audit weighs.
    ///
    /// # Errors
    /// Where somebody does not answer.
    pub async fn evidence(&self, options: &AuditOptions) -> anyhow::Result<Evidence> {
        let records = self.notebook().records();
        let cards = self
            .cards
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let homes = cards
            .iter()
            .map(|card| (card.token, self.home_of(&card.token)))
            .collect();
        let mut entries = Vec::new();
        if options.entries {
            let touched: BTreeSet<_> = records.iter().map(Record::card).collect();
            for card in cards.iter().filter(|card| touched.contains(&card.token)) {
                entries.extend(self.ledger().statement(card.account).await?);
            }
        }
        let (mut journals, mut statuses) = (Vec::new(), Vec::new());
        for (gateway, peak) in self.gateways().iter().zip(&self.peaks) {
            journals.push(gateway.journal().await?);
            let mut status = gateway.status().await?;
            let before = peak.load(Ordering::Relaxed);
            status.exposure_peak_minor = status.exposure_peak_minor.max(before);
            statuses.push(status);
        }
        let card_numbers_in = if options.search_card_numbers {
            self.machinery.save().await?;
            Some(search(self.directory())?)
        } else {
            None
        };
        Ok(Evidence {
            records,
            cards,
            homes,
            authorizations: self.ledger().authorizations().await?,
            suspense: self.ledger().suspense().await?,
            accounts: self.ledger().accounts().await?,
            entries,
            books: self.ledger().books().await?,
            journals,
            statuses,
            card_numbers_in,
        })
    }
}

/// The files below a directory that contain a test card number.
fn search(directory: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else if std::fs::read(&path).is_ok_and(|bytes| has_card_number(&bytes)) {
                found.push(path.display().to_string());
            }
        }
    }
    Ok(found)
}

fn has_card_number(bytes: &[u8]) -> bool {
    let starts = bytes
        .windows(16)
        .filter(|window| window.starts_with(TEST_BIN.as_bytes()));
    starts
        .into_iter()
        .any(|window| window.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_found_anywhere_in_a_file_i15() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("token"), format!("k1-{TEST_BIN}abcdef01")).unwrap();
        assert_eq!(search(directory.path()).unwrap(), Vec::<String>::new());
        std::fs::write(deep.join("leak"), format!("\0\x01{TEST_BIN}00000012\0")).unwrap();
        assert_eq!(search(directory.path()).unwrap().len(), 1);
    }
}
