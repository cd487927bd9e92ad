//! A real server and real clients of the domain name system, recorded with tcpdump: what a replay reports must be what
//! the clients were told. Needs root to record.

use std::collections::BTreeMap;

use anyhow::Result;
use plainsight_tests::{
    dnsmasq::{ANSWERED, ASKED, Dnsmasq, line, number},
    replay,
};

#[test]
fn what_dig_asks_over_udp_and_tcp_is_reported_as_it_was_answered() -> Result<()> {
    let server = Dnsmasq::start()?;
    let recorded =
        server.record(|| ASKED.iter().try_for_each(|arguments| server.dig(arguments).map(drop)))?;
    let records = replay::records(&recorded)?;
    let lines: Vec<_> = records.iter().map(line).collect();
    assert_eq!(lines, ANSWERED);
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
