//! What the exporter sends, as another language's library understands it (Python's `opentelemetry-proto` and grpcio), also
//! when that receiver misbehaves, dies and comes back, or the disk is full.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, KeyValue, any_value::Value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    metrics::v1::{
        ExponentialHistogram, ExponentialHistogramDataPoint, Histogram, HistogramDataPoint, Metric,
        NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, exponential_histogram_data_point::Buckets,
        metric::Data, number_data_point,
    },
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use plainsight::export::{
    Batch, SignalKind,
    otlp::{
        Acceptance, Compression, Destination, DestinationStats, DiskSettings, DropReason, Encoding,
        ExportSettings, Exporter, Stream, Target, TlsSettings,
    },
};
use plainsight_tests::{
    otlp::{Item, Receiver, Taken},
    process::run_well,
};
use prost::Message;

const PATIENCE: Duration = Duration::from_secs(60);
const START: u64 = 1_700_000_000_123_456_789;

fn destination_of(receiver: &Receiver, way: &str) -> Destination {
    let scheme = if receiver.tls.is_some() { "https" } else { "http" };
    let endpoint = format!("{scheme}://localhost:{}", receiver.http);
    let http = |encoding| Target::Http { endpoint, exact: false, encoding };
    let mut destination = Destination::new(
        "python",
        match way {
            "http/protobuf" => http(Encoding::Protobuf),
            "http/json" => http(Encoding::Json),
            _ => Target::Grpc {
                endpoint: format!("localhost:{}", receiver.grpc),
                insecure: receiver.tls.is_none(),
            },
        },
    );
    destination.retry.first = Duration::from_millis(20);
    destination.retry.cap = Duration::from_millis(200);
    destination
}

fn start(destination: Destination) -> Result<Exporter> {
    Ok(Exporter::start(&ExportSettings { destinations: vec![destination] })?)
}

fn wait_for(
    exporter: &Exporter,
    receiver: &Receiver,
    holds: impl Fn(&DestinationStats) -> bool,
) -> Result<DestinationStats> {
    let begun = Instant::now();
    loop {
        let stats = exporter.stats().swap_remove(0);
        if holds(&stats) {
            return Ok(stats);
        }
        ensure!(begun.elapsed() < PATIENCE, "it did not come about: {stats:#?}\n{}", receiver.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn resource() -> Option<Resource> {
    let value = Some(AnyValue { value: Some(Value::StringValue("shop".into())) });
    let name = KeyValue { key: "service.name".into(), value, ..KeyValue::default() };
    Some(Resource { attributes: vec![name], ..Resource::default() })
}

fn span_id(number: u64) -> Vec<u8> {
    (0xabcd_0000_0000_0000 | number).to_be_bytes().to_vec()
}

/// A request with spans that are numbered.
fn spans(numbers: std::ops::Range<u64>) -> Batch {
    let items = u32::try_from(numbers.end - numbers.start).expect("a small number");
    let span = |number: u64| Span {
        trace_id: vec![0xfe; 16],
        span_id: span_id(number),
        name: format!("GET /{number}"),
        kind: 2,
        start_time_unix_nano: START + number,
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: numbers.map(span).collect(), ..ScopeSpans::default() }];
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource: resource(), scope_spans, ..ResourceSpans::default() }],
    };
    Batch { kind: SignalKind::Traces, payload: request.encode_to_vec().into(), items }
}

/// A request with a counter, a histogram and an exponential histogram.
fn metrics(number: u64) -> Batch {
    let time = START + number;
    let value = Some(number_data_point::Value::AsInt(i64::MAX - 7));
    let sum = Sum {
        data_points: vec![NumberDataPoint { time_unix_nano: time, value, ..NumberDataPoint::default() }],
        aggregation_temporality: 2,
        is_monotonic: true,
    };
    let histogram = Histogram {
        data_points: vec![HistogramDataPoint {
            time_unix_nano: time,
            count: number,
            sum: Some(1.5),
            bucket_counts: vec![number, 0],
            explicit_bounds: vec![0.005],
            ..HistogramDataPoint::default()
        }],
        aggregation_temporality: 2,
    };
    let exponential = ExponentialHistogram {
        data_points: vec![ExponentialHistogramDataPoint {
            time_unix_nano: time,
            count: number,
            scale: -3,
            zero_count: 1,
            positive: Some(Buckets { offset: -5, bucket_counts: vec![number, u64::MAX] }),
            ..ExponentialHistogramDataPoint::default()
        }],
        aggregation_temporality: 1,
    };
    let metric = |name: &str, data| Metric { name: name.into(), data: Some(data), ..Metric::default() };
    let metrics = vec![
        metric("requests", Data::Sum(sum)),
        metric("duration", Data::Histogram(histogram)),
        metric("size", Data::ExponentialHistogram(exponential)),
    ];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: resource(),
            scope_metrics,
            ..ResourceMetrics::default()
        }],
    };
    Batch { kind: SignalKind::Metrics, payload: request.encode_to_vec().into(), items: 3 }
}

