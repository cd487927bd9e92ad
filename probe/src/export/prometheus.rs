//! Metrics in the text formats that Prometheus scrapes, by OpenTelemetry's rules of how its names become theirs
//! (specification, "Prometheus and OpenMetrics Compatibility").
//!
//! The formats are the [text format 0.0.4](https://prometheus.io/docs/instrumenting/exposition_formats/) and
//! [OpenMetrics 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/), which has exemplars and start times as well.
//! Numbers are those that a collection as OTLP would have at the same moment, cumulative whatever that has.

use std::fmt::Write as _;

use crate::{
    identity::{Resource, ResourceValue},
    signal::{
        WallTime, hexadecimal,
        metrics::{
            HistogramView, MetricStore, SeriesView, SpanRef, ValueView,
            table::{Kind, Metric},
        },
        otlp::{SCHEMA_URL, SCOPE_NAME, SCOPE_VERSION},
    },
};

/// One of the two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextFormat {
    /// Prometheus' own, version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl TextFormat {
    /// The format that an `Accept` header asks for.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// The value of `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Appends all metrics.
pub fn append_metrics(store: &MetricStore, now: WallTime, format: TextFormat, out: &mut String) {
    append_targets(&store.resources(now), format, out);
    let mut last = None;
    store.visit(now, &mut |series| {
        let family = Family::of(series.metric, format);
        if last != Some(series.metric.name) {
            last = Some(series.metric.name);
            family.append_head(series.metric.description, out);
        }
        append_series(series, &family, format, out);
    });
    if format == TextFormat::OpenMetrics {
        out.push_str("# EOF\n");
    }
}

/// A metric as the format calls it.
struct Family {
    /// The name in comments.
    name: String,
    /// The name of the sample of a sum.
    sum: String,
    kind: &'static str,
    unit: Option<&'static str>,
}

impl Family {
    fn of(metric: &Metric, format: TextFormat) -> Self {
        let mut name = plain_name(metric.name);
        let unit = unit_word(metric.unit);
        let kind = match metric.kind {
            Kind::Histogram(_) => "histogram",
            Kind::Counter => "counter",
            Kind::UpDownCounter => "gauge",
        };
        if kind == "counter" {
            name.truncate(name.strip_suffix("_total").map_or(name.len(), str::len));
        }
        if let Some(unit) = unit
            && !name.ends_with(&format!("_{unit}"))
        {
            let _ = write!(name, "_{unit}");
        }
        let sum = if kind == "counter" { format!("{name}_total") } else { name.clone() };
        // OpenMetrics names the family, the older format the samples.
        let name = if format == TextFormat::Prometheus { sum.clone() } else { name };
        Self { name, sum, kind, unit: unit.filter(|_| format == TextFormat::OpenMetrics) }
    }

    fn append_head(&self, description: &str, out: &mut String) {
        let Self { name, kind, unit, .. } = self;
        let _ = write!(out, "# HELP {name} ");
        append_escaped(description, false, out);
        let _ = writeln!(out, "\n# TYPE {name} {kind}");
        if let Some(unit) = unit {
            let _ = writeln!(out, "# UNIT {name} {unit}");
        }
    }
}

/// A unit in a word, `None` where the name goes without.
fn unit_word(unit: &str) -> Option<&'static str> {
    match unit {
        "s" => Some("seconds"),
        "By" => Some("bytes"),
        "1" => Some("ratio"),
        // What is in braces is a comment.
        _ => None,
    }
}

/// A name with no other characters than the format allows.
fn plain_name(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for character in name.chars() {
        let character = if character.is_ascii_alphanumeric() || character == ':' { character } else { '_' };
        if character != '_' || !plain.ends_with('_') {
            plain.push(character);
        }
    }
    if plain.starts_with(|first: char| first.is_ascii_digit()) {
        plain.insert(0, '_');
    }
    plain
}

fn append_series(series: &SeriesView<'_>, family: &Family, format: TextFormat, out: &mut String) {
    let mut labels = Labels::of_target(series.resource);
    for (name, value) in [
        ("otel.scope.name", SCOPE_NAME),
        ("otel.scope.version", SCOPE_VERSION),
        ("otel.scope.schema_url", SCHEMA_URL),
    ] {
        labels.push(name, value);
    }
    for (name, value) in &series.attributes {
        labels.push(name, value);
    }
    let name = &family.sum;
    match &series.value {
        ValueView::Sum(sum) => {
            out.push_str(name);
            labels.append(None, out);
            let _ = writeln!(out, " {sum}");
        }
        ValueView::Fraction(sum) => {
            out.push_str(name);
            labels.append(None, out);
            let _ = writeln!(out, " {sum:?}");
        }
        ValueView::Histogram(histogram) => append_histogram(name, &labels, histogram, format, out),
    }
    if format == TextFormat::OpenMetrics && family.kind != "gauge" {
        out.push_str(&family.name);
        out.push_str("_created");
        labels.append(None, out);
        let _ = writeln!(out, " {}", seconds(series.start));
    }
}

