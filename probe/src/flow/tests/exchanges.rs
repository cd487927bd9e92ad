//! From events to exchanges, with HTTP as the protocol.

use std::time::Duration;

use super::*;
use crate::capture::EndOfStream;
use crate::flow::{Worker, WorkerSettings};

const REQUEST: &[u8] = b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const SPLIT: usize = 20;

/// A connection whose two ends speak in turn, each chunk with its true place.
struct Dialogue {
    worker: Worker<Told>,
    id: u64,
    at: u64,
    received: u32,
    sent: u32,
}

impl Dialogue {
    fn new(settings: WorkerSettings, role: Role) -> Self {
        let mut worker = Worker::new(settings, Told::default());
        worker.event(&opened(1, 0, role));
        Self { worker, id: 1, at: 1, received: 1000, sent: 9000 }
    }

    fn say(&mut self, flow: Flow, bytes: &[u8]) {
        self.say_after_loss(flow, bytes, 0);
    }

    fn say_after_loss(&mut self, flow: Flow, bytes: &[u8], lost_calls: u32) {
        let (own, opposite) = match flow {
            Flow::Received => (&mut self.received, self.sent),
            Flow::Sent => (&mut self.sent, self.received),
        };
        let chunk = chunk(self.id, self.at, flow, *own, opposite, bytes);
        *own += bytes.len() as u32;
        self.worker.event(&Event::Chunk(Chunk { lost_calls, ..chunk }));
    }

    fn tick(&mut self, at: u64) {
        self.at = at;
        self.worker.tick(milliseconds(at));
    }

    fn told(&self) -> Vec<&str> {
        self.worker.observer().exchanges.iter().map(String::as_str).collect()
    }
}

#[test]
fn a_server_that_reads_a_request_and_writes_a_response_is_one_exchange_on_the_servers_side() {
    let mut dialogue = Dialogue::new(WorkerSettings::live(), Role::Server);
    dialogue.say(Flow::Received, REQUEST);
    dialogue.say(Flow::Sent, RESPONSE);
    assert_eq!(dialogue.told(), ["1 Server GET /one 200 Complete"]);
    assert_eq!(dialogue.worker.counters().exchanges.complete, 1);
}

#[test]
fn a_client_is_told_from_a_server_by_its_role() {
    let mut dialogue = Dialogue::new(WorkerSettings::live(), Role::Client);
    dialogue.say(Flow::Sent, REQUEST);
    dialogue.say(Flow::Received, RESPONSE);
    assert_eq!(dialogue.told(), ["1 Client GET /one 200 Complete"]);
}

#[test]
fn the_content_corrects_a_role_that_was_guessed_from_the_ports() {
    // The lower port is that of the observed end, but it is the one that asks.
    let mut dialogue = Dialogue::new(WorkerSettings::live(), Role::Unknown);
    dialogue.say(Flow::Sent, REQUEST);
    dialogue.say(Flow::Received, RESPONSE);
    dialogue.say(Flow::Sent, REQUEST);
    dialogue.say(Flow::Received, RESPONSE);
    assert_eq!(dialogue.told(), ["1 Client GET /one 200 Complete"; 2]);
}

#[test]
fn a_response_alone_corrects_the_guess_too() {
    let mut dialogue = Dialogue::new(WorkerSettings::live(), Role::Unknown);
    dialogue.say(Flow::Received, RESPONSE);
    dialogue.worker.event(&closed(1, 3));
    let [told] = dialogue.told()[..] else { panic!("{:?}", dialogue.told()) };
    assert!(told.starts_with("1 Client") && told.ends_with("Partial"), "{told}");
}

#[test]
fn chunks_out_of_order_make_the_same_exchange() {
    let mut dialogue = Dialogue::new(WorkerSettings::live(), Role::Server);
    let begin = chunk(1, 1, Flow::Received, 1000, 9000, &REQUEST[..SPLIT]);
    let rest = chunk(1, 1, Flow::Received, 1000 + SPLIT as u32, 9000, &REQUEST[SPLIT..]);
    dialogue.worker.event(&Event::Chunk(Chunk { length: 0, bytes: b"", ..begin }));
    dialogue.worker.event(&Event::Chunk(rest));
    dialogue.worker.event(&Event::Chunk(begin));
    dialogue.received += REQUEST.len() as u32;
    dialogue.say(Flow::Sent, RESPONSE);
    assert_eq!(dialogue.told(), ["1 Server GET /one 200 Complete"]);
    assert_eq!(dialogue.worker.counters().streams.reordered_chunks, 1);
}

