//! Counts, durations and sizes of exchanges, by key.

use std::{sync::Arc, time::Duration};

use hashbrown::HashMap;
use plainsight_protocols::Timestamp;

use super::{Filter, Grouping, Histogram, record::duration};
use crate::{flow::Observed, identity::Identity};

/// Keys kept by default, which is OpenTelemetry's default limit for the series of a metric.
pub const DEFAULT_KEY_LIMIT: usize = 2000;

/// What is known of the exchanges of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aggregate {
    /// Exchanges.
    pub count: u64,
    /// Those that failed.
    pub errors: u64,
    /// Durations in nanoseconds of those that were seen from their start to their end.
    pub durations: Histogram,
    /// Shortest of these, exactly.
    pub shortest: Option<Duration>,
    /// Longest of these, exactly.
    pub longest: Option<Duration>,
    /// Bytes of all requests.
    pub request_bytes: u64,
    /// Bytes of all responses.
    pub response_bytes: u64,
}

impl Aggregate {
    fn record(&mut self, observed: &Observed<'_>) {
        let exchange = observed.exchange;
        self.count += 1;
        self.errors += u64::from(exchange.details.error_type(observed.side).is_some());
        self.request_bytes = self.request_bytes.saturating_add(exchange.request_bytes);
        self.response_bytes = self.response_bytes.saturating_add(exchange.response_bytes);
        if let Some(duration) = duration(exchange) {
            self.durations.record(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
            self.shortest = Some(self.shortest.map_or(duration, |shortest| shortest.min(duration)));
            self.longest = Some(self.longest.map_or(duration, |longest| longest.max(duration)));
        }
    }

    /// Adds another aggregate's exchanges.
    pub fn merge(&mut self, other: &Self) {
        // Taken apart, so that a new field cannot be forgotten here.
        let Self { count, errors, durations, shortest, longest, request_bytes, response_bytes } = other;
        self.count += count;
        self.errors += errors;
        self.durations.merge(durations);
        self.shortest = self.shortest.into_iter().chain(*shortest).min();
        self.longest = self.longest.into_iter().chain(*longest).max();
        self.request_bytes = self.request_bytes.saturating_add(*request_bytes);
        self.response_bytes = self.response_bytes.saturating_add(*response_bytes);
    }

    /// The duration that the given share of exchanges did not exceed, off by 5 % at most and never outside of what was
    /// seen.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let estimate = Duration::from_nanos(self.durations.quantile(share)?);
        Some(estimate.clamp(self.shortest?, self.longest?))
    }
}

/// Aggregates by key, bounded in number.
#[derive(Debug, Clone)]
pub struct Aggregates {
    grouping: Grouping,
    limit: usize,
    by_key: HashMap<Vec<u8>, Aggregate>,
    overflow_key: Vec<u8>,
    /// What is counted under the overflow key, apart so that it takes no key's place.
    other: Aggregate,
    overflowed: u64,
    span: Option<(Timestamp, Timestamp)>,
    key: Vec<u8>,
}

impl Aggregates {
    /// No aggregates yet. Beyond `limit` keys, exchanges of further keys are counted together under
    /// [`super::OVERFLOW`], which is one key more.
    #[must_use]
    pub fn new(grouping: Grouping, limit: usize) -> Self {
        Self {
            overflow_key: grouping.overflow_key(),
            grouping,
            limit: limit.max(1),
            by_key: HashMap::new(),
            other: Aggregate::default(),
            overflowed: 0,
            span: None,
            key: Vec::new(),
        }
    }

    /// Counts an exchange. Allocates nothing for a key that exists.
    pub fn record(&mut self, observed: &Observed<'_>) {
        let mut key = std::mem::take(&mut self.key);
        self.grouping.write_key(observed, &mut key);
        self.entry(&key, 1).record(observed);
        self.key = key;
        let exchange = observed.exchange;
        self.widen(exchange.started, exchange.ended.unwrap_or(exchange.started));
    }

