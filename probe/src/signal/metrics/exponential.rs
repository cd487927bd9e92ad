//! Base-2 exponential buckets that find their own scale (OpenTelemetry metrics data model, "ExponentialHistogram").

/// Buckets at most: what the SDK specification sets as default.
pub(super) const MAX_SIZE: usize = 160;
/// The finest scale, and the first one tried.
pub(super) const MAX_SCALE: i32 = 20;

/// Counts of positive values: bucket `i` has those in `(base^i, base^(i+1)]`, where `base = 2^(2^-scale)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exponential {
    scale: i32,
    offset: i32,
    counts: Vec<u64>,
    zeros: u64,
}

impl Default for Exponential {
    fn default() -> Self {
        Self { scale: MAX_SCALE, offset: 0, counts: Vec::new(), zeros: 0 }
    }
}

impl Exponential {
    /// Counts one value; what is not above zero counts as zero.
    pub fn record(&mut self, value: f64) {
        if value > 0.0 && value.is_finite() {
            let index = index_of(value, self.scale);
            self.add(index, 1);
        } else {
            self.zeros += 1;
        }
    }

    /// Adds the counts of another, both at the coarser scale of the two, or at one that holds them together.
    pub fn merge(&mut self, other: &Self) {
        self.zeros += other.zeros;
        if other.counts.is_empty() {
            return;
        }
        if self.counts.is_empty() {
            (self.scale, self.offset) = (other.scale, other.offset);
            self.counts.clone_from(&other.counts);
            return;
        }
        let scale = self.scale.min(other.scale);
        self.coarsen(shift(self.scale - scale));
        let finer = shift(other.scale - scale);
        let lowest = other.offset >> finer;
        let highest = last(other.offset, other.counts.len()) >> finer;
        self.reach(lowest, highest);
        // Reaching may have made the buckets coarser still.
        let finer = shift(other.scale - self.scale);
        for (index, &count) in (other.offset..).zip(&other.counts) {
            if count > 0 {
                let place = place(index >> finer, self.offset);
                self.counts[place] += count;
            }
        }
    }

    /// The same with ever more buckets put together, until there are at most `size`, or two.
    pub(super) fn coarsened_to(&self, size: usize) -> Self {
        let mut coarser = self.clone();
        // Values on both sides of one never share a bucket, however coarse.
        while coarser.counts.len() > size.max(2) {
            coarser.coarsen(1);
        }
        coarser
    }

    /// How fine the buckets are.
    #[must_use]
    pub const fn scale(&self) -> i32 {
        self.scale
    }

    /// Index of the first bucket.
    #[must_use]
    pub const fn offset(&self) -> i32 {
        self.offset
    }

    /// The buckets, from the first that has a value to the last.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Values that are zero.
    #[must_use]
    pub const fn zeros(&self) -> u64 {
        self.zeros
    }

    /// The largest value of a bucket, counted from the first one.
    #[must_use]
    pub fn upper_bound(&self, place: usize) -> f64 {
        let index = f64::from(self.offset) + i32::try_from(place).map_or(0.0, f64::from) + 1.0;
        (index * f64::from(-self.scale).exp2()).exp2()
    }

    fn add(&mut self, index: i32, count: u64) {
        if self.counts.is_empty() {
            self.offset = index;
            self.counts.push(count);
            return;
        }
        let before = self.scale;
        self.reach(index, index);
        let place = place(index >> shift(before - self.scale), self.offset);
        self.counts[place] += count;
    }

    /// Makes room for buckets up to both indices, given at the present scale, by coarser buckets if need be.
    fn reach(&mut self, lowest: i32, highest: i32) {
        let mut lowest = lowest.min(self.offset);
        let mut highest = highest.max(last(self.offset, self.counts.len()));
        let mut steps = 0;
        while place(highest, lowest) >= MAX_SIZE {
            lowest >>= 1;
            highest >>= 1;
            steps += 1;
        }
        self.coarsen(steps);
        if lowest < self.offset {
            let missing = place(self.offset, lowest);
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.offset = lowest;
        }
        let needed = place(highest, self.offset) + 1;
        if needed > self.counts.len() {
            self.counts.resize(needed, 0);
        }
    }

    fn coarsen(&mut self, steps: u32) {
        if steps == 0 {
            return;
        }
        self.scale -= steps.cast_signed();
        if self.counts.is_empty() {
            return;
        }
        let offset = self.offset >> steps;
        for old in 0..self.counts.len() {
            let index = last(self.offset, old + 1) >> steps;
            let new = place(index, offset);
            let count = std::mem::take(&mut self.counts[old]);
            self.counts[new] += count;
        }
        let kept = place(last(self.offset, self.counts.len()) >> steps, offset) + 1;
        self.counts.truncate(kept);
        self.offset = offset;
    }
}

/// `steps` as what integers can be shifted by: scales differ by some forty at most.
fn shift(steps: i32) -> u32 {
    u32::try_from(steps).unwrap_or(0).min(31)
}

/// Index of the last of `length` buckets.
fn last(offset: i32, length: usize) -> i32 {
    offset.saturating_add(i32::try_from(length).unwrap_or(i32::MAX) - 1)
}

/// Distance of an index from the first.
fn place(index: i32, first: i32) -> usize {
    usize::try_from(i64::from(index) - i64::from(first)).unwrap_or(0)
}

