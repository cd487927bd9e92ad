//! The exchange record as JSON: a contract that tools parse (`DESIGN.md` section 3).
//!
//! Written by hand, because a line for each exchange has to cost a microsecond and not three.

use std::net::{IpAddr, SocketAddr};

use super::{
    identity_json::append_identity,
    json_text::{append_integer, append_number, append_text},
};
use crate::signal::{AttributeValue, Record, hexadecimal, outcome_name, outcome_reason, side_name};

/// Appends the record as JSON on one line, without its end.
pub fn append_record(line: &mut Vec<u8>, record: &Record) {
    line.extend_from_slice(b"{\"start\":\"");
    line.extend_from_slice(&record.start.rfc_3339());
    line.extend_from_slice(b"\",\"duration_ns\":");
    match record.duration {
        Some(duration) => append_number(line, u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        None => line.extend_from_slice(b"null"),
    }
    append_field(line, "protocol", Some(record.protocol.name()));
    append_field(line, "side", Some(side_name(record.side)));
    append_field(line, "outcome", Some(outcome_name(record.outcome)));
    append_field(line, "outcome_reason", outcome_reason(record.outcome));
    append_field(line, "name", record.name.as_deref());
    append_field(line, "error_type", record.error_type.as_deref());
    append_address(line, "client", record.endpoints.client);
    append_address(line, "server", record.endpoints.server);
    append_attributes(line, record);
    for (name, bytes) in [
        ("request_bytes", record.request_bytes),
        ("response_bytes", record.response_bytes),
        ("missing_bytes", record.missing_bytes),
    ] {
        append_name(line, name);
        append_number(line, bytes);
    }
    append_identity(line, record);
    append_id(line, "trace_id", Some(&record.trace_id));
    append_id(line, "span_id", Some(&record.span_id));
    append_id(line, "parent_span_id", record.parent_span_id.as_ref().map(<[u8; 8]>::as_slice));
    line.push(b'}');
}

/// The name of a field that is not the first one. Names are ours and need no escaping.
pub(crate) fn append_name(line: &mut Vec<u8>, name: &str) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
}

pub(super) fn append_field(line: &mut Vec<u8>, name: &str, value: Option<&str>) {
    append_name(line, name);
    append_optional(line, value);
}

fn append_optional(line: &mut Vec<u8>, value: Option<&str>) {
    match value {
        Some(value) => append_text(line, value),
        None => line.extend_from_slice(b"null"),
    }
}

fn append_address(line: &mut Vec<u8>, name: &str, address: SocketAddr) {
    append_name(line, name);
    line.extend_from_slice(b"{\"address\":\"");
    // An IPv4 peer of a dual-stack socket is an IPv4 peer.
    match address.ip().to_canonical() {
        IpAddr::V4(address) => {
            for (place, octet) in address.octets().into_iter().enumerate() {
                if place > 0 {
                    line.push(b'.');
                }
                append_number(line, octet.into());
            }
        }
        IpAddr::V6(address) => line.extend_from_slice(address.to_string().as_bytes()),
    }
    line.extend_from_slice(b"\",\"port\":");
    append_number(line, address.port().into());
    line.push(b'}');
}

fn append_attributes(line: &mut Vec<u8>, record: &Record) {
    append_name(line, "attributes");
    line.push(b'{');
    for (place, (name, value)) in record.attributes.iter().enumerate() {
        if place > 0 {
            line.push(b',');
        }
        append_text(line, name);
        line.push(b':');
        match value {
            AttributeValue::Text(text) => append_text(line, text),
            AttributeValue::Integer(number) => append_integer(line, number),
            AttributeValue::Texts(texts) => {
                line.push(b'[');
                for (place, text) in texts.into_iter().enumerate() {
                    if place > 0 {
                        line.push(b',');
                    }
                    append_text(line, text);
                }
                line.push(b']');
            }
        }
    }
    line.push(b'}');
}

