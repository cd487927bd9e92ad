//! Whatever is pushed and taken: limits, order and counts hold.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::export::{SignalKind, otlp::QueueSettings};

const BYTES: usize = 20_000;
const ITEMS: u64 = 300;

#[derive(Debug, Clone)]
enum Step {
    Push { kind: usize, stream: Option<u64>, size: usize, items: u32 },
    Take,
    Land { place: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let push = (0_usize..3, proptest::option::of(0_u64..3), 0_usize..4000, 0_u32..60)
        .prop_map(|(kind, stream, size, items)| Step::Push { kind, stream, size, items });
    let land = (0_usize..12).prop_map(|place| Step::Land { place });
    proptest::collection::vec(prop_oneof![3 => push, 2 => Just(Step::Take), 2 => land], 1..120)
}

fn entry(number: u32, kind: SignalKind, stream: Stream, size: usize, items: u32) -> Entry {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(size.max(4), 0);
    Entry { batch: Batch { kind, payload: payload.into(), items }, stream, tracker: None, place: None }
}

fn number(entry: &Entry) -> u32 {
    entry.batch.payload[..4].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn limits_order_and_counts_hold_whatever_happens(steps in steps()) {
        let mut queue = Queue::new(&QueueSettings { memory_bytes: BYTES, memory_items: ITEMS, disk: None }, 3);
        let (mut next, mut flying, mut pushed, mut landed) = (0, Vec::<Entry>::new(), 0_u64, 0_u64);
        let mut last: HashMap<(SignalKind, Stream), u32> = HashMap::new();
        for step in steps {
            match step {
                Step::Push { kind, stream, size, items } => {
                    let stream = stream.map_or(Stream::Unordered, Stream::Ordered);
                    pushed += u64::from(items);
                    match queue.push(entry(next, SignalKind::ALL[kind], stream, size, items)) {
                        // Nothing here is tracked: only what is larger than the queue, or than what else could go, stays out.
                        Pushed::Queued(_) => {}
                        Pushed::Not(entry, reason) => prop_assert!(false, "{:?} for {:?}", reason, entry),
                    }
                    next += 1;
                }
                Step::Take => if let Some(entry) = queue.next() {
                    let key = (entry.batch.kind, entry.stream);
                    if entry.stream != Stream::Unordered {
                        let flies = flying.iter().any(|other| (other.batch.kind, other.stream) == key);
                        prop_assert!(!flies, "two of one stream are in flight");
                    }
                    // Also those without order go out as they came.
                    prop_assert!(last.insert(key, number(&entry)).is_none_or(|last| last < number(&entry)));
                    flying.push(entry);
                },
                Step::Land { place } if place < flying.len() => {
                    let entry = flying.remove(place);
                    queue.landed(entry.batch.kind, entry.stream, entry.amount());
                    landed += u64::from(entry.batch.items);
                }
                Step::Land { .. } => {}
            }
            let stats = queue.stats();
            let sum = |of: fn(&crate::export::otlp::KindStats) -> u64| stats.iter().map(of).sum::<u64>();
            prop_assert!(sum(|kind| kind.queued.bytes) <= BYTES as u64);
            prop_assert!(sum(|kind| kind.queued.items) <= ITEMS);
            prop_assert!(stats.iter().all(|kind| kind.in_flight.batches <= 3));
            let counted = sum(|kind| kind.queued.items + kind.in_flight.items + kind.dropped.total());
            prop_assert_eq!(counted + landed, pushed);
        }
    }
}

#[test]
fn many_small_batches_are_bounded_as_well() {
    let mut queue = Queue::new(&QueueSettings { memory_bytes: BYTES, memory_items: u64::MAX, disk: None }, 1);
    for number in 0..1000 {
        assert!(matches!(
            queue.push(entry(number, SignalKind::Logs, Stream::Unordered, 4, 0)),
            Pushed::Queued(_)
        ));
    }
    assert!(queue.stats()[SignalKind::Logs as usize].queued.batches < 100);
}
