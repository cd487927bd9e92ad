//! What the reassembly does in each situation, one by one.

use plainsight_protocols::Gap;

use super::*;

fn live() -> Bench {
    Bench::new(Source::Calls, true, 1000, 10_000)
}

fn replay() -> Bench {
    let mut bench = Bench::new(Source::Packets, true, 1000, 10_000);
    bench.begin();
    bench
}

#[test]
fn chunks_in_order_pass_without_being_held() {
    let mut bench = live();
    bench.chunk(0, 100);
    bench.chunk(100, 300);
    assert_eq!(bench.out.items, [bench.bytes(0, 100), bench.bytes(100, 300)]);
    assert!(!bench.stream.is_holding());
    assert_eq!(*bench.shared.counters(), Default::default());
}

#[test]
fn what_was_seen_before_is_passed_on_once() {
    let mut bench = replay();
    bench.chunk(0, 100);
    bench.chunk(0, 100);
    bench.chunk(20, 50);
    bench.chunk(50, 150);
    assert_eq!(bench.ranges(), [bench.bytes(0, 150)]);
    assert_eq!(bench.shared.counters.duplicate_bytes, 100 + 30 + 50);
}

#[test]
fn where_packets_contradict_each_other_the_first_seen_stays() {
    let mut bench = replay();
    bench.chunk(100, 200);
    bench.arrive_as(50, 5000, 200, 200, 0);
    bench.chunk(0, 50);
    let Item::Bytes(0, ref first) = bench.out.items[0] else { panic!("{:?}", bench.out.items) };
    assert_eq!(first[..], bench.content[..50]);
    let pieces: Vec<_> = bench.out.items.iter().collect();
    assert_eq!(pieces[1], &Item::Bytes(50, bench.content[5000..5050].to_vec()));
    assert_eq!(pieces[2], &bench.bytes(100, 200));
    assert_eq!(pieces[3], &Item::Bytes(200, bench.content[5150..5200].to_vec()));
}

#[test]
fn a_packet_that_comes_late_is_put_in_its_place() {
    let mut bench = replay();
    bench.chunk(100, 200);
    bench.chunk(200, 300);
    assert_eq!(bench.out.items, []);
    bench.chunk(0, 100);
    assert_eq!(bench.ranges(), [bench.bytes(0, 300)]);
    assert_eq!(bench.shared.counters.reordered_chunks, 2);
    assert!(!bench.stream.is_holding());
}

#[test]
fn a_hole_is_declared_lost_when_the_wait_is_over_and_not_before() {
    for mut bench in [live(), replay()] {
        bench.chunk(0, 100);
        bench.chunk(130, 200);
        assert_eq!(bench.ranges(), [bench.bytes(0, 100)]);
        bench.wait();
        assert_eq!(bench.ranges(), [bench.bytes(0, 100), lost(100, 30, 0), bench.bytes(130, 200)]);
        assert_eq!(bench.shared.counters.lost_bytes, 30);
        assert_eq!(bench.shared.counters.gaps, 1);
    }
}

#[test]
fn a_later_chunk_ends_the_wait_even_without_a_tick() {
    let mut bench = live();
    bench.chunk(0, 100);
    bench.chunk(130, 200);
    bench.now = Timestamp::from_nanos(bench.now.as_nanos() + 4_000_000);
    bench.chunk(200, 210);
    assert_eq!(bench.ranges(), [bench.bytes(0, 100), lost(100, 30, 0), bench.bytes(130, 210)]);
}

#[test]
fn known_lost_calls_explain_a_hole_at_once() {
    let mut bench = live();
    bench.chunk(0, 100);
    bench.chunk_after_loss(130, 200, 3);
    assert_eq!(bench.ranges(), [bench.bytes(0, 100), lost(100, 30, 3), bench.bytes(130, 200)]);
    assert_eq!(bench.shared.counters.reordered_chunks, 0);
}

#[test]
fn known_lost_calls_that_left_no_hole_explain_the_next_one() {
    let mut bench = live();
    bench.chunk(0, 100);
    bench.chunk_after_loss(100, 200, 1);
    bench.chunk(250, 300);
    assert_eq!(bench.ranges(), [bench.bytes(0, 200), lost(200, 50, 1), bench.bytes(250, 300)]);
}

#[test]
fn what_was_not_copied_is_a_gap_in_its_place() {
    let mut bench = live();
    bench.arrive(0, 100, 60, 0);
    bench.arrive(100, 500, 0, 0);
    bench.chunk(600, 700);
    assert_eq!(
        bench.ranges(),
        [bench.bytes(0, 60), not_copied(60, 40), not_copied(100, 500), bench.bytes(600, 700)]
    );
    assert_eq!(bench.shared.counters.not_copied_bytes, 540);
    assert_eq!(bench.shared.counters.gaps, 0);
}

