//! What observers are told of connections as a whole.

use plainsight_protocols::Protocol;

use super::*;
use crate::flow::{ConnectionFacts, Worker, WorkerSettings};

/// Keeps what it was told, in order.
#[derive(Debug, Default)]
struct Lives(Vec<(String, ConnectionFacts)>);

impl Observer for Lives {
    fn exchange(&mut self, _: &Observed<'_>) {}

    fn unobserved(&mut self, _: u64) {}

    fn ignore(&mut self, _: ConnectionId) {}

    fn forgotten(&mut self, _: ConnectionId) {}

    fn connection_opened(&mut self, connection: &ConnectionFacts) {
        self.0.push(("opened".to_owned(), *connection));
    }

    fn connection_moved(&mut self, connection: &ConnectionFacts, received: u64, sent: u64) {
        self.0.push((format!("moved {received} {sent}"), *connection));
    }

    fn connection_closed(&mut self, connection: &ConnectionFacts, closed: Option<&Closed>) {
        let how = closed.map_or("given up", |closed| if closed.reset { "reset" } else { "closed" });
        self.0.push((how.to_owned(), *connection));
    }
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn by(pid: u32, mut chunk: Chunk<'_>) -> Event<'_> {
    chunk.process = Process { pid, ..Process::default() };
    Event::Chunk(chunk)
}

fn ended(received_bytes: Option<u64>, sent_bytes: Option<u64>) -> Event<'static> {
    let Event::Closed(closed) = closed(1, 900) else { unreachable!("that is what it makes") };
    Event::Closed(Closed { received_bytes, sent_bytes, reset: true, ..closed })
}

fn told(worker: &Worker<Lives>) -> Vec<&str> {
    worker.observer().0.iter().map(|(told, _)| told.as_str()).collect()
}

#[test]
fn a_connection_is_opened_by_its_first_bytes_and_keeps_its_process() {
    let mut worker = Worker::new(WorkerSettings::live(), Lives::default());
    worker.event(&opened(1, 1, Role::Server));
    assert!(told(&worker).is_empty(), "nobody knows whose it is");
    worker.event(&by(7, chunk(1, 2, Flow::Received, 100, 500, REQUEST)));
    worker.event(&by(8, chunk(1, 3, Flow::Sent, 500, 100 + REQUEST.len() as u32, RESPONSE)));
    // The kernel counts a SYN and a FIN as well.
    worker.event(&ended(Some(REQUEST.len() as u64 + 1), Some(RESPONSE.len() as u64 + 2)));
    let moved = format!("moved {} {}", REQUEST.len(), RESPONSE.len());
    assert_eq!(told(&worker), ["opened", &moved, "reset"]);
    let facts: Vec<_> = worker.observer().0.iter().map(|(_, facts)| *facts).collect();
    assert!(facts.iter().all(|facts| facts.pid == 7 && facts.role == Role::Server), "{facts:?}");
    assert_eq!((facts[0].protocol, facts[2].protocol), (None, Some(Protocol::Http)));
}

#[test]
fn bytes_are_told_now_and_then_and_what_came_in_no_chunk_at_the_end() {
    let mut worker = Worker::new(WorkerSettings::live(), Lives::default());
    worker.event(&opened(1, 1, Role::Client));
    for number in 0..20 {
        let large =
            Chunk { length: 10_000, ..chunk(1, 2 + number, Flow::Received, 10_000 * number as u32, 0, b"?") };
        worker.event(&Event::Chunk(large));
    }
    worker.event(&ended(Some(1_000_002), Some(2)));
    assert_eq!(told(&worker), ["opened", "moved 70000 0", "moved 70000 0", "moved 860000 0", "reset"]);
}

#[test]
fn a_connection_without_bytes_and_one_that_is_given_up_are_told_of_as_well() {
    let mut worker =
        Worker::new(WorkerSettings { connections: 1, ..WorkerSettings::live() }, Lives::default());
    worker.event(&opened(1, 1, Role::Client));
    worker.event(&ended(None, None));
    assert_eq!(told(&worker), ["opened", "reset"]);
    worker.event(&opened(2, 2, Role::Client));
    worker.event(&Event::Chunk(chunk(2, 3, Flow::Sent, 1, 1, b"?")));
    worker.event(&opened(3, 4, Role::Client));
    assert_eq!(told(&worker)[2..], ["opened", "moved 0 1", "given up"]);
}
