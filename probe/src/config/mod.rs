//! The configuration: one YAML file, with the environment and defaults for what it does not say.
//!
//! Every key is declared once, in a `section!`; see `setting.rs`. What is wrong with a file is told completely, each
//! thing in a sentence with its line, its key and the remedy, and nothing starts before all of it is right.
//!
//! The structures here are plain: whoever uses a section turns it into the settings of the part it belongs to.

mod capture;
mod changes;
mod daemon;
mod environment;
mod export;
mod identity;
mod kinds;
mod logs;
mod metric_names;
mod printer;
mod problem;
mod reader;
mod reload;
mod scalar;
mod setting;
mod signals;
mod substitute;
#[cfg(test)]
mod tests;
pub(crate) mod values;
mod yaml;

use std::{fmt, fs::File as OpenFile, io::Read as _, path::Path};

pub use capture::{Capture, Exclude, Hook, Http, Only, Protocols};
pub use changes::Changes;
pub use daemon::{Daemon, Health};
pub use environment::Environment;
pub use export::{
    Batch, Compression, Destinations, Export, File, Otlp, OtlpProtocol, Prometheus, Queue, Signal,
};
pub use identity::{Identity, Kubernetes, Runtimes};
pub use kinds::{ByteSize, HeaderName, Port, Secret, Url};
pub use logs::{
    LogContainer, LogContainerMatch, LogContainers, LogContainersOf, LogMask, LogMultiline, LogParse,
    LogPreset, LogSource, LogTime, Logs, StartAt,
};
pub use metric_names::{AttributesByMetric, MetricName};
pub use problem::{ConfigError, Problem};
pub use reload::{Reload, Reloader};
pub use scalar::{Auto, Switch};
pub use signals::{
    AccessLog, Attributes, Exemplars, Histograms, Limits, Metrics, ServerSpans, Temporality, Traces,
};

use changes::Effect;
use printer::Printer;
use reader::Reader;
use setting::{Setting, section};

/// Bytes of the largest file that is read: many times what a person writes, and no more than memory can bear.
const LARGEST_FILE: u64 = 1 << 20;

/// What stands at the top of the commented default configuration.
const HEADER: &str = "\
# The configuration of plainsight, with every key, what it means, and its default. A key that is left out, or has no
# value, keeps its default; so an empty file is valid. Check a file with `plainsight check FILE`.
#
# Sizes are written 4096, 64KiB or 16MiB, and times 250ms, 1.5s, 2m or 1h.
#
# Values may contain ${NAME} and ${NAME:-default} for variables of the environment, and $$ for a dollar sign. A variable
# that is not set and has no default is an error. Within braces, as in { a: '${NAME}' }, quote them.
#
# OpenTelemetry's variables (OTEL_*) work where a comment names them: the file counts first, then the variable, then the
# default. OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER, OTEL_LOGS_EXPORTER and OTEL_TRACES_SAMPLER
# work, too. OTEL_CONFIG_FILE names a file in another schema and is not read.
#
# After a change of this file, or SIGHUP, what can change while running does; a log line names the keys that need a
# restart. A file that is wrong changes nothing.
";

section! {
    /// Everything that can be configured.
    Config {
        /// How calls are captured from the kernel.
        restart capture: Capture = Capture::default();
        /// What is parsed.
        restart protocols: Protocols = Protocols::default();
        /// How HTTP is reported, HTTP/2 and gRPC included.
        restart http: Http = Http::default();
        /// What bounds the cost.
        restart limits: Limits = Limits::default();
        /// Who is behind a connection, and how it is found out.
        restart identity: Identity = Identity::default();
        /// Metrics of exchanges and connections.
        restart metrics: Metrics = Metrics::default();
        /// Traces: one span for each exchange.
        restart traces: Traces = Traces::default();
        /// One log record for each exchange: `off`, `errors` (those that failed) or `all`.
        live access_log: AccessLog = AccessLog::Errors;
        /// Log files to follow, as a list of pipelines. `plainsight logs preview --config FILE` shows what comes of it:
        ///   - { name: app, include: [/var/log/app/*.log], multiline: { presets: [java] }, parse: { json: {} } }
        /// Other keys: exclude, start_at, service, encoding, container, line_bytes, line_timeout, time, severity, keep, drop,
        /// add, rename, remove, mask, mask_patterns, otlp, file, memory, bytes_per_second.
        restart logs: Logs = Logs::default();
        /// Where telemetry goes.
        restart export: Export = Export::default();
        /// The daemon's own life.
        restart daemon: Daemon = Daemon::default();
    }
}

