//! The client's stream cut into commands: arrays of bulk strings, and inline commands as a person types them.

use memchr::memchr;

use super::{
    command::{ARGUMENT_KEEP, Command, is_name},
    line::{HEADER_BYTES, Header, Length, header},
    message::Request,
    table,
};
use crate::{
    Timestamp,
    piped::{self, Hole, Step},
    placed::{Here, Size},
    texts::Texts,
};

/// Bytes of an inline command that are read; Redis takes 64 KiB. The rest is counted.
const INLINE_KEEP: usize = 1024;

/// Bytes that the stream holds at most: a line, and an argument.
pub(super) const HELD_BYTES_LIMIT: usize = INLINE_KEEP + HEADER_BYTES + ARGUMENT_KEEP;

/// Arguments that a command may have: as many as Redis takes.
const ARGUMENTS: u64 = 1 << 31;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// In an inline command. Whether it is longer than is kept.
    Inline,
    /// In the line that says how many arguments there are.
    Count,
    /// In, or before, the line that says how long the next argument is.
    Header,
    /// So many bytes of an argument, and of the line's end after it, are to come.
    Argument(u64),
    /// It is not known where a command starts.
    Lost,
}

/// The client's stream.
#[derive(Debug)]
pub(super) struct Commands {
    state: State,
    /// A line under way.
    line: Vec<u8>,
    /// The beginning of the argument under way.
    argument: Vec<u8>,
    /// The length of it.
    length: u64,
    /// A byte of what is kept of it was not seen.
    torn: bool,
    command: Option<Command>,
    size: Size,
    start: Here,
    last_at: Timestamp,
}

