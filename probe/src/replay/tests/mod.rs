#![expect(clippy::unwrap_used, reason = "a test fails where it is wrong")]

mod arbitrary;
mod connections;
mod corpora;
mod damage;
mod datagrams;
mod evictions;
mod files;
mod frames;
mod links;
mod segments;

use plainsight_protocols::Timestamp;

use super::{Reader, ReplayError, Summary};
use crate::capture::{Event, Flow, Role};

/// What a capture file gave: its events in words, and how the reading ended.
struct Replayed {
    events: Vec<String>,
    summary: Summary,
    result: Result<(), String>,
}

/// Reads a file that is in memory.
fn replay(file: &[u8]) -> Replayed {
    let mut events = Vec::new();
    let mut reader = match Reader::new(file) {
        Ok(reader) => reader,
        Err(error) => {
            return Replayed { events, summary: Summary::default(), result: Err(error.to_string()) };
        }
    };
    let result = reader.run(|event| events.push(in_words(event)));
    Replayed {
        events,
        summary: reader.summary(),
        result: result.map(|_| ()).map_err(|error: ReplayError| error.to_string()),
    }
}

/// The events of a file that must be readable to its end.
fn events(file: &[u8]) -> Vec<String> {
    let replayed = replay(file);
    assert_eq!(replayed.result, Ok(()));
    replayed.events
}

/// An event without its time, as short as it can be: `1< 1001+3 "GET" (opposite 5001)` for three bytes received.
fn in_words(event: &Event<'_>) -> String {
    let id = event.connection().0;
    let arrow = |flow| if flow == Flow::Received { '<' } else { '>' };
    let payload = |length: u32, bytes: &[u8]| format!("+{length} {:?}", String::from_utf8_lossy(bytes));
    match *event {
        Event::Opened(event) => {
            let role = match event.role {
                Role::Client => "client",
                Role::Server => "server",
                Role::Unknown => "unknown",
            };
            let start = if event.from_start { " from start" } else { "" };
            format!("{id} opened {} from {}, {role}{start}", event.local, event.remote)
        }
        Event::Chunk(event) => {
            let opposite = event.opposite_sequence.map_or_else(String::new, |at| format!(" (opposite {at})"));
            let sequence = event.sequence.unwrap();
            format!("{id}{} {sequence}{}{opposite}", arrow(event.flow), payload(event.length, event.bytes))
        }
        Event::Datagram(event) => format!("{id}{} {}", arrow(event.flow), payload(event.length, event.bytes)),
        Event::EndOfStream(event) => format!("{id}{} end {}", arrow(event.flow), event.sequence.unwrap()),
        Event::Closed(event) => format!("{id} {}", if event.reset { "reset" } else { "closed" }),
        Event::Failed(event) => format!("{id} {}", event.error.name()),
    }
}

/// The times of a file's chunks and datagrams, in nanoseconds.
fn times(file: &[u8]) -> Vec<u64> {
    let mut times = Vec::new();
    let mut note = |at: Timestamp| times.push(at.as_nanos());
    Reader::new(file)
        .unwrap()
        .run(|event| match event {
            Event::Chunk(chunk) => note(chunk.at),
            Event::Datagram(datagram) => note(datagram.at),
            _ => {}
        })
        .unwrap();
    times
}
