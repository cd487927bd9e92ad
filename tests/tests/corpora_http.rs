//! HTTP/1 captures of other test suites through `plainsight replay --json`, compared with what Zeek logged for them.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path};

use anyhow::Context;
use plainsight_tests::{
    corpora, probe,
    record::ExchangeRecord,
    zeek::{self, HttpLog, Request},
};

/// A connection that we report otherwise than Zeek, each line as [`line`] writes it.
struct Difference {
    capture: &'static str,
    zeek: &'static [&'static str],
    plainsight: &'static [&'static str],
    /// Why the protocol makes our answer the right one for a tool that counts exchanges.
    reason: &'static str,
}

const DIFFERENCES: &[Difference] = &[];

/// One exchange in a line: method, target, status, `-` for what is absent or not compared.
fn line(log: &HttpLog, method: Option<&str>, target: Option<&str>, status: Option<&str>) -> String {
    let part = |compared: bool, part: Option<&str>| part.filter(|_| compared).unwrap_or("-").to_owned();
    [part(log.has_methods, method), part(log.has_uris, target), part(log.has_statuses, status)].join(" ")
}

/// Zeek's answer: the lines of each connection, with the connection where the log names it.
fn zeek_lines(log: &HttpLog) -> Vec<(Option<(SocketAddr, SocketAddr)>, Vec<String>)> {
    let lines = |request: &Request| {
        line(log, request.method.as_deref(), request.uri.as_deref(), request.status.as_deref())
    };
    log.conversations
        .iter()
        .map(|conversation| (conversation.ends, conversation.requests.iter().map(lines).collect()))
        .collect()
}

/// Our answer, likewise.
fn our_lines(log: &HttpLog, records: &[ExchangeRecord]) -> BTreeMap<(SocketAddr, SocketAddr), Vec<String>> {
    let mut connections: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for record in records {
        let status = record.status().map(|status| status.to_string());
        let line = line(log, record.method(), record.target().as_deref(), status.as_deref());
        let end = |end: plainsight_tests::record::End| SocketAddr::new(end.address, end.port);
        connections.entry((end(record.client), end(record.server))).or_default().push(line);
    }
    connections
}

/// Compares a capture with its log; gives what differs, in words, or nothing.
fn compare(capture: &str, log: &HttpLog, records: &[ExchangeRecord]) -> Result<(), String> {
    let mut expected = zeek_lines(log);
    for difference in DIFFERENCES.iter().filter(|difference| difference.capture == capture) {
        let place = expected.iter_mut().find(|(_, lines)| lines == difference.zeek).ok_or_else(|| {
            format!(
                "{capture}: Zeek's log has no connection of {:?} ({})",
                difference.zeek, difference.reason
            )
        })?;
        place.1 = difference.plainsight.iter().map(|&line| line.to_owned()).collect();
    }
    expected.retain(|(_, lines)| !lines.is_empty());
    let ours = our_lines(log, records);
    let found: Vec<_> = if expected.iter().all(|(ends, _)| ends.is_some()) {
        expected.sort();
        ours.into_iter().map(|(ends, lines)| (Some(ends), lines)).collect()
    } else {
        // The log tells connections apart without naming them: compare them in any order.
        expected.iter_mut().for_each(|(ends, _)| *ends = None);
        expected.sort();
        let mut found: Vec<_> = ours.into_values().map(|lines| (None, lines)).collect();
        found.sort();
        found
    };
    if found == expected {
        return Ok(());
    }
    Err(format!("{capture}:\n  Zeek and the differences: {expected:#?}\n  plainsight: {found:#?}"))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[test]
fn every_http_capture_replays_with_records_that_make_sense() -> anyhow::Result<()> {
    for capture in corpora::captures("zeek/http")? {
        let replay = || {
            for record in probe::replay(&capture)?.iter().filter(|record| record.protocol == "http") {
                record.check_http_replay().with_context(|| format!("{record:?}"))?;
            }
            anyhow::Ok(())
        };
        replay().with_context(|| name(&capture))?;
    }
    Ok(())
}

#[test]
fn methods_targets_and_statuses_equal_zeek_s_log() -> anyhow::Result<()> {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for capture in corpora::captures("zeek/http")? {
        let Ok(log) = fs::read_to_string(format!("{}.log", capture.display())) else { continue };
        let name = name(&capture);
        let log = zeek::parse(&log).with_context(|| name.clone())?;
        let records = probe::replay(&capture).with_context(|| name.clone())?;
        wrong.extend(compare(&name, &log, &records).err());
        compared += 1;
    }
    assert!(compared >= 20, "only {compared} captures have a log");
    assert!(
        wrong.is_empty(),
        "{} of {compared} captures differ from Zeek's log:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    Ok(())
}

#[test]
fn each_difference_belongs_to_a_capture_with_a_log() -> anyhow::Result<()> {
    let captures = corpora::captures("zeek/http")?;
    for difference in DIFFERENCES {
        let capture = captures.iter().find(|capture| name(capture) == difference.capture);
        let capture = capture.with_context(|| format!("no capture {}", difference.capture))?;
        let log = format!("{}.log", capture.display());
        assert!(Path::new(&log).is_file(), "{log} is missing");
        assert!(difference.zeek != difference.plainsight, "{} does not differ", difference.capture);
    }
    Ok(())
}
