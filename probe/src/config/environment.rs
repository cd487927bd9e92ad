//! What OpenTelemetry's environment variables say.
//!
//! For each key: the file first, then the environment, then the default. What OpenTelemetry's specification calls
//! `OTEL_CONFIG_FILE` names a file in another schema than this one, so it is not read, and said so.
//!
//! `OTEL_EXPORTER_OTLP_*` belong to the destination without `endpoint`, and are read by the exporter itself.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::{
    Config, Destinations, Exemplars, Histograms, Switch, Temporality,
    scalar::{Scalar, between, lasting},
};
use crate::signal::TimeSpan;

/// Variables of the environment. Those whose value is no UTF-8 are not there.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// The value of one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// As [`Self::get`], but what is empty counts as not set, as OpenTelemetry wants it.
    fn of_otel(&self, name: &str) -> Option<&str> {
        self.get(name).map(str::trim).filter(|value| !value.is_empty())
    }
}

impl<Name: Into<String>, Value: Into<String>> FromIterator<(Name, Value)> for Environment {
    fn from_iter<Variables: IntoIterator<Item = (Name, Value)>>(variables: Variables) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// The defaults with what the environment says. What it says wrongly is ignored, as the specification wants it, and
/// told as a warning.
pub(super) fn overlay(environment: &Environment) -> (Config, Vec<String>) {
    let mut overlay = Overlay { environment, warnings: Vec::new() };
    let mut config = Config::default();
    overlay.http(&mut config);
    overlay.metrics(&mut config);
    overlay.traces(&mut config);
    overlay.exporters(&mut config);
    if environment.of_otel("OTEL_CONFIG_FILE").is_some() {
        overlay.warn(
            "OTEL_CONFIG_FILE names a file in OpenTelemetry's own schema, which plainsight does not read; use --config \
             with a file as `plainsight run --print-default-config` prints it",
        );
    }
    (config, overlay.warnings)
}

struct Overlay<'run> {
    environment: &'run Environment,
    warnings: Vec<String>,
}

