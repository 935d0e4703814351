//! One metric per combination of labels, found without a lock and without hashing.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::{MetricType, TypedMetric};

use super::LabelSet;

/// The series of a metric. Clones share them.
pub struct Series<L, M> {
    cells: Arc<[OnceLock<M>]>,
    make: fn() -> M,
    labels: PhantomData<fn(L)>,
}

impl<L: LabelSet, M> Series<L, M> {
    /// Series that are made by `make`: those that `from_the_start` names at once, so that their first
    /// event is seen as an increase; the others when they are first needed.
    pub fn new(make: fn() -> M, from_the_start: impl Fn(L) -> bool) -> Self {
        let cell = |index| match L::nth(index).filter(|labels| from_the_start(*labels)) {
            Some(_) => OnceLock::from(make()),
            None => OnceLock::new(),
        };
        Self {
            cells: (0..L::COUNT).map(cell).collect(),
            make,
            labels: PhantomData,
        }
    }

    /// The metric of these labels.
    pub fn of(&self, labels: L) -> &M {
        self.cells[labels.index()].get_or_init(self.make)
    }
}

impl<L, M> Clone for Series<L, M> {
    fn clone(&self) -> Self {
        Self {
            cells: Arc::clone(&self.cells),
            make: self.make,
            labels: PhantomData,
        }
    }
}

impl<L, M> fmt::Debug for Series<L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series")
            .field("cells", &self.cells.len())
            .finish_non_exhaustive()
    }
}

impl<L: LabelSet, M: EncodeMetric + TypedMetric> EncodeMetric for Series<L, M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (index, cell) in self.cells.iter().enumerate() {
            if let (Some(labels), Some(metric)) = (L::nth(index), cell.get()) {
                metric.encode(encoder.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }
}
