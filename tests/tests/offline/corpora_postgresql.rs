//! PostgreSQL captures of other test suites through `plainsight replay --json`, compared with what Zeek logged and
//! Suricata expects of them.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{corpora, record::Record, replay};

/// What each capture that has no log beside it holds, as [`line`] writes it.
///
/// Messages that ask for nothing (`Terminate`, password messages, which belong to their start-up) are no exchanges;
/// Zeek and Suricata log them as lines of their own.
const EXPECTED: &[(&str, &[&str])] = &[
    // The server answers with what is no message.
    ("bad-backend-message-1.pcap", &["CONNECT zeek no_response"]),
    ("http-on-port-5432.pcap", &[]),
    ("psql-aws-ssl-disable-15432.pcap", &["CONNECT zeek", "select 1 returned"]),
    ("psql-aws-ssl-require-15432.pcap", &["SSLRequest accepted"]),
    (
        "psql-create-insert-select-delete-drop.pcap",
        &[
            "CONNECT postgres",
            "DROP TABLE t",
            "CREATE TABLE t",
            "INSERT t 1 affected",
            "INSERT t 1 affected",
            "SELECT t 2 returned",
            "DELETE t 2 affected",
            "DROP TABLE t",
        ],
    ),
    ("psql-login-fail.pcap", &["CONNECT postgres 28P01"]),
    // psql hangs up to ask for a password, and comes back with it.
    ("psql-login-no-sslrequest.pcap", &["CONNECT zeek no_response", "CONNECT zeek"]),
    ("pgsql-bug-5579.pcap", &["CONNECT ctfbase", "SELECT accounts SELECT accounts 4 returned"]),
    (
        "pgsql-copy-data-in.pcap",
        // Suricata logs the data of a copy as an exchange of its own.
        &["SSLRequest refused", "CONNECT rules", "COPY tmp 5 affected"],
    ),
    // Eight bytes that open no connection of this protocol, made for an alert.
    ("pgsql-events.pcap", &[]),
    (
        "pgsql-query-keyword-01.pcap",
        &["SSLRequest refused", "CONNECT rules", "LISTEN rules", "SELECT 1 returned"],
    ),
    (
        "pgsql-ssl-rejected-md5-auth-simple-query.pcap",
        &[
            "SSLRequest refused",
            "CONNECT indexer no_response",
            "SSLRequest refused",
            "CONNECT indexer",
            "select rules 3 returned",
        ],
    ),
];

