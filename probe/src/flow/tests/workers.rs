//! The bounds of a worker, and what it tells of them.

use std::time::Duration;

use super::*;
use crate::flow::{Worker, WorkerSettings};

fn worker(settings: WorkerSettings) -> Worker<Told> {
    Worker::new(settings, Told::default())
}

#[test]
fn a_full_table_drops_the_least_recently_used_connection_and_says_so() {
    let mut worker = worker(WorkerSettings { connections: 3, ..WorkerSettings::live() });
    for id in 1..=3 {
        worker.event(&opened(id, id, Role::Server));
    }
    worker.event(&Event::Chunk(chunk(1, 2000, Flow::Received, 100, 100, b"?")));
    worker.event(&opened(4, 3000, Role::Server));
    worker.event(&opened(5, 3001, Role::Server));
    assert_eq!(worker.observer().forgotten, [2, 3]);
    assert_eq!(worker.counters().connections.evicted_full, 2);
    assert_eq!(worker.counters().connections.open, 3);
}

#[test]
fn a_connection_that_was_silent_for_the_timeout_is_dropped_and_no_other() {
    let idle_timeout = Duration::from_secs(10);
    let mut worker = worker(WorkerSettings { idle_timeout, ..WorkerSettings::live() });
    worker.event(&opened(1, 0, Role::Server));
    worker.event(&opened(2, 0, Role::Server));
    for second in 1..=9 {
        worker.event(&Event::Chunk(chunk(2, second * 1000, Flow::Received, second as u32, 0, b"?")));
        worker.tick(milliseconds(second * 1000));
    }
    assert!(worker.observer().forgotten.is_empty());
    worker.tick(milliseconds(12_000));
    assert_eq!(worker.observer().forgotten, [1]);
    assert_eq!(worker.counters().connections.evicted_idle, 1);
    worker.tick(milliseconds(20_000));
    assert_eq!(worker.observer().forgotten, [1, 2]);
}

#[test]
fn a_clock_that_jumped_ahead_and_back_drops_nobody() {
    let mut worker = worker(WorkerSettings::live());
    worker.event(&opened(1, 1000, Role::Server));
    worker.event(&Event::Chunk(chunk(1, 9_000_000, Flow::Received, 100, 100, b"?")));
    worker.tick(milliseconds(1001));
    worker.tick(milliseconds(500_000));
    assert!(worker.observer().forgotten.is_empty());
    worker.tick(milliseconds(700_000));
    assert_eq!(worker.observer().forgotten, [1]);
}

#[test]
fn chunks_of_an_unannounced_connection_are_counted_and_change_nothing() {
    let mut worker = worker(WorkerSettings::live());
    worker.event(&Event::Chunk(chunk(7, 1, Flow::Received, 100, 100, b"GET / HTTP/1.1\r\n\r\n")));
    worker.event(&closed(7, 2));
    worker.finish(milliseconds(3));
    let counters = worker.counters();
    assert_eq!(counters.connections.unknown_connection_chunks, 1);
    assert_eq!(counters.connections.chunks, 1);
    assert_eq!(counters.connections.closed, 0);
    assert_eq!(counters.exchanges.total(), 0);
}

#[test]
fn a_connection_announced_twice_is_one_connection() {
    let mut worker = worker(WorkerSettings::live());
    worker.event(&opened(1, 0, Role::Server));
    worker.event(&opened(1, 5, Role::Client));
    assert_eq!(worker.counters().connections.opened, 1);
    assert_eq!(worker.counters().connections.open, 1);
}

#[test]
fn a_million_short_connections_leave_nothing_behind() {
    let mut worker = worker(WorkerSettings { connections: 1000, ..WorkerSettings::live() });
    for id in 0..1_000_000 {
        worker.event(&opened(id, id / 100, Role::Server));
        worker.event(&Event::Chunk(chunk(id, id / 100, Flow::Received, 100, 100, b"G")));
        if id % 3 > 0 {
            worker.event(&closed(id, id / 100));
        }
    }
    let counters = worker.counters().connections;
    assert_eq!(counters.opened, 1_000_000);
    assert_eq!(counters.open, 1000);
    assert_eq!(counters.opened, counters.open + counters.closed + counters.evicted_full);
    assert!(worker.places() <= 1000, "{} places for 1000 connections", worker.places());
    worker.finish(milliseconds(10_000));
    assert_eq!(worker.held_bytes(), 0);
    assert_eq!(worker.counters().connections.open, 0);
}

#[test]
fn a_connection_costs_less_than_a_kibibyte_before_its_parser() {
    let bytes = Worker::<Told>::bytes_per_connection();
    assert!(bytes <= 1024, "{bytes} bytes per connection");
}

#[test]
fn counters_of_workers_add_up() {
    let mut first = worker(WorkerSettings::live());
    first.event(&opened(1, 0, Role::Server));
    let mut second = worker(WorkerSettings::live());
    second.event(&opened(2, 0, Role::Server));
    second.event(&Event::Chunk(chunk(2, 0, Flow::Received, 1, 1, b"abc")));
    let mut sum = first.counters();
    sum.merge(&second.counters());
    assert_eq!((sum.connections.open, sum.connections.bytes), (2, 3));
}
