//! Whatever is lost of a conversation: no response is taken for another's, and every exchange is accounted for once.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::testing::loss::{self, Event};

/// What happens to one exchange of a generated conversation.
#[derive(Debug, Clone, Copy)]
struct Turn {
    request_lost: bool,
    response_lost: bool,
    /// The response's event comes before the request's.
    answered_early: bool,
    /// The next request's event comes before the response's.
    answered_late: bool,
    /// The client thinks for longer than a late event is waited for.
    pause: bool,
    body: usize,
}

fn turns(loss: f64, late: f64) -> impl Strategy<Value = Vec<Turn>> {
    let turn = (
        prop::bool::weighted(loss),
        prop::bool::weighted(loss),
        prop::bool::weighted(late),
        prop::bool::weighted(late),
        prop::bool::weighted(0.3),
        0..40_usize,
    );
    let turn = turn.prop_map(|(request_lost, response_lost, answered_early, answered_late, pause, body)| {
        Turn { request_lost, response_lost, answered_early, answered_late, pause, body }
    });
    prop::collection::vec(turn, 1..24)
}

/// One call a message, the client waiting for each answer. `raced` has the offsets of the opposite stream as another
/// thread makes them: at a write reported after the answer, they include it.
fn conversation(turns: &[Turn], raced: Option<Direction>) -> Vec<Event> {
    let mut events = Vec::new();
    let (mut now, mut asked, mut answered) = (1_000_000_000, 0, 0);
    for (index, turn) in turns.iter().enumerate() {
        now += if turn.pause { 20 * MILLISECOND } else { 5 * MICROSECOND };
        let request =
            format!("POST /{index} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{:0>1$}", turn.body, turn.body);
        let request = if turn.body == 0 { get(&format!("/{index}")) } else { request };
        let head = format!("HTTP/1.1 200 OK\r\nX-Id: {index}\r\nContent-Length: {}\r\n\r\n", turn.body);
        let response = format!("{head}{}", "x".repeat(turn.body));
        let length = |text: &str| text.len() as u64;
        let inflated = turn.answered_early && raced == Some(Direction::ToServer);
        events.push(Event {
            direction: Direction::ToServer,
            at: now,
            offset: asked,
            opposite: if inflated { answered + length(&response) } else { answered },
            bytes: request.clone().into_bytes(),
            lost: turn.request_lost,
        });
        asked += length(&request);
        events.push(Event {
            direction: Direction::ToClient,
            at: now + MICROSECOND,
            offset: answered,
            opposite: asked,
            bytes: response.clone().into_bytes(),
            lost: turn.response_lost,
        });
        answered += length(&response);
    }
    if raced == Some(Direction::ToClient) {
        for index in (1..events.len() - 1).step_by(2) {
            if turns[index / 2].answered_late {
                events[index].opposite += events[index + 1].bytes.len() as u64;
            }
        }
    }
    for (index, turn) in turns.iter().enumerate() {
        let request = index * 2;
        // Each stream stays in order: events come late only across the two.
        if events[request].direction == Direction::ToClient {
            continue;
        }
        if turn.answered_early {
            events.swap(request, request + 1);
        } else if turn.answered_late && request + 2 < events.len() && !turns[index + 1].pause {
            events.swap(request + 1, request + 2);
        }
    }
    events
}

/// Captures the header that tells which response it is.
fn observe(events: &[Event], keyed: bool) -> Recorder {
    let settings = Settings {
        http: crate::http::HttpSettings {
            captured_headers: Arc::from(["x-id".to_owned()]),
            known_methods: None,
            ..Default::default()
        },
        ..Settings::default()
    };
    loss::observe(events, keyed, &settings)
}

fn assert_no_wrong_pair(recorder: &Recorder) {
    for seen in &recorder.seen {
        if let (Some(path), Some(id)) = (seen.path(), seen.attribute("http.response.header.x-id")) {
            assert_eq!(path, format!("/{id}"), "{seen:?}");
        }
    }
}

fn accounted(recorder: &Recorder) -> u64 {
    recorder.seen.len() as u64 + recorder.unobserved
}

