//! How old the knowledge is.

/// Since when nothing has been heard. Only grows until the ledger is heard again (rule 16).
#[derive(Debug, Clone, Copy)]
pub(super) struct Age {
    boot_id: u128,
    /// The age at `since_ms`; `None` where the ledger was never heard.
    base_ms: Option<u64>,
    since_ms: u64,
}

/// An age as it is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heard {
    /// Which start of the machine `at_ms` belongs to.
    pub(super) boot_id: u128,
    /// Boot milliseconds at which the age was `age_ms`.
    pub(super) at_ms: u64,
    /// The age then.
    pub(super) age_ms: u64,
}

impl Age {
    /// Goes on from what was written down: under the same boot id time has passed; under another
    /// one nobody knows how much, and the age starts from what it was.
    pub(super) fn resume(heard: Option<Heard>, boot_id: u128, boot_ms: u64) -> Self {
        let Some(heard) = heard else {
            return Self {
                boot_id,
                base_ms: None,
                since_ms: boot_ms,
            };
        };
        let same_boot = boot_id != 0 && heard.boot_id == boot_id;
        let since_ms = if same_boot { heard.at_ms } else { boot_ms };
        Self {
            boot_id,
            base_ms: Some(heard.age_ms),
            since_ms,
        }
    }

    pub(super) fn heard(&mut self, boot_ms: u64) {
        // A caller that read the clock earlier than another must not turn the age back.
        if self.base_ms.is_none() || boot_ms >= self.since_ms {
            self.base_ms = Some(0);
            self.since_ms = boot_ms;
        }
    }

    pub(super) fn read(&self, boot_ms: u64) -> u64 {
        let passed = boot_ms.saturating_sub(self.since_ms);
        self.base_ms
            .map_or(u64::MAX, |base| base.saturating_add(passed))
    }

    pub(super) fn stored(&self, boot_ms: u64) -> Option<Heard> {
        let age_ms = self.base_ms.map(|_| self.read(boot_ms))?;
        Some(Heard {
            boot_id: self.boot_id,
            at_ms: boot_ms.max(self.since_ms),
            age_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_goes_on_under_the_same_boot_and_never_shrinks_under_another_rule_16() {
        let mut age = Age::resume(None, 7, 100);
        assert_eq!(age.read(100), u64::MAX, "never heard");
        age.heard(1_000);
        assert_eq!(age.read(4_000), 3_000);
        let stored = age.stored(4_000);
        assert_eq!(
            Age::resume(stored, 7, 9_000).read(9_000),
            8_000,
            "the same boot"
        );
        assert_eq!(Age::resume(stored, 8, 10).read(10), 3_000, "another boot");
        assert_eq!(Age::resume(stored, 8, 10).read(510), 3_500);
        let unknown = Age {
            boot_id: 0,
            base_ms: Some(5),
            since_ms: 0,
        };
        assert_eq!(Age::resume(unknown.stored(10), 0, 500).read(500), 15);
    }
}
