//! Closing a day, and verifying the books.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Currency, CurrencyBalance, Entry, Layer, Mark, Side, Totals, Words};

/// A calendar day, `2026-11-22` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

/// What is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a day must be one of the calendar, written YYYY-MM-DD")]
pub struct DayError;

impl Day {
    /// A day of the calendar, from the year 2000 to 9999.
    pub fn new(year: u16, month: u8, day: u8) -> Result<Self, DayError> {
        let leaps =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 if leaps => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        if (2000..=9999).contains(&year) && (1..=days).contains(&day) {
            Ok(Self { year, month, day })
        } else {
            Err(DayError)
        }
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let shaped = text.len() == 10
            && text.bytes().enumerate().all(|(place, byte)| match place {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !shaped {
            return Err(DayError);
        }
        let part = |from, to| text.get(from..to).ok_or(DayError);
        let year = part(0, 4)?.parse().map_err(|_| DayError)?;
        let month = part(5, 7)?.parse().map_err(|_| DayError)?;
        let day = part(8, 10)?.parse().map_err(|_| DayError)?;
        Self::new(year, month, day)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl TryFrom<String> for Day {
    type Error = DayError;

    fn try_from(text: String) -> Result<Self, DayError> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

/// A SHA-256, 64 hexadecimal digits on the wire.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Digest(pub [u8; 32]);

/// What is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a SHA-256 must be 64 hexadecimal digits")]
pub struct DigestError;

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Sha256Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(DigestError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = str::from_utf8(pair).map_err(|_| DigestError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| DigestError)?;
        }
        Ok(Self(bytes))
    }
}

impl From<Sha256Digest> for String {
    fn from(digest: Sha256Digest) -> Self {
        digest.to_string()
    }
}

/// `POST /v1/closes`: closes a day. A day that is closed stays as it is: the same close is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseRequest {
    /// Which day; today in UTC where it is absent. Later than the last one closed.
    #[serde(default)]
    pub day: Option<Day>,
    /// Who closes it.
    pub by: Words,
}

/// A closed day: every entry that was in the books and not in a close before. What is booked later is
/// in the next close. Immutable.
///
/// `hash` is the SHA-256 of these lines, each ended by a line feed:
///
/// ```text
/// holdfast close 1
/// previous <previous>
/// <number> <account> <authorization or -> <debit|credit> <pending|posted> <amount> <position> <booked_at>
///     … every entry from first_entry to last_entry, in order of number
/// close <number> bucket <bucket> day <day> at <closed_at> mark <epoch> <position>
/// entries <first_entry> <last_entry> <entries>
/// <currency> <eight sums: range, then cumulated; each debits pending, debits posted, credits pending, credits posted>
///     … every currency, in order of its numeric code
/// by <by>
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// Counts up from 1 in a bucket.
    pub number: u64,
    /// Which part of the books.
    #[serde(default)]
    pub bucket: u16,
    /// Which day.
    pub day: Day,
    /// Who closed it.
    pub by: Words,
    /// When, by the ledger's wall clock, in seconds of Unix time: for people.
    pub closed_at: u64,
    /// Where the books stood.
    pub mark: Mark,
    /// The number of the first entry in it; one more than `last_entry` where there is none.
    pub first_entry: u64,
    /// The number of the last entry in it.
    pub last_entry: u64,
    /// How many entries.
    pub entries: u64,
    /// One line for each currency that the books have ever had, in order of its numeric code.
    pub currencies: Vec<CloseLine>,
    /// `hash` of the close before; zeros for the first.
    pub previous: Sha256Digest,
    /// Chains the entries and this close to the one before.
    pub hash: Sha256Digest,
}

/// One currency's sums in a close. Debits equal credits on both layers, in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseLine {
    /// Which currency.
    pub currency: Currency,
    /// Of the entries in the close.
    pub range: Totals,
    /// Of all entries up to its last one.
    pub cumulated: Totals,
}

