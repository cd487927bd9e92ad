//! Questions and answers of one UDP socket.

use super::*;
use crate::{Outcome, testing::MILLISECOND};

const RESOLVER: &str = "10.0.0.53:53";

#[test]
fn a_question_and_its_answer_are_one_exchange_seen_from_the_client() {
    let mut socket = Socket::at("10.0.0.7:40000");
    let asked = query(1, "example.org", A);
    let answered = answer(&asked, 0, &[address(1), address(2), address(3)]);
    assert!(socket.send(RESOLVER, &asked));
    assert!(socket.receive(RESOLVER, &answered));
    assert_eq!(socket.lines(), ["client A example.org 192.0.2.1 +2 Complete"]);
    let seen = &socket.seen()[0];
    assert_eq!((seen.request_bytes, seen.response_bytes), (asked.len() as u64, answered.len() as u64));
    assert_eq!(seen.ended.unwrap() - seen.started, MICROSECOND);
    let (ends, tag) = socket.told.ends[0];
    assert_eq!(ends.endpoints().client, socket_address("10.0.0.7:40000"));
    assert_eq!(ends.endpoints().server, socket_address(RESOLVER));
    assert_eq!(tag, 7);
    assert_eq!(seen.offsets, [None; 2], "datagrams are no stream");
}

#[test]
fn a_server_socket_keeps_thousands_of_clients_apart() {
    let mut socket = Socket::at("0.0.0.0:53");
    let client = |number: u16| format!("10.1.{}.{}:{}", number >> 8, number & 255, 1024 + number);
    let asked = |number: u16| query(number % 7, &format!("n{}.example", number % 5), A);
    for number in 0..3000 {
        socket.receive(&client(number), &asked(number));
    }
    for number in (0..3000).rev() {
        socket.send(&client(number), &answer(&asked(number), 0, &[address(number as u8)]));
    }
    assert_eq!(socket.seen().len(), 3000);
    for (seen, (ends, _)) in socket.seen().iter().zip(&socket.told.ends) {
        assert_eq!((seen.outcome, ends.side), (Outcome::Complete, Side::Server));
        let number = ends.remote.port() - 1024;
        let summary = format!("A n{}.example 192.0.2.{}", number % 5, number as u8);
        assert_eq!(seen.summary, summary);
    }
}

#[test]
fn questions_for_both_families_in_one_call_are_answered_in_any_order() {
    let mut socket = Socket::at("10.0.0.7:40000");
    let (four, six) = (query(10, "example.org", A), query(11, "example.org", AAAA));
    socket.send(RESOLVER, &four);
    socket.send(RESOLVER, &six);
    socket.receive(RESOLVER, &answer(&six, 0, &[record(None, AAAA, &[0x20; 16])]));
    socket.receive(RESOLVER, &answer(&four, 3, &[]));
    assert_eq!(
        socket.lines(),
        [
            "client AAAA example.org 2020:2020:2020:2020:2020:2020:2020:2020 Complete",
            "client A example.org NXDOMAIN Complete"
        ]
    );
}

#[test]
fn no_answer_is_no_response_after_the_timeout_and_no_code() {
    let mut socket = Socket::at("10.0.0.7:40000");
    socket.send(RESOLVER, &query(1, "example.org", A));
    socket.pass(5 * SECOND - 1);
    assert!(socket.seen().is_empty());
    socket.pass(1);
    assert_eq!(socket.lines(), ["client A example.org timeout NoResponse(Timeout)"]);
    let seen = &socket.seen()[0];
    assert_eq!(seen.ended, None);
    assert_eq!(seen.error(), Some("timeout"));
    assert_eq!(seen.attribute("plainsight.dns.response_code"), None);
    // What comes after that has been reported already.
    socket.receive(RESOLVER, &answer(&query(1, "example.org", A), 0, &[address(1)]));
    socket.pass(SECOND);
    assert_eq!(socket.seen().len(), 1);
}

