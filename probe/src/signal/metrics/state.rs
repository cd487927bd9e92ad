//! Series of all services, and how measurements find theirs.

use std::{hash::RandomState, sync::Arc};

use hashbrown::HashMap;

use super::{
    fence::{FOLDED, Places, Values},
    graph::nanos,
    key::{self, Attributes, Stored},
    own::OwnSeries,
    point::Point,
    recorder::Points,
    settings::{METRIC_ATTRIBUTE, METRIC_NAME, MetricPlan},
    store::Names,
    table::{Family, Kind, METRICS, Measure},
};
use crate::identity::Resource;

/// Place of the probe's own resource.
pub(super) const OWN: usize = 0;
/// Place of the resource that all share for which there was no place.
pub(super) const REST: usize = 1;

/// Name of the service that stands for all for which there was no place.
const REST_NAME: &str = "unknown_service:beyond_limit";
/// Name of the service of processes that nobody knows.
const UNKNOWN_NAME: &str = "unknown_service";

/// One series.
#[derive(Debug)]
pub(super) struct Series {
    /// Before its first measurement, in nanoseconds since 1970: when the collection before took place.
    pub(super) start: u64,
    /// When something was added last.
    touched: u64,
    /// Everything since it began.
    pub(super) total: Point,
    /// What was added since the last collection, where points cover that.
    pub(super) fresh: Option<Point>,
}

impl Series {
    fn new(point: &Point, start: u64, now: u64, is_delta: bool) -> Self {
        Self { start, touched: now, total: point.clone(), fresh: is_delta.then(|| point.clone()) }
    }

    fn add(&mut self, point: &Point, now: u64, is_delta: bool) {
        self.touched = now;
        self.total.merge(point);
        if is_delta {
            match &mut self.fresh {
                Some(fresh) => fresh.merge(point),
                None => self.fresh = Some(point.clone()),
            }
        }
    }
}

/// The series of one metric in one service.
#[derive(Debug, Default)]
pub(super) struct MetricSeries {
    pub(super) series: HashMap<Box<[u8]>, Series>,
    pub(super) overflow: Option<Series>,
    values: Values,
}

/// One service's.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) resource: Arc<Resource>,
    /// One for each of [`METRICS`] of which something was measured.
    pub(super) metrics: Vec<Option<Box<MetricSeries>>>,
    touched: u64,
}

impl Service {
    fn new(resource: Arc<Resource>, now: u64) -> Self {
        let metrics = std::iter::repeat_with(|| None).take(METRICS.len()).collect();
        Self { resource, metrics, touched: now }
    }
}

/// A value that is read when metrics are collected.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) service: usize,
    pub(super) metric: usize,
    pub(super) key: Vec<u8>,
    /// As the temporality wants it, and since the beginning.
    pub(super) value: i64,
    pub(super) total: i64,
    pub(super) start: u64,
}

/// What the fences did, by metric.
#[derive(Debug, Clone, Default)]
pub(super) struct FenceCounts {
    /// Measurements of which a value was replaced, by attribute.
    pub(super) folded: HashMap<u8, u64>,
    /// Measurements that were added to an overflow point.
    pub(super) overflowed: u64,
    /// Series that were dropped because nothing was added to them for long.
    pub(super) expired: u64,
}

/// All series.
#[derive(Debug)]
pub(super) struct State {
    pub(super) plan: Arc<MetricPlan>,
    pub(super) services: Vec<Option<Service>>,
    by_resource: HashMap<Arc<Resource>, usize>,
    unknown: Arc<Resource>,
    places: Vec<Places>,
    pub(super) counts: Vec<FenceCounts>,
    reported: Vec<FenceCounts>,
    hash_state: RandomState,
    /// Connections that are open, by process and role.
    pub(super) active: HashMap<(u32, u8), i64>,
    pub(super) readings: Vec<Reading>,
    /// What the probe told of itself.
    pub(super) own: OwnSeries,
    /// When counting began.
    start: u64,
    /// When metrics were collected last.
    collected: u64,
    pub(super) now: u64,
    key: Vec<u8>,
}

impl State {
    pub(super) fn new(plan: Arc<MetricPlan>, own: Arc<Resource>, now: u64) -> Self {
        let named = |name: &str| {
            let text = crate::identity::ResourceValue::Text(name.into());
            let attributes = vec![("service.name".into(), text)];
            Arc::new(Resource { service_name: name.into(), service_namespace: None, attributes })
        };
        let rest = named(REST_NAME);
        let by_resource = HashMap::from_iter([(Arc::clone(&own), OWN), (Arc::clone(&rest), REST)]);
        let places = Places::new(plan.series_limit(), plan.settings.resources);
        Self {
            services: vec![Some(Service::new(own, now)), Some(Service::new(rest, now))],
            by_resource,
            unknown: named(UNKNOWN_NAME),
            places: vec![places; METRICS.len()],
            counts: vec![FenceCounts::default(); METRICS.len()],
            reported: vec![FenceCounts::default(); METRICS.len()],
            hash_state: RandomState::new(),
            active: HashMap::new(),
            readings: Vec::new(),
            own: OwnSeries::default(),
            start: now,
            collected: now,
            now,
            key: Vec::new(),
            plan,
        }
    }

