//! What an exchange tells, by OpenTelemetry's conventions.

use super::*;

const RESOLVER: &str = "10.0.0.53:53";

/// The exchange of a question and an answer.
fn seen(asked: &[u8], answered: &[u8]) -> Seen {
    let mut socket = Socket::at("10.0.0.7:40000");
    socket.send(RESOLVER, asked);
    socket.receive(RESOLVER, answered);
    assert_eq!(socket.seen().len(), 1);
    socket.told.recorder.seen.remove(0)
}

#[test]
fn an_ordinary_lookup_has_the_attributes_of_the_conventions_and_ours() {
    let asked = query(1, "www.Example.org", A);
    let alias = record(None, CNAME, &wire("web.example.net"));
    let web = record(Some("web.example.net"), A, &[192, 0, 2, 9]);
    let seen = seen(&asked, &answer(&asked, 0, &[alias, web]));
    assert_eq!((seen.name.as_str(), seen.summary.as_str()), ("DNS A", "A www.Example.org 192.0.2.9"));
    assert_eq!(seen.error(), None);
    let expected = [
        ("dns.answers", "192.0.2.9"),
        ("dns.question.name", "www.Example.org"),
        ("network.peer.address", "10.0.0.9"),
        ("network.peer.port", "8080"),
        ("network.transport", "udp"),
        ("plainsight.dns.answer.count", "2"),
        ("plainsight.dns.answer.flags", "rd|ra"),
        ("plainsight.dns.answer.names", "web.example.net"),
        ("plainsight.dns.answer.ttl", "300"),
        ("plainsight.dns.question.flags", "rd"),
        ("plainsight.dns.question.type", "A"),
        ("plainsight.dns.response_code", "NOERROR"),
        ("server.address", "10.0.0.9"),
        ("server.port", "8080"),
    ];
    let found: Vec<_> = seen.client.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, expected);
    assert_eq!(seen.attribute("client.address"), Some("10.0.0.7"), "at the server");
}

#[test]
fn codes_are_told_by_name_extended_ones_too() {
    for (code, name) in [(2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED"), (11, "DSOTYPENI"), (13, "RCODE13")]
    {
        let asked = query(1, "x.example", A);
        let seen = seen(&asked, &answer(&asked, code, &[]));
        assert_eq!(seen.errors, [Some(name.to_owned()), Some(name.to_owned())]);
        assert_eq!(seen.summary, format!("A x.example {name}"));
    }
    let mut asked = query(1, "x.example", A);
    asked[11] = 1;
    asked.extend(opt(0));
    let mut answered = answer(&asked, 0, &[]);
    answered[11] = 1;
    answered.extend(opt(1));
    let seen = seen(&asked, &answered);
    assert_eq!(seen.error(), Some("BADVERS"));
    assert_eq!(seen.attribute("plainsight.dns.question.flags"), Some("rd|do"));
    assert_eq!(seen.attribute("plainsight.dns.question.edns_udp_size"), Some("1232"));
    assert_eq!(seen.attribute("plainsight.dns.answer.edns_udp_size"), Some("1232"));
}

#[test]
fn names_in_metrics_are_few_whatever_is_asked() {
    for (kind, name) in [(A, "DNS A"), (65, "DNS HTTPS"), (65_400, "DNS")] {
        let asked = query(1, "x.example", kind);
        let seen = seen(&asked, &answer(&asked, 0, &[]));
        assert_eq!(seen.name, name);
        if kind == 65_400 {
            assert_eq!(seen.attribute("plainsight.dns.question.type"), Some("TYPE65400"));
            assert_eq!(seen.summary, "TYPE65400 x.example 0 answers");
        }
    }
}

#[test]
fn operations_other_than_queries_are_named() {
    let asked = [head(1, 0x2400, [1, 0, 0, 0]), question("example.org", 6, 1)].concat();
    let notify = seen(&asked, &[head(1, 0xa400, [1, 0, 0, 0]), asked[12..].to_vec()].concat());
    assert_eq!((notify.name.as_str(), notify.summary.as_str()), ("DNS NOTIFY", "NOTIFY example.org"));
    assert_eq!(notify.attribute("plainsight.dns.opcode"), Some("NOTIFY"));
    let asked =
        [head(1, 0x2800, [1, 0, 1, 0]), question("example.org", 6, 1), record(None, A, &[1, 2, 3, 4])]
            .concat();
    let update = seen(&asked, &head(1, 0xa805, [0; 4]));
    assert_eq!((update.name.as_str(), update.summary.as_str()), ("DNS UPDATE", "UPDATE example.org REFUSED"));
}

#[test]
fn texts_are_never_shown_and_other_data_only_as_names() {
    let secret = b"\x13token=s3cr3t-of-ours";
    let asked = query(1, "x.example", 16);
    let text = seen(&asked, &answer(&asked, 0, &[record(None, 16, secret)]));
    assert_eq!(text.summary, "TXT x.example 1 answer");
    assert!(!format!("{text:?}").contains("s3cr3t"));
    let asked = query(1, "x.example", 15);
    let mail = [b"\0\x0a".to_vec(), wire("mail.example")].concat();
    let mail = seen(&asked, &answer(&asked, 0, &[record(None, 15, &mail), record(None, 15, &mail)]));
    assert_eq!(mail.summary, "MX x.example mail.example +1");
    let asked = query(1, "_sip._udp.example", 33);
    let service = [b"\0\x01\0\x02\x13\xc4".to_vec(), wire("sip.example")].concat();
    let service = seen(&asked, &answer(&asked, 0, &[record(None, 33, &service)]));
    assert_eq!(service.attribute("plainsight.dns.answer.names"), Some("sip.example"));
}

#[test]
fn a_truncated_answer_says_so_and_is_no_error() {
    let asked = query(1, "x.example", A);
    let mut answered = answer(&asked, 0, &[]);
    answered[2] |= 0x02;
    let seen = seen(&asked, &answered);
    assert_eq!(seen.summary, "A x.example 0 answers truncated");
    assert_eq!(seen.attribute("plainsight.dns.answer.flags"), Some("tc|rd|ra"));
    assert_eq!(seen.error(), None);
}

#[test]
fn names_that_are_no_text_are_escaped() {
    let mut asked = query(1, "ab.example", A);
    asked[13..15].copy_from_slice(b"\x1b.");
    let seen = seen(&asked, &answer(&asked, 0, &[]));
    assert_eq!(seen.attribute("dns.question.name"), Some(r"\027\..example"));
    assert!(!seen.summary.contains('\x1b'));
    assert_eq!(text_of_root(), ".");
}

fn text_of_root() -> String {
    let asked = query(1, "", 2);
    seen(&asked, &answer(&asked, 0, &[])).attribute("dns.question.name").unwrap().to_owned()
}

#[test]
fn class_is_told_where_it_is_not_the_internet() {
    let asked = [head(1, 0, [1, 0, 0, 0]), question("version.bind", 16, 3)].concat();
    let seen = seen(&asked, &answer(&asked, 0, &[]));
    assert_eq!(seen.attribute("plainsight.dns.question.class"), Some("CH"));
}
