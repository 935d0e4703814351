//! How much stand-in approves at one merchant, at one terminal and for one range of card numbers.
//!
//! An outage can be provoked, to spend many cards in one place while nobody looks at their books. Windows
//! run in served time (rule 16), like those of the cards. They are counted in eighths and rounded against
//! us: what was approved counts for its window, and for up to an eighth longer. A reversal gives nothing
//! back. Memory is bounded (I12): where there are too many merchants, those that come last share one
//! window.

use crate::decide::Used;
use crate::journal::Answered;
use crate::maps::FastMap;
use crate::policy::Policy;
use crate::words::Request;

/// Merchants, terminals, ranges of card numbers.
pub(crate) const PLACES: usize = 3;

/// Parts of a window.
const PARTS: usize = 8;
/// Windows of their own, of each kind of place.
const KEYS_MAX: usize = 65_536;

/// What was approved lately, by place.
#[derive(Debug)]
pub(crate) struct Velocity([Table; PLACES]);

impl Velocity {
    pub(crate) fn new(policy: &Policy) -> Self {
        Self(spans(policy).map(Table::new))
    }

    /// What is used of the windows of a request: merchant, terminal, range.
    pub(crate) fn used(&self, request: &Request, served_ms: u64) -> [Used; PLACES] {
        let mut used = [Used::default(); PLACES];
        let tables = self.0.iter().zip(keys(request)).zip(&mut used);
        tables.for_each(|((table, key), used)| *used = table.used(key, served_ms));
        used
    }

    /// Counts an approval. A credit spends nothing.
    pub(crate) fn add(&mut self, answered: &Answered, served_ms: u64) {
        if answered.is_credit() {
            return;
        }
        let keys = keys(&answered.request);
        for (table, key) in self.0.iter_mut().zip(keys) {
            table.add(key, answered.charge(), served_ms);
        }
    }

    /// Another policy: what counted so far counts as if it had just been.
    pub(crate) fn change(&mut self, policy: &Policy, served_ms: u64) {
        for (table, span_ms) in self.0.iter_mut().zip(spans(policy)) {
            if table.span_ms != span_ms {
                table.change(span_ms, served_ms);
            }
        }
    }
}

/// How long the windows are; zero where there is no limit.
fn spans(policy: &Policy) -> [u64; PLACES] {
    policy
        .velocity()
        .map(|limit| limit.map_or(0, |limit| limit.span_ms))
}

/// Zero is a place that was not told.
pub(crate) fn keys(request: &Request) -> [u32; PLACES] {
    let circumstances = &request.circumstances;
    [circumstances.merchant, request.terminal, circumstances.bin]
}

#[derive(Debug)]
struct Table {
    span_ms: u64,
    windows: FastMap<u32, Window>,
    /// Of those that there was no room for.
    others: Window,
    /// When there was last no room: to look for it once in each part is enough.
    swept: u64,
}

impl Table {
    fn new(span_ms: u64) -> Self {
        Self {
            span_ms,
            windows: FastMap::default(),
            others: Window::default(),
            swept: 0,
        }
    }

    fn part(&self, served_ms: u64) -> u64 {
        served_ms / (self.span_ms / PARTS as u64).max(1)
    }

    fn used(&self, key: u32, served_ms: u64) -> Used {
        if key == 0 || self.span_ms == 0 {
            return Used::default();
        }
        let full = self.windows.len() >= KEYS_MAX;
        let others = full.then_some(&self.others);
        let window = self.windows.get(&key).or(others);
        window.map_or(Used::default(), |window| window.used(self.part(served_ms)))
    }

    fn add(&mut self, key: u32, minor: i64, served_ms: u64) {
        if key == 0 || self.span_ms == 0 {
            return;
        }
        let part = self.part(served_ms);
        if self.windows.len() >= KEYS_MAX && self.swept != part {
            self.swept = part;
            self.windows.retain(|_, window| window.is_used(part));
        }
        let room = self.windows.len() < KEYS_MAX;
        let window = if room {
            self.windows.entry(key).or_default()
        } else {
            self.windows.get_mut(&key).unwrap_or(&mut self.others)
        };
        window.add(part, minor);
    }

    fn change(&mut self, span_ms: u64, served_ms: u64) {
        let before = self.part(served_ms);
        self.span_ms = span_ms;
        let now = self.part(served_ms);
        for window in self.windows.values_mut().chain([&mut self.others]) {
            *window = Window::holding(window.used(before), now);
        }
        if span_ms == 0 {
            self.windows.clear();
        }
    }
}

/// The last parts of a window, and the one that runs.
#[derive(Debug, Default)]
struct Window {
    newest: u64,
    parts: [Used; PARTS + 1],
}

impl Window {
    fn holding(used: Used, part: u64) -> Self {
        let mut window = Self {
            newest: part,
            ..Self::default()
        };
        if let Some(slot) = window.slot(part) {
            *slot = used;
        }
        window
    }

    fn slot(&mut self, part: u64) -> Option<&mut Used> {
        let place = usize::try_from(part % (PARTS as u64 + 1)).ok()?;
        self.parts.get_mut(place)
    }

