//! Traces that messages name in their headers.

use super::*;
use crate::{TraceParent, kafka::message::Said};

/// A number of a record: zig-zag, seven bits a byte.
fn number(value: i64) -> Vec<u8> {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
    bytes
}

fn record(headers: &[(&str, &str)]) -> Vec<u8> {
    let piece = |text: &str| [number(text.len() as i64), text.as_bytes().to_vec()].concat();
    let mut body =
        [vec![0], number(0), number(0), number(-1), piece("value"), number(headers.len() as i64)].concat();
    for (name, value) in headers {
        body.extend([piece(name), piece(value)].concat());
    }
    [number(body.len() as i64), body].concat()
}

fn parent(byte: u8) -> String {
    format!("00-{}-{}-01", format!("{byte:02x}").repeat(16), format!("{byte:02x}").repeat(8))
}

fn context(byte: u8) -> TraceParent {
    TraceParent { trace_id: [byte; 16], parent_span_id: [byte; 8], flags: 1 }
}

fn sent(batch: &[u8]) -> Seen {
    let mut wire = Wire::new();
    wire.bytes(ASK, &produce(1, 1, "orders", batch)).bytes(ANSWER, &produced(1, "orders", 0, 41));
    wire.recorder.seen.remove(0)
}

#[test]
fn a_single_message_is_sent_as_part_of_its_trace() {
    let headers = [("x", "y"), ("traceparent", &parent(7)), ("tracestate", "a=1,b=2")];
    let seen = sent(&batch(1, &record(&headers)));
    assert_eq!((seen.trace_parent, seen.trace_state.as_deref()), (Some(context(7)), Some("a=1,b=2")));
    assert!(seen.trace_links.is_empty());
    let untraced = sent(&batch(1, &record(&[("tracestate", "a=1")])));
    assert_eq!((untraced.trace_parent, untraced.trace_state), (None, None));
}

#[test]
fn messages_of_a_batch_are_linked_each_trace_once_in_a_row() {
    let records = [7, 7, 8, 7].map(|byte| record(&[("traceparent", &parent(byte))])).concat();
    let seen = sent(&batch(5, &[records, record(&[("traceparent", "nonsense")])].concat()));
    assert_eq!((seen.trace_parent, seen.trace_state), (None, None));
    assert_eq!(seen.trace_links, [7, 8, 7].map(context));
}

#[test]
fn two_batches_of_one_message_each_have_links_and_no_trace() {
    let batches = [7, 8].map(|byte| batch(1, &record(&[("traceparent", &parent(byte))]))).concat();
    let seen = sent(&batches);
    assert_eq!((seen.trace_parent, seen.trace_links), (None, [7, 8].map(context).to_vec()));
}

#[test]
fn compressed_messages_and_marks_of_transactions_are_not_read() {
    let traced = record(&[("traceparent", &parent(7))]);
    for attributes in [1, 4, 0x20, 0x30] {
        let mut batch = batch(1, &traced);
        batch[22] = attributes;
        let seen = sent(&batch);
        assert_eq!((seen.trace_parent, seen.trace_links), (None, Vec::new()), "{attributes}");
    }
}

#[test]
fn links_and_the_messages_looked_at_for_them_are_bounded() {
    let many: Vec<u8> =
        (0..250).flat_map(|number: u8| record(&[("traceparent", &parent(number + 1))])).collect();
    let linked = |bytes: &[u8]| {
        let mut said = Said::empty();
        said.link_records(bytes);
        (said.links().to_vec(), said.held())
    };
    let (links, held) = linked(&batch(250, &many));
    assert_eq!(links, (1..=128).map(context).collect::<Vec<_>>());
    assert_eq!(held, 128 * size_of::<TraceParent>());
    // Five hundred and twelve that name nothing hide what comes after.
    let mut silent = record(&[]).repeat(512);
    silent.extend(record(&[("traceparent", &parent(7))]));
    assert!(linked(&batch(513, &silent)).0.is_empty());
    assert_eq!(linked(&batch(512, &silent[record(&[]).len()..])).0, [context(7)]);
    // Of what is sent, no more is linked than is kept of a message's beginning.
    assert_eq!(sent(&batch(250, &many)).trace_links.len(), 49);
}

#[test]
fn a_batch_that_lies_about_its_records_gives_only_what_is_there() {
    let traced = record(&[("traceparent", &parent(7))]);
    assert_eq!(sent(&batch(u32::MAX, &traced)).trace_links, [context(7)]);
    for cut in 0..traced.len() {
        let seen = sent(&batch(2, &[&traced[..], &traced[..cut]].concat()));
        assert_eq!(seen.trace_links, [context(7)], "{cut}");
    }
}
