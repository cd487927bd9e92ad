//! The settings that the variables `OTEL_EXPORTER_OTLP_*` and `OTEL_*_EXPORTER` make ("OpenTelemetry Protocol Exporter" and
//! "Environment Variable Specification").

use std::{path::PathBuf, time::Duration};

use percent_encoding::percent_decode_str;
use thiserror::Error;

use super::{Compression, Destination, Encoding, ExportSettings, Headers, Target, TlsSettings, address};
use crate::export::SignalKind;

/// What the environment asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// The destinations of OTLP: one for all kinds, or several if variables of single kinds tell them apart.
    pub settings: ExportSettings,
    /// What is exported in which way, in the order of [`SignalKind::ALL`].
    pub exporters: [Exporters; 3],
    /// `OTEL_SDK_DISABLED`: nothing is to be exported at all. `settings` has no destinations then.
    pub disabled: bool,
    /// What was ignored, as the specification wants it, and should be said.
    pub warnings: Vec<String>,
}

/// What `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER` or `OTEL_LOGS_EXPORTER` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exporters {
    /// `otlp`, the default.
    pub otlp: bool,
    /// `prometheus`, for metrics only.
    pub prometheus: bool,
    /// `console`: standard output.
    pub console: bool,
}

/// A variable that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the environment variable {variable} cannot be used: {reason}")]
pub struct EnvironmentError {
    /// Its name.
    pub variable: String,
    /// What is wrong and how to write it. Never has the value of a header.
    pub reason: String,
}

/// Reads the environment.
///
/// # Errors
/// If a variable has a value that cannot be understood.
pub fn from_environment(get: &dyn Fn(&str) -> Option<String>) -> Result<Environment, EnvironmentError> {
    let reader = Reader { get };
    let mut warnings = Vec::new();
    let disabled = reader.flag("OTEL_SDK_DISABLED", &mut warnings);
    let mut exporters = [Exporters::default(); 3];
    for kind in SignalKind::ALL {
        exporters[kind as usize] = reader.exporters(kind)?;
    }
    let mut destinations: Vec<(Destination, bool)> = Vec::new();
    for kind in SignalKind::ALL {
        let (mut destination, is_own) = reader.destination(kind, &mut warnings)?;
        if disabled || !exporters[kind as usize].otlp {
            continue;
        }
        // Kinds that nothing tells apart go to one destination, over one connection.
        destination.name = if is_own { format!("otlp-{}", kind.name()) } else { "otlp".to_owned() };
        destination.signals = vec![kind];
        match destinations.iter_mut().find(|(_, other_is_own)| !is_own && !other_is_own) {
            Some((shared, _)) => shared.signals.push(kind),
            None => destinations.push((destination, is_own)),
        }
    }
    warnings.dedup();
    let destinations = destinations.into_iter().map(|(destination, _)| destination).collect();
    Ok(Environment { settings: ExportSettings { destinations }, exporters, disabled, warnings })
}

struct Reader<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
}

/// A value with the variable that it comes from.
struct Found {
    variable: String,
    value: String,
    /// Whether the variable is of one kind of telemetry.
    is_own: bool,
}

impl Found {
    fn refuse(&self, reason: impl Into<String>) -> EnvironmentError {
        EnvironmentError { variable: self.variable.clone(), reason: reason.into() }
    }

    fn unknown(&self, known: &[&str]) -> EnvironmentError {
        let value = self.value.as_str();
        let near = known.iter().find(|name| name.contains(&value.to_lowercase()) || is_near(value, name));
        let near = near.map(|name| format!(" Did you mean {name}?")).unwrap_or_default();
        self.refuse(format!("{value:?} is not one of {}.{near}", known.join(", ")))
    }
}

impl Reader<'_> {
    /// An empty variable is one that is not set.
    fn variable(&self, variable: String, is_own: bool) -> Option<Found> {
        let value = (self.get)(&variable)?.trim().to_owned();
        (!value.is_empty()).then_some(Found { variable, value, is_own })
    }

    /// A setting of the exporter: the variable of the kind, or else the one for all.
    fn setting(&self, kind: SignalKind, name: &str) -> Option<Found> {
        self.variable(format!("OTEL_EXPORTER_OTLP_{}_{name}", kind.name().to_uppercase()), true)
            .or_else(|| self.variable(format!("OTEL_EXPORTER_OTLP_{name}"), false))
    }

    /// Anything but true is false, as the specification demands; what is neither is told.
    fn flag(&self, name: &str, warnings: &mut Vec<String>) -> bool {
        self.variable(name.to_owned(), false).is_some_and(|found| truth(&found, warnings))
    }

    fn exporters(&self, kind: SignalKind) -> Result<Exporters, EnvironmentError> {
        let variable = format!("OTEL_{}_EXPORTER", kind.name().to_uppercase());
        let Some(found) = self.variable(variable, true) else {
            return Ok(Exporters { otlp: true, ..Exporters::default() });
        };
        let mut exporters = Exporters::default();
        for word in found.value.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match (word.to_lowercase().as_str(), kind) {
                ("otlp", _) => exporters.otlp = true,
                ("console" | "logging", _) => exporters.console = true,
                ("prometheus", SignalKind::Metrics) => exporters.prometheus = true,
                ("none", _) => {}
                _ if kind == SignalKind::Metrics => {
                    return Err(found.unknown(&["otlp", "prometheus", "console", "none"]));
                }
                _ => return Err(found.unknown(&["otlp", "console", "none"])),
            }
        }
        Ok(exporters)
    }

    /// The destination of one kind; whether a variable of this kind alone says something about it.
    fn destination(
        &self,
        kind: SignalKind,
        warnings: &mut Vec<String>,
    ) -> Result<(Destination, bool), EnvironmentError> {
        let mut is_own = false;
        let mut setting = |name| self.setting(kind, name).inspect(|found| is_own |= found.is_own);
        let target = target(setting("PROTOCOL"), setting("ENDPOINT"), setting("INSECURE"), warnings)?;
        let mut destination = Destination::new("otlp", target);
        if let Some(found) = setting("HEADERS") {
            destination.headers = headers(&found)?;
        }
        if let Some(found) = setting("COMPRESSION") {
            destination.compression = match found.value.to_lowercase().as_str() {
                "none" => Compression::None,
                "gzip" => Compression::Gzip,
                "zstd" => Compression::Zstd,
                _ => return Err(found.unknown(&["gzip", "zstd", "none"])),
            };
        }
        if let Some(found) = setting("TIMEOUT") {
            destination.timeout = timeout(&found)?;
        }
        let mut file = |name| setting(name).map(|found| PathBuf::from(found.value));
        destination.tls = TlsSettings {
            certificate: file("CERTIFICATE"),
            client_certificate: file("CLIENT_CERTIFICATE"),
            client_key: file("CLIENT_KEY"),
        };
        Ok((destination, is_own))
    }
}

