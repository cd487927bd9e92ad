//! What measurements of one series amount to.

use super::exponential::Exponential;

/// Exemplars of one series at most: one for each explicit bucket, or for each of so many orders of magnitude.
const EXEMPLARS: usize = 16;

/// A sampled exchange that a measurement was taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanRef {
    /// Its trace.
    pub trace_id: [u8; 16],
    /// Its span.
    pub span_id: [u8; 8],
    /// When it ended, in nanoseconds since 1970.
    pub unix_nanos: u64,
}

/// An example of the values in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exemplar {
    /// Of its bucket, or of its order of magnitude.
    slot: u8,
    pub(super) is_sent: bool,
    pub(super) value: u64,
    pub(super) span: SpanRef,
}

/// How a histogram's values are counted.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// In buckets up to these bounds, in the metric's smallest unit.
    Explicit(Box<[u64]>),
    /// In exponential buckets of values that are divided by this.
    Exponential(f64),
}

/// The buckets of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Buckets {
    Explicit(Box<[u64]>),
    Exponential(Exponential),
}

/// Values of a histogram, in the metric's smallest unit: nanoseconds, bytes, rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Distribution {
    pub(super) count: u64,
    /// 128 bits: nanoseconds of a busy service fill 64 within the hour.
    pub(super) sum: u128,
    pub(super) min: u64,
    pub(super) max: u64,
    pub(super) buckets: Buckets,
    pub(super) exemplars: Vec<Exemplar>,
}

impl Distribution {
    pub(super) fn new(shape: &Shape) -> Self {
        let buckets = match shape {
            Shape::Explicit(bounds) => Buckets::Explicit(vec![0; bounds.len() + 1].into()),
            Shape::Exponential(_) => Buckets::Exponential(Exponential::default()),
        };
        Self { count: 0, sum: 0, min: u64::MAX, max: 0, buckets, exemplars: Vec::new() }
    }

    #[inline]
    pub(super) fn record(&mut self, value: u64, shape: &Shape, exemplar: Option<&SpanRef>) {
        self.count += 1;
        self.sum += u128::from(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        let slot = match (&mut self.buckets, shape) {
            (Buckets::Explicit(counts), Shape::Explicit(bounds)) => {
                // Bounds are inclusive at the top.
                let bucket = bounds.iter().take_while(|&&bound| bound < value).count();
                if let Some(count) = counts.get_mut(bucket) {
                    *count += 1;
                }
                bucket
            }
            (Buckets::Exponential(buckets), Shape::Exponential(divisor)) => {
                #[expect(clippy::cast_precision_loss, reason = "2^53 nanoseconds are a hundred days")]
                buckets.record(value as f64 / divisor);
                // Four orders of magnitude of two each share an example.
                value.checked_ilog2().unwrap_or(0) as usize / 4
            }
            // A distribution is only ever given the shape that it was made with.
            _ => return,
        };
        if let Some(&span) = exemplar {
            let slot = u8::try_from(slot).unwrap_or(u8::MAX);
            self.set_exemplar(Exemplar { slot, is_sent: false, value, span });
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        let Self { count, sum, min, max, buckets, exemplars } = other;
        self.count += count;
        self.sum += sum;
        self.min = self.min.min(*min);
        self.max = self.max.max(*max);
        match (&mut self.buckets, buckets) {
            (Buckets::Explicit(own), Buckets::Explicit(other)) => {
                own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
            }
            (Buckets::Exponential(own), Buckets::Exponential(other)) => own.merge(other),
            _ => {}
        }
        exemplars.iter().for_each(|&exemplar| self.set_exemplar(exemplar));
    }

    /// The last one of each slot is kept.
    fn set_exemplar(&mut self, exemplar: Exemplar) {
        match self.exemplars.iter().position(|known| known.slot == exemplar.slot) {
            Some(place) => self.exemplars[place] = exemplar,
            None if self.exemplars.len() < EXEMPLARS => self.exemplars.push(exemplar),
            None => {}
        }
    }
}

/// What one metric's measurements under one key amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Point {
    /// A sum, and of how many measurements.
    Sum { value: u64, measurements: u64 },
    /// A distribution.
    Distribution(Distribution),
}

impl Point {
    /// Of a histogram of that shape, or of a counter.
    pub(super) fn new(shape: Option<&Shape>) -> Self {
        shape.map_or(Self::Sum { value: 0, measurements: 0 }, |shape| {
            Self::Distribution(Distribution::new(shape))
        })
    }

    /// How many measurements there are.
    pub(super) const fn measurements(&self) -> u64 {
        match self {
            Self::Sum { measurements, .. } => *measurements,
            Self::Distribution(distribution) => distribution.count,
        }
    }

    #[inline]
    pub(super) fn record(&mut self, value: u64, shape: Option<&Shape>, exemplar: Option<&SpanRef>) {
        match (self, shape) {
            (Self::Sum { value: sum, measurements }, _) => {
                *sum = sum.saturating_add(value);
                *measurements += 1;
            }
            (Self::Distribution(distribution), Some(shape)) => distribution.record(value, shape, exemplar),
            (Self::Distribution(_), None) => {}
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        match (self, other) {
            (
                Self::Sum { value, measurements },
                Self::Sum { value: other_value, measurements: other_measurements },
            ) => {
                *value = value.saturating_add(*other_value);
                *measurements += other_measurements;
            }
            (Self::Distribution(own), Self::Distribution(other)) => own.merge(other),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_at_the_top_and_the_last_bucket_has_the_rest() {
        let shape = Shape::Explicit([10, 20].into());
        let mut distribution = Distribution::new(&shape);
        for value in [0, 10, 11, 20, 21, u64::MAX] {
            distribution.record(value, &shape, None);
        }
        assert_eq!(distribution.buckets, Buckets::Explicit([2, 2, 2].into()));
        assert_eq!((distribution.count, distribution.min, distribution.max), (6, 0, u64::MAX));
        assert_eq!(distribution.sum, u128::from(u64::MAX) + 62);
    }

    #[test]
    fn the_last_example_of_each_bucket_is_kept() {
        let shape = Shape::Explicit([10, 20].into());
        let span = |id: u8| SpanRef { trace_id: [id; 16], span_id: [id; 8], unix_nanos: u64::from(id) };
        let mut distribution = Distribution::new(&shape);
        for (value, id) in [(1, 1), (15, 2), (2, 3)] {
            distribution.record(value, &shape, Some(&span(id)));
        }
        let kept: Vec<_> = distribution.exemplars.iter().map(|kept| (kept.value, kept.span)).collect();
        assert_eq!(kept, [(2, span(3)), (15, span(2))]);
    }
}