#[test]
fn a_hole_that_nothing_fills_is_given_up_within_ten_milliseconds() {
    let mut dialogue = Dialogue::new(WorkerSettings::live(), Role::Server);
    dialogue.say(Flow::Received, REQUEST);
    dialogue.say(Flow::Sent, RESPONSE);
    dialogue.at = 10;
    dialogue.received += 30;
    dialogue.say(Flow::Received, REQUEST);
    assert_eq!(dialogue.worker.counters().streams.gaps, 0);
    for at in 11..20 {
        dialogue.tick(at);
    }
    let counters = dialogue.worker.counters().streams;
    assert_eq!((counters.gaps, counters.lost_bytes), (1, 30));
}

#[test]
fn a_response_that_waits_for_its_request_is_given_up_though_nothing_more_happens() {
    let mut dialogue = Dialogue::new(WorkerSettings::live(), Role::Server);
    dialogue.say(Flow::Received, REQUEST);
    dialogue.say(Flow::Sent, RESPONSE);
    dialogue.received += REQUEST.len() as u32;
    dialogue.say(Flow::Sent, RESPONSE);
    assert_eq!(dialogue.told().len(), 1);
    for at in (2..40).step_by(2) {
        dialogue.tick(at);
    }
    assert_eq!(dialogue.told().len(), 2);
    assert!(dialogue.told()[1].ends_with("Partial"), "{:?}", dialogue.told());
}

#[test]
fn the_end_of_a_connection_says_why_a_request_has_no_response() {
    let reset = |id, at| match closed(id, at) {
        Event::Closed(closed) => Event::Closed(Closed { reset: true, ..closed }),
        other => other,
    };
    for (end, reason) in [(closed(1, 5), "Closed"), (reset(1, 5), "Reset")] {
        let mut dialogue = Dialogue::new(WorkerSettings::live(), Role::Server);
        dialogue.say(Flow::Received, REQUEST);
        dialogue.worker.event(&end);
        let [told] = dialogue.told()[..] else { panic!("{:?}", dialogue.told()) };
        assert!(told.ends_with(&format!("NoResponse({reason})")), "{told}");
        assert_eq!(dialogue.worker.counters().connections.open, 0);
    }
}

#[test]
fn a_silent_connection_is_given_up_as_timed_out_and_the_end_of_observation_evicts() {
    let idle_timeout = Duration::from_secs(5);
    let settings = WorkerSettings { idle_timeout, ..WorkerSettings::live() };
    let mut dialogue = Dialogue::new(settings.clone(), Role::Server);
    dialogue.say(Flow::Received, REQUEST);
    dialogue.tick(6000);
    let [told] = dialogue.told()[..] else { panic!("{:?}", dialogue.told()) };
    assert!(told.ends_with("NoResponse(Timeout)"), "{told}");

    let mut dialogue = Dialogue::new(settings, Role::Server);
    dialogue.say(Flow::Received, REQUEST);
    dialogue.worker.finish(milliseconds(2));
    let [told] = dialogue.told()[..] else { panic!("{:?}", dialogue.told()) };
    assert!(told.ends_with("NoResponse(Evicted)"), "{told}");
    assert!(dialogue.worker.observer().forgotten.is_empty());
}

#[test]
fn calls_lost_before_the_close_keep_a_body_that_ends_with_the_connection_from_being_whole() {
    for (lost_calls, outcome) in [(0, "Complete"), (2, "Partial")] {
        let mut dialogue = Dialogue::new(WorkerSettings::live(), Role::Server);
        dialogue.say(Flow::Received, REQUEST);
        dialogue.say(Flow::Sent, b"HTTP/1.1 200 OK\r\n\r\nuntil the end");
        let Event::Closed(end) = closed(1, 5) else { panic!() };
        dialogue.worker.event(&Event::Closed(Closed { lost_calls: [0, lost_calls], ..end }));
        let [told] = dialogue.told()[..] else { panic!("{:?}", dialogue.told()) };
        assert!(told.ends_with(outcome), "{told}");
    }
}

#[test]
fn the_end_of_a_stream_ends_a_body_that_has_no_length() {
    let mut dialogue = Dialogue::new(WorkerSettings::replay(), Role::Server);
    dialogue.worker.event(&Event::Chunk(Chunk { length: 0, ..chunk(1, 1, Flow::Received, 1000, 9000, b"") }));
    dialogue.say(Flow::Received, REQUEST);
    dialogue.say(Flow::Sent, b"HTTP/1.1 200 OK\r\n\r\nuntil the end");
    let end = EndOfStream {
        connection: ConnectionId(1),
        at: milliseconds(2),
        flow: Flow::Sent,
        sequence: Some(dialogue.sent),
        lost_calls: 0,
    };
    assert!(dialogue.told().is_empty());
    dialogue.worker.event(&Event::EndOfStream(end));
    assert_eq!(dialogue.told(), ["1 Server GET /one 200 Complete"]);
}