#[test]
fn a_question_sent_again_is_the_same_exchange_and_a_second_answer_none() {
    for local in ["10.0.0.7:40000", "10.0.0.7:53"] {
        let mut socket = Socket::at(local);
        let sent = local.ends_with("40000");
        let asked = query(1, "example.org", A);
        let answered = answer(&asked, 0, &[address(1)]);
        socket.datagram(sent, RESOLVER, &asked);
        socket.pass(4 * SECOND);
        socket.datagram(sent, RESOLVER, &asked);
        socket.pass(4 * SECOND);
        assert!(socket.seen().is_empty());
        socket.datagram(!sent, RESOLVER, &answered);
        socket.datagram(!sent, RESOLVER, &answered);
        socket.pass(SECOND);
        assert_eq!(socket.seen().len(), 1, "{local}");
        let seen = &socket.seen()[0];
        assert_eq!(seen.attribute("plainsight.dns.retries"), Some("1"));
        assert_eq!(seen.request_bytes, 2 * asked.len() as u64);
        assert_eq!(seen.ended.unwrap() - seen.started, 8 * SECOND + 2 * MICROSECOND);
    }
}

#[test]
fn only_the_one_who_was_asked_answers_with_the_id_and_the_question_that_were_sent() {
    let mut socket = Socket::at("10.0.0.7:40000");
    let asked = query(1, "example.org", A);
    socket.send(RESOLVER, &asked);
    socket.receive("10.0.0.54:53", &answer(&asked, 0, &[address(66)]));
    socket.receive("10.0.0.53:54", &answer(&asked, 0, &[address(66)]));
    socket.receive(RESOLVER, &answer(&query(2, "example.org", A), 0, &[address(66)]));
    socket.receive(RESOLVER, &answer(&query(1, "example.net", A), 0, &[address(66)]));
    socket.receive(RESOLVER, &answer(&query(1, "example.org", AAAA), 0, &[]));
    socket.pass(SECOND);
    assert_eq!(socket.lines(), [""; 0]);
    socket.receive(RESOLVER, &answer(&query(1, "eXample.oRG", A), 0, &[address(1)]));
    assert_eq!(socket.lines(), ["client A example.org 192.0.2.1 Complete"]);
}

#[test]
fn an_id_used_again_for_another_name_is_another_exchange() {
    let mut socket = Socket::at("10.0.0.7:40000");
    let names = ["a.example", "b.example", "c.example"];
    for name in names {
        socket.send(RESOLVER, &query(0, name, A));
    }
    for name in ["b.example", "c.example", "a.example"] {
        socket.receive(RESOLVER, &answer(&query(0, name, A), 0, &[]));
    }
    assert_eq!(socket.seen().len(), 3);
    assert!(socket.seen().iter().all(|seen| seen.outcome == Outcome::Complete));
}

#[test]
fn an_answer_without_the_question_belongs_to_the_only_one_with_its_id() {
    let mut socket = Socket::at("10.0.0.7:40000");
    let refused = |id| head(id, 0x8001, [0; 4]);
    socket.send(RESOLVER, &query(1, "a.example", A));
    socket.receive(RESOLVER, &refused(1));
    assert_eq!(socket.lines(), ["client A a.example FORMERR Complete"]);
    socket.send(RESOLVER, &query(2, "a.example", A));
    socket.send(RESOLVER, &query(2, "b.example", A));
    socket.receive(RESOLVER, &refused(2));
    socket.pass(SECOND);
    assert_eq!(socket.seen().len(), 1, "which of the two is not known");
}

#[test]
fn an_answer_that_is_seen_before_its_question_waits_for_it() {
    let mut socket = Socket::at("10.0.0.7:40000");
    let asked = query(1, "example.org", A);
    socket.receive(RESOLVER, &answer(&asked, 0, &[address(1)]));
    assert!(socket.datagrams.is_holding());
    socket.pass(99 * MILLISECOND);
    socket.send(RESOLVER, &asked);
    assert_eq!(socket.lines(), ["client A example.org 192.0.2.1 Complete"]);
    let seen = &socket.seen()[0];
    assert_eq!(seen.ended, Some(seen.started), "no duration is negative");
    assert!(!socket.datagrams.is_holding() && !socket.datagrams.is_waiting());
}

