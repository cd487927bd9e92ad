//! Where telemetry goes.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use super::{
    changes::{Changes, Effect},
    kinds::{ByteSize, Secret, Url},
    printer::Printer,
    reader::Reader,
    scalar::{Switch, between, if_on, lasting, not_empty},
    setting::{Setting, Shown, choice, section},
    values,
    yaml::{Content, Node},
};
use crate::signal::TimeSpan;

/// OTLP destinations in one configuration.
const MOST_DESTINATIONS: usize = 16;

section! {
    /// Where telemetry goes.
    Export {
        /// Backends and collectors that take OTLP: one, or a list of several of which none waits for another. `off` sends to
        /// none.
        ///
        /// A destination without `endpoint` goes where OTEL_EXPORTER_OTLP_ENDPOINT and its kin say, and takes from the
        /// environment what is not said here. One with `endpoint` takes nothing from there, so that no credentials reach
        /// the wrong backend; write `${NAME}` where you want a variable.
        restart otlp: Destinations = Destinations::default();
        /// A page for Prometheus to scrape.
        restart prometheus: Prometheus = Prometheus::default();
        /// One JSON object a line, as `plainsight watch --json` prints them.
        restart file: File = File::default();
    }
}

section! {
    /// One destination of OTLP.
    Otlp {
        /// What it is called in metrics and messages.
        restart name: Option<String> = None, example "main";
        /// Its base URL. With http/protobuf and http/json, v1/traces, v1/metrics and v1/logs are appended.
        /// By itself http://127.0.0.1:4318, with grpc http://127.0.0.1:4317. Environment: OTEL_EXPORTER_OTLP_ENDPOINT.
        restart endpoint: Option<Url> = None, example "http://127.0.0.1:4318";
        /// How it is spoken to: grpc, http/protobuf or http/json. By itself http/protobuf.
        /// Environment: OTEL_EXPORTER_OTLP_PROTOCOL.
        restart protocol: Option<OtlpProtocol> = None, example "http/protobuf";
        /// What is sent there.
        restart signals: Vec<Signal> = Signal::ALL.to_vec(), if not_empty;
        /// Headers of each request, as in { authorization: "Bearer ${TOKEN}" }. Environment: OTEL_EXPORTER_OTLP_HEADERS.
        restart headers: BTreeMap<String, Secret> = BTreeMap::new(), if header_names;
        /// How requests are compressed: none, gzip or zstd. By itself none. Environment: OTEL_EXPORTER_OTLP_COMPRESSION.
        restart compression: Option<Compression> = None, example "gzip";
        /// How long one request may take. By itself 10s. Environment: OTEL_EXPORTER_OTLP_TIMEOUT, in milliseconds.
        restart timeout: Option<TimeSpan> = None,
            if |time: &Option<TimeSpan>| time.as_ref().map_or(Ok(()), lasting(Duration::from_millis(100), Duration::from_secs(300))),
            example "10s";
        /// PEM file with the certificates that sign the server's. By itself those the system trusts.
        /// Environment: OTEL_EXPORTER_OTLP_CERTIFICATE.
        restart certificate: Option<PathBuf> = None, example "/etc/plainsight/ca.pem";
        /// PEM file with the certificate that plainsight shows. Environment: OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE.
        restart client_certificate: Option<PathBuf> = None, example "/etc/plainsight/client.pem";
        /// PEM file with its key. Environment: OTEL_EXPORTER_OTLP_CLIENT_KEY.
        restart client_key: Option<PathBuf> = None, example "/etc/plainsight/client.key";
        /// How much is sent at once.
        restart batch: Batch = Batch::default();
        /// What waits while the destination cannot be reached.
        restart queue: Queue = Queue::default();
    }
}

section! {
    /// How much is sent at once.
    Batch {
        /// Most spans, log records or data points in one request.
        restart items: usize = 8_192, if between(1, 1_000_000);
        /// Most bytes of one request, before compression.
        restart bytes: ByteSize = ByteSize::mib(2), if between(ByteSize::kib(16), ByteSize::mib(64));
        /// Longest that spans and log records wait for company.
        restart delay: TimeSpan = TimeSpan(Duration::from_secs(1)),
            if lasting(Duration::from_millis(10), Duration::from_secs(60));
        /// Requests on their way at once.
        restart in_flight: usize = 4, if between(1, 64);
    }
}

section! {
    /// What waits while the destination cannot be reached.
    Queue {
        /// In memory. What does not fit goes to disk; without disk the oldest is dropped, and counted.
        restart memory: ByteSize = ByteSize::mib(32), if between(ByteSize::mib(1), ByteSize::mib(16 << 10));
        /// On disk, where it survives the end of plainsight, however that comes; `off` keeps nothing there.
        restart disk: Switch<ByteSize> = Switch::Off, if if_on(between(ByteSize::mib(1), ByteSize::mib(1 << 20)));
        /// The folder for it.
        restart folder: PathBuf = PathBuf::from("/var/lib/plainsight/queue");
    }
}

section! {
    /// A page for Prometheus to scrape.
    Prometheus {
        /// Where it listens, at /metrics; `off` serves none. Environment: OTEL_EXPORTER_PROMETHEUS_HOST and
        /// OTEL_EXPORTER_PROMETHEUS_PORT.
        restart listen: Switch<SocketAddr> = Switch::On(SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9464));
    }
}

