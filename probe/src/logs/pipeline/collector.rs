//! Records as the bytes that destinations take.

use bytes::Bytes;

use super::destination::{Destination, Form, Shipment};
use crate::{
    export::Batch,
    logs::records::{Encoder, EncoderLimits, LogRecord, Sink, Source, append_json},
};

/// What waits to be shipped.
pub(super) struct Collector {
    encoder: Option<Encoder>,
    lines: Option<Vec<u8>>,
    /// Requests that are full.
    full: Vec<Batch>,
    full_bytes: usize,
}

impl Collector {
    pub(super) fn new(limits: EncoderLimits, destinations: &[Box<dyn Destination>]) -> Self {
        let takes = |form| destinations.iter().any(|destination| destination.form() == form);
        Self {
            encoder: takes(Form::Requests).then(|| Encoder::new(limits)),
            lines: takes(Form::Lines).then(Vec::new),
            full: Vec::new(),
            full_bytes: 0,
        }
    }

    /// Bytes that wait here.
    pub(super) fn bytes(&self) -> usize {
        let encoded = self.encoder.as_ref().map_or(0, Encoder::bytes);
        encoded + self.full_bytes + self.lines.as_ref().map_or(0, Vec::len)
    }

    /// Takes records of that source.
    pub(super) fn of<'c>(&'c mut self, source: &'c Source) -> Collecting<'c> {
        Collecting { collector: self, source }
    }

    /// Everything, in order.
    pub(super) fn take(&mut self) -> Vec<Shipment> {
        let mut requests = std::mem::take(&mut self.full);
        self.full_bytes = 0;
        requests.extend(self.encoder.as_mut().and_then(Encoder::take));
        let mut shipments: Vec<Shipment> =
            requests.into_iter().map(|request| Shipment { request: Some(request), lines: None }).collect();
        if let Some(lines) = self.lines.as_mut().filter(|lines| !lines.is_empty()) {
            let lines = Some(Bytes::from(std::mem::take(lines)));
            match shipments.last_mut() {
                Some(last) => last.lines = lines,
                None => shipments.push(Shipment { request: None, lines }),
            }
        }
        shipments
    }
}

pub(super) struct Collecting<'c> {
    collector: &'c mut Collector,
    source: &'c Source,
}

impl Sink for Collecting<'_> {
    #[inline]
    fn record(&mut self, record: &LogRecord<'_>) {
        let Collector { encoder, lines, full, full_bytes } = &mut *self.collector;
        if let Some(encoder) = encoder {
            if !encoder.has_room(self.source, record)
                && let Some(batch) = encoder.take()
            {
                *full_bytes += batch.payload.len();
                full.push(batch);
            }
            encoder.append(self.source, record);
        }
        if let Some(lines) = lines {
            append_json(lines, self.source, record);
        }
    }
}
