//! HTTP/1 captures of other test suites through `plainsight replay --json`, compared with what Zeek logged for them.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path};

use anyhow::{Context, Result};
use plainsight_tests::{
    corpora,
    record::Record,
    replay,
    zeek::{self, HttpLog, Request},
};

/// Client and server of a connection.
type Ends = (SocketAddr, SocketAddr);

/// A connection that we report otherwise than Zeek, each line as [`line`] writes it.
struct Difference {
    capture: &'static str,
    zeek: &'static [&'static str],
    plainsight: &'static [&'static str],
    /// Why the protocol makes our answer the right one for a tool that counts exchanges.
    reason: &'static str,
}

const NOTHING_SEEN: &str = "a connection of HTTP/0.9 carries one exchange; Zeek logs its end as a second one, of which \
                            nothing is known";

const DIFFERENCES: &[Difference] = &[
    Difference {
        capture: "http_09.pcap",
        zeek: &["GET /zeek.html -", "- - -"],
        plainsight: &["GET /zeek.html -"],
        reason: NOTHING_SEEN,
    },
    Difference {
        capture: "http_09.pcap",
        zeek: &["POST /zeek.html -", "- - -"],
        plainsight: &["POST /zeek.html -"],
        reason: NOTHING_SEEN,
    },
    Difference {
        capture: "no-version.pcap",
        zeek: &[
            "GET /cgi-bin/formmail.pl?email=f2@aol.com&subject=www-nrg.ee/cgi-bin/formmail.pl&\
             recipient=unknownz@buy2save.com&msg=w00t -",
            "- - -",
        ],
        plainsight: &["GET /cgi-bin/formmail.pl?email=f2@aol.com&subject=www-nrg.ee/cgi-bin/formmail.pl&\
                       recipient=unknownz@buy2save.com&msg=w00t -"],
        reason: NOTHING_SEEN,
    },
    Difference {
        capture: "http-inner-transfer-encoding-ossfuzz.pcap",
        zeek: &["ETA unknown_HTTP_metm/suppozt/\\xd9ccIOST / 206"],
        plainsight: &["ETA unknown_HTTP_metm/suppozt/%D9ccIOST / -"],
        reason: "a byte that no URI may hold is written as RFC 3986 section 2.1 encodes it; and what came back, \
                 `HTTP/!.4 206`, has no version and is no status line (RFC 9112 section 4)",
    },
];

/// One exchange in a line: method, target, status, `-` for what is absent or not compared.
fn line(log: &HttpLog, method: Option<&str>, target: Option<&str>, status: Option<&str>) -> String {
    let part = |compared: bool, part: Option<&str>| part.filter(|_| compared).unwrap_or("-").to_owned();
    [part(log.has_methods, method), part(log.has_uris, target), part(log.has_statuses, status)].join(" ")
}

/// Zeek's answer: the lines of each connection, with the connection where the log names it.
fn zeek_lines(log: &HttpLog) -> Vec<(Option<Ends>, Vec<String>)> {
    let line = |request: &Request| {
        line(log, request.method.as_deref(), request.uri.as_deref(), request.status.as_deref())
    };
    log.conversations
        .iter()
        .map(|conversation| (conversation.ends, conversation.requests.iter().map(line).collect()))
        .collect()
}

/// Our answer, likewise; every connection of a capture is known.
fn our_lines(log: &HttpLog, records: &[Record]) -> Result<BTreeMap<Ends, Vec<String>>> {
    let mut connections: BTreeMap<Ends, Vec<String>> = BTreeMap::new();
    for record in records {
        let ends = (replay::address(&record.client)?, replay::address(&record.server)?);
        let status = record.status().map(|status| status.to_string());
        let line = line(log, method(record), target(record).as_deref(), status.as_deref());
        connections.entry(ends).or_default().push(line);
    }
    Ok(connections)
}

/// The method as it was sent.
fn method(record: &Record) -> Option<&str> {
    let attributes = ["http.request.method_original", "http.request.method"];
    attributes.into_iter().map(|attribute| record.text(attribute)).find(|method| !method.is_empty())
}

/// The request target, without scheme and authority where it had them beside a path.
fn target(record: &Record) -> Option<String> {
    match (record.text("url.path"), record.text("url.query")) {
        ("", _) => Some(record.text("plainsight.http.request.target"))
            .filter(|target| !target.is_empty())
            .map(str::to_owned),
        (path, "") => Some(path.to_owned()),
        (path, query) => Some(format!("{path}?{query}")),
    }
}

/// Zeek's answer with the deliberate differences put in.
fn expected_lines(capture: &str, log: &HttpLog) -> Result<Vec<(Option<Ends>, Vec<String>)>> {
    let mut expected = zeek_lines(log);
    for difference in DIFFERENCES.iter().filter(|difference| difference.capture == capture) {
        let (_, lines) =
            expected.iter_mut().find(|(_, lines)| lines == difference.zeek).with_context(|| {
                format!("Zeek's log has no connection of {:?} ({})", difference.zeek, difference.reason)
            })?;
        *lines = difference.plainsight.iter().map(|&line| line.to_owned()).collect();
    }
    expected.retain(|(_, lines)| !lines.is_empty());
    expected.sort();
    Ok(expected)
}

/// Compares a capture with its log; gives what differs, in words, or nothing.
fn compare(capture: &str, log: &HttpLog, records: &[Record]) -> Result<Option<String>> {
    let expected = expected_lines(capture, log)?;
    // Where the log tells connections apart without naming them, they are compared in any order.
    let named = expected.iter().all(|(ends, _)| ends.is_some());
    let ours = our_lines(log, records)?.into_iter();
    let mut found: Vec<_> = ours.map(|(ends, lines)| (Some(ends).filter(|_| named), lines)).collect();
    found.sort();
    Ok((found != expected).then(|| format!("{capture}:\n  expected {expected:#?}\n  plainsight {found:#?}")))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[test]
fn every_http_capture_replays_with_records_that_make_sense() -> Result<()> {
    for capture in corpora::captures("zeek/http")? {
        let records = replay::records(&capture).with_context(|| name(&capture))?;
        for record in records.iter().filter(|record| record.protocol == "http") {
            replay::check_http(record).with_context(|| format!("{}: {record:?}", name(&capture)))?;
        }
    }
    Ok(())
}

#[test]
fn methods_targets_and_statuses_equal_zeek_s_log() -> Result<()> {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for capture in corpora::captures("zeek/http")? {
        let Ok(log) = fs::read_to_string(format!("{}.log", capture.display())) else { continue };
        let name = name(&capture);
        let log = zeek::parse(&log).with_context(|| name.clone())?;
        let records = replay::records(&capture).with_context(|| name.clone())?;
        wrong.extend(compare(&name, &log, &records).with_context(|| name.clone())?);
        compared += 1;
    }
    assert!(compared >= 20, "only {compared} captures have a log");
    assert!(wrong.is_empty(), "{} of {compared} captures differ:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

#[test]
fn each_difference_is_one_from_what_zeek_logged() -> Result<()> {
    let captures = corpora::captures("zeek/http")?;
    for difference in DIFFERENCES {
        let capture = captures.iter().find(|capture| name(capture) == difference.capture);
        let capture = capture.with_context(|| format!("no capture {}", difference.capture))?;
        let log = fs::read_to_string(format!("{}.log", capture.display())).context(difference.capture)?;
        expected_lines(difference.capture, &zeek::parse(&log)?).context(difference.capture)?;
        assert!(difference.zeek != difference.plainsight, "{} does not differ", difference.capture);
    }
    Ok(())
}
