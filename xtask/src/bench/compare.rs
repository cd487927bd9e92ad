//! Runs in turns, without and with the probe, and what to make of their numbers.

use anyhow::Result;

use super::{
    Setting,
    probe::{Probe, Summary},
};

/// One quantity, measured without and with the probe in turns.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Comparison {
    without: Vec<f64>,
    with: Vec<f64>,
}

impl Comparison {
    /// Adds one pair of runs.
    pub(crate) fn add(&mut self, without: f64, with: f64) {
        self.without.push(without);
        self.with.push(with);
    }

    /// The median without the probe.
    pub(crate) fn without(&self) -> f64 {
        median(&self.without)
    }

    /// The median with the probe.
    pub(crate) fn with(&self) -> f64 {
        median(&self.with)
    }

    /// The median of what each pair says by itself, so that a machine that slows down half-way does not count.
    pub(crate) fn ratio(&self) -> f64 {
        median(&self.pairs(|without, with| with / without))
    }

    /// The median of what the probe added in each pair.
    pub(crate) fn added(&self) -> f64 {
        median(&self.pairs(|without, with| with - without))
    }

    /// The lowest and the highest ratio of a pair.
    pub(crate) fn spread(&self) -> (f64, f64) {
        let ratios = self.pairs(|without, with| with / without);
        ratios
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &ratio| (low.min(ratio), high.max(ratio)))
    }

    fn pairs(&self, combine: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        self.without.iter().zip(&self.with).map(|(&without, &with)| combine(without, with)).collect()
    }
}

/// Makes pairs of runs, and hands both results of each pair, with what the probe said at its end, to `each_pair`.
pub(crate) fn in_turns<T>(
    setting: &Setting,
    mut run: impl FnMut() -> Result<T>,
    mut each_pair: impl FnMut(T, T, Summary),
) -> Result<()> {
    for _ in 0..setting.rounds {
        let without = run()?;
        let probe = Probe::start(&setting.probe)?;
        let with = run()?;
        each_pair(without, with, probe.stop()?);
    }
    Ok(())
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_run_does_not_move_the_median() {
        assert!((median(&[3.0, 1.0, 900.0]) - 3.0).abs() < f64::EPSILON);
        assert!((median(&[1.0, 2.0]) - 1.5).abs() < f64::EPSILON);
    }

    #[test]
    fn a_machine_that_slows_down_half_way_does_not_change_the_ratio() {
        let mut comparison = Comparison::default();
        comparison.add(1000.0, 900.0);
        comparison.add(500.0, 450.0);
        comparison.add(500.0, 450.0);
        assert!((comparison.ratio() - 0.9).abs() < 1e-9);
        let (low, high) = comparison.spread();
        assert!((low - 0.9).abs() < 1e-9 && (high - 0.9).abs() < 1e-9);
    }
}
