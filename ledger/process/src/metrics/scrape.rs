//! What is known already and only read when somebody asks.

use std::fmt;

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, MetricEncoder, NoLabelSet,
};

use super::Description;

/// Writes metrics whose values are read at the scrape.
#[derive(Debug)]
pub struct Scrape<'a>(DescriptorEncoder<'a>);

impl<'a> Scrape<'a> {
    /// Writes to this encoder.
    pub fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self(encoder)
    }

    /// A gauge without labels.
    ///
    /// # Errors
    /// Where the text cannot be written.
    pub fn gauge(&mut self, what: &Description, value: impl EncodeGaugeValue) -> fmt::Result {
        self.describe(what, |mut metric| metric.encode_gauge(&value))
    }

    /// A gauge by labels; one without rows is declared and has no value.
    ///
    /// # Errors
    /// Where the text cannot be written.
    pub fn gauges<L: EncodeLabelSet>(
        &mut self,
        what: &Description,
        rows: impl IntoIterator<Item = (L, f64)>,
    ) -> fmt::Result {
        self.describe(what, |mut metric| {
            rows.into_iter()
                .try_for_each(|(labels, value)| metric.encode_family(&labels)?.encode_gauge(&value))
        })
    }

    /// An amount in one currency.
    ///
    /// # Errors
    /// Where the text cannot be written.
    pub fn money(
        &mut self,
        what: &Description,
        currency: &impl EncodeLabelSet,
        minor: i64,
    ) -> fmt::Result {
        self.describe(what, |mut metric| {
            metric.encode_family(currency)?.encode_gauge(&minor)
        })
    }

    /// A gauge that may have no value.
    ///
    /// # Errors
    /// Where the text cannot be written.
    pub fn gauge_if_known(
        &mut self,
        what: &Description,
        value: Option<impl EncodeGaugeValue>,
    ) -> fmt::Result {
        self.describe(what, |mut metric| match value {
            Some(value) => metric.encode_gauge(&value),
            None => Ok(()),
        })
    }

    /// A counter without labels.
    ///
    /// # Errors
    /// Where the text cannot be written.
    pub fn counter(&mut self, what: &Description, value: u64) -> fmt::Result {
        self.describe(what, |mut metric| {
            metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
        })
    }

    /// A counter by labels.
    ///
    /// # Errors
    /// Where the text cannot be written.
    pub fn counters<L: EncodeLabelSet>(
        &mut self,
        what: &Description,
        rows: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        self.describe(what, |mut metric| {
            rows.into_iter().try_for_each(|(labels, value)| {
                metric
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, _, u64>(&value, None)
            })
        })
    }

    fn describe(
        &mut self,
        what: &Description,
        write: impl FnOnce(MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let unit = what.unit.registered();
        // The registry ends its own help texts with a full stop.
        let help = format!("{}.", what.help);
        write(self.0.encode_descriptor(
            what.base(),
            &help,
            unit.as_ref(),
            what.kind.metric_type(),
        )?)
    }
}
