//! Every detector against every kind of traffic, counted.

use std::{collections::BTreeMap, fmt::Write as _};

use plainsight_protocols::{
    CloseReason, Conversation, Detection, Direction, Exchange, Gap, Protocol, Segment, Settings, Sink,
    registry::{Continue, Entry, PROTOCOLS},
};

use crate::traffic::{
    Step, Traffic,
    clock::{Clock, Placed},
};

/// Places, at most, at which one connection is joined.
const JOINS: usize = 48;

/// Steps that are fed, at most, after a connection was joined.
const STEPS_AFTER_JOIN: usize = 96;

/// How a connection is observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum View {
    /// From its first byte, by all detectors together.
    Start,
    /// Joined at a segment, by all detectors together.
    Joined,
    /// From its first byte, by one detector that is asked alone.
    StartAlone,
    /// Joined at a segment, by one detector that is asked alone.
    JoinedAlone,
}

impl View {
    /// Every one, in the order in which they are printed.
    pub const ALL: [Self; 4] = [Self::Start, Self::Joined, Self::StartAlone, Self::JoinedAlone];

    const fn title(self) -> &'static str {
        match self {
            Self::Start => "Seen from the start",
            Self::Joined => "Joined in the middle",
            Self::StartAlone => "Seen from the start, each detector asked alone",
            Self::JoinedAlone => "Joined in the middle, each detector asked alone",
        }
    }
}

/// A cell: how often an exchange of the protocol was reported with the directions as they were, and swapped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cell([u32; 2]);

/// What is known of one kind of traffic.
#[derive(Debug, Default)]
struct Row {
    observed: BTreeMap<View, u32>,
    cells: BTreeMap<(View, Protocol), Cell>,
}

/// The counts.
#[derive(Debug, Default)]
pub struct Matrix {
    kinds: Vec<String>,
    rows: BTreeMap<String, Row>,
    wrong: Vec<String>,
}

/// The protocols of which something was reported, and one report of each.
#[derive(Default)]
struct Reported(BTreeMap<Protocol, String>);

impl Sink for Reported {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        self.0.entry(exchange.protocol).or_insert_with(|| {
            let mut summary = String::new();
            // A text takes whatever it is given.
            let _ = exchange.details.summary(&mut summary);
            format!("{summary:?} {:?}", exchange.outcome)
        });
    }

    fn unobserved(&mut self, _: u64) {}
}

impl Matrix {
    /// Observes a connection in every way there is.
    pub fn observe(&mut self, traffic: &Traffic) {
        if !self.rows.contains_key(&traffic.kind) {
            self.kinds.push(traffic.kind.clone());
        }
        let steps = &traffic.steps;
        if traffic.from_start {
            self.observe_at(traffic, View::Start, View::StartAlone, 0, steps);
        }
        let stride = steps.len().div_ceil(JOINS).max(1);
        let first = usize::from(traffic.from_start);
        for place in (first..steps.len()).step_by(stride) {
            let end = steps.len().min(place + STEPS_AFTER_JOIN);
            self.observe_at(traffic, View::Joined, View::JoinedAlone, place, &steps[place..end]);
        }
    }

    fn observe_at(&mut self, traffic: &Traffic, together: View, alone: View, place: usize, steps: &[Step]) {
        let from_start = together == View::Start;
        for view in [together, alone] {
            *self.rows.entry(traffic.kind.clone()).or_default().observed.entry(view).or_default() += 1;
        }
        for swapped in [false, true] {
            let reported = feed(steps, from_start, swapped);
            self.count(traffic, together, place, swapped, reported);
            for entry in PROTOCOLS {
                let reported = feed_alone(entry, steps, from_start, swapped);
                self.count(traffic, alone, place, swapped, reported);
            }
        }
    }

    fn count(&mut self, traffic: &Traffic, view: View, place: usize, swapped: bool, reported: Reported) {
        let row = self.rows.entry(traffic.kind.clone()).or_default();
        for (protocol, summary) in reported.0 {
            row.cells.entry((view, protocol)).or_default().0[usize::from(swapped)] += 1;
            if !traffic.speaks.contains(&protocol) {
                let Traffic { kind, name, .. } = traffic;
                let how = if swapped { ", swapped" } else { "" };
                let protocol = protocol.name();
                self.wrong.push(format!("{kind}, {name}, {view:?} at {place}{how}: {protocol} {summary}"));
            }
        }
    }

