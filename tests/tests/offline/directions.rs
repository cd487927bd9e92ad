//! Which end asks is told by the content: conversations joined in the middle and offered with the directions swapped
//! give the records that they give as they were, or none, and never the wrong side.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use plainsight_protocols::{
    CloseReason, Conversation, Exchange, Outcome, Protocol, Settings, Sink, Timestamp,
};
use plainsight_tests::traffic::{
    self, Traffic,
    clock::{Clock, Placed},
};

/// Steps that are fed, at most, after a connection was joined.
const STEPS_AFTER_JOIN: usize = 60;

/// Places, at most, at which one connection is joined.
const JOINS: usize = 200;

/// What says that two records are of the same exchange: the moments at which it began and ended, and its sizes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    protocol: Protocol,
    started: u64,
    ended: Option<u64>,
    sizes: [u64; 2],
    /// The summary, to be read in a failure.
    summary: String,
}

impl Record {
    fn is_same(&self, other: &Self) -> bool {
        let key = |record: &Self| (record.protocol, record.started, record.ended, record.sizes);
        key(self) == key(other)
    }
}

#[derive(Default)]
struct Recorder {
    reversed: bool,
    /// Pairs, and halves of which the other was not seen.
    pairs: Vec<Record>,
    halves: Vec<Record>,
    /// Records of exchanges that were reported with the directions as the conversation was told them.
    unturned: usize,
}

impl Sink for Recorder {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        let mut summary = String::new();
        // A text takes whatever it is given.
        let _ = exchange.details.summary(&mut summary);
        let record = Record {
            protocol: exchange.protocol,
            started: exchange.started.as_nanos(),
            ended: exchange.ended.map(Timestamp::as_nanos),
            sizes: [exchange.request_bytes, exchange.response_bytes],
            summary,
        };
        self.unturned += usize::from(!self.reversed);
        let is_pair = exchange.outcome == Outcome::Complete && exchange.ended.is_some();
        if is_pair { &mut self.pairs } else { &mut self.halves }.push(record);
    }

    fn unobserved(&mut self, _: u64) {}

    fn reversed(&mut self, reversed: bool) {
        self.reversed = reversed;
    }
}

fn observe(traffic: &Traffic, place: usize, most: usize, swapped: bool) -> Recorder {
    let from_start = place == 0 && traffic.from_start && !swapped;
    let (settings, mut recorder) = (Settings::default(), Recorder::default());
    let mut conversation = Conversation::new(from_start);
    let mut clock = Clock::new(place, from_start, swapped);
    for step in traffic.steps.iter().skip(place).take(most) {
        match clock.place(step) {
            Placed::Segment(segment) => conversation.segment(&segment, &settings, &mut recorder),
            Placed::Gap(gap) => conversation.gap(&gap, &mut recorder),
        }
    }
    conversation.close(CloseReason::Closed, clock.now(), &mut recorder);
    recorder
}

#[test]
fn the_content_decides_which_end_asks() -> Result<()> {
    // Of each protocol: places at which something was recognised as it was, and of those, swapped.
    let mut recognised = BTreeMap::<Protocol, [u32; 2]>::new();
    let mut wrong = BTreeSet::new();
    for traffic in traffic::all()?.iter().filter(|traffic| !traffic.speaks.is_empty()) {
        let truth = observe(traffic, 0, usize::MAX, false);
        let stride = traffic.steps.len().div_ceil(JOINS).max(1);
        for place in (1..traffic.steps.len()).step_by(stride) {
            let given = observe(traffic, place, STEPS_AFTER_JOIN, false);
            let swapped = observe(traffic, place, STEPS_AFTER_JOIN, true);
            let Traffic { kind, name, .. } = traffic;
            let here = || format!("{kind}, {name} at {place}");
            if swapped.unturned > 0 {
                wrong.insert(format!("{}: {} on the wrong side", here(), swapped.unturned));
            }
            let is_known = |record: &Record, of: &[&[Record]]| {
                of.iter().copied().flatten().any(|known| known.is_same(record))
            };
            for pair in &swapped.pairs {
                if !is_known(pair, &[&truth.pairs, &given.pairs]) {
                    wrong.insert(format!("{}: {pair:?} is no true pair", here()));
                }
            }
            for half in &swapped.halves {
                let is_part = truth.pairs.iter().chain(&truth.halves).any(|whole| {
                    let (asks, answers) = (half.sizes[0] > 0, half.sizes[1] > 0);
                    whole.protocol == half.protocol
                        && (!asks || whole.started == half.started)
                        && (asks || !answers || whole.ended.is_none_or(|ended| ended >= half.started))
                });
                if !is_part && !is_known(half, &[&given.halves]) {
                    wrong.insert(format!("{}: {half:?} is no part of an exchange", here()));
                }
            }
            let known = given.pairs.first().map(|record| record.protocol);
            if let Some(protocol) = known {
                let counts = recognised.entry(protocol).or_default();
                counts[0] += 1;
                counts[1] += u32::from(swapped.pairs.iter().any(|record| record.protocol == protocol));
            }
        }
    }
    for (protocol, [given, swapped]) in &recognised {
        println!("{}: recognised at {given} places, {swapped} of them swapped", protocol.name());
        assert!(
            20 * swapped >= 19 * given,
            "{} is recognised at {given} places and, swapped, at {swapped} of them",
            protocol.name()
        );
    }
    let all: Vec<_> = recognised.keys().copied().collect();
    assert_eq!(all, Protocol::ALL, "a protocol has no conversation here that can be joined");
    let wrong: Vec<_> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{} records are wrong:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}
