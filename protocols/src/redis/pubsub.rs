//! What a server says that answers no command, and the confirmations of which one command is answered by many.
//!
//! RESP3 marks pushes. RESP2 sends the same as arrays, which are told from answers by the connection's being subscribed:
//! it takes no commands then that are answered by such arrays.

use std::collections::VecDeque;

use super::{
    message::{Reply, Response},
    table::Topic,
};
use crate::{Timestamp, fifo::LATE_WINDOW, placed::Here};

/// Commands that wait for confirmations.
const WAITING: usize = 1024;

/// What is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verb {
    pub(super) topic: Topic,
    pub(super) ends: bool,
}

/// What an array or a push says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// One channel was subscribed to, or is so no longer.
    Confirmation(Verb),
    /// A message was published.
    Message,
}

/// How many confirmations a command gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Count(u32),
    /// One for each subscription there is, or one if there is none.
    All,
    /// No command is known yet.
    Unknown,
}

/// Confirmations under way.
#[derive(Debug)]
struct Group {
    verb: Verb,
    expected: Expected,
    seen: u32,
    response: Response,
    here: Here,
}

/// The subscriptions of a connection.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    expected: VecDeque<(Verb, Expected)>,
    open: Option<Group>,
    channels: i64,
    patterns: i64,
    shards: i64,
    /// Pushes are marked.
    pub(super) resp3: bool,
    /// Commands may have been missed.
    uncertain: bool,
}

impl Subscriptions {
    pub(super) fn new(from_start: bool) -> Self {
        Self { uncertain: !from_start, ..Self::default() }
    }

    /// What a reply says, if it answers no command in the usual way. `waiting` says that commands wait for answers.
    #[inline]
    pub(super) fn notice(&self, reply: &Reply, waiting: bool) -> Option<Notice> {
        let push = reply.marker == b'>';
        if !push && (reply.marker != b'*' || self.resp3 || reply.word.get().is_empty()) {
            return None;
        }
        let notice = match (reply.word.get(), reply.count) {
            (b"message" | b"smessage", Some(3)) | (b"pmessage", Some(4)) => Notice::Message,
            (word, Some(3)) if reply.third.is_some() => Notice::Confirmation(verb(word)?),
            _ => return None,
        };
        let subscribed = self.channels > 0 || self.patterns > 0 || self.shards > 0;
        let believed = push
            || match notice {
                Notice::Confirmation(_) => {
                    subscribed || self.uncertain || self.open.is_some() || !self.expected.is_empty()
                }
                Notice::Message => subscribed || self.uncertain && !waiting,
            };
        believed.then_some(notice)
    }

    /// A command was sent that will be confirmed so many times; zero stands for all there is. Gives the answer, if the
    /// confirmations were seen before the command.
    pub(super) fn expect(&mut self, verb: Verb, count: u32) -> Option<(Response, Here)> {
        let expected = if count == 0 { Expected::All } else { Expected::Count(count) };
        if let Some(open) = &mut self.open
            && open.expected == Expected::Unknown
            && open.verb == verb
        {
            open.expected = expected;
            return self.take_if_whole();
        }
        if self.expected.len() < WAITING {
            self.expected.push_back((verb, expected));
        }
        None
    }

    /// The oldest command that waits for confirmations was answered otherwise.
    pub(super) fn refused(&mut self) {
        self.expected.pop_front();
    }

    /// Whether a confirmation of this kind goes on with what is under way.
    pub(super) fn continues(&self, verb: Verb) -> bool {
        self.open.as_ref().is_none_or(|open| open.verb == verb)
    }

    /// Takes a confirmation in. Gives the answer that it completes.
    pub(super) fn confirmed(
        &mut self,
        verb: Verb,
        response: Response,
        here: Here,
    ) -> Option<(Response, Here)> {
        self.count(verb, response.reply.third.unwrap_or_default().into());
        match &mut self.open {
            Some(open) => {
                open.seen += 1;
                open.response.size.bytes = open.response.size.bytes.saturating_add(response.size.bytes);
                open.response.size.missing = open.response.size.missing.saturating_add(response.size.missing);
                open.response.size.ended = response.size.ended;
            }
            None => {
                let first = self.expected.front().filter(|(expected, _)| *expected == verb);
                let expected = first.map_or(Expected::Unknown, |&(_, expected)| expected);
                if expected != Expected::Unknown {
                    self.expected.pop_front();
                }
                let mut response = response;
                response.reply.confirms = true;
                self.open = Some(Group { verb, expected, seen: 1, response, here });
            }
        }
        self.take_if_whole()
    }

    /// The server counts channels and patterns together.
    fn count(&mut self, verb: Verb, total: i64) {
        match verb.topic {
            Topic::Channel => self.channels = total.saturating_sub(self.patterns).max(0),
            Topic::Pattern => self.patterns = total.saturating_sub(self.channels).max(0),
            Topic::Shard => self.shards = total,
        }
    }

    fn take_if_whole(&mut self) -> Option<(Response, Here)> {
        let open = self.open.as_ref()?;
        let whole = match open.expected {
            Expected::Count(count) => open.seen >= count,
            Expected::All => match open.verb.topic {
                Topic::Channel => self.channels == 0,
                Topic::Pattern => self.patterns == 0,
                Topic::Shard => self.shards == 0,
            },
            Expected::Unknown => false,
        };
        if whole { self.flush() } else { None }
    }

    /// Nothing more confirms what is under way. What no command asked for (a server may end subscriptions) is no answer.
    pub(super) fn flush(&mut self) -> Option<(Response, Here)> {
        let open = self.open.take()?;
        (open.expected != Expected::Unknown).then_some((open.response, open.here))
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Timestamp) {
        let late = |open: &Group| open.expected == Expected::Unknown && now.since(open.here.at) > LATE_WINDOW;
        if self.open.as_ref().is_some_and(late) {
            self.open = None;
        }
    }

    /// Bytes were lost: what waits cannot be told from what comes.
    pub(super) fn lose(&mut self) {
        self.expected.clear();
        self.open = None;
        self.uncertain = true;
    }

    /// `RESET` ends all subscriptions.
    pub(super) fn reset(&mut self) {
        *self = Self { uncertain: self.uncertain, ..Self::default() };
    }
}

fn verb(word: &[u8]) -> Option<Verb> {
    let (topic, ends) = match word {
        b"subscribe" => (Topic::Channel, false),
        b"psubscribe" => (Topic::Pattern, false),
        b"ssubscribe" => (Topic::Shard, false),
        b"unsubscribe" => (Topic::Channel, true),
        b"punsubscribe" => (Topic::Pattern, true),
        b"sunsubscribe" => (Topic::Shard, true),
        _ => return None,
    };
    Some(Verb { topic, ends })
}