/// A request with one log record.
fn log(number: u64) -> Batch {
    let body = Some(AnyValue { value: Some(Value::StringValue(format!("line {number}"))) });
    let record = LogRecord {
        time_unix_nano: START + number,
        severity_number: 17,
        trace_id: vec![0x0a; 16],
        body,
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource: resource(), scope_logs, ..ResourceLogs::default() }],
    };
    Batch { kind: SignalKind::Logs, payload: request.encode_to_vec().into(), items: 1 }
}

fn submit(exporter: &Exporter, batch: Batch) -> Result<()> {
    let acceptance = exporter.submit(batch);
    ensure!(acceptance == Acceptance::Queued, "{acceptance:?}");
    Ok(())
}

/// The names of all items of a kind, in the order of their arrival.
fn names(taken: &[Taken], kind: &str) -> Vec<String> {
    let requests = taken.iter().filter(|request| request.kind == kind);
    requests.flat_map(|request| request.items.iter().map(|item| item.1.clone())).collect()
}

fn lines(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(|number| format!("line {number}")).collect()
}

#[test]
fn every_way_of_sending_is_understood_to_the_last_item() -> Result<()> {
    for way in ["grpc", "http/protobuf", "http/json"] {
        for compression in [Compression::None, Compression::Gzip] {
            let receiver = Receiver::start(&[])?;
            let mut destination = destination_of(&receiver, way);
            destination.compression = compression;
            let exporter = start(destination)?;
            for number in 1..=20 {
                submit(&exporter, spans(number * 100..(number + 1) * 100))?;
                submit(&exporter, metrics(number))?;
                submit(&exporter, log(number))?;
            }
            let stats = wait_for(&exporter, &receiver, |stats| stats.sum(|kind| kind.sent.batches) == 60)?;
            ensure!(
                stats.sum(|kind| kind.sent.items) == 20 * 104 && stats.last_error.is_none(),
                "{stats:#?}"
            );
            let taken = receiver.taken()?;
            ensure!(taken.iter().all(|request| request.way == way), "{taken:?}");

            let mut seen: Vec<_> = items(&taken, "traces");
            seen.sort_by_key(|item| item.4);
            let expected = (100..2100).map(|number| {
                let ids = format!("{}{}", "fe".repeat(16), hex(&span_id(number)));
                ("shop".to_owned(), format!("GET /{number}"), ids, 2, START + number)
            });
            ensure!(seen.into_iter().eq(expected), "{way} {compression:?}: spans differ");

            let expected = (1..=20_i64).flat_map(|number| {
                let point = |name: &str, value| {
                    ("shop".to_owned(), name.to_owned(), String::new(), value, START + number.unsigned_abs())
                };
                [point("requests", i64::MAX - 7), point("duration", number), point("size", number)]
            });
            ensure!(
                items(&taken, "metrics").into_iter().eq(expected),
                "{way} {compression:?}: metrics differ"
            );

            let expected = (1..=20_u64).map(|number| {
                ("shop".to_owned(), format!("line {number}"), "0a".repeat(16), 17, START + number)
            });
            ensure!(items(&taken, "logs").into_iter().eq(expected), "{way} {compression:?}: logs differ");
        }
    }
    Ok(())
}

