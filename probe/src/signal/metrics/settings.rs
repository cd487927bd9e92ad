//! What a person may decide about metrics, and the plan that is made of it once.

use std::{sync::Arc, time::Duration};

use plainsight_protocols::{MetricAttribute, MetricAttributes};
use thiserror::Error;

use super::{
    point::Shape,
    table::{Family, Kind, METRICS, Measure, find},
};

/// Attributes that no protocol tells, in the order of their numbers.
const LOCAL: [&str; 12] = [
    "plainsight.protocol",
    "plainsight.side",
    "plainsight.outcome",
    "network.transport",
    "plainsight.connection.role",
    "client",
    "server",
    "connection_type",
    "client_service_namespace",
    "server_service_namespace",
    "plainsight.metric.name",
    "plainsight.metric.attribute",
];

const FIRST_LOCAL: u8 = MetricAttribute::ALL.len() as u8;
pub(super) const PROTOCOL: u8 = FIRST_LOCAL;
pub(super) const SIDE: u8 = FIRST_LOCAL + 1;
pub(super) const OUTCOME: u8 = FIRST_LOCAL + 2;
pub(super) const TRANSPORT: u8 = FIRST_LOCAL + 3;
pub(super) const ROLE: u8 = FIRST_LOCAL + 4;
pub(super) const CLIENT: u8 = FIRST_LOCAL + 5;
pub(super) const SERVER: u8 = FIRST_LOCAL + 6;
pub(super) const CONNECTION_TYPE: u8 = FIRST_LOCAL + 7;
pub(super) const CLIENT_NAMESPACE: u8 = FIRST_LOCAL + 8;
pub(super) const SERVER_NAMESPACE: u8 = FIRST_LOCAL + 9;
pub(super) const METRIC_NAME: u8 = FIRST_LOCAL + 10;
pub(super) const METRIC_ATTRIBUTE: u8 = FIRST_LOCAL + 11;

/// Attributes that can be told apart: as many as the set of a metric's attributes has bits.
const ATTRIBUTES: usize = 128;

/// What a measure that nobody makes has instead of a place.
const NOWHERE: u8 = u8::MAX;

/// What a point of a counter or a histogram covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Temporality {
    /// Everything since the series began.
    #[default]
    Cumulative,
    /// What happened since the collection before, for all that only grows.
    Delta,
    /// As delta, but for what is read rather than counted: `lowmemory` of the specification.
    LowMemory,
}

/// How the values of histograms are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Histograms {
    /// In the buckets that the conventions advise.
    #[default]
    Explicit,
    /// In exponential buckets, 160 at most.
    Exponential,
}

/// What is to be different about one metric.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetricChange {
    /// The metric's name.
    pub name: String,
    /// Whether it is made at all; `None` leaves that as it is.
    pub enabled: Option<bool>,
    /// Attributes that it carries as well: any that the protocol's spans have.
    pub add: Vec<String>,
    /// Attributes that it does not carry.
    pub remove: Vec<String>,
}

/// What a person may decide about metrics.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSettings {
    /// Values that one attribute of one metric may show in a service before further ones become `*`.
    pub values_per_attribute: usize,
    /// Series that one metric may have, overflow points not counted.
    pub series_per_metric: usize,
    /// Services, or instances of them, that are told apart. Those beyond share one.
    pub resources: usize,
    /// What a point covers.
    pub temporality: Temporality,
    /// How histograms are made.
    pub histograms: Histograms,
    /// Whether histograms carry the ids of sampled exchanges.
    pub exemplars: bool,
    /// How long a series that nothing is added to is kept. One that comes back later begins anew.
    pub idle: Duration,
    /// How long measurements of a process wait for it to be known.
    pub identity_wait: Duration,
    /// Whether edges of the service graph are counted.
    pub service_graph: bool,
    /// Deviations of single metrics.
    pub changes: Vec<MetricChange>,
}

impl Default for MetricSettings {
    fn default() -> Self {
        Self {
            values_per_attribute: 100,
            series_per_metric: 2000,
            resources: 200,
            temporality: Temporality::default(),
            histograms: Histograms::default(),
            exemplars: true,
            // Two scrapes of the slowest usual kind, and more than any gap between two alerts' evaluations.
            idle: Duration::from_secs(600),
            identity_wait: Duration::from_secs(5),
            service_graph: true,
            changes: Vec::new(),
        }
    }
}

/// What is wrong with settings.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetricSettingsError {
    /// There is no such metric.
    #[error("there is no metric `{0}`")]
    UnknownMetric(String),
    /// The metric cannot have that attribute.
    #[error("the metric `{metric}` cannot have the attribute `{attribute}`")]
    UnknownAttribute {
        /// The metric.
        metric: String,
        /// The attribute.
        attribute: String,
    },
    /// More attributes were asked for than can be told apart.
    #[error("too many attributes are added to metrics: {ATTRIBUTES} can be told apart")]
    TooManyAttributes,
}