    /// The resource of processes that nobody knows.
    pub(super) fn unknown(&self) -> Arc<Resource> {
        Arc::clone(&self.unknown)
    }

    /// The place of a service, a new one if it has none yet.
    pub(super) fn service(&mut self, resource: &Arc<Resource>) -> usize {
        if let Some(&place) = self.by_resource.get(resource) {
            return place;
        }
        if self.by_resource.len() >= self.plan.settings.resources.saturating_add(2) {
            return REST;
        }
        let service = Some(Service::new(Arc::clone(resource), self.now));
        let place = match self.services.iter().position(Option::is_none) {
            Some(free) => {
                self.services[free] = service;
                free
            }
            None => {
                self.services.push(service);
                self.services.len() - 1
            }
        };
        self.by_resource.insert(Arc::clone(resource), place);
        place
    }

    /// Adds what was measured under a worker's key.
    pub(super) fn add_points(
        &mut self,
        service: usize,
        family: u8,
        attributes: Attributes<'_>,
        points: &Points,
    ) {
        let plan = Arc::clone(&self.plan);
        let Some(planned) = plan.families.get(usize::from(family)) else { return };
        let mut attributes: Vec<_> = attributes.collect();
        // Whatever order a protocol tells them in, a series is a set.
        attributes.sort_unstable_by_key(|(number, _)| *number);
        attributes.dedup_by_key(|(number, _)| *number);
        for (&metric, point) in planned.metrics.iter().zip(points) {
            if point.measurements() > 0 {
                self.add(service, metric, &attributes, point);
            }
        }
    }

