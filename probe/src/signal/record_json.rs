//! The exchange record as JSON: a contract that tools parse (`DESIGN.md` section 3).

use std::{fmt, net::SocketAddr};

use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeStruct},
};

use super::{Record, outcome_name, outcome_reason, side_name};

/// Number of fields of a record.
const FIELDS: usize = 20;

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Record", FIELDS)?;
        fields.serialize_field("start", &self.start)?;
        let duration = self.duration.map(|duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        fields.serialize_field("duration_ns", &duration)?;
        fields.serialize_field("protocol", self.protocol.name())?;
        fields.serialize_field("side", side_name(self.side))?;
        fields.serialize_field("outcome", outcome_name(self.outcome))?;
        fields.serialize_field("outcome_reason", &outcome_reason(self.outcome))?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("error_type", &self.error_type)?;
        fields.serialize_field("client", &Address(self.endpoints.client))?;
        fields.serialize_field("server", &Address(self.endpoints.server))?;
        fields.serialize_field("attributes", &self.attributes)?;
        fields.serialize_field("request_bytes", &self.request_bytes)?;
        fields.serialize_field("response_bytes", &self.response_bytes)?;
        fields.serialize_field("missing_bytes", &self.missing_bytes)?;
        fields.serialize_field("process", &self.process.as_ref().map(|_| ProcessJson(self)))?;
        let identity = self.identity.as_deref();
        fields.serialize_field("container", &identity.and_then(|identity| identity.container.as_ref()))?;
        fields.serialize_field("k8s", &identity.and_then(|identity| identity.pod.as_ref()))?;
        fields.serialize_field("trace_id", &Hexadecimal(&self.trace_id))?;
        fields.serialize_field("span_id", &Hexadecimal(&self.span_id))?;
        fields.serialize_field("parent_span_id", &self.parent_span_id.as_ref().map(|id| Hexadecimal(id)))?;
        fields.end()
    }
}

struct Address(SocketAddr);

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        // An IPv4 peer of a dual-stack socket is an IPv4 peer.
        map.serialize_entry("address", &self.0.ip().to_canonical())?;
        map.serialize_entry("port", &self.0.port())?;
        map.end()
    }
}

struct ProcessJson<'a>(&'a Record);

impl Serialize for ProcessJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        if let Some(process) = &self.0.process {
            map.serialize_entry("pid", &process.pid)?;
            map.serialize_entry("comm", &process.comm)?;
            map.serialize_entry("exe", &self.0.identity.as_ref().and_then(|identity| identity.exe.as_ref()))?;
        }
        map.end()
    }
}

struct Hexadecimal<'a>(&'a [u8]);

impl fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl Serialize for Hexadecimal<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        let bytes = &self.0[..self.0.len().min(16)];
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
            *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        }
        match std::str::from_utf8(&text[..2 * bytes.len()]) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => serializer.collect_str(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plainsight_protocols::{CloseReason, Outcome, Side, TraceParent};

    use super::*;
    use crate::{
        identity::{Container, Identity, Pod},
        signal::{Clock, Example, ExampleDetails, IdGenerator, RecordBuilder},
    };

    fn build(example: &Example) -> Record {
        let ids = IdGenerator::from_seed([7; 32]);
        example.observe(|observed| RecordBuilder::new(Clock::WallTime, ids, true).build(observed))
    }

    fn json(record: &Record) -> serde_json::Value {
        serde_json::from_str(&serde_json::to_string(record).expect("plain data"))
            .expect("what was just written")
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
        record.identity = Some(Arc::new(Identity {
            exe: Some("/usr/sbin/nginx".into()),
            container: Some(Container { id: "f".repeat(64).into() }),
            pod: Some(Pod { pod_uid: "11111111-2222-3333-4444-555555555555".into() }),
            ..Identity::default()
        }));
        let expected = concat!(
            r#"{"start":"2026-01-02T03:04:05.678901234Z","duration_ns":812345,"protocol":"http","side":"server","#,
            r#""outcome":"complete","outcome_reason":null,"name":"GET /users/{id}","error_type":null,"#,
            r#""client":{"address":"10.0.0.7","port":41822},"server":{"address":"10.0.0.9","port":8080},"#,
            r#""attributes":{"http.request.method":"GET","url.path":"/users/17","http.response.status_code":200},"#,
            r#""request_bytes":312,"response_bytes":1804,"missing_bytes":0,"#,
            r#""process":{"pid":4242,"comm":"nginx","exe":"/usr/sbin/nginx"},"#,
            r#""container":{"id":"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},"#,
            r#""k8s":{"pod_uid":"11111111-2222-3333-4444-555555555555"},"#,
            r#""trace_id":"abababababababababababababababab","span_id":"0123456789abcdef","#,
            r#""parent_span_id":"cdcdcdcdcdcdcdcd"}"#,
        );
        assert_eq!(serde_json::to_string(&record).expect("plain data"), expected);
    }

    #[test]
    fn what_was_not_seen_is_null_and_never_made_up() {
        let record = build(&Example {
            pid: 0,
            details: ExampleDetails { name: "", ..ExampleDetails::default() },
            ..Example::without_response()
        });
        let json = json(&record);
        for absent in ["duration_ns", "name", "error_type", "process", "container", "k8s", "parent_span_id"] {
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
    fn a_connection_that_ends_unanswered_is_a_failure_and_an_observation_that_ends_is_not() {
        assert!(build(&Example::without_response()).is_failure());
        let outcome = Outcome::NoResponse(CloseReason::Evicted);
        assert!(!build(&Example { outcome, ..Example::without_response() }).is_failure());
    }
}