/// A metric as it is made.
#[derive(Debug, Clone)]
pub(super) struct PlannedMetric {
    pub(super) is_on: bool,
    /// Numbers of its attributes, as bits.
    pub(super) mask: u128,
    pub(super) shape: Option<Shape>,
    /// The metric's unit in the smallest one, which measurements are in.
    pub(super) divisor: f64,
}

/// What is made of a family's observations.
#[derive(Debug, Clone)]
pub(super) struct PlannedFamily {
    /// Its metrics that are made, by their place among the points of a key.
    pub(super) metrics: Vec<usize>,
    places: [u8; Measure::COUNT],
    /// Attributes that the protocol is to tell.
    pub(super) wanted: MetricAttributes,
    /// Attributes that only a visit of all tells, with their numbers.
    pub(super) extras: Vec<(Box<str>, u8)>,
    /// Whether more than the duration is measured.
    pub(super) measures: bool,
}

impl PlannedFamily {
    /// Where among the points of a key a measure has its own.
    #[inline]
    pub(super) fn place(&self, measure: Measure) -> Option<usize> {
        let place = self.places[measure as usize];
        (place != NOWHERE).then_some(usize::from(place))
    }
}

/// Settings, checked and prepared. Shared by all who make metrics.
#[derive(Debug, Clone)]
pub struct MetricPlan {
    pub(super) settings: MetricSettings,
    /// Names of attributes by their numbers.
    pub(super) names: Vec<Box<str>>,
    /// One for each of [`METRICS`].
    pub(super) metrics: Vec<PlannedMetric>,
    pub(super) families: Vec<PlannedFamily>,
}

impl MetricPlan {
    /// The plan of these settings.
    ///
    /// # Errors
    /// If they name a metric or an attribute that there is not.
    pub fn new(settings: MetricSettings) -> Result<Arc<Self>, MetricSettingsError> {
        let known = MetricAttribute::ALL.iter().map(|attribute| attribute.name()).chain(LOCAL);
        let mut plan = Self {
            names: known.map(Box::from).collect(),
            metrics: Vec::new(),
            families: Vec::new(),
            settings,
        };
        for change in &plan.settings.changes {
            if find(&change.name).is_none() {
                return Err(MetricSettingsError::UnknownMetric(change.name.clone()));
            }
        }
        for index in 0..METRICS.len() {
            let planned = plan.metric(index)?;
            plan.metrics.push(planned);
        }
        plan.families = (0..Family::COUNT).map(|family| plan.family(family)).collect();
        Ok(Arc::new(plan))
    }

    fn metric(&mut self, index: usize) -> Result<PlannedMetric, MetricSettingsError> {
        let metric = &METRICS[index];
        let mut is_on = metric.default_on && (metric.family != Family::Edge || self.settings.service_graph);
        let mut names: Vec<String> = metric.attributes.iter().map(|&name| name.to_owned()).collect();
        let changes: Vec<_> =
            self.settings.changes.iter().filter(|change| change.name == metric.name).cloned().collect();
        for change in changes {
            is_on = change.enabled.unwrap_or(is_on);
            for name in change.add {
                if !can_have(metric.family, &name) {
                    let metric = metric.name.to_owned();
                    return Err(MetricSettingsError::UnknownAttribute { metric, attribute: name });
                }
                names.push(name);
            }
            names.retain(|name| !change.remove.contains(name));
        }
        let mut mask = 0;
        for name in &names {
            mask |= 1 << self.number(name)?;
        }
        let (shape, divisor) = match metric.kind {
            Kind::Histogram(bounds) => {
                let divisor = if metric.unit == "s" { 1e9 } else { 1.0 };
                let shape = match self.settings.histograms {
                    Histograms::Explicit => {
                        Shape::Explicit(bounds.iter().map(|bound| units(bound * divisor)).collect())
                    }
                    Histograms::Exponential => Shape::Exponential(divisor),
                };
                (Some(shape), divisor)
            }
            Kind::Counter | Kind::UpDownCounter => (None, if metric.is_fraction() { 1e9 } else { 1.0 }),
        };
        Ok(PlannedMetric { is_on, mask, shape, divisor })
    }

    /// The number of an attribute, a new one if it has none yet.
    fn number(&mut self, name: &str) -> Result<u8, MetricSettingsError> {
        let place = self.names.iter().position(|known| **known == *name).unwrap_or_else(|| {
            self.names.push(name.into());
            self.names.len() - 1
        });
        match u8::try_from(place) {
            Ok(number) if place < ATTRIBUTES => Ok(number),
            _ => Err(MetricSettingsError::TooManyAttributes),
        }
    }

    /// The number of an attribute that some metric carries.
    pub(super) fn number_of(&self, name: &str) -> Option<u8> {
        let place = self.names.iter().position(|known| **known == *name)?;
        u8::try_from(place).ok()
    }

