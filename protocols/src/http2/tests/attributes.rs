//! What is said of an exchange, and on which side.

use super::*;

fn exchange(request: &[u8], response: &[u8]) -> Seen {
    let mut wire = begun();
    wire.asks(request).answers(response);
    wire.close(CloseReason::Closed).seen.into_iter().next().expect("one exchange")
}

#[test]
fn each_side_reports_what_the_conventions_ask_of_it() {
    let fields = [&ask("GET", "/a?b=c&token=hunter2")[..], &[("user-agent", "curl/8")]].concat();
    let seen = exchange(&headers(1, END_STREAM, &fields), &ok(1, "hello"));
    let listed = |attributes: &std::collections::BTreeMap<String, String>| -> Vec<String> {
        attributes.iter().map(|(name, value)| format!("{name}={value}")).collect()
    };
    assert_eq!(
        listed(&seen.server),
        [
            "client.address=10.0.0.7",
            "http.request.body.size=0",
            "http.request.method=GET",
            "http.response.body.size=5",
            "http.response.status_code=200",
            "network.peer.address=10.0.0.7",
            "network.peer.port=41822",
            "network.protocol.version=2",
            "plainsight.http.route=/a",
            "server.address=shop.example",
            "server.port=8081",
            "url.path=/a",
            "url.query=b=c&token=REDACTED",
            "url.scheme=http",
            "user_agent.original=curl/8",
        ]
    );
    assert_eq!(
        seen.client.get("url.full").map(String::as_str),
        Some("http://shop.example:8081/a?b=c&token=REDACTED")
    );
    assert_eq!((seen.name.as_str(), seen.summary.as_str()), ("GET /a", "GET /a 200"));
    assert_eq!((seen.protocol, seen.outcome), (Protocol::Http2, Outcome::Complete));
    assert_eq!(seen.response_bytes, ok(1, "hello").len() as u64);
    assert_eq!(seen.request_bytes, headers(1, END_STREAM, &fields).len() as u64);
}

#[test]
fn proxies_scheme_and_host_are_read_where_they_stand() {
    let fields = [
        (":method", "GET"),
        (":scheme", "https"),
        (":path", "/"),
        ("host", "late.example"),
        ("x-forwarded-for", "203.0.113.9"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ];
    let seen = exchange(&headers(1, END_STREAM, &fields), &ok(1, ""));
    assert_eq!(seen.attribute("client.address"), Some("203.0.113.9"));
    assert_eq!(
        (seen.attribute("server.address"), seen.attribute("server.port")),
        (Some("late.example"), Some("443"))
    );
    assert_eq!(seen.trace_parent.map(|parent| parent.flags), Some(1));
}

#[test]
fn connect_names_an_authority_and_its_extended_form_a_path() {
    let plain = [(":method", "CONNECT"), (":authority", "db.example:5432")];
    let seen = exchange(&headers(1, 0, &plain), &headers(1, 0, &[(":status", "200")]));
    assert_eq!((seen.path(), seen.attribute("server.address")), (None, Some("db.example")));
    assert_eq!(seen.summary, "CONNECT db.example:5432 200 response_truncated");
    let extended = [&ask("CONNECT", "/chat")[..], &[(":protocol", "websocket")]].concat();
    let seen = exchange(&headers(1, 0, &extended), &headers(1, 0, &[(":status", "200")]));
    assert_eq!((seen.path(), seen.attribute("server.address")), (Some("/chat"), Some("shop.example")));
}

#[test]
fn methods_that_nobody_knows_are_other() {
    let seen = exchange(&headers(1, END_STREAM, &ask("BREW", "/pot")), &ok(1, ""));
    assert_eq!(seen.attribute("http.request.method"), Some("_OTHER"));
    assert_eq!(seen.attribute("http.request.method_original"), Some("BREW"));
    assert_eq!(seen.name, "HTTP /pot");
}

#[test]
fn client_errors_are_the_clients_and_server_errors_are_everyones() {
    for (status, server, client) in [("404", None, Some("404")), ("503", Some("503"), Some("503"))] {
        let seen = exchange(&get(1, "/"), &headers(1, END_STREAM, &[(":status", status)]));
        assert_eq!((seen.errors[0].as_deref(), seen.errors[1].as_deref()), (server, client));
    }
}

#[test]
fn headers_are_reported_when_asked_for_and_credentials_not_even_then() {
    let names = ["accept", "authorization", "x-trailer"].map(str::to_owned);
    let http = crate::http::HttpSettings { captured_headers: names.into(), ..Default::default() };
    let mut wire = begun_with(Settings { http, ..Settings::default() });
    let fields = [&ask("GET", "/")[..], &[("accept", "a"), ("authorization", "hunter2")]].concat();
    wire.asks(&headers(1, END_STREAM, &fields));
    wire.answers(&headers(1, 0, &[(":status", "200")]));
    wire.answers(&headers(1, END_STREAM, &[("x-trailer", "t")]));
    let seen = &wire.recorder.seen[0];
    assert_eq!(seen.attribute("http.request.header.accept"), Some("a"));
    assert_eq!(seen.attribute("http.request.header.authorization"), Some("REDACTED"));
    assert_eq!(seen.attribute("http.response.header.x-trailer"), Some("t"));
}

#[test]
fn text_that_is_none_never_leaves_as_it_came() {
    let fields =
        [(":method", "G\x1bT"), (":scheme", "ht\ntp"), (":path", "/\x1b[2J"), (":authority", "a\u{9b}b")];
    let seen = exchange(&headers(1, END_STREAM, &fields), &ok(1, ""));
    assert!(!format!("{:?}{:?}", seen.server, seen.client).contains('\x1b'));
    assert_eq!(seen.path(), Some("/%1B[2J"));
    assert_eq!(seen.attribute("url.scheme"), Some("http"));
}

#[test]
fn trace_and_state_are_read_from_every_request_though_they_are_sent_as_references() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let other = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let of = |added: &[(&'static str, &'static str)]| {
        let seen = exchange(&headers(1, END_STREAM, &[&ask("GET", "/"), added].concat()), &ok(1, ""));
        (seen.trace_parent.is_some(), seen.trace_state)
    };
    let list = Some("a=1,b=2".to_owned());
    assert_eq!(of(&[("tracestate", "a=1"), ("traceparent", parent), ("tracestate", " b=2")]), (true, list));
    assert_eq!(of(&[("tracestate", "a=1")]), (false, None));
    assert_eq!(
        of(&[("traceparent", parent), ("traceparent", other), ("traceparent", parent)]),
        (false, None)
    );
    assert_eq!(of(&[("traceparent", parent), ("traceparent", parent)]), (true, None));
    let without_end = [("tracestate", "abcdefgh=12345678"); 200];
    let (traced, state) = of(&[&[("traceparent", parent)], &without_end[..]].concat());
    assert_eq!((traced, state.map(|state| state.len())), (true, Some(4 * 18 - 1)));
}
