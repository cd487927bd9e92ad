//! What the bounded table gives up, and what that costs.

use super::{frames::*, in_words, replay};
use crate::{
    capture::Transport,
    replay::{
        CLOSED_IDLE, Reader, TCP_IDLE, Tracker, UDP_IDLE,
        table::{Key, Kind, Table},
    },
};
use plainsight_protocols::Timestamp;

#[test]
fn silence_ends_a_connection_by_the_time_of_the_capture() {
    let tcp = TCP_IDLE.as_secs() as u32;
    let udp_idle = UDP_IDLE.as_secs() as u32;
    let question = || udp(CLIENT, "10.0.0.2:53", b"who?");
    let file = pcap(
        RAW,
        &[
            captured(10, request(7, 9, b"a").ip()),
            captured(10, question()),
            captured(10 + udp_idle, question()),
            captured(11 + 2 * udp_idle, question()),
            captured(10 + tcp, request(8, 9, b"b").ip()),
            captured(11 + 2 * tcp, request(9, 9, b"c").ip()),
        ],
    );
    let replayed = replay(&file);
    let ids: Vec<_> =
        replayed.events.iter().filter(|event| event.contains('+')).map(|event| &event[..1]).collect();
    assert_eq!(ids, ["1", "2", "2", "3", "1", "4"]);
    assert_eq!((replayed.summary.connections, replayed.summary.idle_evictions), (4, 3));
}

#[test]
fn a_clock_that_goes_back_evicts_nothing() {
    let file = pcap(
        RAW,
        &[
            captured(1_000_000, request(7, 9, b"a").ip()),
            captured(10, request(8, 9, b"b").ip()),
            captured(1_000_001, request(9, 9, b"c").ip()),
        ],
    );
    let replayed = replay(&file);
    assert_eq!((replayed.summary.connections, replayed.summary.idle_evictions), (1, 0));
    assert_eq!(replayed.summary.duration().as_secs(), 999_991);
}

#[test]
fn a_full_table_gives_up_what_was_silent_for_longest() {
    let from = |port: u16| Tcp::new(&format!("10.0.0.1:{port}"), SERVER, ACK, 1, 1).payload(b"abc");
    let segments = [from(1), from(2), from(3), from(1), from(4), from(1), from(2)];
    let file = capture_of(&segments);
    let mut seen = Vec::new();
    let mut reader = Reader::new(&*file).unwrap().continuing(Tracker::with_capacity(3));
    let summary = reader.run(|event| seen.push(in_words(event))).unwrap();
    let ids: Vec<_> = seen.iter().filter(|event| event.contains('+')).map(|event| &event[..1]).collect();
    assert_eq!(ids, ["1", "2", "3", "1", "4", "1", "5"]);
    assert_eq!((summary.connections, summary.full_evictions), (5, 2));
}

#[test]
fn closed_connections_make_room_first() {
    let key = |port: u16| {
        Key::new(Transport::Tcp, "10.0.0.1:1".parse().unwrap(), format!("10.0.0.2:{port}").parse().unwrap())
    };
    let at = Timestamp::from_nanos;
    let mut table = Table::new(3);
    table.insert(key(1), 1, Kind::Tcp, at(1));
    table.insert(key(2), 2, Kind::Udp, at(2));
    let (place, evicted) = table.insert(key(3), 3, Kind::Tcp, at(3));
    assert!(!evicted);
    table.touch(place, Kind::Closed, at(4));
    assert!(table.insert(key(4), 4, Kind::Tcp, at(5)).1);
    assert_eq!(table.find(&key(3)), None);
    assert!(table.insert(key(5), 5, Kind::Tcp, at(6)).1);
    assert_eq!(table.find(&key(1)), None);
    let place = table.find(&key(2)).unwrap();
    assert_eq!(*table.value(place), 2);
    assert_eq!(table.evict_idle(at(7 + CLOSED_IDLE.as_nanos() as u64)), 0);
    assert_eq!(table.evict_idle(at(7 + UDP_IDLE.as_nanos() as u64)), 1);
    assert_eq!(table.evict_idle(at(7 + TCP_IDLE.as_nanos() as u64)), 2);
}