#[test]
fn answers_to_questions_from_before_the_observation_are_partial_and_later_ones_nothing() {
    let joined = |since: u64| {
        let mut socket = Socket::since("10.0.0.7:40000", since);
        let answered = answer(&query(1, "example.org", A), 0, &[address(1)]);
        socket.receive(RESOLVER, &answered);
        socket.pass(101 * MILLISECOND);
        socket.receive(RESOLVER, &answered);
        socket.pass(101 * MILLISECOND);
        socket.lines()
    };
    assert_eq!(joined(99 * SECOND), ["client A example.org 192.0.2.1 Partial"]);
    assert_eq!(joined(90 * SECOND), [""; 0]);
}

#[test]
fn what_a_server_answers_was_asked_even_if_the_question_was_lost() {
    let mut socket = Socket::at("10.0.0.53:53");
    socket.send("10.0.0.7:40000", &answer(&query(1, "example.org", A), 0, &[address(1)]));
    socket.pass(101 * MILLISECOND);
    assert_eq!(socket.lines(), ["server A example.org 192.0.2.1 Partial"]);
}

#[test]
fn a_socket_that_is_client_and_server_at_once_keeps_both_apart() {
    let mut socket = Socket::at("10.0.0.5:53");
    let asked = query(1, "example.org", A);
    socket.receive("10.0.0.9:53", &asked);
    socket.send("10.0.0.9:53", &asked);
    socket.receive("10.0.0.9:53", &answer(&asked, 0, &[address(1)]));
    socket.send("10.0.0.9:53", &answer(&asked, 0, &[address(2)]));
    assert_eq!(
        socket.lines(),
        ["client A example.org 192.0.2.1 Complete", "server A example.org 192.0.2.2 Complete"]
    );
}

#[test]
fn memory_of_a_closed_socket_given_to_another_ends_its_questions() {
    let mut socket = Socket::at("0.0.0.0:40000");
    let asked = query(1, "example.org", A);
    socket.send(RESOLVER, &asked);
    socket.local = socket_address("10.0.0.7:40000");
    socket.send(RESOLVER, &query(2, "example.org", A));
    assert!(socket.seen().is_empty(), "connected meanwhile, but the same");
    socket.local = socket_address("10.0.0.7:40001");
    socket.send(RESOLVER, &asked);
    assert_eq!(socket.seen().len(), 2);
    assert!(socket.seen().iter().all(|seen| seen.outcome == Outcome::NoResponse(CloseReason::Closed)));
    socket.receive(RESOLVER, &answer(&asked, 0, &[]));
    assert_eq!(socket.lines()[2], "client A example.org 0 answers Complete");
}

#[test]
fn who_answered_need_not_be_known_where_the_question_tells() {
    let mut socket = Socket::at("0.0.0.0:40000");
    let asked = query(1, "example.org", A);
    socket.send(RESOLVER, &asked);
    socket.receive("0.0.0.0:0", &answer(&query(2, "example.org", A), 0, &[]));
    socket.receive("0.0.0.0:0", &answer(&asked, 0, &[address(1)]));
    assert_eq!(socket.lines(), ["client A example.org 192.0.2.1 Complete"]);
    assert_eq!(socket.told.ends[0].0.remote, socket_address(RESOLVER));
}

#[test]
fn who_answered_need_not_be_known_however_many_questions_wait() {
    let mut socket = Socket::at("0.0.0.0:40000");
    let questions: Vec<_> = (0..1000).map(|id| query(id, &format!("n{id}.example.org"), A)).collect();
    for (number, asked) in questions.iter().enumerate() {
        socket.send(if number % 2 == 0 { RESOLVER } else { "10.0.0.54:53" }, asked);
    }
    for asked in &questions {
        socket.receive("0.0.0.0:0", &answer(asked, 0, &[address(1)]));
    }
    let expected: Vec<_> =
        (0..1000).map(|id| format!("client A n{id}.example.org 192.0.2.1 Complete")).collect();
    assert_eq!(socket.lines(), expected);
}

