//! Kafka by librdkafka, its client and the broker that it has for tests: the client's own log of its requests says what has
//! to be seen.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{
    durations::median,
    probe::{Outcome, Probe},
    process::python,
    record::Record,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// A broker and its clients, one process. It ends when this is dropped.
struct Cluster {
    child: Child,
    output: BufReader<ChildStdout>,
    port: String,
}

/// What a client did.
#[derive(Debug, Deserialize)]
struct Done<F> {
    facts: F,
    requests: Vec<Request>,
}

/// A request in the log of a client.
#[derive(Debug, Deserialize)]
struct Request {
    client: String,
    api: String,
    version: i64,
    sent: u64,
    received: Option<u64>,
    microseconds: Option<u64>,
}

/// Offsets of the messages that were sent or read.
#[derive(Debug, Deserialize)]
struct Offsets {
    offsets: Vec<i64>,
}

impl Cluster {
    fn start() -> Result<Self> {
        let mut child = python("kafka_cluster.py", [] as [&str; 0])?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting Python")?;
        let output = BufReader::new(child.stdout.take().context("its output")?);
        let mut cluster = Self { child, output, port: String::new() };
        cluster.port = cluster.listen()?;
        Ok(cluster)
    }

    fn listen(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        ensure!(!line.is_empty(), "the script ended");
        Ok(line.trim_end().to_owned())
    }

    fn ask<F: DeserializeOwned>(&mut self, what: &str) -> Result<Done<F>> {
        writeln!(self.child.stdin.as_mut().context("its input")?, "{what}")?;
        let line = self.listen()?;
        serde_json::from_str(&line).with_context(|| line.clone())
    }

    fn watch(&self) -> Result<Probe> {
        Probe::start(&["--port", &self.port])
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What has to agree: kind, version, size of the request, and of the response, if the client logged one.
type Line = (String, i64, u64, Option<u64>);

fn expected(request: &Request) -> Line {
    (request.api.clone(), request.version, request.sent, request.received)
}

fn line(record: &Record) -> Line {
    (
        record.text("plainsight.kafka.api").to_owned(),
        record.number("plainsight.kafka.api_version").unwrap_or(-1),
        record.request_bytes,
        (record.response_bytes > 0).then_some(record.response_bytes),
    )
}

fn of_client<'r>(outcome: &'r Outcome, side: &str, client: &str) -> Vec<&'r Record> {
    outcome.side(side).into_iter().filter(|record| record.text("messaging.client.id") == client).collect()
}

fn of_api<'r>(outcome: &'r Outcome, side: &str, client: &str, api: &str) -> Vec<&'r Record> {
    let mut records = of_client(outcome, side, client);
    records.retain(|record| record.text("plainsight.kafka.api") == api);
    records
}

/// Every request that a client logged is there, from both ends, and no other.
fn assert_all<F>(outcome: &Outcome, done: &Done<F>, client: &str, is_acknowledged: bool) {
    let logged: Vec<_> = done.requests.iter().filter(|request| request.client == client).collect();
    let (answered, unanswered): (Vec<_>, Vec<_>) =
        logged.into_iter().map(expected).partition(|(.., received)| received.is_some());
    assert!(!answered.is_empty(), "{client} logged nothing");
    for side in ["client", "server"] {
        let records = of_client(outcome, side, client);
        let mut seen: Vec<_> = records.iter().map(|record| line(record)).collect();
        let context = format!("{side}: {seen:#?} {:?}", outcome.messages);
        let mut take = |fits: &dyn Fn(&Line) -> bool| {
            let place = seen.iter().position(fits)?;
            Some(seen.swap_remove(place))
        };
        for wanted in &answered {
            assert!(take(&|line| line == wanted).is_some(), "no {wanted:?} is among {context}");
        }
        for wanted in &unanswered {
            // A client that ends does not log what it still reads, and a broker may not read what it still sent.
            let found =
                take(&|(api, version, sent, _)| (api, version, sent) == (&wanted.0, &wanted.1, &wanted.2));
            assert!(side == "server" || found.is_some(), "no {wanted:?} is among {context}");
        }
        assert!(seen.is_empty(), "too many, namely {seen:?}, are among {context}");
        for record in records {
            let context = format!("{record:?}");
            assert_eq!(record.protocol, "kafka", "{context}");
            assert_eq!(record.missing_bytes, 0, "{context}");
            assert_eq!(record.text("messaging.system"), "kafka", "{context}");
            let is_produce = record.text("plainsight.kafka.api") == "Produce";
            let is_whole = record.response_bytes > 0 || is_produce && !is_acknowledged;
            assert_eq!(record.outcome, if is_whole { "complete" } else { "no_response" }, "{context}");
            assert_eq!(record.duration_ns.is_some(), is_whole, "{context}");
        }
    }
}

