//! One line of the client's: which command it is, what follows it, and what may be shown of it.

use super::message::{Answered, Tokens, digest};
use crate::texts::Texts;

/// Bytes of the masked text that are kept of one command.
pub(super) const TEXT_LIMIT: usize = 512;

/// Longest name of a command that is shown, and longest key: servers take no longer ones.
const NAME_LIMIT: usize = 32;
const KEY_LIMIT: usize = 250;

/// What stands for what was left out.
const CUT: &[u8] = b" ...";

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// `get`, `gets`.
    Get,
    /// `gat`, `gats`: the same, and touches.
    GetAndTouch,
    /// `set` and its kin: data follow.
    Store,
    /// `delete`.
    Delete,
    /// `incr`, `decr`.
    Arithmetic,
    /// `touch`.
    Touch,
    /// `mg`.
    MetaGet,
    /// `ms`: data follow.
    MetaSet,
    /// `md`.
    MetaDelete,
    /// `ma`.
    MetaArithmetic,
    /// `mn`.
    MetaNoOperation,
    /// `me`.
    MetaDebug,
    /// `stats` and others that have subcommands.
    Subcommand,
    /// `version`, `flush_all` and others without a key.
    Plain,
    /// `quit`, which has no answer.
    Quit,
    /// `watch`: what follows its answer is a log.
    Watch,
    /// None that is known.
    Unknown,
}

/// What is understood of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) verb: Verb,
    /// Bytes of data that follow, the end of the line after them not counted.
    pub(super) data: Option<u64>,
    pub(super) answered: Answered,
    pub(super) keys: u32,
    pub(super) tokens: Tokens,
    /// Length of its text, and of its name with which that begins.
    pub(super) length: u16,
    pub(super) name: u8,
}

impl Verb {
    /// A command by its name, which servers read with case.
    pub(super) fn find(name: &[u8]) -> Self {
        match name {
            b"get" | b"gets" => Self::Get,
            b"gat" | b"gats" => Self::GetAndTouch,
            b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => Self::Store,
            b"delete" => Self::Delete,
            b"incr" | b"decr" => Self::Arithmetic,
            b"touch" => Self::Touch,
            b"mg" => Self::MetaGet,
            b"ms" => Self::MetaSet,
            b"md" => Self::MetaDelete,
            b"ma" => Self::MetaArithmetic,
            b"mn" => Self::MetaNoOperation,
            b"me" => Self::MetaDebug,
            b"stats" | b"lru_crawler" | b"lru" | b"slabs" | b"extstore" => Self::Subcommand,
            b"version" | b"flush_all" | b"verbosity" | b"cache_memlimit" | b"refresh_certs"
            | b"misbehave" => Self::Plain,
            b"quit" | b"shutdown" => Self::Quit,
            b"watch" => Self::Watch,
            _ => Self::Unknown,
        }
    }

    const fn is_meta(self) -> bool {
        matches!(
            self,
            Self::MetaGet | Self::MetaSet | Self::MetaDelete | Self::MetaArithmetic | Self::MetaDebug
        )
    }
}

/// The words of a line.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b' ').filter(|word| !word.is_empty())
}

/// A number, if the text is nothing else.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter()
        .try_fold(0, |value: u64, digit| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0')))
}

