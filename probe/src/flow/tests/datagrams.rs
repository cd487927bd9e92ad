//! UDP sockets: what is asked and answered on them, and their bounds.

use std::time::Duration;

use super::*;
use crate::capture::Datagram;
use crate::flow::sockets::bytes_per_socket;
use crate::flow::{Worker, WorkerSettings};

const SERVER: &str = "10.0.0.53:53";
const CLIENT: &str = "10.0.0.7:40000";

/// A question for `x` with an id, or its answer: that there is no such name.
fn message(id: u16, answers: bool) -> Vec<u8> {
    let flags = if answers { 0x8183_u16 } else { 0x0100 };
    let head: Vec<_> = [id, flags, 1, 0, 0, 0].into_iter().flat_map(u16::to_be_bytes).collect();
    [&head[..], b"\x01x\0\0\x01\0\x01"].concat()
}

fn worker(settings: WorkerSettings) -> Worker<Told> {
    let mut worker = Worker::new(settings, Told::default());
    worker.tick(milliseconds(0));
    worker
}

/// Tells of a datagram between two addresses, at 100 s plus so many milliseconds.
fn tell(worker: &mut Worker<Told>, socket: u64, at: u64, flow: Flow, ends: [&str; 2], bytes: &[u8]) {
    let [local, remote] = ends.map(|end| end.parse().expect("an address"));
    worker.event(&Event::Datagram(Datagram {
        connection: ConnectionId(socket),
        at: milliseconds(100_000 + at),
        flow,
        local,
        remote,
        length: bytes.len() as u32,
        bytes,
        process: Process::default(),
    }));
}

#[test]
fn both_sides_of_an_exchange_are_seen_each_on_its_socket() {
    let mut worker = worker(WorkerSettings::live());
    tell(&mut worker, 1, 0, Flow::Sent, [CLIENT, SERVER], &message(5, false));
    tell(&mut worker, 2, 1, Flow::Received, ["0.0.0.0:53", CLIENT], &message(5, false));
    tell(&mut worker, 2, 2, Flow::Sent, ["0.0.0.0:53", CLIENT], &message(5, true));
    tell(&mut worker, 1, 3, Flow::Received, [CLIENT, SERVER], &message(5, true));
    assert_eq!(
        worker.observer().exchanges,
        ["2 Server A x NXDOMAIN Complete", "1 Client A x NXDOMAIN Complete"]
    );
    let counters = worker.counters();
    assert_eq!((counters.sockets.open, counters.sockets.datagrams, counters.exchanges.complete), (2, 4, 2));
    assert_eq!(worker.held_bytes(), 0);
}

#[test]
fn a_question_without_an_answer_is_given_up_by_ticks_alone() {
    let mut worker = worker(WorkerSettings::live());
    tell(&mut worker, 1, 0, Flow::Sent, [CLIENT, SERVER], &message(5, false));
    for at in (100_000..104_900).step_by(2) {
        worker.tick(milliseconds(at));
    }
    assert!(worker.observer().exchanges.is_empty());
    for at in (104_900..106_100).step_by(2) {
        worker.tick(milliseconds(at));
    }
    assert_eq!(worker.observer().exchanges, ["1 Client A x timeout NoResponse(Timeout)"]);
}

#[test]
fn an_answer_that_overtook_its_question_is_settled_by_ticks_alone() {
    let mut worker = worker(WorkerSettings::live());
    tell(&mut worker, 1, 0, Flow::Sent, ["10.0.0.53:53", CLIENT], &message(5, true));
    for at in (100_000..100_100).step_by(2) {
        worker.tick(milliseconds(at));
    }
    assert!(worker.observer().exchanges.is_empty(), "its question may be told late");
    for at in (100_100..100_120).step_by(2) {
        worker.tick(milliseconds(at));
    }
    assert_eq!(worker.observer().exchanges, ["1 Server A x NXDOMAIN Partial"]);
}

