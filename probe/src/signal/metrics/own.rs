//! What the probe tells of itself: values that are kept elsewhere, and read when metrics are collected or looked at.

use std::{fmt, sync::Mutex, sync::PoisonError};

use hashbrown::HashMap;
use plainsight_protocols::MetricAttribute;
use std::sync::Arc;

use super::{
    fence::FOLDED,
    key::{self, Stored},
    settings::MetricPlan,
    table::{Family, METRICS},
};

/// Series that readings may have, all metrics together: readers tell of reasons, destinations and programs, of which
/// there are some dozens. What is beyond is added up per metric, with `*` for the value of each attribute.
const SERIES: usize = 1024;

/// A value that someone keeps.
#[derive(Debug, Clone, Copy)]
pub struct OwnReading<'a> {
    /// Its metric, one of [`Family::Probe`].
    pub metric: &'static str,
    /// Attributes of that metric and their values, none of them twice. Those that the conventions have numbers for are
    /// told as such, and left out if they are none.
    pub attributes: &'a [(&'static str, &'a str)],
    /// Everything since the probe began, or what is there now; nanoseconds where the metric has seconds.
    pub value: u64,
}

/// Tells each of its values.
type Read = dyn Fn(&mut dyn FnMut(OwnReading<'_>)) + Send + Sync;

/// Whoever is asked.
#[derive(Default)]
pub(super) struct Readers(Mutex<Vec<Arc<Read>>>);

impl fmt::Debug for Readers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Readers").finish_non_exhaustive()
    }
}

/// Sums by metric and key.
pub(super) type Sums = HashMap<(usize, Vec<u8>), u64>;

impl Readers {
    pub(super) fn add(&self, read: Arc<Read>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(read);
    }

    /// Asks everyone, with no lock held. Readings that differ only in attributes that settings took away are added up.
    pub(super) fn ask(&self, plan: &MetricPlan) -> Sums {
        let readers = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut sums = Sums::new();
        for read in readers {
            read(&mut |reading| {
                let found = plan.families[Family::Probe as usize]
                    .metrics
                    .iter()
                    .copied()
                    .find(|&index| METRICS[index].name == reading.metric);
                // What settings have switched off is not made.
                let Some(metric) = found else { return };
                let sum = sums.entry((metric, key_of(plan, metric, reading.attributes))).or_default();
                *sum = sum.saturating_add(reading.value);
            });
        }
        sums
    }
}

fn key_of(plan: &MetricPlan, metric: usize, attributes: &[(&'static str, &str)]) -> Vec<u8> {
    let mut numbered: Vec<_> = attributes
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, value)| Some((plan.number_of(name)?, *value)))
        .filter(|(number, _)| plan.metrics[metric].mask >> number & 1 != 0)
        .collect();
    numbered.sort_unstable_by_key(|(number, _)| *number);
    let mut key = Vec::new();
    for (number, value) in numbered {
        if number == MetricAttribute::ServerPort as u8 {
            let value = value.parse().ok();
            value.into_iter().for_each(|value| key::push(&mut key, number, Stored::Integer(value)));
        } else {
            key::push(&mut key, number, Stored::Text(value));
        }
    }
    key
}

/// The series of readings, and what each was when metrics were collected last.
#[derive(Debug, Default)]
pub(super) struct OwnSeries {
    collected: Sums,
    /// What was read last.
    read: Sums,
}

impl OwnSeries {
    /// Takes what was read, and keeps it within the bound.
    pub(super) fn set(&mut self, sums: Sums) {
        self.read.clear();
        for ((metric, key), value) in sums {
            let id = (metric, key);
            let is_known = self.collected.contains_key(&id);
            let id = if is_known || self.collected.len() < SERIES { id } else { (metric, folded(&id.1)) };
            self.collected.entry(id.clone()).or_default();
            let sum = self.read.entry(id).or_default();
            *sum = sum.saturating_add(value);
        }
    }

    /// Metric, key, value, and the value at the last collection.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[u8], u64, u64)> {
        self.read.iter().map(|(id, &value)| {
            let before = self.collected.get(id).copied().unwrap_or(0);
            (id.0, id.1.as_slice(), value, before)
        })
    }

    /// What was read last has been collected.
    pub(super) fn settle(&mut self) {
        for (id, &value) in &self.read {
            self.collected.insert(id.clone(), value);
        }
    }
}

/// The key with `*` for each value.
fn folded(key: &[u8]) -> Vec<u8> {
    let mut folded = Vec::new();
    key::Attributes::of(key).for_each(|(number, _)| key::push(&mut folded, number, Stored::Text(FOLDED)));
    folded
}
