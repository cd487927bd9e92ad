//! Durations that the probe reports against those that a client measured by its own clock.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::record::Record;

/// Word before each duration that a script prints.
const MARK: &str = "microseconds ";

/// The median of durations.
///
/// # Panics
/// If there are none.
#[must_use]
pub fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations[durations.len() / 2]
}

/// The durations that a script printed, a line each that reads `microseconds` and a number.
///
/// # Errors
/// If there are none, or one is no number.
pub fn printed(output: &str) -> Result<Vec<Duration>> {
    let numbers = output.lines().filter_map(|line| line.strip_prefix(MARK));
    let durations: Vec<_> = numbers
        .map(|number| Ok(Duration::from_micros(number.parse()?)))
        .collect::<Result<_>>()
        .with_context(|| format!("durations in {output:?}"))?;
    ensure!(!durations.is_empty(), "no durations in {output:?}");
    Ok(durations)
}

/// Checks that there is a duration for each of the client's, and that their medians agree within a tenth or 50 µs,
/// whichever is more.
///
/// # Panics
/// If they do not.
pub fn assert_agree(records: &[&Record], own: Vec<Duration>) {
    let seen: Vec<_> =
        records.iter().filter_map(|record| record.duration_ns).map(Duration::from_nanos).collect();
    assert_eq!(seen.len(), own.len(), "a duration for every exchange");
    let (seen, own) = (median(seen), median(own));
    let allowed = (own / 10).max(Duration::from_micros(50));
    assert!(own.abs_diff(seen) <= allowed, "the client measured {own:?}, the probe {seen:?}");
}
