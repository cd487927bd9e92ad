//! The server's stream cut into answers: a line, a value, or several of either up to `END`.

use memchr::memchr;

use super::{
    command::{number, words},
    message::{Code, Response, digest},
};
use crate::{
    Timestamp,
    piped::{self, Hole, Step},
    placed::{Here, Size},
};

/// Bytes of a line that are read: a value's line has a key of up to 250. The rest is counted.
pub(super) const LINE_KEEP: usize = 512;

/// What ends an answer of values.
const END: &[u8] = b"END\r\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a line, or before one.
    Line,
    /// So many bytes of a value, and of the line's end after it, are to come. Whether the answer ends with it.
    Value { remaining: u64, last: bool },
    /// It is not known where an answer starts.
    Lost,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    /// A value follows, and then more.
    Value(u64),
    /// A value follows, and ends the answer.
    Last(u64),
    /// More lines follow.
    More,
    /// The answer ends.
    End(Code),
}

/// The server's stream.
#[derive(Debug)]
pub(super) struct Answers {
    state: State,
    line: Vec<u8>,
    under_way: bool,
    response: Response,
    start: Here,
    last_at: Timestamp,
}

impl Answers {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            state: if from_start { State::Line } else { State::Lost },
            line: Vec::new(),
            under_way: false,
            response: Response::default(),
            start: Here::default(),
            last_at: Timestamp::default(),
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.line.len()
    }

    pub(super) fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Forgets the answer under way; the next is looked for where it can be told.
    pub(super) fn lose(&mut self) {
        self.resume();
        self.state = State::Lost;
    }

    /// The next byte starts an answer.
    pub(super) fn resume(&mut self) {
        self.state = State::Line;
        self.line.clear();
        self.under_way = false;
    }

    /// Reads on. `here` is where `bytes`, of which there is at least one, stand.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8], here: Here) -> Step {
        self.last_at = here.at;
        if !self.under_way {
            self.under_way = true;
            self.response = Response { size: Size::starting(here), ..Response::default() };
            self.start = here;
        }
        match self.state {
            State::Line => self.line(bytes),
            State::Value { remaining, last } => self.value(bytes, remaining, last),
            State::Lost => Step::Taken(bytes.len()),
        }
    }

    /// The answer that has ended, and where it started.
    pub(super) fn take(&mut self) -> (Response, Here) {
        self.under_way = false;
        self.response.size.ended = Some(self.last_at);
        (self.response, self.start)
    }

    /// What there is of the answer whose end was lost.
    pub(super) fn take_cut(&mut self) -> Option<(Response, Here)> {
        let cut = self.under_way.then_some((self.response, self.start));
        self.resume();
        cut
    }

    fn line(&mut self, bytes: &[u8]) -> Step {
        let end = memchr(b'\n', bytes);
        let taken = end.map_or(bytes.len(), |end| end + 1);
        self.response.size.took(taken);
        if end.is_some() && self.line.is_empty() {
            return self.understood(&bytes[..taken], taken);
        }
        let room = LINE_KEEP.saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..taken.min(room)]);
        if end.is_none() {
            return Step::Taken(taken);
        }
        let held = std::mem::take(&mut self.line);
        let step = self.understood(&held, taken);
        self.line = held;
        self.line.clear();
        step
    }

    #[inline]
    fn understood(&mut self, line: &[u8], taken: usize) -> Step {
        let line = line.strip_suffix(b"\r\n").unwrap_or(line);
        match row(line) {
            Some(Row::Value(length)) => {
                self.response.items = self.response.items.saturating_add(1);
                self.state = State::Value { remaining: length.saturating_add(2), last: false };
                Step::Taken(taken)
            }
            Some(Row::Last(length)) if self.response.items == 0 => {
                self.flags(line, 2);
                self.response.items = 1;
                self.response.code = Code::Value;
                self.state = State::Value { remaining: length.saturating_add(2), last: true };
                Step::Taken(taken)
            }
            Some(Row::More) => {
                self.response.items = self.response.items.saturating_add(1);
                Step::Taken(taken)
            }
            Some(Row::End(code)) => {
                // Only an end, or an error, can follow what began with a value.
                let goes_on = self.response.items > 0;
                if goes_on && !matches!(code, Code::End | Code::Miss) && code.error().is_none() {
                    return Step::Invalid;
                }
                self.flags(line, 1);
                self.response.code = code;
                Step::Done(taken)
            }
            _ => Step::Invalid,
        }
    }

    /// What the answer to a meta command repeats of it.
    fn flags(&mut self, line: &[u8], from: usize) {
        if line.get(2).is_some_and(|&byte| byte != b' ') {
            return;
        }
        for word in words(line).skip(from) {
            match word.split_first() {
                Some((b'k', key)) => self.response.tokens.key = Some(digest(key)),
                Some((b'O', opaque)) => self.response.tokens.opaque = Some(digest(opaque)),
                _ => {}
            }
        }
    }

    fn value(&mut self, bytes: &[u8], remaining: u64, last: bool) -> Step {
        let Some((_, taken)) = piped::data(bytes, remaining) else { return Step::Invalid };
        self.response.size.took(taken);
        self.passed(taken as u64, remaining, last, taken)
    }

    fn passed(&mut self, bytes: u64, remaining: u64, last: bool, taken: usize) -> Step {
        let remaining = remaining.saturating_sub(bytes);
        if remaining > 0 {
            self.state = State::Value { remaining, last };
            return Step::Taken(taken);
        }
        self.state = State::Line;
        if last { Step::Done(taken) } else { Step::Taken(taken) }
    }

    /// How many values the answer under way has, that under way included.
    pub(super) fn items(&self) -> u32 {
        self.response.items
    }

    /// Bytes were not seen. `only_end` says that nothing but the end of the answer can follow the value under way.
    pub(super) fn gap(&mut self, bytes: u64, lost: bool, only_end: bool, at: Timestamp) -> Hole {
        match self.state {
            State::Value { remaining, last: false }
                if only_end && !lost && bytes == remaining.saturating_add(END.len() as u64) =>
            {
                self.response.size.missed(bytes, lost);
                self.response.code = Code::End;
                self.last_at = at;
                self.state = State::Line;
                Hole::End
            }
            State::Value { remaining, last } if bytes <= remaining => {
                self.response.size.missed(bytes, lost);
                self.last_at = at;
                match self.passed(bytes, remaining, last, 0) {
                    Step::Done(_) => Hole::End,
                    _ => Hole::Inside,
                }
            }
            State::Value { remaining, .. } => {
                self.response.size.missed(remaining, lost);
                Hole::Beyond
            }
            State::Line if self.under_way => Hole::Beyond,
            State::Line | State::Lost => Hole::Between,
        }
    }
}

