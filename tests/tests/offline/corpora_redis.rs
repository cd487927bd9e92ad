//! Redis captures of other test suites through `plainsight replay --json`, compared with what Zeek logged for them.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{corpora, record::Record, replay, zeek};

/// Client and server of a connection.
type Ends = (SocketAddr, SocketAddr);

/// The lines of each connection.
type Connections = BTreeMap<Ends, Vec<String>>;

/// One command in a line: its name, its key where Zeek logs one, whether it succeeded and with what error; `-` where
/// there was no answer.
fn line(name: &str, key: &str, success: &str, error: &str) -> String {
    format!("{name} {key} {success} {error}")
}

/// Zeek's answer.
fn zeek_lines(log: &str) -> Result<Connections> {
    let mut connections = Connections::new();
    for row in zeek::rows(log)? {
        let text = |column: &str| row.get(column).map_or("-", String::as_str);
        let end = |host: &str, port: &str| -> Result<SocketAddr> {
            Ok(SocketAddr::new(
                text(host).parse().context("an address")?,
                text(port).parse().context("a port")?,
            ))
        };
        let ends = (end("id.orig_h", "id.orig_p")?, end("id.resp_h", "id.resp_p")?);
        let error = match text("success") {
            "F" => text("reply.value").split(' ').next().unwrap_or("-"),
            _ => "-",
        };
        let line = line(text("cmd.name"), text("cmd.key"), text("success"), error);
        connections.entry(ends).or_default().push(line);
    }
    Ok(connections)
}

/// Our answer. Its order is not Zeek's: commands that the server was told not to answer are reported at once.
fn our_lines(records: &[Record], zeek: &Connections) -> Result<Connections> {
    let mut connections = Connections::new();
    for record in records {
        let ends = (replay::address(&record.client)?, replay::address(&record.server)?);
        let name = record.text("db.operation.name");
        // Zeek knows the keys of some commands only.
        let key = record.text("db.query.text").split(' ').nth(1).unwrap_or("-");
        let logged =
            zeek.get(&ends).is_some_and(|lines| lines.iter().any(|line| line.split(' ').nth(1) == Some(key)));
        let (success, error) = match (record.text("db.response.status_code"), record.duration_ns) {
            ("", None) => ("-", "-"),
            ("", Some(_)) => ("T", "-"),
            (error, _) => ("F", error),
        };
        connections.entry(ends).or_default().push(line(name, if logged { key } else { "-" }, success, error));
    }
    Ok(connections)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn sorted(mut connections: Connections) -> Connections {
    connections.values_mut().for_each(|lines| lines.sort());
    connections
}

#[test]
fn commands_keys_and_errors_equal_zeek_s_log() -> Result<()> {
    let (mut compared, mut wrong) = (0, Vec::new());
    for capture in corpora::captures("zeek/redis")? {
        let Ok(log) = fs::read_to_string(format!("{}.log", capture.display())) else { continue };
        let name = name(&capture);
        let zeek = zeek_lines(&log).with_context(|| name.clone())?;
        let ours = our_lines(&replay::records(&capture)?, &zeek).with_context(|| name.clone())?;
        let (zeek, ours) = (sorted(zeek), sorted(ours));
        if zeek != ours {
            wrong.push(format!("{name}:\n  expected {zeek:#?}\n  plainsight {ours:#?}"));
        }
        compared += 1;
    }
    ensure!(compared >= 6, "only {compared} captures have a log");
    assert!(wrong.is_empty(), "{} of {compared} captures differ:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

#[test]
fn every_redis_capture_replays_with_records_that_make_sense() -> Result<()> {
    for capture in corpora::captures("zeek/redis")? {
        for record in replay::records(&capture).with_context(|| name(&capture))? {
            if record.protocol == "redis" {
                check(&record).with_context(|| format!("{}: {record:?}", name(&capture)))?;
            }
        }
    }
    Ok(())
}

/// What must hold for each record, whatever the capture holds.
fn check(record: &Record) -> Result<()> {
    ensure!(record.text("db.system.name") == "redis", "another system");
    let has_command = !record.text("db.operation.name").is_empty();
    ensure!(has_command || record.outcome == "partial", "{} without a command", record.outcome);
    ensure!(record.outcome != "no_response" || record.duration_ns.is_none(), "no response, but a duration");
    Ok(())
}

#[test]
fn captures_without_a_log_hold_what_was_sent() -> Result<()> {
    for (capture, expected) in [
        ("set.pcap", vec!["SET test ?", "SET one:1 ?", "SET two:2 ?"]),
        ("array-element-object-exhaustion.pcap", vec!["PING"]),
    ] {
        let records = records(capture)?;
        let texts: Vec<_> = records.iter().map(|record| record.text("db.query.text")).collect();
        assert_eq!(texts, expected, "{capture}");
        assert!(records.iter().all(|record| record.outcome == "complete"), "{capture}");
    }
    let records = records("bulk-loading.pcap")?;
    assert_eq!(records.len(), 1001);
    for (index, record) in records.iter().take(1000).enumerate() {
        assert_eq!(record.text("db.query.text"), format!("SET Key{index} ?"));
        assert_eq!((record.outcome.as_str(), record.response_bytes), ("complete", 5));
    }
    assert_eq!(records[1000].text("db.query.text"), "ECHO ?");
    Ok(())
}

fn records(capture: &str) -> Result<Vec<Record>> {
    let captures = corpora::captures("zeek/redis")?;
    let capture =
        captures.iter().find(|path| name(path) == capture).with_context(|| format!("no {capture}"))?;
    replay::records(capture)
}
