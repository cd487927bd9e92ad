//! Whatever is lost of a conversation, and wherever its observation begins: no answer is taken for another's.

use proptest::prelude::*;

use super::*;
use crate::testing::loss::{self, Batch, Call};

/// The serial number of a command is in its key, and in the length of its answer.
fn calls(batches: &[Batch]) -> (Vec<Call>, usize) {
    // The first exchange says what the connection speaks.
    let first = Some(["set first 0 0 1\r\nx\r\n", "STORED\r\n"]);
    loss::calls(
        first,
        batches,
        |serial| format!("get k{serial}\r\n"),
        |serial| value("k", &"x".repeat(serial)) + "END\r\n",
    )
}

/// Every pair is a true one. Gives how many there are.
fn check(recorder: &Recorder, total: usize) -> Result<usize, TestCaseError> {
    let mut complete = 0;
    for seen in &recorder.seen {
        if seen.name == "set" {
            continue;
        }
        if seen.outcome != Outcome::Complete {
            prop_assert!(seen.ended.is_none() || seen.attribute("db.query.text").is_none(), "{seen:?}");
            continue;
        }
        let text = seen.attribute("db.query.text").unwrap_or_default();
        let serial: usize = text.trim_start_matches("get k").parse().expect("a serial number");
        let expected = (value("k", &"x".repeat(serial)).len() + 5) as u64;
        prop_assert_eq!(seen.response_bytes, expected, "{} has the answer of another", text);
        complete += 1;
    }
    prop_assert!(complete <= total);
    Ok(complete)
}

loss::pipelining_properties!(calls, check, 1);
