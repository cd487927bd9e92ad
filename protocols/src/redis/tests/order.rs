//! Which answer belongs to which command.

use super::*;

fn pairs(seen: &[Seen]) -> Vec<(&str, u64)> {
    seen.iter().map(|seen| (seen.attribute("db.query.text").unwrap_or("?"), seen.response_bytes)).collect()
}

#[test]
fn a_thousand_pipelined_commands_get_each_its_own_answer() {
    for depth in [1, 2, 16, 1000, 10_000] {
        let mut wire = Wire::new();
        for round in 0..3 {
            let request: String = (0..depth).map(|index| c(&format!("GET key:{round}:{index}"))).collect();
            let response: String = (0..depth).map(|index| bulk(&"x".repeat(index % 50))).collect();
            for chunk in request.as_bytes().chunks(16 * 1024) {
                wire.bytes(Direction::ToServer, chunk);
            }
            for chunk in response.as_bytes().chunks(1000) {
                wire.bytes(Direction::ToClient, chunk);
            }
        }
        let recorder = wire.close(CloseReason::Closed);
        assert_eq!(recorder.seen.len(), 3 * depth);
        assert!(recorder.limits.is_empty());
        for (position, seen) in recorder.seen.iter().enumerate() {
            let (round, index) = (position / depth, position % depth);
            let length = (index % 50).to_string().len() as u64 + (index % 50) as u64 + 5;
            assert_eq!(seen.attribute("db.query.text"), Some(format!("GET key:{round}:{index}").as_str()));
            assert_eq!((seen.response_bytes, seen.outcome), (length, Outcome::Complete));
        }
    }
}

#[test]
fn commands_past_the_bound_are_counted_and_those_after_them_paired_again() {
    let mut wire = Wire::new();
    let count = 40_000;
    wire.request(&c("GET first").repeat(count)).response(&bulk("x").repeat(count));
    wire.request(&c("GET second")).response("$-1\r\n");
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(recorder.limits, [Limit::WaitingRequests]);
    assert_eq!(recorder.seen.len() as u64 + recorder.unobserved, count as u64 + 1);
    assert_eq!(recorder.seen.last().map(line).as_deref(), Some("GET second miss: complete"));
    assert!(recorder.seen.iter().all(|seen| seen.outcome == Outcome::Complete));
}

#[test]
fn a_blocking_command_lasts_until_it_is_answered() {
    let mut wire = Wire::new();
    wire.request(&c("BLPOP queue 0"));
    let (asked, offsets) = (wire.now, [Some(0), Some(0)]);
    wire.pass(3_600_000 * MILLISECOND).response("*2\r\n$5\r\nqueue\r\n$3\r\njob\r\n");
    let seen = wire.recorder.seen[0].clone();
    assert_eq!(line(&seen), "BLPOP queue 2 items: complete");
    assert_eq!((seen.started, seen.ended, seen.offsets), (asked, Some(wire.now), offsets));
    wire.request(&c("GET k")).pass(200_000 * MILLISECOND);
    assert_eq!(wire.recorder.seen[1].outcome, Outcome::NoResponse(CloseReason::Timeout));
}

#[test]
fn an_answer_that_is_seen_before_its_command_is_paired_with_it() {
    let mut wire = Wire::new();
    wire.request(&c("GET a")).response(&bulk("one"));
    wire.keyed = false;
    wire.response(&bulk("three")).request(&c("GET b"));
    let seen = wire.close(CloseReason::Closed).seen;
    assert_eq!(pairs(&seen), [("GET a", 9), ("GET b", 11)]);
    assert!(seen.iter().all(|seen| seen.outcome == Outcome::Complete));
}

#[test]
fn the_end_of_a_connection_leaves_commands_without_an_answer() {
    let mut wire = Wire::new();
    wire.request(&(c("GET a") + &c("GET b") + &c("SET c x"))).response("$3\r\nabc\r\n$10\r\nab");
    let seen = wire.close(CloseReason::Closed).seen;
    assert_eq!(
        seen.iter().map(line).collect::<Vec<_>>(),
        ["GET a hit: complete", "GET b response_truncated: complete", "SET c connection_closed: no response",]
    );
}

#[test]
fn a_connection_joined_while_the_client_pipelines_is_put_in_step() {
    let mut wire = Wire::joined();
    // The end of a batch, of which nothing more is known.
    wire.request("ue\r\n").response("+OK\r\n+OK\r\n");
    for round in 0..5 {
        let request: String = (0..16).map(|index| c(&format!("GET k{round}:{index}"))).collect();
        let response: String = (0..16).map(|index| bulk(&"x".repeat(index))).collect();
        wire.request(&request).response(&response);
    }
    let seen = wire.close(CloseReason::Closed).seen;
    let complete: Vec<_> = seen.iter().filter(|seen| seen.outcome == Outcome::Complete).collect();
    assert_eq!(complete.len(), 80);
    for (position, seen) in complete.iter().enumerate() {
        let index = position % 16;
        assert_eq!(seen.attribute("db.query.text"), Some(format!("GET k{}:{index}", position / 16).as_str()));
        assert_eq!(seen.response_bytes, bulk(&"x".repeat(index)).len() as u64);
    }
}

#[test]
fn a_connection_joined_between_a_command_and_its_answer_is_put_in_step() {
    let mut wire = Wire::joined();
    wire.response("$3\r\nold\r\n").pass(MILLISECOND);
    for round in 0..4 {
        wire.request(&c(&format!("GET k{round}"))).response(&bulk(&"x".repeat(round)));
    }
    let seen = wire.close(CloseReason::Closed).seen;
    assert_eq!(pairs(&seen), [("GET k0", 6), ("GET k1", 7), ("GET k2", 8), ("GET k3", 9)]);
    assert!(seen.iter().all(|seen| seen.outcome == Outcome::Complete));
}

#[test]
fn a_client_that_overlaps_is_not_paired_by_guess_where_the_observation_begins() {
    // Two commands in two calls, the observation begins between them.
    let mut wire = Wire::joined();
    wire.request(&c("GET b")).response("$1\r\na\r\n").response("$2\r\nbb\r\n");
    wire.request(&c("GET c")).response("$3\r\nccc\r\n");
    wire.request(&c("GET d")).response("$4\r\ndddd\r\n");
    let seen = wire.close(CloseReason::Closed).seen;
    for seen in seen.iter().filter(|seen| seen.outcome == Outcome::Complete) {
        let expected = match seen.attribute("db.query.text") {
            Some("GET c") => 9,
            Some("GET d") => 10,
            other => panic!("{other:?} was paired"),
        };
        assert_eq!(seen.response_bytes, expected);
    }
}