impl Overlay<'_> {
    fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    /// What the variable says, if it says something that can be used.
    fn value<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.environment.of_otel(name)?;
        match read(text) {
            Ok(value) => Some(value),
            Err(accepted) => {
                self.warn(format!("{name}={text} is ignored: {accepted}"));
                None
            }
        }
    }

    fn http(&mut self, config: &mut Config) {
        let list = |text: &str| Ok(text.split(',').map(|method| method.trim().to_owned()).collect());
        if let Some(methods) = self.value("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", list) {
            config.http.known_methods = methods;
        }
    }

    fn metrics(&mut self, config: &mut Config) {
        let metrics = &mut config.metrics;
        let interval = |text: &str| {
            let time = milliseconds(text)?;
            lasting(Duration::from_secs(1), Duration::from_secs(3600))(&time).map(|()| time)
        };
        if let Some(interval) = self.value("OTEL_METRIC_EXPORT_INTERVAL", interval) {
            metrics.interval = interval;
        }
        let temporality = |text: &str| Temporality::from_text(&text.to_ascii_lowercase());
        if let Some(temporality) =
            self.value("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality)
        {
            metrics.temporality = temporality;
        }
        let histograms = |text: &str| match text.to_ascii_lowercase().as_str() {
            "explicit_bucket_histogram" => Ok(Histograms::Explicit),
            "base2_exponential_bucket_histogram" => Ok(Histograms::Exponential),
            _ => Err("one of explicit_bucket_histogram, base2_exponential_bucket_histogram belongs here"
                .to_owned()),
        };
        if let Some(histograms) =
            self.value("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", histograms)
        {
            metrics.histograms = histograms;
        }
        let exemplars = |text: &str| Exemplars::from_text(&text.to_ascii_lowercase());
        if let Some(exemplars) = self.value("OTEL_METRICS_EXEMPLAR_FILTER", exemplars) {
            metrics.exemplars = exemplars;
        }
    }

    fn traces(&mut self, config: &mut Config) {
        const SAMPLERS: [&str; 6] = [
            "always_on",
            "always_off",
            "traceidratio",
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
        ];
        let sampler = |text: &str| {
            let known = SAMPLERS.into_iter().find(|sampler| *sampler == text);
            known.ok_or_else(|| super::scalar::choice(text, &SAMPLERS))
        };
        let Some(sampler) = self.value("OTEL_TRACES_SAMPLER", sampler) else { return };
        let traces = &mut config.traces;
        traces.follow_parent = sampler.starts_with("parentbased_");
        traces.ratio = match sampler.trim_start_matches("parentbased_") {
            "always_off" => 0.0,
            "traceidratio" => {
                let ratio = |text: &str| {
                    let ratio = f64::from_text(text)?;
                    between(0.0, 1.0)(&ratio).map(|()| ratio)
                };
                self.value("OTEL_TRACES_SAMPLER_ARG", ratio).unwrap_or(1.0)
            }
            _ => 1.0,
        };
        if sampler.ends_with("always_off") {
            // Whoever switches sampling off wants no exceptions from it.
            traces.keep_errors = false;
            traces.keep_slower_than = Switch::Off;
        }
    }

    /// `OTEL_SDK_DISABLED` and `OTEL_*_EXPORTER`: what is sent at all, and by which exporter.
    fn exporters(&mut self, config: &mut Config) {
        let flag =
            |text: &str| text.to_ascii_lowercase().parse().map_err(|_| "write true or false".to_owned());
        if self.value("OTEL_SDK_DISABLED", flag) == Some(true) {
            config.metrics.enabled = false;
            config.traces.enabled = false;
            config.access_log = super::AccessLog::Off;
        }
        let exporters = |text: &str| -> Result<Vec<String>, String> {
            let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
            match names.iter().find(|name| !matches!(name.as_str(), "otlp" | "none" | "prometheus")) {
                Some(name) => Err(format!(
                    "there is no exporter '{name}'; there are otlp, prometheus (of metrics) and none"
                )),
                None => Ok(names),
            }
        };
        let mut signals = Vec::new();
        for signal in super::Signal::ALL {
            let variable = format!("OTEL_{}_EXPORTER", signal.to_text().to_ascii_uppercase());
            let named = self.value(&variable, exporters);
            let has = |exporter: &str| named.as_ref().map(|names| names.iter().any(|name| name == exporter));
            if has("otlp").unwrap_or(true) {
                signals.push(signal);
            }
            if signal == super::Signal::Metrics && has("prometheus") == Some(false) {
                config.export.prometheus.listen = Switch::Off;
            }
        }
        match (signals.is_empty(), config.export.otlp.0.first_mut()) {
            (false, Some(destination)) => destination.signals = signals,
            _ => config.export.otlp = Destinations(Vec::new()),
        }
        let ip = |text: &str| {
            let text = if text == "localhost" { "127.0.0.1" } else { text };
            text.parse::<IpAddr>().map_err(|_| "an IP address belongs here, as in 0.0.0.0".to_owned())
        };
        let port = |text: &str| super::values::port(text).map_err(str::to_owned);
        let host = self.value("OTEL_EXPORTER_PROMETHEUS_HOST", ip);
        let port = self.value("OTEL_EXPORTER_PROMETHEUS_PORT", port);
        if let (Switch::On(address), true) =
            (&mut config.export.prometheus.listen, host.is_some() || port.is_some())
        {
            let given = host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
            *address = SocketAddr::new(given, port.unwrap_or(address.port()));
        }
    }
}

fn milliseconds(text: &str) -> Result<TimeSpan, String> {
    let number = text.parse().map_err(|_| "a whole number of milliseconds belongs here".to_owned())?;
    Ok(TimeSpan(Duration::from_millis(number)))
}
