//! A real server and real clients of the domain name system, recorded with tcpdump: what a replay reports must be what
//! the clients were told. Needs root to record.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use plainsight_tests::{dnsmasq::Dnsmasq, record::Record, replay};

/// Transport, type, name, code and outcome of a record.
fn line(record: &Record) -> String {
    let text = |attribute| record.text(attribute);
    format!(
        "{} {} {} {} {}",
        text("network.transport"),
        text("plainsight.dns.question.type"),
        text("dns.question.name"),
        text("plainsight.dns.response_code"),
        record.outcome
    )
}

#[test]
fn what_dig_asks_over_udp_and_tcp_is_reported_as_it_was_answered() -> Result<()> {
    let server = Dnsmasq::start()?;
    let asked: [&[&str]; 14] = [
        &["plain.example.test", "A"],
        &["both.example.test", "AAAA", "+noedns"],
        &["www.example.test", "A", "+dnssec", "+cookie"],
        &["example.test", "MX"],
        &["_sip._udp.example.test", "SRV"],
        &["secret.example.test", "TXT"],
        &["nothere.example.test", "A"],
        &["outside.test", "A"],
        &["big.example.test", "A"],
        &["plain.example.test", "A", "+tcp"],
        &["@127.0.0.2", "zone.test", "AXFR"],
        &["version.bind", "TXT", "CH"],
        &["plain.example.test", "TYPE65400"],
        &["long.example.test", "TXT"],
    ];
    let recorded =
        server.record(|| asked.iter().try_for_each(|arguments| server.dig(arguments).map(drop)))?;
    let records = replay::records(&recorded)?;
    let lines: Vec<_> = records.iter().map(line).collect();
    let expected = [
        "udp A plain.example.test NOERROR complete",
        "udp AAAA both.example.test NOERROR complete",
        "udp A www.example.test NOERROR complete",
        "udp MX example.test NOERROR complete",
        "udp SRV _sip._udp.example.test NOERROR complete",
        "udp TXT secret.example.test NOERROR complete",
        "udp A nothere.example.test NXDOMAIN complete",
        "udp A outside.test REFUSED complete",
        "udp A big.example.test NOERROR complete",
        "tcp A plain.example.test NOERROR complete",
        "tcp AXFR zone.test NOERROR complete",
        "udp TXT version.bind NOERROR complete",
        "udp TYPE65400 plain.example.test NXDOMAIN complete",
        // Truncated, so asked again over TCP.
        "udp TXT long.example.test NOERROR complete",
        "tcp TXT long.example.test NOERROR complete",
    ];
    assert_eq!(lines, expected);
    let flags =
        |index: usize| records[index].attributes.get("plainsight.dns.answer.flags").map(ToString::to_string);
    assert!(flags(13).is_some_and(|flags| flags.contains("\"tc\"")), "{:?}", records[13]);
    let big = &records[8];
    assert!(big.response_bytes > 512, "{big:?}");
    assert_eq!(big.number("plainsight.dns.answer.count"), Some(40));
    let text =
        |index: usize, attribute: &str| records[index].attributes.get(attribute).map(ToString::to_string);
    assert_eq!(text(1, "dns.answers").as_deref(), Some(r#"["2001:db8::7"]"#));
    assert_eq!(text(2, "plainsight.dns.answer.names").as_deref(), Some(r#"["both.example.test"]"#));
    assert!(!format!("{records:?}").contains("s3cr3t"), "texts may be secrets");
    Ok(())
}

/// The number that stands behind a word of dnsperf's report.
fn number(report: &str, word: &str) -> Result<u64> {
    let behind = report.split(word).nth(1).with_context(|| format!("no {word} in {report}"))?;
    let digits: String = behind.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().with_context(|| format!("no number behind {word} in {report}"))
}

#[test]
fn every_lookup_of_dnsperf_is_reported_once_with_the_code_that_it_was_told() -> Result<()> {
    let server = Dnsmasq::start()?;
    let names: Vec<_> = (0..48).map(|number| format!("n{number}.example.test A")).collect();
    let mut questions: Vec<_> = names.iter().map(String::as_str).collect();
    questions.extend(["plain.example.test A", "both.example.test AAAA"]);
    for (transport, times, clients) in [("udp", 100, "4"), ("tcp", 4, "2")] {
        let mut report = String::new();
        let recorded = server.record(|| {
            report = server.dnsperf(&questions, times, &["-m", transport, "-c", clients, "-q", "50"])?;
            Ok(())
        })?;
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for record in replay::records(&recorded)? {
            let code = record.text("plainsight.dns.response_code");
            *counts
                .entry(if code.is_empty() { record.outcome.clone() } else { code.to_owned() })
                .or_default() += 1;
            assert_eq!(record.text("network.transport"), transport);
        }
        let count = |what: &str| counts.get(what).copied().unwrap_or(0);
        assert_eq!(count("NOERROR"), number(&report, "NOERROR")?, "{counts:?} {report}");
        assert_eq!(count("NXDOMAIN"), number(&report, "NXDOMAIN")?, "{counts:?} {report}");
        assert_eq!(count("no_response"), number(&report, "Queries lost:")?, "{counts:?} {report}");
        assert_eq!(counts.values().sum::<u64>(), number(&report, "Queries sent:")?, "{counts:?} {report}");
    }
    Ok(())
}