    fn family(&self, family: usize) -> PlannedFamily {
        let mut planned = PlannedFamily {
            metrics: Vec::new(),
            places: [NOWHERE; Measure::COUNT],
            wanted: MetricAttributes::NONE,
            extras: Vec::new(),
            measures: false,
        };
        let mut mask = 0;
        for (index, metric) in METRICS.iter().enumerate() {
            if metric.family as usize != family || !self.metrics[index].is_on {
                continue;
            }
            planned.places[metric.measure as usize] = u8::try_from(planned.metrics.len()).unwrap_or(NOWHERE);
            planned.metrics.push(index);
            planned.measures |= metric.measure != Measure::Duration;
            mask |= self.metrics[index].mask;
        }
        for attribute in MetricAttribute::ALL {
            if mask & 1 << attribute as u8 != 0 {
                planned.wanted = planned.wanted.with(attribute);
            }
        }
        let rest = mask.checked_shr(u32::from(FIRST_LOCAL)).unwrap_or(0);
        for (number, name) in (FIRST_LOCAL..).zip(&self.names[usize::from(FIRST_LOCAL)..]) {
            if rest >> (number - FIRST_LOCAL) & 1 != 0 {
                planned.extras.push((name.clone(), number));
            }
        }
        planned
    }

    /// The series that a metric may have.
    pub(super) const fn series_limit(&self) -> usize {
        self.settings.series_per_metric
    }

    /// Whether points of counters and histograms cover what happened since the one before.
    pub(super) fn is_delta(&self) -> bool {
        self.settings.temporality != Temporality::Cumulative
    }
}

/// Whether a metric of that family may carry the attribute: exchanges whatever their protocol tells, the rest what is
/// known of the family.
pub(crate) fn can_have(family: Family, name: &str) -> bool {
    match family {
        Family::Untimed
        | Family::FailedDial
        | Family::Connection
        | Family::Edge
        | Family::Own
        | Family::Probe => {
            METRICS.iter().any(|metric| metric.family == family && metric.attributes.contains(&name))
        }
        _ => !name.is_empty(),
    }
}

/// A bound as a whole number of the smallest units.
fn units(bound: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounds are small and positive"
    )]
    let units = bound.round() as u64;
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str) -> MetricChange {
        MetricChange { name: name.to_owned(), ..MetricChange::default() }
    }

    fn plan(change: MetricChange) -> Result<Arc<MetricPlan>, MetricSettingsError> {
        MetricPlan::new(MetricSettings { changes: vec![change], ..MetricSettings::default() })
    }

    fn carried(plan: &MetricPlan, name: &str) -> Vec<String> {
        let mask = plan.metrics[find(name).expect("a metric")].mask;
        let carried = plan.names.iter().enumerate().filter(|(number, _)| mask >> number & 1 != 0);
        carried.map(|(_, name)| name.to_string()).collect()
    }

    #[test]
    fn attributes_are_added_and_removed() {
        let name = "http.server.request.duration";
        let added = vec!["server.address".to_owned(), "user_agent.original".to_owned()];
        let removed = vec!["plainsight.http.route".to_owned()];
        let plan = plan(MetricChange { add: added, remove: removed, ..change(name) }).expect("a plan");
        let carried = carried(&plan, name);
        assert!(carried.contains(&"server.address".to_owned()), "{carried:?}");
        assert!(carried.contains(&"user_agent.original".to_owned()), "{carried:?}");
        assert!(!carried.contains(&"plainsight.http.route".to_owned()), "{carried:?}");
        let family = &plan.families[Family::HttpServer as usize];
        assert!(family.wanted.contains(MetricAttribute::ServerAddress));
        assert!(!family.wanted.contains(MetricAttribute::HttpRoute));
        assert_eq!(family.extras.len(), 1, "the rest is told by the quick visit");
    }

    #[test]
    fn what_there_is_not_is_refused_by_name() {
        assert_eq!(
            plan(change("http.duration")).expect_err("no such metric").to_string(),
            "there is no metric `http.duration`"
        );
        let add = vec!["http.route".to_owned()];
        assert_eq!(
            plan(MetricChange { add, ..change("plainsight.connection.opened") })
                .expect_err("none")
                .to_string(),
            "the metric `plainsight.connection.opened` cannot have the attribute `http.route`"
        );
        let add = (0..200).map(|number| format!("http.request.header.h{number}")).collect();
        let error =
            plan(MetricChange { add, ..change("http.server.request.duration") }).expect_err("too many");
        assert_eq!(error, MetricSettingsError::TooManyAttributes);
    }

    #[test]
    fn only_metrics_that_are_on_have_a_place() {
        let plan = MetricPlan::new(MetricSettings::default()).expect("a plan");
        let family = &plan.families[Family::HttpServer as usize];
        assert_eq!(family.place(Measure::Duration), Some(0));
        assert_eq!(family.place(Measure::RequestBody), None);
        assert!(!family.measures);
        let plan =
            self::plan(MetricChange { enabled: Some(true), ..change("http.server.request.body.size") });
        let plan = plan.expect("a plan");
        assert_eq!(plan.families[Family::HttpServer as usize].place(Measure::RequestBody), Some(1));
    }
}
