//! gRPC by the server and the client that most languages share (grpc's C core, here from Python).

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{
    durations::median,
    probe::{Outcome, Probe},
    process::{ServerProcess, python, run_well},
    record::Record,
    server::free_port,
};
use serde::Deserialize;

const PACKAGES: &str = "python3-venv";

/// A call as the client saw it.
#[derive(Debug, Deserialize)]
struct Call {
    method: String,
    status: String,
    sent: i64,
    received: i64,
    nanoseconds: u64,
}

/// What has to agree: method, status, messages of the client, messages of the server.
type Line = (String, String, Option<i64>, Option<i64>);

fn start() -> Result<ServerProcess> {
    let port = free_port()?;
    ServerProcess::start(
        &mut python("grpc_server.py", [port.to_string()])?,
        port,
        tempfile::tempdir()?,
        PACKAGES,
    )
}

fn watch(server: &ServerProcess) -> Result<Probe> {
    Probe::start(&["--port", &server.address.port().to_string()])
}

fn call(server: &ServerProcess, arguments: &[&str]) -> Result<Vec<Call>> {
    let port = server.address.port().to_string();
    let output = run_well(&mut python("grpc_client.py", [&[port.as_str()], arguments].concat())?, PACKAGES)?;
    read(&output)
}

fn read(output: &str) -> Result<Vec<Call>> {
    output.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

/// The method as it was asked for.
fn method(record: &Record) -> String {
    let original = record.text("rpc.method_original");
    if original.is_empty() { record.text("rpc.method") } else { original }.to_owned()
}

fn line(record: &Record) -> Line {
    let messages = |name| record.number(name);
    (
        method(record),
        record.text("rpc.response.status_code").to_owned(),
        messages("plainsight.grpc.request.messages"),
        messages("plainsight.grpc.response.messages"),
    )
}

fn lines(outcome: &Outcome, side: &str) -> Vec<Line> {
    let mut lines: Vec<_> = outcome.side(side).into_iter().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn every_kind_of_call_is_seen_from_both_ends_with_its_status_and_messages() -> Result<()> {
    let server = start()?;
    let probe = watch(&server)?;
    let calls = call(&server, &["kinds"])?;
    let outcome = probe.stop()?;
    let mut expected: Vec<Line> = calls
        .iter()
        .map(|call| (call.method.clone(), call.status.clone(), Some(call.sent), Some(call.received)))
        .collect();
    expected.sort();
    for side in ["client", "server"] {
        assert_eq!(lines(&outcome, side), expected, "{side}: {:#?}", outcome.messages);
        for record in outcome.side(side) {
            let context = format!("{record:?}");
            assert_eq!(record.protocol, "grpc", "{context}");
            assert_eq!(record.text("rpc.system.name"), "grpc", "{context}");
            assert_eq!(record.missing_bytes, 0, "{context}");
            assert!(record.duration_ns.is_some(), "{context}");
            assert!(!context.contains("t0p-s3cret"), "{context}");
            let status = record.text("rpc.response.status_code");
            let is_error = match side {
                "client" => status != "OK",
                _ => ["DEADLINE_EXCEEDED", "INTERNAL", "UNAVAILABLE", "UNIMPLEMENTED"].contains(&status),
            };
            assert_eq!(record.error_type.as_deref(), is_error.then_some(status), "{context}");
            let is_unknown = status == "UNIMPLEMENTED";
            assert_eq!(record.text("rpc.method") == "_OTHER", is_unknown, "{context}");
            let name = if is_unknown { "grpc".to_owned() } else { method(record) };
            assert_eq!(record.name, name, "{context}");
            let given_up = ["CANCELLED", "DEADLINE_EXCEEDED"].contains(&status);
            assert!(record.outcome == "complete" || given_up, "{context}");
        }
    }
    let is_large = |record: &&Record| {
        let bytes = record.request_bytes.min(record.response_bytes);
        record.name.ends_with("/Get") && bytes > 50_000
    };
    assert_eq!(outcome.records.iter().filter(is_large).count(), 2, "the large message, from both ends");
    Ok(())
}

#[test]
fn many_small_calls_are_counted_and_timed_as_the_client_does() -> Result<()> {
    const CALLS: usize = 1000;
    let server = start()?;
    let probe = watch(&server)?;
    let calls = call(&server, &["unary", &CALLS.to_string(), "0"])?;
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let seen = outcome.side(side);
        assert_eq!(seen.len(), CALLS, "{side}: {:?}", outcome.messages);
        let expected = ("shop.v1.Orders/Get".to_owned(), "OK".to_owned(), Some(1), Some(1));
        for record in seen {
            assert_eq!(line(record), expected, "{record:?}");
            assert_eq!(record.outcome, "complete", "{record:?}");
        }
    }
    let nanoseconds = |values: Vec<u64>| median(values.into_iter().map(Duration::from_nanos).collect());
    let own = nanoseconds(calls.iter().map(|call| call.nanoseconds).collect());
    let seen = nanoseconds(outcome.side("client").iter().filter_map(|record| record.duration_ns).collect());
    // Python itself and the library's threads work before the request leaves and after the response came.
    assert!(seen <= own, "the client measured {own:?}, the probe {seen:?}");
    Ok(())
}

#[test]
fn a_channel_joined_between_two_calls_gives_nothing_that_is_not_so() -> Result<()> {
    const CALLS: usize = 300;
    let server = start()?;
    let port = server.address.port().to_string();
    let mut command = python("grpc_client.py", [port.as_str(), "unary", &CALLS.to_string(), "0.01"])?;
    let client = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("starting Python")?;
    std::thread::sleep(Duration::from_millis(500));
    let probe = watch(&server)?;
    let output = client.wait_with_output()?;
    ensure!(output.status.success(), "the client ended with {}", output.status);
    let calls = read(&String::from_utf8(output.stdout)?)?;
    assert_eq!(calls.len(), CALLS);
    let outcome = probe.stop()?;
    let mut sides = BTreeMap::new();
    for record in &outcome.records {
        *sides.entry(record.side.as_str()).or_insert(0) += 1;
        let context = format!("{record:?}");
        // Of a call that was under way only the answer is seen, in which nothing need name gRPC.
        let is_answer_alone = record.outcome == "partial" && record.request_bytes == 0;
        assert!(record.protocol == "grpc" || is_answer_alone, "{context}");
        assert!(["", "shop.v1.Orders/Get"].contains(&method(record).as_str()), "{context}");
        assert!(["", "OK"].contains(&record.text("rpc.response.status_code")), "{context}");
        assert_eq!(record.error_type, None, "{context}");
        if record.outcome == "complete" {
            assert_eq!((line(record).2, line(record).3), (Some(1), Some(1)), "{context}");
        }
    }
    for side in ["client", "server"] {
        let seen = sides.get(side).copied().unwrap_or(0);
        assert!((10..CALLS).contains(&seen), "{side}: {sides:?} {:?}", outcome.messages);
    }
    Ok(())
}
