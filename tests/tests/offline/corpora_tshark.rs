//! A second opinion on every capture of Redis, MySQL, PostgreSQL and HTTP: how many requests of each kind tshark counts,
//! and how many `plainsight replay --json` reports. DNS and HTTP/2 are compared in more depth beside this, in
//! `corpora_dns` and `corpora_http2`.

use std::{collections::BTreeMap, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{corpora, record::Record, replay};

/// Requests of each kind.
type Counts = BTreeMap<&'static str, usize>;

/// Something that tshark counts.
struct Counted {
    /// What it is called here.
    kind: &'static str,
    /// The packets that it is in.
    filter: &'static str,
    /// The field that each one has once.
    field: &'static str,
    /// The values of the field that count; all of them where there are none.
    values: &'static [&'static str],
}

/// A protocol, by the folders of its captures.
struct Comparison {
    protocol: &'static str,
    folders: &'static [&'static str],
    /// What tshark must be told of ports, because it goes by them.
    decode_as: &'static [&'static str],
    counted: &'static [Counted],
    /// The kind that a record counts as.
    kind: fn(&Record) -> &'static str,
    differences: &'static [Difference],
}

/// A capture of which tshark counts otherwise.
struct Difference {
    capture: &'static str,
    kind: &'static str,
    tshark: usize,
    plainsight: usize,
    reason: &'static str,
}

const fn differs(
    capture: &'static str,
    kind: &'static str,
    tshark: usize,
    plainsight: usize,
    reason: &'static str,
) -> Difference {
    Difference { capture, kind, tshark, plainsight, reason }
}

const NO_VERSION: &str = "a request of HTTP/0.9, which tshark does not read";

const TYPED: &str = "commands in lines of text, as a person types them, which tshark does not read";

const HTTP: Comparison = Comparison {
    protocol: "http",
    folders: &["zeek/http"],
    decode_as: &[],
    counted: &[Counted {
        kind: "requests",
        filter: "http.request",
        field: "http.request.method",
        values: &[],
    }],
    kind: |_| "requests",
    differences: &[
        differs(
            "http-inner-transfer-encoding-ossfuzz.pcap",
            "requests",
            0,
            1,
            "a method that tshark does not know, and a target with a byte that no URI may hold",
        ),
        differs("http_09.pcap", "requests", 0, 2, NO_VERSION),
        differs("no-version.pcap", "requests", 0, 1, NO_VERSION),
        differs(
            "query-method-non-standard-port.pcap",
            "requests",
            0,
            1,
            "a port that tshark does not expect HTTP on, and a method that it does not know",
        ),
        differs(
            "zeek-image-post-1080-8000-x.pcap",
            "requests",
            0,
            1,
            "ports that tshark takes for those of SOCKS",
        ),
    ],
};

const MYSQL: Comparison = Comparison {
    protocol: "mysql",
    folders: &["zeek/mysql"],
    decode_as: &[],
    counted: &[
        Counted { kind: "logins", filter: "mysql.login_request", field: "mysql.login_request", values: &[] },
        Counted {
            kind: "commands",
            filter: "mysql.command",
            field: "mysql.command",
            // All but the one that ends the connection, which nothing answers.
            values: &["2", "3", "4", "5", "6", "9", "14", "17", "22", "23", "25", "26", "27", "28"],
        },
    ],
    kind: |record| if record.name == "LOGIN" { "logins" } else { "commands" },
    differences: &[differs(
        "encrypted.pcap",
        "logins",
        1,
        0,
        "what tshark calls a login is the request for TLS, behind which the login is hidden",
    )],
};

const POSTGRESQL: Comparison = Comparison {
    protocol: "postgresql",
    folders: &["zeek/postgresql", "suricata/pgsql"],
    decode_as: &["tcp.port==15432,pgsql"],
    counted: &[
        Counted {
            kind: "openings",
            filter: "pgsql.frontend == 1",
            field: "pgsql.type",
            values: &["Startup message"],
        },
        Counted {
            kind: "requests for TLS",
            filter: "pgsql.frontend == 1",
            field: "pgsql.type",
            values: &["SSL request"],
        },
        Counted {
            kind: "statements",
            filter: "pgsql.frontend == 1",
            field: "pgsql.type",
            values: &["Simple query", "Execute"],
        },
    ],
    kind: |record| match record.name.split(' ').next() {
        Some("CONNECT") => "openings",
        Some("SSLRequest") => "requests for TLS",
        _ => "statements",
    },
    differences: &[],
};