/// An identifier in hexadecimal.
pub(crate) fn append_id(line: &mut Vec<u8>, name: &str, id: Option<&[u8]>) {
    append_name(line, name);
    let Some(id) = id else { return line.extend_from_slice(b"null") };
    line.push(b'"');
    for byte in id {
        line.extend_from_slice(&hexadecimal(*byte));
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plainsight_protocols::{CloseReason, Outcome, Side, TraceParent, Value};

    use super::*;
    use crate::{
        identity::{
            Container, Identity, Image, Labels, Owner, OwnerKind, Peer, PeerKind, Pod, Resource, User,
        },
        signal::{Clock, Example, ExampleDetails, IdGenerator, RecordBuilder},
    };

    fn build(example: &Example) -> Record {
        let ids = IdGenerator::from_seed([7; 32]);
        example.observe(|observed| RecordBuilder::new(Clock::WallTime, ids, true).build(observed))
    }

    fn identity() -> Identity {
        let started = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_767_323_045);
        let container = Container {
            id: "f".repeat(64).into(),
            name: Some("web".into()),
            image: Some(Image {
                name: "docker.io/shop/web".into(),
                tag: Some("1.4".into()),
                digest: Some("sha256:dd".into()),
            }),
            ..Container::default()
        };
        let pod = Pod {
            pod_uid: "11111111-2222-3333-4444-555555555555".into(),
            namespace: Some("shop".into()),
            name: Some("web-1-x".into()),
            node: Some("node-1".into()),
            owners: vec![Owner { kind: OwnerKind::Deployment, name: "web".into() }],
            labels: Labels::new([("tier".to_owned(), "front".to_owned())]),
            ..Pod::default()
        };
        let resource = Resource {
            service_name: "web".into(),
            service_namespace: Some("shop".into()),
            ..Resource::default()
        };
        Identity {
            parent: Some(1),
            exe: Some("/usr/sbin/nginx".into()),
            command: Some("nginx -g 'x'".into()),
            user: Some(User { id: 33, name: Some("www-data".into()) }),
            started_ticks: Some(7),
            started: Some(started),
            container: Some(container.into()),
            pod: Some(pod.into()),
            resource: resource.into(),
        }
    }

    fn text(record: &Record) -> String {
        let mut line = Vec::new();
        append_record(&mut line, record);
        String::from_utf8(line).expect("JSON is UTF-8")
    }

    fn json(record: &Record) -> serde_json::Value {
        serde_json::from_str(&text(record)).expect("what was just written")
    }

    #[test]
    fn the_record_is_the_contract_field_for_field() {
        let mut record = build(&Example {
            details: ExampleDetails {
                name: "GET /users/{id}",
                trace_parent: Some(TraceParent { trace_id: [0xab; 16], parent_span_id: [0xcd; 8], flags: 1 }),
                ..ExampleDetails::default()
            },
            ..Example::default()
        });
        record.span_id = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        record.identity = Some(Arc::new(identity()));
        record.peer = Some(Arc::new(Peer {
            kind: PeerKind::Pod,
            name: "buyer-0".into(),
            namespace: Some("shop".into()),
            service: Some("buyer".into()),
        }));
        let expected = concat!(
            r#"{"start":"2026-01-02T03:04:05.678901234Z","duration_ns":812345,"protocol":"http","side":"server","#,
            r#""outcome":"complete","outcome_reason":null,"name":"GET /users/{id}","error_type":null,"#,
            r#""client":{"address":"10.0.0.7","port":41822},"server":{"address":"10.0.0.9","port":8080},"#,
            r#""attributes":{"http.request.method":"GET","url.path":"/users/17","http.response.status_code":200},"#,
            r#""request_bytes":312,"response_bytes":1804,"missing_bytes":0,"#,
            r#""process":{"pid":4242,"comm":"nginx","exe":"/usr/sbin/nginx","parent_pid":1,"user_id":33,"#,
            r#""user":"www-data","started":"2026-01-02T03:04:05.000000000Z","command":"nginx -g 'x'"},"#,
            r#""container":{"id":"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff","name":"web","#,
            r#""image":"docker.io/shop/web:1.4","image_digest":"sha256:dd","labels":{}},"#,
            r#""k8s":{"pod_uid":"11111111-2222-3333-4444-555555555555","namespace":"shop","pod":"web-1-x","#,
            r#""container":"web","node":"node-1","owner_kind":"Deployment","owner":"web","labels":{"tier":"front"}},"#,
            r#""service":{"name":"web","namespace":"shop"},"#,
            r#""peer":{"kind":"pod","name":"buyer-0","namespace":"shop","service":"buyer"},"#,
            r#""trace_id":"abababababababababababababababab","span_id":"0123456789abcdef","#,
            r#""parent_span_id":"cdcdcdcdcdcdcdcd"}"#,
        );
        assert_eq!(text(&record), expected);
    }

    #[test]
    fn what_was_not_seen_is_null_and_never_made_up() {
        let record = build(&Example {
            pid: 0,
            details: ExampleDetails { name: "", ..ExampleDetails::default() },
            ..Example::without_response()
        });
        let json = json(&record);
        for absent in [
            "duration_ns",
            "name",
            "error_type",
            "process",
            "container",
            "k8s",
            "service",
            "peer",
            "parent_span_id",
        ] {
            assert!(json[absent].is_null(), "{absent} is {}", json[absent]);
        }
        assert_eq!(
            (json["outcome"].as_str(), json["outcome_reason"].as_str()),
            (Some("no_response"), Some("reset"))
        );
    }

    #[test]
    fn a_process_that_died_before_it_was_looked_up_has_no_exe() {
        let json = json(&build(&Example::default()));
        assert_eq!(json["process"]["pid"], 4242);
        assert!(json["process"]["exe"].is_null());
    }

    #[test]
    fn without_a_traceparent_the_ids_are_new_and_well_formed() {
        let json = json(&build(&Example::default()));
        for (field, length) in [("trace_id", 32), ("span_id", 16)] {
            let id = json[field].as_str().expect("a text");
            assert!(id.len() == length && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{field} is {id}");
        }
    }

    #[test]
    fn the_client_is_the_client_whichever_end_was_observed() {
        for side in [Side::Client, Side::Server] {
            let json = json(&build(&Example { side, ..Example::default() }));
            assert_eq!((&json["client"]["port"], &json["server"]["port"]), (&41822.into(), &8080.into()));
        }
    }

    #[test]
    fn every_kind_of_attribute_reads_back_as_it_was() {
        let attributes = vec![
            ("text", Value::Text("a \"b\" \\ \u{1b}[0m é\n".into())),
            ("negative", Value::Integer(i64::MIN)),
            ("list", Value::Texts(vec!["x".into(), "\"".into()])),
            ("empty", Value::Texts(Vec::new())),
        ];
        let details = ExampleDetails { attributes, ..ExampleDetails::default() };
        let json = json(&build(&Example { details, ..Example::default() }));
        let expected = serde_json::json!({
            "text": "a \"b\" \\ \u{1b}[0m é\n", "negative": i64::MIN, "list": ["x", "\""], "empty": [],
        });
        assert_eq!(json["attributes"], expected);
    }

    #[test]
    fn an_ipv4_peer_of_a_dual_stack_socket_is_an_ipv4_peer() {
        let client = "[::ffff:10.1.2.3]:5".parse().expect("an address");
        assert_eq!(json(&build(&Example { client, ..Example::default() }))["client"]["address"], "10.1.2.3");
    }

    #[test]
    fn how_long_an_exchange_took_is_not_known_when_its_request_was_not_seen() {
        let partial = Example { outcome: Outcome::Partial, ..Example::default() };
        assert_eq!(json(&build(&partial))["duration_ns"], 812_345);
        assert!(json(&build(&Example { request_bytes: 0, ..partial }))["duration_ns"].is_null());
    }

    #[test]
    fn the_protocol_says_what_a_failure_is_for_silence_is_an_answer_to_multicast_dns() {
        assert!(build(&Example::without_response()).is_failure());
        let (outcome, details) = (Outcome::NoResponse(CloseReason::Timeout), ExampleDetails::default());
        assert!(!build(&Example { outcome, details, ..Example::without_response() }).is_failure());
    }
}
