//! Redis by its own benchmark and by a client of Python.

use std::process::Command;

use anyhow::Result;
use plainsight_tests::{
    probe::{Outcome, Probe},
    process::{ServerProcess, python, run_well},
    record::Record,
    server::free_port,
};

const PACKAGES: &str = "redis-server redis-tools";

fn start() -> Result<ServerProcess> {
    let port = free_port()?;
    let directory = tempfile::tempdir()?;
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--save", "", "--dir"]).arg(directory.path());
    ServerProcess::start(&mut command, port, directory, PACKAGES)
}

fn watch(server: &ServerProcess) -> Result<Probe> {
    Probe::start(&["--port", &server.address.port().to_string()])
}

fn named<'r>(outcome: &'r Outcome, side: &str, name: &str) -> Vec<&'r Record> {
    outcome.side(side).into_iter().filter(|record| record.name == name).collect()
}

#[test]
fn every_command_of_a_pipelining_benchmark_is_seen_from_both_ends() -> Result<()> {
    let server = start()?;
    let probe = watch(&server)?;
    let port = server.address.port().to_string();
    let arguments = ["-p", &port, "-t", "set,get", "-n", "20000", "-c", "8", "-P", "16", "-q"];
    run_well(Command::new("redis-benchmark").args(arguments), PACKAGES)?;
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        for name in ["SET", "GET"] {
            let seen = named(&outcome, side, name);
            assert_eq!(seen.len(), 20_000, "{name} seen by the {side}; {:?}", outcome.messages);
            let whole = seen.iter().filter(|record| record.outcome == "complete").count();
            assert_eq!(whole, 20_000, "{name} seen whole by the {side}");
            assert!(seen.iter().all(|record| record.protocol == "redis" && record.error_type.is_none()));
        }
    }
    Ok(())
}

#[test]
fn a_clients_commands_keep_their_keys_errors_and_secrets() -> Result<()> {
    let server = start()?;
    let probe = watch(&server)?;
    run_well(&mut python("redis_client.py", [server.address.port().to_string()])?, "python3-venv")?;
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let text = |name: &str| -> Vec<_> {
            named(&outcome, side, name).iter().map(|record| record.text("db.query.text").to_owned()).collect()
        };
        assert_eq!(text("SET"), ["SET user:17 ?"]);
        assert_eq!(text("GET"), ["GET user:17"]);
        assert_eq!(named(&outcome, side, "INCRBY").len(), 50);
        assert_eq!(text("HGETALL"), ["HGETALL cart"]);
        let failed = named(&outcome, side, "LPUSH");
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].error_type.as_deref(), Some("WRONGTYPE"));
        assert_eq!(failed[0].text("db.response.status_code"), "WRONGTYPE");
        let transaction: Vec<_> =
            outcome.side(side).into_iter().filter(|record| record.name.contains("EXEC")).collect();
        assert_eq!(transaction.len(), 1, "{side}");
        assert_eq!(named(&outcome, side, "PUBLISH").len(), 1);
        let blocked = named(&outcome, side, "BLPOP");
        assert!(blocked[0].duration_ns.is_some_and(|duration| duration >= 150_000_000), "{:?}", blocked[0]);
    }
    for record in &outcome.records {
        assert_eq!(record.outcome, "complete", "{record:?}");
        let shown = format!("{record:?}");
        for secret in ["hunter2", "secret-value", "s3cr3t-password", "flash"] {
            assert!(!shown.contains(secret), "{secret} is shown: {shown}");
        }
    }
    Ok(())
}

#[test]
fn values_longer_than_a_call_s_first_bytes_leave_the_pipeline_in_step() -> Result<()> {
    let server = start()?;
    let probe = watch(&server)?;
    let port = server.address.port().to_string();
    let arguments = ["-p", &port, "-t", "set", "-n", "2000", "-c", "2", "-P", "8", "-d", "3000", "-q"];
    run_well(Command::new("redis-benchmark").args(arguments), PACKAGES)?;
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let seen = named(&outcome, side, "SET");
        let whole = seen.iter().filter(|record| record.outcome == "complete").count();
        assert_eq!((whole, seen.len()), (2000, 2000), "{side}: {:?}", outcome.messages);
    }
    Ok(())
}
