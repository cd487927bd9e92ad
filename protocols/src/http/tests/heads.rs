//! Heads as servers meet them.

use super::*;
use crate::CloseReason;

fn first(request: &[u8]) -> Seen {
    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, request).response(&ok(""));
    let seen = wire.close(CloseReason::Closed).seen;
    seen.into_iter().next().unwrap_or_else(|| panic!("nothing seen of {}", request.escape_ascii()))
}

#[test]
fn lines_may_end_in_line_feeds_alone_and_messages_follow_empty_lines() {
    for request in ["GET /a HTTP/1.1\nHost: b\n\n", "\r\n\r\nGET /a HTTP/1.1\r\nHost: b\r\n\r\n"] {
        let seen = first(request.as_bytes());
        assert_eq!((seen.path(), seen.attribute("server.address")), (Some("/a"), Some("b")), "{request:?}");
    }
}

#[test]
fn targets_keep_their_text_and_show_other_bytes_encoded() {
    for (target, path) in [
        (&b"/%"[..], "/%"),
        (b"/%5", "/%5"),
        (b"/a b", "/a b"),
        (b"/\xd9cc", "/%D9cc"),
        ("/grüße".as_bytes(), "/grüße"),
        (b"/a\x1b[2J", "/a%1B[2J"),
    ] {
        let seen = first(&[b"GET ", target, b" HTTP/1.1\r\n\r\n"].concat());
        assert_eq!(seen.path(), Some(path));
    }
}

#[test]
fn fields_may_be_folded_hold_any_byte_and_come_in_any_number() {
    let many = "X-Filler: 1\r\n".repeat(500);
    let request = format!("GET / HTTP/1.1\r\n{many}Host: many.example\r\n\r\n");
    assert_eq!(first(request.as_bytes()).attribute("server.address"), Some("many.example"));
    let folded = b"GET / HTTP/1.1\r\nX-A: one\r\n two\r\nHost : fold.example\r\nUser-Agent: \xffx\r\n\r\n";
    let seen = first(folded);
    assert_eq!(seen.attribute("server.address"), Some("fold.example"));
    assert_eq!(seen.attribute("user_agent.original"), Some("\u{fffd}x"));
}

#[test]
fn unknown_methods_are_reported_as_other_and_kept() {
    let seen = first(b"PURGE /cache HTTP/1.1\r\n\r\n");
    assert_eq!(seen.attribute("http.request.method"), Some("_OTHER"));
    assert_eq!(seen.attribute("http.request.method_original"), Some("PURGE"));
    assert_eq!((seen.name.as_str(), seen.summary.as_str()), ("HTTP /cache", "PURGE /cache 200"));
    let seen = first(b"QUERY /users HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(seen.attribute("http.request.method"), Some("QUERY"));
    assert_eq!(seen.attribute("http.request.method_original"), None);
}

#[test]
fn the_list_of_known_methods_can_be_replaced() {
    let http =
        crate::http::HttpSettings { known_methods: Some(["PURGE".to_owned()].into()), ..Default::default() };
    let mut wire = Wire::with(Settings { http, ..Settings::default() }, true);
    wire.request("PURGE / HTTP/1.1\r\n\r\n").response(&ok(""));
    wire.request(&get("/")).response(&ok(""));
    let names: Vec<_> = wire.recorder.seen.iter().map(|seen| seen.name.as_str()).collect();
    assert_eq!(names, ["PURGE /", "HTTP /"]);
}

#[test]
fn versions_are_reported_as_they_are() {
    let mut wire = Wire::new();
    wire.request("GET / HTTP/1.0\r\n\r\n").response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    wire.request("GET / HTTP/1.0\r\n\r\n").response("HTTP/1.0 200\r\nContent-Length: 0\r\n\r\n");
    let versions: Vec<_> =
        wire.recorder.seen.iter().map(|seen| seen.attribute("network.protocol.version")).collect();
    assert_eq!(versions, [Some("1.1"), Some("1.0")]);
}

#[test]
fn odd_status_lines_are_read_and_impossible_ones_are_not() {
    for (line, status) in [
        ("HTTP/1.1 206 ok", "206"),
        ("HTTP/1.1  404  Not  Found", "404"),
        ("HTTP/1.0 500", "500"),
        ("HTTP/1.1 999 \u{fc}", "999"),
    ] {
        let mut wire = Wire::new();
        wire.request(&get("/")).response(&format!("{line}\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(wire.recorder.seen[0].status(), Some(status), "{line}");
    }
    for line in ["HTTP/!.4 206 t", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/2.0 200 OK"] {
        let mut wire = Wire::new();
        wire.request(&get("/")).response(&format!("{line}\r\nContent-Length: 0\r\n\r\n"));
        let seen = wire.close(CloseReason::Closed).seen;
        assert!(seen.iter().all(|seen| seen.status().is_none()), "{line}");
    }
}

#[test]
fn very_long_texts_are_cut_where_no_character_is_torn() {
    let path = format!("/{}", "ü".repeat(4_000));
    let seen = first(format!("GET {path} HTTP/1.1\r\nUser-Agent: {}\r\n\r\n", "a".repeat(1_000)).as_bytes());
    let reported = seen.path().expect("has a path");
    assert!(
        path.starts_with(reported) && reported.len() <= 2048 && reported.len() >= 2046,
        "{}",
        reported.len()
    );
    assert_eq!(seen.attribute("user_agent.original").map(str::len), Some(256));
}
