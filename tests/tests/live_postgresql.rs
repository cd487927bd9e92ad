//! PostgreSQL by psql, by pgbench in each of its modes, and by a driver of Python that pipelines.

use std::{os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use anyhow::Result;
use plainsight_tests::{
    probe::{Outcome, Probe},
    process::{ServerProcess, program, python, run_well},
    record::Record,
    server::free_port,
};

const PACKAGES: &str = "postgresql postgresql-client";
const VERSIONS: &str = "/usr/lib/postgresql";

fn binary(name: &str) -> PathBuf {
    program(name, VERSIONS)
}

/// The server refuses to run as root: it runs as nobody.
fn as_nobody(name: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]).arg(binary(name));
    command
}

fn start() -> Result<ServerProcess> {
    let port = free_port()?;
    let directory = tempfile::tempdir()?;
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777))?;
    let data = directory.path().join("data");
    run_well(
        as_nobody("initdb").args(["--username=postgres", "--auth=trust", "--no-sync", "--pgdata"]).arg(&data),
        PACKAGES,
    )?;
    let mut command = as_nobody("postgres");
    command.arg("-D").arg(&data).args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
    command.args(["-p", &port.to_string(), "-k"]).arg(directory.path());
    let server = ServerProcess::start(&mut command, port, directory, PACKAGES)?;
    // It listens before it takes queries.
    std::thread::sleep(std::time::Duration::from_millis(500));
    Ok(server)
}

fn client(server: &ServerProcess, name: &str) -> Command {
    let mut command = Command::new(binary(name));
    command.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &server.address.port().to_string()]);
    command.env("PGSSLMODE", "disable").env("PGGSSENCMODE", "disable");
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
fn a_pipelining_driver_s_statements_are_seen_with_rows_and_errors_and_without_literals() -> Result<()> {
    let server = start()?;
    let probe = watch(&server)?;
    run_well(&mut python("postgresql_client.py", [server.address.port().to_string()])?, "python3-venv")?;
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let inserted = of_summary(&outcome, side, "INSERT orders");
        let executed = inserted.iter().filter(|record| record.outcome == "complete").count();
        assert!(executed >= 30, "{side}: {executed}: {:?}", outcome.records);
        let selected = of_summary(&outcome, side, "SELECT orders");
        let rows: Vec<_> =
            selected.iter().filter_map(|record| record.number("db.response.returned_rows")).collect();
        assert!(rows.contains(&7) && rows.contains(&3), "{side}: {rows:?}");
        let mut codes: Vec<_> =
            outcome.side(side).iter().filter_map(|record| record.error_type.clone()).collect();
        codes.sort();
        assert_eq!(codes, ["42601", "42P01"], "{side}");
        assert!(
            inserted.iter().all(|record| record.text("db.namespace").starts_with("postgres")),
            "{inserted:?}"
        );
        assert_eq!(of_summary(&outcome, side, "COPY orders").len(), 1, "{side}");
    }
    for record in &outcome.records {
        assert_eq!(record.protocol, "postgresql", "{record:?}");
        assert!(!format!("{record:?}").contains("secret-note"), "{record:?}");
    }
    Ok(())
}

#[test]
fn every_transaction_of_the_benchmark_is_seen_in_each_of_its_modes() -> Result<()> {
    let server = start()?;
    run_well(client(&server, "pgbench").args(["-i", "-q", "postgres"]), PACKAGES)?;
    for mode in ["simple", "extended", "prepared"] {
        let probe = watch(&server)?;
        run_well(
            client(&server, "pgbench").args(["-M", mode, "-c", "4", "-t", "50", "-n", "postgres"]),
            PACKAGES,
        )?;
        let outcome = probe.stop()?;
        for side in ["client", "server"] {
            let ended: Vec<_> = outcome
                .side(side)
                .into_iter()
                .filter(|record| record.text("db.query.summary") == "END" || record.name == "END")
                .filter(|record| record.outcome == "complete" && record.error_type.is_none())
                .filter(|record| !record.attributes.contains_key("plainsight.postgresql.step"))
                .collect();
            let updated = of_summary(&outcome, side, "UPDATE pgbench_accounts");
            assert!(ended.len() >= 200, "{mode}, {side}: {} ended; {:?}", ended.len(), outcome.messages);
            assert!(updated.len() >= 200, "{mode}, {side}: {} updated", updated.len());
            assert!(updated.iter().all(|record| record.outcome == "complete"), "{mode}, {side}");
        }
    }
    Ok(())
}

#[test]
fn psql_s_statements_are_counted() -> Result<()> {
    let server = start()?;
    let probe = watch(&server)?;
    let mut command = client(&server, "psql");
    for number in 0..50 {
        command.args(["-c", &format!("SELECT {number} AS answer")]);
    }
    run_well(command.args(["-d", "postgres"]), PACKAGES)?;
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let seen: Vec<_> = outcome
            .side(side)
            .into_iter()
            .filter(|record| record.text("db.query.text") == "SELECT ? AS answer")
            .collect();
        assert_eq!(seen.len(), 50, "{side}");
        assert!(seen.iter().all(|record| record.number("db.response.returned_rows") == Some(1)));
    }
    Ok(())
}
