//! Large messages of which only the beginning is copied: what follows them is known as if all had been seen.

use proptest::prelude::*;

use super::{loss::Encoder, loss::with_numbers, *};

/// How much of a call is copied.
const COPIED: usize = 64 << 10;

/// Data as frames of so many bytes.
fn frames(stream: u32, size: usize, body: &[u8], flags: u8) -> Vec<u8> {
    let count = body.chunks(size).count();
    let last = |number: usize| if number + 1 == count { flags } else { 0 };
    body.chunks(size).enumerate().flat_map(|(number, part)| data(stream, last(number), part)).collect()
}

fn message(length: usize) -> Vec<u8> {
    let prefix = [&[0][..], &u32::try_from(length).expect("short").to_be_bytes()].concat();
    [prefix, vec![7; length]].concat()
}

/// One call, of which the first bytes are copied.
fn call(wire: &mut Wire, direction: Direction, bytes: &[u8], copied: usize) {
    let copied = copied.min(bytes.len());
    wire.bytes(direction, &bytes[..copied]);
    if copied < bytes.len() {
        wire.not_copied(direction, (bytes.len() - copied) as u64);
    }
}

const CALL: &[(&str, &str)] = &[
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/shop.Orders/Put"),
    ("content-type", "application/grpc"),
];

fn answered(wire: &mut Wire, encoder: &mut Encoder, stream: u32) {
    let head = encoder.block(&[(":status", "200"), ("content-type", "application/grpc"), ("server", "s")]);
    wire.answers(&frame(kind::HEADERS, END_HEADERS, stream, &head));
    wire.answers(&frames(stream, 16_384, &message(3), 0));
    let trailers = encoder.block(&[("grpc-status", "0"), ("server", "s")]);
    wire.answers(&frame(kind::HEADERS, END_HEADERS | END_STREAM, stream, &trailers));
}

#[test]
fn a_large_message_sent_by_one_call_leaves_its_own_and_later_exchanges_known() {
    for length in [100_000, 300_000, 16_384 * 9 - 5, 16_384 * 9 - 4, 3_000_000] {
        let (mut asks, mut answers) = (Encoder::default(), Encoder::default());
        let mut wire = begun();
        for stream in [1, 3, 5] {
            let head = asks.block(&[CALL, &[("user-agent", "agent"), ("x-long-lived", "value")]].concat());
            let head = frame(kind::HEADERS, END_HEADERS, stream, &head);
            let body = frames(stream, 16_384, &message(length), END_STREAM);
            call(&mut wire, Direction::ToServer, &[head, body].concat(), COPIED);
            answered(&mut wire, &mut answers, stream);
        }
        assert_eq!(wire.recorder.seen.len(), 3, "told as soon as they are answered");
        for seen in &wire.recorder.seen {
            assert_eq!((seen.summary.as_str(), seen.outcome), ("shop.Orders/Put OK", Outcome::Complete));
            assert_eq!(seen.attribute("plainsight.grpc.request.messages"), Some("1"));
            assert_eq!(seen.missing_bytes, 0);
        }
        assert_eq!(wire.close(CloseReason::Closed).unobserved, 0);
    }
}

#[test]
fn a_response_as_long_as_its_head_says_has_ended_where_the_call_ends() {
    let mut wire = begun();
    let mut encoder = Encoder::default();
    for stream in [1, 3] {
        wire.asks(&get(stream, "/file"));
        let head = encoder.block(&[(":status", "200"), ("content-length", "200000"), ("server", "s")]);
        let head = frame(kind::HEADERS, END_HEADERS, stream, &head);
        let body = frames(stream, 8_192, &vec![7; 200_000], END_STREAM);
        call(&mut wire, Direction::ToClient, &[head, body].concat(), COPIED);
        let seen = wire.recorder.seen.last().expect("told at once");
        assert_eq!((seen.summary.as_str(), seen.outcome), ("GET /file 200", Outcome::Complete));
        assert_eq!(seen.attribute("http.response.body.size"), Some("200000"));
        assert_eq!(seen.ended, Some(wire.now));
    }
}

