//! Tests of spans: what an exchange becomes, read back by `opentelemetry-proto`.

mod contexts;
mod fields;
mod sampling;

use std::sync::Arc;

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
    trace::v1::Span,
};
use prost::Message;

use super::*;
use crate::{
    export::SignalKind,
    identity::{Resource, ResourceValue},
    signal::{
        Clock, Example, IdGenerator,
        otlp::{Assembler, BatchLimits},
        spool::{Spool, SpoolLimits},
    },
};

/// A recorder with the way behind it up to requests.
struct Rig {
    spool: Spool,
    tables: Arc<TraceTables>,
    recorder: SpanRecorder,
}

impl Rig {
    fn new(settings: TraceSettings) -> Self {
        Self::sharing(settings, Arc::default())
    }

    fn sharing(settings: TraceSettings, tables: Arc<TraceTables>) -> Self {
        let spool = Spool::new(64 << 20);
        let writer = spool.writer(SpoolLimits::default());
        let ids = IdGenerator::from_system();
        let recorder = SpanRecorder::new(settings, Clock::WallTime, ids, Arc::clone(&tables), writer);
        Self { spool, tables, recorder }
    }

    fn record(&mut self, example: &Example) -> Option<SpanContext> {
        example.observe(|observed| self.recorder.record(observed))
    }

    fn requests(&mut self) -> Vec<ExportTraceServiceRequest> {
        self.recorder.flush();
        let mut buffers = Vec::new();
        self.spool.take(&mut buffers);
        let mut assembler = Assembler::new(SignalKind::Traces, BatchLimits::default());
        let batches = assembler.assemble(&buffers, |source| Arc::new(resource(source.process.pid)));
        batches
            .iter()
            .map(|batch| ExportTraceServiceRequest::decode(&batch.payload[..]).expect("a request"))
            .collect()
    }

    fn spans(&mut self) -> Vec<Span> {
        let requests = self.requests();
        let resources = requests.into_iter().flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

/// The span of one exchange, all kept.
fn span(example: &Example) -> Span {
    span_with(TraceSettings::default(), example)
}

fn span_with(settings: TraceSettings, example: &Example) -> Span {
    let mut rig = Rig::new(settings);
    let context = rig.record(example).expect("kept");
    let mut spans = rig.spans();
    assert_eq!(spans.len(), 1);
    let span = spans.remove(0);
    assert_eq!((&span.trace_id[..], &span.span_id[..]), (&context.trace_id[..], &context.span_id[..]));
    assert_eq!(span.flags & 0xff, u32::from(context.flags));
    span
}

fn resource(pid: u32) -> Resource {
    let name = format!("service-{pid}");
    let attributes = vec![
        ("process.pid".into(), ResourceValue::Integer(i64::from(pid))),
        ("service.name".into(), ResourceValue::Text(name.as_str().into())),
    ];
    Resource { service_name: name.into(), service_namespace: None, attributes }
}

/// An attribute as text, numbers with a mark before them.
fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let mut found = attributes.iter().filter(|attribute| attribute.key == name);
    let first = found.next()?;
    assert!(found.next().is_none(), "{name} twice");
    Some(match first.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => text.clone(),
        any_value::Value::IntValue(number) => format!("#{number}"),
        other => format!("{other:?}"),
    })
}
