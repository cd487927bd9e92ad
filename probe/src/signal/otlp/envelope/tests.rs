//! Tests of requests: nothing lost, nothing twice, within the limits.

use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::any_value,
};
use prost::Message;

use super::*;
use crate::{
    capture::Process,
    identity::ResourceValue,
    signal::{WallTime, otlp::SCOPE_NAME, protobuf},
};

/// A buffer of spans whose names are numbers, so large.
fn buffer(pid: u32, numbers: std::ops::Range<u32>, padding: usize) -> Buffer {
    let mut bytes = Vec::new();
    let items = numbers.len() as u32;
    for number in numbers {
        let mut span = Vec::new();
        protobuf::text(&mut span, 5, &format!("{number}"));
        protobuf::text(&mut span, 3, &"x".repeat(padding));
        protobuf::bytes(&mut bytes, 2, &span);
    }
    let process = Process { pid, ..Process::default() };
    Buffer { source: Source { process, first: WallTime::default() }, bytes, items }
}

fn named(name: &str) -> Arc<Resource> {
    let attributes = vec![("service.name".into(), ResourceValue::Text(name.into()))];
    Arc::new(Resource { service_name: name.into(), service_namespace: None, attributes })
}

/// The numbers in the requests, by service, and whether each request is within the limits.
fn read(batches: &[Batch], limits: BatchLimits) -> Vec<(String, Vec<u32>)> {
    let mut services: Vec<(String, Vec<u32>)> = Vec::new();
    for batch in batches {
        assert_eq!(batch.kind, SignalKind::Traces);
        let request = ExportTraceServiceRequest::decode(&batch.payload[..]).expect("a request");
        let mut items = 0;
        for resource_spans in request.resource_spans {
            let resource = resource_spans.resource.expect("a resource");
            let Some(any_value::Value::StringValue(name)) =
                resource.attributes[0].value.as_ref().and_then(|value| value.value.clone())
            else {
                panic!("a name")
            };
            assert_eq!(
                (resource_spans.schema_url.as_str(), resource_spans.scope_spans.len()),
                (SCHEMA_URL, 1)
            );
            let spans = &resource_spans.scope_spans[0].spans;
            assert!(!spans.is_empty(), "an empty envelope");
            items += spans.len() as u32;
            let numbers = spans.iter().map(|span| span.name.parse::<u32>().expect("a number"));
            match services.iter_mut().find(|(service, _)| *service == name) {
                Some((_, known)) => known.extend(numbers),
                None => services.push((name, numbers.collect())),
            }
        }
        assert_eq!(items, batch.items);
        assert!(items > 0 && items <= limits.items, "{items} items");
        assert!(batch.payload.len() <= limits.bytes || items == 1, "{} bytes", batch.payload.len());
    }
    services
}

#[test]
fn buffers_of_one_resource_are_put_together() {
    let (shop, bank) = (named("shop"), named("bank"));
    let buffers = [buffer(1, 0..3, 0), buffer(2, 10..12, 0), buffer(3, 3..5, 0)];
    let resolve = |source: &Source| Arc::clone(if source.process.pid == 2 { &bank } else { &shop });
    let limits = BatchLimits::default();
    let batches = Assembler::new(SignalKind::Traces, limits).assemble(&buffers, resolve);
    assert_eq!(batches.len(), 1);
    assert_eq!(
        read(&batches, limits),
        [("shop".to_owned(), (0..5).collect()), ("bank".to_owned(), vec![10, 11])]
    );
    let request = ExportTraceServiceRequest::decode(&batches[0].payload[..]).expect("a request");
    assert_eq!(request.resource_spans.len(), 2);
}

#[test]
fn nothing_gives_no_request() {
    let mut assembler = Assembler::new(SignalKind::Traces, BatchLimits::default());
    assert!(assembler.assemble(&[], |_| named("x")).is_empty());
    assert!(assembler.assemble(&[buffer(1, 0..0, 0)], |_| named("x")).is_empty());
}