/// A conversation of which nothing at all was seen cannot be recognised as one.
fn recognisable(events: &[Event]) -> bool {
    events.iter().any(|event| !event.lost)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn every_exchange_is_accounted_for_whatever_is_lost(turns in turns(0.3, 0.0)) {
        let events = conversation(&turns, None);
        prop_assume!(recognisable(&events));
        let recorder = observe(&events, true);
        assert_no_wrong_pair(&recorder);
        prop_assert_eq!(accounted(&recorder), turns.len() as u64, "{:#?}", recorder);
        let whole = turns.iter().filter(|turn| !turn.request_lost && !turn.response_lost).count();
        let complete = recorder.seen.iter().filter(|seen| seen.outcome == Outcome::Complete).count();
        prop_assert_eq!(complete, whole, "{:#?}", recorder);
    }

    #[test]
    fn late_events_change_nothing_of_that(turns in turns(0.3, 0.3)) {
        let events = conversation(&turns, None);
        prop_assume!(recognisable(&events));
        let recorder = observe(&events, true);
        assert_no_wrong_pair(&recorder);
        prop_assert_eq!(accounted(&recorder), turns.len() as u64, "{:#?}", recorder);
        let whole = turns.iter().filter(|turn| !turn.request_lost && !turn.response_lost).count();
        let complete = recorder.seen.iter().filter(|seen| seen.outcome == Outcome::Complete).count();
        prop_assert_eq!(complete, whole, "{:#?}", recorder);
    }

    #[test]
    fn responses_of_several_calls_are_accounted_for_as_far_as_calls_tell(
        turns in turns(0.25, 0.0),
        calls in prop::collection::vec(prop::collection::vec((prop::bool::weighted(0.25), 1..60_usize), 0..3), 24),
    ) {
        let mut events = Vec::new();
        for (index, event) in conversation(&turns, None).into_iter().enumerate() {
            if event.direction == Direction::ToServer {
                events.push(event);
                continue;
            }
            // The head is one call; the body may be several, each lost or not.
            let head = event.bytes.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |end| end + 4);
            let (mut rest, mut offset) = (event.bytes.clone(), event.offset);
            let mut cuts = vec![(event.lost, head)];
            cuts.extend(calls[index / 2].iter().copied());
            cuts.push((event.lost, usize::MAX));
            for (lost, length) in cuts {
                let bytes: Vec<u8> = rest.drain(..length.min(rest.len())).collect();
                if !bytes.is_empty() {
                    let next = offset + bytes.len() as u64;
                    events.push(Event { offset, bytes, lost, ..event.clone() });
                    offset = next;
                }
            }
        }
        prop_assume!(events.iter().any(|event| !event.lost && (event.bytes[0] == b'G' || event.bytes[0] == b'P')));
        let recorder = observe(&events, true);
        assert_no_wrong_pair(&recorder);
        // Of calls that are lost in a row nothing tells where one response ended: each may be off by one.
        let torn = events.iter().filter(|event| event.lost && event.direction == Direction::ToClient).count();
        prop_assert!(accounted(&recorder).abs_diff(turns.len() as u64) <= torn as u64, "{:#?}", recorder);
    }

    #[test]
    fn late_events_without_loss_leave_every_exchange_complete(turns in turns(0.0, 0.5), raced in 0..3) {
        let raced = [None, Some(Direction::ToServer), Some(Direction::ToClient)][raced as usize];
        for keyed in [true, false] {
            let recorder = observe(&conversation(&turns, raced), keyed);
            assert_no_wrong_pair(&recorder);
            prop_assert_eq!(recorder.seen.len(), turns.len());
            for seen in &recorder.seen {
                prop_assert_eq!(seen.outcome, Outcome::Complete);
                prop_assert_eq!(seen.missing_bytes, 0);
            }
        }
    }

    #[test]
    fn offsets_that_raced_never_make_a_wrong_pair(turns in turns(0.3, 0.4), client in any::<bool>()) {
        let raced = if client { Direction::ToServer } else { Direction::ToClient };
        let events = conversation(&turns, Some(raced));
        prop_assume!(recognisable(&events));
        let recorder = observe(&events, true);
        assert_no_wrong_pair(&recorder);
        // A pair that cannot be told from two halves may be counted as either.
        let doubtful = turns.iter().filter(|turn| turn.answered_early || turn.answered_late).count();
        prop_assert!(accounted(&recorder).abs_diff(turns.len() as u64) <= doubtful as u64, "{:#?}", recorder);
    }

    #[test]
    fn without_offsets_loss_makes_no_wrong_pair(turns in turns(0.3, 0.0)) {
        let recorder = observe(&conversation(&turns, None), false);
        assert_no_wrong_pair(&recorder);
        prop_assert!(accounted(&recorder) <= turns.len() as u64, "{:#?}", recorder);
    }

    #[test]
    fn pipelining_never_makes_a_wrong_pair(
        batches in prop::collection::vec(prop::collection::vec((any::<bool>(), any::<bool>()), 1..6), 1..8),
        loss in 0..4_u8,
    ) {
        let mut events = Vec::new();
        let (mut now, mut asked, mut answered, mut index) = (1_000_000_000, 0, 0, 0);
        // Only once it was seen is it known that the client pipelines.
        let first = vec![(false, false); 2];
        for batch in std::iter::once(&first).chain(&batches) {
            let first = index;
            for &(lost, _) in batch {
                now += MICROSECOND;
                let bytes = get(&format!("/{index}")).into_bytes();
                let length = bytes.len() as u64;
                let lost = lost && loss & 1 > 0;
                events.push(Event { direction: Direction::ToServer, at: now, offset: asked, opposite: answered, bytes, lost });
                asked += length;
                index += 1;
            }
            for (number, &(_, lost)) in batch.iter().enumerate() {
                now += MICROSECOND;
                let head = format!("HTTP/1.1 200 OK\r\nX-Id: {}\r\nContent-Length: 0\r\n\r\n", first + number);
                let bytes = head.into_bytes();
                let length = bytes.len() as u64;
                let lost = lost && loss & 2 > 0;
                events.push(Event { direction: Direction::ToClient, at: now, offset: answered, opposite: asked, bytes, lost });
                answered += length;
            }
        }
        let recorder = observe(&events, true);
        assert_no_wrong_pair(&recorder);
        if loss == 0 {
            prop_assert_eq!(recorder.seen.len(), index);
            prop_assert!(recorder.seen.iter().all(|seen| seen.outcome == Outcome::Complete));
        }
    }
}
