//! Adding up and hashing a range of entries, the same in every store: for a close, and to verify one.

use std::collections::BTreeMap;

use ledger_api::{
    Close, CloseLine, Crooked, CrookedKind, Currency, CurrencyBalance, Day, Entry, Mark, Problem,
    Retry, Sha256Digest, Totals, Words,
};
use sha2::{Digest, Sha256};

use super::audit::Audited;

/// A day to close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// Which day.
    pub day: Day,
    /// Who closes it.
    pub by: Words,
    /// When, in seconds of Unix time.
    pub at: u64,
}

/// What came of closing a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// It is closed now.
    Now(Close),
    /// It was closed before, and stays as it was.
    Before(Close),
    /// It is not closed.
    Refused(Problem),
}

/// Entries in order of number, from the one after a close on.
#[derive(Debug)]
pub(crate) struct Range {
    number: u64,
    bucket: u16,
    previous: Sha256Digest,
    first: u64,
    next: u64,
    count: u64,
    sums: BTreeMap<u16, (Currency, Totals)>,
    before: Vec<CloseLine>,
    overflown: bool,
    hasher: Sha256,
    line: String,
}

impl Range {
    /// After a close, or from the first entry on.
    pub(crate) fn after(bucket: u16, close: Option<&Close>) -> Self {
        let previous = close.map(|close| close.hash).unwrap_or_default();
        let first = close.map_or(1, |close| close.last_entry + 1);
        let mut hasher = Sha256::new();
        hasher.update(Close::opening_text(previous));
        Self {
            number: close.map_or(1, |close| close.number + 1),
            bucket,
            previous,
            first,
            next: first,
            count: 0,
            sums: BTreeMap::new(),
            before: close
                .map(|close| close.currencies.clone())
                .unwrap_or_default(),
            overflown: false,
            hasher,
            line: String::new(),
        }
    }

    /// The number after which its first entry comes.
    pub(crate) fn begins_after(&self) -> u64 {
        self.first - 1
    }

    /// Takes the next entry, whose account has this currency, if it exists; says what is crooked.
    pub(crate) fn take(&mut self, entry: &Entry, currency: Option<Currency>) -> Option<Crooked> {
        let expected = self.next;
        self.next = entry.number + 1;
        self.count += 1;
        self.line.clear();
        entry.write_line(&mut self.line);
        self.hasher.update(&self.line);
        let number = entry.number;
        if number != expected {
            let detail = if number < expected {
                format!("entry {number} is there more than once")
            } else {
                format!("entries {expected} to {} are missing", number - 1)
            };
            return Some(crooked(CrookedKind::Entry, detail));
        }
        let Some(currency) = currency else {
            let detail = format!(
                "entry {number} is of account {}, which does not exist",
                entry.account
            );
            return Some(crooked(CrookedKind::Entry, detail));
        };
        let (_, sum) =
            (self.sums.entry(currency.numeric())).or_insert_with(|| (currency, Totals::default()));
        match sum.checked_add(entry.totals()) {
            Some(larger) => *sum = larger,
            None => self.overflown = true,
        }
        None
    }

    /// What is wrong where entry number `last` is in the books and has not come.
    pub(crate) fn ends_before(&self, last: u64) -> Option<Crooked> {
        let next = self.next;
        let detail = if next <= last {
            format!("entries {next} to {last} are missing")
        } else if next > last + 1 {
            format!("entry {} is there, and the books end with {last}", next - 1)
        } else {
            return None;
        };
        Some(crooked(CrookedKind::Entry, detail))
    }

    /// The close of this range, which ends with entry number `last`, and everything about it that is
    /// crooked.
    pub(crate) fn seal(self, closing: Closing, mark: Mark, last: u64) -> (Close, Vec<Crooked>) {
        let mut found: Vec<_> = self.ends_before(last).into_iter().collect();
        let (currencies, overflown) = lines(&self.before, &self.sums);
        if self.overflown || overflown {
            let detail = format!("sums up to entry {last} do not fit");
            found.push(crooked(CrookedKind::Currency, detail));
        }
        found.extend(currencies.iter().filter_map(|line| {
            let sums = [("range", line.range), ("cumulated", line.cumulated)];
            let (which, sum) = sums.into_iter().find(|(_, sum)| !sum.is_level())?;
            let currency = line.currency;
            let detail =
                format!("{currency}, {which} up to entry {last}: debits are not credits: {sum:?}");
            Some(crooked(CrookedKind::Currency, detail))
        }));
        let mut close = Close {
            number: self.number,
            bucket: self.bucket,
            day: closing.day,
            by: closing.by,
            closed_at: closing.at,
            mark,
            first_entry: self.first,
            last_entry: last,
            entries: self.count,
            currencies,
            previous: self.previous,
            hash: Sha256Digest::default(),
        };
        let mut hasher = self.hasher;
        hasher.update(close.sealed_text());
        close.hash = Sha256Digest(hasher.finalize().into());
        (close, found)
    }
}

