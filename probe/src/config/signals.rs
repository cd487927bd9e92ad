//! What is made of exchanges: metrics, traces, an access log.

use std::time::Duration;

use super::{
    kinds::ByteSize,
    metric_names::{AttributesByMetric, MetricName},
    scalar::{Switch, between, if_on, lasting},
    setting::{choice, section},
};
use crate::signal::TimeSpan;

section! {
    /// What bounds the cost.
    Limits {
        /// When one attribute of one metric has shown more values than this in a service, further ones become `*`.
        restart values_per_attribute: usize = 100, if between(1, 1_000_000);
        /// Series that one metric may have; what goes beyond is added up in one with otel.metric.overflow=true.
        restart series_per_metric: usize = 2_000, if between(1, 1_000_000);
        /// Memory of this process. Beyond it, less and less is looked at until it suffices; `off` sets no bound.
        live memory: Switch<ByteSize> = Switch::On(ByteSize::mib(256)),
            if if_on(between(ByteSize::mib(64), ByteSize::mib(1 << 20)));
        /// Processors' time of this process, in processors: 0.5 is half of one. Beyond it, less is looked at; `off` sets no
        /// bound.
        live cpu: Switch<f64> = Switch::On(1.0), if if_on(between(0.05, 1024.0));
    }
}

section! {
    /// Metrics.
    Metrics {
        /// Whether metrics are made.
        restart enabled: bool = true;
        /// How often they are sent. Environment: OTEL_METRIC_EXPORT_INTERVAL, in milliseconds.
        restart interval: TimeSpan = TimeSpan(Duration::from_secs(60)),
            if lasting(Duration::from_secs(1), Duration::from_secs(3600));
        /// `cumulative`: sums since the start. `delta`: since what was sent last. `lowmemory`: as delta for what is counted
        /// as it happens. Environment: OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE.
        restart temporality: Temporality = Temporality::Cumulative;
        /// `explicit`: the buckets of the conventions. `exponential`: buckets that follow the values.
        /// Environment: OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION.
        restart histograms: Histograms = Histograms::Explicit;
        /// Which exchanges may stand as an example beside a metric: `trace_based` those with a sampled trace, `always_on`
        /// any, `always_off` none. Environment: OTEL_METRICS_EXEMPLAR_FILTER.
        restart exemplars: Exemplars = Exemplars::TraceBased;
        /// Metrics of who asks whom: client service, server service, protocol.
        restart service_graph: bool = true;
        /// Metrics that are not made unless they are named here, as in [http.server.request.body.size].
        restart opt_in: Vec<MetricName> = Vec::new();
        /// Metrics that are not made, as in [dns.lookup.duration].
        restart opt_out: Vec<MetricName> = Vec::new();
        /// How long a series that nothing is added to goes on to be sent. One that comes back later begins anew.
        restart idle: TimeSpan = TimeSpan(Duration::from_secs(600)),
            if lasting(Duration::from_secs(10), Duration::from_secs(7 * 86_400));
        /// Attributes that a metric carries beside its own, or no longer, by the metric's name:
        ///   http.server.request.duration: { add: [client.address], remove: [url.scheme] }
        restart attributes: AttributesByMetric = AttributesByMetric::default();
    }
}

section! {
    /// Attributes of one metric.
    Attributes {
        /// Carried beside its own.
        restart add: Vec<String> = Vec::new(), if all_dotted;
        /// No longer carried.
        restart remove: Vec<String> = Vec::new(), if all_dotted;
    }
}

choice! {
    /// What a sum counts from.
    Temporality {
        /// The start.
        Cumulative = "cumulative",
        /// What was sent last, save for what goes up and down.
        Delta = "delta",
        /// As delta for what is counted as it happens, else cumulative.
        LowMemory = "lowmemory",
    }
}

choice! {
    /// How values are spread over buckets.
    Histograms {
        /// The conventions' buckets.
        Explicit = "explicit",
        /// Buckets by powers, scaled to the values.
        Exponential = "exponential",
    }
}

choice! {
    /// Which exchanges may be examples.
    Exemplars {
        /// Those with a sampled trace.
        TraceBased = "trace_based",
        /// Any.
        AlwaysOn = "always_on",
        /// None.
        AlwaysOff = "always_off",
    }
}

section! {
    /// Traces: one span for each exchange.
    Traces {
        /// Whether spans are made.
        restart enabled: bool = true;
        /// The share of traces that are kept, from 0.0 to 1.0, decided by the trace's id.
        /// Environment: OTEL_TRACES_SAMPLER_ARG, with a sampler by ratio in OTEL_TRACES_SAMPLER.
        live ratio: f64 = 1.0, if between(0.0, 1.0);
        /// Whether the decision that a traceparent header carries counts instead of the ratio.
        live follow_parent: bool = true;
        /// Keep every exchange that failed, whatever the ratio.
        live keep_errors: bool = true;
        /// Keep every exchange that took longer, whatever the ratio; `off` keeps none for that.
        live keep_slower_than: Switch<TimeSpan> = Switch::On(TimeSpan(Duration::from_secs(1)));
        /// Whether the answering side of databases, messaging and DNS becomes a span, where the conventions only have one
        /// for the asking side: `unless_client_observed`, `always` or `never`.
        restart server_spans: ServerSpans = ServerSpans::UnlessClientObserved;
        /// Most spans a second for each service; what is left out is counted. `off` sets no bound.
        live spans_per_second: Switch<usize> = Switch::On(1_000), if if_on(between(1, 10_000_000));
    }
}

choice! {
    /// Whether the answering side becomes a span where the conventions only have one for the asking side.
    ServerSpans {
        /// Unless the asking side is observed, too: its span says the same.
        UnlessClientObserved = "unless_client_observed",
        /// In any case.
        Always = "always",
        /// In no case.
        Never = "never",
    }
}

choice! {
    /// Which exchanges are logged, one record each.
    AccessLog {
        /// None.
        Off = "off",
        /// Those that failed.
        Errors = "errors",
        /// Every one.
        All = "all",
    }
}

/// Whether it looks like a name of OpenTelemetry's: words in lower case with dots between.
fn is_dotted(name: &str) -> Result<(), String> {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
    };
    if name.split('.').all(is_part) && name.len() <= 255 {
        return Ok(());
    }
    Err(format!("'{name}' is no name; names are in lower case with dots, as in user_agent.original"))
}

fn all_dotted(names: &[String]) -> Result<(), String> {
    names.iter().try_for_each(|name| is_dotted(name))
}
