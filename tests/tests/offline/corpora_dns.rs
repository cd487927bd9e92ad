//! DNS captures of other test suites through `plainsight replay --json`, compared with what Zeek logged for them and with
//! what tshark reads in them.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{
    corpora,
    record::Record,
    replay,
    zeek_dns::{self, Lookup},
};

/// A lookup that we report otherwise than Zeek.
struct Difference {
    capture: &'static str,
    /// The name by Zeek's account, which tells the line; `-` if it has none.
    query: &'static str,
    zeek: &'static str,
    plainsight: &'static str,
    /// Why ours is the right answer for a tool that counts exchanges.
    reason: &'static str,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        capture: "dns_notify2.pcap",
        query: "-",
        zeek: "- - NOERROR",
        plainsight: "aei.mpg.de DS NOERROR",
        reason: "the answer, whose question was not captured, repeats that question",
    },
    Difference {
        capture: "dns-spf.pcap",
        query: "mail.vladg.net",
        zeek: "mail.vladg.net - NOERROR",
        plainsight: "mail.vladg.net SPF NOERROR",
        reason: "question and answer were captured, and both say the type",
    },
    Difference {
        capture: "dns-txt-multiple.pcap",
        query: "flkr._domainkey.flickr.com",
        zeek: "flkr._domainkey.flickr.com - NOERROR",
        plainsight: "flkr._domainkey.flickr.com TXT NOERROR",
        reason: "question and answer were captured, and both say the type",
    },
];

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn or_dash(text: Option<&str>) -> &str {
    text.filter(|text| !text.is_empty()).unwrap_or("-")
}

/// A record as Zeek would log it.
fn lookup(record: &Record) -> Lookup {
    let text = |attribute| Some(record.text(attribute)).filter(|text| !text.is_empty()).map(str::to_owned);
    Lookup {
        client: Some(format!("{} {}", record.client.address, record.client.port)),
        query: text("dns.question.name").map(|name| name.to_lowercase()),
        kind: text("plainsight.dns.question.type"),
        code: text("plainsight.dns.response_code"),
    }
}

/// Name, type and code in a line, `-` for what is absent or, by the log's account, not compared.
fn line(lookup: &Lookup, has: &Lookup) -> String {
    let part =
        |part: &Option<String>, compared: bool| or_dash(part.as_deref().filter(|_| compared)).to_owned();
    let client = part(&lookup.client, has.client.is_some());
    let code = part(&lookup.code, has.code.is_some());
    format!("{client}: {} {} {code}", part(&lookup.query, true), part(&lookup.kind, true))
}

/// Which columns the log has at all.
fn columns(lookups: &[Lookup], log: &str) -> Lookup {
    let some = |has: bool| has.then(String::new);
    let client = some(lookups.iter().any(|lookup| lookup.client.is_some()));
    Lookup { client, query: some(true), kind: some(true), code: some(log.contains("rcode_name")) }
}

#[test]
fn every_dns_capture_replays_with_records_that_make_sense() -> Result<()> {
    for capture in corpora::captures("zeek/dns")? {
        for record in replay::records(&capture).with_context(|| name(&capture))? {
            check(&record).with_context(|| format!("{}: {record:?}", name(&capture)))?;
        }
    }
    Ok(())
}

fn check(record: &Record) -> Result<()> {
    ensure!(record.protocol == "dns", "{} in a capture of DNS", record.protocol);
    ensure!(record.side == "server", "a replay is seen from the server, not the {}", record.side);
    ensure!(record.process.is_none(), "a capture knows no process");
    ensure!(record.name.starts_with("DNS"), "name {}", record.name);
    let code = record.text("plainsight.dns.response_code");
    match record.outcome.as_str() {
        "complete" => ensure!(!code.is_empty() && record.duration_ns.is_some(), "complete without an answer"),
        "no_response" => {
            ensure!(code.is_empty() && record.duration_ns.is_none(), "an answer, but no response");
        }
        "partial" => {}
        other => anyhow::bail!("unknown outcome {other}"),
    }
    ensure!(
        matches!(code, "" | "NOERROR") || record.error_type.as_deref() == Some(code),
        "{code} is no error"
    );
    Ok(())
}