section! {
    /// Exchanges as lines of JSON.
    File {
        /// The file that lines are added to; `-` is the standard output, `off` writes none.
        restart path: Switch<PathBuf> = Switch::Off;
    }
}

choice! {
    /// How OTLP is spoken.
    OtlpProtocol {
        /// gRPC.
        Grpc = "grpc",
        /// Protobuf over HTTP.
        HttpProtobuf = "http/protobuf",
        /// JSON over HTTP.
        HttpJson = "http/json",
    }
}

choice! {
    /// How requests are compressed.
    Compression {
        /// Not at all.
        None = "none",
        /// gzip.
        Gzip = "gzip",
        /// Zstandard.
        Zstd = "zstd",
    }
}

choice! {
    /// A kind of telemetry.
    Signal {
        /// Spans.
        Traces = "traces",
        /// Metrics.
        Metrics = "metrics",
        /// Log records.
        Logs = "logs",
    }
}

impl Signal {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];
}

/// One destination, several, or none.
#[derive(Debug, Clone, PartialEq)]
pub struct Destinations(pub Vec<Otlp>);

impl Default for Destinations {
    fn default() -> Self {
        Self(vec![Otlp::default()])
    }
}

impl Destinations {
    /// Reads one. What the environment said counts only for one that does not say where to send.
    fn read_one(environment: &Otlp, node: &Node, reader: &mut Reader) -> Otlp {
        let has_endpoint = matches!(&node.content, Content::Keys(entries)
            if entries.iter().any(|entry| entry.key == "endpoint" && !matches!(entry.value.content, Content::Nothing)));
        let mut destination = if has_endpoint { Otlp::default() } else { environment.clone() };
        destination.read(node, reader);
        let said = match (&destination.client_certificate, &destination.client_key) {
            (Some(_), None) => Some("`client_certificate` needs its key; name it as `client_key`"),
            (None, Some(_)) => Some("`client_key` needs its certificate; name it as `client_certificate`"),
            _ => None,
        };
        if let Some(message) = said {
            reader.problem(node.line, message);
        }
        let is_plain = destination.endpoint.as_ref().is_some_and(|url| url.0.starts_with("http://"));
        if is_plain && (destination.certificate.is_some() || destination.client_certificate.is_some()) {
            reader.problem(node.line, "certificates are of no use with an http:// endpoint; write https://");
        }
        destination
    }
}

impl Setting for Destinations {
    fn read(&mut self, node: &Node, reader: &mut Reader) {
        let base = self.0.first().cloned().unwrap_or_default();
        match &node.content {
            Content::Text(text) if text == "off" => self.0.clear(),
            Content::List(nodes) if nodes.len() > MOST_DESTINATIONS => {
                reader.problem(
                    node.line,
                    format!("at most {MOST_DESTINATIONS} destinations; put a collector between"),
                );
            }
            Content::List(nodes) => {
                let read = |(position, node): (usize, &Node)| {
                    reader.item(position + 1, |reader| Self::read_one(&base, node, reader))
                };
                self.0 = nodes.iter().enumerate().map(read).collect();
                self.refuse_doubles(node, reader);
            }
            Content::Text(text) if text.contains("://") => {
                reader.problem(
                    node.line,
                    format!("a URL alone does not say enough; write {{ endpoint: {text} }}"),
                );
            }
            Content::Text(text) => {
                let message = format!(
                    "'{text}' cannot be used: write `off`, keys such as `endpoint:`, or a list of such"
                );
                reader.problem(node.line, message);
            }
            Content::Nothing | Content::Keys(_) => self.0 = vec![Self::read_one(&base, node, reader)],
        }
    }

    fn shown(&self) -> Shown {
        if self.0.len() == 1 { Shown::Below } else { Shown::Line("off".to_owned()) }
    }

    fn print(&self, printer: &mut Printer) {
        for destination in &self.0 {
            destination.print(printer);
        }
    }

    fn compare(&self, old: &Self, effect: Effect, key: &str, changes: &mut Changes) {
        match (self.0.as_slice(), old.0.as_slice()) {
            ([new], [old]) => new.compare(old, effect, key, changes),
            (new, old) if new.len() == old.len() => {
                for (position, (new, old)) in new.iter().zip(old).enumerate() {
                    new.compare(old, effect, &format!("{key}[{}]", position + 1), changes);
                }
            }
            _ => changes.note(effect, key),
        }
    }
}

impl Destinations {
    /// Queues on disk and metrics tell destinations apart by name.
    fn refuse_doubles(&self, node: &Node, reader: &mut Reader) {
        for (position, destination) in self.0.iter().enumerate() {
            let before = self.0.get(..position).unwrap_or_default();
            if let Some(name) = &destination.name
                && before.iter().any(|other| other.name.as_ref() == Some(name))
            {
                reader.problem(
                    node.line,
                    format!("two destinations are called '{name}'; give each a name of its own"),
                );
            }
            if destination.endpoint.is_none() && before.iter().any(|other| other.endpoint.is_none()) {
                let message = "two destinations have no `endpoint`, so both would go where the environment says; name one's";
                reader.problem(node.line, message);
            }
        }
    }
}

fn header_names(headers: &BTreeMap<String, Secret>) -> Result<(), String> {
    headers.keys().try_for_each(|name| {
        values::header_name(name).map(drop).map_err(|accepted| format!("'{name}' cannot be used: {accepted}"))
    })
}
