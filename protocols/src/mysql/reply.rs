//! What a server answers to one command, packet by packet, and where that ends.
//!
//! Where an answer ends depends on what was asked, and on what client and server agreed on in a login that may not have
//! been seen. What was not seen is inferred: a packet that begins with 0xfe and is shorter than 16 MiB ends a series
//! under the old rules (`EOF_Packet`) and the new ones (`CLIENT_DEPRECATE_EOF`) alike, since a row that begins so is
//! longer; only whether an end follows the definitions of columns is open, and the first packet after them tells.

use super::{
    command::{Answer, Command},
    frame::{CONTINUED_BYTES, HEADER_BYTES},
    message::{self, Columns, Done, End, Failure, Prepared, status},
};
use crate::{framed::Frame, ordered::Span};

/// Longest name of a database that is kept: 64 characters of four bytes.
pub(super) const NAME_BYTES: usize = 256;

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The first packet of an answer, or of the next result of one.
    First,
    /// Definitions of columns; the end that follows them, where one does; then the rows.
    Columns { left: u64, rows: bool },
    /// What stands between definitions and rows.
    AfterColumns,
    /// Rows, until an end.
    Rows,
    /// Definitions without a number, until an end.
    Fields,
    /// Definitions of a statement's parameters or columns, of as many as are left.
    Definitions { left: u16, then: u16 },
    /// What stands after such definitions; so many of the other kind follow.
    AfterDefinitions { then: u16 },
    /// Steps of authentication.
    Authentication,
    /// The client sends a file.
    File,
    /// Events without end.
    Stream,
}

/// What a packet was to the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// More packets follow.
    More,
    /// It was the last.
    Ended,
    /// Nothing that may stand here.
    Broken,
    /// A stream that is not an answer to anything begins.
    Streams,
    /// The answer ended before this packet, which is the first of the next.
    EndedBefore,
}

/// What was lost of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loss {
    /// Nothing.
    Nothing,
    /// Bytes that were not copied.
    NotCopied,
    /// Bytes that should have been seen.
    Lost,
}

/// One answer, as far as it was seen.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    next: Next,
    pub(super) span: Span,
    pub(super) loss: Loss,
    /// Rows in all results, known while nothing of them was lost.
    pub(super) rows: Option<u64>,
    /// Rows changed, where an answer said it.
    pub(super) affected_rows: Option<u64>,
    pub(super) warnings: u32,
    pub(super) failure: Option<Failure>,
    pub(super) prepared: Option<Prepared>,
    /// Whether the first statement of the command is known to have succeeded.
    pub(super) first_succeeded: bool,
    pub(super) results: u32,
    /// The database that the session is in since, where the server said it.
    pub(super) schema: Option<Box<[u8]>>,
    /// Whether an old end was seen after definitions, or a new one after rows: what was agreed on.
    pub(super) deprecates_eof: Option<bool>,
    /// Why it ended where it did, if not by its last packet.
    pub(super) broken: Option<&'static str>,
}

impl Reply {
    /// An answer to `command` of which nothing was seen yet.
    pub(super) fn new(command: Command) -> Self {
        let next = match command.answer() {
            Answer::Authentication => Next::Authentication,
            Answer::Rows => Next::Rows,
            Answer::Fields => Next::Fields,
            Answer::Stream => Next::Stream,
            Answer::Results | Answer::Prepared | Answer::Text | Answer::Nothing => Next::First,
        };
        Self {
            next,
            span: Span::default(),
            loss: Loss::Nothing,
            rows: (next == Next::Rows).then_some(0),
            affected_rows: None,
            warnings: 0,
            failure: None,
            prepared: None,
            first_succeeded: false,
            results: 0,
            schema: None,
            deprecates_eof: None,
            broken: None,
        }
    }

    /// Bytes held.
    pub(super) fn held_bytes(&self) -> usize {
        self.schema.as_ref().map_or(0, |schema| schema.len())
    }

    /// Whether the server waits for a file.
    pub(super) fn wants_file(&self) -> bool {
        self.next == Next::File
    }

    /// Whether it may have ended with its last packet: what was agreed on in a login that was not seen decides.
    pub(super) fn may_be_over(&self) -> bool {
        self.next == Next::AfterDefinitions { then: 0 }
    }

