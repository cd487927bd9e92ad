//! One worker's part: finds the key of what it observes, adds to what that key has had since the last hand-over.

use std::sync::Arc;

use hashbrown::HashMap;
use plainsight_protocols::{MetricAttribute, MetricValue, Protocol, Side, Value};

use super::{
    SpanRef,
    graph::EdgeDelta,
    key::{self, Stored},
    point::Point,
    settings::{MetricPlan, OUTCOME, PROTOCOL, PlannedFamily, SIDE},
    store::MetricStore,
    table::{Family, Measure},
};
use crate::{
    capture::ConnectionId,
    flow::Observed,
    signal::{
        outcome_name,
        record::{duration, endpoints},
        side_name,
    },
};

/// Keys that a worker has before it hands them over at once, without waiting for the second to pass: some 2 MB.
pub(super) const DELTA_LIMIT: usize = 4096;

/// What was measured under one key, one point for each metric of its family that is made.
pub(super) type Points = Box<[Point]>;

/// What one worker observed since the hand-over before.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    pub(super) points: HashMap<Vec<u8>, Points>,
    pub(super) edges: HashMap<ConnectionId, EdgeDelta>,
    /// Change of the number of connections that are open, by process and role.
    pub(super) active: HashMap<(u32, u8), i64>,
}

impl Deltas {
    pub(super) fn is_empty(&self) -> bool {
        self.points.is_empty() && self.edges.is_empty() && self.active.is_empty()
    }

    fn is_full(&self) -> bool {
        self.points.len() >= DELTA_LIMIT
            || self.edges.len() >= DELTA_LIMIT
            || self.active.len() >= DELTA_LIMIT
    }
}

/// Makes metrics of what one worker observes. Takes no lock but to hand over.
#[derive(Debug)]
pub struct MetricRecorder {
    pub(super) store: Arc<MetricStore>,
    pub(super) plan: Arc<MetricPlan>,
    pub(super) deltas: Deltas,
    pub(super) key: Vec<u8>,
}

impl MetricRecorder {
    pub(super) fn new(store: Arc<MetricStore>, plan: Arc<MetricPlan>) -> Self {
        Self { store, plan, deltas: Deltas::default(), key: Vec::with_capacity(512) }
    }