#[test]
fn a_chunk_never_gives_more_bytes_than_it_claims_to_have_moved() {
    let mut bench = live();
    let bytes = bench.content.clone();
    let arrival = Arrival {
        at: bench.now,
        sequence: Some(1000),
        opposite_offset: None,
        length: 10,
        bytes: &bytes[..50],
        lost_calls: 0,
    };
    bench.stream.chunk(&arrival, &mut bench.shared, &mut bench.out);
    bench.chunk(10, 20);
    assert_eq!(bench.ranges(), [bench.bytes(0, 20)]);
}

#[test]
fn two_writers_that_both_report_the_later_place_leave_only_a_gap() {
    // 100 bytes at 0 and 50 at 100, both reported as ending at 150; in either order.
    for first in [0, 1] {
        let mut bench = live();
        bench.stream.opposite_position(1000);
        let claims = [(50, 0, 100), (100, 100, 50)];
        for (claimed, start, length) in [claims[first], claims[1 - first]] {
            bench.arrive_as(claimed, start, length, length, 0);
        }
        bench.chunk(150, 200);
        bench.wait();
        assert_eq!(bench.ranges(), [lost(0, 150, 2), bench.bytes(150, 200)]);
        assert_eq!(bench.shared.counters.conflicting_chunks, 2);
    }
}

#[test]
fn a_call_that_claims_bytes_already_passed_on_is_not_believed_about_the_rest() {
    let mut bench = live();
    bench.chunk(0, 100);
    bench.arrive_as(50, 400, 100, 100, 0);
    bench.chunk(150, 200);
    assert_eq!(bench.ranges(), [bench.bytes(0, 100), lost(100, 50, 1), bench.bytes(150, 200)]);
}

#[test]
fn an_acknowledgement_past_a_hole_ends_the_wait() {
    let mut bench = replay();
    bench.chunk(0, 100);
    bench.chunk(130, 200);
    let acknowledge = |bench: &mut Bench, position: usize| {
        let offset = bench.stream.opposite_position(bench.sequence(position)).expect("a near number");
        bench.stream.acknowledged(offset, bench.now, &mut bench.shared, &mut bench.out);
    };
    acknowledge(&mut bench, 129);
    assert_eq!(bench.ranges(), [bench.bytes(0, 100)]);
    acknowledge(&mut bench, 130);
    assert_eq!(bench.ranges(), [bench.bytes(0, 100), lost(100, 30, 0), bench.bytes(130, 200)]);
}

#[test]
fn a_packet_stream_without_a_known_start_begins_with_the_lowest_of_the_first_packets() {
    let mut bench = Bench::new(Source::Packets, false, 1000, 1000);
    bench.chunk(100, 200);
    bench.chunk(0, 100);
    assert_eq!(bench.out.items, []);
    bench.wait();
    assert_eq!(bench.ranges(), [bench.bytes(0, 200)]);
    assert_eq!(bench.shared.counters.gaps, 0);
}

#[test]
fn the_first_acknowledgement_tells_where_the_opposite_stream_of_a_new_connection_starts() {
    let mut bench = Bench::new(Source::Packets, true, 1000, 1000);
    bench.stream.opposite_position(1000);
    bench.chunk(0, 100);
    assert_eq!(bench.ranges(), [bench.bytes(0, 100)]);

    let mut bench = Bench::new(Source::Packets, true, 1000, 1000);
    bench.stream.opposite_position(1000);
    bench.chunk(50, 100);
    bench.wait();
    assert_eq!(bench.ranges(), [lost(0, 50, 0), bench.bytes(50, 100)]);
}

#[test]
fn calls_lost_before_the_first_chunk_of_a_new_connection_leave_a_gap_of_unknown_length() {
    let mut bench = live();
    bench.chunk_after_loss(500, 600, 2);
    let [Item::Gap(_, Gap::UNKNOWN_BYTES, GapCause::Lost { calls: 2 }), Item::Bytes(500, _)] =
        bench.out.items[..]
    else {
        panic!("{:?}", bench.out.items)
    };
}

#[test]
fn a_connection_joined_in_the_middle_starts_with_its_first_call() {
    let mut bench = Bench::new(Source::Calls, false, 1000, 1000);
    bench.chunk_after_loss(500, 600, 2);
    assert_eq!(bench.out.items, [bench.bytes(500, 600)]);
}

#[test]
fn a_call_reported_after_the_opposite_one_that_saw_its_place_is_not_taken_for_old() {
    let mut bench = live();
    bench.stream.opposite_position(1100);
    bench.chunk(0, 100);
    bench.chunk(100, 200);
    assert_eq!(bench.ranges(), [bench.bytes(0, 200)]);
}