    /// Every protocol that was reported where it is not spoken, in words.
    #[must_use]
    pub fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// The tables, in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for view in View::ALL {
            self.table(view, &mut text);
        }
        text
    }

    fn table(&self, view: View, text: &mut String) {
        let width = self.kinds.iter().map(|kind| kind.chars().count()).max().unwrap_or(0);
        let columns = Protocol::ALL.map(|protocol| (protocol, protocol.name().len().max(7)));
        let _ = write!(text, "\n## {}\n\n| {:width$} | observed |", view.title(), "traffic");
        for (protocol, width) in columns {
            let _ = write!(text, " {:>width$} |", protocol.name());
        }
        let _ = write!(text, "\n|{:-<1$}|---------:|", "", width + 2);
        for (_, width) in columns {
            let _ = write!(text, "{:->1$}:|", "", width + 1);
        }
        text.push('\n');
        for kind in &self.kinds {
            let Some(row) = self.rows.get(kind) else { continue };
            let observed = row.observed.get(&view).copied().unwrap_or_default();
            let _ = write!(text, "| {kind:width$} | {observed:8} |");
            for (protocol, width) in columns {
                let cell = row.cells.get(&(view, protocol)).copied().unwrap_or_default();
                let shown = match cell.0 {
                    [0, 0] => String::new(),
                    [given, swapped] if given == swapped => given.to_string(),
                    [given, swapped] => format!("{given}/{swapped}"),
                };
                let _ = write!(text, " {shown:>width$} |");
            }
            text.push('\n');
        }
    }
}

/// What all detectors together make of a connection, or of a part of one.
fn feed(steps: &[Step], from_start: bool, swapped: bool) -> Reported {
    let (settings, mut reported) = (Settings::default(), Reported::default());
    let mut conversation = Conversation::new(from_start);
    let mut clock = Clock::new(0, from_start, swapped);
    for step in steps {
        match clock.place(step) {
            Placed::Segment(segment) => conversation.segment(&segment, &settings, &mut reported),
            Placed::Gap(gap) => conversation.gap(&gap, &mut reported),
        }
    }
    conversation.close(CloseReason::Closed, clock.now(), &mut reported);
    reported
}

/// What one detector makes of it that need not agree with others, and its parser: a conversation with one protocol.
fn feed_alone(entry: &Entry, steps: &[Step], from_start: bool, swapped: bool) -> Reported {
    let mut reported = Reported::default();
    let mut clock = Clock::new(0, from_start, swapped);
    let placed: Vec<Placed<'_>> = steps.iter().map(|step| clock.place(step)).collect();
    let Some((first, turned)) = recognised(entry, &placed, from_start) else { return reported };
    let turn = |direction: Direction| if turned { direction.opposite() } else { direction };
    let mut parser = (entry.start)(&Settings::default(), from_start && first == 0);
    for step in &placed[first..] {
        let verdict = match step {
            Placed::Segment(segment) => {
                let direction = turn(segment.direction);
                parser.segment(&Segment { direction, ..*segment }, &mut reported)
            }
            Placed::Gap(gap) => parser.gap(&Gap { direction: turn(gap.direction), ..*gap }, &mut reported),
        };
        if verdict != Continue::Parsing {
            break;
        }
    }
    parser.close(CloseReason::Closed, clock.now(), &mut reported);
    reported
}

/// Where a detector recognises its protocol, and whether it turns the directions round.
fn recognised(entry: &Entry, placed: &[Placed<'_>], from_start: bool) -> Option<(usize, bool)> {
    // Of each stream: where the bytes begin that are held, they, and whether they look like the protocol.
    let mut held: [(usize, Vec<u8>, bool); 2] = Default::default();
    let is_request = |step: &Placed<'_>| matches!(step, Placed::Segment(segment) if segment.direction == Direction::ToServer);
    let first_request = placed.iter().position(is_request);
    for (place, step) in placed.iter().enumerate() {
        let Placed::Segment(segment) = step else { continue };
        let own = usize::from(segment.direction == Direction::ToClient);
        let (begin, bytes, likely) = &mut held[own];
        if bytes.is_empty() {
            *begin = place;
        }
        bytes.extend_from_slice(segment.bytes);
        match (entry.detect)(segment.direction, bytes) {
            Detection::Found(direction) => return Some((*begin, direction != segment.direction)),
            Detection::Likely(direction) if direction == segment.direction => *likely = true,
            Detection::Likely(_) | Detection::NeedMore if bytes.len() <= 512 => {}
            // A client's first bytes tell what it speaks.
            _ if from_start && own == 0 && Some(*begin) == first_request => return None,
            _ => (*bytes, *likely) = (Vec::new(), false),
        }
        if let [(to_server, requests, true), (to_client, responses, true)] = &held {
            if (entry.agree)(segment.direction, requests, responses) {
                return Some((*to_server.min(to_client), false));
            }
            if own == 1 {
                held[0] = Default::default();
            }
            held[1] = Default::default();
        }
    }
    None
}
