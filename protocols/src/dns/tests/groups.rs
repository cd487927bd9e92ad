//! Multicast DNS and link-local multicast name resolution.

use super::*;
use crate::Outcome;

const GROUP: &str = "224.0.0.251:5353";

fn kind(socket: &Socket, index: usize) -> Option<&str> {
    socket.seen()[index].attribute("plainsight.dns.kind")
}

/// An answer of multicast DNS: no id, no question.
fn announced(owner: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    [head(0, 0x8400, [0, 1, 0, 0]), record(Some(owner), kind, data)].concat()
}

#[test]
fn a_member_of_the_group_answers_in_its_own_name_by_what_it_answers() {
    let mut socket = Socket::at("0.0.0.0:5353");
    let questions = [question("printer.local", A, 1), question("_http._tcp.local", PTR, 0x8001)].concat();
    socket.send(GROUP, &[head(0, 0, [2, 0, 0, 0]), questions].concat());
    socket.receive("10.0.0.3:5353", &announced("other.local", A, &[10, 0, 0, 3]));
    assert!(socket.seen().is_empty(), "announced, not answered");
    socket.receive("10.0.0.4:5353", &announced("_HTTP._tcp.local", PTR, &wire("web.local")));
    assert_eq!(socket.lines(), ["client PTR _HTTP._tcp.local web.local Complete"]);
    assert_eq!(kind(&socket, 0), Some("mdns"));
    assert_eq!(socket.told.ends[0].0.remote, socket_address("10.0.0.4:5353"));
    socket.receive("10.0.0.4:5353", &announced("_http._tcp.local", PTR, &wire("web.local")));
    socket.pass(6 * SECOND);
    assert_eq!(socket.seen().len(), 1);
}

#[test]
fn silence_of_a_group_is_no_error() {
    let mut socket = Socket::at("0.0.0.0:5353");
    socket.send(GROUP, &[head(0, 0, [1, 0, 0, 0]), question("nobody.local", A, 1)].concat());
    socket.pass(6 * SECOND);
    assert_eq!(socket.lines(), ["client A nobody.local no answer NoResponse(Timeout)"]);
    assert_eq!(socket.seen()[0].error(), None);
}

#[test]
fn a_member_is_the_server_only_of_what_it_answers() {
    let mut socket = Socket::at("0.0.0.0:5353");
    let asked = |name| [head(0, 0, [1, 0, 0, 0]), question(name, A, 1)].concat();
    socket.receive("10.0.0.3:5353", &asked("elsewhere.local"));
    socket.receive("10.0.0.3:5353", &asked("here.local"));
    socket.send(GROUP, &announced("here.local", A, &[10, 0, 0, 9]));
    socket.pass(6 * SECOND);
    assert_eq!(socket.lines(), ["server A here.local 10.0.0.9 Complete"]);
    assert_eq!(socket.told.ends[0].0.remote, socket_address("10.0.0.3:5353"));
}

#[test]
fn a_member_that_is_bound_to_no_address_says_nothing_of_what_others_may_answer() {
    for (port, suffix, name) in [(5353, ".local", "mdns"), (5355, "", "llmnr")] {
        let mut socket = Socket::at(&format!("0.0.0.0:{port}"));
        // Programs without the port ask, too, and are answered to their own.
        socket.receive("10.0.0.3:41000", &query(7, &format!("elsewhere{suffix}"), A));
        let asked = query(8, &format!("here{suffix}"), A);
        socket.receive("10.0.0.3:41001", &asked);
        socket.send("10.0.0.3:41001", &answer(&asked, 0, &[address(9)]));
        socket.pass(6 * SECOND);
        assert_eq!(socket.lines(), [format!("server A here{suffix} 192.0.2.9 Complete")]);
        assert_eq!(kind(&socket, 0), Some(name));
        assert_eq!(socket.told.ends[0].0.remote, socket_address("10.0.0.3:41001"));
    }
}

#[test]
fn link_local_answers_come_from_whoever_has_the_name() {
    let mut socket = Socket::at("10.0.0.7:50000");
    let asked = [head(9, 0, [1, 0, 0, 0]), question("desk", A, 1)].concat();
    for _ in 0..2 {
        socket.send("224.0.0.252:5355", &asked);
    }
    let mut answered = answer(&asked, 0, &[address(5)]);
    answered[2..4].copy_from_slice(&0x8000_u16.to_be_bytes());
    socket.receive("10.0.0.4:5355", &answered);
    assert_eq!(socket.lines(), ["client A desk 192.0.2.5 Complete"]);
    assert_eq!(kind(&socket, 0), Some("llmnr"));
    assert_eq!(socket.seen()[0].attribute("plainsight.dns.retries"), Some("1"));
    assert_eq!(socket.told.ends[0].0.remote, socket_address("10.0.0.4:5355"));
}

#[test]
fn a_server_of_the_domain_name_system_on_the_port_of_multicast_dns_is_one() {
    let mut socket = Socket::at("10.0.0.7:40000");
    let asked = query(9, "example.org", A);
    socket.send("10.0.0.53:5353", &asked);
    socket.receive("10.0.0.53:5353", &answer(&asked, 0, &[address(1)]));
    assert_eq!(socket.lines(), ["client A example.org 192.0.2.1 Complete"]);
    assert_eq!(kind(&socket, 0), None);
    socket.send("10.0.0.53:5353", &query(10, "example.org", A));
    socket.pass(6 * SECOND);
    assert_eq!(socket.seen()[1].error(), Some("timeout"));
    // A program without the port asks the group's port for a local name.
    let asked = query(11, "printer.local", A);
    socket.send(GROUP, &asked);
    socket.receive("10.0.0.4:5353", &answer(&asked, 0, &[address(4)]));
    assert_eq!((kind(&socket, 2), socket.seen()[2].outcome), (Some("mdns"), Outcome::Complete));
}

#[test]
fn in_a_capture_questions_to_a_group_are_seen_once_and_answers_come_from_its_members() {
    let mut socket = Socket::on_the_wire(GROUP);
    let asked = |name| [head(0, 0, [1, 0, 0, 0]), question(name, A, 1)].concat();
    socket.receive("10.0.0.3:5353", &asked("here.local"));
    socket.receive("10.0.0.3:5353", &asked("here.local"));
    socket.receive("10.0.0.3:5353", &asked("nowhere.local"));
    socket.receive("10.0.0.4:5353", &announced("here.local", A, &[10, 0, 0, 4]));
    socket.pass(6 * SECOND);
    assert_eq!(
        socket.lines(),
        ["server A here.local 10.0.0.4 Complete", "server A nowhere.local no answer NoResponse(Timeout)"]
    );
    let (ends, _) = socket.told.ends[0];
    assert_eq!(ends.remote, socket_address("10.0.0.3:5353"));
    assert_eq!(ends.local, socket_address("10.0.0.4:5353"));
    assert_eq!(socket.seen()[0].attribute("plainsight.dns.retries"), None, "the same packet, seen twice");
    // And to the asker alone.
    let mut socket = Socket::on_the_wire("224.0.0.252:5355");
    let asked = [head(9, 0, [1, 0, 0, 0]), question("desk", A, 1)].concat();
    socket.receive("10.0.0.3:50000", &asked);
    socket.local = socket_address("10.0.0.4:5355");
    socket.send("10.0.0.3:50000", &answer(&asked, 0, &[address(5)]));
    assert_eq!(socket.lines(), ["server A desk 192.0.2.5 Complete"]);
    assert_eq!(socket.told.ends[0].0.local, socket_address("10.0.0.4:5355"));
}