impl Commands {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            state: if from_start { State::Start } else { State::Lost },
            line: Vec::new(),
            argument: Vec::new(),
            length: 0,
            torn: false,
            command: None,
            size: Size::default(),
            start: Here::default(),
            last_at: Timestamp::default(),
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.line.len() + self.argument.len()
    }

    pub(super) fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Forgets the command under way; the next is looked for at the start of a segment.
    pub(super) fn lose(&mut self) {
        self.reset();
        self.state = State::Lost;
    }

    /// The next byte starts a command.
    pub(super) fn resume(&mut self) {
        self.reset();
    }

    fn reset(&mut self) {
        self.state = State::Start;
        self.command = None;
        self.line.clear();
        self.argument.clear();
    }

    /// Reads on. `here` is where `bytes`, of which there is at least one, stand.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8], here: Here, texts: &mut Texts) -> Step {
        self.last_at = here.at;
        match self.state {
            State::Start => self.begin(bytes, here, texts),
            State::Inline => self.inline(bytes, texts),
            State::Count => self.count(bytes, texts),
            State::Header => self.header(bytes, texts),
            State::Argument(remaining) => self.more(bytes, remaining, texts),
            State::Lost => Step::Taken(bytes.len()),
        }
    }

    /// The command that has ended, and where it started.
    #[inline]
    pub(super) fn take(&mut self) -> Option<(Request, Here)> {
        self.size.ended = Some(self.last_at);
        self.finish()
    }

    /// What there is of the command whose end was lost, if that is at least its name.
    pub(super) fn take_cut(&mut self) -> Option<(Request, Here)> {
        self.size.ended = None;
        let cut = self.finish();
        self.reset();
        cut
    }

    #[inline]
    fn finish(&mut self) -> Option<(Request, Here)> {
        let command = self.command.take().filter(|command| command.name > 0)?;
        let request = Request {
            size: self.size,
            text: command.start,
            length: command.length,
            name: command.name,
            kind: command.kind,
            number: command.number,
            procedure: command.procedure,
        };
        Some((request, self.start))
    }

    fn begin(&mut self, bytes: &[u8], here: Here, texts: &mut Texts) -> Step {
        self.size = Size::starting(here);
        self.start = here;
        match bytes[0] {
            b'*' => self.count(bytes, texts),
            // Servers skip empty lines.
            b'\r' | b'\n' => {
                Step::Taken(bytes.iter().take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count())
            }
            _ => self.inline(bytes, texts),
        }
    }

    /// A header of which a part may be held, and how many of `bytes` it takes. `None` if it goes on.
    #[inline]
    fn line(&mut self, bytes: &[u8]) -> Result<Option<(Length, usize)>, ()> {
        if self.line.is_empty() {
            match header(bytes) {
                Header::Whole(length, taken) => return Ok(Some((length, taken))),
                Header::Invalid => return Err(()),
                Header::NeedMore => {}
            }
        }
        let held = self.line.len();
        let room = HEADER_BYTES.saturating_sub(held);
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let found = header(&self.line);
        match found {
            Header::Whole(length, taken) => {
                self.line.clear();
                Ok(Some((length, taken.saturating_sub(held))))
            }
            Header::NeedMore if bytes.len() <= room => Ok(None),
            _ => Err(()),
        }
    }

    fn count(&mut self, bytes: &[u8], texts: &mut Texts) -> Step {
        match self.line(bytes) {
            Ok(None) => {
                self.state = State::Count;
                self.took(bytes.len())
            }
            Ok(Some((Length::Known(count @ 1..=ARGUMENTS), taken))) => {
                self.command = Some(Command::new(usize::try_from(count).unwrap_or(usize::MAX), texts));
                self.state = State::Header;
                self.took(taken)
            }
            // Servers skip empty arrays, too.
            Ok(Some((Length::Known(0) | Length::Null, taken))) => {
                self.state = State::Start;
                Step::Taken(taken)
            }
            _ => Step::Invalid,
        }
    }

    #[inline]
    fn header(&mut self, bytes: &[u8], texts: &mut Texts) -> Step {
        if self.line.is_empty() && bytes[0] != b'$' {
            return Step::Invalid;
        }
        let (length, taken) = match self.line(bytes) {
            Ok(None) => return self.took(bytes.len()),
            Ok(Some((Length::Known(length), taken))) => (length, taken),
            _ => return Step::Invalid,
        };
        let whole = usize::try_from(length).ok().and_then(|length| {
            let end = taken.checked_add(length)?;
            (bytes.get(end..end.checked_add(2)?)? == b"\r\n").then_some(end)
        });
        self.took(taken);
        let Some(end) = whole else {
            self.length = length;
            self.torn = false;
            self.argument.clear();
            self.state = State::Argument(length.saturating_add(2));
            return Step::Taken(taken);
        };
        self.took(end + 2 - taken);
        if let Some(command) = &mut self.command {
            let kept = end.min(taken + ARGUMENT_KEEP + 1);
            command.argument(&bytes[taken..kept], kept == end, texts);
        }
        self.argument_ended(end + 2)
    }

    fn argument_ended(&mut self, taken: usize) -> Step {
        if self.command.as_ref().is_some_and(|command| !command.is_whole()) {
            self.state = State::Header;
            return Step::Taken(taken);
        }
        self.state = State::Start;
        Step::Done(taken)
    }

    fn more(&mut self, bytes: &[u8], remaining: u64, texts: &mut Texts) -> Step {
        let Some((content, taken)) = piped::data(bytes, remaining) else { return Step::Invalid };
        if !self.torn {
            let room = ARGUMENT_KEEP.saturating_sub(self.argument.len());
            self.argument.extend_from_slice(&bytes[..content.min(room)]);
        }
        self.took(taken);
        self.passed(taken as u64, remaining, taken, texts)
    }

    fn passed(&mut self, bytes: u64, remaining: u64, taken: usize, texts: &mut Texts) -> Step {
        let remaining = remaining.saturating_sub(bytes);
        if remaining > 0 {
            self.state = State::Argument(remaining);
            return Step::Taken(taken);
        }
        let whole = self.argument.len() as u64 == self.length;
        if let Some(command) = &mut self.command {
            command.argument(&self.argument, whole, texts);
        }
        self.argument.clear();
        self.argument_ended(taken)
    }

    fn inline(&mut self, bytes: &[u8], texts: &mut Texts) -> Step {
        let end = memchr(b'\n', bytes);
        let line = end.map_or(bytes, |end| &bytes[..end]);
        self.took(end.map_or(bytes.len(), |end| end + 1));
        if end.is_some() && self.state == State::Start {
            return self.typed(line, texts, line.len() + 1);
        }
        let room = INLINE_KEEP.saturating_sub(self.line.len());
        self.line.extend_from_slice(&line[..line.len().min(room)]);
        self.state = State::Inline;
        if end.is_none() {
            let is_text = self.line.first().is_some_and(u8::is_ascii_alphabetic);
            return if is_text { Step::Taken(bytes.len()) } else { Step::Invalid };
        }
        let held = std::mem::take(&mut self.line);
        let step = self.typed(&held, texts, line.len() + 1);
        self.line = held;
        self.line.clear();
        step
    }

    /// An inline command.
    fn typed(&mut self, line: &[u8], texts: &mut Texts, taken: usize) -> Step {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.state = State::Start;
        let count = words(line).count();
        if count == 0 && line.iter().all(u8::is_ascii_whitespace) {
            return Step::Taken(taken);
        }
        if !words(line).next().is_some_and(is_name) {
            return Step::Invalid;
        }
        let mut command = Command::new(count, texts);
        for word in words(line) {
            let kept = word.len().min(ARGUMENT_KEEP + 1);
            command.argument(&word[..kept], kept == word.len(), texts);
        }
        self.command = Some(command);
        Step::Done(taken)
    }

    fn took(&mut self, bytes: usize) -> Step {
        self.size.took(bytes);
        Step::Taken(bytes)
    }

    /// Bytes were not seen.
    pub(super) fn gap(&mut self, bytes: u64, lost: bool, at: Timestamp, texts: &mut Texts) -> Hole {
        match self.state {
            State::Argument(remaining) if bytes <= remaining => {
                self.size.missed(bytes, lost);
                self.torn = true;
                self.last_at = at;
                match self.passed(bytes, remaining, 0, texts) {
                    Step::Done(_) => Hole::End,
                    _ => Hole::Inside,
                }
            }
            State::Argument(remaining) => {
                self.size.missed(remaining, lost);
                Hole::Beyond
            }
            State::Header | State::Count | State::Inline => Hole::Beyond,
            State::Start | State::Lost => Hole::Between,
        }
    }
}