/// An exchange in a line: its name, what came back, and how it ended where that was not well.
fn line(record: &Record) -> String {
    let mut line = record.name.clone();
    let encryption = record.text("plainsight.postgresql.encryption");
    let counts =
        [("returned", "db.response.returned_rows"), ("affected", "plainsight.db.response.affected_rows")];
    let mut add = |part: &str| {
        line.push(' ');
        line.push_str(part);
    };
    if !encryption.is_empty() {
        add(encryption);
    }
    for (word, attribute) in counts {
        if let Some(count) = record.number(attribute) {
            add(&format!("{count} {word}"));
        }
    }
    match (record.outcome.as_str(), &record.error_type) {
        ("complete", None) => {}
        ("complete", Some(error)) => add(error),
        (outcome, _) => add(outcome),
    }
    line
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The records of a capture, those of our protocol, each checked.
fn records(capture: &Path) -> Result<Vec<Record>> {
    let mut records = replay::records(capture).with_context(|| name(capture))?;
    records.retain(|record| record.protocol == "postgresql");
    for record in &records {
        check(record).with_context(|| format!("{}: {record:?}", name(capture)))?;
    }
    Ok(records)
}

fn check(record: &Record) -> Result<()> {
    ensure!(record.text("db.system.name") == "postgresql", "no system");
    ensure!(record.side == "server", "a replay is seen from the server");
    ensure!(record.outcome != "complete" || record.duration_ns.is_some(), "complete without a duration");
    ensure!(record.request_bytes > 0, "nothing was asked");
    ensure!(
        record.error_type.is_none()
            || record.outcome != "complete"
            || record.error_type.as_deref() == Some(record.text("db.response.status_code")),
        "an error that is not its status"
    );
    let shown = format!("{record:?}");
    for secret in ["scrypt:", "md5e4cf", "SCRAM", "r=U5dDw6"] {
        ensure!(!shown.contains(secret), "{secret} is shown");
    }
    Ok(())
}

#[test]
fn captures_without_a_log_hold_what_is_known_of_them() -> Result<()> {
    let mut compared = 0;
    for folder in ["zeek/postgresql", "suricata/pgsql"] {
        for capture in corpora::captures(folder)? {
            let Some((_, expected)) = EXPECTED.iter().find(|(known, _)| *known == name(&capture)) else {
                continue;
            };
            let found: Vec<_> = records(&capture)?.iter().map(line).collect();
            assert_eq!(found, *expected, "{}", name(&capture));
            compared += 1;
        }
    }
    assert_eq!(compared, EXPECTED.len(), "captures are missing");
    Ok(())
}

/// One line of either account: what was asked, whether it went well, and how many rows came back.
type Account = (String, bool, Option<i64>);

/// Zeek's log: the lines of each client's port.
fn zeek(log: &str) -> Result<BTreeMap<u16, Vec<Account>>> {
    let mut columns: Option<Vec<&str>> = None;
    let mut found: BTreeMap<u16, Vec<Account>> = BTreeMap::new();
    for line in log.lines() {
        if line.starts_with("ts\t") {
            columns = Some(line.split('\t').collect());
            continue;
        }
        let Some(columns) = columns.as_ref().filter(|_| !line.starts_with('#')) else { continue };
        let values: Vec<&str> = line.split('\t').collect();
        let value = |name: &str| {
            let place = columns.iter().position(|column| *column == name);
            place.and_then(|place| values.get(place)).copied().with_context(|| format!("no {name}: {line}"))
        };
        let asked = match value("frontend")? {
            "ssl_request" => "SSLRequest".to_owned(),
            "startup" => format!("CONNECT {}", value("database")?),
            "simple_query" => first_word(value("frontend_arg")?),
            // Asks for nothing.
            "terminate" => continue,
            other => anyhow::bail!("{other} was not expected"),
        };
        let account = (asked, value("success")? == "T", value("rows")?.parse().ok());
        found.entry(value("id.orig_p")?.parse()?).or_default().push(account);
    }
    Ok(found)
}

fn first_word(text: &str) -> String {
    text.split(|character: char| !character.is_ascii_alphabetic()).next().unwrap_or_default().to_owned()
}

/// Our records, in Zeek's terms: it counts rows of every query, and calls a refused encryption no success.
fn ours(records: &[Record]) -> BTreeMap<u16, Vec<Account>> {
    let mut found: BTreeMap<u16, Vec<Account>> = BTreeMap::new();
    for record in records {
        let text = record.text("db.query.text");
        let asked = if text.is_empty() { record.name.clone() } else { first_word(text) };
        let refused = record.text("plainsight.postgresql.encryption") == "refused";
        let success = record.outcome == "complete" && record.error_type.is_none() && !refused;
        let rows = (!text.is_empty()).then(|| record.number("db.response.returned_rows").unwrap_or_default());
        found.entry(record.client.port).or_default().push((asked, success, rows));
    }
    found
}

#[test]
fn statements_successes_and_rows_equal_zeek_s_log() -> Result<()> {
    let mut compared = 0;
    for capture in corpora::captures("zeek/postgresql")? {
        let Ok(log) = fs::read_to_string(format!("{}.log", capture.display())) else { continue };
        let zeek = zeek(&log).with_context(|| name(&capture))?;
        let lines: usize = zeek.values().map(Vec::len).sum();
        assert!(lines > 50, "{}: only {lines} lines were read", name(&capture));
        assert_eq!(ours(&records(&capture)?), zeek, "{}", name(&capture));
        compared += 1;
    }
    assert!(compared > 0, "no capture has a log");
    Ok(())
}

/// What Suricata expects of one query: the tag, and the rows where it counts them.
fn suricata(expectation: &str) -> Vec<(String, Option<i64>)> {
    let mut found = Vec::new();
    for filter in expectation.split("- filter:") {
        let value = |key: &str| {
            let line = filter.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(':'));
            line.map(|value| value.trim().trim_matches(['"', '\'']).to_owned())
        };
        if let Some(tag) = value("pgsql.response.command_completed") {
            found.push((tag, value("pgsql.response.data_rows").and_then(|rows| rows.parse().ok())));
        }
    }
    found
}

#[test]
fn tags_and_rows_equal_suricata_s_expectation() -> Result<()> {
    let mut compared = 0;
    for capture in corpora::captures("suricata/pgsql")? {
        let Ok(expectation) = fs::read_to_string(capture.with_extension("yaml")) else { continue };
        let records = records(&capture)?;
        for (tag, rows) in suricata(&expectation) {
            let of_tag = |record: &&Record| {
                let tags = record.attributes.get("plainsight.postgresql.command_tags");
                tags.and_then(|tags| tags.as_array())
                    .is_some_and(|tags| tags.iter().any(|found| *found == *tag))
            };
            let record =
                records.iter().find(of_tag).with_context(|| format!("{}: no {tag}", name(&capture)))?;
            if rows.is_some() {
                assert_eq!(record.number("db.response.returned_rows"), rows, "{}: {tag}", name(&capture));
            }
            compared += 1;
        }
    }
    assert!(compared >= 5, "only {compared} queries were compared");
    Ok(())
}
