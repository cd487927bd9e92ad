//! Whole conversations of many protocols, those that plainsight knows and those that it must leave alone: what the test
//! of detection feeds to every detector.
//!
//! Three sources: the captures of other test suites ([`captures`]), what was recorded for this repository's own tests
//! ([`recorded`]), and dialogues written from the specifications of protocols that plainsight does not parse
//! ([`lines`](mod@lines), [`binary`], [`noise`]).

pub mod binary;
pub mod captures;
pub mod clock;
pub mod lines;
pub mod noise;
pub mod recorded;

use anyhow::Result;
use plainsight_protocols::{Direction, GapCause, Protocol};

/// One connection, as it was or could have been.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// What it is an example of: a row of the matrix.
    pub kind: String,
    /// Which example.
    pub name: String,
    /// The protocols that it speaks, of those that plainsight knows.
    pub speaks: Vec<Protocol>,
    /// Whether its first bytes are there.
    pub from_start: bool,
    /// What was sent, in order.
    pub steps: Vec<Step>,
}

/// Something that one end sent.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which way it went.
    pub direction: Direction,
    /// What.
    pub sent: Sent,
}

/// Bytes, or the absence of bytes.
#[derive(Debug, Clone)]
pub enum Sent {
    /// What one call or one packet carried.
    Bytes(Vec<u8>),
    /// Bytes that were not seen.
    Gap(u64, GapCause),
}

impl Traffic {
    /// A connection seen from its start that speaks nothing plainsight knows.
    #[must_use]
    pub fn foreign(kind: &str, name: &str, steps: Vec<Step>) -> Self {
        Self { kind: kind.to_owned(), name: name.to_owned(), speaks: Vec::new(), from_start: true, steps }
    }
}

/// The client sends.
#[must_use]
pub fn client(bytes: impl Into<Vec<u8>>) -> Step {
    Step { direction: Direction::ToServer, sent: Sent::Bytes(bytes.into()) }
}

/// The server sends.
#[must_use]
pub fn server(bytes: impl Into<Vec<u8>>) -> Step {
    Step { direction: Direction::ToClient, sent: Sent::Bytes(bytes.into()) }
}

/// All of it, in the order of the matrix.
///
/// # Errors
/// If a capture or a recording cannot be read.
pub fn all() -> Result<Vec<Traffic>> {
    let mut all = captures::all()?;
    all.extend(recorded::all()?);
    all.extend(lines::all());
    all.extend(binary::all());
    all.extend(noise::all());
    Ok(all)
}