    /// Counts an exchange. `exemplar` is the span that was made of it, if it was sampled. Allocates nothing for a key
    /// that has been seen since the last hand-over.
    pub fn record(&mut self, observed: &Observed<'_>, exemplar: Option<SpanRef>) {
        let exchange = observed.exchange;
        let Some(family) = family_of(exchange.protocol, observed.side) else { return };
        let planned = &self.plan.families[family as usize];
        let exemplar = exemplar.filter(|_| self.plan.settings.exemplars);
        let nanos = duration(exchange).map(|duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        let pid = observed.process.pid;
        let is_edge = self.plan.settings.service_graph && exchange.protocol != Protocol::Dns;

        key::begin(&mut self.key, pid, family);
        let is_error = write_attributes(&mut self.key, planned, observed);
        if !planned.metrics.is_empty() {
            let points = points_of(&mut self.deltas.points, &self.key, &self.plan, planned);
            let mut set = |measure, value| {
                if let Some(place) = planned.place(measure)
                    && let Some(value) = value
                    && let Some(point) = points.get_mut(place)
                {
                    let shape = self.plan.metrics[planned.metrics[place]].shape.as_ref();
                    point.record(value, shape, exemplar.as_ref());
                }
            };
            set(Measure::Duration, nanos);
            if planned.measures {
                let measures = exchange.details.measures();
                set(Measure::RequestBody, measures.request_body_bytes);
                set(Measure::ResponseBody, measures.response_body_bytes);
                set(Measure::ReturnedRows, measures.returned_rows);
                set(Measure::SentMessages, measures.sent_messages.filter(|&count| count > 0));
                set(Measure::ConsumedMessages, measures.consumed_messages.filter(|&count| count > 0));
            }
        }
        if is_edge {
            let edge = self
                .deltas
                .edges
                .entry(observed.connection)
                .or_insert_with(|| EdgeDelta::new(observed, &self.plan));
            edge.record(observed, nanos, is_error, &self.plan, exemplar.as_ref());
        }
        if nanos.is_none() {
            self.record_untimed(observed);
        }
        if self.deltas.is_full() {
            self.hand_over();
        }
    }

    /// Gives what was observed to the store. Wanted about once a second, and when the observation ends.
    pub fn hand_over(&mut self) {
        if !self.deltas.is_empty() {
            self.store.accept(std::mem::take(&mut self.deltas));
        }
    }

    #[cold]
    fn record_untimed(&mut self, observed: &Observed<'_>) {
        let exchange = observed.exchange;
        let outcome = outcome_name(exchange.outcome);
        let error = exchange.details.error_type(observed.side);
        let attributes = [
            (PROTOCOL, Some(Stored::Text(exchange.protocol.name()))),
            (SIDE, Some(Stored::Text(side_name(observed.side)))),
            (OUTCOME, Some(Stored::Text(outcome))),
            (MetricAttribute::ErrorType as u8, error.as_deref().map(Stored::Text)),
        ];
        self.add(observed.process.pid, Family::Untimed, &attributes, [Some((Measure::Count, 1))]);
    }

    /// Adds measurements under a key made of these attributes.
    pub(super) fn add(
        &mut self,
        pid: u32,
        family: Family,
        attributes: &[(u8, Option<Stored<'_>>)],
        measures: impl IntoIterator<Item = Option<(Measure, u64)>>,
    ) {
        let planned = &self.plan.families[family as usize];
        if planned.metrics.is_empty() {
            return;
        }
        key::begin(&mut self.key, pid, family);
        for (attribute, value) in attributes {
            if let Some(value) = value {
                key::push(&mut self.key, *attribute, *value);
            }
        }
        let points = points_of(&mut self.deltas.points, &self.key, &self.plan, planned);
        for (measure, value) in measures.into_iter().flatten() {
            if let Some(place) = planned.place(measure)
                && let Some(point) = points.get_mut(place)
            {
                point.record(value, self.plan.metrics[planned.metrics[place]].shape.as_ref(), None);
            }
        }
        if self.deltas.is_full() {
            self.hand_over();
        }
    }
}

impl Drop for MetricRecorder {
    fn drop(&mut self) {
        self.hand_over();
    }
}

/// What an exchange's metrics are, by its protocol and the end that was observed.
const fn family_of(protocol: Protocol, side: Side) -> Option<Family> {
    let (server, client) = match protocol {
        Protocol::Http | Protocol::Http2 => (Family::HttpServer, Family::HttpClient),
        Protocol::Grpc => (Family::RpcServer, Family::RpcClient),
        Protocol::Redis
        | Protocol::Mysql
        | Protocol::Postgresql
        | Protocol::Memcached
        | Protocol::Mongodb => (Family::DbServer, Family::DbClient),
        Protocol::Kafka => (Family::MessagingServer, Family::MessagingClient),
        Protocol::Dns => (Family::DnsServer, Family::DnsClient),
        // A handshake is no request, and what follows it cannot be read.
        _ => return None,
    };
    match side {
        Side::Server => Some(server),
        Side::Client => Some(client),
    }
}

/// Appends the attributes that a family's metrics carry, and tells whether the exchange failed.
fn write_attributes(key: &mut Vec<u8>, planned: &PlannedFamily, observed: &Observed<'_>) -> bool {
    let ends = endpoints(observed);
    let details = observed.exchange.details;
    let is_error_wanted = planned.wanted.contains(MetricAttribute::ErrorType);
    let mut is_error = false;
    let wanted = planned.wanted.with(MetricAttribute::ErrorType);
    details.metric_attributes(observed.side, &ends, wanted, &mut |attribute, value| {
        if attribute == MetricAttribute::ErrorType {
            is_error = true;
            if !is_error_wanted {
                return;
            }
        }
        let value = match value {
            MetricValue::Text(text) => Stored::Text(text),
            MetricValue::Integer(number) => Stored::Integer(number),
            MetricValue::Address(address) => Stored::Address(address),
        };
        key::push(key, attribute as u8, value);
    });
    if !planned.extras.is_empty() {
        details.attributes(observed.side, &ends, &mut |name, value| {
            let Some((_, number)) = planned.extras.iter().find(|(extra, _)| **extra == *name) else { return };
            match value {
                Value::Text(text) => key::push(key, *number, Stored::Text(&text)),
                Value::Integer(integer) => key::push(key, *number, Stored::Integer(integer)),
                Value::Texts(texts) => key::push(key, *number, Stored::Text(&texts.join(","))),
            }
        });
    }
    is_error
}

/// The points of a key, new ones if it has none.
#[inline]
fn points_of<'a>(
    all: &'a mut HashMap<Vec<u8>, Points>,
    key: &[u8],
    plan: &MetricPlan,
    planned: &PlannedFamily,
) -> &'a mut Points {
    all.entry_ref(key).or_insert_with(|| {
        planned.metrics.iter().map(|&metric| Point::new(plan.metrics[metric].shape.as_ref())).collect()
    })
}
