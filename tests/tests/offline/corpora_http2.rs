//! HTTP/2 captures of other test suites through `plainsight replay --json`, compared with what tshark reads in them.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{corpora, record::Record, replay};

/// Ports on which tshark does not expect HTTP/2, and what to tell it of them.
const DECODE_AS: [&str; 2] = ["tcp.port==443,http2", "tcp.port==6233,http2"];

/// What is asked of tshark for each packet, in this order; what a packet holds several times is joined by [`JOINT`].
const FIELDS: [&str; 10] = [
    "ip.src",
    "tcp.srcport",
    "ip.dst",
    "tcp.dstport",
    "http.request.method",
    "http.request.uri",
    "http.response.code",
    "http2.headers.method",
    "http2.headers.path",
    "http2.headers.status",
];

const JOINT: char = '\u{1f}';

/// What was asked and answered on one connection, each sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Heads {
    requests: Vec<String>,
    statuses: Vec<String>,
}

/// A connection, by its client's port, that we report otherwise than tshark.
struct Difference {
    capture: &'static str,
    client_port: u16,
    /// Requests and statuses that tshark reads and we do not report.
    beyond: (&'static [&'static str], &'static [&'static str]),
    reason: &'static str,
}

const DIFFERENCES: &[Difference] = &[Difference {
    capture: "http2-errorcode.pcap",
    client_port: 63577,
    beyond: (&["POST /helloworld.GreeterService/SayHello"], &["200"]),
    reason: "the call passes a proxy's CONNECT tunnel: it is reported where it leaves the tunnel, and what a tunnel \
             carries is not looked into",
}];

fn tshark(capture: &Path) -> Result<BTreeMap<u16, Heads>> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(capture).args(["-Y", "http or http2", "-T", "fields"]);
    command.arg("-E").arg(format!("aggregator={JOINT}"));
    for port in DECODE_AS {
        command.args(["-d", port]);
    }
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.output().context("starting tshark: install it with `apt-get install tshark`")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "tshark ended with {}: {complaint}", output.status);
    let mut connections: BTreeMap<u16, Heads> = BTreeMap::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let values: Vec<Vec<&str>> = line
            .split('\t')
            .map(|value| value.split(JOINT).filter(|value| !value.is_empty()).collect())
            .collect();
        let [_, from, _, to, methods, targets, codes, methods2, paths2, statuses2] = &values[..] else {
            ensure!(false, "{} fields: {line}", values.len());
            continue;
        };
        let port = |values: &[&str]| -> Result<u16> { Ok(values.first().context("no port")?.parse()?) };
        let asked = methods.iter().zip(targets).chain(methods2.iter().zip(paths2));
        let asked: Vec<String> = asked.map(|(method, target)| format!("{method} {target}")).collect();
        if !asked.is_empty() {
            connections.entry(port(from)?).or_default().requests.extend(asked);
        }
        // What agrees on a protocol answers nothing.
        let answered: Vec<String> = codes
            .iter()
            .chain(statuses2)
            .filter(|&&code| code != "101")
            .map(|code| (*code).to_owned())
            .collect();
        if !answered.is_empty() {
            connections.entry(port(to)?).or_default().statuses.extend(answered);
        }
    }
    for heads in connections.values_mut() {
        heads.requests.sort();
        heads.statuses.sort();
    }
    Ok(connections)
}

fn ours(records: &[Record]) -> Result<BTreeMap<u16, Heads>> {
    let mut connections: BTreeMap<u16, Heads> = BTreeMap::new();
    for record in records {
        let client: SocketAddr = replay::address(&record.client)?;
        let heads = connections.entry(client.port()).or_default();
        heads.requests.push(request(record));
        let status = if record.protocol == "grpc" { Some(200) } else { record.status() };
        heads.statuses.extend(status.map(|status| status.to_string()));
    }
    for heads in connections.values_mut() {
        heads.requests.sort();
        heads.statuses.sort();
    }
    Ok(connections)
}

fn request(record: &Record) -> String {
    if record.protocol == "grpc" {
        return format!("POST /{}", record.text("rpc.method"));
    }
    let target = match (record.text("url.path"), record.text("url.query")) {
        ("", _) => record.text("plainsight.http.request.target").to_owned(),
        (path, "") => path.to_owned(),
        (path, query) => format!("{path}?{query}"),
    };
    format!("{} {target}", record.text("http.request.method"))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[test]
fn requests_and_statuses_equal_what_tshark_reads() -> Result<()> {
    let mut wrong = Vec::new();
    for capture in corpora::captures("suricata/http2")? {
        let name = name(&capture);
        let mut expected = tshark(&capture).with_context(|| name.clone())?;
        for difference in DIFFERENCES.iter().filter(|difference| difference.capture == name) {
            let heads = expected.get_mut(&difference.client_port).context(difference.reason)?;
            for (values, beyond) in
                [(&mut heads.requests, difference.beyond.0), (&mut heads.statuses, difference.beyond.1)]
            {
                for value in beyond {
                    let index = values.iter().position(|found| found == value).context(difference.reason)?;
                    values.remove(index);
                }
            }
        }
        let records = replay::records(&capture).with_context(|| name.clone())?;
        let found = ours(&records).with_context(|| name.clone())?;
        if found != expected {
            wrong.push(format!("{name}:\n  tshark {expected:#?}\n  plainsight {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn every_capture_replays_with_records_that_make_sense() -> Result<()> {
    let mut seen = BTreeMap::new();
    for capture in corpora::captures("suricata/http2")? {
        for record in replay::records(&capture).with_context(|| name(&capture))? {
            let context = || format!("{}: {record:?}", name(&capture));
            *seen.entry(record.protocol.clone()).or_insert(0) += 1;
            if record.protocol == "grpc" {
                ensure!(record.text("rpc.system.name") == "grpc", "{}", context());
                ensure!(!record.text("rpc.method").starts_with('/'), "{}", context());
            } else {
                replay::check_http(&record).with_context(context)?;
            }
            ensure!(record.outcome == "complete", "all of them have their answer: {}", context());
        }
    }
    let count = |protocol: &str| seen.get(protocol).copied().unwrap_or_default();
    assert!(count("http2") >= 40 && count("grpc") >= 1, "{seen:?}");
    Ok(())
}

/// The numbers of `NAME.yaml` beside the captures, where Suricata's rules speak of what is reported here.
#[test]
fn sizes_and_codes_equal_what_suricata_expects() -> Result<()> {
    let captures = corpora::captures("suricata/http2")?;
    let records = |wanted: &str| -> Result<Vec<Record>> {
        let capture = captures.iter().find(|capture| name(capture) == wanted).context(wanted.to_owned())?;
        replay::records(capture)
    };
    let size = |record: &Record| record.number("http.response.body.size");
    // `http.length: 30`, in HTTP/2.
    let deflate = records("http2-deflate-case.pcap")?;
    assert_eq!(deflate.iter().map(size).collect::<Vec<_>>(), [Some(30)]);
    assert_eq!(deflate[0].text("network.protocol.version"), "2");
    // Rules 30 to 32: one exchange was asked for in HTTP/1, one in HTTP/2.
    assert_eq!(records("http2-keywords2.pcap")?.len(), 2);
    // A query and an answer in each of them.
    let dns = records("dns-over-http2-post.pcap")?;
    assert!(
        dns.iter().all(|record| record.number("http.request.body.size") > Some(0) && size(record) > Some(0))
    );
    // `bytes 10-20/69`: eleven of them.
    assert!(records("http2-range.pcap")?.iter().any(|record| size(record) == Some(11)));
    Ok(())
}
