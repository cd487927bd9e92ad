//! What is said of an exchange, on which side, and what is never said.

use std::collections::BTreeMap;

use super::*;
use crate::CloseReason;

fn exchange(request: &str, response: &str) -> Seen {
    let mut wire = Wire::new();
    let recorder = wire.request(request).response(response).close(CloseReason::Closed);
    recorder.seen.into_iter().next().expect("one exchange")
}

fn asked(request: &str) -> Seen {
    exchange(request, &ok(""))
}

/// The attributes of one side without those that every test would repeat.
fn listed(attributes: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[test]
fn each_side_reports_what_the_conventions_ask_of_it() {
    let seen = asked("GET /a?b=c HTTP/1.1\r\nHost: shop.example:8081\r\nUser-Agent: curl/8\r\n\r\n");
    assert_eq!(
        listed(&seen.server),
        [
            ("client.address", "10.0.0.7"),
            ("http.request.body.size", "0"),
            ("http.request.method", "GET"),
            ("http.response.body.size", "0"),
            ("http.response.status_code", "200"),
            ("network.peer.address", "10.0.0.7"),
            ("network.peer.port", "41822"),
            ("network.protocol.version", "1.1"),
            ("plainsight.http.route", "/a"),
            ("server.address", "shop.example"),
            ("server.port", "8081"),
            ("url.path", "/a"),
            ("url.query", "b=c"),
            ("url.scheme", "http"),
            ("user_agent.original", "curl/8"),
        ]
    );
    assert_eq!(
        listed(&seen.client),
        [
            ("http.request.body.size", "0"),
            ("http.request.method", "GET"),
            ("http.response.body.size", "0"),
            ("http.response.status_code", "200"),
            ("network.peer.address", "10.0.0.9"),
            ("network.peer.port", "8080"),
            ("network.protocol.version", "1.1"),
            ("plainsight.http.route", "/a"),
            ("server.address", "shop.example"),
            ("server.port", "8081"),
            ("url.full", "http://shop.example:8081/a?b=c"),
            ("url.path", "/a"),
            ("url.query", "b=c"),
            ("url.scheme", "http"),
            ("user_agent.original", "curl/8"),
        ]
    );
}

#[test]
fn names_are_made_of_the_method_and_the_route() {
    let seen = asked("GET /users/17?x=1 HTTP/1.1\r\n\r\n");
    assert_eq!(
        (&*seen.name, seen.attribute("plainsight.http.route")),
        ("GET /users/{id}", Some("/users/{id}"))
    );
    assert_eq!(seen.client.get("plainsight.http.route").map(String::as_str), Some("/users/{id}"));
    assert_eq!(asked("GET http://h/users/17 HTTP/1.1\r\n\r\n").name, "GET /users/{id}");
    assert_eq!(asked("PURGE /a HTTP/1.1\r\n\r\n").name, "HTTP /a");
    for (request, name) in
        [("OPTIONS * HTTP/1.1\r\n\r\n", "OPTIONS"), ("CONNECT h:1 HTTP/1.1\r\n\r\n", "CONNECT")]
    {
        let seen = asked(request);
        assert_eq!((&*seen.name, seen.attribute("plainsight.http.route")), (name, None));
    }

    let patterns = ["/shops/{shop}/*".parse().expect("valid")];
    let http = crate::http::HttpSettings { route_patterns: patterns.into(), ..Default::default() };
    let mut wire = Wire::with(Settings { http, ..Settings::default() }, true);
    wire.request(&get("/shops/acme/a/b")).response(&ok(""));
    assert_eq!(wire.recorder.seen[0].name, "GET /shops/{shop}/*");
}

#[test]
fn without_a_host_the_client_side_falls_back_to_the_socket_and_the_server_side_says_nothing() {
    let seen = asked("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(seen.client.get("server.address").map(String::as_str), Some("10.0.0.9"));
    assert_eq!(seen.client.get("server.port").map(String::as_str), Some("8080"));
    assert_eq!(seen.client.get("url.full").map(String::as_str), Some("http://10.0.0.9:8080/"));
    assert_eq!(seen.attribute("server.address"), None);
}

#[test]
fn proxies_are_believed_on_the_server_side_only() {
    let seen = asked(
        "GET / HTTP/1.1\r\nHost: backend:8080\r\nX-Forwarded-For: 203.0.113.9, 10.1.1.1\r\n\
         X-Forwarded-Host: shop.example\r\nX-Forwarded-Proto: https\r\n\r\n",
    );
    assert_eq!(seen.attribute("client.address"), Some("203.0.113.9"));
    assert_eq!(seen.attribute("server.address"), Some("shop.example"));
    assert_eq!((seen.attribute("server.port"), seen.attribute("url.scheme")), (Some("443"), Some("https")));
    assert_eq!(seen.client.get("server.address").map(String::as_str), Some("backend"));
    assert_eq!(seen.client.get("url.scheme").map(String::as_str), Some("http"));

    let seen = asked(
        "GET / HTTP/1.1\r\nHost: b\r\nForwarded: for=\"[2001:db8::1]:9\";host=f.example:81;proto=https\r\n\
         X-Forwarded-Host: x.example\r\n\r\n",
    );
    assert_eq!(seen.attribute("client.address"), Some("2001:db8::1"));
    assert_eq!(
        (seen.attribute("server.address"), seen.attribute("server.port")),
        (Some("f.example"), Some("81"))
    );
}

#[test]
fn what_a_proxy_is_asked_for_is_told_apart_from_the_proxy() {
    let seen = asked("GET http://u:p@origin.example:81/p?q=1 HTTP/1.1\r\nHost: other.example\r\n\r\n");
    assert_eq!(seen.client.get("server.address").map(String::as_str), Some("origin.example"));
    assert_eq!(seen.path(), Some("/p"));
    let full = "http://REDACTED:REDACTED@origin.example:81/p?q=1";
    assert_eq!(seen.client.get("url.full").map(String::as_str), Some(full));
    assert_eq!(seen.attribute("plainsight.http.request.target"), Some(full));

    let seen = asked("CONNECT secure.example:443 HTTP/1.0\r\n\r\n");
    assert_eq!(seen.path(), None);
    assert_eq!(
        (seen.attribute("server.address"), seen.attribute("server.port")),
        (Some("secure.example"), Some("443"))
    );
    assert_eq!(seen.attribute("plainsight.http.request.target"), Some("secure.example:443"));
    assert_eq!(seen.client.get("url.full"), None);
}

#[test]
fn secrets_in_urls_never_leave() {
    let seen = asked(
        "GET /get?X-Amz-Signature=abcdef&id=7&access_token=hunter2&password=hunter2 HTTP/1.1\r\n\
         Host: user:hunter2@s3.example\r\n\r\n",
    );
    let masked = "X-Amz-Signature=REDACTED&id=7&access_token=REDACTED&password=REDACTED";
    assert_eq!(seen.attribute("url.query"), Some(masked));
    let everything = format!("{seen:?}");
    assert!(!everything.contains("hunter2") && !everything.contains("abcdef"), "{everything}");
}

#[test]
fn headers_are_reported_when_asked_for_and_credentials_not_even_then() {
    let names = ["accept", "authorization", "set-cookie", "x-many"].map(str::to_owned);
    let http = crate::http::HttpSettings { captured_headers: names.into(), ..Default::default() };
    let mut wire = Wire::with(Settings { http, ..Settings::default() }, true);
    wire.request(
        "GET / HTTP/1.1\r\nAccept: a\r\nAuthorization: Basic aHVudGVyMg==\r\nX-Many: 1\r\nx-many: 2\r\n\r\n",
    );
    wire.response("HTTP/1.1 200 OK\r\nSet-Cookie: sid=hunter2\r\nContent-Length: 0\r\n\r\n");
    let seen = &wire.recorder.seen[0];
    assert_eq!(seen.attribute("http.request.header.accept"), Some("a"));
    assert_eq!(seen.attribute("http.request.header.x-many"), Some("1|2"));
    assert_eq!(seen.attribute("http.request.header.authorization"), Some("REDACTED"));
    assert_eq!(seen.attribute("http.response.header.set-cookie"), Some("REDACTED"));
    assert_eq!(seen.attribute("http.response.header.accept"), None);
}

#[test]
fn client_errors_are_the_clients_and_server_errors_are_everyones() {
    for (status, server, client) in [
        ("200", None, None),
        ("302", None, None),
        ("404", None, Some("404")),
        ("503", Some("503"), Some("503")),
    ] {
        let seen = exchange(&get("/"), &format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!((seen.errors[0].as_deref(), seen.errors[1].as_deref()), (server, client), "{status}");
    }
}

#[test]
fn the_trace_that_a_request_belongs_to_is_read() {
    let field = "TraceParent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let parent = asked(&format!("GET / HTTP/1.1\r\n{field}\r\n\r\n")).trace_parent.expect("valid");
    assert_eq!((parent.flags, parent.parent_span_id[0]), (1, 0xb7));
    assert_eq!(asked("GET / HTTP/1.1\r\ntraceparent: nonsense\r\n\r\n").trace_parent, None);
}

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn the_trace_state_comes_with_its_trace_and_several_fields_are_one_list() {
    let state = |fields: &str| asked(&format!("GET / HTTP/1.1\r\n{fields}\r\n")).trace_state;
    let traced = |fields: &str| state(&format!("traceparent: {PARENT}\r\n{fields}"));
    assert_eq!(traced("TraceState: a=1, b=2\r\n").as_deref(), Some("a=1, b=2"));
    assert_eq!(traced("tracestate: a=1\r\ntracestate: b=2\r\n").as_deref(), Some("a=1,b=2"));
    assert_eq!(state(&format!("tracestate: a=1\r\ntraceparent: {PARENT}\r\n")).as_deref(), Some("a=1"));
    assert_eq!(state("tracestate: a=1\r\n"), None, "it belongs to no trace");
    assert_eq!(traced("tracestate: nonsense\r\n"), None);
    let long = "k=v,".repeat(400);
    let kept = traced(&format!("tracestate: {long}\r\n"));
    assert_eq!(kept, None, "more members than a list may have");
    let long = vec![format!("k={}", "v".repeat(98)); 8].join(",");
    assert_eq!(traced(&format!("tracestate: {long}\r\n")).map(|state| state.len()), Some(5 * 101 - 1));
    let many = (0..9).map(|number| format!("tracestate: k{number}=1\r\n")).collect::<String>();
    assert_eq!(traced(&many).as_deref(), Some("k0=1,k1=1,k2=1,k3=1"));
}

#[test]
fn two_traces_in_one_request_are_none_unless_they_are_one() {
    let parent = |fields: &str| asked(&format!("GET / HTTP/1.1\r\n{fields}\r\n")).trace_parent;
    let [one, other] = [PARENT.to_owned(), PARENT.replace("0af7", "1af7")]
        .map(|parent| format!("traceparent: {parent}\r\n"));
    assert!(parent(&one).is_some() && parent(&format!("{one}{one}")).is_some());
    assert_eq!(parent(&format!("{one}{other}")), None);
    assert_eq!(parent(&format!("{one}{other}{one}")), None);
}

#[test]
fn a_trace_is_read_wherever_it_stands_in_a_long_head() {
    // Peers look for it in the first few hundred bytes, or read what was in their buffer before.
    for length in [100, 1_000, 4_000, 9_000] {
        for size in [64, 1_000, usize::MAX] {
            let cookies = "c".repeat(length);
            let request = format!(
                "POST /a HTTP/1.1\r\nCookie: {cookies}\r\ntraceparent: {PARENT}\r\nContent-Length: 20000\r\n\r\n{}",
                "x".repeat(20_000)
            );
            let mut wire = Wire::new();
            for chunk in request.as_bytes().chunks(size) {
                wire.bytes(Direction::ToServer, chunk);
            }
            wire.response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            let seen = &wire.recorder.seen[0];
            assert_eq!(
                seen.trace_parent.map(|parent| parent.parent_span_id[0]),
                Some(0xb7),
                "{length} {size}"
            );
            assert_eq!((seen.summary.as_str(), seen.outcome), ("POST /a 200", Outcome::Complete));
            assert_eq!(seen.request_bytes, request.len() as u64);
        }
    }
}