    /// Adds a worker's aggregates, whose keys are resolved with `identify`; those that the filter holds back are left
    /// out. The grouping of `self` must be the [resolved](Grouping::resolved) one.
    pub fn collect(
        &mut self,
        worker: &Self,
        filter: &Filter,
        mut identify: impl FnMut(u32) -> Option<Arc<Identity>>,
    ) {
        let mut key = std::mem::take(&mut self.key);
        for (worker_key, aggregate) in &worker.by_key {
            let identity = worker.grouping.pid(worker_key).and_then(&mut identify);
            if !filter.accepts_identity(identity.as_deref()) {
                continue;
            }
            worker.grouping.resolve(worker_key, identity.as_deref(), &mut key);
            self.entry(&key, aggregate.count).merge(aggregate);
        }
        self.key = key;
        // Whose exchanges overflowed is not known, so a filter by identity cannot let them pass.
        self.add_rest(worker, !filter.needs_identity());
    }

    /// Adds aggregates whose keys are of the same kind as those of `self`.
    pub fn merge(&mut self, other: &Self) {
        for (key, aggregate) in &other.by_key {
            self.entry(key, aggregate.count).merge(aggregate);
        }
        self.add_rest(other, true);
    }

    /// The same aggregates, of which none has been recorded yet.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self::new(self.grouping.clone(), self.limit)
    }

    /// Keys with their aggregates, most exchanges first.
    #[must_use]
    pub fn sorted(&self) -> Vec<(&[u8], &Aggregate)> {
        let mut all: Vec<_> =
            self.by_key.iter().map(|(key, aggregate)| (key.as_slice(), aggregate)).collect();
        if self.other.count > 0 {
            all.push((&self.overflow_key, &self.other));
        }
        // The key decides between equals, so that rows of a live table keep their places.
        all.sort_unstable_by(|left, right| {
            right.1.count.cmp(&left.1.count).then_with(|| left.0.cmp(right.0))
        });
        all
    }

    /// All exchanges together.
    #[must_use]
    pub fn total(&self) -> Aggregate {
        let mut total = self.other.clone();
        self.by_key.values().for_each(|aggregate| total.merge(aggregate));
        total
    }

    /// Number of keys that are kept apart.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.by_key.len()
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Exchanges that were counted under the overflow key, because there were too many keys.
    #[must_use]
    pub const fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// The grouping.
    #[must_use]
    pub const fn grouping(&self) -> &Grouping {
        &self.grouping
    }

    /// From the start of the earliest exchange to the end of the latest.
    #[must_use]
    pub const fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.span
    }

    /// The exchanges of one key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Aggregate> {
        if *key == *self.overflow_key { Some(&self.other) } else { self.by_key.get(key) }
    }

    fn add_rest(&mut self, other: &Self, with_overflow: bool) {
        if with_overflow {
            self.other.merge(&other.other);
        }
        self.overflowed += other.overflowed;
        if let Some((first, last)) = other.span {
            self.widen(first, last);
        }
    }

    fn widen(&mut self, first: Timestamp, last: Timestamp) {
        self.span = Some(match self.span {
            None => (first, last),
            Some((earliest, latest)) => (earliest.min(first), latest.max(last)),
        });
    }

    fn entry(&mut self, key: &[u8], exchanges: u64) -> &mut Aggregate {
        if self.by_key.len() >= self.limit && !self.by_key.contains_key(key) {
            self.overflowed += exchanges;
            return &mut self.other;
        }
        self.by_key.entry_ref(key).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Example, ExampleDetails, KeyField, OVERFLOW};

    fn by(fields: &[KeyField]) -> Aggregates {
        Aggregates::new(Grouping::new(fields.to_vec(), false), 3)
    }

    fn record(aggregates: &mut Aggregates, path: &'static str, status: i64, nanos: u64) {
        let details = ExampleDetails::http("GET", path, status);
        Example { details, duration: Some(nanos), ..Example::default() }
            .observe(|observed| aggregates.record(observed));
    }

    fn first_values(aggregates: &Aggregates) -> Vec<(String, u64)> {
        let value = |key| aggregates.grouping().values(key).next().flatten().unwrap_or("-").to_owned();
        aggregates.sorted().into_iter().map(|(key, aggregate)| (value(key), aggregate.count)).collect()
    }

    #[test]
    fn exchanges_of_one_key_are_counted_together() {
        let mut aggregates = by(&[KeyField::Path]);
        for (nanos, status) in [(10, 200), (20, 503), (30, 200)] {
            record(&mut aggregates, "/a", status, nanos);
        }
        let all = aggregates.sorted();
        let (_, aggregate) = all[0];
        assert_eq!((all.len(), aggregate.count, aggregate.errors), (1, 3, 1));
        assert_eq!((aggregate.request_bytes, aggregate.response_bytes), (3 * 312, 3 * 1804));
        assert_eq!(aggregate.shortest, Some(Duration::from_nanos(10)));
        assert_eq!(aggregate.longest, Some(Duration::from_nanos(30)));
        assert_eq!(aggregate.quantile(1.0), Some(Duration::from_nanos(30)));
    }

    #[test]
    fn an_exchange_without_an_end_counts_but_has_no_duration() {
        let mut aggregates = by(&[KeyField::Comm]);
        Example::without_response().observe(|observed| aggregates.record(observed));
        let total = aggregates.total();
        assert_eq!((total.count, total.errors, total.quantile(0.5)), (1, 1, None));
    }

    #[test]
    fn keys_past_the_limit_are_counted_as_other() {
        let mut aggregates = by(&[KeyField::Path]);
        for path in ["/a", "/a", "/b", "/c", "/d", "/e", "/a"] {
            record(&mut aggregates, path, 200, 1);
        }
        let expected = [("/a", 3), (OVERFLOW, 2), ("/b", 1), ("/c", 1)];
        assert_eq!(first_values(&aggregates), expected.map(|(value, count)| (value.to_owned(), count)));
        assert_eq!(aggregates.overflowed(), 2);
    }

    #[test]
    fn two_workers_collected_are_what_one_would_have_counted() {
        let (mut one, mut two, mut both) =
            (by(&[KeyField::Path]), by(&[KeyField::Path]), by(&[KeyField::Path]));
        for (worker, path, nanos) in [(0, "/a", 5), (1, "/a", 50), (1, "/b", 500), (0, "/a", 5000)] {
            record(if worker == 0 { &mut one } else { &mut two }, path, 200, nanos);
            record(&mut both, path, 200, nanos);
        }
        let mut collected = by(&[KeyField::Path]);
        collected.collect(&one, &Filter::default(), |_| None);
        collected.collect(&two, &Filter::default(), |_| None);
        assert_eq!(first_values(&collected), first_values(&both));
        assert_eq!(collected.total(), both.total());
    }

    #[test]
    fn a_filter_by_container_holds_back_processes_of_others() {
        let grouping = Grouping::new(vec![KeyField::Path], true);
        let mut collected = Aggregates::new(grouping.resolved(), 10);
        let mut worker = Aggregates::new(grouping, 10);
        for pid in [1, 2, 2] {
            Example { pid, ..Example::default() }.observe(|observed| worker.record(observed));
        }
        let filter = Filter { containers: vec!["c0f".into()], ..Filter::default() };
        collected.collect(&worker, &filter, |pid| {
            let id = if pid == 2 { "c0ffee" } else { "decaf" };
            let container =
                Some(Arc::new(crate::identity::Container { id: id.into(), ..Default::default() }));
            Some(Arc::new(Identity { container, ..Identity::default() }))
        });
        assert_eq!(first_values(&collected), [("/users/17".to_owned(), 2)]);
    }
}
