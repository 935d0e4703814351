//! What every service has in its configuration, and what is refused of it.

use confique::Config;

use super::Report;
use crate::{log, telemetry};

/// What is logged.
#[derive(Debug, Config)]
pub struct Log {
    /// What is logged, as `info` or `info,ledger=debug`.
    #[config(env = "HOLDFAST_LOG", default = "info")]
    pub filter: String,
}

/// Traces.
#[derive(Debug, Config)]
pub struct Telemetry {
    /// Base URL of an OTLP/HTTP collector, such as http://127.0.0.1:4318; no traces where there is none.
    ///
    /// Traces leave unencrypted: have the collector on the same machine.
    #[config(env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,

    /// Share of the authorizations that are traced, from 0 to 1.
    #[config(env = "OTEL_TRACES_SAMPLER_ARG", default = 0.01)]
    pub sample_ratio: f64,
}

/// The section `[log]`: a filter that parses.
pub fn log(section: &<Log as Config>::Layer, report: &mut Report) {
    if let Some(filter) = &section.filter {
        report.keep("log.filter", log::check(filter));
    }
}

/// The section `[telemetry]`: an endpoint that the exporter can reach, and a share.
pub fn telemetry(
    section: &<Telemetry as Config>::Layer,
    report: &mut Report,
) -> Option<telemetry::Settings> {
    let endpoint = &section.otlp_endpoint;
    if let Some(Err(what)) = endpoint.as_deref().map(telemetry::check_endpoint) {
        report.refuse(
            "telemetry.otlp_endpoint",
            what,
            "have a collector beside the service that passes traces on, such as http://127.0.0.1:4318",
        );
    }
    let sample_ratio = section.sample_ratio?;
    if !(0.0..=1.0).contains(&sample_ratio) {
        let what = format!("{sample_ratio} is no share");
        report.refuse(
            "telemetry.sample_ratio",
            what,
            "write it as a number from 0 to 1",
        );
    }
    Some(telemetry::Settings {
        endpoint: endpoint.clone(),
        sample_ratio,
    })
}
