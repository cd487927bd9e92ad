//! Names of metrics, and of attributes that they carry: what is mistyped would otherwise go unnoticed, or be found out
//! when the daemon starts.

use std::{collections::BTreeMap, ops::Deref};

use super::{
    printer::Printer,
    reader::Reader,
    scalar::Scalar,
    setting::{Setting, Shown},
    signals::Attributes,
    values::closest,
    yaml::{Content, Node},
};
use crate::signal::metrics::{
    MetricChange, MetricPlan, MetricSettings, can_have,
    table::{METRICS, Metric, find},
};

/// Metrics that attributes may be configured of: many times what there are.
const MOST_METRICS: usize = 1_000;

/// The name of a metric that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricName(pub String);

impl Scalar for MetricName {
    fn from_text(text: &str) -> Result<Self, String> {
        metric(text).map(|_| Self(text.to_owned()))
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

/// The metric of a name, or what is said of one that there is not.
fn metric(name: &str) -> Result<&'static Metric, String> {
    find(name).and_then(|index| METRICS.get(index)).ok_or_else(|| {
        let meant = closest(name, METRICS.iter().map(|metric| metric.name));
        let hint = if meant.is_empty() {
            "; names are in lower case with dots, as in http.server.request.duration"
        } else {
            ""
        };
        format!("there is no such metric{meant}{hint}")
    })
}

/// Attributes of metrics beside their own, or no longer, by the metric's name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AttributesByMetric(pub BTreeMap<String, Attributes>);

impl Deref for AttributesByMetric {
    type Target = BTreeMap<String, Attributes>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Setting for AttributesByMetric {
    fn read(&mut self, node: &Node, reader: &mut Reader) {
        let entries = reader.entries(node, &["http.server.request.duration"]);
        if entries.len() > MOST_METRICS {
            let message = format!("{} metrics are too many; at most {MOST_METRICS}", entries.len());
            return reader.problem(node.line, message);
        }
        let mut values = BTreeMap::new();
        let before = reader.problem_count();
        for entry in entries {
            if reader.is_full() {
                return;
            }
            let mut attributes = Attributes::default();
            reader.within(&entry.key, |reader| match metric(&entry.key) {
                Err(message) => reader.problem(entry.line, message),
                Ok(metric) => {
                    attributes.read(&entry.value, reader);
                    refuse_unknown(metric, &attributes, &entry.value, reader);
                }
            });
            values.insert(entry.key.clone(), attributes);
        }
        if reader.problem_count() == before
            && let Err(error) =
                MetricPlan::new(MetricSettings { changes: changes(&values), ..MetricSettings::default() })
        {
            reader.problem(node.line, error.to_string());
        }
        if !matches!(node.content, Content::Nothing) {
            self.0 = values;
        }
    }

    fn shown(&self) -> Shown {
        self.0.shown()
    }

    fn print(&self, printer: &mut Printer) {
        self.0.print(printer);
    }
}

/// Notes attributes that the metric cannot carry, and those to remove that it does not.
fn refuse_unknown(metric: &Metric, attributes: &Attributes, node: &Node, reader: &mut Reader) {
    let Content::Keys(entries) = &node.content else { return };
    for entry in entries {
        let Content::List(items) = &entry.value.content else { continue };
        reader.within(&entry.key, |reader| {
            for item in items {
                let Content::Text(name) = &item.content else { continue };
                let own = metric.attributes.iter().copied();
                match entry.key.as_str() {
                    "add" if !can_have(metric.family, name) => {
                        let related = METRICS.iter().filter(|other| other.family == metric.family);
                        let known = related.flat_map(|other| other.attributes.iter().copied());
                        let meant = closest(name, known);
                        reader.problem(item.line, format!("this metric cannot have '{name}'{meant}"));
                    }
                    "remove" if !own.clone().any(|carried| carried == name) => {
                        // Whatever is added and removed at once is not meant.
                        let added = attributes.add.iter().map(String::as_str);
                        let meant = closest(name, own.chain(added));
                        reader.problem(item.line, format!("this metric does not carry '{name}'{meant}"));
                    }
                    _ => {}
                }
            }
        });
    }
}

/// What is different about metrics for these attributes.
fn changes(attributes: &BTreeMap<String, Attributes>) -> Vec<MetricChange> {
    let change = |(name, attributes): (&String, &Attributes)| MetricChange {
        name: name.clone(),
        enabled: None,
        add: attributes.add.clone(),
        remove: attributes.remove.clone(),
    };
    attributes.iter().map(change).collect()
}

impl super::Metrics {
    /// What is to be different about metrics. A metric that is named as wanted and as unwanted is unwanted.
    #[must_use]
    pub fn changes(&self) -> Vec<MetricChange> {
        let switched = |names: &[MetricName], is_on| -> Vec<MetricChange> {
            let change = |name: &MetricName| MetricChange {
                name: name.0.clone(),
                enabled: Some(is_on),
                ..MetricChange::default()
            };
            names.iter().map(change).collect()
        };
        let mut all = switched(&self.opt_in, true);
        all.extend(switched(&self.opt_out, false));
        all.extend(changes(&self.attributes));
        all
    }
}
