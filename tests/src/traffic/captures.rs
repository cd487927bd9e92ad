//! The TCP connections of the captures of other test suites.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use anyhow::{Context, Result};
use plainsight::{
    capture::{Chunk, ConnectionId, Event, Flow, Transport},
    replay::{Reader, ReplayError},
};
use plainsight_protocols::{Direction, GapCause, Protocol};

use super::{Sent, Step, Traffic};
use crate::corpora;

/// Folders of captures, with what their connections speak.
const FOLDERS: [(&str, &[Protocol]); 7] = [
    // A connection may become one of HTTP/2.
    ("zeek/http", &[Protocol::Http, Protocol::Http2]),
    ("suricata/http2", &[Protocol::Http2, Protocol::Grpc, Protocol::Http]),
    ("zeek/dns", &[Protocol::Dns]),
    ("zeek/redis", &[Protocol::Redis]),
    ("zeek/mysql", &[Protocol::Mysql]),
    ("zeek/postgresql", &[Protocol::Postgresql]),
    ("suricata/pgsql", &[Protocol::Postgresql]),
];

/// Captures that hold something else than their folder's name says.
const OTHERWISE: [(&str, &[Protocol]); 4] = [
    // What a CONNECT asks for is a tunnel, and in its midst it looks like what goes through it.
    ("connect-with-header.pcap", &[Protocol::Http, Protocol::Tls]),
    ("http-on-port-5432.pcap", &[Protocol::Http]),
    ("psql-aws-ssl-require-15432.pcap", &[Protocol::Postgresql, Protocol::Tls]),
    ("encrypted.pcap", &[Protocol::Mysql, Protocol::Tls]),
];

/// Every connection of every capture.
///
/// # Errors
/// If one cannot be read.
pub fn all() -> Result<Vec<Traffic>> {
    let mut all = Vec::new();
    for (folder, speaks) in FOLDERS {
        for path in corpora::captures(folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let speaks =
                OTHERWISE.iter().find(|(other, _)| *other == name).map_or(speaks, |(_, speaks)| speaks);
            let connections = connections(&path).with_context(|| name.clone())?;
            all.extend(connections.into_iter().map(|connection| Traffic {
                kind: format!("captures: {folder}"),
                name: name.clone(),
                speaks: speaks.to_vec(),
                from_start: connection.from_start,
                steps: connection.finish(),
            }));
        }
    }
    all.retain(|traffic| !traffic.steps.is_empty());
    Ok(all)
}

/// The connections of a capture, in the order in which they begin.
fn connections(path: &Path) -> Result<Vec<Connection>> {
    let mut connections: Vec<Connection> = Vec::new();
    let mut places: HashMap<ConnectionId, usize> = HashMap::new();
    let read = Reader::open(path)?.run(|event| match event {
        Event::Opened(opened) if opened.transport == Transport::Tcp => {
            places.insert(opened.connection, connections.len());
            connections.push(Connection { from_start: opened.from_start, ..Connection::default() });
        }
        Event::Chunk(chunk) => {
            if let Some(&place) = places.get(&chunk.connection) {
                connections[place].chunk(chunk);
            }
        }
        _ => {}
    });
    match read {
        // Some end in the middle of a packet on purpose.
        Ok(_) | Err(ReplayError::Truncated { .. }) => Ok(connections),
        Err(error) => Err(error.into()),
    }
}

/// A connection whose packets are put in order.
#[derive(Default)]
struct Connection {
    from_start: bool,
    received: Reassembly,
    sent: Reassembly,
    steps: Vec<Step>,
}

/// One stream: what came too early waits.
#[derive(Default)]
struct Reassembly {
    next: Option<u32>,
    early: BTreeMap<u32, (Vec<u8>, u32)>,
}

impl Connection {
    fn chunk(&mut self, chunk: &Chunk<'_>) {
        let Some(sequence) = chunk.sequence else { return };
        let (stream, direction) = match chunk.flow {
            Flow::Received => (&mut self.received, Direction::ToServer),
            Flow::Sent => (&mut self.sent, Direction::ToClient),
        };
        let next = *stream.next.get_or_insert(sequence);
        // How far behind what came last, as a key that orders early packets.
        let ahead = sequence.wrapping_sub(next).cast_signed();
        if ahead > 0 {
            stream.early.entry(sequence).or_insert_with(|| (chunk.bytes.to_vec(), chunk.length));
            return;
        }
        stream.take(sequence, chunk.bytes, chunk.length, direction, &mut self.steps);
        while let Some((&sequence, _)) = stream.early.first_key_value()
            && sequence.wrapping_sub(stream.next.unwrap_or(sequence)).cast_signed() <= 0
            && let Some((bytes, length)) = stream.early.remove(&sequence)
        {
            stream.take(sequence, &bytes, length, direction, &mut self.steps);
        }
    }

    /// What was waited for in vain becomes a gap.
    fn finish(mut self) -> Vec<Step> {
        let streams = [(self.received, Direction::ToServer), (self.sent, Direction::ToClient)];
        for (mut stream, direction) in streams {
            for (sequence, (bytes, length)) in std::mem::take(&mut stream.early) {
                let missing = sequence.wrapping_sub(stream.next.unwrap_or(sequence)).cast_signed();
                if missing > 0 {
                    let gap = Sent::Gap(u64::from(missing.cast_unsigned()), GapCause::Lost { calls: 1 });
                    self.steps.push(Step { direction, sent: gap });
                    stream.next = Some(sequence);
                }
                stream.take(sequence, &bytes, length, direction, &mut self.steps);
            }
        }
        self.steps
    }
}

impl Reassembly {
    /// Takes what is new of a packet that is not early.
    fn take(
        &mut self,
        sequence: u32,
        bytes: &[u8],
        length: u32,
        direction: Direction,
        steps: &mut Vec<Step>,
    ) {
        let known = self.next.unwrap_or(sequence).wrapping_sub(sequence);
        if length <= known {
            return;
        }
        if let Some(new) = bytes.get(known as usize..).filter(|new| !new.is_empty()) {
            steps.push(Step { direction, sent: Sent::Bytes(new.to_vec()) });
        }
        let not_copied = length - known.max(u32::try_from(bytes.len()).unwrap_or(u32::MAX)).min(length);
        if not_copied > 0 {
            steps.push(Step { direction, sent: Sent::Gap(not_copied.into(), GapCause::NotCopied) });
        }
        self.next = Some(sequence.wrapping_add(length));
    }
}
