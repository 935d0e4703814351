//! Metrics as our services expose them: what a metric is, labels as types, OpenMetrics text.
//!
//! A service declares its metrics with [`catalogue!`](crate::catalogue), its labels with
//! [`label!`](crate::label) and [`label_set!`](crate::label_set). A label is a closed set of values,
//! so the number of series is known when the code is compiled, and no card, id or reference can
//! become one. The catalogue is also what the documentation is made from.

mod catalogue;
mod labels;
mod scrape;
mod series;

pub use catalogue::{Description, Kind, Unit, markdown};
pub use labels::{Label, LabelSet, names as label_names};
#[doc(hidden)]
pub use prometheus_client;
pub use scrape::Scrape;
pub use series::Series;

use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::clock;

/// The media type of what [`text`] returns.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of durations, in seconds: they meet the deadlines of a card payment, so that "in
/// time" is a bucket and not an interpolation.
pub const DEADLINES: [f64; 20] = [
    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0,
    3.0, 5.0, 7.0, 10.0,
];

crate::catalogue! {
    /// What every service says of its process.
    PROCESS:
    BUILD = Info "holdfast_build_info" None by ["version"],
        "The version that runs; always 1",
        "more than one version for longer than a rollout takes";
    START_TIME = Gauge "holdfast_start_time_seconds" Seconds,
        "When the process started, in seconds since 1970 by the wall clock",
        "`changes()` that nobody has asked for";
    UPTIME = Gauge "holdfast_uptime_seconds" Seconds,
        "How long the process runs, by the boot clock, suspended time included",
        "";
}

/// When a process started, to tell it and how long it has run.
#[derive(Debug, Clone, Copy)]
pub struct Started {
    wall_seconds: u64,
    boot: clock::BootMillis,
}

impl Started {
    /// Now.
    pub fn now() -> Self {
        Self {
            wall_seconds: clock::wall_seconds(),
            boot: clock::boot_now(),
        }
    }

    /// Writes start and uptime.
    ///
    /// # Errors
    /// Where the text cannot be written.
    pub fn write(&self, scrape: &mut Scrape<'_>) -> std::fmt::Result {
        let up_ms = clock::boot_now().0.saturating_sub(self.boot.0);
        scrape.gauge(&START_TIME, self.wall_seconds)?;
        scrape.gauge(&UPTIME, seconds(up_ms))
    }
}

/// Registers the version that runs.
pub fn register_build(registry: &mut Registry, version: &'static str) {
    BUILD.register(registry, Info::new([("version", version)]));
}

/// Milliseconds as seconds.
pub fn seconds(millis: u64) -> f64 {
    std::time::Duration::from_millis(millis).as_secs_f64()
}

/// Everything in the registry as OpenMetrics text.
pub fn text(registry: &Registry) -> String {
    let mut text = String::new();
    // A `String` takes everything; what a collector could not write is missing, and then so is `# EOF`,
    // which tells whoever reads it that this is not all.
    if prometheus_client::encoding::text::encode(&mut text, registry).is_err() {
        tracing::error!("the metrics could not be written");
    }
    text
}

#[cfg(test)]
mod tests;