fn truth(found: &Found, warnings: &mut Vec<String>) -> bool {
    let is_true = found.value.eq_ignore_ascii_case("true");
    if !is_true && !found.value.eq_ignore_ascii_case("false") {
        let Found { variable, value, .. } = found;
        warnings.push(format!(
            "{variable}={value} is taken for false, as OpenTelemetry has it. Write true or false"
        ));
    }
    is_true
}

fn target(
    protocol: Option<Found>,
    endpoint: Option<Found>,
    insecure: Option<Found>,
    warnings: &mut Vec<String>,
) -> Result<Target, EnvironmentError> {
    let encoding = match &protocol {
        None => Some(Encoding::Protobuf),
        Some(found) => match found.value.to_lowercase().as_str() {
            "http/protobuf" => Some(Encoding::Protobuf),
            "http/json" => Some(Encoding::Json),
            "grpc" => None,
            _ => return Err(found.unknown(&["grpc", "http/protobuf", "http/json"])),
        },
    };
    let insecure = insecure.is_some_and(|found| truth(&found, warnings));
    let set = endpoint.as_ref().map(|found| found.value.clone());
    let target = match encoding {
        Some(encoding) => Target::Http {
            endpoint: set.unwrap_or_else(|| "http://localhost:4318".to_owned()),
            exact: endpoint.as_ref().is_some_and(|found| found.is_own),
            encoding,
        },
        None => {
            Target::Grpc { endpoint: set.unwrap_or_else(|| "http://localhost:4317".to_owned()), insecure }
        }
    };
    match (address::parse(&target), &endpoint) {
        (Err(reason), Some(found)) => Err(found.refuse(format!("{:?}: {reason}", found.value))),
        _ => Ok(target),
    }
}

fn timeout(found: &Found) -> Result<Duration, EnvironmentError> {
    let refuse = || {
        let Found { variable, value, .. } = found;
        found.refuse(format!(
            "{value:?} is not a number of milliseconds above 0. For ten seconds write {variable}=10000"
        ))
    };
    match found.value.parse::<u64>() {
        Ok(0) | Err(_) => Err(refuse()),
        Ok(milliseconds) => Ok(Duration::from_millis(milliseconds)),
    }
}

/// `key=value,key=value`, both percent-encoded, as W3C Baggage has it but without properties.
fn headers(found: &Found) -> Result<Headers, EnvironmentError> {
    let mut headers = Vec::new();
    for (place, pair) in found.value.split(',').enumerate().filter(|(_, pair)| !pair.trim().is_empty()) {
        let number = place + 1;
        let Some((name, value)) = pair.split_once('=') else {
            return Err(found.refuse(format!(
                "header {number} has no `=`. Write NAME=VALUE,NAME=VALUE, and a comma within a value as %2C"
            )));
        };
        let decode =
            |text: &str| percent_decode_str(text.trim()).decode_utf8().map(std::borrow::Cow::into_owned);
        let (Ok(name), Ok(value)) = (decode(name), decode(value)) else {
            return Err(found.refuse(format!(
                "header {number} is not UTF-8 after percent-decoding. Write a literal % as %25"
            )));
        };
        if name.is_empty() {
            return Err(found.refuse(format!("header {number} has no name before its `=`")));
        }
        headers.push((name, value));
    }
    Ok(Headers(headers))
}

/// Whether two words differ by one letter more, less or other, or by two letters swapped.
fn is_near(word: &str, known: &str) -> bool {
    let (word, known) = (word.to_lowercase().into_bytes(), known.as_bytes());
    if word.len().abs_diff(known.len()) > 1 {
        return false;
    }
    let same_start = word.iter().zip(known).take_while(|(one, other)| one == other).count();
    let (word_rest, known_rest) = (&word[same_start..], &known[same_start..]);
    let longest = word_rest.len().min(known_rest.len());
    let same_end = (0..longest)
        .take_while(|back| word_rest[word_rest.len() - 1 - back] == known_rest[known_rest.len() - 1 - back])
        .count();
    let (word_middle, known_middle) =
        (&word_rest[..word_rest.len() - same_end], &known_rest[..known_rest.len() - same_end]);
    match (word_middle, known_middle) {
        ([one, two], [other_one, other_two]) => one == other_two && two == other_one,
        _ => word_middle.len() <= 1 && known_middle.len() <= 1,
    }
}
