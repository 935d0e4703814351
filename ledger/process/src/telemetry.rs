//! Traces, for whoever asks for them.

/// Where traces go, and how many.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Base URL of an OTLP/HTTP collector, such as `http://127.0.0.1:4318`; `None`: no traces.
    pub endpoint: Option<String>,
    /// Share of the authorizations that are traced, from 0 to 1.
    pub sample_ratio: f64,
}