/// The words of a line: parted by spaces, unless in quotation marks of either kind.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        let quote = *rest.first()?;
        if !matches!(quote, b'"' | b'\'') {
            let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            return Some(word);
        }
        let mut escaped = false;
        let end = rest.iter().skip(1).position(|&byte| {
            let ends = byte == quote && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        // A quotation mark that is not closed is an error, to which the server answers.
        let end = end.map_or(rest.len(), |end| end + 1);
        let word = &rest[1..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        Some(word)
    })
}

/// Whether the start of a segment starts a command, on a stream of which that is not known.
pub(super) fn resumes(bytes: &[u8]) -> bool {
    if bytes.first() != Some(&b'*') {
        let Some(end) = memchr(b'\n', bytes) else { return false };
        let line = &bytes[..end];
        let is_text = line.strip_suffix(b"\r").unwrap_or(line).iter().all(|byte| (0x20..0x7f).contains(byte));
        return is_text && words(line).next().is_some_and(|name| table::find(name).is_some());
    }
    match first_argument(bytes) {
        Some((_, name)) => table::find(name).is_some(),
        None => false,
    }
}

/// How many arguments a command has and the first of them, if all of that is there.
pub(super) fn first_argument(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let Header::Whole(Length::Known(count), taken) = header(bytes) else { return None };
    let rest = &bytes[taken..];
    if rest.first() != Some(&b'$') {
        return None;
    }
    let Header::Whole(Length::Known(length), taken) = header(rest) else { return None };
    let end = taken.checked_add(usize::try_from(length).ok()?)?;
    (rest.get(end..end.checked_add(2)?)? == b"\r\n").then(|| (count, &rest[taken..end]))
}