#[test]
fn trailers_among_what_was_not_copied_are_not_guessed() {
    let mut wire = begun();
    let mut encoder = Encoder::default();
    let head = encoder.block(&[(":status", "200"), ("content-type", "application/grpc"), ("server", "s")]);
    let trailers = encoder.block(&[("grpc-status", "5"), ("server", "s")]);
    wire.asks(&headers(1, END_STREAM, CALL));
    let all = [
        frame(kind::HEADERS, END_HEADERS, 1, &head),
        frames(1, 16_384, &message(300_000), 0),
        frame(kind::HEADERS, END_HEADERS | END_STREAM, 1, &trailers),
    ];
    call(&mut wire, Direction::ToClient, &all.concat(), COPIED);
    wire.asks(&headers(3, END_STREAM, CALL));
    answered(&mut wire, &mut Encoder::default(), 3);
    let recorder = wire.pass(40_000 * MILLISECOND).close(CloseReason::Closed);
    let lines: Vec<_> = recorder.seen.iter().map(|seen| (seen.summary.as_str(), seen.outcome)).collect();
    assert_eq!(lines, [("shop.Orders/Put OK", Outcome::Complete), ("shop.Orders/Put ?", Outcome::Partial)]);
}

#[test]
fn a_frame_that_does_not_stand_where_it_must_undoes_the_bridge() {
    let mut wire = begun();
    let mut encoder = Encoder::default();
    let head = encoder.block(&[CALL, &[("user-agent", "agent")]].concat());
    wire.asks(&frame(kind::HEADERS, END_HEADERS, 1, &head));
    let body = frames(1, 16_384, &message(300_000), END_STREAM);
    // A change of a window among the frames, and the call ends between two of them.
    let cut = 10 * 16_393;
    let sent =
        [&body[..5 * 16_393], &frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 1, 0]), &body[5 * 16_393..cut]];
    call(&mut wire, Direction::ToServer, &sent.concat(), COPIED);
    wire.asks(&body[cut..]);
    wire.answers(&headers(1, 0, &[(":status", "200"), ("content-type", "application/grpc")]));
    wire.answers(&headers(1, END_STREAM, &[("grpc-status", "0")]));
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.outcome, seen.attribute("plainsight.grpc.request.messages")), (Outcome::Partial, None));
}

/// How a conversation goes: exchange n has number n, bodies of its own length, and is sent in calls of its own.
#[derive(Debug, Clone)]
struct Plan {
    lengths: Vec<(usize, usize)>,
    frame: usize,
    copied: usize,
    /// Bytes that a call takes at most.
    call: usize,
    /// Exchanges that are under way at a time.
    at_once: usize,
    grpc: bool,
}

fn plan() -> impl Strategy<Value = Plan> {
    let length = prop_oneof![3 => 0usize..400, 3 => 400usize..9_000, 1 => Just(511), 1 => Just(1_024)];
    (
        prop::collection::vec((length.clone(), length), 1..8),
        prop_oneof![Just(64usize), Just(500), Just(512), Just(4_096)],
        prop_oneof![1usize..2_000, Just(600usize)],
        prop_oneof![500usize..3_000, Just(usize::MAX)],
        1usize..4,
        any::<bool>(),
    )
        .prop_map(|(lengths, frame, copied, call, at_once, grpc)| Plan {
            lengths,
            frame,
            copied,
            call,
            at_once,
            grpc,
        })
}

/// The calls of each turn.
fn turns(plan: &Plan) -> Vec<(Direction, Vec<u8>)> {
    let (mut asks, mut answers) = (Encoder::default(), Encoder::default());
    let mut turns = Vec::new();
    let numbered: Vec<_> = plan.lengths.iter().enumerate().collect();
    for group in numbered.chunks(plan.at_once) {
        let (mut asked, mut answered) = (Vec::new(), Vec::new());
        for &(number, &(request, response)) in group {
            let stream = u32::try_from(number).expect("few") * 2 + 1;
            let path = format!("/{number}");
            let (request, response) = (request + number, response + number);
            let kind_of_content = if plan.grpc { "application/grpc" } else { "text/plain" };
            let (request_length, response_length) = (request.to_string(), response.to_string());
            let mut head = ask("POST", &path).to_vec();
            head.push(("content-type", kind_of_content));
            let mut answer =
                vec![(":status", "200"), ("x-number", path.as_str()), ("content-type", kind_of_content)];
            if !plan.grpc {
                head.push(("content-length", &request_length));
                answer.push(("content-length", &response_length));
            }
            asked.extend(frame(kind::HEADERS, END_HEADERS, stream, &asks.block(&head)));
            answered.extend(frame(kind::HEADERS, END_HEADERS, stream, &answers.block(&answer)));
            if plan.grpc {
                asked.extend(frames(stream, plan.frame, &message(request), END_STREAM));
                answered.extend(frames(stream, plan.frame, &message(response), 0));
                let trailers = answers.block(&[("grpc-status", "0"), ("x-last", &path)]);
                answered.extend(frame(kind::HEADERS, END_HEADERS | END_STREAM, stream, &trailers));
            } else {
                asked.extend(frames(stream, plan.frame, &vec![1; request], 0));
                asked.extend(data(stream, END_STREAM, b""));
                answered.extend(frames(stream, plan.frame, &vec![2; response], 0));
                answered.extend(data(stream, END_STREAM, b""));
            }
        }
        turns.push((Direction::ToServer, asked));
        turns.push((Direction::ToClient, answered));
    }
    turns
}