#[test]
fn an_answer_that_was_reported_before_its_question_may_be_from_nobody_known() {
    let mut socket = Socket::at("0.0.0.0:40000");
    let asked = query(1, "example.org", A);
    socket.receive("0.0.0.0:0", &answer(&asked, 0, &[address(1)]));
    socket.send(RESOLVER, &asked);
    assert_eq!(socket.lines(), ["client A example.org 192.0.2.1 Complete"]);
    assert_eq!(socket.told.ends[0].0.remote, socket_address(RESOLVER));
}

#[test]
fn an_answer_from_nobody_known_to_nothing_known_is_nothing() {
    let mut socket = Socket::since("0.0.0.0:40000", 0);
    socket.receive("0.0.0.0:0", &answer(&query(1, "example.org", A), 0, &[address(1)]));
    socket.pass(SECOND);
    assert!(socket.seen().is_empty());
}

#[test]
fn messages_longer_than_was_copied_or_broken_behind_the_question_still_answer_it() {
    let mut socket = Socket::at("10.0.0.7:40000");
    let asked = query(1, "example.org", A);
    let answers: Vec<_> = (0..100).map(address).collect();
    let answered = answer(&asked, 0, &answers);
    assert!(answered.len() > 1600);
    socket.send(RESOLVER, &asked);
    socket.cut(false, RESOLVER, &answered, 61);
    assert_eq!(socket.lines(), ["client A example.org 192.0.2.0 +1 Complete"]);
    let seen = &socket.seen()[0];
    assert_eq!(seen.attribute("plainsight.dns.answer.count"), Some("100"));
    assert_eq!(seen.response_bytes, answered.len() as u64);
    socket.send(RESOLVER, &asked);
    let mut broken = answer(&asked, 2, &[address(1)]);
    broken[7] = 9;
    socket.receive(RESOLVER, &broken);
    assert_eq!(socket.lines()[1], "client A example.org SERVFAIL Complete");
}

#[test]
fn questions_beyond_the_bound_push_the_oldest_out_and_are_counted() {
    let mut socket = Socket::at("10.0.0.53:53");
    let name = format!("{}.example", ["x".repeat(60), "y".repeat(60), "z".repeat(60)].join("."));
    let many = crate::dns::WAITING_QUESTIONS as u16 + 10;
    for id in 0..many {
        socket.receive("10.0.0.7:40000", &query(id, &name, A));
    }
    let expected = [Limit::WaitingRequests; 10];
    assert_eq!(socket.told.recorder.limits, expected);
    assert_eq!(socket.seen().len(), 10);
    assert!(socket.seen().iter().all(|seen| seen.outcome == Outcome::NoResponse(CloseReason::Evicted)));
    assert!(socket.datagrams.held_bytes() > crate::dns::SOCKET_BYTES_LIMIT / 4 * 3);
    // The same id for ever other names costs no more than a few comparisons each.
    let mut thousands = Vec::new();
    for thousand in 0..20 {
        let begun = std::time::Instant::now();
        for number in thousand * 1000..(thousand + 1) * 1000 {
            socket.receive("10.0.0.8:40000", &query(1, &format!("n{number}.example"), A));
        }
        thousands.push(begun.elapsed());
    }
    // The best of some: a busy machine makes others longer.
    let (first, last) =
        (thousands[..5].iter().min().expect("some"), thousands[15..].iter().min().expect("some"));
    assert!(*last < *first * 5, "{thousands:?}");
    socket.pass(6 * SECOND);
    assert_eq!(socket.datagrams.held_bytes(), 0);
    assert_eq!(socket.seen().len(), usize::from(many) + 20_000);
}

#[test]
fn answers_that_nobody_asked_for_do_not_pile_up() {
    let mut socket = Socket::at("10.0.0.7:40000");
    for id in 0..5000 {
        socket.receive("10.0.0.66:53", &answer(&query(id, "example.org", A), 0, &[address(66)]));
    }
    assert!(socket.datagrams.held_bytes() < 100_000);
    socket.pass(SECOND);
    assert!(socket.seen().is_empty() && socket.datagrams.held_bytes() == 0);
}
