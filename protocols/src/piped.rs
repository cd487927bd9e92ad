//! What Redis and Memcached share: clients that pipeline commands of lines and counted data, which are kept, masked, as
//! text, and answers that look like the elements of others.

use std::fmt;

use crate::{
    CloseReason, Details, Direction, Exchange, Gap, GapCause, Outcome, Protocol, Segment, placed::Size,
    sanitise::field_text,
};

/// Letters of names in a summary.
const SUMMARY_LIMIT: usize = 80;

/// Segments of a stream looked at in vain for the start of a message, in a row, before the connection is given up.
const RESYNC_ATTEMPTS: u32 = 1024;

/// What a stream does with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// So many were taken in.
    Taken(usize),
    /// So many were taken in, and a message ends with them.
    Done(usize),
    /// No message can be read from here.
    Invalid,
}

/// What a gap did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hole {
    /// It lies in counted data.
    Inside,
    /// A message ends with it.
    End,
    /// It took the end of a message, and maybe more.
    Beyond,
    /// It lies between messages.
    Between,
}

/// How many of `bytes` are data, and how many belong to them together with the line's end after them, if there are
/// `remaining` of those to come. `None` if they are followed by something else.
#[inline]
pub(crate) fn data(bytes: &[u8], remaining: u64) -> Option<(usize, usize)> {
    let within = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).min(bytes.len());
    // The last two are the end of the line.
    let (content, taken) = (within(remaining.saturating_sub(2)), within(remaining));
    let ends = bytes[content..taken].iter().all(|byte| matches!(byte, b'\r' | b'\n'));
    ends.then_some((content, taken))
}

/// What is known of where messages begin on streams of which that was lost.
#[derive(Debug, Default)]
pub(crate) struct Bearings {
    /// Where the answers stood when the newest command was moved.
    asked_at: Option<u64>,
    /// The client spoke last.
    asked_last: bool,
    misses: [u32; 2],
}

impl Bearings {
    /// A command begins or goes on.
    #[inline]
    pub(crate) const fn asked(&mut self, segment: &Segment<'_>) {
        self.asked_at = segment.opposite_offset;
        self.asked_last = true;
    }

    /// An answer begins or goes on.
    #[inline]
    pub(crate) const fn answered(&mut self) {
        self.asked_last = false;
    }

    /// Whether an answer may begin with a segment. What is within an answer looks like one, so the content is not enough:
    /// it must begin where the answers stood when the newest command was moved.
    pub(crate) fn is_answer_due(&self, segment: &Segment<'_>) -> bool {
        match self.asked_at {
            Some(place) => place == segment.offset,
            None => self.asked_last && segment.opposite_offset.is_none(),
        }
    }

    /// A segment was looked at for the start of a message. Gives back whether it was found.
    pub(crate) fn looked(&mut self, direction: Direction, found: bool) -> bool {
        let misses = &mut self.misses[usize::from(direction == Direction::ToClient)];
        *misses = if found { 0 } else { *misses + 1 };
        found
    }

    /// Whether it was looked for in vain too often.
    pub(crate) fn are_lost(&self) -> bool {
        self.misses.iter().any(|&misses| misses > RESYNC_ATTEMPTS)
    }
}

/// Calls that a gap has taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// Whether they should have been seen.
    pub(crate) lost: bool,
    calls: u64,
}

impl Taken {
    /// What a gap has taken; `None` if that is nothing.
    pub(crate) const fn by(gap: &Gap) -> Option<Self> {
        let (lost, calls) = match gap.cause {
            GapCause::NotCopied => (false, 1),
            GapCause::Lost { calls } => (true, calls),
        };
        if gap.bytes == 0 && (!lost || calls == 0) { None } else { Some(Self { lost, calls }) }
    }

    /// How many messages are believed lost with them. One of the calls may have gone on with the message under way, if
    /// the stream was not lost before, and if that message was not understood all the same it is one more.
    pub(crate) const fn messages(self, was_lost: bool, understood: bool) -> u64 {
        match (was_lost, self.lost) {
            (true, true) => self.calls,
            (true, false) => 0,
            (false, _) => self.calls.saturating_sub(1) + !understood as u64,
        }
    }
}

/// Why an exchange has no response, or not all of it.
pub(crate) const fn transport_error(
    outcome: Outcome,
    truncated: Option<CloseReason>,
) -> Option<&'static str> {
    match (outcome, truncated) {
        (Outcome::NoResponse(reason), _) => reason.error(),
        (_, Some(CloseReason::Closed)) => Some("response_truncated"),
        (_, Some(reason)) => reason.error(),
        (_, None) => None,
    }
}

/// Writes the first words of a masked command, as many as a line for people has room for, without what is masked.
pub(crate) fn write_names(text: &[u8], most: usize, out: &mut dyn fmt::Write) -> fmt::Result {
    let mut length = 0;
    for (index, word) in text.split(|&byte| byte == b' ').take(most).enumerate() {
        if word == b"?" {
            continue;
        }
        if length > 0 && length + word.len() > SUMMARY_LIMIT {
            return out.write_str(" ...");
        }
        if index > 0 {
            out.write_char(' ')?;
        }
        out.write_str(&field_text(word))?;
        length += word.len() + 1;
    }
    Ok(())
}

/// An exchange of which so much was seen of the request and of the response.
#[inline]
pub(crate) fn exchange<'a>(
    protocol: Protocol,
    request: Option<&Size>,
    response: Option<&Size>,
    outcome: Outcome,
    details: &'a dyn Details,
) -> Exchange<'a> {
    Exchange {
        protocol,
        started: request.or(response).map(|size| size.began.at).unwrap_or_default(),
        request_offset: request.map(|size| size.began.offset),
        response_offset: response.map(|size| size.began.offset),
        ended: response.and_then(|size| size.ended),
        outcome,
        request_bytes: request.map_or(0, |size| size.bytes),
        response_bytes: response.map_or(0, |size| size.bytes),
        missing_bytes: request.map_or(0, |size| size.missing) + response.map_or(0, |size| size.missing),
        details,
    }
}