impl Close {
    /// The lines after the entries, as they are hashed.
    pub fn sealed_text(&self) -> String {
        let Mark { epoch, position } = self.mark;
        let mut text = format!(
            "close {} bucket {} day {} at {} mark {epoch} {position}\nentries {} {} {}\n",
            self.number,
            self.bucket,
            self.day,
            self.closed_at,
            self.first_entry,
            self.last_entry,
            self.entries
        );
        for line in &self.currencies {
            let _fits = write!(text, "{}", line.currency);
            for sums in [line.range, line.cumulated] {
                let _fits = write!(
                    text,
                    " {} {} {} {}",
                    sums.debits_pending,
                    sums.debits_posted,
                    sums.credits_pending,
                    sums.credits_posted
                );
            }
            text.push('\n');
        }
        let _fits = writeln!(text, "by {}", self.by);
        text
    }

    /// The lines before the entries, as they are hashed.
    pub fn opening_text(previous: Sha256Digest) -> String {
        format!("holdfast close 1\nprevious {previous}\n")
    }
}

impl Entry {
    /// Appends its line, as a close hashes it.
    pub fn write_line(&self, text: &mut String) {
        let side = match self.side {
            Side::Debit => "debit",
            Side::Credit => "credit",
        };
        let layer = match self.layer {
            Layer::Pending => "pending",
            Layer::Posted => "posted",
        };
        let _fits = write!(text, "{} {} ", self.number, self.account);
        let _fits = match self.authorization {
            Some(id) => write!(text, "{id}"),
            None => write!(text, "-"),
        };
        let (amount, position, at) = (self.amount_minor, self.position, self.booked_at);
        let _fits = writeln!(text, " {side} {layer} {amount} {position} {at}");
    }
}

/// `GET /v1/closes?after=&limit=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosesPage {
    /// In order of number.
    pub closes: Vec<Close>,
    /// Give it as `after` for the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// `GET /v1/verification`: everything that can be computed again was, on one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Where the books stood.
    pub mark: Mark,
    /// Which part of the books.
    #[serde(default)]
    pub bucket: u16,
    /// How many accounts.
    pub accounts: u64,
    /// How many authorizations.
    pub authorizations: u64,
    /// How many entries.
    pub entries: u64,
    /// How many closes.
    pub closes: u64,
    /// The trial balance.
    pub currencies: Vec<CurrencyBalance>,
    /// What is not as it should be; empty where all is. At most a thousand.
    pub crooked: Vec<Crooked>,
}

/// Something in the books that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crooked {
    /// What kind of thing.
    pub kind: CrookedKind,
    /// Which one, and how.
    pub detail: String,
}

/// What can be crooked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrookedKind {
    /// An entry is missing, twice there, or of no account.
    Entry,
    /// Debits are not credits.
    Currency,
    /// Totals are not the sum of the entries.
    Account,
    /// The money is not what the facts call for, or what was posted.
    Authorization,
    /// Sums, range or hash are not those of the entries.
    Close,
}

impl CrookedKind {
    /// As on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Currency => "currency",
            Self::Account => "account",
            Self::Authorization => "authorization",
            Self::Close => "close",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for text in ["2026-11-22", "2024-02-29", "2000-02-29", "2026-12-31"] {
            let day: Day = text.parse().unwrap();
            assert_eq!(day.to_string(), text);
        }
        for text in [
            "",
            "2026-2-01",
            "2026-02-29",
            "2100-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "1999-01-01",
            "2026-01-00",
            "2026/01/01",
            "+026-01-01",
            "２026-01-1",
        ] {
            assert_eq!(text.parse::<Day>(), Err(DayError), "{text}");
        }
        let day = |text: &str| text.parse::<Day>().unwrap();
        assert!(day("2026-09-30") < day("2026-10-01"));
    }

    #[test]
    fn digests_survive_text() {
        let digest = Sha256Digest([0xa7; 32]);
        assert_eq!(Sha256Digest::try_from(digest.to_string()), Ok(digest));
        assert!(Sha256Digest::try_from("a7".repeat(31)).is_err());
        assert!(Sha256Digest::try_from("+f".repeat(32)).is_err());
    }
}
