//! From what one bucket did here to how many a portfolio needs: the arithmetic of `docs/scaling.md`.

use serde::Serialize;

use crate::bench::table::whole;

/// Card payments per card and day, on average over all cards.
const PAYMENTS_PER_DAY: f64 = 2.0;
/// Messages about money per payment: the authorization, and its capture. A capture is taken to cost what
/// an authorization does.
const MESSAGES: f64 = 2.0;
/// The busiest second of the year, of the average second.
const PEAK: f64 = 5.0;
/// How much of the measured rate is planned with.
const LOAD: f64 = 0.5;
/// How long entries stay in the database: thirteen months.
const KEPT_DAYS: f64 = 396.0;
const SECONDS_PER_DAY: f64 = 86_400.0;

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub per_s: f64,
    pub disk_bytes: f64,
    pub wal_bytes: f64,
}

/// What a portfolio needs.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Need {
    cards: f64,
    per_day: f64,
    peak_per_s: f64,
    buckets: f64,
    disk_gb_per_day: f64,
    disk_tb_kept: f64,
    wal_gb_per_day: f64,
    wal_mb_per_s_at_peak: f64,
    entries_per_bucket_and_day: f64,
}

/// For ten million cards, and for a hundred.
pub(super) fn needs(unit: Unit) -> Vec<Need> {
    [1e7, 1e8].map(|cards| need(cards, unit)).to_vec()
}

fn need(cards: f64, unit: Unit) -> Need {
    let per_day = cards * PAYMENTS_PER_DAY * MESSAGES;
    let peak_per_s = per_day / SECONDS_PER_DAY * PEAK;
    let buckets = (peak_per_s / (unit.per_s * LOAD).max(f64::MIN_POSITIVE)).ceil();
    Need {
        cards,
        per_day,
        peak_per_s,
        buckets,
        disk_gb_per_day: per_day * unit.disk_bytes / 1e9,
        disk_tb_kept: per_day * unit.disk_bytes * KEPT_DAYS / 1e12,
        wal_gb_per_day: per_day * unit.wal_bytes / 1e9,
        wal_mb_per_s_at_peak: peak_per_s * unit.wal_bytes / 1e6,
        // Two per message.
        entries_per_bucket_and_day: per_day * 2.0 / buckets.max(1.0),
    }
}

/// For people.
pub(super) fn lines(needs: &[Need]) -> Vec<String> {
    let assumed = format!(
        "scaling, with {PAYMENTS_PER_DAY} payments per card and day, {MESSAGES} messages each, peak {PEAK} × the average, {:.0} % of the measured rate:",
        LOAD * 100.0
    );
    let each = needs.iter().map(|need| {
        format!(
            "  {} cards: {} messages a day, {} /s at peak, {} buckets; {:.0} GB a day ({:.1} TB for {KEPT_DAYS} days), {:.0} GB of log a day, {:.0} MB/s at peak; {} entries per bucket and day",
            whole(need.cards),
            whole(need.per_day),
            whole(need.peak_per_s),
            whole(need.buckets),
            need.disk_gb_per_day,
            need.disk_tb_kept,
            need.wal_gb_per_day,
            need.wal_mb_per_s_at_peak,
            whole(need.entries_per_bucket_and_day)
        )
    });
    std::iter::once(assumed).chain(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_million_cards_are_so_many_buckets() {
        let unit = Unit {
            per_s: 20_000.0,
            disk_bytes: 600.0,
            wal_bytes: 1_000.0,
        };
        let needs = needs(unit);
        // 1e7 × 4 a day = 463 a second on average, 2,315 at peak, of 10,000 per bucket.
        assert_eq!(needs[0].buckets, 1.0);
        assert_eq!(needs[1].buckets, 3.0);
        assert!((needs[1].peak_per_s - 23_148.148).abs() < 0.001);
        assert!((needs[0].disk_gb_per_day - 24.0).abs() < 1e-9);
        assert!((needs[0].wal_gb_per_day - 40.0).abs() < 1e-9);
        let text = lines(&needs).join("\n");
        assert!(
            text.contains(
                "100,000,000 cards: 400,000,000 messages a day, 23,148 /s at peak, 3 buckets"
            ),
            "{text}"
        );
    }
}
