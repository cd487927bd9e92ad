//! What the parser makes of whole connections.

use crate::{
    CloseReason, Direction,
    testing::{Recorder, Wire},
};

mod bounds;
mod copying;
mod detection;
mod extended;
mod loss;
mod pipelines;
mod sessions;
mod simple;
mod splits;

/// A message with a type.
fn message(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len() + 4).expect("short");
    [&[kind][..], &length.to_be_bytes(), &body].concat()
}

fn zero_ended(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}

fn startup(parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = vec![0, 3, 0, 0];
    for (key, value) in parameters {
        body.extend(zero_ended(key));
        body.extend(zero_ended(value));
    }
    body.push(0);
    opening(&body)
}

fn opening(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short");
    [&length.to_be_bytes(), body].concat()
}

fn ssl_request() -> Vec<u8> {
    opening(&[4, 0xd2, 0x16, 0x2f])
}

fn query(text: &str) -> Vec<u8> {
    message(b'Q', &[&zero_ended(text)])
}

fn parse(name: &str, text: &str) -> Vec<u8> {
    message(b'P', &[&zero_ended(name), &zero_ended(text), &[0, 0]])
}

fn bind(portal: &str, statement: &str) -> Vec<u8> {
    message(
        b'B',
        &[&zero_ended(portal), &zero_ended(statement), &[0, 0, 0, 1, 0, 0, 0, 6], b"s3cret", &[0, 0]],
    )
}

fn describe(kind: u8, name: &str) -> Vec<u8> {
    message(b'D', &[&[kind], &zero_ended(name)])
}

fn close(kind: u8, name: &str) -> Vec<u8> {
    message(b'C', &[&[kind], &zero_ended(name)])
}

fn execute(portal: &str, limit: u32) -> Vec<u8> {
    message(b'E', &[&zero_ended(portal), &limit.to_be_bytes()])
}

fn sync() -> Vec<u8> {
    message(b'S', &[])
}

fn flush() -> Vec<u8> {
    message(b'H', &[])
}

fn columns(names: &[&str]) -> Vec<u8> {
    let mut body = u16::try_from(names.len()).expect("few").to_be_bytes().to_vec();
    for name in names {
        body.extend(zero_ended(name));
        body.extend([0; 18]);
    }
    message(b'T', &[&body])
}

fn row(values: &[&str]) -> Vec<u8> {
    let mut body = u16::try_from(values.len()).expect("few").to_be_bytes().to_vec();
    for value in values {
        body.extend(u32::try_from(value.len()).expect("short").to_be_bytes());
        body.extend(value.as_bytes());
    }
    message(b'D', &[&body])
}

fn complete(tag: &str) -> Vec<u8> {
    message(b'C', &[&zero_ended(tag)])
}

fn ready() -> Vec<u8> {
    message(b'Z', b"I".chunks(1).collect::<Vec<_>>().as_slice())
}

fn empty(kind: u8) -> Vec<u8> {
    message(kind, &[])
}

fn error(state: &str) -> Vec<u8> {
    failure("ERROR", state)
}

fn failure(severity: &str, state: &str) -> Vec<u8> {
    let fields: Vec<_> = [('S', severity), ('V', severity), ('C', state), ('M', "value \"s3cret\" is wrong")]
        .iter()
        .flat_map(|(kind, text)| zero_ended(&format!("{kind}{text}")))
        .collect();
    message(b'E', &[&fields, &[0]])
}

fn notice() -> Vec<u8> {
    message(b'N', &[b"SNOTICE\0VNOTICE\0C00000\0Mhello\0\0"])
}

fn notification() -> Vec<u8> {
    message(b'A', &[&7_u32.to_be_bytes(), b"channel\0payload\0"])
}

fn parameter(name: &str, value: &str) -> Vec<u8> {
    message(b'S', &[&zero_ended(name), &zero_ended(value)])
}

/// What a server says to a start-up without a password.
fn welcome() -> Vec<u8> {
    [
        message(b'R', &[&[0, 0, 0, 0]]),
        parameter("server_version", "15.18"),
        parameter("client_encoding", "UTF8"),
        message(b'K', &[&77_u32.to_be_bytes(), b"s3cr"]),
        ready(),
    ]
    .concat()
}

/// The answer to a query of one column.
fn rows(count: usize) -> Vec<u8> {
    let data: Vec<_> = (0..count).flat_map(|index| row(&[&format!("value {index}")])).collect();
    [columns(&["a"]), data, complete(&format!("SELECT {count}")), ready()].concat()
}

impl Wire {
    fn ask<T: AsRef<[u8]>>(&mut self, parts: &[T]) -> &mut Self {
        self.say(Direction::ToServer, parts)
    }

    fn answer<T: AsRef<[u8]>>(&mut self, parts: &[T]) -> &mut Self {
        self.say(Direction::ToClient, parts)
    }

    fn say<T: AsRef<[u8]>>(&mut self, direction: Direction, parts: &[T]) -> &mut Self {
        let bytes: Vec<u8> = parts.iter().flat_map(AsRef::as_ref).copied().collect();
        self.bytes(direction, &bytes)
    }

    fn closed(&mut self) -> Recorder {
        self.close(CloseReason::Closed)
    }
}

/// A connection on which a session has begun, and nothing was reported yet.
fn session() -> Wire {
    let mut wire = Wire::new();
    wire.ask(&[startup(&[("user", "ann"), ("database", "shop")])]).answer(&[welcome()]);
    assert_eq!(wire.summaries(), ["CONNECT shop"]);
    wire.recorder.seen.clear();
    wire
}

/// What was reported, one line each: the summary, and the outcome where it is not `Complete`.
fn lines(recorder: &Recorder) -> Vec<String> {
    let line = |seen: &crate::testing::Seen| match seen.outcome {
        crate::Outcome::Complete => seen.summary.clone(),
        outcome => format!("{} [{outcome:?}]", seen.summary),
    };
    recorder.seen.iter().map(line).collect()
}