    /// Bytes of it, seen or not, have passed without being read.
    pub(super) fn pass(&mut self, bytes: u64, loss: Loss) {
        self.span.bytes = self.span.bytes.saturating_add(bytes);
        self.loss = self.loss.max(loss);
        if loss == Loss::Lost {
            self.span.missing_bytes = self.span.missing_bytes.saturating_add(bytes);
        }
        if loss > Loss::Nothing {
            self.rows = None;
        }
    }

    /// Takes a packet in. `deprecates_eof` is what is known of the agreement.
    pub(super) fn packet(
        &mut self,
        command: Command,
        frame: &Frame<'_>,
        deprecates_eof: Option<bool>,
    ) -> Step {
        let step = self.read(command, frame, deprecates_eof);
        if step != Step::EndedBefore {
            self.add(frame);
        }
        step
    }

    /// Counts a packet.
    pub(super) fn add(&mut self, frame: &Frame<'_>) {
        if self.span.bytes == 0 {
            self.span.offset = frame.offset;
            self.span.opposite_offset = frame.opposite_offset;
            self.span.started = frame.started;
        }
        self.span.bytes = self.span.bytes.saturating_add(frame.length);
        self.span.missing_bytes = self.span.missing_bytes.saturating_add(frame.missing_bytes);
        self.span.ended = frame.ended;
        if frame.missing_bytes > 0 {
            self.loss = Loss::Lost;
        }
    }

    fn read(&mut self, command: Command, frame: &Frame<'_>, deprecates_eof: Option<bool>) -> Step {
        let payload = frame.bytes.get(HEADER_BYTES..).unwrap_or_default();
        let Some((&first, rest)) = payload.split_first() else {
            // A row without columns, or a packet whose beginning was not seen.
            return if frame.length > HEADER_BYTES as u64 { Step::Broken } else { Step::More };
        };
        if first == 0xff && frame.length < CONTINUED_BYTES {
            return self.fail(rest);
        }
        let ends = first == 0xfe && frame.length < CONTINUED_BYTES;
        let whole = frame.bytes.len() as u64 == frame.length;
        match self.next {
            Next::First => self.first(command, first, payload, whole),
            Next::Columns { left, rows } => {
                if first == 0xfe {
                    return Step::Broken;
                }
                self.next = match left {
                    0 | 1 if rows => Next::AfterColumns,
                    0 | 1 => Next::Rows,
                    _ => Next::Columns { left: left - 1, rows },
                };
                Step::More
            }
            Next::AfterColumns => self.after_columns(ends, frame, rest, deprecates_eof),
            Next::Rows => self.row(ends, rest, whole),
            Next::Fields => {
                if ends {
                    self.end(rest, whole)
                } else {
                    Step::More
                }
            }
            Next::Definitions { left, then } => {
                if first == 0xfe {
                    return Step::Broken;
                }
                if left > 1 {
                    self.next = Next::Definitions { left: left - 1, then };
                    return Step::More;
                }
                self.after_definitions(then, deprecates_eof)
            }
            Next::AfterDefinitions { then } => {
                self.deprecates_eof = Some(!ends);
                if ends {
                    return self.define(then, 0);
                }
                if then == 0 {
                    return Step::EndedBefore;
                }
                self.define(then, 0);
                self.read(command, frame, Some(true))
            }
            Next::Authentication => self.authenticate(first, rest, whole),
            Next::File => self.first(command, first, payload, whole),
            Next::Stream => Step::Streams,
        }
    }

    fn fail(&mut self, rest: &[u8]) -> Step {
        match message::failure(rest) {
            // MariaDB tells how far it has come in place of an answer.
            Some(failure) if failure.code == message::PROGRESS_REPORT => Step::More,
            Some(failure) => {
                self.failure = Some(failure);
                Step::Ended
            }
            None => Step::Broken,
        }
    }

