//! Exporters against receivers in this process that answer as they are told.

mod delivery;
mod disk;
mod environment;
mod grpc;
mod http;
mod json;
mod outage;
mod queueing;
mod receiver_grpc;
mod receiver_http;

use std::{
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::*;
use crate::export::{Batch, SignalKind};

/// Long enough for a busy machine, short enough to end a test that would hang.
const PATIENCE: Duration = Duration::from_secs(20);

/// Payloads need not be OTLP where nobody reads them.
fn batch(kind: SignalKind, payload: impl Into<Bytes>, items: u32) -> Batch {
    Batch { kind, payload: payload.into(), items }
}

fn traces(payload: &str) -> Batch {
    batch(SignalKind::Traces, payload.to_owned(), 10)
}

fn metrics(payload: &str) -> Batch {
    batch(SignalKind::Metrics, payload.to_owned(), 10)
}

/// Tries again at once, nearly.
fn quick(target: Target) -> Destination {
    let mut destination = Destination::new("test", target);
    destination.retry.first = Duration::from_millis(2);
    destination.retry.cap = Duration::from_millis(20);
    destination
}

fn start(destinations: impl Into<Vec<Destination>>) -> Exporter {
    Exporter::start(&ExportSettings { destinations: destinations.into() }).expect("settings that can work")
}

/// Waits until something holds for the first destination; fails with its statistics.
#[track_caller]
fn wait_for(exporter: &Exporter, what: &str, holds: impl Fn(&DestinationStats) -> bool) -> DestinationStats {
    wait_for_any(exporter, 0, what, holds)
}

#[track_caller]
fn wait_for_any(
    exporter: &Exporter,
    place: usize,
    what: &str,
    holds: impl Fn(&DestinationStats) -> bool,
) -> DestinationStats {
    let begun = Instant::now();
    loop {
        let stats = exporter.stats().swap_remove(place);
        if holds(&stats) {
            return stats;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} did not come about: {stats:#?}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Every item is in one place only.
#[track_caller]
fn assert_all_counted(stats: &DestinationStats, submitted: u64) {
    let counted = stats.sum(|kind| {
        let Amount { items: queued, .. } = kind.queued;
        queued
            + kind.on_disk.items
            + kind.in_flight.items
            + kind.sent.items
            + kind.rejected_items
            + kind.dropped.total()
    });
    assert_eq!(counted, submitted, "{stats:#?}");
}

fn error_of(stats: &DestinationStats) -> &str {
    stats.last_error.as_ref().map_or("", |error| &error.sentence)
}
