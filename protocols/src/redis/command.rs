//! One command while its arguments pass: its name and the names of what it works on are kept, values become `?`.

use super::{
    line,
    table::{self, Kind, Shape, Spec},
};

use crate::texts::Texts;

/// Bytes of the masked text that are kept of one command. The rest of a command with a thousand keys says no more.
pub(super) const TEXT_LIMIT: usize = 512;

/// Bytes of one argument that are kept.
pub(super) const ARGUMENT_KEEP: usize = 128;

/// Longest name of a command that is shown: the longest known has 20 letters.
const NAME_LIMIT: usize = 64;

/// What stands for what was left out.
const CUT: &[u8] = b"...";

/// The command under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Command {
    spec: Spec,
    /// Where its text starts.
    pub(super) start: u64,
    /// Length of its text.
    pub(super) length: u16,
    /// Length of its name, with which the text begins. Zero while that is not known.
    pub(super) name: u8,
    /// Arguments that have passed, the name included.
    passed: usize,
    /// Arguments that were announced, the name included.
    count: usize,
    /// What it does to the connection.
    pub(super) kind: Kind,
    /// A database (`SELECT`), or how many channels (`SUBSCRIBE` and its kin).
    pub(super) number: Option<u32>,
    /// Where the first argument stands in the text and how long it is, for a procedure.
    pub(super) procedure: (u16, u16),
    /// The place of the argument behind which keys are counted off, and up to which.
    keys_after: usize,
    keys_until: usize,
    /// A subcommand's first letters told that one of `Kind`'s special cases may follow.
    special: bool,
    full: bool,
}

impl Command {
    /// A command of so many arguments, its name included.
    pub(super) fn new(count: usize, texts: &Texts) -> Self {
        Self {
            spec: table::UNKNOWN,
            start: texts.end(),
            length: 0,
            name: 0,
            passed: 0,
            count,
            kind: Kind::Plain,
            number: None,
            procedure: (0, 0),
            keys_after: usize::MAX,
            keys_until: 0,
            special: false,
            full: false,
        }
    }

    /// Whether all arguments have passed.
    #[inline]
    pub(super) fn is_whole(&self) -> bool {
        self.passed >= self.count
    }

    /// The next argument. `whole` says that `bytes` is all of it, and not only its beginning.
    #[inline]
    pub(super) fn argument(&mut self, bytes: &[u8], whole: bool, texts: &mut Texts) {
        let place = self.passed;
        self.passed += 1;
        if place == 0 {
            self.named(bytes, whole, texts);
        } else if self.is_shown(place, bytes, whole) {
            self.show(bytes, whole, texts);
        } else {
            self.write(b" ?", texts);
        }
        if self.passed == self.count {
            self.end();
        }
    }

    fn named(&mut self, bytes: &[u8], whole: bool, texts: &mut Texts) {
        let shown = &bytes[..bytes.len().min(NAME_LIMIT)];
        if let Some(spec) = table::find(bytes).filter(|_| whole) {
            self.spec = spec;
            self.kind = spec.kind;
        }
        texts.push(shown);
        self.name = u8::try_from(shown.len()).unwrap_or(u8::MAX);
        self.length = u16::from(self.name);
    }