#[test]
fn questions_that_wait_at_the_end_of_the_observation_are_reported() {
    let mut worker = worker(WorkerSettings::live());
    tell(&mut worker, 1, 0, Flow::Sent, [CLIENT, SERVER], &message(5, false));
    worker.finish(milliseconds(100_001));
    assert_eq!(worker.observer().exchanges, ["1 Client A x ? NoResponse(Evicted)"]);
    assert_eq!(worker.counters().sockets.open, 0);
}

#[test]
fn datagrams_of_other_protocols_enter_no_socket() {
    let mut worker = worker(WorkerSettings::live());
    for socket in 0..1000 {
        tell(&mut worker, socket, 0, Flow::Sent, [CLIENT, "10.0.0.9:443"], &[0xc3; 1200]);
    }
    let sockets = worker.counters().sockets;
    assert_eq!((sockets.open, sockets.datagrams, sockets.messages), (0, 1000, 0));
}

#[test]
fn questions_enter_no_socket_when_nobody_wants_them() {
    let wanted = plainsight_protocols::Wanted::only(&[plainsight_protocols::Protocol::Redis]);
    let protocols = plainsight_protocols::Settings { wanted, ..Default::default() };
    let mut worker = worker(WorkerSettings { protocols, ..WorkerSettings::live() });
    tell(&mut worker, 1, 0, Flow::Sent, [CLIENT, SERVER], &message(5, false));
    tell(&mut worker, 1, 1, Flow::Received, [CLIENT, SERVER], &message(5, true));
    assert!(worker.observer().exchanges.is_empty());
    assert_eq!(worker.counters().sockets.open, 0);
}

#[test]
fn sockets_and_their_questions_are_bounded_and_what_that_costs_is_counted() {
    let mut worker = worker(WorkerSettings { sockets: 100, socket_bytes: 40_000, ..WorkerSettings::live() });
    for socket in 0..1000_u64 {
        tell(&mut worker, socket, socket, Flow::Sent, [CLIENT, SERVER], &message(socket as u16, false));
        assert!(worker.held_bytes() <= 40_000);
    }
    let counters = worker.counters();
    assert_eq!(counters.sockets.open, 100);
    assert_eq!(counters.sockets.evicted_full, 900);
    assert!(counters.sockets.given_up > 0);
    worker.finish(milliseconds(102_000));
    assert_eq!(worker.counters().exchanges.no_response, 1000);
    assert_eq!(worker.held_bytes(), 0);
}

#[test]
fn a_silent_socket_is_dropped_and_met_again_without_a_word() {
    let socket_idle_timeout = Duration::from_secs(10);
    let mut worker = worker(WorkerSettings { socket_idle_timeout, ..WorkerSettings::live() });
    tell(&mut worker, 1, 0, Flow::Sent, [CLIENT, SERVER], &message(5, false));
    worker.tick(milliseconds(130_000));
    assert_eq!(worker.counters().sockets.evicted_idle, 1);
    assert!(worker.observer().forgotten.is_empty());
    tell(&mut worker, 1, 31_000, Flow::Sent, [CLIENT, SERVER], &message(6, false));
    tell(&mut worker, 1, 31_001, Flow::Received, [CLIENT, SERVER], &message(6, true));
    assert_eq!(
        worker.observer().exchanges.last().map(String::as_str),
        Some("1 Client A x NXDOMAIN Complete")
    );
}

#[test]
fn a_capture_is_seen_from_the_server_whichever_end_was_taken_for_it() {
    let mut worker = worker(WorkerSettings::replay());
    tell(&mut worker, 1, 0, Flow::Sent, ["10.0.0.7:53", "10.0.0.53:5300"], &message(5, false));
    tell(&mut worker, 1, 1, Flow::Received, ["10.0.0.7:53", "10.0.0.53:5300"], &message(5, true));
    assert_eq!(worker.observer().exchanges, ["1 Server A x NXDOMAIN Complete"]);
}

#[test]
fn a_socket_costs_less_than_half_a_kibibyte_before_its_questions() {
    let bytes = bytes_per_socket();
    assert!(bytes <= 512, "{bytes} bytes per socket");
}
