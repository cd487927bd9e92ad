//! MariaDB by its own client and by a driver of Python.

use std::process::Command;

use anyhow::{Context, Result};
use plainsight_tests::{
    probe::{Outcome, Probe},
    process::{ServerProcess, python, run_well},
    record::Record,
    server::free_port,
};

const PACKAGES: &str = "mariadb-server mariadb-client";

/// A server that lets anyone in, with a database `shop`.
fn start() -> Result<ServerProcess> {
    let port = free_port()?;
    let directory = tempfile::tempdir()?;
    let data = directory.path().join("data");
    let data_argument = format!("--datadir={}", data.display());
    run_well(
        Command::new("mariadb-install-db")
            .args(["--no-defaults", "--user=root", "--skip-test-db"])
            .arg(&data_argument),
        PACKAGES,
    )?;
    let mut command = Command::new("mariadbd");
    command.args(["--no-defaults", "--user=root", "--skip-grant-tables", "--bind-address=127.0.0.1"]);
    command.arg(data_argument).arg(format!("--port={port}"));
    command.arg(format!("--socket={}", directory.path().join("socket").display()));
    let server = ServerProcess::start(&mut command, port, directory, PACKAGES)?;
    run_well(&mut client(&server, &["--execute", "CREATE DATABASE shop"]), PACKAGES)?;
    Ok(server)
}

fn client(server: &ServerProcess, arguments: &[&str]) -> Command {
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--user=root", "--skip-ssl"]);
    command.arg(format!("--port={}", server.address.port())).args(arguments);
    command
}

fn watch(server: &ServerProcess) -> Result<Probe> {
    Probe::start(&["--port", &server.address.port().to_string()])
}

fn of_summary<'r>(outcome: &'r Outcome, side: &str, summary: &str) -> Vec<&'r Record> {
    let all = outcome.side(side).into_iter();
    all.filter(|record| record.text("db.query.summary") == summary).collect()
}

#[test]
fn a_driver_s_statements_are_seen_with_rows_errors_and_database_and_without_literals() -> Result<()> {
    let server = start()?;
    let probe = watch(&server)?;
    run_well(&mut python("mysql_client.py", [server.address.port().to_string()])?, "python3-venv")?;
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let inserted = of_summary(&outcome, side, "INSERT orders");
        assert_eq!(inserted.len(), 20, "{side}: {:?}", outcome.records);
        assert!(
            inserted.iter().all(|record| record.text("db.query.text") == "INSERT INTO orders VALUES (?, ?)")
        );
        assert!(inserted.iter().all(|record| record.text("db.namespace") == "shop"));
        assert!(inserted.iter().all(|record| record.text("db.system.name") == "mariadb"));
        let selected = of_summary(&outcome, side, "SELECT orders");
        let rows: Vec<_> = selected.iter().map(|record| record.number("db.response.returned_rows")).collect();
        assert_eq!(rows, [Some(5), Some(20)], "{side}");
        assert!(selected[1].response_bytes > 2_000_000, "{side}: {:?}", selected[1]);
        let mut codes: Vec<_> =
            outcome.side(side).iter().filter_map(|record| record.error_type.clone()).collect();
        codes.sort();
        assert_eq!(codes, ["1064", "1146"], "{side}");
        let executed =
            outcome.side(side).into_iter().find(|record| record.text("db.query.text").starts_with("EXECUTE"));
        assert_eq!(executed.context("EXECUTE")?.text("db.namespace"), "mysql");
    }
    for record in &outcome.records {
        assert_eq!((record.protocol.as_str(), record.outcome.as_str()), ("mysql", "complete"), "{record:?}");
        assert!(!format!("{record:?}").contains("secret-note"), "{record:?}");
    }
    Ok(())
}

#[test]
fn the_client_s_own_statements_are_counted() -> Result<()> {
    let server = start()?;
    let probe = watch(&server)?;
    let script: String = (0..200).map(|number| format!("SELECT {number} AS answer;")).collect();
    run_well(&mut client(&server, &["--database=shop", "--execute", &script]), PACKAGES)?;
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let seen = outcome
            .side(side)
            .into_iter()
            .filter(|record| record.text("db.query.text") == "SELECT ? AS answer");
        assert_eq!(seen.count(), 200, "{side}");
    }
    Ok(())
}