fn items(taken: &[Taken], kind: &str) -> Vec<Item> {
    taken.iter().filter(|request| request.kind == kind).flat_map(|request| request.items.clone()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_receiver_that_is_busy_slow_or_resets_gets_everything_once_and_in_order() -> Result<()> {
    for way in ["grpc", "http/protobuf", "http/json"] {
        let receiver = Receiver::start(&["503", "reset", "429", "slow", "ok", "reset", "503"])?;
        let exporter = start(destination_of(&receiver, way))?;
        let begun = Instant::now();
        for number in 0..20 {
            submit(&exporter, log(number))?;
        }
        let stats = wait_for(&exporter, &receiver, |stats| stats.sum(|kind| kind.sent.batches) == 20)?;
        let retries = stats.kind(SignalKind::Logs).retries;
        ensure!(retries == 5, "{way}: {retries} retries");
        // At least one of the two asked for a second over gRPC, and three did over HTTP.
        ensure!(begun.elapsed() > Duration::from_secs(1), "{way}: the receiver's wish was not followed");
        ensure!(names(&receiver.taken()?, "logs") == lines(0..20), "{way}: {:?}", receiver.taken()?);
    }
    Ok(())
}

#[test]
fn what_is_refused_in_half_or_altogether_is_counted_and_not_sent_again() -> Result<()> {
    for way in ["grpc", "http/protobuf", "http/json"] {
        let receiver = Receiver::start(&["half", "500"])?;
        let mut destination = destination_of(&receiver, way);
        destination.max_in_flight = 1;
        let exporter = start(destination)?;
        for part in 0..3 {
            submit(&exporter, spans(part * 10..(part + 1) * 10))?;
        }
        let stats = wait_for(&exporter, &receiver, |stats| {
            let kind = stats.kind(SignalKind::Traces);
            kind.sent.items + kind.rejected_items + kind.dropped.total() == 30
        })?;
        let kind = stats.kind(SignalKind::Traces);
        let counts =
            (kind.sent.items, kind.rejected_items, kind.dropped.by(DropReason::Refused), kind.retries);
        ensure!(counts == (15, 5, 10, 0), "{way}: {stats:#?}");
        let warning = stats.last_warning.context("the receiver's words")?.sentence;
        ensure!(warning == "half of it is enough", "{way}: {warning}");
        ensure!(names(&receiver.taken()?, "traces").len() == 20, "{way}: {:?}", receiver.taken()?);
    }
    Ok(())
}

#[test]
fn a_receiver_that_dies_and_comes_back_misses_nothing_also_across_our_own_restart() -> Result<()> {
    for way in ["grpc", "http/protobuf"] {
        let mut receiver = Receiver::start(&[])?;
        let folder = tempfile::tempdir()?;
        let mut destination = destination_of(&receiver, way);
        destination.queue.disk =
            Some(DiskSettings { after: Duration::ZERO, ..DiskSettings::new(folder.path()) });
        let exporter = start(destination.clone())?;
        (0..50).try_for_each(|number| submit(&exporter, log(number)))?;
        wait_for(&exporter, &receiver, |stats| stats.sum(|kind| kind.sent.batches) == 50)?;
        receiver.die();
        (50..100).try_for_each(|number| submit(&exporter, log(number)))?;
        wait_for(&exporter, &receiver, |stats| stats.sum(|kind| kind.on_disk.batches) == 49)?;
        let stats = exporter.shutdown(Duration::from_secs(10)).remove(0);
        ensure!(stats.sum(|kind| kind.on_disk.batches) == 50, "{way}: {stats:#?}");

        let exporter = start(destination)?;
        (100..150).try_for_each(|number| submit(&exporter, log(number)))?;
        receiver.come_back(&["503"])?;
        wait_for(&exporter, &receiver, |stats| stats.sum(|kind| kind.sent.batches) == 100)?;
        ensure!(names(&receiver.taken()?, "logs") == lines(0..150), "{way}: {:?}", receiver.taken()?);
    }
    Ok(())
}

#[test]
fn who_tracks_a_batch_learns_of_its_end() -> Result<()> {
    let receiver = Receiver::start(&["503", "500", "half"])?;
    let exporter = start(destination_of(&receiver, "grpc"))?;
    let mut told = Vec::new();
    for number in 0..4 {
        let (tell, end) = mpsc::channel();
        let acceptance = exporter.submit_and_track(log(number), Stream::Ordered(9), move |delivery| {
            // The test may have failed meanwhile, and listen no more.
            let _ = tell.send(delivery);
        });
        ensure!(acceptance == Acceptance::Queued, "{acceptance:?}");
        told.push(end);
    }
    let mut acknowledged = Vec::new();
    for end in told {
        acknowledged.push(end.recv_timeout(PATIENCE).context("an end")?.is_acknowledged());
    }
    ensure!(acknowledged == [false, true, true, true], "{acknowledged:?}");
    Ok(())
}

/// An authority, and certificates of it for a server and a client, made by OpenSSL.
fn certificates(folder: &Path) -> Result<()> {
    let openssl = |arguments: &str| -> Result<()> {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(folder);
        run_well(&mut command, "openssl")?;
        Ok(())
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"))?;
    fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n")?;
    for name in ["server", "client"] {
        openssl(&format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"))?;
        openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out {name}.pem"
        ))?;
    }
    Ok(())
}

#[test]
fn receivers_are_known_by_their_certificates_and_know_us_by_ours() -> Result<()> {
    let folder = tempfile::tempdir()?;
    certificates(folder.path())?;
    let file = |name: &str| Some(folder.path().join(name));
    let known = TlsSettings {
        certificate: file("ca.pem"),
        client_certificate: file("client.pem"),
        client_key: file("client.key"),
    };
    for way in ["grpc", "http/protobuf"] {
        let receiver = Receiver::start_with(&[], Some(folder.path().to_owned()))?;
        let with = |tls: TlsSettings| start(Destination { tls, ..destination_of(&receiver, way) });
        let exporter = with(known.clone())?;
        submit(&exporter, log(1))?;
        wait_for(&exporter, &receiver, |stats| stats.sum(|kind| kind.sent.batches) == 1)?;
        ensure!(names(&receiver.taken()?, "logs") == ["line 1"], "{way}: {:?}", receiver.taken()?);

        let exporter = with(TlsSettings { certificate: None, ..known.clone() })?;
        submit(&exporter, log(2))?;
        let stats = wait_for(&exporter, &receiver, |stats| stats.sum(|kind| kind.retries) > 1)?;
        let error = stats.last_error.context("an error")?.sentence;
        ensure!(error.contains("certificate of the authority"), "{way}: {error}");

        let exporter = with(TlsSettings { certificate: file("ca.pem"), ..TlsSettings::default() })?;
        submit(&exporter, log(3))?;
        wait_for(&exporter, &receiver, |stats| stats.sum(|kind| kind.retries) > 1)?;
        ensure!(names(&receiver.taken()?, "logs").len() == 1, "{way}: {:?}", receiver.taken()?);

        // Half of a pair, and a key of another.
        let other = TlsSettings { client_key: file("server.key"), ..known.clone() };
        let refused = with(other).err().context("a key that does not fit")?.to_string();
        ensure!(refused.contains("belong together"), "{way}: {refused}");
    }
    Ok(())
}

/// A file system of one megabyte.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder.path());
        run_well(&mut mount, "mount").context("a small disk needs root: run the tests by sudo")?;
        Ok(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.path()).status());
    }
}

