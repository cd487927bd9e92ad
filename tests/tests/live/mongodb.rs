//! MongoDB's own driver for Python against a server that speaks its wire protocol: counts are those of the calls made.

use std::collections::BTreeMap;

use anyhow::Result;
use plainsight_tests::{
    probe::{Outcome, Probe},
    process::{ServerProcess, python, run_well},
    record::Record,
    server::free_port,
};

const PACKAGES: &str = "python3-venv";

/// What each of a client's rounds comes to: name, error and how many.
const ROUND: [(&str, &str, usize); 8] = [
    ("delete orders", "", 1),
    ("drop nothing", "26", 1),
    ("find orders", "", 1),
    ("getMore orders", "", 1),
    ("insert orders", "", 2),
    ("insert orders", "11000", 1),
    ("update orders", "", 2),
    ("ping admin", "", 0),
];

fn start() -> Result<ServerProcess> {
    let port = free_port()?;
    let mut command = python("mongodb_server.py", [port.to_string()])?;
    ServerProcess::start(&mut command, port, tempfile::tempdir()?, PACKAGES)
}

/// A driver asks a server what it is, when it likes.
fn is_asked_for(record: &Record) -> bool {
    !["hello", "ismaster", "isMaster"].contains(&record.text("db.operation.name"))
}

/// How often one side saw each command with each error.
fn counts(outcome: &Outcome, side: &str) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for record in outcome.side(side).into_iter().filter(|record| is_asked_for(record)) {
        let error = record.error_type.clone().unwrap_or_default();
        *counts.entry((record.name.clone(), error)).or_default() += 1;
    }
    counts
}

fn expected(rounds: usize) -> BTreeMap<(String, String), usize> {
    let all = ROUND.iter().map(|&(name, error, times)| {
        let times = if name == "ping admin" { 1 } else { times * rounds };
        ((name.to_owned(), error.to_owned()), times)
    });
    all.collect()
}

#[test]
fn a_driver_s_commands_are_seen_with_collections_rows_and_errors_and_without_values() -> Result<()> {
    const ROUNDS: usize = 50;
    let server = start()?;
    let probe = Probe::of_server(server.address)?;
    let arguments = [server.address.port().to_string(), ROUNDS.to_string()];
    run_well(&mut python("mongodb_client.py", arguments)?, PACKAGES)?;
    let outcome = probe.stop()?;
    outcome.assert_whole_and_masked("mongodb", "hunter2");
    outcome.assert_failures_are_statuses();
    for side in ["client", "server"] {
        assert_eq!(counts(&outcome, side), expected(ROUNDS), "{side}");
        for record in outcome.named(side, "find orders") {
            assert_eq!(record.number("db.response.returned_rows"), Some(3), "{record:?}");
            assert_eq!(record.text("db.namespace"), "shop");
        }
        for record in outcome.named(side, "drop nothing") {
            assert_eq!(record.text("plainsight.mongodb.code_name"), "NamespaceNotFound");
        }
        // A write that asks for no acknowledgement is complete without an end.
        let updates = outcome.named(side, "update orders");
        let unanswered = updates.iter().filter(|record| record.response_bytes == 0);
        assert_eq!(unanswered.count(), ROUNDS, "{side}");
    }
    Ok(())
}