    /// Time does not go back: what comes late counts now.
    fn add(&mut self, part: u64, minor: i64) {
        let gone = part.saturating_sub(self.newest).min(PARTS as u64 + 1);
        self.newest = self.newest.max(part);
        for back in 0..gone {
            if let Some(slot) = self.slot(self.newest - back) {
                *slot = Used::default();
            }
        }
        if let Some(slot) = self.slot(self.newest) {
            slot.add(minor);
        }
    }

    fn is_used(&self, part: u64) -> bool {
        part.saturating_sub(self.newest) <= PARTS as u64
    }

    fn used(&self, part: u64) -> Used {
        let mut sum = Used::default();
        let gone = part.saturating_sub(self.newest);
        let counted = (PARTS as u64 + 1).saturating_sub(gone);
        for back in 0..counted.min(self.newest + 1) {
            let place = usize::try_from((self.newest - back) % (PARTS as u64 + 1));
            if let Some(used) = place.ok().and_then(|place| self.parts.get(place)) {
                sum.minor = sum.minor.saturating_add(used.minor);
                sum.count = sum.count.saturating_add(used.count);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::circumstances::Kind;

    const SPAN_MS: u64 = 8_000;

    fn both(table: &Table, key: u32, at: u64) -> (i64, u32) {
        let used = table.used(key, at);
        (used.minor, used.count)
    }

    #[test]
    fn an_approval_counts_for_its_window_and_at_most_an_eighth_longer() {
        let mut table = Table::new(SPAN_MS);
        table.add(7, 100, 500);
        table.add(7, 10, 4_000);
        assert_eq!(both(&table, 7, 4_000), (110, 2));
        assert_eq!(both(&table, 7, 8_499), (110, 2));
        assert_eq!(both(&table, 7, 9_000), (10, 1));
        assert_eq!(both(&table, 7, 12_999), (10, 1));
        assert_eq!(both(&table, 7, 13_000), (0, 0));
        assert_eq!(both(&table, 8, 4_000), (0, 0), "another place");
        table.add(7, 1, 100_000);
        assert_eq!(both(&table, 7, 100_000), (1, 1), "long after");
    }

    #[test]
    fn a_place_that_was_not_told_or_has_no_limit_is_not_counted() {
        let mut table = Table::new(SPAN_MS);
        table.add(0, 100, 0);
        assert_eq!((both(&table, 0, 0), table.windows.len()), ((0, 0), 0));
        let mut table = Table::new(0);
        table.add(7, 100, 0);
        assert_eq!((both(&table, 7, 0), table.windows.len()), ((0, 0), 0));
    }

    #[test]
    fn a_credit_is_not_counted() {
        let text = format!("{}{LIMITS}", Policy::default_text());
        let mut velocity = Velocity::new(&Policy::parse(&text).unwrap());
        let mut request = crate::sample::request(1, 1, 100);
        request.circumstances.bin = 9;
        velocity.add(&crate::sample::approved(request, 100), 0);
        request.circumstances.kind = Kind::Credit;
        velocity.add(&crate::sample::approved(request, 0), 0);
        let once = Used {
            minor: 100,
            count: 1,
        };
        assert_eq!(velocity.used(&request, 0), [once; PLACES]);
    }

    const LIMITS: &str = "\n[velocity.bin]\nminutes = 10\ncount = 9\nmax_minor = 90_000\n";

    #[test]
    fn under_another_policy_what_counted_counts_as_if_it_had_just_been() {
        let mut table = Table::new(SPAN_MS);
        table.add(7, 100, 0);
        table.change(80_000, 7_999);
        assert_eq!(both(&table, 7, 7_999 + 80_000 - 10_000), (100, 1));
        assert_eq!(both(&table, 7, 7_999 + 100_000), (0, 0));
    }

    #[test]
    fn memory_is_bounded_and_those_that_come_last_share_a_window_i12() {
        let mut table = Table::new(SPAN_MS);
        let keys = u32::try_from(KEYS_MAX).unwrap();
        (1..=keys).for_each(|key| table.add(key, 1, 0));
        table.add(keys + 1, 5, 0);
        table.add(keys + 2, 6, 0);
        table.add(1, 2, 0);
        assert_eq!(table.windows.len(), KEYS_MAX);
        assert_eq!(both(&table, keys + 9, 0), (11, 2), "careful with strangers");
        assert_eq!(both(&table, 1, 0), (3, 2));
        table.add(keys + 1, 4, 10_000);
        assert_eq!(table.windows.len(), 1, "the others have not sold for long");
        assert_eq!(both(&table, keys + 1, 10_000), (4, 1));
    }

    proptest! {
        #[test]
        fn never_less_is_counted_than_was_approved_in_the_window_i5(
            steps in prop::collection::vec((0_u64..5_000, 0_i64..100), 1..60),
        ) {
            let mut table = Table::new(SPAN_MS);
            let (mut now, mut all) = (0, Vec::new());
            for (after, minor) in steps {
                now += after;
                table.add(7, minor, now);
                all.push((now, minor));
                let counted = table.used(7, now).minor;
                let since = |span: u64| -> i64 {
                    all.iter().filter(|(at, _)| now - at < span).map(|(_, minor)| minor).sum()
                };
                prop_assert!(counted >= since(SPAN_MS));
                prop_assert!(counted <= since(SPAN_MS + SPAN_MS / 8));
            }
        }
    }
}
