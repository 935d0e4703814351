//! What every binary needs to be a process: a clock, a log, settings, metrics, traces, a polite stop.

pub mod clock;
pub mod healthcheck;
pub mod limits;
pub mod log;
mod memory;
pub mod metrics;
pub mod settings;
pub mod stop;
pub mod telemetry;