#[test]
fn names_types_and_codes_equal_zeek_s_log() -> Result<()> {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for capture in corpora::captures("zeek/dns")? {
        let Ok(log) = fs::read_to_string(format!("{}.log", capture.display())) else { continue };
        let name = name(&capture);
        let lookups = zeek_dns::parse(&log).with_context(|| name.clone())?;
        let has = columns(&lookups, &log);
        let mut expected = Vec::new();
        for lookup in &lookups {
            let mut line = line(lookup, &has);
            let query = or_dash(lookup.query.as_deref());
            for difference in DIFFERENCES
                .iter()
                .filter(|difference| difference.capture == name && difference.query == query)
            {
                ensure!(line.ends_with(difference.zeek), "{line} ({})", difference.reason);
                line = line.replace(difference.zeek, difference.plainsight);
            }
            expected.push(line);
        }
        let records = replay::records(&capture).with_context(|| name.clone())?;
        let mut found: Vec<_> = records.iter().map(|record| line(&lookup(record), &has)).collect();
        expected.sort();
        found.sort();
        if expected != found {
            wrong.push(format!("{name}:\n  expected {expected:#?}\n  plainsight {found:#?}"));
        }
        compared += 1;
    }
    assert!(compared >= 10, "only {compared} captures have a log");
    assert!(wrong.is_empty(), "{} of {compared} captures differ:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// What a message says by tshark's account.
struct Message {
    answers: bool,
    /// The frame with the question that it answers.
    question: Option<String>,
    name: String,
    code: String,
}

/// The messages of a capture by frame, of all protocols that tshark calls DNS.
fn tshark(capture: &Path) -> Result<BTreeMap<u64, Message>> {
    const FIELDS: [&str; 5] =
        ["frame.number", "dns.flags.response", "dns.response_to", "dns.qry.name", "dns.flags.rcode"];
    let mut command = Command::new("tshark");
    command.arg("-r").arg(capture).args(["-Y", "dns", "-T", "fields", "-E", "occurrence=f"]);
    let output = command
        .args(FIELDS.iter().flat_map(|field| ["-e", field]))
        .output()
        .context("tshark is missing: apt-get install -y tshark")?;
    ensure!(output.status.success(), "tshark: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let read = |line: &str| {
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap_or_default().to_owned();
        let frame = next().parse().context("a frame number")?;
        let answers = matches!(next().as_str(), "1" | "True");
        let question = Some(next()).filter(|question| !question.is_empty());
        Ok((frame, Message { answers, question, name: next().to_lowercase(), code: next() }))
    };
    // A question whose name is none is none; tshark says so in many ways.
    let read_names = |(_, message): &(u64, Message)| {
        message.answers || !(message.name.is_empty() || message.name.starts_with("<name contains"))
    };
    let messages: Vec<_> = text.lines().map(read).collect::<Result<_>>()?;
    Ok(messages.into_iter().filter(read_names).collect())
}

/// A capture whose answer tshark does not pair, because it gives a message up at data that it does not understand.
const GIVEN_UP_BY_TSHARK: &str = "svcb-port-malformed.pcap";

#[test]
fn pairs_equal_those_that_tshark_makes() -> Result<()> {
    const CODES: [&str; 6] = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
    for capture in corpora::captures("zeek/dns")? {
        let messages = tshark(&capture).with_context(|| name(&capture))?;
        let code = |message: &Message| {
            let code = message.code.parse().ok().and_then(|code: usize| CODES.get(code));
            code.copied().unwrap_or("?").to_owned()
        };
        let given_up = name(&capture) == GIVEN_UP_BY_TSHARK;
        let paired =
            messages.values().filter(|message| message.answers && (message.question.is_some() || given_up));
        let mut expected: Vec<_> =
            paired.map(|message| format!("{} {}", message.name, code(message))).collect();
        let records = replay::records(&capture).with_context(|| name(&capture))?;
        let complete = records.iter().filter(|record| record.outcome == "complete").map(lookup);
        let mut found: Vec<_> = complete
            .map(|lookup| format!("{} {}", or_dash(lookup.query.as_deref()), or_dash(lookup.code.as_deref())))
            .collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{}", name(&capture));
        let questions = messages.values().filter(|message| !message.answers).count();
        let ours = records.iter().filter(|record| record.request_bytes > 0).count();
        assert_eq!(ours, questions, "questions of {}", name(&capture));
    }
    Ok(())
}