/// A configuration that is right, and what is worth saying about where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What the environment says and cannot be used, a sentence each.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, or says something that cannot be used: then with everything that is wrong.
    pub fn load(path: &Path, environment: &Environment) -> Result<Loaded, ConfigError> {
        let unreadable = |error| ConfigError::Unreadable { path: path.to_owned(), error };
        let mut bytes = Vec::new();
        let file = OpenFile::open(path).map_err(unreadable)?;
        file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        let name = path.display().to_string();
        let wrong = |line, message: &str| {
            let problem = Problem { line, key: String::new(), message: message.to_owned() };
            ConfigError::Wrong(name.clone(), vec![problem])
        };
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(wrong(1, "this file is larger than 1 MiB; is it a configuration?"));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
            wrong(line, "this is not UTF-8; save the file in that encoding")
        })?;
        Self::parse(&text, &name, environment)
    }

    /// Reads the text of a file, which messages call `name`.
    ///
    /// # Errors
    /// If it says something that cannot be used: with everything that is wrong.
    pub fn parse(text: &str, name: &str, environment: &Environment) -> Result<Loaded, ConfigError> {
        let (mut config, warnings) = environment::overlay(environment);
        let mut problems = Vec::new();
        match yaml::read(text.trim_start_matches('\u{feff}'), environment, &mut problems) {
            Ok(document) => {
                let mut reader = Reader::new(problems);
                config.read(&document, &mut reader);
                problems = reader.into_problems();
            }
            Err(problem) => problems.push(problem),
        }
        if problems.is_empty() {
            Ok(Loaded { config, warnings })
        } else {
            Err(ConfigError::Wrong(name.to_owned(), problems))
        }
    }

    /// What holds where there is no file: the environment, and defaults.
    #[must_use]
    pub fn without_file(environment: &Environment) -> Loaded {
        let (config, warnings) = environment::overlay(environment);
        Loaded { config, warnings }
    }

    /// Every key with its meaning and its default, as a file.
    #[must_use]
    pub fn default_text() -> String {
        let mut printer = Printer::default();
        Self::default().print(&mut printer);
        format!("{HEADER}{}", printer.into_text())
    }

    /// What differs from `old`, and whether it can change while running.
    #[must_use]
    pub fn changes(&self, old: &Self) -> Changes {
        let mut changes = Changes::default();
        self.compare(old, Effect::restart, "", &mut changes);
        changes
    }
}

/// One line for people: where telemetry goes, and how much of it.
impl fmt::Display for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocols = self.protocols.enabled.len();
        write!(formatter, "{protocols} protocol{}", if protocols == 1 { "" } else { "s" })?;
        if self.traces.enabled {
            write!(formatter, ", traces at {} %", self.traces.ratio * 100.0)?;
        }
        if self.metrics.enabled {
            write!(formatter, ", metrics every {}", values::time_text(self.metrics.interval.0))?;
        }
        for destination in &self.export.otlp.0 {
            match &destination.endpoint {
                Some(endpoint) => write!(formatter, ", OTLP to {}", endpoint.0)?,
                None => formatter.write_str(", OTLP to where the environment says")?,
            }
        }
        if !self.logs.0.is_empty() {
            let count = self.logs.0.len();
            write!(formatter, ", {count} log pipeline{}", if count == 1 { "" } else { "s" })?;
        }
        if let Switch::On(address) = self.export.prometheus.listen {
            write!(formatter, ", Prometheus at {address}")?;
        }
        if let Switch::On(path) = &self.export.file.path {
            write!(formatter, ", JSON to {}", path.display())?;
        }
        Ok(())
    }
}