const REDIS: Comparison = Comparison {
    protocol: "redis",
    folders: &["zeek/redis"],
    decode_as: &[],
    counted: &[Counted {
        kind: "commands",
        filter: "resp and tcp.dstport == 6379",
        field: "resp.array.length",
        values: &[],
    }],
    kind: |_| "commands",
    differences: &[
        differs("almost-resp.pcap", "commands", 0, 2, TYPED),
        differs("array-element-object-exhaustion.pcap", "commands", 0, 1, TYPED),
        differs("client-skip-while-off.pcap", "commands", 0, 7, TYPED),
        differs("pipeline-quotes.pcap", "commands", 0, 8, TYPED),
        differs("pipelining-example.pcap", "commands", 0, 3, TYPED),
        differs("reply-off-on-2conn.pcap", "commands", 0, 6, TYPED),
    ],
};

/// What tshark counts.
fn tshark(capture: &Path, comparison: &Comparison) -> Result<Counts> {
    let mut counts = Counts::new();
    for counted in comparison.counted {
        let mut command = Command::new("tshark");
        command.arg("-r").arg(capture).args(["-Y", counted.filter, "-T", "fields", "-e", counted.field]);
        command.args(["-E", "aggregator=|"]);
        for port in comparison.decode_as {
            command.args(["-d", port]);
        }
        let output =
            command.output().context("starting tshark: install it with `apt-get install -y tshark`")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        // It ends with 2 where a capture is cut, and has read what there is.
        let cut = complaint.contains("cut short");
        ensure!(output.status.success() || cut, "tshark ended with {}: {complaint}", output.status);
        let text = String::from_utf8_lossy(&output.stdout);
        let values = text.lines().flat_map(|line| line.split('|')).filter(|value| !value.is_empty());
        let wanted = |value: &&str| counted.values.is_empty() || counted.values.contains(value);
        counts.insert(counted.kind, values.filter(wanted).count());
    }
    Ok(counts)
}

/// What plainsight reports: the exchanges whose request was seen.
fn ours(capture: &Path, comparison: &Comparison) -> Result<Counts> {
    let mut counts: Counts = comparison.counted.iter().map(|counted| (counted.kind, 0)).collect();
    for record in replay::records(capture)? {
        if record.protocol == comparison.protocol && record.request_bytes > 0 {
            *counts.entry((comparison.kind)(&record)).or_default() += 1;
        }
    }
    Ok(counts)
}

/// Compares every capture; each difference must be one that is listed, and each that is listed must be there.
fn compare(comparison: &Comparison) -> Result<()> {
    let (mut compared, mut wrong, mut met) = (0, Vec::new(), 0);
    for folder in comparison.folders {
        for capture in corpora::captures(folder)? {
            let name = capture.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let theirs = tshark(&capture, comparison).with_context(|| name.clone())?;
            let ours = ours(&capture, comparison).with_context(|| name.clone())?;
            for counted in comparison.counted {
                let count = |counts: &Counts| counts.get(counted.kind).copied().unwrap_or_default();
                let (tshark, plainsight) = (count(&theirs), count(&ours));
                let listed = comparison
                    .differences
                    .iter()
                    .find(|difference| difference.capture == name && difference.kind == counted.kind);
                met += usize::from(listed.is_some());
                let expected = listed.map_or((tshark, tshark), |listed| (listed.tshark, listed.plainsight));
                if (tshark, plainsight) != expected {
                    let reason = listed.map_or("none is listed", |listed| listed.reason);
                    let kind = counted.kind;
                    wrong
                        .push(format!("{name}, {kind}: tshark {tshark}, plainsight {plainsight} ({reason})"));
                }
            }
            compared += 1;
        }
    }
    assert!(wrong.is_empty(), "{} differ in {compared} captures:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(met, comparison.differences.len(), "a difference is listed of a capture that is not there");
    Ok(())
}

#[test]
fn http_requests_are_as_many_as_tshark_counts() -> Result<()> {
    compare(&HTTP)
}

#[test]
fn mysql_logins_and_commands_are_as_many_as_tshark_counts() -> Result<()> {
    compare(&MYSQL)
}

#[test]
fn postgresql_statements_are_as_many_as_tshark_counts() -> Result<()> {
    compare(&POSTGRESQL)
}

#[test]
fn redis_commands_are_as_many_as_tshark_counts() -> Result<()> {
    compare(&REDIS)
}