fn append_histogram(
    name: &str,
    labels: &Labels,
    histogram: &HistogramView,
    format: TextFormat,
    out: &mut String,
) {
    let mut passed = 0;
    let mut lower = f64::NEG_INFINITY;
    for (place, count) in histogram.counts.iter().enumerate() {
        passed += count;
        let upper = histogram.bounds.get(place).copied().unwrap_or(f64::INFINITY);
        let text = if upper.is_finite() { format!("{upper:?}") } else { "+Inf".to_owned() };
        out.push_str(name);
        out.push_str("_bucket");
        labels.append(Some(&text), out);
        let _ = write!(out, " {passed}");
        if format == TextFormat::OpenMetrics {
            let within = |&&(value, _): &&(f64, SpanRef)| lower < value && value <= upper;
            if let Some((value, span)) = histogram.exemplars.iter().rev().find(within) {
                append_exemplar(*value, span, out);
            }
        }
        out.push('\n');
        lower = upper;
    }
    for (suffix, value) in [("_sum", format!("{:?}", histogram.sum)), ("_count", histogram.count.to_string())]
    {
        out.push_str(name);
        out.push_str(suffix);
        labels.append(None, out);
        let _ = writeln!(out, " {value}");
    }
}

fn append_exemplar(value: f64, span: &SpanRef, out: &mut String) {
    out.push_str(" # {trace_id=\"");
    append_hex(&span.trace_id, out);
    out.push_str("\",span_id=\"");
    append_hex(&span.span_id, out);
    let _ = write!(out, "\"}} {value:?} {}", seconds(span.unix_nanos));
}

fn append_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        out.extend(hexadecimal(*byte).map(char::from));
    }
}

fn seconds(nanos: u64) -> String {
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

/// `target_info`: one for each resource, with what its other metrics do not repeat.
fn append_targets(resources: &[std::sync::Arc<Resource>], format: TextFormat, out: &mut String) {
    if resources.is_empty() {
        return;
    }
    let (name, kind) = match format {
        TextFormat::Prometheus => ("target_info", "gauge"),
        TextFormat::OpenMetrics => ("target", "info"),
    };
    let _ = writeln!(out, "# HELP {name} Target metadata\n# TYPE {name} {kind}");
    for resource in resources {
        let mut labels = Labels::of_target(resource);
        for (name, value) in &resource.attributes {
            if matches!(&**name, "service.name" | "service.namespace" | "service.instance.id") {
                continue;
            }
            match value {
                ResourceValue::Text(text) => labels.push(name, text),
                ResourceValue::Integer(number) => labels.push(name, &number.to_string()),
                ResourceValue::Texts(texts) => {
                    labels.push(name, &serde_json::to_string(texts).unwrap_or_default());
                }
            }
        }
        out.push_str("target_info");
        labels.append(None, out);
        out.push_str(" 1\n");
    }
}

/// Labels of a sample.
struct Labels(Vec<(String, String)>);

impl Labels {
    /// Those that say whose it is.
    fn of_target(resource: &Resource) -> Self {
        let mut labels = Self(Vec::new());
        match &resource.service_namespace {
            Some(namespace) => labels.push("job", &format!("{namespace}/{}", resource.service_name)),
            None => labels.push("job", &resource.service_name),
        }
        let instance = resource.attributes.iter().find(|(name, _)| **name == *"service.instance.id");
        if let Some((_, ResourceValue::Text(instance))) = instance {
            labels.push("instance", instance);
        }
        labels
    }

    /// Adds one. Where two attributes' names become the same, their values stand in one label.
    fn push(&mut self, name: &str, value: &str) {
        let name = plain_name(name);
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => {
                known.push(';');
                known.push_str(value);
            }
            None => self.0.push((name, value.to_owned())),
        }
    }

    fn append(&self, upper_bound: Option<&str>, out: &mut String) {
        let bound = upper_bound.map(|bound| ("le", bound));
        let labels = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(bound);
        for (index, (name, value)) in labels.enumerate() {
            out.push(if index == 0 { '{' } else { ',' });
            out.push_str(name);
            out.push_str("=\"");
            append_escaped(value, true, out);
            out.push('"');
        }
        out.push('}');
    }
}

fn append_escaped(text: &str, is_quoted: bool, out: &mut String) {
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if is_quoted => out.push_str("\\\""),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
#[path = "prometheus_tests.rs"]
mod tests;