/// Reads a line, its end not included.
#[inline]
fn row(line: &[u8]) -> Option<Row> {
    let mut words = words(line);
    let first = words.next()?;
    let code = match first {
        b"VALUE" => return words.nth(2).and_then(number).map(Row::Value),
        b"VA" => return words.next().and_then(number).map(Row::Last),
        b"STAT" | b"ITEM" | b"PREFIX" | b"mg" => return Some(Row::More),
        b"END" => Code::End,
        b"STORED" | b"DELETED" | b"TOUCHED" | b"OK" | b"RESET" => Code::Done,
        b"NOT_STORED" | b"NS" => Code::NotStored,
        b"EXISTS" | b"EX" => Code::Exists,
        b"NOT_FOUND" | b"NF" => Code::NotFound,
        b"VERSION" => Code::Version,
        b"HD" => Code::Head,
        b"EN" => Code::Miss,
        b"ME" => Code::Debug,
        b"MN" => Code::NoOperation,
        b"BUSY" | b"BADCLASS" | b"NOSPARE" | b"NOTFULL" | b"UNSAFE" | b"SAME" => Code::Other,
        b"ERROR" => Code::Error,
        b"CLIENT_ERROR" => Code::ClientError,
        b"SERVER_ERROR" => Code::ServerError,
        _ if first.starts_with(b"key=") => return Some(Row::More),
        _ if number(first).is_some() && words.next().is_none() => Code::Number,
        _ => return None,
    };
    Some(Row::End(code))
}

/// How sure a line, its end not included, is to be the first of an answer: `None` if it is none, and whether it can be
/// nothing else.
pub(super) fn recognise(line: &[u8]) -> Option<bool> {
    let line = line.strip_suffix(b"\r")?;
    if !line.iter().all(|&byte| byte >= 0x20 && byte != 0x7f) {
        return None;
    }
    let words = words(line).count();
    match row(line)? {
        Row::Value(_) => {
            let flags = super::command::words(line).nth(2).and_then(number);
            ((4..=5).contains(&words) && flags.is_some()).then_some(true)
        }
        Row::End(Code::Error) => (words == 1 || line.starts_with(b"ERROR ")).then_some(false),
        Row::End(code) => {
            let may_go_on = matches!(
                code,
                Code::ClientError
                    | Code::ServerError
                    | Code::Version
                    | Code::Head
                    | Code::Debug
                    | Code::Miss
                    | Code::NotFound
                    | Code::NotStored
                    | Code::Exists
                    | Code::Other
            );
            (may_go_on || words == 1).then_some(false)
        }
        Row::Last(_) | Row::More => Some(false),
    }
}
