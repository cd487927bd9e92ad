//! Series as OTLP requests: Protocol Buffers written directly, by the messages of `opentelemetry-proto` 1.11.

use bytes::Bytes;

use super::{
    key::{Attributes, Stored},
    point::{Buckets, Distribution, Exemplar, Point, Shape},
    state::{Series, Service, State},
    table::{Kind, METRICS, Metric},
};
use crate::{
    export::{Batch, SignalKind},
    identity::Resource,
    signal::{
        otlp::{SCHEMA_URL, append_scope, encode_resource},
        protobuf as wire,
    },
};

/// Bytes of one request, at most, save for the last point that went in and what surrounds it. Servers take 4 MiB by
/// default.
const REQUEST_BYTES: usize = 3 << 20;

/// The attribute of the point that stands for all that found no place.
pub(super) const OVERFLOW: &str = "otel.metric.overflow";

/// Numbers of `AggregationTemporality`.
const DELTA: u64 = 1;
const CUMULATIVE: u64 = 2;

/// Requests being written.
pub(super) struct Requests<'a> {
    state: &'a State,
    now: u64,
    batches: Vec<Batch>,
    /// `ResourceMetrics` of the request under way.
    request: Vec<u8>,
    /// `Metric`s of the resource under way.
    metrics: Vec<u8>,
    /// Points of the metric under way.
    points: Vec<u8>,
    items: u32,
    scratch: Vec<u8>,
}

/// What follows the name of a metric.
#[derive(Clone, Copy, PartialEq)]
enum Data {
    Sum { is_monotonic: bool },
    Histogram,
    ExponentialHistogram,
}

impl Data {
    fn of(metric: &Metric, shape: Option<&Shape>) -> Self {
        match (metric.kind, shape) {
            (Kind::Histogram(_), Some(Shape::Exponential(_))) => Self::ExponentialHistogram,
            (Kind::Histogram(_), _) => Self::Histogram,
            (Kind::Counter, _) => Self::Sum { is_monotonic: true },
            (Kind::UpDownCounter, _) => Self::Sum { is_monotonic: false },
        }
    }
}

impl<'a> Requests<'a> {
    pub(super) fn new(state: &'a State, now: u64) -> Self {
        Self {
            state,
            now,
            batches: Vec::new(),
            request: Vec::new(),
            metrics: Vec::new(),
            points: Vec::new(),
            items: 0,
            scratch: Vec::new(),
        }
    }

    /// Writes every point.
    pub(super) fn write(mut self) -> Vec<Batch> {
        let state = self.state;
        for (place, service) in state.services.iter().enumerate() {
            let Some(service) = service else { continue };
            for metric in 0..METRICS.len() {
                self.metric(place, service, metric);
            }
            self.end_resource(&service.resource);
        }
        self.end_request();
        self.batches
    }

    fn metric(&mut self, place: usize, service: &Service, index: usize) {
        let state = self.state;
        let is_delta = state.plan.is_delta();
        let temporality = if is_delta { DELTA } else { CUMULATIVE };
        if let Some(own) = &service.metrics[index] {
            for (key, series) in &own.series {
                self.series(service, index, Some(key), series, temporality);
            }
            if let Some(overflow) = &own.overflow {
                self.series(service, index, None, overflow, temporality);
            }
        }
        self.end_metric(index, temporality);
        let is_read_as_delta = state.plan.settings.temporality == super::Temporality::Delta
            && METRICS[index].kind == Kind::Counter;
        let temporality = if is_read_as_delta { DELTA } else { CUMULATIVE };
        for reading in &state.readings {
            if reading.service == place && reading.metric == index {
                self.scratch.clear();
                attributes(&mut self.scratch, 7, Some(&reading.key), state);
                times(&mut self.scratch, reading.start, self.now);
                let divisor = state.plan.metrics[index].divisor;
                if METRICS[index].is_fraction() {
                    let value = scaled(reading.value.unsigned_abs(), divisor);
                    wire::double(&mut self.scratch, 4, value);
                } else {
                    wire::fixed64(&mut self.scratch, 6, reading.value.cast_unsigned());
                }
                self.point(service, index, temporality);
            }
        }
        self.end_metric(index, temporality);
    }

    fn series(
        &mut self,
        service: &Service,
        metric: usize,
        key: Option<&[u8]>,
        series: &Series,
        temporality: u64,
    ) {
        let is_delta = temporality == DELTA;
        let point = if is_delta { series.fresh.as_ref() } else { Some(&series.total) };
        let Some(point) = point else { return };
        let start = if is_delta { self.state.delta_start(series) } else { series.start };
        self.scratch.clear();
        let out = &mut self.scratch;
        match point {
            Point::Sum { value, .. } => {
                attributes(out, 7, key, self.state);
                times(out, start, self.now);
                wire::fixed64(out, 6, *value);
            }
            Point::Distribution(distribution) => {
                let planned = &self.state.plan.metrics[metric];
                let is_exponential = matches!(distribution.buckets, Buckets::Exponential(_));
                attributes(out, if is_exponential { 1 } else { 9 }, key, self.state);
                times(out, start, self.now);
                wire::fixed64(out, 4, distribution.count);
                wire::double(out, 5, scaled_sum(distribution.sum, planned.divisor));
                match &distribution.buckets {
                    Buckets::Explicit(counts) => explicit(out, counts, METRICS[metric].kind),
                    Buckets::Exponential(buckets) => {
                        // sint32 is written in zigzag.
                        wire::integer(out, 6, zigzag(buckets.scale()));
                        wire::fixed64(out, 7, buckets.zeros());
                        wire::nested(out, 8, |out| {
                            wire::integer(out, 1, zigzag(buckets.offset()));
                            wire::nested(out, 2, |out| {
                                buckets.counts().iter().for_each(|&count| wire::varint(out, count));
                            });
                        });
                    }
                }
                let (field, min, max) = if is_exponential { (11, 12, 13) } else { (8, 11, 12) };
                exemplars(out, field, distribution, planned.divisor);
                wire::double(out, min, scaled(distribution.min, planned.divisor));
                wire::double(out, max, scaled(distribution.max, planned.divisor));
            }
        }
        self.point(service, metric, temporality);
    }