/// Bucket of a positive, finite value.
fn index_of(value: f64, scale: i32) -> i32 {
    const FRACTION: u64 = (1 << 52) - 1;
    let bits = value.to_bits();
    let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap_or(0);
    if exponent == 0 {
        // Subnormal values count with the smallest that is normal, as the specification allows.
        return octave(-1022, true, scale);
    }
    let exponent = exponent - 1023;
    let is_power = bits & FRACTION == 0;
    if is_power || scale <= 0 {
        return octave(exponent, is_power, scale);
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 1024 times 2^20 by magnitude")]
    let index = (value.log2() * f64::from(scale).exp2()).ceil() as i32 - 1;
    // Rounding must not move a value into another octave, where coarser buckets would not find it.
    index.clamp(exponent << scale, ((exponent + 1) << scale) - 1)
}

/// Bucket of a value of which only the octave counts. Powers of two are the upper bound of theirs.
fn octave(exponent: i32, is_power: bool, scale: i32) -> i32 {
    let index = if is_power { exponent - 1 } else { exponent };
    if scale <= 0 { index >> shift(-scale) } else { ((index + 1) << scale) - 1 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Keeps all values, and counts them when asked.
    fn naive(values: &[f64]) -> (i32, BTreeMap<i32, u64>) {
        for scale in (-11..=MAX_SCALE).rev() {
            let mut counts = BTreeMap::new();
            for &value in values {
                *counts.entry(index_of(value, MAX_SCALE) >> shift(MAX_SCALE - scale)).or_insert(0) += 1;
            }
            let (Some(first), Some(last)) = (counts.keys().next(), counts.keys().next_back()) else {
                return (MAX_SCALE, counts);
            };
            if last - first < i32::try_from(MAX_SIZE).expect("small") {
                return (scale, counts);
            }
        }
        panic!("every value fits at scale -11")
    }

    fn of(values: &[f64]) -> Exponential {
        let mut histogram = Exponential::default();
        values.iter().for_each(|&value| histogram.record(value));
        histogram
    }

    fn nonzero(histogram: &Exponential) -> BTreeMap<i32, u64> {
        (histogram.offset..).zip(histogram.counts.iter().copied()).filter(|(_, count)| *count > 0).collect()
    }

    /// Values of any order of magnitude, those that are close to each other among them.
    fn values() -> impl Strategy<Value = Vec<f64>> {
        let any = (-1022_i32..1023, 1.0_f64..2.0)
            .prop_map(|(exponent, fraction)| fraction * f64::from(exponent).exp2());
        let near = 0.9_f64..1.1;
        let nanos = (1_u64..10_000_000_000).prop_map(|nanos| nanos as f64 / 1e9);
        let one = prop_oneof![any, near.clone(), nanos, Just(1.0), Just(2.0), Just(0.25)];
        prop_oneof![prop::collection::vec(one, 0..60), prop::collection::vec(near, 0..300)]
    }

    proptest! {
        #[test]
        fn it_counts_as_a_model_that_keeps_every_value(values in values()) {
            let histogram = of(&values);
            let (scale, counts) = naive(&values);
            prop_assert_eq!(histogram.scale(), scale);
            prop_assert_eq!(nonzero(&histogram), counts);
            prop_assert!(histogram.counts().len() <= MAX_SIZE);
        }

        #[test]
        fn merging_gives_what_recording_everything_in_one_gives(left in values(), right in values()) {
            let mut merged = of(&left);
            merged.merge(&of(&right));
            let together = of(&[left, right].concat());
            prop_assert_eq!(nonzero(&merged), nonzero(&together));
            prop_assert_eq!(merged.scale(), together.scale());
        }

        #[test]
        fn a_value_is_within_the_bounds_of_its_bucket(value in 1e-9_f64..1e9) {
            let histogram = of(&[value]);
            let upper = histogram.upper_bound(0);
            let lower = upper / (f64::from(-histogram.scale()).exp2()).exp2();
            prop_assert!(value <= upper * (1.0 + 1e-12) && value >= lower * (1.0 - 1e-12), "{lower} {value} {upper}");
        }

        #[test]
        fn coarser_buckets_hold_the_same_values(values in values(), size in 1_usize..40) {
            let histogram = of(&values);
            let coarse = histogram.coarsened_to(size);
            prop_assert!(coarse.counts().len() <= size.max(2));
            prop_assert_eq!(coarse.counts().iter().sum::<u64>(), values.len() as u64);
        }
    }

    #[test]
    fn powers_of_two_are_the_upper_bounds_of_their_buckets_at_every_scale() {
        for scale in -10..=MAX_SCALE {
            let step = f64::from(-scale).exp2();
            for exponent in [-20, -1, 0, 1, 13] {
                let index = index_of(f64::from(exponent).exp2(), scale);
                let (lower, upper) = (f64::from(index) * step, f64::from(index + 1) * step);
                assert!(
                    lower < f64::from(exponent) && f64::from(exponent) <= upper,
                    "{scale} {exponent} {index}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_positive_counts_as_zero() {
        let histogram = of(&[0.0, -1.0, 3.0]);
        assert_eq!((histogram.zeros(), histogram.counts()), (2, &[1][..]));
    }

    #[test]
    fn one_millisecond_to_a_hundred_seconds_is_told_apart_within_five_percent() {
        let histogram = of(&[0.001, 100.0]);
        assert!(histogram.scale() >= 3, "{}", histogram.scale());
    }
}