    fn is_shown(&mut self, place: usize, bytes: &[u8], whole: bool) -> bool {
        match self.spec.shape {
            Shape::None => false,
            Shape::All => self.all(place, bytes),
            Shape::First(count) => place <= count,
            Shape::ButLast => place + 1 < self.count,
            Shape::KeyValue => place % 2 == 1,
            Shape::FieldValue => place == 1 || place.is_multiple_of(2),
            Shape::Counted(at) => self.counted(at, place, bytes, whole),
            Shape::NamedCounted(at) => place == 1 || self.counted(at, place, bytes, whole),
            Shape::Streams => self.streams(place, bytes),
            Shape::Subcommand => place == 1 && self.subcommand(bytes) || place == 2 && self.switch(bytes),
            Shape::SubcommandKey => place == 1 && self.subcommand(bytes) || place == 2,
            Shape::Only(known) => {
                place == 1 && known.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(bytes))
            }
        }
    }

    fn all(&mut self, place: usize, bytes: &[u8]) -> bool {
        if self.kind == Kind::Select {
            let number = line::number(bytes).and_then(|number| u32::try_from(number).ok());
            self.number = number.filter(|_| place == 1 && self.count == 2);
            return number.is_some();
        }
        true
    }

    fn counted(&mut self, at: usize, place: usize, bytes: &[u8], whole: bool) -> bool {
        if place != at {
            return place > self.keys_after && place <= self.keys_until;
        }
        let Some(keys) = line::number(bytes).filter(|_| whole) else { return false };
        self.keys_after = at;
        self.keys_until = at.saturating_add(usize::try_from(keys).unwrap_or(usize::MAX));
        true
    }

    fn streams(&mut self, place: usize, bytes: &[u8]) -> bool {
        if self.keys_after != usize::MAX {
            return place <= self.keys_until;
        }
        if bytes.eq_ignore_ascii_case(b"STREAMS") {
            self.keys_after = place;
            self.keys_until = place.saturating_add(self.count.saturating_sub(place + 1) / 2);
            return true;
        }
        if bytes.eq_ignore_ascii_case(b"BLOCK") {
            self.kind = Kind::Blocking;
            return true;
        }
        false
    }

    fn subcommand(&mut self, bytes: &[u8]) -> bool {
        match self.kind {
            Kind::Client => self.special = bytes.eq_ignore_ascii_case(b"REPLY"),
            Kind::Replication if bytes.eq_ignore_ascii_case(b"ACK") => self.kind = Kind::Acknowledge,
            _ => {}
        }
        bytes.len() <= 24
            && bytes.iter().all(|&byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'))
    }

    /// The argument of `CLIENT REPLY`.
    fn switch(&mut self, bytes: &[u8]) -> bool {
        if !self.special || self.count != 3 {
            return false;
        }
        let switches =
            [(&b"ON"[..], Kind::ReplyOn), (&b"OFF"[..], Kind::ReplyOff), (&b"SKIP"[..], Kind::ReplySkip)];
        match switches.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(bytes)) {
            Some((_, kind)) => {
                self.kind = kind;
                true
            }
            None => false,
        }
    }

    fn show(&mut self, bytes: &[u8], whole: bool, texts: &mut Texts) {
        let shown = &bytes[..bytes.len().min(ARGUMENT_KEEP)];
        let cut = !whole || shown.len() < bytes.len();
        let length = shown.len() + usize::from(cut) * CUT.len() + 1;
        if self.full || usize::from(self.length) + length > TEXT_LIMIT - 1 - CUT.len() {
            return self.fill(texts);
        }
        texts.push(b" ");
        let start = self.length + 1;
        if shown.is_empty() && !cut {
            self.length += 1;
            return self.write(b"\"\"", texts);
        }
        texts.push(shown);
        if cut {
            texts.push(CUT);
        }
        self.length += u16::try_from(length).unwrap_or_default();
        if self.kind == Kind::Procedure && self.passed == 2 {
            self.procedure = (start, u16::try_from(length - 1).unwrap_or_default());
        }
    }

    fn write(&mut self, text: &[u8], texts: &mut Texts) {
        if self.full || usize::from(self.length) + text.len() > TEXT_LIMIT - 1 - CUT.len() {
            return self.fill(texts);
        }
        texts.push(text);
        self.length += u16::try_from(text.len()).unwrap_or_default();
    }

    fn fill(&mut self, texts: &mut Texts) {
        if !self.full {
            self.full = true;
            texts.push(b" ");
            texts.push(CUT);
            self.length += 1 + u16::try_from(CUT.len()).unwrap_or_default();
        }
    }

    fn end(&mut self) {
        if matches!(self.kind, Kind::Subscribe(_) | Kind::Unsubscribe(_)) {
            self.number = u32::try_from(self.count.saturating_sub(1)).ok();
        }
    }
}

/// Whether a name can be one of a command: letters, digits and a few signs.
pub(super) fn is_name(bytes: &[u8]) -> bool {
    (1..=NAME_LIMIT).contains(&bytes.len())
        && bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes
            .iter()
            .all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'|' | b':'))
}
