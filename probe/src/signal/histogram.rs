//! Distribution of durations with a bounded relative error, small and mergeable.

/// Buckets per power of two, as a power of two itself: OpenTelemetry's "scale" of an exponential histogram.
const SCALE: u32 = 3;

/// Upper bounds, within one power of two, of the buckets: `2^(63 + i/8)` rounded down. Bucket bounds are inclusive at
/// the top (OpenTelemetry metrics data model, "Exponential Buckets"), so a value above entry `i` is past bucket `i - 1`.
const BOUNDS: [u64; 1 << SCALE] = [
    0x8000_0000_0000_0000,
    0x8b95_c1e3_ea8b_d6e6,
    0x9837_f051_8db8_a96f,
    0xa5fe_d6a9_b151_38ea,
    0xb504_f333_f9de_6484,
    0xc567_2a11_5506_dadd,
    0xd744_fcca_d69d_6af4,
    0xeac0_c6e7_dd24_392e,
];

/// Counts of values in buckets that grow by `2^(1/8)`, so that a quantile is off by 4.4 % at most, whatever its size.
///
/// The layout is that of an OpenTelemetry exponential histogram at scale 3: zero count, offset, bucket counts. At most
/// 513 buckets exist for 64-bit values; memory is held only between the smallest and the largest one in use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    zeros: u64,
    offset: i32,
    counts: Vec<u64>,
}

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        match index_of(value) {
            None => self.zeros += 1,
            Some(index) => *self.bucket(index) += 1,
        }
    }

    /// Adds the counts of another histogram.
    pub fn merge(&mut self, other: &Self) {
        self.zeros += other.zeros;
        for (index, &count) in (other.offset..).zip(&other.counts) {
            if count > 0 {
                *self.bucket(index) += count;
            }
        }
    }

    /// Number of values counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.zeros + self.counts.iter().sum::<u64>()
    }

    /// The value below or at which the given share of all values lies, `None` when there are none.
    ///
    /// `share` is clamped to 0..=1.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank that is off by one part in 2^53 is within the error promised"
        )]
        let rank = ((count as f64 * share.clamp(0.0, 1.0)).ceil() as u64).clamp(1, count);
        let mut passed = self.zeros;
        if rank <= passed {
            return Some(0);
        }
        for (index, &bucket) in (self.offset..).zip(&self.counts) {
            passed += bucket;
            if rank <= passed {
                return Some(representative(index));
            }
        }
        None
    }

    fn bucket(&mut self, index: i32) -> &mut u64 {
        if self.counts.is_empty() {
            self.offset = index;
        }
        if index < self.offset {
            let missing = distance(self.offset, index);
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.offset = index;
        }
        let place = distance(index, self.offset);
        if place >= self.counts.len() {
            self.counts.resize(place + 1, 0);
        }
        &mut self.counts[place]
    }
}

/// `upper - lower`, where `upper` is not below `lower`.
fn distance(upper: i32, lower: i32) -> usize {
    usize::try_from(upper - lower).unwrap_or(0)
}

/// Bucket of a value: `base^index < value <= base^(index + 1)`. `None` for zero, which has no logarithm.
fn index_of(value: u64) -> Option<i32> {
    let octave = value.checked_ilog2()?;
    let mantissa = value << (63 - octave);
    let above = BOUNDS.partition_point(|&bound| bound < mantissa);
    Some((octave << SCALE).cast_signed() + i32::try_from(above).unwrap_or(0) - 1)
}

/// The value of a bucket with the smallest worst relative error: the harmonic mean of its bounds.
fn representative(index: i32) -> u64 {
    let steps = f64::from(1_u32 << SCALE);
    let lower = (f64::from(index) / steps).exp2();
    let upper = (f64::from(index + 1) / steps).exp2();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number; what exceeds 64 bits saturates"
    )]
    let value = (2.0 * lower * upper / (lower + upper)).round() as u64;
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exact(values: &mut [u64], share: f64) -> u64 {
        values.sort_unstable();
        let rank = ((values.len() as f64 * share).ceil() as usize).clamp(1, values.len());
        values[rank - 1]
    }

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|&value| histogram.record(value));
        histogram
    }

    /// Durations as they occur: any order of magnitude is as likely as any other.
    fn durations() -> impl Strategy<Value = Vec<u64>> {
        prop::collection::vec((0_u32..64, any::<u64>()).prop_map(|(shift, bits)| bits >> shift), 1..300)
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_five_percent_of_the_exact_one(mut values in durations(), share in 0.0_f64..=1.0) {
            let estimate = of(&values).quantile(share).expect("values were recorded") as f64;
            let truth = exact(&mut values, share) as f64;
            // Half a nanosecond for the rounding to whole ones, which matters below a hundred only.
            prop_assert!((estimate - truth).abs() <= truth * 0.044 + 0.5, "{estimate} for {truth}");
        }

        #[test]
        fn merging_gives_what_recording_everything_in_one_gives(left in durations(), right in durations()) {
            let mut merged = of(&left);
            merged.merge(&of(&right));
            let together = of(&[left, right].concat());
            prop_assert_eq!(merged, together);
        }

        #[test]
        fn no_values_need_more_than_513_buckets(values in durations()) {
            prop_assert!(of(&values).counts.len() <= 513);
        }
    }

    #[test]
    fn bucket_bounds_are_inclusive_at_the_top_as_opentelemetry_wants() {
        assert_eq!(index_of(0), None);
        assert_eq!(index_of(1), Some(-1));
        assert_eq!(index_of(2), Some(7));
        assert_eq!(index_of(3), Some(12));
        assert_eq!(index_of(1024), Some(79));
        assert_eq!(index_of(1025), Some(80));
        assert_eq!(index_of(u64::MAX), Some(511));
    }

    #[test]
    fn an_empty_histogram_has_no_quantile() {
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn zero_is_counted_and_is_its_own_quantile() {
        let histogram = of(&[0, 0, 100]);
        assert_eq!(histogram.count(), 3);
        assert_eq!(histogram.quantile(0.5), Some(0));
        assert_ne!(histogram.quantile(0.99), Some(0));
    }
}