fn told(plan: &Plan, copied: usize) -> Vec<Seen> {
    let mut wire = begun_with(with_numbers());
    for (direction, bytes) in turns(plan) {
        for bytes in bytes.chunks(plan.call) {
            call(&mut wire, direction, bytes, copied);
        }
    }
    wire.pass(40_000 * MILLISECOND).close(CloseReason::Closed).seen
}

/// All numbers that what is said of an exchange names it by.
fn numbers(seen: &Seen) -> Vec<usize> {
    let names = ["http.response.header.x-number", "rpc.response.metadata.x-number", "url.path", "rpc.method"];
    let said = names.iter().filter_map(|name| seen.attribute(name));
    said.filter_map(|text| text.trim_start_matches('/').parse().ok()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn of_calls_that_are_copied_in_part_nothing_is_said_that_is_not_true(plan in plan()) {
        let truth = told(&plan, usize::MAX);
        prop_assert_eq!(truth.len(), plan.lengths.len());
        let seen = told(&plan, plan.copied);
        for seen in &seen {
            let all = numbers(seen);
            let Some(number) = all.first() else { continue };
            prop_assert!(all.iter().all(|other| other == number), "{seen:?}");
            let truth = truth.iter().find(|truth| numbers(truth).first() == Some(number)).expect("one of each");
            for (name, value) in &seen.server {
                // What was not seen can make a call look like a plain exchange, and take fields away.
                let compared = name.starts_with("http.") || name.starts_with("url.");
                if compared && seen.outcome == Outcome::Complete {
                    let true_value = truth.server.get(name).or(Some(value).filter(|_| truth.protocol != seen.protocol));
                    prop_assert_eq!(true_value, Some(value), "{}: {:?} of {:?}", name, seen, truth);
                }
            }
            for (mine, true_one) in seen.offsets.iter().zip(truth.offsets) {
                prop_assert!(mine.is_none() || *mine == true_one, "{seen:?} of {truth:?}");
            }
        }
    }

    #[test]
    fn one_large_message_a_call_loses_nothing(
        lengths in prop::collection::vec(0usize..9_000, 1..6),
        frame_size in prop_oneof![Just(64usize), Just(512), Just(500)],
        copied in 200usize..2_000,
    ) {
        let (mut asks, mut answers) = (Encoder::default(), Encoder::default());
        let mut wire = begun();
        for (number, &length) in lengths.iter().enumerate() {
            let stream = u32::try_from(number).expect("few") * 2 + 1;
            let head = asks.block(&[CALL, &[("user-agent", "agent")]].concat());
            let sent = [frame(kind::HEADERS, END_HEADERS, stream, &head), frames(stream, frame_size, &message(length), END_STREAM)];
            // Where the cut lies within a header nothing can be said of what follows: that is another test's.
            let (head, body) = (sent[0].len(), frame_size + 9);
            let within = copied.checked_sub(head).map(|behind| behind % body);
            let copied = if within.is_some_and(|within| within < 9) { copied + 9 } else { copied };
            call(&mut wire, Direction::ToServer, &sent.concat(), copied);
            answered(&mut wire, &mut answers, stream);
        }
        let recorder = wire.close(CloseReason::Closed);
        prop_assert_eq!(recorder.seen.len(), lengths.len());
        for seen in &recorder.seen {
            prop_assert_eq!((seen.summary.as_str(), seen.outcome), ("shop.Orders/Put OK", Outcome::Complete));
            prop_assert_eq!(seen.attribute("plainsight.grpc.request.messages"), Some("1"));
        }
    }
}
