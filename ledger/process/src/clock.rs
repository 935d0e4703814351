//! The only place that reads a clock for decisions. Everybody else is told `now`.

use rustix::time::{ClockId, clock_gettime};

/// Time since the machine started, suspended time included. Steps of the wall clock do not move
/// it (I17); it means something to another process only under the same [`boot_id`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootMillis(pub u64);

/// Reads the boot clock.
pub fn boot_now() -> BootMillis {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let millis = u64::try_from(time.tv_nsec).unwrap_or_default() / 1_000_000;
    BootMillis(seconds * 1_000 + millis)
}

/// Which start of which machine this is; zero where the kernel does not tell, which equals no other.
pub fn boot_id() -> u128 {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .ok()
        .and_then(|text| u128::from_str_radix(&text.trim().replace('-', ""), 16).ok())
        .unwrap_or_default()
}

/// The wall clock, for people and for card expiry: seconds since 1970 in UTC. No limit, window,
/// deadline or lease may read it.
pub fn wall_seconds() -> u64 {
    let time = clock_gettime(ClockId::Realtime);
    u64::try_from(time.tv_sec).unwrap_or_default()
}

/// Year and month of a wall clock reading as `YYMM`, to compare with a card's expiry.
pub fn yymm(wall_seconds: u64) -> u16 {
    let (year, month, _) = date(wall_seconds);
    u16::try_from((year % 100) * 100 + month).unwrap_or_default()
}

/// A wall clock reading as `MMDDhhmmss` in UTC, as messages between hosts carry it (DE7).
pub fn mmddhhmmss(wall_seconds: u64) -> String {
    let (_, month, day) = date(wall_seconds);
    let (hours, minutes) = (wall_seconds / 3_600 % 24, wall_seconds / 60 % 60);
    let seconds = wall_seconds % 60;
    format!("{month:02}{day:02}{hours:02}{minutes:02}{seconds:02}")
}

/// Year, month and day of a wall clock reading, in UTC.
pub fn date(wall_seconds: u64) -> (u64, u64, u64) {
    // Civil date from days since 1970-01-01, after Howard Hinnant's algorithm.
    let days = wall_seconds / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_told_from_seconds() {
        for (seconds, expected) in [
            (0, 7001),
            (951_782_399, 2),      // 28 Feb 2000 23:59:59
            (951_782_400, 2),      // 29 Feb 2000
            (951_868_800, 3),      // 1 Mar 2000
            (1_798_761_599, 2612), // 31 Dec 2026 23:59:59
            (1_798_761_600, 2701), // 1 Jan 2027
        ] {
            assert_eq!(yymm(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn a_time_of_transmission_is_told_from_seconds() {
        for (seconds, expected) in [
            (0, "0101000000"),
            (951_782_400, "0229000000"),
            (951_868_800, "0301000000"),
            (1_798_761_599, "1231235959"),
        ] {
            assert_eq!(mmddhhmmss(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn the_boot_clock_goes_forward() {
        let first = boot_now();
        assert!(boot_now() >= first);
        assert!(first.0 > 0);
    }
}