    /// Puts the point in `scratch` to the others of its metric.
    fn point(&mut self, service: &Service, metric: usize, temporality: u64) {
        wire::bytes(&mut self.points, 1, &self.scratch);
        self.items += 1;
        if self.request.len() + self.metrics.len() + self.points.len() >= REQUEST_BYTES {
            self.end_metric(metric, temporality);
            self.end_resource(&service.resource);
            self.end_request();
        }
    }

    fn end_metric(&mut self, index: usize, temporality: u64) {
        if self.points.is_empty() {
            return;
        }
        let metric = &METRICS[index];
        let data = Data::of(metric, self.state.plan.metrics[index].shape.as_ref());
        wire::integer(&mut self.points, 2, temporality);
        let field = match data {
            Data::Sum { is_monotonic } => {
                wire::integer(&mut self.points, 3, u64::from(is_monotonic));
                7
            }
            Data::Histogram => 9,
            Data::ExponentialHistogram => 10,
        };
        self.scratch.clear();
        let out = &mut self.scratch;
        wire::text(out, 1, metric.name);
        wire::text(out, 2, metric.description);
        wire::text(out, 3, metric.unit);
        wire::bytes(out, field, &self.points);
        wire::bytes(&mut self.metrics, 2, out);
        self.points.clear();
    }

    fn end_resource(&mut self, resource: &Resource) {
        if self.metrics.is_empty() {
            return;
        }
        let mut scope = Vec::with_capacity(self.metrics.len() + 128);
        append_scope(&mut scope);
        scope.extend_from_slice(&self.metrics);
        wire::text(&mut scope, 3, SCHEMA_URL);
        self.metrics.clear();
        let out = &mut self.scratch;
        out.clear();
        wire::nested(out, 1, |out| encode_resource(out, resource));
        wire::bytes(out, 2, &scope);
        wire::text(out, 3, SCHEMA_URL);
        wire::bytes(&mut self.request, 1, out);
    }

    fn end_request(&mut self) {
        if !self.request.is_empty() {
            let payload = Bytes::from(std::mem::take(&mut self.request));
            let items = std::mem::take(&mut self.items);
            self.batches.push(Batch { kind: SignalKind::Metrics, payload, items });
        }
    }
}

fn times(out: &mut Vec<u8>, start: u64, now: u64) {
    wire::fixed64(out, 2, start);
    wire::fixed64(out, 3, now);
}

/// The attributes of a key; of the overflow point, if there is none.
fn attributes(out: &mut Vec<u8>, field: u32, key: Option<&[u8]>, state: &State) {
    let Some(key) = key else {
        return wire::nested(out, field, |out| {
            wire::text(out, 1, OVERFLOW);
            wire::nested(out, 2, |out| wire::integer(out, 2, 1));
        });
    };
    for (number, value) in Attributes::of(key) {
        let Some(name) = state.plan.names.get(usize::from(number)) else { continue };
        wire::nested(out, field, |out| {
            wire::text(out, 1, name);
            wire::nested(out, 2, |out| match value {
                Stored::Text(text) => wire::text(out, 1, text),
                Stored::Integer(number) => wire::integer(out, 3, number.cast_unsigned()),
                Stored::Address(address) => wire::text(out, 1, &address.to_string()),
            });
        });
    }
}

fn explicit(out: &mut Vec<u8>, counts: &[u64], kind: Kind) {
    wire::nested(out, 6, |out| {
        counts.iter().for_each(|count| out.extend_from_slice(&count.to_le_bytes()));
    });
    let Kind::Histogram(bounds) = kind else { return };
    wire::nested(out, 7, |out| {
        bounds.iter().for_each(|bound| out.extend_from_slice(&bound.to_le_bytes()));
    });
}

fn exemplars(out: &mut Vec<u8>, field: u32, distribution: &Distribution, divisor: f64) {
    for Exemplar { value, span, .. } in distribution.exemplars.iter().filter(|exemplar| !exemplar.is_sent) {
        wire::nested(out, field, |out| {
            wire::fixed64(out, 2, span.unix_nanos);
            wire::double(out, 3, scaled(*value, divisor));
            wire::bytes(out, 4, &span.span_id);
            wire::bytes(out, 5, &span.trace_id);
        });
    }
}

fn zigzag(number: i32) -> u64 {
    u64::from((number << 1 ^ number >> 31).cast_unsigned())
}

/// A value in the metric's unit.
pub(super) fn scaled(value: u64, divisor: f64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a value is a duration or a size; the sum is kept exactly"
    )]
    let value = value as f64;
    value / divisor
}

/// A sum in the metric's unit, rounded once.
pub(super) fn scaled_sum(sum: u128, divisor: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "OTLP has sums as doubles")]
    let sum = sum as f64;
    sum / divisor
}