/// Nothing has gone wrong but that the broker does not know the newest version of the first request, and what a client
/// left behind when it ended.
fn assert_no_errors(outcome: &Outcome) {
    for record in &outcome.records {
        let error = record.error_type.as_deref();
        let is_first =
            record.text("plainsight.kafka.api") == "ApiVersions" && error == Some("UNSUPPORTED_VERSION");
        let is_left = record.outcome == "no_response"
            && matches!(error, Some("connection_closed" | "connection_reset"));
        assert!(error.is_none() || is_first || is_left, "{record:?}");
    }
}

#[test]
fn messages_that_are_sent_one_by_one_are_seen_with_their_offsets_sizes_and_durations() -> Result<()> {
    let mut cluster = Cluster::start()?;
    let probe = cluster.watch()?;
    let done: Done<Offsets> = cluster.ask("produce")?;
    let outcome = probe.stop()?;
    assert_all(&outcome, &done, "maker", true);
    assert_no_errors(&outcome);
    for side in ["client", "server"] {
        let sent = of_api(&outcome, side, "maker", "Produce");
        let offsets: Vec<_> =
            sent.iter().filter_map(|record| record.number("messaging.kafka.offset")).collect();
        assert_eq!(offsets, done.facts.offsets, "{side}");
        for record in sent {
            let context = format!("{record:?}");
            assert_eq!(record.name, "send orders", "{context}");
            assert_eq!(record.text("messaging.operation.type"), "send", "{context}");
            assert_eq!(record.text("messaging.destination.name"), "orders", "{context}");
            assert_eq!(record.text("messaging.destination.partition.id"), "0", "{context}");
            assert_eq!(record.text("plainsight.kafka.acks"), "all", "{context}");
            assert_eq!(record.number("messaging.batch.message_count"), None, "{context}");
            assert!(!context.contains("vvvv"), "{context}");
        }
    }
    let logged = done.requests.iter().filter(|request| request.api == "Produce");
    let own = median(logged.filter_map(|request| request.microseconds.map(Duration::from_micros)).collect());
    let sent = of_api(&outcome, "client", "maker", "Produce");
    let seen =
        median(sent.iter().filter_map(|record| record.duration_ns.map(Duration::from_nanos)).collect());
    let allowed = (own / 10).max(Duration::from_micros(50));
    assert!(own.abs_diff(seen) <= allowed, "the client measured {own:?}, the probe {seen:?}");
    Ok(())
}

#[test]
fn batches_are_counted_whether_they_are_compressed_or_large() -> Result<()> {
    let mut cluster = Cluster::start()?;
    let probe = cluster.watch()?;
    let done: Done<Offsets> = cluster.ask("batches")?;
    let outcome = probe.stop()?;
    assert_all(&outcome, &done, "batches", true);
    assert_no_errors(&outcome);
    for side in ["client", "server"] {
        let sent = of_api(&outcome, side, "batches", "Produce");
        let counts: Vec<_> =
            sent.iter().map(|record| record.number("messaging.batch.message_count")).collect();
        assert_eq!(counts, [Some(50), None], "{side}: {sent:#?}");
        assert!(sent.iter().all(|record| record.text("plainsight.kafka.acks") == "1"), "{side}: {sent:#?}");
        assert!(sent[1].request_bytes > 500_000, "{:?}", sent[1]);
        assert_eq!(sent[1].number("messaging.kafka.offset"), Some(done.facts.offsets[1]), "{:?}", sent[1]);
    }
    Ok(())
}

