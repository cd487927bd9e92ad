//! Bytes that were not copied, which is normal: no exchange becomes less for it.

use super::*;

/// A result as a capture sees it that copies so many bytes of each call of the server's.
fn captured(wire: &mut Wire, answer: &[u8], call: usize, copied: usize) {
    for bytes in answer.chunks(call) {
        let seen = bytes.len().min(copied);
        wire.answers(&bytes[..seen]);
        if seen < bytes.len() {
            wire.not_copied(Direction::ToClient, (bytes.len() - seen) as u64);
        }
    }
}

#[test]
fn a_result_longer_than_is_copied_is_complete_and_its_rows_are_not_known() {
    for capabilities in [0, DEPRECATE_EOF] {
        for keyed in [true, false] {
            let mut wire = logged_in(capabilities);
            wire.keyed = keyed;
            let answer = result(9_000, capabilities > 0);
            wire.asks(&query("SELECT a FROM t"));
            captured(&mut wire, &answer, 16_384, 4_096);
            let ended = wire.now;
            wire.pass(5_000_000);
            wire.asks(&query("SELECT b FROM u")).answers(&result(2, capabilities > 0));
            assert_eq!(told(&wire.recorder.seen), ["SELECT t", "SELECT u 2 rows"]);
            let seen = &wire.recorder.seen[0];
            assert_eq!((seen.ended, seen.response_bytes), (Some(ended), answer.len() as u64));
            assert_eq!((seen.missing_bytes, seen.attribute("db.response.returned_rows")), (0, None));
            assert_eq!(wire.recorder.unobserved, 0);
        }
    }
}

#[test]
fn the_end_of_such_a_result_is_believed_after_a_second_of_silence_or_at_the_end() {
    let mut wire = logged_in(0);
    let answer = result(1_800, false);
    assert!((16_384..20_000).contains(&answer.len()), "the last call must be copied: {}", answer.len());
    wire.asks(&query("SELECT a FROM t"));
    captured(&mut wire, &answer, 16_384, 4_096);
    assert_eq!(wire.summaries(), [""; 0]);
    wire.pass(1_100_000_000);
    assert_eq!(told(&wire.recorder.seen), ["SELECT t"]);
    wire.asks(&query("SELECT b FROM u")).answers(&result(2, false));
    assert_eq!(told(&wire.recorder.seen)[1..], ["SELECT u 2 rows"]);
    wire.asks(&query("SELECT c FROM v"));
    captured(&mut wire, &result(9_000, false), 16_384, 4_096);
    wire.pass(1_100_000_000);
    assert_eq!(wire.recorder.seen.len(), 2, "nothing looked like an end");
    let recorder = wire.asks(&command(1, b"")).close(CloseReason::Closed);
    assert_eq!(told(&recorder.seen)[2..], ["SELECT v"]);
}

#[test]
fn a_lost_part_of_a_result_makes_it_partial_and_nothing_else() {
    let mut wire = logged_in(0);
    let answer = result(500, false);
    wire.asks(&query("SELECT a FROM t")).answers(&answer[..1_000]).lost(Direction::ToClient, 1_000, 2);
    wire.answers(&answer[2_000..]).asks(&query("SELECT b FROM u")).answers(&result(1, false));
    assert_eq!(told(&wire.recorder.seen), ["SELECT t (partial)", "SELECT u 1 row"]);
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.missing_bytes, seen.response_bytes), (1_000, answer.len() as u64));
}

#[test]
fn a_statement_longer_than_is_copied_is_complete() {
    let mut wire = logged_in(0);
    let text = query(&format!("INSERT INTO t VALUES ('{}')", "x".repeat(20_000)));
    wire.asks(&text[..4_096]).not_copied(Direction::ToServer, (text.len() - 4_096) as u64);
    wire.answers(&ok(1, 1)).asks(&query("SELECT b FROM u")).answers(&result(1, false));
    assert_eq!(told(&wire.recorder.seen), ["INSERT t 1 affected", "SELECT u 1 row"]);
    assert_eq!(wire.recorder.seen[0].request_bytes, text.len() as u64);
}

#[test]
fn a_long_row_that_is_not_copied_whole_is_still_a_row() {
    let mut wire = logged_in(0);
    let (head, next) = result_from(1, 0, false, 2);
    wire.asks(&query("SELECT a FROM t")).answers(&head[..head.len() - 9]);
    let row = packet(next - 1, &[b'x'; 10_000]);
    wire.answers(&row[..4_096]).not_copied(Direction::ToClient, (row.len() - 4_096) as u64);
    wire.answers(&eof(next, 2));
    assert_eq!(told(&wire.recorder.seen), ["SELECT t 1 row"]);
}

#[test]
fn a_refusal_whose_end_was_not_seen_is_partial() {
    let mut wire = Wire::new();
    let refusal = packet(0, b"\xff\x10\x04Too many connections");
    wire.answers(&refusal[..8]);
    assert_eq!(wire.conversation.state(), State::Detecting);
    let mut wire = Wire::new();
    wire.answers(&greeting("8.4.3")).asks(&login(CAPABILITIES, "app", "shop"));
    wire.answers(&failure(2, 1045, "28000")[..14]).not_copied(Direction::ToClient, 90);
    assert_eq!(told(&wire.recorder.seen), ["LOGIN app@shop ERR 1045 (partial)"]);
}