#[test]
fn an_item_that_is_too_large_goes_alone() {
    let limits = BatchLimits { items: 100, bytes: 2000 };
    let buffers = [buffer(1, 0..2, 10), buffer(1, 2..3, 5000), buffer(1, 3..4, 10)];
    let shop = named("shop");
    let batches = Assembler::new(SignalKind::Traces, limits).assemble(&buffers, |_| Arc::clone(&shop));
    assert_eq!(read(&batches, limits), [("shop".to_owned(), (0..4).collect())]);
    assert_eq!(batches.iter().map(|batch| batch.items).collect::<Vec<_>>(), [2, 1, 1]);
}

#[test]
fn log_records_have_the_same_envelopes() {
    let shop = named("shop");
    let mut bytes = Vec::new();
    for number in 0..3 {
        protobuf::nested(&mut bytes, 2, |out| protobuf::text(out, 3, &format!("severity {number}")));
    }
    let source = Source { process: Process::default(), first: WallTime::default() };
    let batches = Assembler::new(SignalKind::Logs, BatchLimits::default())
        .assemble(&[Buffer { source, bytes, items: 3 }], |_| Arc::clone(&shop));
    let request = ExportLogsServiceRequest::decode(&batches[0].payload[..]).expect("a request");
    assert_eq!(batches[0].kind, SignalKind::Logs);
    let logs = &request.resource_logs[0];
    assert_eq!((logs.schema_url.as_str(), logs.scope_logs[0].schema_url.as_str()), (SCHEMA_URL, SCHEMA_URL));
    assert_eq!(logs.scope_logs[0].log_records.len(), 3);
    assert_eq!(logs.scope_logs[0].scope.as_ref().map(|scope| scope.name.as_str()), Some(SCOPE_NAME));
}

#[test]
fn encoded_resources_are_kept_up_to_a_bound_and_never_mistaken() {
    let mut assembler = Assembler::new(SignalKind::Traces, BatchLimits::default());
    // Each is dropped after use, so that its address is used again.
    for number in 0..10_000 {
        let name = format!("service-{number}");
        let batches = assembler.assemble(&[buffer(1, 0..1, 0)], |_| named(&name));
        assert_eq!(read(&batches, BatchLimits::default())[0].0, name);
        assert!(assembler.resources.len() <= RESOURCES);
    }
    // Held by others, none can be told to have gone.
    let held: Vec<_> = (0..RESOURCES + 10).map(|number| named(&format!("{number}"))).collect();
    for resource in &held {
        assembler.assemble(&[buffer(1, 0..1, 0)], |_| Arc::clone(resource));
        assert!(assembler.resources.len() <= RESOURCES);
    }
}

proptest::proptest! {
    #[test]
    fn every_item_is_in_exactly_one_request_within_the_limits(
        sizes in proptest::collection::vec((1_u32..4, 0_u32..40, 0_usize..400), 0..30),
        items in 1_u32..60,
        bytes in 500_usize..20_000,
    ) {
        let limits = BatchLimits { items, bytes };
        let mut next = 0;
        let mut expected: Vec<Vec<u32>> = vec![Vec::new(); 4];
        let buffers: Vec<_> = sizes
            .iter()
            .map(|&(pid, count, padding)| {
                let numbers = next..next + count;
                next += count;
                expected[pid as usize].extend(numbers.clone());
                buffer(pid, numbers, padding)
            })
            .collect();
        let resources: Vec<_> = (0..4).map(|pid| named(&format!("{pid}"))).collect();
        let batches = Assembler::new(SignalKind::Traces, limits)
            .assemble(&buffers, |source| Arc::clone(&resources[source.process.pid as usize]));
        for (name, numbers) in read(&batches, limits) {
            let pid: usize = name.parse().expect("a number");
            proptest::prop_assert_eq!(&numbers, &expected[pid]);
            expected[pid].clear();
        }
        proptest::prop_assert!(expected.iter().all(Vec::is_empty), "left out: {:?}", expected);
    }
}