#[test]
fn what_asks_for_no_acknowledgement_is_complete_without_one() -> Result<()> {
    let mut cluster = Cluster::start()?;
    let probe = cluster.watch()?;
    let done: Done<Value> = cluster.ask("unacknowledged")?;
    let outcome = probe.stop()?;
    assert_all(&outcome, &done, "hasty", false);
    assert_no_errors(&outcome);
    for side in ["client", "server"] {
        let sent = of_api(&outcome, side, "hasty", "Produce");
        assert_eq!(sent.len(), 7, "{side}");
        assert!(sent.iter().all(|record| record.text("plainsight.kafka.acks") == "0"), "{side}: {sent:#?}");
    }
    Ok(())
}

#[test]
fn a_consumer_group_is_followed_from_joining_to_leaving() -> Result<()> {
    let mut cluster = Cluster::start()?;
    cluster.ask::<Value>("fill")?;
    let probe = cluster.watch()?;
    let done: Done<Offsets> = cluster.ask("consume")?;
    assert_eq!(done.facts.offsets, (0..30).collect::<Vec<_>>());
    let outcome = probe.stop()?;
    assert_all(&outcome, &done, "reader", true);
    assert_no_errors(&outcome);
    for side in ["client", "server"] {
        let of = |api| of_api(&outcome, side, "reader", api);
        for api in ["JoinGroup", "SyncGroup", "OffsetFetch", "OffsetCommit", "LeaveGroup"] {
            assert!(!of(api).is_empty(), "{side}: no {api}");
            for record in of(api) {
                assert_eq!(record.text("messaging.consumer.group.name"), "billing", "{record:?}");
            }
        }
        assert!(of("OffsetCommit").iter().all(|record| record.name == "commit orders"), "{side}");
        let fetches = of("Fetch");
        assert!(fetches.iter().all(|record| record.name == "poll orders"), "{side}: {fetches:#?}");
        assert!(fetches.iter().all(|record| record.text("messaging.operation.type") == "receive"), "{side}");
    }
    Ok(())
}

#[test]
fn a_topic_that_does_not_exist_is_an_error_of_its_request() -> Result<()> {
    let mut cluster = Cluster::start()?;
    let probe = cluster.watch()?;
    let done: Done<Value> = cluster.ask("unknown")?;
    assert_eq!(done.facts["error"], "UNKNOWN_TOPIC_OR_PART");
    let outcome = probe.stop()?;
    assert_all(&outcome, &done, "lost", true);
    for side in ["client", "server"] {
        let mut asked = of_api(&outcome, side, "lost", "Metadata");
        asked.retain(|record| record.text("messaging.destination.name") == "nowhere");
        assert!(!asked.is_empty(), "{side}");
        for record in asked.into_iter().filter(|record| record.outcome == "complete") {
            assert_eq!(record.error_type.as_deref(), Some("UNKNOWN_TOPIC_OR_PARTITION"), "{record:?}");
            assert_eq!(record.number("plainsight.kafka.error_code"), Some(3), "{record:?}");
        }
    }
    Ok(())
}

#[test]
fn a_client_of_another_make_is_seen_alike() -> Result<()> {
    let mut cluster = Cluster::start()?;
    let probe = cluster.watch()?;
    let done: Done<Offsets> = cluster.ask("asynchronous")?;
    let outcome = probe.stop()?;
    assert_no_errors(&outcome);
    let (sent, read) = done.facts.offsets.split_at(10);
    assert_eq!(sent, read);
    for side in ["client", "server"] {
        let produced = of_api(&outcome, side, "async", "Produce");
        let offsets: Vec<_> =
            produced.iter().filter_map(|record| record.number("messaging.kafka.offset")).collect();
        assert_eq!(offsets, sent, "{side}: {:?}", outcome.messages);
        assert!(produced.iter().all(|record| record.name == "send orders"), "{side}: {produced:#?}");
        let fetched = of_api(&outcome, side, "asyncreader", "Fetch");
        assert!(fetched.iter().any(|record| record.outcome == "complete"), "{side}");
        assert!(fetched.iter().all(|record| record.name == "poll orders"), "{side}: {fetched:#?}");
    }
    Ok(())
}