    fn first(&mut self, command: Command, first: u8, payload: &[u8], whole: bool) -> Step {
        let rest = payload.get(1..).unwrap_or_default();
        let columns = message::columns(payload).filter(|_| whole);
        match (command.answer(), first) {
            (Answer::Text, _) => Step::Ended,
            (Answer::Prepared, 0) => match message::prepared(rest) {
                Some(prepared) => {
                    self.prepared = Some(prepared);
                    if prepared.described {
                        self.define(prepared.parameters, prepared.columns)
                    } else {
                        Step::Ended
                    }
                }
                None => Step::Broken,
            },
            (Answer::Results, 0) if columns.is_none() => match message::done(rest, whole) {
                Some(done) => {
                    let affected = self.affected_rows.unwrap_or_default();
                    self.affected_rows = Some(affected.saturating_add(done.affected_rows));
                    self.done(&done)
                }
                None => Step::Broken,
            },
            (Answer::Results, 0xfb) => {
                self.next = Next::File;
                Step::More
            }
            (Answer::Results, 0xfe) => self.end(rest, whole),
            (Answer::Results, _) => match columns {
                Some(Columns { count, described }) => {
                    self.rows.get_or_insert(0);
                    self.next = if described {
                        Next::Columns { left: count, rows: true }
                    } else {
                        Next::AfterColumns
                    };
                    Step::More
                }
                None => Step::Broken,
            },
            _ => Step::Broken,
        }
    }

    fn after_columns(
        &mut self,
        ends: bool,
        frame: &Frame<'_>,
        rest: &[u8],
        deprecates_eof: Option<bool>,
    ) -> Step {
        let old = ends && frame.length == HEADER_BYTES as u64 + 5 && deprecates_eof != Some(true);
        let whole = frame.bytes.len() as u64 == frame.length;
        self.next = Next::Rows;
        if !old {
            if deprecates_eof.is_none() {
                self.deprecates_eof = Some(true);
            }
            return self.row(ends, rest, whole);
        }
        self.deprecates_eof = Some(false);
        match message::end(rest, whole) {
            // The rows wait on the server.
            Some(End::Old { status, .. }) if status & status::CURSOR_EXISTS != 0 => self.end(rest, whole),
            Some(_) => Step::More,
            None => Step::Broken,
        }
    }

    fn row(&mut self, ends: bool, rest: &[u8], whole: bool) -> Step {
        if ends {
            return self.end(rest, whole);
        }
        self.rows = self.rows.map(|rows| rows + 1);
        Step::More
    }

    fn end(&mut self, rest: &[u8], whole: bool) -> Step {
        match message::end(rest, whole) {
            Some(End::Old { status, warnings }) => self.done(&Done { status, warnings, ..Done::default() }),
            Some(End::New(done)) => self.done(&done),
            None => Step::Broken,
        }
    }

    fn done(&mut self, done: &Done<'_>) -> Step {
        self.first_succeeded |= self.results == 0;
        self.results = self.results.saturating_add(1);
        self.warnings = self.warnings.saturating_add(u32::from(done.warnings));
        if let Some(schema) = done.schema {
            self.schema = Some(schema.get(..NAME_BYTES).unwrap_or(schema).into());
        }
        if done.status & status::MORE_RESULTS != 0 {
            self.next = Next::First;
            return Step::More;
        }
        Step::Ended
    }

    /// So many definitions follow, and then so many.
    fn define(&mut self, first: u16, then: u16) -> Step {
        let (left, then) = if first == 0 { (then, 0) } else { (first, then) };
        if left == 0 {
            return Step::Ended;
        }
        self.next = Next::Definitions { left, then };
        Step::More
    }

    fn after_definitions(&mut self, then: u16, deprecates_eof: Option<bool>) -> Step {
        match deprecates_eof {
            Some(true) => self.define(then, 0),
            _ => {
                self.next = Next::AfterDefinitions { then };
                Step::More
            }
        }
    }

    fn authenticate(&mut self, first: u8, rest: &[u8], whole: bool) -> Step {
        if first != 0 {
            // Another method, or a step of one.
            return Step::More;
        }
        match message::done(rest, whole) {
            Some(done) => self.done(&done),
            None => Step::Broken,
        }
    }
}

/// Whether the last bytes of a segment are the end of rows, after which no other result follows. A row may end in the
/// same bytes, so this proves nothing as long as more may come.
pub(super) fn ends_rows(bytes: &[u8]) -> bool {
    let old =
        matches!(bytes.last_chunk::<9>(), Some(&[5, 0, 0, _, 0xfe, _, _, low, high]) if is_last(low, high));
    let new = matches!(
        bytes.last_chunk::<11>(),
        Some(&[7, 0, 0, _, 0xfe, 0, 0, low, high, _, _]) if is_last(low, high)
    );
    old || new
}

fn is_last(low: u8, high: u8) -> bool {
    u16::from_le_bytes([low, high]) & status::MORE_RESULTS == 0
}
