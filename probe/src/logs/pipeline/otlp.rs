//! OTLP through the exporter that spans and metrics go through, too.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::destination::{Destination, Done, Form, Outcome, Shipment};
use crate::export::otlp::{Acceptance, Delivery, DropReason, Exporter, Stream};

/// Streams of pipelines; the number 0 is that of the logs of exchanges.
static STREAMS: AtomicU64 = AtomicU64::new(1);

/// All destinations of OTLP that take logs.
pub struct OtlpLogs {
    exporter: Arc<Exporter>,
    stream: Stream,
    is_unwanted: bool,
}

impl OtlpLogs {
    /// One pipeline's part of the exporter, in order by itself.
    #[must_use]
    pub fn new(exporter: Arc<Exporter>) -> Self {
        let stream = Stream::Ordered(STREAMS.fetch_add(1, Ordering::Relaxed));
        Self { exporter, stream, is_unwanted: false }
    }
}

fn outcome(delivery: &Delivery) -> Outcome {
    match delivery.reason {
        None => Outcome::Arrived(delivery.rejected_items),
        Some(DropReason::Refused | DropReason::TooLarge) => Outcome::Refused,
        Some(_) => Outcome::Failed,
    }
}

impl Destination for OtlpLogs {
    fn form(&self) -> Form {
        Form::Requests
    }

    fn submit(&mut self, shipment: &Shipment, done: Done) -> bool {
        let Some(batch) = shipment.request.clone() else { return true };
        // The exporter drops what it does not take.
        let tracked = done.clone();
        let tell = move |delivery: Delivery| tracked.tell(outcome(&delivery));
        let accepted = self.exporter.submit_and_track(batch, self.stream, tell);
        self.is_unwanted = accepted == Acceptance::NotWanted;
        match accepted {
            Acceptance::Queued => true,
            Acceptance::TooLarge => {
                done.tell(Outcome::Refused);
                true
            }
            Acceptance::Full | Acceptance::NotWanted | Acceptance::ShutDown => false,
        }
    }

    fn trouble(&self) -> Option<String> {
        if self.is_unwanted {
            return Some(
                "no destination of export.otlp takes logs; name `logs` in its `signals`, or send to a file"
                    .to_owned(),
            );
        }
        self.exporter.stats().into_iter().find_map(|destination| {
            let said = destination.last_error.as_ref().filter(|trouble| !trouble.over)?;
            Some(format!("{}: {}", destination.target, said.sentence))
        })
    }
}
