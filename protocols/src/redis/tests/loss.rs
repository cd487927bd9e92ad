//! Whatever is lost of a conversation, and wherever its observation begins: no answer is taken for another's.

use proptest::prelude::*;

use super::*;
use crate::testing::loss::{self, Batch, Call, play};

/// The serial number of a command is in its key, and in the length of its answer.
fn calls(batches: &[Batch]) -> (Vec<Call>, usize) {
    loss::calls(None, batches, |serial| c(&format!("GET k{serial}")), |serial| bulk(&"x".repeat(serial)))
}

/// Every pair is a true one. Gives how many there are.
fn check(recorder: &Recorder, total: usize) -> Result<usize, TestCaseError> {
    let mut complete = 0;
    for seen in &recorder.seen {
        if seen.outcome != Outcome::Complete {
            prop_assert!(seen.ended.is_none() || seen.attribute("db.query.text").is_none(), "{seen:?}");
            continue;
        }
        let text = seen.attribute("db.query.text").unwrap_or_default();
        let serial: usize = text.trim_start_matches("GET k").parse().expect("a serial number");
        let expected = bulk(&"x".repeat(serial)).len() as u64;
        prop_assert_eq!(seen.response_bytes, expected, "{} has the answer of another", text);
        complete += 1;
    }
    prop_assert!(complete <= total);
    Ok(complete)
}

loss::pipelining_properties!(calls, check, 0);

#[test]
fn a_client_that_waits_is_paired_again_after_a_loss() {
    let batch =
        |pause| Batch { sizes: vec![0; 3], one_call_each: false, replies_one_call_each: false, pause };
    let plan: Vec<_> = (0..30).map(|index| batch(index == 12)).collect();
    let (calls, total) = calls(&plan);
    for lost in [8, 9] {
        let recorder = play(&calls, &[lost], 0, true);
        let complete = recorder.seen.iter().filter(|seen| seen.outcome == Outcome::Complete).count();
        assert!(complete >= total - 30, "{complete} of {total} with call {lost} lost");
    }
}

#[test]
fn a_part_that_was_not_copied_costs_the_commands_in_it_and_no_others() {
    let mut wire = Wire::new();
    let mut complete = 0;
    for round in 0..10 {
        let request: String = (0..100).map(|index| c(&format!("GET k{round}:{index}"))).collect();
        let (seen, hidden) = request.split_at(512);
        wire.request(seen).not_copied(Direction::ToServer, hidden.len() as u64);
        let reply: String = (0..100).map(|index| bulk(&"x".repeat(index))).collect();
        wire.response(&reply);
    }
    for seen in wire.close(CloseReason::Closed).seen {
        if seen.outcome == Outcome::Complete {
            let text = seen.attribute("db.query.text").unwrap_or_default();
            let index: usize =
                text.rsplit(':').next().and_then(|index| index.parse().ok()).expect("an index");
            assert_eq!(seen.response_bytes, bulk(&"x".repeat(index)).len() as u64, "{text}");
            complete += 1;
        }
    }
    assert!(complete >= 20, "{complete} of about 180 were paired");
}

#[test]
fn an_element_of_an_array_is_not_taken_for_an_answer_after_a_loss() {
    let mut wire = Wire::new();
    wire.request(&c("LRANGE l 0 -1")).response(&format!("*1000\r\n{}", bulk("element").repeat(10)));
    wire.lost(Direction::ToClient, 1300, 1);
    for _ in 0..5 {
        wire.response(&bulk("element").repeat(10));
    }
    wire.request(&c("PING")).response("+PONG\r\n");
    wire.request(&c("PING")).response("+PONG\r\n");
    let recorder = wire.close(CloseReason::Closed);
    assert!(
        recorder.seen.iter().all(|seen| seen.attribute("db.query.text").is_some()),
        "{:?}",
        lines(&recorder)
    );
    assert_eq!(recorder.seen[0].outcome, Outcome::Partial);
}

/// A connection whose client was seen to wait for its answers.
fn waiting_client() -> Wire {
    let mut wire = Wire::new();
    for _ in 0..4 {
        wire.request(&c("PING")).response("+PONG\r\n");
    }
    wire.recorder.seen.clear();
    wire
}

