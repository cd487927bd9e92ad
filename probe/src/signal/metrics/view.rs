//! Series as whoever writes them in another format sees them.

use std::sync::Arc;

use super::{
    SpanRef,
    key::{Attributes, Stored},
    point::{Buckets, Distribution, Point},
    request::{OVERFLOW, scaled, scaled_sum},
    state::{Series, State},
    store::MetricStore,
    table::{Kind, METRICS, Metric},
};
use crate::{identity::Resource, signal::WallTime};

/// Buckets that exponential ones are put together to, where a format has explicit ones only.
const EXPLICIT_BUCKETS: usize = 24;

/// A series.
#[derive(Debug)]
pub struct SeriesView<'a> {
    /// Its metric.
    pub metric: &'static Metric,
    /// Whose it is.
    pub resource: &'a Resource,
    /// Its attributes, with their values as text.
    pub attributes: Vec<(&'a str, String)>,
    /// When it began, in nanoseconds since 1970.
    pub start: u64,
    /// Everything since then.
    pub value: ValueView,
}

/// What a series amounts to, in the metric's unit.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueView {
    /// Of a counter, or of what may fall as well.
    Sum(i128),
    /// Of one that is no whole number: seconds.
    Fraction(f64),
    /// Of a histogram.
    Histogram(HistogramView),
}

/// A histogram in explicit buckets.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramView {
    /// Upper bounds of all buckets but the last, which has none.
    pub bounds: Vec<f64>,
    /// Values in each bucket.
    pub counts: Vec<u64>,
    /// All values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Examples: the value and the span.
    pub exemplars: Vec<(f64, SpanRef)>,
}

impl MetricStore {
    /// Calls `with` with each series as it is now, those of one metric after another, in the order of [`METRICS`]. Nothing of
    /// this is noticed by the next collection.
    pub fn visit(&self, now: WallTime, with: &mut dyn FnMut(&SeriesView<'_>)) {
        self.look(now, |state| {
            for index in 0..METRICS.len() {
                visit(state, index, with);
            }
        });
    }

    /// The resources that have series.
    #[must_use]
    pub fn resources(&self, now: WallTime) -> Vec<Arc<Resource>> {
        self.look(now, |state| {
            let has_series = |place: usize| {
                let read = state.readings.iter().any(|reading| reading.service == place);
                let service = state.services[place].as_ref()?;
                let kept = service
                    .metrics
                    .iter()
                    .flatten()
                    .any(|own| !own.series.is_empty() || own.overflow.is_some());
                (read || kept).then(|| Arc::clone(&service.resource))
            };
            (0..state.services.len()).filter_map(has_series).collect()
        })
    }
}

fn visit(state: &State, index: usize, with: &mut dyn FnMut(&SeriesView<'_>)) {
    let metric = &METRICS[index];
    for (place, service) in state.services.iter().enumerate() {
        let Some(service) = service else { continue };
        let resource = &*service.resource;
        let mut tell = |attributes, series: &Series| {
            let value = value(state, index, &series.total);
            with(&SeriesView { metric, resource, attributes, start: series.start, value });
        };
        if let Some(own) = &service.metrics[index] {
            for (key, series) in &own.series {
                tell(attributes(state, key), series);
            }
            if let Some(overflow) = &own.overflow {
                tell(vec![(OVERFLOW, "true".to_owned())], overflow);
            }
        }
        for reading in &state.readings {
            if reading.service == place && reading.metric == index {
                let value = if metric.is_fraction() {
                    ValueView::Fraction(scaled(
                        reading.total.unsigned_abs(),
                        state.plan.metrics[index].divisor,
                    ))
                } else {
                    ValueView::Sum(i128::from(reading.total))
                };
                let attributes = attributes(state, &reading.key);
                with(&SeriesView { metric, resource, attributes, start: state.start(), value });
            }
        }
    }
}

fn attributes<'a>(state: &'a State, key: &[u8]) -> Vec<(&'a str, String)> {
    let text = |value: Stored<'_>| match value {
        Stored::Text(text) => text.to_owned(),
        Stored::Integer(number) => number.to_string(),
        Stored::Address(address) => address.to_string(),
    };
    Attributes::of(key)
        .filter_map(|(number, value)| Some((&**state.plan.names.get(usize::from(number))?, text(value))))
        .collect()
}

fn value(state: &State, index: usize, point: &Point) -> ValueView {
    match point {
        Point::Sum { value, .. } => ValueView::Sum(i128::from(*value)),
        Point::Distribution(distribution) => ValueView::Histogram(histogram(
            distribution,
            METRICS[index].kind,
            state.plan.metrics[index].divisor,
        )),
    }
}

fn histogram(distribution: &Distribution, kind: Kind, divisor: f64) -> HistogramView {
    let (bounds, counts) = match (&distribution.buckets, kind) {
        (Buckets::Explicit(counts), Kind::Histogram(bounds)) => (bounds.to_vec(), counts.to_vec()),
        (Buckets::Explicit(counts), _) => (Vec::new(), counts.to_vec()),
        (Buckets::Exponential(exponential), _) => {
            let coarse = exponential.coarsened_to(EXPLICIT_BUCKETS);
            let mut bounds: Vec<_> =
                (0..coarse.counts().len()).map(|place| coarse.upper_bound(place)).collect();
            let mut counts = coarse.counts().to_vec();
            if coarse.zeros() > 0 {
                bounds.insert(0, 0.0);
                counts.insert(0, coarse.zeros());
            }
            // Nothing is above the last bound.
            counts.push(0);
            (bounds, counts)
        }
    };
    let exemplars = distribution
        .exemplars
        .iter()
        .map(|exemplar| (scaled(exemplar.value, divisor), exemplar.span))
        .collect();
    let sum = scaled_sum(distribution.sum, divisor);
    HistogramView { bounds, counts, count: distribution.count, sum, exemplars }
}
