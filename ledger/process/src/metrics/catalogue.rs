//! What a metric is, once: for the registry, for the collector, for the documentation.

use std::fmt::Write;

use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Metric, Registry};

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// Its name, as in a query; histograms add `_bucket`, `_sum` and `_count` to it.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// Its unit, which is in the name too.
    pub unit: Unit,
    /// The names of its labels, with the values that each may have where those are ours.
    pub labels: fn() -> Vec<(&'static str, Vec<&'static str>)>,
    /// What it means, without a full stop.
    pub help: &'static str,
    /// When somebody should look; empty where it only explains others.
    pub alert: &'static str,
}

/// What a metric does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from zero at the start of the process unless its meaning says otherwise.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
    /// Text in labels; the value is 1.
    Info,
}

/// A base unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things, or none.
    None,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Minor units of a currency, which is a label.
    Minor,
}

impl Kind {
    /// As in the text format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
        }
    }

    pub(super) fn metric_type(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Gauge => MetricType::Gauge,
            Self::Histogram => MetricType::Histogram,
            Self::Info => MetricType::Info,
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::Info => "_info",
            Self::Gauge | Self::Histogram => "",
        }
    }
}

impl Unit {
    /// As in names; empty where there is none.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Minor => "minor",
        }
    }

    pub(super) fn registered(self) -> Option<prometheus_client::registry::Unit> {
        match self {
            Self::None => None,
            Self::Seconds => Some(prometheus_client::registry::Unit::Seconds),
            Self::Bytes => Some(prometheus_client::registry::Unit::Bytes),
            Self::Minor => Some(prometheus_client::registry::Unit::Other("minor".to_owned())),
        }
    }
}

impl Description {
    /// The name of the family, as in its `# TYPE` line.
    pub fn family(&self) -> &'static str {
        self.name
            .strip_suffix(self.kind.suffix())
            .unwrap_or(self.name)
    }

    /// The family without its unit, which the encoder puts there.
    pub(super) fn base(&self) -> &'static str {
        let family = self.family();
        family
            .strip_suffix(self.unit.name())
            .and_then(|base| base.strip_suffix('_'))
            .unwrap_or(family)
    }

    /// Gives a metric this name and meaning.
    pub fn register(&self, registry: &mut Registry, metric: impl Metric) {
        match self.unit.registered() {
            Some(unit) => registry.register_with_unit(self.base(), self.help, unit, metric),
            None => registry.register(self.base(), self.help, metric),
        }
    }
}

/// A table of metrics, and the values of their labels.
pub fn markdown(descriptions: &[&Description]) -> String {
    let mut text = String::from(
        "| metric | type | unit | labels | meaning | look when |\n|---|---|---|---|---|---|\n",
    );
    let or_dash = |text: &str| if text.is_empty() { "–" } else { text }.to_owned();
    for metric in descriptions {
        let labels: Vec<_> = (metric.labels)()
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        // Writing to a `String` does not fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {} |",
            metric.name,
            metric.kind.name(),
            or_dash(metric.unit.name()),
            or_dash(&labels.join(", ")),
            metric.help,
            or_dash(metric.alert),
        );
    }
    text
}

/// Declares metrics: a constant for each, and a list of all of them.
///
/// ```text
/// catalogue! {
///     /// The list.
///     NAME_OF_THE_LIST:
///     NAME = Kind "holdfast_…" Unit by Labels, "meaning", "look when";
/// }
/// ```
///
/// `by` is left out where there are no labels, and takes `["name"]` for a label that has one value per
/// process, or `[Labels, "name"]` for both.
#[macro_export]
macro_rules! catalogue {
    (@labels) => { || Vec::new() };
    (@labels [$name:literal]) => { || vec![($name, Vec::new())] };
    (@labels [$labels:ident, $name:literal]) => {
        || {
            let mut labels = <$labels as $crate::metrics::LabelSet>::values();
            labels.push(($name, Vec::new()));
            labels
        }
    };
    (@labels $labels:ident) => { <$labels as $crate::metrics::LabelSet>::values };
    ($(#[$meta:meta])* $list:ident: $(
        $id:ident = $kind:ident $name:literal $unit:ident $(by $labels:tt)?, $help:literal, $alert:literal;
    )+) => {
        $(
            #[doc = $help]
            pub const $id: $crate::metrics::Description = $crate::metrics::Description {
                name: $name,
                kind: $crate::metrics::Kind::$kind,
                unit: $crate::metrics::Unit::$unit,
                labels: $crate::catalogue!(@labels $($labels)?),
                help: $help,
                alert: $alert,
            };
        )+
        $(#[$meta])*
        pub const $list: &[&$crate::metrics::Description] = &[$(&$id),+];
    };
}
