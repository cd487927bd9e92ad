//! MySQL captures of Zeek's test suite through `plainsight replay --json`, compared with what Zeek logged for them.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{corpora, record::Record, replay};

/// Client and server of a connection.
type Ends = (SocketAddr, SocketAddr);

/// Exchanges that we report and Zeek does not.
struct Addition {
    capture: &'static str,
    lines: &'static [&'static str],
    /// Why they belong there.
    reason: &'static str,
}

const ADDITIONS: &[Addition] = &[Addition {
    capture: "auth.pcap",
    lines: &["login F 0"; 3],
    reason: "a server that refuses a host says so (error 1130) in place of its greeting; Zeek logs nothing",
}];

/// Commands that Zeek logs and that have no answer: they are no exchanges.
const UNANSWERED: [&str; 3] = ["quit", "statement_close", "long_data"];

/// One line of the log: the command, whether it succeeded, the rows that it changed.
fn zeek_lines(log: &str) -> Result<BTreeMap<Ends, Vec<String>>> {
    let mut connections: BTreeMap<Ends, Vec<String>> = BTreeMap::new();
    let names = log.lines().find_map(|line| line.strip_prefix("#fields\t"));
    let Some(names) = names.map(|names| names.split('\t').collect::<Vec<_>>()) else {
        return Ok(connections);
    };
    for line in log.lines().filter(|line| !line.starts_with('#')) {
        let values: Vec<_> = line.split('\t').collect();
        let value = |name: &str| {
            let place = names.iter().position(|known| *known == name);
            place.and_then(|place| values.get(place)).copied().with_context(|| format!("no {name} in {line}"))
        };
        let end = |host: &str, port: &str| -> Result<SocketAddr> {
            Ok(SocketAddr::new(value(host)?.parse()?, value(port)?.parse()?))
        };
        let ends = (end("id.orig_h", "id.orig_p")?, end("id.resp_h", "id.resp_p")?);
        let command = value("cmd")?;
        if UNANSWERED.contains(&command) {
            continue;
        }
        let rows = Some(value("rows")?).filter(|rows| *rows != "-").unwrap_or("0");
        connections.entry(ends).or_default().push(format!("{command} {} {rows}", value("success")?));
    }
    Ok(connections)
}

fn our_lines(records: &[Record]) -> Result<BTreeMap<Ends, Vec<String>>> {
    let mut connections: BTreeMap<Ends, Vec<String>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.protocol == "mysql") {
        let ends = (replay::address(&record.client)?, replay::address(&record.server)?);
        let command = match record.text("db.operation.name") {
            "" => "query".to_owned(),
            operation => operation.to_ascii_lowercase(),
        };
        let success = if record.error_type.is_some() { "F" } else { "T" };
        let rows = record.number("plainsight.db.affected_rows").unwrap_or_default();
        connections.entry(ends).or_default().push(format!("{command} {success} {rows}"));
    }
    Ok(connections)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn check(record: &Record) -> Result<()> {
    ensure!(record.outcome == "complete", "{} of a whole capture", record.outcome);
    ensure!(record.duration_ns.is_some() && record.missing_bytes == 0, "complete without an end");
    let code = record.text("db.response.status_code");
    ensure!(record.error_type.as_deref().unwrap_or_default() == code, "error.type is not the code");
    ensure!(["mysql", "mariadb"].contains(&record.text("db.system.name")), "no system");
    ensure!(
        record.text("db.operation.name").is_empty() != record.text("db.query.text").is_empty(),
        "neither text nor name"
    );
    let text = record.text("db.query.text");
    ensure!(
        !text.contains(['\'', '"']) && !text.bytes().any(|byte| byte.is_ascii_control()),
        "literals in {text}"
    );
    Ok(())
}

#[test]
fn commands_errors_and_changed_rows_equal_zeek_s_log() -> Result<()> {
    let mut compared = 0;
    for capture in corpora::captures("zeek/mysql")? {
        let name = name(&capture);
        let Ok(log) = fs::read_to_string(format!("{}.log", capture.display())) else { continue };
        let mut expected: Vec<_> = zeek_lines(&log).with_context(|| name.clone())?.into_iter().collect();
        let records = replay::records(&capture).with_context(|| name.clone())?;
        let mut found: Vec<_> = our_lines(&records)?.into_iter().collect();
        for addition in ADDITIONS.iter().filter(|addition| addition.capture == name) {
            for line in addition.lines {
                let known: Vec<_> = expected.iter().map(|(ends, _)| *ends).collect();
                let place = found
                    .iter()
                    .position(|(ends, lines)| !known.contains(ends) && lines == &[(*line).to_owned()])
                    .with_context(|| format!("{name}: no {line} ({})", addition.reason))?;
                found.remove(place);
            }
        }
        expected.sort();
        found.sort();
        ensure!(found == expected, "{name}:\n  expected {expected:#?}\n  plainsight {found:#?}");
        compared += 1;
    }
    ensure!(compared >= 7, "only {compared} captures have a log");
    Ok(())
}

#[test]
fn every_mysql_capture_replays_with_records_that_make_sense() -> Result<()> {
    for capture in corpora::captures("zeek/mysql")? {
        for record in replay::records(&capture).with_context(|| name(&capture))? {
            if name(&capture) == "encrypted.pcap" {
                // Another test is about it.
                continue;
            }
            ensure!(record.protocol == "mysql", "{}: {}", name(&capture), record.protocol);
            check(&record).with_context(|| format!("{}: {record:?}", name(&capture)))?;
        }
    }
    Ok(())
}

#[test]
fn databases_and_statements_are_those_of_the_capture() -> Result<()> {
    let captures = corpora::captures("zeek/mysql")?;
    let capture = captures.iter().find(|capture| name(capture) == "mysql.pcap").context("no mysql.pcap")?;
    let records = replay::records(capture)?;
    let lines: Vec<_> = records
        .iter()
        .skip(6)
        .map(|record| {
            let rows = record.number("db.response.returned_rows").map(|rows| format!(" {rows}"));
            format!("{} {}{}", record.text("db.namespace"), record.name, rows.unwrap_or_default())
        })
        .collect();
    assert_eq!(
        lines,
        [
            "test FIELD_LIST test",
            "test create table foo",
            "test insert foo",
            "test insert foo",
            "test select foo 2",
            "test delete foo",
            "test delete foo",
            "test select foo 1",
            "test select foo 1",
            "test delete foo",
            "test drop table foo",
        ]
    );
    Ok(())
}

#[test]
fn a_connection_that_goes_on_in_tls_is_one_handshake() -> Result<()> {
    let captures = corpora::captures("zeek/mysql")?;
    let encrypted =
        captures.iter().find(|capture| name(capture) == "encrypted.pcap").context("no capture")?;
    let records = replay::records(encrypted)?;
    let [handshake] = records.as_slice() else { anyhow::bail!("{records:?}") };
    ensure!(
        (handshake.protocol.as_str(), handshake.outcome.as_str()) == ("tls", "complete"),
        "{handshake:?}"
    );
    ensure!(handshake.text("plainsight.tls.upgraded_from") == "mysql", "{handshake:?}");
    // What tshark says of its ServerHello.
    ensure!(handshake.text("tls.cipher") == "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", "{handshake:?}");
    Ok(())
}