#[test]
fn a_connection_that_speaks_nothing_known_is_ignored_once_and_costs_nothing_more() {
    let mut dialogue = Dialogue::new(WorkerSettings::live(), Role::Server);
    for _ in 0..100 {
        dialogue.say(Flow::Received, b"\x00\x01\x02\x03 nothing that anyone knows");
        dialogue.say(Flow::Sent, b"\xff\xfe nor this");
    }
    dialogue.tick(5000);
    assert_eq!(dialogue.worker.observer().ignored, [1]);
    let counters = dialogue.worker.counters().connections;
    assert_eq!((counters.ignored, counters.chunks, counters.open), (1, 200, 1));
    assert_eq!(dialogue.worker.held_bytes(), 0);
    dialogue.worker.event(&closed(1, 6000));
    assert_eq!(dialogue.worker.counters().connections.open, 0);
    assert!(dialogue.told().is_empty());
}

#[test]
fn lost_exchanges_are_told_and_counted_alike() {
    let mut dialogue = Dialogue::new(WorkerSettings::live(), Role::Server);
    dialogue.say(Flow::Received, REQUEST);
    dialogue.say(Flow::Sent, RESPONSE);
    dialogue.received += REQUEST.len() as u32;
    dialogue.sent += RESPONSE.len() as u32;
    dialogue.say_after_loss(Flow::Received, REQUEST, 1);
    dialogue.say_after_loss(Flow::Sent, RESPONSE, 1);
    dialogue.worker.finish(milliseconds(100));
    let counters = dialogue.worker.counters().exchanges;
    assert_eq!(dialogue.told().len() as u64, counters.total());
    assert_eq!(dialogue.worker.observer().unobserved, counters.unobserved);
    assert_eq!(counters.total() + counters.unobserved, 3, "{:?}", dialogue.told());
}

#[test]
fn parsers_that_hold_too_much_together_start_anew_the_longest_holding_first() {
    let settings = WorkerSettings { parser_bytes: 10_000, ..WorkerSettings::live() };
    let mut worker = Worker::new(settings, Told::default());
    let begin = b"GET /never-ends HTTP/1.1\r\nHost: a\r\nX-Long: ";
    let more = [b'x'; 1000];
    for id in 1..=20 {
        worker.event(&opened(id, id * 20, Role::Server));
        worker.event(&Event::Chunk(chunk(id, id * 20, Flow::Received, 1000, 1, begin)));
        worker.event(&Event::Chunk(chunk(id, id * 20, Flow::Received, 1000 + begin.len() as u32, 1, &more)));
        worker.tick(milliseconds(id * 20 + 15));
        assert!(worker.held_bytes() <= 10_000, "{} bytes are held", worker.held_bytes());
    }
    let counters = worker.counters().connections;
    assert!(counters.restarted >= 10, "{} restarts", counters.restarted);
    assert_eq!(counters.open, 20);
}

/// What a client and a server of MySQL said, a line for each part, from their first bytes to a query that is compressed
/// as they had agreed.
const COMPRESSED: &str = include_str!("../../../../protocols/src/mysql/tests/recorded/zlib.chunks");

#[test]
fn a_connection_that_goes_on_compressed_is_reported_so_far_and_ignored_from_there_on() {
    let mut dialogue = Dialogue::new(WorkerSettings::live(), Role::Server);
    let lines: Vec<_> = COMPRESSED.lines().collect();
    for line in &lines {
        let (head, text) = line.split_once(' ').expect("who speaks, then what");
        let digits = |place: usize| text.get(place..place + 2).expect("two digits a byte");
        let byte = |place| u8::from_str_radix(digits(place), 16).expect("a byte");
        let bytes: Vec<u8> = (0..text.len()).step_by(2).map(byte).collect();
        let flow = if head.ends_with('>') { Flow::Received } else { Flow::Sent };
        dialogue.say(flow, &bytes);
    }
    dialogue.tick(5000);
    assert_eq!(dialogue.worker.observer().ignored, [1], "said once: the kernel stops copying");
    assert_eq!(dialogue.told(), ["1 Server LOGIN app@shop (zlib) Complete"]);
    assert_eq!(dialogue.worker.held_bytes(), 0);
    let counters = dialogue.worker.counters().connections;
    assert_eq!((counters.ignored, counters.chunks), (1, lines.len() as u64));
}
