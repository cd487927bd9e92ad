//! Traces that both ends agree on.

use std::{collections::HashSet, sync::Arc};

use opentelemetry_proto::tonic::trace::v1::Span;
use plainsight_protocols::{Side, TraceParent};

use super::{Rig, span, span_with};
use crate::signal::{
    Example, ExampleDetails,
    traces::{TraceSettings, TraceTables, context::Place},
};

const PLACED: [Option<u32>; 2] = [Some(1_000_001), Some(4_000_000_007)];

fn traced(side: Side, flags: u8) -> Example {
    let parent = TraceParent { trace_id: [7; 16], parent_span_id: [9; 8], flags };
    let details = ExampleDetails { trace_parent: Some(parent), ..ExampleDetails::default() };
    Example { side, details, sequences: PLACED, ..Example::default() }
}

fn placed(side: Side) -> Example {
    Example { side, sequences: PLACED, ..Example::default() }
}

/// Both ends of one exchange, seen by two hosts that know nothing of each other.
fn on_two_hosts(settings: &TraceSettings) -> [Span; 2] {
    [placed(Side::Client), placed(Side::Server)].map(|example| span_with(settings.clone(), &example))
}

#[test]
fn a_named_parent_is_the_parent_on_both_sides_and_no_id_is_used_twice() {
    let mut rig = Rig::new(TraceSettings::default());
    for side in [Side::Client, Side::Server, Side::Client, Side::Server] {
        rig.record(&traced(side, 1));
    }
    let spans = rig.spans();
    let mut ids: HashSet<_> = spans.iter().map(|span| span.span_id.clone()).collect();
    ids.insert(vec![9; 8]);
    assert_eq!(ids.len(), 5);
    for span in spans {
        assert_eq!((span.trace_id, span.parent_span_id, span.flags), (vec![7; 16], vec![9; 8], 0x301));
    }
}

#[test]
fn a_span_that_is_kept_against_the_callers_decision_is_sampled_and_keeps_the_other_flags() {
    let mut example = traced(Side::Server, 0x82);
    example.details.error_type = Some("500");
    assert_eq!(span(&example).flags, 0x383);
}

#[test]
fn a_trace_state_without_a_parent_means_nothing() {
    let details = ExampleDetails { trace_state: Some("a=1"), ..ExampleDetails::default() };
    assert_eq!(span(&Example { details, ..Example::default() }).trace_state, "");
}

#[test]
fn both_hosts_name_an_exchange_alike_and_their_spans_apart() {
    let [client, server] = on_two_hosts(&TraceSettings::default());
    assert_eq!(client.trace_id, server.trace_id);
    assert_ne!(client.span_id, server.span_id);
    // The other end may not be observed by anybody, so nothing is named that may not exist.
    assert!(client.parent_span_id.is_empty() && server.parent_span_id.is_empty());
    assert_eq!((client.flags, server.flags), (0x101, 0x101));
    let again = on_two_hosts(&TraceSettings::default());
    assert_eq!([&client.span_id, &server.span_id], [&again[0].span_id, &again[1].span_id]);
}

#[test]
fn where_all_hosts_are_observed_the_servers_span_is_the_clients_child() {
    let [client, server] =
        on_two_hosts(&TraceSettings { link_remote_peers: true, ..TraceSettings::default() });
    assert_eq!(server.parent_span_id, client.span_id);
    assert_eq!((client.flags, server.flags), (0x101, 0x301));
    assert!(client.parent_span_id.is_empty());
}

#[test]
fn both_ends_on_one_host_are_parent_and_child_whichever_worker_sees_them() {
    let tables = Arc::<TraceTables>::default();
    let mut one = Rig::sharing(TraceSettings::default(), Arc::clone(&tables));
    let mut other = Rig::sharing(TraceSettings::default(), tables);
    one.record(&placed(Side::Client));
    other.record(&placed(Side::Server));
    let (client, server) = (one.spans().remove(0), other.spans().remove(0));
    assert_eq!((&server.parent_span_id, &server.trace_id), (&client.span_id, &client.trace_id));
}

#[test]
fn a_client_whose_connection_was_announced_is_known_before_its_first_answer() {
    use crate::capture::{ConnectionId, Opened, Role, Transport};
    let example = placed(Side::Server);
    let parents = [Role::Client, Role::Unknown, Role::Server].map(|role| {
        let mut rig = Rig::new(TraceSettings::default());
        rig.recorder.opened(&Opened {
            connection: ConnectionId(5),
            at: plainsight_protocols::Timestamp::from_nanos(example.started),
            transport: Transport::Tcp,
            local: example.client,
            remote: example.server,
            role,
            from_start: true,
            handshake_ns: None,
            network_namespace: 0,
        });
        rig.record(&example);
        rig.spans().remove(0).parent_span_id.len()
    });
    assert_eq!(parents, [8, 8, 0]);
}

#[test]
fn an_exchange_with_one_known_place_has_ids_of_its_own() {
    for sequences in [[Some(7), None], [None, Some(7)], [None, None]] {
        let example = Example { sequences, ..Example::default() };
        let (first, second) = (span(&example), span(&example));
        assert_ne!(first.trace_id, second.trace_id, "32 bits are met again within a day");
        assert!(first.parent_span_id.is_empty());
    }
}

#[test]
fn the_ids_of_a_place_are_those_of_all_versions() {
    let place = Place { request_sequence: 1, response_sequence: 2, request_bytes: 3, response_bytes: 4 };
    let ids = place.ids();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // Computed apart, by the reference implementation of SipHash in Python (see the keys).
    assert_eq!(hex(&ids.trace_id), TRACE_ID);
    assert_eq!(hex(&ids.client_span_id), CLIENT_SPAN_ID);
    assert_eq!(hex(&ids.server_span_id), SERVER_SPAN_ID);
}

const TRACE_ID: &str = "d4401417be75f2c84f642619b32d0cc6";
const CLIENT_SPAN_ID: &str = "a2d465380678017b";
const SERVER_SPAN_ID: &str = "1f28574e8685c457";

proptest::proptest! {
    #[test]
    fn places_that_differ_have_ids_that_differ(
        request_sequence: u32,
        response_sequence: u32,
        request_bytes in 0_u64..100_000,
        response_bytes in 0_u64..100_000,
    ) {
        let place = Place { request_sequence, response_sequence, request_bytes, response_bytes };
        let others = [
            Place { request_sequence: request_sequence.wrapping_add(1), ..place },
            Place { response_sequence: response_sequence.wrapping_add(1), ..place },
            Place { request_bytes: request_bytes + 1, ..place },
            Place { response_bytes: response_bytes + 1, ..place },
        ];
        let ids = place.ids();
        proptest::prop_assert!(ids.trace_id != [0; 16] && ids.client_span_id != [0; 8]);
        proptest::prop_assert_ne!(ids.client_span_id, ids.server_span_id);
        for other in others {
            proptest::prop_assert_ne!(ids.trace_id, other.ids().trace_id);
            proptest::prop_assert_ne!(ids.client_span_id, other.ids().client_span_id);
            proptest::prop_assert_ne!(ids.server_span_id, other.ids().server_span_id);
        }
    }
}