    /// Adds a point to the series of a metric that has these attributes, sorted by number, as far as the metric carries
    /// them and the fences let them through.
    pub(super) fn add(
        &mut self,
        place: usize,
        metric: usize,
        attributes: &[(u8, Stored<'_>)],
        point: &Point,
    ) {
        let (now, is_delta, start) = (self.now, self.plan.is_delta(), self.collected);
        let Some(Some(service)) = self.services.get_mut(place) else { return };
        service.touched = now;
        let own = service.metrics[metric].get_or_insert_default();
        let mask = self.plan.metrics[metric].mask;
        let counts = &mut self.counts[metric];
        self.key.clear();
        for &(number, value) in attributes.iter().filter(|(number, _)| mask >> number & 1 != 0) {
            let limit = self.plan.settings.values_per_attribute;
            let text;
            let value = match value {
                Stored::Address(address) => {
                    text = address.to_string();
                    Stored::Text(&text)
                }
                value => value,
            };
            if own.values.admit(number, value, limit, &self.hash_state) {
                key::push(&mut self.key, number, value);
            } else {
                key::push(&mut self.key, number, Stored::Text(FOLDED));
                *counts.folded.entry(number).or_default() += point.measurements();
            }
        }
        if let Some(series) = own.series.get_mut(&*self.key) {
            series.add(point, now, is_delta);
        } else if place != REST && self.places[metric].take(own.series.len(), place == OWN) {
            own.series.insert(self.key.as_slice().into(), Series::new(point, start, now, is_delta));
        } else {
            counts.overflowed += point.measurements();
            match &mut own.overflow {
                Some(series) => series.add(point, now, is_delta),
                None => own.overflow = Some(Series::new(point, start, now, is_delta)),
            }
        }
    }

    /// Reads what is not counted but read: connections that are open, what the fences did, how many series there are.
    pub(super) fn read(&mut self, names: &Names) {
        self.readings.clear();
        let by_process: Vec<_> = self.active.iter().map(|(&(pid, role), &open)| (pid, role, open)).collect();
        let metric = |family: Family, measure: Measure| {
            let planned = &self.plan.families[family as usize];
            planned.place(measure).map(|place| planned.metrics[place])
        };
        let folded = metric(Family::Own, Measure::Folded);
        let overflowed = metric(Family::Own, Measure::Overflowed);
        let kept = metric(Family::Own, Measure::Series);
        let active = metric(Family::Connection, Measure::Active);
        if let Some(metric) = active {
            let mut sums: HashMap<(usize, u8), i64> = HashMap::new();
            for (pid, role, open) in by_process {
                let resource = names.resource(pid).unwrap_or_else(|| self.unknown());
                *sums.entry((self.service(&resource), role)).or_default() += open;
            }
            for ((service, role), value) in sums {
                let key = super::connections::active_key(role);
                self.readings.push(Reading { service, metric, key, value, total: value, start: self.start });
            }
        }
        // As delta, these begin where the collection before ended.
        let is_delta = self.plan.settings.temporality == super::Temporality::Delta;
        let start = if is_delta { self.collected } else { self.start };
        for (metric, key, now, before) in self.own.iter() {
            let is_delta = is_delta && METRICS[metric].kind == Kind::Counter;
            let value = integer(if is_delta { now.saturating_sub(before) } else { now });
            let start = if is_delta { start } else { self.start };
            let (key, total) = (key.to_vec(), integer(now));
            self.readings.push(Reading { service: OWN, metric, key, value, total, start });
        }
        for (about, counts) in self.counts.iter().enumerate() {
            let reported = &self.reported[about];
            let named = |attribute: Option<u8>| {
                let mut key = Vec::new();
                key::push(&mut key, METRIC_NAME, Stored::Text(METRICS[about].name));
                if let Some(number) = attribute {
                    key::push(
                        &mut key,
                        METRIC_ATTRIBUTE,
                        Stored::Text(&self.plan.names[usize::from(number)]),
                    );
                }
                key
            };
            let since = |now: u64, before: u64| integer(if is_delta { now - before } else { now });
            if let Some(metric) = folded {
                for (&attribute, &count) in &counts.folded {
                    let before = reported.folded.get(&attribute).copied().unwrap_or(0);
                    let value = since(count, before);
                    let (key, total) = (named(Some(attribute)), integer(count));
                    self.readings.push(Reading { service: OWN, metric, key, value, total, start });
                }
            }
            if let Some(metric) = overflowed.filter(|_| counts.overflowed > 0) {
                let value = since(counts.overflowed, reported.overflowed);
                let (key, total) = (named(None), integer(counts.overflowed));
                self.readings.push(Reading { service: OWN, metric, key, value, total, start });
            }
            if let Some(metric) = kept.filter(|_| self.places[about].taken() > 0) {
                let value = integer(self.places[about].taken() as u64);
                let start = self.start;
                let key = named(None);
                self.readings.push(Reading { service: OWN, metric, key, value, total: value, start });
            }
        }
    }

    /// Everything has been collected: starts anew what covers the time since, and drops what nothing was added to for
    /// too long.
    pub(super) fn collected(&mut self, now: u64) {
        self.collected = now;
        self.reported.clone_from(&self.counts);
        self.own.settle();
        // That nothing is open any longer has been told.
        self.active.retain(|_, open| *open != 0);
        let idle = nanos(self.plan.settings.idle);
        let is_over = |series: &Series| now.saturating_sub(series.touched) > idle;
        for place in 0..self.services.len() {
            let Some(service) = &mut self.services[place] else { continue };
            let mut is_empty = true;
            for (metric, own) in service.metrics.iter_mut().enumerate() {
                let Some(metric_series) = own else { continue };
                let places = &mut self.places[metric];
                let mut left = metric_series.series.len();
                metric_series.series.retain(|_, series| {
                    settle(series);
                    let is_over = is_over(series);
                    if is_over {
                        places.give_back(left);
                        left -= 1;
                        self.counts[metric].expired += 1;
                    }
                    !is_over
                });
                if let Some(series) = &mut metric_series.overflow {
                    settle(series);
                }
                metric_series.overflow.take_if(|series| is_over(series));
                is_empty &= metric_series.series.is_empty() && metric_series.overflow.is_none();
            }
            if is_empty && place > REST && now.saturating_sub(service.touched) > idle {
                self.by_resource.remove(&service.resource);
                self.services[place] = None;
            }
        }
    }

    /// Series of a metric that are kept.
    pub(super) fn series(&self, metric: usize) -> usize {
        self.places[metric].taken()
    }
}

/// A series after its point was collected.
fn settle(series: &mut Series) {
    series.fresh = None;
    if let Point::Distribution(distribution) = &mut series.total {
        distribution.exemplars.iter_mut().for_each(|exemplar| exemplar.is_sent = true);
    }
}

fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl State {
    /// When counting began.
    pub(super) const fn start(&self) -> u64 {
        self.start
    }

    /// Where the point of a series that covers what was added since the last collection begins.
    pub(super) const fn delta_start(&self, series: &Series) -> u64 {
        if series.start > self.collected { series.start } else { self.collected }
    }
}
