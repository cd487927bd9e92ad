//! The client's stream cut into commands: lines, and the data after some of them.

use memchr::memchr;

use super::{
    command::{self, Line, Verb, is_name, number, words},
    message::Request,
};
use crate::{
    Timestamp,
    piped::{self, Hole, Step},
    placed::{Here, Size},
    texts::Texts,
};

/// Bytes of a line that are read. Only a `get` of many keys is longer: the rest of it is counted.
pub(super) const LINE_KEEP: usize = 2048;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a line, or before one.
    Line,
    /// So many bytes of data, and of the line's end after them, are to come.
    Data(u64),
    /// It is not known where a command starts.
    Lost,
}

/// The client's stream.
#[derive(Debug)]
pub(super) struct Commands {
    state: State,
    line: Vec<u8>,
    under_way: bool,
    read: Option<(Line, u64)>,
    size: Size,
    start: Here,
    last_at: Timestamp,
    serial: u64,
}

impl Commands {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            state: if from_start { State::Line } else { State::Lost },
            line: Vec::new(),
            under_way: false,
            read: None,
            size: Size::default(),
            start: Here::default(),
            last_at: Timestamp::default(),
            serial: 0,
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.line.len()
    }

    /// Where the text of the command under way starts.
    pub(super) fn text_under_way(&self) -> Option<u64> {
        self.read.as_ref().map(|&(_, text)| text)
    }

    pub(super) fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Forgets the command under way; the next is looked for at the start of a segment.
    pub(super) fn lose(&mut self) {
        self.resume();
        self.state = State::Lost;
    }

    /// The next byte starts a command.
    pub(super) fn resume(&mut self) {
        self.state = State::Line;
        self.line.clear();
        self.under_way = false;
        self.read = None;
    }

    /// Reads on. `here` is where `bytes`, of which there is at least one, stand.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8], here: Here, texts: &mut Texts) -> Step {
        self.last_at = here.at;
        if !self.under_way {
            self.under_way = true;
            self.size = Size::starting(here);
            self.start = here;
        }
        match self.state {
            State::Line => self.line(bytes, texts),
            State::Data(remaining) => self.data(bytes, remaining),
            State::Lost => Step::Taken(bytes.len()),
        }
    }

    /// The command that has ended, and where it started.
    pub(super) fn take(&mut self) -> Option<(Request, Here)> {
        self.size.ended = Some(self.last_at);
        self.finish()
    }

    /// What there is of the command whose end was lost, if that is at least its line.
    pub(super) fn take_cut(&mut self) -> Option<(Request, Here)> {
        self.size.ended = None;
        let cut = self.finish();
        self.resume();
        cut
    }

    fn finish(&mut self) -> Option<(Request, Here)> {
        self.under_way = false;
        let (line, text) = self.read.take()?;
        self.serial += 1;
        let request = Request {
            size: self.size,
            text,
            length: line.length,
            name: line.name,
            verb: line.verb,
            answered: line.answered,
            keys: line.keys,
            tokens: line.tokens,
            serial: self.serial,
            contested: false,
        };
        Some((request, self.start))
    }

    fn line(&mut self, bytes: &[u8], texts: &mut Texts) -> Step {
        let end = memchr(b'\n', bytes);
        let taken = end.map_or(bytes.len(), |end| end + 1);
        self.size.took(taken);
        if end.is_some() && self.line.is_empty() {
            return self.understood(&bytes[..taken - 1], taken, texts);
        }
        let part = &bytes[..end.unwrap_or(taken)];
        let room = LINE_KEEP.saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        if end.is_none() {
            let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
            let name = words(line).next().unwrap_or_default();
            return if name.is_empty() || is_name(name) { Step::Taken(taken) } else { Step::Invalid };
        }
        let held = std::mem::take(&mut self.line);
        let step = self.understood(&held, taken, texts);
        self.line = held;
        self.line.clear();
        step
    }

    fn understood(&mut self, line: &[u8], taken: usize, texts: &mut Texts) -> Step {
        let text = texts.end();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Some(read) = command::read(line, texts) else {
            texts.truncate(text);
            return Step::Invalid;
        };
        self.read = Some((read, text));
        match read.data {
            Some(data) => {
                self.state = State::Data(data.saturating_add(2));
                Step::Taken(taken)
            }
            None => Step::Done(taken),
        }
    }

    fn data(&mut self, bytes: &[u8], remaining: u64) -> Step {
        let Some((_, taken)) = piped::data(bytes, remaining) else { return Step::Invalid };
        self.size.took(taken);
        self.passed(taken as u64, remaining, taken)
    }

    fn passed(&mut self, bytes: u64, remaining: u64, taken: usize) -> Step {
        let remaining = remaining.saturating_sub(bytes);
        if remaining > 0 {
            self.state = State::Data(remaining);
            return Step::Taken(taken);
        }
        self.state = State::Line;
        Step::Done(taken)
    }

    /// Bytes were not seen.
    pub(super) fn gap(&mut self, bytes: u64, lost: bool, at: Timestamp) -> Hole {
        match self.state {
            State::Data(remaining) if bytes <= remaining => {
                self.size.missed(bytes, lost);
                self.last_at = at;
                match self.passed(bytes, remaining, 0) {
                    Step::Done(_) => Hole::End,
                    _ => Hole::Inside,
                }
            }
            State::Data(remaining) => {
                self.size.missed(remaining, lost);
                Hole::Beyond
            }
            State::Line if self.under_way => Hole::Beyond,
            State::Line | State::Lost => Hole::Between,
        }
    }
}

/// Whether a line, its end not included, is a command that is known and well formed.
pub(super) fn is_command(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if !line.iter().all(|&byte| byte >= 0x20 && byte != 0x7f) {
        return false;
    }
    let mut words = words(line);
    let verb = Verb::find(words.next().unwrap_or_default());
    match verb {
        Verb::Unknown => false,
        Verb::GetAndTouch => numbers(&mut words, 1) && words.next().is_some(),
        Verb::Store => words.next().is_some() && numbers(&mut words, 3),
        Verb::MetaSet | Verb::Arithmetic | Verb::Touch => words.next().is_some() && numbers(&mut words, 1),
        Verb::Get | Verb::MetaGet | Verb::MetaDelete | Verb::MetaArithmetic | Verb::MetaDebug => {
            words.next().is_some()
        }
        // Another protocol of lines deletes jobs by number.
        Verb::Delete => words.next().is_some_and(|key| number(key).is_none()),
        Verb::MetaNoOperation | Verb::Quit => words.next().is_none(),
        Verb::Subcommand | Verb::Plain | Verb::Watch => true,
    }
}

fn numbers<'a>(words: &mut impl Iterator<Item = &'a [u8]>, count: usize) -> bool {
    (0..count)
        .all(|_| words.next().is_some_and(|word| number(word.strip_prefix(b"-").unwrap_or(word)).is_some()))
}
