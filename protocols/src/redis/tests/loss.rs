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