#[test]
fn the_end_waits_for_what_precedes_it() {
    let mut bench = replay();
    bench.chunk(0, 100);
    bench.end(200);
    bench.end(200);
    assert_eq!(bench.ranges(), [bench.bytes(0, 100)]);
    bench.chunk(100, 200);
    bench.chunk(200, 250);
    bench.end(300);
    bench.finish();
    assert_eq!(bench.ranges(), [bench.bytes(0, 200), Item::End]);
    assert_eq!(bench.shared.counters.past_end_bytes, 50);
}

#[test]
fn bytes_missing_before_the_end_are_declared_lost_before_the_end_is_told() {
    let mut bench = replay();
    bench.chunk(0, 100);
    bench.end(200);
    bench.wait();
    assert_eq!(bench.ranges(), [bench.bytes(0, 100), lost(100, 100, 0), Item::End]);
}

#[test]
fn a_stream_without_sequence_numbers_is_passed_on_as_it_arrives() {
    let mut bench = live();
    let content = bench.content.clone();
    for (start, lost_calls) in [(0, 0), (100, 2), (200, 0)] {
        let arrival = Arrival {
            at: bench.now,
            sequence: None,
            opposite_offset: None,
            length: 100,
            bytes: &content[start..start + 100],
            lost_calls,
        };
        bench.stream.chunk(&arrival, &mut bench.shared, &mut bench.out);
    }
    assert_eq!(bench.stream.opposite_position(1000), None);
    let [
        Item::Bytes(_, first),
        Item::Gap(_, Gap::UNKNOWN_BYTES, GapCause::Lost { calls: 2 }),
        Item::Bytes(_, second),
        Item::Bytes(_, third),
    ] = &bench.out.items[..]
    else {
        panic!("{:?}", bench.out.items)
    };
    assert_eq!([&first[..], second, third].concat(), content[..300]);
}

#[test]
fn a_sequence_number_out_of_all_bounds_starts_the_stream_anew_after_an_unknown_gap() {
    let mut bench = live();
    bench.chunk(0, 100);
    bench.out.first = 0;
    let arrival = Arrival {
        at: bench.now,
        sequence: Some(0x9000_0000),
        opposite_offset: None,
        length: 100,
        bytes: &bench.content.clone()[..100],
        lost_calls: 0,
    };
    bench.stream.chunk(&arrival, &mut bench.shared, &mut bench.out);
    let [_, Item::Gap(_, length, _), Item::Bytes(0x9000_0000, _)] = bench.out.items[..] else {
        panic!("{:?}", bench.out.items)
    };
    assert!(length >= Gap::UNKNOWN_BYTES);
    assert_eq!(bench.shared.counters.resynchronised, 1);
    assert_eq!(bench.shared.counters.lost_bytes, 0);
}

#[test]
fn calls_lost_at_the_end_leave_a_gap_of_unknown_length() {
    let mut bench = live();
    bench.chunk(0, 100);
    bench.stream.finish(4, bench.now, &mut bench.shared, &mut bench.out);
    assert_eq!(bench.ranges(), [bench.bytes(0, 100), lost(100, Gap::UNKNOWN_BYTES, 4)]);
}

#[test]
fn calls_lost_before_the_end_of_a_stream_are_counted_with_what_is_missing_before_it() {
    let mut bench = live();
    bench.chunk(0, 100);
    bench.end_after(300, 3);
    assert_eq!(bench.ranges(), [bench.bytes(0, 100), lost(100, 200, 3), Item::End]);
    bench.finish();

    let mut bench = live();
    bench.chunk(0, 100);
    bench.end(300);
    bench.stream.finish(2, bench.now, &mut bench.shared, &mut bench.out);
    assert_eq!(bench.ranges(), [bench.bytes(0, 100), lost(100, 200, 2), Item::End]);
}

#[test]
fn a_stream_of_which_nothing_but_the_end_is_seen_was_lost_if_calls_were() {
    let mut bench = live();
    bench.stream = Stream::new(Flow::Sent, true);
    bench.end_after(300, 3);
    let [Item::Gap(_, Gap::UNKNOWN_BYTES, GapCause::Lost { calls: 3 }), Item::End] = &bench.out.items[..]
    else {
        panic!("{:?}", bench.out.items)
    };
}

#[test]
fn a_full_window_gives_up_the_first_hole_and_says_so() {
    let mut bench = replay();
    bench.shared.limits.stream_chunks = 2;
    for start in [100, 200, 300] {
        bench.chunk(start, start + 50);
    }
    assert_eq!(bench.ranges(), [lost(0, 100, 0), bench.bytes(100, 150)]);
    assert_eq!(bench.shared.counters.held_overflow, 1);
    bench.finish();
}