/// Asks for a list; of one call, `seen` bytes of it are copied, of the next none, and of the last a part. Gives its length.
fn list_of_which_some_was_not_copied(wire: &mut Wire, seen: usize) -> usize {
    let reply = format!("*1000\r\n{}", bulk("-element").repeat(1000));
    wire.request(&c("LRANGE l 0 -1")).response(&reply[..seen]);
    wire.not_copied(Direction::ToClient, 4_000).response(&reply[seen + 4_000..12_000]);
    wire.not_copied(Direction::ToClient, reply.len() as u64 - 12_000);
    reply.len()
}

#[test]
fn an_array_of_which_some_elements_were_not_copied_ends_where_the_client_asks_again() {
    // Between two elements, within one, and within the line that says how long one is.
    for seen in [7, 7 + 14, 7 + 14 + 6, 7 + 14 + 1] {
        let mut wire = waiting_client();
        let length = list_of_which_some_was_not_copied(&mut wire, seen);
        let ended = wire.now;
        for _ in 0..2 {
            wire.request(&c("PING")).response("+PONG\r\n");
        }
        let expected = ["LRANGE l 1000 items: complete", "PING ok: complete", "PING ok: complete"];
        assert_eq!(lines(&wire.recorder), expected, "{seen}");
        let list = &wire.recorder.seen[0];
        assert_eq!((list.response_bytes, list.missing_bytes, list.ended), (length as u64, 0, Some(ended)));
        assert_eq!(wire.close(CloseReason::Closed).unobserved, 0);
    }
}

#[test]
fn such_an_array_is_believed_to_have_ended_after_a_second_of_silence_or_at_the_end() {
    let mut wire = waiting_client();
    list_of_which_some_was_not_copied(&mut wire, 7);
    wire.pass(900 * MILLISECOND);
    assert_eq!(lines(&wire.recorder), [""; 0]);
    wire.pass(200 * MILLISECOND);
    assert_eq!(lines(&wire.recorder), ["LRANGE l 1000 items: complete"]);
    // What comes after all is no answer, and the next one is one.
    wire.response(&bulk("-element").repeat(3));
    wire.request(&c("PING")).response("+PONG\r\n");
    list_of_which_some_was_not_copied(&mut wire, 7);
    let recorder = wire.close(CloseReason::Closed);
    let expected = ["LRANGE l 1000 items: complete", "PING ok: complete", "LRANGE l 1000 items: complete"];
    assert_eq!(lines(&recorder), expected);
    assert_eq!(recorder.seen[2].errors, [None, None], "it was not cut off");
}

#[test]
fn where_such_an_array_ends_is_not_guessed_where_the_client_may_not_wait_or_bytes_were_lost() {
    // A client of which nothing is known sends the next command before the array has ended.
    let mut wire = Wire::new();
    wire.request(&c("LRANGE l 0 -1")).response("*1000\r\n").not_copied(Direction::ToClient, 4_000);
    wire.request(&c("GET k")).response(&bulk("-element").repeat(5)).response(&bulk("value"));
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(line(&recorder.seen[0]), "LRANGE l 1000 items: partial");
    assert!(!lines(&recorder).contains(&"GET k hit: complete".to_owned()), "{:?}", lines(&recorder));
    // A command was lost, whose answer came behind the array.
    let mut wire = waiting_client();
    list_of_which_some_was_not_copied(&mut wire, 7);
    wire.lost(Direction::ToServer, 14, 1).response("+PONG\r\n");
    wire.request(&c("PING")).response("+PONG\r\n");
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(line(&recorder.seen[0]), "LRANGE l 1000 items: partial");
    // Bytes of it were lost: it is over all the same, and not whole.
    let mut wire = waiting_client();
    list_of_which_some_was_not_copied(&mut wire, 7);
    wire.lost(Direction::ToClient, 100, 1).request(&c("PING")).response("+PONG\r\n");
    assert_eq!(lines(&wire.recorder), ["LRANGE l 1000 items: partial", "PING ok: complete"]);
    assert_eq!(wire.recorder.seen[0].missing_bytes, 100);
}