/// Range and cumulated sums of every currency there ever was; true where one does not fit.
fn lines(before: &[CloseLine], sums: &BTreeMap<u16, (Currency, Totals)>) -> (Vec<CloseLine>, bool) {
    let mut lines: BTreeMap<u16, CloseLine> = BTreeMap::new();
    for line in before {
        let range = Totals::default();
        lines.insert(line.currency.numeric(), CloseLine { range, ..*line });
    }
    let mut overflown = false;
    for (code, (currency, range)) in sums {
        let line = lines.entry(*code).or_insert(CloseLine {
            currency: *currency,
            range: Totals::default(),
            cumulated: Totals::default(),
        });
        line.range = *range;
        match line.cumulated.checked_add(*range) {
            Some(sum) => line.cumulated = sum,
            None => overflown = true,
        }
    }
    (lines.into_values().collect(), overflown)
}

/// What the day is to become: `None` where it can be closed.
pub(crate) fn settled(
    closing: &Closing,
    last: Option<&Close>,
    same_day: Option<Close>,
) -> Option<Closed> {
    if let Some(close) = same_day {
        return Some(Closed::Before(close));
    }
    let last = last.filter(|last| last.day > closing.day)?;
    let detail = format!(
        "day {} was closed after {}; what is booked now belongs to a later day",
        last.day, closing.day
    );
    let problem = Problem::new("day_out_of_order", 409, Retry::Never, detail);
    Some(Closed::Refused(problem))
}

/// The close, if nothing is crooked in its range nor in the accounts on the same snapshot.
pub(crate) fn proven(close: Close, mut found: Vec<Crooked>, accounts: &Audited) -> Closed {
    found.extend(accounts.crooked());
    found.extend(unequal(&close.currencies, &accounts.currencies));
    if found.is_empty() {
        return Closed::Now(close);
    }
    let named: Vec<_> = found
        .iter()
        .take(3)
        .map(|one| one.detail.as_str())
        .collect();
    let detail = format!(
        "the books do not balance, so nothing is closed ({} faults): {}; `ledger verify` says them all",
        found.len(),
        named.join("; ")
    );
    let problem = Problem::new("books_not_balanced", 409, Retry::Never, detail);
    Closed::Refused(problem)
}

/// Currencies whose cumulated sums are not those of the accounts.
fn unequal<'a>(
    lines: &'a [CloseLine],
    accounts: &'a [CurrencyBalance],
) -> impl Iterator<Item = Crooked> + 'a {
    let of_accounts = |currency: Currency| {
        let line = accounts.iter().find(|line| line.currency == currency);
        line.map(|line| line.totals).unwrap_or_default()
    };
    lines.iter().filter_map(move |line| {
        let (entries, accounts) = (line.cumulated, of_accounts(line.currency));
        (entries != accounts).then(|| {
            let currency = line.currency;
            let detail =
                format!("{currency}: entries add up to {entries:?}, accounts to {accounts:?}");
            crooked(CrookedKind::Currency, detail)
        })
    })
}

pub(crate) fn crooked(kind: CrookedKind, detail: String) -> Crooked {
    Crooked { kind, detail }
}

/// Compares a close with what its entries give.
pub(crate) fn differs(close: &Close, computed: &Close) -> Option<Crooked> {
    let what = if close.previous != computed.previous {
        "its previous hash is not that of the close before"
    } else if (close.first_entry, close.last_entry, close.entries)
        != (computed.first_entry, computed.last_entry, computed.entries)
    {
        "its range is not that of the entries"
    } else if close.currencies != computed.currencies {
        "its sums are not those of the entries"
    } else if close.hash != computed.hash {
        "its hash is not that of the entries and itself"
    } else if close.number != computed.number {
        "its number does not follow the one before"
    } else {
        return None;
    };
    let detail = format!("close {} of {}: {what}", close.number, close.day);
    Some(crooked(CrookedKind::Close, detail))
}
