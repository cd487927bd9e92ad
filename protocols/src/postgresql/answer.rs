//! What the server said to one step of a request.

use super::message::{SqlState, Tag};
use crate::{Timestamp, placed::Beginning};

/// Tags kept of one simple query with many statements.
const TAGS: usize = 16;

/// One reply, with everything that came before it and since the one before: rows, notices, data that is copied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reply {
    pub(super) kind: ReplyKind,
    pub(super) bytes: u64,
    pub(super) missing: u64,
    pub(super) rows: u64,
    pub(super) began: Beginning,
    pub(super) ended: Option<Timestamp>,
}

/// What a reply says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReplyKind {
    /// The byte that answers a request for encryption.
    Verdict(u8),
    Parsed,
    Bound,
    Closed,
    /// `RowDescription` or `NoData`.
    Described,
    Complete(Tag),
    Empty,
    Suspended,
    Called,
    /// `CopyInResponse`: the client will send the data.
    CopyIn,
    /// `CopyOutResponse`.
    CopyOut,
    /// `CopyBothResponse`: replication begins.
    CopyBoth,
    Error(Option<SqlState>),
    Ready,
    /// Not a reply: what came here is not known.
    Torn,
    /// Not a reply: nothing came to end what came until here.
    Cut,
}

/// How rows travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Copying {
    In,
    Out,
}

/// Everything that was said to one step.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) began: Option<Beginning>,
    pub(super) ended: Option<Timestamp>,
    pub(super) bytes: u64,
    pub(super) missing: u64,
    /// Rows that came back, where there is a number to trust.
    pub(super) returned: Option<u64>,
    /// Rows that were changed or copied in.
    pub(super) affected: Option<u64>,
    pub(super) error: Option<Option<SqlState>>,
    pub(super) verdict: Option<u8>,
    pub(super) suspended: bool,
    /// An earlier error in the same group kept it from being run.
    pub(super) skipped: bool,
    /// Nothing more is to come, save `ReadyForQuery`.
    pub(super) done: bool,
    /// A part of it is not known.
    pub(super) torn: bool,
    /// What was asked for was done, or failed.
    pub(super) concluded: bool,
    tag: Option<Tag>,
    more_tags: Vec<Tag>,
    copying: Option<Copying>,
}

impl Answer {
    /// The answer to a step that was not run.
    pub(super) fn skipped(ended: Option<Timestamp>) -> Self {
        Self { ended, skipped: true, done: true, ..Self::default() }
    }

    /// The answer to a request that none follows.
    pub(super) fn none_expected(ended: Option<Timestamp>) -> Self {
        Self { ended, done: true, ..Self::default() }
    }

    /// The tags of the statements that completed.
    pub(super) fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.tag.iter().chain(&self.more_tags).filter(|tag| !tag.text().is_empty())
    }

    /// Bytes that it holds beyond its own size.
    pub(super) fn held_bytes(&self) -> usize {
        self.more_tags.capacity() * size_of::<Tag>()
    }

    /// Takes a reply in.
    pub(super) fn add(&mut self, reply: &Reply) {
        self.began.get_or_insert(reply.began);
        self.ended = reply.ended;
        self.bytes = self.bytes.saturating_add(reply.bytes);
        self.missing = self.missing.saturating_add(reply.missing);
        self.concluded |= matches!(
            reply.kind,
            ReplyKind::Complete(_)
                | ReplyKind::Empty
                | ReplyKind::Suspended
                | ReplyKind::Called
                | ReplyKind::Error(_)
        );
        match reply.kind {
            ReplyKind::Complete(tag) => self.complete(tag, reply.rows),
            ReplyKind::Suspended => {
                self.suspended = true;
                self.add_returned(Some(reply.rows).filter(|_| !self.torn));
            }
            ReplyKind::Error(state) => self.error = Some(state),
            ReplyKind::Verdict(verdict) => self.verdict = Some(verdict),
            ReplyKind::CopyIn => self.copying = Some(Copying::In),
            ReplyKind::CopyOut => self.copying = Some(Copying::Out),
            ReplyKind::Torn => self.torn = true,
            _ => {}
        }
    }

    fn add_returned(&mut self, rows: Option<u64>) {
        if let Some(rows) = rows {
            self.returned = Some(self.returned.unwrap_or_default().saturating_add(rows));
        }
    }

    fn add_affected(&mut self, rows: Option<u64>) {
        if let Some(rows) = rows {
            self.affected = Some(self.affected.unwrap_or_default().saturating_add(rows));
        }
    }

    fn complete(&mut self, tag: Tag, rows: u64) {
        let counted = Some(rows).filter(|_| !self.torn);
        let said = tag.rows();
        match tag.command() {
            // `CREATE TABLE AS` and `SELECT INTO` say that they selected, and send no row.
            "SELECT" if counted == Some(0) && said.is_some_and(|said| said > 0) => self.add_affected(said),
            "SELECT" | "FETCH" => self.add_returned(counted.or(said)),
            "INSERT" | "UPDATE" | "DELETE" | "MERGE" => {
                self.add_affected(said);
                self.add_returned(counted.filter(|&rows| rows > 0));
            }
            "COPY" if self.copying == Some(Copying::Out) => self.add_returned(said),
            "COPY" => self.add_affected(said),
            _ => self.add_returned(counted.filter(|&rows| rows > 0)),
        }
        if self.tag.is_none() {
            self.tag = Some(tag);
        } else if self.more_tags.len() < TAGS - 1 {
            self.more_tags.push(tag);
        }
    }
}
