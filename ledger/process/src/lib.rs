//! What every binary needs to be a process: a clock, a log, a polite stop.

pub mod clock;
pub mod limits;
pub mod log;
pub mod stop;
pub mod telemetry;