/// Whether a word can be the name of a command.
pub(super) fn is_name(word: &[u8]) -> bool {
    (1..=NAME_LIMIT).contains(&word.len())
        && word.first().is_some_and(u8::is_ascii_alphabetic)
        && word.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Reads a line, its end not included. `None` if it is no command.
pub(super) fn read(line: &[u8], texts: &mut Texts) -> Option<Line> {
    let mut words = words(line);
    let name = words.next().filter(|name| is_name(name))?;
    let verb = Verb::find(name);
    let mut read = Line {
        verb,
        data: None,
        answered: Answered::Yes,
        keys: 0,
        tokens: Tokens::default(),
        length: 0,
        name: u8::try_from(name.len()).unwrap_or_default(),
    };
    let mut text = Text { texts, length: 0, full: false };
    text.push(name);
    match verb {
        Verb::Get => read.each_key(words, &mut text),
        Verb::GetAndTouch => {
            if words.next().is_some() {
                text.push(b" ?");
            }
            read.each_key(words, &mut text);
        }
        Verb::Subcommand => text.subcommand(words),
        Verb::MetaNoOperation => {}
        Verb::Plain | Verb::Watch | Verb::Unknown | Verb::Quit => {
            let mut last = None;
            for word in words {
                last = Some(word);
                if word != b"noreply" {
                    text.push(b" ?");
                }
            }
            if verb == Verb::Quit || verb == Verb::Plain && last == Some(b"noreply") {
                read.answered = Answered::No;
            }
        }
        _ => {
            if let Some(key) = words.next() {
                read.keys = 1;
                text.key(key);
                if verb.is_meta() {
                    read.meta(key, words, &mut text);
                } else {
                    read.classic(words, &mut text);
                }
            }
        }
    }
    read.length = text.length;
    Some(read)
}

impl Line {
    fn each_key<'a>(&mut self, keys: impl Iterator<Item = &'a [u8]>, text: &mut Text<'_>) {
        for key in keys {
            self.keys = self.keys.saturating_add(1);
            text.key(key);
        }
    }

    /// What follows the key of a command of the first kind.
    fn classic<'a>(&mut self, words: impl Iterator<Item = &'a [u8]>, text: &mut Text<'_>) {
        let mut last = None;
        for (place, word) in words.enumerate() {
            last = Some(word);
            if self.verb == Verb::Store && place == 2 {
                self.data = number(word);
            }
        }
        if last == Some(b"noreply") {
            self.answered = Answered::No;
        }
        if last.is_some() {
            text.push(b" ?");
        }
    }

    /// What follows the key of a meta command: flags of one letter, some with a token after it.
    fn meta<'a>(&mut self, key: &[u8], mut words: impl Iterator<Item = &'a [u8]>, text: &mut Text<'_>) {
        if self.verb == Verb::MetaSet {
            self.data = words.next().and_then(number);
            text.push(b" ?");
        }
        for word in words {
            let Some((&flag, token)) = word.split_first() else { continue };
            match flag {
                b'q' => self.answered = Answered::Maybe,
                b'k' => self.tokens.key = Some(digest(key)),
                b'O' => self.tokens.opaque = Some(digest(token)),
                _ => {}
            }
            if flag.is_ascii_alphabetic() {
                text.parts([&[b' ', flag], if token.is_empty() { b"" } else { b"?" }]);
            } else {
                text.push(b" ?");
            }
        }
    }
}

/// A text under way.
struct Text<'a> {
    texts: &'a mut Texts,
    length: u16,
    full: bool,
}

impl Text<'_> {
    /// Adds a part, or that there is more.
    fn push(&mut self, part: &[u8]) {
        self.parts([part, b""]);
    }

    fn key(&mut self, key: &[u8]) {
        self.parts([b" ", &key[..key.len().min(KEY_LIMIT)]]);
    }

    fn parts(&mut self, parts: [&[u8]; 2]) {
        let length = parts[0].len() + parts[1].len();
        if self.full {
            return;
        }
        if usize::from(self.length) + length + CUT.len() > TEXT_LIMIT {
            self.full = true;
            self.append(CUT);
            return;
        }
        for part in parts {
            self.append(part);
        }
    }

    fn append(&mut self, part: &[u8]) {
        self.texts.push(part);
        self.length += u16::try_from(part.len()).unwrap_or_default();
    }

    fn subcommand<'a>(&mut self, words: impl Iterator<Item = &'a [u8]>) {
        for (place, word) in words.enumerate() {
            let is_word = word.iter().all(|&byte| byte.is_ascii_alphabetic() || byte == b'_');
            if place == 0 && word.len() <= NAME_LIMIT && is_word {
                self.parts([b" ", word]);
            } else {
                self.push(b" ?");
            }
        }
    }
}
