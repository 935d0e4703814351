//! The time of day, for field 7 of messages of the link's own. Nothing is decided by it: deadlines
//! are on tokio's clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "a stamp that people read; the codec below and the user above have no clock to give"
)]
pub(crate) fn wall_seconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

/// As field 7 has it, in UTC: the day's number becomes a date of the Gregorian calendar by counting
/// from a 1 March, behind which leap days fall.
pub(crate) fn mmddhhmmss(wall_seconds: u64) -> String {
    let (days, second) = (wall_seconds / 86_400, wall_seconds % 86_400);
    let day_of_era = (days + 719_468) % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12 + 1;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{month:02}{day:02}{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, stamp) in [
            (0, "0101000000"),
            (951_782_399, "0228235959"), // 2000 had a leap day
            (951_782_400, "0229000000"),
            (1_798_761_599, "1231235959"), // 2026
            (1_798_761_600, "0101000000"),
            (4_107_542_400, "0301000000"), // 2100 has none
        ] {
            assert_eq!(mmddhhmmss(seconds), stamp);
        }
    }
}