#[test]
fn a_full_disk_is_said_and_counted_and_memory_goes_on() -> Result<()> {
    let mut receiver = Receiver::start(&[])?;
    receiver.die();
    let disk = SmallDisk::mount()?;
    let mut destination = destination_of(&receiver, "http/protobuf");
    destination.queue.memory_bytes = 1 << 20;
    destination.queue.disk = Some(DiskSettings { after: Duration::ZERO, ..DiskSettings::new(disk.path()) });
    let exporter = start(destination)?;
    let size = 10_000;
    let mut submitted = 0;
    let begun = Instant::now();
    loop {
        submit(&exporter, Batch { kind: SignalKind::Traces, payload: vec![0x55; size].into(), items: 1 })?;
        submitted += 1;
        let stats = exporter.stats().swap_remove(0);
        let counted = stats.sum(|kind| {
            kind.queued.items
                + kind.on_disk.items
                + kind.in_flight.items
                + kind.sent.items
                + kind.dropped.total()
        });
        ensure!(counted == submitted, "{stats:#?}");
        if stats.kind(SignalKind::Traces).dropped.by(DropReason::MemoryFull) > 100 {
            let error = stats.disk_error.as_ref().context("a full disk is said")?;
            ensure!(error.contains("Free some space"), "{error}");
            ensure!(stats.sum(|kind| kind.on_disk.batches) > 50, "the disk was not used before it was full");
            break;
        }
        if begun.elapsed() > PATIENCE {
            bail!("the disk never becomes full: {stats:#?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let stats = exporter.shutdown(Duration::from_secs(1)).remove(0);
    let left = stats.sum(|kind| kind.on_disk.items + kind.dropped.total());
    ensure!(left == submitted, "{submitted} submitted: {stats:#?}");
    Ok(())
}
